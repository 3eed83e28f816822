"""Companies and contacts of the portal with requisites, bank details and addresses -> parties, accounts, contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from etl import tables
from etl.bitrix24 import directory, values
from etl.bitrix24.client import Client
from etl.bitrix24.directory import joined
from etl.bitrix24.fields import COMPANY, CONTACT, Names
from etl.bitrix24.lists import Row, every
from etl.config.profile import Profile

if TYPE_CHECKING:
    import pandas as pd

_SOLE_TRADER_INN = 12


def parties(
    client: Client, names: Names | None = None, profile: Profile | None = None
) -> dict[str, pd.DataFrame]:
    """Tables parties, accounts and contacts of the whole directory; our own companies are left out.

    A company is a party of kind legal or sole_trader; a contact is a party of kind person and a row of `contacts`.
    `extra` of a party holds requisite (id), originator, origin, xml_id (of the requisite) and other_requisites (count).
    `names` and `profile` are needed only where the profile maps own fields of the portal ([entities.*.fields]).
    """
    rows = {
        kind: [row for row in every(client, directory.items(kind)) if not _own(row)]
        for kind in (COMPANY, CONTACT)
    }
    requisites = {kind: _by_owner(every(client, directory.requisites(kind))) for kind in rows}
    banks = _by_owner(every(client, directory.banks()))
    addresses = {
        column: {str(row["ENTITY_ID"]): row for row in every(client, directory.addresses(type_id))}
        for column, type_id in directory.ADDRESSES.items()
    }
    found, accounts = [], []
    for kind, items in rows.items():
        for row in sorted(items, key=lambda row: int(row["id"])):
            own = requisites[kind].get(str(row["id"]), [])
            placed = {column: by.get(str(own[0]["ID"])) for column, by in addresses.items()} if own else {}
            found.append(_party(kind, row, own, placed) | _mapped(kind, row, names, profile))
            accounts += [
                _account(found[-1]["id"], bank) for one in own[:1] for bank in banks.get(str(one["ID"]), [])
            ]
    contacts = (_contact(row) for row in sorted(rows[CONTACT], key=lambda row: int(row["id"])))
    return {
        "parties": tables.frame("parties", found),
        "contacts": tables.frame("contacts", contacts),
        "accounts": tables.frame("accounts", (account for account in accounts if account["number"])),
    }


def _own(row: Row) -> bool:
    return values.flag(row.get("isMyCompany")) is True


def _by_owner(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row["ID"])):
        found.setdefault(str(row["ENTITY_ID"]), []).append(row)
    return found


def _party(kind: int, row: Row, requisites: list[Row], addresses: Mapping[str, Row | None]) -> tables.Record:
    requisite = requisites[0] if requisites else {}
    inn = values.words(requisite.get("RQ_INN"))
    actual, legal = addresses.get("actual_address"), addresses.get("legal_address")
    return {
        "id": joined(kind, row["id"]),
        "kind": _kind(kind, inn, requisite),
        "name": values.words(row.get("title")) if kind == COMPANY else _full_name(row),
        "full_name": values.words(requisite.get("RQ_COMPANY_FULL_NAME")),
        "inn": inn,
        "kpp": values.words(requisite.get("RQ_KPP")),
        "okpo": values.words(requisite.get("RQ_OKPO")),
        "ogrn": values.words(requisite.get("RQ_OGRN") or requisite.get("RQ_OGRNIP")),
        **_communications(row),
        "city": values.words((actual or {}).get("CITY") or (legal or {}).get("CITY")),
        "legal_address": _address(legal),
        "actual_address": _address(actual),
        "version": values.words(row.get("originVersion")),
        "place": f"{'company' if kind == COMPANY else 'contact'} {row['id']}",
        "extra": {
            "requisite": values.words(requisite.get("ID")),
            "xml_id": values.words(requisite.get("XML_ID")),
            "originator": values.words(row.get("originatorId")),
            "origin": values.words(row.get("originId")),
            "other_requisites": max(0, len(requisites) - 1),
        },
    }


def _kind(kind: int, inn: str | None, requisite: Row) -> str:
    if kind == CONTACT:
        return "person"
    return "sole_trader" if (inn and len(inn) == _SOLE_TRADER_INN) or requisite.get("RQ_OGRNIP") else "legal"


def _mapped(kind: int, row: Row, names: Names | None, profile: Profile | None) -> tables.Record:
    """Columns that the profile reads from fields of its own portal."""
    entity = profile.entities.get("parties" if kind == COMPANY else "contacts") if profile else None
    if entity is None or names is None:
        return {}
    columns = tables.TABLES["parties"].columns
    fields = {column: names.field(text, kind) for column, text in entity.fields.items() if column in columns}
    return {
        column: values.as_kind(columns[column].kind, values.read(field, row.get(field.name), names))
        for column, field in fields.items()
    }


def _communications(row: Row) -> dict[str, Any]:
    return {
        column: tuple(str(element["value"]) for element in directory.multifields(row, kind)) or None
        for column, kind in directory.MULTIFIELDS.items()
    }


def _full_name(row: Row) -> str | None:
    return (
        " ".join(str(row[part]).strip() for part in ("lastName", "name", "secondName") if row.get(part))
        or None
    )


def _contact(row: Row) -> tables.Record:
    company = values.identifier(row.get("companyId"))
    return {
        "id": joined(CONTACT, row["id"]),
        "party": joined(COMPANY, company) if company else None,
        "name": _full_name(row),
        "last_name": values.words(row.get("lastName")),
        "first_name": values.words(row.get("name")),
        "middle_name": values.words(row.get("secondName")),
        **_communications(row),
        "place": f"contact {row['id']}",
    }


def _address(row: Row | None) -> str | None:
    """One line. An address written as one text comes back as it was; a city alone is a city, not an address."""
    line = values.words((row or {}).get("ADDRESS_1"))
    if row is None or line is None:
        return None
    parts = {
        name: text
        for name in directory.ADDRESS_PARTS
        if (text := values.words(row.get(name))) and text not in line
    }
    after = parts.pop("ADDRESS_2", None)
    return ", ".join(dict.fromkeys(part for part in (*parts.values(), line, after) if part))


def _account(party: str, bank: Row) -> tables.Record:
    found = {column: values.words(bank.get(name)) for column, name in directory.BANK_FIELDS.items()}
    return {"party": party, **found, "place": f"bankdetail {bank['ID']}"}
