"""The CRM entities of the portal and their standard fields, with the captions of a Russian portal."""

from __future__ import annotations

from dataclasses import dataclass

from etl.sandbox.portal.fields import Field, camel


def _fields(text: str) -> tuple[Field, ...]:
    """Lines of `NAME type flags | caption`; the flag `ro` is read-only, `multi` is a list."""
    lines = [line for line in text.splitlines() if line]
    return tuple(_field(line) for line in lines)


def _field(line: str) -> Field:
    """One line of the text as a field."""
    spec, _, title = line.partition("|")
    name, kind, *flags = spec.split()
    return Field(name, camel(name), kind, title.strip(), "ro" in flags, "multi" in flags)


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
    + _MONEY
    + _COMMON
    + _SOURCE
    + _STAMPS
    + _MOVED
    + _ORIGIN
    + _UTM
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
    + _COMMON
    + _STAMPS
    + _ORIGIN
    + _UTM
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
    + _COMMON
    + _SOURCE
    + _STAMPS
    + _ORIGIN
    + _UTM
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
    + _MONEY
    + _COMMON
    + _SOURCE
    + _STAMPS
    + _MOVED
    + _ORIGIN
    + _UTM
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
    + _MONEY
    + _COMMON
    + _SOURCE
    + _STAMPS
    + _MOVED
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
