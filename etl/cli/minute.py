"""The two commands that machines call every minute: `run` and `status`.

They are alone in a module: whatever stands here is paid each time.
"""

from __future__ import annotations

import click

from etl.cli.shared import FLOWS, JSON, MONTH, connected, finish, profile_of, say_json
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
        if summary:
            click.echo(idle.TEXT)
        return
    profile = profile_of(ctx)
    if profile.bitrix24.sandbox and not flows:
        from etl.cli.words import rehearse as words
        from etl.commands import rehearse

        rehearsed = rehearse.rehearse(profile, month=month)
        told = words.text(rehearsed)
        click.echo(told)
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

    account = state.read(ctx.obj)
    is_stale = state.is_stale(account, max_age)
    if as_json:
        say_json(account)
    else:
        from etl.cli.words import status as words

        click.echo(words.text(account, stale_after=max_age if is_stale else None))
    ctx.exit(EXIT_LATER if is_stale else EXIT_CLEAN)
