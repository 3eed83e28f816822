"""catalog.* without the products themselves: prices, sections, units, rates of VAT, catalogues.

Records are stored under the camel-case names of catalog.*; refusals carry numbers instead of words
(bitrix24 §4.6).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from etl.sandbox.portal.core import Core, bound, rest
from etl.sandbox.portal.fields import json_number
from etl.sandbox.portal.lists.conditions import PLAIN
from etl.sandbox.portal.lists.query import named_page, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, RestError, as_list, as_map, php_int

PROPERTY = "property"
NO_PRODUCT = 200040300040


def _types(text: str) -> dict[str, str]:
    """`id:integer name:string` as a map."""
    types = {}
    for item in text.split():
        name, _, kind = item.partition(":")
        types[name] = kind
    return types


PRODUCT = _types(
    """id:integer iblockId:integer name:string xmlId:string code:string active:char iblockSectionId:integer
    type:integer measure:integer vatId:integer vatIncluded:char weight:double quantity:double
    quantityTrace:string purchasingPrice:double purchasingCurrency:string available:char sort:integer
    detailText:string previewText:string createdBy:integer modifiedBy:integer dateCreate:datetime
    timestampX:datetime parentId:integer"""
)
PRICE = _types(
    """id:integer productId:integer catalogGroupId:integer price:double currency:string quantityFrom:integer
    quantityTo:integer extraId:integer priceScale:double timestampX:datetime"""
)
SECTION = _types(
    """id:integer iblockId:integer iblockSectionId:integer name:string xmlId:string code:string sort:integer
    active:char"""
)
MEASURE = _types(
    """id:integer code:integer isDefault:char measureTitle:string symbol:string symbolIntl:string
    symbolLetterIntl:string"""
)
VAT = _types("id:integer name:string rate:double active:char sort:integer excludeVat:char")
PRICE_TYPE = _types("id:integer name:string base:char xmlId:string sort:integer")
CATALOGS = _types(
    """iblockId:integer id:integer name:string productIblockId:integer skuPropertyId:integer vatId:integer
    iblockTypeId:string"""
)
READ_ONLY = ("id", "dateCreate", "timestampX", "createdBy", "modifiedBy", "available", "priceScale")

catalog_method = partial(rest, scope="catalog", case="exact")


def denied(code: int, text: str) -> RestError:
    """A refusal of catalog.*."""
    return RestError(400, code, text)


def show(types: dict[str, str], row: Record, names: Iterable[str]) -> Record:
    """These fields of the record; numbers are numbers."""
    shown: Record = {}
    for name in names:
        value = row.get(name)
        if types.get(name) == "double" and value is not None:
            value = json_number(value)
        shown[name] = value
    return shown


def show_all(types: dict[str, str], row: Record) -> Record:
    """All fields of the record, its properties too."""
    properties = [name for name in row if name.startswith(PROPERTY)]
    return show(types, row, [*types, *properties])


def cleaned(core: Core, types: dict[str, str], given: Params) -> Record:
    """The writable fields and properties in their stored form; unknown names are dropped silently."""
    values: Record = {}
    for name, value in given.items():
        if name in types and name not in READ_ONLY:
            values[name] = core.clean(types[name], value)
        elif is_property(name):
            values[name] = value if isinstance(value, (dict, list)) else {"value": value, "valueId": None}
    return values


def is_property(name: str) -> bool:
    """`property97`"""
    return name.startswith(PROPERTY) and name.removeprefix(PROPERTY).isdigit()


def needed(params: Params, name: str) -> Any:
    """A parameter that must be there. Raises RestError."""
    if params.get(name) is None:
        raise denied(100, f"Could not find value for parameter {{{name}}}")
    return params[name]


def needed_map(params: Params, name: str) -> Params:
    """The same for a map of fields."""
    return as_map(needed(params, name))


def existing(core: Core, table: str, params: Params) -> Record:
    """The record that `id` names. Raises RestError."""
    row = core.store.get(table, php_int(needed(params, "id")))
    if row is None:
        raise denied(NO_PRODUCT, f"{table} does not exist.")
    return row


def _list(core: Core, table: str, types: dict[str, str], many: str, params: Params) -> Page:
    """catalog.*.list of a simple table."""
    key = "iblockId" if table == "catalog" else "id"
    page = select_rows(core, table, types, params, PLAIN, id_field=key)
    asked = [str(name) for name in as_list(params.get("select"))]
    names = [name for name in asked if name in types] or list(types)
    return named_page(page, many, lambda row: show(types, row, names))


def _get(core: Core, table: str, types: dict[str, str], one: str, params: Params) -> Record:
    """catalog.*.get of a simple table."""
    return {one: show_all(types, existing(core, table, params))}


def _register(name: str, table: str, types: dict[str, str]) -> None:
    """Both reading methods of a simple table; the key of many is the key of one with an s."""
    many = f"{name}s"
    catalog_method(f"catalog.{name}.list")(bound(_list, table, types, many))
    catalog_method(f"catalog.{name}.get")(bound(_get, table, types, name))


_register("catalog", "catalog", CATALOGS)
_register("price", "price", PRICE)
_register("priceType", "price_type", PRICE_TYPE)
_register("measure", "measure", MEASURE)
_register("vat", "vat", VAT)
_register("section", "section", SECTION)


@catalog_method("catalog.section.add")
def section_add(core: Core, params: Params) -> Record:
    """A new section of a catalogue that exists."""
    given = needed_map(params, "fields")
    catalog = core.store.get("catalog", php_int(given.get("iblockId")))
    if not given.get("name") or catalog is None:
        raise denied(100, "Required fields: name, iblockId")
    number = core.store.new_id("section")
    record = {"active": "Y", "sort": 500, **cleaned(core, SECTION, given), "id": number}
    core.store.put("section", number, record)
    return {"section": show_all(SECTION, record)}


def put_price(core: Core, number: int | None, given: Params) -> Record:
    """The price `number`, or a new one, with these fields; gives the record."""
    number = number or core.store.new_id("price")
    old = core.store.get("price", number) or {}
    record = {**old, **cleaned(core, PRICE, given), "id": number, "timestampX": core.stamp()}
    record["priceScale"] = record.get("price")
    core.store.put("price", number, record)
    return record


def prices_of(core: Core, product_id: int) -> list[Record]:
    """All prices of a product."""
    return core.store.find("price", "productId", product_id)


@catalog_method("catalog.price.add")
def price_add(core: Core, params: Params) -> Record:
    """A price of a type that the product does not have a price of."""
    given = needed_map(params, "fields")
    for name in ("productId", "catalogGroupId", "price", "currency"):
        if given.get(name) in (None, ""):
            raise denied(100, f"Required fields: {name}")
    product = core.store.get("product", php_int(given["productId"]))
    if product is None:
        raise denied(NO_PRODUCT, "product does not exist.")
    group = php_int(given["catalogGroupId"])
    taken = [row["catalogGroupId"] for row in prices_of(core, product["id"])]
    if group in taken:
        raise denied(0, "A product can have only single price of one price type.")
    return {"price": show_all(PRICE, put_price(core, None, given))}


@catalog_method("catalog.price.update")
def price_update(core: Core, params: Params) -> Record:
    """Changes the given fields of a price."""
    old = existing(core, "price", params)
    record = put_price(core, old["id"], needed_map(params, "fields"))
    return {"price": show_all(PRICE, record)}


@catalog_method("catalog.price.delete")
def price_delete(core: Core, params: Params) -> bool:
    """A price goes."""
    row = existing(core, "price", params)
    core.store.drop("price", row["id"])
    return True


@catalog_method("catalog.price.modify")
def price_modify(core: Core, params: Params) -> Record:
    """All prices of a product at once; prices that are not listed are deleted."""
    product = as_map(needed_map(params, "fields").get("product"))
    number = php_int(product.get("id"))
    if core.store.get("product", number) is None:
        raise denied(NO_PRODUCT, "product does not exist.")
    given = [as_map(item) for item in as_list(product.get("prices"))]
    kept = {php_int(item.get("id")) for item in given}
    for row in prices_of(core, number):
        if row["id"] not in kept:
            core.store.drop("price", row["id"])
    shown = []
    for item in given:
        price_id = php_int(item.get("id")) or None
        record = put_price(core, price_id, {**item, "productId": number})
        shown.append(show_all(PRICE, record))
    return {"prices": shown}
