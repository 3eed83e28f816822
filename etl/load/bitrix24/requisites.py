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
from etl.bitrix24.lists import Row
from etl.bitrix24.writes import Result, Write
from etl.load.bitrix24.cards import Party
from etl.records import Account


def needed(party: Party) -> bool:
    """Whether a party tells anything that lies in a requisite; a name alone does not."""
    told = set(_requisite(party)) - {"RQ_COMPANY_NAME"}
    return bool(told or party.accounts or placed(party))


def placed(party: Party) -> list[str]:
    """Columns of addresses that a party gives."""
    return [column for column in directory.ADDRESSES if _address(party, column)]


def requisite_write(
    key: str, party: Party, owner: str, rows: Sequence[Row], presets: Mapping[str, str]
) -> Write | Result:
    """The requisite of the company or contact `owner`, which now has the requisites `rows`."""
    wanted = _requisite(party)
    row = _chosen(party, rows)
    if row is None:
        kind = party.values.get("kind") or ("person" if party.kind == CONTACT else "legal")
        fields = {
            "ENTITY_TYPE_ID": party.kind,
            "ENTITY_ID": owner,
            "PRESET_ID": presets[kind],
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


def bank_write(
    key: str, party: Party, account: Account, requisite: str, rows: Sequence[Row]
) -> Write | Result:
    """A bank account of the requisite, which now has the bank details `rows`; it is known by its number."""
    wanted = _bank(account)
    for row in rows:
        if str(row.get("RQ_ACC_NUM") or "") == str(account["number"]):
            changed = directory.different(row, wanted)
            return _update(key, "crm.requisite.bankdetail.update", str(row["ID"]), changed)
    fields = {
        "ENTITY_ID": requisite,
        "NAME": str(account.get("bank_name") or "Расчётный счёт"),
        "ACTIVE": "Y",
        "XML_ID": f"{party.origin}#{account['number']}",
        **wanted,
    }
    return Write(key, "", Command("crm.requisite.bankdetail.add", {"fields": fields}), identify=str)


def _bank(account: Account) -> dict[str, str]:
    """Field of a bank detail -> value."""
    given: Mapping[str, Any] = account
    wanted: dict[str, str] = {}
    for column, name in directory.BANK_FIELDS.items():
        if given.get(column):
            wanted[name] = str(given[column])
    return wanted


def address_write(key: str, party: Party, column: str, requisite: str, row: Row | None) -> Write | Result:
    """An address of the requisite. It has no id of its own: type and requisite are its key (§4.5)."""
    wanted = _address(party, column)
    changed = wanted if row is None else directory.different(row, _whole(wanted, row))
    if not changed:
        return Result(key, "done", requisite)
    triple = {
        "TYPE_ID": directory.ADDRESSES[column],
        "ENTITY_TYPE_ID": directory.REQUISITE,
        "ENTITY_ID": requisite,
    }
    method = "crm.address.add" if row is None else "crm.address.update"
    return Write(key, requisite, Command(method, {"fields": triple | changed}))


def _whole(wanted: dict[str, str], row: Row) -> dict[str, str]:
    """A new text of an address says it all: the parts that stand around the old one are cleared, the city
    stays.
    """
    if wanted.get("ADDRESS_1", row.get("ADDRESS_1")) == row.get("ADDRESS_1"):
        return wanted
    cleared = dict.fromkeys(directory.ADDRESS_PARTS, "")
    cleared["CITY"] = str(row.get("CITY") or "")
    return cleared | wanted


def _update(key: str, method: str, number: str, changed: Mapping[str, Any]) -> Write | Result:
    """A write of what differs, or nothing to do."""
    if not changed:
        return Result(key, "done", number)
    return Write(key, number, Command(method, {"id": number, "fields": changed}))


def _requisite(party: Party) -> dict[str, str]:
    """Field of a requisite -> value; that of a person holds the ИНН only."""
    given = party.given
    if party.kind == CONTACT:
        return {"RQ_INN": str(given["inn"])} if "inn" in given else {}
    wanted: dict[str, str] = {}
    for column, name in directory.REQUISITE_FIELDS.items():
        if column in given:
            wanted[name] = str(given[column])
    if "ogrn" in given:
        name = "RQ_OGRNIP" if given.get("kind") == "sole_trader" else "RQ_OGRN"
        wanted[name] = str(given["ogrn"])
    return wanted


def _address(party: Party, column: str) -> dict[str, str]:
    """Fields of one address: the whole text in one line; the city stands with the actual address, also
    alone.
    """
    given = party.given
    fields: dict[str, str] = {}
    if column in given:
        fields["ADDRESS_1"] = given[column]
    if column == "actual_address" and "city" in given:
        fields["CITY"] = given["city"]
    return fields


def _chosen(party: Party, rows: Sequence[Row]) -> Row | None:
    """The requisite that is ours by external id, else the one with this ИНН, else the only one without an
    owner's mark.

    Branches share an ИНН (§4.5), so the КПП must not contradict.
    """
    ours = [row for row in rows if row.get("XML_ID") == party.origin]
    same = [row for row in rows if _same_inn(party, row)]
    free = [row for row in rows if not row.get("XML_ID") and not row.get("RQ_INN")]
    found = [*ours, *same, *free]
    return found[0] if found else None


def _same_inn(party: Party, row: Row) -> bool:
    inn = party.values.get("inn")
    if not inn or row.get("RQ_INN") != inn:
        return False
    return row.get("RQ_KPP") in (None, "", party.values.get("kpp"))
