"""Requisites, bank details and presets: crm.requisite.*, crm.requisite.bankdetail.*, crm.requisite.preset.*.

The portal checks that an owner exists and little else: neither ИНН nor uniqueness nor the preset
(bitrix24 §4.5, §10.3, 9).
"""

from __future__ import annotations

from etl.sandbox.portal.core import Core, bound, rest
from etl.sandbox.portal.entities import BY_TYPE
from etl.sandbox.portal.items import REQUISITE_TYPE, delete_requisite
from etl.sandbox.portal.lists.conditions import PLAIN
from etl.sandbox.portal.lists.query import select_rows, show_page
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, as_list, as_map, old_error, php_int

Types = dict[str, str]  # name of a field -> its type


def field_types(integers: str, texts: str = "", moments: str = "") -> Types:
    """Types of fields from three lists of their names."""
    types = dict.fromkeys(integers.split(), "integer")
    types |= dict.fromkeys(moments.split(), "datetime")
    types |= dict.fromkeys(texts.split(), "string")
    return types


STAMPS = "DATE_CREATE DATE_MODIFY"
REQUISITE = field_types(
    "ID ENTITY_TYPE_ID ENTITY_ID PRESET_ID CREATED_BY_ID MODIFY_BY_ID SORT",
    """NAME CODE XML_ID ORIGINATOR_ID ACTIVE ADDRESS_ONLY
    RQ_NAME RQ_FIRST_NAME RQ_LAST_NAME RQ_SECOND_NAME RQ_COMPANY_ID RQ_COMPANY_NAME RQ_COMPANY_FULL_NAME
    RQ_COMPANY_REG_DATE RQ_DIRECTOR RQ_ACCOUNTANT RQ_CEO_NAME RQ_CEO_WORK_POS RQ_CONTACT RQ_EMAIL RQ_PHONE
    RQ_FAX RQ_IDENT_TYPE RQ_IDENT_DOC RQ_IDENT_DOC_SER RQ_IDENT_DOC_NUM RQ_IDENT_DOC_DATE
    RQ_IDENT_DOC_ISSUED_BY RQ_IDENT_DOC_DEP_CODE RQ_INN RQ_KPP RQ_OGRN RQ_OGRNIP RQ_OKPO RQ_OKTMO RQ_OKVED
    RQ_IFNS RQ_EDRPOU RQ_DRFO RQ_KBE RQ_IIN RQ_BIN RQ_VAT_ID RQ_VAT_PAYER RQ_UNP""",
    STAMPS,
)
BANK = field_types(
    "ID ENTITY_TYPE_ID ENTITY_ID COUNTRY_ID CREATED_BY_ID MODIFY_BY_ID SORT",
    """NAME CODE XML_ID ORIGINATOR_ID ACTIVE RQ_BANK_NAME RQ_BANK_ADDR RQ_BANK_CODE RQ_BANK_ROUTE_NUM RQ_BIK
    RQ_MFO RQ_ACC_NAME RQ_ACC_NUM RQ_ACC_TYPE RQ_IIK RQ_ACC_CURRENCY RQ_COR_ACC_NUM RQ_IBAN RQ_SWIFT RQ_BIC
    COMMENTS""",
    STAMPS,
)
PRESET = field_types(
    "ID ENTITY_TYPE_ID COUNTRY_ID CREATED_BY_ID MODIFY_BY_ID SORT", "NAME XML_ID ACTIVE", STAMPS
)
READ_ONLY = (
    "ID",
    "DATE_CREATE",
    "DATE_MODIFY",
    "CREATED_BY_ID",
    "MODIFY_BY_ID",
    "ANCHOR_TYPE_ID",
    "ANCHOR_ID",
)
OWNER = ("ENTITY_TYPE_ID", "ENTITY_ID")
PRESET_FIELDS = ("RQ_COMPANY_NAME", "RQ_INN", "RQ_KPP", "RQ_OGRN")


def _with_user_fields(core: Core, table: str, types: Types) -> Types:
    """Requisites may have user fields, the other tables have none."""
    if table != "requisite":
        return types
    own = core.store.find("userfield", "ENTITY_ID", "CRM_REQUISITE")
    return types | {meta["FIELD_NAME"]: meta["USER_TYPE_ID"] for meta in own}


def cleaned(core: Core, types: Types, fields: Params) -> Record:
    """The writable fields in their stored form; unknown names are dropped silently."""
    values = {}
    for name, value in fields.items():
        if name in types and name not in READ_ONLY:
            values[name] = core.clean(types[name], value)
    return values


def shown(row: Record, names: list[str] | Types) -> Record:
    """These fields as text, absence as null."""
    texts: Record = {}
    for name in names:
        value = row.get(name)
        texts[name] = None if value in (None, "") else str(value)
    return texts


def selected(types: Types, params: Params) -> list[str]:
    """The fields that `select` names; all of them without it."""
    wanted = {str(name).upper() for name in as_list(params.get("select"))}
    if not wanted or wanted & {"*", "UF_*"}:
        return list(types)
    return [name for name in types if name in wanted]


def describe(types: Types) -> Record:
    """What *.fields answers."""
    described: Record = {}
    for name, kind in types.items():
        described[name] = {"type": kind, "isReadOnly": name in READ_ONLY, "title": name}
    return described


def existing(core: Core, table: str, number: int) -> Record:
    """The record of this id. Raises RestError."""
    row = core.store.get(table, number)
    if row is None:
        raise old_error(f"The {table.capitalize()} with ID '{number}' is not found")
    return row


def _list(core: Core, table: str, types: Types, params: Params) -> Page:
    """*.list: one page."""
    types = _with_user_fields(core, table, types)
    page = select_rows(core, table, types, params, PLAIN)
    names = selected(types, params)
    return show_page(page, lambda row: shown(row, names))


def _get(core: Core, table: str, types: Types, params: Params) -> Record:
    """*.get: one record whole."""
    row = existing(core, table, item_id(params))
    return shown(row, _with_user_fields(core, table, types))


def _fields(core: Core, table: str, types: Types, params: Params) -> Record:
    """*.fields: what the table holds, user fields too."""
    return describe(_with_user_fields(core, table, types))


def _update(core: Core, table: str, types: Types, params: Params) -> bool:
    """Changes the given fields but never the owner; a write that changes nothing leaves the stamp alone."""
    number = item_id(params)
    old = existing(core, table, number)
    changes = cleaned(core, _with_user_fields(core, table, types), array(params, "fields"))
    for name in OWNER:
        changes.pop(name, None)
    record = old | changes
    if record != old:
        stamps = {"DATE_MODIFY": core.stamp(), "MODIFY_BY_ID": core.user_id}
        core.store.put(table, number, record | stamps)
    return True


def _add(core: Core, table: str, types: Types, fields: Params) -> int:
    """A new record of the table with its stamps; gives its id."""
    number = core.store.new_id(table)
    given = cleaned(core, _with_user_fields(core, table, types), fields)
    stamps = {"DATE_CREATE": core.stamp(), "CREATED_BY_ID": core.user_id}
    record = {"ACTIVE": "Y", "SORT": 500, **given, "ID": number, **stamps}
    core.store.put(table, number, record)
    return number


@rest("crm.requisite.add")
def requisite_add(core: Core, params: Params) -> int:
    """A new requisite of a contact or company that exists; the preset is not looked up."""
    fields = array(params, "fields")
    kind = php_int(fields.get("ENTITY_TYPE_ID"))
    owner = php_int(fields.get("ENTITY_ID"))
    if kind not in (3, 4):
        raise old_error("ENTITY_TYPE_ID is not defined or invalid.")
    if owner <= 0:
        raise old_error("ENTITY_ID is not defined or invalid.")
    if php_int(fields.get("PRESET_ID")) <= 0:
        raise old_error("PRESET_ID is not defined or invalid.")
    if not fields.get("NAME"):
        raise old_error("NAME is not defined or invalid.")
    if core.store.get(BY_TYPE[kind].table, owner) is None:
        raise old_error("Entity not found.")
    return _add(core, "requisite", REQUISITE, fields)


@rest("crm.requisite.delete")
def requisite_delete(core: Core, params: Params) -> bool:
    """A requisite goes with its bank details and addresses."""
    row = existing(core, "requisite", item_id(params))
    delete_requisite(core, row["ID"])
    return True


@rest("crm.requisite.bankdetail.add")
def bank_add(core: Core, params: Params) -> int:
    """New bank details of a requisite that exists."""
    fields = array(params, "fields")
    if core.store.get("requisite", php_int(fields.get("ENTITY_ID"))) is None:
        raise old_error("ENTITY_ID is not defined or invalid.")
    if not fields.get("NAME"):
        raise old_error("NAME is not defined or invalid.")
    return _add(core, "bankdetail", BANK, {**fields, "ENTITY_TYPE_ID": REQUISITE_TYPE})


@rest("crm.requisite.bankdetail.delete")
def bank_delete(core: Core, params: Params) -> bool:
    """Bank details go."""
    row = existing(core, "bankdetail", item_id(params))
    core.store.drop("bankdetail", row["ID"])
    return True


def _register(prefix: str, table: str, types: Types) -> None:
    """The methods that all three tables have; a preset is not changed by REST here."""
    rest(f"{prefix}.list")(bound(_list, table, types))
    rest(f"{prefix}.get")(bound(_get, table, types))
    rest(f"{prefix}.fields")(bound(_fields, table, types))
    if table != "preset":
        rest(f"{prefix}.update")(bound(_update, table, types))


_register("crm.requisite", "requisite", REQUISITE)
_register("crm.requisite.bankdetail", "bankdetail", BANK)
_register("crm.requisite.preset", "preset", PRESET)


@rest("crm.requisite.preset.field.list")
def preset_fields(core: Core, params: Params) -> Page:
    """The fields a preset shows: the same four for every preset of this portal."""
    preset = as_map(params.get("preset"))
    if core.store.get("preset", php_int(preset.get("ID"))) is None:
        raise old_error("Preset is not found")
    rows = [_preset_field(number, name) for number, name in enumerate(PRESET_FIELDS, 1)]
    return Page(rows, len(rows))


def _preset_field(number: int, name: str) -> Record:
    """A field of a preset as the portal shows it."""
    return {"ID": str(number), "FIELD_NAME": name, "IN_SHORT_LIST": "Y", "SORT": str(number * 10)}
