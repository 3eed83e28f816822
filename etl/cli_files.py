"""Commands that look into exchange files, and the portal to rehearse with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from etl.cli_shared import JSON
from etl.errors import EXIT_ATTENTION, EXIT_CLEAN

_LARGE = 20_000_000


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@JSON
@click.option("--limit", type=int, default=20, show_default=True, help="Сколько замечаний показать.")
@click.option("--repair", is_flag=True, help="Записать рядом копию без знаков, запрещённых в XML.")
@click.pass_context
def inspect(ctx: click.Context, files: tuple[Path, ...], as_json: bool, limit: int, repair: bool) -> None:
    """Показать, что лежит в файлах обмена: версия, кодировка, содержимое, замечания."""
    from etl import inspecting

    if repair:
        click.echo("\n".join(inspecting.repair(path) for path in files))
        return
    with _bar(files) as progress:
        findings = [inspecting.inspect(path, limit=limit, progress=progress) for path in files]
    click.echo(inspecting.json_text(findings) if as_json else inspecting.text(findings))
    ctx.exit(EXIT_ATTENTION if any(found["refused"] for found in findings) else EXIT_CLEAN)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dialect", help="Наша схема файлов для ut103, ut11, unf3, bitrix3; без неё правила версии, которую называет файл.")
@click.pass_context
def validate(ctx: click.Context, files: tuple[Path, ...], dialect: str | None) -> None:
    """Проверить файлы CommerceML по правилам их версии или по нашей схеме."""
    from etl import inspecting

    findings = {path: inspecting.validate(path, dialect) for path in files}
    click.echo(inspecting.validation_text(findings))
    ctx.exit(EXIT_ATTENTION if any(findings.values()) else EXIT_CLEAN)


@click.command()
@click.option("--port", default=0, help="Порт; 0 = свободный.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Папка с состоянием песочницы.")
@click.option("--deals", type=int, help="Создать портал с таким числом сделок.")
@click.option("--seed", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON с данными портала.")
@click.option("--tls-cert", type=click.Path(path_type=Path, exists=True), help="Сертификат (вместе с --tls-key).")
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True), help="Ключ сертификата.")
@click.option("--rate", default=2.0, show_default=True, help="Запросов в секунду.")
@click.option("--burst", default=50, show_default=True, help="Запас запросов.")
@click.option("--faults", type=click.Path(path_type=Path, exists=True), help="JSON с планом неисправностей.")
@JSON
def sandbox(as_json: bool, **options: Any) -> None:
    """Запустить учебный портал Битрикс24 на этом компьютере для репетиции."""
    from etl.sandbox import serve

    serve.serve(say=click.echo, as_json=as_json, **options)


@contextmanager
def _bar(files: tuple[Path, ...]) -> Iterator[Callable[[int], None] | None]:
    """A progress bar over the bytes of large files on a terminal; nothing elsewhere."""
    total = sum(path.stat().st_size for path in files)
    if not sys.stderr.isatty() or total < _LARGE:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task, seen = bars.add_task("Чтение", total=total), [0, 0]  # bytes of the files before, position in this one

        def position(now: int) -> None:
            seen[0] += seen[1] if now < seen[1] else 0
            seen[1] = now
            bars.update(task, completed=sum(seen))

        yield position
