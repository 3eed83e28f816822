"""The bank's own check sums (onec §3.1): balances and turnovers of our accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.extract.bank import values
from etl.extract.bank.sections import Section
from etl.records import Receipt

_ZERO = Decimal(0)


@dataclass(slots=True)
class Turnover:
    """Balances and turnovers of one of our accounts as the bank states them: roubles, None = not stated."""

    account: str
    start: dt.date | None = None
    end: dt.date | None = None
    opening: Decimal | None = None
    received: Decimal | None = None
    spent: Decimal | None = None
    closing: Decimal | None = None


def turnover(section: Section) -> Turnover:
    """What a section of an account states. ValueError (Russian) for a value that cannot be read."""
    fields = section.fields
    return Turnover(
        values.digits(fields.get("РасчСчет", "")),
        values.day(fields.get("ДатаНачала")),
        values.day(fields.get("ДатаКонца")),
        values.money(fields.get("НачальныйОстаток")),
        values.money(fields.get("ВсегоПоступило")),
        values.money(fields.get("ВсегоСписано")),
        values.money(fields.get("КонечныйОстаток")),
    )


def unbalanced(turnovers: Sequence[Turnover]) -> Iterator[str]:
    """A sentence for each section in which opening + received - spent is not closing."""
    for one in turnovers:
        if not _balances(one):
            yield f"Остатки счёта …{one.account[-4:]} не сходятся с оборотами."


def _balances(one: Turnover) -> bool:
    if one.opening is None or one.received is None or one.spent is None or one.closing is None:
        return True
    return one.opening + one.received - one.spent == one.closing


def differing(turnovers: Sequence[Turnover], rows: Sequence[Receipt]) -> Iterator[str]:
    """A sentence for each account and direction of which the documents do not add up to the turnovers."""
    for account in dict.fromkeys(one.account for one in turnovers):
        own = [one for one in turnovers if one.account == account]
        moved = [row for row in rows if row["account"] == account]
        yield from _difference(account, "поступило", [one.received for one in own], _sum(moved, "in"))
        yield from _difference(account, "списано", [one.spent for one in own], _sum(moved, "out"))


def _difference(account: str, word: str, stated: Sequence[Decimal | None], found: Decimal) -> Iterator[str]:
    """A sentence where what the sections state is not the sum that was found."""
    total = _total(stated)
    if total is not None and total != found:
        yield f"По счёту …{account[-4:]} {word} {total:.2f}, а документов в файле на {found:.2f}."


def _total(stated: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of what is stated, None when a section states nothing."""
    amounts = [amount for amount in stated if amount is not None]
    return sum(amounts, _ZERO) if len(amounts) == len(stated) else None


def _sum(rows: Sequence[Receipt], direction: str) -> Decimal:
    return sum((row["amount"] for row in rows if row["direction"] == direction), _ZERO)
