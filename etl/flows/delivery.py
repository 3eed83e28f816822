"""Changes to the portal: guarded, noted in the outbox before they leave, journalled with their outcome one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etl.bitrix24.client import Client
from etl.bitrix24.fields import Names
from etl.errors import NeedsPerson
from etl.flows.context import Context, Record
from etl.load import bitrix24 as load
from etl.load import bitrix24_notes as notes
from etl.store import Store

#: Writes that set values: after a crash they are simply derived again, so what an older run left behind is dropped.
REPEATABLE = ("stage", "update")


class StoreOutbox:
    """The store's outbox as `etl.bitrix24.writes` wants it: by key instead of by number."""

    def __init__(self, store: Store, run: int) -> None:
        self._store, self._run = store, run
        self._ids: dict[str, int] = {}

    def note(self, rows: Iterable[Mapping[str, Any]]) -> set[str]:
        """Commit intents; returns the keys that are already done and must not be sent again."""
        given = [dict(row) for row in rows]
        self._store.outbox.put(given, self._run)
        finished = set()
        for row in given:
            found = self._store.outbox.find(row["key"])
            assert found is not None  # noqa: S101 it was put a line above
            self._ids[row["key"]] = found["id"]
            finished |= {row["key"]} if found["state"] == "done" else set()
        return finished

    def sending(self, *keys: str) -> None:
        """Durable before the request leaves. A write in doubt that comes here sets values, so it may be sent again."""
        rows = [self._store.outbox.find(key) for key in keys]
        self._store.outbox.mark([row["id"] for row in rows if row and row["state"] in ("doubt", "failed")], "new")
        self._store.outbox.mark([self._ids[key] for key in keys], "sending")

    def done(self, key: str, identifier: str | None) -> None:
        self._store.outbox.mark([self._ids[key]], "done", result=identifier)

    def doubt(self, key: str) -> None:
        self._store.outbox.mark([self._ids[key]], "doubt")

    def failed(self, key: str, reason: str) -> None:
        self._store.outbox.mark([self._ids[key]], "failed", error=reason)

    def again(self, key: str) -> None:
        self._store.outbox.mark([self._ids[key]], "new")

    def unsure(self, key: str) -> float | None:
        """When the last attempt left whose outcome nobody knows."""
        row = self._store.outbox.find(key)
        if row is None or row["state"] not in ("sending", "doubt"):
            return None
        attempted: dt.datetime | None = row["attempted_at"]
        return attempted.timestamp() if attempted else 0.0


def recover(store: Store) -> None:
    """At the start of a run: what a dead process was sending is in doubt; repeatable intents of older runs are derived anew."""
    store.outbox.recover()
    stale = [row["id"] for row in store.outbox.pending() if row["method"] in REPEATABLE]
    store.outbox.mark(stale, "failed", error="заменено следующим запуском")


def guard(context: Context, changes: Sequence[Record]) -> None:
    """Stop before the first write when more values of the portal would be replaced than the profile allows."""
    limit = context.profile.guard.overwrites
    replaced = [row for row in changes if row["action"] == "update" and row.get("before") not in (None, "", 0)]
    if len(replaced) > limit and not context.accept:
        raise NeedsPerson(f"Обмен хочет заменить {len(replaced)} значений в портале, ограничитель разрешает {limit}.",
                          "Посмотрите obmen24 plan. Если всё верно, выполните obmen24 run --accept.")


def apply(context: Context, client: Client, names: Names, changes: Sequence[Record]) -> list[Record]:
    """Write changes of deals: action stage, update, notify. Out: the same rows with `outcome` (done, skipped, doubt, failed) and
    `detail`. A plan writes nothing and calls everything done."""
    guard(context, changes)
    if context.dry:
        applied = [row | {"outcome": "done", "detail": "план"} for row in changes]
    else:
        outbox = StoreOutbox(context.store, context.run)
        applied = [*_moved(context, client, names, outbox, [row for row in changes if row["action"] == "stage"]),
                   *_updated(context, client, names, outbox, [row for row in changes if row["action"] == "update"]),
                   *_notified(context, client, outbox, [row for row in changes if row["action"] == "notify"])]
    context.journal([_told(row) for row in applied])
    return applied


def _moved(context: Context, client: Client, names: Names, outbox: StoreOutbox, rows: Sequence[Record]) -> list[Record]:
    keyed = {f"stage:{row['key']}:{context.run}:{row['after']}": row for row in rows}
    outbox.note({"key": key, "entity": "deal", "entity_key": row["key"], "method": "stage", "payload": {"to": row["after"]}}
                for key, row in keyed.items())
    origins = {rule.to: rule.from_ for rule in context.profile.rules}
    moves = [load.Move(key, row["key"], row["after"], tuple(origins[row["after"]])) for key, row in keyed.items()]
    results = list(load.move_stages(client, names, moves, outbox))
    for result in results:
        if result.status == "skipped":
            outbox.failed(result.key, result.reason)
    return [keyed[result.key] | {"outcome": result.status, "detail": result.reason} for result in results]


def _updated(context: Context, client: Client, names: Names, outbox: StoreOutbox, rows: Sequence[Record]) -> list[Record]:
    by_deal: dict[str, list[Record]] = {}
    for row in rows:
        by_deal.setdefault(row["key"], []).append(row)
    keyed = {f"update:{deal}:{context.run}": mine for deal, mine in by_deal.items()}
    outbox.note({"key": key, "entity": "deal", "entity_key": mine[0]["key"], "method": "update",
                 "payload": {row["field"]: row["after"] for row in mine}} for key, mine in keyed.items())
    updates = [load.Update(key, mine[0]["key"], {row["field"]: row["after"] for row in mine}) for key, mine in keyed.items()]
    return [row | {"outcome": result.status, "detail": result.reason}
            for result in load.update_items(client, names, updates, outbox) for row in keyed[result.key]]


def _notified(context: Context, client: Client, outbox: StoreOutbox, rows: Sequence[Record]) -> list[Record]:
    if not rows:
        return []
    keyed = {f"notify:{row['key']}:{row['reason']}": row for row in rows}
    known = outbox.note({"key": key, "entity": "deal", "entity_key": row["key"], "method": "notify", "payload": {"to": row["before"]}}
                        for key, row in keyed.items())
    notices = [notes.Notice(key, row["before"], row["after"]) for key, row in keyed.items() if key not in known]
    results = list(notes.notify(client, notices, outbox))
    context.report.counts["notified"] += sum(result.status == "done" for result in results)
    return [keyed[result.key] | {"outcome": result.status, "detail": result.reason} for result in results]


_WORDS = {"stage": "Стадия", "update": "Поле", "notify": "Уведомление"}


def _told(row: Record) -> Record:
    said = f"{_WORDS[row['action']]}: {row['detail']}" if row["detail"] else _WORDS[row["action"]]
    return {"entity": row["entity"], "key": row["key"], "action": row["action"], "field": row["field"], "before": row["before"],
            "after": row["after"], "rule": row["reason"], "level": "info" if row["outcome"] == "done" else "warn",
            "message": said if row["outcome"] == "done" else f"{said} ({row['outcome']})"}
