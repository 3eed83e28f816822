"""The vendor's own b24pysdk, unmodified, over TLS with a throw-away certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from b24pysdk import BitrixWebhook, Client
from b24pysdk.errors import BitrixAPIError, BitrixRequestError

from etl.sandbox.portal.app import Portal
from etl.sandbox.scene.demo import generate

Certificate = tuple[Path, Path]


@pytest.fixture(autouse=True)
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))


@pytest.fixture(scope="module")
def secure(certificate: Certificate, big_seed: dict[str, Any]) -> Iterator[Portal]:
    cert, key = certificate
    with Portal(seed=big_seed, rate=500, burst=500, tls_cert=cert, tls_key=key) as portal:
        yield portal


def token(portal: Portal) -> BitrixWebhook:
    _, _, domain, _, user, code, _ = portal.webhook.split("/")
    return BitrixWebhook(domain=domain, webhook_token=f"{user}/{code}")


def test_all_deals_by_offsets(secure: Portal, big_seed: dict[str, Any]) -> None:
    request = Client(token(secure)).crm.deal.list(select=["*", "UF_*"], order={"ID": "ASC"})
    ids = [int(deal["ID"]) for deal in request.as_list().result]
    assert ids == [deal["ID"] for deal in big_seed["deals"]]


def test_all_deals_by_chained_batches(secure: Portal, big_seed: dict[str, Any]) -> None:
    request = Client(token(secure)).crm.deal.list(select=["*"])
    ids = [int(deal["ID"]) for deal in request.as_list_fast().result]
    assert ids == [deal["ID"] for deal in big_seed["deals"]]


def test_new_method_family_by_chained_batches(secure: Portal, big_seed: dict[str, Any]) -> None:
    request = Client(token(secure)).crm.item.list(entity_type_id=4)
    assert len(list(request.as_list_fast().result)) == len(big_seed["companies"])


def test_product_rows(secure: Portal, big_seed: dict[str, Any]) -> None:
    owner = big_seed["productrows"][0]["OWNER_ID"]
    expected = [row["PRODUCT_NAME"] for row in big_seed["productrows"] if row["OWNER_ID"] == owner]
    client = Client(token(secure))
    assert [row["PRODUCT_NAME"] for row in client.crm.deal.productrows.get(owner).result] == expected
    new = client.crm.item.productrow.list(filter={"=ownerType": "D", "=ownerId": owner}).result
    assert [row["productName"] for row in new["productRows"]] == expected


def test_writes(secure: Portal) -> None:
    client = Client(token(secure))
    number = client.crm.deal.add({"TITLE": "Из SDK", "OPPORTUNITY": 10}).result
    assert client.crm.deal.update(number, {"TITLE": "Из SDK, поправлено"}).result is True
    assert client.crm.deal.get(number).result["TITLE"] == "Из SDK, поправлено"
    assert (
        client.crm.deal.productrows.set(number, [{"PRODUCT_NAME": "A", "PRICE": 12.5, "QUANTITY": 2}]).result
        is True
    )
    assert client.crm.deal.get(number).result["OPPORTUNITY"] == "25.00"
    assert client.crm.deal.delete(number).result is True


def test_requisites_with_bank_and_address(secure: Portal) -> None:
    client = Client(token(secure))
    fields = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 2, "PRESET_ID": 1, "NAME": "Ещё одни", "RQ_INN": "0000000000"}
    number = client.crm.requisite.add(fields).result
    bank = client.crm.requisite.bankdetail.add(
        {"ENTITY_ID": number, "NAME": "Счёт", "RQ_BIK": "049999901"}
    ).result
    place = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": number, "CITY": "Новореченск"}
    assert client.crm.address.add(place).result is True
    assert client.crm.requisite.get(number).result["RQ_INN"] == "0000000000"
    assert client.crm.requisite.bankdetail.get(bank).result["RQ_BIK"] == "049999901"
    assert client.crm.requisite.delete(number).result is True
    with pytest.raises(BitrixAPIError):
        _ = client.crm.requisite.bankdetail.get(bank).result


def test_batch(secure: Portal) -> None:
    client = Client(token(secure))
    answer = client.call_batch(
        {"one": client.crm.deal.list(), "two": client.user.get(), "bad": client.crm.deal.get(10**9)}
    )
    assert len(answer.result.result["one"]) == 50
    assert answer.result.result_error["bad"]["error_description"] == "Not found"
    assert answer.result.result_total["one"] >= 5_000


def test_refusals(secure: Portal) -> None:
    with pytest.raises(BitrixAPIError) as caught:
        token(secure).call_method("crm.nothing.here")
    assert caught.value.status_code == 404
    with pytest.raises(BitrixAPIError):
        token(secure).call_method("crm.item.list", {"entityTypeId": 2, "filter": {"nosuchfield": 1}})


def test_a_wrong_code_is_refused(secure: Portal) -> None:
    domain = secure.webhook.split("/")[2]
    with pytest.raises(BitrixAPIError) as caught:
        BitrixWebhook(domain=domain, webhook_token="1/wrong").call_method("profile")
    assert caught.value.status_code == 401


def test_limits_and_cut_lines(certificate: Certificate) -> None:
    cert, key = certificate
    faults = [
        {"kind": "503", "method": "crm.deal.list", "nth": 1, "times": 1},
        {"kind": "cut_after", "method": "crm.deal.add"},
        {"kind": "429", "method": "crm.deal.get"},
    ]
    with Portal(seed=generate(60), tls_cert=cert, tls_key=key, faults=faults) as portal:
        assert len(token(portal).call_list("crm.deal.list")["result"]) == 60  # it repeats after a 503
        with pytest.raises(BitrixRequestError):
            token(portal).call_method("crm.deal.add", {"fields": {"TITLE": "Потерянный ответ"}})
        assert len(portal.call("crm.deal.list", {"filter": {"TITLE": "Потерянный ответ"}})) == 1
        with pytest.raises(BitrixAPIError) as caught:
            token(portal).call_method("crm.deal.get", {"id": 1})
        assert caught.value.status_code == 429
