"""Changes of deals and smart invoices on their way: creation, product rows, our organisation, stages, fields.
What people are told is in `words`.

Each writer takes rows of one kind and yields them with their outcome; `delivery.apply` calls them. Beside the
columns of `changes` a row carries what its writer needs: `item` (load.NewItem), `lines` (records of `lines`),
`requisite` (id of our own requisite).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from etl.bitrix24.fields import DEAL, INVOICE
from etl.bitrix24.writes import Result
from etl.flows.portal.desk import Desk, Keyed, by_record, close_skipped, note, outcome
from etl.flows.run import Record
from etl.load.bitrix24 import composition, notes
from etl.load.bitrix24 import items as load
from etl.values import money

KINDS = {"deal": DEAL, "invoice": INVOICE}
#: what follows from the rows unless a person typed the sum: «Сумма сделки = сумма счета»
_BY_ROWS = "isManualOpportunity"


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


# ---- creation
def creation_key(entity: str, origin: str) -> str:
    """Outbox key of a creation: one record per origin, for ever."""
    return f"create:{entity}:{origin}"


def created(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Deals and smart invoices, each once; `id` of the yielded row is the portal's. What was done before is
    not done again.
    """
    keyed = {creation_key(row["entity"], row["key"]): row for row in rows}
    known = note(desk, "create", keyed, lambda row: {"origin": row["key"]})
    fresh = [row for key, row in keyed.items() if key not in known]
    deals = _created_deals(desk, fresh)
    invoices = _created_invoices(desk, fresh)
    for result in (*deals, *invoices):
        row = keyed[result.key]
        yield outcome(row, result) | {"id": result.id}


def _created_deals(desk: Desk, rows: Iterable[Record]) -> list[Result]:
    """New deals, known by their origin under our originator."""
    items = [row["item"] for row in rows if row["entity"] == "deal"]
    if not items:
        return []
    originator = desk.run.profile.bitrix24.originator
    return list(load.create_deals(desk.client, desk.names, originator, items, desk.outbox))


def _created_invoices(desk: Desk, rows: Iterable[Record]) -> list[Result]:
    """New smart invoices, known by xmlId."""
    items = [row["item"] for row in rows if row["entity"] == "invoice"]
    if not items:
        return []
    return list(load.create_invoices(desk.client, desk.names, items, desk.outbox))


# ---- what a record holds
def composed(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Product rows as a whole, read back and compared. The sum is told to follow them first, even where a
    person typed another one: refused or cut off between the two, the rows still differ and are tried again.
    """
    keyed = by_record(desk, "rows", rows)
    note(desk, "rows", keyed, lambda row: {"rows": len(row["lines"])})
    bodies: list[composition.Composition] = []
    for entity in KINDS:
        mine = {key: row for key, row in keyed.items() if row["entity"] == entity}
        unsummed = _unsummed(desk, entity, [row["key"] for row in mine.values()])
        for key, row in mine.items():
            body = row["lines"]
            if row["key"] in unsummed:
                desk.outbox.failed(key, unsummed[row["key"]].reason)
                yield outcome(row, unsummed[row["key"]])
            else:
                bodies.append(composition.Composition(key, row["key"], body, KINDS[entity], empty=not body))
    for result in composition.set_rows(desk.client, bodies, desk.outbox):
        close_skipped(desk, result)
        yield outcome(keyed[result.key], result)


def _unsummed(desk: Desk, entity: str, keys: Sequence[str]) -> dict[str, Result]:
    """Records whose sum the portal does not let follow their rows."""
    names = {desk.passing(f"update:{entity}:{key}/sum"): key for key in keys}
    updates = [load.Update(name, key, {_BY_ROWS: False}) for name, key in names.items()]
    found: dict[str, Result] = {}
    for result in load.update_items(desk.client, desk.names, updates, desk.outbox, KINDS[entity]):
        if result.status != "done":
            found[names[result.key]] = result
    return found


def organised(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """With which of our organisations a deal or invoice is made: its requisite link."""
    keyed = by_record(desk, "link", rows)
    note(desk, "link", keyed, lambda row: {"requisite": row["requisite"]})
    links: list[notes.Link] = []
    for key, row in keyed.items():
        kind = KINDS[row["entity"]]
        links.append(notes.Link(key, row["key"], row["requisite"], kind=kind))
    for result in notes.link(desk.client, links, desk.outbox):
        yield outcome(keyed[result.key], result)


def updated(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Fields of deals, all of one deal in one write."""
    changes: defaultdict[str, list[Record]] = defaultdict(list)
    values: defaultdict[str, Record] = defaultdict(dict)
    for row in rows:
        deal = row["key"]
        changes[desk.passing(f"update:{deal}")].append(row)
        values[deal][row["field"]] = row["after"]
    first = {key: mine[0] for key, mine in changes.items()}
    note(desk, "update", first, lambda row: _noted(values[row["key"]]))
    updates: list[load.Update] = []
    for key, row in first.items():
        deal = row["key"]
        updates.append(load.Update(key, deal, values[deal]))
    for result in load.update_items(desk.client, desk.names, updates, desk.outbox):
        for row in changes[result.key]:
            yield outcome(row, result)


def _noted(values: Mapping[str, Any]) -> Record:
    """Values as the outbox remembers them."""
    return {field: money.plain(value) for field, value in values.items()}


# ---- where a record stands
def deals_moved(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Deals to a stage, from the stages that the rules of the profile name, or from where a person was asked
    about it.
    """
    keyed = {desk.passing(f"stage:{row['key']}"): row for row in rows}
    origins = _origins(desk)
    moves: list[load.Move] = []
    for key, row in keyed.items():
        stage = row["after"]
        moves.append(load.Move(key, row["key"], stage, (*origins[stage], row["before"])))
    for result in _moved(desk, keyed, moves, DEAL):
        row = keyed[result.key]
        if result.status == "done":
            # at once: killed here, the next run must not move again what a person moved back meanwhile
            desk.run.state.stages.write({row["key"]: row["after"]})
        yield outcome(row, result)


def _origins(desk: Desk) -> defaultdict[str, tuple[str, ...]]:
    """Stage -> the stages from which the rules of the profile lead to it."""
    origins: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for rule in desk.run.profile.rules:
        origins[rule.to] += rule.from_
    return origins


def invoices_moved(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Smart invoices to a stage, from any stage that is not final or where a person was asked about it."""
    keyed = by_record(desk, "stage", rows)
    stages, closed = desk.names.invoice_stages, desk.names.invoice_closed
    still_open = [name for stage, name in stages.items() if stage not in closed]
    origins = tuple(dict.fromkeys(still_open))  # stages of several funnels bear the same name
    moves: list[load.Move] = []
    for key, row in keyed.items():
        moves.append(load.Move(key, row["key"], row["after"], (*origins, row["before"])))
    for result in _moved(desk, keyed, moves, INVOICE):
        yield outcome(keyed[result.key], result)


def _moved(desk: Desk, keyed: Keyed, moves: Iterable[load.Move], kind: int) -> Iterator[Result]:
    """Stages written, each intent noted before."""
    note(desk, "stage", keyed, lambda row: {"to": row["after"]})
    for result in load.move_stages(desk.client, desk.names, moves, desk.outbox, kind):
        close_skipped(desk, result)
        yield result
