"""What a dialect cannot tell, in plain words, and what closes the gap."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from etl.config import capabilities, profile
from etl.errors import ConfigError
from tests.support.paths import ROOT

DAY = dt.date(2026, 11, 20)
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
    assert capabilities.contradictions(profile.load(PROFILES / f"{name}.toml")) == []


def test_what_stock_ut103_cannot_tell_is_said_in_plain_words(tmp_path: Path) -> None:
    """Orders born in 1C, invoices, partials, closings, a contractor directory: the extended contract or the manual export."""
    stock = changed(tmp_path, "leads", ("extended = true", "extended = false"))
    found = "\n".join(capabilities.gaps(stock, DAY))
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
    wrong = capabilities.contradictions(changed(tmp_path, "video", ("extended = true", "extended = false")))
    assert any(problem.startswith("delivery.act") for problem in wrong)
    assert any(problem.startswith("commission.confirm") for problem in wrong)


def test_the_general_vat_rate_is_that_of_the_day(tmp_path: Path) -> None:
    """УТ 10.3 has no 22 %, the general rate since 2026; what the base was taught is listed in the profile."""
    stock = changed(
        tmp_path,
        "prepaid",
        ("extended = true", "extended = false"),
        ('vat = "exempt"', 'vat = "general"'),
    )
    assert not [gap for gap in capabilities.gaps(stock, dt.date(2025, 12, 31)) if "НДС" in gap]
    told = [gap for gap in capabilities.gaps(stock, DAY) if "НДС" in gap]
    assert len(told) == 1
    assert "не знает ставку НДС 22 % и молча запишет другую" in told[0]
    taught = stock.model_copy(update={"onec": stock.onec.model_copy(update={"vat_rates": ("20", "22")})})
    assert not [gap for gap in capabilities.gaps(taught, DAY) if "НДС" in gap]


def test_a_profile_that_contradicts_its_1c_is_refused_with_every_contradiction(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        capabilities.refuse(changed(tmp_path, "video", ("extended = true", "extended = false")))
    assert len(refused.value.problems) >= 2
    capabilities.refuse(profile.load(PROFILES / "video.toml"))
