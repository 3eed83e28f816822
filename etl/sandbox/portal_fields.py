"""Field types and the fields of CRM entities: how values are stored, and shown by old and new methods.

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

from etl.sandbox.portal_wire import php_int

LINK_TYPES = frozenset({"crm_company", "crm_contact", "crm_lead", "crm_quote", "crm_deal", "user", "crm_category"})
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
        return lambda value: json_number(value) if value is not None else (0 if field.type == "amount" else None)
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


def _fields(text: str) -> tuple[Field, ...]:
    """Lines of `NAME type flags | caption`; the flag `ro` is read-only, `multi` is a list."""
    fields = []
    for line in text.strip().splitlines():
        spec, _, title = line.partition("|")
        name, kind, *flags = spec.split()
        fields.append(Field(name, camel(name), kind, title.strip(), "ro" in flags, "multi" in flags))
    return tuple(fields)


_STAMPS = """
CREATED_BY_ID user ro | Кем создана
MODIFY_BY_ID user ro | Кем изменена
DATE_CREATE datetime ro | Дата создания
DATE_MODIFY datetime ro | Дата изменения
"""
_ORIGIN = """
ORIGINATOR_ID string | Внешний источник
ORIGIN_ID string | Идентификатор элемента во внешнем источнике
"""
_UTM = """
UTM_SOURCE string | Рекламная система
UTM_MEDIUM string | Тип трафика
UTM_CAMPAIGN string | Обозначение рекламной кампании
UTM_CONTENT string | Содержание кампании
UTM_TERM string | Условие поиска кампании
"""
_COMMON = """
ASSIGNED_BY_ID user | Ответственный
OPENED char | Доступен для всех
COMMENTS string | Комментарий
"""
_MOVED = """
MOVED_BY_ID user ro | Кем перемещена
MOVED_TIME datetime ro | Дата перемещения
LAST_ACTIVITY_TIME datetime ro | Дата последней активности
"""
_MONEY = """
CURRENCY_ID crm_currency | Валюта
OPPORTUNITY amount | Сумма
IS_MANUAL_OPPORTUNITY char | Сумма введена вручную
TAX_VALUE amount | Ставка налога
"""
_SOURCE = """
SOURCE_ID crm_status | Источник
SOURCE_DESCRIPTION string | Дополнительно об источнике
"""

DEAL = _fields(
    """
ID integer ro | ID
TITLE string | Название
TYPE_ID crm_status | Тип
CATEGORY_ID crm_category | Воронка
STAGE_ID crm_status | Стадия сделки
STAGE_SEMANTIC_ID string ro | Группа стадии
IS_NEW char ro | Новая сделка
IS_RECURRING char ro | Регулярная сделка
IS_RETURN_CUSTOMER char | Повторная сделка
IS_REPEATED_APPROACH char | Повторное обращение
PROBABILITY integer | Вероятность
COMPANY_ID crm_company | Компания
CONTACT_ID crm_contact | Контакт
CONTACT_IDS crm_contact multi | Контакты
LEAD_ID crm_lead ro | Лид
QUOTE_ID crm_quote | Предложение
BEGINDATE date | Дата начала
CLOSEDATE date | Предполагаемая дата закрытия
CLOSED char ro | Сделка закрыта
ADDITIONAL_INFO string | Дополнительная информация
LOCATION_ID string | Местоположение
WEBFORM_ID integer ro | Создано CRM-формой
OBSERVERS user multi | Наблюдатели
"""
    + (_MONEY + _COMMON + _SOURCE + _STAMPS + _MOVED + _ORIGIN + _UTM).replace("\n\n", "\n")
)
COMPANY = _fields(
    """
ID integer ro | ID
TITLE string | Название компании
COMPANY_TYPE crm_status | Тип компании
CATEGORY_ID crm_category | Направление
INDUSTRY crm_status | Сфера деятельности
EMPLOYEES crm_status | Кол-во сотрудников
CURRENCY_ID crm_currency | Валюта
REVENUE amount | Годовой оборот
BANKING_DETAILS string | Банковские реквизиты
IS_MY_COMPANY char | Моя компания
LEAD_ID crm_lead ro | Лид
ORIGIN_VERSION string | Версия оригинала
LAST_ACTIVITY_TIME datetime ro | Дата последней активности
"""
    + (_COMMON + _STAMPS + _ORIGIN + _UTM).replace("\n\n", "\n")
)
CONTACT = _fields(
    """
ID integer ro | ID
HONORIFIC crm_status | Обращение
NAME string | Имя
SECOND_NAME string | Отчество
LAST_NAME string | Фамилия
BIRTHDATE date | Дата рождения
TYPE_ID crm_status | Тип контакта
CATEGORY_ID crm_category | Направление
POST string | Должность
EXPORT char | Участвует в экспорте
COMPANY_ID crm_company | Компания
COMPANY_IDS crm_company multi | Компании
LEAD_ID crm_lead ro | Лид
ORIGIN_VERSION string | Версия оригинала
LAST_ACTIVITY_TIME datetime ro | Дата последней активности
"""
    + (_COMMON + _SOURCE + _STAMPS + _ORIGIN + _UTM).replace("\n\n", "\n")
)
LEAD = _fields(
    """
ID integer ro | ID
TITLE string | Название лида
HONORIFIC crm_status | Обращение
NAME string | Имя
SECOND_NAME string | Отчество
LAST_NAME string | Фамилия
BIRTHDATE date | Дата рождения
COMPANY_TITLE string | Название компании
POST string | Должность
STATUS_ID crm_status | Стадия
STATUS_SEMANTIC_ID string ro | Группа стадии
STATUS_DESCRIPTION string | Дополнительно о стадии
COMPANY_ID crm_company | Компания
CONTACT_ID crm_contact | Контакт
CONTACT_IDS crm_contact multi | Контакты
DATE_CLOSED datetime ro | Дата завершения
"""
    + (_MONEY + _COMMON + _SOURCE + _STAMPS + _MOVED + _ORIGIN + _UTM).replace("\n\n", "\n")
)
INVOICE = _fields(
    """
ID integer ro | ID
XML_ID string | Внешний код
TITLE string | Тема
ACCOUNT_NUMBER string | Номер
CATEGORY_ID crm_category | Воронка
STAGE_ID crm_status | Стадия
PREVIOUS_STAGE_ID crm_status ro | Предыдущая стадия
BEGINDATE date | Дата выставления
CLOSEDATE date | Срок оплаты
COMPANY_ID crm_company | Компания
CONTACT_ID crm_contact | Контакт
CONTACT_IDS crm_contact multi | Контакты
MYCOMPANY_ID crm_company | Реквизиты вашей компании
LOCATION_ID string | Местоположение
WEBFORM_ID integer ro | Создано CRM-формой
OBSERVERS user multi | Наблюдатели
PARENT_ID_2 crm_deal | Сделка
PARENT_ID_7 crm_quote | Предложение
"""
    + (_MONEY + _COMMON + _SOURCE + _STAMPS + _MOVED).replace("\n\n", "\n")
)


@dataclass(frozen=True)
class Entity:
    """A kind of CRM item: its table, number, product-row code, user-field object and standard fields."""

    table: str
    type_id: int
    code: str
    user_fields: str
    fields: tuple[Field, ...]
    title: str
    stage: str | None = None
    multifields: bool = False


ENTITIES = (
    Entity("lead", 1, "L", "CRM_LEAD", LEAD, "Lead", "STATUS_ID", True),
    Entity("deal", 2, "D", "CRM_DEAL", DEAL, "Deal", "STAGE_ID"),
    Entity("contact", 3, "C", "CRM_CONTACT", CONTACT, "Contact", None, True),
    Entity("company", 4, "CO", "CRM_COMPANY", COMPANY, "Company", None, True),
    Entity("invoice", 31, "SI", "CRM_SMART_INVOICE", INVOICE, "Invoice", "STAGE_ID"),
)
BY_TABLE = {entity.table: entity for entity in ENTITIES}
BY_TYPE = {entity.type_id: entity for entity in ENTITIES}
BY_CODE = {entity.code: entity for entity in ENTITIES}
