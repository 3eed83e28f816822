"""Cards of the directory of parties: what a record of 1C becomes on the portal, and which cards stock 1C
would take for another one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from etl.records import Contact, Party
from etl.tables import Record, issue
from etl.values import clean

#: columns that say where a record was read, not what it is
_UNSAID = ("id", "document", "role", "party", "extra", "deleted", "file", "place")


class Card(NamedTuple):
    """A card of the portal for a record of 1C: `origin` = its foreign id, `owner` = origin of the company a
    contact belongs to.
    """

    origin: str
    contact: bool
    owner: str | None
    values: Record


def is_company(kind: str | None, inn: str | None = None) -> bool:
    """Whether a party is a company of the portal: legal entities and ИП are, a person is a contact
    (specification 002).
    """
    return kind in ("legal", "sole_trader") or (kind is None and bool(inn))


def cards(parties: Iterable[Party], contacts: Iterable[Contact]) -> list[Card]:
    """Cards that the directory of 1C becomes (specification 002): a company for legal entities and ИП, a
    contact for a person and for each contact person of a company. Only what 1C has is given.

    Parties inside documents are not the directory. An ИП without contact persons is its own contact. Deleted
    records make no card.
    """
    people: dict[str, list[Contact]] = defaultdict(list)
    for contact in contacts:
        people[contact["party"] or ""].append(contact)
    made: list[Card] = []
    for party in directory(parties):
        if not party.get("deleted"):
            made += _cards_of(party, people[party["id"]])
    return made


def directory(rows: Iterable[Party]) -> list[Party]:
    """Records of the directory itself, each once, as it was told last."""
    return list({row["id"]: row for row in rows if row.get("document") is None}.values())


def _cards_of(party: Party, people: Sequence[Contact]) -> list[Card]:
    """The card of a company with those of its people, or that of a person."""
    if not is_company(party.get("kind"), party.get("inn")):
        return [Card(party["id"], True, None, _told(party) | _person(party))]
    company = Card(party["id"], False, None, _told(party))
    contacts = people or _own_person(party)
    return [company, *(_contact(row, party["id"]) for row in contacts)]


def _contact(row: Contact, company: str) -> Card:
    """1C often gives a representative by one line only; its words become the parts of a name."""
    parts = {} if row.get("last_name") else _person(row)
    return Card(row["id"], True, company, _told(row) | parts)


def _told(row: Mapping[str, Any]) -> Record:
    """What 1C has of a record."""
    return {name: value for name, value in row.items() if value is not None and name not in _UNSAID}


def _person(row: Mapping[str, Any]) -> Record:
    """Parts of a name out of one line."""
    name = clean.person(row.get("full_name") or row.get("name"))
    return _told({"last_name": name.last, "first_name": name.first, "middle_name": name.middle})


def _own_person(party: Party) -> list[Contact]:
    """An ИП is a person: its own contact, reached as it is."""
    parts = _person(party)
    if party.get("kind") != "sole_trader" or not parts:
        return []
    return [
        {
            "id": f"{party['id']}#contact",
            "name": " ".join(parts.values()),
            "last_name": parts.get("last_name"),
            "first_name": parts.get("first_name"),
            "middle_name": parts.get("middle_name"),
            "phones": party.get("phones"),
            "emails": party.get("emails"),
            "city": party.get("city") or party.get("legal_city"),
        }
    ]


# ---- who may be sent to stock 1C
def namesakes(rows: Iterable[Party]) -> list[Record]:
    """Issues for parties that stock 1C would take for another one: it knows a buyer without ИНН by
    Наименование only.

    In: everybody who may be sent. Of two without ИНН under one name neither is sent; a party without ИНН
    whose name a party with ИНН bears is not sent either. `key` of an issue is the party.
    """
    groups: dict[str, list[Party]] = defaultdict(list)
    by_id = {row["id"]: row for row in rows}
    for row in by_id.values():
        groups[clean.fold(row.get("name"))].append(row)
    issues: list[Record] = []
    for name, alike in groups.items():
        if name and len(alike) > 1:
            issues += [_namesake(row, alike) for row in alike if not row.get("inn")]
    return issues


def _namesake(row: Party, alike: Iterable[Party]) -> Record:
    """An issue about one of them."""
    others = ", ".join(other["id"] for other in alike if other is not row)
    return issue(
        f"Контрагент «{row['name']}» без ИНН называется так же, как {others}: "
        "1С сложит их в одного, документы не отправлены. Укажите ИНН или уточните наименование.",
        entity="parties",
        key=row["id"],
        field="name",
        value=row["name"],
        file=row.get("file"),
        place=row.get("place"),
    )
