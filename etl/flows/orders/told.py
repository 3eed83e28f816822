"""What 1C has told of orders so far, and which deals it speaks about.

1C tells a document when it changes and not again, so the newest text of each is kept (`store.files`). An
order may wait for its buyer, a composition is compared with the portal run after run. A number of ours or the
origin of a deal says whose a document is."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from etl import tables
from etl.flows import facts as recording
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.transform import identity
from etl.transform.money import targets
from etl.transform.orders import deals as orders
from etl.values import keys

#: entity of store.fields: number of a document sent to 1C -> `date` and `deal`, frozen at the first sending
SENT = "sent"


@dataclass(frozen=True)
class Told:
    """Documents as 1C told them last, with what they are to the portal (`identity.document_deals`).

    found: document -> number or id it speaks about; content: documents that fill deals, owned: all documents
    of deals (both with `deal`); `made`: moment of a document's file in seconds; `fresh`: read in this run;
    `buyers`: document -> its buyer as 1C wrote it; `sent`: number -> what was frozen when we sent it;
    `links`: Ид or number of an order born in 1C -> its deal."""

    documents: pd.DataFrame
    lines: pd.DataFrame
    found: dict[str, str]
    roles: pd.DataFrame
    content: pd.DataFrame
    owned: pd.DataFrame
    unknown: pd.DataFrame
    made: dict[str, int]
    buyers: dict[str, Record]
    fresh: frozenset[str]
    sent: dict[str, Record]
    links: dict[str, str]

    @cached_property
    def orders(self) -> dict[str, Record]:
        """deal -> its order, the latest told where there are several."""
        rows = sorted(
            (row for row in tables.records(self.content) if row["kind"] == "order"),
            key=lambda row: self.made[row["id"]],
        )
        return {row["deal"]: row for row in rows}

    @cached_property
    def born(self) -> dict[str, Record]:
        """deal -> its order that people made in 1C."""
        return {deal: row for deal, row in self.orders.items() if not is_ours(row)}

    @cached_property
    def dates(self) -> dict[str, dt.date]:
        """Number -> date of every order and invoice of ours that 1C knows: as first sent, or as 1C shows it
        where that memory is lost."""
        shown = {
            row["number"]: row["date"]
            for row in tables.records(self.owned)
            if (key := keys.decode(row["number"])) and key.kind in ("order", "invoice") and row["date"]
        }
        return shown | {number: row["date"] for number, row in self.sent.items()}

    @cached_property
    def invoices(self) -> dict[str, str]:
        """Smart invoice -> its deal, of those that were sent."""
        return _invoices(self.sent)

    @cached_property
    def owners(self) -> dict[str, str]:
        """Target of a fact -> the deal it is about."""
        return {number: row["deal"] for number, row in self.sent.items()} | self.links


def is_ours(row: Record) -> bool:
    """An order made from a deal, by its number."""
    key = keys.decode(row["number"])
    return key is not None and key.kind == "order"


def read(run: Run, reading: Reading) -> Told:
    """Everything told up to and including this run."""
    held = {row["id"]: row for row in run.state.files.told_documents()} | {
        row["id"]: row for row in reading.seen if row["payload"]
    }
    payloads = [row["payload"] for row in held.values()]
    documents = tables.frame("documents", [payload["row"] for payload in payloads])
    before, links = sent(run), _links(run, documents)
    known = recording.known_numbers(run) | _ours(run, documents) | before.keys() | links.keys()
    found, missing = targets.targets(tables.records(documents), portal=run.profile.bitrix24.name, known=known)
    roles = identity.document_deals(documents, found, links=links, invoices=_invoices(before))
    owners = dict(roles[["id", "deal"]].to_numpy().tolist())
    owned = [
        row | {"deal": owners[row["id"]]}
        for row in tables.records(documents)
        if owners[row["id"]] and not _charged(row)
    ]
    return Told(
        documents,
        tables.frame("lines", [line for payload in payloads for line in payload["lines"]]),
        found,
        roles,
        orders.attached(documents, roles),
        tables.frame("documents", owned),
        tables.frame("issues", missing),
        {key: _seconds(row["generated_at"]) for key, row in held.items()},
        {payload["row"]["id"]: buyer for payload in payloads if (buyer := _buyer(payload))},
        frozenset(row["id"] for row in reading.seen),
        before,
        links,
    )


def _charged(row: Record) -> bool:
    """A charge or an act of a contract is no order of its deal."""
    key = keys.decode(row["number"])
    return key is not None and key.kind not in ("order", "invoice")


def _seconds(moment: Any) -> int:
    return int(moment.timestamp()) if moment else 0


def _buyer(payload: Record) -> Record | None:
    return next((row for row in payload["parties"] if row["id"] == payload["row"]["party"]), None)


# ---- what was sent ----
def sent(run: Run) -> dict[str, Record]:
    """number -> {date, deal} of every order and invoice that was ever sent."""
    found: dict[str, Record] = {}
    for row in tables.records(run.state.fields.read(SENT)):
        found.setdefault(row["key"], {})[row["field"]] = row["base"]
    return found


def freeze(run: Run, rows: Iterable[Record], known: Mapping[str, Record]) -> None:
    """Remember the first sending of documents (number, deal, date); later sendings change nothing."""
    run.state.fields.write(
        [
            {"entity": SENT, "key": row["number"], "field": field, "known": True, "base": row[field]}
            for row in rows
            if row["number"] not in known
            for field in ("date", "deal")
        ]
    )


def _invoices(known: Mapping[str, Record]) -> dict[str, str]:
    return {
        key.id: row["deal"]
        for number, row in known.items()
        if (key := keys.decode(number)) and key.kind == "invoice"
    }


# ---- whose a document is ----
def _born(run: Run) -> dict[str, str]:
    """Order of 1C -> its deal: the deal carries the origin itself; beside that pairs a person has made."""
    ours = run.profile.bitrix24.originator
    own = {
        row["origin"]: row["id"]
        for row in tables.records(run.portal.deals)
        if row["originator"] == ours and row["origin"]
    }
    return {row["foreign_id"]: row["portal_id"] for row in run.state.links.all("document", "linked")} | own


def _links(run: Run, documents: pd.DataFrame) -> dict[str, str]:
    """Ид or number of an order born in 1C -> its deal. A number counts while only one order bears it: numbers
    start anew each year."""
    if not len(documents):
        return {}
    pairs, heads = (
        _born(run),
        [row for row in tables.records(documents) if row["kind"] == "order" and row["number"]],
    )
    numbers = Counter(row["number"] for row in heads)
    return pairs | {
        row["number"]: pairs[row["id"]] for row in heads if row["id"] in pairs and numbers[row["number"]] == 1
    }


def _ours(run: Run, documents: pd.DataFrame) -> set[str]:
    """Numbers that are provably ours although the memory of their sending may be lost: the Ид says so."""
    portal = run.profile.bitrix24.name
    return {
        row["number"]
        for row in tables.records(documents)
        if row["number"] and keys.document_id(portal, row["kind"], row["number"]) == row["id"]
    }
