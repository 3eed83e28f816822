"""The product catalogue: catalog.* and the old flat crm.product.*, crm.measure.*, crm.vat.*.

Records are stored under the camel-case names of catalog.*; refusals carry numbers instead of words.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.fields import json_number
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.query import PLAIN, Family, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, old_error, php_int

CATALOG = Family(floored=False, shuffled=True)


def _types(text: str) -> dict[str, str]:
    return dict(item.split(":") for item in text.split())


PRODUCT = _types(
    """id:integer iblockId:integer name:string xmlId:string code:string active:char iblockSectionId:integer type:integer
    measure:integer vatId:integer vatIncluded:char weight:double quantity:double quantityTrace:string
    purchasingPrice:double purchasingCurrency:string available:char sort:integer detailText:string previewText:string
    createdBy:integer modifiedBy:integer dateCreate:datetime timestampX:datetime parentId:integer"""
)
PRICE = _types(
    """id:integer productId:integer catalogGroupId:integer price:double currency:string quantityFrom:integer
    quantityTo:integer extraId:integer priceScale:double timestampX:datetime"""
)
SECTION = _types(
    "id:integer iblockId:integer iblockSectionId:integer name:string xmlId:string code:string sort:integer active:char"
)
MEASURE = _types(
    "id:integer code:integer isDefault:char measureTitle:string symbol:string symbolIntl:string symbolLetterIntl:string"
)
VAT = _types("id:integer name:string rate:double active:char sort:integer excludeVat:char")
PRICE_TYPE = _types("id:integer name:string base:char xmlId:string sort:integer")
CATALOGS = _types(
    "iblockId:integer id:integer name:string productIblockId:integer skuPropertyId:integer vatId:integer iblockTypeId:string"
)
READ_ONLY = ("id", "dateCreate", "timestampX", "createdBy", "modifiedBy", "available", "priceScale")
VARIANTS = {  # method family: (product type, key of one, key of many)
    "product": (1, "product", "products"),
    "offer": (4, "offer", "offers"),
    "sku": (3, "sku", "units"),
    "service": (7, "service", "services"),
}


def denied(code: int, text: str, status: int = 400) -> RestError:
    return RestError(status, code, text)


def _show(types: dict[str, str], row: Record, names: list[str] | None = None) -> Record:
    shown: Record = {}
    for name in names or [*types, *(key for key in row if key.startswith("property"))]:
        value = row.get(name)
        shown[name] = json_number(value) if types.get(name) == "double" and value is not None else value
    return shown


def _clean(core: Core, types: dict[str, str], given: dict[str, Any]) -> Record:
    values: Record = {}
    for name, value in given.items():
        if name in types and name not in READ_ONLY:
            values[name] = core.clean(types[name], value)
        elif name.startswith("property") and name[8:].isdigit():
            values[name] = value if isinstance(value, (dict, list)) else {"value": value, "valueId": None}
    return values


def _required(params: dict[str, Any], name: str) -> Any:
    if params.get(name) is None:
        raise RestError(400, 100, f"Could not find value for parameter {{{name}}}")
    return params[name]


def _one(core: Core, table: str, params: dict[str, Any], code: int = 200040300040) -> Record:
    row = core.store.get(table, php_int(_required(params, "id")))
    if row is None:
        raise denied(code, f"{table} does not exist.")
    return row


def _simple_list(core: Core, table: str, types: dict[str, str], key: str, params: dict[str, Any]) -> Page:
    page = select_rows(core, table, types, params, PLAIN, id_field="iblockId" if table == "catalog" else "id")
    names = [str(name) for name in as_list(params.get("select")) if str(name) in types] or list(types)
    return Page({key: [_show(types, row, names) for row in page.result]}, page.total, page.next)


def _product_list(core: Core, kind: int, key: str, params: dict[str, Any]) -> Page:
    """Needs `id` and `iblockId` in `select` and `iblockId` in `filter`; `@` does not work here."""
    select = [str(name) for name in as_list(params.get("select"))]
    if "*" not in select and not {"id", "iblockId"} <= set(select):
        raise denied(0, "Required select fields: id, iblockId")
    condition = {
        name: value for name, value in as_map(params.get("filter")).items() if not name.startswith("@")
    }
    if not any(name.lstrip("=") == "iblockId" for name in condition):
        raise denied(0, "Required filter fields: iblockId")
    if kind != 1:
        condition["=type"] = kind
    types = dict(PRODUCT)
    page = select_rows(core, "product", types, {**params, "filter": condition}, CATALOG, id_field="id")
    names = (
        list(PRODUCT)
        if "*" in select
        else [name for name in select if name in PRODUCT or name.startswith("property")]
    )
    return Page({key: [_show(PRODUCT, row, names) for row in page.result]}, page.total, page.next)


def _show_element(row: Record) -> Record:
    """Single products show the purchasing price as text with six digits, lists as a number."""
    shown = _show(PRODUCT, row)
    if row.get("purchasingPrice") is not None:
        shown["purchasingPrice"] = f"{Decimal(row['purchasingPrice']):.6f}"
    return shown


def add_product(core: Core, given: dict[str, Any], kind: int) -> Record:
    number = core.store.new_id("product")
    stamp = core.stamp()
    record: Record = {
        "active": "Y", "type": kind, "measure": _default_measure(core), "vatIncluded": "N", "quantityTrace": "D",
        "available": "Y", "sort": 500, **_clean(core, PRODUCT, given), "id": number, "createdBy": core.user_id,
        "modifiedBy": core.user_id, "dateCreate": stamp, "timestampX": stamp,
    }  # fmt: skip
    core.store.put("product", number, record)
    return record


def _default_measure(core: Core) -> int | None:
    return next((row["id"] for row in core.store.all("measure") if row.get("isDefault") == "Y"), None)


def _product_add(core: Core, kind: int, params: dict[str, Any]) -> Record:
    given = as_map(_required(params, "fields"))
    if not given.get("name") or not given.get("iblockId"):
        raise denied(100, "Required fields: name, iblockId")
    if core.store.get("catalog", php_int(given["iblockId"])) is None:
        raise denied(200040300000, "The specified iblock is not a product catalog")
    return add_product(core, given, kind)


def _product_update(core: Core, params: dict[str, Any]) -> Record:
    old = _one(core, "product", params)
    changed = old | _clean(core, PRODUCT, as_map(_required(params, "fields")))
    if changed != old:
        changed |= {"timestampX": core.stamp(), "modifiedBy": core.user_id}
        core.store.put("product", old["id"], changed)
    return changed


def _delete_product(core: Core, number: int) -> None:
    for price in core.store.find("price", "productId", number):
        core.store.drop("price", price["id"])
    core.store.drop("product", number)


def _register_variant(family: str) -> None:
    kind, one, many = VARIANTS[family]
    element = "element" if family == "product" else one
    prefix = f"catalog.product.{family}" if family != "product" else "catalog.product"

    def call(name: str, handler: Any) -> None:
        rest(f"{prefix}.{name}", scope="catalog", case="exact")(handler)

    def remove(core: Core, params: dict[str, Any]) -> bool:
        _delete_product(core, _one(core, "product", params)["id"])
        return True

    call("list", lambda core, params: _product_list(core, kind, many, params))
    call("get", lambda core, params: {one: _show_element(_one(core, "product", params))})
    call("add", lambda core, params: {element: _show_element(_product_add(core, kind, params))})
    call("update", lambda core, params: {element: _show_element(_product_update(core, params))})
    call("delete", remove)


for _family in VARIANTS:
    _register_variant(_family)


def _register_list(name: str, table: str, types: dict[str, str], one: str, many: str) -> None:
    @rest(f"catalog.{name}.list", scope="catalog", case="exact")
    def listing(core: Core, params: dict[str, Any]) -> Page:
        return _simple_list(core, table, types, many, params)

    @rest(f"catalog.{name}.get", scope="catalog", case="exact")
    def single(core: Core, params: dict[str, Any]) -> Record:
        return {one: _show(types, _one(core, table, params))}


_register_list("catalog", "catalog", CATALOGS, "catalog", "catalogs")
_register_list("price", "price", PRICE, "price", "prices")
_register_list("priceType", "price_type", PRICE_TYPE, "priceType", "priceTypes")
_register_list("measure", "measure", MEASURE, "measure", "measures")
_register_list("vat", "vat", VAT, "vat", "vats")
_register_list("section", "section", SECTION, "section", "sections")


@rest("catalog.section.add", scope="catalog", case="exact")
def section_add(core: Core, params: dict[str, Any]) -> Record:
    given = as_map(_required(params, "fields"))
    if not given.get("name") or core.store.get("catalog", php_int(given.get("iblockId"))) is None:
        raise denied(100, "Required fields: name, iblockId")
    number = core.store.new_id("section")
    record = {"active": "Y", "sort": 500, **_clean(core, SECTION, given), "id": number}
    core.store.put("section", number, record)
    return {"section": _show(SECTION, record)}


def put_price(core: Core, number: int | None, given: dict[str, Any]) -> Record:
    number = number or core.store.new_id("price")
    old = core.store.get("price", number) or {}
    record = {**old, **_clean(core, PRICE, given), "id": number, "timestampX": core.stamp()}
    record["priceScale"] = record.get("price")
    core.store.put("price", number, record)
    return record


def prices_of(core: Core, product_id: int) -> list[Record]:
    return core.store.find("price", "productId", product_id)


@rest("catalog.price.add", scope="catalog", case="exact")
def price_add(core: Core, params: dict[str, Any]) -> Record:
    given = as_map(_required(params, "fields"))
    for name in ("productId", "catalogGroupId", "price", "currency"):
        if given.get(name) in (None, ""):
            raise denied(100, f"Required fields: {name}")
    product = core.store.get("product", php_int(given["productId"]))
    if product is None:
        raise denied(200040300040, "product does not exist.")
    group = php_int(given["catalogGroupId"])
    if any(row["catalogGroupId"] == group for row in prices_of(core, product["id"])):
        raise denied(0, "A product can have only single price of one price type.")
    return {"price": _show(PRICE, put_price(core, None, given))}


@rest("catalog.price.update", scope="catalog", case="exact")
def price_update(core: Core, params: dict[str, Any]) -> Record:
    old = _one(core, "price", params)
    return {"price": _show(PRICE, put_price(core, old["id"], as_map(_required(params, "fields"))))}


@rest("catalog.price.delete", scope="catalog", case="exact")
def price_delete(core: Core, params: dict[str, Any]) -> bool:
    core.store.drop("price", _one(core, "price", params)["id"])
    return True


@rest("catalog.price.modify", scope="catalog", case="exact")
def price_modify(core: Core, params: dict[str, Any]) -> Record:
    """Prices that are not listed are deleted."""
    product = as_map(as_map(_required(params, "fields")).get("product"))
    number = php_int(product.get("id"))
    if core.store.get("product", number) is None:
        raise denied(200040300040, "product does not exist.")
    given = [as_map(item) for item in as_list(product.get("prices"))]
    kept = {php_int(item.get("id")) for item in given}
    for row in prices_of(core, number):
        if row["id"] not in kept:
            core.store.drop("price", row["id"])
    rows = [put_price(core, php_int(item.get("id")) or None, {**item, "productId": number}) for item in given]
    return {"prices": [_show(PRICE, row) for row in rows]}


OLD_PRODUCT = {
    "ID": "id", "NAME": "name", "CODE": "code", "ACTIVE": "active", "SORT": "sort", "XML_ID": "xmlId",
    "SECTION_ID": "iblockSectionId", "CATALOG_ID": "iblockId", "MEASURE": "measure", "VAT_ID": "vatId",
    "VAT_INCLUDED": "vatIncluded", "DESCRIPTION": "detailText", "DATE_CREATE": "dateCreate",
    "TIMESTAMP_X": "timestampX", "CREATED_BY": "createdBy", "MODIFIED_BY": "modifiedBy",
}  # fmt: skip


def _base_price(core: Core, product_id: int) -> Record:
    base = next((row["id"] for row in core.store.all("price_type") if row.get("base") == "Y"), 1)
    return next((row for row in prices_of(core, product_id) if row["catalogGroupId"] == base), {})


def _show_old(core: Core, row: Record) -> Record:
    price = _base_price(core, row["id"])
    shown = {old: None if row.get(new) is None else str(row[new]) for old, new in OLD_PRODUCT.items()}
    value = price.get("price")
    shown |= {
        "PRICE": None if value is None else f"{Decimal(value):.2f}",
        "CURRENCY_ID": price.get("currency"),
    }
    shown |= {f"PROPERTY_{key[8:]}": value for key, value in row.items() if key.startswith("property")}
    return shown


def _main_catalog(core: Core) -> int:
    return next((row["iblockId"] for row in core.store.all("catalog") if not row.get("productIblockId")), 0)


def _set_old_price(core: Core, product_id: int, fields: dict[str, Any]) -> None:
    if fields.get("PRICE") in (None, ""):
        return
    present = _base_price(core, product_id)
    base = next((row["id"] for row in core.store.all("price_type") if row.get("base") == "Y"), 1)
    currency = fields.get("CURRENCY_ID") or present.get("currency") or "RUB"
    given = {"productId": product_id, "catalogGroupId": base, "price": fields["PRICE"], "currency": currency}
    put_price(core, present.get("id"), given)


@rest("crm.product.list")
def old_product_list(core: Core, params: dict[str, Any]) -> Page:
    page = select_rows(core, "product", PRODUCT, params, CATALOG, id_field="id", rename=OLD_PRODUCT)
    rows = [_show_old(core, row) for row in page.result]
    wanted = {str(name).upper() for name in as_list(params.get("select"))}
    if wanted and "*" not in wanted:
        rows = [{name: value for name, value in row.items() if name in wanted | {"ID"}} for row in rows]
    return Page(rows, page.total, page.next)


def _old_product(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("product", item_id(params))
    if row is None:
        raise old_error("Product is not found.")
    return row


@rest("crm.product.get")
def old_product_get(core: Core, params: dict[str, Any]) -> Record:
    return _show_old(core, _old_product(core, params))


@rest("crm.product.add")
def old_product_add(core: Core, params: dict[str, Any]) -> int:
    fields = array(params, "fields")
    if not fields.get("NAME"):
        raise old_error("Product name is required.")
    given = {OLD_PRODUCT[name]: value for name, value in fields.items() if name in OLD_PRODUCT}
    row = add_product(core, {"iblockId": _main_catalog(core), **given}, 1)
    _set_old_price(core, row["id"], fields)
    return int(row["id"])


@rest("crm.product.update")
def old_product_update(core: Core, params: dict[str, Any]) -> bool:
    row = _old_product(core, params)
    fields = array(params, "fields")
    given = {OLD_PRODUCT[name]: value for name, value in fields.items() if name in OLD_PRODUCT}
    _product_update(core, {"id": row["id"], "fields": given})
    _set_old_price(core, row["id"], fields)
    return True


@rest("crm.product.delete")
def old_product_delete(core: Core, params: dict[str, Any]) -> bool:
    _delete_product(core, _old_product(core, params)["id"])
    return True


def _register_old_list(name: str, table: str) -> None:
    @rest(f"crm.{name}.list")
    def listing(core: Core, params: dict[str, Any]) -> Page:
        rows = [{key.upper(): str(value) for key, value in row.items()} for row in core.store.all(table)]
        return Page(rows, len(rows))


_register_old_list("measure", "measure")
_register_old_list("vat", "vat")
_register_old_list("productsection", "section")
