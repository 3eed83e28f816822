"""Dictionaries of the portal: stages, pipelines, currencies, smart processes (bitrix24 §4.7)."""

from __future__ import annotations

import re
from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_TABLE
from etl.sandbox.portal.lists.conditions import PLAIN
from etl.sandbox.portal.lists.query import named_page, select_rows
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.methods.crm_items import entity_of, required, required_map
from etl.sandbox.portal.pipelines import DEFAULT_STAGES, categories, stages
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, RestError, as_map, old_error, php_int

STATUS_TYPES = {
    "ID": "integer",
    "ENTITY_ID": "string",
    "STATUS_ID": "string",
    "NAME": "string",
    "SORT": "integer",
    "SYSTEM": "char",
    "CATEGORY_ID": "integer",
    "COLOR": "string",
    "SEMANTICS": "string",
}
HISTORY_TYPES = {
    "ID": "integer",
    "TYPE_ID": "integer",
    "OWNER_ID": "integer",
    "CREATED_TIME": "datetime",
    "CATEGORY_ID": "integer",
    "STAGE_SEMANTIC_ID": "string",
    "STAGE_ID": "string",
}
EXTRA = {None: "process", "P": "process", "S": "success", "F": "failure"}
COLOR = "#39A8EF"
DEAL_STAGES = "DEAL_STAGE_"
INVOICE_STAGES = "SMART_INVOICE_STAGE_"


def show_status(row: Record) -> Record:
    """One entry of a dictionary."""
    meaning = row.get("SEMANTICS")
    color = row.get("COLOR") or COLOR
    category = row.get("CATEGORY_ID")
    return {
        "ID": str(row["ID"]),
        "ENTITY_ID": row["ENTITY_ID"],
        "STATUS_ID": row["STATUS_ID"],
        "NAME": row["NAME"],
        "NAME_INIT": row.get("NAME_INIT") or "",
        "SORT": str(row["SORT"]),
        "SYSTEM": row.get("SYSTEM") or "N",
        "CATEGORY_ID": None if category is None else str(category),
        "COLOR": color,
        "SEMANTICS": meaning,
        "EXTRA": {"SEMANTICS": EXTRA[meaning], "COLOR": color},
    }


@rest("crm.status.list")
def status_list(core: Core, params: Params) -> Page:
    """All entries that meet the filter in one page."""
    asked = {"filter": params.get("filter"), "order": params.get("order") or {"SORT": "ASC"}}
    page = select_rows(core, "status", STATUS_TYPES, asked, PLAIN, paged=False)
    return Page([show_status(row) for row in page.result], page.total)


def _status(core: Core, params: Params) -> Record:
    """The entry that `id` names. Raises RestError."""
    row = core.store.get("status", item_id(params))
    if row is None:
        raise old_error("Status is not found.")
    return row


@rest("crm.status.get")
def status_get(core: Core, params: Params) -> Record:
    """One entry."""
    return show_status(_status(core, params))


@rest("crm.status.add")
def status_add(core: Core, params: Params) -> int:
    """A new entry; the code of a stage outside the main pipeline begins with its pipeline (`C3:`)."""
    fields = array(params, "fields")
    for name in ("ENTITY_ID", "STATUS_ID", "NAME"):
        if not fields.get(name):
            raise old_error(f"The field {name} is required.")
    entity_id = str(fields["ENTITY_ID"])
    category = _pipeline(entity_id)
    code = _stage_code(str(fields["STATUS_ID"]), category)
    present = core.store.find("status", "ENTITY_ID", entity_id)
    if code in [row["STATUS_ID"] for row in present]:
        raise old_error("Status with this STATUS_ID already exists.")
    last = max((row["SORT"] for row in present), default=0)
    number = core.store.new_id("status")
    record: Record = {
        "ID": number,
        "ENTITY_ID": entity_id,
        "STATUS_ID": code,
        "NAME": str(fields["NAME"]),
        "SORT": php_int(fields.get("SORT")) or last + 10,
        "COLOR": fields.get("COLOR") or as_map(fields.get("EXTRA")).get("COLOR"),
        "SEMANTICS": fields.get("SEMANTICS") or None,
        "CATEGORY_ID": category,
    }
    core.store.put("status", number, record)
    return number


def _pipeline(entity_id: str) -> int | None:
    """The pipeline of deals whose stages this dictionary holds; None for the main one and all else."""
    found = re.fullmatch(rf"{DEAL_STAGES}(\d+)", entity_id)
    if found is None:
        return None
    return int(found[1])


def _stage_code(code: str, category: int | None) -> str:
    """The code with the prefix of its pipeline."""
    prefix = f"C{category}:"
    if category is None or code.startswith(prefix):
        return code
    return prefix + code


@rest("crm.status.update")
def status_update(core: Core, params: Params) -> bool:
    """Name, order and colour may change, nothing else."""
    row = _status(core, params)
    fields = array(params, "fields")
    changed = dict(row)
    for name in ("NAME", "SORT", "COLOR"):
        if name in fields:
            changed[name] = core.clean(STATUS_TYPES[name], fields[name])
    core.store.put("status", row["ID"], changed)
    return True


@rest("crm.status.delete")
def status_delete(core: Core, params: Params) -> bool:
    """An entry goes."""
    row = _status(core, params)
    core.store.drop("status", row["ID"])
    return True


@rest("crm.status.entity.types")
def status_entities(core: Core, params: Params) -> list[Record]:
    """The dictionaries there are; those of stages say how their codes begin and end."""
    found: dict[str, Record] = {}
    for row in core.store.all("status"):
        entity_id = row["ENTITY_ID"]
        if entity_id not in found:
            found[entity_id] = _dictionary(entity_id, row.get("CATEGORY_ID"))
    return list(found.values())


def _dictionary(entity_id: str, category: int | None) -> Record:
    """One dictionary; those of stages have a prefix and both ends."""
    entry: Record = {"ID": entity_id, "NAME": entity_id, "SEMANTIC_INFO": []}
    if entity_id == "STATUS":
        entry["SEMANTIC_INFO"] = _ends("", ("NEW", "CONVERTED", "JUNK"))
    if entity_id == "DEAL_STAGE":
        entry["SEMANTIC_INFO"] = _ends("", ("NEW", "WON", "LOSE"))
    if entity_id.startswith(DEAL_STAGES):
        entry["SEMANTIC_INFO"] = _ends(f"C{category}:", ("NEW", "WON", "LOSE"))
        entry["PREFIX"] = f"C{category}"
    if entity_id.startswith(INVOICE_STAGES):
        entry["PREFIX"] = f"DT31_{entity_id.removeprefix(INVOICE_STAGES)}"
    return entry


def _ends(prefix: str, codes: tuple[str, str, str]) -> Record:
    """The codes of the first stage and of both ends."""
    start, success, failure = codes
    return {
        "START_FIELD": prefix + start,
        "FINAL_SUCCESS_FIELD": prefix + success,
        "FINAL_UNSUCCESS_FIELD": prefix + failure,
    }


def show_category(row: Record) -> Record:
    """One pipeline; all but the main one of deals may come from elsewhere."""
    shown = {name: row[name] for name in ("id", "name", "sort", "entityTypeId", "isDefault")}
    if row["id"]:
        shown["originId"] = row.get("originId") or ""
        shown["originatorId"] = row.get("originatorId") or ""
    return shown


@rest("crm.category.list", case="exact")
def category_list(core: Core, params: Params) -> Page:
    """The pipelines of one entity type in one page."""
    rows = categories(core, entity_of(params).type_id)
    return Page({"categories": [show_category(row) for row in rows]}, len(rows))


def _category(core: Core, params: Params) -> Record:
    """The pipeline that `entityTypeId` and `id` name. Raises RestError."""
    entity = entity_of(params)
    number = php_int(required(params, "id"))
    row = core.store.get("category", f"{entity.type_id}:{number}")
    if row is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return row


@rest("crm.category.get", case="exact")
def category_get(core: Core, params: Params) -> Record:
    """One pipeline."""
    return {"category": show_category(_category(core, params))}


@rest("crm.category.add", case="exact")
def category_add(core: Core, params: Params) -> Record:
    """A new pipeline gets the usual stages, as in the portal's own dialogue."""
    entity = entity_of(params)
    fields = required_map(params, "fields")
    number = core.store.new_id("category")
    row = {
        "id": number,
        "name": str(fields.get("name") or ""),
        "sort": php_int(fields.get("sort")) or 500,
        "entityTypeId": entity.type_id,
        "isDefault": "N",
        "originId": fields.get("originId"),
        "originatorId": fields.get("originatorId"),
    }
    core.store.put("category", f"{entity.type_id}:{number}", row)
    if entity.table == "deal":
        _add_stages(core, number)
    return {"category": show_category(row)}


def _add_stages(core: Core, category: int) -> None:
    """The usual stages of a new pipeline of deals."""
    for position, (code, name, meaning) in enumerate(DEFAULT_STAGES, 1):
        stage: Record = {
            "ID": core.store.new_id("status"),
            "ENTITY_ID": f"{DEAL_STAGES}{category}",
            "STATUS_ID": f"C{category}:{code}",
            "NAME": name,
            "SORT": position * 10,
            "SEMANTICS": meaning,
            "CATEGORY_ID": category,
            "SYSTEM": "Y",
        }
        core.store.put("status", stage["ID"], stage)


@rest("crm.category.update", case="exact")
def category_update(core: Core, params: Params) -> Record:
    """Changes name, order and origin of a pipeline."""
    row = _category(core, params)
    given = required_map(params, "fields")
    changed = dict(row)
    for name in ("name", "sort", "originId", "originatorId"):
        if name in given:
            changed[name] = given[name]
    core.store.put("category", f"{row['entityTypeId']}:{row['id']}", changed)
    return {"category": show_category(changed)}


@rest("crm.dealcategory.list")
def dealcategory_list(core: Core, params: Params) -> Page:
    """The pipelines of deals without the main one, as the old method shows them."""
    shown = [_old_category(row) for row in categories(core, 2) if row["id"]]
    return Page(shown, len(shown))


def _old_category(row: Record) -> Record:
    """A pipeline as the old method shows it."""
    return {
        "ID": str(row["id"]),
        "NAME": row["name"],
        "SORT": str(row["sort"]),
        "IS_LOCKED": "N",
        "CREATED_DATE": "",
    }


@rest("crm.dealcategory.default.get")
def dealcategory_default(core: Core, params: Params) -> Record:
    """The main pipeline of deals."""
    row = core.store.get("category", "2:0") or {}
    return {"ID": "0", "NAME": row.get("name")}


@rest("crm.dealcategory.stage.list")
def dealcategory_stages(core: Core, params: Params) -> list[Record]:
    """The stages of one pipeline of deals."""
    rows = stages(core, BY_TABLE["deal"], php_int(params.get("id")))
    return [{name: row[name] for name in ("NAME", "SORT", "STATUS_ID")} for row in rows]


@rest("crm.stagehistory.list", case="exact")
def stage_history(core: Core, params: Params) -> Page:
    """One page of the moves of items of one entity type."""
    entity = entity_of(params)
    types = {**HISTORY_TYPES, "ENTITY_TYPE_ID": "integer"}
    condition = {**as_map(params.get("filter")), "=ENTITY_TYPE_ID": entity.type_id}
    page = select_rows(core, "stagehistory", types, {**params, "filter": condition}, PLAIN)
    return named_page(page, "items", _show_move)


def _show_move(row: Record) -> Record:
    """One row of the history without its entity type."""
    return {name: row.get(name) for name in HISTORY_TYPES}


def _currency_sort(row: Record) -> Any:
    """The place of a currency in the list."""
    return row.get("SORT", 100)


def _show_currency(row: Record) -> Record:
    """A currency, everything as text."""
    return {name: str(value) for name, value in row.items()}


@rest("crm.currency.list")
def currency_list(core: Core, params: Params) -> Page:
    """All currencies in one page."""
    rows = sorted(core.store.all("currency"), key=_currency_sort)
    return Page([_show_currency(row) for row in rows], len(rows))


@rest("crm.currency.get")
def currency_get(core: Core, params: Params) -> Record:
    """One currency by its code."""
    row = core.store.get("currency", str(params.get("id")))
    if row is None:
        raise old_error("Currency is not found.")
    return _show_currency(row)


@rest("crm.currency.add")
def currency_add(core: Core, params: Params) -> str:
    """A new currency with its rate: AMOUNT of the base currency for AMOUNT_CNT units."""
    fields = array(params, "fields")
    code = str(fields.get("CURRENCY") or "")
    if not code or core.store.get("currency", code):
        raise old_error("Currency is not specified or already exists.")
    core.store.put(
        "currency", code, {"AMOUNT_CNT": "1", "AMOUNT": "1.0000", "SORT": 100, "BASE": "N"} | fields
    )
    return code


@rest("crm.currency.update")
def currency_update(core: Core, params: Params) -> bool:
    """Another rate, name or order of a currency."""
    code = str(params.get("id"))
    row = core.store.get("currency", code)
    if row is None:
        raise old_error("Currency is not found.")
    core.store.put("currency", code, row | array(params, "fields"))
    return True


@rest("crm.currency.base.get")
def currency_base(core: Core, params: Params) -> str | None:
    """The code of the portal's own currency."""
    for row in core.store.all("currency"):
        if row.get("BASE") == "Y":
            return str(row["CURRENCY"])
    return None


@rest("crm.type.list", case="exact")
def type_list(core: Core, params: Params) -> Page:
    """This portal has no smart processes; the names of an order are camel-case all the same."""
    for name in as_map(params.get("order")):
        if name == name.upper():
            raise RestError(400, "100", "Invalid value in parameter {order}")
    return Page({"types": []}, 0)
