"""The catalogue of the sandbox portal: products, prices, and their old flat view."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock


@pytest.fixture
def call() -> Iterator[Caller]:
    products = [{"id": n, "name": f"Товар {n}", "xmlId": f"g-{n}"} for n in range(1, 61)]
    with Portal(seed={"products": products}, enforce_limits=False, clock=Clock()) as portal:
        caller = Caller(portal)
        yield caller
        caller.close()


def test_main_catalogue_and_dictionaries(call: Caller) -> None:
    catalogs = call.result("catalog.catalog.list")["catalogs"]
    assert [row["iblockId"] for row in catalogs if row["productIblockId"] is None] == [23]
    assert [
        row["id"] for row in call.result("catalog.priceType.list")["priceTypes"] if row["base"] == "Y"
    ] == [1]
    symbols = {row["code"]: row["symbol"] for row in call.result("catalog.measure.list")["measures"]}
    assert symbols[796] == "шт"
    assert {row["rate"] for row in call.result("catalog.vat.list")["vats"]} >= {None, 0, 10, 20}


def test_list_insists_on_id_and_iblock(call: Caller) -> None:
    good = {"select": ["id", "iblockId", "name"], "filter": {"iblockId": 23}, "order": {"id": "ASC"}}
    body = call.body("catalog.product.list", **good)
    assert (len(body["result"]["products"]), body["total"], body["next"]) == (50, 60, 50)
    assert body["result"]["products"][0] == {"id": 1, "iblockId": 23, "name": "Товар 1"}
    assert call.refusal("catalog.product.list", **{**good, "select": ["name"]})[:2] == (400, 0)
    assert call.refusal("catalog.product.list", **{**good, "filter": {}})[:2] == (400, 0)


def test_array_values_work_and_the_in_prefix_does_not(call: Caller) -> None:
    select = ["id", "iblockId", "xmlId"]
    found = call.result(
        "catalog.product.list", select=select, filter={"iblockId": 23, "xmlId": ["g-1", "g-7"]}
    )
    assert {row["xmlId"] for row in found["products"]} == {"g-1", "g-7"}
    ignored = call.body("catalog.product.list", select=select, filter={"iblockId": 23, "@xmlId": ["g-1"]})
    assert ignored["total"] == 60


def test_product_life(call: Caller) -> None:
    fields = {
        "iblockId": 23,
        "name": "Болт",
        "xmlId": "g-1",
        "purchasingPrice": 1000,
        "purchasingCurrency": "RUB",
    }
    element = call.result("catalog.product.add", fields=fields)["element"]
    assert (element["purchasingPrice"], element["type"], element["xmlId"]) == ("1000.000000", 1, "g-1")
    listed = call.result(
        "catalog.product.list",
        select=["id", "iblockId", "purchasingPrice"],
        filter={"iblockId": 23, "id": element["id"]},
    )["products"]
    assert listed[0]["purchasingPrice"] == 1000
    call.result("catalog.product.update", id=element["id"], fields={"name": "Болт М8"})
    assert call.result("catalog.product.get", id=element["id"])["product"]["name"] == "Болт М8"
    assert call.refusal("catalog.product.add", fields={"iblockId": 99, "name": "x"})[1] == 200040300000
    assert call.refusal("catalog.product.get", id=999)[1] == 200040300040


def test_prices(call: Caller) -> None:
    fields = {"productId": 1, "catalogGroupId": 1, "price": "99.90", "currency": "RUB"}
    price = call.result("catalog.price.add", fields=fields)["price"]
    assert (price["price"], price["currency"]) == (99.9, "RUB")
    status, code, text = call.refusal("catalog.price.add", fields=fields)
    assert (status, code) == (400, 0)
    assert "single price" in text
    assert call.result("catalog.price.update", id=price["id"], fields={"price": 100})["price"]["price"] == 100
    found = call.result("catalog.price.list", filter={"productId": [1, 2], "catalogGroupId": 1})["prices"]
    assert [row["id"] for row in found] == [price["id"]]
    given = {"product": {"id": 1, "prices": [{"catalogGroupId": 1, "price": 5, "currency": "RUB"}]}}
    modified = call.result("catalog.price.modify", fields=given)["prices"]
    assert [row["id"] for row in modified] != [price["id"]]
    assert call.portal.counts["prices"] == 1


def test_old_flat_products(call: Caller) -> None:
    number = call.result(
        "crm.product.add", fields={"NAME": "Гайка", "PRICE": "12.5", "CURRENCY_ID": "RUB", "XML_ID": "g-x"}
    )
    row = call.result("crm.product.get", id=number)
    assert (row["ID"], row["NAME"], row["PRICE"], row["CURRENCY_ID"]) == (
        str(number),
        "Гайка",
        "12.50",
        "RUB",
    )
    call.result("crm.product.update", id=number, fields={"PRICE": 13})
    found = call.result("crm.product.list", filter={"XML_ID": "g-x"}, select=["ID", "PRICE"])
    assert found == [{"ID": str(number), "PRICE": "13.00"}]
    assert call.result("catalog.price.list", filter={"productId": number})["prices"][0]["price"] == 13
