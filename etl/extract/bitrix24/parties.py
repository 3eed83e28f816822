"""Companies and contacts of the portal with requisites, bank details and addresses -> parties, accounts,
contacts.

Facts: reference bitrix24 §3.5, §4.4, §4.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from etl import tables
from etl.bitrix24 import directory, values
from etl.bitrix24.calls import by_text, grouped
from etl.bitrix24.client import Client
from etl.bitrix24.directory import joined
from etl.bitrix24.fields import COMPANY, CONTACT, PortalField, normal
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import every
from etl.bitrix24.names import Names
from etl.config.profile import Profile
from etl.records import Account, Contact, Party
from etl.values import checked

if TYPE_CHECKING:
    import pandas as pd

_KINDS = (COMPANY, CONTACT)
_SOLE_TRADER_INN = 12
_NAME_PARTS = ("lastName", "name", "secondName")


@dataclass(frozen=True)
class _Held:
    """What the portal holds: companies and contacts by kind, what belongs to them by owner."""

    items: Mapping[int, Sequence[Row]]
    requisites: Mapping[int, Mapping[str, list[Row]]]
    banks: Mapping[str, list[Row]]
    addresses: Mapping[str, Mapping[str, Row]]

    def requisites_of(self, kind: int, row: Row) -> list[Row]:
        """Requisites of a company or contact: the one we write first (it bears the card's external id), then
        those in use, the oldest first.
        """
        held = self.requisites[kind].get(str(row["id"]), [])
        origin = values.words(row.get("originId"))
        return sorted(held, key=lambda one: (not _is_marked(one, origin), not directory.is_in_use(one)))

    def address_of(self, column: str, requisite: Row) -> Row | None:
        """An address of a requisite."""
        return self.addresses[column].get(str(requisite.get("ID")))


def _is_marked(requisite: Row, origin: str | None) -> bool:
    """Whether a requisite is the one that we made for the card."""
    return origin is not None and values.words(requisite.get("XML_ID")) == origin


def parties(
    client: Client, names: Names | None = None, profile: Profile | None = None
) -> dict[str, pd.DataFrame]:
    """Tables parties, accounts and contacts of the whole directory; our own companies are left out.

    A company is a party of kind legal or sole_trader; a contact is a party of kind person and a row of
    `contacts`. `extra` of a party holds requisite (id), originator, origin, xml_id (of the requisite) and
    other_requisites (count). The table `requisites` has the others as parties of their own (id
    `requisite_<id>`): one card may stand for several legal persons. `names` and `profile` are needed only
    where the profile maps own fields of the portal ([entities.*.fields]). Raises TryLater, ConfigError.
    """
    held = _read(client)
    found: list[Party] = []
    others: list[Party] = []
    accounts: list[Account] = []
    for kind in _KINDS:
        own = _own_fields(kind, names, profile)
        for row in held.items[kind]:
            requisites = held.requisites_of(kind, row)
            party = _party(kind, row, requisites[0] if requisites else {}, held)
            if names is not None:
                party.update(cast(Party, _mapped(row, own, names)))
            found.append(party)
            others += [_other(party, _party(kind, row, one, held), one) for one in requisites[1:]]
            accounts += _accounts(party["id"], held.requisites_of(kind, row), held)
    contacts = [_contact(row) for row in held.items[CONTACT]]
    return {
        "parties": tables.frame("parties", found),
        "requisites": tables.frame("parties", others),
        "contacts": tables.frame("contacts", contacts),
        "accounts": tables.frame("accounts", accounts),
    }


def _read(client: Client) -> _Held:
    """Seven lists, one after another."""
    items: dict[int, list[Row]] = {}
    requisites: dict[int, dict[str, list[Row]]] = {}
    for kind in _KINDS:
        cards = every(client, directory.items(kind))
        items[kind] = _others(cards)
    for kind in _KINDS:
        held = every(client, directory.requisites(kind))
        requisites[kind] = grouped(held, "ENTITY_ID", "ID")
    details = every(client, directory.banks())
    banks = grouped(details, "ENTITY_ID", "ID")
    addresses: dict[str, dict[str, Row]] = {}
    for column, type_id in directory.ADDRESSES.items():
        rows = every(client, directory.addresses(type_id))
        addresses[column] = by_text(rows, "ENTITY_ID")
    return _Held(items, requisites, banks, addresses)


def _others(rows: Iterable[Row]) -> list[Row]:
    """All but our own companies, by id (bitrix24 §4.4: they are no customers)."""
    others: list[Row] = []
    for row in rows:
        is_ours = values.flag(row.get("isMyCompany"))
        if not is_ours:
            others.append(row)
    others.sort(key=lambda row: int(row["id"]))
    return others


def _other(main: Party, party: Party, requisite: Row) -> Party:
    """Another legal person under one card. 1C, which knows buyers by name, is given one that tells it from
    the main one.
    """
    name = values.words(requisite.get("RQ_COMPANY_NAME")) or party["name"]
    if normal(name or "") == normal(main["name"] or ""):
        mark = f"ИНН {party['inn']}" if party["inn"] != main["inn"] else f"КПП {party['kpp']}"
        name = f"{name} ({mark})"
    return {**party, "id": f"requisite_{requisite['ID']}", "name": name}


def _party(kind: int, row: Row, requisite: Row, held: _Held) -> Party:
    """A company or contact with one of its requisites; how many more there are is told in `extra` (§4.5)."""
    inn = checked.code(requisite.get("RQ_INN"))
    legal = held.address_of("legal_address", requisite)
    actual = held.address_of("actual_address", requisite)
    return {
        "id": joined(kind, row["id"]),
        "kind": _kind(kind, inn, requisite),
        "name": values.words(row.get("title")) if kind == COMPANY else _full_name(row),
        "full_name": values.words(requisite.get("RQ_COMPANY_FULL_NAME")),
        "inn": inn,
        "kpp": checked.code(requisite.get("RQ_KPP")),
        "okpo": checked.code(requisite.get("RQ_OKPO")),
        "ogrn": checked.code(requisite.get("RQ_OGRN")) or checked.code(requisite.get("RQ_OGRNIP")),
        "phones": _multifield(row, "phones"),
        "emails": _multifield(row, "emails"),
        "city": _city(actual),
        "legal_city": _city(legal),
        "legal_address": _address(legal),
        "actual_address": _address(actual),
        "version": values.words(row.get("originVersion")),
        "place": f"{'company' if kind == COMPANY else 'contact'} {row['id']}",
        "extra": {
            "requisite": values.words(requisite.get("ID")),
            "xml_id": values.words(requisite.get("XML_ID")),
            "originator": values.words(row.get("originatorId")),
            "origin": values.words(row.get("originId")),
            "other_requisites": max(0, len(held.requisites_of(kind, row)) - 1),
        },
    }


def _kind(kind: int, inn: str | None, requisite: Row) -> str:
    """A sole trader is a company of the portal: told by an ИНН of twelve digits or an ОГРНИП (bitrix24
    §4.5).
    """
    if kind == CONTACT:
        return "person"
    long_inn = inn is not None and len(inn) == _SOLE_TRADER_INN
    return "sole_trader" if long_inn or checked.code(requisite.get("RQ_OGRNIP")) else "legal"


def _own_fields(kind: int, names: Names | None, profile: Profile | None) -> dict[str, PortalField]:
    """Column of `parties` -> field that the profile gives it."""
    if names is None or profile is None:
        return {}
    declared = tables.TABLES["parties"].columns
    own: dict[str, PortalField] = {}
    for column, field in directory.own_fields(names, profile, kind).items():
        if column in declared:
            own[column] = field
    return own


def _mapped(row: Row, own: Mapping[str, PortalField], names: Names) -> dict[str, Any]:
    """Columns that the profile reads from fields of its own portal."""
    columns = tables.TABLES["parties"].columns
    found: dict[str, Any] = {}
    for column, field in own.items():
        kind = columns[column].kind
        value = values.read(field, row.get(field.name), names)
        found[column] = values.as_kind(kind, value)
    return found


def _multifield(row: Row, column: str) -> tuple[str, ...] | None:
    """Values of a multifield (§3.5); none is absence."""
    elements = directory.multifields(row, directory.MULTIFIELDS[column])
    if not elements:
        return None
    return tuple(str(element["value"]) for element in elements)


def _full_name(row: Row) -> str | None:
    """Surname, name, patronymic in one line."""
    parts: list[str] = []
    for name in _NAME_PARTS:
        if row.get(name):
            part = str(row[name])
            parts.append(part.strip())
    return " ".join(parts) or None


def _contact(row: Row) -> Contact:
    """A contact; `party` is the company it belongs to (§4.4)."""
    company = values.identifier(row.get("companyId"))
    return {
        "id": joined(CONTACT, row["id"]),
        "party": joined(COMPANY, company) if company else None,
        "name": _full_name(row),
        "last_name": values.words(row.get("lastName")),
        "first_name": values.words(row.get("name")),
        "middle_name": values.words(row.get("secondName")),
        "phones": _multifield(row, "phones"),
        "emails": _multifield(row, "emails"),
        "place": f"contact {row['id']}",
    }


def _city(row: Row | None) -> str | None:
    """The city of an address."""
    if row is None:
        return None
    return values.words(row.get("CITY"))


def _address(row: Row | None) -> str | None:
    """One line. An address written as one text comes back as it was; a city alone is a city, not an
    address.
    """
    if row is None:
        return None
    line = values.words(row.get("ADDRESS_1"))
    if line is None:
        return None
    before: list[str] = []
    after: list[str] = []
    for name in directory.ADDRESS_PARTS:
        part = values.words(row.get(name))
        side = after if name == "ADDRESS_2" else before
        if part and part not in line:
            side.append(part)
    parts = dict.fromkeys([*before, line, *after])
    return ", ".join(parts)


def _accounts(party: str, requisites: Sequence[Row], held: _Held) -> list[Account]:
    """Bank accounts of the first requisite; a bank detail without a number is none."""
    if not requisites:
        return []
    number = str(requisites[0]["ID"])
    accounts: list[Account] = []
    for bank in held.banks.get(number, []):
        account = _account(party, bank)
        if account["number"]:
            accounts.append(account)
    return accounts


def _account(party: str, bank: Row) -> Account:
    """A bank detail as a row of the table `accounts` (§4.5)."""
    found: dict[str, Any] = {"party": party, "place": f"bankdetail {bank['ID']}"}
    for column, name in directory.BANK_FIELDS.items():
        read = checked.code if column in directory.BANK_CODES else values.words
        found[column] = read(bank.get(name))
    return cast(Account, found)
