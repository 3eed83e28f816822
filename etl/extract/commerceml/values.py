"""Texts of CommerceML to values.

Each function raises ValueError for a text it cannot read; absent is the caller's matter.

Forms seen in real files: reference/commerceml §13. Numbers are matched before `Decimal` sees them: «Infinity»
and exponents are not money.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from etl.config import dialects

_NUMBER = re.compile(r"-?(?:[0-9]{1,15}(?:\.[0-9]{0,10})?|\.[0-9]{1,10})").fullmatch
_BINARY = re.compile(
    r"-?[0-9]{0,9}\.[0-9]{11,17}"
).fullmatch  # 231.74000000000001: a binary fraction of a site
_EXACT = Decimal("0.000001")
_GROUPING = re.compile(r"[\s\u00a0\u2007\u202f']")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:$|[T\sZ+\-U])").match
_RUSSIAN_DATE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?:$|[T\s])").match
_TIME = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch
_EMPTY_DATE = "T"  # how УТ 10.3 writes one with a time
_CLOCK = re.compile(r"(?:T|\s|UTC)\s*([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)").search
_RATE = re.compile(r"(?:ндс)?([0-9]{1,2}(?:\.[0-9]{1,4})?)%?(?:/1[0-9]{2})?%?").fullmatch
_EXEMPT = frozenset({"безналога", "безндс", "необлагается", "безналога(ндс)", "ндснеоблагается"})
_TRUE, _FALSE = frozenset({"true", "1", "да", "истина"}), frozenset({"false", "0", "нет", "ложь"})
_ZERO = "00000000-0000-0000-0000-000000000000"
_NO_CHARACTERISTIC = f"#{_ZERO}"
_GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_REPEATED = 10_000  # the same rates, dates and quantities come again and again
_SHORT = 6  # longer numbers hardly do: to remember them costs more than to read them
_GUIDS = re.compile(f"{_GUID}(?:#{_GUID})?").fullmatch


def number(text: str) -> Decimal:
    """A number with a point or a comma, blanks between digits allowed."""
    if len(text) <= _SHORT:
        return _short_number(text)
    # most of them, without a regular expression
    if len(text) <= 15 and text.isascii() and text.replace(".", "", 1).isdigit():
        return Decimal(text)
    return _unusual_number(text)


@lru_cache(maxsize=_REPEATED)
def factor(text: str) -> Decimal | None:
    """How many base units are in a unit, if not one; 0 is what 1C writes where none is set."""
    value = number(text)
    return None if value in (0, 1) else value


@lru_cache(maxsize=_REPEATED)
def _short_number(text: str) -> Decimal:
    return _unusual_number(text)


def _unusual_number(text: str) -> Decimal:
    if _NUMBER(text):
        return Decimal(text)
    cleaned = _GROUPING.sub("", text).replace(",", ".")
    if _NUMBER(cleaned):
        return Decimal(cleaned)
    if _BINARY(cleaned):
        return Decimal(cleaned).quantize(_EXACT, ROUND_HALF_UP)
    raise ValueError("число")


@lru_cache(maxsize=_REPEATED)
def date(text: str) -> dt.date | None:
    """`yyyy-MM-dd` with or without time and zone, `dd.MM.yyyy`; the empty date of 1C (year 1) is None."""
    if text == _EMPTY_DATE:
        return None
    if found := _ISO_DATE(text):
        year, month, day = found.groups()
    elif found := _RUSSIAN_DATE(text):
        day, month, year = found.groups()
    else:
        raise ValueError("дата")
    value = dt.date(int(year), int(month), int(day))
    is_empty = value.year == 1
    return None if is_empty else value


@lru_cache(maxsize=_REPEATED)
def time(text: str) -> str:
    """Time of day as `HH:mm:ss`; fraction and zone are dropped."""
    found = _TIME(text)
    if not found:
        raise ValueError("время")
    hour = int(found[1])
    minute = found[2]
    second = found[3] or "00"
    if hour > 23 or int(minute) > 59 or int(second) > 59:
        raise ValueError("время")
    return f"{hour:02d}:{minute}:{second}"


def moment(text: str) -> dt.datetime | None:
    """ДатаФормирования in any of its spellings, as local time of that 1C; None for the empty date."""
    day = date(text)
    if day is None:
        return None
    found = _CLOCK(text)
    clock = time(found[1]) if found else "00:00:00"
    return dt.datetime.combine(day, dt.time.fromisoformat(clock))


@lru_cache(maxsize=_REPEATED)
def flag(text: str) -> bool:
    """true/false in the spellings of 1C and of sites."""
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("да или нет")


@lru_cache(maxsize=_REPEATED)
def rate(text: str) -> tuple[Decimal | None, bool]:
    """VAT: (percent, False), or (None, True) for «без НДС», which is not 0 %.

    A calculated rate 20/120 gives 20.
    """
    word = "".join(text.split()).lower().replace(",", ".")
    if word in _EXEMPT:
        return None, True
    if found := _RATE(word):
        return Decimal(found[1]), False
    raise ValueError("ставка НДС")


@lru_cache(maxsize=_REPEATED)
def currency(text: str) -> str:
    """A currency as its ISO code; an unknown word («у.е.») stays, or its sums would pass for roubles."""
    return dialects.currency_code(text)


def guid(text: str) -> str | None:
    """An identifier: GUIDs in lower case, a zero or the zero GUID is absent, a zero characteristic is
    dropped.
    """
    lowered = text.lower()
    value = text
    if lowered != text and _GUIDS(text):
        value = lowered
    if value == "0" or value.startswith(_ZERO):
        return None
    if "#" in value:
        return value.removesuffix(_NO_CHARACTERISTIC)
    return value


def reference(text: str) -> str | None:
    """An identifier that comes again and again."""
    return _usual(text) if len(text) <= _USUAL else guid(text)


_USUAL = 80  # longer ones are none, and must not fill the memory
_usual = lru_cache(maxsize=_REPEATED)(guid)
