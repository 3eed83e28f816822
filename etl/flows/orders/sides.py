"""Values of both sides of the deals in an exchange, and what their comparison leaves to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etl.config.profile import Orders
from etl.flows.agreement import Memory
from etl.flows.orders import parties
from etl.flows.orders import rows as orders_rows
from etl.flows.orders.rows import ROWS
from etl.flows.orders.told import Told
from etl.flows.run import Record, Run
from etl.records import Deal, Document, Line
from etl.transform import merge
from etl.transform.documents import given_up
from etl.transform.orders import ours
from etl.transform.orders.sending import DEAL, INVOICE, Key
from etl.transform.orders.units import Judged

MANAGER, ORGANISATION = "manager", "organisation"
#: two-way fields, and fields that only the portal says and 1C reads with the document
FIELDS = {
    DEAL: (ROWS, MANAGER, ORGANISATION, "party", "contact", "lead_source"),
    INVOICE: (ROWS, "party"),
}
#: record -> field -> value
Values = Mapping[Key, Mapping[str, Any]]


@dataclass
class Compared:
    """One comparison: what 1C must be told (`due`: (entity, key) -> changed field and why), what the portal
    must hold (`changes`), the keys of the questions that it left (`asked`), and the `units` to be remembered
    once the changes are written.
    """

    memory: Memory
    due: dict[Key, dict[str, str]]
    changes: list[Record]
    asked: set[str]
    units: dict[str, Judged] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sides:
    """Values of both sides for the deals and smart invoices of one run. `orders` = deal -> its order in 1C,
    `lines` = lines of these orders; `names` = how a product without a pair stands -> its id in 1C, where it
    has a pair by now.
    """

    run: Run
    settings: Orders
    told: Told
    orders: Mapping[str, Document]
    names: Mapping[str, str]
    lines: Sequence[Line]
    portal: Values
    onec: Values

    def form(self, field: str, value: Any) -> Any:
        """The form values are compared in: a product that has got its pair since it was sent is the same
        product.
        """
        if field != ROWS or not isinstance(value, tuple):
            return merge.canonical(field, value)
        return tuple((self.names.get(row[0], row[0]), *row[1:]) for row in value)


def sides(
    run: Run,
    settings: Orders,
    told: Told,
    deals: Sequence[Deal],
    bills: Sequence[Document],
    rows: tuple[Sequence[Line], Sequence[Line]],
    names: Mapping[str, str],
) -> Sides:
    """Values of both sides; `rows` = product rows of the deals and of the smart invoices, `names` =
    aliases of the products that 1C has told of (`rows.aliases`).
    """
    orders = _standing(told, deals)
    lines = _lines(told, orders)
    known = {**names, **orders_rows.portal_aliases(run, rows)}
    bodies, invoiced = (orders_rows.positions_of_portal(run, part) for part in rows)
    portal: dict[Key, Record] = {}
    for deal in deals:
        fields = {name: deal.get(name) for name in FIELDS[DEAL] if name != ROWS}
        portal[DEAL, deal["id"]] = _rows(settings, bodies, deal["id"]) | fields
    onec = _onec(run, settings, lines, orders)
    _complete(deals, portal, onec)
    for row in bills:
        portal[INVOICE, row["id"]] = _rows(settings, invoiced, row["id"]) | {"party": row["party"]}
    return Sides(run, settings, told, orders, known, lines, portal, onec)


def _complete(
    deals: Iterable[Deal], portal: Mapping[Key, Record], onec: Mapping[Key, Mapping[str, Any]]
) -> None:
    """A deal that names none of our organisations says nothing against the one that 1C holds: it is not
    compared until it is complete (DESIGN §4, «Complete before compare»).
    """
    for deal in deals:
        key = DEAL, deal["id"]
        told = onec.get(key, {})
        if deal["organisation"] is None and ORGANISATION in told:
            known = told[ORGANISATION]
            portal[key][ORGANISATION] = known


def _rows(settings: Orders, bodies: orders_rows.Compositions, owner: str) -> Record:
    return {ROWS: bodies.get(owner, ())} if settings.rows else {}


def _standing(told: Told, deals: Iterable[Deal]) -> dict[str, Document]:
    """deal -> its order in 1C, unless 1C has given it up."""
    found: dict[str, Document] = {}
    for deal in deals:
        number = deal["id"]
        order = told.orders.get(number)
        if order and not given_up(order):
            found[number] = order
    return found


def _lines(told: Told, orders: Mapping[str, Document]) -> list[Line]:
    """Lines of these orders."""
    ids = {row["id"] for row in orders.values()}
    return [line for line in told.lines if line["document"] in ids]


def _onec(
    run: Run, settings: Orders, lines: Sequence[Line], orders: Mapping[str, Document]
) -> dict[Key, Mapping[str, Any]]:
    """Values of the newest order of each deal; a manager or organisation the profile does not know says
    nothing.
    """
    if not orders:
        return {}
    bodies = orders_rows.positions_of_1c(run, orders.values(), lines) if settings.rows else {}
    found: dict[Key, Mapping[str, Any]] = {}
    for deal, row in orders.items():
        mail = ours.manager_email(row["manager"], settings.managers)
        values = {
            ROWS: bodies.get(row["id"]),
            MANAGER: run.portal.names.user_id(mail) if mail else None,
            ORGANISATION: parties.said_by(run, row),
        }
        found[DEAL, deal] = {name: value for name, value in values.items() if value is not None}
    return found
