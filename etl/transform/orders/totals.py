"""Sums that do not fit: a document of 1C against its own lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from etl.records import Document, Line
from etl.tables import Record, issue
from etl.transform.orders.lines import TOLERANCE, ZERO, gross
from etl.values import clean


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
