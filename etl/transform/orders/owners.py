"""Whose a document of 1C is: ours by its number or Ид, of which deal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from etl.records import Deal, Document
from etl.tables import Record
from etl.values import keys

Role = Literal["content", "facts", "born"]
#: the number of any other document is 1C's own, even where it looks like one of ours
_NUMBERED = ("order", "invoice", "act", "return")


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a document of 1C is to the portal: its `deal`, and as what it stands there. `content`: it fills
    the deal (its order, an invoice of 1C for it); `facts`: only its payments and shipments count, because its
    number is a charge, act or invoice of ours, or it stands under one; `born`: an order that 1C made and no
    deal has.
    """

    deal: str | None
    role: Role


#: id of a document -> what it is
Belongings = Mapping[str, Belonging]


def belongings(
    documents: Iterable[Document],
    found: Mapping[str, str],
    *,
    links: Mapping[str, str],
    invoices: Mapping[str, str],
) -> dict[str, Belonging]:
    """What each document of 1C is to the portal (DESIGN §5, "Keys").

    `found` = document -> number or id it speaks about (`targets.targets`); `links` = order born in 1C ->
    deal; `invoices` = smart invoice -> deal.
    """
    return {row["id"]: _belonging(row, found.get(row["id"]), links, invoices) for row in documents}


def _belonging(
    row: Document, target: str | None, links: Mapping[str, str], invoices: Mapping[str, str]
) -> Belonging:
    own = keys.decode(row["number"]) if row["kind"] in _NUMBERED else None
    key = own or keys.decode(target)
    deal = links.get(row["id"]) or _deal(key, target, links, invoices)
    if deal is None and row["kind"] == "order" and own is None:
        return Belonging(None, "born")
    is_of_order = key is None or key.kind == "order"
    return Belonging(deal, "content" if deal and is_of_order else "facts")


def _deal(
    key: keys.Key | None, target: str | None, links: Mapping[str, str], invoices: Mapping[str, str]
) -> str | None:
    """The deal that a number speaks about."""
    if key is None:
        return links.get(target) if target else None
    return invoices.get(key.id) if key.kind == "invoice" else key.id


def is_ours(row: Document) -> bool:
    """An order made from a deal, by its number."""
    key = keys.decode(row["number"])
    return key is not None and key.kind == "order"


def is_of_deals(number: str | None) -> bool:
    """Whether a number of ours is that of an order or invoice; charges and acts are of contracts."""
    key = keys.decode(number)
    return key is not None and key.kind in ("order", "invoice")


def attached(documents: Iterable[Document], roles: Belongings) -> list[Document]:
    """Documents that fill deals, with `deal` set: those whose role is `content`."""
    found: list[Document] = []
    for row in documents:
        one = roles[row["id"]]
        if one.role == "content":
            found.append({**row, "deal": one.deal})
    return found


def owned(documents: Iterable[Document], roles: Belongings) -> list[Document]:
    """Documents of deals, with `deal` set. A charge or an act of a contract is no order of its deal."""
    found: list[Document] = []
    for row in documents:
        number, deal = row["number"], roles[row["id"]].deal
        contract = keys.decode(number) is not None and not is_of_deals(number)
        if deal and not contract:
            found.append({**row, "deal": deal})
    return found


def by_origin(deals: Iterable[Deal], originator: str, pairs: Mapping[str, str]) -> dict[str, str]:
    """Order of 1C -> the deal made of it: the deal carries the origin itself under our originator. Of a deal
    and its copies the remembered one (`pairs`), else the oldest: a copy was made of it.
    """
    found: dict[str, str] = {}
    for deal in sorted(deals, key=lambda deal: (len(deal["id"]), deal["id"])):  # a plan's have no numbers yet
        origin = deal["origin"]
        if origin and deal["originator"] == originator:
            is_remembered = pairs.get(origin) == deal["id"]
            found[origin] = deal["id"] if is_remembered else found.get(origin, deal["id"])
    return found


def links(documents: Sequence[Document], pairs: Mapping[str, str]) -> dict[str, str]:
    """Ид or number of an order born in 1C -> its deal. `pairs` = Ид -> deal.

    A number counts while only one order bears it: numbers start anew each year (DESIGN §3: a number is only
    unique together with its year).
    """
    heads = [row for row in documents if row["kind"] == "order" and row["number"]]
    bearers = Counter(row["number"] for row in heads)
    found = dict(pairs)
    for row in heads:
        if row["id"] in pairs and bearers[row["number"]] == 1:
            found[row["number"] or ""] = pairs[row["id"]]
    return found


def provably_ours(documents: Iterable[Document], portal: str) -> set[str]:
    """Numbers that are ours although the memory of their sending may be lost: the Ид, which we make of
    portal, kind and number, says so.
    """
    found: set[str] = set()
    for row in documents:
        number = row["number"]
        if number and keys.document_id(portal, row["kind"], number) == row["id"]:
            found.add(number)
    return found


def without_waiting(
    unknown: Sequence[Record], documents: Iterable[Document], waiting: Mapping[str, Document]
) -> list[Record]:
    """Issues (`unknown`) of documents that lead to nothing, but for orders that wait for their deal and what
    stands under them: the remark that says why the order waits is theirs too.
    """
    if not waiting:
        return list(unknown)
    by_id = {row["id"]: row for row in documents}
    numbers = {row["number"] for row in waiting.values() if row["number"]}
    left: list[Record] = []
    for issue in unknown:
        row = by_id.get(issue["key"])
        if not _is_under(row, by_id, waiting, numbers):
            left.append(issue)
    return left


def _is_under(
    row: Document | None,
    by_id: Mapping[str, Document],
    waiting: Mapping[str, Document],
    numbers: Collection[str | None],
) -> bool:
    """Whether the bases of a document lead to an order that waits; a circle of bases leads nowhere."""
    passed: set[str] = set()
    while row and row["id"] not in passed:
        passed.add(row["id"])
        if row["id"] in waiting or row["basis"] in waiting or row["basis_number"] in numbers:
            return True
        row = by_id.get(row["basis"] or "")
    return False
