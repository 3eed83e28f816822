"""One writer per profile and one watcher per folder: a lock of the operating system that dies with its
process.

Reference: reliability §2.1 (a PID file would be stale after kill -9, the kernel frees a flock at once).
Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etl.errors import TryLater


class Busy(TryLater):
    """Another process works with the same profile; nothing is wrong and nothing is to be repaired."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "Делать ничего не нужно: дождитесь, пока он закончит.")


def lock_path(state: Path) -> Path:
    """The lock file of a SQLite state."""
    return state.with_name(state.name + ".lock")


@contextmanager
def file_lock(path: Path, message: str) -> Iterator[None]:
    """Hold the lock file `path` (made 0600 where absent) while the block runs.

    Raises Busy(message) when another process holds it, TryLater when the file cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise Busy(message) from None
    except OSError as error:
        raise TryLater(
            f"Файл блокировки {path.name} не создаётся: {error.strerror}.",
            "Проверьте место на диске и права на папку состояния; следующий запуск повторит.",
        ) from error
    try:
        yield
    finally:
        lock.release()
