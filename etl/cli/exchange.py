"""Commands that exchange or count: a plan, the watcher, accruals, registers, reconciliation, a lost state."""

from __future__ import annotations

from pathlib import Path

import click

from etl.cli.shared import FLOWS, JSON, MONTH, connected, finish, profile_of


@click.command()
@click.argument("flows", nargs=-1, metavar="[ПОТОК…]", type=click.Choice(FLOWS))
@MONTH
@JSON
@click.pass_context
def plan(ctx: click.Context, flows: tuple[str, ...], month: str | None, as_json: bool) -> None:
    """Показать, что изменит run, ничего не меняя."""
    from etl import pipeline

    report = pipeline.run(connected(ctx), flows=flows, month=month, trigger="plan", dry=True)
    finish(ctx, report, summary=True, as_json=as_json)


@click.command()
@click.option(
    "--interval",
    metavar="СЕКУНД",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    help="Время между полными осмотрами папки.",
)
@click.pass_context
def watch(ctx: click.Context, interval: int) -> None:
    """Следить за папкой обмена и выполнять обмен, когда в ней что-то появилось."""
    from etl import pipeline

    pipeline.watch(connected(ctx), interval=interval, say=click.echo)


@click.command()
@MONTH
@click.option("--accept", is_flag=True, help="Разрешить больше перезаписей, чем допускает ограничитель.")
@click.pass_context
def bill(ctx: click.Context, month: str | None, accept: bool) -> None:
    """Начислить абонентскую плату за месяц."""
    from etl import pipeline

    profile = connected(ctx)
    report = pipeline.run(
        profile, flows=("billing",), month=month, trigger="bill", accept=accept, force_billing=True
    )
    finish(ctx, report, summary=True)


@click.command()
@MONTH
@click.pass_context
def register(ctx: click.Context, month: str | None) -> None:
    """Записать реестр месяца для бухгалтера ещё раз."""
    from etl import pipeline

    for path in pipeline.register(connected(ctx), month=month):
        click.echo(f"Записан {path}. Откройте его и сверьте итоги.")


@click.command()
@click.argument(
    "files",
    nargs=-1,
    metavar="ФАЙЛ…",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@MONTH
@click.pass_context
def convert(ctx: click.Context, files: tuple[Path, ...], month: str | None) -> None:
    """Начислить по выгрузке сделок, сохранённой из Битрикс24 (Excel, CSV), без доступа к порталу."""
    from etl import pipeline

    report = pipeline.convert(profile_of(ctx), files, month=month)
    finish(ctx, report, summary=True)


@click.command()
@MONTH
@click.pass_context
def reconcile(ctx: click.Context, month: str | None) -> None:
    """Сверить портал, 1С, реестр и банк за месяц, до копейки."""
    from etl import pipeline

    report = pipeline.reconcile(connected(ctx), month=month)
    finish(ctx, report, summary=True)


@click.command()
@click.option("--accept", is_flag=True, help="Восстановить, даже если архив объясняет не всё.")
@click.pass_context
def restore(ctx: click.Context, accept: bool) -> None:
    """Восстановить реестр начислений и вознаграждений из архива после потери состояния."""
    from etl import pipeline

    report = pipeline.restore(connected(ctx), accept=accept)
    finish(ctx, report, summary=True)
