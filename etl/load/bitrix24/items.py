"""Changes of deals and smart invoices -> Bitrix24: stages, fields, creation.

Every function takes intents with the caller's keys and gives one `Result` per key, so that the caller
journals each; the outbox is the caller's memory (see `etl.bitrix24.writes`). Facts: reference bitrix24 §4.2,
§4.7, §5, §6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from etl.bitrix24 import directory, values, writes
from etl.bitrix24.calls import BATCH, Command, by_text
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, INVOICE, PortalField, normal
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import of_owners
from etl.bitrix24.names import Names
from etl.bitrix24.stages import category_of
from etl.bitrix24.writes import New, Outbox, Planned, Result, Write


@dataclass(frozen=True)
class Move:
    """A deal (or smart invoice) goes to the stage `to`, but only from one of `origins` (names as in the
    profile).
    """

    key: str
    id: str
    to: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Update:
    """New values of a record: name or code of the field -> value of ours (Decimal, date, text, None to
    clear).
    """

    key: str
    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class NewItem:
    """A deal or smart invoice to be created once: `origin` is the document's external id, `values` as in
    `Update`.
    """

    key: str
    origin: str
    values: Mapping[str, Any]
    stage: str | None = None
    party: str | None = None
    category: int | None = None


def move_stages(
    client: Client, names: Names, moves: Iterable[Move], outbox: Outbox, kind: int = DEAL
) -> Iterator[Result]:
    """Move deals. The stage is read right before the write; a deal that stands elsewhere is «не перемещена»
    (skipped).

    After a lost answer the stage is read again, so that a person's move in between is not undone (reliability
    §3, "Lost update").
    """

    def plan(asked: Sequence[Move]) -> list[Planned]:
        numbers = [move.id for move in asked]
        standing = _standing(client, kind, numbers)
        return [_judged(names, move, standing.get(move.id), kind) for move in asked]

    yield from writes.converge(client, outbox, moves, plan, BATCH)


def update_items(
    client: Client, names: Names, updates: Iterable[Update], outbox: Outbox, kind: int = DEAL
) -> Iterator[Result]:
    """Write field values, fifty records to a request. A value a field cannot hold is `failed`, its neighbours
    go on.
    """
    refused: list[Result] = []

    def ready() -> Iterator[Write]:
        for update in updates:
            try:
                written = _written(names, update.values, kind)
            except ValueError as error:
                result = _refused(outbox, update.key, update.id, error)
                refused.append(result)
                continue
            command = _update(kind, update.id, written)
            yield Write(update.key, update.id, command)

    yield from writes.absolute(client, outbox, ready())
    yield from refused


def create_deals(
    client: Client, names: Names, originator: str, news: Iterable[NewItem], outbox: Outbox
) -> list[Result]:
    """Create deals known by (originator, origin); one that is there already is adopted, not changed (bitrix24
    §5).
    """
    identity = _Identity(DEAL, "originId", {"originatorId": originator})
    find = partial(directory.by_origin, client, DEAL, originator)
    prepared, refused = _prepared(names, news, identity, outbox)
    return refused + writes.create(client, outbox, prepared, find)


def create_invoices(client: Client, names: Names, news: Iterable[NewItem], outbox: Outbox) -> list[Result]:
    """Create smart invoices known by xmlId (bitrix24 §6); `values` hold parentId2 (deal), mycompanyId,
    currencyId…
    """
    identity = _Identity(INVOICE, "xmlId")
    listing = directory.items(INVOICE, select=["id", "xmlId"])
    find = partial(directory.numbers_by, client, listing, "xmlId")
    prepared, refused = _prepared(names, news, identity, outbox)
    return refused + writes.create(client, outbox, prepared, find)


# ---- stages


def _standing(client: Client, kind: int, ids: Sequence[str]) -> dict[str, Row]:
    """Id -> where the record stands right now."""
    listing = directory.items(kind, select=["id", "stageId", "categoryId"])
    rows = of_owners(client, listing, "@id", ids)
    return by_text(rows, "id")


def _judged(names: Names, move: Move, row: Row | None, kind: int) -> Planned:
    """The write that a move needs, or why it needs none."""
    if row is None:
        return Result(move.key, "failed", move.id, directory.GONE)
    standing = _stage_name(names, row, kind)
    if normal(standing) == normal(move.to):
        return Result(move.key, "done", move.id, "уже на этой стадии")
    allowed = [normal(name) for name in move.origins]
    if normal(standing) not in allowed:
        listed = ", ".join(f"«{name}»" for name in move.origins)
        reason = f"не перемещена: стоит на стадии «{standing}», а переносится только с {listed}"
        return Result(move.key, "skipped", move.id, reason)
    wanted = _target(names, move.to, row, kind)
    if wanted is None:
        reason = f"в воронке этой записи нет стадии «{move.to}»"
        return Result(move.key, "failed", move.id, reason)
    command = _update(kind, move.id, {"stageId": wanted})
    complaint = partial(_complaint, wanted, move.to)
    return Write(move.key, move.id, command, accepted=complaint)


def _stage_name(names: Names, row: Row, kind: int) -> str:
    """Where the record stands, as the profile calls it."""
    stage = str(row["stageId"])
    if kind == DEAL:
        return names.stage(stage) or ""
    return names.invoice_stages.get(stage, stage)


def _target(names: Names, name: str, row: Row, kind: int) -> str | None:
    """Id of the stage of this name in the pipeline where the record stands (a stage belongs to one, §4.7)."""
    if kind == DEAL:
        pipeline = category_of(str(row["stageId"]))
        return names.stage_id(name, pipeline)
    pipeline = int(row.get("categoryId") or 0)
    return names.invoice_stage_id(name, pipeline)


def _complaint(wanted: str, name: str, answer: Any) -> str:
    """The portal may answer without an error and leave the stage as it was: "" when it did not."""
    item = answer.get("item", {}) if isinstance(answer, Mapping) else {}
    if item.get("stageId", wanted) == wanted:
        return ""
    return f"портал не перенёс запись на стадию «{name}»: проверьте обязательные поля и права"


# ---- fields


def _update(kind: int, identifier: str, written: Mapping[str, Any]) -> Command:
    """New values of one record; what is not named stays (bitrix24 §4.2)."""
    params = {"entityTypeId": kind, "id": identifier, "fields": dict(written)}
    return Command("crm.item.update", params)


def _written(names: Names, given: Mapping[str, Any], kind: int) -> dict[str, Any]:
    """Portal field -> value in the portal's form. ValueError names the field."""
    written: dict[str, Any] = {}
    for text, value in given.items():
        portal_field = _field(names, text, kind)
        written[portal_field.name] = values.write(portal_field, value, names.office)
    return written


def _field(names: Names, text: str, kind: int) -> PortalField:
    """The one field that a name means: the portal drops an unknown one without a word (bitrix24 §3.1)."""
    found = names.found_fields(text, kind)
    if not found:
        raise ValueError(f"поля «{text}» на портале нет")
    if len(found) > 1:
        raise ValueError(f"поле «{text}» на портале не одно, укажите код")
    if found[0].read_only:
        raise ValueError(f"поле «{text}» портал заполняет сам")
    return found[0]


def _refused(outbox: Outbox, key: str, identifier: str | None, error: ValueError) -> Result:
    """A change that cannot be put in the portal's form: never sent, closed at once."""
    reason = f"{error}; исправьте профиль или значение"
    attempted = outbox.unsure(key) is not None
    if attempted:
        outbox.again(key)
    outbox.failed(key, reason)
    return Result(key, "failed", identifier, reason)


# ---- creation


@dataclass(frozen=True)
class _Identity:
    """By what new records of a kind are known: the field of the external id and what stands beside it."""

    kind: int
    external_id: str
    beside: Mapping[str, str] = field(default_factory=dict)


def _prepared(
    names: Names, news: Iterable[NewItem], identity: _Identity, outbox: Outbox
) -> tuple[list[New], list[Result]]:
    """Records ready to be sent, and those that cannot be."""
    prepared: list[New] = []
    refused: list[Result] = []
    for new in news:
        try:
            command = _addition(names, new, identity)
        except ValueError as error:
            result = _refused(outbox, new.key, None, error)
            refused.append(result)
            continue
        ready = New(new.key, new.origin, command, directory.item_id)
        prepared.append(ready)
    return prepared, refused


def _addition(names: Names, new: NewItem, identity: _Identity) -> Command:
    """Creation of one record with its external id. ValueError as `_written` and `_placed`."""
    fields = _written(names, new.values, identity.kind)
    fields |= _placed(names, new, identity.kind)
    fields |= identity.beside
    fields[identity.external_id] = new.origin
    params = {"entityTypeId": identity.kind, "fields": fields}
    return Command("crm.item.add", params)


def _placed(names: Names, new: NewItem, kind: int) -> dict[str, Any]:
    """Where a new record stands: pipeline, stage, buyer. ValueError when its pipeline has no such stage."""
    placed: dict[str, Any] = {}
    category = new.category
    if category is None and kind == DEAL:
        category = names.category
    if category is not None:
        placed["categoryId"] = category
    if new.stage is not None:
        placed["stageId"] = _first_stage(names, new.stage, category, kind)
    if new.party:
        entity, _, number = new.party.partition("_")
        if entity == "company":
            placed["companyId"] = number
        else:
            placed["contactIds"] = [number]
    return placed


def _first_stage(names: Names, name: str, category: int | None, kind: int) -> str:
    """Id of the stage a new record begins with; a deal without a pipeline goes to the first one (§4.7)."""
    if kind == DEAL:
        stage = names.stage_id(name, category or 0)
    else:
        stage = names.invoice_stage_id(name, category)
    if stage is None:
        raise ValueError(f"стадии «{name}» в воронке нет")
    return stage
