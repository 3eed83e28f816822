"""The old methods of leads, deals, contacts and companies: crm.deal.list and its kin (bitrix24 §4.3, §4.4).

Replies are text, refusals have an empty code, top-level names are read in any letter case.
"""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core, bound, rest, user_field_label
from etl.sandbox.portal.entities import BY_TABLE, Entity
from etl.sandbox.portal.fields import Field, Show
from etl.sandbox.portal.items import create, delete, update
from etl.sandbox.portal.lists.conditions import OLD
from etl.sandbox.portal.lists.query import select_rows, show_page
from etl.sandbox.portal.multifields import MULTIFIELDS
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, as_list, as_map, is_yes, old_error, php_int

NOT_FOUND = {
    "deal": "Not found",
    "lead": "Not found",
    "company": "Company is not found",
    "contact": "Not found",
}
FLAGS = ("HAS_PHONE", "HAS_EMAIL")
MULTIFIELD_INFO = {
    "type": "crm_multifield",
    "isRequired": False,
    "isReadOnly": False,
    "isImmutable": False,
    "isMultiple": True,
    "isDynamic": False,
}


def item_id(params: Params) -> int:
    """The parameter `id`. Raises RestError where it is no number above 0."""
    number = php_int(params.get("id"))
    if number <= 0:
        raise old_error("ID is not defined or invalid")
    return number


def array(params: Params, name: str) -> Params:
    """A parameter that must be a map. Raises RestError."""
    value = params.get(name)
    if not isinstance(value, (dict, list)):
        raise old_error(f"Parameter '{name}' must be array.")
    return as_map(value)


def existing(core: Core, table: str, number: int) -> Record:
    """The record of this id. Raises RestError."""
    record = core.store.get(table, number)
    if record is None:
        raise old_error(NOT_FOUND.get(table, "Not found"))
    return record


def old_shower(core: Core, entity: Entity, names: list[str]) -> Show:
    """How an old method shows records of the entity; multifields only when they have elements."""
    view = core.schema(entity).old_view(names)
    if not entity.multifields:
        return view
    kinds = [kind for kind in MULTIFIELDS if kind in names]
    flags = [kind for kind in MULTIFIELDS if f"HAS_{kind}" in names]

    def show(record: Record) -> Record:
        shown = view(record)
        elements = _by_kind(record)
        for kind in kinds:
            if kind in elements:
                shown[kind] = elements[kind]
        for kind in flags:
            shown[f"HAS_{kind}"] = "Y" if kind in elements else "N"
        return shown

    return show


def _by_kind(record: Record) -> dict[str, list[Record]]:
    """Kind of multifield -> its elements as an old method shows them."""
    elements: dict[str, list[Record]] = {}
    for item in record.get("FM") or []:
        elements.setdefault(item["TYPE_ID"], []).append(show_multifield(item))
    return elements


def show_multifield(item: Record) -> Record:
    """One telephone or e-mail."""
    return {key: str(item[key]) for key in ("ID", "VALUE_TYPE", "VALUE", "TYPE_ID")}


def standard_names(entity: Entity) -> list[str]:
    """What `*` stands for in `select`."""
    names = [field.name for field in entity.fields if not field.multiple]
    if entity.multifields:
        names += FLAGS
    return names


def selected(core: Core, entity: Entity, select: Any) -> list[str]:
    """`*` are the standard fields, `UF_*` the user fields; nothing at all means both (bitrix24 §3.3)."""
    wanted = [str(name) for name in as_list(select)] or ["*", "UF_*"]
    names = ["ID"]
    for name in wanted:
        if name == "*":
            names += standard_names(entity)
        elif name == "UF_*":
            names += user_field_names(core, entity)
        else:
            names.append(name.upper())
    return list(dict.fromkeys(names))


def user_field_names(core: Core, entity: Entity) -> list[str]:
    """The user fields of the entity."""
    return [field.name for field in core.schema(entity).fields.values() if field.user]


def list_items(core: Core, entity: Entity, params: Params) -> Page:
    """crm.*.list: one page."""
    condition = params.get("filter")
    if condition not in (None, "") and not isinstance(condition, (dict, list)):
        raise old_error("Parameter 'filter' must be array.")
    types = dict(core.schema(entity).types)
    types.pop("CONTACT_IDS", None)
    if entity.multifields:
        types |= dict.fromkeys(MULTIFIELDS, "multifield")
    page = select_rows(core, entity.table, types, params, OLD)
    names = selected(core, entity, params.get("select"))
    return show_page(page, old_shower(core, entity, names))


def get_item(core: Core, entity: Entity, params: Params) -> Record:
    """crm.*.get: all fields of one item but its lists."""
    record = existing(core, entity.table, item_id(params))
    fields = core.schema(entity).fields
    names = [name for name in fields if not name.endswith("_IDS") and name != "OBSERVERS"]
    if entity.multifields:
        names += [*FLAGS, *MULTIFIELDS]
    return old_shower(core, entity, names)(record)


def add_item(core: Core, entity: Entity, params: Params) -> int:
    """crm.*.add: gives the new id; people need a name, companies a title."""
    fields = array(params, "fields")
    named = fields.get("NAME") or fields.get("LAST_NAME")
    if entity.table == "contact" and not named:
        raise old_error("Either 'First Name' or 'Last Name' is required.")
    if entity.table == "company" and not fields.get("TITLE"):
        raise old_error("Field 'Company Name' is required.")
    options = as_map(params.get("params"))
    return create(core, entity, _upper(fields), imported=is_yes(options.get("IMPORT")))


def update_item(core: Core, entity: Entity, params: Params) -> bool:
    """crm.*.update: the given fields only."""
    number = item_id(params)
    fields = array(params, "fields")
    existing(core, entity.table, number)
    update(core, entity, number, _upper(fields))
    return True


def delete_item(core: Core, entity: Entity, params: Params) -> bool:
    """crm.*.delete."""
    number = item_id(params)
    existing(core, entity.table, number)
    delete(core, entity, number)
    return True


def _upper(fields: Params) -> Params:
    """Old methods know upper-case names only."""
    return {key: value for key, value in fields.items() if key == key.upper()}


def field_info(field: Field) -> Record:
    """One entry of crm.deal.fields; user fields bring their captions and options (bitrix24 §4.8)."""
    info: Record = {
        "type": "double" if field.type == "amount" else field.type,
        "isRequired": False,
        "isReadOnly": field.read_only,
        "isImmutable": False,
        "isMultiple": field.multiple,
        "isDynamic": field.user,
        "title": field.name if field.user else field.title,
    }
    if field.meta is None:
        return info
    info |= {
        "isRequired": field.meta.get("MANDATORY") == "Y",
        "listLabel": user_field_label(field.meta, "LIST_COLUMN_LABEL"),
        "formLabel": user_field_label(field.meta, "EDIT_FORM_LABEL"),
        "filterLabel": user_field_label(field.meta, "LIST_FILTER_LABEL"),
        "settings": field.meta.get("SETTINGS") or {},
    }
    if field.type == "enumeration":
        options = field.meta.get("LIST") or []
        info["items"] = [{"ID": str(option["ID"]), "VALUE": option["VALUE"]} for option in options]
    return info


def fields_of(core: Core, entity: Entity, params: Params) -> Record:
    """crm.*.fields: all fields of the entity, multifields included."""
    info = {name: field_info(field) for name, field in core.schema(entity).fields.items()}
    if entity.multifields:
        for kind in MULTIFIELDS:
            info[kind] = {**MULTIFIELD_INFO, "title": kind.capitalize()}
    return info


def _register(entity: Entity) -> None:
    """The six methods of one entity."""
    prefix = f"crm.{entity.table}"
    rest(f"{prefix}.list")(bound(list_items, entity))
    rest(f"{prefix}.get")(bound(get_item, entity))
    rest(f"{prefix}.add")(bound(add_item, entity))
    rest(f"{prefix}.update")(bound(update_item, entity))
    rest(f"{prefix}.delete")(bound(delete_item, entity))
    rest(f"{prefix}.fields")(bound(fields_of, entity))


for _table in ("lead", "deal", "contact", "company"):
    _register(BY_TABLE[_table])
