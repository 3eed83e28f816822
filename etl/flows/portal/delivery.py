"""Changes to the portal: guarded, noted in the outbox before they leave, journalled with their outcome one by
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from etl.flows.portal import refusals, words, writers
from etl.flows.portal.desk import Desk
from etl.flows.portal.outbox import StoreOutbox
from etl.flows.run import Record, Run
from etl.transform import overwrites
from etl.values import money

Writer: TypeAlias = Callable[[Desk, Sequence[Record]], Iterator[Record]]

_COUNTED = {"create": "created", "notify": "notified"}
#: (entities, action) -> writer, in the order of writing: what exists, what it holds, where it stands, who is
#: told
_WRITERS: dict[tuple[tuple[str, ...], str], Writer] = {
    (("deal", "invoice"), "create"): writers.created,
    (("deal", "invoice"), "rows"): writers.composed,
    (("deal", "invoice"), "link"): writers.organised,
    (("invoice",), "stage"): writers.invoices_moved,
    (("deal",), "stage"): writers.deals_moved,
    (("deal",), "update"): writers.updated,
    (("deal",), "comment"): words.commented,
    (("deal",), "notify"): words.notified,
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
#: outcome -> how a person reads it
_OUTCOMES = {"failed": "не записано", "doubt": "исход неизвестен", "skipped": "не сделано"}


def guard(run: Run, before: Iterable[Any]) -> None:
    """Stop before the first write when more values (`before`) would be replaced than the profile allows.
    Raises NeedsPerson.
    """
    overwrites.guard(before, run.profile.guard.overwrites, accepted=run.options.accept)


def apply(run: Run, changes: Sequence[Record], owner: str) -> list[Record]:
    """Write changes of deals and smart invoices, see `_WRITERS`. Out: the same rows with `outcome` (done,
    skipped, doubt, failed), `detail`, and `id` of what was created. A plan writes nothing and calls
    everything done. `owner`: the flow that wants them, for the remarks of what the portal refuses.
    """
    if not run.options.dry:  # a plan shows everything, also what the guard would stop
        guard(run, overwrites.replaced(changes))
    if not changes:
        return []
    applied: list[Record] = []
    try:
        for row in _planned(changes) if run.options.dry else _written(run, changes):
            applied.append(row)
            if row["outcome"] == "done" and row["action"] in _COUNTED:
                run.journal.counts[_COUNTED[row["action"]]] += 1
    finally:
        known = refusals.settle(run, owner, applied)
        run.journal.tell([_told(row) for row in applied if refusals.subject(owner, row) not in known])
    run.portal.follow(applied)
    return applied


def again(run: Run) -> None:
    """What people were to be told and could not be, by earlier runs: tried until the portal takes it."""
    if run.options.dry:
        return
    apply(run, list(words.waiting(run)), refusals.WORDS)
    refusals.looked(run, refusals.WORDS)


def _planned(changes: Iterable[Record]) -> Iterator[Record]:
    """A plan calls everything done and gives it the key it has: nothing is created that had another."""
    for row in changes:
        told = {"outcome": "done", "detail": "план", "id": row["key"]}
        yield row | told


def _written(run: Run, changes: Sequence[Record]) -> Iterator[Record]:
    """Each round of writing of a run has outbox keys of its own."""
    run.portal.turn += 1
    outbox = StoreOutbox(run.state, run.number)
    desk = Desk(run, run.portal.client, run.portal.names, outbox)
    unmoved: set[str] = set()
    for (entities, action), write in _WRITERS.items():
        alike = [row for row in changes if row["action"] == action]
        rows = [row for row in alike if row["entity"] in entities]
        if action == "notify":
            rows = [row for row in rows if row["key"] not in unmoved]
        for row in write(desk, rows) if rows else ():
            if row["action"] == "stage" and row["outcome"] != "done":
                unmoved.add(row["key"])  # nobody is told of a move that did not happen
            yield row


def _told(row: Record) -> Record:
    """A change and what became of it as a step of the journal."""
    is_done = row["outcome"] == "done"
    return {
        "entity": row["entity"],
        "key": row.get("id") or row["key"],
        "action": row["action"],
        "field": row["field"],
        "before": money.plain(row["before"]),
        "after": money.plain(row["after"]),
        "file": row.get("file"),
        "document": row.get("document"),
        "rule": row["reason"],
        "level": "info" if is_done else "warn",
        "message": _said(row) if is_done else f"{_said(row)} ({_OUTCOMES[row['outcome']]})",
    }


def _said(row: Record) -> str:
    """What was done, in Russian."""
    what = _WORDS[row["action"]]
    if row["action"] == "update":
        what = f"{what} «{row['field']}»"
    detail = row["detail"]
    return f"{what}: {detail}" if detail else what
