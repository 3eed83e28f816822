"""Sums that do not fit: a document against its own lines, the portal against 1C over the same goods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from etl.records import Document, Line
from etl.tables import Record, issue
from etl.transform.orders.composition import Position
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


def different_totals(
    ours: Mapping[str, tuple[Position, ...]], theirs: Mapping[str, tuple[Position, ...]]
) -> list[Record]:
    """Issues for orders of which portal and 1C compute different totals for the same goods (by more than
    0.01).

    In: compositions of both sides under one key. Where products or quantities differ it is an edit, which the
    merge decides; where they are the same and the sums are not, somebody's discount is at work and a person
    must look («как решается вопрос со скидками?», specification 003).
    """
    issues = []
    for key in sorted(ours.keys() & theirs.keys()):
        mine, other = ours[key], theirs[key]
        if _goods(mine) == _goods(other) and abs(_sum(mine) - _sum(other)) > TOLERANCE:
            issues.append(_different(key, mine, other))
    return issues


def _goods(rows: Iterable[Position]) -> list[tuple[str, Decimal]]:
    return [(row.product, row.quantity) for row in rows]


def _sum(rows: Iterable[Position]) -> Decimal:
    """The sum of a composition, roubles."""
    return sum((row.amount for row in rows), ZERO)


def _different(key: str, ours: Sequence[Position], theirs: Sequence[Position]) -> Record:
    told = []
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=True), 1):
        if mine.amount != other.amount:
            told.append(f"{place}) портал {_multiplied(mine)}, 1С {_multiplied(other)}")
    return issue(
        f"Заказ {key}: портал считает {_number(_sum(ours))}, 1С считает {_number(_sum(theirs))} за тот же "
        f"товар ({'; '.join(told)}). Состав не изменён. Проверьте, чья скидка верна, и исправьте цены на "
        "одной из сторон.",
        severity="ask",
        entity="deal",
        key=key,
        field="rows",
        value=_sum(theirs),
    )


def _multiplied(row: Position) -> str:
    return f"{_number(row.quantity)} × {_number(row.amount / row.quantity)} = {_number(row.amount)}"


def _number(value: Decimal | None) -> str:
    """A number as an accountant writes it: comma, two digits, more only where they say something."""
    if value is None:
        return "нет"
    is_whole = value == clean.kopecks(value)
    text = f"{value:.2f}" if is_whole else f"{value:.4f}".rstrip("0")
    return text.replace(".", ",")
