"""The exchange folder: take what 1C and people put there, publish what they must get, archive, quarantine.

Nothing is parsed in the folder. A file that has settled is copied to a local spool while it is hashed, its
stamp is compared before and after, the copy is verified and read, and the original is archived only while
its bytes are still those (DESIGN §7; reference: reliability §2.1). Each step may be killed at any point and
repeated.

Only the standard library is used here: looking into an empty folder costs nothing.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from etl.errors import Rejected, TryLater
from etl.exchange import files, spool
from etl.exchange.archive import ARCHIVE, QUARANTINE, Archive
from etl.exchange.files import Stamp, shown
from etl.exchange.looks import Memory, Note
from etl.exchange.publish import Published, publish, publish_for_person
from etl.exchange.spool import Seen, Taken

__all__ = [
    "ARCHIVE",
    "QUARANTINE",
    "SHEETS_IN",
    "SHEETS_OUT",
    "Exchange",
    "Look",
    "Seen",
    "Taken",
    "sources",
]

FROM_1C, TO_1C, SHEETS_IN, SHEETS_OUT = "from_1c", "to_1c", "spreadsheets/in", "spreadsheets/out"
_FOLDERS = (FROM_1C, TO_1C, SHEETS_IN, SHEETS_OUT, ARCHIVE, QUARANTINE)

_NOT_OURS = (".", "~$")  # hidden files, our temporary ones, owner files of Excel
_NOT_FILES = (".tmp", ".part", ".error.txt", ".crdownload")
MAX_BYTES = 2 << 30
RESERVE = 32 << 20

#: reads a copy (path, printable name) and raises Rejected for a bad file
Verify = Callable[[Path, str], None]
Write = Callable[[BinaryIO], None]
Validate = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Source:
    """Files to take: a glob relative to the exchange folder.

    `consume` moves them away; else 1C's own files stay in place.
    """

    glob: str
    consume: bool = True


def sources(globs: Iterable[str]) -> tuple[Source, ...]:
    """Sources of intake globs.

    `from_1c/` and `spreadsheets/in/` are emptied, folders that 1C rewrites by itself are left alone (DESIGN
    §7).
    """
    emptied = (f"{FROM_1C}/", f"{SHEETS_IN}/")
    return tuple(Source(glob, consume=glob.startswith(emptied)) for glob in globs)


@dataclass(frozen=True, slots=True)
class Bad:
    """A copy that did not pass verification, and why."""

    taken: Taken
    error: Rejected


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that cannot be taken now: still being written, empty or held by another program.

    `seconds` since it is so.
    """

    name: str
    reason: str
    seconds: float


@dataclass(slots=True)
class Look:
    """Result of one intake.

    `refused`: names that are no plain files or are too large, with the reason (Russian).
    """

    taken: list[Taken] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def wait_for(self, name: str, reason: str, seconds: float) -> None:
        """Note a file that cannot be taken now."""
        self.waiting.append(Waiting(shown(name), reason, seconds))

    def refuse(self, name: str, reason: str) -> None:
        """Note a name that is never taken."""
        self.refused.append((shown(name), reason))


class Exchange:
    """One exchange folder of one profile.

    Used under the profile's lock: leftovers in the spool belong to dead processes.
    """

    def __init__(
        self,
        folder: Path,
        spool_folder: Path,
        intake: Sequence[Source],
        *,
        sentinel: str | None = None,
        settle_seconds: float = 2.0,
        grace_seconds: float | None = None,
        max_bytes: int = MAX_BYTES,
        reserve: int = RESERVE,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`grace_seconds`: how long an unreadable file must have been unchanged before it counts as bad.

        The default is five settling times: 1C may pause between two writes.
        """
        self.folder = folder
        self.spool = spool_folder
        self.intake = tuple(intake)
        self.settle_seconds = settle_seconds
        self._grace = 5 * settle_seconds if grace_seconds is None else grace_seconds
        self._sentinel = sentinel
        self._max = max_bytes
        self._reserve = reserve
        self._now = now
        self._clock = clock
        self._sleep = sleep
        spool.make(spool_folder)
        self._memory = Memory(spool_folder / spool.MEMORY)
        self._archive = Archive(folder, self._memory, reserve)

    # ---- the folder
    def check(self) -> None:
        """Raise TryLater unless the folder is there.

        An unmounted share looks like an empty folder and must not be touched (reliability §2.1).
        """
        if self._sentinel and not (self.folder / self._sentinel).exists():
            raise TryLater(
                f"Папка обмена не подключена: в ней нет файла {self._sentinel}.",
                "Подключите сетевую папку. Если папка верная, создайте в ней этот пустой файл.",
            )
        try:
            os.scandir(self.folder).close()
        except OSError as error:
            raise TryLater(
                f"Папка обмена недоступна: {error.strerror}.", "Проверьте путь [onec] folder и права."
            ) from error

    @files.disk_trouble()
    def prepare(self) -> None:
        """Make the folders and clear what a killed run left behind. Raises TryLater as `check`."""
        if not self._sentinel:
            self.folder.mkdir(parents=True, exist_ok=True)
        self.check()
        for name in _FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            files.remove_temps(self.folder / name)
        months = sorted(path for path in (self.folder / ARCHIVE).iterdir() if path.is_dir())
        for month in months[-2:]:  # a run that was killed worked in this month or the one before
            files.remove_temps(month)
        spool.clear(self.spool)

    def scan(self) -> list[Seen]:
        """What lies there now and may be taken, oldest first; one listing, nothing is opened.

        Raises TryLater as `check`.
        """
        self.check()
        found: dict[str, Seen] = {}
        for source in self.intake:
            for name, status in files.listing(self.folder, source.glob):
                if name not in found and _is_ours_to_take(name) and not stat.S_ISDIR(status.st_mode):
                    is_regular = stat.S_ISREG(status.st_mode)
                    found[name] = Seen(name, Stamp.of(status), is_regular, source.consume)
        return sorted(found.values(), key=_age)

    def intake_folders(self) -> list[Path]:
        """The folders that exist now and may receive files to take."""
        found: set[Path] = set()
        for source in self.intake:
            parent, slash, _ = source.glob.rpartition("/")
            found.update(self.folder.glob(parent) if slash else [self.folder])
        return sorted(folder for folder in found if folder.is_dir())

    @files.disk_trouble()
    def look(self) -> list[tuple[Seen, Note]]:
        """Scan and remember the look: with each regular file the note that tells how long it has not
        changed.
        """
        self._memory.reload()
        regular = [seen for seen in self.scan() if seen.regular]
        notes = self._memory.look([(seen.name, seen.stamp) for seen in regular], self._clock())
        return [(seen, notes[seen.name]) for seen in regular]

    def settled(self, seen: Seen, note: Note) -> bool:
        """True when a file that is not empty has stopped changing.

        Its size, time and inode were equal in two looks, `settle_seconds` apart by our own clock
        (reliability §2.1).
        """
        return seen.stamp.size > 0 and note.looks > 1 and self._since(note) >= self.settle_seconds

    def _since(self, note: Note) -> float:
        """Seconds that a file has stood unchanged."""
        return self._clock() - note.since

    # ---- intake
    @files.disk_trouble()
    def take(self, verify: Verify, *, wait: bool = True, rescan: bool = False) -> Look:
        """Copy every settled file to the spool and verify the copy (`verify` raises Rejected for a bad file).

        `wait`: stay until young files had time to settle and bad ones their grace (a one-shot run); else
        they are `waiting`. `rescan`: also read again files that stay in place and look unchanged.
        """
        pairs = self.look()
        if wait and any(self._is_young(*pair) for pair in pairs):
            self._sleep(self.settle_seconds)
            pairs = self.look()
        result = Look()
        for seen in self.scan():
            if not seen.regular:
                result.refuse(seen.name, "это не обычный файл (ссылка, канал или устройство)")
        for seen, note in pairs:
            if rescan or note.done is None:
                self._take_one(seen, note, verify, result)
        if result.bad:
            self._judge(result, wait)
        return result

    def _is_young(self, seen: Seen, note: Note) -> bool:
        return seen.stamp.size > 0 and not self.settled(seen, note)

    def _take_one(self, seen: Seen, note: Note, verify: Verify, result: Look) -> None:
        """Take one file if it has settled, is not too large and says what its place promises."""
        age = self._since(note)
        if not self.settled(seen, note):
            reason = "файл ещё записывается" if seen.stamp.size else "файл пустой"
            result.wait_for(seen.name, reason, age)
            return
        if seen.stamp.size > self._max:
            result.refuse(seen.name, f"файл больше {self._max >> 20} МБ")
            return
        taken = spool.copy(seen, self.folder, self.spool, reserve=self._reserve)
        if taken is None:
            result.wait_for(seen.name, "файл занят другой программой или изменился", age)
            return
        try:
            verify(taken.path, taken.name)
        except Rejected as error:
            result.bad.append(Bad(taken, error))
        else:
            result.taken.append(taken)

    def _judge(self, result: Look, wait: bool) -> None:
        """Leave in `bad` only files that have not changed for the grace time: the writer of a cut file may
        be at work.
        """
        ages = self._ages(result.bad)
        missing = self._grace - min(ages)
        if wait and missing > 0:
            self._sleep(missing)
            ages = self._ages(result.bad)
        judged, result.bad = result.bad, []
        for bad, age in zip(judged, ages, strict=True):
            if age >= self._grace:
                result.bad.append(bad)
                continue
            spool.release(bad.taken)
            result.wait_for(bad.taken.name, "файл пока не читается, возможно ещё записывается", age)

    def _ages(self, judged: Sequence[Bad]) -> list[float]:
        """Seconds since each file is as it was copied; 0 for one that has changed since."""
        notes = {self.folder / seen.name: note for seen, note in self.look()}
        ages = []
        for bad in judged:
            note = notes.get(bad.taken.original)
            is_same = note is not None and note.stamp == bad.taken.stamp
            ages.append(self._since(note) if note and is_same else 0.0)
        return ages

    # ---- after the reading
    @files.disk_trouble()
    def archive(self, taken: Taken) -> str:
        """Put what was dealt with into `archive/YYYY-MM/` and drop its spool copy; call it after the commit.

        Returns its place. The original is moved there only while it still holds the bytes that were read.
        Otherwise it is a new version and stays, and the copy goes to the archive; so it does for files that
        are not consumed. Repeating it makes no second copy.
        """
        return self._archive.keep(taken, self._now())

    @files.disk_trouble()
    def quarantine(self, taken: Taken, error: Rejected) -> str:
        """Put a bad file into `quarantine/`, by the rules of `archive`, with a Russian `.error.txt` beside
        it.

        Returns its place.
        """
        return self._archive.reject(taken, error, self._now())

    def find_archived(self, sha256: str) -> str | None:
        """The place of bytes that a killed run has archived already.

        For files that are parsed in the store but no longer taken.
        """
        return self._archive.find(sha256)

    def requeue(self, place: str, name: str) -> None:
        """Put a quarantined file back where it came from to be read once more, without its explanation.

        `name` as in `Taken.name`. Raises Rejected when it is gone or the place is taken by a newer file.
        """
        self._archive.requeue(place, name)

    # ---- publishing
    def publish(self, name: str, write: Write, validate: Validate | None = None) -> Published:
        """Write a file for 1C, `name` relative to the folder; see `exchange.publish.publish`."""
        self.check()
        return publish(self.folder / name, write, validate, reserve=self._reserve)

    def publish_for_person(self, name: str, write: Write, validate: Validate | None = None) -> Published:
        """Write a workbook for a person, beside the open one if they have it open.

        See `exchange.publish.publish_for_person`.
        """
        self.check()
        return publish_for_person(self.folder / name, write, validate, reserve=self._reserve)


def _is_ours_to_take(name: str) -> bool:
    last = name.rpartition("/")[2]
    return not last.startswith(_NOT_OURS) and not last.lower().endswith(_NOT_FILES)


def _age(seen: Seen) -> tuple[int, str]:
    """Older files first; the name decides between files of one moment."""
    return seen.stamp.mtime_ns, seen.name
