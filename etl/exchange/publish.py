"""Writing a file that others read: temporary name in the same folder, validation, fsync, rename, fsync of
the folder.

A reader sees the old file or the new one, never half of either. The same bytes are not written again: 1C
re-reads its file at every session, and its date tells people when something really changed (DESIGN §7).
"""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from etl.errors import TryLater
from etl.exchange import files

Write = Callable[[BinaryIO], None]
Validate = Callable[[Path], None]
_COPIES = 9


@dataclass(frozen=True, slots=True)
class Published:
    """Where the file lies, its hash, whether its bytes changed, and what a person must know (Russian,
    usually empty).
    """

    path: Path
    sha256: str
    changed: bool
    note: str = ""


def publish(path: Path, write: Write, validate: Validate | None = None, *, reserve: int = 0) -> Published:
    """Publish `path` with what `write(stream)` writes.

    `validate(temporary path)` may raise to stop it; nothing is changed then. Raises TryLater when another
    program holds the file or the disk is full.
    """
    with _written(path, write, reserve) as temp:
        digest = _digest(temp)
        if _same(temp, path):
            return Published(path, digest, changed=False)
        if validate:
            validate(temp)
        files.replace_durably(temp, path)
    return Published(path, digest, changed=True)


def publish_for_person(
    path: Path, write: Write, validate: Validate | None = None, *, reserve: int = 0
) -> Published:
    """Publish a workbook; while a person has it open in Excel, `name (2).xlsx` is written instead and the
    note says so.

    Raises TryLater as `publish`, and when every copy is open, too.
    """
    with _written(path, write, reserve) as temp:
        digest = _digest(temp)
        if _same(temp, path):
            return Published(path, digest, changed=False)
        if validate:
            validate(temp)
        for target in _copies(path):
            if _same(temp, target):
                return Published(target, digest, changed=False)
            if _replaced(temp, target):
                return Published(target, digest, changed=True, note=_note(path, target))
    raise TryLater(
        f"Файл {path.name} и все его копии открыты в Excel.", "Закройте их; следующий запуск повторит."
    )


def _copies(path: Path) -> Iterator[Path]:
    """The name itself, then «name (2)», «name (3)»: what a person does by hand."""
    yield path
    for count in range(2, _COPIES):
        yield path.with_name(f"{path.stem} ({count}){path.suffix}")


def _note(path: Path, target: Path) -> str:
    if target == path:
        return ""
    return f"Файл {path.name} открыт в Excel, новый записан как {target.name}. Закройте старый."


@contextmanager
def _written(path: Path, write: Write, reserve: int) -> Iterator[Path]:
    """A temporary file beside `path` with what `write` wrote, removed afterwards; OSError inside is
    explained.
    """
    temp: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size if path.exists() else 0
        files.need_space(path.parent, size, reserve)
        temp = files.write_temp(path.parent, write)
        yield temp
    except OSError as error:
        raise _later(path, error) from error
    finally:
        if temp is not None:
            temp.unlink(missing_ok=True)


def _digest(temp: Path) -> str:
    with temp.open("rb") as stream:
        return files.sha256(stream)


def _same(temp: Path, path: Path) -> bool:
    return path.is_file() and filecmp.cmp(temp, path, shallow=False)


def _replaced(temp: Path, target: Path) -> bool:
    """Rename unless the target is open: Excel leaves `~$name` beside an open workbook, a share refuses the
    rename.
    """
    owner_file = target.with_name(f"~${target.name}")
    if owner_file.exists():
        return False
    try:
        files.replace_durably(temp, target)
    except PermissionError:
        return False
    return True


def _later(path: Path, error: OSError) -> OSError | TryLater:
    if error.errno in files.DISK_ERRORS | files.GONE_ERRORS:
        return TryLater(
            f"Файл {path.name} не записан: {error.strerror}.",
            "Освободите место или проверьте диск; следующий запуск повторит.",
        )
    if error.errno in files.BUSY_ERRORS:
        return TryLater(
            f"Файл {path.name} занят другой программой или нет прав на запись.",
            "Закройте его и проверьте права на папку; следующий запуск повторит.",
        )
    return error
