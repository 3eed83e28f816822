"""Files by content, documents by version, cursors: what has been seen already and what is newer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from etl.state.database import Database, Record, Rows, listed
from etl.state.schema import CURSOR, DOCUMENT, FILE, moment_text

FILE_STATES = ("spooled", "parsed", "bad", "archived", "republished")

_LONG = 2_000  # from here one scan is cheaper than look-ups


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file known by the hash of its content. `latest` = no other content came under the same name after it."""

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


class Files:
    """Files of one portal, unique per direction (`in`, `out`) and content hash, numbered in order of intake."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def seen(self, direction: str, content_hash: str) -> StoredFile | None:
        """The file with this content, or None.

        Content that is `parsed` (or later) *and* `latest` may be skipped. Known content that is not latest is 1C going back to
        an older text under the same name: take it again, its documents decide by their own versions.
        """
        found = self._db.rows(self._db.mine(FILE, FILE.c.direction == direction, FILE.c.hash == content_hash))
        return self._stored(found[0]) if found else None

    def seen_bytes(self, raw_hash: str) -> StoredFile | None:
        """The newest file with exactly these bytes, or None."""
        found = self._db.rows(
            self._db.mine(FILE, FILE.c.raw_hash == raw_hash).order_by(FILE.c.seq.desc()).limit(1)
        )
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
        """Claim a file for this run: state `spooled`, next number. The same content again gets a new number, never a second row.

        The unique key makes a second claimer fail; the lock keeps it away in the first place.
        """
        row = {
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
            row["seq"] = self._db.next(FILE, "seq")
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
        if state not in FILE_STATES:
            raise ValueError(f"unknown file state {state!r}")
        values = {"state": state, "reason": reason} | ({"stored_as": stored_as} if stored_as else {})
        self._db.change(FILE, [FILE.c.direction == direction, FILE.c.hash == content_hash], **values)

    def listed(self, *states: str, direction: str | None = None) -> list[StoredFile]:
        """Files in any of the states (all without one), in order of intake."""
        conditions: list[Any] = [FILE.c.state.in_(states)] if states else []
        conditions += [FILE.c.direction == direction] if direction else []
        return [
            self._stored(row) for row in self._db.rows(self._db.mine(FILE, *conditions).order_by(FILE.c.seq))
        ]

    def _stored(self, row: Record) -> StoredFile:
        later = self._db.value(
            sa.select(sa.func.count())
            .select_from(FILE)
            .where(
                FILE.c.portal == self._db.portal,
                FILE.c.direction == row["direction"],
                FILE.c.name == row["name"],
                FILE.c.seq > row["seq"],
            )
        )
        fields = {name: row[name] for name in StoredFile.__slots__ if name != "latest"}
        return StoredFile(**fields, latest=not later)

    # ---- staleness of documents
    def document_versions(self, ids: Iterable[str]) -> dict[str, Record]:
        """id -> {version, generated_at, seq, hash} of the newest text of each document seen so far; unknown ids are absent."""
        return {row["id"]: row for row in self._db.many(DOCUMENT, "id", ids)}

    def fresh_documents(self, rows: Rows) -> list[Record]:
        """Of rows (id, version, generated_at, seq, hash) those that are newer than what is remembered, see `newer`.

        Of several texts of one document only the newest is returned.
        """
        unknown = self._not_same(listed(rows))
        known = self.document_versions(row["id"] for row in unknown)
        fresh: dict[str, Record] = {}
        for row in unknown:
            if newer(row, fresh.get(row["id"]) or known.get(row["id"])):
                fresh[row["id"]] = row
        return list(fresh.values())

    def remember_documents(self, rows: Rows) -> int:
        """Remember the newest text of each document; older ones change nothing. Writes only what changed; how many that were.

        `payload` (any JSON value) is what was told: profiles with orders come back to it.
        """
        names = ("id", "version", "generated_at", "seq", "hash", "payload")
        with self._db.transaction():
            changed = self.fresh_documents(rows)
            self._db.put(DOCUMENT, [{name: row.get(name) for name in names} for row in changed])
        return len(changed)

    def told_documents(self) -> list[Record]:
        """Documents with a payload, as they were remembered, by intake."""
        return self._db.rows(
            self._db.mine(DOCUMENT, DOCUMENT.c.payload.is_not(None)).order_by(DOCUMENT.c.seq, DOCUMENT.c.id)
        )

    def _not_same(self, rows: list[Record]) -> list[Record]:
        """Rows whose hash is not exactly the remembered one: a long list is compared with one scan of two columns."""
        if len(rows) < _LONG:
            return rows
        pairs = sa.select(DOCUMENT.c.id, DOCUMENT.c.hash).where(
            DOCUMENT.c.portal == self._db.portal, DOCUMENT.c.hash.is_not(None)
        )
        known = set(self._db.raw(pairs))
        return [row for row in rows if (row["id"], row.get("hash")) not in known]

    # ---- cursors and watermarks
    def cursor(self, name: str) -> str | None:
        """A watermark's text, or None."""
        found = self._db.many(CURSOR, "name", [name])
        return found[0]["value"] if found else None

    def set_cursor(self, name: str, value: str | None) -> None:
        """Write a watermark; commit it together with the rows it covers (`store.transaction()`)."""
        self._db.put(CURSOR, [{"name": name, "value": value}])


def newer(row: Record, known: Record | None) -> bool:
    """True when `row` must replace `known` of the same document.

    The same НомерВерсии (base64 of 1C's data version: equal means unchanged; its order means nothing) or, where a side has
    none, the same hash: not newer. Two plain numbers are compared as numbers. Else the later ДатаФормирования, then the later
    intake number, wins. Reference: commerceml §9, reliability decision 7.
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


def _when(row: Record) -> tuple[str, int]:
    moment = row.get("generated_at")
    return (moment_text(moment) if isinstance(moment, dt.datetime) else moment or ""), row.get("seq") or 0
