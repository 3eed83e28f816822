"""Flow `parties`: контрагенты of 1C <-> companies and contacts of the portal with requisites, bank accounts
and addresses.

Specifications 001 (code and folder tell one buyer's records apart, no search by name), 002/004 (company and
contact with the listed fields, only what 1C has; ИП is a company), 003 (both directories both ways). Entity
`contact` holds persons of 1C and the contact persons of its companies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from etl import tables
from etl.bitrix24.writes import Result
from etl.config.profile import Entity
from etl.flows.directories.comparison import Comparison, Kind, Rival, has_name, named_alike, opened
from etl.flows.directories.contractors import ACCOUNT, PERSON, REACHED, heard
from etl.flows.directories.exchange import compare, exchange
from etl.flows.directories.party_files import payloads
from etl.flows.directories.records import Card, Save, intent, outbox
from etl.flows.publication import queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.load.bitrix24 import parties as load
from etl.records import Account, Party
from etl.transform import cards, identity
from etl.transform.comparison import comparable
from etl.values import clean

_COMPANY = ("name", "full_name", "inn", "kpp", "okpo", *REACHED, "accounts")
_CONTACT = (*PERSON, "inn", *REACHED)
#: Columns that only 1C fills; they are exchanged where the profile gives them a field of the portal.
_OWN = ("folder_path", "code", "deleted")


def flow(run: Run, reading: Reading) -> None:
    """Exchange the directory in the directions of [entities.parties] and [entities.contacts]."""
    if found := _opened(run, reading):
        exchange(found)


def coverage(run: Run, reading: Reading) -> dict[str, int]:
    """How many parties are matched by GUID (or an answer), by ИНН, doubtful, unmatched; nothing where parties
    are not exchanged.
    """
    found = _opened(run, reading)
    return identity.coverage(compare(found)) if found else {}


def _opened(run: Run, reading: Reading) -> Comparison | None:
    """The directory of a profile that exchanges one. People are exchanged like companies unless
    [entities.contacts] says otherwise.
    """
    parties, contacts = run.profile.entities.get("parties"), run.profile.entities.get("contacts")
    given = {"company": parties, "contact": contacts or parties}
    settings = {entity: one for entity, one in given.items() if one}
    if not settings:
        return None
    path = queue.dialect_of(run).party_path
    return opened(run, reading, _kind(parties, contacts), settings, path)


def _kind(parties: Entity | None, contacts: Entity | None) -> Kind:
    """Companies and contacts as a directory."""
    return Kind(
        scope="parties",
        two_way={"company": _COMPANY, "contact": _CONTACT},
        one_way={"company": (*_mapped(parties), "ogrn"), "contact": _mapped(contacts)},
        kept={},
        heard=heard,
        read=_read,
        matches=_matches,
        rivals=_rivals,
        is_sendable=_is_sendable,
        save=_save,
        payloads=payloads,
    )


def _mapped(settings: Entity | None) -> tuple[str, ...]:
    """Columns of 1C alone that the profile gives a field of the portal."""
    if settings is None:
        return ()
    return tuple(column for column in _OWN if column in settings.fields)


# ---- the portal
def _read(found: Comparison) -> dict[str, Record]:
    """Companies and contacts with their requisites, people and accounts."""
    directory = found.run.portal.directory
    held = {row["id"]: row for row in tables.records(directory["parties"])}
    for row in tables.each(directory["contacts"]):
        held[row["id"]] |= {part: row[part] for part in (*PERSON, "party")}
        found.people.setdefault(row["party"] or "", []).append(row["id"])
    for row in tables.each(directory["accounts"]):
        held[row["party"]].setdefault("accounts", []).append(tuple(row[part] for part in ACCOUNT))
    return {portal: _card(row) for portal, row in held.items()}


def _card(row: Record) -> Record:
    """A card with its marks of identity and its accounts in the order of their numbers."""
    marks = {"origin": row["extra"]["origin"], "originator": row["extra"]["originator"]}
    return row | marks | {"accounts": tuple(sorted(row.get("accounts", ()))) or None}


def _matches(
    found: Comparison,
    onec: Sequence[Record],
    links: Sequence[identity.Link],
    answers: Sequence[identity.Answer],
) -> identity.Matches:
    """Pairs of companies and contacts by `identity.match`."""
    originator = found.run.profile.bitrix24.originator
    held = cast(Iterable[Party], found.held.values())
    return identity.match(held, cast(Sequence[Party], onec), links, answers, originator=originator)


def _rivals(found: Comparison, free: Sequence[Card]) -> Iterator[Rival]:
    """A contact person may be a contact that the company's card already has: its people are few, but only a
    person may say so.
    """
    yield from named_alike(found, free)
    paired = set(found.pairs.values())
    for card in free:
        company = found.pairs.get(card.owner or "")
        for portal in found.people.get(company, ()) if company else ():
            held = found.held[portal]
            if portal not in paired and _may_be(held, card.values):
                reason = f"У этой компании уже есть контакт «{held['name']}» ({portal})."
                yield Rival(card.origin, portal, reason)


def _may_be(held: Record, told: Record) -> bool:
    """One telephone or address in common, or one name."""
    in_common = _reached(held) & _reached(told)
    return bool(in_common) or clean.fold(held["name"]) == clean.fold(told.get("name"))


def _reached(row: Record) -> set[str]:
    """Telephones and addresses in the form in which they are compared."""
    return {comparable(item) for item in (*(row.get("phones") or ()), *(row.get("emails") or ()))}


def _is_sendable(found: Comparison, portal: str) -> bool:
    """1C knows a buyer without ИНН by Наименование only, so of two namesakes neither is sent."""
    if not has_name(found, portal):
        return False
    held = found.held[portal]
    if held["id"].startswith("contact") and held["party"]:
        return True
    namesake = _namesakes(found).get(portal)
    if namesake:
        found.issues.append(namesake)
    return namesake is None


def _namesakes(found: Comparison) -> dict[str, Record]:
    """Card -> the issue of its name, of those who may be sent as buyers; looked for once."""
    if found.namesakes is None:
        buyers = [cast(Party, row) for row in found.held.values() if not row.get("party")]
        found.namesakes = {row["key"]: row for row in cards.namesakes(buyers)}
    return found.namesakes


# ---- writing
def _save(found: Comparison, saves: Sequence[Save]) -> Iterator[Result]:
    """Write cards; what was read of the directory is stale then."""
    portal = found.run.portal
    ready = [made for save in saves if (made := _party(found, save))]
    yield from load.save_parties(portal.client, portal.names, found.run.profile, ready, outbox(found.run))
    portal.forget_directory()


def _party(found: Comparison, save: Save) -> load.Party | None:
    """None for a contact person whose company waits: it is created with it."""
    values = {column: value for column, value in save.values.items() if column != "accounts"}
    if save.owner and save.id is None:
        if save.owner not in found.pairs:
            return None
        values["party"] = found.pairs[save.owner]
    if save.id:
        values["kind"] = found.held[save.id]["kind"]
    accounts = _accounts(save.values.get("accounts") or ())
    is_contact = save.key[0] == "contact"
    return load.Party(intent(save.key), save.key[1], values, save.id, is_contact, accounts, save.dropped)


def _accounts(rows: Iterable[Sequence[str | None]]) -> list[Account]:
    """Accounts of a save as the portal takes them."""
    return [cast(Account, dict(zip(ACCOUNT, row, strict=True))) for row in rows]
