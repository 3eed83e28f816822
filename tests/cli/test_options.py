"""Options as people write them: what is understood, and what is refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import click
import click.testing
import pytest

from etl.cli.shared import MONTH
from tests.cli.test_main import obmen24
from tests.support import scenario


def month(*written: str) -> tuple[int, str]:
    """What a command gets of its option `--month`: exit code, month."""

    @click.command()
    @MONTH
    def command(month: str | None) -> None:
        click.echo(month or "")

    done = click.testing.CliRunner().invoke(command, written)
    return done.exit_code, done.output.strip()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11", "2026-11"),
        (" 2026-11 ", "2026-11"),
        ("11.2026", "2026-11"),
        ("11/26", "2026-11"),
        ("ноябрь 2026", "2026-11"),
        ("Ноября 2026 г.", "2026-11"),
        ("XI 2026", "2026-11"),
    ],
)
def test_a_month_is_understood_as_people_write_it(written: str, meant: str) -> None:
    assert month("--month", written) == (0, meant)


def test_a_month_without_a_year_is_the_nearest_one() -> None:
    code, found = month("--month", "ноябрь")
    assert code == 0
    assert found.endswith("-11")


@pytest.mark.parametrize(
    "written", ["", "2026-13", "2026", "сентябрь - октябрь 2026", "слон", "11", "1999-11"]
)
def test_what_is_no_month_is_refused_with_the_form(written: str) -> None:
    code, said = month("--month", written)
    assert code == 2
    assert "2026-11" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("sandbox", "--port", "99999"),
        ("sandbox", "--deals", "-1"),
        ("sandbox", "--rate", "0"),
        ("sandbox", "--burst", "0"),
        ("watch", "--interval", "-5"),
        ("sandbox", "--seed", "README.md"),
    ],
)
def test_an_impossible_option_is_refused_in_russian(arguments: tuple[str, ...]) -> None:
    done = obmen24(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "справ" in done.stderr


def test_a_file_that_is_not_in_quarantine_is_no_success(tmp_path: Path) -> None:
    profile = scenario.copied(tmp_path, "video")
    assert obmen24("-p", profile, "retry", "нет-такого.xml").returncode == 1
    assert obmen24("-p", profile, "retry").returncode == 0
