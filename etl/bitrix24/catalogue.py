"""How the portal's catalogue is asked. Shared by reading and writing. Facts: reference bitrix24 §4.6 (`§`
below).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from etl.bitrix24.calls import Refused
from etl.bitrix24.client import Client
from etl.bitrix24.lists.listing import Listing, Row
from etl.bitrix24.lists.reading import paged
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
    """Information blocks of all catalogues, the main one first. Raises ConfigError when the portal has
    none.
    """
    found = sorted(paged(client, "catalog.catalog.list", {}, "catalogs"), key=_main_first)
    if not found:
        raise ConfigError("На портале нет каталога товаров.", "Включите каталог: CRM, Товары и склады.")
    return [int(row["iblockId"]) for row in found]


def _main_first(row: Row) -> tuple[bool, int]:
    """A catalogue that names a productIblockId holds the variations of another one (§4.6)."""
    return bool(row.get("productIblockId")), int(row["iblockId"])


def products(iblock: int, more: Iterable[str] = (), condition: Mapping[str, Any] | None = None) -> Listing:
    """Products of one block; `start: -1` is not documented here, so the cursor works without it (§4.6)."""
    asked = {"iblockId": iblock, **(condition or {})}
    return Listing(
        "catalog.product.list",
        "id",
        "products",
        filter=asked,
        select=[*FIELDS, *more],
        start=None,
        needed=["iblockId"],
    )


def prices(condition: Mapping[str, Any] | None = None) -> Listing:
    """Prices of all products; they lie beside the products, one row a price type (§4.6)."""
    return Listing(
        "catalog.price.list",
        "id",
        "prices",
        filter=condition or {},
        start=None,
        select=["id", "productId", "catalogGroupId", "price", "currency"],
    )


def base_price_type(client: Client) -> str:
    """Id of the price type that people see as the price (§4.6: `base`). Raises ConfigError when there is
    none.
    """
    found: str | None = None
    for row in paged(client, "catalog.priceType.list", {}, "priceTypes"):
        is_base = str(row.get("base")).upper() in ("Y", "TRUE", "1")
        if found is None and is_base:
            found = str(row["id"])
    if found is None:
        raise ConfigError(
            "На портале нет базового типа цен.", "Отметьте базовый тип цен в настройках каталога."
        )
    return found


def keeps_stock(client: Client) -> bool:
    """Whether the portal keeps stock («складской учёт»). One that cannot tell keeps none."""
    try:
        return bool(client.read("catalog.document.mode.status") == "Y")
    except Refused:
        return False


def properties(profile: Profile | None) -> dict[str, str]:
    """Column of `products` -> property of the catalogue, as the profile maps them: `property98` or
    `PROPERTY_98`.
    """
    entity = profile.entities.get("products") if profile else None
    if entity is None:
        return {}
    found: dict[str, str] = {}
    for column, text in entity.fields.items():
        name = text.lower()
        if name.startswith("property"):
            number = name.removeprefix("property").lstrip("_")
            found[column] = f"property{number}"
    return found
