"""Pipelines and their stages: what a stage means, which one comes first, the history of moves."""

from __future__ import annotations

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.entities import Entity
from etl.sandbox.portal.store import Record

WORK, SUCCESS, FAILURE = "P", "S", "F"
CREATED, MOVED, FINISHED = 1, 2, 3

#: (code, name, meaning) of the stages a new pipeline of deals gets
DEFAULT_STAGES: tuple[tuple[str, str, str | None], ...] = (
    ("NEW", "Новая", None),
    ("PREPARATION", "Подготовка документов", None),
    ("PREPAYMENT_INVOICE", "Cчёт на предоплату", None),
    ("EXECUTING", "В работе", None),
    ("FINAL_INVOICE", "Финальный счёт", None),
    ("WON", "Сделка успешна", "S"),
    ("LOSE", "Сделка провалена", "F"),
    ("APOLOGY", "Анализ причины провала", "F"),
)


def categories(core: Core, type_id: int) -> list[Record]:
    """The pipelines of one entity type in the order the portal shows them."""
    rows = [row for row in core.store.all("category") if row["entityTypeId"] == type_id]
    return sorted(rows, key=lambda row: (row["sort"], row["id"]))


def default_category(core: Core, entity: Entity) -> int:
    """Pipeline 0 for deals, the default pipeline of smart invoices for invoices."""
    rows = [row for row in core.store.all("category") if row["entityTypeId"] == entity.type_id]
    for row in rows:
        if row.get("isDefault") == "Y":
            return int(row["id"])
    return int(rows[0]["id"]) if rows else 0


def stage_dictionary(entity: Entity, category: int | None) -> str:
    """The `ENTITY_ID` under which crm.status.list keeps the stages of a pipeline (bitrix24 §4.7)."""
    if entity.table == "lead":
        return "STATUS"
    if entity.table == "invoice":
        return f"SMART_INVOICE_STAGE_{category}"
    return f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"


def stages(core: Core, entity: Entity, category: int | None) -> list[Record]:
    """The stages of a pipeline in their order."""
    rows = core.store.find("status", "ENTITY_ID", stage_dictionary(entity, category))
    return sorted(rows, key=lambda row: (row["SORT"], row["ID"]))


def first_stage(core: Core, entity: Entity, category: int | None) -> str | None:
    """The code of the stage where items of the pipeline begin."""
    found = stages(core, entity, category)
    return found[0]["STATUS_ID"] if found else None


def semantics(core: Core, entity: Entity, record: Record) -> str:
    """`P` in work, `S` success, `F` failure; a stage nobody knows counts as work."""
    stage = record.get(entity.stage or "")
    for row in stages(core, entity, record.get("CATEGORY_ID")):
        if row["STATUS_ID"] == stage:
            return row.get("SEMANTICS") or WORK
    return WORK


def mark_meaning(entity: Entity, record: Record, meaning: str) -> None:
    """Writes what the stage means into the record: deals also know whether they are closed."""
    if entity.table == "deal":
        record["STAGE_SEMANTIC_ID"] = meaning
        record["CLOSED"] = "N" if meaning == WORK else "Y"
    if entity.table == "lead":
        record["STATUS_SEMANTIC_ID"] = meaning


def settle_stage(core: Core, entity: Entity, record: Record) -> None:
    """The record says what its stage means."""
    if entity.stage is not None:
        mark_meaning(entity, record, semantics(core, entity, record))


def remember_stage(core: Core, entity: Entity, record: Record, kind: int) -> None:
    """One row of crm.stagehistory.list: kind 1 created, 2 moved, 3 finished (bitrix24 §4.7)."""
    meaning = semantics(core, entity, record)
    if kind == MOVED and meaning != WORK:
        kind = FINISHED
    number = core.store.new_id("stagehistory")
    row = {
        "ID": number,
        "TYPE_ID": kind,
        "OWNER_ID": record["ID"],
        "ENTITY_TYPE_ID": entity.type_id,
        "CREATED_TIME": core.stamp(),
        "CATEGORY_ID": record.get("CATEGORY_ID", 0),
        "STAGE_SEMANTIC_ID": meaning,
        "STAGE_ID": record.get(entity.stage or ""),
    }
    core.store.put("stagehistory", number, row)
