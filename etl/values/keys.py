"""Numbers and identifiers that tie a record of ours to a document of 1C: pure, reversible, disjoint.

1C matches a loaded document by `Номер` and УТ 11 keeps 11 characters of it (commerceml §0.8), so each number
fits 11 characters and tells what it is:

    order    B24-<deal>                     B24-123
    invoice  S24-<smart invoice>            S24-7
    charge   M<YYMM><version><deal>         M261110003F: version 1 digit (Z = 35 and later), deal 5, base 36
    act      A<part><turn><deal>            A1-123 first half, A2-123 second, A12123 first half accrued again
    reversal R<part><turn><deal>            R1-123

What does not fit is refused (ValueError), never cut: a cut number would join two deals.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass
from typing import Literal

LIMIT = 11
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: what one digit of a charge's number can say of the version
_LAST_VERSION = 35
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:obmen24")

Kind = Literal["order", "invoice", "charge", "act", "reversal"]


@dataclass(frozen=True, slots=True)
class Key:
    """A decoded number of ours."""

    kind: Kind
    id: str  # of the deal; of an invoice: of the smart invoice
    month: str | None = None  # YYYY-MM of a charge
    version: int | None = None  # of a charge: the register version that first held it, 35 also for later ones
    part: int | None = None  # of an act or reversal: 1 or 2
    turn: int = 1  # of an act: 2 is the first accrual after a reversal


def order(deal: str) -> str:
    """Number of the order made from a deal."""
    return _fits(f"B24-{_plain(deal)}")


def invoice(smart_invoice: str) -> str:
    """Number of the invoice made from a smart invoice."""
    return _fits(f"S24-{_plain(smart_invoice)}")


def charge(deal: str, month: str, version: int) -> str:
    """Number of the charge of one deal and month.

    `month` is `YYYY-MM`, `version` that of the register that first held the charge; it stays at the last
    digit from the 35th on, because deal and month alone are unique.
    """
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"«{month}» не месяц, ожидается ГГГГ-ММ")
    year, number = month[2:4], month[5:]
    deal_code = _base36(int(_plain(deal)), 5)
    digit = _base36(min(version, _LAST_VERSION), 1)
    return _fits(f"M{year}{number}{digit}{deal_code}")


def act(deal: str, part: int, turn: int = 1, *, reversal: bool = False) -> str:
    """Number of the act of one half of the remuneration; `turn` counts repeated accruals after a reversal."""
    if part not in (1, 2):
        raise ValueError(f"часть вознаграждения {part}: бывает 1 или 2")
    letter = "R" if reversal else "A"
    mark = "-" if turn == 1 else _base36(turn, 1)
    return _fits(f"{letter}{part}{mark}{_plain(deal)}")


_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("order", re.compile(r"B24-(?P<id>[1-9][0-9]*)")),
    ("invoice", re.compile(r"S24-(?P<id>[1-9][0-9]*)")),
    (
        "charge",
        re.compile(r"M(?P<year>[0-9]{2})(?P<month>0[1-9]|1[0-2])(?P<version>[1-9A-Z])(?P<deal>[0-9A-Z]{5})"),
    ),
    ("act", re.compile(r"A(?P<part>[12])(?P<turn>[-2-9A-Z])(?P<id>[1-9][0-9]*)")),
    ("reversal", re.compile(r"R(?P<part>[12])(?P<turn>[-2-9A-Z])(?P<id>[1-9][0-9]*)")),
)


def decode(number: str | None) -> Key | None:
    """The key of a number written by us, or None for any other number.

    1C pads numbers with blanks (commerceml §3.1): they are ignored.
    """
    text = (number or "").strip()
    if len(text) > LIMIT:
        return None
    for kind, form in _FORMS:
        if found := form.fullmatch(text):
            return _charge_key(found) if kind == "charge" else _numbered_key(kind, found)
    return None


def _charge_key(found: re.Match[str]) -> Key | None:
    """A charge; deal 0 is none of ours."""
    deal = int(found["deal"], 36)
    if not deal:
        return None
    month = f"20{found['year']}-{found['month']}"
    return Key("charge", str(deal), month=month, version=int(found["version"], 36))


def _numbered_key(kind: Kind, found: re.Match[str]) -> Key:
    """Any other kind: it names its deal or invoice in plain digits; acts and reversals have part and turn."""
    named = found.groupdict()
    part, turn = named.get("part"), named.get("turn", "-")
    return Key(
        kind,
        found["id"],
        part=int(part) if part else None,
        turn=1 if turn == "-" else int(turn, 36),
    )


def document_id(portal: str, kind: str, number: str) -> str:
    """`Ид` of a document we send (uuid5, lower case): the same for one portal, kind and number."""
    return str(uuid.uuid5(_NAMESPACE, f"{portal}|{kind}|{number}"))


def _plain(identifier: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*", identifier):
        raise ValueError(f"идентификатор «{identifier}» не целое число")
    return identifier


def _base36(value: int, width: int) -> str:
    """Digits and Latin capitals: a number of a deal fits the eleven characters that 1C keeps. ValueError if
    not.
    """
    if not 0 < value < 36**width:
        raise ValueError(f"число {value} не помещается в {width} знака номера")
    digits = ""
    while value:
        value, rest = divmod(value, 36)
        digits = _DIGITS[rest] + digits
    return digits.rjust(width, "0")


def _fits(number: str) -> str:
    if len(number) > LIMIT:
        raise ValueError(f"номер {number} длиннее {LIMIT} знаков, 1С его обрежет")
    return number


# ---- keys of 1C's documents in its files
_REPEATED = re.compile(r" \([0-9]+\)$")


def repeated(identifier: str, place: int) -> str:
    """The id of the `place`-th document of a file that bears this one."""
    return identifier if place == 1 else f"{identifier} ({place})"


def unrepeated(identifier: str) -> str:
    """The id that a document bears in its file."""
    return _REPEATED.sub("", identifier)


def numbered(
    kind: str, operation: str, number: str, day: dt.date | None, organisation: str, basis: str
) -> str:
    """The key of a document of 1C without Ид: what its number is unique for (DESIGN §5).

    1C counts each operation and organisation apart and begins anew each year. Orders and invoices make deals,
    and a day corrected in 1C must not make another one: they are known by the year. A number of ours is
    unique in itself. Of money and goods another day or basis is another document.
    """
    year = str(day.year) if day else ""
    if kind in ("order", "invoice", "act", "return") and decode(number):
        return f"{kind}|{number}|{year}"
    if kind in ("order", "invoice"):
        return "|".join(part for part in (kind, number, organisation) if part) + f"|{year}"
    return "|".join((kind, operation, number, organisation, basis, day.isoformat() if day else ""))
