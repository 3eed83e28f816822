"""What a cell may hold and how it reads: cleaned text, amounts, months, displayed text of the `.txt` twin."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from etl.values import clean

CENT = Decimal("0.01")
#: Excel keeps this many UTF-16 units of a cell and cuts the rest without a word.
TEXT_LIMIT = 32_767
#: Above it a number would lose kopecks: a cell holds 15 significant digits.
AMOUNT_LIMIT = Decimal(10) ** 13

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_FORMULA = re.compile(r"[=+\-@]")


def cleaned(text: str) -> str:
    """Text without characters that XML or Excel cannot hold; any line break becomes `\\n`."""
    if not _FORBIDDEN.search(text) and "\u2028" not in text and "\u2029" not in text:
        return text
    broken = _BREAKS.sub("\n", text)
    return _FORBIDDEN.sub(" ", broken)


def shortened(text: str) -> tuple[str, bool]:
    """Text that fits a cell and whether it had to be cut; the cut is visible as «…»."""
    if len(text) <= TEXT_LIMIT // 2:
        return text, False
    units = text.encode("utf-16-le")
    if len(units) // 2 <= TEXT_LIMIT:
        return text, False
    kept = units[: 2 * (TEXT_LIMIT - 1)].decode("utf-16-le", "ignore")
    return kept + "…", True


def rounded(amount: Decimal) -> Decimal:
    """Roubles and kopecks, half up. ValueError for an amount that a cell cannot hold to the kopeck."""
    if not amount.is_finite() or abs(amount) >= AMOUNT_LIMIT:
        raise ValueError(f"сумма {amount} не помещается в ячейку")
    return clean.kopecks(amount)


def month_short(month: str) -> str:
    """«2026-11» -> «11.2026», as accountants write a period."""
    year, _, number = month.partition("-")
    return f"{number}.{year}"


def money_shown(amount: Decimal) -> str:
    """An amount for a sentence: 1234.5 -> «1 234,50», blanks not breaking."""
    english = f"{rounded(amount):,.2f}"
    return english.replace(",", "\u00a0").replace(".", ",")


def shown(value: object) -> str:
    """Text that 1C sees in a cell of the import file: comma in amounts, dd.mm.yyyy in dates, one line."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{rounded(value):.2f}".replace(".", ",")
    if isinstance(value, dt.date):
        return f"{value:%d.%m.%Y}"
    return one_line(str(value))


def one_line(text: str) -> str:
    """Text for a machine: one line, single blanks, no tab."""
    return " ".join(cleaned(text).split())


def harmless(text: str) -> str:
    """Text of a tab-separated file that a spreadsheet programme will not take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text
