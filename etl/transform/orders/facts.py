"""Facts of the orders and invoices of a deal (specifications 001, 002/004, 003)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from etl.tables import Record, records
from etl.transform.money.paid import ZERO, settle
from etl.transform.money.targets import HEAD_KINDS as _HEAD_KINDS
from etl.values import clean, keys

if TYPE_CHECKING:
    import pandas as pd


def order_facts(
    documents: pd.DataFrame,
    payments: pd.DataFrame,
    shipments: pd.DataFrame,
    statuses: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Facts of the orders and invoices of each deal: {deal: facts}.

    In: `documents` (newest state of each order and invoice, with `deal`; a number of ours tells the deal of
    an order), facts of money and goods, `statuses` = status in 1C -> facts it proves («paid», «shipped»,
    «closed», several by comma). Facts: ordered, invoiced, paid, prepaid (something is paid), seen, shipped
    (in full by sum, or closed), closed, status, and amount, paid_amount, paid_on, shipped_amount, shipped_on,
    shipped_number (numbers joined), number, number_1c."""
    proofs = {
        clean.fold(status): {word.strip() for word in words.split(",")}
        for status, words in (statuses or {}).items()
    }
    groups: dict[str, list[Record]] = defaultdict(list)
    for row in records(documents):
        key = keys.decode(row["number"]) if row["kind"] == "order" else None
        deal = row["deal"] or (key.id if key and key.kind == "order" else None)
        if deal and row["kind"] in _HEAD_KINDS:
            groups[deal].append(row)
    money, goods = _by_target(payments), _by_target(shipments)
    return {deal: _order(rows, money, goods, proofs) for deal, rows in groups.items()}


def _order(
    rows: Sequence[Record],
    money: Mapping[str, list[Record]],
    goods: Mapping[str, list[Record]],
    proofs: Mapping[str, set[str]],
) -> dict[str, Any]:
    orders = [row for row in rows if row["kind"] == "order" and not (row["deleted"] or row["cancelled"])]
    invoices = [row for row in rows if row["kind"] == "invoice" and not (row["deleted"] or row["cancelled"])]
    heads = orders or invoices
    amount = sum((row["amount"] or ZERO for row in heads), ZERO)
    names = list(dict.fromkeys(name for row in rows for name in (row["number"], row["id"]) if name))
    got = settle((fact for name in names for fact in money.get(name, ())), amount)
    sent_facts = [fact for name in names for fact in goods.get(name, ())]
    sent = settle((fact for fact in sent_facts if fact["source"] != "1c-closing"), amount)
    status = next((row["status"] for row in reversed(orders) if row["status"]), None)
    # a status «proves» a fact only where nothing better speaks: a counted sum or a flag (onec §1.5: «Готов к
    # отгрузке» may be unpaid)
    proven = proofs.get(clean.fold(status), set()) - {
        name
        for name, sums in (("paid", got), ("shipped", sent))
        if sums.amount is not None or any(row[name] is False for row in orders[-1:])
    }
    closed = "closed" in proven or any(
        fact["source"] == "1c-closing" and fact["amount"] != 0 for fact in sent_facts
    )
    last = heads[-1] if heads else rows[-1]
    return {
        "ordered": bool(orders),
        "invoiced": bool(invoices),
        "amount": amount,
        "paid": got.full or "paid" in proven,
        "prepaid": (got.amount or ZERO) > 0 or "prepaid" in proven,
        "seen": got.seen,
        "paid_amount": got.amount,
        "paid_on": got.on,
        "shipped": sent.full or closed or "shipped" in proven,
        "closed": closed,
        "shipped_amount": sent.amount,
        "shipped_on": max(
            (fact["date"] for fact in sent_facts if fact["date"] and fact["amount"]), default=None
        ),
        "shipped_number": sent.numbers,
        "status": status,
        "number": last["number"],
        "number_1c": last["number_1c"],
        "date": got.on,
    }


def _by_target(facts: pd.DataFrame) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for fact in records(facts):
        groups[fact["target"]].append(fact)
    return groups
