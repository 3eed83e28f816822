"""The cheap question of a run driven by files alone: is there anything to look at? Answered with the standard library.

A run every minute that finds nothing must cost little more than starting the interpreter (docs/architecture.md). So neither the
profile's model nor the state's library is loaded: the profile counts as read when its text is the one a full run accepted.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from etl import __version__, dialects, profile_file, store_status
from etl.errors import EtlError
from etl.exchange import Exchange, sources

#: Flows that only react to files.
FILE_FLOWS = frozenset({"documents-in", "bank", "spreadsheet-in"})
FROM_1C, FROM_PEOPLE = frozenset({"documents-in", "parties", "products"}), frozenset({"bank", "spreadsheet-in"})
SHEETS = ("spreadsheets/in/*",)
TEXT = "Обмен выполнен: нового нет, ни один исходящий файл не изменён. Делать ничего не нужно."
_ACCEPTED = "profile.accepted"


def nothing_to_do(path: Path, flows: Iterable[str]) -> bool:
    """True when the flows only react to files, no file waits, the last run was clean and owes the portal nothing. Notes the run then."""
    try:
        raw = profile_file.read(path)
    except EtlError:
        return False
    # every reading flow of the profile runs with the one asked for
    if not (set(flows) | (set(raw.get("flows", ())) & (FROM_1C | FROM_PEOPLE))) <= FILE_FLOWS or _accepted(path, raw) != _fingerprint(path, raw):
        return False
    url = profile_file.state_url(path, raw)
    status = store_status.quick_status(url) if url.startswith("sqlite") else None
    if status is None or status["last_run"]["status"] != "clean" or status["outbox_waiting"]:
        return False
    if _files_waiting(path, raw):
        return False
    _note(url, raw["bitrix24"]["name"])
    return True


def accept(path: Path) -> None:
    """A full run has read this profile and finished: its text needs no second reading while it stays the same."""
    raw = profile_file.read(path)
    folder = profile_file.state_folder(path, raw)
    if folder.is_dir():
        (folder / _ACCEPTED).write_text(_fingerprint(path, raw), encoding="ascii")


def globs(dialect: str, flows: Iterable[str], *, extended: bool) -> tuple[str, ...]:
    """What a profile takes from its folder: files of its 1C and of the extended contract, spreadsheets and statements of people.
    Nothing is taken that no flow of the profile reads: taken means archived."""
    wanted = set(flows)
    own = dialects.DIALECTS[dialect].intake if wanted & FROM_1C else ()
    contract = dialects.DIALECTS["bitrix3"].intake if extended and wanted & FROM_1C else ()
    return tuple(dict.fromkeys((*own, *contract, *(SHEETS if wanted & FROM_PEOPLE else ()))))


def _accepted(path: Path, raw: profile_file.Raw) -> str | None:
    try:
        return (profile_file.state_folder(path, raw) / _ACCEPTED).read_text(encoding="ascii")
    except OSError:
        return None


def _fingerprint(path: Path, raw: profile_file.Raw) -> str:
    return hashlib.sha256(f"{__version__}|{path.resolve()}|{sorted(raw.items())!r}".encode()).hexdigest()


def _files_waiting(path: Path, raw: profile_file.Raw) -> bool:
    onec = raw["onec"]
    folder = (path.parent / onec.get("folder", "exchange_dir")).resolve()
    taken = globs(onec["dialect"], raw["flows"], extended=bool(onec.get("extended")))
    exchange = Exchange(folder, profile_file.state_folder(path, raw) / "spool", sources(taken), sentinel=onec.get("sentinel"))
    try:
        return any(note.done is None for _, note in exchange.look())
    except EtlError:
        return True  # the full run says what is wrong with the folder


def _note(url: str, portal: str) -> None:
    moment = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    with closing(sqlite3.connect(store_status.sqlite_path(url), timeout=5)) as connection, connection:
        connection.execute(
            "INSERT INTO run (portal, id, trigger, flows, status, counts, started_at, finished_at) "
            "SELECT ?, coalesce(max(id), 0) + 1, 'idle', '[]', 'clean', '{}', ?, ? FROM run WHERE portal = ?", (portal, moment, moment, portal))
