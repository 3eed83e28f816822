"""Which column is which, by caption, and what a cell of a spreadsheet means.

Captions are the customer's (the profile's `columns`) first, then those of the portal's Russian interface (reference
bitrix24 §8.3). Values are what people and Excel make of them: decimal commas, «руб.», lost zeros, 1,23E+11.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from stdnum.ru import inn as inn_rule

from etl.errors import Rejected
from etl.extract.spreadsheet.guard import Cell, Page
from etl.values import clean

#: rows at the top among which the captions are looked for
_TOP = 30

DEALS: dict[str, tuple[str, ...]] = {
    "id": ("ID", "ID сделки"),
    "title": ("Название сделки", "Название", "Сделка"),
    "category": ("Воронка", "Направление"),
    "stage": ("Стадия сделки", "Стадия"),
    "amount": ("Сумма", "Сумма сделки"),
    "currency": ("Валюта",),
    "manager_name": ("Ответственный",),
    "contract_number": ("Номер договора", "Договор №", "№ договора"),
    "contract_date": ("Дата договора", "Дата заключения договора", "Дата заключения"),
    "payer": ("ФИО плательщика", "Плательщик"),
    "payer_inn": ("ИНН плательщика", "ИНН"),
    "address": ("Адрес объекта", "Адрес"),
    "terminated_on": ("Дата расторжения", "Дата расторжения договора"),
    "monthly_fee": ("Абонентская плата", "Ежемесячный платёж", "Сумма платежа"),
    "commission": ("Вознаграждение менеджера", "Вознаграждение"),
    "organisation": ("Организация", "Моя компания"),
    "lead_source": ("Источник",),
    "closed": ("Сделка закрыта",),
    "modified": ("Дата изменения",),
}
#: product columns: one line of the file is then one product row of a deal
PRODUCTS = ("товар", "цена", "количество")

DOCUMENTS: dict[str, tuple[str, ...]] = {
    "document": ("Документ", "Ссылка", "Регистратор", "Документ движения"),
    "kind": ("Вид документа", "Тип документа"),
    "number": ("Номер", "Номер документа", "№"),
    "date": ("Дата", "Дата документа"),
    "amount": ("Сумма", "Сумма документа", "Всего", "Сумма платежа"),
    "party": ("Контрагент", "Плательщик", "Клиент", "Покупатель"),
    "inn": ("ИНН", "ИНН контрагента"),
    "contract": ("Договор", "Договор контрагента", "Номер договора"),
    "basis": (
        "Заказ",
        "Заказ покупателя",
        "Заказ клиента",
        "Счет на оплату",
        "Сделка",
        "Основание",
        "Документ-основание",
    ),
    "key": ("Ключ",),
    "organisation": ("Организация",),
    "posted": ("Проведен",),
    "comment": ("Комментарий", "Назначение платежа"),
}


class Header(NamedTuple):
    """Where the captions stand: sheet, row number from 0, all captions as written, our column -> position."""

    page: Page
    row: int
    captions: list[str]
    positions: dict[str, int]


def folded(caption: object) -> str:
    """The form in which captions are compared."""
    return " ".join(str(caption).casefold().replace("ё", "е").split()).rstrip(":* ")


def find_header(
    found: Sequence[Page], known: Mapping[str, Sequence[str]], required: Sequence[str], name: str
) -> Header:
    """The row with the most known captions. Rejected when a required one is absent or a used one stands twice."""
    best: Header | None = None
    for page in found:
        for number, row in enumerate(page.rows[:_TOP]):
            captions = [str(cell).strip() for cell in row]
            candidate = Header(page, number, captions, _positions(captions, known))
            if best is None or len(candidate.positions) > len(best.positions):
                best = candidate
    if best is None or any(column not in best.positions for column in required):
        raise _missing(best, known, required, name)
    _check_doubles(best, name)
    return best


def _positions(captions: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, int]:
    places = {folded(caption): index for index, caption in reversed(list(enumerate(captions))) if caption}
    return {
        column: places[folded(alias)]
        for column, aliases in known.items()
        for alias in [next((one for one in aliases if folded(one) in places), None)]
        if alias is not None
    }


def _check_doubles(header: Header, name: str) -> None:
    counted = Counter(folded(caption) for caption in header.captions if caption)
    for position in header.positions.values():
        if counted[folded(header.captions[position])] > 1:
            raise Rejected(
                f"Файл {name} не прочитан: столбец «{header.captions[position]}» встречается дважды.",
                "Уберите лишний столбец из списка сделок или переименуйте поле портала и выгрузите заново.",
                file=name,
            )


def _missing(
    best: Header | None, known: Mapping[str, Sequence[str]], required: Sequence[str], name: str
) -> Rejected:
    absent = [known[column][0] for column in required if best is None or column not in best.positions]
    seen = (
        ", ".join(f"«{caption}»" for caption in (best.captions if best else []) if caption)[:600]
        or "ни одной"
    )
    words = ", ".join(f"«{caption}»" for caption in absent)
    return Rejected(
        f"Файл {name} не прочитан: нет столбца {words}. Найдены подписи: {seen}.",
        "Добавьте столбец в список сделок портала (язык интерфейса русский) или укажите его подпись "
        "в разделе [columns] профиля и выгрузите заново.",
        file=name,
    )


# ---- values: each takes a cell and gives a value or None; ValueError in Russian for nonsense ----

_POWER = re.compile(r"-?\d(?:[.,]\d+)?E\+?\d+", re.I)
_TIME = re.compile(r".*[ T](\d{1,2}):(\d{2})(?::(\d{2}))?(?:[Z+].*)?")


def text(cell: Cell) -> str | None:
    """One line of text. A whole number loses the «.0» that a spreadsheet gives it."""
    if isinstance(cell, bool):
        return "Да" if cell else "Нет"
    if isinstance(cell, float) and cell.is_integer():
        if abs(cell) >= 1e15:
            raise ValueError("Excel сохранил длинный номер как число и потерял цифры")
        return str(int(cell))
    if isinstance(cell, dt.date):
        return f"{cell:%d.%m.%Y}"
    line = " ".join(str(cell).split())
    if _POWER.fullmatch(line):
        raise ValueError(f"Excel заменил номер на {line} и потерял цифры")
    return line or None


def money(cell: Cell) -> Decimal | None:
    """Roubles: a text of any form `clean.money` knows, or a number cell, refused when it holds more than kopecks."""
    if not isinstance(cell, int | float) or isinstance(cell, bool):
        return clean.money(cell)
    exact = Decimal(repr(cell))
    amount = clean.kopecks(exact)
    if abs(exact - amount) > Decimal("0.000001") or abs(amount) >= Decimal(10) ** 13:
        raise ValueError(f"сумма {cell} не сходится до копейки")
    return amount


def moment(cell: Cell) -> dt.datetime | None:
    """A moment in the zone of the person who exported; nothing in the file names it."""
    if isinstance(cell, dt.datetime):
        return cell
    day, time = clean.date(cell), _TIME.fullmatch(str(cell))
    if day is None:
        return None
    hour, minute, second = (int(part or 0) for part in (time.groups() if time else (0, 0, 0)))
    return dt.datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - the file names no zone


def flag(cell: Cell) -> bool | None:
    """Да/Нет of the portal."""
    word = folded(cell)
    if word in ("да", "истина", "true", "y", "1", "1.0"):
        return True
    return False if word in ("нет", "ложь", "false", "n", "0", "0.0") else None


def inn(cell: Cell) -> str | None:
    """ИНН as text. A zero that Excel dropped comes back only when the check digit then fits (`inn_padded` tells)."""
    line = text(cell)
    if line is None:
        return None
    digits = re.sub(r"[\s\-]", "", line)
    return "0" + digits if inn_padded(digits) else digits


def inn_padded(digits: str) -> bool:
    """Whether an ИНН of 9 or 11 digits becomes right with a zero in front."""
    return bool(re.fullmatch(r"\d{9}|\d{11}", digits)) and inn_rule.is_valid("0" + digits)


#: readers by column of `deals`; any other column is text
READERS: dict[str, Callable[[Cell], Any]] = {
    "amount": money,
    "monthly_fee": money,
    "commission": money,
    "contract_date": clean.date,
    "terminated_on": clean.date,
    "modified": moment,
    "closed": flag,
    "payer_inn": inn,
}
