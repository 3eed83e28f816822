"""Commands that prepare: a profile, its portal, the check of both."""

from __future__ import annotations

from pathlib import Path

import click

from etl.cli.shared import JSON, connected, profile_of, say_json
from etl.commands.init import SAMPLES


@click.command()
@click.option("--create-fields", is_flag=True, help="Создать в портале поля, которых ждёт профиль.")
@click.option("--templates", is_flag=True, help="Загрузить в портал шаблон печатной формы счёта.")
@click.option("--from", "sample", type=click.Choice(SAMPLES), help="Образец профиля.")
@click.pass_context
def init(ctx: click.Context, create_fields: bool, templates: bool, sample: str | None) -> None:
    """Создать профиль из образца (спросит главное) или подготовить портал."""
    from etl.cli.words import init as words

    if create_fields or templates:
        from etl.commands import portal

        done = portal.prepare(connected(ctx), with_fields=create_fields, with_templates=templates)
        click.echo(words.prepared(done))
        return
    from etl.commands import init as setup

    chosen = sample or click.prompt(words.SAMPLE, type=click.Choice(SAMPLES), default=SAMPLES[0])
    answers = {
        key: click.prompt(words.QUESTIONS[key], default=default) for key, default in setup.ASKED.items()
    }
    created = setup.create(Path(ctx.obj), chosen, answers)
    click.echo(words.created(created))


@click.command()
@JSON
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Проверить профиль: портал, папку обмена, возможности 1С."""
    from etl.cli.words import check as words
    from etl.commands import check as checking

    found = checking.check(profile_of(ctx))
    if as_json:
        say_json(words.record(found))
    else:
        click.echo(words.text(found))
    ctx.exit(words.exit_code(found))
