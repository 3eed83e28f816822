"""Dictionaries of the portal: stages, pipelines, currencies, smart processes."""

from __future__ import annotations

import re
from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_TABLE
from etl.sandbox.portal.items import stages
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.methods.crm_items import entity_of, required
from etl.sandbox.portal.query import PLAIN, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_map, old_error, php_int

STATUS_TYPES = {
    "ID": "integer", "ENTITY_ID": "string", "STATUS_ID": "string", "NAME": "string", "SORT": "integer",
    "SYSTEM": "char", "CATEGORY_ID": "integer", "COLOR": "string", "SEMANTICS": "string",
}  # fmt: skip
USER_TYPES = frozenset(
    [
        "string",
        "integer",
        "double",
        "boolean",
        "date",
        "datetime",
        "money",
        "url",
        "address",
        "enumeration",
        "file",
        "employee",
        "crm_status",
        "crm",
        "iblock_section",
        "iblock_element",
    ]
)
LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE")
EXTRA = {None: "process", "P": "process", "S": "success", "F": "failure"}


def show_status(row: Record) -> Record:
    meaning = row.get("SEMANTICS")
    color = row.get("COLOR") or "#39A8EF"
    return {
        "ID": str(row["ID"]),
        "ENTITY_ID": row["ENTITY_ID"],
        "STATUS_ID": row["STATUS_ID"],
        "NAME": row["NAME"],
        "NAME_INIT": row.get("NAME_INIT") or "",
        "SORT": str(row["SORT"]),
        "SYSTEM": row.get("SYSTEM") or "N",
        "CATEGORY_ID": str(row["CATEGORY_ID"]) if row.get("CATEGORY_ID") is not None else None,
        "COLOR": color,
        "SEMANTICS": meaning,
        "EXTRA": {"SEMANTICS": EXTRA[meaning], "COLOR": color},
    }


@rest("crm.status.list")
def status_list(core: Core, params: dict[str, Any]) -> Page:
    params = {"filter": params.get("filter"), "order": params.get("order") or {"SORT": "ASC"}}
    page = select_rows(core, "status", STATUS_TYPES, params, PLAIN, paged=False)
    return Page([show_status(row) for row in page.result], page.total)


@rest("crm.status.get")
def status_get(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("status", item_id(params))
    if row is None:
        raise old_error("Status is not found.")
    return show_status(row)


@rest("crm.status.add")
def status_add(core: Core, params: dict[str, Any]) -> int:
    fields = array(params, "fields")
    for name in ("ENTITY_ID", "STATUS_ID", "NAME"):
        if not fields.get(name):
            raise old_error(f"The field {name} is required.")
    entity_id, code = str(fields["ENTITY_ID"]), str(fields["STATUS_ID"])
    pipeline = re.fullmatch(r"DEAL_STAGE_(\d+)", entity_id)
    if pipeline and not code.startswith(f"C{pipeline[1]}:"):
        code = f"C{pipeline[1]}:{code}"
    present = core.store.find("status", "ENTITY_ID", entity_id)
    if code in {row["STATUS_ID"] for row in present}:
        raise old_error("Status with this STATUS_ID already exists.")
    number = core.store.new_id("status")
    record: Record = {
        "ID": number,
        "ENTITY_ID": entity_id,
        "STATUS_ID": code,
        "NAME": str(fields["NAME"]),
        "SORT": php_int(fields.get("SORT")) or 10 + max((row["SORT"] for row in present), default=0),
        "COLOR": fields.get("COLOR") or as_map(fields.get("EXTRA")).get("COLOR"),
        "SEMANTICS": fields.get("SEMANTICS") or None,
        "CATEGORY_ID": int(pipeline[1]) if pipeline else None,
    }
    core.store.put("status", number, record)
    return number


@rest("crm.status.update")
def status_update(core: Core, params: dict[str, Any]) -> bool:
    row = core.store.get("status", item_id(params))
    if row is None:
        raise old_error("Status is not found.")
    fields = array(params, "fields")
    changes = {
        name: core.clean(STATUS_TYPES[name], fields[name])
        for name in ("NAME", "SORT", "COLOR")
        if name in fields
    }
    core.store.put("status", row["ID"], row | changes)
    return True


@rest("crm.status.delete")
def status_delete(core: Core, params: dict[str, Any]) -> bool:
    row = core.store.get("status", item_id(params))
    if row is None:
        raise old_error("Status is not found.")
    core.store.drop("status", row["ID"])
    return True


@rest("crm.status.entity.types")
def status_entities(core: Core, params: dict[str, Any]) -> list[Record]:
    found: dict[str, Record] = {}
    for row in core.store.all("status"):
        entity_id, category = row["ENTITY_ID"], row.get("CATEGORY_ID")
        info: Any = []
        if entity_id.startswith("DEAL_STAGE") or entity_id == "STATUS":
            prefix = f"C{category}:" if entity_id.startswith("DEAL_STAGE_") else ""
            codes = ("NEW", "CONVERTED", "JUNK") if entity_id == "STATUS" else ("NEW", "WON", "LOSE")
            names = ("START_FIELD", "FINAL_SUCCESS_FIELD", "FINAL_UNSUCCESS_FIELD")
            info = dict(zip(names, (prefix + code for code in codes), strict=True))
        entry: Record = {"ID": entity_id, "NAME": entity_id, "SEMANTIC_INFO": info}
        if entity_id.startswith("DEAL_STAGE_"):
            entry["PREFIX"] = f"C{category}"
        if entity_id.startswith("SMART_INVOICE_STAGE_"):
            entry["PREFIX"] = f"DT31_{entity_id.rsplit('_', 1)[1]}"
        found.setdefault(entity_id, entry)
    return list(found.values())


def show_category(row: Record) -> Record:
    shown = {name: row[name] for name in ("id", "name", "sort", "entityTypeId", "isDefault")}
    if row["id"]:
        shown |= {"originId": row.get("originId") or "", "originatorId": row.get("originatorId") or ""}
    return shown


def categories(core: Core, type_id: int) -> list[Record]:
    rows = [row for row in core.store.all("category") if row["entityTypeId"] == type_id]
    return sorted(rows, key=lambda row: (row["sort"], row["id"]))


@rest("crm.category.list", case="exact")
def category_list(core: Core, params: dict[str, Any]) -> Page:
    rows = categories(core, entity_of(params).type_id)
    return Page({"categories": [show_category(row) for row in rows]}, len(rows))


def _category(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("category", f"{entity_of(params).type_id}:{php_int(required(params, 'id'))}")
    if row is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return row


@rest("crm.category.get", case="exact")
def category_get(core: Core, params: dict[str, Any]) -> Record:
    return {"category": show_category(_category(core, params))}


@rest("crm.category.add", case="exact")
def category_add(core: Core, params: dict[str, Any]) -> Record:
    """A new pipeline gets the usual stages, as in the portal's own dialogue."""
    entity = entity_of(params)
    fields = as_map(required(params, "fields"))
    number = core.store.new_id("category")
    row = {
        "id": number, "name": str(fields.get("name") or ""), "sort": php_int(fields.get("sort")) or 500,
        "entityTypeId": entity.type_id, "isDefault": "N",
        "originId": fields.get("originId"), "originatorId": fields.get("originatorId"),
    }  # fmt: skip
    core.store.put("category", f"{entity.type_id}:{number}", row)
    if entity.table == "deal":
        for position, (code, name, meaning) in enumerate(DEFAULT_STAGES, 1):
            stage: Record = {"ID": core.store.new_id("status"), "ENTITY_ID": f"DEAL_STAGE_{number}",
                             "STATUS_ID": f"C{number}:{code}", "NAME": name, "SORT": position * 10,
                             "SEMANTICS": meaning, "CATEGORY_ID": number, "SYSTEM": "Y"}  # fmt: skip
            core.store.put("status", stage["ID"], stage)
    return {"category": show_category(row)}


@rest("crm.category.update", case="exact")
def category_update(core: Core, params: dict[str, Any]) -> Record:
    row = _category(core, params)
    given = as_map(required(params, "fields"))
    changed = row | {
        name: given[name] for name in ("name", "sort", "originId", "originatorId") if name in given
    }
    core.store.put("category", f"{row['entityTypeId']}:{row['id']}", changed)
    return {"category": show_category(changed)}


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


@rest("crm.dealcategory.list")
def dealcategory_list(core: Core, params: dict[str, Any]) -> Page:
    rows = [row for row in categories(core, 2) if row["id"]]
    shown = [
        {
            "ID": str(row["id"]),
            "NAME": row["name"],
            "SORT": str(row["sort"]),
            "IS_LOCKED": "N",
            "CREATED_DATE": "",
        }
        for row in rows
    ]
    return Page(shown, len(shown))


@rest("crm.dealcategory.default.get")
def dealcategory_default(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("category", "2:0") or {}
    return {"ID": "0", "NAME": row.get("name")}


@rest("crm.dealcategory.stage.list")
def dealcategory_stages(core: Core, params: dict[str, Any]) -> list[Record]:
    rows = stages(core, BY_TABLE["deal"], php_int(params.get("id")))
    return [{"NAME": row["NAME"], "SORT": row["SORT"], "STATUS_ID": row["STATUS_ID"]} for row in rows]


@rest("crm.stagehistory.list", case="exact")
def stage_history(core: Core, params: dict[str, Any]) -> Page:
    entity = entity_of(params)
    types = {"ID": "integer", "TYPE_ID": "integer", "OWNER_ID": "integer", "CREATED_TIME": "datetime",
             "CATEGORY_ID": "integer", "STAGE_SEMANTIC_ID": "string", "STAGE_ID": "string"}  # fmt: skip
    condition = {**as_map(params.get("filter")), "=ENTITY_TYPE_ID": entity.type_id}
    page = select_rows(
        core, "stagehistory", {**types, "ENTITY_TYPE_ID": "integer"}, {**params, "filter": condition}, PLAIN
    )
    return Page(
        {"items": [{name: row.get(name) for name in types} for row in page.result]}, page.total, page.next
    )


@rest("crm.currency.list")
def currency_list(core: Core, params: dict[str, Any]) -> Page:
    rows = sorted(core.store.all("currency"), key=lambda row: row.get("SORT", 100))
    shown = [{name: str(value) for name, value in row.items()} for row in rows]
    return Page(shown, len(shown))


@rest("crm.currency.get")
def currency_get(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("currency", str(params.get("id")))
    if row is None:
        raise old_error("Currency is not found.")
    return {name: str(value) for name, value in row.items()}


@rest("crm.currency.base.get")
def currency_base(core: Core, params: dict[str, Any]) -> str | None:
    return next((row["CURRENCY"] for row in core.store.all("currency") if row.get("BASE") == "Y"), None)


@rest("crm.type.list", case="exact")
def type_list(core: Core, params: dict[str, Any]) -> Page:
    order = as_map(params.get("order"))
    if any(name != "id" and name == name.upper() for name in order):
        raise RestError(400, "100", "Invalid value in parameter {order}")
    return Page({"types": []}, 0)
