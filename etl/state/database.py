"""The database under the state: opening, migrating, transactions, and the few statements all parts of the store share.

SQLite runs in WAL with synchronous=FULL (nothing confirmed is lost with the power); PostgreSQL by URL. The file is 0600
and its folder 0700: names, addresses and sums of customers lie there.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from etl import tables
from etl.errors import ConfigError, NeedsPerson, TryLater
from etl.state.lock import Busy, file_lock
from etl.state.schema import CURSOR, REVISION

Record = dict[str, Any]
Rows = Any  # a frame of etl.tables or any iterable of mappings
Made = TypeVar("Made")

_CHUNK = 400  # bound values of one IN list; SQLite's oldest limit is 999
_BUSY = "Обмен по этому профилю уже выполняется другим процессом."


def utc_now() -> dt.datetime:
    """The default clock."""
    return dt.datetime.now(dt.UTC)


def walked(rows: Rows) -> Iterable[Record]:
    """`listed` without the list: records of a frame one by one, or the given mappings as they are."""
    return tables.each(rows) if hasattr(rows, "columns") else rows


def listed(rows: Rows) -> list[Record]:
    """Records of a frame, or the given mappings as a list; they are not copied and must not be changed."""
    return tables.records(rows) if hasattr(rows, "columns") else list(rows)


class Database:
    """One open connection, for one process and one portal. Parts of the store read and write only through it."""

    def __init__(self, engine: sa.Engine, portal: str, clock: Callable[[], dt.datetime]) -> None:
        self.portal = portal
        self.now = clock
        self._engine = engine
        self.connection = _connected(engine)
        self._writing = self._holding = False

    def close(self) -> None:
        """Give the connection back; an open transaction is rolled back."""
        self.connection.close()
        self._engine.dispose()

    # ---- transactions
    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is committed together or not at all. Inside another transaction it joins that one."""
        if self._writing:
            yield
            return
        self._writing = True
        try:
            with _explained(), self._begun(write=True):
                yield
        finally:
            self._writing = False

    @contextmanager
    def _begun(self, *, write: bool) -> Iterator[None]:
        self.connection.info["write"] = write
        with self.connection.begin():
            yield

    def _run(self, statement: Any, values: Any = None) -> sa.CursorResult[Any]:
        return self.connection.execute(statement, values)

    # ---- reading
    def rows(self, statement: sa.Select[Any]) -> list[Record]:
        """All rows of a query as records."""
        return [dict(row) for row in self._read(statement, lambda found: found.mappings().all())]

    def tuples(self, statement: sa.Select[Any]) -> list[Any]:
        """All rows of a query as named tuples."""
        return list(self._read(statement, lambda found: found.all()))

    def raw(self, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
        """All rows as the driver gives them, for the long reads: column types are not applied, so for texts and integers only."""
        return list(self._read(statement, lambda found: found.cursor.fetchall()))

    def made(self, statement: sa.Select[Any], make: Callable[[Iterable[Any]], Made]) -> Made:
        """What `make` makes of the rows of a query (named tuples) as they come, so that the query is never held whole."""
        return cast(Made, self._read(statement, make))

    def value(self, statement: sa.Select[Any]) -> Any:
        """The first value of the first row, or None."""
        return self._read(statement, lambda found: found.scalar())

    def _read(self, statement: sa.Select[Any], take: Callable[[sa.CursorResult[Any]], Any]) -> Any:
        if self._writing:
            return take(self._run(statement))
        with _explained(), self._begun(write=False):
            return take(self._run(statement))

    def mine(self, table: sa.Table, *conditions: Any) -> sa.Select[Any]:
        """Select of this portal's rows, all columns but `portal`."""
        columns = [column for column in table.c if column.name != "portal"]
        return sa.select(*columns).where(table.c.portal == self.portal, *conditions)

    def many(self, table: sa.Table, column: str, values: Iterable[Any], *conditions: Any) -> list[Record]:
        """Rows whose `column` is one of `values`, any number of them."""
        wanted = list(dict.fromkeys(values))
        found: list[Record] = []
        for start in range(0, len(wanted), _CHUNK):
            found += self.rows(
                self.mine(table, table.c[column].in_(wanted[start : start + _CHUNK]), *conditions)
            )
        return found

    # ---- writing
    def add(self, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Plain insert, all or nothing; a repeated key raises sqlalchemy IntegrityError. Rows are taken as they come."""
        rest = iter(rows)
        part = list(islice(rest, tables.BLOCK))
        if not part:
            return
        with self.transaction():
            while part:
                self._run(sa.insert(table), [{"portal": self.portal, **row} for row in part])
                part = list(islice(rest, tables.BLOCK))

    def put(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert, or overwrite the other given columns of the row with the same primary key. All rows have the same columns."""
        if not rows:
            return
        keys = [column.name for column in table.primary_key.columns]
        statement = self._insert(table)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        upsert = statement.on_conflict_do_update(index_elements=keys, set_=changed)
        with self.transaction():
            self._run(upsert, [{"portal": self.portal, **row} for row in rows])

    def _insert(self, table: sa.Table) -> Any:
        return (sqlite if self._engine.dialect.name == "sqlite" else postgresql).insert(table)

    def change(self, table: sa.Table, conditions: Sequence[Any], **values: Any) -> int:
        """Update this portal's rows that meet the conditions; how many there were."""
        with self.transaction():
            return self._run(
                sa.update(table).where(table.c.portal == self.portal, *conditions).values(**values)
            ).rowcount

    def remove(self, table: sa.Table, *conditions: Any) -> int:
        """Delete this portal's rows that meet the conditions; how many there were."""
        with self.transaction():
            return self._run(sa.delete(table).where(table.c.portal == self.portal, *conditions)).rowcount

    def next(self, table: sa.Table, column: str, *conditions: Any) -> int:
        """One more than the greatest value of `column`. Only for use inside a transaction: the caller inserts it at once."""
        greatest = self.value(
            sa.select(sa.func.max(table.c[column])).where(table.c.portal == self.portal, *conditions)
        )
        return int(greatest or 0) + 1

    def numbers(self, name: str, count: int) -> int:
        """Reserve `count` numbers of a series and return the first: a number given once is never given again."""
        with self.transaction():
            taken = int(
                self.value(
                    sa.select(CURSOR.c.value).where(CURSOR.c.portal == self.portal, CURSOR.c.name == name)
                )
                or 0
            )
            if count:
                self.put(CURSOR, [{"name": name, "value": str(taken + count)}])
        return taken + 1

    # ---- one writer
    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of this portal. Raises Busy. It dies with the process: flock beside SQLite, advisory lock on PostgreSQL."""
        with self._own_lock():
            self._holding = True
            try:
                yield
            finally:
                self._holding = False

    def is_held(self) -> bool:
        """True while this or another process holds the lock."""
        if self._holding:
            return True
        try:
            with self._own_lock():
                return False
        except Busy:
            return True

    def _own_lock(self) -> AbstractContextManager[None]:
        if self._engine.dialect.name != "sqlite":
            return self._advisory_lock()
        path = _sqlite_path(self._engine.url)
        return (
            file_lock(lock_path(path), _BUSY) if path else nullcontext()
        )  # a database in memory has no second process

    @contextmanager
    def _advisory_lock(self) -> Iterator[None]:
        key = int.from_bytes(hashlib.sha256(f"obmen24|{self.portal}".encode()).digest()[:8], signed=True)
        with _explained(), self._engine.connect() as own:
            if not own.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
                raise Busy(_BUSY, "Делать ничего не нужно: дождитесь, пока он закончит.")
            own.commit()
            try:
                yield
            finally:
                own.scalar(sa.select(sa.func.pg_advisory_unlock(key)))


def open_database(url: str, portal: str, clock: Callable[[], dt.datetime] = utc_now) -> Database:
    """Open (and where needed create or migrate) the state. Raises ConfigError for an unusable URL, TryLater when it cannot be
    reached now, NeedsPerson for a damaged file or one of a newer programme."""
    parsed = _parsed(url)
    if path := _sqlite_path(parsed):
        _private(path)
    database = Database(_engine(parsed), portal, clock)
    try:
        _migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def lock_path(state: Path) -> Path:
    """The lock file of a SQLite state."""
    return state.with_name(state.name + ".lock")


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigError(
            "Адрес базы состояния [state] url записан неверно.",
            "Пример: sqlite:////var/lib/obmen24/state.sqlite или postgresql://имя@сервер/база.",
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"База состояния «{parsed.get_backend_name()}» не поддерживается.",
            "Укажите sqlite или postgresql.",
        )
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def _sqlite_path(url: sa.URL) -> Path | None:
    memory = url.database in (None, "", ":memory:")
    return None if url.get_backend_name() != "sqlite" or memory else Path(str(url.database))


def _private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise TryLater(
                "На диске с базой состояния нет места.", "Освободите место; следующий запуск повторит."
            ) from error
        raise ConfigError(
            f"Файл состояния {path.name} нельзя открыть: {error.strerror}.",
            "Проверьте папку из [state] и права на неё.",
        ) from error


def _engine(url: sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool if _sqlite_path(url) else None)
    except ModuleNotFoundError:
        raise ConfigError(
            "Для состояния в PostgreSQL не установлен драйвер psycopg.",
            'Установите: pip install "obmen24[postgresql]".',
        ) from None
    if url.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _sqlite_settings)
        sa.event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_settings(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # our own BEGIN: pysqlite's implicit one leaves DDL and reads outside
    for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: sa.Connection) -> None:
    # a reader that becomes a writer can meet SQLITE_BUSY at once, without waiting: writers say so at the start
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("write") else "BEGIN")


def _connected(engine: sa.Engine) -> sa.Connection:
    with _explained():
        return engine.connect()


_LATER = {
    "SQLITE_BUSY": "База состояния занята другим процессом.",
    "SQLITE_FULL": "На диске с базой состояния нет места.",
    "SQLITE_IOERR": "Диск с базой состояния не отвечает.",
    "SQLITE_READONLY": "База состояния открыта только для чтения.",
    "SQLITE_CANTOPEN": "Файл состояния не открывается.",
}


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        if (meaning := _meaning(error)) is None:
            raise
        raise meaning from error


def _meaning(error: sa.exc.DBAPIError) -> Exception | None:
    """What a database error means for the person; None for anything else: it is a bug and stays as it is."""
    original = error.orig
    code = str(getattr(original, "sqlite_errorname", ""))
    for start, said in _LATER.items():
        if code.startswith(start):
            return TryLater(said, "Освободите место или проверьте диск; следующий запуск повторит.")
    if code in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return NeedsPerson(
            "Файл состояния повреждён.",
            "Верните его из резервной копии; без копии удалите файл и выполните obmen24 restore.",
        )
    if isinstance(error, sa.exc.OperationalError) and not code:
        return TryLater(
            "База состояния PostgreSQL не отвечает.", "Проверьте сервер базы; следующий запуск повторит."
        )
    return None


def _migrate(database: Database) -> None:
    if _revision(database) == REVISION:
        return
    from alembic import command, util

    with database.transaction():
        connection = database.connection
        if connection.dialect.name != "sqlite":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x0B3E24)))
        try:
            command.upgrade(migrations(connection), "head")
        except util.CommandError:
            raise NeedsPerson(
                "База состояния записана более новой версией obmen24.", "Обновите программу."
            ) from None


def migrations(connection: sa.Connection) -> Any:
    """Alembic's configuration for a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(database: Database) -> str | None:
    with _explained():
        names = sa.inspect(database.connection).has_table("alembic_version")
        found = (
            database.connection.scalar(sa.text("SELECT version_num FROM alembic_version")) if names else None
        )
        database.connection.rollback()
    return found
