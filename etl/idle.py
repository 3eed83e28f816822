"""The cheap question of a run driven by files alone: is there anything to look at? Answered with the
standard library.

A run every minute that finds nothing must cost little more than starting the interpreter
(docs/architecture.md). So neither the profile's model nor the state's library is loaded: the profile counts
as read when its text is the one a full run accepted.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

from etl import __version__
from etl.config import intake, source
from etl.config.source import AnyPath, Raw
from etl.errors import EtlError
from etl.state import quick

#: Flows that only react to files.
FILE_FLOWS = frozenset({"documents-in", "bank", "spreadsheet-in"})
TEXT = "Обмен выполнен: нового нет, ни один исходящий файл не изменён. Делать ничего не нужно."
_ACCEPTED = "profile.accepted"

Stamp = tuple[int, int]  # size, time of the last change


def nothing_to_do(path: AnyPath, flows: Iterable[str]) -> bool:
    """True when a run of these flows would find nothing; notes such a run in the state.

    So it is when the flows only react to files, no file waits, the last run was clean and the portal is
    owed nothing.
    """
    try:
        raw = source.read(path)
    except EtlError:
        return False
    if not _only_reacts(raw, flows) or _accepted(path, raw) != _fingerprint(path, raw):
        return False
    url, portal = source.state_url(path, raw), raw["bitrix24"]["name"]
    if not _is_settled(url, portal) or _files_waiting(path, raw):
        return False
    _note(url, portal)
    return True


def accept(path: AnyPath) -> None:
    """A full run has read this profile and finished: its text needs no second reading while it stays the
    same.
    """
    raw = source.read(path)
    folder = source.state_folder(path, raw)
    if os.path.isdir(folder):
        with open(os.path.join(folder, _ACCEPTED), "w", encoding="utf-8") as file:
            file.write(_fingerprint(path, raw))


def _only_reacts(raw: Raw, flows: Iterable[str]) -> bool:
    """Every reading flow of the profile runs with the one asked for."""
    reading = intake.FROM_1C | intake.FROM_PEOPLE
    running = set(flows) | (reading & set(raw.get("flows", ())))
    return running <= FILE_FLOWS


def _is_settled(url: str, portal: str) -> bool:
    """True when the last run was clean and nothing waits for the portal.

    A server's state is left to the full run.
    """
    if not url.startswith("sqlite"):
        return False
    account = quick.quick_status(url, portal)
    if account is None or account["outbox_waiting"]:
        return False
    return account["last_run"]["status"] == "clean"


def _accepted(path: AnyPath, raw: Raw) -> str | None:
    try:
        with open(os.path.join(source.state_folder(path, raw), _ACCEPTED), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def _fingerprint(path: AnyPath, raw: Raw) -> str:
    settings = sorted(raw.items())
    return f"{__version__}\n{os.path.realpath(path)}\n{settings!r}"


def _files_waiting(path: AnyPath, raw: Raw) -> bool:
    """Any file that `etl.exchange.folder` would look at: it matches a glob and is not noted as dealt with.

    Asked with the smallest parts of the standard library: importing `etl.exchange.folder` costs as much as
    importing click, pathlib a third of an interpreter's start. The spool's memory (JSON) is opened only
    when a file lies there.
    """
    onec = raw["onec"]
    folder = os.path.realpath(source.beside(path, onec.get("folder", "exchange_dir")))
    sentinel = onec.get("sentinel")
    if sentinel and not os.path.exists(os.path.join(folder, sentinel)):
        return True  # the full run says what is wrong with the folder
    taken = intake.globs(onec["dialect"], raw["flows"], extended=bool(onec.get("extended")))
    found: dict[str, Stamp] = {}
    try:
        for pattern in taken:
            found.update(_matching(folder, "", pattern.split("/")))
    except OSError:
        return True
    if not found:
        return False
    dealt = _dealt_with(os.path.join(source.state_folder(path, raw), "spool", "seen.json"))
    return any(dealt.get(name) != stamp for name, stamp in found.items())


def _dealt_with(memory: str) -> dict[str, Stamp]:
    """Name and stamp of the files that stay in place although they were read; see `etl.exchange.looks`."""
    import json

    try:
        with open(memory, encoding="utf-8") as file:
            notes = json.load(file)
    except (OSError, ValueError):
        return {}
    dealt: dict[str, Stamp] = {}
    for name, note in notes.items():
        _device, _inode, size, changed = note["stamp"]
        if note["done"]:
            dealt[name] = (size, changed)
    return dealt


def _matching(folder: str, prefix: str, parts: list[str]) -> Iterator[tuple[str, Stamp]]:
    """Name and stamp of the files that a glob, split at its slashes, finds under `prefix`."""
    try:
        entries = list(os.scandir(os.path.join(folder, prefix)))
    except FileNotFoundError:
        return
    first, *deeper = parts
    for entry in entries:
        if not fnmatch.fnmatchcase(entry.name.lower(), first.lower()):
            continue
        name = f"{prefix}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        if deeper and is_folder:
            yield from _matching(folder, f"{name}/", deeper)
        elif not deeper and not is_folder:
            found = entry.stat(follow_symlinks=False)
            yield name, (found.st_size, found.st_mtime_ns)


def _note(url: str, portal: str) -> None:
    """Note a run that found nothing, so that `status --max-age` hears of it."""
    moment = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    with closing(sqlite3.connect(quick.sqlite_path(url), timeout=5)) as connection, connection:
        connection.execute(
            "INSERT INTO run (portal, id, trigger, flows, status, counts, started_at, finished_at) "
            "SELECT ?, coalesce(max(id), 0) + 1, 'idle', '[]', 'clean', '{}', ?, ? FROM run WHERE portal = ?",
            (portal, moment, moment, portal),
        )
