"""Commands that look into exchange files, and the portal to rehearse with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from etl.cli.shared import JSON
from etl.errors import EXIT_ATTENTION, EXIT_CLEAN

_LARGE = 20_000_000
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
    from etl.commands import inspect as inspecting

    if repair:
        said, well = inspecting.repair(files)
        click.echo("\n".join(said))
        ctx.exit(EXIT_CLEAN if well else EXIT_ATTENTION)
    with _bar(files) as tell:
        findings = [
            inspecting.inspect(path, limit=limit, tell=tell and partial(tell, path)) for path in files
        ]
    click.echo(inspecting.json_text(findings) if as_json else inspecting.text(findings))
    ctx.exit(EXIT_ATTENTION if any(found["refused"] for found in findings) else EXIT_CLEAN)


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
    from etl.commands import inspect as inspecting
    from etl.commands import validate as validating

    with _bar(files) as tell:
        verdicts = [validating.validate(path, dialect, tell=tell and partial(tell, path)) for path in files]
    click.echo(inspecting.json_text(verdicts) if as_json else validating.text(verdicts))
    ctx.exit(EXIT_CLEAN if all(map(validating.clean, verdicts)) else EXIT_ATTENTION)


@click.command()
@click.option("--port", metavar="ЧИСЛО", default=0, help="Порт; 0 = свободный.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Папка с состоянием песочницы."
)
@click.option("--deals", metavar="ЧИСЛО", type=int, help="Создать портал с таким числом сделок.")
@click.option(
    "--seed", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON с данными портала."
)
@click.option(
    "--tls-cert", type=click.Path(path_type=Path, exists=True), help="Сертификат (вместе с --tls-key)."
)
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True), help="Ключ сертификата.")
@click.option("--rate", metavar="ЧИСЛО", default=2.0, show_default=True, help="Запросов в секунду.")
@click.option("--burst", metavar="ЧИСЛО", default=50, show_default=True, help="Запас запросов.")
@click.option("--faults", type=click.Path(path_type=Path, exists=True), help="JSON с планом неисправностей.")
@JSON
def sandbox(as_json: bool, **options: Any) -> None:
    """Запустить учебный портал Битрикс24 на этом компьютере для репетиции."""
    from etl.commands import sandbox as serve

    serve.serve(say=click.echo, as_json=as_json, **options)


@contextmanager
def _bar(files: tuple[Path, ...]) -> Iterator[Callable[[Path, float], None] | None]:
    """A progress bar over large files on a terminal, told the part of a file that is done; nothing elsewhere."""
    sizes = {path: _size(path) for path in files}
    if not sys.stderr.isatty() or sum(sizes.values()) < _LARGE:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task, done = bars.add_task("Чтение", total=sum(sizes.values())), dict.fromkeys(sizes, 0.0)

        def tell(path: Path, part: float) -> None:
            done[path] = max(done.get(path, 0.0), part)
            bars.update(
                task, completed=sum(sizes[each] * done[each] for each in sizes), description=path.name
            )

        yield tell


def _size(path: Path) -> int:
    """Bytes of a file; 0 for what cannot be asked, its command says why."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
