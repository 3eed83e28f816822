"""What a cell of a spreadsheet means: decimal commas, «руб.», lost zeros, 1,23E+11 (reference bitrix24 §8.3).

Each function takes a cell and gives a value or None; ValueError in Russian for nonsense.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from stdnum.ru import inn as inn_rule

from etl.extract.spreadsheet.guard import Cell
from etl.values import checked, clean

_POWER = re.compile(r"-?\d(?:[.,]\d+)?E\+?\d+", re.I)
_TIME = re.compile(r".*[ T](\d{1,2}):(\d{2})(?::(\d{2}))?(?:[Z+].*)?")
#: a number of Excel has 15 significant digits, a float is off by less than this
_DIGITS, _NOISE = 1e15, Decimal("0.000001")
_LARGEST = Decimal(10) ** 13


def folded(word: object) -> str:
    """The form in which captions and words are compared: no case, no ё, single blanks, no colon behind."""
    small = str(word).casefold().replace("ё", "е")
    line = " ".join(small.split())
    return line.rstrip(":* ")


def text(cell: Cell) -> str | None:
    """One line of text. A whole number loses the «.0» that a spreadsheet gives it."""
    if isinstance(cell, bool):
        return "Да" if cell else "Нет"
    if isinstance(cell, float) and cell.is_integer():
        if abs(cell) >= _DIGITS:
            raise ValueError("Excel сохранил длинный номер как число и потерял цифры")
        return str(int(cell))
    if isinstance(cell, dt.date):
        return f"{cell:%d.%m.%Y}"
    line = " ".join(str(cell).split())
    if _POWER.fullmatch(line):
        raise ValueError(f"Excel заменил номер на {line} и потерял цифры")
    return line or None


def money(cell: Cell) -> Decimal | None:
    """Roubles: a text of any form `clean.money` knows, or a number cell; of no more than kopecks."""
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    exact = Decimal(repr(cell)) if is_number else clean.money(cell)
    if exact is None:
        return None
    amount = clean.kopecks(exact) if abs(exact) < _LARGEST else exact
    lost = abs(exact - amount)
    if lost > (_NOISE if is_number else 0) or abs(amount) >= _LARGEST:
        raise ValueError(f"сумма {cell} не сходится до копейки")
    return amount


def number(cell: Cell) -> str | None:
    """A number of a paper, as text. What Excel made a date or a fraction of («1/26», «45-5») is lost."""
    became = None
    if isinstance(cell, dt.date):
        became = f"дату {cell:%d.%m.%Y}"
    elif isinstance(cell, float) and not cell.is_integer():
        became = f"число {cell}"
    if became:
        raise ValueError(f"Excel превратил номер в {became}: верните ячейке текст")
    return text(cell)


def moment(cell: Cell) -> dt.datetime | None:
    """A moment in the zone of the person who exported; nothing in the file names it."""
    if isinstance(cell, dt.datetime):
        return cell
    day = clean.date(cell)
    if day is None:
        return None
    hour, minute, second = _time(str(cell))
    return dt.datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - the file names no zone


def _time(said: str) -> tuple[int, int, int]:
    """Hour, minute and second behind a date, midnight where none is said."""
    time = _TIME.fullmatch(said)
    if time is None:
        return 0, 0, 0
    hour, minute, second = time.groups(default="0")
    return int(hour), int(minute), int(second)


def flag(cell: Cell) -> bool | None:
    """Да/Нет of the portal."""
    word = folded(cell)
    if word in ("да", "истина", "true", "y", "1", "1.0"):
        return True
    if word in ("нет", "ложь", "false", "n", "0", "0.0"):
        return False
    return None


def inn(cell: Cell) -> str | None:
    """ИНН as text.

    A zero that Excel dropped comes back only when the check digit then fits (`inn_padded` tells).
    """
    digits = checked.code(text(cell))
    if digits is None:
        return None
    return "0" + digits if inn_padded(digits) else digits


def inn_padded(digits: str) -> bool:
    """Whether an ИНН of 9 or 11 digits becomes right with a zero in front."""
    lacks_one = re.fullmatch(r"\d{9}|\d{11}", digits) is not None
    return lacks_one and inn_rule.is_valid("0" + digits)
