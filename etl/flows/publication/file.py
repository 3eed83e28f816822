"""The file that 1C reads: what it must hold now, written when that has changed, with a copy in the archive.

1C never removes what it has read and never acknowledges, so a document stays in its file until 1C returns it,
or until `resend` sessions of 1C have passed. An unchanged set of documents gives the same bytes and is not
written again (DESIGN §7).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from etl import tables
from etl.config.dialects import DIALECTS, Dialect
from etl.exchange.folder import ARCHIVE
from etl.flows.publication import queue
from etl.flows.run import Record, Run
from etl.load.commerceml import write as commerceml

if TYPE_CHECKING:
    import pandas as pd

#: Prefix of archived copies of what was sent, so that nobody takes them for files of 1C.
SENT = "sent-"
_ORDER_FILES = {dialect.order_path: dialect for dialect in DIALECTS.values() if dialect.order_path}


def publish(run: Run) -> int:
    """Write the outgoing file if what it must hold has changed. Returns how many documents were published
    now.
    """
    path = queue.dialect_of(run).order_path
    if path is None:
        return 0
    _change_route(run, path)
    rows = run.state.publications.listed_in(path)
    writer = partial(_write_documents, run, rows)
    write_file(run, path, rows, writer)
    fresh = [row["document"] for row in rows if row["state"] == "planned"]
    run.state.publications.published(path)
    run.journal.counts["published"] += len(fresh)
    run.journal.tell(_step(document, path) for document in fresh)
    return len(fresh)


def write_file(
    run: Run, path: str, rows: Sequence[Record], write: Callable[[BinaryIO, dt.datetime], None]
) -> None:
    """A file for 1C and a copy of it in the archive, unless the same set of records (document, hash) lies
    there already.

    `write(stream, moment)` writes it. The moment is noted first, so that a killed run repeats the same bytes;
    nothing is written while there has never been anything to send.
    """
    stamp = _stamp(run, path, rows)
    if stamp is None or stamp.written:
        return
    cursor = {"documents": stamp.documents, "at": stamp.at.isoformat(), "sha256": None}
    run.state.files.set_cursor(_cursor(path), json.dumps(cursor))
    published = run.folder.publish(path, lambda target: write(target, stamp.at))
    if published.changed:
        run.wrote(published.path)
    if rows:
        name = f"{SENT}{stamp.at:%Y%m%dT%H%M%S}-{published.path.name}"
        copy = f"{ARCHIVE}/{stamp.at:%Y-%m}/{name}"
        run.folder.publish(copy, lambda target: copied(published.path, target))
    cursor["sha256"] = published.sha256
    run.state.files.set_cursor(_cursor(path), json.dumps(cursor))


def copied(source: Path, target: BinaryIO) -> None:
    """The bytes of a file that was just published, for its copy in the archive."""
    with source.open("rb") as stream:
        shutil.copyfileobj(stream, target)


# ---- what the file holds ----
def _write_documents(run: Run, rows: Sequence[Record], target: BinaryIO, at: dt.datetime) -> None:
    commerceml.write_parts(
        target, _parts(run, rows), queue.dialect_of(run), generated_at=at, currency=run.profile.onec.currency
    )


def _parts(run: Run, rows: Sequence[Record]) -> Iterator[dict[str, pd.DataFrame]]:
    """The documents part by part: a large file is written without holding it."""
    for payloads in run.state.publications.payloads(row["id"] for row in rows):
        yield {name: tables.frame(name, _rows(payloads, name)) for name in queue.TABLES}


def _rows(payloads: Iterable[dict[str, list[Record]]], name: str) -> list[Record]:
    rows: list[Record] = []
    for payload in payloads:
        rows += payload[name]
    return rows


def _step(document: str, path: str) -> Record:
    """One published document as a step of the journal."""
    return {
        "entity": "document",
        "key": document,
        "action": "published",
        "file": path,
        "after": "published",
        "message": "Документ записан в файл для 1С",
    }


# ---- another dialect or contract ----
def _change_route(run: Run, path: str) -> None:
    """The profile now writes another file (another dialect or contract): what waits in the former one moves,
    and that file is emptied, or 1C would load both.
    """
    waiting = run.state.publications.paths("planned", "published")
    for former in sorted(waiting & _ORDER_FILES.keys() - {path}):
        rows = run.state.publications.listed_in(former)
        documents = {}
        for row, payload in zip(rows, _payloads(run, rows), strict=True):
            documents[row["document"]] = (row["hash"], payload)
        with run.state.transaction():
            queue.note(run, path, documents)
            run.state.publications.mark([row["id"] for row in rows], "assumed")
        write_file(run, former, [], partial(_write_nothing, _ORDER_FILES[former]))


def _payloads(run: Run, rows: Sequence[Record]) -> Iterator[queue.Payload]:
    for part in run.state.publications.payloads(row["id"] for row in rows):
        yield from part


def _write_nothing(dialect: Dialect, target: BinaryIO, at: dt.datetime) -> None:
    """A file without documents: what 1C read before must not be read again."""
    commerceml.write(target, {}, dialect, generated_at=at)


# ---- the moment of a file ----
class _Stamp(NamedTuple):
    """ДатаФормирования of a file: the moment its set of documents last changed; `written` = the file with it
    lies there.
    """

    documents: str
    at: dt.datetime
    written: bool


def _stamp(run: Run, path: str, rows: Sequence[Record]) -> _Stamp | None:
    """None: there has never been anything to send."""
    signature = _signature(rows)
    known = json.loads(run.state.files.cursor(_cursor(path)) or "null")
    if known and known["documents"] == signature:
        file = run.folder.folder / path
        written = file.is_file() and _digest(file) == known["sha256"]
        return _Stamp(signature, dt.datetime.fromisoformat(known["at"]), written)
    if known is None and not rows:
        return None
    return _Stamp(signature, run.clock.local, written=False)


def _signature(rows: Sequence[Record]) -> str:
    """A name for a set of documents."""
    if not rows:
        return "empty"
    listed = [[row["document"], row["hash"]] for row in rows]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def _cursor(path: str) -> str:
    return f"outgoing:{path}"


def _digest(path: Path) -> str:
    """What the file holds, for telling whether 1C or a person has changed it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
