"""Files by content, documents by version, watermarks: what has been seen already and what is newer."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from etl.state.columns import moment_text
from etl.state.database import LONG, Database, Record, Rows, among, by, equal, listed
from etl.state.schema import DOCUMENT, FILE

#: what differs in the names of two exports of the same: a GUID, a number, a moment
_COUNTED = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4,12})+|[0-9]+")
_STATES = ("spooled", "parsed", "bad", "archived", "republished")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file known by the hash of its content.

    `latest` = no other content came under its name after it, numbers in names set aside.
    """

    direction: str
    hash: str
    seq: int
    name: str
    state: str
    raw_hash: str | None
    reason: str | None
    stored_as: str | None
    generated_at: dt.datetime | None
    run: int | None
    latest: bool


def _alike(name: str) -> str:
    """A LIKE pattern of the names under which 1C writes the same again: numbers, moments, GUIDs differ."""
    plain = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return _COUNTED.sub("%", plain)


class Files:
    """Files of one portal, unique per direction (`in`, `out`) and content hash, numbered in order of
    intake.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def seen(self, direction: str, content_hash: str) -> StoredFile | None:
        """The file with this content, or None.

        Content that is `parsed` (or later) *and* `latest` may be skipped. Known content that is not latest
        is 1C going back to an older text (a price up and down again): take it again, its documents decide by
        their own versions (DESIGN §5). `latest`: no other content came later under its name, or under one
        that differs in the number that 1C counts its files by only.
        """
        found = self._db.listed(FILE, FILE.c.direction == direction, FILE.c.hash == content_hash)
        return self._stored(found[0]) if found else None

    def take(
        self,
        direction: str,
        content_hash: str,
        name: str,
        *,
        raw_hash: str | None = None,
        run: int | None = None,
        generated_at: dt.datetime | None = None,
    ) -> StoredFile:
        """Claim a file for this run: state `spooled`, next number.

        The same content again gets a new number, never a second row. The unique key makes a second claimer
        fail; the lock keeps it away in the first place.
        """
        row: Record = {
            "direction": direction,
            "hash": content_hash,
            "name": name,
            "raw_hash": raw_hash,
            "state": "spooled",
            "reason": None,
            "stored_as": None,
            "generated_at": generated_at,
            "seen_at": self._db.now(),
            "run": run,
        }
        with self._db.transaction():
            row["seq"] = self._db.next(FILE.c.seq)
            self._db.put(FILE, [row])
        return self._stored(row)

    def mark(
        self,
        direction: str,
        content_hash: str,
        state: str,
        *,
        reason: str | None = None,
        stored_as: str | None = None,
    ) -> None:
        """Set the state of a file, and why, and where it lies now (relative to the exchange folder)."""
        if state not in _STATES:
            raise ValueError(f"unknown file state {state!r}")
        values = {"state": state, "reason": reason}
        if stored_as:
            values["stored_as"] = stored_as
        self._db.change(FILE, [FILE.c.direction == direction, FILE.c.hash == content_hash], **values)

    def listed(self, *states: str, direction: str | None = None) -> list[StoredFile]:
        """Files in any of the states (all without one), in order of intake."""
        conditions = among(FILE.c.state, states) + equal(FILE.c.direction, direction)
        found = self._db.listed(FILE, *conditions, order=[FILE.c.seq])
        return [self._stored(row) for row in found]

    def _stored(self, row: Record) -> StoredFile:
        later = self._db.columns(
            [FILE.c.seq],
            FILE.c.direction == row["direction"],
            FILE.c.name.like(_alike(row["name"]), escape="\\"),
            FILE.c.seq > row["seq"],
        )
        is_latest = self._db.value(later.limit(1)) is None
        fields = {name: row[name] for name in StoredFile.__slots__ if name != "latest"}
        return StoredFile(**fields, latest=is_latest)

    # ---- staleness of documents
    def document_versions(self, ids: Iterable[str]) -> dict[str, Record]:
        """id -> {version, generated_at, seq, hash} of the newest text of each document seen so far.

        Unknown ids are absent.
        """
        return by("id", self._db.many(DOCUMENT, "id", ids))

    def documents_like(self, prefix: str) -> set[str]:
        """Ids of the documents seen so far that begin with a text."""
        return self._db.values(DOCUMENT.c.id, DOCUMENT.c.id.startswith(prefix, autoescape=True))

    def fresh_documents(self, rows: Rows) -> list[Record]:
        """Of rows (id, version, generated_at, seq, hash) those that are newer than what is remembered, see
        `newer`.

        Of several texts of one document only the newest is returned.
        """
        unknown = self._not_same(listed(rows))
        known = self.document_versions(row["id"] for row in unknown)
        fresh: dict[str, Record] = {}
        for row in unknown:
            key = row["id"]
            if newer(row, fresh.get(key) or known.get(key)):
                fresh[key] = row
        return list(fresh.values())

    def remember_documents(self, rows: Rows) -> int:
        """Remember the newest text of each document; older ones change nothing.

        Writes only what changed; returns how many that were. `payload` (any JSON value) is what was told:
        profiles with orders come back to it.
        """
        names = ("id", "version", "generated_at", "seq", "hash", "payload")
        with self._db.transaction():
            fresh = self.fresh_documents(rows)
            self._db.put(DOCUMENT, [{name: row.get(name) for name in names} for row in fresh])
        return len(fresh)

    def told_documents(self) -> list[Record]:
        """Documents with a payload, as they were remembered, by intake."""
        is_told = DOCUMENT.c.payload.is_not(None)
        return self._db.listed(DOCUMENT, is_told, order=[DOCUMENT.c.seq, DOCUMENT.c.id])

    def _not_same(self, rows: list[Record]) -> list[Record]:
        """Rows whose hash is not exactly the remembered one: a long list is compared with one scan of two
        columns.
        """
        if len(rows) < LONG:
            return rows
        pairs = self._db.columns([DOCUMENT.c.id, DOCUMENT.c.hash], DOCUMENT.c.hash.is_not(None))
        known = set(self._db.raw(pairs))
        return [row for row in rows if (row["id"], row.get("hash")) not in known]

    # ---- watermarks
    def cursor(self, name: str) -> str | None:
        """A watermark's text, or None."""
        return self._db.cursor(name)

    def set_cursor(self, name: str, value: str | None) -> None:
        """Write a watermark; commit it together with the rows it covers (`store.transaction()`)."""
        self._db.set_cursor(name, value)


def newer(row: Mapping[str, Any], known: Mapping[str, Any] | None) -> bool:
    """True when `row` must replace `known` of the same document.

    The same НомерВерсии (base64 of 1C's data version: equal means unchanged; its order means nothing) or,
    where a side has none, the same hash: not newer. Two plain numbers are compared as numbers. Else the
    later ДатаФормирования, then the later intake number, wins. Reference: commerceml §9, reliability
    decision 7.
    """
    if known is None:
        return True
    version, before = row.get("version"), known["version"]
    if version and before:
        if version == before:
            return False
        if version.isdecimal() and before.isdecimal():
            return int(version) > int(before)
    elif row.get("hash") is not None and row["hash"] == known["hash"]:
        return False
    return _when(row) > _when(known)


def _when(row: Mapping[str, Any]) -> tuple[str, int]:
    moment = row.get("generated_at")
    text = moment_text(moment) if isinstance(moment, dt.datetime) else moment
    return text or "", row.get("seq") or 0
