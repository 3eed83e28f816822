"""The command line: options, words and exit codes. No logic stands here, and nothing heavy is imported at the top.

Every command reads a profile, calls one function and prints what it returns. All words are Russian; the exit code says
what the reader must do (see `etl.errors`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from etl import __version__
from etl.errors import EXIT_ATTENTION, EXIT_BUG, EXIT_CLEAN, EXIT_LATER, EtlError

if TYPE_CHECKING:
    from etl.profile import Profile

FLOWS = ("parties", "products", "orders-out", "documents-in", "bank", "spreadsheet-in", "billing", "commission")
_LARGE = 20_000_000
MONTH = click.option("--month", metavar="ГГГГ-ММ", help="Месяц, например 2026-11; без него текущий.")
JSON = click.option("--json", "as_json", is_flag=True, help="Ответ для программы (JSON).")


class Commands(click.Group):
    """Runs a command and turns what it raised into Russian words and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EtlError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 the last line of defence: a bug must not print a portal's data
            _bug(ctx, error)


def _bug(ctx: click.Context, error: Exception) -> NoReturn:
    from etl import crash

    where = crash.report(error, ctx.params.get("profile"))
    click.echo(f"Ошибка в программе ({type(error).__name__}). Ничего не потеряно: следующий запуск продолжит. "
               f"Пришлите разработчику файл {where}.", err=True)
    ctx.exit(EXIT_BUG)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--profile", "-p", type=click.Path(path_type=Path, dir_okay=False), envvar="OBMEN24_PROFILE",
              default=Path("obmen24.toml"), show_default=True, help="Файл профиля.")
@click.version_option(__version__, prog_name="obmen24", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, profile: Path) -> None:
    """Обмен между Битрикс24 и 1С:Предприятием через файлы и REST."""
    ctx.obj = profile


def _profile(ctx: click.Context) -> Profile:
    from etl import profile

    return profile.load(ctx.obj)


def _connected(ctx: click.Context) -> Profile:
    """The profile with a portal to talk to: for a sandbox profile the embedded one, for as long as the command runs."""
    profile = _profile(ctx)
    if profile.bitrix24.sandbox is None:
        return profile
    from etl.sandbox import rehearsal

    return ctx.with_resource(rehearsal.staged(profile)).profile


def _finish(ctx: click.Context, report: Any, *, summary: bool, as_json: bool = False) -> NoReturn:
    """Print a run's report (always on a terminal, else only what needs attention) and leave with its exit code."""
    if as_json:
        click.echo(report.json())
    elif summary or sys.stdout.isatty() or report.exit_code != EXIT_CLEAN:
        click.echo(report.text())
    ctx.exit(report.exit_code)


@main.command()
@click.option("--create-fields", is_flag=True, help="Создать в портале поля, которых ждёт профиль.")
@click.option("--templates", is_flag=True, help="Загрузить в портал шаблон печатной формы счёта.")
@click.option("--from", "sample", type=click.Choice(["video", "video-bp", "prepaid", "leads", "twoway"]), help="Образец профиля.")
@click.pass_context
def init(ctx: click.Context, create_fields: bool, templates: bool, sample: str | None) -> None:
    """Создать профиль из образца (спросит главное) или подготовить портал."""
    from etl import setup

    if create_fields or templates:
        click.echo(setup.prepare_portal(_connected(ctx), fields=create_fields, templates=templates))
        return
    chosen = sample or click.prompt("Образец", type=click.Choice(setup.SAMPLES), default="video")
    questions = {name: click.prompt(text, default=default) for name, text, default in setup.questions()}
    click.echo(setup.create(ctx.obj, chosen, questions))


@main.command()
@JSON
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Проверить профиль: портал, папку обмена, возможности 1С."""
    from etl import check as checking

    result = checking.check(_profile(ctx))
    click.echo(result.json() if as_json else result.text())
    ctx.exit(result.exit_code)


@main.command()
@click.argument("flows", nargs=-1, type=click.Choice(FLOWS))
@MONTH
@JSON
@click.pass_context
def plan(ctx: click.Context, flows: tuple[str, ...], month: str | None, as_json: bool) -> None:
    """Показать, что изменит run, ничего не меняя."""
    from etl import pipeline

    _finish(ctx, pipeline.run(_connected(ctx), flows=flows, month=month, trigger="plan", dry=True), summary=True, as_json=as_json)


@main.command()
@click.argument("flows", nargs=-1, type=click.Choice(FLOWS))
@MONTH
@click.option("--accept", is_flag=True, help="Разрешить больше перезаписей, чем допускает ограничитель.")
@click.option("--summary", is_flag=True, help="Напечатать итог, даже если всё спокойно.")
@JSON
@click.pass_context
def run(ctx: click.Context, flows: tuple[str, ...], month: str | None, accept: bool, summary: bool, as_json: bool) -> None:
    """Выполнить обмен: все потоки профиля или названные."""
    from etl import idle

    if flows and idle.nothing_to_do(ctx.obj, flows):
        click.echo(idle.TEXT if summary else "", nl=summary)
        return
    profile = _profile(ctx)
    if profile.bitrix24.sandbox and not flows:
        from etl.sandbox import rehearsal

        click.echo(rehearsal.rehearse(profile, month=month).text())
        return
    from etl import pipeline

    report = pipeline.run(_connected(ctx), flows=flows, month=month, trigger="cli", accept=accept)
    _finish(ctx, report, summary=summary, as_json=as_json)


@main.command()
@click.option("--interval", default=60, show_default=True, help="Секунд между полными осмотрами папки.")
@click.pass_context
def watch(ctx: click.Context, interval: int) -> None:
    """Следить за папкой обмена и выполнять обмен, когда в ней что-то появилось."""
    from etl import pipeline

    pipeline.watch(_connected(ctx), interval=interval, say=click.echo)


@main.command()
@MONTH
@click.option("--accept", is_flag=True, help="Разрешить больше перезаписей, чем допускает ограничитель.")
@click.pass_context
def bill(ctx: click.Context, month: str | None, accept: bool) -> None:
    """Начислить абонентскую плату за месяц."""
    from etl import pipeline

    report = pipeline.run(_connected(ctx), flows=("billing",), month=month, trigger="bill", accept=accept, force_billing=True)
    _finish(ctx, report, summary=True)


@main.command()
@MONTH
@click.pass_context
def register(ctx: click.Context, month: str | None) -> None:
    """Записать реестр месяца для бухгалтера ещё раз."""
    from etl import pipeline

    for path in pipeline.register(_connected(ctx), month=month):
        click.echo(f"Записан {path}. Откройте его и сверьте итоги.")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@MONTH
@click.pass_context
def convert(ctx: click.Context, files: tuple[Path, ...], month: str | None) -> None:
    """Начислить по выгрузке сделок, сохранённой из Битрикс24 (Excel, CSV), без доступа к порталу."""
    from etl import pipeline

    _finish(ctx, pipeline.convert(_profile(ctx), files, month=month), summary=True)


@main.command()
@MONTH
@click.pass_context
def reconcile(ctx: click.Context, month: str | None) -> None:
    """Сверить портал, 1С, реестр и банк за месяц, до копейки."""
    from etl import pipeline

    _finish(ctx, pipeline.reconcile(_connected(ctx), month=month), summary=True)


@main.command()
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


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dialect", help="Наша схема файлов для ut103, ut11, unf3, bitrix3; без неё правила версии, которую называет файл.")
@click.pass_context
def validate(ctx: click.Context, files: tuple[Path, ...], dialect: str | None) -> None:
    """Проверить файлы CommerceML по правилам их версии или по нашей схеме."""
    from etl import inspecting

    findings = {path: inspecting.validate(path, dialect) for path in files}
    click.echo(inspecting.validation_text(findings))
    ctx.exit(EXIT_ATTENTION if any(findings.values()) else EXIT_CLEAN)


@main.command()
@click.option("--max-age", type=int, help="Минут; если последний удачный обмен старше, код возврата 75.")
@JSON
@click.pass_context
def status(ctx: click.Context, max_age: int | None, as_json: bool) -> None:
    """Когда был последний удачный обмен и что ждёт человека."""
    from etl import status as state

    found = state.read(ctx.obj)
    click.echo(state.json_text(found) if as_json else state.text(found, max_age))
    ctx.exit(EXIT_LATER if state.too_old(found, max_age) else EXIT_CLEAN)


@main.command()
@click.argument("entity")
@click.argument("key")
@JSON
@click.pass_context
def why(ctx: click.Context, entity: str, key: str, as_json: bool) -> None:
    """Рассказать по журналу, что и почему произошло: obmen24 why deal 123."""
    from etl import people

    click.echo(people.why(_profile(ctx), entity, key, as_json=as_json))


@main.command()
@click.argument("question", required=False)
@click.argument("answer", required=False)
@click.pass_context
def ask(ctx: click.Context, question: str | None, answer: str | None) -> None:
    """Вопросы, на которые может ответить только человек; с номером и ответом запоминает ответ."""
    from etl import people

    click.echo(people.answer(_profile(ctx), question, answer) if question else people.questions(_profile(ctx)))


@main.command()
@click.argument("entity")
@click.argument("portal_id")
@click.argument("onec_id")
@click.pass_context
def link(ctx: click.Context, entity: str, portal_id: str, onec_id: str) -> None:
    """Связать запись портала с записью 1С: obmen24 link company 15 <Ид>."""
    from etl import people

    click.echo(people.link(_profile(ctx), entity, portal_id, onec_id))


@main.command()
@click.argument("numbers", nargs=-1, required=True)
@click.pass_context
def confirm(ctx: click.Context, numbers: tuple[str, ...]) -> None:
    """Подтвердить акты вознаграждения по номерам (A1-123), если профиль ждёт человека."""
    from etl import people

    click.echo(people.confirm(_profile(ctx), numbers))


@main.command()
@click.option("--accept", is_flag=True, help="Восстановить, даже если архив объясняет не всё.")
@click.pass_context
def restore(ctx: click.Context, accept: bool) -> None:
    """Восстановить реестр начислений и вознаграждений из архива после потери состояния."""
    from etl import pipeline

    _finish(ctx, pipeline.restore(_connected(ctx), accept=accept), summary=True)


@main.command()
@click.argument("files", nargs=-1)
@click.pass_context
def retry(ctx: click.Context, files: tuple[str, ...]) -> None:
    """Вернуть файлы из карантина в обмен (все или названные) после исправления причины."""
    from etl import people

    click.echo(people.retry(_profile(ctx), files))


@main.command()
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


COMMANDS: dict[str, Callable[..., Any]] = dict(main.commands)
