"""Facts of an order: what follows for a deal from its documents and from what is known of money and goods
(specifications 001, 002/004, 003; the law of money is `transform.money.paid`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, TypedDict

from etl.records import Document, Payment
from etl.transform.documents import given_up
from etl.transform.money.currency import Due, Dues
from etl.transform.money.paid import Paid, by_target, settle
from etl.values import clean, keys, money
from etl.values.money import Measure

_ZERO = Decimal("0.00")
_HEAD_KINDS = ("order", "invoice")
_CLOSING = "1c-closing"


class OrderFacts(TypedDict):
    """What stages and fields of a deal rest on; sums in `currency`, that of its documents (`dues`)."""

    ordered: bool
    invoiced: bool
    currency: str
    amount: Decimal
    paid: bool
    prepaid: bool
    seen: bool
    paid_amount: Decimal | None
    paid_on: dt.date | None
    shipped: bool
    closed: bool
    shipped_amount: Decimal | None
    shipped_on: dt.date | None
    shipped_number: str | None
    status: str | None
    number: str | None
    number_1c: str | None
    date: dt.date | None


def order_facts(
    documents: Iterable[Document],
    payments: Iterable[Payment],
    shipments: Iterable[Payment],
    statuses: Mapping[str, str] | None = None,
    trust: Literal["facts", "status"] = "facts",
) -> dict[str, OrderFacts]:
    """Facts of the orders and invoices of each deal: {deal: facts}.

    In: `documents` (newest state of each order and invoice, with `deal`; a number of ours tells the deal of
    an order), facts of money and goods, `statuses` = status in 1C -> facts it proves («paid», «shipped»,
    «closed», several by comma), `trust` = whether counted sums and flags are believed against the status or
    the status by its word. Facts: ordered, invoiced, paid, prepaid (something is paid), seen, shipped
    (in full by sum, or closed), closed, status, and amount, paid_amount, paid_on, shipped_amount, shipped_on,
    shipped_number (numbers joined), number, number_1c.
    """
    proofs = {clean.fold(status): _words(words) for status, words in (statuses or {}).items()}
    paying, goods = by_target(payments), by_target(shipments)
    return {
        deal: _order(rows, _about(rows, paying), _about(rows, goods), proofs, trust)
        for deal, rows in _by_deal(documents).items()
    }


def _by_deal(documents: Iterable[Document]) -> dict[str, list[Document]]:
    """Orders and invoices of each deal."""
    groups: dict[str, list[Document]] = defaultdict(list)
    for row in documents:
        deal = _deal(row)
        is_head = row["kind"] in _HEAD_KINDS
        if deal and is_head:
            group = groups[deal]
            group.append(row)
    return groups


# ---- one currency for one deal ----
def dues(documents: Iterable[Document], targets: Mapping[str, str], currencies: Mapping[str, str]) -> Dues:
    """Target -> the currency in which facts about it are counted, with its rate, and its own sum.

    All documents of a deal count in the currency of its order (else of its invoice), so that what is paid for
    the invoice and for the order adds up. `targets` = number or id of a document -> its deal; `currencies` =
    deal -> its currency on the portal, for deals of which 1C has told no order yet: no rate is known then.
    """
    groups = _by_deal(documents)
    measures = {deal: _measure(rows) for deal, rows in groups.items()}
    found: dict[str, Due] = {}
    for target, deal in targets.items():
        found[target] = Due(measures.get(deal) or money.measure(currencies.get(deal), None))
    for deal, rows in groups.items():
        for row in rows:
            due = Due(measures[deal], _sum([row], measures[deal]))
            found |= {name: due for name in (row["id"], row["number"]) if name}
    return found


def _measure(rows: Sequence[Document]) -> Measure:
    """The currency of a deal's documents: of its order, else of its invoice."""
    heads = _standing(rows, "order") or _standing(rows, "invoice") or rows
    return money.measure(heads[-1]["currency"], heads[-1]["rate"])


def _sum(rows: Iterable[Document], measure: Measure) -> Decimal | None:
    """What documents come to in one currency; None where one of them cannot be brought into it."""
    total = _ZERO
    for row in rows:
        own = money.measure(row["currency"], row["rate"])
        amount = money.converted(row["amount"] or _ZERO, own, measure)
        if amount is None:
            return None
        total += amount
    return total


def _words(said: str) -> set[str]:
    """Facts that a status proves, as the profile lists them: «paid, shipped»."""
    return {word.strip() for word in said.split(",")}


def _deal(row: Document) -> str | None:
    """The deal of a document; the number of an order of ours tells it."""
    if row["deal"] or row["kind"] != "order":
        return row["deal"]
    key = keys.decode(row["number"])
    return key.id if key and key.kind == "order" else None


def _about(rows: Sequence[Document], facts: Mapping[str, list[Payment]]) -> list[Payment]:
    """Facts of the documents of one deal, under their numbers and under their ids."""
    found: list[Payment] = []
    asked: set[str] = set()
    for row in rows:
        for name in (row["number"], row["id"]):
            if name and name not in asked:
                asked.add(name)
                found += facts.get(name, ())
    return found


def _order(
    rows: Sequence[Document],
    paying: Sequence[Payment],
    goods: Sequence[Payment],
    proofs: Mapping[str, set[str]],
    trust: str,
) -> OrderFacts:
    orders, invoices = _standing(rows, "order"), _standing(rows, "invoice")
    heads = orders or invoices
    measure = _measure(rows)
    amount = _sum(heads, measure)
    paid = settle(paying, amount)
    sent = settle((fact for fact in goods if fact["source"] != _CLOSING), amount)
    status = next((row["status"] for row in reversed(orders) if row["status"]), None)
    proven = proofs.get(clean.fold(status), set())
    if trust == "facts":
        proven = proven - _better_known(orders, paid, sent)
    elif amount is not None and amount <= 0:
        proven = proven - {"paid", "prepaid"}  # of an order worth nothing nothing is paid
    closed = "closed" in proven or _is_closed(goods)
    last = heads[-1] if heads else rows[-1]
    return {
        "ordered": bool(orders),
        "invoiced": bool(invoices),
        "currency": measure.currency,
        "amount": amount or _ZERO,
        "paid": paid.full or "paid" in proven,
        "prepaid": (paid.amount or _ZERO) > 0 or "prepaid" in proven,
        "seen": paid.seen,
        "paid_amount": paid.amount,
        "paid_on": paid.on,
        # «реализациями на общую сумму заказа, либо документом «Закрытие заказов покупателей»» (001)
        "shipped": sent.full or closed or "shipped" in proven,
        "closed": closed,
        "shipped_amount": sent.amount,
        "shipped_on": _last_day(goods),
        "shipped_number": sent.numbers,
        "status": status,
        "number": last["number"],
        "number_1c": last["number_1c"],
        "date": paid.on,
    }


def _standing(rows: Iterable[Document], kind: str) -> list[Document]:
    """Documents of one kind that 1C has not given up."""
    return [row for row in rows if row["kind"] == kind and not given_up(row)]


def _better_known(orders: Sequence[Document], paid: Paid, sent: Paid) -> set[str]:
    """What a status proves only where nothing better speaks: a counted sum, a flag or a sum of nothing (onec
    §1.5: «Готов к отгрузке» may be unpaid).
    """
    known = set()
    last = orders[-1] if orders else None
    if paid.amount is not None or (last and _denied(last["paid"], last["paid_amount"])):
        known.add("paid")
    if sent.amount is not None or (last and _denied(last["shipped"], last["shipped_amount"])):
        known.add("shipped")
    return known


def _denied(flag: bool | None, amount: Decimal | None) -> bool:
    """«Оплачен» = нет and «Сумма оплаты» = 0 say the same, and so do those of a shipment."""
    return not flag and (flag is False or amount == 0)


def _is_closed(goods: Iterable[Payment]) -> bool:
    """Whether 1C has closed the order for good: «документом «Закрытие заказов покупателей»» (001)."""
    return any(fact["source"] == _CLOSING and fact["amount"] != 0 for fact in goods)


def _last_day(goods: Iterable[Payment]) -> dt.date | None:
    """The day of the last shipment that moved anything."""
    latest: dt.date | None = None
    for fact in goods:
        day, amount = fact["date"], fact["amount"]
        if day and amount and amount > 0 and (latest is None or day > latest):
            latest = day
    return latest
