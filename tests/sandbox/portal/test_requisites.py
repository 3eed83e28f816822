"""Requisites, bank details, addresses and links of the sandbox portal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock


@pytest.fixture
def call() -> Iterator[Caller]:
    seed = {
        "companies": [
            {"ID": 5, "TITLE": "ООО"},
            {"ID": 6, "TITLE": "Другие"},
            {"ID": 7, "IS_MY_COMPANY": "Y"},
        ],
        "contacts": [{"ID": 4, "NAME": "Иван"}],
        "deals": [{"ID": 17, "COMPANY_ID": 5, "CONTACT_ID": 4}],
        "requisites": [{"ID": 70, "ENTITY_TYPE_ID": 4, "ENTITY_ID": 7, "PRESET_ID": 1, "NAME": "Наши"}],
        "bankdetails": [{"ID": 71, "ENTITY_ID": 70, "NAME": "Счёт", "RQ_BIK": "044525225"}],
    }
    with Portal(seed=seed, enforce_limits=False, clock=Clock()) as portal:
        caller = Caller(portal)
        yield caller
        caller.close()


def requisite(call: Caller, owner: int = 5, **fields: object) -> int:
    base = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": owner, "PRESET_ID": 1, "NAME": "Реквизиты"}
    return call.result("crm.requisite.add", fields={**base, **fields})


def test_nothing_is_checked_but_the_owner(call: Caller) -> None:
    """ИНН, uniqueness and the preset are none of the portal's business."""
    first = requisite(call, RQ_INN="0012345678", RQ_KPP="001201001", PRESET_ID=999)
    second = requisite(call, RQ_INN="0012345678", RQ_KPP="001201001")
    condition = {"ENTITY_TYPE_ID": 4, "RQ_INN": "0012345678", "RQ_KPP": "001201001"}
    found = call.result("crm.requisite.list", filter=condition, select=["ID", "RQ_INN"], order={"ID": "ASC"})
    assert found == [{"ID": str(first), "RQ_INN": "0012345678"}, {"ID": str(second), "RQ_INN": "0012345678"}]
    row = call.result("crm.requisite.get", id=first)
    assert (row["PRESET_ID"], row["RQ_OGRN"], row["ACTIVE"]) == ("999", None, "Y")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"ENTITY_TYPE_ID": 2}, "ENTITY_TYPE_ID is not defined or invalid."),
        ({"ENTITY_ID": 0}, "ENTITY_ID is not defined or invalid."),
        ({"PRESET_ID": ""}, "PRESET_ID is not defined or invalid."),
        ({"ENTITY_ID": 99}, "Entity not found."),
    ],
)
def test_refusals(call: Caller, fields: dict[str, object], text: str) -> None:
    base = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 5, "PRESET_ID": 1, "NAME": "Реквизиты"}
    assert call.refusal("crm.requisite.add", fields={**base, **fields}) == (400, "", text)


def test_update_keeps_the_owner_and_delete_cascades(call: Caller) -> None:
    number = requisite(call, XML_ID="guid-1")
    call.result("crm.requisite.update", id=number, fields={"RQ_INN": "0099", "ENTITY_ID": 6})
    assert call.result("crm.requisite.list", filter={"XML_ID": "guid-1"})[0]["ENTITY_ID"] == "5"
    bank = call.result(
        "crm.requisite.bankdetail.add", fields={"ENTITY_ID": number, "NAME": "Счёт", "RQ_ACC_NUM": "1"}
    )
    call.result(
        "crm.address.add", fields={"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": number, "CITY": "Город"}
    )
    assert call.result("crm.requisite.delete", id=number) is True
    assert call.refusal("crm.requisite.bankdetail.get", id=bank)[0] == 400
    assert call.result("crm.address.list", filter={"ENTITY_ID": number}) == []


def test_address_is_known_by_its_triple(call: Caller) -> None:
    number = requisite(call)
    triple = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": number}
    assert call.result("crm.address.add", fields={**triple, "ADDRESS_1": "ул. Садовая, 1"}) is True
    assert call.refusal("crm.address.add", fields=triple)[2] == "TypeAddress exists."
    assert call.result("crm.address.update", fields={**triple, "CITY": "Новореченск"}) is True
    row = call.result("crm.address.list", filter={"ENTITY_TYPE_ID": 8, "ENTITY_ID": number})[0]
    assert (row["ADDRESS_1"], row["CITY"], row["ANCHOR_ID"]) == ("ул. Садовая, 1", "Новореченск", "5")


def test_total_of_addresses_is_wrong_as_in_the_real_portal(call: Caller) -> None:
    for _ in range(60):
        triple = {"TYPE_ID": 1, "ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite(call)}
        call.result("crm.address.add", fields=triple)
    body = call.body("crm.address.list")
    assert (len(body["result"]), body["total"]) == (50, 50)
    assert len(call.body("crm.address.list", start=50)["result"]) == 10


def test_link_needs_the_items_own_client(call: Caller) -> None:
    mine, foreign = requisite(call), requisite(call, owner=6)
    link = {
        "ENTITY_TYPE_ID": 2,
        "ENTITY_ID": 17,
        "BANK_DETAIL_ID": 0,
        "MC_REQUISITE_ID": 70,
        "MC_BANK_DETAIL_ID": 71,
    }
    refusal = call.refusal("crm.requisite.link.register", fields={**link, "REQUISITE_ID": foreign})
    assert refusal[2].startswith(f"The Requisite with ID '{foreign}' is not assigned to")
    assert call.result("crm.requisite.link.register", fields={**link, "REQUISITE_ID": mine}) is True
    expected = {**link, "REQUISITE_ID": mine}
    found = call.result("crm.requisite.link.get", entityTypeId=2, entityId=17)
    assert found == {name: str(value) if value else None for name, value in expected.items()} | {
        "BANK_DETAIL_ID": "0"
    }


def test_presets(call: Caller) -> None:
    names = [row["NAME"] for row in call.result("crm.requisite.preset.list", order={"ID": "ASC"})]
    assert names == ["Организация", "ИП", "Физ. лицо", "Организация (доп.)"]
