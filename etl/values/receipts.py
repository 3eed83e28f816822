"""Which receipts of bank statements are one: by all that a bank tells of a payment, not by where."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable

from etl.records import Receipt
from etl.values import clean


def key(receipt: Receipt) -> str:
    """The identity of a receipt: the same in every statement that holds it.

    Account, number, day, sum and direction are not enough: through the transit account of a bank many people
    pay on one day, all with the bank's ИНН and with numbers of their own, so payer and purpose count, too.
    The day of booking does not: the bank fills it in later. Equal documents are told apart by their `copy`.
    """
    said = _content(receipt)
    if _copy(receipt) > 1:
        said.append(str(_copy(receipt)))
    return _short(said)


def numbered(receipts: Iterable[Receipt]) -> list[Receipt]:
    """Receipts of one statement, each with its `copy`: a bank tells a payment once, so equal documents inside
    a file are several payments.

    Those already booked come first, so that a later statement meets the same ones under the same number
    whatever the order of its lines.
    """
    met: Counter[str] = Counter()
    copies: dict[int, int] = {}
    rows = list(receipts)
    for place in sorted(range(len(rows)), key=lambda at: rows[at]["booked_on"] or dt.date.max):
        said = _content(rows[place])
        content = _short(said)
        met[content] += 1
        copies[place] = met[content]
    return [{**row, "copy": copies[place]} for place, row in enumerate(rows)]


def former_key(receipt: Receipt) -> str | None:
    """The identity that version 0.1 gave: facts and answers of its time are kept under it. It knew no copies,
    so only the first is meant.
    """
    if _copy(receipt) > 1:
        return None
    said = [*_place(receipt), str(receipt["payer_inn"] or receipt["payer_account"])]
    if not receipt["number"]:
        said.append(str(receipt["hash"]))
    return _short(said)


def _copy(receipt: Receipt) -> int:
    """A receipt that waited since a version without copies is the first."""
    return receipt.get("copy") or 1


def _content(receipt: Receipt) -> list[str]:
    payer = [receipt["payer_inn"], receipt["payer_account"]]
    words = [_words(receipt["payer_name"]), _words(receipt["purpose"])]
    return [*_place(receipt), *(str(one or "") for one in (*payer, *words))]


def _place(receipt: Receipt) -> list[str]:
    said = (receipt["account"], receipt["number"], receipt["date"], receipt["amount"], receipt["direction"])
    return [str(one) for one in said]


def _words(text: str | None) -> str:
    """A text without blanks and case: programs of a bank break lines differently."""
    return "".join(clean.fold(text).split())


def _short(said: Iterable[str]) -> str:
    return hashlib.sha256("|".join(said).encode()).hexdigest()[:12]
