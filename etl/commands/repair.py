"""`obmen24 inspect --repair`: a copy beside the file without the characters XML forbids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from etl import xml_safe
from etl.commands.files import readable, size_of
from etl.errors import Rejected


@dataclass(frozen=True)
class Repair:
    """A copy and how many characters were left out in it; `refused` says why there is none (Russian)."""

    path: Path
    copy: Path
    removed: int = 0
    refused: str | None = None


def repair(path: Path) -> Repair:
    """Write `<name>.repaired.<ending>` beside `path`, never over an existing file."""
    copy = path.with_name(f"{path.stem}.repaired{path.suffix}")
    try:
        size_of(path)
        with _new(copy, path.name):
            return Repair(path, copy, removed=_copied(path, copy))
    except Rejected as error:
        return Repair(path, copy, refused=str(error))


@contextmanager
def _new(copy: Path, name: str) -> Iterator[None]:
    """A new empty file; it is gone again if it could not be filled. Raises Rejected, of the file `name`."""
    try:
        copy.touch(exist_ok=False)
    except FileExistsError:
        raise Rejected(
            f"{copy}: исправленная копия уже есть.", "Уберите или переименуйте её и повторите.", file=name
        ) from None
    except OSError:
        raise Rejected(
            f"{copy}: копию записать нельзя.",
            "Скопируйте исходный файл в свою папку и исправьте его там.",
            file=name,
        ) from None
    try:
        yield
    except BaseException:
        copy.unlink()
        raise


def _copied(path: Path, copy: Path) -> int:
    """Fill the copy; how many characters were left out."""
    with readable(path), path.open("rb") as source, copy.open("wb") as target:
        return xml_safe.repair(source, target, path.name)
