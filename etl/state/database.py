"""The database under the state: transactions, the one writer, and the few statements all parts of the
store share.

`etl.state.opening` makes one. Everything here sees the rows of one portal only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from etl import tables
from etl.state.lock import Busy, file_lock, lock_path
from etl.state.schema import CURSOR
from etl.state.trouble import explained

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]
#: what the parts of the store are given to write: a frame of etl.tables or any iterable of mappings
Rows: TypeAlias = "pd.DataFrame | Iterable[Mapping[str, Any]]"
Condition: TypeAlias = sa.ColumnElement[bool]
Found: TypeAlias = sa.CursorResult[Any]
Item = TypeVar("Item")
R = TypeVar("R", bound=Mapping[str, Any])
Made = TypeVar("Made")

BOUND = 400  # bound values of one IN list; SQLite's oldest limit is 999
LONG = 2_000  # from so many keys on one scan of the portal's rows is cheaper than looking them up
_BUSY = "Обмен по этому профилю уже выполняется другим процессом."


def walked(rows: Rows) -> Iterable[Mapping[str, Any]]:
    """Records of a frame one by one, or the given mappings as they are."""
    if _is_frame(rows):
        return tables.each(rows)
    return cast(Iterable[Mapping[str, Any]], rows)


def listed(rows: Rows) -> list[Record]:
    """Records of a frame, or the given mappings as a list; they are not copied and must not be changed."""
    if _is_frame(rows):
        return tables.records(rows)
    return list(cast(Iterable[Record], rows))


def _is_frame(rows: Rows) -> TypeGuard[pd.DataFrame]:
    """Told by its columns: pandas is not loaded for asking."""
    return hasattr(rows, "columns")


def _of_driver(result: Found) -> Any:
    """Rows as the driver gives them: SQLAlchemy makes an object of each, which a long read need not."""
    cursor: Any = result.cursor
    return cursor.fetchall()


def in_parts(values: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The values in their order, at most `size` at a time."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def by(name: str, rows: Iterable[R]) -> dict[Any, R]:
    """value of the column `name` -> row; the last of several with the same value."""
    return {row[name]: row for row in rows}


def by_pair(first: str, second: str, rows: Iterable[R]) -> dict[tuple[str, str], R]:
    """(value, value) of two columns -> row; the last of several with the same values."""
    return {(row[first], row[second]): row for row in rows}


def grouped(name: str, rows: Iterable[R]) -> dict[Any, list[R]]:
    """value of the column `name` -> its rows, in their order."""
    groups: dict[Any, list[R]] = {}
    for row in rows:
        group = groups.setdefault(row[name], [])
        group.append(row)
    return groups


def among(column: sa.Column[Any], values: Sequence[Any]) -> list[Condition]:
    """Condition that the column holds one of the values; no condition at all when none is named."""
    if not values:
        return []
    return [column.in_(values)]


def equal(column: sa.Column[Any], value: Any | None) -> list[Condition]:
    """Condition that the column holds the value; no condition at all for None."""
    if value is None:
        return []
    return [column == value]


class Database:
    """One open connection, for one process and one portal.

    Parts of the store read and write only through it.
    """

    def __init__(
        self, engine: sa.Engine, portal: str, clock: Callable[[], dt.datetime], *, file: Path | None
    ) -> None:
        """`file`: where the database lies, when it is a file."""
        self.portal = portal
        self.now = clock
        self._engine = engine
        self._file = file
        self._is_sqlite = engine.dialect.name == "sqlite"
        with explained():
            self.connection = engine.connect()
        self._writing = False
        self._holding = False

    def close(self) -> None:
        """Give the connection back; an open transaction is rolled back."""
        self.connection.close()
        self._engine.dispose()

    # ---- transactions
    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is committed together or not at all.

        Inside another transaction it joins that one.
        """
        if self._writing:
            yield
            return
        self._writing = True
        try:
            with explained(), self._begun(write=True):
                yield
        finally:
            self._writing = False

    @contextmanager
    def _begun(self, *, write: bool) -> Iterator[None]:
        """A transaction; `etl.state.opening` begins a writer's otherwise than a reader's."""
        self.connection.info["write"] = write
        with self.connection.begin():
            yield

    def _run(self, statement: sa.Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> Found:
        """One statement, for all the rows at once where some are given."""
        return self.connection.execute(statement, rows)

    # ---- reading
    def rows(self, statement: sa.Select[Any]) -> list[Any]:
        """All rows of a query as dicts; who asks names their type."""
        found = self._read(statement, lambda result: result.mappings().all())
        return [dict(row) for row in found]

    def raw(self, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
        """All rows as the driver gives them, for the long reads.

        Column types are not applied, so it is for texts and integers only.
        """
        rows: list[tuple[Any, ...]] = self._read(statement, _of_driver)
        return rows

    def made(self, statement: sa.Select[Any], make: Callable[[Iterable[Any]], Made]) -> Made:
        """What `make` makes of the rows of a query (named tuples) as they come: the query is never held
        whole.
        """
        return self._read(statement, make)

    def value(self, statement: sa.Select[Any]) -> Any:
        """The first value of the first row, or None."""
        return self._read(statement, sa.CursorResult.scalar)

    def values(self, column: sa.Column[Any], *conditions: Condition) -> set[Any]:
        """The values of one column in this portal's rows that meet the conditions."""
        statement = self.columns([column], *conditions).distinct()
        found = self._read(statement, lambda result: result.scalars().all())
        return set(found)

    def _read(self, statement: sa.Select[Any], take: Callable[[Found], Made]) -> Made:
        """What `take` makes of the result, while it is open; inside a transaction its own writes are seen."""
        if self._writing:
            return take(self._run(statement))
        with explained(), self._begun(write=False):
            return take(self._run(statement))

    def _is_mine(self, table: sa.FromClause) -> Condition:
        """Every row belongs to a portal; those of others are never seen nor touched."""
        return table.c.portal == self.portal

    def columns(self, columns: Iterable[sa.Column[Any]], *conditions: Condition) -> sa.Select[Any]:
        """Select of some columns of this portal's rows, all of one table."""
        wanted = list(columns)
        table = wanted[0].table
        return sa.select(*wanted).where(self._is_mine(table), *conditions)

    def mine(self, table: sa.Table, *conditions: Condition) -> sa.Select[Any]:
        """Select of this portal's rows, all columns but `portal`."""
        columns = [column for column in table.c if column.name != "portal"]
        return self.columns(columns, *conditions)

    def listed(
        self, table: sa.Table, *conditions: Condition, order: Sequence[sa.ColumnElement[Any]] = ()
    ) -> list[Any]:
        """This portal's rows that meet the conditions, in the order of some columns."""
        chosen = self.mine(table, *conditions)
        return self.rows(chosen.order_by(*order))

    def many(self, table: sa.Table, column: str, values: Iterable[Any], *conditions: Condition) -> list[Any]:
        """Rows whose `column` is one of `values`, any number of them."""
        found: list[Any] = []
        unique = dict.fromkeys(values)
        for part in in_parts(unique, BOUND):
            is_wanted = table.c[column].in_(part)
            found += self.rows(self.mine(table, is_wanted, *conditions))
        return found

    # ---- writing
    def add(self, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> int:
        """Plain insert, all or nothing; how many rows there were. They are taken as they come.

        A repeated key raises sqlalchemy IntegrityError.
        """
        added = 0
        parts = in_parts(rows, tables.BLOCK)
        first = next(parts, None)
        if first is None:
            return added
        with self.transaction():
            for part in chain([first], parts):
                self._run(sa.insert(table), self._keyed(part))
                added += len(part)
        return added

    def put(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert, or overwrite the other given columns of the row with the same primary key.

        All rows have the same columns.
        """
        if not rows:
            return
        keys = [column.name for column in table.primary_key.columns]
        insert = sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)
        overwritten = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        upsert = insert.on_conflict_do_update(index_elements=keys, set_=overwritten)
        with self.transaction():
            self._run(upsert, self._keyed(rows))

    def _keyed(self, rows: Iterable[Mapping[str, Any]]) -> list[Record]:
        """Rows as they stand in the table: with the portal they belong to."""
        return [{"portal": self.portal, **row} for row in rows]

    def change(self, table: sa.Table, conditions: Sequence[Condition], **values: Any) -> int:
        """Update this portal's rows that meet the conditions; how many there were."""
        update = sa.update(table).where(self._is_mine(table), *conditions).values(**values)
        with self.transaction():
            return self._run(update).rowcount

    def remove(self, table: sa.Table, *conditions: Condition) -> int:
        """Delete this portal's rows that meet the conditions; how many there were."""
        delete = sa.delete(table).where(self._is_mine(table), *conditions)
        with self.transaction():
            return self._run(delete).rowcount

    def next(self, column: sa.Column[int], *conditions: Condition) -> int:
        """One more than the greatest value of `column`.

        Only for use inside a transaction: the caller inserts it at once.
        """
        greatest = sa.select(sa.func.max(column)).where(self._is_mine(column.table), *conditions)
        last = self.value(greatest) or 0
        return int(last) + 1

    # ---- watermarks
    def cursor(self, name: str) -> str | None:
        """A watermark's text, or None."""
        statement = self.columns([CURSOR.c.value], CURSOR.c.name == name)
        found: str | None = self.value(statement)
        return found

    def set_cursor(self, name: str, value: str | None) -> None:
        """Write a watermark; commit it together with the rows it covers."""
        row = {"name": name, "value": value}
        self.put(CURSOR, [row])

    def numbers(self, name: str, count: int) -> int:
        """Reserve `count` numbers of a series and return the first: a number given once is never given
        again.
        """
        with self.transaction():
            taken = int(self.cursor(name) or 0)
            if count:
                self.set_cursor(name, str(taken + count))
        return taken + 1

    # ---- one writer
    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of this portal; raises Busy.

        It dies with the process: a flock beside SQLite, an advisory lock on PostgreSQL (reliability §2.1).
        """
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
        """The lock that this kind of database has; one in memory has no second process."""
        if not self._is_sqlite:
            return self._advisory_lock()
        if self._file is None:
            return nullcontext()
        path = lock_path(self._file)
        return file_lock(path, _BUSY)

    @contextmanager
    def _advisory_lock(self) -> Iterator[None]:
        """PostgreSQL holds it for a connection of its own; the key is made of the portal. Raises Busy."""
        name = f"obmen24|{self.portal}"
        digest = hashlib.sha256(name.encode()).digest()
        key = int.from_bytes(digest[:8], signed=True)
        with explained(), self._engine.connect() as own:
            if not own.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
                raise Busy(_BUSY)
            own.commit()
            try:
                yield
            finally:
                own.scalar(sa.select(sa.func.pg_advisory_unlock(key)))
