"""Money in its currency: the one way to read, convert and show it.

A bare Decimal is roubles: 1C keeps its books in them, and so do the registers. A sum in another currency is
`Foreign`, which neither adds to nor compares with roubles or a third currency: Python itself refuses. What
documents of one deal say is brought into one currency first, by the rates they name (Курс, commerceml §3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from etl.config import dialects
from etl.values import clean

ROUBLE: Final = "RUB"
_ONE: Final = Decimal(1)
#: digits of a rate that two rates of the portal give
_RATE: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Foreign:
    """A sum that is not in roubles."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}"


Amount: TypeAlias = Decimal | Foreign


def of(amount: Decimal, currency: str | None) -> Amount:
    """A sum in its currency; no currency means roubles."""
    return amount if currency in (None, ROUBLE) else Foreign(amount, currency or ROUBLE)


def plain(value: Any) -> Any:
    """A value for a journal: a foreign sum as text, anything else as it is."""
    return str(value) if isinstance(value, Foreign) else value


def shown(amount: Amount) -> str:
    """A sum for people: «100.00 руб.», «100.00 USD»."""
    return str(amount) if isinstance(amount, Foreign) else f"{amount:.2f} руб."


#: length of a bank account, and where its currency stands (Банк России, 579-П)
_DIGITS, _CODE = 20, slice(5, 8)


def of_account(number: str) -> str | None:
    """The currency that stands in the number of a bank account; None for what is no such number."""
    return dialects.currency_code(number[_CODE]) if len(number) == _DIGITS else None


# ---- one currency into another ----


class Measure(NamedTuple):
    """A currency and what one unit of it costs in roubles; None where nobody says."""

    currency: str = ROUBLE
    rate: Decimal | None = _ONE


ROUBLES: Final = Measure()


def measure(currency: str | None, rate: Decimal | None) -> Measure:
    """The currency of a document with its Курс.

    Курс 1 of a foreign currency is none: exchanges write it where they know no rate. Курс of roubles is 1; a
    document in roubles that names another one contradicts itself, and converts nothing.
    """
    code = currency or ROUBLE
    if code == ROUBLE:
        return Measure(code, _ONE if rate in (None, _ONE) else None)
    return Measure(code, rate if rate is not None and rate > 0 and rate != _ONE else None)


def converted(amount: Decimal, own: Measure, other: Measure, whole: Decimal | None = None) -> Decimal | None:
    """A sum in another currency, to the kopeck; None where a rate is missing.

    `whole`: a sum of the other currency. What is exactly its worth in kopecks of the own currency is the
    whole, whatever is lost by rounding there and back: paid in full is paid in full.
    """
    if own.currency == other.currency:
        return amount
    if own.rate is None or other.rate is None:
        return None
    if whole is not None and clean.kopecks(whole * other.rate / own.rate) == amount:
        return whole
    return clean.kopecks(amount * own.rate / other.rate)


def cross(rate: Decimal, roubles: Decimal) -> Decimal:
    """What one unit of a currency costs in roubles, where both cost so much in a third currency."""
    return (rate / roubles).quantize(_RATE).normalize()
