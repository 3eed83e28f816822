"""Requisites, bank details, addresses, and which of them a deal or an invoice uses.

The portal checks that an owner exists and little else: neither ИНН nor uniqueness nor the preset.
"""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_TYPE
from etl.sandbox.portal.items import address_key, delete_requisite
from etl.sandbox.portal.methods.crm import array, item_id
from etl.sandbox.portal.query import PLAIN, Family, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, old_error, php_int


def _types(integers: str, texts: str, moments: str = "DATE_CREATE DATE_MODIFY") -> dict[str, str]:
    return (
        dict.fromkeys(integers.split(), "integer")
        | dict.fromkeys(moments.split(), "datetime")
        | dict.fromkeys(texts.split(), "string")
    )


REQUISITE = _types(
    "ID ENTITY_TYPE_ID ENTITY_ID PRESET_ID CREATED_BY_ID MODIFY_BY_ID SORT",
    """NAME CODE XML_ID ORIGINATOR_ID ACTIVE ADDRESS_ONLY
    RQ_NAME RQ_FIRST_NAME RQ_LAST_NAME RQ_SECOND_NAME RQ_COMPANY_ID RQ_COMPANY_NAME RQ_COMPANY_FULL_NAME
    RQ_COMPANY_REG_DATE RQ_DIRECTOR RQ_ACCOUNTANT RQ_CEO_NAME RQ_CEO_WORK_POS RQ_CONTACT RQ_EMAIL RQ_PHONE RQ_FAX
    RQ_IDENT_TYPE RQ_IDENT_DOC RQ_IDENT_DOC_SER RQ_IDENT_DOC_NUM RQ_IDENT_DOC_DATE RQ_IDENT_DOC_ISSUED_BY
    RQ_IDENT_DOC_DEP_CODE RQ_INN RQ_KPP RQ_OGRN RQ_OGRNIP RQ_OKPO RQ_OKTMO RQ_OKVED RQ_IFNS RQ_EDRPOU RQ_DRFO RQ_KBE
    RQ_IIN RQ_BIN RQ_VAT_ID RQ_VAT_PAYER RQ_UNP""",
)
BANK = _types(
    "ID ENTITY_TYPE_ID ENTITY_ID COUNTRY_ID CREATED_BY_ID MODIFY_BY_ID SORT",
    """NAME CODE XML_ID ORIGINATOR_ID ACTIVE RQ_BANK_NAME RQ_BANK_ADDR RQ_BANK_CODE RQ_BANK_ROUTE_NUM RQ_BIK RQ_MFO
    RQ_ACC_NAME RQ_ACC_NUM RQ_ACC_TYPE RQ_IIK RQ_ACC_CURRENCY RQ_COR_ACC_NUM RQ_IBAN RQ_SWIFT RQ_BIC COMMENTS""",
)
ADDRESS = _types(
    "TYPE_ID ENTITY_TYPE_ID ENTITY_ID ANCHOR_TYPE_ID ANCHOR_ID LOC_ADDR_ID",
    "ADDRESS_1 ADDRESS_2 CITY POSTAL_CODE REGION PROVINCE COUNTRY COUNTRY_CODE",
    "",
)
PRESET = _types("ID ENTITY_TYPE_ID COUNTRY_ID CREATED_BY_ID MODIFY_BY_ID SORT", "NAME XML_ID ACTIVE")
LINK = _types(
    "ENTITY_TYPE_ID ENTITY_ID REQUISITE_ID BANK_DETAIL_ID MC_REQUISITE_ID MC_BANK_DETAIL_ID", "", ""
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
FIXED = ("ENTITY_TYPE_ID", "ENTITY_ID")
REQUISITE_TYPE = 8
ADDRESSES = Family(floored=False, shuffled=False)


def _types_of(core: Core, table: str, types: dict[str, str]) -> dict[str, str]:
    if table != "requisite":
        return types
    own = core.store.find("userfield", "ENTITY_ID", "CRM_REQUISITE")
    return types | {meta["FIELD_NAME"]: meta["USER_TYPE_ID"] for meta in own}


def _clean(core: Core, types: dict[str, str], fields: dict[str, Any]) -> Record:
    return {
        name: core.clean(types[name], value)
        for name, value in fields.items()
        if name in types and name not in READ_ONLY
    }


def _show(types: dict[str, str], row: Record) -> Record:
    return {name: None if row.get(name) in (None, "") else str(row[name]) for name in types}


def _list(core: Core, table: str, types: dict[str, str], params: dict[str, Any]) -> Page:
    types = _types_of(core, table, types)
    page = select_rows(core, table, types, params, PLAIN)
    wanted = [str(name).upper() for name in as_list(params.get("select"))]
    names = (
        list(types) if not wanted or "*" in wanted or "UF_*" in wanted else [n for n in types if n in wanted]
    )
    return Page([_show(dict.fromkeys(names, ""), row) for row in page.result], page.total, page.next)


def _get(core: Core, table: str, types: dict[str, str], params: dict[str, Any]) -> Record:
    return _show(_types_of(core, table, types), _existing(core, table, item_id(params)))


def _existing(core: Core, table: str, number: int) -> Record:
    row = core.store.get(table, number)
    if row is None:
        raise old_error(f"The {table.capitalize()} with ID '{number}' is not found")
    return row


def _add(core: Core, table: str, types: dict[str, str], fields: dict[str, Any]) -> int:
    number = core.store.new_id(table)
    stamp = core.stamp()
    record = {
        "ACTIVE": "Y",
        "SORT": 500,
        **_clean(core, _types_of(core, table, types), fields),
        "ID": number,
        "DATE_CREATE": stamp,
        "CREATED_BY_ID": core.user_id,
    }
    core.store.put(table, number, record)
    return number


def _update(core: Core, table: str, types: dict[str, str], params: dict[str, Any]) -> bool:
    number = item_id(params)
    old = _existing(core, table, number)
    changes = _clean(core, _types_of(core, table, types), array(params, "fields"))
    record = old | {name: value for name, value in changes.items() if name not in FIXED}
    if record != old:
        core.store.put(table, number, {**record, "DATE_MODIFY": core.stamp(), "MODIFY_BY_ID": core.user_id})
    return True


@rest("crm.requisite.add")
def requisite_add(core: Core, params: dict[str, Any]) -> int:
    fields = array(params, "fields")
    kind, owner = php_int(fields.get("ENTITY_TYPE_ID")), php_int(fields.get("ENTITY_ID"))
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
def requisite_delete(core: Core, params: dict[str, Any]) -> bool:
    delete_requisite(core, _existing(core, "requisite", item_id(params))["ID"])
    return True


@rest("crm.requisite.bankdetail.add")
def bank_add(core: Core, params: dict[str, Any]) -> int:
    fields = array(params, "fields")
    if core.store.get("requisite", php_int(fields.get("ENTITY_ID"))) is None:
        raise old_error("ENTITY_ID is not defined or invalid.")
    if not fields.get("NAME"):
        raise old_error("NAME is not defined or invalid.")
    return _add(core, "bankdetail", BANK, {**fields, "ENTITY_TYPE_ID": REQUISITE_TYPE})


@rest("crm.requisite.bankdetail.delete")
def bank_delete(core: Core, params: dict[str, Any]) -> bool:
    core.store.drop("bankdetail", _existing(core, "bankdetail", item_id(params))["ID"])
    return True


def _register(prefix: str, table: str, types: dict[str, str]) -> None:
    rest(f"{prefix}.list")(lambda core, params: _list(core, table, types, params))
    rest(f"{prefix}.get")(lambda core, params: _get(core, table, types, params))
    rest(f"{prefix}.fields")(lambda core, params: _describe(_types_of(core, table, types)))
    if table != "preset":
        rest(f"{prefix}.update")(lambda core, params: _update(core, table, types, params))


def _describe(types: dict[str, str]) -> Record:
    return {
        name: {"type": kind, "isReadOnly": name in READ_ONLY, "title": name} for name, kind in types.items()
    }


_register("crm.requisite", "requisite", REQUISITE)
_register("crm.requisite.bankdetail", "bankdetail", BANK)
_register("crm.requisite.preset", "preset", PRESET)


def _triple(fields: dict[str, Any]) -> Record:
    triple = {name: php_int(fields.get(name)) for name in ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID")}
    for name, value in triple.items():
        if value <= 0:
            raise old_error(f"{name} is not defined or invalid.")
    return triple


@rest("crm.address.add")
def address_add(core: Core, params: dict[str, Any]) -> bool:
    fields = array(params, "fields")
    triple = _triple(fields)
    owner_table = "requisite" if triple["ENTITY_TYPE_ID"] == REQUISITE_TYPE else "lead"
    if core.store.get(owner_table, triple["ENTITY_ID"]) is None:
        raise old_error("Entity not found.")
    if core.store.get("address", address_key(triple)) is not None:
        raise old_error("TypeAddress exists.")
    record = {**_clean(core, ADDRESS, fields), **triple, **_anchor(core, triple)}
    core.store.put("address", address_key(triple), record)
    return True


def _anchor(core: Core, triple: Record) -> Record:
    """Who the address finally belongs to: the company or contact of the requisite."""
    owner = (
        core.store.get("requisite", triple["ENTITY_ID"])
        if triple["ENTITY_TYPE_ID"] == REQUISITE_TYPE
        else None
    )
    if owner is None:
        return {"ANCHOR_TYPE_ID": triple["ENTITY_TYPE_ID"], "ANCHOR_ID": triple["ENTITY_ID"]}
    return {"ANCHOR_TYPE_ID": owner["ENTITY_TYPE_ID"], "ANCHOR_ID": owner["ENTITY_ID"]}


@rest("crm.address.update")
def address_update(core: Core, params: dict[str, Any]) -> bool:
    fields = array(params, "fields")
    key = address_key(_triple(fields))
    old = core.store.get("address", key)
    if old is None:
        raise old_error("TypeAddress not found.")
    core.store.put("address", key, old | _clean(core, ADDRESS, fields))
    return True


@rest("crm.address.delete")
def address_delete(core: Core, params: dict[str, Any]) -> bool:
    key = address_key(_triple(array(params, "fields")))
    if core.store.get("address", key) is None:
        raise old_error("TypeAddress not found.")
    core.store.drop("address", key)
    return True


@rest("crm.address.list")
def address_list(core: Core, params: dict[str, Any]) -> Page:
    """The real portal's `total` never exceeds one page here (reported defect), so neither does this one."""
    page = select_rows(core, "address", ADDRESS, params, ADDRESSES, id_field="")
    wanted = [str(name).upper() for name in as_list(params.get("select"))]
    names = [name for name in ADDRESS if not wanted or "*" in wanted or name in wanted]
    rows = [_show(dict.fromkeys(names, ""), row) for row in page.result]
    return Page(rows, None if page.total is None else min(page.total, 50), page.next)


@rest("crm.address.fields")
def address_fields(core: Core, params: dict[str, Any]) -> Record:
    return _describe(ADDRESS)


@rest("crm.requisite.link.register")
def link_register(core: Core, params: dict[str, Any]) -> bool:
    fields = {name: php_int(value) for name, value in array(params, "fields").items() if name in LINK}
    link: Record = {**dict.fromkeys(LINK, 0), **fields}
    entity = BY_TYPE.get(link["ENTITY_TYPE_ID"])
    item = core.store.get(entity.table, link["ENTITY_ID"]) if entity else None
    if entity is None or item is None:
        raise old_error("Entity not found.")
    own = item.get("MYCOMPANY_ID")
    own_ids = {row["ID"] for row in core.store.find("company", "IS_MY_COMPANY", "Y")}
    clients = {(4, item.get("COMPANY_ID"))} | {(3, number) for number in item.get("CONTACT_IDS") or []}
    _check_requisite(core, link["REQUISITE_ID"], link["BANK_DETAIL_ID"], clients)
    _check_requisite(
        core,
        link["MC_REQUISITE_ID"],
        link["MC_BANK_DETAIL_ID"],
        {(4, own)} if own else {(4, n) for n in own_ids},
    )
    core.store.put("requisite_link", f"{link['ENTITY_TYPE_ID']}:{link['ENTITY_ID']}", link)
    return True


def _check_requisite(core: Core, requisite_id: int, bank_id: int, owners: set[tuple[int, Any]]) -> None:
    if not requisite_id:
        return
    requisite = _existing(core, "requisite", requisite_id)
    if (requisite["ENTITY_TYPE_ID"], requisite["ENTITY_ID"]) not in owners:
        kind, number = next(iter(sorted(owners, key=str)), (4, 0))
        name = "Company" if kind == 4 else "Contact"
        raise old_error(
            f"The Requisite with ID '{requisite_id}' is not assigned to {name} with ID '{number}'"
        )
    if bank_id and _existing(core, "bankdetail", bank_id)["ENTITY_ID"] != requisite_id:
        raise old_error(
            f"The BankDetail with ID '{bank_id}' is not assigned to Requisite with ID '{requisite_id}'"
        )


@rest("crm.requisite.link.get", case="exact")
def link_get(core: Core, params: dict[str, Any]) -> Record:
    key = f"{php_int(params.get('entityTypeId'))}:{php_int(params.get('entityId'))}"
    row = core.store.get("requisite_link", key)
    if row is None:
        raise old_error("RequisiteLink not found.")
    return _show(LINK, row)


@rest("crm.requisite.link.list")
def link_list(core: Core, params: dict[str, Any]) -> Page:
    page = select_rows(core, "requisite_link", LINK, params, PLAIN, id_field="")
    return Page([_show(LINK, row) for row in page.result], page.total, page.next)


@rest("crm.requisite.link.unregister", case="exact")
def link_unregister(core: Core, params: dict[str, Any]) -> bool:
    core.store.drop(
        "requisite_link", f"{php_int(params.get('entityTypeId'))}:{php_int(params.get('entityId'))}"
    )
    return True


@rest("crm.requisite.link.fields")
def link_fields(core: Core, params: dict[str, Any]) -> Record:
    return _describe(LINK)


@rest("crm.requisite.preset.field.list")
def preset_fields(core: Core, params: dict[str, Any]) -> Page:
    preset = as_map(params.get("preset"))
    if core.store.get("preset", php_int(preset.get("ID"))) is None:
        raise RestError(400, "", "Preset is not found")
    names = ["RQ_COMPANY_NAME", "RQ_INN", "RQ_KPP", "RQ_OGRN"]
    rows = [
        {"ID": str(n), "FIELD_NAME": name, "IN_SHORT_LIST": "Y", "SORT": str(n * 10)}
        for n, name in enumerate(names, 1)
    ]
    return Page(rows, len(rows))
