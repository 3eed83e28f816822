from datetime import date
from decimal import Decimal

import pytest

from etl import tables
from etl.config.dialects import DIALECTS
from etl.transform.money import facts
from etl.transform.orders.facts import order_facts
from etl.values import keys
from tests.support.deals000 import bill, deal, deals, payment, register

D = Decimal
PORTAL = "video"
CHARGE = "M261110003F"
ORDER, INVOICE = keys.document_id(PORTAL, "order", CHARGE), keys.document_id(PORTAL, "invoice", CHARGE)


def document(kind, **changes):
    row = {"id": f"{kind}-1", "kind": kind, "date": date(2026, 11, 12), "amount": D("1500.00")}
    return row | changes


def documents(*rows):
    return tables.frame("documents", rows)


def told(*rows, dialect="bitrix3", known=(CHARGE,), recorded=None):
    frame = documents(*rows)
    found, issues = facts.targets(frame, portal=PORTAL, known=known)
    return tables.records(facts.payment_facts(frame, found, DIALECTS[dialect], recorded)), tables.records(
        issues
    )


def shipped(*rows, known=("B24-5",), recorded=None):
    frame = documents(*rows)
    found, _ = facts.targets(frame, portal=PORTAL, known=known)
    return tables.records(facts.shipment_facts(frame, found, recorded))


def law(*rows, due=None):
    return facts.paid(
        tables.frame("payments", rows), due and {target: D(amount) for target, amount in due.items()}
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


def test_refunds_are_negative_whatever_sign_they_come_with():
    rows, _ = told(
        document("payment", id="p", basis=ORDER),
        document("refund", id="r", basis=ORDER, amount=D(500)),
        document("refund", id="s", basis=ORDER, amount=D(-300)),
    )
    assert [row["amount"] for row in rows] == [D("1500.00"), D(-500), D(-300)]
    assert facts.paid(tables.frame("payments", rows))[CHARGE].amount == D("700.00")


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
    assert law(*rows, due={CHARGE: 1500})[CHARGE] == facts.Paid(None, True, None, False, "15")
    for empty in ({"paid_on": None}, {"paid_number": "0"}, {"cancelled": True}):
        assert told(flagged | empty, dialect="ut103")[0] == []


@pytest.mark.parametrize("dialect", ["ut11", "unf3", "bitrix3"])
def test_a_reliable_flag_means_the_sum_of_the_document(dialect):
    rows, _ = told(document("order", number=CHARGE, paid=True), dialect=dialect)
    assert [(row["source"], row["amount"], row["date"]) for row in rows] == [("1c-flag", D("1500.00"), None)]
    assert law(*rows, due={CHARGE: 1500})[CHARGE] == facts.Paid(D("1500.00"), True, None, True, None)


def test_a_sum_beside_the_flag_is_taken():
    assert told(document("order", number=CHARGE, paid=False, paid_amount=D(400)))[0][0]["amount"] == D(400)


def test_the_flags_of_an_order_and_its_invoice_are_not_added():
    rows, _ = told(document("order", number=CHARGE, paid=True), document("invoice", number=CHARGE, paid=True))
    assert len(rows) == 1 and law(*rows)[CHARGE].amount == D("1500.00")


def test_a_withdrawn_flag_takes_its_fact_back():
    flagged, _ = told(document("order", number=CHARGE, paid=True), dialect="ut11")
    recorded = tables.frame("payments", flagged)
    rows, _ = told(document("order", number=CHARGE), dialect="ut11", recorded=recorded)
    assert [(row["source"], row["id"], row["amount"]) for row in rows] == [("1c-flag", CHARGE, 0)]
    assert (
        told(document("payment", basis=ORDER), dialect="ut11", recorded=recorded)[0][0]["source"] == "1c"
    ), "a file without the order says nothing"


# ---- the law ----


def test_paid_is_the_maximum_over_sources_never_their_sum():
    assert law(
        payment(CHARGE, "1500"), payment(CHARGE, "1500", source="bank"), payment(CHARGE, "900", source="xlsx")
    )[CHARGE].amount == D(1500)
    assert law(
        payment(CHARGE, "500"), payment(CHARGE, "700", number="2"), payment(CHARGE, "1000", source="bank")
    )[CHARGE].amount == D(1200)


@pytest.mark.parametrize(
    ("amount", "full"),
    [("1500", True), ("1499.99", True), ("1499.98", False), ("1500.01", True), ("0", False)],
)
def test_full_up_to_one_kopeck(amount, full):
    assert law(payment(CHARGE, amount), due={CHARGE: 1500})[CHARGE].full is full


def test_paid_on_is_the_day_a_source_reached_the_sum():
    parts = [
        payment(CHARGE, "500", date(2026, 11, 3)),
        payment(CHARGE, "1000", date(2026, 11, 20), number="2"),
        payment(CHARGE, "100", date(2026, 12, 1), number="3"),
    ]
    assert law(*parts, due={CHARGE: 1500})[CHARGE].on == date(2026, 11, 20)
    assert law(*parts, payment(CHARGE, "1500", date(2026, 11, 18), source="bank"), due={CHARGE: 1500})[
        CHARGE
    ].on == date(2026, 11, 18)
    assert law(*parts, payment(CHARGE, "1400", date(2026, 11, 1), source="bank"), due={CHARGE: 1500})[
        CHARGE
    ].on == date(2026, 11, 20)
    assert law(*parts[:1], due={CHARGE: 1500})[CHARGE] == facts.Paid(
        D(500), True, date(2026, 11, 3), False, "1"
    )


def test_paid_again_after_a_refund_counts_from_the_second_time():
    parts = [
        payment(CHARGE, "1500", date(2026, 11, 3)),
        payment(CHARGE, "-1500", date(2026, 11, 10), number="2"),
        payment(CHARGE, "1500", date(2026, 11, 25), number="3"),
    ]
    assert law(*parts[:2], due={CHARGE: 1500})[CHARGE] == facts.Paid(D(0), True, None, False, "1, 2")
    assert law(*parts, due={CHARGE: 1500})[CHARGE].on == date(2026, 11, 25)


def test_an_undated_payment_never_hides_a_known_day():
    assert law(
        payment(CHARGE, "500", None),
        payment(CHARGE, "1000", date(2026, 11, 5), number="2"),
        due={CHARGE: 1500},
    )[CHARGE].on == date(2026, 11, 5)
    assert law(payment(CHARGE, "1500", None), due={CHARGE: 1500})[CHARGE].on is None


# ---- contracts ----


def contract(*facts_rows, months=("2026-10", "2026-11"), accruals=(), confirmed=(), **changes):
    parts = register(*(bill(deals(), month=month) for month in months))
    return facts.contract_facts(
        parts,
        tables.frame("payments", facts_rows),
        tables.frame("accruals", accruals),
        deals(deal(**changes)),
        confirmed,
    )["123"]


def test_facts_of_a_contract():
    known = contract(
        payment("M261010003F", "1500", date(2026, 11, 20)), payment(CHARGE, "1500", date(2026, 11, 12))
    )
    assert known["paid_charges"] == 2
    assert [(item["number"], item["on"]) for item in known["paid"]] == [
        (CHARGE, date(2026, 11, 12)),
        ("M261010003F", date(2026, 11, 20)),
    ], "by day of payment"
    assert (known["paid_total"], known["paid_on"]) == (D(3000), date(2026, 11, 20))
    assert (known["number"], known["amount"], known["date"]) == ("M261010003F", D(1500), date(2026, 11, 20))
    assert (known["act1"], known["act2"], known["terminated"]) == (False, False, False)


def test_a_part_is_money_but_not_a_paid_charge():
    known = contract(payment(CHARGE, "700"))
    assert (known["paid_charges"], known["paid_total"], known["paid"]) == (0, D(700), ())


def test_seen_only_counts_nothing():
    assert contract(payment(CHARGE, None, source="1c-seen"))["paid_charges"] == 0


def test_a_cancelled_charge_is_not_a_paid_one():
    parts = register(bill(deals()))
    parts = tables.concat(
        "charges", [parts, bill(deals(deal(terminated_on=date(2026, 10, 1))), parts).charges]
    )
    known = facts.contract_facts(
        parts, tables.frame("payments", [payment(CHARGE, "1500")]), tables.frame("accruals"), deals()
    )["123"]
    assert known["paid_charges"] == 0 and known["paid_total"] == D(1500)


def act(number, amount="500.01", agreed="1000.01"):
    return {"deal": "123", "part": "first", "number": number, "agreed": D(agreed), "amount": D(amount)}


def test_acts_count_when_they_stand_and_are_accepted():
    paid = [payment("M261010003F", "1500"), payment(CHARGE, "1500")]
    assert contract(*paid, accruals=[act("A1-123")])["act1"] is False
    assert contract(*paid, accruals=[act("A1-123")], confirmed={"A1-123"})["act1"] is True
    assert contract(*paid, accruals=[act("A1-123"), act("R1-123")], confirmed={"A1-123"})["act1"] is False
    both = contract(
        *paid,
        accruals=[act("A1-123"), act("R1-123"), act("A12123"), act("A2-123", "500.00")],
        confirmed={"A12123", "A2-123"},
    )
    assert (both["act1"], both["act2"]) == (True, True)


def test_a_second_half_of_nothing_needs_no_act():
    paid = [payment("M261010003F", "1500"), payment(CHARGE, "1500")]
    assert contract(*paid, accruals=[act("A1-123", "0.01", "0.01")], confirmed={"A1-123"})["act2"] is True
    assert (
        contract(*paid[:1], accruals=[act("A1-123", "0.01", "0.01")], confirmed={"A1-123"})["act2"] is False
    )


def test_a_terminated_contract_and_one_without_charges():
    assert contract(terminated_on=date(2026, 11, 30))["terminated"] is True
    known = facts.contract_facts(
        tables.frame("charges"), tables.frame("payments"), tables.frame("accruals"), deals(deal(5))
    )
    assert known["5"]["paid_charges"] == 0 and known["5"]["paid_on"] is None


# ---- orders ----


def orders(*rows, payments=(), goods=(), statuses=None):
    return order_facts(
        documents(*rows), tables.frame("payments", payments), tables.frame("payments", goods), statuses
    )


SENT = document("order", id="o", number="B24-5", amount=D(1000))


def test_partial_and_full_payment_of_an_order():
    part = orders(SENT, payments=[payment("B24-5", "400")])["5"]
    assert (part["ordered"], part["invoiced"], part["prepaid"], part["paid"], part["paid_amount"]) == (
        True,
        False,
        True,
        False,
        D(400),
    )
    whole = orders(
        SENT, payments=[payment("B24-5", "400"), payment("B24-5", "600", date(2026, 11, 20), number="2")]
    )["5"]
    assert (whole["paid"], whole["paid_on"]) == (True, date(2026, 11, 20))


def test_money_on_the_invoice_is_money_of_the_order_and_flags_are_not_added():
    invoice = document("invoice", id="i", number="S24-7", deal="5", amount=D(1000))
    known = orders(
        SENT,
        invoice,
        payments=[
            payment("B24-5", "400"),
            payment("S24-7", "600", number="2"),
            payment("S24-7", "1000", source="1c-flag"),
            payment("B24-5", "1000", source="1c-flag"),
        ],
    )["5"]
    assert (known["invoiced"], known["paid_amount"], known["amount"]) == (True, D(1000), D(1000))


def test_an_invoice_before_its_order():
    known = orders(
        document("invoice", id="i", number="S24-7", deal="5"), payments=[payment("S24-7", "1500")]
    )["5"]
    assert (known["ordered"], known["invoiced"], known["paid"]) == (False, True, True)


def test_one_order_closed_by_two_shipments():
    first = document("shipment", id="s1", basis="o", amount=D(300), number_1c="Р-1", date=date(2026, 11, 3))
    rest = document("shipment", id="s2", basis="o", amount=D(700), number_1c="Р-2", date=date(2026, 11, 9))
    half = orders(SENT, goods=shipped(SENT, first))["5"]
    assert (half["shipped"], half["shipped_amount"], half["shipped_number"]) == (False, D(300), "Р-1")
    done = orders(SENT, goods=shipped(SENT, first, rest))["5"]
    assert (done["shipped"], done["shipped_amount"], done["shipped_number"], done["shipped_on"]) == (
        True,
        D(1000),
        "Р-1, Р-2",
        date(2026, 11, 9),
    )
    back = document("return", id="s3", basis="o", amount=D(700))
    assert orders(SENT, goods=shipped(SENT, first, rest, back))["5"]["shipped"] is False


def test_a_closing_document_finishes_a_part_shipment():
    first = document("shipment", id="s1", basis="o", amount=D(300))
    closing = document("closing", id="c", basis="o", amount=None)
    known = orders(SENT, goods=shipped(SENT, first, closing))["5"]
    assert (known["shipped"], known["closed"], known["shipped_amount"]) == (True, True, D(300))
    assert orders(SENT, goods=shipped(SENT, first, closing | {"deleted": True}))["5"]["closed"] is False
    assert orders(SENT, goods=shipped(SENT | {"closed": True}))["5"]["closed"] is True
    recorded = tables.frame("payments", shipped(SENT, closing))
    assert shipped(SENT, recorded=recorded) == [], (
        "an order file without the closing document does not take it back (onec §1.6)"
    )


def test_the_shipped_flag_means_the_whole_order_until_withdrawn():
    rows = shipped(SENT | {"shipped": True, "shipped_on": date(2026, 11, 9), "shipped_number": "Р-9"})
    known = orders(SENT, goods=rows)["5"]
    assert (known["shipped"], known["shipped_on"], known["shipped_number"]) == (
        True,
        date(2026, 11, 9),
        "Р-9",
    )
    assert [row["amount"] for row in shipped(SENT, recorded=tables.frame("payments", rows))] == [0]


def test_a_status_proves_what_the_profile_says_but_not_against_money():
    statuses = {"Готов к отгрузке": "paid", "Готов к закрытию": "shipped, paid", "Закрыт": "closed"}
    assert orders(SENT | {"status": "готов к отгрузке"}, statuses=statuses)["5"]["paid"] is True
    ready = orders(SENT | {"status": "Готов к закрытию"}, statuses=statuses)["5"]
    assert (ready["paid"], ready["shipped"], ready["closed"]) == (True, True, False)
    assert (
        orders(SENT | {"status": "Готов к отгрузке"}, payments=[payment("B24-5", "10")], statuses=statuses)[
            "5"
        ]["paid"]
        is False
    )
    assert orders(SENT | {"status": "Закрыт"}, statuses=statuses)["5"]["closed"] is True
    assert orders(SENT | {"status": "Неизвестный"}, statuses=statuses)["5"]["status"] == "Неизвестный"


def test_a_deleted_order_is_no_order():
    assert orders(SENT | {"deleted": True})["5"]["ordered"] is False


def test_charges_and_strangers_are_no_orders_of_deals():
    assert orders(document("order", number=CHARGE), document("order", id="z", number="УТ-1")) == {}


def test_nothing_received_does_not_pay_a_charge_of_one_kopeck() -> None:
    """The tolerance of one kopeck must not make a charge of one kopeck paid by a payment that was taken back."""
    rows = [{"source": "1c", "id": "p1", "target": "M", "date": None, "amount": Decimal("0.00")}]
    assert not facts.settle(rows_of(rows), Decimal("0.01")).full
    assert facts.settle(rows_of([rows[0] | {"amount": Decimal("0.01")}]), Decimal("0.01")).full


def rows_of(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Rows of the table `payments` with every column."""
    return tables.records(tables.frame("payments", rows))
