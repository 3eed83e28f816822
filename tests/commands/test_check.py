"""`obmen24 check` as data: what was seen, in the order of looking; one look that fails does not stop the others."""

from __future__ import annotations

from pathlib import Path

from etl.commands import check
from etl.config import profile
from tests.support import scenario


def test_what_is_in_order_is_data(tmp_path: Path) -> None:
    path = scenario.copied(tmp_path, "video")
    (tmp_path / "exchange").mkdir()
    found = check.check(profile.load(path))
    assert (found.wrong, found.gaps, found.is_away) == ((), (), False)
    folder, portal = found.told
    assert folder == check.Folder(tmp_path / "exchange")
    assert isinstance(portal, check.Portal)
    assert portal.deals > 0


def test_a_folder_that_is_not_there_does_not_keep_the_portal_from_being_looked_at(tmp_path: Path) -> None:
    found = check.check(profile.load(scenario.copied(tmp_path, "video")))
    assert [problem.split(":")[0] for problem in found.wrong] == ["onec.folder"]
    assert [type(one) for one in found.told] == [check.Portal]


def test_a_share_that_is_not_mounted_is_away(tmp_path: Path) -> None:
    path = scenario.copied(tmp_path, "prepaid")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('dialect = "ut103"', 'dialect = "ut103"\nsentinel = "alive"', 1), encoding="utf-8"
    )
    (tmp_path / "exchange").mkdir()
    found = check.check(profile.load(path))
    assert found.is_away
    release, away, portal = found.told
    assert isinstance(release, check.Release)
    assert isinstance(away, check.Away)
    assert "alive" in away.message
    assert isinstance(portal, check.Portal)
