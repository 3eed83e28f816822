"""Edits of one order from both sides (DESIGN §5): composition, manager, organisation; and what only the
portal says of it.

The memory stands under the deal (`store.fields`, entity `deal`), that of a smart invoice under the invoice.
1C tells whole documents, so what it told last stands in for every run; a deal is compared only while its
stage is one of the exchange.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from etl import tables
from etl.config.profile import Orders
from etl.flows.agreement import Memory
from etl.flows.orders import invoices, ourselves
from etl.flows.orders import rows as orders_rows
from etl.flows.orders.rows import ROWS
from etl.flows.orders.told import Told
from etl.flows.run import Record, Run
from etl.records import Deal, Document, Issue, Line
from etl.state.columns import encode
from etl.transform import agreed, merge
from etl.transform.agreed import Agreed
from etl.transform.alignment import KEY
from etl.transform.documents import given_up
from etl.transform.orders import ours, owners, totals
from etl.transform.orders.sending import DEAL, INVOICE, Key

SCOPE = "orders-out"
MANAGER, ORGANISATION = "manager", "organisation"
_QUESTION = "order"
_CANDIDATES = ({"id": "portal", "text": "оставить как на портале"}, {"id": "1c", "text": "взять из 1С"})
#: two-way fields, and fields that only the portal says and 1C reads with the document
_FIELDS = {
    DEAL: (ROWS, MANAGER, ORGANISATION, "party", "contact", "lead_source"),
    INVOICE: (ROWS, "party"),
}
#: record -> field -> value
Values = Mapping[Key, Mapping[str, Any]]


@dataclass
class Compared:
    """One comparison: what 1C must be told (`due`: (entity, key) -> changed field and why), what the portal
    must hold (`changes`), and the keys of the questions that it left (`asked`).
    """

    memory: Memory
    due: dict[Key, dict[str, str]]
    changes: list[Record]
    asked: set[str]


@dataclass(frozen=True, slots=True)
class Sides:
    """Values of both sides for the deals and smart invoices of one run. `orders` = deal -> its order in 1C;
    `names` = how a product without a pair stands -> its id in 1C, where it has a pair by now.
    """

    run: Run
    settings: Orders
    told: Told
    orders: Mapping[str, Document]
    names: Mapping[str, str]
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
        fields = {name: deal.get(name) for name in _FIELDS[DEAL] if name != ROWS}
        portal[DEAL, deal["id"]] = _rows(settings, bodies, deal["id"]) | fields
    onec = _onec(run, settings, lines, orders)
    _complete(deals, portal, onec)
    for row in bills:
        portal[INVOICE, row["id"]] = _rows(settings, invoiced, row["id"]) | {"party": row["party"]}
    return Sides(run, settings, told, orders, known, portal, onec)


def _complete(
    deals: Iterable[Deal], portal: Mapping[Key, Record], onec: Mapping[Key, Mapping[str, Any]]
) -> None:
    """A deal that names none of our organisations says nothing against the one that 1C holds: it is not
    compared until it is complete (DESIGN §4, «Complete before compare»).
    """
    for deal in deals:
        key = DEAL, deal["id"]
        if deal["organisation"] is None and ORGANISATION in onec.get(key, {}):
            portal[key][ORGANISATION] = onec[key][ORGANISATION]


def _unnamed(both: Sides, judged: Iterable[Key]) -> Iterator[Record]:
    """Deals to be completed with the organisation that 1C holds."""
    deals = both.run.portal.deals
    blank = set(deals.loc[deals["organisation"].isna(), "id"])
    for key in judged:
        name = both.onec.get(key, {}).get(ORGANISATION)
        if name is not None and key[1] in blank:
            yield {
                "side": "portal",
                "entity": key[0],
                "key": key[1],
                "field": ORGANISATION,
                "before": None,
                "after": name,
                "reason": "в сделке не указана наша организация, в 1С она известна",
            }


def _rows(settings: Orders, bodies: orders_rows.Compositions, owner: str) -> Record:
    return {ROWS: bodies.get(owner, ())} if settings.rows else {}


def _standing(told: Told, deals: Iterable[Deal]) -> dict[str, Document]:
    """deal -> its order in 1C, unless 1C has given it up."""
    found: dict[str, Document] = {}
    for deal in deals:
        order = told.orders.get(deal["id"])
        if order and not given_up(order):
            found[deal["id"]] = order
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
            ORGANISATION: ourselves.said_by(run, row),
        }
        found[DEAL, deal] = {name: value for name, value in values.items() if value is not None}
    return found


def compare(both: Sides, known: Collection[Key]) -> Compared:
    """The three-way comparison. `known`: records that 1C has been told of or made itself; the others are new
    to it.
    """
    run, settings = both.run, both.settings
    memory = Memory(run.state, [DEAL, INVOICE], [identifier for _, identifier in both.portal])
    held = _discounted(both, memory, known)
    judged = [key for key in both.portal if key in known and key not in held]
    result = merge.merge(
        memory.frame(judged, _FIELDS),
        _portal_frame(both, judged),
        _onec_frame(both, judged),
        owners={},
        owner=settings.composition_owner,
        seq=_moment(run),
        answers=_answers(both, judged),
        whole={DEAL, INVOICE},
        canonical=both.form,
    )
    memory.take(result.memory)
    asked = _ask(both, result.issues)
    due: dict[Key, dict[str, str]] = {}
    changes: list[Record] = []
    for row in tables.each(result.changes):
        if row["side"] == "1c":
            due.setdefault((row["entity"], row["key"]), {})[row["field"]] = row["reason"]
        else:
            changes.append(row)
    changes += _unnamed(both, judged)
    return Compared(memory, due, changes, asked)


def first_sending(both: Sides, memory: Memory, keys: Iterable[Key]) -> None:
    """Everything about records that 1C is told for the first time: sent, nothing agreed."""
    moment = _moment(both.run)
    for key in keys:
        for field, value in both.portal[key].items():
            memory.set(key, field, agreed.published(value, moment))


def undo(run: Run, memory: Memory, keys: Collection[Key]) -> None:
    """Documents that could not be sent: nothing of them was handed over, the memory stays as it was."""
    if not keys:
        return
    before = Memory(run.state, [DEAL, INVOICE], [identifier for _, identifier in keys])
    for key in keys:
        for field in memory.of(key):
            memory.set(key, field, before.get(key, field))


def _moment(run: Run) -> int:
    """The moment of the run in seconds: the order of events in the memory."""
    return int(run.clock.now.timestamp())


def _portal_frame(both: Sides, judged: Sequence[Key]) -> pd.DataFrame:
    rows = []
    for key in judged:
        rows += [[*key, field, value] for field, value in both.portal[key].items()]
    return pd.DataFrame(rows, columns=[*KEY, "value"], dtype=object)


def _onec_frame(both: Sides, judged: Sequence[Key]) -> pd.DataFrame:
    """What 1C shows, each value with the moment its document was told."""
    rows = []
    for key in judged:
        for field, value in both.onec.get(key, {}).items():
            made = both.told.made[both.orders[key[1]]["id"]]
            rows.append([*key, field, value, made])
    return pd.DataFrame(rows, columns=[*KEY, "value", "seq"], dtype=object)


# ---- somebody's discount ----
def _discounted(both: Sides, memory: Memory, known: Collection[Key]) -> set[Key]:
    """Orders of ours that 1C computes otherwise for the same goods: somebody's discount is at work, nobody's
    value moves.
    """
    if both.settings.discounts != "portal":
        return set()
    doubtful = [key for key in both.portal if key in known and _unsettled(both, memory.get(key, ROWS), key)]
    if not doubtful:
        return set()
    held = {key[1]: both.portal[key][ROWS] for key in doubtful}
    shown = {key[1]: both.onec[key][ROWS] for key in doubtful}
    issues = totals.different_totals(held, shown)
    both.run.journal.note(issues, SCOPE)
    return {(DEAL, row["key"]) for row in issues}


def _unsettled(both: Sides, memory: Agreed, key: Key) -> bool:
    """Whether 1C shows a composition of an order of ours that is neither agreed nor what we sent."""
    theirs = both.onec.get(key, {}).get(ROWS)
    order = both.orders.get(key[1])
    if theirs is None or order is None or not owners.is_ours(order):
        return False
    shown = both.form(ROWS, theirs)
    known = [memory.base, *(item.value for item in memory.sent)]
    return all(shown != both.form(ROWS, value) for value in known)


# ---- conflicts that only a person decides ----
def _mark(both: Sides, key: Key, field: str) -> str:
    """A question is about two values: another conflict of the same field is another question."""
    values = encode([both.portal[key].get(field), both.onec.get(key, {}).get(field)])
    return f"{_QUESTION}:{key[1]}:{field}:{hashlib.sha256(values.encode()).hexdigest()[:8]}"


def _answers(both: Sides, judged: Sequence[Key]) -> dict[tuple[str, str, str], str]:
    """(entity, key, field) -> the side that a person has chosen."""
    given = both.run.state.questions.answers(_QUESTION)
    if not given:
        return {}
    found: dict[tuple[str, str, str], str] = {}
    for key in judged:
        for field in both.onec.get(key, {}):
            answer = given.get(_mark(both, key, field), {}).get("id")
            if answer:
                found[*key, field] = answer
    return found


def _ask(both: Sides, issues: pd.DataFrame) -> set[str]:
    run = both.run
    rows = [_question(both, row) for row in tables.each(issues, Issue)]
    run.journal.note(issues, SCOPE)
    run.state.questions.ask(rows, run.number)
    return {row["key"] for row in rows}


def withdraw(run: Run, asked: Collection[str]) -> None:
    """Conflicts that are not asked about any more have settled themselves."""
    invoices.withdraw(run, _QUESTION, asked)


def _question(both: Sides, row: Issue) -> Record:
    key = (row["entity"] or "", row["key"] or "")
    return {
        "key": _mark(both, key, row["field"] or ""),
        "entity": _QUESTION,
        "text": row["message"],
        "candidates": list(_CANDIDATES),
    }
