"""The portal's arithmetic of a product row (bitrix24 §7.3).

PRICE is always the final price of one unit, after the discount and with tax; the other prices are derived
from it, each rounded half up to kopecks. Rates are in percent.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from etl.sandbox.portal.fields import clean_number
from etl.sandbox.portal.items import CENT
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import RestError, php_int

ABSOLUTE, PERCENT = 1, 2
ZERO = Decimal(0)


def rounded(value: Decimal) -> Decimal:
    """Half up to kopecks."""
    return value.quantize(CENT, ROUND_HALF_UP)


def given(row: Record, name: str) -> Decimal | None:
    """The number of this name; None where none was given."""
    value = row.get(name)
    return None if value in (None, "") else Decimal(clean_number(value, None))


def is_absolute(row: Record) -> bool:
    """Whether the discount of the row is a sum and not a rate."""
    return php_int(row.get("DISCOUNT_TYPE_ID")) == ABSOLUTE


def price_row(row: Record) -> dict[str, Decimal]:
    """All prices of one row from the ones given.

    >>> p = price_row({"PRICE": 80000, "TAX_RATE": 20, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 20})
    >>> str(p["PRICE_EXCLUSIVE"]), str(p["DISCOUNT_SUM"]), str(p["PRICE_NETTO"]), str(p["PRICE_BRUTTO"])
    ('66666.67', '16666.67', '83333.34', '100000.01')
    """
    price = rounded(given(row, "PRICE") or ZERO)
    with_tax = 1 + (given(row, "TAX_RATE") or ZERO) / 100
    exclusive = _given_or(row, "PRICE_EXCLUSIVE", price / with_tax)
    rate, discount = _discount(row, exclusive)
    netto = _given_or(row, "PRICE_NETTO", exclusive + discount)
    return {
        "PRICE": price,
        "PRICE_EXCLUSIVE": exclusive,
        "DISCOUNT_RATE": rate,
        "DISCOUNT_SUM": discount,
        "PRICE_NETTO": netto,
        "PRICE_BRUTTO": _given_or(row, "PRICE_BRUTTO", netto * with_tax),
    }


def _given_or(row: Record, name: str, derived: Decimal) -> Decimal:
    """The number that was given, else the derived one; in kopecks."""
    value = given(row, name)
    if value is None:
        value = derived
    return rounded(value)


def _discount(row: Record, exclusive: Decimal) -> tuple[Decimal, Decimal]:
    """(rate, sum) of the discount of one unit: the rate follows a sum, the sum a rate."""
    discount = given(row, "DISCOUNT_SUM")
    if is_absolute(row):
        discount = rounded(discount or ZERO)
        before = exclusive + discount
        return (rounded(discount / before * 100) if before else ZERO), discount
    rate = rounded(given(row, "DISCOUNT_RATE") or ZERO)
    share = rate / 100
    if discount is None:
        discount = ZERO if share == 1 else exclusive * share / (1 - share)
    return rate, rounded(discount)


def check_discount(row: Record) -> None:
    """The old `set` insists on a discount that can be computed. Raises RestError."""
    kind = row.get("DISCOUNT_TYPE_ID")
    kind = None if kind in (None, "") else php_int(kind)
    rate = given(row, "DISCOUNT_RATE")
    discount = given(row, "DISCOUNT_SUM")
    if kind == ABSOLUTE and discount is None:
        raise _missing("Discount Sum (DISCOUNT_SUM) is required if Monetary Discount Type is defined.")
    if kind == PERCENT and rate is None:
        raise _missing("Discount Rate (DISCOUNT_RATE) is required if Percentage Discount Type is defined.")
    if rate == 100 and discount is None:
        raise _missing("Discount Sum (DISCOUNT_SUM) is required if Discount Rate is 100%.")


def _missing(text: str) -> RestError:
    """The refusal of a row that lacks a part of its discount."""
    return RestError(400, "ERROR_CORE", text)
