"""Values of the portal <-> values of our tables: money, dates, lists, people.

The portal writes one thing in many ways (texts, numbers, `""`, `0`, midnight with an offset); facts:
reference bitrix24 §3.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from etl.bitrix24.calls import rows
from etl.bitrix24.fields import PortalField
from etl.bitrix24.names import Names
from etl.values import clean
from etl.values import money as moneys
from etl.values.money import Amount, Foreign

#: Digits after the point of a sum in kopecks, as the exponent of a Decimal.
_KOPECKS = -2
_RUSSIAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_BLANKS = re.compile(r"[\s\u00a0\u202f]")
_FLAGS = {"Y": True, "1": True, "TRUE": True, "N": False, "0": False, "FALSE": False}


def number(value: Any) -> Decimal | None:
    """A number; money fields of the portal look like `1500.00|RUB`, people type `1 500,00`."""
    if value is None or value is False or value is True or value == "":
        return None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    amount, _, _ = str(value).partition("|")
    try:
        found = Decimal(_BLANKS.sub("", amount).replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def money(value: Any) -> Decimal | None:
    """An amount to the kopeck, of a value that stands beside its currency; see `sum_of` for a money field."""
    found = number(value)
    if found is None or found.as_tuple().exponent == _KOPECKS:
        return found
    return clean.kopecks(found)


def sum_of(value: Any) -> Amount | None:
    """What a money field holds (`1500.00|USD`): an amount in its currency, without one in roubles."""
    found = money(value)
    _, _, currency = str(value).partition("|")
    return None if found is None else moneys.of(found, currency or None)


def day(value: Any) -> date | None:
    """A date. The portal gives midnight in its own zone: the day is what is written, never converted."""
    written = str(value or "").strip()
    try:
        return date.fromisoformat(written[:10])
    except ValueError:
        pass
    found = _RUSSIAN_DAY.match(written)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """A point in time with its offset."""
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def flag(value: Any) -> bool | None:
    """Y/N, 1/0, true/false."""
    return _FLAGS.get(str(value).upper())


def words(value: Any) -> str | None:
    """A text; blank is absence."""
    if value is None or value is False:
        return None
    return str(value).strip() or None


def identifier(value: Any) -> str | None:
    """An id of a record; 0 and blank are absence."""
    written = words(value)
    return None if written in (None, "0") else written


_KINDS = {"money": money, "number": number, "date": day, "moment": moment, "flag": flag, "text": words}


def as_kind(kind: str, value: Any) -> Any:
    """A value as a column of this kind (`tables.KINDS`) holds it; what cannot be understood is absent, a
    foreign sum in a column of roubles, too.
    """
    if isinstance(value, Foreign):
        return str(value) if kind == "text" else None
    if isinstance(value, tuple) and kind != "list":
        value = ", ".join(str(item) for item in value)
    if kind not in _KINDS:
        return value
    if kind == "text" and isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    if kind == "date" and isinstance(value, datetime):
        return value.date()
    if kind == "date" and isinstance(value, date):
        return value
    if kind == "number" and isinstance(value, Decimal):
        return value
    convert = _KINDS[kind]
    return convert(value)


def _local(value: Any, names: Names) -> datetime | None:
    """A moment as the people of the portal see it: the server writes it in a zone of its own, and near
    midnight that is another day.
    """
    found = moment(value)
    if found is None:
        return None
    told = found if found.tzinfo else found.replace(tzinfo=names.zone)
    return told.astimezone(names.office)


def read(field: PortalField, value: Any, names: Names) -> Any:
    """A field's value in our terms (bitrix24 §3.4, §4.8).

    Decimal, date, caption of a list value, name of a person, text; a tuple if the field is multiple.
    """
    if not field.multiple and not isinstance(value, list):
        return _one(field, value, names)
    items = rows(value) if isinstance(value, Mapping | list) else [value]
    understood = [_one(field, item, names) for item in items]
    return tuple(one for one in understood if one is not None) or None


#: Type of a field -> reader of its value. What has none here is read by `_one`.
_READERS = {
    "money": sum_of,
    "amount": money,
    "double": number,
    "integer": number,
    "date": day,
    "boolean": flag,
    "char": flag,
}


def _one(field: PortalField, value: Any, names: Names) -> Any:
    """One value of a field; ids of lists, people and sources are told by their names."""
    if value in (None, "", False) and field.type not in ("boolean", "char"):
        return None
    if field.type == "datetime":
        return _local(value, names)
    if field.type in _READERS:
        return _READERS[field.type](value)
    if field.type == "enumeration":
        return field.options.get(str(value), words(value))
    if field.type in ("employee", "user"):
        return names.user(value) or identifier(value)
    if field.code == "SOURCE_ID":
        return names.sources.get(str(value), words(value))
    return words(value)


def write(field: PortalField, value: Any, office: tzinfo | None = None) -> Any:
    """Our value as the portal takes it in this field (bitrix24 §3.4, §4.8); a day in a field of date and time
    is midnight at the `office`.

    ValueError (Russian) when the field cannot hold it.
    """
    if value is None:
        return [] if field.multiple else ""
    if field.multiple:
        items = value if isinstance(value, tuple | list) else [value]
        return [_written(field, _dated(field, item, office)) for item in items]
    return _written(field, _dated(field, value, office))


def _dated(field: PortalField, value: Any, office: tzinfo | None) -> Any:
    """A day for a field of date and time as its first moment."""
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    if office is None or not is_day or field.type != "datetime":
        return value
    return datetime.combine(value, time.min, office)


#: Types that write true and false as Y and N; other fields hold a word.
_FLAG_TYPES = ("char", "boolean")


def _written(field: PortalField, value: Any) -> Any:
    """One value in the portal's form. ValueError (Russian) when the field cannot hold it."""
    if field.type == "enumeration":
        found = field.option(str(value))
        if found is None:
            raise ValueError(f"в списке «{field.title}» нет значения «{value}»")
        return found
    if field.type == "money":
        return _sum(field, value)
    if isinstance(value, Foreign):
        return _without_currency(field, value)
    if field.type == "integer":
        whole = _decimal(field, value)
        if whole != whole.to_integral_value():
            raise ValueError(f"поле «{field.title}» хранит целое число, а не {value}")
        return str(int(whole))
    if field.type in ("double", "amount"):
        return format(_decimal(field, value), "f")
    if isinstance(value, bool):
        yes, no = ("Y", "N") if field.type in _FLAG_TYPES else ("да", "нет")
        return yes if value else no
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat() if field.type in ("date", "datetime") else value.strftime("%d.%m.%Y")
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _sum(field: PortalField, value: Any) -> str:
    """A sum with its currency; one without is in roubles."""
    if isinstance(value, Foreign):
        return f"{value.amount}|{value.currency}"
    return f"{_decimal(field, value)}|{moneys.ROUBLE}"


def _without_currency(field: PortalField, value: Foreign) -> str:
    """A foreign sum as a text; a number without a currency would pass for roubles. ValueError (Russian)."""
    if field.type != "string":
        raise ValueError(f"поле «{field.title}» хранит число без валюты, а сумма {value}")
    return str(value)


def _decimal(field: PortalField, value: Any) -> Decimal:
    found = number(value)
    if found is None:
        raise ValueError(f"поле «{field.title}» хранит число, а не «{value}»")
    return found
