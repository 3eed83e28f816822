"""Changes to the portal: guarded, noted in the outbox before they leave, journalled with their outcome one by
one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from etl.bitrix24.writes import Result
from etl.flows.portal import writers
from etl.flows.portal.outbox import StoreOutbox
from etl.flows.portal.writers import Desk
from etl.flows.run import Record, Run
from etl.load.bitrix24 import items as load
from etl.load.bitrix24 import notes
from etl.transform import overwrites

_COUNTED = {"create": "created", "notify": "notified"}


def guard(run: Run, before: Iterable[Any]) -> None:
    """Stop before the first write when more values (`before`) would be replaced than the profile allows.
    Raises NeedsPerson."""
    overwrites.guard(before, run.profile.guard.overwrites, accepted=run.options.accept)


def apply(run: Run, changes: Sequence[Record]) -> list[Record]:
    """Write changes of deals and smart invoices, see `_WRITERS`. Out: the same rows with `outcome` (done,
    skipped, doubt, failed), `detail`, and `id` of what was created. A plan writes nothing and calls
    everything done."""
    if not run.options.dry:  # a plan shows everything, also what the guard would stop
        guard(run, overwrites.replaced(changes))
    if not changes:
        return []
    applied: list[Record] = []
    try:
        for row in _written(run, changes):
            applied.append(row)
            if row["outcome"] == "done" and row["action"] in _COUNTED:
                run.journal.counts[_COUNTED[row["action"]]] += 1
    finally:
        run.journal.tell([_told(row) for row in applied])
    run.portal.follow(applied)
    return applied


def _written(run: Run, changes: Sequence[Record]) -> Iterator[Record]:
    if run.options.dry:
        yield from (row | {"outcome": "done", "detail": "план", "id": row["key"]} for row in changes)
        return
    run.portal.turn += 1
    desk = Desk(run, run.portal.client, run.portal.names, StoreOutbox(run.state, run.number))
    for (entities, action), write in _WRITERS.items():
        if rows := [row for row in changes if row["entity"] in entities and row["action"] == action]:
            yield from write(desk, rows)


def _moved(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    keyed = {f"stage:{row['key']}:{desk.run.number}.{desk.run.portal.turn}": row for row in rows}
    desk.outbox.note(
        {
            "key": key,
            "entity": "deal",
            "entity_key": row["key"],
            "method": "stage",
            "payload": {"to": row["after"]},
        }
        for key, row in keyed.items()
    )
    origins: dict[str, tuple[str, ...]] = {}
    for rule in desk.run.profile.rules:
        origins[rule.to] = (*origins.get(rule.to, ()), *rule.from_)
    moves = [load.Move(key, row["key"], row["after"], origins[row["after"]]) for key, row in keyed.items()]
    for result in load.move_stages(desk.client, desk.names, moves, desk.outbox):
        if result.status == "skipped":
            desk.outbox.failed(result.key, result.reason)
        row = keyed[result.key]
        if (
            result.status == "done"
        ):  # at once: killed here, the next run must not move again what a person moved back meanwhile
            desk.run.state.stages.write({row["key"]: row["after"]})
        yield _outcome(row, result)


def _updated(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    by_deal: dict[str, list[Record]] = {}
    for row in rows:
        by_deal.setdefault(row["key"], []).append(row)
    keyed = {
        f"update:{deal}:{desk.run.number}.{desk.run.portal.turn}": mine for deal, mine in by_deal.items()
    }
    desk.outbox.note(
        {
            "key": key,
            "entity": "deal",
            "entity_key": mine[0]["key"],
            "method": "update",
            "payload": {row["field"]: row["after"] for row in mine},
        }
        for key, mine in keyed.items()
    )
    updates = [
        load.Update(key, mine[0]["key"], {row["field"]: row["after"] for row in mine})
        for key, mine in keyed.items()
    ]
    for result in load.update_items(desk.client, desk.names, updates, desk.outbox):
        yield from (_outcome(row, result) for row in keyed[result.key])


def _notified(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    keyed = {f"notify:{row['key']}:{row['reason']}": row for row in rows}
    known = desk.outbox.note(
        {
            "key": key,
            "entity": "deal",
            "entity_key": row["key"],
            "method": "notify",
            "payload": {"to": row["before"]},
        }
        for key, row in keyed.items()
    )
    notices = [
        notes.Notice(key, row["before"], row["after"]) for key, row in keyed.items() if key not in known
    ]
    for result in notes.notify(desk.client, notices, desk.outbox):
        yield _outcome(keyed[result.key], result)


def _outcome(row: Record, result: Result) -> Record:
    return row | {"outcome": result.status, "detail": result.reason}


#: (entities, action) -> writer, in the order of writing: what exists, what it holds, where it stands, who is
#: told
_WRITERS: dict[tuple[tuple[str, ...], str], Callable[[Desk, Sequence[Record]], Iterator[Record]]] = {
    (("deal", "invoice"), "create"): writers.created,
    (("deal", "invoice"), "rows"): writers.composed,
    (("deal", "invoice"), "link"): writers.organised,
    (("invoice",), "stage"): writers.invoices_moved,
    (("deal",), "stage"): _moved,
    (("deal",), "update"): _updated,
    (("deal",), "comment"): writers.commented,
    (("deal",), "notify"): _notified,
}
_WORDS = {
    "stage": "Стадия",
    "update": "Поле",
    "notify": "Уведомление",
    "create": "Создано",
    "rows": "Состав",
    "link": "Наша организация",
    "comment": "Комментарий",
}


def _told(row: Record) -> Record:
    what = f"{_WORDS['update']} «{row['field']}»" if row["action"] == "update" else _WORDS[row["action"]]
    said = f"{what}: {row['detail']}" if row["detail"] else what
    return {
        "entity": row["entity"],
        "key": row.get("id") or row["key"],
        "action": row["action"],
        "field": row["field"],
        "before": row["before"],
        "after": row["after"],
        "file": row.get("file"),
        "document": row.get("document"),
        "rule": row["reason"],
        "level": "info" if row["outcome"] == "done" else "warn",
        "message": said if row["outcome"] == "done" else f"{said} ({row['outcome']})",
    }
