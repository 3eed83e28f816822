"""Products and prices -> the portal's catalogue: name, sale price, purchasing price.

A product is known by xmlId. A deletion mark hides it (`active` N), nothing is ever deleted. Facts: reference
bitrix24 §4.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from etl.bitrix24 import catalogue, values, writes
from etl.bitrix24.calls import Command, by_text, grouped, groups
from etl.bitrix24.client import Client
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import every, paged
from etl.bitrix24.writes import New, Outbox, Planned, Result, Write
from etl.values import clean

_GROUP = 25
#: `type` of the catalogue (§4.6).
_GOODS, _SERVICE = 1, 7


@dataclass(frozen=True)
class Product:
    """What is to be true of a product. `values`: columns of `products`; None leaves alone.

    `id` if known, else the product is looked up by `origin` (xmlId) and created. Prices in roubles or
    `currency`.
    """

    key: str
    origin: str
    values: Mapping[str, Any]
    id: str | None = None
    price: Decimal | None = None
    purchasing: Decimal | None = None
    currency: str = field(default="RUB")


def save_products(
    client: Client, held: Catalogue, products: Iterable[Product], outbox: Outbox
) -> Iterator[Result]:
    """Create or update products and their prices; one Result per key. `held`: of `catalogue_of`.

    In the outbox a product has several keys: `<key>/item`, `/fields`, `/purchasing`, `/price`. Raises
    TryLater, ConfigError, NeedsPerson.
    """
    for group in groups(products, _GROUP):
        saver = _Saver(client, outbox, held, group)
        saver.create()
        saver.fields()
        saver.purchasing()
        saver.prices()
        yield from saver.results()


@dataclass(frozen=True)
class Catalogue:
    """What the portal's catalogue is like.

    Information blocks, the main one first; the price type people see; ids of units by code, of VAT by rate.
    """

    iblocks: Sequence[int]
    price_type: str
    measures: Mapping[int | None, Any]
    vats: Mapping[Decimal | None, Any]

    def unit(self, given: Mapping[str, Any]) -> Any:
        """Id of a product's unit, None where the portal has no such unit or 1C tells none."""
        number = clean.unit_number(given.get("unit_code"))
        return None if number is None else self.measures.get(number)


def catalogue_of(client: Client) -> Catalogue:
    """Asks the portal. Raises ConfigError when it has no catalogue or no base price type."""
    iblocks = catalogue.iblocks(client)
    price_type = catalogue.base_price_type(client)
    measures: dict[int | None, Any] = {}
    for row in paged(client, "catalog.measure.list", {}, "measures"):
        measures[clean.unit_number(row["code"])] = row["id"]
    vats: dict[Decimal | None, Any] = {}
    for row in paged(client, "catalog.vat.list", {}, "vats"):
        rate = values.number(row.get("rate"))
        vats[rate] = row["id"]
    return Catalogue(iblocks, price_type, measures, vats)


class _Task(NamedTuple):
    """One part of a product by its key in the outbox; `id`: the portal's product."""

    key: str
    product: Product
    id: str


class _Saver:
    """A group of products on its way: ids found or made, results by product."""

    def __init__(self, client: Client, outbox: Outbox, held: Catalogue, products: Sequence[Product]) -> None:
        self._client = client
        self._outbox = outbox
        self._catalogue = held
        self._products: dict[str, Product] = {}
        self._ids: dict[str, str] = {}
        self._results: dict[str, list[Result]] = {}
        for product in products:
            self._products[product.key] = product
            self._results[product.key] = []
            if product.id:
                self._ids[product.key] = product.id

    def results(self) -> Iterator[Result]:
        """One result per product."""
        for key, results in self._results.items():
            number = self._ids.get(key)
            yield writes.merged(key, results, number)

    def create(self) -> None:
        """Products that the portal does not have."""
        news = self._additions()
        results = writes.create(self._client, self._outbox, list(news.values()), self._by_xml_id)
        for key, result in zip(news, results, strict=True):
            self._results[key].append(result)
            if result.status == "done" and result.id:
                self._ids[key] = result.id

    def fields(self) -> None:
        """Name, unit, deletion mark; a product without external id gets ours."""
        self._run("fields", list(self._products.values()), self._field_writes)

    def purchasing(self) -> None:
        """Purchasing prices: fields of the product (§4.6)."""
        priced = [product for product in self._products.values() if product.purchasing is not None]
        self._run("purchasing", priced, self._purchasing_writes)

    def prices(self) -> None:
        """Sale prices: rows of their own (§4.6)."""
        priced = [product for product in self._products.values() if product.price is not None]
        self._run("price", priced, self._price_writes)

    def _run(self, part: str, products: Sequence[Product], plan: writes.Plan[_Task]) -> None:
        """Bring one part of those products that the portal has to the wanted state."""
        tasks: dict[str, _Task] = {}
        for product in products:
            number = self._ids.get(product.key)
            if number is not None:
                task = _Task(f"{product.key}/{part}", product, number)
                tasks[task.key] = task
        results = writes.converge(self._client, self._outbox, tasks.values(), plan)
        for result in results:
            product = tasks[result.key].product
            self._results[product.key].append(result)

    # ---- creation

    def _additions(self) -> dict[str, New]:
        """Key of the product -> its creation, of those that have no id on the portal yet."""
        news: dict[str, New] = {}
        for key, product in self._products.items():
            if key not in self._ids:
                command = self._addition(product)
                news[key] = New(f"{key}/item", product.origin, command, _element_id)
        return news

    def _by_xml_id(self, origins: Sequence[str]) -> dict[str, list[str]]:
        """External id -> ids of the products with it, oldest first (bitrix24 §5)."""
        rows = self._listed({"xmlId": list(origins)})
        by_origin = grouped(rows, "xmlId", "id")
        numbers: dict[str, list[str]] = {}
        for origin, same in by_origin.items():
            numbers[origin] = [str(row["id"]) for row in same]
        return numbers

    def _listed(self, condition: Mapping[str, Any]) -> Iterator[Row]:
        """Products of all information blocks; an array needs no `@` here (§3.2)."""
        for iblock in self._catalogue.iblocks:
            listing = catalogue.products(iblock, condition=condition)
            yield from every(self._client, listing)

    def _addition(self, product: Product) -> Command:
        """Creation in the main catalogue; a service has a method of its own (§4.6)."""
        is_service = product.values.get("kind") == "service"
        fields = {
            "iblockId": self._catalogue.iblocks[0],
            "xmlId": product.origin,
            "type": _SERVICE if is_service else _GOODS,
            "active": "Y",
            **self._wanted(product),
        }
        rate = product.values.get("vat_rate")
        is_said = rate is not None or product.values.get("vat_exempt")
        if is_said and rate in self._catalogue.vats:
            fields["vatId"] = self._catalogue.vats[rate]
        method = "catalog.product.service.add" if is_service else "catalog.product.add"
        return Command(method, {"fields": fields})

    # ---- comparison

    def _wanted(self, product: Product) -> dict[str, Any]:
        """Field of the product -> value, of what 1C tells; a unit unknown to the portal is left out."""
        given = product.values
        wanted: dict[str, Any] = {}
        if given.get("name"):
            wanted["name"] = given["name"]
        measure = self._catalogue.unit(given)
        if measure is not None:
            wanted["measure"] = measure
        inside = given.get("vat_included")
        if inside is not None:
            wanted["vatIncluded"] = "Y" if inside else "N"
        deleted = given.get("deleted")
        if deleted is not None:
            wanted["active"] = "N" if deleted else "Y"
        return wanted

    def _held(self, tasks: Sequence[_Task]) -> dict[str, Row]:
        """Products of the portal by id."""
        numbers = [task.id for task in tasks]
        rows = self._listed({"id": numbers})
        return by_text(rows, "id")

    def _field_writes(self, tasks: Sequence[_Task]) -> list[Planned]:
        """A product that people made by hand gets our external id, so that the next load knows it (§5)."""
        held = self._held(tasks)
        planned: list[Planned] = []
        for task in tasks:
            row = held.get(task.id)
            wanted = self._wanted(task.product)
            if row is not None and not values.words(row.get("xmlId")):
                wanted["xmlId"] = task.product.origin
            write = _update(task, row, wanted)
            planned.append(write)
        return planned

    def _purchasing_writes(self, tasks: Sequence[_Task]) -> list[Planned]:
        """Price and currency together: the portal keeps them as two fields of the product (§4.6)."""
        held = self._held(tasks)
        planned: list[Planned] = []
        for task in tasks:
            row, product = held.get(task.id), task.product
            wanted = {"purchasingPrice": product.purchasing, "purchasingCurrency": product.currency}
            write = _update(task, row, wanted)
            planned.append(write)
        return planned

    def _price_writes(self, tasks: Sequence[_Task]) -> list[Planned]:
        """Prices of the type people see; those of other types are not touched."""
        numbers = [task.id for task in tasks]
        condition = {"productId": numbers, "catalogGroupId": self._catalogue.price_type}
        rows = every(self._client, catalogue.prices(condition))
        held = by_text(rows, "productId")
        planned: list[Planned] = []
        for task in tasks:
            row = held.get(task.id)
            planned.append(self._price_write(task, row))
        return planned

    def _price_write(self, task: _Task, row: Row | None) -> Planned:
        """One price row per product and price type; a second one the portal refuses (§4.6)."""
        product = task.product
        wanted: dict[str, Any] = {"price": product.price, "currency": product.currency}
        if row is None:
            fields = {"productId": task.id, "catalogGroupId": self._catalogue.price_type, **wanted}
            command = Command("catalog.price.add", {"fields": fields})
            return Write(task.key, task.id, command)
        if not _different(row, wanted):
            return Result(task.key, "done", task.id)
        command = Command("catalog.price.update", {"id": row["id"], "fields": wanted})
        return Write(task.key, task.id, command)


def _update(task: _Task, row: Row | None, wanted: Mapping[str, Any]) -> Planned:
    """What differs between the portal's product and what is wanted."""
    if row is None:
        return Result(task.key, "failed", task.id, "товара на портале нет: его удалили")
    changed = _different(row, wanted)
    if not changed:
        return Result(task.key, "done", task.id)
    command = Command("catalog.product.update", {"id": task.id, "fields": changed})
    return Write(task.key, task.id, command)


def _different(row: Row, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of `wanted` the portal holds otherwise."""
    changed: dict[str, Any] = {}
    for name, value in wanted.items():
        held = row.get(name)
        if not _same(held, value):
            changed[name] = value
    return changed


def _same(held: Any, wanted: Any) -> bool:
    """A sum is compared to the kopeck, all else as text."""
    if isinstance(wanted, Decimal):
        return values.money(held) == values.money(wanted)
    if held is None:
        held = ""
    return str(held) == str(wanted)


def _element_id(answer: Any) -> str:
    """catalog.product.* answer with `element`, catalog.product.service.* with `service` (§4.6)."""
    element = answer.get("element") or answer.get("service")
    return str(element["id"])
