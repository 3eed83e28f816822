"""Commands that prepare a profile and answer what only a person can."""

from __future__ import annotations

from pathlib import Path

import click

from etl.cli.shared import JSON, connected, profile_of


@click.command()
@click.option("--create-fields", is_flag=True, help="Создать в портале поля, которых ждёт профиль.")
@click.option("--templates", is_flag=True, help="Загрузить в портал шаблон печатной формы счёта.")
@click.option(
    "--from",
    "sample",
    type=click.Choice(["video", "video-bp", "prepaid", "leads", "twoway"]),
    help="Образец профиля.",
)
@click.pass_context
def init(ctx: click.Context, create_fields: bool, templates: bool, sample: str | None) -> None:
    """Создать профиль из образца (спросит главное) или подготовить портал."""
    from etl.commands import init as setup

    if create_fields or templates:
        click.echo(setup.prepare_portal(connected(ctx), fields=create_fields, templates=templates))
        return
    chosen = sample or click.prompt("Образец", type=click.Choice(setup.SAMPLES), default="video")
    questions = {name: click.prompt(text, default=default) for name, text, default in setup.questions()}
    click.echo(setup.create(Path(ctx.obj), chosen, questions))


@click.command()
@JSON
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Проверить профиль: портал, папку обмена, возможности 1С."""
    from etl.commands import check as checking

    result = checking.check(profile_of(ctx))
    click.echo(result.json() if as_json else result.text())
    ctx.exit(result.exit_code)


@click.command()
@click.argument("entity", metavar="ВИД")
@click.argument("key", metavar="НОМЕР")
@JSON
@click.pass_context
def why(ctx: click.Context, entity: str, key: str, as_json: bool) -> None:
    """Рассказать по журналу, что и почему произошло: obmen24 why deal 123."""
    from etl.commands import people

    click.echo(people.why(profile_of(ctx), entity, key, as_json=as_json))


@click.command()
@click.argument("question", metavar="[ВОПРОС", required=False)
@click.argument("answer", metavar="ОТВЕТ]", required=False)
@click.pass_context
def ask(ctx: click.Context, question: str | None, answer: str | None) -> None:
    """Вопросы, на которые может ответить только человек; с номером и ответом запоминает ответ."""
    from etl.commands import people

    click.echo(
        people.answer(profile_of(ctx), question, answer) if question else people.questions(profile_of(ctx))
    )


@click.command()
@click.argument("entity", metavar="ВИД")
@click.argument("portal_id", metavar="НОМЕР_НА_ПОРТАЛЕ")
@click.argument("onec_id", metavar="ИД_В_1С")
@click.pass_context
def link(ctx: click.Context, entity: str, portal_id: str, onec_id: str) -> None:
    """Связать запись портала с записью 1С: obmen24 link company 15 <Ид>."""
    from etl.commands import people

    click.echo(people.link(profile_of(ctx), entity, portal_id, onec_id))


@click.command()
@click.argument("numbers", nargs=-1, metavar="АКТ…", required=True)
@click.pass_context
def confirm(ctx: click.Context, numbers: tuple[str, ...]) -> None:
    """Подтвердить акты вознаграждения по номерам (A1-123), если профиль ждёт человека."""
    from etl.commands import people

    click.echo(people.confirm(profile_of(ctx), numbers))


@click.command()
@click.argument("files", nargs=-1, metavar="[ФАЙЛ…]")
@click.pass_context
def retry(ctx: click.Context, files: tuple[str, ...]) -> None:
    """Вернуть файлы из карантина в обмен (все или названные) после исправления причины."""
    from etl.commands import people

    click.echo(people.retry(profile_of(ctx), files))
