"""Values that Excel spoiled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from etl.extract.spreadsheet import cells

D = Decimal


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        (1500.5, "1500.50"),
        (100.30000000000001, "100.30"),
        ("1 234,50", "1234.50"),
        ("100|RUB", "100"),
        ("-5", "-5"),
    ],
)
def test_money_cells(cell: Any, amount: str) -> None:
    assert cells.money(cell) == D(amount)


@pytest.mark.parametrize("cell", [1.005, 1e15, "1,500", "12,3456 usd", float(10**14)])
def test_money_cells_refused(cell: Any) -> None:
    with pytest.raises(ValueError):
        cells.money(cell)


def test_a_long_account_stored_as_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="потерял цифры"):
        cells.text(4.07028109e19)
