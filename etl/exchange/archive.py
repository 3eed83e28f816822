"""Putting away what was dealt with: the archive by month, the quarantine with its explanation, and the way
back.

A file is moved only while it still holds the bytes that were read (reliability §2.1); else what lies there
is a new version and stays, and the copy is put away. Every step may be repeated after a kill.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from etl.errors import Rejected
from etl.exchange import files, spool
from etl.exchange.files import Stamp, safe_name, shown
from etl.exchange.looks import Memory
from etl.exchange.publish import publish
from etl.exchange.spool import Taken

ARCHIVE, QUARANTINE = "archive", "quarantine"
#: held, read-only or gone: the copy is put away, what stays is remembered as dealt with
_STAYS = files.BUSY_ERRORS | {errno.EROFS, errno.ENOENT}


@dataclass(frozen=True, slots=True)
class Archive:
    """Archive and quarantine of one exchange folder; `memory` learns which files stay although they were
    dealt with.
    """

    folder: Path
    memory: Memory
    reserve: int

    def keep(self, taken: Taken, now: dt.datetime) -> str:
        """Put a file into `archive/YYYY-MM/` and return its place; see `Exchange.archive`."""
        mark = f"-{taken.sha256[:12]}-{safe_name(taken.name)}"
        month = self.folder / ARCHIVE / f"{now:%Y-%m}"
        return self._put_away(taken, month, f"{now:%Y%m%dT%H%M%SZ}{mark}", mark)

    def reject(self, taken: Taken, error: Rejected, now: dt.datetime) -> str:
        """Put a bad file into `quarantine/` with a Russian `.error.txt` beside it and return its place."""
        safe = PurePosixPath(safe_name(taken.name))
        name = f"{safe.stem}-{taken.sha256[:12]}{safe.suffix}"
        text = _explanation(taken, error, now)
        folder = self.folder / QUARANTINE

        def write(stream: BinaryIO) -> None:
            stream.write(text)

        publish(folder / f"{name}.error.txt", write, reserve=self.reserve)
        return self._put_away(taken, folder, name, name)

    def find(self, sha256: str) -> str | None:
        """The place of archived bytes, or None."""
        found = sorted((self.folder / ARCHIVE).glob(f"*/*-{sha256[:12]}-*"))
        return self._relative(found[-1]) if found else None

    def requeue(self, place: str, name: str) -> None:
        """Put a quarantined file back to `name`, without its explanation; see `Exchange.requeue`."""
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
        """Move the original, or copy it, to `folder`; `mark` ends the name of what a killed run has put
        there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        earlier = next((entry for entry in sorted(os.listdir(folder)) if entry.endswith(mark)), None)
        target = folder / (earlier or name)
        moved = taken.consume and self._is_same(taken) and self._moved(taken, target)
        if not moved and not earlier:
            self._copy(taken, target)
        if not moved and files.stamp(taken.original) == taken.stamp:
            self.memory.done(self._relative(taken.original), taken.stamp, taken.sha256)
        spool.release(taken)
        return self._relative(target)

    def _is_same(self, taken: Taken) -> bool:
        """True while the original holds the bytes that were read."""
        if files.stamp(taken.original) != taken.stamp:
            return False
        try:
            with files.safe_open(self.folder, self._relative(taken.original)) as stream:
                return files.sha256(stream) == taken.sha256
        except OSError:
            return False

    def _moved(self, taken: Taken, target: Path) -> bool:
        try:
            os.replace(taken.original, target)
        except OSError as error:
            if error.errno == errno.EXDEV:  # the archive lies on another disk
                self._copy(taken, target)
                taken.original.unlink()
                return True
            if error.errno in _STAYS:
                return False
            raise
        if Stamp.of(target.lstat()) != taken.stamp:
            put_back(target, taken.original)
            return False
        files.sync_folder(target.parent)
        files.sync_folder(taken.original.parent)
        return True

    def _copy(self, taken: Taken, target: Path) -> None:
        def write(stream: BinaryIO) -> None:
            with taken.path.open("rb") as source:
                files.sha256(source, stream)

        files.need_space(target.parent, taken.stamp.size, self.reserve)
        files.replace_durably(files.write_temp(target.parent, write), target)

    def _relative(self, path: Path) -> str:
        """The place as the state keeps it: below the folder, with slashes on every system."""
        return path.relative_to(self.folder).as_posix()


def put_back(moved: Path, original: Path) -> None:
    """A newer file slipped in between the check and the move: back to its place, or beside the still newer
    one.
    """
    for place in _places_beside(original):
        try:
            os.link(moved, place, follow_symlinks=False)
        except FileExistsError:
            continue
        moved.unlink()
        return


def _places_beside(original: Path) -> Iterator[Path]:
    """Where a file may be put: under its own name, else numbered beside the one that has it."""
    yield original
    for count in range(2, 100):
        yield original.with_name(f"{original.stem}-{count}{original.suffix}")


def _explanation(taken: Taken, error: Rejected, now: dt.datetime) -> bytes:
    """What a person finds beside the file: Russian, for Notepad (a mark of UTF-8, lines ended as on
    Windows).
    """
    lines = [
        f"Файл: {taken.name}",
        f"Отложен: {now.astimezone():%d.%m.%Y %H:%M}",
        f"Размер: {taken.stamp.size} байт, SHA-256: {taken.sha256}",
        "",
        f"Что не так: {error.message}",
    ]
    if error.place:
        lines.append(f"Где: {error.place}")
    advice = error.advice or "Выгрузите файл из 1С ещё раз."
    lines += [
        f"Что делать: {advice}",
        "",
        "Остальные файлы обработаны. Этот файл не загружен и хранится рядом.",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8-sig")
