"""Click speaks Russian: what a person reads when a command line is wrong, and in every help."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from etl.cli.main import main
from tests.cli.test_main import obmen24
from tests.support.paths import ROOT

#: what click writes into a help: its headings, its names of types and of arguments
ENGLISH = re.compile(r"\b(?:Usage|Options|Commands|Show|default|required|env var|[A-Z_]{4,})\b")
NAMES = {"JSON", "REST"}


@pytest.mark.parametrize("name", ["", *main.commands])
def test_help_is_russian(name: str) -> None:
    said = obmen24(*filter(None, [name]), "--help").stdout
    assert said.startswith("Вызов: ")
    assert set(ENGLISH.findall(said)) <= NAMES, said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["inspec"], "нет команды «inspec»; список команд: obmen24 --help."),
        (["status", "--foo"], "нет параметра «--foo»."),
        (["inspect"], "не назван 'ФАЙЛ…'."),
        (["why"], "не назван 'ВИД'."),
        (["inspect", "--limit", "много", "x"], "'--limit': «много» не число."),
        (["inspect", "--limit", "-1", "x"], "'--limit': -1 не подходит, возможно x>=0."),
        (["run", "foo"], "«foo» не подходит, возможны 'parties', 'products',"),
        (["bill", "лишнее"], "лишнее в команде: лишнее."),
        (["convert", "."], "«.» это папка, а нужен файл."),
        (["convert", "нет.xlsx"], "«нет.xlsx» не существует."),
        (["status", "--max-age"], "у параметра «--max-age» нет значения, а оно нужно."),
        (["plan", "--json=1"], "у параметра «--json» нет значения."),
    ],
)
def test_a_wrong_command_line_is_told_in_russian(arguments: list[str], expected: str, tmp_path: Path) -> None:
    done = obmen24(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert done.stderr.rstrip().endswith("Исправьте и повторите.")
    assert not re.search(r"Usage|Try|Error|Invalid|[Nn]o such|Missing|valid|FILES|OPTIONS", done.stderr), (
        done.stderr
    )


@pytest.mark.parametrize("language", [{}, {"LANG": "en_US.UTF-8", "LANGUAGE": "en"}, {"LC_ALL": "C"}])
def test_the_environment_does_not_choose_the_language(language: dict[str, str], tmp_path: Path) -> None:
    """Cron's environment is empty, an administrator's may be English."""
    done = subprocess.run(
        [sys.executable, "-m", "etl", "inspec"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={"PYTHONPATH": str(ROOT), **language},
    )
    assert done.returncode == 2
    assert "Ошибка: нет команды «inspec»" in done.stderr


# ---- the catalogue -------------------------------------------------------------------------------------------------

CATALOGUE = ROOT / "etl" / "cli" / "locale" / "ru" / "LC_MESSAGES" / "click.po"
#: what only the author of a command line meets: a wrong declaration of an option or an argument
FOR_AUTHORS = {
    "Name '{name}' defined twice",
    "Boolean option {decl!r} cannot use the same flag for true/false.",
    "Could not determine name for option with declarations {decls!r}",
    "No options defined but a name was passed ({name}). Did you mean to declare an argument instead? "
    "Did you mean to pass '--{name}'?",
    "Arguments take exactly one parameter declaration, got {length}: {decls}.",
    "Invalid start character for option ({option})",
    "Unknown color {colour!r}",
    "Choice({choices})",
    "Unknown standard stream '{name}'",
}
#: said by the oldest click that will do (8.1), or marked where it is put together
NOT_FOUND = {"No such option: {name}", "(Possible options: {possibilities})", "required"}


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, domain="click", abort_invalid=True)


def texts_of_click() -> set[str | tuple[str, ...]]:
    """Every text that the installed click marks for translation."""
    found = extract_from_dir(
        Path(str(click.__file__)).parent, [("**.py", "python")], keywords={"_": None, "ngettext": (1, 2)}
    )
    return {text for _, _, text, _, _ in found}


def test_every_text_of_click_that_a_person_can_meet_is_translated() -> None:
    translated = {message.id for message in catalogue() if message.id and all(message.string)}
    assert texts_of_click() - FOR_AUTHORS == translated - NOT_FOUND


def test_every_translation_keeps_the_places_of_its_text_and_has_the_three_russian_forms() -> None:
    for message in catalogue():
        if not message.id:
            continue
        assert not list(message.check()), message.id
        texts, forms = _parts(message.id), _parts(message.string)
        assert len(forms) == (3 if message.pluralizable else 1), message.id
        places = set(re.findall(r"{(\w+)", " ".join(texts)))
        assert set(re.findall(r"{(\w+)", " ".join(forms))) <= places, message.id


def said(texts: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Text (with its plural) -> its translations."""
    return {_parts(message.id): _parts(message.string) for message in texts if message.id}


def _parts(text: str | Sequence[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_the_compiled_catalogue_is_the_written_one() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    written = catalogue()
    assert said(compiled) == said(written), "run: make words"
    assert (compiled.num_plurals, compiled.plural_expr) == (written.num_plurals, written.plural_expr)
