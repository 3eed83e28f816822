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
from etl.bitrix24.names import Names
from etl.bitrix24.writes import Result, Write
from etl.config.profile import Profile
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


def own_fields(names: Names, profile: Profile, kind: int) -> dict[str, PortalField]:
    """Column -> field of this portal that the profile gives it."""
    entity = profile.entities.get("parties" if kind == COMPANY else "contacts")
    named = entity.fields if entity else {}
    return {column: names.field(text, kind) for column, text in named.items()}


def addition(party: Party, own: Mapping[str, PortalField], originator: str) -> Command:
    """Creation of the company or contact, with its external id (bitrix24 §5)."""
    fields = _wanted(party, own) | {"originatorId": originator, "originId": party.origin}
    fields["fm"] = [_element(kind, value) for kind, value in _multifields(party)]
    return Command("crm.item.add", {"entityTypeId": party.kind, "fields": fields})


def change(
    key: str, party: Party, number: str, row: Row | None, own: Mapping[str, PortalField], originator: str
) -> Write | Result:
    """What differs between the card of the portal (`row`) and what is wanted; a card without external id gets
    ours."""
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
    person = {name: given[column] for column, name in _PERSON_FIELDS.items() if column in given}
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
        found += [(kind, str(value)) for value in party.values.get(column) or ()]
    return found


def _changed_multifields(party: Party, row: Row) -> dict[str, dict[str, str]]:
    """Elements to add (under names of our own) and to take away (by id, with an empty value), bitrix24
    §3.5."""
    held: list[Row] = []
    gone: set[tuple[str, str]] = set()
    for column, kind in directory.MULTIFIELDS.items():
        held += directory.multifields(row, kind)
        gone |= {_mark(kind, value) for value in party.dropped.get(column, ())}
    present = {_mark_of(element) for element in held}
    added = [(kind, value) for kind, value in _multifields(party) if _mark(kind, value) not in present]
    changed = {f"n{index}": _element(kind, value) for index, (kind, value) in enumerate(added)}
    for element in held:
        if _mark_of(element) in gone:
            changed[str(element["id"])] = _element(str(element["typeId"]), "")
    return changed


def _element(kind: str, value: str) -> dict[str, str]:
    return {"typeId": kind, "valueType": "WORK", "value": value}


def _mark_of(element: Row) -> tuple[str, str]:
    return _mark(str(element["typeId"]), str(element["value"]))


def _mark(kind: str, value: str) -> tuple[str, str]:
    """What makes two elements one: a phone by its last ten digits, an e-mail in lower case."""
    if kind == "PHONE":
        digits = "".join(sign for sign in value if sign.isdigit())
        if digits:
            return kind, digits[-_PHONE_DIGITS:]
    return kind, value.strip().lower()
