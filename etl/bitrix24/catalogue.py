"""How the portal's catalogue is asked. Shared by reading and writing. Facts: reference bitrix24 §4.6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from etl.bitrix24.client import Client
from etl.bitrix24.lists import Listing, paged
from etl.config.profile import Profile
from etl.errors import ConfigError

FIELDS = (
    "id",
    "iblockId",
    "name",
    "xmlId",
    "active",
    "type",
    "measure",
    "vatId",
    "vatIncluded",
    "purchasingPrice",
    "purchasingCurrency",
)


def iblocks(client: Client) -> list[int]:
    """Information blocks of all catalogues, the main one first. Raises ConfigError when the portal has none."""
    rows = list(paged(client, "catalog.catalog.list", {}, "catalogs"))
    ordered = sorted(rows, key=lambda row: (bool(row.get("productIblockId")), int(row["iblockId"])))
    if not ordered:
        raise ConfigError("На портале нет каталога товаров.", "Включите каталог: CRM, Товары и склады.")
    return [int(row["iblockId"]) for row in ordered]


def products(iblock: int, more: Iterable[str] = (), condition: Mapping[str, Any] | None = None) -> Listing:
    """Products of one block; `start: -1` is not documented here, so the cursor works without it."""
    return Listing(
        "catalog.product.list",
        "id",
        "products",
        filter={"iblockId": iblock, **(condition or {})},
        select=[*FIELDS, *more],
        start=None,
    )


def prices(condition: Mapping[str, Any] | None = None) -> Listing:
    return Listing(
        "catalog.price.list",
        "id",
        "prices",
        filter=condition or {},
        start=None,
        select=["id", "productId", "catalogGroupId", "price", "currency"],
    )


def base_price_type(client: Client) -> str:
    """Id of the price type that people see as the price. Raises ConfigError when there is none."""
    rows = list(paged(client, "catalog.priceType.list", {}, "priceTypes"))
    base = [row for row in rows if str(row.get("base")).upper() in ("Y", "TRUE", "1")]
    if not base:
        raise ConfigError(
            "На портале нет базового типа цен.", "Отметьте базовый тип цен в настройках каталога."
        )
    return str(base[0]["id"])


def properties(profile: Profile | None) -> dict[str, str]:
    """Column of `products` -> property of the catalogue, as the profile maps them: `property98` or `PROPERTY_98`."""
    entity = profile.entities.get("products") if profile else None
    named = entity.fields if entity else {}
    return {
        column: "property" + text.lower().removeprefix("property").lstrip("_")
        for column, text in named.items()
        if text.lower().startswith("property")
    }
