"""Flow `products`: номенклатура and prices of 1C <-> the portal's catalogue.

Specifications 002/004: name, sale price, purchasing price; 003: the directory both ways, prices from 1C.
Prices have one owner ([entities.products.owners] price, purchasing; 1C without a setting). Which price type
of 1C is the sale price says [entities.products.fields] price = "Розничная"; likewise purchasing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from etl import tables
from etl.bitrix24 import catalogue
from etl.bitrix24.writes import Result
from etl.extract.bitrix24 import products as extract
from etl.flows.agreement import Key
from etl.flows.directories.exchange import Directory
from etl.flows.directories.files import known_fields
from etl.flows.directories.records import Card, Intents, Save, intent
from etl.flows.publication import queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.load.bitrix24 import products as load
from etl.transform import identity
from etl.transform.merge import ABSENT
from etl.values import clean, keys

PRICES = ("price", "purchasing")
_WORDS = {"price": "Цена продажи", "purchasing": "Закупочная цена"}
#: What 1C keeps of an item and a publication must repeat, because 1C reads an item as a whole.
_CARRIED = ("article", "unit", "unit_code", "vat_rate", "vat_exempt", "kind", "group_path")
_TYPES = "price-types"


def flow(run: Run, reading: Reading) -> None:
    """Exchange the catalogue in the direction of [entities.products]."""
    settings = run.profile.entities.get("products")
    if settings:
        Products(run, reading, {"product": settings}, queue.dialect_of(run).catalogue_path).run()


class Products(Directory):
    """Products of the portal and items of 1C."""

    scope = "products"

    def __init__(self, run: Run, reading: Reading, settings: Mapping[str, Any], path: str | None) -> None:
        super().__init__(run, reading, settings, path)
        owners = settings["product"].owners
        ours = tuple(field for field in PRICES if owners.get(field) == "portal" and self.sends("product"))
        self.two_way = {"product": ("name", *ours)}
        self.one_way = {"product": (*(field for field in PRICES if field not in ours), "deleted")}
        self.kept = {"product": _CARRIED}

    # ---- 1C ----
    def heard(self) -> Iterator[tuple[Card, Record]]:
        for row in tables.records(self.reading.table("products")):
            values = {
                column: row[column] for column in ("name", "deleted", *_CARRIED) if row[column] is not None
            }
            yield Card("product", row["id"], values, deleted=bool(row["deleted"])), row
        types = self._types()
        prices: dict[tuple[str, str | None], list[Record]] = {}
        for row in tables.records(self.reading.table("prices")):
            if "#" not in row["product"]:  # a price of one characteristic is not the price of the item
                prices.setdefault((row["product"], row["file"]), []).append(row)
        for (product, file), rows in prices.items():
            if values := {
                field: found for field in PRICES if (found := self._price(field, rows, types)) is not None
            }:
                yield Card("product", product, values), {"file": file, "version": None, "part": "prices"}

    def _types(self) -> dict[str, Record]:
        """Price types of 1C; they come once, the prices every time."""
        cursor = self.context.state.files.cursor(_TYPES)
        known: dict[str, Record] = json.loads(cursor or "{}")
        fresh = {
            row["id"]: {"name": row["name"], "purchasing": bool(row["purchasing"])}
            for row in tables.records(self.reading.table("price_types"))
        }
        if any(known.get(key) != row for key, row in fresh.items()):
            self.context.state.files.set_cursor(_TYPES, json.dumps(known | fresh, ensure_ascii=False))
        return known | fresh

    def _price(self, field: str, rows: Sequence[Record], types: Mapping[str, Record]) -> Decimal | None:
        """The price of one kind. Several possible ones are told and none is taken."""
        wanted = self.settings["product"].fields.get(field)
        found = {
            row["price_type"]: row
            for row in rows
            if self._is(field, wanted, row, types) and row["currency"] in (None, "RUB")
        }
        if len(found) > 1:
            listed = ", ".join(f"«{types.get(kind, {}).get('name') or kind}»" for kind in sorted(found))
            self.issues.append(
                tables.issue(
                    f"{_WORDS[field]}: у товара несколько видов цен 1С ({listed}). Укажите нужный в профиле: "
                    f"entities.products.fields.{field}.",
                    severity="warn",
                    entity="product",
                    key=rows[0]["product"],
                    field=field,
                    file=rows[0]["file"],
                )
            )
            return None
        price: Decimal | None = next(iter(found.values()))["price"] if found else None
        return None if price is None else clean.kopecks(price)

    def _is(self, field: str, wanted: str | None, row: Record, types: Mapping[str, Record]) -> bool:
        known = types.get(row["price_type"], {})
        if wanted is not None:
            return wanted == row["price_type"] or clean.fold(wanted) == clean.fold(known.get("name"))
        return bool(row["purchasing"] or known.get("purchasing")) == (field == "purchasing")

    # ---- the portal ----
    def read(self) -> dict[str, Record]:
        portal = self.context.portal
        found = extract.products(portal.client, self.context.profile)
        base = catalogue.base_price_type(portal.client)
        fields = {base: "price", extract.PURCHASING: "purchasing"}
        held = {
            row["id"]: row | {"origin": row["extra"]["xml_id"]} for row in tables.records(found["products"])
        }
        for row in tables.records(found["prices"]):
            if row["price_type"] in fields and row["product"] in held:
                held[row["product"]][fields[row["price_type"]]] = row["price"]
        return {f"product_{number}": row | {"id": f"product_{number}"} for number, row in held.items()}

    def matches(self, onec: Sequence[Record], links: pd.DataFrame, answers: pd.DataFrame) -> identity.Matches:
        return identity.match_products(
            _table(self.held.values()),
            _table(onec),
            links,
            answers,
            originator=self.context.profile.bitrix24.originator,
        )

    def save(self, saves: Sequence[Save]) -> Iterator[Result]:
        made = []
        for save in saves:
            values = {column: value for column, value in save.values.items() if column not in PRICES}
            made.append(
                load.Product(
                    intent(save.key),
                    save.key[1],
                    values,
                    save.id and save.id.partition("_")[2],
                    save.values.get("price"),
                    save.values.get("purchasing"),
                )
            )
        for result in load.save_products(self.context.portal.client, made, Intents(self.context)):
            yield Result(result.key, result.status, result.id and f"product_{result.id}", result.reason)

    # ---- towards 1C ----
    def payloads(self, changed: Mapping[Key, set[str]]) -> dict[str, Record]:
        return {key[1]: self._payload(key) for key in changed}

    def _payload(self, key: Key) -> Record:
        held, fields = self.held[self.pairs[key[1]]], known_fields(self.memory, key, self.two_way["product"])
        known = {column: self.memory.get(key, column).base for column in _CARRIED}
        row = {column: held.get(column) if base is ABSENT else base for column, base in known.items()}
        prices = [
            {
                "product": key[1],
                "price_type": keys.document_id(self.context.profile.bitrix24.name, "price-type", field),
                "price": self.value_for_1c(key, field),
                "currency": "RUB",
                "purchasing": field == "purchasing",
            }
            for field in PRICES
            if held.get(field) is not None and (field in fields or self.unconfirmed(key[1]))
        ]
        types = [
            {
                "id": keys.document_id(self.context.profile.bitrix24.name, "price-type", field),
                "name": _WORDS[field],
                "currency": "RUB",
                "purchasing": field == "purchasing",
            }
            for field in PRICES
        ]
        told = {column: value for column, value in row.items() if value is not None}
        item = {"id": key[1], "name": self.value_for_1c(key, "name"), **told}
        return {
            "tables": {"products": [item], "prices": prices, "price_types": types if prices else []},
            "carries": [[*key, fields]],
        }


def _table(rows: Any) -> pd.DataFrame:
    columns = tables.TABLES["products"].columns
    return tables.frame(
        "products", [{column: value for column, value in row.items() if column in columns} for row in rows]
    )
