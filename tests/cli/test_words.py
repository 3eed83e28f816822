"""Click speaks Russian: what a person reads when a command line is wrong, and in every help."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from etl.cli.main import main
from tests.cli.test_main import obmen24

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


def test_every_text_that_is_translated_is_one_of_click() -> None:
    """A translation of words that click does not say any more is of no use: some are kept for the oldest click that will do (8.1)."""
    from etl.cli.russian import _RUSSIAN

    sources = "".join(
        path.read_text(encoding="utf-8") for path in Path(str(click.__file__)).parent.glob("*.py")
    )
    old = {
        "No such option: {name}",
        "Option {name!r} requires an argument.",
        "Option {name!r} requires {nargs} arguments.",
        "required",
        "(Possible options: {possibilities})",
    }
    assert {text for text in _RUSSIAN if text.replace("\n", "\\n").replace("\t", "\\t") not in sources} <= old
