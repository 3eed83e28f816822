"""Dialects: the VAT table by date, spellings, and what the tables of a dialect promise to the rest of the product."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from etl import tables
from etl.config import dialects
from etl.config.dialects import DIALECTS, FACTS
from etl.load.commerceml.write import schema_path


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (dt.date(2003, 1, 1), 18),
        (dt.date(2018, 12, 31), 18),
        (dt.date(2019, 1, 1), 20),
        (dt.date(2025, 12, 31), 20),
        (dt.date(2026, 1, 1), 22),
        (dt.date(2030, 5, 5), 22),
    ],
)
def test_the_standard_rate_is_that_of_the_day_of_shipment(day: dt.date, rate: int) -> None:
    assert dialects.standard_vat(day) == Decimal(rate)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("руб", "RUB"),
        ("руб.", "RUB"),
        ("RUR", "RUB"),
        ("643", "RUB"),
        ("грн", "UAH"),
        ("usd", "USD"),
        (" RUB ", "RUB"),
        ("тугрик", "ТУГРИК"),
    ],
)
def test_currencies_in_every_spelling(text: str, code: str) -> None:
    assert dialects.currency_code(text) == code


def test_exempt_is_not_zero() -> None:
    dialect = DIALECTS["ut11"]
    assert dialects.rate_text(dialect, None, True) == "Без НДС"
    assert dialects.rate_text(dialect, Decimal(0), False) == "0"
    assert dialects.rate_text(dialect, Decimal("20.00"), False) == "20"
    assert dialects.rate_text(dialect, None, None) is None


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_consistent(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.name == name
    assert dialect.kinds <= set(tables.DOCUMENT_KINDS)
    assert dialect.tells <= FACTS.keys()
    assert (dialect.order_path is None) == (not dialect.kinds)
    assert dialect.order_path is None or schema_path(dialect.schema).is_file()


def test_stock_1c_reads_orders_only_and_without_a_namespace() -> None:
    """One other operation fails the whole file; a namespace makes УТ 11 validate (commerceml §0.10, §0.12)."""
    for name in ("ut103", "ut11"):
        assert DIALECTS[name].kinds == {"order"}
        assert DIALECTS[name].namespace is None
        assert DIALECTS[name].bom
        assert not {"5", "7", "22"} & (DIALECTS[name].vat_rates or set())
    assert DIALECTS["ut103"].order_path == "order.xml"


def test_every_operation_we_write_is_read_back_as_its_kind() -> None:
    assert set(dialects.OPERATIONS.values()) | set(dialects.OTHER_KINDS.values()) == DIALECTS["bitrix3"].kinds
