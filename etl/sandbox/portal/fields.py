"""Field types: how values are stored, and how old and new methods show them.

Records are stored under the old names (`OPPORTUNITY`) in one plain form: integers, text, `YYYY-MM-DD`,
ISO date-time in the portal's zone, decimal text, `Y`/`N`, None for absence. Old methods show text, the
`crm.item.*` methods show JSON numbers and nulls under camel-case names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from etl.sandbox.portal.wire import is_yes, php_int

LINK_TYPES = frozenset(
    {"crm_company", "crm_contact", "crm_lead", "crm_quote", "crm_deal", "user", "crm_category"}
)
INT_TYPES = LINK_TYPES | {"integer", "employee", "iblock_element", "iblock_section", "enumeration"}
NUMBER_TYPES = frozenset({"double", "amount"})
MOMENT_TYPES = frozenset({"date", "datetime"})
TYPED_TEXT = frozenset({"crm_status", "crm_company", "crm_contact"})  # `%` does not work on these


@dataclass(frozen=True)
class Field:
    """One field of an entity. `camel` is its name in crm.item.*, `title` its caption."""

    name: str
    camel: str
    type: str
    title: str
    read_only: bool = False
    multiple: bool = False
    user: bool = False
    meta: dict[str, Any] | None = None

    def clean(self, value: Any, zone: timezone) -> Any:
        """The value as it is stored; of a multiple field a list without what cannot be understood."""
        if not self.multiple:
            return clean(self.type, value, zone)
        cleaned = [clean(self.type, one, zone) for one in _several(value)]
        return [item for item in cleaned if item is not None]


def _several(value: Any) -> Iterable[Any]:
    """The values of a multiple field: a map, a list, or one bare value."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else [value]


def clean(kind: str, value: Any, zone: timezone) -> Any:
    """A value as it is stored; what cannot be understood becomes None, as PHP casts do (bitrix24 §3.4)."""
    if value is None or value == "" or value == []:
        return None
    if kind in INT_TYPES:
        return php_int(value)
    if kind == "char":
        return "Y" if is_yes(value) else "N"
    if kind == "boolean":
        return "1" if is_yes(value) else "0"
    if kind in NUMBER_TYPES:
        return clean_number(value, 2 if kind == "amount" else None)
    if kind in MOMENT_TYPES:
        return clean_moment(kind, value, zone)
    return clean_text(value)


def clean_text(value: Any) -> Any:
    """Text; multi-valued user fields and file objects stay as they are."""
    if isinstance(value, (dict, list)):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def clean_number(value: Any, places: int | None) -> str:
    """A decimal as text, rounded to `places` or without the zeros at its end.

    What is no number is cast as PHP casts it.
    """
    text = str(value).strip().replace(" ", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(php_int(value))
    if not number.is_finite():
        number = Decimal(0)
    if places is None:
        return f"{number.normalize():f}"
    return f"{number:.{places}f}"


def clean_moment(kind: str, value: Any, zone: timezone) -> str | None:
    """A date (`YYYY-MM-DD`) or a moment (ISO, in the portal's zone)."""
    moment = parse_moment(value, zone)
    if moment is None:
        return None
    if kind == "date":
        return moment.date().isoformat()
    return moment.isoformat(timespec="seconds")


DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M")


def parse_moment(value: Any, zone: timezone) -> datetime | None:
    """ISO or Russian date, with or without time; without an offset it is in the portal's zone."""
    moment = _moment_of(str(value).strip())
    if moment is None:
        return None
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _moment_of(text: str) -> datetime | None:
    """The first reading of the text that fits."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return None


def zone_of(seconds: int) -> timezone:
    """The zone so many seconds east of Greenwich."""
    return timezone(timedelta(seconds=seconds))


def offset_text(zone: timezone) -> str:
    """`+03:00`"""
    return datetime.now(zone).isoformat()[-6:]


Show = Callable[[Any], Any]


def old_show(field: Field, zone: timezone) -> Show:
    """How an old method shows a stored value: nearly everything is text (bitrix24 §3.4, §10.3, 3)."""
    if field.multiple:
        return _show_each(old_show(_single(field), zone))
    if field.type == "date":
        return _show_date(zone, absent="")
    if field.type == "datetime":
        return lambda value: value or ""
    if field.type == "crm_company":
        return lambda value: str(value or 0)
    return _show_text


def _show_text(value: Any) -> Any:
    """Text, but absence and lists as they are."""
    if value is None or isinstance(value, (dict, list)):
        return value
    return str(value)


def _show_each(one: Show) -> Show:
    """A multiple field shows a list, an empty one too."""
    return lambda value: [one(item) for item in value or []]


def _show_date(zone: timezone, absent: str | None) -> Show:
    """A date is shown as the midnight it begins with, in the portal's zone."""
    midnight = f"T00:00:00{offset_text(zone)}"
    return lambda value: f"{value}{midnight}" if value else absent


def new_show(field: Field, zone: timezone) -> Show:
    """How crm.item.* shows a stored value: numbers are numbers, absence is null (bitrix24 §3.4, §4.2)."""
    if field.multiple:
        return _show_each(new_show(_single(field), zone))
    if field.type == "date":
        return _show_date(zone, absent=None)
    if field.type in NUMBER_TYPES:
        return _show_number(absent=0 if field.type == "amount" else None)
    if field.type == "boolean":
        return lambda value: "Y" if value == "1" else "N"
    if field.type == "crm_company":
        return lambda value: value or 0
    return lambda value: value


def _show_number(absent: int | None) -> Show:
    """A JSON number; what an absent one is shown as differs by type."""
    return lambda value: absent if value is None else json_number(value)


def json_number(value: Any) -> int | float:
    """A decimal as PHP writes it: 100.00 is `100`."""
    number = Decimal(str(value))
    return int(number) if number == number.to_integral_value() else float(number)


def _single(field: Field) -> Field:
    """The same field with one value."""
    return replace(field, multiple=False)


CAMEL_EXCEPTIONS = {
    "DATE_CREATE": "createdTime",
    "DATE_MODIFY": "updatedTime",
    "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy",
    "MOVED_BY_ID": "movedBy",
    "MYCOMPANY_ID": "mycompanyId",
    "COMPANY_TYPE": "typeId",
    "STATUS_ID": "stageId",
    "STATUS_SEMANTIC_ID": "stageSemanticId",
}


def camel(name: str) -> str:
    """The crm.item.* name of a standard field.

    >>> camel("CATEGORY_ID"), camel("DATE_CREATE"), camel("PARENT_ID_2")
    ('categoryId', 'createdTime', 'parentId2')
    """
    if name in CAMEL_EXCEPTIONS:
        return CAMEL_EXCEPTIONS[name]
    return lower_camel(name)


def lower_camel(name: str) -> str:
    """`PRODUCT_NAME` -> `productName`."""
    head, *rest = name.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


def camel_user_field(name: str) -> str:
    """The irregular crm.item.* name of a user field (bitrix24 documentation, table of examples).

    >>> camel_user_field("UF_CRM_10_DIGIT"), camel_user_field("UF_CRM_1747309879")
    ('ufCrm10Digit', 'ufCrm_1747309879')
    >>> camel_user_field("UF_CRM_3_1747309727"), camel_user_field("UF_CRM_10_DIGIT10")
    ('ufCrm3_1747309727', 'ufCrm_10_DIGIT10')
    """
    rest = name.removeprefix("UF_CRM_")
    parts = rest.split("_")
    if any(_mixes_digits(part) for part in parts):
        return f"ufCrm_{rest}"
    number = f"_{parts.pop()}" if parts[-1].isdigit() else ""
    words = "".join(part.capitalize() for part in parts)
    return f"ufCrm{words}{number}"


def _mixes_digits(part: str) -> bool:
    """Whether digits and other letters stand together: `DIGIT10`."""
    return bool(re.search(r"\d", part) and re.search(r"\D", part))
