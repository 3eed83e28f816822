"""Commands that look into exchange files, and the portal to rehearse with."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.cli.progress import Tell, bar
from etl.cli.shared import JSON, say_json
from etl.errors import EXIT_ATTENTION, EXIT_CLEAN

if TYPE_CHECKING:
    from etl.commands.inspect import Finding
    from etl.commands.validate import Verdict

#: dialects that have a schema of ours
SCHEMAS = ("ut103", "ut11", "unf3", "bitrix3")
_FILES = click.argument("files", nargs=-1, metavar="ФАЙЛ…", required=True, type=click.Path(path_type=Path))


@click.command()
@_FILES
@JSON
@click.option(
    "--limit",
    metavar="ЧИСЛО",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Сколько замечаний показать.",
)
@click.option("--repair", is_flag=True, help="Записать рядом копию без знаков, запрещённых в XML.")
@click.pass_context
def inspect(ctx: click.Context, files: tuple[Path, ...], as_json: bool, limit: int, repair: bool) -> None:
    """Показать, что лежит в файлах обмена: версия, кодировка, содержимое, замечания."""
    if repair:
        _repair(ctx, files)
    from etl.cli.words import inspect as words
    from etl.commands import inspect as inspecting

    with bar(files) as tell:
        found = [inspecting.inspect(path, limit=limit, tell=_of(path, tell)) for path in files]
    if as_json:
        _say_each(found)
    else:
        click.echo(words.text(found))
    ctx.exit(EXIT_ATTENTION if any(one.refused for one in found) else EXIT_CLEAN)


def _repair(ctx: click.Context, files: tuple[Path, ...]) -> None:
    """Write the copies, say what became of each, and leave."""
    from etl.cli.words import inspect as words
    from etl.commands import repair as repairing

    done = [repairing.repair(path) for path in files]
    click.echo(words.repaired(done))
    any_refused = any(one.refused for one in done)
    ctx.exit(EXIT_ATTENTION if any_refused else EXIT_CLEAN)


@click.command()
@_FILES
@click.option(
    "--dialect",
    type=click.Choice(SCHEMAS),
    help="Ещё и по нашей схеме файлов для этой 1С; файл расширенного договора узнаётся сам.",
)
@JSON
@click.pass_context
def validate(ctx: click.Context, files: tuple[Path, ...], dialect: str | None, as_json: bool) -> None:
    """Проверить файлы CommerceML по правилам их версии и по нашей схеме."""
    from etl.cli.words import validate as words
    from etl.commands import validate as validating

    with bar(files) as tell:
        verdicts = [validating.validate(path, dialect, tell=_of(path, tell)) for path in files]
    if as_json:
        _say_each(verdicts)
    else:
        click.echo(words.text(verdicts))
    ctx.exit(EXIT_CLEAN if all(verdict.is_clean for verdict in verdicts) else EXIT_ATTENTION)


def _of(path: Path, tell: Tell | None) -> partial[None] | None:
    """What tells the progress of one of the files."""
    return partial(tell, path) if tell else None


def _say_each(found: list[Finding] | list[Verdict]) -> None:
    """For a program: an object for one file, a list for several."""
    records = [asdict(one) for one in found]
    say_json(records[0] if len(records) == 1 else records)


@click.command()
@click.option(
    "--port", metavar="ЧИСЛО", type=click.IntRange(0, 65535), default=0, help="Порт; 0 = свободный."
)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Папка с состоянием песочницы."
)
@click.option(
    "--deals", metavar="ЧИСЛО", type=click.IntRange(0), help="Создать портал с таким числом сделок."
)
@click.option(
    "--seed", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON с данными портала."
)
@click.option(
    "--tls-cert", type=click.Path(path_type=Path, exists=True), help="Сертификат (вместе с --tls-key)."
)
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True), help="Ключ сертификата.")
@click.option(
    "--rate",
    metavar="ЧИСЛО",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="Запросов в секунду.",
)
@click.option(
    "--burst",
    metavar="ЧИСЛО",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Запас запросов.",
)
@click.option("--faults", type=click.Path(path_type=Path, exists=True), help="JSON с планом неисправностей.")
@JSON
def sandbox(as_json: bool, **options: Any) -> None:
    """Запустить учебный портал Битрикс24 на этом компьютере для репетиции."""
    import json

    from etl.cli.words import rehearse as words
    from etl.commands import sandbox as embedded

    portal = embedded.build(embedded.Wanted(**options))
    if as_json:  # in one line: a program reads it while the portal goes on
        click.echo(json.dumps({"webhook": portal.webhook, "counts": portal.counts}, ensure_ascii=False))
    else:
        click.echo(words.portal(portal.webhook, portal.counts))
    portal.serve_forever()
