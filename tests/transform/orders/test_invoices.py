"""Smart invoices: which one a payment pays, through a chain of any length; which one lost its money."""

from decimal import Decimal

import pytest

from etl.config.profile import Orders
from etl.transform.money import targets
from etl.transform.money.paid import Paid
from etl.transform.orders import invoices
from etl.values import keys
from tests.support.documents import D, document, documents

OURS = ("B24-1", "B24-2", "S24-7", "S24-8")
S7, B1 = (keys.document_id("p", kind, number) for kind, number in (("invoice", "S24-7"), ("order", "B24-1")))


def chain(*given):
    rows = documents(*given)
    known = {*OURS}
    found, _ = targets.targets(rows, portal="p", known=known)
    return found, targets.bases(rows, portal="p", known=known, heads=found)


ORDER = document("order", id=B1, number="B24-1", basis=S7)
SECOND = document("order", id="b2", number="B24-2", basis=B1)
INVOICE = document("invoice", id=S7, number="S24-7")


@pytest.mark.parametrize("reverse", [False, True])
def test_the_chain_leads_from_order_to_order_to_invoice(reverse):
    rows = [INVOICE, ORDER, SECOND, document("payment", id="p", basis="b2")]
    found, above = chain(*(reversed(rows) if reverse else rows))
    assert (found["p"], above["B24-2"], above["B24-1"]) == ("B24-2", ("B24-1", "S24-7"), ("S24-7",))
    deals = {"S24-7": "1", "S24-8": "1"}
    assert invoices.leads_to({"B24-2", "B24-1", "S24-8"}, deals, above, {}) == {
        "B24-2": "S24-7",
        "B24-1": "S24-7",
        "S24-8": "S24-8",
    }


def test_the_basis_need_not_be_told_and_may_be_a_number():
    assert chain(ORDER)[1] == {"B24-1": ("S24-7",)}
    by_number = document("order", id=B1, number="B24-1", basis_number="S24-7 ")
    assert chain(by_number)[1] == {"B24-1": ("S24-7",)}


def test_a_circle_of_orders_ends():
    rows = (
        document("order", id="a", number="B24-1", basis="b"),
        document("order", id="b", number="B24-2", basis="a"),
    )
    assert chain(*rows)[1] == {"B24-1": ("B24-2",), "B24-2": ("B24-1",)}


def test_without_a_basis_the_only_invoice_of_the_deal_is_meant():
    owners = {"B24-1": "1", "B24-2": "2"}
    assert invoices.leads_to({"B24-1", "B24-2"}, {"S24-7": "1"}, {}, owners) == {"B24-1": "S24-7"}
    assert invoices.leads_to({"B24-1"}, {"S24-7": "1", "S24-8": "1"}, {}, owners) == {}


@pytest.mark.parametrize(
    ("stage", "got", "expected"),
    [("Оплачен", "0", True), ("Оплачен", "99.98", True), ("Оплачен", "99.99", False), ("Новый", "0", False)],
)
def test_an_invoice_that_stands_as_paid_without_its_money(stage, got, expected):
    row = {"id": "7", "deal": "1", "status": stage, "amount": D("100.00")}
    paid = {"S24-7": Paid(Decimal(got), True, None, False)}
    found = invoices.unpaid([row], paid, Orders(invoice_paid_stage="Оплачен"))
    assert bool(found) is expected
