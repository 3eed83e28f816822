"""Changes of deals and smart invoices that orders need: creation, product rows, our organisation, comments,
invoice stages.

Each writer takes rows of one kind and yields them with their outcome; `delivery.apply` calls them. Beside the
columns of `changes` a row carries what its writer needs: `item` (load.NewItem), `lines` (records of `lines`),
`requisite` (id of our own requisite)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, INVOICE
from etl.bitrix24.names import Names
from etl.bitrix24.writes import Result
from etl.flows.portal.outbox import Intent, StoreOutbox
from etl.flows.run import Record, Run
from etl.load.bitrix24 import composition, notes
from etl.load.bitrix24 import items as load

KINDS = {"deal": DEAL, "invoice": INVOICE}
#: what follows from the rows unless a person typed the sum: «Сумма сделки = сумма счета»
_BY_ROWS = "isManualOpportunity"


class Desk(NamedTuple):
    """What every writer works with."""

    run: Run
    client: Client
    names: Names
    outbox: StoreOutbox


def change(
    entity: str,
    key: str,
    action: str,
    after: Any,
    reason: str,
    *,
    field: str | None = None,
    before: Any = None,
    **more: Any,
) -> Record:
    """One intended write to the portal, as a row of `changes` with what its writer needs."""
    return {
        "side": "portal",
        "entity": entity,
        "key": key,
        "action": action,
        "field": field,
        "before": before,
        "after": after,
        "reason": reason,
        **more,
    }


def creation_key(entity: str, origin: str) -> str:
    """Outbox key of a creation: one record per origin, for ever."""
    return f"create:{entity}:{origin}"


def created(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Deals and smart invoices, each once; `id` of the yielded row is the portal's. What was done before is
    not done again."""
    keyed = {creation_key(row["entity"], row["key"]): row for row in rows}
    known = desk.outbox.note(
        _intents(keyed, "create", {key: {"origin": row["key"]} for key, row in keyed.items()})
    )
    news: dict[str, list[load.NewItem]] = {"deal": [], "invoice": []}
    for key, row in keyed.items():
        if key not in known:
            news[row["entity"]].append(row["item"])
    results: list[Result] = []
    if news["deal"]:
        results += load.create_deals(
            desk.client, desk.names, desk.run.profile.bitrix24.originator, news["deal"], desk.outbox
        )
    if news["invoice"]:
        results += load.create_invoices(desk.client, desk.names, news["invoice"], desk.outbox)
    for result in results:
        yield _outcome(keyed[result.key], result) | {"id": result.id}


def composed(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Product rows as a whole, read back and compared; then the sum follows them even where a person typed
    another one."""
    keyed = {
        f"rows:{row['entity']}:{row['key']}:{desk.run.number}.{desk.run.portal.turn}": row for row in rows
    }
    desk.outbox.note(
        _intents(keyed, "rows", {key: {"rows": len(row["lines"])} for key, row in keyed.items()})
    )
    bodies = [
        composition.Composition(key, row["key"], row["lines"], KINDS[row["entity"]])
        for key, row in keyed.items()
    ]
    done = []
    for result in composition.set_rows(desk.client, bodies, desk.outbox):
        if result.status == "skipped":
            desk.outbox.failed(result.key, result.reason)
        done += [keyed[result.key]] if result.status == "done" else []
        yield _outcome(keyed[result.key], result)
    for entity, kind in KINDS.items():
        updates = [
            load.Update(
                f"update:{entity}:{row['key']}/sum:{desk.run.number}.{desk.run.portal.turn}",
                row["key"],
                {_BY_ROWS: False},
            )
            for row in done
            if row["entity"] == entity
        ]
        list(load.update_items(desk.client, desk.names, updates, desk.outbox, kind))


def organised(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """With which of our organisations a deal or invoice is made: its requisite link."""
    keyed = {
        f"link:{row['entity']}:{row['key']}:{desk.run.number}.{desk.run.portal.turn}": row for row in rows
    }
    desk.outbox.note(
        _intents(keyed, "link", {key: {"requisite": row["requisite"]} for key, row in keyed.items()})
    )
    links = [
        notes.Link(key, row["key"], row["requisite"], kind=KINDS[row["entity"]]) for key, row in keyed.items()
    ]
    for result in notes.link(desk.client, links, desk.outbox):
        yield _outcome(keyed[result.key], result)


def invoices_moved(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Smart invoices to a stage, from any stage that is not final."""
    keyed = {f"stage:invoice:{row['key']}:{desk.run.number}.{desk.run.portal.turn}": row for row in rows}
    desk.outbox.note(_intents(keyed, "stage", {key: {"to": row["after"]} for key, row in keyed.items()}))
    origins = tuple(
        dict.fromkeys(
            name
            for stage, name in desk.names.invoice_stages.items()
            if stage not in desk.names.invoice_closed
        )
    )
    moves = [load.Move(key, row["key"], row["after"], origins) for key, row in keyed.items()]
    for result in load.move_stages(desk.client, desk.names, moves, desk.outbox, INVOICE):
        if result.status == "skipped":
            desk.outbox.failed(result.key, result.reason)
        yield _outcome(keyed[result.key], result)


def commented(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Comments in the timeline of deals; the same text stands there once."""
    keyed = {
        f"comment:{row['key']}:{desk.run.number}.{desk.run.portal.turn}:{place}": row
        for place, row in enumerate(rows)
    }
    desk.outbox.note(_intents(keyed, "comment", {key: {"text": row["after"]} for key, row in keyed.items()}))
    for result in notes.comment(
        desk.client, [notes.Comment(key, row["key"], row["after"]) for key, row in keyed.items()], desk.outbox
    ):
        yield _outcome(keyed[result.key], result)


def _intents(keyed: Mapping[str, Record], method: str, payloads: Mapping[str, Record]) -> list[Intent]:
    return [
        {
            "key": key,
            "entity": row["entity"],
            "entity_key": row["key"],
            "method": method,
            "payload": payloads[key],
        }
        for key, row in keyed.items()
    ]


def _outcome(row: Record, result: Result) -> Record:
    return row | {"outcome": result.status, "detail": result.reason}
