"""Product rows, old (crm.deal.productrows.*) and new (crm.item.productrow.*): bitrix24 §7."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from etl.sandbox.portal.core import Core, bound, rest
from etl.sandbox.portal.entities import BY_CODE, BY_TABLE, Entity
from etl.sandbox.portal.fields import clean_number, json_number, lower_camel
from etl.sandbox.portal.items import product_rows, recount
from etl.sandbox.portal.lists.conditions import PLAIN, Family
from etl.sandbox.portal.lists.query import named_page, select_rows, show_page
from etl.sandbox.portal.methods.arithmetic import (
    ABSOLUTE,
    PERCENT,
    check_discount,
    given,
    is_absolute,
    price_row,
    rounded,
)
from etl.sandbox.portal.methods.crm import existing, item_id
from etl.sandbox.portal.methods.crm_items import required
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, RestError, as_list, as_map, is_yes, php_int

ROW_TYPES = {
    "ID": "integer",
    "OWNER_ID": "integer",
    "OWNER_TYPE": "string",
    "PRODUCT_ID": "integer",
    "PRODUCT_NAME": "string",
    "PRICE": "double",
    "PRICE_ACCOUNT": "double",
    "PRICE_EXCLUSIVE": "double",
    "PRICE_NETTO": "double",
    "PRICE_BRUTTO": "double",
    "QUANTITY": "double",
    "DISCOUNT_TYPE_ID": "integer",
    "DISCOUNT_RATE": "double",
    "DISCOUNT_SUM": "double",
    "TAX_RATE": "double",
    "TAX_INCLUDED": "char",
    "CUSTOMIZED": "char",
    "MEASURE_CODE": "integer",
    "MEASURE_NAME": "string",
    "SORT": "integer",
    "XML_ID": "string",
    "TYPE": "integer",
    "STORE_ID": "integer",
}
CAMEL = {name: lower_camel(name) for name in ROW_TYPES}
STORED = {camel: name for name, camel in CAMEL.items()}
ROW_LIST = Family(strict=True, floored=False, shuffled=False)
OWNERS = ("lead", "deal", "invoice")
#: prices that follow PRICE, the discount and the tax
DERIVED = ("PRICE_EXCLUSIVE", "PRICE_NETTO", "PRICE_BRUTTO", "PRICE_ACCOUNT")
#: how the old methods show a row
SHOWN_AS_TEXT = ("ID", "OWNER_ID", "PRICE_ACCOUNT")
ALWAYS_EMPTY = ("PRODUCT_DESCRIPTION", "RESERVE_ID", "DATE_RESERVE_END", "RESERVE_QUANTITY")
QUANTITY_STEP = Decimal("0.0001")
PIECE = (796, "шт")

Owner = tuple[str, int]  # (code of the entity, id)


def build_row(core: Core, owner: Owner, values: Record, number: int, position: int) -> Record:
    """A stored row: given values, the portal's defaults and the derived prices."""
    code, owner_id = owner
    product_id = php_int(values.get("PRODUCT_ID"))
    product = core.store.get("product", product_id) or {}
    measure_code, measure_name = _measure(core, values.get("MEASURE_CODE"), product)
    prices = price_row(values)
    tax = given(values, "TAX_RATE")
    return {
        "ID": number,
        "OWNER_ID": owner_id,
        "OWNER_TYPE": code,
        "PRODUCT_ID": product_id,
        "PRODUCT_NAME": str(values.get("PRODUCT_NAME") or product.get("name") or f"[{number}]"),
        **{name: f"{value:.2f}" for name, value in prices.items()},
        "PRICE_ACCOUNT": f"{prices['PRICE']:.2f}",
        "QUANTITY": _quantity(values),
        "DISCOUNT_TYPE_ID": ABSOLUTE if is_absolute(values) else PERCENT,
        "TAX_RATE": None if tax is None else f"{rounded(tax):.2f}",
        "TAX_INCLUDED": "Y" if is_yes(values.get("TAX_INCLUDED")) else "N",
        "CUSTOMIZED": "Y",
        "MEASURE_CODE": measure_code,
        "MEASURE_NAME": str(values.get("MEASURE_NAME") or measure_name),
        "SORT": php_int(values.get("SORT")) or position * 10,
        "TYPE": php_int(values.get("TYPE")) or product.get("type") or 1,
        "XML_ID": str(values.get("XML_ID") or ""),
    }


def _quantity(values: Record) -> str:
    """With up to four decimal places; one unit where none is given."""
    quantity = given(values, "QUANTITY")
    if quantity is None:
        quantity = Decimal(1)
    return clean_number(quantity.quantize(QUANTITY_STEP, ROUND_HALF_UP), None)


def _measure(core: Core, code: Any, product: Record) -> tuple[int, str]:
    """Code and sign of the unit: the one given, else the product's, else the portal's default one."""
    if code not in (None, ""):
        number = php_int(code)
        code_of_piece, sign = PIECE
        return _measure_where(core, "code", number) or (number or code_of_piece, sign)
    of_product = _measure_where(core, "id", product.get("measure"))
    if of_product is not None:
        return of_product
    return _measure_where(core, "isDefault", "Y") or PIECE


def _measure_where(core: Core, field: str, value: Any) -> tuple[int, str] | None:
    """Code and sign of the first unit whose field has this value."""
    for row in core.store.all("measure"):
        if row.get(field) == value:
            return row["code"], row["symbol"]
    return None


def rows_of(core: Core, entity: Entity, owner_id: int) -> list[Record]:
    """The rows of one item in their order."""
    rows = product_rows(core, entity.code, owner_id)
    return sorted(rows, key=lambda row: (row["SORT"], row["ID"]))


def replace_rows(core: Core, entity: Entity, owner_id: int, rows: list[Record]) -> None:
    """All rows of the owner give way to these; its sum follows (bitrix24 §10.3, 8)."""
    old = rows_of(core, entity, owner_id)
    for row in old:
        core.store.drop("productrow", row["ID"])
    for position, row in enumerate(rows, 1):
        number = core.store.new_id("productrow")
        built = build_row(core, (entity.code, owner_id), row, number, position)
        core.store.put("productrow", number, built)
    emptied = bool(old) and not rows
    recount(core, entity, owner_id, emptied=emptied)


def show_old_row(row: Record) -> Record:
    """Old shape: ids of row and owner and PRICE_ACCOUNT are text, the rest are numbers."""
    shown = {name: _number(row, name) for name in ROW_TYPES}
    for name in SHOWN_AS_TEXT:
        shown[name] = str(row.get(name))
    shown["ORIGINAL_PRODUCT_NAME"] = row["PRODUCT_NAME"]
    for name in ALWAYS_EMPTY:
        shown[name] = None
    return shown


def show_row(row: Record) -> Record:
    """New shape: camel-case names, numbers are numbers."""
    return {camel: _number(row, name) for name, camel in CAMEL.items()}


def _number(row: Record, name: str) -> Any:
    """A double is shown as a number, everything else as it is stored."""
    value = row.get(name)
    if ROW_TYPES[name] == "double" and value is not None:
        return json_number(value)
    return value


def _old_rows_get(core: Core, entity: Entity, params: Params) -> list[Record]:
    """crm.*.productrows.get: the rows of one item."""
    number = item_id(params)
    existing(core, entity.table, number)
    return [show_old_row(row) for row in rows_of(core, entity, number)]


def _old_rows_set(core: Core, entity: Entity, params: Params) -> bool:
    """crm.*.productrows.set: all rows of one item at once.

    Raises RestError for a discount that cannot be computed.
    """
    number = item_id(params)
    existing(core, entity.table, number)
    rows = [row for row in as_list(params.get("rows")) if isinstance(row, dict)]
    for row in rows:
        check_discount(row)
    replace_rows(core, entity, number, rows)
    return True


def _register(entity: Entity) -> None:
    """Both old methods of one entity."""
    rest(f"crm.{entity.table}.productrows.get")(bound(_old_rows_get, entity))
    rest(f"crm.{entity.table}.productrows.set")(bound(_old_rows_set, entity))


_register(BY_TABLE["deal"])
_register(BY_TABLE["lead"])


def _owner(core: Core, owner_type: Any, owner_id: Any) -> tuple[Entity, int]:
    """The item that may have product rows. Raises RestError."""
    entity = BY_CODE.get(str(owner_type))
    if entity is None or entity.table not in OWNERS:
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    number = php_int(owner_id)
    if core.store.get(entity.table, number) is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Owner not found")
    return entity, number


def _stored(row: Any) -> Record:
    """A given row under stored names; unknown names are dropped silently."""
    stored: Record = {}
    for name, value in as_map(row).items():
        if name in STORED:
            stored[STORED[name]] = value
    return stored


@rest("crm.item.productrow.list", case="exact")
def row_list(core: Core, params: Params) -> Page:
    """One page of rows of one item."""
    condition = as_map(params.get("filter"))
    if "=ownerType" not in condition or "=ownerId" not in condition:
        text = "Filter must contain the fields '=ownerType' and '=ownerId'"
        raise RestError(400, "INVALID_ARG_VALUE", text)
    page = select_rows(core, "productrow", ROW_TYPES, params, ROW_LIST, rename=STORED)
    return named_page(page, "productRows", show_row)


@rest("crm.item.productrow.set", case="exact")
def row_set(core: Core, params: Params) -> Record:
    """All rows of an item at once."""
    entity, number = _owner(core, required(params, "ownerType"), required(params, "ownerId"))
    given_rows = as_list(required(params, "productRows"))
    replace_rows(core, entity, number, list(map(_stored, given_rows)))
    rows = rows_of(core, entity, number)
    return {"productRows": [show_row(row) for row in rows]}


@rest("crm.item.productrow.add", case="exact")
def row_add(core: Core, params: Params) -> Record:
    """One more row of an item."""
    values = _stored(required(params, "fields"))
    entity, owner_id = _owner(core, values.get("OWNER_TYPE"), values.get("OWNER_ID"))
    number = core.store.new_id("productrow")
    position = len(rows_of(core, entity, owner_id)) + 1
    row = build_row(core, (entity.code, owner_id), values, number, position)
    core.store.put("productrow", number, row)
    recount(core, entity, owner_id)
    return {"productRow": show_row(row)}


def _row(core: Core, params: Params) -> Record:
    """The row that `id` names. Raises RestError."""
    number = php_int(required(params, "id"))
    row = core.store.get("productrow", number)
    if row is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return row


@rest("crm.item.productrow.get", case="exact")
def row_get(core: Core, params: Params) -> Record:
    """One row."""
    row = _row(core, params)
    return {"productRow": show_row(row)}


@rest("crm.item.productrow.update", case="exact")
def row_update(core: Core, params: Params) -> Record:
    """Derived prices that are not given are computed anew."""
    old = _row(core, params)
    kept = {name: value for name, value in old.items() if name not in DERIVED}
    if old["DISCOUNT_TYPE_ID"] != ABSOLUTE:
        kept.pop("DISCOUNT_SUM", None)
    values = {**kept, **_stored(required(params, "fields"))}
    code, owner_id = old["OWNER_TYPE"], old["OWNER_ID"]
    row = build_row(core, (code, owner_id), values, old["ID"], 1)
    core.store.put("productrow", old["ID"], row)
    recount(core, BY_CODE[code], owner_id)
    return {"productRow": show_row(row)}


@rest("crm.item.productrow.delete", case="exact")
def row_delete(core: Core, params: Params) -> None:
    """A row goes."""
    row = _row(core, params)
    entity = BY_CODE[row["OWNER_TYPE"]]
    core.store.drop("productrow", row["ID"])
    recount(core, entity, row["OWNER_ID"], emptied=True)


@rest("crm.item.productrow.fields", case="exact")
def row_fields(core: Core, params: Params) -> Record:
    """The fields of a row under their new names."""
    fields: Record = {}
    for name, camel in CAMEL.items():
        fields[camel] = {**_describe(name), "upperName": name}
    return {"fields": fields}


@rest("crm.productrow.fields")
def old_row_fields(core: Core, params: Params) -> Record:
    """The fields of a row under their old names."""
    return {name: _describe(name) for name in ROW_TYPES}


def _describe(name: str) -> Record:
    """One entry of *.fields."""
    return {"type": ROW_TYPES[name], "isReadOnly": name == "ID"}


@rest("crm.productrow.list")
def old_row_list(core: Core, params: Params) -> Page:
    """One page of rows of any items."""
    page = select_rows(core, "productrow", ROW_TYPES, params, PLAIN)
    return show_page(page, show_old_row)
