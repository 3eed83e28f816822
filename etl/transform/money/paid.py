"""The law of money (DESIGN §4): paid(document) = the maximum over sources of the sum of that source's
payments less refunds, never a sum across sources. A source that gives no sum (УТ 10.3) only makes the payment
«seen».

Facts are rows of the table `payments`, both of payments and of shipments: source, id, target, date, amount
(in the currency of the target), number. Sources of payments: `1c` payment documents · `1c-flag` a reliable
flag, with the document's sum · `1c-seen` a flag without a sum · `bank`, `xlsx`. Sources of shipments: `1c`
shipments and returns · `1c-flag` shipped in full · `1c-closing` the order was closed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from etl.records import Payment

ZERO = Decimal("0.00")
#: what may be missing from a document that is still paid or shipped in full (reference onec §1.6)
TOLERANCE = Decimal("0.01")
# flags of an order and of its invoice tell one thing twice; documents of a source are added up
TOLD_ONCE = ("1c-flag", "1c-seen", "1c-closing")


class Paid(NamedTuple):
    """What is known of the money (or goods) of one target. amount None = no source gave a sum; on = day it
    was covered in full; numbers = of the documents, joined.
    """

    amount: Decimal | None
    seen: bool
    on: dt.date | None
    full: bool
    numbers: str | None = None


def paid(payments: Iterable[Payment], due: Mapping[str, Decimal] | None = None) -> dict[str, Paid]:
    """What is paid (or shipped) of every target: the maximum over sources.

    In: facts of all sources, `due` = sum of each document in the same currency. Out: {target: Paid}; `on` is
    the day on which a source reached the sum for good (the earliest among sources that cover it), for an
    unknown sum the last payment of the greatest source.
    """
    sums = due or {}
    return {target: settle(rows, sums.get(target)) for target, rows in by_target(payments).items()}


def by_target(facts: Iterable[Payment]) -> dict[str, list[Payment]]:
    """Facts apart by the document they are about."""
    groups: defaultdict[str, list[Payment]] = defaultdict(list)
    for fact in facts:
        groups[fact["target"]].append(fact)
    return groups


def settle(facts: Iterable[Payment], due: Decimal | None) -> Paid:
    """`paid` for the facts of one document or of one order with its invoices."""
    told = list(facts)
    sources = _by_source(told)
    sums = {source: _total(source, rows) for source, rows in sources.items()}
    known = {source: total for source, total in sums.items() if total is not None}
    amount = max(known.values(), default=None)
    seen = any(fact["amount"] is None or fact["amount"] > 0 for fact in told)
    full = _is_full(amount, due)
    level = (due or ZERO) - TOLERANCE if full else None
    days = _days(sources, known, amount if level is None else level, level)
    return Paid(amount, seen, min(days, default=None), full, _numbers(sources))


def _by_source(facts: Iterable[Payment]) -> dict[str, list[Payment]]:
    """Facts apart by who tells them."""
    sources: defaultdict[str, list[Payment]] = defaultdict(list)
    for fact in facts:
        sources[fact["source"]].append(fact)
    return sources


def _total(source: str, facts: Sequence[Payment]) -> Decimal | None:
    """What one source says was paid; None where it gives no sum."""
    amounts = [fact["amount"] for fact in facts if fact["amount"] is not None]
    if not amounts:
        return None
    return max(amounts) if source in TOLD_ONCE else sum(amounts, ZERO)


def _is_full(amount: Decimal | None, due: Decimal | None) -> bool:
    """Nothing received never pays anything, and a document without a sum is never paid in full."""
    if amount is None or due is None or amount <= 0 or due <= 0:
        return False
    return amount >= due - TOLERANCE


def _numbers(sources: Mapping[str, Sequence[Payment]]) -> str | None:
    """Numbers of the documents that brought something, each once, source by source."""
    every = [fact for facts in sources.values() for fact in facts]
    standing = [fact for fact in every if fact["amount"] is None or fact["amount"] > 0]
    numbers = dict.fromkeys(fact["number"] for fact in standing if fact["number"])
    return ", ".join(numbers) or None


def _days(
    sources: Mapping[str, Sequence[Payment]],
    sums: Mapping[str, Decimal],
    least: Decimal | None,
    level: Decimal | None,
) -> list[dt.date]:
    """The day of each source that gives at least `least`: when it reached `level`, else its last payment."""
    days: list[dt.date] = []
    for source, total in sums.items():
        if least is None or total < least or total <= 0:
            continue
        day = _last_day(sources[source]) if level is None else _covered_on(sources[source], level)
        if day:
            days.append(day)
    return days


def _last_day(facts: Iterable[Payment]) -> dt.date | None:
    """The day of the last payment."""
    received = [fact for fact in facts if fact["amount"] and fact["amount"] > 0]
    return max((fact["date"] for fact in received if fact["date"]), default=None)


def _covered_on(facts: Iterable[Payment], level: Decimal) -> dt.date | None:
    """The day the running sum reached `level` and stayed there."""
    running, day = ZERO, None
    for on, amount in sorted(_moves(facts), key=_by_day):
        before, running = running, running + amount
        if running >= level > before:
            day = on
    return day


def _moves(facts: Iterable[Payment]) -> list[tuple[dt.date | None, Decimal]]:
    """Days and sums of what moved; a fact without a sum moves nothing."""
    return [(fact["date"], fact["amount"]) for fact in facts if fact["amount"]]


def _by_day(move: tuple[dt.date | None, Decimal]) -> tuple[dt.date, Decimal]:
    """An undated payment may have come any time: it is counted first, so that it never hides a known day. Of
    one day what was received comes before what was given back.
    """
    return move[0] or dt.date.min, -move[1]


def referred(facts: Iterable[Payment]) -> set[str]:
    """Targets to which payments or shipments are known: 1C no longer takes corrections of them (commerceml
    §0, fact 9).
    """
    return {fact["target"] for fact in facts if fact["amount"] != 0}
