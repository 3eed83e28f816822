"""Flow `products`: номенклатура and prices of 1C <-> the portal's catalogue.

Specifications 002/004: name, sale price, purchasing price; 003: the directory both ways, prices from 1C.
Prices have one owner ([entities.products.owners] price, purchasing; 1C without a setting). Which price type
of 1C is the sale price says [entities.products.fields] price = "Розничная"; likewise purchasing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from etl import tables
from etl.bitrix24 import catalogue
from etl.bitrix24.writes import Result
from etl.config.profile import Entity
from etl.extract.bitrix24 import products as extract
from etl.flows.agreement import Key
from etl.flows.directories.comparison import Comparison, Kind, has_name, is_unconfirmed, named_alike, opened
from etl.flows.directories.exchange import exchange
from etl.flows.directories.files import known_fields, value_for_1c
from etl.flows.directories.records import Card, Save, intent, outbox
from etl.flows.publication import queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.load.bitrix24 import products as load
from etl.records import Price, Product
from etl.transform import identity
from etl.transform.agreed import ABSENT
from etl.transform.orders import prices as rules
from etl.values import clean, keys

PRICES = ("price", "purchasing")
WORDS = {"price": "Цена продажи", "purchasing": "Закупочная цена"}
#: What 1C keeps of an item and a publication must repeat, because 1C reads an item as a whole.
_CARRIED = ("article", "unit", "unit_code", "vat_rate", "vat_exempt", "kind", "group_path")
_TYPES = "price-types"


def flow(run: Run, reading: Reading) -> None:
    """Exchange the catalogue in the direction of [entities.products]."""
    settings = run.profile.entities.get("products")
    if settings:
        path = queue.dialect_of(run).catalogue_path
        exchange(opened(run, reading, kind(settings, path), {"product": settings}, path))


def kind(settings: Entity, path: str | None) -> Kind:
    """The catalogue as a directory: a price that the portal owns travels both ways, where 1C reads a
    catalogue of ours.
    """
    is_sent = path is not None and settings.direction != "to-portal"
    ours = [field for field in PRICES if is_sent and settings.owners.get(field) == "portal"]
    theirs = [field for field in PRICES if field not in ours]
    marks = ("deleted",) if "price" in ours else ("vat_included", "deleted")
    return Kind(
        scope="products",
        two_way={"product": ("name", *ours)},
        one_way={"product": (*theirs, *marks)},
        kept={"product": _CARRIED},
        heard=_heard,
        read=_read,
        matches=_matches,
        rivals=named_alike,
        is_sendable=has_name,
        save=_save,
        payloads=_payloads,
    )


# ---- 1C
def _heard(found: Comparison) -> Iterator[tuple[Card, Record]]:
    """Items of the catalogue, and their prices, which come apart from them."""
    for row in tables.records(found.reading.table("products")):
        told = {column: row[column] for column in ("name", "deleted", *_CARRIED)}
        values = {column: value for column, value in told.items() if value is not None}
        yield Card("product", row["id"], values, deleted=bool(row["deleted"])), row
    remarks = _Remarks()
    types = _types(found)
    for (product, file), prices in _prices(found, remarks).items():
        values = _priced(found, prices, types, remarks)
        if values:
            yield Card("product", product, values), {"file": file, "version": None, "part": "prices"}
    found.issues += remarks.issues()


def _priced(
    found: Comparison, prices: Sequence[Price], types: Mapping[str, Record], remarks: _Remarks
) -> Record:
    """The prices that the portal is to hold, and whether VAT is inside."""
    values: Record = {}
    for column in PRICES:
        price = _price(found, column, prices, types)
        if price is None or price["price"] is None:
            continue
        if not rules.in_roubles(price):
            remarks.foreign[column, str(price["currency"])].append(price)
            continue
        values[column] = clean.kopecks(price["price"])
        kind = types.get(price["price_type"], {})
        included = kind.get("vat_included")
        if column == "price" and included is not None:
            values["vat_included"] = included
    return values


def _prices(found: Comparison, remarks: _Remarks) -> dict[tuple[str, str | None], list[Price]]:
    """(item, file) -> its prices."""
    own: defaultdict[tuple[str, str | None], list[Price]] = defaultdict(list)
    parts: defaultdict[tuple[str, str | None], list[Price]] = defaultdict(list)
    for row in tables.each(found.reading.table("prices"), Price):
        whole, _, characteristic = row["product"].partition("#")
        kept = parts if characteristic else own
        kept[whole, row["file"]].append(row)
    prices: dict[tuple[str, str | None], list[Price]] = {}
    for key in own.keys() | parts.keys():
        prices[key] = rules.of_product(own[key], parts[key])
        if rules.are_apart(prices[key], parts[key]):
            remarks.lowest.append(parts[key][0])
    return prices


@dataclass
class _Remarks:
    """What a person has to know of the prices of this run: one remark per cause, with an example.

    `foreign`: (field, currency) -> prices left out; `lowest`: prices of items that have them by
    characteristics only, and different ones.
    """

    foreign: defaultdict[tuple[str, str], list[Price]] = field(default_factory=lambda: defaultdict(list))
    lowest: list[Price] = field(default_factory=list)

    def issues(self) -> list[Record]:
        found: list[Record] = []
        for (column, currency), prices in self.foreign.items():
            said = (
                f"{WORDS[column]} в валюте {currency} на портал не передана (товаров: {len(prices)}, "
                f"например «{prices[0]['product']}»): каталог портала ведётся в рублях. "
                "Выгружайте из 1С вид цены в рублях или укажите его в профиле: "
                f"entities.products.fields.{column}."
            )
            found.append(_remark(said, prices[0], column))
        if self.lowest:
            said = (
                f"Цены указаны только по характеристикам (товаров: {len(self.lowest)}, например "
                f"«{self.lowest[0]['product'].partition('#')[0]}»): на портал передана наименьшая. "
                "Если нужна другая, задайте в 1С цену самого товара."
            )
            found.append(_remark(said, self.lowest[0], "price"))
        return found


def _remark(said: str, price: Price, column: str) -> Record:
    return tables.issue(
        said,
        severity="warn",
        entity="product",
        key=price["product"].partition("#")[0],
        field=column,
        file=price["file"],
    )


def _types(found: Comparison) -> dict[str, Record]:
    """Price types of 1C; they come once, the prices every time."""
    state = found.run.state.files
    known: dict[str, Record] = json.loads(state.cursor(_TYPES) or "{}")
    fresh = {
        row["id"]: {
            "name": row["name"],
            "purchasing": bool(row["purchasing"]),
            "vat_included": row["vat_included"],
        }
        for row in tables.each(found.reading.table("price_types"))
    }
    whole = known | fresh
    if whole != known:
        state.set_cursor(_TYPES, json.dumps(whole, ensure_ascii=False))
    return whole


def _price(
    found: Comparison, field: str, prices: Sequence[Price], types: Mapping[str, Record]
) -> Price | None:
    """The price of one kind. Several possible ones are told and none is taken."""
    wanted = found.settings["product"].fields.get(field)
    fitting = rules.of_kind(prices, types, wanted=wanted, purchasing=field == "purchasing")
    if len(fitting) > 1:
        found.issues.append(_several(field, prices[0], sorted(fitting), types))
        return None
    return next(iter(fitting.values()), None)


def _several(field: str, price: Price, kinds: Iterable[str], types: Mapping[str, Record]) -> Record:
    """An issue about several prices of one kind, of which none is taken."""
    listed = ", ".join(f"«{types.get(kind, {}).get('name') or kind}»" for kind in kinds)
    return tables.issue(
        f"{WORDS[field]}: у товара несколько видов цен 1С ({listed}). "
        f"Укажите нужный в профиле: entities.products.fields.{field}.",
        severity="warn",
        entity="product",
        key=price["product"],
        field=field,
        file=price["file"],
    )


# ---- the portal
def _read(found: Comparison) -> dict[str, Record]:
    """The portal's catalogue with its sale and purchasing prices."""
    client = found.run.portal.client
    _leave_to_the_stock(found)
    told = extract.products(client, found.run.profile)
    columns = {catalogue.base_price_type(client): "price", extract.PURCHASING: "purchasing"}
    held: dict[str, Record] = {}
    for row in tables.each(told["products"]):
        extra = row["extra"]
        known = {"origin": extra["xml_id"], "vat_included": extra["vat_included"] == "Y"}
        held[row["id"]] = row | known | {"id": f"product_{row['id']}"}
    for price in tables.each(told["prices"], Price):
        column = columns.get(price["price_type"])
        if column and price["product"] in held:
            held[price["product"]][column] = price["price"]
    return {row["id"]: row for row in held.values()}


def _leave_to_the_stock(found: Comparison) -> None:
    """Where the portal keeps stock, its documents make the purchasing price, and nobody else may."""
    priced = [card for card in found.cards.values() if "purchasing" in card.values]
    if not priced or not catalogue.keeps_stock(found.run.portal.client):
        return
    for card in priced:
        del card.values["purchasing"]
    found.issues.append(
        tables.issue(
            "На портале включён складской учёт: закупочную цену ведут его документы, из 1С она не передаётся "
            f"(товаров: {len(priced)}). Чтобы её вела 1С, выключите складской учёт портала.",
            severity="warn",
            entity="product",
            key=priced[0].origin,
            field="purchasing",
            file=priced[0].file,
        )
    )


def _matches(
    found: Comparison,
    onec: Sequence[Record],
    links: Sequence[identity.Link],
    answers: Sequence[identity.Answer],
) -> identity.Matches:
    """Pairs of products by `identity.match_products`."""
    originator = found.run.profile.bitrix24.originator
    held, told = cast(Iterable[Product], found.held.values()), cast(Sequence[Product], onec)
    return identity.match_products(held, told, links, answers, originator=originator)


def _save(found: Comparison, saves: Sequence[Save]) -> Iterator[Result]:
    """Write products and prices; results under the names of the cards."""
    client = found.run.portal.client
    held = load.catalogue_of(client)
    found.issues += _without_unit(held, saves)
    for result in load.save_products(client, held, [_product(save) for save in saves], outbox(found.run)):
        portal = result.id and f"product_{result.id}"
        yield Result(result.key, result.status, portal, result.reason)


def _without_unit(held: load.Catalogue, saves: Sequence[Save]) -> list[Record]:
    """Issues about new items whose unit the portal does not know: it gives them its own."""
    lacking: defaultdict[str, list[Save]] = defaultdict(list)
    for save in saves:
        unit = save.values.get("unit_code") or save.values.get("unit")
        if save.id is None and unit and held.unit(save.values) is None:
            lacking[unit].append(save)
    return [_no_unit(unit, same) for unit, same in lacking.items()]


def _no_unit(unit: str, saves: Sequence[Save]) -> Record:
    values = saves[0].values
    return tables.issue(
        f"Единицы измерения «{values.get('unit') or unit}» (код {unit}) нет на портале: "
        f"товаров {len(saves)}, например «{values.get('name')}», созданы в единице портала по умолчанию. "
        "Добавьте её на портале (CRM, Настройки, Единицы измерения) и укажите у этих товаров.",
        severity="warn",
        entity="product",
        key=saves[0].key[1],
        field="unit",
        file=saves[0].file,
    )


def _product(save: Save) -> load.Product:
    """A save as the catalogue takes it: prices are no fields of a product there."""
    values = {column: value for column, value in save.values.items() if column not in PRICES}
    number = save.id and save.id.partition("_")[2]
    price, purchasing = save.values.get("price"), save.values.get("purchasing")
    return load.Product(intent(save.key), save.key[1], values, number, price, purchasing)


# ---- towards 1C
def _payloads(found: Comparison, changed: Mapping[Key, set[str]]) -> dict[str, Record]:
    """Changed items, each by itself."""
    return {key[1]: _payload(found, key) for key in changed}


def _payload(found: Comparison, key: Key) -> Record:
    """An item whole, as 1C reads it, with the prices that were edited, or all of a new one."""
    fields = known_fields(found.memory, key, found.kind.two_way["product"])
    item: Product = {"id": key[1], "name": value_for_1c(found, key, "name")}
    item.update(_carried(found, key))
    is_new = is_unconfirmed(found, key[1])
    held = found.held[found.pairs[key[1]]]
    told = [field for field in PRICES if held.get(field) is not None and (is_new or field in fields)]
    return {
        "tables": {
            "products": [item],
            "prices": [_price_row(found, key, field) for field in told],
            "price_types": [_type_row(found, field) for field in PRICES] if told else [],
        },
        "carries": [[*key, fields]],
    }


def _carried(found: Comparison, key: Key) -> Product:
    """What a publication repeats: as 1C told it, else as the portal holds it."""
    held = found.held[found.pairs[key[1]]]
    row: Any = {}
    for column in _CARRIED:
        base = found.memory.get(key, column).base
        value = held.get(column) if base is ABSENT else base
        if value is not None:
            row[column] = value
    told: Product = row
    return told


def _price_row(found: Comparison, key: Key, field: str) -> Price:
    """A price towards 1C, under a price type of ours."""
    return {
        "product": key[1],
        "price_type": _type_id(found, field),
        "price": value_for_1c(found, key, field),
        "currency": "RUB",
        "purchasing": field == "purchasing",
    }


def _type_row(found: Comparison, field: str) -> Record:
    """A price type of ours: 1C learns it with the prices."""
    is_purchasing = field == "purchasing"
    return {
        "id": _type_id(found, field),
        "name": WORDS[field],
        "currency": "RUB",
        "purchasing": is_purchasing,
    }


def _type_id(found: Comparison, field: str) -> str:
    """Ид of a price type of ours, the same for ever."""
    return keys.document_id(found.run.profile.bitrix24.name, "price-type", field)
