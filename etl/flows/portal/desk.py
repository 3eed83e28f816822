"""What the writers of the portal share: the names of their intents, noted before anything leaves, and the
outcome of a change.

A write that sets values is derived anew in every run, so its key is one of this run and round; what must
happen once has a key for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from etl.bitrix24.client import Client
from etl.bitrix24.names import Names
from etl.bitrix24.writes import Result
from etl.flows.portal.outbox import Intent, StoreOutbox
from etl.flows.run import Record, Run

#: change by the key of its intent
Keyed = Mapping[str, Record]


class Desk(NamedTuple):
    """What every writer works with."""

    run: Run
    client: Client
    names: Names
    outbox: StoreOutbox

    def passing(self, name: str) -> str:
        """The key of an intent of this run and round."""
        turn = self.run.portal.turn
        return f"{name}:{self.run.number}.{turn}"


def by_record(desk: Desk, method: str, rows: Iterable[Record]) -> dict[str, Record]:
    """Changes by passing keys, one per record: `rows:deal:5:12.1`."""
    keyed: dict[str, Record] = {}
    for row in rows:
        name = f"{method}:{row['entity']}:{row['key']}"
        keyed[desk.passing(name)] = row
    return keyed


def note(desk: Desk, method: str, keyed: Keyed, payload: Callable[[Record], Any]) -> set[str]:
    """Commit the intents of changes. Out: keys of those that are done already and must not be sent again."""
    intents: list[Intent] = []
    for key, row in keyed.items():
        intent: Intent = {
            "key": key,
            "entity": row["entity"],
            "entity_key": row["key"],
            "method": method,
            "payload": payload(row),
        }
        intents.append(intent)
    return desk.outbox.note(intents)


def close_skipped(desk: Desk, result: Result) -> None:
    """What the writer left alone is not tried again under this key."""
    if result.status == "skipped":
        desk.outbox.failed(result.key, result.reason)


def outcome(row: Record, result: Result) -> Record:
    """A change with what became of it."""
    return row | {"outcome": result.status, "detail": result.reason}
