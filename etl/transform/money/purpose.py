"""What the purpose of a payment names: invoice numbers, contract numbers, months. Pure text work.

Rules and expressions: reference onec §3.3, run there over live phrases. The text is written by the payer: it
only proposes, `payments.match` accepts nothing outside the payer's own documents. Numbers are compared in a
folded form: upper case, Cyrillic and Latin look-alikes as one, leading zeros dropped.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from etl.transform.money import months

_L = "0-9A-ZА-Я"
_NUM = r"((?:[A-ZА-Я]{1,4}[-/]?)?\d[0-9A-ZА-Я\-/\\]{0,31})(?!\d|\.\d)"
_SIGN = r"(?:№|#|N[Oo]?\.?(?=\s*\d))?\s*"
_INVOICE_WORD = (
    rf"(?<![{_L}])(?<!расчетный )(?<!лицевой )(?<!р/)(?<!л/)(?:счет(?:а|у|ом|ов|ам)?(?!-?\s*ф)"
    r"(?:[-\s]*(?:договор|оферт)\w*)?|сч\.?)"
)
#: prepositions open a date or a count of months, never a number: «договору от 01.03», «договору за 2 месяца»
_CONTRACT_WORD = (
    rf"(?<![{_L}])(?:договор(?:а|у|ом|ов|ам)?|дог\.?|д-р[ау]?|контракт(?:а|у)?"
    r"|лицев\w+ счет\w?|л/с(?:ч\w*)?)\s*"
    r"(?:(?!(?:за|от|до|на|с|по|в)\s)[а-я]+\s+){0,4}?"
)
_INVOICE = re.compile(rf"{_INVOICE_WORD}\s*(?:на оплату\s*)?[:\-]?\s*{_SIGN}{_NUM}(?![{_L}])", re.I)
_CONTRACT = re.compile(rf"{_CONTRACT_WORD}{_SIGN}{_NUM}", re.I)
#: a contract number that does not begin with a digit stands after the sign №
_CONTRACT_MARKED = re.compile(
    rf"{_CONTRACT_WORD}[№#]\s*([{_L}](?:[{_L}\-/\\]{{0,31}}[{_L}])?)(?!\d|\.\d)", re.I
)
_NEXT = re.compile(
    rf"^(?:\s*от\s*[\d.]+(?:\s*г\.?)?)?\s*(?:,|;|\sи\s)\s*(?:№\s*{_NUM}|(\d{{1,15}}))(?=\s*(?:от|,|;|\.|и\b|$))",
    re.I,
)

_DATE = re.compile(r"от\s*(\d{1,2})[./\-](\d{1,2})[./\-](\d{4}|\d{2})(?!\d)", re.I)

_LATIN = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
_NO_NUMBER = {"БН", "Б/Н", "B/H"}


@dataclass(frozen=True, slots=True)
class Named:
    """What a purpose names: invoices and contracts in folded form, months as (year or None, month), dates of
    papers. `unclear`: a month may be named that could not be read.
    """

    invoices: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    months: tuple[tuple[int | None, int], ...] = ()
    dates: tuple[dt.date, ...] = ()
    unclear: bool = False


def read(purpose: str | None, masks: Iterable[str] = ()) -> Named:
    """What the purpose names. `masks` are the profile's forms of our own numbers, `d+` standing for digits
    («СЧ-d+»).
    """
    line = plain(purpose)
    if not line:
        return Named()
    masked, rest = _masked(line, masks)
    invoices = [*masked, *_numbers(_INVOICE, rest)]
    contracts = [*_numbers(_CONTRACT_MARKED, rest), *_numbers(_CONTRACT, rest)]
    period = months.read(line)
    return Named(_once(invoices), _once(contracts), period.months, _dates(line), period.unclear)


def _once(numbers: Iterable[str]) -> tuple[str, ...]:
    """Each number once, in the order in which it was named."""
    return tuple(dict.fromkeys(numbers))


def plain(purpose: str | None) -> str:
    """The purpose on one line, ё as е."""
    return " ".join((purpose or "").replace("ё", "е").replace("Ё", "Е").split())


def fold(number: str) -> str:
    """A number in the form in which numbers are compared."""
    compact = re.sub(r"\s", "", number).upper().replace("Ё", "Е").translate(_LATIN).strip(".,;:-/\\")
    return re.sub(r"^0+(?=\d)", "", compact)


def _numbers(form: re.Pattern[str], line: str) -> list[str]:
    """Numbers after the word, and those listed after them: «№ 199 от …, № 209», «12, 13 и 14»."""
    found: list[str] = []
    for match in form.finditer(line):
        found += _forms(match[1])
        rest = line[match.end() :]
        while following := _NEXT.match(rest):
            found += _forms(following[1] or following[2])
            rest = rest[following.end() :]
    return found


def _masked(line: str, masks: Iterable[str]) -> tuple[list[str], str]:
    """(numbers of the profile's masks, the line without them)."""
    found: list[str] = []
    folded = line.upper().translate(_LATIN)
    for mask in masks:
        form = re.escape(mask.upper().translate(_LATIN)).replace(r"D\+", r"\d+")
        for match in re.finditer(rf"(?<![{_L}]){form}(?![{_L}])", folded):
            found.append(fold(match[0]))
            line = line[: match.start()] + " " * len(match[0]) + line[match.end() :]
    return found, line


def _forms(number: str) -> list[str]:
    """The folded number; the part before a backslash, for a date glued on («10003\\01.01.26»); nothing for an
    account, which has twenty digits.
    """
    folded = fold(number.split("\\")[0])
    digits = re.sub(r"\D", "", folded)
    if not folded or folded in _NO_NUMBER or len(digits) >= 20:
        return []
    return [folded]


def _dates(line: str) -> tuple[dt.date, ...]:
    """Dates of papers («от 05.11.26»); what is no date is left out."""
    found: list[dt.date] = []
    for day, month, year in _DATE.findall(line):
        with contextlib.suppress(ValueError):
            found.append(dt.date(int(year if len(year) == 4 else f"20{year}"), int(month), int(day)))
    return tuple(dict.fromkeys(found))
