"""Opening the database of the state: its address, its private file, its settings, and the migration to the
newest shape.

SQLite runs in WAL with synchronous=FULL (nothing confirmed is lost with the power); PostgreSQL by URL. The
file is 0600 and its folder 0700: names, addresses and sums of customers lie there (DESIGN §6).
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from etl.errors import ConfigError, NeedsPerson, TryLater
from etl.state.database import Database
from etl.state.schema import REVISION
from etl.state.trouble import explained

if TYPE_CHECKING:
    from alembic.config import Config

_SETTINGS = ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
#: Rows of a table, and of one value of an inner column, as SQLite's planner is told before there are any.
_MANY, _SOME, _FEW = 100_000, 1_000, 10
_MIGRATING = 0x0B3E24  # any number of ours: two programmes that start at once migrate one after the other


def utc_now() -> dt.datetime:
    """The default clock."""
    return dt.datetime.now(dt.UTC)


def open_database(url: str, portal: str, clock: Callable[[], dt.datetime] = utc_now) -> Database:
    """Open (and where needed create or migrate) the state of one portal.

    Raises ConfigError for an unusable URL, TryLater when the database cannot be reached now, NeedsPerson
    for a damaged file or one of a newer programme.
    """
    address = _address(url)
    file = _file(address)
    if file is not None:
        _make_private(file)
    database = Database(_engine(address), portal, clock, file=file)
    try:
        if revision(database.connection) != REVISION:
            with database.transaction():
                migrate(database.connection)
    except BaseException:
        database.close()
        raise
    return database


def engine(url: str) -> sa.Engine:
    """A plain engine for the database at `url`; nothing is created or migrated.

    Raises ConfigError for an unusable URL.
    """
    return _engine(_address(url))


def _address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigError(
            "Адрес базы состояния [state] url записан неверно.",
            "Пример: sqlite:////var/lib/obmen24/state.sqlite или postgresql://имя@сервер/база.",
        ) from None
    backend = address.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"База состояния «{backend}» не поддерживается.",
            "Укажите sqlite или postgresql.",
        )
    if address.drivername == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    return address


def _file(address: sa.URL) -> Path | None:
    """The file of a SQLite database; None for one in memory and for a server."""
    if address.get_backend_name() != "sqlite":
        return None
    name = address.database
    return Path(name) if name and name != ":memory:" else None


def _make_private(path: Path) -> None:
    """Make the file 0600 in a folder 0700 before SQLite does it with the usual rights."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        os.close(os.open(path, flags, 0o600))
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


def _engine(address: sa.URL) -> sa.Engine:
    pool = sa.pool.NullPool if _file(address) else None
    try:
        made = sa.create_engine(address, poolclass=pool)
    except ModuleNotFoundError:
        raise ConfigError(
            "Для состояния в PostgreSQL не установлен драйвер psycopg.",
            'Установите: pip install "obmen24[postgresql]".',
        ) from None
    if made.dialect.name == "sqlite":
        sa.event.listen(made, "connect", _set_up)
        sa.event.listen(made, "begin", _begin)
    return made


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # our own BEGIN: pysqlite's implicit one leaves DDL and reads outside
    for pragma in _SETTINGS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # a reader that becomes a writer can meet SQLITE_BUSY at once, without waiting: writers say so first
    writes = connection.info.get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def migrate(connection: sa.Connection, target: str = "head") -> None:
    """Bring the database to a revision, inside the transaction of the connection.

    Raises NeedsPerson when the database, or the revision asked for, is unknown to this programme.
    """
    from alembic import command, util

    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
    try:
        command.upgrade(migrations(connection), target)
    except util.CommandError:
        raise NeedsPerson(
            "База состояния записана более новой версией obmen24.", "Обновите программу."
        ) from None
    if connection.dialect.name == "sqlite":
        _expect_many_rows(connection)


def _expect_many_rows(connection: sa.Connection) -> None:
    """Tell SQLite's planner what the tables will look like.

    Without statistics it takes a portal for ten rows, and so reads all of them rather than use an index that
    begins with the portal: every question would cost the whole history. Whoever runs ANALYZE replaces this.
    """
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    for table in sa.inspect(connection).get_table_names():
        for _, index, unique, origin, _ in connection.exec_driver_sql(f"PRAGMA index_list({table})").all():
            columns = connection.exec_driver_sql(f"PRAGMA index_info({index})").all()
            name = table if origin == "pk" else index  # so SQLite names the key of a table without rowid
            known = (table, name, _selectivity(len(columns), unique=bool(unique)))
            connection.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", known)
    connection.exec_driver_sql("ANALYZE sqlite_master")


def _selectivity(columns: int, *, unique: bool) -> str:
    """Rows of the table, then rows left by the first column, by the first two… : the first is the portal."""
    last = 1 if unique else _FEW
    if columns == 1:
        return f"{_MANY} {last}"
    inner = [_SOME] * (columns - 2)
    return " ".join(map(str, [_MANY, _MANY, *inner, last]))


def migrations(connection: sa.Connection) -> Config:
    """Alembic's configuration for a connection."""
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))  # its values are templates
    config.attributes["connection"] = connection
    return config


def revision(connection: sa.Connection) -> str | None:
    """The revision a database is at, None for an empty one. Leaves no transaction open."""
    with explained():
        found: str | None = None
        if sa.inspect(connection).has_table("alembic_version"):
            found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        connection.rollback()
    return found
