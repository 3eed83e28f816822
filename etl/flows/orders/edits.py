"""Edits of one order from both sides (DESIGN §5): composition, manager, organisation; and what only the
portal says of it.

The memory stands under the deal (`store.fields`, entity `deal`), that of a smart invoice under the invoice.
1C tells whole documents, so what it told last stands in for every run; a deal is compared only while its
stage is one of the exchange."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from etl import tables
from etl.config.profile import Orders
from etl.flows.agreement import Agreed, Memory
from etl.flows.orders import rows as orders_rows
from etl.flows.orders.rows import ENTITY, ROWS
from etl.flows.orders.told import Told, is_ours
from etl.flows.run import Record, Run
from etl.state.schema import encode
from etl.transform import merge
from etl.transform.orders import composition
from etl.transform.orders import deals as orders

SCOPE = "orders-out"
INVOICE = "invoice"
MANAGER, ORGANISATION = "manager", "organisation"
#: fields that only the portal says, and that 1C reads with the document
_SPOKEN = ("party", "contact", "lead_source")
_QUESTION = "order"


@dataclass
class Compared:
    """One comparison: what 1C must be told (`due`: (entity, key) -> changed field and why) and what the
    portal must hold (`changes`)."""

    memory: Memory
    due: dict[tuple[str, str], dict[str, str]]
    changes: list[Record]


class Sides:
    """Values of both sides for the deals and smart invoices of one run."""

    def __init__(
        self,
        run: Run,
        settings: Orders,
        told: Told,
        deals: Sequence[Record],
        invoices: Sequence[Record],
        rows: pd.DataFrame,
        invoice_rows: pd.DataFrame,
    ) -> None:
        self.run, self.settings, self.told = run, settings, told
        self.orders = {
            deal: row for deal, row in told.orders.items() if not (row["deleted"] or row["cancelled"])
        }
        self._names = orders_rows.aliases(run, told.lines, rows, invoice_rows)
        self.portal = self._portal(deals, invoices, rows, invoice_rows)
        self.onec = self._onec()

    def form(self, field: str, value: Any) -> Any:
        """The form values are compared in: a product that has got its pair since it was sent is the same
        product."""
        if field != ROWS or not isinstance(value, tuple):
            return merge.canonical(field, value)
        return tuple((self._names.get(row[0], row[0]), *row[1:]) for row in value)

    def _portal(
        self,
        deals: Sequence[Record],
        invoices: Sequence[Record],
        rows: pd.DataFrame,
        invoice_rows: pd.DataFrame,
    ) -> dict[tuple[str, str], Record]:
        bodies, invoiced = (orders_rows.positions_of_portal(self.run, part) for part in (rows, invoice_rows))
        found = {
            (ENTITY, deal["id"]): {
                **self._rows(bodies, deal["id"]),
                MANAGER: deal["manager"],
                ORGANISATION: deal["organisation"],
                **{name: deal[name] for name in _SPOKEN},
            }
            for deal in deals
        }
        return found | {
            (INVOICE, row["id"]): {**self._rows(invoiced, row["id"]), "party": row["party"]}
            for row in invoices
        }

    def _rows(self, bodies: orders_rows.Compositions, owner: str) -> Record:
        return {ROWS: bodies.get(owner, ())} if self.settings.rows else {}

    def _onec(self) -> dict[tuple[str, str], Record]:
        """Values of the newest order of each deal; a manager or organisation the profile does not know says
        nothing."""
        heads = tables.frame("documents", self.orders.values())
        bodies = orders_rows.positions_of_1c(self.run, heads, self.told.lines)
        found = {}
        for deal, row in self.orders.items():
            mail = orders.manager_email(row["manager"], self.settings.managers)
            own = orders.organisation(row, self.run.profile.organisations, self.settings.organisations_by)
            values = {
                ROWS: bodies.get(row["id"]) if self.settings.rows else None,
                MANAGER: self.run.portal.names.user_id(mail) if mail else None,
                ORGANISATION: own.name if own else None,
            }
            found[ENTITY, deal] = {name: value for name, value in values.items() if value is not None}
        return found


def compare(sides: Sides, known: set[tuple[str, str]]) -> Compared:
    """The three-way comparison. `known`: records that 1C has been told of or made itself; the others are new
    to it."""
    run, settings = sides.run, sides.settings
    memory = Memory(run.state, [ENTITY, INVOICE])
    held = _discounted(sides, memory, known)
    judged = [key for key in sides.portal if key in known and key not in held]
    result = merge.merge(
        memory.frame(judged, {ENTITY: (ROWS, MANAGER, ORGANISATION, *_SPOKEN), INVOICE: (ROWS, "party")}),
        _long(sides.portal, judged),
        _onec_frame(sides, judged),
        owners={},
        owner=settings.composition_owner,
        seq=int(run.clock.now.timestamp()),
        answers=_answers(sides, judged),
        whole={ENTITY, INVOICE},
        canonical=sides.form,
    )
    memory.take(result.memory)
    _ask(run, sides, result.issues)
    due: dict[tuple[str, str], dict[str, str]] = {}
    for row in tables.records(result.changes):
        if row["side"] == "1c":
            due.setdefault((row["entity"], row["key"]), {})[row["field"]] = row["reason"]
    return Compared(memory, due, [row for row in tables.records(result.changes) if row["side"] == "portal"])


def first_sending(sides: Sides, memory: Memory, key: tuple[str, str]) -> None:
    """Everything about a record that 1C is told for the first time: sent, nothing agreed."""
    memory.take(merge.published(*key, sides.portal[key], int(sides.run.clock.now.timestamp())))


def undo(run: Run, memory: Memory, keys: set[tuple[str, str]]) -> None:
    """Documents that could not be sent: nothing of them was handed over, the memory stays as it was."""
    before = Memory(run.state, [ENTITY, INVOICE])
    for key in keys:
        for field in memory.of(key):
            memory.set(key, field, before.get(key, field))


def _long(values: Mapping[tuple[str, str], Record], judged: Sequence[tuple[str, str]]) -> pd.DataFrame:
    rows = [[*key, field, value] for key in judged for field, value in values[key].items()]
    return pd.DataFrame(rows, columns=[*merge.KEY, "value"], dtype=object)


def _onec_frame(sides: Sides, judged: Sequence[tuple[str, str]]) -> pd.DataFrame:
    rows = [
        [*key, field, value, sides.told.made[sides.orders[key[1]]["id"]]]
        for key in judged
        for field, value in sides.onec.get(key, {}).items()
    ]
    return pd.DataFrame(rows, columns=[*merge.KEY, "value", "seq"], dtype=object)


def _discounted(sides: Sides, memory: Memory, known: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Orders of ours that 1C computes otherwise for the same goods: somebody's discount is at work, nobody's
    value moves."""
    if sides.settings.discounts != "portal":
        return set()
    doubtful = [key for key in sides.portal if key in known and _unsettled(sides, memory.get(key, ROWS), key)]
    ours = {key[1]: sides.portal[key][ROWS] for key in doubtful}
    theirs = {key[1]: sides.onec[key][ROWS] for key in doubtful}
    issues = composition.different_totals(ours, theirs)
    sides.run.journal.note(issues, SCOPE)
    return {(ENTITY, deal) for deal in issues["key"]}


def _unsettled(sides: Sides, agreed: Agreed, key: tuple[str, str]) -> bool:
    theirs = sides.onec.get(key, {}).get(ROWS)
    order = sides.orders.get(key[1])
    if theirs is None or order is None or not is_ours(order):
        return False
    shown = sides.form(ROWS, theirs)
    return shown != sides.form(ROWS, agreed.base) and all(
        shown != sides.form(ROWS, item.value) for item in agreed.sent
    )


# ---- conflicts that only a person decides ----
def _mark(sides: Sides, key: tuple[str, str], field: str) -> str:
    """A question is about two values: another conflict of the same field is another question."""
    values = encode([sides.portal[key].get(field), sides.onec.get(key, {}).get(field)])
    return f"{_QUESTION}:{key[1]}:{field}:{hashlib.sha256(values.encode()).hexdigest()[:8]}"


def _answers(sides: Sides, judged: Sequence[tuple[str, str]]) -> dict[tuple[str, str, str], str]:
    given = sides.run.state.questions.answers(_QUESTION)
    return {
        (*key, field): given[mark]["id"]
        for key in judged
        for field in (sides.onec.get(key, {}) if given else ())
        if (mark := _mark(sides, key, field)) in given and given[mark].get("id")
    }


def _ask(run: Run, sides: Sides, issues: pd.DataFrame) -> None:
    rows: list[dict[str, Any]] = [
        {
            "key": _mark(sides, (row["entity"], row["key"]), row["field"]),
            "entity": _QUESTION,
            "text": row["message"],
            "candidates": [
                {"id": "portal", "text": "оставить как на портале"},
                {"id": "1c", "text": "взять из 1С"},
            ],
        }
        for row in tables.records(issues)
    ]
    run.journal.note(issues, SCOPE)
    run.state.questions.ask(rows, run.number)
    asked = {row["key"] for row in rows}
    run.state.questions.withdraw(
        {row["key"] for row in run.state.questions.open() if row["entity"] == _QUESTION} - asked
    )
