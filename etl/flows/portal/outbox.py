"""The store's outbox as `etl.bitrix24.writes` wants it: by key, and every key known before its request
leaves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

from etl.state.store import Store

#: Writes that set values: their keys live for one run, and after a crash they are simply derived
#: again, so what an older run left behind is dropped.
REPEATABLE = ("stage", "update", "part", "rows", "link")
#: An attempt was made and nobody knows its outcome.
_UNSURE = ("sending", "doubt")


class Intent(TypedDict):
    """One intended write as the store notes it: its key there, what it is about, which writer sends it."""

    key: str
    entity: str
    entity_key: str
    method: str
    payload: Any


def part(key: str) -> Intent:
    """The intent of a request below a noted change: a writer that splits one makes keys `<key>/sum`."""
    whole = key.partition("/")[0]
    return {"key": key, "entity": "part", "entity_key": whole, "method": "part", "payload": {"of": whole}}


class StoreOutbox:
    """Intents of one run (`etl.bitrix24.writes.Outbox`), by the keys of their writers.

    What `note` has not been told is noted when it is about to leave, as `intent` names it; nothing is kept of
    a change that turned out to need no request. What is done stays done.
    """

    def __init__(self, store: Store, run: int, intent: Callable[[str], Intent] = part) -> None:
        self._outbox = store.outbox
        self._run = run
        self._intent = intent
        #: key of the writer -> row of the store, None where the store has none yet
        self._rows: dict[str, dict[str, Any] | None] = {}

    def note(self, intents: Iterable[Intent]) -> set[str]:
        """Commit intents; returns the keys that are already done and must not be sent again."""
        given = {intent["key"]: intent for intent in intents}
        rows = self._noted(given)
        return {key for key, row in rows.items() if row["state"] == "done"}

    def sending(self, *keys: str) -> None:
        """Durable before the request leaves. A write in doubt that comes here sets values, or was looked
        up.
        """
        unknown = [key for key in keys if self._row(key) is None]
        self._noted({key: self._intent(key) for key in unknown})
        rows = [self._held(key) for key in keys]
        attempted = [row for row in rows if row["state"] in ("doubt", "failed")]
        self._mark(attempted, "new")  # nothing else leads from these states to sending
        self._mark(rows, "sending")

    def done(self, key: str, identifier: str | None) -> None:
        """Done; `identifier` is the portal's id."""
        self._close(key, "done", result=identifier)

    def doubt(self, key: str) -> None:
        """The outcome is unknown."""
        self._mark([self._held(key)], "doubt")

    def failed(self, key: str, reason: str) -> None:
        """Refused for good."""
        self._close(key, "failed", error=reason)

    def again(self, key: str) -> None:
        """Surely not done."""
        self._mark([self._held(key)], "new")

    def unsure(self, key: str) -> float | None:
        """When the last attempt left whose outcome nobody knows."""
        row = self._row(key)
        if row is None or row["state"] not in _UNSURE:
            return None
        attempted: dt.datetime | None = self._found(row["key"])["attempted_at"]
        return attempted.timestamp() if attempted else 0.0

    def _close(self, key: str, state: str, **values: str | None) -> None:
        """An intent that is done stays done; one that had failed is taken up again first."""
        row = self._row(key)
        if row is None or row["state"] == "done":
            return
        if row["state"] == "failed":
            self._mark([row], "new")
        self._mark([row], state, **values)

    def _mark(self, rows: Sequence[dict[str, Any]], state: str, **values: str | None) -> None:
        """The state in the store and here."""
        if not rows:
            return
        numbers = [row["id"] for row in rows]
        self._outbox.mark(numbers, state, **values)
        for row in rows:
            row["state"] = state

    def _noted(self, intents: dict[str, Intent]) -> dict[str, dict[str, Any]]:
        """Rows of intents that the store has from now on, by the key of the writer."""
        if not intents:
            return {}
        self._outbox.put([dict(intent) for intent in intents.values()], self._run)
        rows: dict[str, dict[str, Any]] = {}
        for key, intent in intents.items():
            rows[key] = self._found(intent["key"])
        self._rows.update(rows)
        return rows

    def _held(self, key: str) -> dict[str, Any]:
        """The intent of a key that must be there. Raises KeyError."""
        row = self._row(key)
        if row is None:
            raise KeyError(key)
        return row

    def _row(self, key: str) -> dict[str, Any] | None:
        """The intent as the store has it. The key of a repeatable one is of this run, so there is none to
        look up.
        """
        if key not in self._rows:
            intent = self._intent(key)
            self._rows[key] = None if intent["method"] in REPEATABLE else self._outbox.find(intent["key"])
        return self._rows[key]

    def _found(self, key: str) -> dict[str, Any]:
        """The intent as it stands in the store. Raises KeyError."""
        row = self._outbox.find(key)
        if row is None:
            raise KeyError(key)
        return row


def recover(store: Store) -> None:
    """At the start of a run: what a dead process was sending is in doubt; repeatable intents of older runs
    are derived anew.
    """
    store.outbox.recover()
    stale = [row["id"] for row in store.outbox.pending() if _is_repeatable(row)]
    store.outbox.mark(stale, "failed", error="заменено следующим запуском")


def _is_repeatable(intent: dict[str, Any]) -> bool:
    """Also a comment that an older version noted for its run alone, without the words to be said later."""
    is_of_run = intent["method"] == "comment" and "say" not in intent["payload"]
    return is_of_run or intent["method"] in REPEATABLE
