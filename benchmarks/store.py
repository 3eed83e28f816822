"""100,000 hashes in the store, 1 % changed: our read-compare-write against one unconditional pass of
executemany (sqlite3).

Method: reference performance §6. Both sides write the same keys and hashes into a SQLite file in WAL mode
with synchronous=FULL; the measured run is the second one, where every hundredth hash differs. Rounds
alternate, the best of each are compared.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row, at_most
from etl.state.store import Store

COUNT = 100_000
LIMIT, GROWTH = 1.5, 1.5
ROUNDS = 5
NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)

Records = list[dict[str, Any]]


def _rows(count: int, turn: int) -> Records:
    """So many documents as they stand in that turn: of every hundredth the hash is a new one."""
    rows = []
    for number in range(count):
        changes = turn * count if number % 100 == 0 else 0
        row = {
            "id": f"{number:032x}",
            "hash": f"{number + changes:032x}",
            "generated_at": NOW,
            "seq": turn,
            "version": None,
        }
        rows.append(row)
    return rows


def _ours(store: Store, rows: Records, changed: int) -> float:
    start = time.perf_counter()
    written = store.files.remember_documents(rows)
    spent = time.perf_counter() - start
    if written != changed:
        raise RuntimeError(f"{written} rows written, {changed} changed")
    return spent


def _plain(connection: sqlite3.Connection, rows: Records) -> float:
    values = [(row["id"], row["hash"], row["seq"]) for row in rows]
    start = time.perf_counter()
    with connection:
        connection.executemany(
            "INSERT INTO seen VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, seq = excluded.seq "
            "WHERE hash <> excluded.hash",
            values,
        )
    return time.perf_counter() - start


def compare(count: int) -> tuple[float, float]:
    """Best seconds (ours, executemany) of a run over `count` documents with 1 % changed."""
    ours, plain = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "plain.sqlite")) as connection,
        Store.open(f"sqlite:///{folder}/state.sqlite", portal="p") as store,
    ):
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
            "CREATE TABLE seen (id TEXT PRIMARY KEY, hash TEXT, seq INT) WITHOUT ROWID;"
        )
        _ours(store, _rows(count, 0), count)
        _plain(connection, _rows(count, 0))
        for turn in range(1, ROUNDS + 1):
            rows = _rows(count, turn)
            plain.append(_plain(connection, rows))
            ours.append(_ours(store, rows, count // 100))
    return min(ours), min(plain)


def run() -> list[Row]:
    """The row of DESIGN §10 and its growth, a tenth of the rows against all of them."""
    small, _ = compare(COUNT // 10)
    ours, plain = compare(COUNT)
    return [
        at_most("100 000 хешей в базе, 1 % изменён: к executemany", ours / plain, LIMIT),
        at_most("100 000 хешей: рост времени на строку к 10 000", ours / small / 10, GROWTH),
    ]
