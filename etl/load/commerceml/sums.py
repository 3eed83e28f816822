"""What the rows of a document come to in 1C: net sums, VAT, the total that 1C computes anew.

1C does not take the total of a document from the file: it adds up the rows, with one answer for all of them
to whether their sums hold the VAT (commerceml §0.14, §3.4). Money in the currency of the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from etl.records import Document, Line
from etl.values import clean

#: requisite of a row: its Сумма is before the discount
DISCOUNT_APART = "СкидкаУчтенаВСумме"
_ZERO = Decimal(0)


def apart(line: Line) -> bool:
    """Whether the sum of a row is told before its discount."""
    return (line["requisites"] or {}).get(DISCOUNT_APART) == "false"


def net_amount(line: Line) -> Decimal | None:
    """Sum of a row after its discount, whether the row's own sum holds it or not."""
    amount, discount = line["amount"], line["discount"]
    if amount is not None and discount and apart(line):
        return amount - discount
    return amount


def net_price(line: Line) -> Decimal | None:
    """Price of a row after its discount: stock 1C is sent no discounts (commerceml §0.15)."""
    amount, count = net_amount(line), line["quantity"]
    if line["discount"] and amount is not None and count:
        return clean.kopecks(amount / count)
    return line["price"]


def line_vat(line: Line, included: bool) -> Decimal:
    """VAT of a row: as given, else from its net sum by the rate, half up (onec §5).

    `included`: whether the sums of the document hold the VAT; what the row itself says goes before it.
    """
    if line["vat_amount"] is not None:
        return line["vat_amount"]
    rate, amount = line["vat_rate"], net_amount(line)
    if not rate or amount is None:
        return _ZERO
    own = line["vat_included"]
    inside = included if own is None else own
    whole = 100 + rate if inside else Decimal(100)
    return clean.kopecks(amount * rate / whole)


def total(lines: Sequence[Line], included: bool) -> Decimal:
    """What the rows make in 1C: their sums after discounts, the VAT on top where they do not hold it."""
    result = _ZERO
    for line in lines:
        result += net_amount(line) or _ZERO
        if not included:
            result += line_vat(line, included)
    return result


def vat_of(document: Document, lines: Sequence[Line], included: bool) -> Decimal | None:
    """VAT of a document: as given, else that of its rows; None for a document without either."""
    if document["vat_amount"] is not None:
        return document["vat_amount"]
    if not lines:
        return None
    return sum((line_vat(line, included) for line in lines), _ZERO)


def included_in(document: Document, lines: Sequence[Line]) -> bool:
    """Whether the sums hold the VAT: the first answer that the document or a row gives, else yes."""
    if document["vat_included"] is not None:
        return document["vat_included"]
    for line in lines:
        if line["vat_included"] is not None:
            return line["vat_included"]
    return True
