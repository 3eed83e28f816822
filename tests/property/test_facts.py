from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables
from etl.transform.money.paid import paid

SOURCES = ["1c", "bank", "xlsx"]
quick = settings(max_examples=40, deadline=None)
amounts = st.decimals("-2000.00", "2000.00", places=2)
payments = st.lists(
    st.builds(
        lambda number, source, target, day, amount: {
            "source": source,
            "id": str(number),
            "target": target,
            "date": day,
            "amount": amount,
            "number": str(number),
        },
        st.integers(),
        st.sampled_from(SOURCES),
        st.sampled_from(["M261110003F", "M261210003F"]),
        st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31)),
        st.none() | amounts,
    ),
    max_size=12,
)
dues = st.fixed_dictionaries(
    {"M261110003F": st.decimals("0.01", "3000.00", places=2), "M261210003F": st.just(Decimal(1500))}
)


def told(rows):
    """Rows of the table `payments` with every column."""
    return tables.records(tables.frame("payments", rows))


def by_source(rows, target):
    return {
        source: sum(
            (
                row["amount"]
                for row in rows
                if row["source"] == source and row["target"] == target and row["amount"] is not None
            ),
            Decimal(0),
        )
        for source in SOURCES
        if any(
            row["source"] == source and row["target"] == target and row["amount"] is not None for row in rows
        )
    }


@quick
@given(payments, dues)
def test_the_maximum_law(rows, due):
    for target, known in paid(told(rows), due).items():
        sums = by_source(rows, target)
        assert known.amount == (max(sums.values()) if sums else None)
        assert known.full == (
            known.amount is not None and known.amount > 0 and known.amount >= due[target] - Decimal("0.01")
        )


@quick
@given(payments, dues, st.permutations(range(12)))
def test_the_order_of_payments_changes_no_sum_and_no_day(rows, due, order):
    mixed = [rows[index] for index in order if index < len(rows)]
    straight, other = (
        paid(told(rows), due),
        paid(told(mixed), due),
    )
    assert {
        target: (known.amount, known.seen, known.on, known.full) for target, known in straight.items()
    } == {target: (known.amount, known.seen, known.on, known.full) for target, known in other.items()}


@quick
@given(payments, dues)
def test_the_same_money_told_by_another_source_adds_nothing(rows, due):
    echo = [row | {"source": "1c-copy"} for row in rows if row["source"] == "1c"]
    before, after = (
        paid(told(rows), due),
        paid(told([*rows, *echo]), due),
    )
    assert {target: known.amount for target, known in before.items()} == {
        target: known.amount for target, known in after.items()
    }


@quick
@given(payments, dues)
def test_the_day_of_full_payment_is_a_day_with_money_and_enough_until_then(rows, due):
    for target, known in paid(told(rows), due).items():
        if not (known.full and known.on):
            continue
        enough = [
            source
            for source in by_source(rows, target)
            if sum(
                (
                    row["amount"]
                    for row in rows
                    if row["source"] == source
                    and row["target"] == target
                    and row["amount"] is not None
                    and (row["date"] is None or row["date"] <= known.on)
                ),
                Decimal(0),
            )
            >= due[target] - Decimal("0.01")
        ]
        assert enough and any(
            row["date"] == known.on and (row["amount"] or 0) > 0 for row in rows if row["target"] == target
        )


@quick
@given(st.lists(st.decimals("0.01", "1000.00", places=2), min_size=1, max_size=6))
def test_parts_paid_and_refunded_again_leave_nothing(parts):
    rows = [
        {
            "source": "1c",
            "id": f"{sign}{number}",
            "target": "B24-1",
            "date": date(2026, 1, 1 + number),
            "amount": sign * part,
            "number": None,
        }
        for number, part in enumerate(parts)
        for sign in (1, -1)
    ]
    known = paid(told(rows), {"B24-1": sum(parts)})["B24-1"]
    assert (known.amount, known.full, known.on) == (0, False, None)
