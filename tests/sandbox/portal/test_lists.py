"""Lists of the sandbox portal: filters, orders, selections, pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock

FIELDS = [
    {"ENTITY_ID": "CRM_DEAL", "FIELD_NAME": "UF_CRM_DAY", "USER_TYPE_ID": "date"},
    {"ENTITY_ID": "CRM_DEAL", "FIELD_NAME": "UF_CRM_FLAG", "USER_TYPE_ID": "boolean"},
    {"ENTITY_ID": "CRM_DEAL", "FIELD_NAME": "UF_CRM_FEE", "USER_TYPE_ID": "money"},
    {"ENTITY_ID": "CRM_DEAL", "FIELD_NAME": "UF_CRM_TAGS", "USER_TYPE_ID": "string", "MULTIPLE": "Y"},
]


def deal(number: int) -> dict[str, Any]:
    return {
        "ID": number * 3,
        "TITLE": f"Сделка {number}",
        "OPPORTUNITY": f"{number}.50",
        "STAGE_ID": "WON" if number % 10 == 0 else "NEW",
        "COMPANY_ID": number % 7,
        "UF_CRM_DAY": f"2026-01-{1 + number % 28:02d}",
        "UF_CRM_FLAG": "1" if number % 2 else "0",
        "ORIGINATOR_ID": "1c-main",
        "ORIGIN_ID": f"g-{number % 100}",
    }


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    company = {"ID": 1, "TITLE": "ООО Альфа", "PHONE": ["+70000000001"], "EMAIL": ["a@example.ru"]}
    seed = {"userfields": FIELDS, "deals": [deal(n) for n in range(1, 131)], "companies": [company]}
    with Portal(seed=seed, enforce_limits=False, clock=Clock()) as portal:
        caller = Caller(portal)
        yield caller
        caller.close()


def old_ids(call: Caller, **params: Any) -> list[int]:
    return [
        int(row["ID"]) for row in call.result("crm.deal.list", select=["ID"], order={"ID": "ASC"}, **params)
    ]


def new_ids(call: Caller, condition: dict[str, Any]) -> list[int]:
    params = {"entityTypeId": 2, "select": ["id"], "order": {"id": "ASC"}, "filter": condition}
    return [row["id"] for row in call.result("crm.item.list", **params)["items"]]


def test_pages_of_fifty(call: Caller) -> None:
    first = call.body("crm.deal.list", order={"ID": "ASC"})
    assert (len(first["result"]), first["total"], first["next"]) == (50, 130, 50)
    last = call.body("crm.deal.list", order={"ID": "ASC"}, start=100)
    assert (len(last["result"]), last["total"], last.get("next")) == (30, 130, None)


def test_old_offsets_are_floored_and_new_ones_literal(call: Caller) -> None:
    old = call.body("crm.deal.list", order={"ID": "ASC"}, start=60)
    assert (old["result"][0]["ID"], old["next"]) == ("153", 100)
    new = call.body("crm.item.list", entityTypeId=2, order={"id": "ASC"}, start=60)
    assert (new["result"]["items"][0]["id"], new["next"]) == (183, 110)


def test_without_counting(call: Caller) -> None:
    page = call.body("crm.deal.list", order={"ID": "ASC"}, filter={">ID": 300}, start=-1)
    assert page["result"][0]["ID"] == "303"
    assert len(page["result"]) == 30
    assert "next" not in page
    assert not page.get("total")


def test_keyset_reads_everything_once(call: Caller) -> None:
    seen: list[int] = []
    while page := old_ids(call, filter={">ID": seen[-1] if seen else 0}, start=-1):
        seen += page
    assert seen == [3 * n for n in range(1, 131)]


def test_without_an_order_the_rows_are_shuffled_but_complete(call: Caller) -> None:
    ids = [int(row["ID"]) for start in (0, 50, 100) for row in call.result("crm.deal.list", start=start)]
    assert ids != sorted(ids)
    assert sorted(ids) == [3 * n for n in range(1, 131)]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ({"ID": [3, 9]}, [1, 3]),
        ({"@ID": [3, 9]}, [1, 3]),
        ({"=ID": 9}, [3]),
        ({">ID": 381}, [128, 129, 130]),
        ({">=ID": 387}, [129, 130]),
        ({"<ID": 9}, [1, 2]),
        ({"<=ID": 9}, [1, 2, 3]),
        ({"!ID": 3, "<ID": 9}, [2]),
        ({"!@ID": [3, 6], "<=ID": 9}, [3]),
        ({">OPPORTUNITY": "129.4"}, [129, 130]),
        ({"%TITLE": "делка 13"}, [13, 130]),
        ({"=%TITLE": "Сделка 12_"}, []),
        ({"%=TITLE": "%лка 12"}, [12]),
        ({"STAGE_SEMANTIC_ID": "S", "<ID": 61}, [10, 20]),
        ({"UF_CRM_DAY": "2026-01-05"}, [4, 32, 60, 88, 116]),
        ({">=UF_CRM_DAY": "2026-01-28", "<ID": 100}, [27]),
        ({"ORIGINATOR_ID": "1c-main", "ORIGIN_ID": "G-5"}, [5, 105]),
        ({"UF_CRM_FLAG": 1, "<ID": 12}, [1, 3]),
        ({"UF_CRM_FEE": "", "<ID": 9}, [1, 2]),
        ({"!UF_CRM_FEE": ""}, []),
        ({"ID": 3, "NO_SUCH_FIELD": 1}, [1]),  # unknown: ignored
        ({"ID": 3, "%STAGE_ID": "zzz"}, [1]),  # no LIKE on dictionary fields
        ({"ID": 3, "logic": "OR", "0": {"ID": 6}}, [1]),  # no groups in the old family
        ({"ID": [], "<ID": 9}, [1, 2]),  # an empty array drops the condition
        ({">ID": [{"ID": "387"}], "<ID": 9}, [1, 2]),  # an array where a number should be counts as 1
    ],
)
def test_old_filters(call: Caller, condition: dict[str, Any], numbers: list[int]) -> None:
    assert old_ids(call, filter=condition) == [3 * n for n in numbers]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ({"id": [3, 9]}, [1, 3]),
        ({">=ID": 387}, [129, 130]),
        ({"!%title": "Сделка", "<id": 9}, []),
        ({"0": {"logic": "OR", "0": {"id": 3}, "1": {">id": 387}}}, [1, 130]),
        ({"0": {"logic": "OR", "0": {"id": 3}, "1": {"id": 9}}, "companyId": 3}, [3]),
        ({"0": {"title": "Сделка 7", "id": 21}}, [7]),
        ({"ufCrmDay": "2026-01-05", "<id": 100}, [4, 32]),
        ({"ufCrmFlag": 1, "<id": 12}, [1, 3]),
        ({"ufCrmFlag": "Y", "<id": 12}, []),
        ({"stageSemanticId": "S", ">id": 350}, [120, 130]),
    ],
)
def test_new_filters(call: Caller, condition: dict[str, Any], numbers: list[int]) -> None:
    assert new_ids(call, condition) == [3 * n for n in numbers]


def test_orders(call: Caller) -> None:
    rows = call.result("crm.deal.list", order={"OPPORTUNITY": "DESC"}, select=["ID"])
    assert [row["ID"] for row in rows[:2]] == ["390", "387"]
    assert call.refusal("crm.item.list", entityTypeId=2, order={"nothing": "ASC"})[1] == "INVALID_ARG_VALUE"


def test_old_selections(call: Caller) -> None:
    everything = call.result("crm.deal.list", filter={"ID": 3})[0]
    assert {"TITLE", "OPPORTUNITY", "UF_CRM_DAY"} <= set(everything)
    standard = call.result("crm.deal.list", filter={"ID": 3}, select=["*"])[0]
    assert not [name for name in standard if name.startswith("UF_")]
    both = call.result("crm.deal.list", filter={"ID": 3}, select=["*", "UF_*"])[0]
    assert set(both) == set(everything)
    assert set(call.result("crm.deal.list", filter={"ID": 3}, select=["TITLE"])[0]) == {"ID", "TITLE"}


def test_multifields_must_be_named(call: Caller) -> None:
    assert "PHONE" not in call.result("crm.company.list", select=["*"])[0]
    phone = call.result("crm.company.list", select=["ID", "PHONE"])[0]["PHONE"][0]
    assert (phone["VALUE"], phone["VALUE_TYPE"], phone["TYPE_ID"]) == ("+70000000001", "WORK", "PHONE")
    assert len(call.result("crm.company.list", filter={"PHONE": "+70000000001"})) == 1
    assert call.result("crm.company.list", filter={"PHONE": "0000000001"}) == []
    assert (
        call.result("crm.item.list", entityTypeId=4, select=["*"])["items"][0]["fm"][0]["typeId"] == "PHONE"
    )
    assert "fm" not in call.result("crm.item.list", entityTypeId=4)["items"][0]


def test_values_of_both_families(call: Caller) -> None:
    old = call.result("crm.deal.get", id=3)
    assert (old["ID"], old["OPPORTUNITY"], old["UF_CRM_DAY"]) == ("3", "1.50", "2026-01-02T00:00:00+03:00")
    assert (old["CLOSEDATE"], old["UF_CRM_FLAG"], old["UF_CRM_TAGS"]) == ("", "1", [])
    new = call.result("crm.item.get", entityTypeId=2, id=3)["item"]
    assert (new["id"], new["opportunity"], new["ufCrmDay"]) == (3, 1.5, "2026-01-02T00:00:00+03:00")
    assert (new["closedate"], new["ufCrmFlag"], new["entityTypeId"]) == (None, "Y", 2)
    original = call.result("crm.item.get", entityTypeId=2, id=3, useOriginalUfNames="Y")["item"]
    assert original["UF_CRM_DAY"] == new["ufCrmDay"]


def test_pages_shift_when_rows_vanish_in_between() -> None:
    faults = [
        {"kind": "mutate", "method": "crm.deal.list", "nth": 2, "call": [["crm.deal.delete", {"id": 3}]]}
    ]
    with Portal(
        seed={"userfields": FIELDS, "deals": [deal(n) for n in range(1, 101)]},
        enforce_limits=False,
        faults=faults,
    ) as portal:
        call = Caller(portal)
        seen = old_ids(call, start=0) + old_ids(call, start=50)
        assert 3 * 51 not in seen  # offset paging loses a row that nobody deleted
        call.close()
