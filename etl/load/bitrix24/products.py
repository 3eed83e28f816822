"""Products and prices -> the portal's catalogue: name, sale price, purchasing price. Facts: reference bitrix24 §4.6.

A product is known by xmlId. A deletion mark hides it (`active` N), nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from etl.bitrix24 import catalogue, values, writes
from etl.bitrix24.client import Client, Command
from etl.bitrix24.lists import Row, every, paged
from etl.bitrix24.writes import New, Outbox, Result, Write

_GROUP = 25
_TYPES = {"goods": 1, "service": 7}


@dataclass(frozen=True)
class Product:
    """What is to be true of a product. `values`: columns of `products`; None leaves alone. Prices in roubles or `currency`.

    `id` if known, else the product is looked up by `origin` (xmlId) and created.
    """

    key: str
    origin: str
    values: Mapping[str, Any]
    id: str | None = None
    price: Decimal | None = None
    purchasing: Decimal | None = None
    currency: str = field(default="RUB")


def save_products(client: Client, products: Iterable[Product], outbox: Outbox) -> Iterator[Result]:
    """Create or update products and their prices; one Result per key.

    In the outbox a product has several keys: `<key>/item`, `/fields`, `/purchasing`, `/price`.
    """
    saver = _Saver(client, outbox)
    for group in writes.groups(products, _GROUP):
        yield from saver.save(group)


class _Saver:
    """What the portal's catalogue is like, and one group of products after another."""

    def __init__(self, client: Client, outbox: Outbox) -> None:
        self._client, self._outbox = client, outbox
        self._iblocks = catalogue.iblocks(client)
        self._price_type = catalogue.base_price_type(client)
        self._measures = {
            str(row["code"]): row["id"] for row in paged(client, "catalog.measure.list", {}, "measures")
        }
        self._vats = {
            values.number(row.get("rate")): row["id"] for row in paged(client, "catalog.vat.list", {}, "vats")
        }

    def save(self, products: Sequence[Product]) -> Iterator[Result]:
        found: dict[str, list[Result]] = {product.key: [] for product in products}
        ids = {product.key: product.id for product in products if product.id}
        absent = [product for product in products if product.key not in ids]
        news = [
            New(f"{product.key}/item", product.origin, self._addition(product), _element_id)
            for product in absent
        ]
        for product, result in zip(
            absent, writes.create(self._client, self._outbox, news, self._by_xml_id), strict=True
        ):
            found[product.key].append(result)
            if result.status == "done" and result.id:
                ids[product.key] = result.id
        known = {product.key: product for product in products if product.key in ids}
        for part, plan in (
            ("fields", self._field_writes),
            ("purchasing", self._purchasing_writes),
            ("price", self._price_writes),
        ):
            keys = [
                key
                for key, product in known.items()
                if part == "fields" or getattr(product, part) is not None
            ]
            for result in self._run(part, keys, lambda some, plan=plan: plan(known, ids, some)):
                found[result.key.removesuffix(f"/{part}")].append(result)
        for product in products:
            yield writes.merged(product.key, found[product.key], ids.get(product.key))

    def _run(self, part: str, keys: Sequence[str], plan: Any) -> Iterator[Result]:
        tagged = [f"{key}/{part}" for key in keys]
        yield from writes.converge(
            self._client,
            self._outbox,
            tagged,
            lambda some: plan([key.removesuffix(f"/{part}") for key in some]),
        )

    def _by_xml_id(self, origins: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for iblock in self._iblocks:
            for row in every(self._client, catalogue.products(iblock, condition={"xmlId": list(origins)})):
                found.setdefault(str(row["xmlId"]), []).append(str(row["id"]))
        return found

    def _addition(self, product: Product) -> Command:
        kind = _TYPES.get(str(product.values.get("kind")), 1)
        fields = {
            "iblockId": self._iblocks[0],
            "xmlId": product.origin,
            "type": kind,
            "active": "Y",
            **self._wanted(product),
        }
        if (vat := self._vats.get(product.values.get("vat_rate"))) is not None and product.values.get(
            "vat_rate"
        ) is not None:
            fields["vatId"] = vat
        return Command(
            "catalog.product.service.add" if kind == _TYPES["service"] else "catalog.product.add",
            {"fields": fields},
        )

    def _wanted(self, product: Product) -> dict[str, Any]:
        given = product.values
        wanted = {"name": given["name"]} if given.get("name") else {}
        if (
            given.get("unit_code")
            and (measure := self._measures.get(str(given["unit_code"]).strip())) is not None
        ):
            wanted["measure"] = measure
        if given.get("deleted") is not None:
            wanted["active"] = "N" if given["deleted"] else "Y"
        return wanted

    def _held(self, ids: Iterable[str]) -> dict[str, Row]:
        numbers = list(ids)
        return {
            str(row["id"]): row
            for iblock in self._iblocks
            for row in every(self._client, catalogue.products(iblock, condition={"id": numbers}))
        }

    def _field_writes(
        self, known: Mapping[str, Product], ids: Mapping[str, str], keys: Sequence[str]
    ) -> list[Write | Result]:
        held = self._held(ids[key] for key in keys)
        rows = {key: held.get(ids[key]) for key in keys}
        return [
            self._update(f"{key}/fields", ids[key], row, self._wanted(known[key]) | _marked(known[key], row))
            for key, row in rows.items()
        ]

    def _purchasing_writes(
        self, known: Mapping[str, Product], ids: Mapping[str, str], keys: Sequence[str]
    ) -> list[Write | Result]:
        held = self._held(ids[key] for key in keys)
        return [
            self._update(
                f"{key}/purchasing",
                ids[key],
                held.get(ids[key]),
                {"purchasingPrice": known[key].purchasing, "purchasingCurrency": known[key].currency},
            )
            for key in keys
        ]

    def _update(self, key: str, number: str, row: Row | None, wanted: Mapping[str, Any]) -> Write | Result:
        if row is None:
            return Result(key, "failed", number, "товара на портале нет: его удалили")
        changed = {name: value for name, value in wanted.items() if not _same(row.get(name), value)}
        if not changed:
            return Result(key, "done", number)
        return Write(key, number, Command("catalog.product.update", {"id": number, "fields": changed}))

    def _price_writes(
        self, known: Mapping[str, Product], ids: Mapping[str, str], keys: Sequence[str]
    ) -> list[Write | Result]:
        condition = {"productId": [ids[key] for key in keys], "catalogGroupId": self._price_type}
        held = {str(row["productId"]): row for row in every(self._client, catalogue.prices(condition))}
        return [self._price_write(known[key], ids[key], held.get(ids[key])) for key in keys]

    def _price_write(self, product: Product, number: str, row: Row | None) -> Write | Result:
        wanted: dict[str, Any] = {"price": product.price, "currency": product.currency}
        key = f"{product.key}/price"
        if row is None:
            fields = {"productId": number, "catalogGroupId": self._price_type, **wanted}
            return Write(key, number, Command("catalog.price.add", {"fields": fields}))
        if all(_same(row.get(name), value) for name, value in wanted.items()):
            return Result(key, "done", number)
        return Write(key, number, Command("catalog.price.update", {"id": row["id"], "fields": wanted}))


def _marked(product: Product, row: Row | None) -> dict[str, str]:
    """The external id for a product that has none."""
    return {"xmlId": product.origin} if row is not None and not values.words(row.get("xmlId")) else {}


def _same(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, Decimal):
        return values.money(held) == values.money(wanted)
    return str("" if held is None else held) == str(wanted)


def _element_id(answer: Any) -> str:
    """catalog.product.* answer with `element`, catalog.product.service.* with `service`."""
    return str((answer.get("element") or answer.get("service"))["id"])
