"""User fields: crm.deal.userfield.* and its kin, and userfieldconfig.* for smart invoices."""

from __future__ import annotations

import re
from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_TABLE
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.methods.crm_items import required
from etl.sandbox.portal.query import PLAIN, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, old_error, php_int

USER_TYPES = frozenset(
    ("string", "integer", "double", "boolean", "date", "datetime", "money", "url", "address", "enumeration", "file",
     "employee", "crm_status", "crm", "iblock_section", "iblock_element")
)  # fmt: skip
LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE")


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
        shown["LIST"] = [
            {name: str(option.get(name, "")) for name in names} for option in row.get("LIST") or []
        ]
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
        options[number] = {
            **old,
            **{k: item[k] for k in ("VALUE", "SORT", "DEF", "XML_ID") if k in item},
            "ID": number,
        }
    codes = [option["XML_ID"] for option in options.values() if option["XML_ID"]]
    if len(codes) != len(set(codes)):
        raise RestError(400, "ERROR_CORE", "XML_ID of list items must be unique.")
    return list(options.values())


def _field_update(core: Core, entity_id: str, params: dict[str, Any]) -> bool:
    row = _field(core, entity_id, params)
    fields = array(params, "fields")
    changes: Record = {
        name: fields[name] for name in ("XML_ID", "SORT", "MANDATORY", "SHOW_FILTER") if name in fields
    }
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
