"""Seeds: a whole portal as one JSON document, read and written.

A seed holds lists of records by the names of SEED_TABLES (`deals`, `companies`, `productrows` ...) and a map
`settings`. Names of CRM records may be the old ones or those of crm.item.*; everything left out gets the
defaults of a fresh Russian portal. Seeds carry their own dates: loading one never looks at the clock.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.entities import BY_CODE, BY_TABLE, Entity
from etl.sandbox.portal.items import (
    MULTIFIELDS,
    address_key,
    default_category,
    first_stage,
    line_sum,
    semantics,
)
from etl.sandbox.portal.methods.catalog import PRICE, PRODUCT
from etl.sandbox.portal.methods.dictionaries import DEFAULT_STAGES
from etl.sandbox.portal.methods.requisites import ADDRESS, BANK, LINK, PRESET, REQUISITE
from etl.sandbox.portal.methods.rows import ROW_TYPES, STORED, build_row
from etl.sandbox.portal.store import Key, Record
from etl.sandbox.portal.wire import as_list, is_yes, php_int

SEED_TABLES = {
    "users": "user",
    "currencies": "currency",
    "categories": "category",
    "statuses": "status",
    "userfields": "userfield",
    "presets": "preset",
    "catalogs": "catalog",
    "price_types": "price_type",
    "measures": "measure",
    "vats": "vat",
    "sections": "section",
    "products": "product",
    "prices": "price",
    "companies": "company",
    "contacts": "contact",
    "leads": "lead",
    "deals": "deal",
    "invoices": "invoice",
    "requisites": "requisite",
    "bankdetails": "bankdetail",
    "addresses": "address",
    "requisite_links": "requisite_link",
    "productrows": "productrow",
    "comments": "comment",
    "notifications": "notification",
    "stagehistory": "stagehistory",
    "workflows": "workflow",
}
SEED_TYPES = {
    "requisite": REQUISITE,
    "bankdetail": BANK,
    "address": ADDRESS,
    "requisite_link": LINK,
    "preset": PRESET,
    "product": PRODUCT,
    "price": PRICE,
    "productrow": ROW_TYPES,
}
COMPLETE_ROW = {"PRICE", "PRICE_EXCLUSIVE", "PRICE_NETTO", "PRICE_BRUTTO", "QUANTITY", "DISCOUNT_SUM", "SORT"}
SEEDED_AT = "2025-01-09T09:00:00+03:00"
SETTINGS = {
    "utc_offset": 10800,
    "server_offset": 10800,
    "time_zone": "Europe/Moscow",
    "crm_mode": 2,
    "scope": ["crm", "catalog", "im", "user", "bizproc", "userfieldconfig", "department", "basic"],
}
COUNTED = ("users", "deals", "companies", "contacts", "leads", "invoices", "requisites", "bankdetails", "addresses",
           "products", "prices", "productrows", "comments", "notifications")  # fmt: skip


def _statuses(
    entity_id: str, rows: list[tuple[str, str, str | None]], category: int | None = None
) -> list[Record]:
    return [
        {"ENTITY_ID": entity_id, "STATUS_ID": code, "NAME": name, "SORT": 10 * n, "SEMANTICS": meaning,
         "CATEGORY_ID": category, "SYSTEM": "Y"}
        for n, (code, name, meaning) in enumerate(rows, 1)
    ]  # fmt: skip


DEFAULTS: dict[str, list[Record]] = {
    "users": [{"ID": 1, "ACTIVE": "Y", "NAME": "Ирина", "LAST_NAME": "Орлова", "EMAIL": "admin@example.ru"}],
    "currencies": [
        {"CURRENCY": "RUB", "AMOUNT_CNT": "1", "AMOUNT": "1.0000", "SORT": 100, "BASE": "Y",
         "FULL_NAME": "Российский рубль", "LID": "ru", "FORMAT_STRING": "# ₽", "DEC_POINT": ".", "DECIMALS": "2"},
        {"CURRENCY": "USD", "AMOUNT_CNT": "1", "AMOUNT": "80.0000", "SORT": 200, "BASE": "N",
         "FULL_NAME": "Доллар США", "LID": "ru", "FORMAT_STRING": "$#", "DEC_POINT": ".", "DECIMALS": "2"},
    ],
    "categories": [
        {"id": 0, "name": "Общая", "sort": 100, "entityTypeId": 2, "isDefault": "Y"},
        {"id": 5, "name": "Счета", "sort": 100, "entityTypeId": 31, "isDefault": "Y"},
    ],
    "statuses": [
        *_statuses("DEAL_STAGE", list(DEFAULT_STAGES)),
        *_statuses("SMART_INVOICE_STAGE_5", [
            ("DT31_5:N", "Новый", None), ("DT31_5:S", "Отправлен", None),
            ("DT31_5:P", "Оплачен", "S"), ("DT31_5:D", "Не оплачен", "F")], 5),
        *_statuses("STATUS", [
            ("NEW", "Не обработан", None), ("IN_PROCESS", "В работе", None), ("PROCESSED", "Обработан", None),
            ("CONVERTED", "Качественный лид", "S"), ("JUNK", "Некачественный лид", "F")]),
        *_statuses("SOURCE", [
            ("CALL", "Звонок", None), ("EMAIL", "Электронная почта", None), ("WEB", "Веб-сайт", None),
            ("ADVERTISING", "Реклама", None), ("RECOMMENDATION", "По рекомендации", None), ("OTHER", "Другое", None)]),
        *_statuses("DEAL_TYPE", [
            ("SALE", "Продажа", None), ("SERVICE", "Сервисное обслуживание", None), ("SERVICES", "Услуги", None)]),
        *_statuses("COMPANY_TYPE", [
            ("CUSTOMER", "Клиент", None), ("SUPPLIER", "Поставщик", None), ("PARTNER", "Партнёр", None),
            ("OTHER", "Другое", None)]),
        *_statuses("CONTACT_TYPE", [("CLIENT", "Клиенты", None), ("SUPPLIER", "Поставщики", None)]),
        *_statuses("INDUSTRY", [("IT", "Информационные технологии", None), ("OTHER", "Другое", None)]),
        *_statuses("HONORIFIC", [("HNR_RU_1", "г-н", None), ("HNR_RU_2", "г-жа", None)]),
    ],
    "presets": [
        {"ID": n, "ENTITY_TYPE_ID": 8, "COUNTRY_ID": 1, "NAME": name, "XML_ID": f"#CRM_REQUISITE_PRESET_DEF_RU_{code}#",
         "ACTIVE": "Y", "SORT": 500}
        for n, (name, code) in enumerate(
            [("Организация", "COMPANY"), ("ИП", "INDIVIDUAL"), ("Физ. лицо", "PERSON"),
             ("Организация (доп.)", "LEGALENTITY")], 1)
    ],
    "catalogs": [
        {"iblockId": 23, "id": 23, "name": "Товарный каталог CRM", "productIblockId": None, "skuPropertyId": None,
         "vatId": None, "iblockTypeId": "CRM_PRODUCT_CATALOG"},
        {"iblockId": 25, "id": 25, "name": "Торговые предложения", "productIblockId": 23, "skuPropertyId": 97,
         "vatId": None, "iblockTypeId": "CRM_PRODUCT_CATALOG"},
    ],
    "price_types": [{"id": 1, "name": "BASE", "base": "Y", "xmlId": "BASE", "sort": 100}],
    "measures": [
        {"id": 1, "code": 6, "measureTitle": "Метр", "symbol": "м", "isDefault": "N"},
        {"id": 3, "code": 112, "measureTitle": "Литр", "symbol": "л", "isDefault": "N"},
        {"id": 5, "code": 163, "measureTitle": "Грамм", "symbol": "г", "isDefault": "N"},
        {"id": 7, "code": 166, "measureTitle": "Килограмм", "symbol": "кг", "isDefault": "N"},
        {"id": 9, "code": 796, "measureTitle": "Штука", "symbol": "шт", "isDefault": "Y"},
    ],
    "vats": [
        {"id": 1, "name": "Без НДС", "rate": None, "active": "Y", "sort": 100, "excludeVat": "Y"},
        {"id": 3, "name": "НДС 0%", "rate": "0", "active": "Y", "sort": 200, "excludeVat": "N"},
        {"id": 5, "name": "НДС 10%", "rate": "10", "active": "Y", "sort": 300, "excludeVat": "N"},
        {"id": 7, "name": "НДС 20%", "rate": "20", "active": "Y", "sort": 400, "excludeVat": "N"},
        {"id": 9, "name": "НДС 22%", "rate": "22", "active": "Y", "sort": 500, "excludeVat": "N"},
    ],
}  # fmt: skip


def load(core: Core, seed: dict[str, Any]) -> None:
    """Fills an empty portal. Raises ValueError for a part of the seed that nobody reads."""
    unknown = sorted(set(seed) - set(SEED_TABLES) - {"settings"})
    if unknown:
        raise ValueError(
            f"unknown parts of the seed: {', '.join(unknown)}; known: settings, {', '.join(SEED_TABLES)}"
        )
    core.settings.update({**SETTINGS, **seed.get("settings", {})})
    for name, table in SEED_TABLES.items():
        given = seed.get(name, DEFAULTS.get(name, []))
        entity = BY_TABLE.get(table)
        filler = _ItemFiller(core, entity) if entity else None
        for row in given:
            record = filler.fill(row) if filler else _plain(core, table, row)
            core.store.put(table, record_key(table, record), record)
    _sum_up(core)


def record_key(table: str, record: Record) -> Key:
    """What identifies a record of this table in the store."""
    if table == "currency":
        return str(record["CURRENCY"])
    if table == "category":
        return f"{record['entityTypeId']}:{record['id']}"
    if table == "address":
        return address_key(record)
    if table == "requisite_link":
        return f"{record['ENTITY_TYPE_ID']}:{record['ENTITY_ID']}"
    if table == "catalog":
        return int(record["iblockId"])
    return int(record.get("ID") or record["id"])


def _typed(core: Core, table: str, row: Record) -> Record:
    """Values in their stored form where the table has types. Raises ValueError for an unknown name."""
    types = SEED_TYPES.get(table)
    if types is None:
        return dict(row)
    record: Record = {}
    for name, value in row.items():
        stored = STORED.get(name, name) if table == "productrow" else name
        if stored in types:
            record[stored] = core.clean(types[stored], value)
        elif stored.startswith(("property", "UF_")):
            record[stored] = value
        else:
            raise ValueError(f"unknown field {name} of {table} {row.get('ID', row.get('id'))}")
    return record


def _plain(core: Core, table: str, row: Record) -> Record:
    """A record of everything that is not a CRM item: as given, with an id if it has none."""
    record = _typed(core, table, row)
    if table == "category":
        core.store.reserve("category", int(record["id"]))
        return {"sort": 500, "isDefault": "N", **record}
    if table in ("currency", "address", "requisite_link", "catalog"):
        return _complete_address(core, record) if table == "address" else record
    name = "id" if table in ("product", "price", "price_type", "measure", "vat", "section") else "ID"
    number = php_int(record.get(name)) or core.store.new_id(table)
    core.store.reserve(table, number)
    record[name] = number
    if table == "user":
        return {**record, "ACTIVE": core.clean("char", record.get("ACTIVE", "Y"))}
    if table == "status":
        return _complete_status(record)
    if table == "userfield":
        return _complete_user_field(core, record)
    if table == "productrow":
        return _complete_row(core, record)
    if table in ("requisite", "bankdetail"):
        return {"ACTIVE": "Y", "SORT": 500, "DATE_CREATE": SEEDED_AT, "CREATED_BY_ID": 1, **record}
    if table == "product":
        return {"iblockId": 23, "active": "Y", "type": 1, "measure": 9, "vatIncluded": "N", "quantityTrace": "D",
                "available": "Y", "sort": 500, "dateCreate": SEEDED_AT, "timestampX": SEEDED_AT, **record}  # fmt: skip
    return record


def _complete_row(core: Core, record: Record) -> Record:
    """Dumped and generated rows are complete; rows written by hand get their prices computed."""
    if record.keys() >= COMPLETE_ROW:
        return record
    owner = (str(record["OWNER_TYPE"]), int(record["OWNER_ID"]))
    present = [
        row for row in core.store.find("productrow", "OWNER_ID", owner[1]) if row["OWNER_TYPE"] == owner[0]
    ]
    return build_row(core, owner, record, record["ID"], len(present) + 1)


def _complete_status(record: Record) -> Record:
    entity_id = str(record["ENTITY_ID"])
    tail = entity_id.rsplit("_", 1)[1] if "_STAGE_" in entity_id else ""
    category = int(tail) if tail.isdigit() else None
    return {"SORT": 10 * record["ID"], "SEMANTICS": None, "CATEGORY_ID": category, "SYSTEM": "N", **record}


def _complete_user_field(core: Core, record: Record) -> Record:
    for option in record.get("LIST") or []:
        option["ID"] = php_int(option.get("ID")) or core.store.new_id("enum")
        core.store.reserve("enum", option["ID"])
    return {"SORT": 100, "MULTIPLE": "N", "MANDATORY": "N", "SHOW_FILTER": "E", "SETTINGS": {}, **record}


def _complete_address(core: Core, record: Record) -> Record:
    record = {"ENTITY_TYPE_ID": 8, "TYPE_ID": 6, **record}
    owner = core.store.get("requisite", record["ENTITY_ID"]) if record["ENTITY_TYPE_ID"] == 8 else None
    if owner is None:
        return record
    return {"ANCHOR_TYPE_ID": owner["ENTITY_TYPE_ID"], "ANCHOR_ID": owner["ENTITY_ID"], **record}


class _ItemFiller:
    """Completes seeded CRM items; stages and their meanings are looked up once per pipeline."""

    def __init__(self, core: Core, entity: Entity) -> None:
        self.core, self.entity, self.schema = core, entity, core.schema(entity)
        self.meanings: dict[tuple[Any, Any], str] = {}
        self.starts: dict[Any, Any] = {}
        self.category = default_category(core, entity)

    def fill(self, row: Record) -> Record:
        schema, zone = self.schema, self.core.zone
        record: Record = dict(self._base())
        for name, value in row.items():
            stored = name if name in schema.fields else schema.by_camel.get(name)
            if stored is not None:
                record[stored] = schema.fields[stored].clean(value, zone)
            elif name == "BINDINGS":
                record[name] = value
            elif name not in (*MULTIFIELDS, "FM"):
                raise ValueError(f"unknown field {name} of {self.entity.table} {row.get('ID')}")
        record["ID"] = record.get("ID") or self.core.store.new_id(self.entity.table)
        self.core.store.reserve(self.entity.table, record["ID"])
        self._client(record)
        self._stage(record)
        if self.entity.multifields:
            record["FM"] = self._multifields(row)
        return {name: value for name, value in record.items() if value not in (None, "", [])}

    def _base(self) -> Record:
        base: Record = {"ASSIGNED_BY_ID": 1, "CREATED_BY_ID": 1, "MODIFY_BY_ID": 1, "OPENED": "Y",
                        "DATE_CREATE": SEEDED_AT, "DATE_MODIFY": SEEDED_AT}  # fmt: skip
        if "OPPORTUNITY" in self.schema.fields:
            base |= {
                "CURRENCY_ID": "RUB",
                "OPPORTUNITY": "0.00",
                "IS_MANUAL_OPPORTUNITY": "N",
                "TAX_VALUE": "0.00",
            }
        if self.entity.table in ("deal", "invoice"):
            base["CATEGORY_ID"] = self.category
        if self.entity.table == "company":
            base["IS_MY_COMPANY"] = "N"
        return base

    def _client(self, record: Record) -> None:
        one, many = (
            ("COMPANY_ID", "COMPANY_IDS") if self.entity.table == "contact" else ("CONTACT_ID", "CONTACT_IDS")
        )
        if many not in self.schema.fields:
            return
        if record.get(many):
            record.setdefault(one, record[many][0])
        elif record.get(one):
            record[many] = [record[one]]

    def _stage(self, record: Record) -> None:
        name = self.entity.stage
        if name is None:
            return
        category = record.get("CATEGORY_ID")
        if not record.get(name):
            if category not in self.starts:
                self.starts[category] = first_stage(self.core, self.entity, category)
            record[name] = self.starts[category]
        key = (category, record[name])
        if key not in self.meanings:
            self.meanings[key] = semantics(self.core, self.entity, record)
        if self.entity.table == "deal":
            record["STAGE_SEMANTIC_ID"] = self.meanings[key]
            record["CLOSED"] = "N" if self.meanings[key] == "P" else "Y"
        if self.entity.table == "lead":
            record["STATUS_SEMANTIC_ID"] = self.meanings[key]

    def _multifields(self, row: Record) -> list[Record]:
        """`PHONE: ["+7..."]`, the old elements, or a dumped `FM`."""
        elements = [dict(item) for item in row.get("FM") or []]
        for kind in MULTIFIELDS:
            for item in as_list(row.get(kind)):
                given = item if isinstance(item, dict) else {"VALUE": item}
                elements.append({"ID": php_int(given.get("ID")), "TYPE_ID": kind,
                                 "VALUE_TYPE": given.get("VALUE_TYPE", "WORK"), "VALUE": str(given["VALUE"])})  # fmt: skip
        for element in elements:
            element["ID"] = element["ID"] or self.core.store.new_id("multifield")
            self.core.store.reserve("multifield", element["ID"])
        return elements


def _sum_up(core: Core) -> None:
    """Sums of seeded items follow their rows unless typed by hand; the stamps stay as seeded."""
    totals: dict[tuple[str, int], list[Decimal]] = {}
    for row in core.store.all("productrow"):
        total = totals.setdefault((row["OWNER_TYPE"], row["OWNER_ID"]), [Decimal(0), Decimal(0)])
        quantity = Decimal(row["QUANTITY"])
        total[0] += line_sum(quantity, Decimal(row["PRICE"]))
        total[1] += line_sum(quantity, Decimal(row["PRICE_EXCLUSIVE"]))
    for (code, number), (gross, net) in totals.items():
        table = BY_CODE[code].table
        record = core.store.get(table, number)
        if record is not None and not is_yes(record.get("IS_MANUAL_OPPORTUNITY")):
            sums = {"OPPORTUNITY": f"{gross:.2f}", "TAX_VALUE": f"{gross - net:.2f}"}
            core.store.put(table, number, {**record, **sums})


def dump(core: Core) -> dict[str, Any]:
    """The whole portal in the shape of a seed, in a fixed order; loading it gives the same portal."""
    seed: dict[str, Any] = {"settings": dict(sorted(core.settings.items()))}
    for name, table in SEED_TABLES.items():
        rows = [dict(sorted(row.items())) for row in core.store.all(table)]
        if rows or name in DEFAULTS:
            seed[name] = rows
    return seed
