"""Values that Excel spoiled."""

from __future__ import annotations

import datetime as dt
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


@pytest.mark.parametrize("cell", [dt.datetime(2025, 12, 1), dt.date(2025, 12, 1), 45.5])
def test_a_number_that_excel_changed_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match="превратил номер"):
        cells.number(cell)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "said"), [("В-001/26", "В-001/26"), (15.0, "15"), (15, "15"), ("1.5", "1.5")]
)
def test_a_number_that_is_left_alone_is_text(cell: object, said: str) -> None:
    assert cells.number(cell) == said  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", ["1500,005", "999999999999999", "1500.001 руб."])
def test_a_sum_of_more_than_kopecks_or_more_than_there_is(cell: str) -> None:
    with pytest.raises(ValueError, match=r"не сходится|непонятно"):
        cells.money(cell)
