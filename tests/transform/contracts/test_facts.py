"""Facts of contracts (specification 000)."""

from datetime import date

from etl import tables
from etl.transform.contracts.facts import contract_facts
from tests.support.deals000 import bill, deal, deals, payment, register
from tests.support.documents import (
    CHARGE,
    D,
    payments,
)


def of_contract(charges, paid=(), accruals=(), row=None, confirmed=()):
    shown = row or deal()
    return contract_facts(
        tables.records(charges),
        payments(paid),
        tables.records(tables.frame("accruals", accruals)),
        {shown["id"]: shown.get("terminated_on")},
        confirmed,
    )


def contract(*facts_rows, months=("2026-10", "2026-11"), accruals=(), confirmed=(), **changes):
    parts = register(*(bill(deals(), month=month) for month in months))
    return of_contract(parts, facts_rows, accruals, deal(**changes), confirmed)["123"]


def test_facts_of_a_contract():
    known = contract(
        payment("M261010003F", "1500", date(2026, 11, 20)), payment(CHARGE, "1500", date(2026, 11, 12))
    )
    assert known.paid_charges == 2
    assert [(item.number, item.on) for item in known.paid] == [
        (CHARGE, date(2026, 11, 12)),
        ("M261010003F", date(2026, 11, 20)),
    ], "by day of payment"
    assert (known.paid_total, known.paid_on) == (D(3000), date(2026, 11, 20))
    assert (known.number, known.amount, known.date) == ("M261010003F", D(1500), date(2026, 11, 20))
    assert (known.act1, known.act2, known.terminated) == (False, False, False)


def test_a_part_is_money_but_not_a_paid_charge():
    known = contract(payment(CHARGE, "700"))
    assert (known.paid_charges, known.paid_total, known.paid) == (0, D(700), ())


def test_seen_only_counts_nothing():
    assert contract(payment(CHARGE, None, source="1c-seen")).paid_charges == 0


def test_a_cancelled_charge_is_not_a_paid_one():
    parts = register(bill(deals()))
    parts = tables.concat(
        "charges", [parts, bill(deals(deal(terminated_on=date(2026, 10, 1))), parts).charges]
    )
    known = of_contract(parts, [payment(CHARGE, "1500")])["123"]
    assert known.paid_charges == 0 and known.paid_total == D(1500)


def act(number, amount="500.01", agreed="1000.01"):
    return {"deal": "123", "part": "first", "number": number, "agreed": D(agreed), "amount": D(amount)}


def test_acts_count_when_they_stand_and_are_accepted():
    paid = [payment("M261010003F", "1500"), payment(CHARGE, "1500")]
    assert contract(*paid, accruals=[act("A1-123")]).act1 is False
    assert contract(*paid, accruals=[act("A1-123")], confirmed={"A1-123"}).act1 is True
    assert contract(*paid, accruals=[act("A1-123"), act("R1-123")], confirmed={"A1-123"}).act1 is False
    both = contract(
        *paid,
        accruals=[act("A1-123"), act("R1-123"), act("A12123"), act("A2-123", "500.00")],
        confirmed={"A12123", "A2-123"},
    )
    assert (both.act1, both.act2) == (True, True)


def test_a_second_half_of_nothing_needs_no_act():
    paid = [payment("M261010003F", "1500"), payment(CHARGE, "1500")]
    assert contract(*paid, accruals=[act("A1-123", "0.01", "0.01")], confirmed={"A1-123"}).act2 is True
    assert contract(*paid[:1], accruals=[act("A1-123", "0.01", "0.01")], confirmed={"A1-123"}).act2 is False


def test_a_terminated_contract_and_one_without_charges():
    assert contract(terminated_on=date(2026, 11, 30)).terminated is True
    known = of_contract(tables.frame("charges"), row=deal(5))
    assert known["5"].paid_charges == 0 and known["5"].paid_on is None
