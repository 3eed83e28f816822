"""The old methods of leads, deals, contacts and companies: crm.deal.list and its kin.

Replies are text, refusals have an empty code, top-level names are read in any letter case.
"""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core, rest, user_field_label
from etl.sandbox.portal.entities import BY_TABLE, Entity
from etl.sandbox.portal.fields import Field, Show
from etl.sandbox.portal.items import MULTIFIELDS, create, delete, update
from etl.sandbox.portal.query import OLD, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, as_list, as_map, is_yes, old_error, php_int

NOT_FOUND = {
    "deal": "Not found",
    "lead": "Not found",
    "company": "Company is not found",
    "contact": "Not found",
}


def item_id(params: dict[str, Any]) -> int:
    number = php_int(params.get("id"))
    if number <= 0:
        raise old_error("ID is not defined or invalid")
    return number


def array(params: dict[str, Any], name: str) -> dict[str, Any]:
    value = params.get(name)
    if not isinstance(value, (dict, list)):
        raise old_error(f"Parameter '{name}' must be array.")
    return as_map(value)


def existing(core: Core, table: str, number: int) -> Record:
    record = core.store.get(table, number)
    if record is None:
        raise old_error(NOT_FOUND.get(table, "Not found"))
    return record


def old_shower(core: Core, entity: Entity, names: list[str]) -> Show:
    """How an old method shows records of the entity; multifields only when they have elements."""
    view = core.schema(entity).old_view(names)
    kinds = [kind for kind in MULTIFIELDS if entity.multifields and kind in names]
    flags = [kind for kind in MULTIFIELDS if entity.multifields and f"HAS_{kind}" in names]

    def show(record: Record) -> Record:
        shown = view(record)
        elements = record.get("FM") or []
        for kind in kinds:
            of_kind = [show_multifield(item) for item in elements if item["TYPE_ID"] == kind]
            if of_kind:
                shown[kind] = of_kind
        for kind in flags:
            shown[f"HAS_{kind}"] = "Y" if any(item["TYPE_ID"] == kind for item in elements) else "N"
        return shown

    return show


def show_multifield(item: Record) -> Record:
    return {key: str(item[key]) for key in ("ID", "VALUE_TYPE", "VALUE", "TYPE_ID")}


def standard_names(core: Core, entity: Entity) -> list[str]:
    names = [field.name for field in entity.fields if not field.multiple]
    return [*names, "HAS_PHONE", "HAS_EMAIL"] if entity.multifields else names


def selected(core: Core, entity: Entity, select: Any) -> list[str]:
    """`*` are the standard fields, `UF_*` the user fields; nothing at all means both."""
    wanted = [str(name) for name in as_list(select)] or ["*", "UF_*"]
    schema = core.schema(entity)
    names = ["ID"]
    for name in wanted:
        if name == "*":
            names += standard_names(core, entity)
        elif name == "UF_*":
            names += [field.name for field in schema.fields.values() if field.user]
        else:
            names.append(name.upper())
    return list(dict.fromkeys(names))


def list_items(core: Core, entity: Entity, params: dict[str, Any]) -> Page:
    if params.get("filter") not in (None, "") and not isinstance(params["filter"], (dict, list)):
        raise old_error("Parameter 'filter' must be array.")
    types = dict(core.schema(entity).types)
    types.pop("CONTACT_IDS", None)
    if entity.multifields:
        types |= dict.fromkeys(MULTIFIELDS, "multifield")
    page = select_rows(core, entity.table, types, params, OLD)
    show = old_shower(core, entity, selected(core, entity, params.get("select")))
    return Page([show(row) for row in page.result], page.total, page.next)


def get_item(core: Core, entity: Entity, params: dict[str, Any]) -> Record:
    record = existing(core, entity.table, item_id(params))
    names = [name for name in core.schema(entity).fields if not name.endswith("_IDS") and name != "OBSERVERS"]
    if entity.multifields:
        names += ["HAS_PHONE", "HAS_EMAIL", *MULTIFIELDS]
    return old_shower(core, entity, names)(record)


def add_item(core: Core, entity: Entity, params: dict[str, Any]) -> int:
    fields = array(params, "fields")
    if entity.table == "contact" and not (fields.get("NAME") or fields.get("LAST_NAME")):
        raise old_error("Either 'First Name' or 'Last Name' is required.")
    if entity.table == "company" and not fields.get("TITLE"):
        raise old_error("Field 'Company Name' is required.")
    options = as_map(params.get("params"))
    return create(core, entity, _upper(fields), imported=is_yes(options.get("IMPORT")))


def update_item(core: Core, entity: Entity, params: dict[str, Any]) -> bool:
    number = item_id(params)
    fields = array(params, "fields")
    existing(core, entity.table, number)
    update(core, entity, number, _upper(fields))
    return True


def delete_item(core: Core, entity: Entity, params: dict[str, Any]) -> bool:
    number = item_id(params)
    existing(core, entity.table, number)
    delete(core, entity, number)
    return True


def _upper(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key == key.upper()}


def field_info(field: Field) -> Record:
    """One entry of crm.deal.fields; user fields bring their captions and options."""
    info: Record = {
        "type": {"amount": "double"}.get(field.type, field.type),
        "isRequired": False,
        "isReadOnly": field.read_only,
        "isImmutable": False,
        "isMultiple": field.multiple,
        "isDynamic": field.user,
        "title": field.name if field.user else field.title,
    }
    if field.meta is not None:
        info |= {
            "isRequired": field.meta.get("MANDATORY") == "Y",
            "listLabel": user_field_label(field.meta, "LIST_COLUMN_LABEL"),
            "formLabel": user_field_label(field.meta, "EDIT_FORM_LABEL"),
            "filterLabel": user_field_label(field.meta, "LIST_FILTER_LABEL"),
            "settings": field.meta.get("SETTINGS") or {},
        }
        if field.type == "enumeration":
            options = field.meta.get("LIST") or []
            info["items"] = [{"ID": str(one["ID"]), "VALUE": one["VALUE"]} for one in options]
    return info


def fields_of(core: Core, entity: Entity) -> Record:
    info = {name: field_info(field) for name, field in core.schema(entity).fields.items()}
    if entity.multifields:
        flags = {
            "isRequired": False,
            "isReadOnly": False,
            "isImmutable": False,
            "isMultiple": True,
            "isDynamic": False,
        }
        info |= {
            kind: {"type": "crm_multifield", **flags, "title": kind.capitalize()} for kind in MULTIFIELDS
        }
    return info


def _register(entity: Entity) -> None:
    prefix = f"crm.{entity.table}"
    rest(f"{prefix}.list")(lambda core, params: list_items(core, entity, params))
    rest(f"{prefix}.get")(lambda core, params: get_item(core, entity, params))
    rest(f"{prefix}.add")(lambda core, params: add_item(core, entity, params))
    rest(f"{prefix}.update")(lambda core, params: update_item(core, entity, params))
    rest(f"{prefix}.delete")(lambda core, params: delete_item(core, entity, params))
    rest(f"{prefix}.fields")(lambda core, params: fields_of(core, entity))


for _table in ("lead", "deal", "contact", "company"):
    _register(BY_TABLE[_table])
