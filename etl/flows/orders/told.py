"""What 1C has told of orders so far, and which deals it speaks about.

1C tells a document when it changes and not again, so the newest text of each is kept (`store.files`). An
order may wait for its buyer, a composition is compared with the portal run after run. A number of ours or the
origin of a deal says whose a document is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict

from etl import tables
from etl.flows import facts as recording
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.records import Deal, Document, Line, Party
from etl.transform.documents import is_reversal
from etl.transform.money import targets
from etl.transform.money.currency import Dues
from etl.transform.orders import owners
from etl.transform.orders.doubts import is_foreign
from etl.transform.orders.facts import dues
from etl.values import keys
from etl.values.money import ROUBLE

#: entity of store.fields: number of a document sent to 1C -> `date` and `deal`, frozen at the first sending
SENT = "sent"


class Sending(TypedDict, total=False):
    """What was frozen when a document was first sent; `settled` = its smart invoice is paid and moved."""

    date: dt.date
    deal: str
    settled: bool


@dataclass(frozen=True)
class Told:
    """Documents as 1C told them last, with what they are to the portal (`owners.belongings`).

    found: document -> number or id it speaks about; content: documents that fill deals, owned: all documents
    of deals (both with `deal`); `made`: moment of a document's file in seconds; `fresh`: read in this run;
    `buyers`: document -> its buyer as 1C wrote it; `sent`: number -> what was frozen when we sent it;
    `links`: Ид or number of an order born in 1C -> its deal; `currencies`: deal -> its currency. Documents in
    another currency than their deal have no `lines`: they say nothing of its composition. `above`: order or
    invoice -> what it stands upon (`targets.bases`).
    """

    documents: Sequence[Document]
    lines: Sequence[Line]
    found: dict[str, str]
    roles: owners.Belongings
    content: Sequence[Document]
    owned: Sequence[Document]
    unknown: Sequence[Record]
    made: dict[str, int]
    buyers: dict[str, Party]
    fresh: frozenset[str]
    sent: dict[str, Sending]
    links: dict[str, str]
    currencies: dict[str, str]
    above: dict[str, tuple[str, ...]]

    @cached_property
    def dues(self) -> Dues:
        """Target of a fact -> the currency it is counted in."""
        return dues(self.owned, self.owners, self.currencies)

    @cached_property
    def bodies(self) -> frozenset[str]:
        """Documents that have lines."""
        return frozenset(line["document"] for line in self.lines)

    @cached_property
    def orders(self) -> dict[str, Document]:
        """deal -> its order, the latest told where there are several."""
        rows = [row for row in self.content if row["kind"] == "order" and not is_reversal(row)]
        rows.sort(key=lambda row: self.made[row["id"]])
        return {row["deal"] or "": row for row in rows}

    @cached_property
    def born(self) -> dict[str, Document]:
        """deal -> its order that people made in 1C."""
        return {deal: row for deal, row in self.orders.items() if not owners.is_ours(row)}

    @cached_property
    def dates(self) -> dict[str, dt.date]:
        """Number -> date of every order and invoice of ours that 1C knows: as first sent, or as 1C shows it
        where that memory is lost.
        """
        found: dict[str, dt.date] = {}
        for row in self.owned:
            number, day = row["number"], row["date"]
            if number and day and owners.is_of_deals(number):
                found[number] = day
        return found | {number: row["date"] for number, row in self.sent.items()}

    @cached_property
    def invoices(self) -> dict[str, str]:
        """Smart invoice -> its deal, of those that were sent."""
        return _invoices(self.sent)

    @cached_property
    def owners(self) -> dict[str, str]:
        """Target of a fact -> the deal it is about."""
        return {number: row["deal"] for number, row in self.sent.items()} | self.links


def read(run: Run, reading: Reading) -> Told:
    """Everything told up to and including this run."""
    held = _held(run, reading)
    payloads = [row["payload"] for row in held]
    rows: list[Document] = [payload["row"] for payload in payloads]
    lines: list[Line] = [line for payload in payloads for line in payload["lines"]]
    portal, before, links = run.profile.bitrix24.name, sent(run), _links(run, rows)
    known = recording.known_numbers(run) | owners.provably_ours(rows, portal)
    known |= before.keys() | links.keys()
    found, unknown = targets.targets(rows, portal=portal, known=known)
    roles = owners.belongings(rows, found, links=links, invoices=_invoices(before))
    content, currencies = owners.attached(rows, roles), _currencies(run, rows)
    foreign = {row["id"] for row in content if is_foreign(row, currencies)}
    return Told(
        documents=rows,
        lines=[line for line in lines if line["document"] not in foreign] if foreign else lines,
        found=found,
        roles=roles,
        content=content,
        owned=owners.owned(rows, roles),
        unknown=unknown,
        made={row["id"]: _seconds(row["generated_at"]) for row in held},
        buyers=_buyers(payloads),
        fresh=frozenset(row["id"] for row in reading.seen),
        sent=before,
        links=links,
        currencies=currencies,
        above=targets.bases(rows, portal=portal, known=known, heads=found),
    )


def _currencies(run: Run, documents: Sequence[Document]) -> dict[str, str]:
    """Deal -> its currency on the portal; one that names none is in roubles."""
    if not documents:
        return {}
    deals = run.portal.deals
    return {deal: code or ROUBLE for deal, code in zip(deals["id"], deals["currency"], strict=True)}


def _held(run: Run, reading: Reading) -> list[Record]:
    """The newest text of each document with its lines and parties."""
    held = {row["id"]: row for row in run.state.files.told_documents()}
    held |= {row["id"]: row for row in reading.seen if row["payload"]}
    return list(held.values())


def _seconds(moment: dt.datetime | None) -> int:
    """Moments compare as numbers; a file that does not say when it was written is the oldest."""
    return int(moment.timestamp()) if moment else 0


def _buyers(payloads: Iterable[Record]) -> dict[str, Party]:
    """Document -> its buyer as 1C wrote it."""
    found: dict[str, Party] = {}
    for payload in payloads:
        head = payload["row"]
        buyer = next((row for row in payload["parties"] if row["id"] == head["party"]), None)
        if buyer:
            found[head["id"]] = buyer
    return found


# ---- what was sent ----
def sent(run: Run) -> dict[str, Sending]:
    """number -> {date, deal} of every order and invoice that was ever sent."""
    found: dict[str, Any] = {}
    for row in run.state.fields.read(SENT):
        found.setdefault(row["key"], {})[row["field"]] = row["base"]
    return found


def freeze(run: Run, rows: Iterable[Document], known: Mapping[str, Sending]) -> None:
    """Remember the first sending of documents (number, deal, date); later sendings change nothing."""
    fresh = []
    for row in rows:
        if row["number"] not in known:
            fresh.append(_frozen(row, "date", row["date"]))
            fresh.append(_frozen(row, "deal", row["deal"]))
    run.state.fields.write(fresh)


def _frozen(row: Document, field: str, value: object) -> Record:
    return {"entity": SENT, "key": row["number"], "field": field, "known": True, "base": value}


def _invoices(known: Mapping[str, Sending]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, row in known.items():
        key = keys.decode(number)
        if key and key.kind == "invoice":
            found[key.id] = row["deal"]
    return found


def _links(run: Run, documents: Sequence[Document]) -> dict[str, str]:
    """Ид or number of an order born in 1C -> its deal: by the origin that the deal carries; beside that pairs
    a person has made.
    """
    if not documents:
        return {}
    pairs = {row["foreign_id"]: row["portal_id"] for row in run.state.links.all("document", "linked")}
    deals = tables.each(run.portal.deals, Deal)
    carried = owners.by_origin(deals, run.profile.bitrix24.originator, pairs)
    return owners.links(documents, pairs | carried)
