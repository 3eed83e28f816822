"""`obmen24 check` as data: what was seen, in the order of looking; one look that fails does not stop the others."""

from __future__ import annotations

from pathlib import Path

from etl.cli.words import check as words
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


# ---- our organisations: a deal must be able to name one of several (specification 003)
def looked_at(running: scenario.Scenario) -> check.Check:
    running.folder.mkdir(exist_ok=True)
    return check.check(running.stage.profile)


def test_organisations_that_can_be_chosen_are_no_finding(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case="twoway/both-sides") as running:
        found = looked_at(running)
        assert not found.wrong
        assert next(one for one in found.told if isinstance(one, check.Portal)).unnamed == 0
        running.call("crm.requisite.link.unregister", entityTypeId=2, entityId=1)
        (portal,) = (one for one in looked_at(running).told if isinstance(one, check.Portal))
        assert portal.unnamed == 1
        assert "не указано, от какой нашей организации" in words.text(looked_at(running))


def test_an_organisation_without_requisites_on_the_portal_is_named(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case="twoway/both-sides") as running:
        running.call("crm.company.update", id=2, fields={"IS_MY_COMPANY": "N"})
        (wrong,) = looked_at(running).wrong
        assert wrong.startswith("organisations «ООО «Южный склад»» (ИНН 0000000025): среди «моих компаний»")


def test_a_list_of_organisations_must_have_each_of_them(tmp_path: Path) -> None:
    edit = {"[deals]": '[deals]\nfields = { organisation = "Наша фирма" }'}
    with scenario.opened(tmp_path, "twoway", case="twoway/both-sides", edit=edit) as running:
        field = {
            "FIELD_NAME": "OUR_FIRM",
            "USER_TYPE_ID": "enumeration",
            "EDIT_FORM_LABEL": {"ru": "Наша фирма"},
            "LIST": [{"VALUE": "ООО «Северный склад»"}],
        }
        running.call("crm.deal.userfield.add", fields=field)
        (wrong,) = looked_at(running).wrong
        assert "«ООО «Южный склад»»" in wrong and "в списке «Наша фирма» её нет" in wrong
