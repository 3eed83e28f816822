"""Products of the catalogue: catalog.product.* and its variants (offers, services, products with offers)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from etl.sandbox.portal.core import Core, bound
from etl.sandbox.portal.lists.conditions import Family
from etl.sandbox.portal.lists.query import named_page, select_rows
from etl.sandbox.portal.methods.catalog import (
    PRODUCT,
    PROPERTY,
    catalog_method,
    cleaned,
    denied,
    existing,
    needed_map,
    prices_of,
    show,
    show_all,
)
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, as_list, as_map, php_int

CATALOG = Family(floored=False, shuffled=True)
SIMPLE = 1
#: variant -> (product type, prefix of its methods, key of one, key of one changed, key of many)
VARIANTS = {
    "product": (SIMPLE, "catalog.product", "product", "element", "products"),
    "offer": (4, "catalog.product.offer", "offer", "offer", "offers"),
    "sku": (3, "catalog.product.sku", "sku", "sku", "units"),
    "service": (7, "catalog.product.service", "service", "service", "services"),
}


def _list(core: Core, kind: int, many: str, params: Params) -> Page:
    """Needs `id` and `iblockId` in `select` and `iblockId` in `filter`; `@` does not work here.

    So does the real portal (bitrix24 §4.6).
    """
    select = [str(name) for name in as_list(params.get("select"))]
    if "*" not in select and not {"id", "iblockId"} <= set(select):
        raise denied(0, "Required select fields: id, iblockId")
    condition = _condition(params.get("filter"), kind)
    page = select_rows(core, "product", PRODUCT, {**params, "filter": condition}, CATALOG, id_field="id")
    names = _names(select)
    return named_page(page, many, lambda row: show(PRODUCT, row, names))


def _condition(given: Any, kind: int) -> Params:
    """The filter as it is understood. Raises RestError where it does not name the catalogue."""
    condition = {name: value for name, value in as_map(given).items() if not name.startswith("@")}
    if "iblockId" not in {name.lstrip("=") for name in condition}:
        raise denied(0, "Required filter fields: iblockId")
    if kind != SIMPLE:
        condition["=type"] = kind
    return condition


def _names(select: list[str]) -> list[str]:
    """The fields to show; properties only where they are named."""
    if "*" in select:
        return list(PRODUCT)
    return [name for name in select if name in PRODUCT or name.startswith(PROPERTY)]


def _show(row: Record) -> Record:
    """Single products show the purchasing price as text with six digits, lists as a number."""
    shown = show_all(PRODUCT, row)
    if row.get("purchasingPrice") is not None:
        shown["purchasingPrice"] = f"{Decimal(row['purchasingPrice']):.6f}"
    return shown


def _get(core: Core, one: str, params: Params) -> Record:
    """catalog.product.get and its variants: one product."""
    return {one: _show(existing(core, "product", params))}


def _add(core: Core, kind: int, changed: str, params: Params) -> Record:
    """catalog.product.add and its variants: needs a name and a catalogue that exists."""
    given = needed_map(params, "fields")
    if not given.get("name") or not given.get("iblockId"):
        raise denied(100, "Required fields: name, iblockId")
    if core.store.get("catalog", php_int(given["iblockId"])) is None:
        raise denied(200040300000, "The specified iblock is not a product catalog")
    return {changed: _show(add_product(core, given, kind))}


def _update(core: Core, changed: str, params: Params) -> Record:
    """catalog.product.update and its variants: the given fields only."""
    old = existing(core, "product", params)
    return {changed: _show(update_product(core, old, needed_map(params, "fields")))}


def _delete(core: Core, params: Params) -> bool:
    """catalog.product.delete and its variants: prices go too."""
    row = existing(core, "product", params)
    delete_product(core, row["id"])
    return True


@catalog_method("catalog.document.mode.status")
def mode_status(core: Core, params: Params) -> str:
    """Whether the portal keeps stock: Y or N."""
    del params
    return str(core.settings["inventory"])


def add_product(core: Core, given: Params, kind: int) -> Record:
    """A new product of this type with the portal's defaults; gives the record."""
    number = core.store.new_id("product")
    stamp = core.stamp()
    record: Record = {
        "active": "Y",
        "type": kind,
        "measure": _default_measure(core),
        "vatIncluded": "N",
        "quantityTrace": "D",
        "available": "Y",
        "sort": 500,
        **_writable(core, given),
        "id": number,
        "createdBy": core.user_id,
        "modifiedBy": core.user_id,
        "dateCreate": stamp,
        "timestampX": stamp,
    }
    core.store.put("product", number, record)
    return record


def _writable(core: Core, given: Params) -> Record:
    """The fields that are taken; where the portal keeps stock, its documents make the purchasing price."""
    values = cleaned(core, PRODUCT, given)
    if core.settings["inventory"] == "Y":
        values.pop("purchasingPrice", None)
        values.pop("purchasingCurrency", None)
    return values


def _default_measure(core: Core) -> int | None:
    """The unit of a product that names none."""
    for row in core.store.all("measure"):
        if row.get("isDefault") == "Y":
            return int(row["id"])
    return None


def update_product(core: Core, old: Record, given: Params) -> Record:
    """The product with these fields changed; a write that changes nothing leaves its stamp alone."""
    changed = old | _writable(core, given)
    if changed != old:
        changed |= {"timestampX": core.stamp(), "modifiedBy": core.user_id}
        core.store.put("product", old["id"], changed)
    return changed


def delete_product(core: Core, number: int) -> None:
    """The product goes with its prices."""
    for price in prices_of(core, number):
        core.store.drop("price", price["id"])
    core.store.drop("product", number)


def _register(kind: int, prefix: str, one: str, changed: str, many: str) -> None:
    """The five methods of one variant."""
    catalog_method(f"{prefix}.list")(bound(_list, kind, many))
    catalog_method(f"{prefix}.get")(bound(_get, one))
    catalog_method(f"{prefix}.add")(bound(_add, kind, changed))
    catalog_method(f"{prefix}.update")(bound(_update, changed))
    catalog_method(f"{prefix}.delete")(_delete)


for _variant in VARIANTS.values():
    _register(*_variant)
