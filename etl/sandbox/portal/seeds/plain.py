"""Records of a seed that are no CRM items: as given, with an id and the defaults of their table."""

from __future__ import annotations

from collections.abc import Callable

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.items import REQUISITE_TYPE, address_key, product_rows
from etl.sandbox.portal.methods.addresses import ADDRESS, LINK
from etl.sandbox.portal.methods.catalog import PRICE, PRODUCT
from etl.sandbox.portal.methods.requisites import BANK, PRESET, REQUISITE
from etl.sandbox.portal.methods.rows import ROW_TYPES, STORED, build_row
from etl.sandbox.portal.seeds.crm import SEEDED_AT
from etl.sandbox.portal.store import Key, Record
from etl.sandbox.portal.wire import php_int

#: tables whose fields are known: name -> type
TYPES = {
    "requisite": REQUISITE,
    "bankdetail": BANK,
    "address": ADDRESS,
    "requisite_link": LINK,
    "preset": PRESET,
    "product": PRODUCT,
    "price": PRICE,
    "productrow": ROW_TYPES,
}
#: tables that catalog.* shows: their records have `id` and not `ID`
CATALOGUE = ("product", "price", "price_type", "measure", "vat", "section")
COMPLETE_ROW = {"PRICE", "PRICE_EXCLUSIVE", "PRICE_NETTO", "PRICE_BRUTTO", "QUANTITY", "DISCOUNT_SUM", "SORT"}


def plain_record(core: Core, table: str, row: Record) -> Record:
    """The record of one row of a seed. Raises ValueError for an unknown name where the table has types."""
    record = _typed(core, table, row)
    if table == "category":
        core.store.reserve("category", int(record["id"]))
        return {"sort": 500, "isDefault": "N", **record}
    if table == "address":
        return _complete_address(core, record)
    if table in ("currency", "requisite_link", "catalog"):
        return record
    _number(core, table, record)
    complete = COMPLETE.get(table)
    return complete(core, record) if complete else record


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
    types = TYPES.get(table)
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
            number = row.get("ID", row.get("id"))
            raise ValueError(f"unknown field {name} of {table} {number}")
    return record


def _number(core: Core, table: str, record: Record) -> None:
    """The record's id, a new one where none is given."""
    name = "id" if table in CATALOGUE else "ID"
    number = php_int(record.get(name)) or core.store.new_id(table)
    core.store.reserve(table, number)
    record[name] = number


def _complete_user(core: Core, record: Record) -> Record:
    """A user is active unless the seed says otherwise."""
    return {**record, "ACTIVE": core.clean("char", record.get("ACTIVE", "Y"))}


def _complete_status(core: Core, record: Record) -> Record:
    """An entry of a dictionary; the name of a dictionary of stages ends with the pipeline's number."""
    _, found, tail = str(record["ENTITY_ID"]).rpartition("_STAGE_")
    category = int(tail) if found and tail.isdigit() else None
    defaults = {"SORT": 10 * record["ID"], "SEMANTICS": None, "CATEGORY_ID": category, "SYSTEM": "N"}
    return {**defaults, **record}


def _complete_user_field(core: Core, record: Record) -> Record:
    """Options get ids of their own."""
    for option in record.get("LIST") or []:
        option["ID"] = php_int(option.get("ID")) or core.store.new_id("enum")
        core.store.reserve("enum", option["ID"])
    defaults = {"SORT": 100, "MULTIPLE": "N", "MANDATORY": "N", "SHOW_FILTER": "E", "SETTINGS": {}}
    return {**defaults, **record}


def _complete_row(core: Core, record: Record) -> Record:
    """Dumped and generated rows are complete; rows written by hand get their prices computed."""
    if record.keys() >= COMPLETE_ROW:
        return record
    owner = (str(record["OWNER_TYPE"]), int(record["OWNER_ID"]))
    position = len(product_rows(core, *owner)) + 1
    return build_row(core, owner, record, record["ID"], position)


def _complete_requisite(core: Core, record: Record) -> Record:
    """Requisites and bank details alike."""
    return {"ACTIVE": "Y", "SORT": 500, "DATE_CREATE": SEEDED_AT, "CREATED_BY_ID": 1, **record}


def _complete_product(core: Core, record: Record) -> Record:
    defaults = {
        "iblockId": 23,
        "active": "Y",
        "type": 1,
        "measure": 9,
        "vatIncluded": "N",
        "quantityTrace": "D",
        "available": "Y",
        "sort": 500,
        "dateCreate": SEEDED_AT,
        "timestampX": SEEDED_AT,
    }
    return {**defaults, **record}


def _complete_address(core: Core, record: Record) -> Record:
    """An address of a requisite finally belongs to the requisite's owner."""
    record = {"ENTITY_TYPE_ID": REQUISITE_TYPE, "TYPE_ID": 6, **record}
    if record["ENTITY_TYPE_ID"] != REQUISITE_TYPE:
        return record
    owner = core.store.get("requisite", record["ENTITY_ID"])
    if owner is None:
        return record
    return {"ANCHOR_TYPE_ID": owner["ENTITY_TYPE_ID"], "ANCHOR_ID": owner["ENTITY_ID"], **record}


COMPLETE: dict[str, Callable[[Core, Record], Record]] = {
    "user": _complete_user,
    "status": _complete_status,
    "userfield": _complete_user_field,
    "productrow": _complete_row,
    "requisite": _complete_requisite,
    "bankdetail": _complete_requisite,
    "product": _complete_product,
}
