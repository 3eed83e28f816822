"""A file that a person named: what keeps it from being read is told in words, its reading can be watched."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from etl.errors import Rejected

#: gets the part of a file that is done, 0 to 1
Tell = Callable[[float], None]
_BUFFER = 1 << 20  # bytes between two reports of progress


def size_of(path: Path) -> int:
    """Bytes of a file that can be opened, at least 1. Raises Rejected in words for who named it."""
    with readable(path):
        if path.is_dir():
            raise Rejected(
                f"{path}: это папка, а не файл.", "Назовите файлы, которые в ней лежат.", file=path.name
            )
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise Rejected(
                f"{path}: это не обычный файл.", "Сохраните данные в файл и назовите его.", file=path.name
            )
        with path.open("rb") as file:
            return max(1, file.seek(0, io.SEEK_END))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever the system says against reading `path`, also in the middle of it, becomes Rejected."""
    try:
        yield
    except FileNotFoundError:
        raise Rejected(f"{path}: файла нет.", "Проверьте имя и папку.", file=path.name) from None
    except PermissionError:
        raise Rejected(
            f"{path}: нет прав на чтение.",
            "Дайте права на файл пользователю, который запускает obmen24.",
            file=path.name,
        ) from None
    except OSError as error:
        raise Rejected(
            f"{path}: не читается (ошибка системы {error.errno}).",
            "Скопируйте файл на этот компьютер и повторите.",
            file=path.name,
        ) from None


class Watched:
    """The two things of a path that a reader uses: `name` and `open`.

    What it opens tells `tell` how many bytes have been read so far, all passes together.
    """

    def __init__(self, path: Path, tell: Callable[[int], None] | None) -> None:
        self.path = path
        self.name = path.name
        self.tell = tell

    def open(self, _mode: str = "rb") -> io.BufferedIOBase:
        """A binary stream from the beginning of the file."""
        if self.tell is None:
            return self.path.open("rb")
        told = _Told(self.path, self.tell)
        return io.BufferedReader(told, _BUFFER)


class _Told(io.FileIO):
    """A file that tells how many bytes have been read from it, however often it was begun again."""

    def __init__(self, path: Path, tell: Callable[[int], None]) -> None:
        super().__init__(path)
        self._tell = tell
        self._read = 0

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._read += count or 0
        self._tell(self._read)
        return count
