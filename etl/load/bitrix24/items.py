"""Changes of deals and smart invoices -> Bitrix24: stages, fields, creation.

Every function takes intents with the caller's keys and gives one `Result` per key, so that the caller
journals each; the outbox is the caller's memory (see `etl.bitrix24.writes`). Facts: reference bitrix24 §4.2,
§4.7, §5, §6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etl.bitrix24 import directory, values, writes
from etl.bitrix24.calls import BATCH, Command, by_text
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, INVOICE, PortalField, normal
from etl.bitrix24.lists import Listing, Row, of_owners
from etl.bitrix24.names import Names, category_of
from etl.bitrix24.writes import New, Outbox, Result, Write


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

    def plan(asked: Sequence[Move]) -> list[Write | Result]:
        now = _standing(client, kind, [move.id for move in asked])
        return [_judged(names, move, now.get(move.id), kind) for move in asked]

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
                refused.append(_refused(outbox, update.key, update.id, error))
                continue
            yield Write(update.key, update.id, _update(kind, update.id, written))

    yield from writes.absolute(client, outbox, ready())
    yield from refused


def create_deals(
    client: Client, names: Names, originator: str, news: Iterable[NewItem], outbox: Outbox
) -> list[Result]:
    """Create deals known by (originator, origin); one that is there already is adopted, not changed (bitrix24
    §5).
    """

    def keyed(new: NewItem) -> dict[str, Any]:
        return {"originatorId": originator, "originId": new.origin}

    def find(origins: Sequence[str]) -> dict[str, list[str]]:
        return directory.by_origin(client, DEAL, originator, origins)

    prepared, refused = _prepared(names, news, DEAL, outbox, keyed)
    return refused + writes.create(client, outbox, prepared, find)


def create_invoices(client: Client, names: Names, news: Iterable[NewItem], outbox: Outbox) -> list[Result]:
    """Create smart invoices known by xmlId (bitrix24 §6); `values` hold parentId2 (deal), mycompanyId,
    currencyId…
    """

    def keyed(new: NewItem) -> dict[str, Any]:
        return {"xmlId": new.origin}

    def find(origins: Sequence[str]) -> dict[str, list[str]]:
        listing = Listing("crm.item.list", "id", "items", {"entityTypeId": INVOICE}, select=["id", "xmlId"])
        return directory.numbers_by(client, listing, "xmlId", origins)

    prepared, refused = _prepared(names, news, INVOICE, outbox, keyed)
    return refused + writes.create(client, outbox, prepared, find)


# ---- stages


def _standing(client: Client, kind: int, ids: Sequence[str]) -> dict[str, Row]:
    """Id -> where the record stands right now."""
    listing = Listing(
        "crm.item.list", "id", "items", {"entityTypeId": kind}, select=["id", "stageId", "categoryId"]
    )
    return by_text(of_owners(client, listing, "@id", ids), "id")


def _judged(names: Names, move: Move, row: Row | None, kind: int) -> Write | Result:
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
        return Result(move.key, "failed", move.id, f"в воронке этой записи нет стадии «{move.to}»")
    command = _update(kind, move.id, {"stageId": wanted})
    return Write(move.key, move.id, command, accepted=lambda answer: _complaint(answer, wanted, move.to))


def _stage_name(names: Names, row: Row, kind: int) -> str:
    """Where the record stands, as the profile calls it."""
    stage = str(row["stageId"])
    if kind == DEAL:
        return names.stage(stage) or ""
    return names.invoice_stages.get(stage, stage)


def _target(names: Names, name: str, row: Row, kind: int) -> str | None:
    """Id of the stage of this name in the pipeline where the record stands (a stage belongs to one, §4.7)."""
    if kind == DEAL:
        return names.stage_id(name, category_of(str(row["stageId"])))
    return names.invoice_stage_id(name, int(row.get("categoryId") or 0))


def _complaint(answer: Any, wanted: str, name: str) -> str:
    """The portal may answer without an error and leave the stage as it was: "" when it did not."""
    item = answer.get("item", {}) if isinstance(answer, Mapping) else {}
    if item.get("stageId", wanted) == wanted:
        return ""
    return f"портал не перенёс запись на стадию «{name}»: проверьте обязательные поля и права"


# ---- fields


def _update(kind: int, identifier: str, written: Mapping[str, Any]) -> Command:
    params = {"entityTypeId": kind, "id": identifier, "fields": dict(written)}
    return Command("crm.item.update", params)


def _written(names: Names, given: Mapping[str, Any], kind: int) -> dict[str, Any]:
    """Portal field -> value in the portal's form. ValueError names the field."""
    written: dict[str, Any] = {}
    for text, value in given.items():
        field = _field(names, text, kind)
        written[field.name] = values.write(field, value)
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
    if outbox.unsure(key) is not None:
        outbox.again(key)
    outbox.failed(key, reason)
    return Result(key, "failed", identifier, reason)


# ---- creation


def _prepared(
    names: Names,
    news: Iterable[NewItem],
    kind: int,
    outbox: Outbox,
    keyed: Callable[[NewItem], dict[str, Any]],
) -> tuple[list[New], list[Result]]:
    """Records ready to be sent, and those that cannot be; `keyed` gives the fields of the external id."""
    prepared: list[New] = []
    refused: list[Result] = []
    for new in news:
        try:
            fields = _written(names, new.values, kind) | _placed(names, new, kind) | keyed(new)
        except ValueError as error:
            refused.append(_refused(outbox, new.key, None, error))
            continue
        command = Command("crm.item.add", {"entityTypeId": kind, "fields": fields})
        prepared.append(New(new.key, new.origin, command, directory.item_id))
    return prepared, refused


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
        placed |= {"companyId": number} if entity == "company" else {"contactIds": [number]}
    return placed


def _first_stage(names: Names, name: str, category: int | None, kind: int) -> str:
    if kind == DEAL:
        stage = names.stage_id(name, category or 0)
    else:
        stage = names.invoice_stage_id(name, category)
    if stage is None:
        raise ValueError(f"стадии «{name}» в воронке нет")
    return stage
