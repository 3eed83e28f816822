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
#: a table that somebody dropped, or one that stands though its revision is not noted
_OTHER_TABLES = ("no such table", "no such column", "already exists")


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


def damaged() -> NeedsPerson:
    """A state that cannot be read."""
    return NeedsPerson(
        "Файл состояния повреждён.",
        "Верните его из резервной копии; без копии удалите файл и выполните obmen24 restore.",
    )


def _meaning(error: sa.exc.DBAPIError) -> EtlError | None:
    code = str(getattr(error.orig, "sqlite_errorname", ""))
    for start, said in _LATER.items():
        if code.startswith(start):
            return TryLater(said, "Освободите место или проверьте диск; следующий запуск повторит.")
    said = str(error.orig)
    is_other = code == "SQLITE_ERROR" and any(words in said for words in _OTHER_TABLES)
    if code in _DAMAGED or is_other:
        return damaged()
    is_server = not code
    if is_server and isinstance(error, sa.exc.OperationalError):
        return TryLater(
            "База состояния PostgreSQL не отвечает.",
            "Проверьте сервер базы; следующий запуск повторит.",
        )
    return None
