"""One line of an order between 1C and the product rows of the portal, to the kopeck.

The portal multiplies: total of a row = unit price (2 digits, with VAT, after discount) × quantity, half up,
and the sum of a deal is the sum of its rows (reference bitrix24 §7.3). 1C gives the sum of a line and a price
that need not multiply to it. So a line whose sum does not divide becomes rows of neighbouring prices
(«split»). VAT: rate None is «без НДС», 0 is the rate 0 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final

from etl.records import Document, Line
from etl.tables import Record, issue
from etl.values import clean

TOLERANCE: Final = Decimal("0.01")
ZERO: Final = Decimal("0.00")
_CENT, _QUANTITY = Decimal("0.01"), Decimal("0.0001")


def gross(line: Line, *, vat_included: bool | None = None) -> Decimal:
    """Sum of a 1C line with VAT, after its discount. `vat_included` of the document counts where the line
    tells nothing.
    """
    amount = line["amount"]
    if amount is None:
        amount = clean.kopecks((line["price"] or ZERO) * (line["quantity"] or ZERO))
    if (line["requisites"] or {}).get("СкидкаУчтенаВСумме") == "false":
        amount -= line["discount"] or ZERO
    included = vat_included if line["vat_included"] is None else line["vat_included"]
    if included is False:
        amount += _tax_on_top(line, amount)
    return clean.kopecks(amount)


def _tax_on_top(line: Line, amount: Decimal) -> Decimal:
    told = line["vat_amount"]
    return amount * (line["vat_rate"] or ZERO) / 100 if told is None else told


def tax_inside(amount: Decimal, rate: Decimal | None) -> Decimal | None:
    """VAT inside a sum with VAT, in roubles; None for «без НДС»."""
    return None if rate is None else clean.kopecks(amount * rate / (100 + rate))


def split(quantity: Decimal, amount: Decimal) -> list[tuple[Decimal, Decimal]]:
    """(quantity, unit price) of the rows whose products, each rounded to the kopeck, add up to `amount`
    exactly.

    One row where the sum divides; else whole units at two neighbouring prices, and a fraction of a unit on
    its own. Raises ValueError for what the portal cannot hold: quantity not positive or finer than 4 digits,
    a negative sum.
    """
    if quantity <= 0 or quantity != quantity.quantize(_QUANTITY) or amount < 0:
        raise ValueError(f"количество {quantity:f} и сумма {amount:f}")
    price = clean.kopecks(amount / quantity)
    if clean.kopecks(price * quantity) == amount:
        return [(quantity, price)]
    low = (amount / quantity).quantize(_CENT, rounding=ROUND_DOWN)
    whole = quantity.to_integral_value(rounding=ROUND_DOWN)
    dearer = min((amount - low * quantity) // _CENT, whole)
    rows = [(whole - dearer, low), (dearer, low + _CENT)]
    fraction = quantity - whole
    if fraction:
        rest = amount - sum((units * price for units, price in rows), ZERO)
        rows.append((fraction, clean.kopecks(rest / fraction)))
    return [(units, price) for units, price in rows if units]


# ---- a document against its own lines ----
def wrong_totals(documents: Iterable[Document], lines: Iterable[Line]) -> list[Record]:
    """Issues for documents of 1C whose lines do not add up to their sum within 0.01: both computations shown,
    line by line.
    """
    bodies: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line["position"]):
        bodies[line["document"]].append(line)
    issues = []
    for row in documents:
        body = bodies[row["id"]]
        if body and row["amount"] is not None and abs(_total(row, body) - row["amount"]) > TOLERANCE:
            issues.append(_wrong(row, body))
    return issues


def _total(document: Document, lines: Iterable[Line]) -> Decimal:
    return sum((gross(line, vat_included=document["vat_included"]) for line in lines), ZERO)


def _wrong(document: Document, lines: Sequence[Line]) -> Record:
    told = "; ".join(_computation(line, document) for line in lines)
    ours, theirs = _number(document["amount"]), _number(_total(document, lines))
    return issue(
        f"Документ {document['number']}: сумма {ours}, а строки дают "
        f"{theirs} ({told}). Сделка не изменена. Перепроведите документ в 1С и повторите выгрузку.",
        file=document["file"],
        place=document["place"],
        entity="documents",
        key=document["number"] or document["id"],
        field="amount",
        value=document["amount"],
    )


def _computation(line: Line, document: Document) -> str:
    """One line multiplied by hand beside the sum that stands in it."""
    quantity, price, discount = line["quantity"] or ZERO, line["price"] or ZERO, line["discount"] or ZERO
    computed = clean.kopecks(price * quantity - discount)
    less = f" − скидка {_number(discount)}" if discount else ""
    stands = _number(gross(line, vat_included=document["vat_included"]))
    return (
        f"{line['position']}) «{line['name']}» {_number(line['quantity'])} × {_number(line['price'])}"
        f"{less} = {_number(computed)}, в строке {stands}"
    )


def _number(value: Decimal | None) -> str:
    """A number as an accountant writes it: comma, two digits, more only where they say something."""
    if value is None:
        return "нет"
    is_whole = value == clean.kopecks(value)
    text = f"{value:.2f}" if is_whole else f"{value:.4f}".rstrip("0")
    return text.replace(".", ",")
