"""Dictionaries of the portal: stages, pipelines, currencies, user fields, smart processes."""

from __future__ import annotations

import re
from typing import Any

from etl.sandbox.portal_core import Core, rest
from etl.sandbox.portal_crm import array, item_id
from etl.sandbox.portal_crm_items import entity_of, required
from etl.sandbox.portal_fields import BY_TABLE
from etl.sandbox.portal_items import stages
from etl.sandbox.portal_query import PLAIN, select_rows
from etl.sandbox.portal_store import Record
from etl.sandbox.portal_wire import Page, RestError, as_list, as_map, old_error, php_int

STATUS_TYPES = {
    "ID": "integer", "ENTITY_ID": "string", "STATUS_ID": "string", "NAME": "string", "SORT": "integer",
    "SYSTEM": "char", "CATEGORY_ID": "integer", "COLOR": "string", "SEMANTICS": "string",
}  # fmt: skip
USER_TYPES = frozenset(
    ["string", "integer", "double", "boolean", "date", "datetime", "money", "url", "address", "enumeration", "file", "employee", "crm_status", "crm", "iblock_section", "iblock_element"]
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
    changes = {name: core.clean(STATUS_TYPES[name], fields[name]) for name in ("NAME", "SORT", "COLOR") if name in fields}
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
    changed = row | {name: given[name] for name in ("name", "sort", "originId", "originatorId") if name in given}
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
        {"ID": str(row["id"]), "NAME": row["name"], "SORT": str(row["sort"]), "IS_LOCKED": "N", "CREATED_DATE": ""}
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
    return Page({"items": [{name: row.get(name) for name in types} for row in page.result]}, page.total, page.next)


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


def _register_user_fields(table: str, entity_id: str) -> None:
    prefix = f"crm.{table}.userfield"
    rest(f"{prefix}.list")(lambda core, params: _field_list(core, entity_id, params))
    rest(f"{prefix}.get")(lambda core, params: _show_field(_field(core, entity_id, params), True))
    rest(f"{prefix}.add")(lambda core, params: _field_add(core, entity_id, array(params, "fields")))
    rest(f"{prefix}.update")(lambda core, params: _field_update(core, entity_id, params))
    rest(f"{prefix}.delete")(lambda core, params: _field_delete(core, entity_id, params))


def _field_list(core: Core, entity_id: str, params: dict[str, Any]) -> Page:
    condition = as_map(params.get("filter"))
    language = condition.pop("LANG", None)
    types = {"ID": "integer", "ENTITY_ID": "string", "FIELD_NAME": "string", "USER_TYPE_ID": "string",
             "XML_ID": "string", "SORT": "integer", "MULTIPLE": "char", "MANDATORY": "char"}  # fmt: skip
    order = params.get("order") or {"SORT": "ASC", "ID": "ASC"}
    asked = {"filter": {**condition, "=ENTITY_ID": entity_id}, "order": order}
    page = select_rows(core, "userfield", types, asked, PLAIN, paged=False)
    return Page([_show_field(row, False, language) for row in page.result], page.total)


def _show_field(row: Record, full: bool, language: Any = None) -> Record:
    """`get` shows captions by language; `list` shows none unless a language is asked for."""
    shown: Record = {
        "ID": str(row["ID"]),
        "ENTITY_ID": row["ENTITY_ID"],
        "FIELD_NAME": row["FIELD_NAME"],
        "USER_TYPE_ID": row["USER_TYPE_ID"],
        "XML_ID": row.get("XML_ID"),
        "SORT": str(row.get("SORT", 100)),
        "MULTIPLE": row.get("MULTIPLE", "N"),
        "MANDATORY": row.get("MANDATORY", "N"),
        "SHOW_FILTER": row.get("SHOW_FILTER", "E"),
        "SHOW_IN_LIST": "Y",
        "EDIT_IN_LIST": "Y",
        "IS_SEARCHABLE": "N",
        "SETTINGS": row.get("SETTINGS") or {},
    }
    for label in LABELS if full or language else ():
        value = row.get(label)
        captions = value if isinstance(value, dict) else {"ru": value, "en": value} if value else {}
        shown[label] = captions if full else captions.get(str(language))
    if row["USER_TYPE_ID"] == "enumeration":
        names = ("ID", "SORT", "VALUE", "DEF", "XML_ID")
        shown["LIST"] = [{name: str(option.get(name, "")) for name in names} for option in row.get("LIST") or []]
    return shown


def _field(core: Core, entity_id: str, params: dict[str, Any]) -> Record:
    row = core.store.get("userfield", item_id(params))
    if row is None or row["ENTITY_ID"] != entity_id:
        raise old_error("The entity with ID is not found.")
    return row


def _field_add(core: Core, entity_id: str, fields: dict[str, Any]) -> int:
    name = str(fields.get("FIELD_NAME") or "").upper()
    kind = str(fields.get("USER_TYPE_ID") or "")
    if not kind:
        raise old_error("The 'USER_TYPE_ID' field is not found.")
    if not name:
        raise old_error("The 'FIELD_NAME' field is not found.")
    name = name if name.startswith("UF_CRM_") else f"UF_CRM_{name}"
    _check_field(core, entity_id, name, kind)
    number = core.store.new_id("userfield")
    record: Record = {
        "ID": number, "ENTITY_ID": entity_id, "FIELD_NAME": name, "USER_TYPE_ID": kind,
        "XML_ID": fields.get("XML_ID"), "SORT": php_int(fields.get("SORT")) or 100,
        "MULTIPLE": core.clean("char", fields.get("MULTIPLE")) or "N",
        "MANDATORY": core.clean("char", fields.get("MANDATORY")) or "N",
        "SHOW_FILTER": str(fields.get("SHOW_FILTER") or "E"), "SETTINGS": as_map(fields.get("SETTINGS")),
        **_labels(fields),
    }  # fmt: skip
    if kind == "enumeration":
        record["LIST"] = _options(core, [], fields.get("LIST"))
    core.store.put("userfield", number, record)
    return number


def _check_field(core: Core, entity_id: str, name: str, kind: str) -> None:
    if len(name) > 50:
        raise RestError(400, "ERROR_CORE", "Field name is too long (more than 50 characters).")
    if not re.fullmatch(r"[A-Z0-9_]+", name):
        raise RestError(400, "ERROR_CORE", "Field name contains invalid characters.")
    if kind not in USER_TYPES:
        raise RestError(400, "ERROR_CORE", "Invalid user type specified.")
    if name in {row["FIELD_NAME"] for row in core.store.find("userfield", "ENTITY_ID", entity_id)}:
        raise RestError(400, "ERROR_CORE", f"Field {name} for object {entity_id} already exists.")


def _labels(fields: dict[str, Any]) -> Record:
    labels = {}
    for label in LABELS:
        value = fields.get(label, fields.get("LABEL") if label == "EDIT_FORM_LABEL" else None)
        if value:
            labels[label] = value if isinstance(value, dict) else {"ru": str(value), "en": str(value)}
    return labels


def _options(core: Core, present: list[Record], given: Any) -> list[Record]:
    options = {option["ID"]: option for option in present}
    for item in as_list(given):
        number = php_int(item.get("ID"))
        if number and str(item.get("DEL", "")).upper() == "Y":
            options.pop(number, None)
            continue
        number = number or core.store.new_id("enum")
        old = options.get(number, {"SORT": 500, "DEF": "N", "XML_ID": ""})
        options[number] = {**old, **{k: item[k] for k in ("VALUE", "SORT", "DEF", "XML_ID") if k in item}, "ID": number}
    codes = [option["XML_ID"] for option in options.values() if option["XML_ID"]]
    if len(codes) != len(set(codes)):
        raise RestError(400, "ERROR_CORE", "XML_ID of list items must be unique.")
    return list(options.values())


def _field_update(core: Core, entity_id: str, params: dict[str, Any]) -> bool:
    row = _field(core, entity_id, params)
    fields = array(params, "fields")
    changes: Record = {name: fields[name] for name in ("XML_ID", "SORT", "MANDATORY", "SHOW_FILTER") if name in fields}
    if "LIST" in fields and row["USER_TYPE_ID"] == "enumeration":
        changes["LIST"] = _options(core, row.get("LIST") or [], fields["LIST"])
    core.store.put("userfield", row["ID"], {**row, **changes, **_labels(fields)})
    return True


def _field_delete(core: Core, entity_id: str, params: dict[str, Any]) -> bool:
    core.store.drop("userfield", _field(core, entity_id, params)["ID"])
    return True


for _table in ("lead", "deal", "contact", "company"):
    _register_user_fields(_table, BY_TABLE[_table].user_fields)
_register_user_fields("requisite", "CRM_REQUISITE")


@rest("userfieldconfig.add", scope="userfieldconfig", case="exact")
def userfieldconfig_add(core: Core, params: dict[str, Any]) -> Record:
    """User fields of smart invoices; the names are camel-case here."""
    given = as_map(required(params, "field"))
    names = {"fieldName": "FIELD_NAME", "userTypeId": "USER_TYPE_ID", "xmlId": "XML_ID", "sort": "SORT",
             "multiple": "MULTIPLE", "mandatory": "MANDATORY", "settings": "SETTINGS",
             "editFormLabel": "EDIT_FORM_LABEL", "listColumnLabel": "LIST_COLUMN_LABEL"}  # fmt: skip
    fields = {upper: given[name] for name, upper in names.items() if name in given}
    fields["LIST"] = [{key.upper() if key != "xmlId" else "XML_ID": value for key, value in as_map(option).items()}
                      for option in as_list(given.get("enum"))]  # fmt: skip
    number = _field_add(core, str(given.get("entityId") or ""), fields)
    return {"field": _show_config(core.store.get("userfield", number) or {})}


@rest("userfieldconfig.list", scope="userfieldconfig", case="exact")
def userfieldconfig_list(core: Core, params: dict[str, Any]) -> Page:
    entity_id = as_map(params.get("filter")).get("entityId")
    rows = [row for row in core.store.all("userfield") if entity_id in (None, row["ENTITY_ID"])]
    return Page({"fields": [_show_config(row) for row in rows]}, len(rows))


def _show_config(row: Record) -> Record:
    return {
        "id": row["ID"], "entityId": row["ENTITY_ID"], "fieldName": row["FIELD_NAME"],
        "userTypeId": row["USER_TYPE_ID"], "xmlId": row.get("XML_ID"), "sort": row.get("SORT"),
        "multiple": row.get("MULTIPLE"), "mandatory": row.get("MANDATORY"), "settings": row.get("SETTINGS") or {},
        "editFormLabel": row.get("EDIT_FORM_LABEL") or {},
        "enum": [{"id": o["ID"], "value": o["VALUE"], "xmlId": o["XML_ID"], "def": o["DEF"], "sort": o["SORT"]}
                 for o in row.get("LIST") or []],
    }  # fmt: skip


