"""The current methods crm.item.*: one family for leads, deals, contacts, companies and smart invoices."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_TYPE, Entity
from etl.sandbox.portal.items import create, default_category, delete, stages, update
from etl.sandbox.portal.methods.crm import field_info
from etl.sandbox.portal.query import ITEM, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, is_yes, php_int

MAX_IMPORT = 20
ALIASES = {
    "PHONE": (("WORK", "phoneWork"), ("MOBILE", "phoneMobile"), ("MAILING", "phoneMailing")),
    "EMAIL": (("WORK", "emailWork"), ("HOME", "emailHome"), ("MAILING", "emailMailing")),
}


def required(params: dict[str, Any], name: str) -> Any:
    if params.get(name) is None:
        raise RestError(400, "100", f"Could not find value for parameter {{{name}}}")
    return params[name]


def entity_of(params: dict[str, Any]) -> Entity:
    number = php_int(required(params, "entityTypeId"))
    if number == 5:
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    entity = BY_TYPE.get(number)
    if entity is None:
        raise RestError(400, "NOT_FOUND", "Smart process not found")
    return entity


def existing(core: Core, entity: Entity, params: dict[str, Any]) -> Record:
    record = core.store.get(entity.table, php_int(required(params, "id")))
    if record is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return record


def stored_fields(core: Core, entity: Entity, given: dict[str, Any]) -> dict[str, Any]:
    """Camel-case input under stored names; unknown names are dropped silently."""
    schema = core.schema(entity)
    fields = {}
    for name, value in given.items():
        stored = schema.by_camel.get(
            name, name if name in schema.fields and schema.fields[name].user else None
        )
        if stored is not None:
            fields[stored] = value
        elif name == "fm":
            fields["FM"] = value
    return fields


def checked(core: Core, entity: Entity, fields: dict[str, Any], category: int | None) -> dict[str, Any]:
    """What crm.item.* refuses and the old methods let through: bad stages, scalars for lists."""
    schema = core.schema(entity)
    for name, value in fields.items():
        field = schema.fields.get(name)
        if (
            field is not None
            and field.user
            and field.multiple
            and not isinstance(value, (list, dict))
            and value
        ):
            raise RestError(
                400, "100", f"Invalid value {{{value}}} to match with parameter {{{name}}}. Should be array."
            )
    stage = fields.get(entity.stage or "")
    if stage and stage not in {row["STATUS_ID"] for row in stages(core, entity, category)}:
        raise RestError(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", f"Invalid value for field '{entity.stage}'")
    currency = fields.get("CURRENCY_ID")
    if currency and not core.store.find("currency", "CURRENCY", currency):
        raise RestError(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "Invalid value for field 'CURRENCY_ID'")
    return fields


def multifields(record: Record) -> list[Record]:
    return [
        {"id": one["ID"], "typeId": one["TYPE_ID"], "valueType": one["VALUE_TYPE"], "value": one["VALUE"]}
        for one in record.get("FM") or []
    ]


def full(core: Core, entity: Entity, record: Record, original: bool) -> Record:
    """What get, add and update answer: everything, with flat aliases of telephones and e-mails."""
    schema = core.schema(entity)
    shown = schema.new_view(schema.fields, original)(record) | {"entityTypeId": entity.type_id}
    if not entity.multifields:
        return shown
    elements = record.get("FM") or []
    shown["fm"] = multifields(record)
    for kind, aliases in ALIASES.items():
        of_kind = [one for one in elements if one["TYPE_ID"] == kind]
        shown[f"has{kind.capitalize()}"] = "Y" if of_kind else "N"
        for value_type, alias in aliases:
            shown[alias] = next((one["VALUE"] for one in of_kind if one["VALUE_TYPE"] == value_type), None)
    return shown


def selected(core: Core, entity: Entity, select: Any) -> tuple[list[str], bool]:
    """Stored names to show and whether the multifields come too (only with `*`)."""
    schema = core.schema(entity)
    wanted = [str(name) for name in as_list(select)]
    if not wanted or "*" in wanted:
        return list(schema.fields), "*" in wanted and entity.multifields
    names = ["ID"]
    for name in wanted:
        stored = schema.by_camel.get(name, name if name in schema.fields else name.upper())
        if stored in schema.fields:
            names.append(stored)
    return list(dict.fromkeys(names)), False


@rest("crm.item.list", case="exact")
def item_list(core: Core, params: dict[str, Any]) -> Page:
    entity = entity_of(params)
    schema = core.schema(entity)
    page = select_rows(core, entity.table, schema.types, params, ITEM, rename=schema.by_camel)
    names, with_multifields = selected(core, entity, params.get("select"))
    view = schema.new_view(names, is_yes(params.get("useOriginalUfNames")))
    items = []
    for record in page.result:
        item = view(record) | {"entityTypeId": entity.type_id}
        if with_multifields:
            item["fm"] = multifields(record)
        items.append(item)
    return Page({"items": items}, page.total, page.next)


@rest("crm.item.get", case="exact")
def item_get(core: Core, params: dict[str, Any]) -> Record:
    entity = entity_of(params)
    record = existing(core, entity, params)
    return {"item": full(core, entity, record, is_yes(params.get("useOriginalUfNames")))}


@rest("crm.item.add", case="exact")
def item_add(core: Core, params: dict[str, Any]) -> Record:
    entity = entity_of(params)
    number = _create(core, entity, as_map(required(params, "fields")), imported=False)
    record = core.store.get(entity.table, number) or {}
    return {"item": full(core, entity, record, is_yes(params.get("useOriginalUfNames")))}


def _create(core: Core, entity: Entity, given: dict[str, Any], *, imported: bool) -> int:
    fields = stored_fields(core, entity, given)
    category = php_int(fields["CATEGORY_ID"]) if fields.get("CATEGORY_ID") not in (None, "") else None
    if category is None:
        category = default_category(core, entity)
    return create(core, entity, checked(core, entity, fields, category), imported=imported)


@rest("crm.item.update", case="exact")
def item_update(core: Core, params: dict[str, Any]) -> Record:
    entity = entity_of(params)
    record = existing(core, entity, params)
    fields = stored_fields(core, entity, as_map(required(params, "fields")))
    category = fields.get("CATEGORY_ID", record.get("CATEGORY_ID"))
    update(core, entity, record["ID"], checked(core, entity, fields, php_int(category)), move=True)
    changed = core.store.get(entity.table, record["ID"]) or {}
    return {"item": full(core, entity, changed, is_yes(params.get("useOriginalUfNames")))}


@rest("crm.item.delete", case="exact")
def item_delete(core: Core, params: dict[str, Any]) -> list[Any]:
    entity = entity_of(params)
    delete(core, entity, existing(core, entity, params)["ID"])
    return []


@rest("crm.item.import", case="exact")
def item_import(core: Core, params: dict[str, Any]) -> Record:
    entity = entity_of(params)
    return {"item": {"id": _create(core, entity, as_map(required(params, "fields")), imported=True)}}


@rest("crm.item.batchImport", case="exact")
def item_batch_import(core: Core, params: dict[str, Any]) -> Record:
    entity = entity_of(params)
    rows = as_list(required(params, "data"))
    if len(rows) > MAX_IMPORT:
        raise RestError(400, "MAX_IMPORT_BATCH_SIZE_EXCEEDED", f"Maximum batch size is {MAX_IMPORT}")
    items: list[Record] = []
    for row in rows:
        try:
            items.append({"item": {"id": _create(core, entity, as_map(row), imported=True)}})
        except RestError as refusal:
            items.append(refusal.body())
    return {"items": items}


@rest("crm.item.fields", case="exact")
def item_fields(core: Core, params: dict[str, Any]) -> Record:
    entity = entity_of(params)
    original = is_yes(params.get("useOriginalUfNames"))
    described: Record = {}
    for name, field in core.schema(entity).fields.items():
        info = field_info(field)
        info["title"] = info.pop("formLabel", field.title)
        info = {key: value for key, value in info.items() if not key.endswith("Label")}
        described[name if original and field.user else field.camel] = {**info, "upperName": name}
    if entity.multifields:
        described["fm"] = {
            "type": "crm_multifield",
            "isMultiple": True,
            "title": "Multifields",
            "upperName": "FM",
        }
    return {"fields": described}
