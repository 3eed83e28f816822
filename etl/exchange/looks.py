"""What the last looks at the exchange folder saw: it lets a one-shot run from cron accept a file that has not moved since before.

A small JSON file in the spool. Losing it costs one settling time and one re-reading of files that stay in 1C's own folders, nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

from etl.exchange.files import Stamp, replace_durably, shown


@dataclass(frozen=True, slots=True)
class Note:
    """One file: its stamp, when (our monotonic clock) it was first seen so, how often, and the hash once it was dealt with."""

    stamp: Stamp
    since: float
    looks: int
    done: str | None = None


class Memory:
    """Notes by name. The clock is monotonic and shared by processes until the next boot; a note from before a boot starts anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes = _read(path)

    def reload(self) -> None:
        """Another process may have looked meanwhile."""
        self._notes = _read(self._path)

    def look(self, seen: Iterable[tuple[str, Stamp]], now: float) -> dict[str, Note]:
        """Note one look: a changed or new file starts to settle, a vanished one is forgotten. Saved only when something changed."""
        before = self._notes
        self._notes = {name: _next(before.get(_key(name)), stamp, now) for name, stamp in seen}
        found, self._notes = self._notes, {_key(name): note for name, note in self._notes.items()}
        if _without_looks(before) != _without_looks(self._notes):
            self.save()
        return found

    def done(self, name: str, stamp: Stamp, digest: str) -> None:
        """The file stays where it is and needs no second reading until its stamp changes."""
        note = self._notes.get(_key(name))
        if note is None or note.stamp != stamp:
            note = Note(stamp, 0.0, 1)
        self._notes[_key(name)] = replace(note, done=digest)
        self.save()

    def save(self) -> None:
        """Write the notes durably. A watcher and a run may do it at once: the last one wins, a lost note only costs time."""
        temp = self._path.with_name(f"{os.urandom(6).hex()}.tmp")
        with os.fdopen(
            os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as stream:
            json.dump(
                {name: asdict(note) | {"stamp": astuple(note.stamp)} for name, note in self._notes.items()},
                stream,
            )
        with suppress(FileNotFoundError):  # a run that starts this moment clears the spool
            replace_durably(temp, self._path)


def _key(name: str) -> str:
    return shown(name)


def _without_looks(notes: dict[str, Note]) -> dict[str, Note]:
    # a second look is worth saving (it makes the file ready for the next process), a hundredth is not
    return {name: replace(note, looks=min(note.looks, 2)) for name, note in notes.items()}


def _next(note: Note | None, stamp: Stamp, now: float) -> Note:
    if note is None or note.stamp != stamp or note.since > now:
        kept = note.done if note and note.stamp == stamp else None
        return Note(stamp, now, 1, kept)
    return replace(note, looks=note.looks + 1)


def _read(path: Path) -> dict[str, Note]:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: Note(Stamp(*note["stamp"]), note["since"], note["looks"], note["done"])
            for name, note in raw.items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # absent or damaged: everything settles once more
