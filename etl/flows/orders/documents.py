"""The documents of deals for 1C: made of what the portal holds, under the names and ids that 1C knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from etl import tables
from etl.flows.directories import records
from etl.flows.orders import parties, prices
from etl.flows.orders.told import Told
from etl.flows.orders.wanted import Wanted, by_entity, origins
from etl.flows.run import Run
from etl.records import Contact, Deal, Document, Line, Party
from etl.transform.orders import documents, sending
from etl.values import keys
from etl.values.money import ROUBLE

if TYPE_CHECKING:
    import pandas as pd

SCOPE = "orders-out"
#: entity of store.fields: buyer without ИНН -> the name he was first sent with
PARTY = "sent-party"


@dataclass(frozen=True, slots=True)
class Made:
    """Documents with their lines and their buyers."""

    documents: Sequence[Document]
    lines: Sequence[Line]
    parties: Sequence[Party]

    def of_kind(self, kind: str) -> Made:
        """Documents of one kind with what belongs to them."""
        return self._where({row["id"] for row in self.documents if row["kind"] == kind})

    def numbered(self, numbers: Collection[str]) -> Made:
        """Documents with these numbers."""
        return self._where({row["id"] for row in self.documents if row["number"] in numbers})

    def without(self, stopped: Iterable[str]) -> Made:
        """All but these documents."""
        return self._where({row["id"] for row in self.documents} - set(stopped))

    def frames(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        return {
            "documents": tables.frame("documents", self.documents),
            "lines": tables.frame("lines", self.lines),
            "parties": tables.frame("parties", self.parties),
        }

    def _where(self, ids: set[str]) -> Made:
        documents = [row for row in self.documents if row["id"] in ids]
        lines = [line for line in self.lines if line["document"] in ids]
        parties = [party for party in self.parties if party["document"] in ids]
        return Made(documents, lines, parties)


def make(run: Run, told: Told, wanted: Wanted) -> Made:
    """The documents with the wanted numbers, their lines and buyers; what cannot go is an issue."""
    deals = _deals(told, wanted)
    lines, issues = prices.lines(run, told, wanted, deals)
    run.journal.note(issues, SCOPE)
    stopped = {row["key"] or "" for row in issues}
    made = documents.deal_documents(
        _sources(run, told, deals, lines, wanted),
        portal=run.profile.bitrix24.name,
        settings=wanted.settings,
        organisations=run.profile.organisations,
        today=run.clock.today,
        dates=told.dates,
        born={deal: _born(row) for deal, row in told.born.items()},
        extended=run.profile.onec.extended,
        rates=_rates(run, deals, wanted.invoices),
    )
    run.journal.note(list(made.issues), SCOPE)
    return _named(run, _addressed(run, told, made, wanted.numbers - stopped))


def _rates(run: Run, deals: Sequence[Deal], invoices: Sequence[Document]) -> Mapping[str, Decimal]:
    """The portal's rates of the day; asked only where something is not in roubles."""
    currencies = {row["currency"] or ROUBLE for row in (*deals, *invoices)}
    return {} if currencies <= {ROUBLE} else run.portal.rates


def _deals(told: Told, wanted: Wanted) -> list[Deal]:
    """Deals of the wanted numbers."""
    born = {row["number"]: deal for deal, row in told.born.items()}
    billed = {row["id"]: row["deal"] for row in wanted.invoices}
    found: set[str | None] = set()
    for number in wanted.numbers:
        key = keys.decode(number)
        if key is None:
            found.add(born[number])
        else:
            found.add(billed[key.id] if key.kind == "invoice" else key.id)
    return [deal for deal in wanted.deals if deal["id"] in found]


def _sources(
    run: Run, told: Told, deals: Sequence[Deal], lines: Sequence[Line], wanted: Wanted
) -> documents.Sources:
    """What the rule is given; managers stand as e-mails there, as the table of managers names them."""
    mails = {user: mail for mail, user in run.portal.names.emails.items()}
    named: list[Deal] = [
        {
            **deal,
            "manager": mails.get(deal["manager"] or ""),
            "organisation": deal["organisation"] or _organisation_in_1c(run, told, deal),
        }
        for deal in deals
    ]
    cards = run.portal.directory
    buyers = {deal["party"] for deal in deals}
    parties = [_with_ids(cards[name], buyers) for name in ("parties", "requisites")]
    contacts = _with_ids(cards["contacts"], {deal["contact"] for deal in deals})
    return documents.Sources(
        named,
        lines,
        [row for part in parties for row in tables.records(part, Party)],
        tables.records(contacts, Contact),
        wanted.invoices,
    )


def _organisation_in_1c(run: Run, told: Told, deal: Deal) -> str | None:
    """Our organisation that 1C holds for a deal which names none."""
    order = told.orders.get(deal["id"])
    return parties.said_by(run, order) if order else None


def _with_ids(cards: pd.DataFrame, ids: set[str | None]) -> pd.DataFrame:
    """Of a directory of many thousands only the cards of these deals become records."""
    return cards[cards["id"].isin(ids)]


def _born(row: Document) -> documents.Born:
    return documents.Born(row["id"], row["number"] or "", row["date"])


# ---- as 1C knows them ----
def _addressed(run: Run, told: Told, made: documents.DealDocuments, numbers: frozenset[str]) -> Made:
    """Only the wanted documents, buyers under their id in 1C; an order born there keeps its own buyer,
    comment and posting.
    """
    going = Made(made.documents, made.lines, made.parties).numbered(numbers)
    born = {row["id"]: row for row in told.born.values()}
    names = origins(run, {row["party"] for row in going.documents})
    heads: list[Document] = []
    for row in going.documents:
        own = born.get(row["id"])
        head = sending.as_born(row, own) if own else {**row, "party": names[row["party"] or ""]}
        shown = told.orders.get(row["deal"] or "")
        is_foreign = shown is not None and shown["organisation"] and parties.said_by(run, shown) is None
        heads.append(sending.under_theirs(head, shown) if shown and is_foreign else head)
    buyers: list[Party] = []
    for party in going.parties:
        order = party["document"] or ""
        buyers.append(_as_told(told, order, party) if order in born else {**party, "id": names[party["id"]]})
    return Made(heads, going.lines, buyers)


def _as_told(told: Told, document: str, party: Party) -> Party:
    """The buyer of an order born in 1C, as 1C wrote it."""
    known = told.buyers.get(document, party)
    return {**known, "document": document, "role": "Покупатель"}


def _named(run: Run, made: Made) -> Made:
    """Buyers under the names stock 1C knows them by (`sending.named`), remembered; the extended contract
    knows buyers by Ид.
    """
    if run.profile.onec.extended:
        return made
    names = {row["key"]: row["base"] for row in run.state.fields.read(PARTY)}
    named = sending.named(made.parties, names)
    run.journal.note(list(named.issues), SCOPE)
    first = named.first_names()
    run.state.fields.write(
        {"entity": PARTY, "key": party, "field": "name", "known": True, "base": name} for party, name in first
    )
    going = made.without(named.stopped)
    return Made(going.documents, going.lines, named.parties)


def introduce(run: Run, parties: Iterable[str]) -> None:
    """Buyers that 1C learns of from an order: the id they were sent under is theirs until 1C shows another
    one.
    """
    fresh = []
    for entity, numbers in by_entity(parties).items():
        known = run.state.links.by_portal(entity, numbers, "linked", "proposed")
        for number in numbers:
            if number not in known:
                origin = records.onec_id(run, f"{entity}_{number}")
                fresh.append(
                    {"entity": entity, "foreign_id": origin, "portal_id": number, "state": "proposed"}
                )
    run.state.links.put(fresh)
