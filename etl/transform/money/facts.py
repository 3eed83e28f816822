"""Facts: what is paid and shipped, by whom it is known, and what follows for a contract or an order.

One law for money (DESIGN §4): paid(document) = the maximum over sources of the sum of that source's payments
less refunds, never a sum across sources. A source that gives no sum (УТ 10.3) only makes the payment «seen».
Facts are rows of the table `payments`, both of payments and of shipments: source, id, target, date, amount
(roubles), number.

Sources of payments: `1c` payment documents · `1c-flag` a reliable flag, with the document's sum · `1c-seen` a
flag without a sum · `bank`, `xlsx`. Sources of shipments: `1c` shipments and returns · `1c-flag` shipped in
full · `1c-closing` the order was closed. A fact taken back (deleted, unposted, flag withdrawn) comes with
amount 0 under the same source and id and replaces the former."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.config.dialects import Dialect
from etl.tables import Record, each, frame, issue, records
from etl.values import clean, keys

if TYPE_CHECKING:
    import pandas as pd

ZERO = Decimal("0.00")
#: what may be missing from a document that is still paid or shipped in full (reference onec §1.6)
TOLERANCE = Decimal("0.01")
_MONEY_KINDS = {"payment": 1, "refund": -1}
_GOODS_KINDS = {"shipment": 1, "return": -1}
_HEAD_KINDS = ("order", "invoice")
# flags of an order and of its invoice tell one thing twice; documents of a source are added up
_TOLD_ONCE = ("1c-flag", "1c-seen", "1c-closing")


class Paid(NamedTuple):
    """What is known of the money (or goods) of one target. amount None = no source gave a sum; on = day it
    was covered in full."""

    amount: Decimal | None
    seen: bool
    on: dt.date | None
    full: bool
    numbers: str | None = None


# ---- documents to targets ----


def targets(
    documents: pd.DataFrame,
    *,
    portal: str,
    known: Collection[str],
    remembered: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], pd.DataFrame]:
    """For each document of 1C the number or id of ours it speaks about, following `basis` and `basis_number`
    upwards.

    In: table `documents`; `known` = every number sent to 1C (charges, orders, invoices, acts) and ids of
    documents born in 1C that are linked to deals; `remembered` = {document id: target} of earlier runs, since
    1C need not tell a basis again. Out: {document id: target} and issues for documents that lead to nothing
    known."""
    rows = records(documents)
    finder = _Finder(rows, portal, known, remembered or {})
    found = {row["id"]: target for row in rows if (target := finder.target(row))}
    return found, frame(
        "issues", [_unknown(row) for row in rows if row["id"] not in found and row["kind"] != "other"]
    )


class _Finder:
    """Walks from a document up to what we know."""

    def __init__(
        self, rows: Iterable[Record], portal: str, known: Collection[str], remembered: Mapping[str, str]
    ) -> None:
        self._remembered = remembered
        self._by_id = {row["id"]: row for row in rows}
        self._known = known if isinstance(known, set | frozenset | dict) else set(known)
        self._sent = {
            keys.document_id(portal, kind, number): number
            for number in known
            if keys.decode(number)
            for kind in _HEAD_KINDS
        }

    def target(self, row: Record | None) -> str | None:
        passed: set[str] = set()
        while row and row["id"] not in passed:
            passed.add(row["id"])
            if own := self._own(row):
                return own
            basis = row["basis"]
            if basis in self._sent or basis in self._known:
                return self._sent.get(basis, basis)
            if basis not in self._by_id and basis in self._remembered:
                return self._remembered[basis]
            row = self._by_id.get(basis)
        return None

    def _own(self, row: Record) -> str | None:
        # the number of a payment or shipment is 1C's own and says nothing, even where it looks like one of
        # ours
        own = row["number"] if row["kind"] not in (*_MONEY_KINDS, *_GOODS_KINDS, "closing") else None
        for name in (row["id"], own, row["basis_number"]):
            if name and name.strip() in self._known:
                return str(name.strip())
        return self._sent.get(row["id"])


_KIND_WORDS = {
    "order": "Заказ",
    "invoice": "Счёт",
    "payment": "Оплата",
    "refund": "Возврат денег",
    "shipment": "Реализация",
    "return": "Возврат товара",
    "act": "Акт",
    "closing": "Закрытие заказа",
}


def _unknown(row: Record) -> Record:
    number, basis = clean.text(row["number"]), clean.text(row["basis_number"])
    said = f"{_KIND_WORDS[row['kind']]} № {number or row['number_1c'] or row['id']}"
    ours = next((name for name in (basis, number) if keys.decode(name)), None)
    if ours:
        message = (
            f"{said}: номер {ours} выглядит как наш, но в реестре этого портала его нет. Если память потеряна, выполните "
            "obmen24 restore; если документ другого портала, уберите его из обмена."
        )
    elif row["kind"] in _HEAD_KINDS:
        message = f"{said}: такого документа нет на портале, он не загружен. Если он нужен, свяжите его со сделкой: obmen24 link."
    else:
        message = f"{said}: портал не знает заказа или счёта, к которому он относится. Проверьте в 1С документ-основание."
    return issue(
        message,
        severity="reject" if ours else "warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["id"],
        field="number" if row["kind"] in _HEAD_KINDS else "basis",
        value=number,
    )


# ---- documents to facts ----


def payment_facts(
    documents: pd.DataFrame, found: Mapping[str, str], dialect: Dialect, recorded: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Payments told by documents of 1C: table `payments`, refunds negative.

    `found` = document id -> target (`targets`), `recorded` = facts known before, so that a withdrawn flag
    takes its fact back. Flags follow the dialect: a weak one (УТ 10.3) needs a date and gives no sum; a
    reliable one gives the document's sum."""
    rows = [row for row in records(documents) if row["id"] in found]
    facts = [
        _document_fact(row, found, row["paid_on"], _MONEY_KINDS[row["kind"]])
        for row in rows
        if row["kind"] in _MONEY_KINDS
    ]
    weak = "paid_weak" in dialect.tells
    flags = [
        _flag_fact(row, found, "paid", "1c-seen" if weak else "1c-flag", None if weak else row["amount"])
        for row in rows
        if _flagged(row, "paid", dated=weak)
    ]
    return frame("payments", [*facts, *_once(flags), *_withdrawn(rows, found, flags, recorded)])


def shipment_facts(
    documents: pd.DataFrame, found: Mapping[str, str], recorded: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Shipments told by documents of 1C, in the layout of the table `payments`: returns negative, a closing
    without a sum."""
    rows = [row for row in records(documents) if row["id"] in found]
    facts = [
        _document_fact(row, found, row["shipped_on"], _GOODS_KINDS[row["kind"]])
        for row in rows
        if row["kind"] in _GOODS_KINDS
    ]
    closings = [
        _document_fact(row | {"amount": None}, found, None, 1) | {"source": "1c-closing"}
        for row in rows
        if row["kind"] == "closing"
    ]
    closed = [
        _flag_fact(row, found, "closed", "1c-closing", None)
        for row in rows
        if row["kind"] == "order" and row["closed"]
    ]
    flags = [
        _flag_fact(row, found, "shipped", "1c-flag", row["amount"])
        for row in rows
        if _flagged(row, "shipped", dated=False)
    ]
    return frame(
        "payments",
        [
            *facts,
            *closings,
            *_once(flags),
            *_once(closed),
            *_withdrawn(rows, found, flags + closed, recorded),
        ],
    )


def _void(row: Record) -> bool:
    return bool(row["deleted"] or row["cancelled"] or row["posted"] is False)


def _document_fact(row: Record, found: Mapping[str, str], on: dt.date | None, sign: int) -> Record:
    amount = None if row["amount"] is None else sign * abs(row["amount"])
    planned = row["kind"] in _MONEY_KINDS and row["paid"] is False
    return {
        "source": "1c",
        "id": row["id"],
        "target": found[row["id"]],
        "date": on or row["date_1c"] or row["date"],
        "amount": ZERO if _void(row) or planned else amount,
        "number": clean.text(row["number_1c"] or row["paid_number"] or row["number"]),
        "party": row["party"],
        "file": row["file"],
        "place": row["place"],
    }


def _flagged(row: Record, what: str, *, dated: bool) -> bool:
    # УТ 10.3 writes number «0» and an empty date for an order without any settlement: that is not a payment
    # (commerceml §0)
    real = not dated or (row[f"{what}_on"] is not None and (row[f"{what}_number"] or "1").strip("0 ") != "")
    return row["kind"] in _HEAD_KINDS and bool(row[what] or row[f"{what}_amount"]) and real and not _void(row)


def _flag_fact(
    row: Record, found: Mapping[str, str], what: str, source: str, amount: Decimal | None
) -> Record:
    given = row.get(f"{what}_amount") if amount is not None else None
    return {
        "source": source,
        "id": found[row["id"]],
        "target": found[row["id"]],
        "date": row.get(f"{what}_on"),
        "amount": given or amount,
        "number": clean.text(row.get(f"{what}_number")),
        "party": row["party"],
        "file": row["file"],
        "place": row["place"],
    }


def _once(flags: Sequence[Record]) -> list[Record]:
    best: dict[str, Record] = {}
    for fact in flags:
        if fact["id"] not in best or (fact["amount"] or ZERO) > (best[fact["id"]]["amount"] or ZERO):
            best[fact["id"]] = fact
    return list(best.values())


def _withdrawn(
    rows: Iterable[Record], found: Mapping[str, str], flags: Iterable[Record], recorded: pd.DataFrame | None
) -> list[Record]:
    """Flags recorded before whose order now comes without them: the fact with amount 0."""
    told = {fact["target"] for fact in flags}
    silent = {found[row["id"]]: row for row in rows if row["kind"] == "order"}
    standing = [
        fact
        for fact in ([] if recorded is None else records(recorded))
        if fact["source"] in _TOLD_ONCE and fact["amount"] != 0
    ]
    return [
        fact
        | {
            "amount": ZERO,
            "date": None,
            "file": silent[fact["target"]]["file"],
            "place": silent[fact["target"]]["place"],
        }
        for fact in standing
        if fact["id"] == fact["target"] and fact["target"] in silent and fact["target"] not in told
    ]


# ---- the law ----


def paid(payments: pd.DataFrame, due: Mapping[str, Decimal] | None = None) -> dict[str, Paid]:
    """What is paid (or shipped) of every target: the maximum over sources.

    In: table `payments` (all sources), `due` = sum of each document in roubles. Out: {target: Paid}; `on` is
    the day on which a source reached the sum for good (the earliest among sources that cover it), for an
    unknown sum the last payment of the greatest source."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in each(payments):
        groups[row["target"]].append(row)
    return {target: settle(rows, (due or {}).get(target)) for target, rows in groups.items()}


def settle(rows: Iterable[Mapping[str, Any]], due: Decimal | None) -> Paid:
    """`paid` for the facts (rows of `payments`) of one document or of one order with its invoices."""
    sources: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        sources[row["source"]].append(row)
    sums = {
        source: total for source, facts in sources.items() if (total := _total(source, facts)) is not None
    }
    amount = max(sums.values(), default=None)
    seen = any(fact["amount"] is None or fact["amount"] > 0 for facts in sources.values() for fact in facts)
    numbers = dict.fromkeys(
        fact["number"]
        for facts in sources.values()
        for fact in facts
        if fact["number"] and fact["amount"] != 0
    )
    full = amount is not None and due is not None and amount > 0 and due > 0 and amount >= due - TOLERANCE
    level = (due or ZERO) - TOLERANCE if full else amount
    days = [
        day
        for source, total in sums.items()
        if level is not None and total >= level and total > 0
        if (day := _covered_on(sources[source], level if full else None))
    ]
    return Paid(amount, seen, min(days, default=None), full, ", ".join(numbers) or None)


def _total(source: str, facts: Sequence[Mapping[str, Any]]) -> Decimal | None:
    amounts = [fact["amount"] for fact in facts if fact["amount"] is not None]
    if not amounts:
        return None
    return max(amounts) if source in _TOLD_ONCE else sum(amounts, ZERO)


def _covered_on(facts: Sequence[Mapping[str, Any]], level: Decimal | None) -> dt.date | None:
    """The day the running sum reached `level` and stayed there; without a level the day of the last
    payment."""
    # an undated payment may have come any time: it is counted first, so that it never hides a known day
    dated = sorted(
        (fact for fact in facts if fact["amount"]),
        key=lambda fact: (fact["date"] or dt.date.min, -fact["amount"]),
    )
    if level is None:
        return max((fact["date"] for fact in dated if fact["date"] and fact["amount"] > 0), default=None)
    running, day = ZERO, None
    for fact in dated:
        before, running = running, running + fact["amount"]
        if running >= level > before:
            day = fact["date"]
    return day


def referred(*facts: pd.DataFrame) -> set[str]:
    """Targets to which payments or shipments are known: 1C no longer takes corrections of them (commerceml
    §0, fact 9)."""
    return {row["target"] for part in facts for row in each(part) if row["amount"] != 0}


# ---- contracts (specification 000) ----


def contract_facts(
    charges: pd.DataFrame,
    payments: pd.DataFrame,
    accruals: pd.DataFrame,
    deals: pd.DataFrame,
    confirmed: Collection[str] = frozenset(),
) -> dict[str, dict[str, Any]]:
    """Facts of each contract: {deal: facts}.

    In: `charges` (the register, any number of versions), `payments`, `accruals`, `deals`, numbers of acts
    that count as accepted. Facts: paid_charges (charges paid in full), paid (their number, month, on, amount,
    by day of payment), paid_total (roubles received), paid_on (last day), number/amount/date of the last paid
    charge, act1, act2, terminated, terminated_on."""
    state: dict[str, Record] = {}
    for row in sorted(records(charges), key=lambda row: row["version"]):
        state[row["number"]] = row
    money = paid(payments, {number: row["amount"] for number, row in state.items()})
    ended = {deal["id"]: deal["terminated_on"] for deal in each(deals)}
    own: dict[str, list[Record]] = defaultdict(list)
    for row in state.values():
        own[row["deal"]].append(row)
    acts = standing_acts(accruals)
    return {
        deal: _contract(own[deal], money, acts.get(deal, {}), ended.get(deal), confirmed)
        for deal in sorted(ended.keys() | own.keys() | acts.keys(), key=lambda deal: (len(deal), deal))
    }


def _contract(
    charges: Sequence[Record],
    money: Mapping[str, Paid],
    acts: Mapping[int, Record],
    ended: dt.date | None,
    confirmed: Collection[str],
) -> dict[str, Any]:
    full = [
        {
            "number": row["number"],
            "month": row["month"],
            "on": money[row["number"]].on,
            "amount": money[row["number"]].amount,
        }
        for row in charges
        if row["number"] in money and money[row["number"]].full
    ]
    full.sort(key=lambda item: (item["on"] or dt.date.max, item["month"], item["number"]))
    last = full[-1] if full else {}
    first, second = acts.get(1), acts.get(2)
    act1 = first is not None and first["number"] in confirmed
    # a half of zero kopecks has no act of its own (onec §7)
    nothing_left = act1 and first is not None and first["amount"] == first["agreed"] and len(full) > 1
    return {
        "paid_charges": len(full),
        "paid": tuple(full),
        "act1": act1,
        "act2": nothing_left or (second is not None and second["number"] in confirmed),
        "paid_total": sum(
            (money[row["number"]].amount or ZERO for row in charges if row["number"] in money), ZERO
        ),
        "paid_on": max((item["on"] for item in full if item["on"]), default=None),
        "number": last.get("number"),
        "amount": last.get("amount"),
        "date": last.get("on"),
        "terminated": ended is not None,
        "terminated_on": ended,
    }


def standing_acts(accruals: pd.DataFrame) -> dict[str, dict[int, Record]]:
    """{deal: {half: accrual}} of accruals that no reversal has taken back."""
    state: dict[str, dict[int, Record]] = defaultdict(dict)
    reversed_keys = {
        (row["deal"], key.part, key.turn)
        for row in records(accruals)
        if (key := keys.decode(row["number"])) and key.kind == "reversal"
    }
    for row in records(accruals):
        key = keys.decode(row["number"])
        if key and key.kind == "act" and key.part and (row["deal"], key.part, key.turn) not in reversed_keys:
            state[row["deal"]][key.part] = row
    return dict(state)
