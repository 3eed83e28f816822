from datetime import date

import pytest

from etl.transform.money import paid
from tests.support.documents import (
    CHARGE,
    INVOICE,
    ORDER,
    D,
    document,
    law,
    told,
)

# ---- documents to targets ----


def test_a_payment_leads_through_the_invoice_to_the_charge():
    rows, issues = told(
        document("invoice", id=INVOICE, number=CHARGE, basis=ORDER),
        document("payment", basis=INVOICE, amount=D("900.00")),
    )
    assert [(row["target"], row["amount"], row["source"], row["date"]) for row in rows] == [
        (CHARGE, D("900.00"), "1c", date(2026, 11, 12))
    ]
    assert issues == []


def test_the_basis_need_not_be_in_the_file():
    assert told(document("payment", basis=INVOICE))[0][0]["target"] == CHARGE
    assert told(document("payment", basis=ORDER))[0][0]["target"] == CHARGE
    assert told(document("payment", basis_number=f"{CHARGE} "))[0][0]["target"] == CHARGE


def test_an_invoice_typed_in_1c_on_our_order_leads_to_the_order():
    rows, _ = told(
        document("invoice", id="guid", number="СЧ-15", basis=ORDER), document("payment", basis="guid")
    )
    assert rows[0]["target"] == CHARGE


def test_a_document_born_in_1c_is_known_by_its_id():
    rows, _ = told(
        document("order", id="born", number="УТ-1"), document("payment", basis="born"), known=("born",)
    )
    assert rows[0]["target"] == "born"


def test_unknown_numbers_are_issues_and_give_no_facts():
    rows, issues = told(
        document("order", id="x", number="M261110003G", paid=True, file="a.xml", place="Документ[1]"),
        document("order", id="y", number="УТ-1"),
        document("payment", id="z", number="000001"),
        document("payment", id="w", basis="x"),
        document("other", id="o"),
        document("payment", id="q", basis="q"),
    )
    assert rows == []
    by_key = {row["key"]: row for row in issues}
    assert set(by_key) == {"x", "y", "z", "w", "q"}
    assert (
        by_key["x"]["severity"] == "reject"
        and "obmen24 restore" in by_key["x"]["message"]
        and by_key["x"]["file"] == "a.xml"
    )
    assert "нет на портале" in by_key["y"]["message"] and by_key["y"]["severity"] == "warn"
    assert "документ-основание" in by_key["z"]["message"] and by_key["z"]["field"] == "basis"


def test_the_number_of_a_payment_is_never_taken_for_ours():
    rows, issues = told(document("payment", number=CHARGE))
    assert rows == [] and len(issues) == 1


# ---- payments ----


def test_a_refund_counts_against_what_was_paid():
    rows, _ = told(
        document("payment", id="p", basis=ORDER), document("refund", id="r", basis=ORDER, amount=D(500))
    )
    assert [row["amount"] for row in rows] == [D("1500.00"), D(-500)]
    assert paid.paid(rows)[CHARGE].amount == D("1000.00")


@pytest.mark.parametrize(
    "taken_back", [{"deleted": True}, {"cancelled": True}, {"posted": False}, {"paid": False}]
)
def test_a_payment_taken_back_replaces_the_former_fact_with_zero(taken_back):
    rows, _ = told(document("payment", id="p", basis=ORDER, **taken_back))
    assert [(row["id"], row["amount"]) for row in rows] == [("p", 0)]
    assert law(*rows)[CHARGE].seen is False


def test_the_day_of_payment_is_the_bank_s_where_given():
    rows, _ = told(
        document(
            "payment", basis=ORDER, paid_on=date(2026, 11, 3), date_1c=date(2026, 11, 4), number_1c="ПП-5"
        )
    )
    assert rows[0]["date"] == date(2026, 11, 3) and rows[0]["number"] == "ПП-5"


def test_the_weak_flag_of_ut103_is_seen_and_has_no_sum():
    flagged = document(
        "order", id="guid", number=CHARGE, paid=True, paid_on=date(2026, 11, 12), paid_number="15  "
    )
    rows, _ = told(flagged, dialect="ut103")
    assert [(row["source"], row["amount"], row["target"], row["id"], row["number"]) for row in rows] == [
        ("1c-seen", None, CHARGE, CHARGE, "15")
    ]
    assert law(*rows, due={CHARGE: 1500})[CHARGE] == paid.Paid(None, True, None, False, "15")
    for empty in ({"paid_on": None}, {"paid_number": "0"}, {"cancelled": True}):
        assert told(flagged | empty, dialect="ut103")[0] == []


@pytest.mark.parametrize("dialect", ["ut11", "unf3", "bitrix3"])
def test_a_reliable_flag_means_the_sum_of_the_document(dialect):
    rows, _ = told(document("order", number=CHARGE, paid=True), dialect=dialect)
    assert [(row["source"], row["amount"], row["date"]) for row in rows] == [("1c-flag", D("1500.00"), None)]
    assert law(*rows, due={CHARGE: 1500})[CHARGE] == paid.Paid(D("1500.00"), True, None, True, None)


def test_a_sum_beside_the_flag_is_taken():
    assert told(document("order", number=CHARGE, paid=False, paid_amount=D(400)))[0][0]["amount"] == D(400)


def test_the_flags_of_an_order_and_its_invoice_are_not_added():
    rows, _ = told(document("order", number=CHARGE, paid=True), document("invoice", number=CHARGE, paid=True))
    assert len(rows) == 1 and law(*rows)[CHARGE].amount == D("1500.00")


def test_a_withdrawn_flag_takes_its_fact_back():
    flagged, _ = told(document("order", number=CHARGE, paid=True), dialect="ut11")
    rows, _ = told(document("order", number=CHARGE), dialect="ut11", recorded=flagged)
    assert [(row["source"], row["id"], row["amount"]) for row in rows] == [("1c-flag", CHARGE, 0)]
    assert told(document("payment", basis=ORDER), dialect="ut11", recorded=flagged)[0][0]["source"] == "1c", (
        "a file without the order says nothing"
    )
