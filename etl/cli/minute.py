"""The two commands that machines call every minute: `run` and `status`. Alone in a module: whatever stands here is paid each time."""

from __future__ import annotations

import click

from etl.cli.shared import FLOWS, JSON, MONTH, connected, finish, profile_of
from etl.errors import EXIT_CLEAN, EXIT_LATER


@click.command()
@click.argument("flows", nargs=-1, metavar="[ПОТОК…]", type=click.Choice(FLOWS))
@MONTH
@click.option("--accept", is_flag=True, help="Разрешить больше перезаписей, чем допускает ограничитель.")
@click.option("--summary", is_flag=True, help="Напечатать итог, даже если всё спокойно.")
@JSON
@click.pass_context
def run(
    ctx: click.Context, flows: tuple[str, ...], month: str | None, accept: bool, summary: bool, as_json: bool
) -> None:
    """Выполнить обмен: все потоки профиля или названные."""
    from etl import idle

    if flows and idle.nothing_to_do(ctx.obj, flows):
        click.echo(idle.TEXT if summary else "", nl=summary)
        return
    profile = profile_of(ctx)
    if profile.bitrix24.sandbox and not flows:
        from etl.commands import rehearse

        click.echo(rehearse.rehearse(profile, month=month).text())
        return
    from etl import pipeline

    report = pipeline.run(connected(ctx), flows=flows, month=month, trigger="cli", accept=accept)
    finish(ctx, report, summary=summary, as_json=as_json)


@click.command()
@click.option(
    "--max-age", metavar="МИНУТ", type=int, help="Если последний удачный обмен старше, код возврата 75."
)
@JSON
@click.pass_context
def status(ctx: click.Context, max_age: int | None, as_json: bool) -> None:
    """Когда был последний удачный обмен и что ждёт человека."""
    from etl.commands import status as state

    found = state.read(ctx.obj)
    click.echo(state.json_text(found) if as_json else state.text(found, max_age))
    ctx.exit(EXIT_LATER if state.too_old(found, max_age) else EXIT_CLEAN)
