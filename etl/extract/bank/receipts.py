"""A document of a statement to a row of `receipts`."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from decimal import Decimal

from etl.extract.bank import values
from etl.extract.bank.sections import Fields, Section
from etl.records import Receipt

_PAYER, _RECEIVER = "Плательщик", "Получатель"
#: direction -> the key that tells when the money moved (onec §3.1)
BOOKED = {"in": "ДатаПоступило", "out": "ДатаСписано"}


def receipt(section: Section, ours: Collection[str]) -> Receipt | None:
    """The row of a document, None for a transfer between our own accounts; `ours`: accounts without blanks.

    ValueError (Russian) for a document without day or sum, or with no account of ours.
    """
    fields = section.fields
    on, amount = _day(fields), _amount(fields)
    payer, receiver = _our_account(fields, _PAYER, ours), _our_account(fields, _RECEIVER, ours)
    if payer and receiver:
        return None
    if receiver:
        return _row(section, on, amount, receiver, "in", _PAYER)
    if payer:
        return _row(section, on, amount, payer, "out", _RECEIVER)
    raise ValueError("ни плательщик, ни получатель не наш счёт")


def concerns(fields: Fields, ours: Collection[str]) -> bool:
    """Is one of the sides ours?"""
    return any(_our_account(fields, side, ours) for side in (_PAYER, _RECEIVER))


def _row(section: Section, on: dt.date, amount: Decimal, account: str, direction: str, other: str) -> Receipt:
    """`account` is ours, `other` the side that is not."""
    fields = section.fields
    return {
        "account": account,
        "number": fields.get("Номер") or None,
        "date": on,
        "amount": amount,
        "payer_inn": values.inn(fields, other),
        "payer_kpp": fields.get(f"{other}КПП") or None,
        "payer_name": values.party_name(fields, other),
        "payer_account": values.account(fields, other),
        "purpose": values.purpose(fields),
        "direction": direction,
        "booked_on": _booked(fields, BOOKED[direction]),
        "hash": _fingerprint(section),
    }


def _day(fields: Fields) -> dt.date:
    found = values.day(fields.get("Дата"))
    if found is None:
        raise ValueError("нет даты")
    return found


def _amount(fields: Fields) -> Decimal:
    found = values.money(fields.get("Сумма"))
    if found is None:
        raise ValueError("нет суммы")
    return found


def _our_account(fields: Fields, side: str, ours: Collection[str]) -> str | None:
    """The account of a side where it is one of ours, in either of its keys."""
    for key in (f"{side}Счет", f"{side}РасчСчет"):
        account = values.digits(fields.get(key, ""))
        if account in ours:
            return account
    return None


def _booked(fields: Fields, key: str) -> dt.date | None:
    """When the money moved; None while it has not: only the day of the bank is proof (onec §3.1)."""
    try:
        return values.day(fields.get(key))
    except ValueError:
        return None


def _fingerprint(section: Section) -> str:
    """Of all values: tells documents without a number apart (onec §3.2)."""
    lines = [section.kind, *(f"{key}={value}" for key, value in sorted(section.fields.items()))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
