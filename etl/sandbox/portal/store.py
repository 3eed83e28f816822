"""The portal's memory: records by table, kept in SQLite so that a restart loses nothing.

All records live in dictionaries (a portal of 50,000 deals is small for a program) and every change of a
request is written to SQLite in one transaction before the reply leaves.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left, insort
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class StoredRow(NamedTuple):
    """One row of the stored journal."""

    seq: int
    at: float
    method: str
    status: int
    commands: int
    fault: str
    params: str


Key = int | str
Record = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (entity TEXT, key TEXT, body TEXT, PRIMARY KEY (entity, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, at REAL, method TEXT, status INTEGER, commands INTEGER, fault TEXT, params TEXT);
"""


class Store:
    """Tables of records with integer ids (addresses and links have text keys).

    A stored record is never changed in place: `put` a new dictionary.
    """

    def __init__(self, path: Path | None) -> None:
        """`path`: the file that keeps everything; without one it is forgotten with the process."""
        self._lasting = path is not None
        self._db = sqlite3.connect(path if path else ":memory:", check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._tables: dict[str, dict[Key, Record]] = {}
        self._order: dict[str, list[Any]] = {}
        self._indexes: dict[tuple[str, str], dict[str, set[Key]]] = {}
        self._versions: dict[str, int] = {}
        self._dirty: set[tuple[str, Key]] = set()
        self._sequences: dict[str, int] = json.loads(self.meta("sequences") or "{}")
        self._sequences_saved = dict(self._sequences)
        self._read()

    def _read(self) -> None:
        """Everything that was stored into memory."""
        for table, stored_key, body in self._db.execute("SELECT entity, key, body FROM record"):
            key = int(stored_key) if stored_key.isdigit() else stored_key
            self._table(table)[key] = json.loads(body)

    def _table(self, table: str) -> dict[Key, Record]:
        """Key -> record; a table is there from the first question."""
        return self._tables.setdefault(table, {})

    def count(self, table: str) -> int:
        """How many records the table has."""
        return len(self._table(table))

    def version(self, table: str) -> int:
        """Grows with every change of the table."""
        return self._versions.get(table, 0)

    def get(self, table: str, key: Key) -> Record | None:
        """The record of this key."""
        return self._table(table).get(key)

    def all(self, table: str) -> Iterable[Record]:
        """Records in the order of their keys."""
        rows = self._table(table)
        return (rows[key] for key in self.keys(table))

    def keys(self, table: str) -> list[Any]:
        """All keys of the table, ascending."""
        if table not in self._order:
            self._order[table] = sorted(self._table(table))
        return self._order[table]

    def find(self, table: str, field: str, value: Any) -> list[Record]:
        """Records whose field equals the value (as text, letter case ignored), in the order of their keys."""
        rows = self._table(table)
        keys = sorted(self.lookup(table, field, value), key=_sortable)
        return [rows[key] for key in keys]

    def lookup(self, table: str, field: str, value: Any) -> set[Key]:
        """Keys of the records whose field equals the value; the first question makes the field's index."""
        index = self._indexes.get((table, field))
        if index is None:
            index = self._indexes[table, field] = {}
            for key, record in self._table(table).items():
                held = index_key(record.get(field))
                same = index.setdefault(held, set())
                same.add(key)
        asked = index_key(value)
        return index.get(asked, set())

    def new_id(self, sequence: str) -> int:
        """The next free number of the sequence."""
        number = self._sequences.get(sequence, 0) + 1
        self._sequences[sequence] = number
        return number

    def reserve(self, sequence: str, number: int) -> None:
        """Ids up to this number are taken."""
        self._sequences[sequence] = max(self._sequences.get(sequence, 0), number)

    def put(self, table: str, key: Key, record: Record) -> None:
        """The record is this one from now on."""
        rows = self._table(table)
        old = rows.get(key)
        if old is None and table in self._order:
            insort(self._order[table], key)
        rows[key] = record
        self._changed(table, key, old, record)

    def drop(self, table: str, key: Key) -> None:
        """The record is gone; one that never was is no error."""
        old = self._table(table).pop(key, None)
        if old is None:
            return
        order = self._order.get(table)
        if order is not None:
            del order[bisect_left(order, key)]
        self._changed(table, key, old, None)

    def _changed(self, table: str, key: Key, old: Record | None, new: Record | None) -> None:
        """Version, indexes and the list of what the next flush writes."""
        self._versions[table] = self.version(table) + 1
        self._dirty.add((table, key))
        for (name, field), index in self._indexes.items():
            if name != table:
                continue
            if old is not None:
                index.get(index_key(old.get(field)), set()).discard(key)
            if new is not None:
                index.setdefault(index_key(new.get(field)), set()).add(key)

    def meta(self, key: str) -> str | None:
        """A stored setting of the portal itself."""
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,))
        row = found.fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Stores a setting at once."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def write_journal(self, row: StoredRow) -> None:
        """Takes effect with the next `flush`."""
        self._db.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def journal_size(self) -> int:
        """How many requests were ever journalled."""
        (size,) = self._db.execute("SELECT count(*) FROM journal").fetchone()
        return int(size)

    def flush(self) -> None:
        """Write everything that changed since the last flush in one transaction."""
        if self._lasting:
            self._write()
        self._dirty.clear()

    def _write(self) -> None:
        gone = []
        kept = []
        for table, key in self._dirty:
            record = self._table(table).get(key)
            if record is None:
                gone.append((table, str(key)))
            else:
                kept.append((table, str(key), _encode(record)))
        kept.sort()  # in the order of the index a big seed is written much faster
        with self._db:
            self._db.executemany("DELETE FROM record WHERE entity = ? AND key = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", kept)
            self._write_sequences()

    def _write_sequences(self) -> None:
        if self._sequences == self._sequences_saved:
            return
        self._sequences_saved = dict(self._sequences)
        body = json.dumps(self._sequences)
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('sequences', ?)", (body,))

    def close(self) -> None:
        """Writes what is left and lets go of the file."""
        self.flush()
        self._db.close()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def index_key(value: Any) -> str:
    """The text by which values are compared."""
    return "" if value is None else str(value).casefold()


def _sortable(key: Key) -> tuple[int, str]:
    """Numbers before texts."""
    return (key, "") if isinstance(key, int) else (0, key)
