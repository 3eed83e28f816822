"""Any quantity and sum of 1C become rows of the portal that add up to the same kopecks and compare equal."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import hypothesis.strategies as st
from hypothesis import given, settings

from etl.transform.orders import composition
from etl.transform.orders.lines import split, wrong_totals
from tests.support.rows import column, whole

quantities = st.integers(1, 10**7).map(lambda number: Decimal(number) / 10**4) | st.integers(1, 10**5).map(
    Decimal
)
amounts = st.integers(0, 10**10).map(lambda number: Decimal(number) / 100)
rates = st.sampled_from([None, Decimal(0), Decimal(10), Decimal(22)])
bodies = st.lists(
    st.tuples(st.sampled_from(["g1", "g2", None]), quantities, amounts, rates), min_size=1, max_size=6
)


def portal_total(rows: list[tuple[Decimal, Decimal]]) -> Decimal:
    """What the portal makes of rows: each product rounded half up to the kopeck."""
    return sum(
        ((quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP) for quantity, price in rows), Decimal(0)
    )


@settings(deadline=None)
@given(quantities, amounts)
def test_split_rows_give_the_sum_and_the_quantity(quantity: Decimal, amount: Decimal) -> None:
    rows = split(quantity, amount)
    assert portal_total(rows) == amount
    assert sum(units for units, _ in rows) == quantity
    assert len(rows) <= 3
    assert all(
        price >= 0 and price == price.quantize(Decimal("0.01")) and units == units.quantize(Decimal("0.0001"))
        for units, price in rows
    )


@settings(max_examples=40, deadline=None)
@given(bodies)
def test_portal_rows_compare_equal_to_the_lines_they_came_from(
    body: list[tuple[str | None, Decimal, Decimal, Decimal | None]],
) -> None:
    total = sum(amount for _, _, amount, _ in body)
    documents = whole("documents", {"id": "d", "kind": "order", "number": "1", "amount": total})
    lines = whole(
        "lines",
        *(
            {
                "document": "d",
                "position": position,
                "product": product,
                "name": f"имя {product}",
                "quantity": quantity,
                "amount": amount,
                "vat_rate": rate,
            }
            for position, (product, quantity, amount, rate) in enumerate(body, 1)
        ),
    )
    made, issues = composition.portal_rows(documents, lines, {"g1": "1", "g2": "2"})
    assert issues == []
    assert portal_total([(row["quantity"], row["price"]) for row in made]) == total
    assert composition.positions(made, {"1": "g1", "2": "g2"}) == composition.positions(
        lines, {"g1": "g1", "g2": "g2"}, {}
    )
    assert wrong_totals(documents, lines) == []
    assert column(made, "position") == list(range(1, len(made) + 1))
