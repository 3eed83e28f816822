"""Commands with which a person asks what happened and decides what the programme must not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from etl.cli.shared import JSON, profile_of, say_json
from etl.errors import EXIT_ATTENTION

if TYPE_CHECKING:
    from etl.commands.journal import Remark, Step


@click.command()
@click.argument("entity", metavar="ВИД")
@click.argument("key", metavar="НОМЕР")
@JSON
@click.pass_context
def why(ctx: click.Context, entity: str, key: str, as_json: bool) -> None:
    """Рассказать по журналу, что и почему произошло: obmen24 why deal 123."""
    from dataclasses import asdict

    from etl.cli.words import people as words
    from etl.commands import journal

    profile = profile_of(ctx)
    lines: Sequence[Step | Remark]
    if entity == "issues":
        lines = journal.remarks(profile)
    else:
        lines = journal.why(profile, words.entity(entity), key)
    if as_json:
        say_json([asdict(line) for line in lines])
    else:
        click.echo(words.journal(lines, entity, key))


@click.command()
@click.argument("question", metavar="[ВОПРОС", required=False)
@click.argument("answer", metavar="ОТВЕТ]", required=False)
@click.pass_context
def ask(ctx: click.Context, question: str | None, answer: str | None) -> None:
    """Вопросы, на которые может ответить только человек; с номером и ответом запоминает ответ."""
    from etl.cli.words import people as words
    from etl.commands import people

    profile = profile_of(ctx)
    if question:
        done = people.answer(profile, question, answer)
        click.echo(words.answered(done))
    else:
        click.echo(words.questions(people.questions(profile)))


@click.command()
@click.argument("entity", metavar="ВИД")
@click.argument("portal_id", metavar="НОМЕР_НА_ПОРТАЛЕ")
@click.argument("onec_id", metavar="ИД_В_1С")
@click.option("--replace", is_flag=True, help="Разорвать пары, в которых эти записи уже стоят.")
@click.pass_context
def link(ctx: click.Context, entity: str, portal_id: str, onec_id: str, replace: bool) -> None:
    """Связать запись портала с записью 1С: obmen24 link company 15 <Ид>."""
    from etl.cli.words import people as words
    from etl.commands import linking

    done = linking.link(profile_of(ctx), words.entity(entity), portal_id, onec_id, replace=replace)
    click.echo(words.linked(done, entity))


@click.command()
@click.argument("numbers", nargs=-1, metavar="АКТ…", required=True)
@click.pass_context
def confirm(ctx: click.Context, numbers: tuple[str, ...]) -> None:
    """Подтвердить акты вознаграждения по номерам (A1-123), если профиль ждёт человека."""
    from etl.cli.words import people as words
    from etl.commands import people

    done = people.confirm(profile_of(ctx), numbers)
    click.echo(words.confirmed(done))


@click.command()
@click.argument("files", nargs=-1, metavar="[ФАЙЛ…]")
@click.pass_context
def retry(ctx: click.Context, files: tuple[str, ...]) -> None:
    """Вернуть файлы из карантина в обмен (все или названные) после исправления причины."""
    from etl.cli.words import people as words
    from etl.commands import people

    done = people.retry(profile_of(ctx), files)
    click.echo(words.returned(done))
    if files and not done.files:
        ctx.exit(EXIT_ATTENTION)
