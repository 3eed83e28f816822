"""Prices of an order for 1C («как решается вопрос со скидками?», specification 003): who owns the discount is
declared.

The portal owns it (default): its net prices go. 1C owns it: the price of the buyer's own type, or his
percent, as the extended contract tells them; a document that cannot be priced is stopped. What 1C told of
prices and terms is kept, because it tells it once."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from etl import tables
from etl.config.profile import Orders
from etl.flows.directories import records
from etl.flows.orders.told import Told
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.transform.orders import composition
from etl.values import keys

#: entities of store.fields: terms of a counterparty of 1C; prices of a product by price type; names of price
#: types
TERMS, PRICES, TYPES = "onec-terms", "onec-prices", "onec-price-types"


def lines(
    run: Run,
    settings: Orders,
    told: Told,
    deals: Sequence[Record],
    invoices: Sequence[Record],
    rows: tuple[pd.DataFrame, pd.DataFrame],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines for the orders of deals and for smart invoices, `document` = their number towards 1C, and issues
    that stop documents.

    `rows` = product rows of the deals and of the smart invoices.
    """
    born = {deal: row["number"] for deal, row in told.orders.items()}
    numbers = {
        deal["id"]: born[deal["id"]] if deal["origin"] and deal["id"] in born else keys.order(deal["id"])
        for deal in deals
    }
    listed = [
        line | {"document": numbers[line["document"]]}
        for line in tables.records(rows[0])
        if line["document"] in numbers
    ]
    listed += [line | {"document": keys.invoice(line["document"])} for line in tables.records(rows[1])]
    products = records.onec_ids(run, "product", {line["product"] for line in listed if line["product"]})
    net = composition.net_lines(tables.frame("lines", listed), products)
    if settings.discounts == "portal":
        return net, tables.frame("issues")
    return composition.priced_by_1c(net, _buyers(run, deals, invoices, numbers), *_prices(run))


def remember(run: Run, reading: Reading) -> None:
    """Terms and prices read in this run into the state."""
    rows = [
        _field(TERMS, row["id"], name, row["extra"][name])
        for row in tables.records(reading.table("parties"))
        for name in (composition.PRICE_TYPE, composition.PERCENT)
        if name in (row["extra"] or {})
    ]
    rows += [
        _field(PRICES, row["product"], row["price_type"], row["price"])
        for row in tables.records(reading.table("prices"))
    ]
    rows += [
        _field(TYPES, row["id"], "name", row["name"]) for row in tables.records(reading.table("price_types"))
    ]
    run.state.fields.write(list({(row["entity"], row["key"], row["field"]): row for row in rows}.values()))


def _field(entity: str, key: str, field: str, value: object) -> Record:
    return {"entity": entity, "key": key, "field": field, "known": True, "base": value}


def _buyers(
    run: Run, deals: Sequence[Record], invoices: Sequence[Record], numbers: dict[str, str]
) -> dict[str, Record]:
    """Number of a document -> its buyer with the terms 1C told."""
    terms: dict[str, Record] = {}
    for row in tables.records(run.state.fields.read(TERMS)):
        terms.setdefault(row["key"], {})[row["field"]] = row["base"]
    owners = {numbers[deal["id"]]: deal["party"] for deal in deals} | {
        keys.invoice(row["id"]): row["party"] for row in invoices
    }
    found = {}
    for number, party in owners.items():
        entity, _, identifier = (party or "").partition("_")
        origin = records.onec_ids(run, entity, [identifier])[identifier] if identifier else None
        found[number] = {"extra": terms.get(origin or "", {})}
    return found


def _prices(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    prices = [
        {"product": row["key"], "price_type": row["field"], "price": row["base"]}
        for row in tables.records(run.state.fields.read(PRICES))
    ]
    types = [{"id": row["key"], "name": row["base"]} for row in tables.records(run.state.fields.read(TYPES))]
    return tables.frame("prices", prices), tables.frame("price_types", types)
