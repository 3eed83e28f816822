"""The exchange folder: take what 1C and people put there, publish what they must get, archive, quarantine.

Nothing is parsed in the folder. A file that has settled is copied to a local spool while it is hashed, its stamp is compared
before and after, the copy is verified and read, and the original is archived only while its bytes are still those
(DESIGN §7; reference: reliability §2.1). Each step may be killed at any point and repeated.

Only the standard library is used here: looking into an empty folder costs nothing.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from etl.errors import Rejected, TryLater
from etl.exchange import files
from etl.exchange.files import Stamp, safe_name, shown
from etl.exchange.looks import Memory, Note
from etl.exchange.publish import Published, publish, publish_for_person

FROM_1C, TO_1C, SHEETS_IN, SHEETS_OUT = "from_1c", "to_1c", "spreadsheets/in", "spreadsheets/out"
ARCHIVE, QUARANTINE = "archive", "quarantine"
FOLDERS = (FROM_1C, TO_1C, SHEETS_IN, SHEETS_OUT, ARCHIVE, QUARANTINE)

_NOT_OURS = (".", "~$")  # hidden files, our temporary ones, owner files of Excel
_NOT_FILES = (".tmp", ".part", ".error.txt", ".crdownload")
MAX_BYTES = 2 << 30
RESERVE = 32 << 20

Verify = Callable[[Path, str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """Files to take: a glob relative to the exchange folder. `consume` moves them away; else 1C's own files stay in place."""

    glob: str
    consume: bool = True


def sources(globs: Iterable[str]) -> tuple[Source, ...]:
    """Sources of intake globs: `from_1c/` and `spreadsheets/in/` are emptied, folders that 1C rewrites by itself are left alone."""
    return tuple(Source(glob, glob.startswith((f"{FROM_1C}/", f"{SHEETS_IN}/"))) for glob in globs)


@dataclass(frozen=True, slots=True)
class Taken:
    """A complete copy in the spool. `name` is printable and relative to the exchange folder, `original` the file it came from."""

    path: Path
    name: str
    sha256: str
    original: Path
    stamp: Stamp
    consume: bool


@dataclass(frozen=True, slots=True)
class Bad:
    """A copy that did not pass verification, and why."""

    taken: Taken
    error: Rejected


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that cannot be taken now: still being written, empty or held by another program. `seconds` since it is so."""

    name: str
    reason: str
    seconds: float


@dataclass(slots=True)
class Look:
    """Result of one intake. `refused`: names that are no plain files or are too large, with the reason (Russian)."""

    taken: list[Taken] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """A file in a listing."""

    name: str
    stamp: Stamp
    regular: bool
    consume: bool


class Exchange:
    """One exchange folder of one profile. Used under the profile's lock: leftovers in the spool belong to dead processes."""

    def __init__(
        self,
        folder: Path,
        spool: Path,
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
        """`grace_seconds`: how long an unreadable file must have been unchanged before it counts as bad (default 5 settling times:
        1C may pause between two writes)."""
        self.folder, self.spool, self.intake = folder, spool, tuple(intake)
        self._sentinel, self.settle_seconds, self._max, self._reserve = (
            sentinel,
            settle_seconds,
            max_bytes,
            reserve,
        )
        self._grace = 5 * settle_seconds if grace_seconds is None else grace_seconds
        self._now, self._clock, self._sleep = now, clock, sleep
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._memory = Memory(spool / "seen.json")

    # ---- the folder
    def check(self) -> None:
        """Raise TryLater unless the folder is there: an unmounted share looks like an empty folder and must not be touched."""
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
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            files.remove_temps(self.folder / name)
        for month in sorted(path for path in (self.folder / ARCHIVE).iterdir() if path.is_dir())[-2:]:
            files.remove_temps(month)
        for left in self.spool.iterdir():
            if left.name != "seen.json" and left.is_file():
                left.unlink(missing_ok=True)

    def scan(self) -> list[Seen]:
        """What lies there now and may be taken, oldest first; one listing, nothing is opened. Raises TryLater as `check`."""
        self.check()
        found: dict[str, Seen] = {}
        for source in self.intake:
            for name, status in files.listing(self.folder, source.glob):
                if _ours_to_take(name) and not stat.S_ISDIR(status.st_mode):
                    found.setdefault(
                        name, Seen(name, Stamp.of(status), stat.S_ISREG(status.st_mode), source.consume)
                    )
        return sorted(found.values(), key=lambda seen: (seen.stamp.mtime_ns, seen.name))

    def intake_folders(self) -> list[Path]:
        """The folders that exist now and may receive files to take."""
        found = {
            parent
            for source in self.intake
            for parent in (
                self.folder.glob(source.glob.rpartition("/")[0]) if "/" in source.glob else [self.folder]
            )
        }
        return sorted(folder for folder in found if folder.is_dir())

    @files.disk_trouble()
    def look(self) -> list[tuple[Seen, Note]]:
        """Scan and remember the look: with each regular file the note that tells how long it has not changed."""
        self._memory.reload()
        regular = [seen for seen in self.scan() if seen.regular]
        notes = self._memory.look([(seen.name, seen.stamp) for seen in regular], self._clock())
        return [(seen, notes[seen.name]) for seen in regular]

    def settled(self, seen: Seen, note: Note) -> bool:
        """True when size, time and inode were equal in two looks, `settle_seconds` apart by our own clock, and it is not empty."""
        return seen.stamp.size > 0 and note.looks > 1 and self._clock() - note.since >= self.settle_seconds

    # ---- intake
    @files.disk_trouble()
    def take(self, verify: Verify, *, wait: bool = True, rescan: bool = False) -> Look:
        """Copy every settled file to the spool and verify the copy (`verify(path, name)` raises Rejected for a bad file).

        `wait`: stay until young files had time to settle and bad ones their grace (a one-shot run); else they are `waiting`.
        `rescan`: also read again files that stay in place and look unchanged.
        """
        pairs = self.look()
        if wait and any(not self.settled(*pair) and pair[0].stamp.size for pair in pairs):
            self._sleep(self.settle_seconds)
            pairs = self.look()
        result = Look(
            refused=[
                (shown(seen.name), "это не обычный файл (ссылка, канал или устройство)")
                for seen in self.scan()
                if not seen.regular
            ]
        )
        for seen, note in pairs:
            if rescan or note.done is None:
                self._take_one(seen, note, verify, result)
        self._judge(result, wait)
        return result

    def _take_one(self, seen: Seen, note: Note, verify: Verify, result: Look) -> None:
        age = self._clock() - note.since
        if not self.settled(seen, note):
            reason = "файл ещё записывается" if seen.stamp.size else "файл пустой"
            result.waiting.append(Waiting(shown(seen.name), reason, age))
        elif seen.stamp.size > self._max:
            result.refused.append((shown(seen.name), f"файл больше {self._max >> 20} МБ"))
        elif (taken := self._copy(seen)) is None:
            result.waiting.append(
                Waiting(shown(seen.name), "файл занят другой программой или изменился", age)
            )
        else:
            try:
                verify(taken.path, taken.name)
                result.taken.append(taken)
            except Rejected as error:
                result.bad.append(Bad(taken, error))

    def _judge(self, result: Look, wait: bool) -> None:
        """Leave in `bad` only files that have not changed for the grace time: the writer of a cut file may be at work."""
        if not result.bad:
            return
        notes = {seen.name: note for seen, note in self.look()}
        younger = max(self._grace - (self._clock() - self._since(bad, notes)) for bad in result.bad)
        if wait and younger > 0:
            self._sleep(younger)
            notes = {seen.name: note for seen, note in self.look()}
        for bad in list(result.bad):
            age = self._clock() - self._since(bad, notes)
            if age < self._grace:
                result.bad.remove(bad)
                self._release(bad.taken)
                result.waiting.append(
                    Waiting(bad.taken.name, "файл пока не читается, возможно ещё записывается", age)
                )

    def _since(self, bad: Bad, notes: dict[str, Note]) -> float:
        note = notes.get(self._relative(bad.taken.original))
        return note.since if note and note.stamp == bad.taken.stamp else self._clock()

    def _copy(self, seen: Seen) -> Taken | None:
        """Copy into the spool; None when the file is busy, gone or changed meanwhile. Raises TryLater when the disk is full."""
        files.need_space(self.spool, seen.stamp.size, self._reserve)
        temp = self.spool / f"{os.urandom(6).hex()}.tmp"
        try:
            with files.safe_open(self.folder, seen.name) as stream:
                before = Stamp.of(os.fstat(stream.fileno()))
                with os.fdopen(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
                    digest = files.sha256(stream, copy)
                after = Stamp.of(os.fstat(stream.fileno()))
            if not before == after == seen.stamp == self._stamp(seen.name):
                temp.unlink()
                return None
            path = self.spool / f"{digest}-{_short(seen.name)}{PurePosixPath(safe_name(seen.name)).suffix}"
            files.replace_durably(temp, path)
        except OSError as error:
            temp.unlink(missing_ok=True)
            if error.errno in files.BUSY_ERRORS | {errno.ENOENT, errno.ELOOP, errno.EINVAL}:
                return None
            raise
        return Taken(path, shown(seen.name), digest, self.folder / seen.name, seen.stamp, seen.consume)

    def _stamp(self, name: str) -> Stamp | None:
        try:
            return Stamp.of((self.folder / name).lstat())
        except OSError:
            return None

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    # ---- after the reading
    @files.disk_trouble()
    def archive(self, taken: Taken) -> str:
        """Put what was dealt with into `archive/YYYY-MM/` and drop its spool copy; call it after the commit. Returns its place.

        The original is moved there only while it still holds the bytes that were read. Otherwise it is a new version and stays,
        and the copy goes to the archive; so it does for files that are not consumed. Repeating it makes no second copy.
        """
        now = self._now()
        mark = f"-{taken.sha256[:12]}-{safe_name(taken.name)}"
        return self._put_away(
            taken, self.folder / ARCHIVE / f"{now:%Y-%m}", f"{now:%Y%m%dT%H%M%SZ}{mark}", mark
        )

    @files.disk_trouble()
    def quarantine(self, taken: Taken, error: Rejected) -> str:
        """Put a bad file into `quarantine/`, by the rules of `archive`, with a Russian `.error.txt` beside it. Returns its place."""
        safe = PurePosixPath(safe_name(taken.name))
        name = f"{safe.stem}-{taken.sha256[:12]}{safe.suffix}"
        text = _explanation(taken, error, self._now())
        publish(
            self.folder / QUARANTINE / f"{name}.error.txt",
            lambda stream: _write(stream, text),
            reserve=self._reserve,
        )
        return self._put_away(taken, self.folder / QUARANTINE, name, name)

    def find_archived(self, sha256: str) -> str | None:
        """The place of bytes that a killed run has archived already: for files that are parsed in the store but no longer taken."""
        found = sorted((self.folder / ARCHIVE).glob(f"*/*-{sha256[:12]}-*"))
        return self._relative(found[-1]) if found else None

    def requeue(self, place: str, name: str) -> None:
        """Put a quarantined file back where it came from (`name` as in `Taken.name`) to be read once more, without its explanation.

        Raises Rejected when it is gone or the place is taken by a newer file.
        """
        source, target = self.folder / place, self.folder / name
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            raise Rejected(
                f"Файл {shown(source.name)} нельзя вернуть: {error.strerror}.",
                "Проверьте, что он лежит в quarantine и что на его прежнем месте нет нового файла.",
            ) from error
        source.unlink()
        Path(f"{source}.error.txt").unlink(missing_ok=True)

    def _put_away(self, taken: Taken, folder: Path, name: str, mark: str) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        there = next((entry for entry in sorted(os.listdir(folder)) if entry.endswith(mark)), None)
        target = folder / (there or name)
        moved = taken.consume and self._is_same(taken) and self._moved(taken, target)
        if not moved and not there:
            self._copy_to(taken, target)
        if not moved and self._stamp(self._relative(taken.original)) == taken.stamp:
            self._memory.done(self._relative(taken.original), taken.stamp, taken.sha256)
        self._release(taken)
        return self._relative(target)

    def _moved(self, taken: Taken, target: Path) -> bool:
        try:
            os.replace(taken.original, target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                self._copy_to(taken, target)
                taken.original.unlink()
                return True
            if error.errno in files.BUSY_ERRORS | {errno.EROFS, errno.ENOENT}:
                return False  # held, read-only or gone: the copy is archived, what stays is known
            raise
        if Stamp.of(target.lstat()) != taken.stamp:
            self._put_back(target, taken.original)
            return False
        files.sync_folder(target.parent)
        files.sync_folder(taken.original.parent)
        return True

    def _copy_to(self, taken: Taken, target: Path) -> None:
        def write(stream: BinaryIO) -> None:
            with taken.path.open("rb") as source:
                files.sha256(source, stream)

        files.need_space(target.parent, taken.stamp.size, self._reserve)
        files.replace_durably(files.write_temp(target.parent, write), target)

    def _is_same(self, taken: Taken) -> bool:
        if self._stamp(self._relative(taken.original)) != taken.stamp:
            return False
        try:
            with files.safe_open(self.folder, self._relative(taken.original)) as stream:
                return files.sha256(stream) == taken.sha256
        except OSError:
            return False

    @staticmethod
    def _put_back(moved: Path, original: Path) -> None:
        """A newer file slipped in between the check and the move: back to its place, or beside the still newer one."""
        for place in (
            original,
            *(original.with_name(f"{original.stem}-{count}{original.suffix}") for count in range(2, 100)),
        ):
            try:
                os.link(moved, place, follow_symlinks=False)
            except FileExistsError:
                continue
            moved.unlink()
            return

    def _release(self, taken: Taken) -> None:
        taken.path.unlink(missing_ok=True)

    # ---- publishing
    def publish(
        self, name: str, write: Callable[[BinaryIO], None], validate: Callable[[Path], None] | None = None
    ) -> Published:
        """Write a file for 1C, `name` relative to the folder; see `exchange_publish.publish`."""
        self.check()
        return publish(self.folder / name, write, validate, reserve=self._reserve)

    def publish_for_person(
        self, name: str, write: Callable[[BinaryIO], None], validate: Callable[[Path], None] | None = None
    ) -> Published:
        """Write a workbook for a person, beside the open one if they have it open; see `exchange_publish.publish_for_person`."""
        self.check()
        return publish_for_person(self.folder / name, write, validate, reserve=self._reserve)


def _ours_to_take(name: str) -> bool:
    last = name.rpartition("/")[2]
    return not last.startswith(_NOT_OURS) and not last.lower().endswith(_NOT_FILES)


def _short(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _write(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)


def _explanation(taken: Taken, error: Rejected, now: dt.datetime) -> bytes:
    lines = [
        f"Файл: {taken.name}",
        f"Отложен: {now.astimezone():%d.%m.%Y %H:%M}",
        f"Размер: {taken.stamp.size} байт, SHA-256: {taken.sha256}",
        "",
        f"Что не так: {error.message}",
    ]
    lines += [f"Где: {error.place}"] if error.place else []
    advice = error.advice or "Выгрузите файл из 1С ещё раз."
    lines += [
        f"Что делать: {advice}",
        "",
        "Остальные файлы обработаны. Этот файл не загружен и хранится рядом.",
    ]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8-sig")
