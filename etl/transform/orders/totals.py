"""Sums of deals that people typed by hand, beside rows that give another sum (DESIGN §4).

1C computes the sum of a document from its rows (commerceml §0.14), so a typed sum cannot go beside them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.config.profile import Orders
from etl.records import Deal, Document, Line
from etl.tables import Record, issue, whole
from etl.transform.orders.lines import TOLERANCE, ZERO, tax_inside
from etl.values import money


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
    is_one_line = settings.typed_sum == "line"
    for row in invoices:
        body = of_invoices.get(row["id"], [])
        if not body and row["amount"]:
            body = of_deals.get(row["deal"] or "", [])
        owners.append((_invoice(row), of_invoices, body))
    for owner, bodies, body in owners:
        if not _is_typed(owner, body):
            continue
        line = _one_line(owner, body, settings) if is_one_line else None
        if line:
            bodies[owner.id] = [line]
        else:
            held.add(owner.deal)
            issues.append(_held(owner, body, settings))
    deals_rows, invoices_rows = _flat(of_deals), _flat(of_invoices)
    return Rows(deals_rows, invoices_rows, frozenset(held), issues)


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
    amount = row["amount"] or None  # one made in this run has its rows before its sum
    return _Owner(row["id"], row["deal"] or "", said, amount, row["currency"])


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
        f"{owner.said}: сумма {amount} введена вручную, а строки дают {total.rstrip('.')}.{why} "
        "Документы и правки сделки в 1С не уходят. Исправьте строки или верните сумме подсчёт по товарам.",
        severity="warn",
        entity="deal",
        key=owner.deal,
        field="opportunity",
        value=owner.amount,
    )


def _shown(amount: Decimal, currency: str | None) -> str:
    return money.shown(money.of(amount, currency))
