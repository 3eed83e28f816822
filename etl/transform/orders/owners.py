"""Whose a document of 1C is: ours by its number or Ид, of which deal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from etl.records import Deal, Document
from etl.tables import each, frame
from etl.values import keys

if TYPE_CHECKING:
    import pandas as pd


def is_ours(row: Document) -> bool:
    """An order made from a deal, by its number."""
    key = keys.decode(row["number"])
    return key is not None and key.kind == "order"


def is_of_deals(number: str | None) -> bool:
    """Whether a number of ours is that of an order or invoice; charges and acts are of contracts."""
    key = keys.decode(number)
    return key is not None and key.kind in ("order", "invoice")


def attached(documents: pd.DataFrame, roles: pd.DataFrame) -> pd.DataFrame:
    """Documents that fill deals, with `deal` set: those whose role is `content`
    (`identity.document_deals`)."""
    content = roles[roles["role"] == "content"]
    deals = dict(zip(content["id"], content["deal"], strict=True))
    rows = documents[documents["id"].isin(deals)]
    return rows.assign(deal=rows["id"].map(deals).astype(object)).reset_index(drop=True)


def owned(documents: Iterable[Document], roles: pd.DataFrame) -> pd.DataFrame:
    """Documents of deals, with `deal` set. A charge or an act of a contract is no order of its deal."""
    owners = dict(zip(roles["id"], roles["deal"], strict=True))
    found: list[Document] = []
    for row in documents:
        number, deal = row["number"], owners[row["id"]]
        contract = keys.decode(number) is not None and not is_of_deals(number)
        if deal and not contract:
            found.append({**row, "deal": deal})
    return frame("documents", found)


def by_origin(deals: pd.DataFrame, originator: str) -> dict[str, str]:
    """Order of 1C -> the deal made of it: the deal carries the origin itself under our originator."""
    found: dict[str, str] = {}
    for deal in each(deals, Deal):
        if deal["origin"] and deal["originator"] == originator:
            found[deal["origin"]] = deal["id"]
    return found


def links(documents: Sequence[Document], pairs: Mapping[str, str]) -> dict[str, str]:
    """Ид or number of an order born in 1C -> its deal. `pairs` = Ид -> deal.

    A number counts while only one order bears it: numbers start anew each year (DESIGN §3: a number is only
    unique together with its year)."""
    heads = [row for row in documents if row["kind"] == "order" and row["number"]]
    bearers = Counter(row["number"] for row in heads)
    found = dict(pairs)
    for row in heads:
        if row["id"] in pairs and bearers[row["number"]] == 1:
            found[row["number"] or ""] = pairs[row["id"]]
    return found


def provably_ours(documents: Iterable[Document], portal: str) -> set[str]:
    """Numbers that are ours although the memory of their sending may be lost: the Ид, which we make of
    portal, kind and number, says so."""
    found: set[str] = set()
    for row in documents:
        number = row["number"]
        if number and keys.document_id(portal, row["kind"], number) == row["id"]:
            found.add(number)
    return found
