"""Product rows of the sandbox portal and their arithmetic (bitrix24 reference, 7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.sandbox.portal.app import Portal
from etl.sandbox.portal.methods.arithmetic import price_row
from tests.support.portal_http import Caller, Clock


@pytest.fixture
def call() -> Iterator[Caller]:
    seed = {"deals": [{"ID": n} for n in (1, 2, 3)], "products": [{"id": 11, "name": "Болт М8"}]}
    with Portal(seed=seed, enforce_limits=False, clock=Clock()) as portal:
        caller = Caller(portal)
        yield caller
        caller.close()


def row(**fields: Any) -> dict[str, Any]:
    return {"PRODUCT_NAME": "Товар", **fields}


@pytest.mark.parametrize(
    ("price", "tax", "rate", "expected"),
    [
        (80000, 20, 20, ("66666.67", "16666.67", "83333.34", "100000.01")),
        (90000, 10, 10, ("81818.18", "9090.91", "90909.09", "100000.00")),
        ("899.1", None, 10, ("899.10", "99.90", "999.00", "999.00")),
    ],
)
def test_documented_samples(price: Any, tax: Any, rate: int, expected: tuple[str, ...]) -> None:
    prices = price_row({"PRICE": price, "TAX_RATE": tax, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": rate})
    names = ("PRICE_EXCLUSIVE", "DISCOUNT_SUM", "PRICE_NETTO", "PRICE_BRUTTO")
    assert tuple(str(prices[name]) for name in names) == expected


def test_absolute_discount() -> None:
    prices = price_row({"PRICE": 90, "DISCOUNT_TYPE_ID": 1, "DISCOUNT_SUM": 10})
    assert (prices["DISCOUNT_RATE"], prices["PRICE_NETTO"]) == (Decimal("10.00"), Decimal("100.00"))


@given(
    st.decimals(0, 10**7, places=2),
    st.sampled_from([None, 0, 5, 10, 20, 22]),
    st.integers(min_value=0, max_value=99),
)
def test_prices_hang_together(price: Decimal, tax: int | None, rate: int) -> None:
    prices = price_row({"PRICE": price, "TAX_RATE": tax, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": rate})
    assert prices["PRICE"] == price
    assert prices["PRICE_NETTO"] == prices["PRICE_EXCLUSIVE"] + prices["DISCOUNT_SUM"]
    assert abs(prices["PRICE_EXCLUSIVE"] * (100 + (tax or 0)) / 100 - price) <= Decimal("0.01")


def test_rows_are_replaced_and_the_sum_follows(call: Caller) -> None:
    rows = [row(PRICE="100.10", QUANTITY=3), row(PRICE="0.05", QUANTITY="0.5")]
    assert call.result("crm.deal.productrows.set", id=1, rows=rows) is True
    assert call.result("crm.deal.get", id=1)["OPPORTUNITY"] == "300.33"
    call.result("crm.deal.productrows.set", id=1, rows=[row(PRICE=120, QUANTITY=2, TAX_RATE=20)])
    deal = call.result("crm.deal.get", id=1)
    assert (deal["OPPORTUNITY"], deal["TAX_VALUE"]) == ("240.00", "40.00")
    call.result("crm.deal.productrows.set", id=1, rows=[])
    assert call.result("crm.deal.get", id=1)["OPPORTUNITY"] == "0.00"


def test_a_typed_sum_stays(call: Caller) -> None:
    call.result("crm.deal.update", id=1, fields={"OPPORTUNITY": 5, "IS_MANUAL_OPPORTUNITY": "Y"})
    call.result("crm.deal.productrows.set", id=1, rows=[row(PRICE=100)])
    assert call.result("crm.deal.get", id=1)["OPPORTUNITY"] == "5.00"
    call.result("crm.deal.update", id=2, fields={"OPPORTUNITY": 7})
    call.result("crm.deal.productrows.set", id=2, rows=[])
    assert call.result("crm.deal.get", id=2)["OPPORTUNITY"] == "7.00"


def test_old_shape(call: Caller) -> None:
    call.result("crm.deal.productrows.set", id=1, rows=[{"PRODUCT_ID": 11, "PRICE": "10.50"}, {"PRICE": 1}])
    first, second = call.result("crm.deal.productrows.get", id=1)
    assert (first["OWNER_ID"], first["PRICE_ACCOUNT"], first["ID"]) == ("1", "10.50", str(first["ID"]))
    assert (first["PRODUCT_ID"], first["PRICE"], first["QUANTITY"], first["TAX_RATE"]) == (11, 10.5, 1, None)
    assert (first["PRODUCT_NAME"], first["MEASURE_CODE"], first["TAX_INCLUDED"], first["CUSTOMIZED"]) == (
        "Болт М8",
        796,
        "N",
        "Y",
    )
    assert second["PRODUCT_NAME"] == f"[{second['ID']}]"


def test_new_methods(call: Caller) -> None:
    given_rows = [
        {"productName": "A", "price": 120.00, "quantity": 2, "taxRate": 20, "taxIncluded": "Y", "sort": 10}
    ]
    answer = call.result("crm.item.productrow.set", ownerType="D", ownerId=1, productRows=given_rows)[
        "productRows"
    ]
    assert (answer[0]["price"], answer[0]["priceExclusive"], answer[0]["taxIncluded"]) == (120, 100, "Y")
    added = call.result("crm.item.productrow.add", fields={"ownerType": "D", "ownerId": 1, "price": 10})[
        "productRow"
    ]
    assert call.result("crm.deal.get", id=1)["OPPORTUNITY"] == "250.00"
    changed = call.result("crm.item.productrow.update", id=added["id"], fields={"quantity": 4})["productRow"]
    assert (changed["id"], changed["price"], changed["quantity"]) == (added["id"], 10, 4)
    assert call.result("crm.item.productrow.get", id=added["id"])["productRow"] == changed
    assert call.result("crm.item.productrow.delete", id=added["id"]) is None
    assert call.result("crm.deal.get", id=1)["OPPORTUNITY"] == "240.00"


def test_rows_of_many_owners_in_one_list(call: Caller) -> None:
    for owner in (1, 2, 3):
        call.result("crm.deal.productrows.set", id=owner, rows=[row(PRICE=owner), row(PRICE=owner)])
    condition = {"=ownerType": "D", "=ownerId": [1, 3]}
    body = call.body("crm.item.productrow.list", filter=condition, order={"id": "asc"})
    assert [item["ownerId"] for item in body["result"]["productRows"]] == [1, 1, 3, 3]
    assert body["total"] == 4
    for broken in ({"ownerType": "D", "ownerId": 1}, {"=ownerType": "D"}):
        assert call.refusal("crm.item.productrow.list", filter=broken)[0] == 400


def test_refusals(call: Caller) -> None:
    for bad in (
        row(PRICE=1, DISCOUNT_TYPE_ID=2),
        row(PRICE=1, DISCOUNT_TYPE_ID=1),
        row(PRICE=1, DISCOUNT_TYPE_ID=2, DISCOUNT_RATE=100),
    ):
        assert call.refusal("crm.deal.productrows.set", id=1, rows=[bad])[:2] == (400, "ERROR_CORE")
    assert (
        call.refusal("crm.item.productrow.set", ownerType="D", ownerId=99, productRows=[])[1]
        == "OWNER_NOT_FOUND"
    )
    assert (
        call.refusal("crm.item.productrow.set", ownerType="X", ownerId=1, productRows=[])[1]
        == "ENTITY_TYPE_NOT_SUPPORTED"
    )


def test_badly_nested_rows_empty_the_deal(call: Caller) -> None:
    call.result("crm.deal.productrows.set", id=1, rows=[row(PRICE=100)])
    call.session.post(
        f"{call.portal.webhook}crm.deal.productrows.set?id=1&rows[PRODUCT_NAME]=x&rows[PRICE]=5", timeout=10
    )
    assert call.result("crm.deal.productrows.get", id=1) == []
