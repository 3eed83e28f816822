"""Documents towards 1C on their way into the file of their dialect: checked, noted in the state, hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from etl import tables
from etl.config.dialects import Dialect
from etl.flows.run import Record, Run
from etl.load.commerceml import write as commerceml
from etl.records import Issue
from etl.state.columns import encode

if TYPE_CHECKING:
    import pandas as pd

#: tables of a document as a publication holds them
TABLES = ("documents", "lines", "parties")
_SCOPE = "outgoing"


class Payload(TypedDict):
    """A main document with everything based on it, as the state keeps it: present values only."""

    documents: list[Record]
    lines: list[Record]
    parties: list[Record]


def dialect_of(run: Run) -> Dialect:
    """The dialect of the files we write: the extended contract where the profile has it, else that of the
    configuration.
    """
    return run.profile.contract if run.profile.onec.extended else run.profile.dialect


def enqueue(run: Run, found: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Note documents to be sent. In: frames `documents`, `lines`, `parties` of `transform.documents`, main
    documents without `basis` each with what is based on them. Out: number -> publication id. Documents the
    dialect cannot write become issues.
    """
    path = dialect_of(run).order_path
    if path is None:
        return {}
    bad = _rejected(run, found)
    groups = {number: group for number, group in _groups(found).items() if not _holds(group, bad)}
    return note(run, path, {number: (_hash(group), group) for number, group in groups.items()})


def note(run: Run, path: str, documents: Mapping[str, tuple[str, Payload]]) -> dict[str, int]:
    """Note documents (number -> hash and content) for the file `path`. Out: number -> publication id."""
    rows = [
        {"path": path, "document": number, "hash": digest, "payload": payload}
        for number, (digest, payload) in documents.items()
    ]
    ids = run.state.publications.put(rows, run.number)
    return {document: publication for (_, document), publication in ids.items()}


def refused(run: Run, found: Mapping[str, pd.DataFrame]) -> set[str]:
    """Numbers of main documents the dialect's file cannot hold, they or what is based on them; each is an
    issue. Ask before anything about them is recorded.
    """
    bad = _rejected(run, found)
    if not bad:
        return set()
    return {number for number, group in _groups(found).items() if _holds(group, bad)}


def _rejected(run: Run, found: Mapping[str, pd.DataFrame]) -> set[str | None]:
    """Ids of documents the dialect's file cannot hold; each is an issue."""
    issues = commerceml.problems(
        found,
        dialect_of(run),
        day=run.clock.today,
        vat_rates=run.profile.onec.vat_rates,
        currency=run.profile.onec.currency,
        organisation=run.profile.onec.organisation,
    )
    if not len(issues):
        return set()
    run.journal.note(issues, _SCOPE)
    return {row["key"] for row in tables.each(issues, Issue) if row["severity"] == "reject"}


def _holds(group: Payload, bad: set[str | None]) -> bool:
    return any(row["id"] in bad for row in group["documents"])


def _groups(found: Mapping[str, pd.DataFrame]) -> dict[str, Payload]:
    """Documents with everything based on them, by the number of the main one."""
    documents = tables.records(found["documents"])
    ids = {row["id"]: row for row in documents}
    groups: dict[str, Payload] = {}
    owner: dict[str, Payload] = {}
    for row in documents:
        main = ids.get(row["basis"], row)
        group = groups.setdefault(main["number"], {"documents": [], "lines": [], "parties": []})
        group["documents"].append(_present(row))
        owner[row["id"]] = group
    for line in tables.each(found["lines"]):
        owner[line["document"]]["lines"].append(_present(line))
    for party in tables.each(found["parties"]):
        owner[party["document"]]["parties"].append(_present(party))
    return groups


def _present(row: Record) -> Record:
    return {name: value for name, value in row.items() if value is not None}


def _hash(group: Any) -> str:
    """Equal content is one publication, however often it is handed over."""
    return hashlib.sha256(encode(group).encode()).hexdigest()
