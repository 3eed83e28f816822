"""The portal's catalogue -> products, prices and price types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from etl import tables
from etl.bitrix24 import catalogue, values
from etl.bitrix24.client import Client
from etl.bitrix24.lists import Row, every, paged
from etl.config.profile import Profile

if TYPE_CHECKING:
    import pandas as pd

#: Price type under which the purchasing price of the portal (a field of the product) stands in our tables.
PURCHASING = "purchasing"
_PARENT_OF_VARIATIONS, _SERVICE = 3, 7


def products(client: Client, profile: Profile | None = None) -> dict[str, pd.DataFrame]:
    """Tables products, prices and price_types of all catalogues; product rows refer to these ids.

    A parent of variations is left out (its variations are there). `extra` holds xml_id and iblock. The purchasing price is a
    price of type `purchasing`. `profile` may map columns to properties: [entities.products.fields] article = "property98".
    """
    properties = catalogue.properties(profile)
    measures = {str(row["id"]): row for row in paged(client, "catalog.measure.list", {}, "measures")}
    vats = {str(row["id"]): row for row in paged(client, "catalog.vat.list", {}, "vats")}
    rows = sorted(
        (
            row
            for iblock in catalogue.iblocks(client)
            for row in every(client, catalogue.products(iblock, properties.values()))
            if int(row.get("type") or 1) != _PARENT_OF_VARIATIONS
        ),
        key=lambda row: int(row["id"]),
    )
    types = list(paged(client, "catalog.priceType.list", {}, "priceTypes"))
    prices = [_price(row) for row in every(client, catalogue.prices())]
    prices += [_purchasing(row) for row in rows if values.money(row.get("purchasingPrice"))]
    listed = [
        {"id": str(row["id"]), "name": values.words(row.get("name")), "purchasing": False} for row in types
    ]
    return {
        "products": tables.frame("products", (_product(row, measures, vats, properties) for row in rows)),
        "prices": tables.frame(
            "prices", sorted(prices, key=lambda price: (int(price["product"]), price["price_type"]))
        ),
        "price_types": tables.frame(
            "price_types", [*listed, {"id": PURCHASING, "name": "Закупочная", "purchasing": True}]
        ),
    }


def _product(
    row: Row, measures: Mapping[str, Row], vats: Mapping[str, Row], properties: Mapping[str, str]
) -> tables.Record:
    measure, vat = measures.get(str(row.get("measure")), {}), vats.get(str(row.get("vatId")), {})
    rate = values.number(vat.get("rate"))
    columns = tables.TABLES["products"].columns
    own = {
        column: values.as_kind(columns[column].kind, _property(row.get(name)))
        for column, name in properties.items()
        if column in columns
    }
    return {
        "id": str(row["id"]),
        "name": values.words(row.get("name")),
        "unit_code": values.words(measure.get("code")),
        "unit": values.words(measure.get("symbol")),
        "vat_rate": rate,
        "vat_exempt": bool(vat) and rate is None,
        "kind": "service" if int(row.get("type") or 1) == _SERVICE else "goods",
        "deleted": values.flag(row.get("active")) is False,
        "extra": {"xml_id": values.words(row.get("xmlId")), "iblock": str(row["iblockId"])},
        "place": f"product {row['id']}",
        **own,
    }


def _property(value: Any) -> Any:
    """A property is {"value", "valueId"}, a list of those, or a bare value."""
    if isinstance(value, list):
        return tuple(_property(one) for one in value)
    return value.get("value") if isinstance(value, Mapping) else value


def _price(row: Row) -> tables.Record:
    return {
        "product": str(row["productId"]),
        "price_type": str(row["catalogGroupId"]),
        "price": values.money(row.get("price")),
        "currency": values.words(row.get("currency")),
        "purchasing": False,
        "place": f"price {row['id']}",
    }


def _purchasing(row: Row) -> tables.Record:
    return {
        "product": str(row["id"]),
        "price_type": PURCHASING,
        "price": values.money(row["purchasingPrice"]),
        "purchasing": True,
        "currency": values.words(row.get("purchasingCurrency")),
        "place": f"product {row['id']}",
    }
