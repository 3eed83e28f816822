"""What several commands share: options, the profile they were given, and how a run's report is printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from etl.errors import EXIT_CLEAN

if TYPE_CHECKING:
    from etl.config.profile import Profile
    from etl.report import RunReport

FLOWS = (
    "parties",
    "products",
    "orders-out",
    "documents-in",
    "bank",
    "spreadsheet-in",
    "billing",
    "commission",
)


def _as_month(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A month as people write it: 2026-11, 11.2026, «ноябрь 2026», «ноябрь» (the nearest). Gives 2026-11."""
    found = None if value is None else _month(value.strip())
    if value is not None and found is None:
        raise click.BadParameter(
            f"«{value}» не месяц. Напишите его так: 2026-11, 11.2026 или «ноябрь 2026».", ctx, param
        )
    return found


def _month(said: str) -> str | None:
    import datetime as dt
    import re

    from etl.transform.money import months

    if iso := re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", said):
        return iso[0]
    period = months.read(f"за {said}")
    if period.unclear or len(period.months) != 1:
        return None
    year, month = period.months[0]
    today = dt.datetime.now().astimezone()
    if year is None:
        distance = month - today.month
        year = today.year + (distance < -6) - (distance > 6)
    return f"{year}-{month:02}" if 2000 <= year <= 2100 else None


MONTH = click.option(
    "--month", callback=_as_month, metavar="ГГГГ-ММ", help="Месяц, например 2026-11; без него текущий."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Ответ для программы (JSON).")


def profile_of(ctx: click.Context) -> Profile:
    """The profile named on the command line, read and validated."""
    from pathlib import Path

    from etl.config import profile

    return profile.load(Path(ctx.obj))


def connected(ctx: click.Context) -> Profile:
    """The profile with a portal to talk to: of a sandbox profile the embedded one, while the command runs."""
    from etl.commands.reach import reachable

    return ctx.with_resource(reachable(profile_of(ctx)))


def say_json(answer: Any) -> None:
    """Print an answer for a program."""
    import json

    click.echo(json.dumps(answer, ensure_ascii=False, default=str, indent=1))


def finish(ctx: click.Context, report: RunReport, *, summary: bool, as_json: bool = False) -> NoReturn:
    """Print a run's report and leave with its exit code.

    Always on a terminal or with `summary`, else only what needs attention: cron mails whatever is printed.
    """
    if as_json:
        click.echo(report.json())
    elif summary or sys.stdout.isatty() or report.exit_code != EXIT_CLEAN:
        click.echo(report.text())
    ctx.exit(report.exit_code)
