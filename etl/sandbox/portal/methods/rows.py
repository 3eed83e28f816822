"""Product rows, old (crm.deal.productrows.*) and new (crm.item.productrow.*), with the portal's arithmetic.

PRICE is always the final price of one unit, after the discount and with tax; the other prices are derived
from it, each rounded half up to kopecks.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_CODE, BY_TABLE, Entity
from etl.sandbox.portal.fields import clean_number, json_number
from etl.sandbox.portal.items import CENT, recount
from etl.sandbox.portal.methods.crm import existing, item_id
from etl.sandbox.portal.methods.crm_items import required
from etl.sandbox.portal.query import PLAIN, Family, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, is_yes, php_int

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
CAMEL = {
    name: name.split("_")[0].lower() + name.title().replace("_", "")[len(name.split("_")[0]) :]
    for name in ROW_TYPES
}
STORED = {camel: name for name, camel in CAMEL.items()}
ROW_LIST = Family(strict=True, floored=False, shuffled=False)
ABSOLUTE = 1


def _round(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def _given(row: Record, name: str) -> Decimal | None:
    value = row.get(name)
    return None if value in (None, "") else Decimal(clean_number(value, None))


def price_row(row: Record) -> dict[str, Decimal]:
    """All prices of one row from the ones given (bitrix24 server arithmetic, rates in percent).

    >>> p = price_row({"PRICE": 80000, "TAX_RATE": 20, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 20})
    >>> str(p["PRICE_EXCLUSIVE"]), str(p["DISCOUNT_SUM"]), str(p["PRICE_NETTO"]), str(p["PRICE_BRUTTO"])
    ('66666.67', '16666.67', '83333.34', '100000.01')
    """
    price = _round(_given(row, "PRICE") or Decimal(0))
    tax = (_given(row, "TAX_RATE") or Decimal(0)) / 100
    exclusive = _given(row, "PRICE_EXCLUSIVE")
    exclusive = _round(price / (1 + tax) if exclusive is None else exclusive)
    total, rate = _given(row, "DISCOUNT_SUM"), _given(row, "DISCOUNT_RATE")
    if php_int(row.get("DISCOUNT_TYPE_ID")) == ABSOLUTE:
        total = _round(total or Decimal(0))
        base = exclusive + total
        rate = _round(total / base * 100) if base else Decimal(0)
    else:
        rate = _round(rate or Decimal(0))
        share = rate / 100
        total = _round(
            exclusive * share / (1 - share) if total is None and share != 1 else total or Decimal(0)
        )
    netto = _given(row, "PRICE_NETTO")
    netto = _round(exclusive + total if netto is None else netto)
    brutto = _given(row, "PRICE_BRUTTO")
    return {
        "PRICE": price,
        "PRICE_EXCLUSIVE": exclusive,
        "DISCOUNT_RATE": rate,
        "DISCOUNT_SUM": total,
        "PRICE_NETTO": netto,
        "PRICE_BRUTTO": _round(netto * (1 + tax) if brutto is None else brutto),
    }


def check_discount(row: Record) -> None:
    """The old `set` insists on a discount that can be computed."""
    kind = row.get("DISCOUNT_TYPE_ID")
    rate, total = _given(row, "DISCOUNT_RATE"), _given(row, "DISCOUNT_SUM")
    if kind not in (None, "") and php_int(kind) == ABSOLUTE and total is None:
        raise RestError(
            400, "ERROR_CORE", "Discount Sum (DISCOUNT_SUM) is required if Monetary Discount Type is defined."
        )
    if kind not in (None, "") and php_int(kind) == 2 and rate is None:
        raise RestError(
            400,
            "ERROR_CORE",
            "Discount Rate (DISCOUNT_RATE) is required if Percentage Discount Type is defined.",
        )
    if rate == 100 and total is None:
        raise RestError(
            400, "ERROR_CORE", "Discount Sum (DISCOUNT_SUM) is required if Discount Rate is 100%."
        )


def build_row(core: Core, owner: tuple[str, int], given: Record, number: int, position: int) -> Record:
    """A stored row: given values, the portal's defaults and the derived prices."""
    product = core.store.get("product", php_int(given.get("PRODUCT_ID"))) or {}
    measure = _measure(core, given.get("MEASURE_CODE"), product)
    prices = price_row(given)
    tax = _given(given, "TAX_RATE")
    quantity = _given(given, "QUANTITY")
    row: Record = {
        "ID": number,
        "OWNER_ID": owner[1],
        "OWNER_TYPE": owner[0],
        "PRODUCT_ID": php_int(given.get("PRODUCT_ID")),
        "PRODUCT_NAME": str(given.get("PRODUCT_NAME") or product.get("name") or f"[{number}]"),
        **{name: f"{value:.2f}" for name, value in prices.items()},
        "PRICE_ACCOUNT": f"{prices['PRICE']:.2f}",
        "QUANTITY": clean_number(
            (Decimal(1) if quantity is None else quantity).quantize(Decimal("0.0001"), ROUND_HALF_UP), None
        ),
        "DISCOUNT_TYPE_ID": ABSOLUTE if php_int(given.get("DISCOUNT_TYPE_ID")) == ABSOLUTE else 2,
        "TAX_RATE": None if tax is None else f"{_round(tax):.2f}",
        "TAX_INCLUDED": "Y" if is_yes(given.get("TAX_INCLUDED")) else "N",
        "CUSTOMIZED": "Y",
        "MEASURE_CODE": measure[0],
        "MEASURE_NAME": str(given.get("MEASURE_NAME") or measure[1]),
        "SORT": php_int(given.get("SORT")) or position * 10,
        "TYPE": php_int(given.get("TYPE")) or product.get("type") or 1,
        "XML_ID": str(given.get("XML_ID") or ""),
    }
    return row


def _measure(core: Core, code: Any, product: Record) -> tuple[int, str]:
    rows = list(core.store.all("measure"))
    found = next((row for row in rows if code not in (None, "") and row["code"] == php_int(code)), None)
    if found is None and code in (None, ""):
        found = next((row for row in rows if row["id"] == product.get("measure")), None)
        found = found or next((row for row in rows if row.get("isDefault") == "Y"), None)
    return (found["code"], found["symbol"]) if found else (php_int(code) or 796, "шт")


def rows_of(core: Core, entity: Entity, owner_id: int) -> list[Record]:
    rows = [
        row for row in core.store.find("productrow", "OWNER_ID", owner_id) if row["OWNER_TYPE"] == entity.code
    ]
    return sorted(rows, key=lambda row: (row["SORT"], row["ID"]))


def replace_rows(core: Core, entity: Entity, owner_id: int, given: list[Record]) -> None:
    """All rows of the owner give way to these; its sum follows."""
    old = rows_of(core, entity, owner_id)
    for row in old:
        core.store.drop("productrow", row["ID"])
    for position, row in enumerate(given, 1):
        number = core.store.new_id("productrow")
        core.store.put("productrow", number, build_row(core, (entity.code, owner_id), row, number, position))
    recount(core, entity, owner_id, emptied=bool(old) and not given)


def show_old_row(row: Record) -> Record:
    """Old shape: ids of row and owner and PRICE_ACCOUNT are text, the rest are numbers."""
    text = ("ID", "OWNER_ID", "PRICE_ACCOUNT")
    shown = {name: row.get(name) for name in ROW_TYPES}
    for name, kind in ROW_TYPES.items():
        if kind == "double" and name not in text and shown[name] is not None:
            shown[name] = json_number(shown[name])
    shown |= {name: str(shown[name]) for name in text}
    return {**shown, "ORIGINAL_PRODUCT_NAME": row["PRODUCT_NAME"], "PRODUCT_DESCRIPTION": None, "RESERVE_ID": None,
            "DATE_RESERVE_END": None, "RESERVE_QUANTITY": None}  # fmt: skip


def show_row(row: Record) -> Record:
    return {
        CAMEL[name]: json_number(row[name])
        if kind == "double" and row.get(name) is not None
        else row.get(name)
        for name, kind in ROW_TYPES.items()
    }


def _old_rows_get(core: Core, entity: Entity, params: dict[str, Any]) -> list[Record]:
    number = item_id(params)
    existing(core, entity.table, number)
    return [show_old_row(row) for row in rows_of(core, entity, number)]


def _old_rows_set(core: Core, entity: Entity, params: dict[str, Any]) -> bool:
    number = item_id(params)
    existing(core, entity.table, number)
    rows = [row for row in as_list(params.get("rows")) if isinstance(row, dict)]
    for row in rows:
        check_discount(row)
    replace_rows(core, entity, number, rows)
    return True


def _register(entity: Entity) -> None:
    rest(f"crm.{entity.table}.productrows.get")(lambda core, params: _old_rows_get(core, entity, params))
    rest(f"crm.{entity.table}.productrows.set")(lambda core, params: _old_rows_set(core, entity, params))


_register(BY_TABLE["deal"])
_register(BY_TABLE["lead"])


def _owner(core: Core, owner_type: Any, owner_id: Any) -> tuple[Entity, int]:
    entity = BY_CODE.get(str(owner_type))
    if entity is None or entity.table not in ("lead", "deal", "invoice"):
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    number = php_int(owner_id)
    if core.store.get(entity.table, number) is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Owner not found")
    return entity, number


def _stored(row: Any) -> Record:
    return {STORED[name]: value for name, value in as_map(row).items() if name in STORED}


@rest("crm.item.productrow.list", case="exact")
def row_list(core: Core, params: dict[str, Any]) -> Page:
    condition = as_map(params.get("filter"))
    if "=ownerType" not in condition or "=ownerId" not in condition:
        raise RestError(
            400, "INVALID_ARG_VALUE", "Filter must contain the fields '=ownerType' and '=ownerId'"
        )
    page = select_rows(core, "productrow", ROW_TYPES, params, ROW_LIST, rename=STORED)
    return Page({"productRows": [show_row(row) for row in page.result]}, page.total, page.next)


@rest("crm.item.productrow.set", case="exact")
def row_set(core: Core, params: dict[str, Any]) -> Record:
    entity, number = _owner(core, required(params, "ownerType"), required(params, "ownerId"))
    replace_rows(core, entity, number, [_stored(row) for row in as_list(required(params, "productRows"))])
    return {"productRows": [show_row(row) for row in rows_of(core, entity, number)]}


@rest("crm.item.productrow.add", case="exact")
def row_add(core: Core, params: dict[str, Any]) -> Record:
    given = _stored(required(params, "fields"))
    entity, owner_id = _owner(core, given.get("OWNER_TYPE"), given.get("OWNER_ID"))
    number = core.store.new_id("productrow")
    row = build_row(core, (entity.code, owner_id), given, number, len(rows_of(core, entity, owner_id)) + 1)
    core.store.put("productrow", number, row)
    recount(core, entity, owner_id)
    return {"productRow": show_row(row)}


def _row(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("productrow", php_int(required(params, "id")))
    if row is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return row


@rest("crm.item.productrow.get", case="exact")
def row_get(core: Core, params: dict[str, Any]) -> Record:
    return {"productRow": show_row(_row(core, params))}


@rest("crm.item.productrow.update", case="exact")
def row_update(core: Core, params: dict[str, Any]) -> Record:
    """Derived prices that are not given are computed anew."""
    old = _row(core, params)
    derived = ("PRICE_EXCLUSIVE", "PRICE_NETTO", "PRICE_BRUTTO", "PRICE_ACCOUNT")
    kept = {name: value for name, value in old.items() if name not in derived}
    if old["DISCOUNT_TYPE_ID"] != ABSOLUTE:
        kept.pop("DISCOUNT_SUM", None)
    owner = (old["OWNER_TYPE"], old["OWNER_ID"])
    row = build_row(core, owner, {**kept, **_stored(required(params, "fields"))}, old["ID"], 1)
    core.store.put("productrow", old["ID"], row)
    recount(core, BY_CODE[owner[0]], owner[1])
    return {"productRow": show_row(row)}


@rest("crm.item.productrow.delete", case="exact")
def row_delete(core: Core, params: dict[str, Any]) -> None:
    row = _row(core, params)
    core.store.drop("productrow", row["ID"])
    recount(core, BY_CODE[row["OWNER_TYPE"]], row["OWNER_ID"], emptied=True)


@rest("crm.item.productrow.fields", case="exact")
def row_fields(core: Core, params: dict[str, Any]) -> Record:
    names = {
        CAMEL[name]: {"type": kind, "isReadOnly": name == "ID", "upperName": name}
        for name, kind in ROW_TYPES.items()
    }
    return {"fields": names}


@rest("crm.productrow.fields")
def old_row_fields(core: Core, params: dict[str, Any]) -> Record:
    return {name: {"type": kind, "isReadOnly": name == "ID"} for name, kind in ROW_TYPES.items()}


@rest("crm.productrow.list")
def old_row_list(core: Core, params: dict[str, Any]) -> Page:
    page = select_rows(core, "productrow", ROW_TYPES, params, PLAIN)
    return Page([show_old_row(row) for row in page.result], page.total, page.next)
