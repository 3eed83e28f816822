"""Values of a statement's fields: days, sums, accounts, ИНН."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from etl.extract.bank.sections import Fields
from etl.values import clean

_LARGEST = Decimal(10) ** 13


def digits(text: str) -> str:
    """An account or ИНН without the blanks, dots and dashes that people write into it."""
    return re.sub(r"[\s.\-]", "", text)


def day(text: str | None) -> dt.date | None:
    """A day; None for absence. ValueError for nonsense."""
    return clean.date(text)


def money(text: str | None) -> Decimal | None:
    """Roubles; None for absence. ValueError for nonsense and for more than kopecks."""
    amount = clean.money(text)
    if amount is None:
        return None
    exponent = amount.as_tuple().exponent
    if (isinstance(exponent, int) and exponent < -2) or abs(amount) >= _LARGEST:
        raise ValueError(f"«{text}» не сумма в рублях и копейках")
    return amount


def inn(fields: Fields, side: str) -> str | None:
    """ИНН of a side: its own key, else what stands before the name (onec §3.1)."""
    own = digits(fields.get(f"{side}ИНН") or "")
    if own.strip("0"):
        return own
    found = re.match(r"(?:ИНН\s*)?(\d{12}|\d{10})\b", fields.get(side, ""))
    return found[1] if found else None


def party_name(fields: Fields, side: str) -> str | None:
    """Name of a side: `Плательщик1`, else `Плательщик` without the ИНН before it (onec §3.1)."""
    said = fields.get(f"{side}1")
    if not said:
        said = re.sub(r"^(?:ИНН\s*)?(?:\d{10}|\d{12})(?:[/\\]\d{9})?[\s,]*", "", fields.get(side, ""))
    return " ".join(said.split()) or None


def account(fields: Fields, side: str) -> str | None:
    """The account that counts: the party's own where its bank settles through another one (onec §3.1)."""
    return digits(fields.get(f"{side}РасчСчет") or fields.get(f"{side}Счет") or "") or None


def purpose(fields: Fields) -> str | None:
    """НазначениеПлатежа, else its parts 1 to 6."""
    said = fields.get("НазначениеПлатежа")
    if not said:
        parts = [fields.get(f"НазначениеПлатежа{number}") for number in range(1, 7)]
        said = " ".join(part for part in parts if part)
    return " ".join(said.split()) or None
