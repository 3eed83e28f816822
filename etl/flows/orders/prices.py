"""Prices of an order for 1C («как решается вопрос со скидками?», specification 003): who owns the discount is
declared.

The portal owns it (default): its net prices go. 1C owns it: the price of the buyer's own type, or his
percent, as the extended contract tells them; a document that cannot be priced is stopped. What 1C told of
prices and terms is kept, because it tells it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from etl import tables
from etl.flows.directories import records
from etl.flows.orders.told import Told
from etl.flows.orders.wanted import Wanted, origins
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.records import Deal, Document, Line, Party, Price, PriceType
from etl.transform.orders import prices as rules
from etl.values import keys
from etl.values.money import ROUBLE

#: entities of store.fields: terms of a counterparty of 1C; prices of a product by price type; names of price
#: types
TERMS, PRICES, TYPES = "onec-terms", "onec-prices", "onec-price-types"


def lines(run: Run, told: Told, wanted: Wanted, deals: Sequence[Deal]) -> tuple[list[Line], list[Record]]:
    """Lines for the orders of `deals` and for smart invoices, `document` = their number towards 1C, and
    issues that stop documents.
    """
    numbers = {deal["id"]: _number(told, deal) for deal in deals}
    listed = list(_listed(wanted, numbers))
    products = records.onec_ids(run, "product", {line["product"] for line in listed if line["product"]})
    net = rules.net_lines(listed, products)
    if wanted.settings.discounts == "portal":
        return net, []
    terms = _terms(run, deals, wanted.invoices, numbers)
    held, foreign = _held(told, wanted, numbers), _foreign(wanted, deals, numbers)
    return rules.priced_by_1c(net, terms, *_prices(run), held, foreign=foreign)


def as_sent(run: Run, told: Told, wanted: Wanted) -> tuple[Sequence[Line], Sequence[Line]]:
    """Product rows of the deals and of the smart invoices at the prices they go to 1C at; those of a
    document that cannot be priced as they are.
    """
    if wanted.settings.discounts == "portal":
        return wanted.deal_rows, wanted.invoice_rows
    priced, _ = lines(run, told, wanted, wanted.deals)
    found = {(line["document"], line["position"]): line for line in priced}
    numbers = {deal["id"]: _number(told, deal) for deal in wanted.deals}
    deals = [_at(line, found.get((numbers[line["document"]], line["position"]))) for line in wanted.deal_rows]
    invoices = [
        _at(line, found.get((keys.invoice(line["document"]), line["position"])))
        for line in wanted.invoice_rows
    ]
    return deals, invoices


def _at(line: Line, priced: Line | None) -> Line:
    """A row at another price."""
    if priced is None:
        return line
    return {**line, "price": priced["price"], "amount": priced["amount"], "discount": None}


def _held(told: Told, wanted: Wanted, numbers: Mapping[str, str]) -> dict[str, rules.Held]:
    """Number of a document -> prices that the order of its deal holds in 1C."""
    orders = {order["id"]: deal for deal, order in told.orders.items() if deal in numbers}
    included = {order["id"]: order["vat_included"] for order in told.orders.values()}
    body = [line for line in told.lines if line["document"] in orders]
    found: dict[str, rules.Held] = {}
    for order, prices in rules.held_prices(body, included).items():
        found[numbers[orders[order]]] = prices
    for row in wanted.invoices:
        number = numbers.get(row["deal"] or "", "")
        found[keys.invoice(row["id"])] = found.get(number, {})
    return found


def _foreign(wanted: Wanted, deals: Iterable[Deal], numbers: Mapping[str, str]) -> set[str]:
    """Numbers of documents that are not in roubles."""
    currencies = {numbers[deal["id"]]: deal["currency"] for deal in deals}
    currencies |= {keys.invoice(row["id"]): row["currency"] for row in wanted.invoices}
    return {number for number, currency in currencies.items() if currency not in (None, ROUBLE)}


def _number(told: Told, deal: Deal) -> str:
    """The number of a deal's order towards 1C."""
    born = told.orders.get(deal["id"]) if deal["origin"] else None
    return born["number"] or "" if born else keys.order(deal["id"])


def _listed(wanted: Wanted, numbers: Mapping[str, str]) -> Iterator[Line]:
    """Product rows of the deals and of the smart invoices under the numbers of their documents."""
    for line in wanted.deal_rows:
        if line["document"] in numbers:
            yield {**line, "document": numbers[line["document"]]}
    for line in wanted.invoice_rows:
        yield {**line, "document": keys.invoice(line["document"])}


def remember(run: Run, reading: Reading) -> None:
    """Terms and prices read in this run into the state."""
    rows: dict[tuple[str, str, str], Record] = {}
    for row in _told(reading):
        rows[row["entity"], row["key"], row["field"]] = row
    run.state.fields.write(rows.values())


def _told(reading: Reading) -> Iterator[Record]:
    for party in tables.each(reading.table("parties"), Party):
        extra = party["extra"] or {}
        for name in (rules.PRICE_TYPE, rules.PERCENT):
            if name in extra:
                yield _field(TERMS, party["id"], name, extra[name])
    for price in tables.each(reading.table("prices"), Price):
        known = price["price"] if price["currency"] in (None, ROUBLE) else None
        yield _field(PRICES, price["product"], price["price_type"], known)
    for kind in tables.each(reading.table("price_types"), PriceType):
        yield _field(TYPES, kind["id"], "name", kind["name"])


def _field(entity: str, key: str, field: str, value: object) -> Record:
    return {"entity": entity, "key": key, "field": field, "known": True, "base": value}


def _terms(
    run: Run, deals: Iterable[Deal], invoices: Iterable[Document], numbers: Mapping[str, str]
) -> dict[str, rules.Terms]:
    """Number of a document -> the terms that 1C told of its buyer."""
    terms: dict[str, dict[str, str]] = {}
    for row in run.state.fields.read(TERMS):
        terms.setdefault(row["key"], {})[row["field"]] = row["base"]
    owners = {numbers[deal["id"]]: deal["party"] for deal in deals}
    owners |= {keys.invoice(row["id"]): row["party"] for row in invoices}
    known = origins(run, set(owners.values()))
    return {number: terms.get(known.get(party or "", ""), {}) for number, party in owners.items()}


def _prices(run: Run) -> tuple[list[Price], list[PriceType]]:
    """What 1C has told of prices and price types."""
    prices: list[Price] = [
        {"product": row["key"], "price_type": row["field"], "price": row["base"]}
        for row in run.state.fields.read(PRICES)
    ]
    types: list[PriceType] = [{"id": row["key"], "name": row["base"]} for row in run.state.fields.read(TYPES)]
    return prices, types
