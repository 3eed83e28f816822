"""Edits that people made in 1C into the deals; what the portal has confirmed is agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from etl import tables
from etl.flows import stages
from etl.flows.agreement import Memory
from etl.flows.orders import parties
from etl.flows.orders import rows as orders_rows
from etl.flows.orders.rows import ENTITY, ROWS
from etl.flows.orders.sides import MANAGER, ORGANISATION
from etl.flows.orders.told import Told
from etl.flows.portal import delivery, refusals
from etl.flows.run import Record, Run
from etl.records import Deal, Document
from etl.transform.orders import composition

#: action of a change -> the merged field it settles
_FIELD = {"rows": ROWS, "update": MANAGER, "link": ORGANISATION}
_SCOPE = "orders-out"


def take(run: Run, told: Told, changes: Sequence[Record]) -> set[str]:
    """Write what the comparison says the portal must hold, all of it under one guard, and remember what it
    holds now. Out: deals whose composition was written.
    """
    if not changes:
        return set()
    wanted = [_from_order(change, told.orders[change["key"]]) for change in changes]
    composed = [change for change in wanted if change["field"] == ROWS]
    wanted = [*_composed(run, told, composed), *_cards(run, wanted)]
    applied = delivery.apply(run, wanted, refusals.ORDERS_OUT)
    stages.count(run, applied)
    done = [row for row in applied if row["outcome"] == "done"]
    _settle(Memory(run.state, [ENTITY], {change["key"] for change in changes}), done)
    orders_rows.note_emptied(run, done)
    return {row["key"] for row in done if row["action"] == "rows"}


def _from_order(change: Record, order: Document) -> Record:
    """A change with the document that tells it."""
    return change | {"file": order["file"], "document": order["number_1c"] or order["number"]}


def _cards(run: Run, changes: Sequence[Record]) -> list[Record]:
    """Changes of managers and organisations as the portal writes them."""
    deals = _deals(run, {change["key"] for change in changes})
    found: list[Record] = []
    for change in changes:
        if change["field"] == MANAGER:
            found.append(change | {"field": "assignedById"})
        elif change["field"] == ORGANISATION:
            deal = deals[change["key"]]
            made = parties.change_of(run, deal, change["after"], change["reason"], _SCOPE)
            found += [change | one for one in made]
    return found


def _deals(run: Run, keys: set[str]) -> dict[str, Deal]:
    """These deals by id."""
    deals = run.portal.deals
    return {deal["id"]: deal for deal in tables.each(deals[deals["id"].isin(keys)], Deal)}


def _composed(run: Run, told: Told, changes: Sequence[Record]) -> list[Record]:
    """Changes of compositions with the rows the portal is to hold."""
    if not changes:
        return []
    orders: list[Document] = [{**told.orders[change["key"]], "deal": change["key"]} for change in changes]
    content = orders_rows.sound(run, told, orders)
    heads, lines = composition.deal_lines(content, told.lines)
    good = {row["id"] for row in heads}
    rows = [change | {"action": "rows"} for change in changes if change["key"] in good]
    return orders_rows.written(run, rows, heads, lines)


def _settle(memory: Memory, applied: Iterable[Record]) -> None:
    for row in applied:
        field = ORGANISATION if ORGANISATION in row else _FIELD[row["action"]]
        memory.settle((ENTITY, row["key"]), field, keep=True)
    memory.commit()
