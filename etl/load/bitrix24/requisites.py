"""Requisites, bank details and addresses of a party: the writes that make them as wanted.

`company or contact --< requisite --< bank detail, address`: the ИНН is not a field of the company. Facts:
reference bitrix24 §4.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from etl.bitrix24 import directory, values
from etl.bitrix24.calls import Command
from etl.bitrix24.fields import CONTACT
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.writes import Planned, Result, Write
from etl.load.bitrix24.cards import Party
from etl.records import Account
from etl.values import checked

_PERSON_INN = 12  # digits


def needed(party: Party) -> bool:
    """Whether a party tells anything that lies in a requisite; a name alone does not."""
    told = set(_requisite(party))
    told.discard("RQ_COMPANY_NAME")
    return bool(told or party.accounts or placed(party))


def placed(party: Party) -> list[str]:
    """Columns of addresses that a party gives."""
    return [column for column in directory.ADDRESSES if _address(party, column)]


def requisite_write(
    key: str, party: Party, owner: str, rows: Sequence[Row], presets: Mapping[str, str]
) -> Planned:
    """The requisite of the company or contact `owner`, which now has the requisites `rows`."""
    wanted = _requisite(party)
    row = _chosen(party, rows)
    if row is None:
        fields = {
            "ENTITY_TYPE_ID": party.kind,
            "ENTITY_ID": owner,
            "PRESET_ID": presets[_kind(party)],
            "ACTIVE": "Y",
            "XML_ID": party.origin,
            "NAME": str(party.values.get("name") or "Реквизиты"),
            **wanted,
        }
        return Write(key, "", Command("crm.requisite.add", {"fields": fields}), identify=str)
    changed = directory.different(row, wanted)
    if not values.words(row.get("XML_ID")):
        changed["XML_ID"] = party.origin
    return _update(key, "crm.requisite.update", str(row["ID"]), changed)


def _kind(party: Party) -> str:
    """What a party is as its requisite shows it: an ИНН of twelve digits under a company is a sole trader's,
    whatever an empty card of the portal looked like.
    """
    if party.kind == CONTACT:
        return "person"
    told = party.values.get("kind") or "legal"
    return "sole_trader" if len(party.given.get("inn", "")) == _PERSON_INN else str(told)


def bank_write(key: str, party: Party, account: Account, requisite: str, rows: Sequence[Row]) -> Planned:
    """A bank account of the requisite, which now has the bank details `rows`; it is known by its number."""
    wanted = _bank(account)
    number = str(account["number"])
    for row in rows:
        if str(row.get("RQ_ACC_NUM") or "") == number:
            changed = directory.different(row, wanted)
            return _update(key, "crm.requisite.bankdetail.update", str(row["ID"]), changed)
    fields = {
        "ENTITY_ID": requisite,
        "NAME": str(account.get("bank_name") or "Расчётный счёт"),
        "ACTIVE": "Y",
        "XML_ID": f"{party.origin}#{number}",
        **wanted,
    }
    return Write(key, "", Command("crm.requisite.bankdetail.add", {"fields": fields}), identify=str)


def _bank(account: Account) -> dict[str, str]:
    """Field of a bank detail -> value."""
    told = {column: value for column, value in account.items() if value}
    return _named(told, directory.BANK_FIELDS)


def _named(given: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, str]:
    """Field of the portal -> text, of the columns that are given; `fields`: column -> its field."""
    named: dict[str, str] = {}
    for column, name in fields.items():
        if column in given:
            named[name] = str(given[column])
    return named


def address_write(key: str, party: Party, column: str, requisite: str, row: Row | None) -> Planned:
    """An address of the requisite. It has no id of its own: type and requisite are its key (§4.5)."""
    changed = _address(party, column)
    method = "crm.address.add"
    if row is None and party.id and column not in party.given:
        changed = {}  # the city of an address that a person has removed makes no new one
    if row is not None:
        changed = directory.different(row, _whole(changed, row))
        method = "crm.address.update"
    if not changed:
        return Result(key, "done", requisite)
    triple = {
        "TYPE_ID": directory.ADDRESSES[column],
        "ENTITY_TYPE_ID": directory.REQUISITE,
        "ENTITY_ID": requisite,
    }
    command = Command(method, {"fields": triple | changed})
    return Write(key, requisite, command)


def _whole(wanted: dict[str, str], row: Row) -> dict[str, str]:
    """A new text of an address says it all: the parts that stand around the old one are cleared, the city
    unless the text names it.
    """
    held = row.get("ADDRESS_1")
    text = wanted.get("ADDRESS_1", held)
    if text == held:
        return wanted
    cleared = dict.fromkeys(directory.ADDRESS_PARTS, "")
    city = str(row.get("CITY") or "")
    cleared["CITY"] = city if city in str(text) else ""
    return cleared | wanted


def _update(key: str, method: str, number: str, changed: Mapping[str, Any]) -> Planned:
    """A write of what differs, or nothing to do."""
    if not changed:
        return Result(key, "done", number)
    command = Command(method, {"id": number, "fields": changed})
    return Write(key, number, command)


def _requisite(party: Party) -> dict[str, str]:
    """Field of a requisite -> value; that of a person holds the ИНН only."""
    given = party.given
    if party.kind == CONTACT:
        return _named(given, {"inn": "RQ_INN"})
    wanted = _named(given, directory.REQUISITE_FIELDS)
    if "ogrn" in given:
        name = "RQ_OGRNIP" if _kind(party) == "sole_trader" else "RQ_OGRN"
        wanted[name] = str(given["ogrn"])
    return wanted


def _address(party: Party, column: str) -> dict[str, str]:
    """Fields of one address: the whole text in one line, and its own city, which may stand alone."""
    given = party.given
    fields: dict[str, str] = {}
    if column in given:
        fields["ADDRESS_1"] = given[column]
    city = directory.CITIES[column]
    if city in given:
        fields["CITY"] = given[city]
    return fields


def _chosen(party: Party, rows: Sequence[Row]) -> Row | None:
    """The requisite that is ours by external id, else the one with this ИНН, else the only one without an
    owner's mark.

    Branches share an ИНН (§4.5), so the КПП must not contradict.
    """
    same: Row | None = None
    free: Row | None = None
    for row in rows:
        mark = row.get("XML_ID")
        if mark == party.origin:
            return row
        if same is None and _same_inn(party, row):
            same = row
        if free is None and not mark and not checked.code(row.get("RQ_INN")):
            free = row
    return same or free


def _same_inn(party: Party, row: Row) -> bool:
    """Whether a requisite is of the same legal person: its ИНН, and no other КПП (branches, §4.5)."""
    inn = party.values.get("inn")
    if not inn or checked.code(row.get("RQ_INN")) != inn:
        return False
    kpp = party.values.get("kpp")
    return checked.code(row.get("RQ_KPP")) in (None, kpp)
