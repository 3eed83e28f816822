"""What a month of a contract costs: VAT of the day, the days that are charged, the part of the monthly fee.

Rules: reference onec §5 (rate by date, «без НДС» is not 0 %, included VAT), §6 (proration by calendar days
inclusive).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from etl.config.ends import Organisation
from etl.config.profile import Billing
from etl.values import clean

#: the general VAT rate by day, in percent (`dialects.standard_vat`)
VatOn = Callable[[dt.date], Decimal]


def vat_rate(organisation: Organisation, day: dt.date, vat_on: VatOn) -> Decimal | None:
    """VAT rate of an organisation on a day in percent; None = «без НДС», which is not 0 %."""
    if organisation.vat == "exempt":
        return None
    return vat_on(day) if organisation.vat == "general" else Decimal(organisation.vat)


def vat_included(total: Decimal, rate: Decimal) -> Decimal:
    """VAT inside a total in roubles: total × r / (100 + r), half up to the kopeck."""
    return _kopecks(Fraction(total) * Fraction(rate) / (100 + Fraction(rate)))


def whole_month(
    fee: Decimal, signed: dt.date, day: dt.date, organisation: Organisation, settings: Billing, vat_on: VatOn
) -> Decimal:
    """The fee of a whole month charged on `day`, in roubles with the VAT of that day.

    `keep = gross`: the agreed sum stays whatever the rate. `keep = net`: the agreed fee holds the VAT of the
    contract date (`signed`), its sum without VAT stays.
    """
    then, now = vat_rate(organisation, signed, vat_on), vat_rate(organisation, day, vat_on)
    if settings.keep == "gross" or then is None or now is None or then == now:
        return clean.kopecks(fee)
    net = Fraction(fee) / (100 + Fraction(then))
    return _kopecks(net * (100 + Fraction(now)))


def served(signed: dt.date, ended: dt.date | None, month: str, settings: Billing) -> int:
    """Days of the month that are charged, first and last included.

    By default the months of signing and of termination count in full: «в последующие месяцы … оплата не
    начисляется».
    """
    first, last = clean.month_bounds(month)
    if signed > last or (ended and ended < first):
        return 0
    since, until = 1, last.day
    if signed >= first:
        since = {"full": 1, "prorate": signed.day, "none": last.day + 1}[settings.first_month]
    if ended and ended <= last:
        until = {"full": last.day, "prorate": ended.day, "none": 0}[settings.termination_month]
    return max(until - since + 1, 0)


def part(whole: Decimal | Fraction, days: int, month: str) -> Decimal:
    """The part of a month's fee for so many of its days, half up to the kopeck."""
    of = clean.month_bounds(month)[1].day
    return (
        clean.kopecks(whole)
        if days == of and isinstance(whole, Decimal)
        else _kopecks(Fraction(whole) * days / of)
    )


def _kopecks(exact: Fraction) -> Decimal:
    """Half up to the kopeck, from exact arithmetic: a rounded intermediate result must not push a half over
    the edge.
    """
    cents, rest = divmod(abs(exact.numerator) * 100, exact.denominator)
    cents += 2 * rest >= exact.denominator
    return Decimal(cents if exact >= 0 else -cents).scaleb(-2)
