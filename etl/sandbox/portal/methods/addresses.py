"""Addresses (crm.address.*), and which requisites a deal or an invoice uses (crm.requisite.link.*).

An owner has at most one address of each type (bitrix24 §4.5, §10.3, 9).
"""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.entities import BY_TYPE
from etl.sandbox.portal.items import REQUISITE_TYPE, address_key
from etl.sandbox.portal.lists.conditions import PLAIN
from etl.sandbox.portal.lists.query import PAGE, select_rows, show_page
from etl.sandbox.portal.methods.crm import array
from etl.sandbox.portal.methods.requisites import cleaned, describe, existing, field_types, selected, shown
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, old_error, php_int

CONTACT, COMPANY = 3, 4
ADDRESS = field_types(
    "TYPE_ID ENTITY_TYPE_ID ENTITY_ID ANCHOR_TYPE_ID ANCHOR_ID LOC_ADDR_ID",
    "ADDRESS_1 ADDRESS_2 CITY POSTAL_CODE REGION PROVINCE COUNTRY COUNTRY_CODE",
)
LINK = field_types("ENTITY_TYPE_ID ENTITY_ID REQUISITE_ID BANK_DETAIL_ID MC_REQUISITE_ID MC_BANK_DETAIL_ID")
TRIPLE = ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID")

Owner = tuple[int, Any]  # (entity type, id)


def _triple(fields: Params) -> Record:
    """What identifies an address. Raises RestError for a number that is missing."""
    triple = {name: php_int(fields.get(name)) for name in TRIPLE}
    for name, value in triple.items():
        if value <= 0:
            raise old_error(f"{name} is not defined or invalid.")
    return triple


@rest("crm.address.add")
def address_add(core: Core, params: Params) -> bool:
    """A new address of a requisite or a lead that exists and has none of this type."""
    fields = array(params, "fields")
    triple = _triple(fields)
    owner_table = "requisite" if triple["ENTITY_TYPE_ID"] == REQUISITE_TYPE else "lead"
    if core.store.get(owner_table, triple["ENTITY_ID"]) is None:
        raise old_error("Entity not found.")
    key = address_key(triple)
    if core.store.get("address", key) is not None:
        raise old_error("TypeAddress exists.")
    kind, number = _anchor(core, triple)
    record = {**cleaned(core, ADDRESS, fields), **triple, "ANCHOR_TYPE_ID": kind, "ANCHOR_ID": number}
    core.store.put("address", key, record)
    return True


def _anchor(core: Core, triple: Record) -> Owner:
    """Who the address finally belongs to: the company or contact of the requisite."""
    anchor = triple
    if triple["ENTITY_TYPE_ID"] == REQUISITE_TYPE:
        anchor = core.store.get("requisite", triple["ENTITY_ID"]) or triple
    return anchor["ENTITY_TYPE_ID"], anchor["ENTITY_ID"]


def _address(core: Core, fields: Params) -> Record:
    row = core.store.get("address", address_key(_triple(fields)))
    if row is None:
        raise old_error("TypeAddress not found.")
    return row


@rest("crm.address.update")
def address_update(core: Core, params: Params) -> bool:
    """Changes the given fields of the address that the triple names."""
    fields = array(params, "fields")
    old = _address(core, fields)
    core.store.put("address", address_key(old), old | cleaned(core, ADDRESS, fields))
    return True


@rest("crm.address.delete")
def address_delete(core: Core, params: Params) -> bool:
    """The address that the triple names goes."""
    row = _address(core, array(params, "fields"))
    core.store.drop("address", address_key(row))
    return True


@rest("crm.address.list")
def address_list(core: Core, params: Params) -> Page:
    """The real portal's `total` never exceeds one page here (reported defect), so neither does this one."""
    page = select_rows(core, "address", ADDRESS, params, PLAIN, id_field="")
    names = selected(ADDRESS, params)
    rows = [shown(row, names) for row in page.result]
    total = None if page.total is None else min(page.total, PAGE)
    return Page(rows, total, page.next)


@rest("crm.address.fields")
def address_fields(core: Core, params: Params) -> Record:
    """The fields of an address."""
    return describe(ADDRESS)


@rest("crm.requisite.link.register")
def link_register(core: Core, params: Params) -> bool:
    """Which requisites an item uses: its client's and our own; each must belong to the one it is used for."""
    link: Record = dict.fromkeys(LINK, 0)
    for name, value in array(params, "fields").items():
        if name in LINK:
            link[name] = php_int(value)
    item = _linked_item(core, link)
    _check_requisite(core, link["REQUISITE_ID"], link["BANK_DETAIL_ID"], _clients(item))
    _check_requisite(core, link["MC_REQUISITE_ID"], link["MC_BANK_DETAIL_ID"], _own(core, item))
    key = f"{link['ENTITY_TYPE_ID']}:{link['ENTITY_ID']}"
    core.store.put("requisite_link", key, link)
    return True


def _linked_item(core: Core, link: Record) -> Record:
    """The deal or invoice of a link. Raises RestError when there is none."""
    entity = BY_TYPE.get(link["ENTITY_TYPE_ID"])
    item = core.store.get(entity.table, link["ENTITY_ID"]) if entity else None
    if item is None:
        raise old_error("Entity not found.")
    return item


def _clients(item: Record) -> set[Owner]:
    """The company and the contacts of an item."""
    contacts = item.get("CONTACT_IDS") or []
    return {(COMPANY, item.get("COMPANY_ID")), *((CONTACT, number) for number in contacts)}


def _own(core: Core, item: Record) -> set[Owner]:
    """Our company as the item names it, else any of ours."""
    if item.get("MYCOMPANY_ID"):
        return {(COMPANY, item["MYCOMPANY_ID"])}
    ours = core.store.find("company", "IS_MY_COMPANY", "Y")
    return {(COMPANY, row["ID"]) for row in ours}


def _check_requisite(core: Core, requisite_id: int, bank_id: int, owners: set[Owner]) -> None:
    """Raises RestError where the requisite is no owner's or the bank details are not the requisite's."""
    if not requisite_id:
        return
    requisite = existing(core, "requisite", requisite_id)
    if (requisite["ENTITY_TYPE_ID"], requisite["ENTITY_ID"]) not in owners:
        kind, number = min(owners, key=str, default=(COMPANY, 0))
        name = "Company" if kind == COMPANY else "Contact"
        raise old_error(
            f"The Requisite with ID '{requisite_id}' is not assigned to {name} with ID '{number}'"
        )
    if bank_id and existing(core, "bankdetail", bank_id)["ENTITY_ID"] != requisite_id:
        raise old_error(
            f"The BankDetail with ID '{bank_id}' is not assigned to Requisite with ID '{requisite_id}'"
        )


def _link_key(params: Params) -> str:
    """A link has no id: it is known by its item."""
    kind = php_int(params.get("entityTypeId"))
    number = php_int(params.get("entityId"))
    return f"{kind}:{number}"


@rest("crm.requisite.link.get", case="exact")
def link_get(core: Core, params: Params) -> Record:
    """Which requisites an item uses."""
    row = core.store.get("requisite_link", _link_key(params))
    if row is None:
        raise old_error("RequisiteLink not found.")
    return shown(row, LINK)


@rest("crm.requisite.link.list")
def link_list(core: Core, params: Params) -> Page:
    """One page of links."""
    page = select_rows(core, "requisite_link", LINK, params, PLAIN, id_field="")
    return show_page(page, lambda row: shown(row, LINK))


@rest("crm.requisite.link.unregister", case="exact")
def link_unregister(core: Core, params: Params) -> bool:
    """An item no longer says which requisites it uses."""
    core.store.drop("requisite_link", _link_key(params))
    return True


@rest("crm.requisite.link.fields")
def link_fields(core: Core, params: Params) -> Record:
    """The fields of a link."""
    return describe(LINK)
