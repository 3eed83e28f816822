"""Files that a person names, as data: accounts, verdicts, repaired copies, progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from etl.commands.inspect import inspect
from etl.commands.repair import repair
from etl.commands.validate import validate
from tests.support.paths import ROOT

GOOD = ROOT / "samples/video/three-months/expect/01-noyabr-nachisleno/documents.xml"


def test_a_good_file_is_counted(tmp_path: Path) -> None:
    found = inspect(GOOD, limit=5)
    assert (found.refused, found.issues_total, found.version, found.file) == (False, 0, "3.1", GOOD.name)
    assert found.counts.documents
    missing = inspect(tmp_path / "нет.xml", limit=5)
    assert (missing.refused, missing.issues_total, missing.sha256) == (True, 1, None)


def test_the_dialect_is_the_one_the_file_shows() -> None:
    verdict = validate(GOOD, None)
    assert (verdict.dialect, verdict.told, verdict.is_clean) == ("bitrix3", True, True)
    named = validate(GOOD, "bitrix3")
    assert (named.dialect, named.told, named.is_clean) == ("bitrix3", False, True)


def test_a_file_that_is_not_there_is_no_clean_one(tmp_path: Path) -> None:
    verdict = validate(tmp_path / "нет.xml", "ut103")
    assert (verdict.is_clean, verdict.version, len(verdict.issues)) == (False, None, 1)


@pytest.mark.parametrize("watch", [partial(inspect, limit=0), partial(validate, dialect=None)])
def test_progress_reaches_the_whole_and_no_more(watch: Callable[..., object]) -> None:
    parts: list[float] = []
    watch(GOOD, tell=parts.append)
    assert 0.5 < max(parts) <= 1.0


def test_a_copy_stands_beside_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<x>а\x0bб&#11;</x>", encoding="utf-8")
    done = repair(path)
    assert (done.copy, done.removed, done.refused) == (tmp_path / "a.repaired.xml", 2, None)
    assert done.copy.read_text(encoding="utf-8") == "<x>аб</x>"
    again = repair(path)
    assert again.removed == 0
    assert again.refused is not None
    assert "исправленная копия уже есть" in again.refused
