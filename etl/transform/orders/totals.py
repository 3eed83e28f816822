"""Sums that do not fit: a document against its own lines, the portal against 1C over the same goods, a deal
against its own rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.config.profile import Orders
from etl.records import Deal, Document, Line
from etl.tables import Record, issue, whole
from etl.transform.orders.composition import Position
from etl.transform.orders.lines import TOLERANCE, ZERO, gross, tax_inside
from etl.values import clean, money


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


# ---- sums typed by hand ----
# 1C computes the sum of a document from its rows (commerceml §0.14), so a typed sum cannot go beside them.
@dataclass(frozen=True, slots=True)
class Rows:
    """Product rows of deals and of smart invoices as they may go; `held` = deals that may not, each with its
    issue.
    """

    deals: Sequence[Line]
    invoices: Sequence[Line]
    held: frozenset[str]
    issues: Sequence[Record]


@dataclass(frozen=True, slots=True)
class _Owner:
    """A deal or smart invoice as a person knows it, with the sum that stands in it."""

    id: str
    deal: str
    said: str
    amount: Decimal | None
    currency: str | None


def added_up(
    deals: Iterable[Deal],
    invoices: Iterable[Document],
    deal_rows: Sequence[Line],
    invoice_rows: Sequence[Line],
    settings: Orders,
) -> Rows:
    """Rows that add up to the sums of their deals and smart invoices; the sum wins as one line where the
    profile says so. An invoice with a sum and without rows has those of its deal.
    """
    if not settings.rows:
        return Rows(deal_rows, invoice_rows, frozenset(), ())
    of_deals, of_invoices = _bodies(deal_rows), _bodies(invoice_rows)
    issues: list[Record] = []
    held: set[str] = set()
    owners = [(_deal(row), of_deals, of_deals.get(row["id"], [])) for row in deals]
    for row in invoices:
        body = of_invoices.get(row["id"]) or (of_deals.get(row["deal"] or "", []) if row["amount"] else [])
        owners.append((_invoice(row), of_invoices, body))
    for owner, bodies, body in owners:
        if not _is_typed(owner, body):
            continue
        line = _one_line(owner, body, settings) if settings.typed_sum == "line" else None
        if line:
            bodies[owner.id] = [line]
        else:
            held.add(owner.deal)
            issues.append(_held(owner, body, settings))
    return Rows(_flat(of_deals), _flat(of_invoices), frozenset(held), issues)


def _bodies(lines: Iterable[Line]) -> dict[str, list[Line]]:
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[line["document"]].append(line)
    return dict(found)


def _flat(bodies: Mapping[str, Sequence[Line]]) -> list[Line]:
    return [line for body in bodies.values() for line in body]


def _deal(row: Deal) -> _Owner:
    return _Owner(row["id"], row["id"], f"Сделка {row['id']}", row["amount"], row["currency"])


def _invoice(row: Document) -> _Owner:
    said = f"Счёт {row['number'] or row['id']} сделки {row['deal']}"
    return _Owner(row["id"], row["deal"] or "", said, row["amount"], row["currency"])


def _is_typed(owner: _Owner, body: Sequence[Line]) -> bool:
    """Whether the sum is another one than that of the rows, each of which may be rounded; without rows or
    without a sum nothing differs.
    """
    if not body or owner.amount is None:
        return False
    return abs(_worth(body) - owner.amount) > TOLERANCE * len(body)


def _worth(body: Iterable[Line]) -> Decimal:
    return sum((line["amount"] or ZERO for line in body), ZERO)


def _one_line(owner: _Owner, body: Sequence[Line], settings: Orders) -> Line | None:
    """The typed sum as one line; None where the rows have several VAT rates or the sum is not positive."""
    rates = {(line["vat_rate"], line["vat_exempt"]) for line in body}
    if owner.amount is None or owner.amount <= 0 or len(rates) != 1:
        return None
    first = body[0]
    services = all(line["kind"] == "service" for line in body)
    line: Line = {
        "document": owner.id,
        "position": 1,
        "name": settings.typed_sum_line,
        "kind": "service" if services else "goods",
        "quantity": Decimal(1),
        "unit": "шт",
        "unit_code": "796",
        "price": owner.amount,
        "vat_rate": first["vat_rate"],
        "vat_exempt": first["vat_exempt"],
        "vat_amount": tax_inside(owner.amount, first["vat_rate"]),
        "vat_included": True,
        "amount": owner.amount,
        "place": first["place"],
    }
    made: Line = whole("lines", line)
    return made


def _held(owner: _Owner, body: Sequence[Line], settings: Orders) -> Record:
    amount, total = (_shown(value, owner.currency) for value in (owner.amount or ZERO, _worth(body)))
    why = ""
    if settings.typed_sum == "line":
        why = " Одной строкой она не уходит: у строк разные ставки НДС или сумма не больше нуля."
    return issue(
        f"{owner.said}: сумма {amount} введена вручную, а строки дают {total}.{why} Документы сделки в 1С не "
        "отправлены. Исправьте строки или верните сумме подсчёт по товарам.",
        severity="warn",
        entity="deal",
        key=owner.deal,
        field="opportunity",
        value=owner.amount,
    )


def _shown(amount: Decimal, currency: str | None) -> str:
    return money.shown(money.of(amount, currency))
