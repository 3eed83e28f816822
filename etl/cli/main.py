"""The command line: what it can do, and what a failure says.

A command reads its profile, if it has one, calls one function and prints what that returns. All words
are Russian; the exit code says what the reader must do (see `etl.errors`). The commands themselves are in
`etl.cli`: only the one that is called is imported, and nothing heavy at the top.
"""

from __future__ import annotations

from typing import Any, NoReturn

import click

from etl import __version__
from etl.cli import russian
from etl.errors import EXIT_BUG, EXIT_LATER, EtlError

russian.speak()
_OPTIONS = "[ПАРАМЕТРЫ]"


class Commands(click.Group):
    """Runs a command and turns what it raised into Russian words and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EtlError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except OSError as error:
            _disk(ctx, error)
        except Exception as error:  # noqa: BLE001 the last line of defence: a bug must not print a portal's data
            _bug(ctx, error)


class Later(click.Command):
    """A command as the list of commands shows it.

    Its options and its work are imported from `module` when it is called.
    """

    def __init__(self, name: str, module: str, told: str) -> None:
        super().__init__(name, help=told)
        self.module = module

    def real(self) -> click.Command:
        """The command itself."""
        from importlib import import_module

        command: click.Command = getattr(import_module(self.module), str(self.name))
        command.options_metavar = _OPTIONS
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Click enters a command here, be it to run it, to print its help or to complete a word."""
        return self.real().make_context(info_name, args, parent, **extra)


def _disk(ctx: click.Context, error: OSError) -> NoReturn:
    """The disk, a right, a limit of the system: nothing that a crash file would help with."""
    from etl.cli.words import disk

    click.echo(disk.trouble(error), err=True)
    ctx.exit(EXIT_LATER)


def _bug(ctx: click.Context, error: Exception) -> NoReturn:
    from etl.cli import crash

    where = crash.report(error, ctx.params.get("profile"))
    click.echo(
        f"Ошибка в программе ({type(error).__name__}). Ничего не потеряно: следующий запуск продолжит. "
        f"Пришлите разработчику файл {where}.",
        err=True,
    )
    ctx.exit(EXIT_BUG)


# The profile stays a string until a command needs more: pathlib, with urllib behind it, costs a fifth of an
# interpreter's start.
@click.group(
    cls=Commands,
    options_metavar=_OPTIONS,
    subcommand_metavar="КОМАНДА …",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--profile",
    "-p",
    type=click.Path(dir_okay=False),
    envvar="OBMEN24_PROFILE",
    default="obmen24.toml",
    show_default=True,
    help="Файл профиля.",
)
@click.version_option(__version__, prog_name="obmen24", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, profile: str) -> None:
    """Обмен между Битрикс24 и 1С:Предприятием через файлы и REST."""
    ctx.obj = profile


#: name, module below `etl.cli`, first sentence of its help: a test holds it equal to the command's own
_COMMANDS = (
    ("init", "setup", "Создать профиль из образца (спросит главное) или подготовить портал."),
    ("check", "setup", "Проверить профиль: портал, папку обмена, возможности 1С."),
    ("plan", "exchange", "Показать, что изменит run, ничего не меняя."),
    ("run", "minute", "Выполнить обмен: все потоки профиля или названные."),
    ("watch", "exchange", "Следить за папкой обмена и выполнять обмен, когда в ней что-то появилось."),
    ("bill", "exchange", "Начислить абонентскую плату за месяц."),
    ("register", "exchange", "Записать реестр месяца для бухгалтера ещё раз."),
    (
        "convert",
        "exchange",
        "Начислить по выгрузке сделок, сохранённой из Битрикс24 (Excel, CSV), без доступа к порталу.",
    ),
    ("reconcile", "exchange", "Сверить портал, 1С, реестр и банк за месяц, до копейки."),
    ("inspect", "files", "Показать, что лежит в файлах обмена: версия, кодировка, содержимое, замечания."),
    ("validate", "files", "Проверить файлы CommerceML по правилам их версии и по нашей схеме."),
    ("status", "minute", "Когда был последний удачный обмен и что ждёт человека."),
    ("why", "people", "Рассказать по журналу, что и почему произошло: obmen24 why deal 123."),
    (
        "ask",
        "people",
        "Вопросы, на которые может ответить только человек; с номером и ответом запоминает ответ.",
    ),
    ("link", "people", "Связать запись портала с записью 1С: obmen24 link company 15 <Ид>."),
    ("confirm", "people", "Подтвердить акты вознаграждения по номерам (A1-123), если профиль ждёт человека."),
    (
        "restore",
        "exchange",
        "Восстановить реестр начислений и вознаграждений из архива после потери состояния.",
    ),
    ("retry", "people", "Вернуть файлы из карантина в обмен (все или названные) после исправления причины."),
    ("sandbox", "files", "Запустить учебный портал Битрикс24 на этом компьютере для репетиции."),
)
for _name, _module, _told in _COMMANDS:
    main.add_command(Later(_name, f"etl.cli.{_module}", _told))
