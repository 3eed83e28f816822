"""fast_bitrix24, unmodified, over http."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientResponseError
from fast_bitrix24 import Bitrix
from fast_bitrix24.server_response import ErrorInServerResponseException

from etl.sandbox.portal.app import Portal
from etl.sandbox.scene.demo import generate


def client(portal: Portal, **options: Any) -> Bitrix:
    return Bitrix(
        portal.webhook, verbose=False, **{"requests_per_second": 400.0, "request_pool_size": 400, **options}
    )


def test_all_deals_of_a_big_portal(big: Portal, big_seed: dict[str, Any]) -> None:
    deals = client(big).get_all("crm.deal.list", {"select": ["ID", "TITLE", "UF_*"]})
    assert {int(deal["ID"]) for deal in deals} == {deal["ID"] for deal in big_seed["deals"]}
    assert len(deals) == len(big_seed["deals"])
    payers = {deal["ID"]: deal["UF_CRM_PAYER"] for deal in big_seed["deals"]}
    assert all(deal["UF_CRM_PAYER"] == payers[int(deal["ID"])] for deal in deals)


def test_new_method_family_is_paged_too(big: Portal, big_seed: dict[str, Any]) -> None:
    items = client(big).get_all("crm.item.list", {"entityTypeId": 4})
    assert len(items) == len(big_seed["companies"])


def test_get_by_id_in_batches(big: Portal, big_seed: dict[str, Any]) -> None:
    ids = [deal["ID"] for deal in big_seed["deals"][:130]]
    rows = client(big).get_by_ID("crm.deal.productrows.get", ids)
    expected = dict.fromkeys(ids, 0)
    for row in big_seed["productrows"]:
        if row["OWNER_ID"] in expected:
            expected[row["OWNER_ID"]] += 1
    assert {int(key): len(value) for key, value in rows.items()} == expected


def test_writes(portal: Portal) -> None:
    bitrix = client(portal)
    ids = bitrix.call(
        "crm.deal.add", [{"fields": {"TITLE": f"Новая {n}", "OPPORTUNITY": n}} for n in range(70)]
    )
    assert len(set(ids)) == 70
    bitrix.call("crm.deal.update", [{"ID": number, "fields": {"COMMENTS": "проверено"}} for number in ids])
    assert {portal.call("crm.deal.get", {"id": number})["COMMENTS"] for number in ids} == {"проверено"}
    # the client sends its batches at once, so ids come in the order in which the portal got them
    assert {portal.call("crm.deal.get", {"id": number})["OPPORTUNITY"] for number in ids} == {
        f"{n}.00" for n in range(70)
    }


def test_product_rows_are_replaced(portal: Portal) -> None:
    number = portal.call("crm.deal.list")[0]["ID"]
    rows = [{"PRODUCT_NAME": "Камера", "PRICE": "199.99", "QUANTITY": 3}]
    assert (
        client(portal).call("crm.deal.productrows.set", {"id": number, "rows": rows}, raw=True)["result"]
        is True
    )
    assert portal.call("crm.deal.get", {"id": number})["OPPORTUNITY"] == "599.97"


def test_requisites(portal: Portal) -> None:
    bitrix = client(portal)
    found = bitrix.get_all("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": 4}})
    inn = portal.call("crm.requisite.get", {"id": 3})["RQ_INN"]
    assert [row["ID"] for row in found if row["RQ_INN"] == inn] == ["3"]


def test_batch_by_hand_with_a_reference(portal: Portal) -> None:
    commands = {"made": "crm.company.add?fields[TITLE]=Ромашка", "read": "crm.company.get?id=$result[made]"}
    result = client(portal).call_batch({"halt": 0, "cmd": commands})
    assert result["read"]["TITLE"] == "Ромашка"


def test_refusals(portal: Portal) -> None:
    with pytest.raises((ErrorInServerResponseException, ClientResponseError, RuntimeError)):
        client(portal).call("crm.deal.get", {"id": 10**9})


def test_the_limit_slows_it_down_but_loses_nothing() -> None:
    with Portal(seed=generate(120), rate=20, burst=10) as portal:
        bitrix = Bitrix(portal.webhook, verbose=False, request_pool_size=10, requests_per_second=20.0)
        assert len(bitrix.get_all("crm.deal.list")) == 120
        assert all(row.status in (200, 503) for row in portal.requests)
