"""What a fresh Russian portal has before anybody has worked in it: dictionaries, catalogues, units, VAT."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.pipelines import DEFAULT_STAGES
from etl.sandbox.portal.store import Record

SETTINGS: dict[str, Any] = {
    "utc_offset": 10800,
    "server_offset": 10800,
    "time_zone": "Europe/Moscow",
    "crm_mode": 2,
    "inventory": "N",
    "scope": ["crm", "catalog", "im", "user", "bizproc", "userfieldconfig", "department", "basic"],
}

#: dictionary -> its entries: (code, name, meaning of a stage)
STATUSES: dict[str, tuple[tuple[str, str, str | None], ...]] = {
    "DEAL_STAGE": DEFAULT_STAGES,
    "SMART_INVOICE_STAGE_5": (
        ("DT31_5:N", "Новый", None),
        ("DT31_5:S", "Отправлен", None),
        ("DT31_5:P", "Оплачен", "S"),
        ("DT31_5:D", "Не оплачен", "F"),
    ),
    "STATUS": (
        ("NEW", "Не обработан", None),
        ("IN_PROCESS", "В работе", None),
        ("PROCESSED", "Обработан", None),
        ("CONVERTED", "Качественный лид", "S"),
        ("JUNK", "Некачественный лид", "F"),
    ),
    "SOURCE": (
        ("CALL", "Звонок", None),
        ("EMAIL", "Электронная почта", None),
        ("WEB", "Веб-сайт", None),
        ("ADVERTISING", "Реклама", None),
        ("RECOMMENDATION", "По рекомендации", None),
        ("OTHER", "Другое", None),
    ),
    "DEAL_TYPE": (
        ("SALE", "Продажа", None),
        ("SERVICE", "Сервисное обслуживание", None),
        ("SERVICES", "Услуги", None),
    ),
    "COMPANY_TYPE": (
        ("CUSTOMER", "Клиент", None),
        ("SUPPLIER", "Поставщик", None),
        ("PARTNER", "Партнёр", None),
        ("OTHER", "Другое", None),
    ),
    "CONTACT_TYPE": (("CLIENT", "Клиенты", None), ("SUPPLIER", "Поставщики", None)),
    "INDUSTRY": (("IT", "Информационные технологии", None), ("OTHER", "Другое", None)),
    "HONORIFIC": (("HNR_RU_1", "г-н", None), ("HNR_RU_2", "г-жа", None)),
}
#: dictionary of stages -> its pipeline
PIPELINES = {"SMART_INVOICE_STAGE_5": 5}
PRESETS = (
    ("Организация", "COMPANY"),
    ("ИП", "INDIVIDUAL"),
    ("Физ. лицо", "PERSON"),
    ("Организация (доп.)", "LEGALENTITY"),
)
#: (id, code of the Russian classifier, name, sign)
MEASURES = (
    (1, 6, "Метр", "м"),
    (3, 112, "Литр", "л"),
    (5, 163, "Грамм", "г"),
    (7, 166, "Килограмм", "кг"),
    (9, 796, "Штука", "шт"),
)
PIECE = 796
#: (id, name, rate in percent)
VATS = (
    (1, "Без НДС", None),
    (3, "НДС 0%", "0"),
    (5, "НДС 10%", "10"),
    (7, "НДС 20%", "20"),
    (9, "НДС 22%", "22"),
)


def _statuses() -> list[Record]:
    """All dictionaries entry by entry."""
    rows = []
    for entity_id, entries in STATUSES.items():
        for position, (code, name, meaning) in enumerate(entries, 1):
            row = {
                "ENTITY_ID": entity_id,
                "STATUS_ID": code,
                "NAME": name,
                "SORT": 10 * position,
                "SEMANTICS": meaning,
                "CATEGORY_ID": PIPELINES.get(entity_id),
                "SYSTEM": "Y",
            }
            rows.append(row)
    return rows


def _currency(code: str, name: str, *, rate: str, sign: str, sort: int, base: str) -> Record:
    """A currency with its rate to the rouble."""
    return {
        "CURRENCY": code,
        "AMOUNT_CNT": "1",
        "AMOUNT": rate,
        "SORT": sort,
        "BASE": base,
        "FULL_NAME": name,
        "LID": "ru",
        "FORMAT_STRING": sign,
        "DEC_POINT": ".",
        "DECIMALS": "2",
    }


def _preset(number: int, name: str, code: str) -> Record:
    """A preset of requisites as Russian portals have it."""
    return {
        "ID": number,
        "ENTITY_TYPE_ID": 8,
        "COUNTRY_ID": 1,
        "NAME": name,
        "XML_ID": f"#CRM_REQUISITE_PRESET_DEF_RU_{code}#",
        "ACTIVE": "Y",
        "SORT": 500,
    }


def _catalog(number: int, name: str, *, offers_of: int | None, link: int | None) -> Record:
    """A catalogue of products, or of the offers of another one's products."""
    return {
        "iblockId": number,
        "id": number,
        "name": name,
        "productIblockId": offers_of,
        "skuPropertyId": link,
        "vatId": None,
        "iblockTypeId": "CRM_PRODUCT_CATALOG",
    }


def _measure(number: int, code: int, name: str, sign: str) -> Record:
    """A unit; the piece is the default one."""
    default = "Y" if code == PIECE else "N"
    return {"id": number, "code": code, "measureTitle": name, "symbol": sign, "isDefault": default}


def _vat(number: int, sort: int, name: str, rate: str | None) -> Record:
    """A rate; the one without a number is the exemption."""
    exempt = "Y" if rate is None else "N"
    return {"id": number, "name": name, "rate": rate, "active": "Y", "sort": sort, "excludeVat": exempt}


#: part of a seed -> its records where the seed does not give any
DEFAULTS: dict[str, list[Record]] = {
    "users": [
        {"ID": 1, "ACTIVE": "Y", "NAME": "Ирина", "LAST_NAME": "Орлова", "EMAIL": "admin@example.ru"},
    ],
    "currencies": [
        _currency("RUB", "Российский рубль", rate="1.0000", sign="# ₽", sort=100, base="Y"),
        _currency("USD", "Доллар США", rate="80.0000", sign="$#", sort=200, base="N"),
    ],
    "categories": [
        {"id": 0, "name": "Общая", "sort": 100, "entityTypeId": 2, "isDefault": "Y"},
        {"id": 5, "name": "Счета", "sort": 100, "entityTypeId": 31, "isDefault": "Y"},
    ],
    "statuses": _statuses(),
    "presets": [_preset(number, *preset) for number, preset in enumerate(PRESETS, 1)],
    "catalogs": [
        _catalog(23, "Товарный каталог CRM", offers_of=None, link=None),
        _catalog(25, "Торговые предложения", offers_of=23, link=97),
    ],
    "price_types": [{"id": 1, "name": "BASE", "base": "Y", "xmlId": "BASE", "sort": 100}],
    "measures": [_measure(*measure) for measure in MEASURES],
    "vats": [_vat(number, 100 * n, name, rate) for n, (number, name, rate) in enumerate(VATS, 1)],
}
