"""Of each document of 1C the newest text, file by file: each document of a file under an id of its own, parts
of one document side by side, and what is no longer told that way counts nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from etl import tables
from etl.flows.run import Record, Run
from etl.records import Document, Line
from etl.state.columns import encode
from etl.state.files import newer
from etl.transform import tellings
from etl.transform.tellings import Text

#: stands for the content of a document that was told in parts last
_DIVIDED = "divided"


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest text of one document: its row (None for a whole that was only ever told in parts), its
    lines, and what the state remembers of it.
    """

    row: Document | None
    lines: list[Line]
    seen: Record

    @property
    def amount(self) -> Decimal | None:
        """What it counts."""
        return self.row["amount"] if self.row and not self.row["deleted"] else None


class Origin(NamedTuple):
    """The file of a text: its name, its number in the order of intake, the moment 1C wrote it."""

    name: str
    seq: int
    generated_at: dt.datetime | None


@dataclass(slots=True)
class Versions:
    """The newest text of each document so far, and every text met."""

    newest: dict[str, Newest] = field(default_factory=dict)
    met: list[Document] = field(default_factory=list)

    @property
    def documents(self) -> list[Document]:
        """The newest text of each document."""
        return [one.row for one in self.newest.values() if one.row]


@dataclass(frozen=True, slots=True)
class _File:
    """One file while its documents are looked at: lines and parties by the id they were read under, what the
    state remembers of each document.
    """

    run: Run
    origin: Origin
    versions: Versions
    lines: Mapping[str, list[Any]]
    parties: Mapping[str, list[Any]]
    known: dict[str, Record]


def note(
    run: Run,
    origin: Origin,
    documents: Sequence[Document],
    found: Mapping[str, pd.DataFrame],
    versions: Versions,
) -> None:
    """Keep each document of the file that is newer than what this run or an earlier one has seen; what bears
    one key in the file is told apart.
    """
    lines = _by_document(found["lines"])
    parties = _by_document(found["parties"][found["parties"]["document"].notna()])
    told = tellings.apart(documents, lambda row: _content(row, lines.get(row["id"], [])))
    run.journal.note(told.issues, f"file:{origin.name}")
    ids = [name for text in told.texts for name in (text.id, tellings.former_id(text.row)) if name]
    known = run.state.files.document_versions([*ids, *told.divided])
    file = _File(run, origin, versions, lines, parties, known)
    for text in told.texts:
        _keep(file, _remembered(file, text), told.divided)
    for whole, row in told.divided.items():
        _divide(file, whole, row, {text.id for text in told.texts})


def _keep(file: _File, text: Text, divided: Mapping[str, Document]) -> None:
    """One text, where it is newer than what is known of it."""
    whole, _, part = text.id.partition("|")
    before = _before(file, text.id)
    if before is None and part and whole in divided:
        before = _only_when(_before(file, whole))
    one = _version(file, text)
    if newer(one.seen, before):
        file.versions.newest[text.id] = one
    file.versions.met.append({**text.row, "id": text.id})


def _before(file: _File, identifier: str) -> Record | None:
    """What was seen of a document, in this run or before."""
    if identifier in file.versions.newest:
        return file.versions.newest[identifier].seen
    return file.known.get(identifier)


def _only_when(seen: Record | None) -> Record | None:
    """A part that was never told apart is compared with the whole by the moment only."""
    return seen and {**seen, "version": None, "hash": None}


# ---- documents told in parts
def _remembered(file: _File, text: Text) -> Text:
    """A text under the id it is remembered by: as a part of a document that was told in parts, or under the
    key that an earlier version gave it.
    """
    before = _before(file, text.id)
    if before and before["hash"] == _DIVIDED:
        return _part_alone(file, text)
    former = tellings.former_id(text.row) if text.id == text.row["id"] else None
    seen = file.known.get(former) if former else None
    if not former or not seen or former in file.versions.newest:
        return text
    held = (seen["payload"] or {}).get("row")
    return text._replace(id=former) if tellings.is_same(text.row, held) else text


def _part_alone(file: _File, text: Text) -> Text:
    """One text of a document told in parts before: a part that is known, told without the others; else, and
    where it is as much as all of them, the document is whole again.
    """
    part = tellings.part_id(text.id, text.row)
    parts = _parts(file, text.id)
    file.known.update(file.run.state.files.document_versions(parts))
    if part in parts and not _is_all(file, text.row, parts):
        return text._replace(id=part)
    for one in parts:
        _withdraw(file, text.row, one)
    return text


def _is_all(file: _File, row: Document, parts: set[str]) -> bool:
    """Whether a text is as much as all parts together."""
    facts = [*file.run.state.facts.listed("payment"), *file.run.state.facts.listed("shipment")]
    amounts = {fact["id"]: fact["amount"] for fact in facts if fact["id"] in parts}
    newest = file.versions.newest
    amounts |= {name: newest[name].amount for name in parts & newest.keys()}
    total = sum((abs(amount) for amount in amounts.values() if amount), Decimal(0))
    return row["amount"] is not None and row["amount"] >= total > 0


def _divide(file: _File, whole: str, row: Document, told: set[str]) -> None:
    """The whole counts nothing beside its parts, nor do parts that are told no more."""
    gone = _parts(file, whole) - told
    for part in gone:
        _withdraw(file, row, part)
    _withdraw(file, row, whole, _DIVIDED)


def _parts(file: _File, whole: str) -> set[str]:
    """Parts of a document that were told so far."""
    prefix = f"{whole}|"
    now = {name for name in file.versions.newest if name.startswith(prefix)}
    return now | file.run.state.files.documents_like(prefix)


def _withdraw(file: _File, row: Document, identifier: str, content: str | None = None) -> None:
    """A document that the newest telling has no more, where that telling is newer."""
    one = _version(file, Text(identifier, "", tellings.withdrawn(row, identifier)))
    one.seen["version"] = None
    if content:
        one.seen["hash"] = content
    if identifier not in file.known:
        file.known.update(file.run.state.files.document_versions([identifier]))
    before = _before(file, identifier)
    if not newer(one.seen, _only_when(before)):
        return
    if before is None:
        one = Newest(None, [], {**one.seen, "payload": None})
    file.versions.newest[identifier] = one
    file.versions.met.append({**row, "id": identifier})


# ---- texts
def _version(file: _File, text: Text) -> Newest:
    row: Document = {**text.row, "id": text.id}
    lines: list[Any] = [{**line, "document": text.id} for line in file.lines.get(text.read_as, [])]
    parties = [{**party, "document": text.id} for party in file.parties.get(text.read_as, [])]
    # orders are compared and waited for in later runs, charges are not: their register is ours
    payload = {"row": row, "lines": lines, "parties": parties} if file.run.profile.orders else None
    seen = {
        "id": row["id"],
        "version": row["version"],
        "generated_at": file.origin.generated_at,
        "seq": file.origin.seq,
        "hash": _hash(row, lines),
        "payload": payload,
    }
    return Newest(row, lines, seen)


def _by_document(found: pd.DataFrame) -> dict[str, list[Any]]:
    """Rows apart by the document they belong to."""
    held: defaultdict[str, list[Any]] = defaultdict(list)
    for row in tables.each(found) if len(found) else ():
        held[row["document"]].append(row)
    return held


def _hash(row: Document, lines: Iterable[Line]) -> str:
    """What a document says, wherever it was read."""
    plain = [_without(one, "file", "place") for one in (row, *lines)]
    return hashlib.sha256(encode(plain).encode()).hexdigest()


def _content(row: Document, lines: Iterable[Line]) -> str:
    """What a document says, under whatever id."""
    plain = [_without(one, "file", "place", "id", "document") for one in (row, *lines)]
    return hashlib.sha256(encode(plain).encode()).hexdigest()


def _without(row: Mapping[str, Any], *names: str) -> Record:
    """A record without the place it was read at, or more."""
    return {name: value for name, value in row.items() if name not in names}
