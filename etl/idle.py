"""The cheap question of a run driven by files alone: is there anything to look at? Answered with the standard library.

A run every minute that finds nothing must cost little more than starting the interpreter (docs/architecture.md). So neither the
profile's model nor the state's library is loaded: the profile counts as read when its text is the one a full run accepted.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

from etl import __version__
from etl.config import source
from etl.config.intake import INTAKE
from etl.config.source import AnyPath
from etl.errors import EtlError
from etl.state import quick

#: Flows that only react to files.
FILE_FLOWS = frozenset({"documents-in", "bank", "spreadsheet-in"})
FROM_1C, FROM_PEOPLE = (
    frozenset({"documents-in", "parties", "products"}),
    frozenset({"bank", "spreadsheet-in"}),
)
SHEETS = ("spreadsheets/in/*",)
TEXT = "Обмен выполнен: нового нет, ни один исходящий файл не изменён. Делать ничего не нужно."
_ACCEPTED = "profile.accepted"


def nothing_to_do(path: AnyPath, flows: Iterable[str]) -> bool:
    """True when the flows only react to files, no file waits, the last run was clean and owes the portal nothing; notes the run."""
    try:
        raw = source.read(path)
    except EtlError:
        return False
    # every reading flow of the profile runs with the one asked for
    reacting = set(flows) | (set(raw.get("flows", ())) & (FROM_1C | FROM_PEOPLE))
    if not reacting <= FILE_FLOWS or _accepted(path, raw) != _fingerprint(path, raw):
        return False
    url = source.state_url(path, raw)
    status = quick.quick_status(url, raw["bitrix24"]["name"]) if url.startswith("sqlite") else None
    if status is None or status["last_run"]["status"] != "clean" or status["outbox_waiting"]:
        return False
    if _files_waiting(path, raw):
        return False
    _note(url, raw["bitrix24"]["name"])
    return True


def accept(path: AnyPath) -> None:
    """A full run has read this profile and finished: its text needs no second reading while it stays the same."""
    raw = source.read(path)
    folder = source.state_folder(path, raw)
    if os.path.isdir(folder):
        with open(os.path.join(folder, _ACCEPTED), "w", encoding="utf-8") as file:
            file.write(_fingerprint(path, raw))


def globs(dialect: str, flows: Iterable[str], *, extended: bool) -> tuple[str, ...]:
    """What a profile takes from its folder: files of its 1C and of the extended contract, spreadsheets and statements of people.
    Nothing is taken that no flow of the profile reads: taken means archived."""
    wanted = set(flows)
    own = INTAKE[dialect] if wanted & FROM_1C else ()
    contract = INTAKE["bitrix3"] if extended and wanted & FROM_1C else ()
    return tuple(dict.fromkeys((*own, *contract, *(SHEETS if wanted & FROM_PEOPLE else ()))))


def _accepted(path: AnyPath, raw: source.Raw) -> str | None:
    try:
        with open(os.path.join(source.state_folder(path, raw), _ACCEPTED), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def _fingerprint(path: AnyPath, raw: source.Raw) -> str:
    return f"{__version__}\n{os.path.realpath(path)}\n{sorted(raw.items())!r}"


def _files_waiting(path: AnyPath, raw: source.Raw) -> bool:
    """Any file that `etl.exchange.folder` would look at: one that matches a glob and is not noted as dealt with in the spool's memory.

    Asked with the smallest parts of the standard library: importing `etl.exchange.folder` costs as much as importing click, pathlib a third
    of an interpreter's start. The memory (JSON) is opened only when a file lies there."""
    onec = raw["onec"]
    folder = os.path.realpath(source.beside(path, onec.get("folder", "exchange_dir")))
    if onec.get("sentinel") and not os.path.exists(os.path.join(folder, onec["sentinel"])):
        return True  # the full run says what is wrong with the folder
    taken = globs(onec["dialect"], raw["flows"], extended=bool(onec.get("extended")))
    try:
        found = {
            name: stamp for pattern in taken for name, stamp in _matching(folder, "", pattern.split("/"))
        }
    except OSError:
        return True
    if not found:
        return False
    dealt = _dealt_with(os.path.join(source.state_folder(path, raw), "spool", "seen.json"))
    return any(dealt.get(name) != stamp for name, stamp in found.items())


def _dealt_with(memory: str) -> dict[str, tuple[int, int]]:
    import json

    try:
        with open(memory, encoding="utf-8") as file:
            notes = json.load(file)
    except (OSError, ValueError):
        return {}
    return {name: (note["stamp"][2], note["stamp"][3]) for name, note in notes.items() if note["done"]}


def _matching(folder: str, prefix: str, parts: list[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Name and stamp (size, time) of the files that a glob, split at its slashes, finds under `prefix`."""
    try:
        entries = list(os.scandir(os.path.join(folder, prefix)))
    except FileNotFoundError:
        return
    for entry in entries:
        if fnmatch.fnmatchcase(entry.name.lower(), parts[0].lower()):
            name = f"{prefix}{entry.name}"
            if len(parts) > 1 and entry.is_dir(follow_symlinks=False):
                yield from _matching(folder, f"{name}/", parts[1:])
            elif len(parts) == 1 and not entry.is_dir(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                yield name, (found.st_size, found.st_mtime_ns)


def _note(url: str, portal: str) -> None:
    moment = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    with closing(sqlite3.connect(quick.sqlite_path(url), timeout=5)) as connection, connection:
        connection.execute(
            "INSERT INTO run (portal, id, trigger, flows, status, counts, started_at, finished_at) "
            "SELECT ?, coalesce(max(id), 0) + 1, 'idle', '[]', 'clean', '{}', ?, ? FROM run WHERE portal = ?",
            (portal, moment, moment, portal),
        )
