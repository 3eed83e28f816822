"""What the last looks at the exchange folder saw: it lets a one-shot run from cron accept a file that has
not moved since.

A small JSON file in the spool. Losing it costs one settling time and one re-reading of files that stay in
1C's own folders, nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from etl.exchange.files import Stamp, replace_durably, shown


@dataclass(frozen=True, slots=True)
class Note:
    """One file: its stamp, when (our monotonic clock) it was first seen so, how often, and its hash once
    dealt with.
    """

    stamp: Stamp
    since: float
    looks: int
    done: str | None = None


Notes = dict[str, Note]


class Memory:
    """Notes by name.

    The clock is monotonic and shared by processes until the next boot; a note from before a boot starts anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes = _read(path)

    def reload(self) -> None:
        """Another process may have looked meanwhile."""
        self._notes = _read(self._path)

    def look(self, seen: Iterable[tuple[str, Stamp]], now: float) -> Notes:
        """Note one look and return the notes by the names given.

        A changed or new file starts to settle, a vanished one is forgotten. Saved only when something
        changed.
        """
        before = self._notes
        found = {name: _next(before.get(shown(name)), stamp, now) for name, stamp in seen}
        self._notes = {shown(name): note for name, note in found.items()}
        if _worth_saving(before) != _worth_saving(self._notes):
            self.save()
        return found

    def done(self, name: str, stamp: Stamp, digest: str) -> None:
        """The file stays where it is and needs no second reading until its stamp changes."""
        note = self._notes.get(shown(name))
        if note is None or note.stamp != stamp:
            note = Note(stamp, 0.0, 1)
        self._notes[shown(name)] = replace(note, done=digest)
        self.save()

    def save(self) -> None:
        """Write the notes durably.

        A watcher and a run may do it at once: the last one wins, a lost note only costs time.
        """
        raw = {name: _raw(note) for name, note in self._notes.items()}
        temp = self._path.with_name(f"{os.urandom(6).hex()}.tmp")
        private = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(private, "w", encoding="utf-8") as stream:
            json.dump(raw, stream)
        with suppress(FileNotFoundError):  # a run that starts this moment clears the spool
            replace_durably(temp, self._path)


def _worth_saving(notes: Notes) -> Notes:
    # a second look is worth saving (it makes the file ready for the next process), a hundredth is not
    return {name: replace(note, looks=min(note.looks, 2)) for name, note in notes.items()}


def _next(note: Note | None, stamp: Stamp, now: float) -> Note:
    """The note after one more look; what has changed, or was noted before a boot, begins to settle anew."""
    if note is None or note.stamp != stamp:
        return Note(stamp, now, 1)
    if note.since > now:
        return Note(stamp, now, 1, note.done)
    return replace(note, looks=note.looks + 1)


def _raw(note: Note) -> dict[str, Any]:
    stamp = note.stamp
    return {
        "stamp": [stamp.device, stamp.inode, stamp.size, stamp.mtime_ns],
        "since": note.since,
        "looks": note.looks,
        "done": note.done,
    }


def _note(raw: dict[str, Any]) -> Note:
    return Note(Stamp(*raw["stamp"]), raw["since"], raw["looks"], raw["done"])


def _read(path: Path) -> Notes:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {name: _note(note) for name, note in raw.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # absent or damaged: everything settles once more
