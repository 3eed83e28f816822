"""Parties towards 1C: what a publication of a card holds. 1C replaces the people of a company as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from etl.flows.agreement import Key
from etl.flows.directories.comparison import Comparison, is_unconfirmed
from etl.flows.directories.contractors import ACCOUNT, PERSON, PLACES
from etl.flows.directories.files import known_fields, value_for_1c
from etl.flows.run import Record

_ALWAYS = ("folder_path", "code")
_NAMES = ("name", "full_name")


def payloads(found: Comparison, changed: Mapping[Key, set[str]]) -> dict[str, Record]:
    """Changed records -> payload by the id of what is published: a contact person goes with its company."""
    origins = {portal: origin for origin, portal in found.pairs.items()}
    with_people: dict[Key, bool] = {}
    for key in changed:
        main = _main(found, key, origins)
        is_whole = main != key or is_unconfirmed(found, key[1])
        with_people[main] = with_people.get(main, False) or is_whole
    waiting = _waiting(found)
    made: dict[str, Record] = {}
    for main, is_whole in with_people.items():
        people = _people(found, main, origins) if is_whole else []
        contacts = [_person(found, origins[one], one, main[1]) for one in people]
        if people:
            contacts += waiting[main[1]]
        carried = [("contact", origins[one]) for one in people]
        made[main[1]] = _payload(found, main, contacts, carried)
    return made


def _main(found: Comparison, key: Key, origins: Mapping[str, str]) -> Key:
    """The record whose publication holds this one."""
    entity, origin = key
    if entity != "contact":
        return key
    card = found.held[found.pairs[origin]]
    company = card.get("party")
    if company is None or company not in origins:
        return key
    return "company", origins[company]


def _payload(found: Comparison, key: Key, contacts: list[Record], carried: Iterable[Key]) -> Record:
    """One card whole, and its people (`contacts`; `carried` = their records) where they changed."""
    fields = known_fields(found.memory, key, found.kind.two_way[key[0]])
    carries: list[list[Any]] = [[*key, fields]]
    for contact in carried:
        carries.append([*contact, known_fields(found.memory, contact, found.kind.two_way["contact"])])
    rows = {
        "parties": [_present(_card(found, key, fields))],
        "accounts": _accounts(found, key) if "accounts" in fields else [],
        "contacts": contacts,
    }
    return {"tables": rows, "carries": carries}


def _card(found: Comparison, key: Key, fields: Collection[str]) -> Record:
    """Names always, of the rest what was handed over and not seen back; an address goes whole."""
    told = {*_NAMES, *(column for column in fields if column not in (*PERSON, "accounts"))}
    if set(fields) & set(PLACES):
        told |= set(PLACES)
    row: Record = {"id": key[1], "kind": found.held[found.pairs[key[1]]]["kind"]}
    for column in (*_ALWAYS, *sorted(told)):
        row[column] = value_for_1c(found, key, column)
    return row


def _accounts(found: Comparison, key: Key) -> list[Record]:
    """Bank accounts of a record: 1C replaces them as a whole."""
    rows: list[Record] = []
    for values in value_for_1c(found, key, "accounts") or ():
        account = dict(zip(ACCOUNT, values, strict=True))
        account["party"] = key[1]
        rows.append(_present(account))
    return rows


def _people(found: Comparison, key: Key, origins: Mapping[str, str]) -> list[str]:
    """Contacts of a company's card that have a record in 1C, or will have one."""
    entity, origin = key
    if entity != "company":
        return []
    people = found.people.get(found.pairs[origin], ())
    return [portal for portal in people if portal in origins]


def _person(found: Comparison, origin: str, portal: str, party: str) -> Record:
    """A contact person by the parts of the name; a person without them goes by the name of the card."""
    values: Record = {}
    for column in (*PERSON, "phones", "emails"):
        values[column] = value_for_1c(found, ("contact", origin), column)
    parts = [values[part] for part in PERSON if values[part]]
    name = " ".join(parts) or found.held[portal]["name"]
    row = {"id": origin, "party": party, "name": name}
    return _present(row | values)


def _waiting(found: Comparison) -> defaultdict[str, list[Record]]:
    """Company -> its people that only 1C has so far: its list is replaced as a whole."""
    people: defaultdict[str, list[Record]] = defaultdict(list)
    for card in found.cards.values():
        if not card.owner or card.origin in found.pairs:
            continue
        row: Record = {"id": card.origin, "party": card.owner}
        for column in ("name", *PERSON):
            row[column] = card.values.get(column)
        people[card.owner].append(_present(row))
    return people


def _present(row: Record) -> Record:
    """A row of the file without what is not known: 1C keeps what it does not name."""
    return {name: value for name, value in row.items() if value is not None}
