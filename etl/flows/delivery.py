"""Changes to the portal: guarded, noted in the outbox before they leave, journalled with their outcome one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from etl.bitrix24.client import Client
from etl.bitrix24.fields import Names
from etl.bitrix24.writes import Result
from etl.errors import NeedsPerson
from etl.flows.context import Context, Record
from etl.flows.outbox import StoreOutbox
from etl.load import bitrix24 as load
from etl.load import bitrix24_notes as notes

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
    applied: list[Record] = []
    try:
        for row in _written(context, client, names, changes):
            applied.append(row)  # noqa: PERF402 what was done before the portal stopped must reach the journal
    finally:
        context.journal([_told(row) for row in applied])
    return applied


def _written(context: Context, client: Client, names: Names, changes: Sequence[Record]) -> Iterator[Record]:
    if context.dry:
        yield from (row | {"outcome": "done", "detail": "план"} for row in changes)
        return
    outbox = StoreOutbox(context.store, context.run)
    context.turn += 1
    yield from _moved(context, client, names, outbox, [row for row in changes if row["action"] == "stage"])
    yield from _updated(context, client, names, outbox, [row for row in changes if row["action"] == "update"])
    yield from _notified(context, client, outbox, [row for row in changes if row["action"] == "notify"])


def _moved(context: Context, client: Client, names: Names, outbox: StoreOutbox, rows: Sequence[Record]) -> Iterator[Record]:
    keyed = {f"stage:{row['key']}:{context.run}.{context.turn}": row for row in rows}
    outbox.note({"key": key, "entity": "deal", "entity_key": row["key"], "method": "stage", "payload": {"to": row["after"]}}
                for key, row in keyed.items())
    origins = {rule.to: rule.from_ for rule in context.profile.rules}
    moves = [load.Move(key, row["key"], row["after"], tuple(origins[row["after"]])) for key, row in keyed.items()]
    for result in load.move_stages(client, names, moves, outbox):
        if result.status == "skipped":
            outbox.failed(result.key, result.reason)
        yield _outcome(keyed[result.key], result)


def _updated(context: Context, client: Client, names: Names, outbox: StoreOutbox, rows: Sequence[Record]) -> Iterator[Record]:
    by_deal: dict[str, list[Record]] = {}
    for row in rows:
        by_deal.setdefault(row["key"], []).append(row)
    keyed = {f"update:{deal}:{context.run}.{context.turn}": mine for deal, mine in by_deal.items()}
    outbox.note({"key": key, "entity": "deal", "entity_key": mine[0]["key"], "method": "update",
                 "payload": {row["field"]: row["after"] for row in mine}} for key, mine in keyed.items())
    updates = [load.Update(key, mine[0]["key"], {row["field"]: row["after"] for row in mine}) for key, mine in keyed.items()]
    for result in load.update_items(client, names, updates, outbox):
        yield from (_outcome(row, result) for row in keyed[result.key])


def _notified(context: Context, client: Client, outbox: StoreOutbox, rows: Sequence[Record]) -> Iterator[Record]:
    keyed = {f"notify:{row['key']}:{row['reason']}": row for row in rows}
    known = outbox.note({"key": key, "entity": "deal", "entity_key": row["key"], "method": "notify", "payload": {"to": row["before"]}}
                        for key, row in keyed.items())
    notices = [notes.Notice(key, row["before"], row["after"]) for key, row in keyed.items() if key not in known]
    for result in notes.notify(client, notices, outbox):
        context.report.counts["notified"] += result.status == "done"
        yield _outcome(keyed[result.key], result)


def _outcome(row: Record, result: Result) -> Record:
    return row | {"outcome": result.status, "detail": result.reason}


_WORDS = {"stage": "Стадия", "update": "Поле", "notify": "Уведомление"}


def _told(row: Record) -> Record:
    said = f"{_WORDS[row['action']]}: {row['detail']}" if row["detail"] else _WORDS[row["action"]]
    return {"entity": row["entity"], "key": row["key"], "action": row["action"], "field": row["field"], "before": row["before"],
            "after": row["after"], "rule": row["reason"], "level": "info" if row["outcome"] == "done" else "warn",
            "message": said if row["outcome"] == "done" else f"{said} ({row['outcome']})"}
