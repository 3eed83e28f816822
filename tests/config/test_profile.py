"""The profile: every problem is listed with its path, in Russian."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from etl.config import profile
from etl.errors import ConfigError
from tests.support.paths import ROOT

VIDEO = ROOT / "samples" / "profiles" / "video.toml"


def changed(tmp_path: Path, *replacements: tuple[str, str]) -> Path:
    text = VIDEO.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_sample_says_what_it_says() -> None:
    read = profile.load(VIDEO)
    assert read.name == "video"
    assert read.billing is not None
    assert read.billing.termination_month == "full"
    assert read.rules[2].when == {"paid_charges": 2, "act1": True}
    assert read.state_url.endswith("/.obmen24/video/state.sqlite")


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        ('dialect = "unf3"', 'dialect = "unf4"'),
        ("flows = [", "floows = ["),
        ("rate = 2.0", "rate = -1"),
    )
    with pytest.raises(ConfigError) as caught:
        profile.load(path)
    text = str(caught.value)
    for expected in (
        "onec.dialect: «unf4» не подходит, допустимо: ut103, ut11",
        "floows: такой настройки нет",
        "flows: обязательная",
        "bitrix24.rate",
    ):
        assert expected in text
    assert caught.value.exit_code == 2
    assert text.endswith("check.")


def test_an_amount_keeps_its_kopecks(tmp_path: Path) -> None:
    path = changed(
        tmp_path, ('agreed = "Вознаграждение менеджера"   #', 'percent = 12.35\nbase = "Сумма"   #')
    )
    commission = profile.load(path).commission
    assert commission is not None
    assert commission.percent == Decimal("12.35")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('sandbox = "video"', 'sandbox = "video"\nwebhook_env = "X"', "один источник"),
        ('agreed = "Вознаграждение менеджера"', 'percent = "10"', "base"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        profile.load(changed(tmp_path, (old, new)))


def test_a_base_may_not_extend_another(tmp_path: Path) -> None:
    for name, base in (("a", "b"), ("b", "c"), ("c", "d")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{base}.toml"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="один уровень"):
        profile.load(tmp_path / "a.toml")


@pytest.mark.parametrize(("content", "said"), [(None, "не читается"), ("a = [", "записан с ошибкой")])
def test_unreadable_profiles(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "p.toml"
    if content:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        profile.load(path)


@pytest.mark.parametrize("zone", ["UTC+3", "Europe/Moskow", " ", "../etc/passwd", "europe/moscow"])
@pytest.mark.parametrize("place", ["bitrix24", "onec"])
def test_a_zone_this_computer_does_not_know_is_refused(tmp_path: Path, place: str, zone: str) -> None:
    path = changed(tmp_path, (f"\n[{place}]\n", f'\n[{place}]\ntime_zone = "{zone}"\n'))
    with pytest.raises(ConfigError, match=f"{place}.time_zone: «.*» не часовой пояс"):
        profile.load(path)
