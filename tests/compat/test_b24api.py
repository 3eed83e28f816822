"""b24api, unmodified, over http."""

from __future__ import annotations

from typing import Any

import pytest
from b24api import Bitrix24
from b24api.error import ApiResponseError

from etl.sandbox.portal.app import Portal
from etl.sandbox.scene.demo import generate


def client(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Bitrix24:
    monkeypatch.setenv("BITRIX24_API_WEBHOOK_URL", portal.webhook)
    monkeypatch.setenv("BITRIX24_API_RETRY_DELAY", "0.05")
    return Bitrix24()


def test_all_deals_without_counting(
    big: Portal, big_seed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {"method": "crm.deal.list", "parameters": {"select": ["*", "UF_*"]}}
    deals = list(client(big, monkeypatch).list_batched_no_count(request))
    assert [int(deal["ID"]) for deal in deals] == [deal["ID"] for deal in big_seed["deals"]]


def test_offset_paging(big: Portal, big_seed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"method": "crm.company.list", "parameters": {"order": {"ID": "ASC"}}}
    api = client(big, monkeypatch)
    expected = [row["ID"] for row in big_seed["companies"]]
    assert [int(row["ID"]) for row in api.list_batched(request)] == expected
    assert [int(row["ID"]) for row in api.list_sequential(request)] == expected


def test_new_method_family(big: Portal, big_seed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"method": "crm.item.list", "parameters": {"entityTypeId": 3, "order": {"id": "ASC"}}}
    contacts = list(client(big, monkeypatch).list_batched(request))
    assert [row["id"] for row in contacts] == [row["ID"] for row in big_seed["contacts"]]


def test_product_rows_of_many_deals(
    big: Portal, big_seed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [deal["ID"] for deal in big_seed["deals"][:75]]
    requests = [
        {
            "method": "crm.item.productrow.list",
            "parameters": {"filter": {"=ownerType": "D", "=ownerId": number}},
        }
        for number in ids
    ]
    found = [len(result["productRows"]) for result in client(big, monkeypatch).batch(requests)]
    owners = [row["OWNER_ID"] for row in big_seed["productrows"]]
    assert found == [owners.count(number) for number in ids]


def test_writes(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(portal, monkeypatch)
    fields = {"TITLE": "ООО «Тест & Ко»", "PHONE": [{"VALUE": "+70001112233", "VALUE_TYPE": "WORK"}]}
    number = api.call({"method": "crm.company.add", "parameters": {"fields": fields}})
    requisite = {
        "ENTITY_TYPE_ID": 4,
        "ENTITY_ID": number,
        "PRESET_ID": 1,
        "NAME": "Реквизиты",
        "RQ_INN": "0000000000",
    }
    api.call({"method": "crm.requisite.add", "parameters": {"fields": requisite}})
    updates = [
        {
            "method": "crm.company.update",
            "parameters": {"id": number, "fields": {"COMMENTS": f"правка {n} #1 + 50 %"}},
        }
        for n in range(3)
    ]
    assert list(api.batch(updates)) == [True, True, True]
    company = portal.call("crm.company.get", {"id": number})
    assert (company["TITLE"], company["COMMENTS"]) == ("ООО «Тест & Ко»", "правка 2 #1 + 50 %")
    assert company["PHONE"][0]["VALUE"] == "+70001112233"


def test_refusals(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(portal, monkeypatch)
    with pytest.raises(ApiResponseError):
        api.call({"method": "crm.deal.get", "parameters": {"id": 10**9}})
    with pytest.raises(ApiResponseError):
        api.call({"method": "crm.nothing.here", "parameters": {}})
    with pytest.raises(ApiResponseError):
        list(api.batch([{"method": "crm.item.get", "parameters": {"entityTypeId": 2, "id": 10**9}}]))


def test_it_waits_out_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [{"kind": "503", "method": "crm.deal.list", "nth": 2, "times": 2}]
    with Portal(seed=generate(120), rate=500, burst=500, faults=faults) as portal:
        request = {"method": "crm.deal.list", "parameters": {}}
        assert len(list(client(portal, monkeypatch).list_sequential(request))) == 120
        assert [row.status for row in portal.requests].count(503) == 2
