"""Values as people and programmes type them, to values the tables hold: small, uniform, pure functions.

Two manners, by what the caller needs:
    text, number, money, date, unit, …      a value or None for absence; ValueError (Russian) for nonsense
    kopecks, month_*, in_words, …           from a good value to its other form

What is only warned about (ИНН, КПП, e-mail, telephone) is in `checked`.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from etl.config import dialects


class Person(NamedTuple):
    """The parts of a ФИО; absent parts are None."""

    last: str | None = None
    first: str | None = None
    middle: str | None = None


# ---- text ----

# What XML forbids or nobody sees: control, zero width, direction marks, soft hyphen, surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\ufeff\ufffe\uffff\ud800-\udfff]"
)


def text(value: object) -> str | None:
    """One line: any blanks (NBSP, line breaks) become one space, invisible characters vanish, ё stays.

    None and a text of blanks are absence.
    """
    if value is None:
        return None
    line = str(value)
    if not line.isprintable():
        line = _INVISIBLE.sub("", line)
    return " ".join(line.split()) or None


def fold(value: object) -> str:
    """The form in which texts are compared: no case, no ё, one kind of quotes and dashes. Absence is ''."""
    folded = (text(value) or "").casefold().replace("ё", "е")
    folded = re.sub("[«»“”„‟″]", '"', folded)
    return re.sub("[–—−‑]", "-", folded)


# ---- numbers and money ----

_GROUPED = re.compile(r"[+-]?(?:[0-9]{1,3}(?: [0-9]{3})+|[0-9]{1,15})(?:[.,][0-9]{1,10})?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+\.[0-9]+|(?:\.[0-9]{3})+,[0-9]+)")
_KOPECKS = re.compile(r"(.+?) ?руб[а-я]*\.? ?([0-9]{2}) ?коп[а-я]*\.?", re.I)
_ROUBLES = re.compile(r"(?: ?(?:руб(?:\.|лей|ля|ль)?|р\.?|₽|rub|rur)|\|ru[br])$", re.I)
_CENT = Decimal("0.01")


def number(value: object) -> Decimal | None:
    """A quantity or rate: dot or comma, groups by blanks. None and '' are absence. Raises ValueError."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return _finite(Decimal(value))
    line = (text(value) or "").replace("−", "-").replace("'", "")
    if not line:
        return None
    if _THOUSANDS.fullmatch(line):
        line = _ungrouped(line)
    if not _GROUPED.fullmatch(line):
        raise ValueError(f"«{line[:40]}» не число")
    return Decimal(line.replace(" ", "").replace(",", "."))


def _ungrouped(line: str) -> str:
    """«1,234.50» and «1.234,50» to «1234.50»: the last sign is the decimal one, the others group."""
    point = max(line.rfind("."), line.rfind(","))
    whole = line[:point].replace(",", "").replace(".", "")
    return f"{whole}.{line[point + 1 :]}"


def money(value: object) -> Decimal | None:
    """An amount in roubles: «1 500,00 руб.», «1500.00|RUB» of Bitrix24, «1500 руб. 50 коп.».

    Nothing is rounded. Raises ValueError for another currency, and for «1,500» and «1.500»: they may be one
    and a half or fifteen hundred.
    """
    line = text(value)
    if line is None or isinstance(value, Decimal | int):
        return number(value)
    if words := _KOPECKS.fullmatch(line):
        line = f"{words[1]},{words[2]}"
    line = _ROUBLES.sub("", line).strip()
    if re.fullmatch(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}", line):
        sign = "запятая" if "," in line else "точка"
        raise ValueError(f"«{line}»: непонятно, {sign} отделяет копейки или тысячи")
    return number(line)


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError(f"«{value}» не число")
    return value


def kopecks(value: Decimal) -> Decimal:
    """Rounded to the kopeck, half up, as 1C rounds (onec §5, §7); Python's own round() is bankers'."""
    return value.quantize(_CENT, rounding=ROUND_HALF_UP)


# ---- dates and months ----

_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:$|[T U+Z].*)")
_RUSSIAN = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?: ?г\.?)?(?:$|[T ,].*)")
_EMPTY_DATES = ("0001-01-01", "01.01.0001")
MONTHS = (
    "январь",
    "февраль",
    "март",
    "апрель",
    "май",
    "июнь",
    "июль",
    "август",
    "сентябрь",
    "октябрь",
    "ноябрь",
    "декабрь",
)


def date(value: object) -> dt.date | None:
    """A day as written, time and zone ignored: ISO or dd.mm.yyyy.

    1C's empty date, 0001-01-01, is absence (commerceml §13). ValueError for other text and outside 2000-2100.
    """
    if isinstance(value, dt.date):
        return _sensible(value.year, value.month, value.day)
    line = text(value)
    if line is None or line.startswith(_EMPTY_DATES):
        return None
    if found := _ISO.fullmatch(line):
        return _sensible(int(found[1]), int(found[2]), int(found[3]))
    if found := _RUSSIAN.fullmatch(line):
        return _sensible(int(found[3]), int(found[2]), int(found[1]))
    raise ValueError(f"«{line[:40]}» не дата, ожидается дд.мм.гггг")


def _sensible(year: int, month: int, day: int) -> dt.date:
    """A date that exists and is no typing error of the century. ValueError with the reason."""
    if not 2000 <= year <= 2100:
        raise ValueError(f"год {year} вне 2000–2100")
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise ValueError(f"даты {day:02}.{month:02}.{year} не бывает") from None


def month_of(day: dt.date) -> str:
    """`YYYY-MM` of a day."""
    return f"{day:%Y-%m}"


@lru_cache(maxsize=256)
def month_bounds(month: str) -> tuple[dt.date, dt.date]:
    """First and last day of `YYYY-MM`. ValueError for anything else."""
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"«{month}» не месяц, ожидается ГГГГ-ММ")
    first = dt.date(int(month[:4]), int(month[5:]), 1)
    next_first = (first + dt.timedelta(days=31)).replace(day=1)
    return first, next_first - dt.timedelta(days=1)


def month_after(month: str, step: int = 1) -> str:
    """The month `step` months later (earlier when negative)."""
    months = int(month[:4]) * 12 + int(month[5:]) - 1 + step
    year, index = divmod(months, 12)
    return f"{year:04}-{index + 1:02}"


def month_name(month: str) -> str:
    """«ноябрь 2026 г.» of `2026-11`."""
    first, _ = month_bounds(month)
    return f"{MONTHS[first.month - 1]} {first.year} г."


def day_name(day: dt.date | None) -> str:
    """«05.11.2026», or '' for absence."""
    return f"{day.day:02}.{day.month:02}.{day.year}" if day else ""


# ---- people and companies ----

_PATRONYMIC_TAILS = {"оглы", "улы", "уулу", "кызы", "гызы", "угли"}
_FIRST_HEADS = {"абдул", "абу"}
#: «ИП» in the spellings of the registers; before 2004 a sole trader was a ПБОЮЛ, one who farms heads a КФХ
_TRADER = (
    r"(?:ИП )?глава (?:К\(?Ф\)?Х|крестьянского \(?фермерского\)? хозяйства)"
    r"|ИП|(?:индивидуальный )?предприниматель|ПБОЮЛ"
)
_SOLE = re.compile(rf"^(?:{_TRADER})(?:[\s,:]+|\.\s*)(?=\S)|[\s,(]+(?:{_TRADER})\.?\)?$", re.I)
#: full legal form -> abbreviation; longer forms first: «публичное акционерное…» is no «акционерное…»
LEGAL_FORMS = {
    "общество с ограниченной ответственностью": "ООО",
    "публичное акционерное общество": "ПАО",
    "непубличное акционерное общество": "НАО",
    "открытое акционерное общество": "ОАО",
    "закрытое акционерное общество": "ЗАО",
    "акционерное общество": "АО",
    "федеральное государственное унитарное предприятие": "ФГУП",
    "муниципальное унитарное предприятие": "МУП",
    "товарищество собственников недвижимости": "ТСН",
    "товарищество собственников жилья": "ТСЖ",
    "жилищно-строительный кооператив": "ЖСК",
    "садоводческое некоммерческое товарищество": "СНТ",
    "гаражно-строительный кооператив": "ГСК",
    "государственное бюджетное учреждение": "ГБУ",
    "муниципальное бюджетное учреждение": "МБУ",
    "автономная некоммерческая организация": "АНО",
}
_FULL_FORM = re.compile("^(" + "|".join(LEGAL_FORMS) + r")\b", re.I)
_FORM = re.compile(r"(?<!\w)(" + "|".join([*LEGAL_FORMS.values(), "ФГБУ", "ГУП", "НКО"]) + r")(?!\w)")


def person(value: object) -> Person:
    """ФИО into surname, first name and patronymic, as 1C itself splits it (onec §4.1); «ИП» is dropped.

    «оглы», «кызы» belong to the patronymic, «Абдул», «Абу» to the first name.
    """
    spaced = re.sub(r"\.(?=\S)", ". ", text(value) or "")
    words = _SOLE.sub("", spaced).split()
    if not words:
        return Person()
    last, *rest = words
    count = _first_name_words(rest)
    first, middle = " ".join(rest[:count]), " ".join(rest[count:])
    return Person(last, first or None, middle or None)


def _first_name_words(words: list[str]) -> int:
    """How many of the words after the surname are the first name: «Абдул Азиз» is two, «Абу оглы» is one."""
    if len(words) < 2 or words[0].casefold() not in _FIRST_HEADS:
        return 1
    return 1 if words[1].casefold() in _PATRONYMIC_TAILS else 2


def short_company(value: object) -> str | None:
    """A company with its legal form abbreviated and «ёлочки»: «Общество с … "Ромашка"» -> «ООО «Ромашка»»."""
    line = text(value)
    if line is None:
        return None
    line = _FULL_FORM.sub(_abbreviation, line)
    return re.sub(r'(?<!\w)["“„]([^"“”„]*)["”“]', r"«\1»", line)


def _abbreviation(form: re.Match[str]) -> str:
    """«Общество с ограниченной ответственностью» -> «ООО»."""
    return LEGAL_FORMS[form[1].lower()]


def is_sole_trader(name: object) -> bool:
    """Whether a name says «ИП», before it or behind it, in any spelling."""
    return _SOLE.search(text(name) or "") is not None


def legal_form(value: object) -> str | None:
    """«ООО», «АО», «ИП», … named in a party's name, else None."""
    line = short_company(value) or ""
    if is_sole_trader(line):
        return "ИП"
    found = _FORM.search(line)
    return found[1] if found else None


def party_kind(name: object, inn: str | None = None, kpp: str | None = None) -> str:
    """Kind of a party (tables.PARTY_KINDS) by what is known of it.

    «ИП» in the name is a sole_trader; a legal form, an ИНН of 10 digits or a КПП is a legal entity (persons
    have none of them, onec §4.1); anybody else is a person.
    """
    form = legal_form(name)
    if form == "ИП":
        return "sole_trader"
    is_legal = form or len(inn or "") == 10 or kpp
    return "legal" if is_legal else "person"


# ---- documents, units, words ----


def printed_number(value: object, *, base_prefix: bool = True) -> str | None:
    """A document number as 1C prints it: `00БП-000015` -> `БП-15`, without `base_prefix` -> `15` (onec §3.3).

    A dash at position 5 closes organisation and base prefix, at 3 the base prefix alone; leading zeros go.
    Our own numbers (`B24-123`) have no such dash and stay.
    """
    line = text(value)
    if line is None:
        return None
    dash = line.find("-")
    prefix, rest = "", line
    if dash in (2, 4):
        prefix, rest = line[:dash], line[dash + 1 :]
    rest = re.sub(r"^0+(?=[0-9A-ZА-ЯЁ])", "", rest, flags=re.I)
    base = prefix[-2:].lstrip("0")
    return f"{base}-{rest}" if base and base_prefix else rest


def unit(name: object, code: object = None) -> tuple[str | None, str | None]:
    """(name, ОКЕИ code) of a unit from either or both as written.

    «796 » and «6» are codes of 1C, padded or cut, also where they stand in place of the name (commerceml §2).
    """
    said, digits = text(name), text(code)
    if digits is None and said and re.fullmatch(r"[0-9]{1,4}", said):
        said, digits = None, said
    digits = digits.zfill(3) if digits else dialects.unit_code(said or "")
    return said or dialects.UNIT_NAMES.get(digits or ""), digits


def unit_number(code: object) -> int | None:
    """The number of an ОКЕИ code in any of its spellings: «006», «6», 6 are one; None where it is none."""
    digits = text(code)
    return int(digits) if digits and digits.isascii() and digits.isdigit() else None


def plural(count: int, one: str, few: str, many: str) -> str:
    """The form of a Russian noun after a number: 1 рубль, 2 рубля, 5 рублей."""
    tail, last = count % 100, count % 10
    if tail in (11, 12, 13, 14):
        return many
    if last == 1:
        return one
    return few if last in (2, 3, 4) else many


def in_words(amount: Decimal) -> str:
    """«Одна тысяча двести тридцать четыре рубля 56 копеек» of 1234.56 roubles, rounded to the kopeck.

    Roubles in words with a capital, kopecks in digits: the form accountants want (onec §4.2).
    """
    from num2words import num2words  # loads every language: only who prints a document pays

    roubles, rest = divmod(int(abs(kopecks(amount)) * 100), 100)
    words = num2words(roubles, lang="ru")
    if amount < 0:
        words = f"минус {words}"
    capital = words[0].upper() + words[1:]
    rouble_noun = plural(roubles, "рубль", "рубля", "рублей")
    kopeck_noun = plural(rest, "копейка", "копейки", "копеек")
    return f"{capital} {rouble_noun} {rest:02} {kopeck_noun}"
