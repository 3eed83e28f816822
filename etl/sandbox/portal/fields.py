"""Field types: how values are stored, and how old and new methods show them.

Records are stored under the old names (`OPPORTUNITY`) in one plain form: integers, text, `YYYY-MM-DD`,
ISO date-time in the portal's zone, decimal text, `Y`/`N`, None for absence. Old methods show text, the
`crm.item.*` methods show JSON numbers and nulls under camel-case names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from etl.sandbox.portal.wire import php_int

LINK_TYPES = frozenset(
    {"crm_company", "crm_contact", "crm_lead", "crm_quote", "crm_deal", "user", "crm_category"}
)
INT_TYPES = LINK_TYPES | {"integer", "employee", "iblock_element", "iblock_section", "enumeration"}
NUMBER_TYPES = frozenset({"double", "amount"})
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
        if not self.multiple:
            return clean(self.type, value, zone)
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        return [item for item in (clean(self.type, one, zone) for one in values) if item is not None]


def clean(kind: str, value: Any, zone: timezone) -> Any:
    """A value as it is stored; what cannot be understood becomes None, as PHP casts do."""
    if value is None or value == "" or value == []:
        return None
    if kind in INT_TYPES:
        return php_int(value)
    if kind == "char":
        return "Y" if value is True or str(value).upper() in ("Y", "1", "TRUE") else "N"
    if kind == "boolean":
        return "1" if value is True or str(value).upper() in ("Y", "1", "TRUE") else "0"
    if kind in NUMBER_TYPES:
        return clean_number(value, 2 if kind == "amount" else None)
    if kind == "date":
        moment = parse_moment(value, zone)
        return moment.date().isoformat() if moment else None
    if kind == "datetime":
        moment = parse_moment(value, zone)
        return moment.isoformat(timespec="seconds") if moment else None
    return clean_text(value)


def clean_text(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return value  # multi-valued user fields and file objects stay as they are
    return {True: "1", False: "0"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def clean_number(value: Any, places: int | None) -> str:
    try:
        number = Decimal(str(value).strip().replace(" ", ""))
    except InvalidOperation:
        number = Decimal(php_int(value))
    if not number.is_finite():
        number = Decimal(0)
    return f"{number:.{places}f}" if places is not None else f"{number.normalize():f}"


DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M")


def parse_moment(value: Any, zone: timezone) -> datetime | None:
    """ISO or Russian date, with or without time; without an offset it is in the portal's zone."""
    text = str(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        found = None
        for pattern in DATE_FORMATS:
            try:
                found = datetime.strptime(text, pattern)
                break
            except ValueError:
                continue
        if found is None:
            return None
        moment = found
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def zone_of(seconds: int) -> timezone:
    return timezone(timedelta(seconds=seconds))


def offset_text(zone: timezone) -> str:
    return datetime.now(zone).isoformat()[-6:]


Show = Callable[[Any], Any]


def old_show(field: Field, zone: timezone) -> Show:
    """How an old method shows a stored value: nearly everything is text."""
    if field.multiple:
        one = old_show(_single(field), zone)
        return lambda value: [one(item) for item in value or []]
    midnight = f"T00:00:00{offset_text(zone)}"
    if field.type == "date":
        return lambda value: f"{value}{midnight}" if value else ""
    if field.type == "datetime":
        return lambda value: value or ""
    if field.type == "crm_company":
        return lambda value: str(value or 0)
    return lambda value: value if value is None or isinstance(value, (dict, list)) else str(value)


def new_show(field: Field, zone: timezone) -> Show:
    """How crm.item.* shows a stored value: numbers are numbers, absence is null."""
    if field.multiple:
        one = new_show(_single(field), zone)
        return lambda value: [one(item) for item in value or []]
    midnight = f"T00:00:00{offset_text(zone)}"
    if field.type == "date":
        return lambda value: f"{value}{midnight}" if value else None
    if field.type in NUMBER_TYPES:
        return lambda value: (
            json_number(value) if value is not None else (0 if field.type == "amount" else None)
        )
    if field.type == "boolean":
        return lambda value: "Y" if value == "1" else "N"
    if field.type == "crm_company":
        return lambda value: value or 0
    return lambda value: value


def json_number(value: Any) -> int | float:
    """A decimal as PHP writes it: 100.00 is `100`."""
    number = Decimal(str(value))
    return int(number) if number == number.to_integral_value() else float(number)


def _single(field: Field) -> Field:
    return Field(field.name, field.camel, field.type, field.title)


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
    if any(re.search(r"\d", part) and re.search(r"\D", part) for part in parts):
        return f"ufCrm_{rest}"
    number = f"_{parts.pop()}" if parts[-1].isdigit() else ""
    return "ufCrm" + "".join(part.capitalize() for part in parts) + number
