"""The store's outbox as `etl.bitrix24.writes` wants it: by key, and every key known before its request
leaves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from etl.state.store import Store

#: Writes that set values: after a crash they are simply derived again, so what an older run left behind is
#: dropped.
REPEATABLE = ("stage", "update", "part", "rows", "link", "comment")


class StoreOutbox:
    """Intents of one run. A writer that splits one change into several requests makes keys of its own below
    the noted one (`<key>/item`, `<key>/bank/1`): they are noted when first used."""

    def __init__(self, store: Store, run: int) -> None:
        self._store, self._run = store, run
        self._ids: dict[str, int] = {}

    def note(self, rows: Iterable[Mapping[str, Any]]) -> set[str]:
        """Commit intents; returns the keys that are already done and must not be sent again."""
        given = [dict(row) for row in rows]
        self._store.outbox.put(given, self._run)
        found = {row["key"]: self._found(row["key"]) for row in given}
        self._ids |= {key: row["id"] for key, row in found.items()}
        return {key for key, row in found.items() if row["state"] == "done"}

    def sending(self, *keys: str) -> None:
        """Durable before the request leaves. A write in doubt that comes here sets values, so it may be sent
        again."""
        numbers = [self._id(key) for key in keys]
        again = [self._found(key)["id"] for key in keys if self._found(key)["state"] in ("doubt", "failed")]
        self._store.outbox.mark(again, "new")
        self._store.outbox.mark(numbers, "sending")

    def done(self, key: str, identifier: str | None) -> None:
        self._store.outbox.mark([self._id(key)], "done", result=identifier)

    def doubt(self, key: str) -> None:
        self._store.outbox.mark([self._id(key)], "doubt")

    def failed(self, key: str, reason: str) -> None:
        self._store.outbox.mark([self._id(key)], "failed", error=reason)

    def again(self, key: str) -> None:
        self._store.outbox.mark([self._id(key)], "new")

    def unsure(self, key: str) -> float | None:
        """When the last attempt left whose outcome nobody knows."""
        row = self._store.outbox.find(key)
        if row is None or row["state"] not in ("sending", "doubt"):
            return None
        attempted: dt.datetime | None = row["attempted_at"]
        return attempted.timestamp() if attempted else 0.0

    def _id(self, key: str) -> int:
        if key not in self._ids:
            whole = key.partition("/")[0]
            self.note(
                [
                    {
                        "key": key,
                        "entity": "part",
                        "entity_key": whole,
                        "method": "part",
                        "payload": {"of": whole},
                    }
                ]
            )
        return self._ids[key]

    def _found(self, key: str) -> dict[str, Any]:
        row = self._store.outbox.find(key)
        if row is None:
            raise KeyError(key)
        return row


def recover(store: Store) -> None:
    """At the start of a run: what a dead process was sending is in doubt; repeatable intents of older runs
    are derived anew."""
    store.outbox.recover()
    stale = [row["id"] for row in store.outbox.pending() if row["method"] in REPEATABLE]
    store.outbox.mark(stale, "failed", error="заменено следующим запуском")
