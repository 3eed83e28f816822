"""The handler enters documents into the base: which one it is, whether it may change, what it takes.

Documents match by Ид, else by kind + Номер of the same year. An order or invoice of a group without payments,
shipments or a closing takes our values; otherwise the change is refused silently. Whatever was loaded is
registered for export: unlike the stock exchanges the handler *does* echo what it has just loaded, with the
values the base now holds.
"""

from __future__ import annotations

import copy
import datetime as dt

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.incoming import (
    Incoming,
    Outcome,
    Settings,
    fill,
    find_or_create_party,
    find_or_create_product,
)
from etl.sandbox.onec.records import ZERO, Document, Party


def known_document(books: Books, incoming: Incoming) -> Document | None:
    """The document of the base that the file means: by Ид, else by kind, number and year."""
    by_guid = books.get(incoming.guid)
    if by_guid is not None:
        return by_guid
    found = None
    for document in books.numbered(incoming.kind, incoming.number):
        if document.number == incoming.number and document.date.year == incoming.date.year:
            found = document
    return found


def enter(
    books: Books,
    settings: Settings,
    incoming: Incoming,
    names: dict[str, str],
    now: dt.datetime,
    outcome: Outcome,
) -> None:
    """Write one document of the file; `names` leads from references of the file to those of the base."""
    known = books.get(names[incoming.guid])
    before = known.basis if known else None
    basis = names.get(incoming.basis, incoming.basis) if incoming.basis else before
    document = _entered(books, settings, incoming, known, now)
    document.basis = basis
    if known is None:
        outcome.created.append(incoming.number)
    elif document == known:
        outcome.same.append(incoming.number)
    elif books.in_use(known):
        # the link to a basis is taken even so: a prepaid invoice gets its order later
        document = copy.deepcopy(known)
        document.basis = basis
        outcome.skipped.append(incoming.number)
    else:
        outcome.updated.append(incoming.number)
    if document != known:
        _put(books, document, known)
    books.changed.add(document.guid)
    outcome.loaded.append(document.guid)


def _put(books: Books, document: Document, known: Document | None) -> None:
    """A new version; a new document also changes the one it stands upon."""
    document.version = known.version + 1 if known else 1
    books.put(document)
    parent = books.get(document.basis)
    if known is None and parent is not None:
        books.touch(parent)


def _entered(
    books: Books, settings: Settings, incoming: Incoming, known: Document | None, now: dt.datetime
) -> Document:
    """The document as the file tells it, not yet written; what the file leaves out stays."""
    values = incoming.requisites
    party = _party(books, incoming)
    document = copy.deepcopy(known) if known else _new(books, settings, incoming, now)
    for line in incoming.lines:
        line.product = find_or_create_product(books, line, keep_guid=True, by_article=True)
    fill(document, incoming, amount=incoming.amount or ZERO)
    basis = books.get(document.basis or incoming.basis)
    document.party = party.guid
    document.contract = _contract(books, party, values, basis)
    document.organisation = values.get("Организация") or document.organisation
    document.manager = values.get("Менеджер") or document.manager
    document.status = values.get("Статус заказа") or document.status
    document.comment = incoming.comment
    document.deleted = incoming.deleted
    document.cancelled = xml.boolean(values.get("Отменен"))
    document.posted = xml.boolean(values.get("Проведен")) and not document.deleted
    document.requisites = {name: value for name, value in values.items() if value}
    return document


def _new(books: Books, settings: Settings, incoming: Incoming, now: dt.datetime) -> Document:
    return Document(
        guid=incoming.guid,
        kind=incoming.kind,
        number=incoming.number,
        number_1c=books.new_number(incoming.kind, incoming.date.year),
        date=incoming.date,
        moment=now,
        origin="contract",
        organisation=settings.organisation,
    )


def _party(books: Books, incoming: Incoming) -> Party:
    """The counterparty by Ид, else by ИНН or name; a new one is created under our reference."""
    told = incoming.party or Party("", "")
    known = books.party(told.guid)
    if known is not None:
        return known
    party, _ = find_or_create_party(books, told, keep_guid=True)
    return party


def _contract(books: Books, party: Party, values: dict[str, str], basis: Document | None) -> str | None:
    """The contract that the requisites name, else that of the basis."""
    number = values.get("Номер договора")
    if not number:
        return basis.contract if basis else None
    told = values.get("Дата договора")
    date = dt.date.fromisoformat(told) if told else None
    return books.contract(party, number, date).guid
