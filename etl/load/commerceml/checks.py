"""What a 1C configuration would choke on or silently misread, said before a byte is written.

In stock 1C one bad document fails the whole file or becomes something else without a word (commerceml §0, §6,
§7), so a document is either fit for its dialect or left out with an Issue. The rules: `rejects` for what is
left out, `doubts` for what only deserves a look.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable

import pandas as pd

from etl import tables as canonical
from etl.config.dialects import Dialect
from etl.load.commerceml import doubts, given, rejects
from etl.load.commerceml.findings import Finding, Findings, issue
from etl.load.commerceml.given import Tables
from etl.load.commerceml.parties import reached
from etl.load.commerceml.rejects import Base
from etl.records import Document, Line, Party
from etl.tables import Record
from etl.values import clean


def problems(
    tables: Tables,
    dialect: Dialect,
    *,
    day: dt.date,
    vat_rates: Collection[str] | None = None,
    currency: str = "руб",
    organisation: str | None = None,
) -> pd.DataFrame:
    """`issues` of all documents, one document after another.

    Arguments as in `write.problems`, which adds the proof.
    """
    documents = canonical.records(given.table(tables, "documents"), Document)
    lines = given.grouped(given.table(tables, "lines"), Line, "document")
    parties = given.grouped(given.table(tables, "parties"), Party, "document")
    base = Base(
        dialect,
        currency,
        _known_rates(dialect, vat_rates),
        _ambiguous(parties.values(), dialect),
        _shared(parties.values(), dialect),
        organisation if dialect.one_organisation else None,
    )
    twins = _Twins(documents)
    found: list[Record] = []
    for document in documents:
        own, people = lines.get(document["id"], []), parties.get(document["id"], [])
        for finding in rejects.of_document(document, own, people, base):
            found.append(issue(document, "reject", finding))
        for finding in twins.of_document(document):
            found.append(issue(document, "reject", finding))
        for finding in doubts.of_document(document, own, people, day):
            found.append(issue(document, "warn", finding))
    return canonical.frame("issues", found)


def unprovable(document: Document, fault: str) -> Record:
    """The issue of a document that the proof refuses: `fault` says which element, values are not repeated."""
    message = (
        f"Документ нельзя записать в файл для 1С: {fault}. Исправьте это значение на портале; "
        "если оно верно, сообщите разработчику."
    )
    return issue(document, "reject", Finding("xml", message))


def _known_rates(dialect: Dialect, told: Collection[str] | None) -> Collection[str] | None:
    """VAT rates the base knows, as Ставка spells them, by the profile or else the dialect; None: any."""
    if told is None:
        return dialect.vat_rates
    return {rate.strip().rstrip("%").strip() for rate in told}


def _ambiguous(parties: Iterable[list[Party]], dialect: Dialect) -> set[str]:
    """Folded names that mean several parties: stock 1C takes them for one.

    It matches by ИНН only where its setting says so and the file has one, otherwise by Наименование
    (commerceml §0.16, §6, §7), and nothing tells us the setting: so an ИНН does not help. Two cards with the
    same ИНН and КПП are one party. The extended contract matches by Ид.
    """
    if dialect.extended:
        return set()
    owners: dict[str, set[tuple[str, str | None]]] = {}
    for people in parties:
        for party in people:
            owner = (party["inn"], party["kpp"]) if party["inn"] else (party["id"], None)
            owners.setdefault(clean.fold(party["name"]), set()).add(owner)
    return {name for name, found in owners.items() if name and len(found) > 1}


def _shared(parties: Iterable[list[Party]], dialect: Dialect) -> set[str]:
    """Phones and mails of several parties: УНФ would take one for the other (onec-code D4)."""
    if not dialect.finds_by_contacts:
        return set()
    owners: dict[str, set[str]] = {}
    for people in parties:
        for party in people:
            for said in (*(party["phones"] or ()), *(party["emails"] or ())):
                owners.setdefault(reached(said), set()).add(party["inn"] or party["id"] or "")
    return {said for said, found in owners.items() if said and len(found) > 1}


class _Twins:
    """Documents that 1C would take for one: equal Ид, or equal kind and Номер (commerceml §0.8)."""

    def __init__(self, documents: Collection[Document]) -> None:
        self.ids = Counter(document["id"] for document in documents)
        self.numbers = Counter((document["kind"], document["number"]) for document in documents)

    def of_document(self, document: Document) -> Findings:
        if self.ids[document["id"]] > 1:
            yield Finding(
                "id",
                "Ид есть у двух документов. Документ не отправлен, сообщите разработчику.",
                document["id"],
            )
        if self.numbers[document["kind"], document["number"]] > 1:
            yield Finding(
                "number",
                "Номер есть у двух документов: 1С запишет один поверх другого. Документ не отправлен.",
                document["number"],
            )
