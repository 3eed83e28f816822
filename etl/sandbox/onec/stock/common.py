"""What stock loadings share: finding the order of a number, entering it, counting what became of it."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from etl.sandbox.onec.books import Books
from etl.sandbox.onec.incoming import (
    Incoming,
    Outcome,
    Settings,
    fill,
    find_or_create_party,
    find_or_create_product,
)
from etl.sandbox.onec.records import Document


@dataclass(frozen=True)
class Loading:
    """One file being loaded: the base, its settings, the moment, and the account that is kept."""

    books: Books
    settings: Settings
    now: dt.datetime
    outcome: Outcome


Reader = Callable[[bytes, Settings], list[Incoming]]
Writer = Callable[[Loading, Incoming], None]


def site_order(books: Books, number: str) -> Document | None:
    """The order that came from the site under this number: Номер is the key, not Ид (commerceml, fact 8)."""
    found = None
    for document in books.numbered("order", number):
        if document.origin == "site" and document.number == number:
            found = document
    return found


def entered(loading: Loading, incoming: Incoming, known: Document | None, *, keep_guid: bool) -> Document:
    """The order as the file tells it, not yet written.

    `keep_guid` says whether new items take our reference.
    """
    books = loading.books
    document = copy.deepcopy(known) if known else _new_order(loading, incoming)
    if incoming.party is not None:
        # a known counterparty is not rewritten from an order
        party, _ = find_or_create_party(books, incoming.party, keep_guid=False)
        document.party = party.guid
    for line in incoming.lines:
        line.product = find_or_create_product(books, line, keep_guid=keep_guid, by_article=keep_guid)
    document.organisation = document.organisation or loading.settings.organisation
    fill(document, incoming, amount=incoming.total)
    return document


def _new_order(loading: Loading, incoming: Incoming) -> Document:
    books = loading.books
    return Document(
        guid=books.new_guid("document"),
        kind="order",
        number=incoming.number,
        number_1c=books.new_number("order", incoming.date.year),
        date=incoming.date,
        moment=loading.now,
        origin="site",
    )


def written(loading: Loading, document: Document, known: Document | None) -> None:
    """Into the books.

    What was just loaded loses its registration and is not exported (commerceml, fact 8, §12).
    """
    outcome = loading.outcome
    if known is None:
        outcome.created.append(document.number)
    elif known == document:
        outcome.same.append(document.number)
    else:
        outcome.updated.append(document.number)
        document.version += 1
    loading.books.put(document, register=False)
    loading.books.changed.discard(document.guid)
    outcome.loaded.append(document.guid)
