"""The current methods crm.item.*: one family for leads, deals, contacts, companies and smart invoices."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_TYPE, Entity
from etl.sandbox.portal.fields import Field
from etl.sandbox.portal.items import create, delete, knows_currency, update
from etl.sandbox.portal.lists.conditions import ITEM
from etl.sandbox.portal.lists.query import named_page, select_rows
from etl.sandbox.portal.methods.crm import field_info, user_field_names
from etl.sandbox.portal.pipelines import default_category, stages
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, RestError, as_list, as_map, is_yes, php_int

OLD_INVOICE = 5
INVALID = "CRM_FIELD_ERROR_VALUE_NOT_VALID"
MAX_IMPORT = 20
ALIASES = {
    "PHONE": (("WORK", "phoneWork"), ("MOBILE", "phoneMobile"), ("MAILING", "phoneMailing")),
    "EMAIL": (("WORK", "emailWork"), ("HOME", "emailHome"), ("MAILING", "emailMailing")),
}


def required(params: Params, name: str) -> Any:
    """A parameter that must be there. Raises RestError."""
    if params.get(name) is None:
        raise RestError(400, "100", f"Could not find value for parameter {{{name}}}")
    return params[name]


def required_map(params: Params, name: str) -> Params:
    """The same for a map of fields."""
    return as_map(required(params, name))


def entity_of(params: Params) -> Entity:
    """The entity that `entityTypeId` names. Raises RestError for one the portal does not have."""
    number = php_int(required(params, "entityTypeId"))
    if number == OLD_INVOICE:
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    entity = BY_TYPE.get(number)
    if entity is None:
        raise RestError(400, "NOT_FOUND", "Smart process not found")
    return entity


def existing(core: Core, entity: Entity, params: Params) -> Record:
    """The record that `id` names. Raises RestError."""
    record = core.store.get(entity.table, php_int(required(params, "id")))
    if record is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return record


def stored_fields(core: Core, entity: Entity, given: Params) -> Params:
    """Camel-case input under stored names; unknown names are dropped silently (bitrix24 §10.3, 4)."""
    fields = {}
    for name, value in given.items():
        stored = _stored_name(core, entity, name)
        if stored is not None:
            fields[stored] = value
        elif name == "fm":
            fields["FM"] = value
    return fields


def _stored_name(core: Core, entity: Entity, name: str) -> str | None:
    """User fields are understood under their original names too."""
    schema = core.schema(entity)
    if name in schema.by_camel:
        return schema.by_camel[name]
    field = schema.fields.get(name)
    return name if field is not None and field.user else None


def check_fields(core: Core, entity: Entity, fields: Params, category: int | None) -> None:
    """What crm.item.* refuses and the old methods let through: bad stages, scalars for lists."""
    for name in user_field_names(core, entity):
        value = fields.get(name)
        multiple = core.schema(entity).fields[name].multiple
        if multiple and value and not isinstance(value, (list, dict)):
            text = f"Invalid value {{{value}}} to match with parameter {{{name}}}. Should be array."
            raise RestError(400, "100", text)
    stage = fields.get(entity.stage or "")
    known = [row["STATUS_ID"] for row in stages(core, entity, category)]
    if stage and stage not in known:
        raise RestError(400, INVALID, f"Invalid value for field '{entity.stage}'")
    if not knows_currency(core, fields.get("CURRENCY_ID")):
        raise RestError(400, INVALID, "Invalid value for field 'CURRENCY_ID'")


def multifields(record: Record) -> list[Record]:
    """`fm` of a record: its telephones, e-mails and the like."""
    return [_element(item) for item in record.get("FM") or []]


def _element(item: Record) -> Record:
    """One telephone or e-mail under camel-case names."""
    return {
        "id": item["ID"],
        "typeId": item["TYPE_ID"],
        "valueType": item["VALUE_TYPE"],
        "value": item["VALUE"],
    }


def full(core: Core, entity: Entity, record: Record, original: bool) -> Record:
    """What get, add and update answer: everything, with flat aliases of telephones and e-mails."""
    schema = core.schema(entity)
    shown = schema.new_view(schema.fields, original)(record)
    shown["entityTypeId"] = entity.type_id
    if entity.multifields:
        shown["fm"] = multifields(record)
        shown |= _aliases(record)
    return shown


def _aliases(record: Record) -> Record:
    """`hasPhone`, and the first telephone of each sort as `phoneWork` and so on."""
    first: dict[tuple[str, str], str] = {}
    for item in record.get("FM") or []:
        first.setdefault((item["TYPE_ID"], item["VALUE_TYPE"]), item["VALUE"])
    kinds = [kind for kind, _ in first]
    shown: Record = {}
    for kind, aliases in ALIASES.items():
        shown[f"has{kind.capitalize()}"] = "Y" if kind in kinds else "N"
        for value_type, alias in aliases:
            shown[alias] = first.get((kind, value_type))
    return shown


def selected(core: Core, entity: Entity, select: Any) -> tuple[list[str], bool]:
    """Stored names to show and whether the multifields come too (only with `*`)."""
    schema = core.schema(entity)
    wanted = [str(name) for name in as_list(select)]
    if not wanted or "*" in wanted:
        return list(schema.fields), "*" in wanted and entity.multifields
    names = ["ID"]
    for name in wanted:
        for stored in (schema.by_camel.get(name, name), name.upper()):
            if stored in schema.fields:
                names.append(stored)
                break
    return list(dict.fromkeys(names)), False


@rest("crm.item.list", case="exact")
def item_list(core: Core, params: Params) -> Page:
    """One page of items of the entity."""
    entity = entity_of(params)
    schema = core.schema(entity)
    page = select_rows(core, entity.table, schema.types, params, ITEM, rename=schema.by_camel)
    names, with_multifields = selected(core, entity, params.get("select"))
    view = schema.new_view(names, _original(params))

    def show(record: Record) -> Record:
        item = view(record)
        item["entityTypeId"] = entity.type_id
        if with_multifields:
            item["fm"] = multifields(record)
        return item

    return named_page(page, "items", show)


def _original(params: Params) -> bool:
    """Whether user fields keep their upper-case names in the reply (bitrix24 §10.3, 6)."""
    return is_yes(params.get("useOriginalUfNames"))


@rest("crm.item.get", case="exact")
def item_get(core: Core, params: Params) -> Record:
    """One item with everything it has."""
    entity = entity_of(params)
    record = existing(core, entity, params)
    return {"item": full(core, entity, record, _original(params))}


@rest("crm.item.add", case="exact")
def item_add(core: Core, params: Params) -> Record:
    """A new item; the reply shows it whole."""
    entity = entity_of(params)
    number = _create(core, entity, required_map(params, "fields"), imported=False)
    record = core.store.get(entity.table, number) or {}
    return {"item": full(core, entity, record, _original(params))}


def _create(core: Core, entity: Entity, given: Params, *, imported: bool) -> int:
    """The id of a new item in the pipeline that was given or else in the default one. Raises RestError."""
    fields = stored_fields(core, entity, given)
    category = fields.get("CATEGORY_ID")
    if category in (None, ""):
        category = default_category(core, entity)
    check_fields(core, entity, fields, php_int(category))
    return create(core, entity, fields, imported=imported)


@rest("crm.item.update", case="exact")
def item_update(core: Core, params: Params) -> Record:
    """Changes the given fields, the pipeline too; the reply shows the item whole."""
    entity = entity_of(params)
    record = existing(core, entity, params)
    number = record["ID"]
    fields = stored_fields(core, entity, required_map(params, "fields"))
    category = fields.get("CATEGORY_ID", record.get("CATEGORY_ID"))
    check_fields(core, entity, fields, php_int(category))
    update(core, entity, number, fields, move=True)
    changed = core.store.get(entity.table, number) or {}
    return {"item": full(core, entity, changed, _original(params))}


@rest("crm.item.delete", case="exact")
def item_delete(core: Core, params: Params) -> list[Any]:
    """An item goes."""
    entity = entity_of(params)
    record = existing(core, entity, params)
    delete(core, entity, record["ID"])
    return []


@rest("crm.item.import", case="exact")
def item_import(core: Core, params: Params) -> Record:
    """A new item with its own stamps and authors; the reply is its id alone."""
    entity = entity_of(params)
    fields = required_map(params, "fields")
    return _import(core, entity, fields)


def _import(core: Core, entity: Entity, given: Params) -> Record:
    """A new item; the reply is its id alone."""
    number = _create(core, entity, given, imported=True)
    return {"item": {"id": number}}


@rest("crm.item.batchImport", case="exact")
def item_batch_import(core: Core, params: Params) -> Record:
    """Up to 20 new items; what is refused has its refusal in the item's place."""
    entity = entity_of(params)
    rows = as_list(required(params, "data"))
    if len(rows) > MAX_IMPORT:
        raise RestError(400, "MAX_IMPORT_BATCH_SIZE_EXCEEDED", f"Maximum batch size is {MAX_IMPORT}")
    items: list[Record] = []
    for row in rows:
        try:
            items.append(_import(core, entity, as_map(row)))
        except RestError as refusal:
            items.append(refusal.body())
    return {"items": items}


@rest("crm.item.fields", case="exact")
def item_fields(core: Core, params: Params) -> Record:
    """All fields of the entity under the names of crm.item.*."""
    entity = entity_of(params)
    original = _original(params)
    described: Record = {}
    for name, field in core.schema(entity).fields.items():
        shown_as = name if original and field.user else field.camel
        described[shown_as] = _describe(name, field)
    if entity.multifields:
        described["fm"] = {
            "type": "crm_multifield",
            "isMultiple": True,
            "title": "Multifields",
            "upperName": "FM",
        }
    return {"fields": described}


def _describe(name: str, field: Field) -> Record:
    """As the old methods describe it, with one caption instead of three."""
    info = field_info(field)
    info["title"] = info.pop("formLabel", field.title)
    for label in ("listLabel", "filterLabel"):
        info.pop(label, None)
    info["upperName"] = name
    return info
