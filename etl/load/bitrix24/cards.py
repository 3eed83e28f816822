"""Companies and contacts of the portal: what is to be true of one, and the write that makes it so.

Phones and e-mails are multifields: an element without its id is added, one with an empty value goes away
(facts: reference bitrix24 §3.5, §4.4). Only differences are written, so lists do not grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etl.bitrix24 import directory, values
from etl.bitrix24.calls import Command
from etl.bitrix24.directory import split
from etl.bitrix24.fields import COMPANY, CONTACT, PortalField
from etl.bitrix24.lists import Row
from etl.bitrix24.writes import Result, Write
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
        """Columns that say something."""
        return {column: value for column, value in self.values.items() if value is not None}


def addition(party: Party, own: Mapping[str, PortalField], originator: str) -> Command:
    """Creation of the company or contact, with its external id (bitrix24 §5)."""
    fields = _wanted(party, own)
    fields["originatorId"] = originator
    fields["originId"] = party.origin
    fields["fm"] = [_element(kind, value) for kind, value in _multifields(party)]
    return Command("crm.item.add", {"entityTypeId": party.kind, "fields": fields})


def change(
    key: str, party: Party, number: str, row: Row | None, own: Mapping[str, PortalField], originator: str
) -> Write | Result:
    """What differs between the card of the portal (`row`) and what is wanted; a card without external id gets
    ours.
    """
    if row is None:
        return Result(key, "failed", number, directory.GONE)
    changed = directory.different(row, _wanted(party, own))
    multifields = _changed_multifields(party, row)
    if multifields:
        changed["fm"] = multifields
    if not values.words(row.get("originId")):
        changed |= {"originatorId": originator, "originId": party.origin}
    if not changed:
        return Result(key, "done", number)
    params = {"entityTypeId": party.kind, "id": number, "fields": changed}
    return Write(key, number, Command("crm.item.update", params))


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
    for column, portal_field in own.items():
        if column in given:
            wanted[portal_field.name] = values.write(portal_field, given[column])
    return wanted


def _person(given: Mapping[str, Any]) -> dict[str, Any]:
    """Name and company of a contact; a name in one piece is taken as surname, name, patronymic."""
    person: dict[str, Any] = {}
    for column, name in _PERSON_FIELDS.items():
        if column in given:
            person[name] = given[column]
    if not person and given.get("name"):
        parts = given["name"].split(None, 2)
        person = dict(zip(_PERSON_FIELDS.values(), parts, strict=False))
    if given.get("party"):
        person["companyId"] = split(given["party"])[1]
    return person


def _multifields(party: Party) -> list[tuple[str, str]]:
    """(kind, value) of what the party gives."""
    found: list[tuple[str, str]] = []
    for column, kind in directory.MULTIFIELDS.items():
        for value in party.values.get(column) or ():
            found.append((kind, str(value)))
    return found


def _changed_multifields(party: Party, row: Row) -> dict[str, dict[str, str]]:
    """Elements to add (under names of our own) and to take away (by id, with an empty value), bitrix24
    §3.5.
    """
    gone = _dropped(party)
    present: set[tuple[str, str]] = set()
    removed: dict[str, dict[str, str]] = {}
    for kind in directory.MULTIFIELDS.values():
        for element in directory.multifields(row, kind):
            mark = _mark(kind, str(element["value"]))
            present.add(mark)
            if mark in gone:
                removed[str(element["id"])] = _element(kind, "")
    added: dict[str, dict[str, str]] = {}
    for kind, value in _multifields(party):
        if _mark(kind, value) not in present:
            added[f"n{len(added)}"] = _element(kind, value)
    return added | removed


def _dropped(party: Party) -> set[tuple[str, str]]:
    """Marks of what is to be taken away."""
    found: set[tuple[str, str]] = set()
    for column, kind in directory.MULTIFIELDS.items():
        for value in party.dropped.get(column, ()):
            found.add(_mark(kind, value))
    return found


def _element(kind: str, value: str) -> dict[str, str]:
    """An element of a multifield (bitrix24 §3.5)."""
    return {"typeId": kind, "valueType": "WORK", "value": value}


def _mark(kind: str, value: str) -> tuple[str, str]:
    """What makes two elements one: a phone by its last ten digits, an e-mail in lower case."""
    if kind == "PHONE":
        digits = "".join(sign for sign in value if sign.isdigit())
        if digits:
            return kind, digits[-_PHONE_DIGITS:]
    return kind, value.strip().lower()
