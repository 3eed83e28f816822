"""Companies and contacts of the portal: what is to be true of one, and the write that makes it so.

Phones and e-mails are multifields: an element without its id is added, one with an empty value goes away
(facts: reference bitrix24 §3.5, §4.4). Only differences are written, so lists do not grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from etl.bitrix24 import directory, values
from etl.bitrix24.calls import Command
from etl.bitrix24.directory import split
from etl.bitrix24.fields import COMPANY, CONTACT, PortalField
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.writes import Planned, Result, Write
from etl.records import Account

_PERSON_FIELDS = {"last_name": "lastName", "first_name": "name", "middle_name": "secondName"}
#: Digits of a phone without the code of the country: 8 and +7 are one.
_PHONE_DIGITS = 10


@dataclass(frozen=True)
class Party:
    """What is to be true on the portal.

    `values`: columns of `parties` and `contacts`; a column that is absent or None is left alone. `id`
    (`company_5`, `contact_7`) if known, else the party is looked up by `origin` and created. Phones and
    e-mails are added to those of the portal; `dropped` names the ones to be taken away.
    """

    key: str
    origin: str
    values: Mapping[str, Any]
    id: str | None = None
    contact: bool = False
    accounts: Sequence[Account] = field(default=())
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def kind(self) -> int:
        """entityTypeId: CONTACT or COMPANY."""
        if self.id:
            return split(self.id)[0]
        return CONTACT if self.contact else COMPANY

    @property
    def given(self) -> dict[str, Any]:
        """Columns that say something: None is «not known» and clears nothing on the portal."""
        said: dict[str, Any] = {}
        for column, value in self.values.items():
            if value is not None:
                said[column] = value
        return said


class _Contact(NamedTuple):
    """One phone or e-mail; `kind` as the portal calls it (PHONE, EMAIL), `id` of its element there."""

    kind: str
    value: str
    id: str = ""

    @property
    def mark(self) -> tuple[str, str]:
        """What makes two of them one: a phone by its last ten digits, an e-mail in lower case."""
        if self.kind == "PHONE":
            digits = "".join(filter(str.isdigit, self.value))
            if digits:
                return self.kind, digits[-_PHONE_DIGITS:]
        return self.kind, self.value.strip().lower()

    @property
    def element(self) -> dict[str, str]:
        """Its element in the multifield (bitrix24 §3.5)."""
        return _element(self.kind, self.value)


def addition(party: Party, own: Mapping[str, PortalField], originator: str) -> Command:
    """Creation of the company or contact, with its external id (bitrix24 §5)."""
    fields = _wanted(party, own)
    fields["originatorId"] = originator
    fields["originId"] = party.origin
    contacts = _contacts(party.values)
    if contacts:
        fields["fm"] = [contact.element for contact in contacts]
    params = {"entityTypeId": party.kind, "fields": fields}
    return Command("crm.item.add", params)


def change(
    key: str, party: Party, number: str, row: Row | None, own: Mapping[str, PortalField], originator: str
) -> Planned:
    """What differs between the card of the portal (`row`) and what is wanted; a card without external id gets
    ours.
    """
    if row is None:
        return Result(key, "failed", number, directory.GONE)
    changed = directory.different(row, _wanted(party, own))
    multifields = _changed_multifields(party, row)
    if multifields:
        changed["fm"] = multifields
    known_outside = values.words(row.get("originId"))
    if not known_outside:
        changed |= {"originatorId": originator, "originId": party.origin}
    left = _left(party, row)
    if not changed:
        return Result(key, "failed" if left else "done", number, left)
    params = {"entityTypeId": party.kind, "id": number, "fields": changed}
    return Write(key, number, Command("crm.item.update", params), accepted=lambda _: left)


def _left(party: Party, row: Row) -> str:
    """What could not be taken away, because the portal gave its element no id; "" where all could."""
    unnamed = [contact.value for contact in _dropped(party, _held(row)) if not contact.id]
    return f"портал не даёт убрать {', '.join(unnamed)}, уберите в карточке сами" if unnamed else ""


def _wanted(party: Party, own: Mapping[str, PortalField]) -> dict[str, Any]:
    """Portal field -> value, of the card itself, without multifields."""
    given = party.given
    wanted: dict[str, Any] = {}
    if party.kind == COMPANY and "name" in given:
        wanted["title"] = given["name"]
    if party.kind == CONTACT:
        wanted |= _person(given)
    if "version" in given:
        wanted["originVersion"] = given["version"]
    wanted |= _own_values(given, own)
    return wanted


def _own_values(given: Mapping[str, Any], own: Mapping[str, PortalField]) -> dict[str, Any]:
    """Fields that the profile gives to columns ([entities.*.fields]), as the portal writes values (§3.4)."""
    written: dict[str, Any] = {}
    for column, portal_field in own.items():
        if column in given:
            value = given[column]
            written[portal_field.name] = values.write(portal_field, value)
    return written


def _person(given: Mapping[str, Any]) -> dict[str, Any]:
    """Name and company of a contact; a name in one piece is taken as surname, name, patronymic."""
    person: dict[str, Any] = {}
    for column, field_name in _PERSON_FIELDS.items():
        if column in given:
            person[field_name] = given[column]
    whole = given.get("name")
    if whole and not person:
        parts = whole.split(None, 2)
        person |= zip(_PERSON_FIELDS.values(), parts, strict=False)
    party = given.get("party")
    if party:
        _, company = split(party)
        person["companyId"] = company
    return person


def _contacts(columns: Mapping[str, Any]) -> list[_Contact]:
    """Phones and e-mails out of columns of `parties`."""
    found: list[_Contact] = []
    for column, kind in directory.MULTIFIELDS.items():
        for value in columns.get(column) or ():
            contact = _Contact(kind, str(value))
            found.append(contact)
    return found


def _changed_multifields(party: Party, row: Row) -> dict[str, dict[str, str]]:
    """Elements to add (under names of our own) and to take away (by id, with an empty value), bitrix24
    §3.5.
    """
    held = _held(row)
    return _added(party, held) | _removed(party, held)


def _added(party: Party, held: Sequence[_Contact]) -> dict[str, dict[str, str]]:
    """Elements that the portal does not have: a name that is no id makes a new one (bitrix24 §3.5)."""
    present = {contact.mark for contact in held}
    added: dict[str, dict[str, str]] = {}
    for contact in _contacts(party.values):
        if contact.mark not in present:
            name = f"n{len(added)}"
            added[name] = contact.element
    return added


def _removed(party: Party, held: Sequence[_Contact]) -> dict[str, dict[str, str]]:
    """Elements to take away: an empty value under their id does it (bitrix24 §3.5)."""
    gone = [contact for contact in _dropped(party, held) if contact.id]
    return {contact.id: _element(contact.kind, "") for contact in gone}


def _dropped(party: Party, held: Sequence[_Contact]) -> list[_Contact]:
    """Phones and e-mails of the portal that are to go."""
    dropped = {contact.mark for contact in _contacts(party.dropped)}
    return [contact for contact in held if contact.mark in dropped]


def _held(row: Row) -> list[_Contact]:
    """Phones and e-mails that the portal holds."""
    found: list[_Contact] = []
    for kind in directory.MULTIFIELDS.values():
        for element in directory.multifields(row, kind):
            value = str(element["value"])
            found.append(_Contact(kind, value, str(element.get("id") or "")))
    return found


def _element(kind: str, value: str) -> dict[str, str]:
    """An element of a multifield (bitrix24 §3.5)."""
    return {"typeId": kind, "valueType": "WORK", "value": value}
