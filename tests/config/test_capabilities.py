"""`obmen24 check` without a portal: what a dialect cannot tell, in plain words, and what closes the gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.commands import check
from etl.config import profile
from tests.support.paths import ROOT

PROFILES = ROOT / "samples" / "profiles"


def changed(tmp_path: Path, name: str, *replacements: tuple[str, str]) -> profile.Profile:
    text = (PROFILES / f"{name}.toml").read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return profile.load(path)


@pytest.mark.parametrize("name", ["video", "video-bp", "prepaid", "leads", "twoway"])
def test_the_samples_contradict_nothing(name: str) -> None:
    assert check.contradictions(profile.load(PROFILES / f"{name}.toml")) == []


def test_what_stock_ut103_cannot_tell_is_said_in_plain_words(tmp_path: Path) -> None:
    """Orders born in 1C, invoices, partials, closings, a contractor directory: the extended contract or the manual export."""
    found = "\n".join(check.gaps(changed(tmp_path, "leads", ("extended = true", "extended = false"))))
    for expected in (
        "не сообщает «счета на оплату»",
        "заказы, созданные в самой 1С",
        "справочник контрагентов 1С отдельно не выгружает",
        "расширенным договором",
        "ручной выгрузкой «Выгрузка данных CommerceML»",
        "только признак без суммы",
    ):
        assert expected in found, expected


def test_documents_a_stock_file_cannot_hold_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    """Any other kind in a stock file fails the whole file, so `check` refuses the profile."""
    wrong = check.contradictions(changed(tmp_path, "video", ("extended = true", "extended = false")))
    assert any(problem.startswith("delivery.act") for problem in wrong)
    assert any(problem.startswith("commission.confirm") for problem in wrong)
