"""User fields: crm.deal.userfield.* and its kin, and userfieldconfig.* for smart invoices (bitrix24 §4.8)."""

from __future__ import annotations

import re
from typing import Any

from etl.sandbox.portal.core import Core, bound, rest
from etl.sandbox.portal.entities import BY_TABLE
from etl.sandbox.portal.lists.conditions import PLAIN
from etl.sandbox.portal.lists.query import select_rows
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.methods.crm_items import required_map
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, RestError, as_list, as_map, old_error, php_int

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
FIELD_TYPES = {
    "ID": "integer",
    "ENTITY_ID": "string",
    "FIELD_NAME": "string",
    "USER_TYPE_ID": "string",
    "XML_ID": "string",
    "SORT": "integer",
    "MULTIPLE": "char",
    "MANDATORY": "char",
}
OPTION = ("ID", "SORT", "VALUE", "DEF", "XML_ID")
#: names of userfieldconfig.* -> names of crm.*.userfield.*
CONFIG = {
    "fieldName": "FIELD_NAME",
    "userTypeId": "USER_TYPE_ID",
    "xmlId": "XML_ID",
    "sort": "SORT",
    "multiple": "MULTIPLE",
    "mandatory": "MANDATORY",
    "settings": "SETTINGS",
    "editFormLabel": "EDIT_FORM_LABEL",
    "listColumnLabel": "LIST_COLUMN_LABEL",
}
MAX_NAME = 50


def _list(core: Core, entity_id: str, params: Params) -> Page:
    """All user fields of the entity in one page; captions only where a language is asked for."""
    condition = as_map(params.get("filter"))
    language = condition.pop("LANG", None)
    asked = {
        "filter": {**condition, "=ENTITY_ID": entity_id},
        "order": params.get("order") or {"SORT": "ASC", "ID": "ASC"},
    }
    page = select_rows(core, "userfield", FIELD_TYPES, asked, PLAIN, paged=False)
    shown = [_show_listed(row, language) for row in page.result]
    return Page(shown, page.total)


def _get(core: Core, entity_id: str, params: Params) -> Record:
    """One user field with its captions in all languages."""
    row = _field(core, entity_id, params)
    captions = {label: _captions(row, label) for label in LABELS}
    return {**_show(row), **captions, **_show_options(row)}


def _show_listed(row: Record, language: Any) -> Record:
    """One user field of a list; captions in the language asked for, if any."""
    captions = {}
    if language:
        captions = {label: _captions(row, label).get(str(language)) for label in LABELS}
    return {**_show(row), **captions, **_show_options(row)}


def _show(row: Record) -> Record:
    """What `list` and `get` show alike."""
    return {
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


def _captions(row: Record, label: str) -> dict[str, Any]:
    """Language -> caption; a caption without a language is one in all."""
    value = row.get(label)
    if isinstance(value, dict):
        return value
    return {"ru": value, "en": value} if value else {}


def _show_options(row: Record) -> Record:
    """`LIST` of an enumeration."""
    if row["USER_TYPE_ID"] != "enumeration":
        return {}
    return {"LIST": [_show_option(option) for option in row.get("LIST") or []]}


def _show_option(option: Record) -> Record:
    """One option of an enumeration, as text."""
    return {name: str(option.get(name, "")) for name in OPTION}


def _field(core: Core, entity_id: str, params: Params) -> Record:
    """The user field of this entity that `id` names. Raises RestError."""
    row = core.store.get("userfield", item_id(params))
    if row is None or row["ENTITY_ID"] != entity_id:
        raise old_error("The entity with ID is not found.")
    return row


def _add(core: Core, entity_id: str, params: Params) -> int:
    """crm.*.userfield.add: gives the new id."""
    return add_field(core, entity_id, array(params, "fields"))


def add_field(core: Core, entity_id: str, fields: Params) -> int:
    """A new user field; its name gets the prefix UF_CRM_. Gives its id, raises RestError."""
    name = str(fields.get("FIELD_NAME") or "").upper()
    kind = str(fields.get("USER_TYPE_ID") or "")
    if not kind:
        raise old_error("The 'USER_TYPE_ID' field is not found.")
    if not name:
        raise old_error("The 'FIELD_NAME' field is not found.")
    if not name.startswith("UF_CRM_"):
        name = f"UF_CRM_{name}"
    _check_field(core, entity_id, name, kind)
    number = core.store.new_id("userfield")
    record: Record = {
        "ID": number,
        "ENTITY_ID": entity_id,
        "FIELD_NAME": name,
        "USER_TYPE_ID": kind,
        "XML_ID": fields.get("XML_ID"),
        "SORT": php_int(fields.get("SORT")) or 100,
        "MULTIPLE": core.clean("char", fields.get("MULTIPLE")) or "N",
        "MANDATORY": core.clean("char", fields.get("MANDATORY")) or "N",
        "SHOW_FILTER": str(fields.get("SHOW_FILTER") or "E"),
        "SETTINGS": as_map(fields.get("SETTINGS")),
        **_labels(fields),
    }
    if kind == "enumeration":
        record["LIST"] = _options(core, [], fields.get("LIST"))
    core.store.put("userfield", number, record)
    return number


def _refused(text: str) -> RestError:
    """The refusal of a user field that cannot be."""
    return RestError(400, "ERROR_CORE", text)


def _check_field(core: Core, entity_id: str, name: str, kind: str) -> None:
    """Raises RestError for a name or a type that the portal does not take."""
    if len(name) > MAX_NAME:
        raise _refused("Field name is too long (more than 50 characters).")
    if not re.fullmatch(r"[A-Z0-9_]+", name):
        raise _refused("Field name contains invalid characters.")
    if kind not in USER_TYPES:
        raise _refused("Invalid user type specified.")
    present = core.store.find("userfield", "ENTITY_ID", entity_id)
    taken = [row["FIELD_NAME"] for row in present]
    if name in taken:
        raise _refused(f"Field {name} for object {entity_id} already exists.")


def _labels(fields: Params) -> Record:
    """The captions that were given; LABEL is another name of the main one."""
    given = {"EDIT_FORM_LABEL": fields.get("LABEL"), **fields}
    labels = {}
    for label in LABELS:
        value = given.get(label)
        if value:
            labels[label] = value if isinstance(value, dict) else {"ru": str(value), "en": str(value)}
    return labels


def _options(core: Core, present: list[Record], given: Any) -> list[Record]:
    """The options of an enumeration after a write: without an id new, with DEL=Y gone. Raises RestError."""
    options = {option["ID"]: option for option in present}
    for item in as_list(given):
        number = php_int(item.get("ID"))
        if number and str(item.get("DEL", "")).upper() == "Y":
            options.pop(number, None)
            continue
        number = number or core.store.new_id("enum")
        old = options.get(number, {"SORT": 500, "DEF": "N", "XML_ID": ""})
        named = {name: item[name] for name in OPTION if name in item}
        options[number] = {**old, **named, "ID": number}
    codes = [option["XML_ID"] for option in options.values() if option["XML_ID"]]
    if len(codes) != len(set(codes)):
        raise _refused("XML_ID of list items must be unique.")
    return list(options.values())


def _update(core: Core, entity_id: str, params: Params) -> bool:
    """Captions, options and a few settings may change; name and type stay."""
    row = dict(_field(core, entity_id, params))
    fields = array(params, "fields")
    for name in ("XML_ID", "SORT", "MANDATORY", "SHOW_FILTER"):
        if name in fields:
            row[name] = fields[name]
    if "LIST" in fields and row["USER_TYPE_ID"] == "enumeration":
        row["LIST"] = _options(core, row.get("LIST") or [], fields["LIST"])
    core.store.put("userfield", row["ID"], row | _labels(fields))
    return True


def _delete(core: Core, entity_id: str, params: Params) -> bool:
    """crm.*.userfield.delete."""
    row = _field(core, entity_id, params)
    core.store.drop("userfield", row["ID"])
    return True


def _register(table: str, entity_id: str) -> None:
    """The five methods of one entity's user fields."""
    prefix = f"crm.{table}.userfield"
    rest(f"{prefix}.list")(bound(_list, entity_id))
    rest(f"{prefix}.get")(bound(_get, entity_id))
    rest(f"{prefix}.add")(bound(_add, entity_id))
    rest(f"{prefix}.update")(bound(_update, entity_id))
    rest(f"{prefix}.delete")(bound(_delete, entity_id))


for _table in ("lead", "deal", "contact", "company"):
    _register(_table, BY_TABLE[_table].user_fields)
_register("requisite", "CRM_REQUISITE")


@rest("userfieldconfig.add", scope="userfieldconfig", case="exact")
def userfieldconfig_add(core: Core, params: Params) -> Record:
    """User fields of smart invoices; the names are camel-case here."""
    given = required_map(params, "field")
    fields: Params = {stored: given[name] for name, stored in CONFIG.items() if name in given}
    fields["LIST"] = [_stored_option(as_map(option)) for option in as_list(given.get("enum"))]
    number = add_field(core, str(given.get("entityId") or ""), fields)
    return {"field": _show_config(core.store.get("userfield", number) or {})}


def _stored_option(option: Params) -> Record:
    """`value` -> `VALUE`, `xmlId` -> `XML_ID`."""
    stored = {}
    for name, value in option.items():
        stored["XML_ID" if name == "xmlId" else name.upper()] = value
    return stored


@rest("userfieldconfig.list", scope="userfieldconfig", case="exact")
def userfieldconfig_list(core: Core, params: Params) -> Page:
    """The user fields of one entity, or of all, in one page."""
    entity_id = as_map(params.get("filter")).get("entityId")
    rows = [row for row in core.store.all("userfield") if entity_id in (None, row["ENTITY_ID"])]
    return Page({"fields": [_show_config(row) for row in rows]}, len(rows))


def _show_config(row: Record) -> Record:
    """A user field under camel-case names."""
    return {
        "id": row["ID"],
        "entityId": row["ENTITY_ID"],
        "fieldName": row["FIELD_NAME"],
        "userTypeId": row["USER_TYPE_ID"],
        "xmlId": row.get("XML_ID"),
        "sort": row.get("SORT"),
        "multiple": row.get("MULTIPLE"),
        "mandatory": row.get("MANDATORY"),
        "settings": row.get("SETTINGS") or {},
        "editFormLabel": row.get("EDIT_FORM_LABEL") or {},
        "enum": [_show_config_option(option) for option in row.get("LIST") or []],
    }


def _show_config_option(option: Record) -> Record:
    """An option of an enumeration under camel-case names."""
    return {
        "id": option["ID"],
        "value": option["VALUE"],
        "xmlId": option["XML_ID"],
        "def": option["DEF"],
        "sort": option["SORT"],
    }
