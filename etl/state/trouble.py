"""What a database error means for the person who reads it; whatever is not listed here is a bug and stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from etl.errors import EtlError, NeedsPerson, TryLater

#: start of SQLite's error name -> what happened; extended codes (SQLITE_BUSY_SNAPSHOT) begin so, too
_LATER = {
    "SQLITE_BUSY": "База состояния занята другим процессом.",
    "SQLITE_FULL": "На диске с базой состояния нет места.",
    "SQLITE_IOERR": "Диск с базой состояния не отвечает.",
    "SQLITE_READONLY": "База состояния открыта только для чтения.",
    "SQLITE_CANTOPEN": "Файл состояния не открывается.",
}
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


@contextmanager
def explained() -> Iterator[None]:
    """Database errors inside become TryLater or NeedsPerson where a person can act on them."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: sa.exc.DBAPIError) -> EtlError | None:
    code = str(getattr(error.orig, "sqlite_errorname", ""))
    for start, said in _LATER.items():
        if code.startswith(start):
            return TryLater(said, "Освободите место или проверьте диск; следующий запуск повторит.")
    if code in _DAMAGED:
        return NeedsPerson(
            "Файл состояния повреждён.",
            "Верните его из резервной копии; без копии удалите файл и выполните obmen24 restore.",
        )
    is_server = not code
    if is_server and isinstance(error, sa.exc.OperationalError):
        return TryLater(
            "База состояния PostgreSQL не отвечает.",
            "Проверьте сервер базы; следующий запуск повторит.",
        )
    return None
