"""The portal's catalogue -> products, prices and price types. Facts: reference bitrix24 §4.6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from etl import tables
from etl.bitrix24 import catalogue, values
from etl.bitrix24.calls import by_text
from etl.bitrix24.client import Client
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import every, paged
from etl.config.profile import Profile
from etl.records import Price, PriceType, Product

if TYPE_CHECKING:
    import pandas as pd

#: Price type under which the purchasing price of the portal (a field of the product) stands in our tables.
PURCHASING = "purchasing"
_PARENT_OF_VARIATIONS, _SERVICE = 3, 7


def products(client: Client, profile: Profile | None = None) -> dict[str, pd.DataFrame]:
    """Tables products, prices and price_types of all catalogues; product rows refer to these ids.

    A parent of variations is left out (its variations are there). `extra` holds xml_id, iblock and
    vat_included (Y, N). The purchasing price is a price of type `purchasing`. `profile` may map columns to
    properties: [entities.products.fields] article = "property98". Raises TryLater, ConfigError.
    """
    properties = catalogue.properties(profile)
    measures = by_text(paged(client, "catalog.measure.list", {}, "measures"), "id")
    vats = by_text(paged(client, "catalog.vat.list", {}, "vats"), "id")
    rows = sorted(_listed(client, properties), key=lambda row: int(row["id"]))
    types = _price_types(client)
    prices = _prices(client, rows)
    found = [_product(row, measures, vats, properties) for row in rows]
    return {
        "products": tables.frame("products", found),
        "prices": tables.frame("prices", prices),
        "price_types": tables.frame("price_types", types),
    }


def _price_types(client: Client) -> list[PriceType]:
    """Price types of the portal and ours of the purchasing price."""
    listed = paged(client, "catalog.priceType.list", {}, "priceTypes")
    types = [_price_type(row) for row in listed]
    types.append({"id": PURCHASING, "name": "Закупочная", "purchasing": True})
    return types


def _prices(client: Client, rows: Sequence[Row]) -> list[Price]:
    """Sale prices, which lie beside the products, and purchasing prices, fields of the products `rows`."""
    prices = [_price(row) for row in every(client, catalogue.prices())]
    for row in rows:
        if values.money(row.get("purchasingPrice")):
            prices.append(_purchasing(row))
    prices.sort(key=lambda price: (int(price["product"]), price["price_type"]))
    return prices


def _listed(client: Client, properties: Mapping[str, str]) -> Iterator[Row]:
    """Products of all catalogues but parents of variations: product rows name the variation (§4.6)."""
    for iblock in catalogue.iblocks(client):
        listing = catalogue.products(iblock, properties.values())
        for row in every(client, listing):
            if _type(row) != _PARENT_OF_VARIATIONS:
                yield row


def _type(row: Row) -> int:
    """Kind of product (§4.6): 1 simple, 3 parent of variations, 4 variation, 7 service."""
    return int(row.get("type") or 1)


def _product(
    row: Row, measures: Mapping[str, Row], vats: Mapping[str, Row], properties: Mapping[str, str]
) -> Product:
    """A product. Unit and VAT are ids of their lists; a VAT without a rate is «без НДС»."""
    measure = measures.get(str(row.get("measure")), {})
    vat = vats.get(str(row.get("vatId")), {})
    rate = values.number(vat.get("rate"))
    product: Product = {
        "id": str(row["id"]),
        "name": values.words(row.get("name")),
        "unit_code": values.words(measure.get("code")),
        "unit": values.words(measure.get("symbol")),
        "vat_rate": rate,
        "vat_exempt": bool(vat) and rate is None,
        "kind": "service" if _type(row) == _SERVICE else "goods",
        "deleted": values.flag(row.get("active")) is False,
        "extra": {
            "xml_id": values.words(row.get("xmlId")),
            "iblock": str(row["iblockId"]),
            "vat_included": values.words(row.get("vatIncluded")),
        },
        "place": f"product {row['id']}",
    }
    product.update(cast(Product, _mapped(row, properties)))
    return product


def _mapped(row: Row, properties: Mapping[str, str]) -> dict[str, Any]:
    """Columns that the profile reads from properties."""
    columns = tables.TABLES["products"].columns
    found: dict[str, Any] = {}
    for column, name in properties.items():
        if column in columns:
            kind = columns[column].kind
            value = _property(row.get(name))
            found[column] = values.as_kind(kind, value)
    return found


def _property(value: Any) -> Any:
    """A property is {"value", "valueId"}, a list of those, or a bare value."""
    if isinstance(value, list):
        return tuple(map(_property, value))
    if isinstance(value, Mapping):
        return value.get("value")
    return value


def _price_type(row: Row) -> PriceType:
    """A price type of the portal: a price to sell at."""
    name = values.words(row.get("name"))
    return {"id": str(row["id"]), "name": name, "purchasing": False}


def _price(row: Row) -> Price:
    return {
        "product": str(row["productId"]),
        "price_type": str(row["catalogGroupId"]),
        "price": values.money(row.get("price")),
        "currency": values.words(row.get("currency")),
        "purchasing": False,
        "place": f"price {row['id']}",
    }


def _purchasing(row: Row) -> Price:
    return {
        "product": str(row["id"]),
        "price_type": PURCHASING,
        "price": values.money(row["purchasingPrice"]),
        "purchasing": True,
        "currency": values.words(row.get("purchasingCurrency")),
        "place": f"product {row['id']}",
    }
