"""Facts of payment and shipment that documents of 1C tell, each about one document of ours.

Sums are in the currency of the target (`currency.Due`), a document with a minus counts against its kind
(`targets.MEANINGS`). A fact taken back (deleted, unposted, flag withdrawn) comes with amount 0 under the same
source and id and replaces the former. What the facts add up to is the law of `transform.money.paid`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.config.dialects import Dialect
from etl.records import Document, Payment
from etl.transform.documents import is_void
from etl.transform.money.currency import Due, Dues, brought
from etl.transform.money.doubts import unfounded
from etl.transform.money.paid import TOLD_ONCE, ZERO
from etl.transform.money.targets import GOODS_KINDS, HEAD_KINDS, MEANINGS, MONEY_KINDS
from etl.values import clean

#: sources whose facts are documents of 1C, by their ids
_BY_DOCUMENT = ("1c", "1c-closing")


@dataclass(frozen=True, slots=True)
class _Flag:
    """What a document says of itself in a flag: paid, shipped or closed, with number, day and sum where it
    gives them.
    """

    told: bool
    number: str | None = None
    on: dt.date | None = None
    amount: Decimal | None = None


def payment_facts(
    documents: Iterable[Document],
    found: Mapping[str, str],
    dialect: Dialect,
    recorded: Iterable[Payment] = (),
    dues: Dues | None = None,
) -> list[Payment]:
    """Payments told by documents of 1C; refunds are negative.

    `found` = document id -> target (`targets`), `recorded` = facts known before, so that a withdrawn flag
    takes its fact back, `dues` = target -> currency and sum (roubles where it names none). Flags follow the
    dialect: a weak one (УТ 10.3) needs a date and gives no sum; a reliable one gives the document's sum.
    """
    rows = [row for row in documents if row["id"] in found]
    owed = dues or {}
    told = list(recorded)
    moving = [row for row in rows if row["kind"] in MONEY_KINDS]
    refused = unfounded(moving, found, told, owed)
    weak = "paid_weak" in dialect.tells
    facts: list[Payment] = []
    flags: list[Payment] = []
    for row in rows:
        target = found[row["id"]]
        due = owed.get(target, Due())
        flag = _Flag(bool(row["paid"]), row["paid_number"], row["paid_on"], row["paid_amount"])
        if row["kind"] in MONEY_KINDS:
            amount = ZERO if row["id"] in refused else _paid_amount(row, due)
            facts.append(_document_fact(row, target, row["paid_on"], amount))
        elif weak and _says(row, flag) and _is_dated(flag):
            flags.append(_flag_fact(row, target, "1c-seen", flag, None))
        elif not weak and _says(row, flag):
            flags.append(_flag_fact(row, target, "1c-flag", flag, _flag_amount(row, flag, due)))
    return [*facts, *_once(flags), *_withdrawn(rows, found, flags, told)]


def shipment_facts(
    documents: Iterable[Document],
    found: Mapping[str, str],
    recorded: Iterable[Payment] = (),
    dues: Dues | None = None,
) -> list[Payment]:
    """Shipments told by documents of 1C, in the layout of payments: returns negative, a closing without a
    sum; `recorded` and `dues` as in `payment_facts`.
    """
    rows = [row for row in documents if row["id"] in found]
    owed = dues or {}
    told = list(recorded)
    moving = [row for row in rows if row["kind"] in GOODS_KINDS]
    refused = unfounded(moving, found, told, owed)
    facts: list[Payment] = []
    closings: list[Payment] = []
    flags: list[Payment] = []
    closed: list[Payment] = []
    for row in rows:
        target = found[row["id"]]
        due = owed.get(target, Due())
        flag = _Flag(bool(row["shipped"]), row["shipped_number"], row["shipped_on"], row["shipped_amount"])
        if row["kind"] in GOODS_KINDS:
            amount = ZERO if row["id"] in refused else _signed(row, due)
            facts.append(_document_fact(row, target, row["shipped_on"], amount))
        if row["kind"] == "closing":
            standing = ZERO if is_void(row) else None
            closings.append({**_document_fact(row, target, None, standing), "source": "1c-closing"})
        if row["kind"] == "order" and row["closed"]:
            closed.append(_flag_fact(row, target, "1c-closing", _Flag(told=True), None))
        if _says(row, flag):
            flags.append(_flag_fact(row, target, "1c-flag", flag, _flag_amount(row, flag, due)))
    back = _withdrawn(rows, found, [*flags, *closed], told)
    return [*facts, *closings, *_once(flags), *_once(closed), *back]


def left_behind(
    documents: Iterable[Document], found: Mapping[str, str], recorded: Iterable[Payment]
) -> list[Payment]:
    """Facts that documents of 1C told about one target and now tell about another one, or about none of ours:
    the former target keeps them with amount 0, so that its fields and stage follow.
    """
    told = {row["id"]: row for row in documents}
    facts: list[Payment] = []
    for fact in recorded:
        identifier, before = fact["id"], fact["target"]
        row = told.get(identifier)
        is_flag = identifier == before
        if row is None or is_flag or fact["source"] not in _BY_DOCUMENT or fact["amount"] == 0:
            continue
        target = found.get(identifier)
        taken = _taken_back(fact, row)
        if target is None:
            facts.append(taken)
        elif target != before:
            facts.append({**taken, "id": f"{identifier} {before}"})
    return facts


# ---- documents
def _document_fact(row: Document, target: str, on: dt.date | None, amount: Decimal | None) -> Payment:
    """The fact that a document of its own tells; the day of the bank comes before that of the document."""
    return {
        "source": "1c",
        "id": row["id"],
        "target": target,
        "date": on or row["date_1c"] or row["date"],
        "amount": amount,
        "number": clean.text(row["number_1c"] or row["paid_number"] or row["number"]),
        "party": row["party"],
        "file": row["file"],
        "place": row["place"],
    }


def _paid_amount(row: Document, due: Due) -> Decimal | None:
    """A payment that 1C only plans («Оплачено» = нет) brought nothing yet."""
    return ZERO if row["paid"] is False else _signed(row, due)


def _signed(row: Document, due: Due) -> Decimal | None:
    """What a document moves, with the sign of its kind and its own; nothing for a void one and for one that
    cannot be brought into the currency of its target, None where 1C gives no sum.
    """
    if is_void(row):
        return ZERO
    if row["amount"] is None:
        return None
    amount = brought(row, abs(row["amount"]), due)
    if amount is None:
        return ZERO
    back = row["amount"] < 0
    return MEANINGS[row["kind"]].sign * (-amount if back else amount)


# ---- flags
def _says(row: Document, flag: _Flag) -> bool:
    """Whether an order or invoice that counts tells the fact, by its flag or by a sum."""
    return row["kind"] in HEAD_KINDS and (flag.told or bool(flag.amount)) and not is_void(row)


def _is_dated(flag: _Flag) -> bool:
    """УТ 10.3 writes number «0» and an empty date for an order without any settlement: that is no payment
    (commerceml §0).
    """
    return flag.on is not None and (flag.number or "1").strip("0 ") != ""


def _flag_amount(row: Document, flag: _Flag, due: Due) -> Decimal | None:
    """The sum beside the flag, else that of the document; None where 1C gives neither."""
    if row["amount"] is None:
        return None
    amount = brought(row, flag.amount or row["amount"], due)
    return ZERO if amount is None else amount


def _flag_fact(row: Document, target: str, source: str, flag: _Flag, amount: Decimal | None) -> Payment:
    """A flag tells its fact once for the target, whatever document carries it."""
    return {
        "source": source,
        "id": target,
        "target": target,
        "date": flag.on,
        "amount": amount,
        "number": clean.text(flag.number),
        "party": row["party"],
        "file": row["file"],
        "place": row["place"],
    }


def _once(flags: Sequence[Payment]) -> list[Payment]:
    """Of the flags about one target the one with the greatest sum."""
    best: dict[str, Payment] = {}
    for fact in flags:
        known = best.get(fact["id"])
        if known is None or (fact["amount"] or ZERO) > (known["amount"] or ZERO):
            best[fact["id"]] = fact
    return list(best.values())


def _withdrawn(
    rows: Iterable[Document], found: Mapping[str, str], flags: Iterable[Payment], recorded: Iterable[Payment]
) -> list[Payment]:
    """Flags recorded before whose order now comes without them: the fact with amount 0."""
    told = {fact["target"] for fact in flags}
    orders = {found[row["id"]]: row for row in rows if row["kind"] == "order"}
    silent = {target: row for target, row in orders.items() if target not in told}
    return [_taken_back(fact, silent[fact["target"]]) for fact in recorded if _stands(fact, silent)]


def _stands(fact: Payment, silent: Collection[str]) -> bool:
    """Whether a recorded fact is a flag that still counts, about an order that no longer says so."""
    is_flag = fact["source"] in TOLD_ONCE and fact["id"] == fact["target"]
    return is_flag and fact["amount"] != 0 and fact["target"] in silent


def _taken_back(fact: Payment, row: Document) -> Payment:
    """The fact with nothing in it, told by the order that no longer says so."""
    return {**fact, "amount": ZERO, "date": None, "file": row["file"], "place": row["place"]}
