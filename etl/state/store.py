"""The memory of one integration: what was taken, agreed, sent, charged and accrued.

`Store.open` is the only door.

    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store, store.lock():
        run = store.runs.begin("cron", ["billing"])
        with store.transaction():
            store.files.take(...)
            store.outbox.put(...)
        store.runs.finish(run, "clean")

Each call is a transaction of its own unless it stands inside `with store.transaction()`. Parts:

    runs          runs, journal, issues            state.runs
    files         files, documents, watermarks     state.files
    links, questions, fields, stages               state.identity
    outbox, publications                           state.outgoing
    charges, accruals                              state.registers
    facts                                          state.facts
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType

from etl.state import registers
from etl.state.database import Database, Rows
from etl.state.facts import Facts
from etl.state.files import Files
from etl.state.identity import Fields, Links, Questions, Stages
from etl.state.lock import Busy
from etl.state.opening import open_database, utc_now
from etl.state.outgoing import Outbox, Publications
from etl.state.registers import Accruals, Charges
from etl.state.runs import Runs

__all__ = ["Busy", "Store"]


class Store:
    """State of one portal in one database (see the module)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.runs = Runs(database)
        self.files = Files(database)
        self.links = Links(database)
        self.questions = Questions(database)
        self.fields = Fields(database)
        self.stages = Stages(database)
        self.outbox = Outbox(database)
        self.publications = Publications(database)
        self.charges = Charges(database)
        self.accruals = Accruals(database)
        self.facts = Facts(database)

    @classmethod
    def open(cls, url: str, *, portal: str, clock: Callable[[], dt.datetime] = utc_now) -> Store:
        """Open the state, creating or migrating it where needed.

        Raises ConfigError (unusable URL or folder), TryLater (database busy or away), NeedsPerson (damaged
        file, newer programme).
        """
        return cls(open_database(url, portal, clock))

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the database."""
        self._database.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All writes inside are committed together or not at all; nested use joins the outer transaction."""
        return self._database.transaction()

    def lock(self) -> AbstractContextManager[None]:
        """Hold the portal's only writer place while the block runs; raises Busy when another process holds
        it.
        """
        return self._database.lock()

    def registers_empty(self) -> bool:
        """True while neither a charge nor an accrual was ever recorded."""
        return registers.empty(self._database)

    def restore(self, frames: Mapping[str, Rows]) -> dict[str, int]:
        """Fill empty registers from archived frames `charges`, `accruals`, `payments`; see
        `registers.restore`.
        """
        return registers.restore(self._database, frames)
