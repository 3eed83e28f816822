"""The old flat methods of the catalogue: crm.product.* and the lists of measures, rates and sections.

They show the same products as catalog.*, under upper-case names, with the base price as one more field.
"""

from __future__ import annotations

from decimal import Decimal

from etl.sandbox.portal.core import Core, bound, rest
from etl.sandbox.portal.lists.query import select_rows
from etl.sandbox.portal.methods.catalog import PRODUCT, PROPERTY, prices_of, put_price
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.methods.products import (
    CATALOG,
    SIMPLE,
    add_product,
    delete_product,
    update_product,
)
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, as_list, old_error

#: name here -> name in catalog.*
NAMES = {
    "ID": "id",
    "NAME": "name",
    "CODE": "code",
    "ACTIVE": "active",
    "SORT": "sort",
    "XML_ID": "xmlId",
    "SECTION_ID": "iblockSectionId",
    "CATALOG_ID": "iblockId",
    "MEASURE": "measure",
    "VAT_ID": "vatId",
    "VAT_INCLUDED": "vatIncluded",
    "DESCRIPTION": "detailText",
    "DATE_CREATE": "dateCreate",
    "TIMESTAMP_X": "timestampX",
    "CREATED_BY": "createdBy",
    "MODIFIED_BY": "modifiedBy",
}


def _base_type(core: Core) -> int:
    """The price type that crm.product.* calls the price."""
    for row in core.store.all("price_type"):
        if row.get("base") == "Y":
            return int(row["id"])
    return 1


def _base_price(core: Core, product_id: int) -> Record:
    base = _base_type(core)
    for row in prices_of(core, product_id):
        if row["catalogGroupId"] == base:
            return row
    return {}


def _main_catalog(core: Core) -> int:
    """The catalogue of products; the others hold their offers."""
    for row in core.store.all("catalog"):
        if not row.get("productIblockId"):
            return int(row["iblockId"])
    return 0


def _show(core: Core, row: Record) -> Record:
    """A product under upper-case names, all values as text, with its base price and properties."""
    shown = {name: _text(row.get(stored)) for name, stored in NAMES.items()}
    price = _base_price(core, row["id"])
    value = price.get("price")
    shown["PRICE"] = None if value is None else f"{Decimal(value):.2f}"
    shown["CURRENCY_ID"] = price.get("currency")
    for name, stored in row.items():
        if name.startswith(PROPERTY):
            shown[f"PROPERTY_{name.removeprefix(PROPERTY)}"] = stored
    return shown


def _text(value: object) -> str | None:
    """Absence stays absence."""
    return None if value is None else str(value)


def _given(fields: Params) -> Params:
    """The fields under the names of catalog.*."""
    return {NAMES[name]: value for name, value in fields.items() if name in NAMES}


def _set_price(core: Core, product_id: int, fields: Params) -> None:
    """The base price of the product, where one is given."""
    if fields.get("PRICE") in (None, ""):
        return
    present = _base_price(core, product_id)
    given = {
        "productId": product_id,
        "catalogGroupId": _base_type(core),
        "price": fields["PRICE"],
        "currency": fields.get("CURRENCY_ID") or present.get("currency") or "RUB",
    }
    put_price(core, present.get("id"), given)


def _existing(core: Core, params: Params) -> Record:
    """The product that `id` names. Raises RestError."""
    row = core.store.get("product", item_id(params))
    if row is None:
        raise old_error("Product is not found.")
    return row


@rest("crm.product.list")
def product_list(core: Core, params: Params) -> Page:
    """One page of products, all fields or the ones selected."""
    page = select_rows(core, "product", PRODUCT, params, CATALOG, id_field="id", rename=NAMES)
    rows = [_show(core, row) for row in page.result]
    wanted = {str(name).upper() for name in as_list(params.get("select"))}
    if wanted and "*" not in wanted:
        rows = [_part(row, wanted | {"ID"}) for row in rows]
    return Page(rows, page.total, page.next)


def _part(row: Record, names: set[str]) -> Record:
    """Only these fields of a record."""
    return {name: value for name, value in row.items() if name in names}


@rest("crm.product.get")
def product_get(core: Core, params: Params) -> Record:
    """One product."""
    return _show(core, _existing(core, params))


@rest("crm.product.add")
def product_add(core: Core, params: Params) -> int:
    """A new product of the main catalogue; gives its id."""
    fields = array(params, "fields")
    if not fields.get("NAME"):
        raise old_error("Product name is required.")
    given = {"iblockId": _main_catalog(core), **_given(fields)}
    row = add_product(core, given, SIMPLE)
    _set_price(core, row["id"], fields)
    return int(row["id"])


@rest("crm.product.update")
def product_update(core: Core, params: Params) -> bool:
    """Changes the given fields, the price among them."""
    row = _existing(core, params)
    fields = array(params, "fields")
    update_product(core, row, _given(fields))
    _set_price(core, row["id"], fields)
    return True


@rest("crm.product.delete")
def product_delete(core: Core, params: Params) -> bool:
    """A product goes with its prices."""
    row = _existing(core, params)
    delete_product(core, row["id"])
    return True


def _list(core: Core, table: str, params: Params) -> Page:
    """A small dictionary in one page, everything as text."""
    rows = [_upper(row) for row in core.store.all(table)]
    return Page(rows, len(rows))


def _upper(row: Record) -> Record:
    """A record of a dictionary as text."""
    return {name.upper(): str(value) for name, value in row.items()}


rest("crm.measure.list")(bound(_list, "measure"))
rest("crm.vat.list")(bound(_list, "vat"))
rest("crm.productsection.list")(bound(_list, "section"))
