from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables
from etl.transform.contracts import commission, facts
from etl.transform.contracts.facts import PaidCharge
from tests.support.deals000 import COMMISSION, OWN, contract, deal, deals

totals = st.decimals("0.01", "9999999.99", places=2)


def known(paid, ended=None):
    charges = tuple(
        PaidCharge(
            f"M26{month + 1:02}10003F", f"2026-{month + 1:02}", date(2026, month + 1, 12), Decimal(1500)
        )
        for month in range(paid)
    )
    return contract(charges, ended)


@given(totals)
def test_halves_sum_to_the_whole_and_differ_by_a_kopeck_at_most(total):
    first, second = commission.halves(total)
    assert first + second == total
    assert Decimal(0) <= first - second <= Decimal("0.01")


@settings(max_examples=20, deadline=None)
@given(totals, st.lists(st.integers(0, 4), max_size=6), st.lists(totals, max_size=6))
def test_what_stands_is_what_is_paid_for_whatever_happened_before(total, steps, edits):
    """Payments come and go, the deal's sum is edited: acts less reversals are the halves due now, of the frozen sum."""
    rows, frozen = [], None
    for number, paid in enumerate(steps):
        agreed = total if number == 0 else ([*edits, total])[number % (len(edits) + 1)]
        frozen = frozen or (agreed if paid else None)
        made, refused, asked = commission.accrue(
            tables.records(deals(deal(commission=agreed))),
            {"123": known(paid)},
            rows,
            organisations=[OWN],
            settings=COMMISSION,
            today=date(2026, 12, 1) + timedelta(days=number),
        )
        rows += made
        assert not len(refused) and not len(asked)
        halves = commission.halves(frozen) if frozen else ()
        assert sum((row["amount"] for row in rows), Decimal(0)) == sum(halves[:paid], Decimal(0))
        standing = facts.standing_acts(rows).get("123", {})
        assert sorted(standing) == [part for part in (1, 2) if paid >= part and halves[part - 1]]
        again, _, _ = commission.accrue(
            tables.records(deals(deal(commission=agreed))),
            {"123": known(paid)},
            rows,
            organisations=[OWN],
            settings=COMMISSION,
            today=date(2026, 12, 1),
        )
        assert not len(again)
    numbers = [row["number"] for row in rows]
    assert len(numbers) == len(set(numbers))
    firsts = [index for index, row in enumerate(rows) if row["part"] == "first"]
    seconds = [index for index, row in enumerate(rows) if row["part"] == "second"]
    assert all(any(index < other for index in firsts) for other in seconds), (
        "the second never before the first"
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 4), st.none() | st.dates(date(2026, 1, 1), date(2026, 5, 31)))
def test_no_second_half_for_a_payment_after_the_termination(paid, ended):
    made, _, asked = commission.accrue(
        tables.records(deals()),
        {"123": known(paid, ended)},
        (),
        organisations=[OWN],
        settings=COMMISSION,
        today=date(2026, 12, 1),
    )
    in_time = paid >= 2 and (ended is None or date(2026, 2, 12) <= ended)
    assert ("second" in [row["part"] for row in made]) == in_time
    assert bool(asked) == (paid >= 2 and not in_time)
