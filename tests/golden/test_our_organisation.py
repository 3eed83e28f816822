"""Our side of a deal (specification 003: «с какой нашей организацией ведется сделка») and the buyer's legal person.

What is not known is held and asked about: a document under another legal entity is worse than none.
"""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from etl.commands import people
from etl.errors import ConfigError
from etl.sandbox.portal.faults import FaultPlan
from tests.support import scenario

CASE = "twoway/both-sides"
NORTH, SOUTH = "ООО «Северный склад»", "ООО «Южный склад»"
LOCK = {"name": "Замок врезной", "quantity": "1", "price": "3150.50", "vat": "22"}
ROW = {"name": "Замок врезной", "product": 2, "price": "3150.50", "vat": "22"}
FIELD = {
    '[deals]\npipeline = "Продажи"': '[deals]\nfields = { organisation = "Наша фирма" }\npipeline = "Продажи"'
}
pytestmark = pytest.mark.xdist_group(CASE)


def exchanged(running: scenario.Scenario) -> Any:
    running.run()
    running.stage.session()
    return running.run()


def start(running: scenario.Scenario) -> None:
    running.at(dt.date(2026, 11, 2))


def organisations(running: scenario.Scenario) -> dict[str, str | None]:
    return {row.number: row.organisation for row in running.stage.onec.orders}


def link(running: scenario.Scenario, deal: int) -> dict[str, int] | None:
    rows = running.call("crm.requisite.link.list", filter={"ENTITY_TYPE_ID": 2, "ENTITY_ID": deal})
    return {name: int(value) for name, value in rows[0].items()} if rows else None


def linked(running: scenario.Scenario, deal: int, **ids: int) -> None:
    empty = dict.fromkeys(("REQUISITE_ID", "BANK_DETAIL_ID", "MC_REQUISITE_ID", "MC_BANK_DETAIL_ID"), 0)
    fields = {"ENTITY_TYPE_ID": 2, "ENTITY_ID": deal} | empty | ids
    running.call("crm.requisite.link.register", fields=fields)


def unlinked(running: scenario.Scenario, deal: int) -> None:
    running.call("crm.requisite.link.unregister", entityTypeId=2, entityId=deal)


def refusing(running: scenario.Scenario, method: str, kind: str) -> None:
    """From now on the portal refuses a method: one command of a batch (error_200), or the whole run (403)."""
    fault = {"kind": kind, "method": method, "times": 1000, "inside": kind == "error_200"}
    running.stage.portal._gateway.plan = FaultPlan([fault])


# ---- our organisation ----
def test_of_several_organisations_none_is_the_default(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        unlinked(running, 1)
        report = exchanged(running)
        assert sorted(organisations(running)) == ["B24-2", "B24-3"]
        assert "Не указано, от какой нашей организации ведётся сделка" in report.text()
        linked(running, 1, MC_REQUISITE_ID=1)
        exchanged(running)
        assert organisations(running)["B24-1"] == NORTH
        assert "Не указано" not in running.run().text()


def test_a_link_that_a_person_removes_changes_nothing_in_1c(tmp_path: Path) -> None:
    """The order stands under the organisation it has, also when something else of the deal is edited; the deal is completed again."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        exchanged(running)
        unlinked(running, 1)
        running.person(1, rows=[ROW | {"quantity": "7"}])
        exchanged(running)
        exchanged(running)  # the deal is completed first, its own edit goes with the next run
        order = running.stage.onec.document("B24-1", "order")
        assert (f"{order.amount:.2f}", order.organisation) == ("22053.50", SOUTH)
        assert link(running, 1)["MC_REQUISITE_ID"] == 2


def test_1c_changes_only_our_side_of_a_link(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        linked(running, 1, REQUISITE_ID=12, BANK_DETAIL_ID=12, MC_REQUISITE_ID=2, MC_BANK_DETAIL_ID=2)
        exchanged(running)
        running.stage.onec.edit_order(
            "B24-1", organisation=NORTH, requisites={"Организация ИНН": "0000000018"}
        )
        running.stage.session()
        running.run()
        assert link(running, 1) == {
            "ENTITY_TYPE_ID": 2,
            "ENTITY_ID": 1,
            "REQUISITE_ID": 12,
            "BANK_DETAIL_ID": 12,
            "MC_REQUISITE_ID": 1,
            "MC_BANK_DETAIL_ID": 1,
        }
        assert exchanged(running).quiet


@pytest.mark.parametrize("kind", ["error_200", "403"])
@pytest.mark.parametrize("method", ["crm.requisite.link.register", "crm.item.productrow.set"])
def test_a_deal_of_1c_that_is_not_complete_takes_no_order_to_another_organisation(
    tmp_path: Path, method: str, kind: str
) -> None:
    """The portal refuses a part of the new deal, or the run dies there: 1C's order stays what and whose it is, and the deal is completed
    later.
    """
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        exchanged(running)
        number = running.stage.onec.new_order("ТСЖ «Маяк-2»", [LOCK], organisation=SOUTH).number
        running.stage.session()
        refusing(running, method, kind)
        for _ in range(2):
            with nullcontext() if kind == "error_200" else pytest.raises(ConfigError):
                running.run()
            running.stage.session()
            order = running.stage.onec.document(number, "order")
            assert (order.organisation, f"{order.amount:.2f}") == (SOUTH, "3150.50")
        assert (link(running, 5) or {}).get("MC_REQUISITE_ID") in (None, 0, 2)
        running.stage.portal._gateway.plan = FaultPlan(None)
        exchanged(running)
        assert link(running, 5)["MC_REQUISITE_ID"] == 2
        running.person(5, rows=[ROW | {"quantity": "2"}])
        exchanged(running)
        order = running.stage.onec.document(number, "order")
        assert (order.organisation, f"{order.amount:.2f}") == (SOUTH, "6301.00")


def test_an_organisation_that_the_profile_does_not_know_is_not_overwritten(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        exchanged(running)
        running.stage.onec.edit_order("B24-1", organisation="ООО «Третья»", requisites={})
        running.stage.session()
        assert "ООО «Третья»" in running.run().text()
        running.person(1, rows=[ROW | {"quantity": "7"}])
        exchanged(running)
        exchanged(running)  # the deal is completed first, its own edit goes with the next run
        order = running.stage.onec.document("B24-1", "order")
        assert (f"{order.amount:.2f}", order.organisation) == ("22053.50", "ООО «Третья»")


# ---- our organisation in a field of the deal ----
def with_field(running: scenario.Scenario, kind: str = "string") -> str:
    """«Наша фирма» of deals. Out: its code."""
    field = {"FIELD_NAME": "OUR_FIRM", "USER_TYPE_ID": kind, "EDIT_FORM_LABEL": {"ru": "Наша фирма"}}
    if kind == "enumeration":
        field["LIST"] = [{"VALUE": NORTH}, {"VALUE": "0000000025"}]
    running.call("crm.deal.userfield.add", fields=field)
    return "UF_CRM_OUR_FIRM"


@pytest.mark.parametrize("said", [SOUTH, 'ООО "Южный склад"', "0000000025"])
def test_the_organisation_may_stand_in_a_field(tmp_path: Path, said: str) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=FIELD) as running:
        code = with_field(running)
        start(running)
        running.call("crm.deal.update", id=1, fields={code: said})
        exchanged(running)
        assert organisations(running) == {"B24-1": SOUTH}, "the link of the deal does not count then"
        running.stage.onec.edit_order(
            "B24-1", organisation=NORTH, requisites={"Организация ИНН": "0000000018"}
        )
        running.stage.session()
        running.run()
        assert running.call("crm.deal.get", id=1)[code] == NORTH
        assert link(running, 1)["MC_REQUISITE_ID"] == 2
        assert organisations(running) == {"B24-1": NORTH}


def test_the_organisation_may_stand_in_a_list(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=FIELD) as running:
        code = with_field(running, "enumeration")
        options = {
            row["VALUE"]: row["ID"]
            for row in running.call("crm.deal.userfield.list", filter={"FIELD_NAME": code})[0]["LIST"]
        }
        start(running)
        running.call("crm.deal.update", id=1, fields={code: options[NORTH]})
        exchanged(running)
        assert organisations(running) == {"B24-1": NORTH}
        running.stage.onec.edit_order(
            "B24-1", organisation=SOUTH, requisites={"Организация ИНН": "0000000025"}
        )
        running.stage.session()
        running.run()
        assert str(running.call("crm.deal.get", id=1)[code]) == str(options["0000000025"])
        running.run()
        assert organisations(running) == {"B24-1": SOUTH}


# ---- the buyer's legal person ----
def second_requisite(running: scenario.Scenario, **fields: Any) -> int:
    """Another requisite of the buyer of deal 1 (company 12)."""
    given = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 12, "PRESET_ID": 1, "NAME": "Второе лицо"}
    values = {"RQ_COMPANY_NAME": "ООО «Прибой Юг»", "RQ_INN": "7707083893", "RQ_KPP": "770701001"}
    return int(running.call("crm.requisite.add", fields=given | values | fields))


def buyer(running: scenario.Scenario, number: str = "B24-1") -> tuple[str, str | None, str | None]:
    order = running.stage.onec.document(number, "order")
    party = next(row for row in running.stage.onec.parties if row.guid == order.party)
    return party.name, party.inn, party.kpp


def test_the_order_is_made_out_to_the_requisite_of_the_deal(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        other = second_requisite(running)
        linked(running, 1, REQUISITE_ID=other, MC_REQUISITE_ID=2)
        exchanged(running)
        assert buyer(running) == ("ООО «Прибой Юг»", "7707083893", "770701001")
        assert len(running.call("crm.company.list", filter={"%TITLE": "Прибой"})) == 1, "no second card"
        linked(running, 1, REQUISITE_ID=12, MC_REQUISITE_ID=2)
        exchanged(running)
        assert buyer(running)[:2] == ("ООО «Прибой-2»", "0000000120"), "chosen anew, told anew"


def test_without_a_link_the_only_requisite_in_use_counts(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        second_requisite(running)
        running.call("crm.requisite.update", id=12, fields={"ACTIVE": "N"})
        exchanged(running)
        assert buyer(running)[1] == "7707083893"


def test_of_two_a_person_says_which(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        other = second_requisite(running, RQ_COMPANY_NAME="ООО «Прибой-2»")
        report = exchanged(running)
        assert sorted(organisations(running)) == ["B24-2", "B24-3"]
        assert "у клиента несколько реквизитов" in report.text()
        question = next(row for row in people.questions(running.stage.profile) if "реквизит" in row.text)
        assert [one.partition(", ")[2] for one in question.candidates] == [
            "ИНН 0000000120, КПП 001201001",
            "ИНН 7707083893, КПП 770701001",
        ]
        people.answer(running.stage.profile, question.key, "2")
        exchanged(running)
        assert buyer(running) == ("ООО «Прибой-2» (ИНН 7707083893)", "7707083893", "770701001")
        assert not [row for row in people.questions(running.stage.profile) if "реквизит" in row.text]
        assert other


def test_a_branch_goes_under_a_name_of_its_own(tmp_path: Path) -> None:
    """One ИНН, another КПП: 1C, which looks for a buyer by name, must not take the branch for the head office."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        other = second_requisite(running, RQ_COMPANY_NAME="ООО «Прибой-2»", RQ_INN="0000000120")
        linked(running, 1, REQUISITE_ID=other, MC_REQUISITE_ID=2)
        running.run()
        sent = b"".join(running.outgoing().values()).decode()
        assert "ООО «Прибой-2» (КПП 770701001)" in sent and "<КПП>770701001</КПП>" in sent


def test_when_none_is_in_use_all_are_offered(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        start(running)
        for number in (12, second_requisite(running)):
            running.call("crm.requisite.update", id=number, fields={"ACTIVE": "N"})
        running.run()
        (question,) = (row for row in people.questions(running.stage.profile) if "реквизит" in row.text)
        assert len(question.candidates) == 2
