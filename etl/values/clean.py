"""Values as people and programmes type them, to values the tables hold: small, uniform, pure functions.

Three manners, by what the caller needs:
    text, money, number, date, unit, currency, …   a value or None for absence; ValueError (Russian) for nonsense
    inn, kpp, ogrn, bik, account, email, phone     `Checked`: the tidied value and a warning; they warn, never refuse, as 1C itself
    kopecks, month_*, in_words, short_person, …    from a good value to its other form

Requisite rules: ФНС order ЕД-7-14/559@ (ИНН), ЦБ order 515 (account key), reference onec §4.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from stdnum.ru import inn as _inn
from stdnum.ru import ogrn as _ogrn

from etl.config import dialects


class Checked(NamedTuple):
    """A tidied value (None = absent) and what is doubtful about it, in Russian (None = nothing)."""

    value: str | None
    warning: str | None = None


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


def text(value: Any) -> str | None:
    """One line of text: blanks of every kind (NBSP, line breaks) become one space, invisible characters vanish; ё stays."""
    if value is None:
        return None
    line = str(value)
    return " ".join((line if line.isprintable() else _INVISIBLE.sub("", line)).split()) or None


def fold(value: Any) -> str:
    """The form in which two texts are compared: no case, no ё, one kind of quotes and dashes. Absence is ''."""
    folded = (text(value) or "").casefold().replace("ё", "е")
    return re.sub("[–—−‑]", "-", re.sub("[«»“”„‟″]", '"', folded))


# ---- numbers and money ----

_GROUPED = re.compile(r"[+-]?(?:[0-9]{1,3}(?: [0-9]{3})+|[0-9]{1,15})(?:[.,][0-9]{1,10})?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+\.[0-9]+|(?:\.[0-9]{3})+,[0-9]+)")
_KOPECKS = re.compile(r"(.+?) ?руб[а-я]*\.? ?([0-9]{2}) ?коп[а-я]*\.?", re.I)
_ROUBLES = re.compile(r"(?: ?(?:руб(?:\.|лей|ля|ль)?|р\.?|₽|rub|rur)|\|ru[br])$", re.I)
_CENT = Decimal("0.01")


def number(value: Any) -> Decimal | None:
    """A quantity or rate: dot or comma, groups by blanks. None and '' are absence. Raises ValueError."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return _finite(Decimal(value))
    line = (text(value) or "").replace("−", "-").replace("'", "")
    if not line:
        return None
    if _THOUSANDS.fullmatch(line):
        point = max(line.rfind("."), line.rfind(","))
        line = line[:point].replace(",", "").replace(".", "") + "." + line[point + 1 :]
    if not _GROUPED.fullmatch(line):
        raise ValueError(f"«{line[:40]}» не число")
    return Decimal(line.replace(" ", "").replace(",", "."))


def money(value: Any) -> Decimal | None:
    """An amount in roubles: «1 500,00 руб.», «1500.00|RUB» of Bitrix24, «1500 руб. 50 коп.». Nothing is rounded.

    Raises ValueError for another currency, and for «1,500»: it may be one and a half or fifteen hundred.
    """
    line = text(value)
    if line is None or isinstance(value, Decimal | int):
        return number(value)
    if words := _KOPECKS.fullmatch(line):
        line = f"{words[1]},{words[2]}"
    line = _ROUBLES.sub("", line).strip()
    if re.fullmatch(r"[+-]?[0-9]{1,3},[0-9]{3}", line):
        raise ValueError(f"«{line}»: непонятно, запятая отделяет копейки или тысячи")
    return number(line)


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError(f"«{value}» не число")
    return value


def kopecks(value: Decimal) -> Decimal:
    """Rounded to the kopeck, half up (Python's own round() is bankers')."""
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


def date(value: Any) -> dt.date | None:
    """A day as written, time and zone ignored: ISO or dd.mm.yyyy. 1C's empty date is None. ValueError outside 2000-2100."""
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
    return first, (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def month_after(month: str, step: int = 1) -> str:
    """The month `step` months later (earlier when negative)."""
    count = int(month[:4]) * 12 + int(month[5:]) - 1 + step
    return f"{count // 12:04}-{count % 12 + 1:02}"


def month_name(month: str) -> str:
    """«ноябрь 2026 г.» of `2026-11`."""
    first, _ = month_bounds(month)
    return f"{MONTHS[first.month - 1]} {first.year} г."


def day_name(day: dt.date | None) -> str:
    """«05.11.2026», or '' for absence."""
    return f"{day.day:02}.{day.month:02}.{day.year}" if day else ""


# ---- requisites: they warn and do not refuse ----


def _digits(value: Any) -> str | None:
    # an identifier typed with blanks, dashes or as a number by a spreadsheet («7707083893.0»)
    line = re.sub(r"[\s-]", "", text(value) or "")
    return re.sub(r"\.0+$", "", line).upper() or None


def inn(value: Any) -> Checked:
    """ИНН: 10 digits (legal entity) or 12 (person, ИП), check digits, not beginning with 00."""
    digits = _digits(value)
    if digits is None:
        return Checked(None)
    if re.fullmatch(r"[0-9]{9}|[0-9]{11}", digits):
        return Checked(digits, "ИНН: не хватает цифры, возможно, потерян ноль в начале")
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", digits):
        return Checked(digits, "ИНН: должно быть 10 или 12 цифр")
    if digits.startswith("00"):
        return Checked(digits, "ИНН не может начинаться с 00")
    return Checked(digits, _mistyped(_inn, digits, "ИНН"))


def _mistyped(module: Any, digits: str, what: str) -> str | None:
    return None if module.is_valid(digits) else f"{what}: контрольная цифра не сходится, проверьте набор"


def kpp(value: Any, party_inn: str | None = None) -> Checked:
    """КПП: 9 characters, no check digit; ИП and persons (ИНН of 12 digits) have none."""
    code = _digits(value)
    if code is None:
        return Checked(None)
    if not re.fullmatch(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}", code):
        return Checked(code, "КПП: должно быть 9 знаков")
    return Checked(
        code,
        "КПП указан при ИНН из 12 цифр: у ИП и физических лиц КПП нет"
        if len(party_inn or "") == 12
        else None,
    )


def ogrn(value: Any) -> Checked:
    """ОГРН (13 digits) or ОГРНИП (15) with its check digit."""
    digits = _digits(value)
    if digits is None:
        return Checked(None)
    if not re.fullmatch(r"[0-9]{13}|[0-9]{15}", digits):
        return Checked(digits, "ОГРН: должно быть 13 цифр, ОГРНИП: 15")
    return Checked(digits, _mistyped(_ogrn, digits, "ОГРН"))


def bik(value: Any) -> Checked:
    """БИК: 9 digits, beginning with 04, or 01/02 for the treasury."""
    digits = _digits(value)
    good = digits is None or re.fullmatch(r"0[124][0-9]{7}", digits)
    return Checked(digits, None if good else "БИК: должно быть 9 цифр, начиная с 04 (казначейство: 01, 02)")


_LETTERS = str.maketrans("АВСЕНКМРТХABCEHKMPTX", "01234567890123456789")


def account(value: Any, bank_bik: str | None = None) -> Checked:
    """A bank account: 20 characters and, where the БИК is known, its key. Treasury accounts (0…) have none."""
    code = _digits(value)
    if code is None:
        return Checked(None)
    if not re.fullmatch(r"[0-9]{5}[0-9АВСЕНКМРТХABCEHKMPTX][0-9]{14}", code):
        return Checked(code, "Счёт: должно быть 20 цифр")
    if bank_bik is None or code.startswith("0") or not re.fullmatch(r"[0-9]{9}", bank_bik):
        return Checked(code)
    own = (
        "0" + bank_bik[4:6]
        if code.startswith("301") or bank_bik[6:] in ("000", "001", "002")
        else bank_bik[6:]
    )
    key = sum(
        int(digit) * weight
        for digit, weight in zip(own + code.translate(_LETTERS), (7, 1, 3) * 8, strict=False)
    )
    return Checked(code, "Счёт: контрольный ключ не сходится с БИК, проверьте оба" if key % 10 else None)


# ---- contacts ----


def email(value: Any) -> Checked:
    """One e-mail address; the domain in small letters."""
    line = text(value)
    if line is None:
        return Checked(None)
    line = re.sub(r"^mailto:", "", line, flags=re.I).strip("<>;, ")
    if not re.fullmatch(r"[^\s@<>,;]+@(?:[^\s@<>,;.]+\.)+[^\s@<>,;.]{2,}", line):
        return Checked(line, "Адрес почты написан неверно")
    local, _, domain = line.rpartition("@")
    return Checked(f"{local}@{domain.lower()}")


def emails(value: Any) -> tuple[Checked, ...]:
    """Every address of a text, divided by commas, semicolons or blanks; each once."""
    return tuple(dict.fromkeys(email(part) for part in re.split(r"[,;\s]+", text(value) or "") if part))


def phones(value: Any, region: str = "RU") -> tuple[Checked, ...]:
    """Every number of a text as «+74951234567» or «+74951234567 доб. 12»; each once.

    Text in which no number is recognised («123-45-67» without a city code) comes back as typed, with a warning.
    """
    from phonenumbers import (
        PhoneNumberFormat,
        PhoneNumberMatcher,
        format_number,
    )  # metadata: only who needs it pays

    line = text(value)
    if line is None:
        return ()
    found = [match.number for match in PhoneNumberMatcher(line, region)]
    if not found:
        return (Checked(line, "Телефон не распознан: укажите код города или оператора"),)
    said = (
        format_number(phone, PhoneNumberFormat.E164) + (f" доб. {phone.extension}" if phone.extension else "")
        for phone in found
    )
    return tuple(Checked(phone) for phone in dict.fromkeys(said))


# ---- people and companies ----

_PATRONYMIC_TAILS = {"оглы", "улы", "уулу", "кызы", "гызы", "угли"}
_FIRST_HEADS = {"абдул", "абу"}
_SOLE = re.compile(
    r"^(?:ИП|индивидуальный предприниматель)[\s,]+|[\s,(]+(?:ИП|индивидуальный предприниматель)\)?$", re.I
)
#: full legal form -> abbreviation; longer forms first, so that «публичное акционерное…» is not read as «акционерное…»
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


def person(value: Any) -> Person:
    """ФИО into surname, first name, patronymic; «оглы», «кызы» join the patronymic, «Абдул», «Абу» the first name; «ИП» is dropped."""
    words = _SOLE.sub("", re.sub(r"\.(?=\S)", ". ", text(value) or "")).split()
    if not words:
        return Person()
    last, *rest = words
    heads = (
        2
        if len(rest) > 1
        and rest[0].casefold() in _FIRST_HEADS
        and rest[1].casefold() not in _PATRONYMIC_TAILS
        else 1
    )
    return Person(last, " ".join(rest[:heads]) or None, " ".join(rest[heads:]) or None)


def short_person(value: Any) -> str | None:
    """«Иванов И. И.» of «Иванов Иван Иванович»."""
    last, first, middle = person(value)
    initials = " ".join(f"{part[0].upper()}." for part in (first, middle) if part)
    return f"{last} {initials}".rstrip() if last else None


def short_company(value: Any) -> str | None:
    """A company with its legal form abbreviated and «ёлочки»: «Общество с ограниченной … "Ромашка"» -> «ООО «Ромашка»»."""
    line = text(value)
    if line is None:
        return None
    line = _FULL_FORM.sub(lambda found: LEGAL_FORMS[found[1].lower()], line)
    return re.sub(r'(?<!\w)["“„]([^"“”„]*)["”“]', r"«\1»", line)


def legal_form(value: Any) -> str | None:
    """«ООО», «АО», «ИП», … named in a party's name, else None."""
    line = short_company(value) or ""
    if _SOLE.search(line):
        return "ИП"
    return found[1] if (found := _FORM.search(line)) else None


def party_kind(name: Any, party_inn: str | None = None, party_kpp: str | None = None) -> str:
    """Kind of a party (tables.PARTY_KINDS): «ИП» in the name -> sole_trader; legal form, ИНН of 10 or КПП -> legal; else person."""
    form = legal_form(name)
    if form == "ИП":
        return "sole_trader"
    return "legal" if form or len(party_inn or "") == 10 or party_kpp else "person"


# ---- documents, units, currencies, words ----


def printed_number(value: Any, *, base_prefix: bool = True) -> str | None:
    """A document number as 1C prints it: `00БП-000015` -> `БП-15`, without `base_prefix` -> `15` (reference onec §3.3).

    A dash at position 5 closes organisation and base prefix, at 3 the base prefix alone; leading zeros go. Our own
    numbers (`B24-123`) have no such dash and stay.
    """
    line = text(value)
    if line is None:
        return None
    dash = line.find("-")
    prefix, rest = (line[:dash], line[dash + 1 :]) if dash in (2, 4) else ("", line)
    base = prefix[-2:].lstrip("0") if base_prefix else ""
    rest = re.sub(r"^0+(?=[0-9A-ZА-ЯЁ])", "", rest, flags=re.I)
    return f"{base}-{rest}" if base else rest


def unit(name: Any, code: Any = None) -> tuple[str | None, str | None]:
    """(name, ОКЕИ code) of a unit from either or both as written; «796 » and «6» are codes of 1C, padded or cut."""
    said, digits = text(name), text(code)
    if digits is None and said and re.fullmatch(r"[0-9]{1,4}", said):
        said, digits = None, said
    digits = digits.zfill(3) if digits else dialects.unit_code(said or "")
    return said or dialects.UNIT_NAMES.get(digits or ""), digits


def currency(value: Any) -> str | None:
    """ISO code of a currency as any side writes it. ValueError for an unknown one."""
    line = text(value)
    if line is None:
        return None
    code = dialects.currency_code(line)
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise ValueError(f"валюта «{line[:40]}» неизвестна")
    return code


def plural(count: int, one: str, few: str, many: str) -> str:
    """The form of a Russian noun after a number: 1 рубль, 2 рубля, 5 рублей."""
    tail, last = count % 100, count % 10
    return (
        one if last == 1 and tail != 11 else few if last in (2, 3, 4) and tail not in (12, 13, 14) else many
    )


def in_words(amount: Decimal) -> str:
    """«Одна тысяча двести тридцать четыре рубля 56 копеек» of 1234.56 roubles, rounded to the kopeck."""
    from num2words import num2words  # loads every language: only who prints a document pays

    roubles, rest = divmod(int(abs(kopecks(amount)) * 100), 100)
    words = ("минус " if amount < 0 else "") + num2words(roubles, lang="ru")
    return (
        f"{words[0].upper()}{words[1:]} {plural(roubles, 'рубль', 'рубля', 'рублей')} "
        f"{rest:02} {plural(rest, 'копейка', 'копейки', 'копеек')}"
    )
