"""Parties -> companies and contacts of the portal with requisites, bank details and addresses.

Each part is compared with what the portal holds and only the difference is written, so a repeated load writes
nothing and lists of phones do not grow. A party is known by its external id (ORIGINATOR_ID + ORIGIN_ID); a
given portal id wins. Facts: reference bitrix24 §4.4, §4.5, §5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from etl.bitrix24 import directory, writes
from etl.bitrix24.calls import by_text, groups
from etl.bitrix24.client import Client
from etl.bitrix24.directory import joined, split
from etl.bitrix24.fields import COMPANY, CONTACT, PortalField
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import of_owners
from etl.bitrix24.names import Names
from etl.bitrix24.writes import New, Outbox, Planned, Result
from etl.config.profile import Profile
from etl.load.bitrix24 import cards, requisites
from etl.load.bitrix24.cards import Party
from etl.records import Account

__all__ = ["Party", "save_parties"]

_GROUP = 25
_KINDS = (COMPANY, CONTACT)
_NO_ACCOUNT: Account = {}


def save_parties(
    client: Client, names: Names, profile: Profile, parties: Iterable[Party], outbox: Outbox
) -> Iterator[Result]:
    """Create or update parties; one Result per key, `id` as in the table `parties`.

    In the outbox a party has several keys: `<key>/item`, `/fields`, `/requisite`, `/bank/<number>`,
    `/address/<column>`. Raises TryLater, ConfigError, NeedsPerson.
    """
    presets = directory.presets(client)
    own = {kind: directory.own_fields(names, profile, kind) for kind in _KINDS}
    portal = _Portal(client, outbox, profile.bitrix24.originator, presets, own)
    for group in groups(parties, _GROUP):
        saver = _Saver(portal, group)
        saver.create()
        saver.fields()
        saver.requisites()
        saver.banks()
        saver.addresses()
        yield from saver.results()


@dataclass(frozen=True)
class _Portal:
    """Where parties are saved: `own` are fields of this portal by kind and column."""

    client: Client
    outbox: Outbox
    originator: str
    presets: Mapping[str, str]
    own: Mapping[int, Mapping[str, PortalField]]


class _Task(NamedTuple):
    """One part of a party by its key in the outbox; of several accounts or addresses, which."""

    key: str
    party: Party
    account: Account = _NO_ACCOUNT
    column: str = ""


class _Saver:
    """A group of parties on its way: ids and requisites found or made, results by party."""

    def __init__(self, portal: _Portal, parties: Sequence[Party]) -> None:
        self._portal = portal
        self._parties: dict[str, Party] = {}
        self._ids: dict[str, str] = {}
        self._requisites: dict[str, str] = {}
        self._results: dict[str, list[Result]] = {}
        for party in parties:
            self._parties[party.key] = party
            self._results[party.key] = []
            if party.id:
                _, self._ids[party.key] = split(party.id)

    def results(self) -> Iterator[Result]:
        """One result per party."""
        for key, results in self._results.items():
            party, number = self._parties[key], self._ids.get(key)
            identifier = joined(party.kind, number) if number else None
            yield writes.merged(key, results, identifier)

    # ---- the company or contact itself

    def create(self) -> None:
        """Companies before the people who belong to them."""
        for kind in _KINDS:
            absent = self._absent(kind)
            for result in self._created(kind, absent):
                key = absent[result.key].key
                self._results[key].append(result)
                if result.id and result.status == "done":
                    self._ids[key] = result.id

    def _absent(self, kind: int) -> dict[str, Party]:
        """Parties of this kind that have no id on the portal yet, by their keys in the outbox."""
        found: dict[str, Party] = {}
        for key, party in self._parties.items():
            is_known = key in self._ids
            if party.kind == kind and not is_known:
                found[f"{key}/item"] = party
        return found

    def _created(self, kind: int, absent: Mapping[str, Party]) -> list[Result]:
        """Those that the portal knows by their external id are adopted, the others created (bitrix24 §5)."""
        portal = self._portal
        own = portal.own[kind]
        news: list[New] = []
        for key, party in absent.items():
            command = cards.addition(party, own, portal.originator)
            news.append(New(key, party.origin, command, directory.item_id))
        find = partial(directory.by_origin, portal.client, kind, portal.originator)
        return writes.create(portal.client, portal.outbox, news, find)

    def fields(self) -> None:
        """Cards that are there: what differs."""
        tasks: list[_Task] = []
        for key, party in self._parties.items():
            if key in self._ids:
                task = _Task(f"{key}/fields", party)
                tasks.append(task)
        self._run(tasks, self._field_writes)

    def _field_writes(self, tasks: Sequence[_Task]) -> list[Planned]:
        """Cards compared with what the portal holds now."""
        portal = self._portal
        held = self._cards_held(tasks)
        planned: list[Planned] = []
        for key, party, _, _ in tasks:
            number = self._ids[party.key]
            row = held[party.kind].get(number)
            own = portal.own[party.kind]
            write = cards.change(key, party, number, row, own, portal.originator)
            planned.append(write)
        return planned

    def _cards_held(self, tasks: Sequence[_Task]) -> dict[int, dict[str, Row]]:
        """Kind -> number -> card of the portal."""
        held: dict[int, dict[str, Row]] = {}
        for kind, numbers in self._by_kind(tasks).items():
            listing = directory.items(kind)
            rows = of_owners(self._portal.client, listing, "@id", numbers)
            held[kind] = by_text(rows, "id")
        return held

    def _by_kind(self, tasks: Sequence[_Task]) -> dict[int, list[str]]:
        """Kind -> numbers of its records."""
        found: dict[int, list[str]] = {kind: [] for kind in _KINDS}
        for task in tasks:
            number = self._ids[task.party.key]
            found[task.party.kind].append(number)
        return found

    # ---- requisites

    def requisites(self) -> None:
        """The requisite of each party that tells one; its id is remembered for what hangs on it."""
        tasks: dict[str, _Task] = {}
        for key in self._ids:
            party = self._parties[key]
            if requisites.needed(party):
                task = _Task(f"{key}/requisite", party)
                tasks[task.key] = task
        results = self._run(list(tasks.values()), self._requisite_writes)
        for result in results:
            if result.status == "done" and result.id:
                owner = tasks[result.key].party
                self._requisites[owner.key] = result.id

    def _requisite_writes(self, tasks: Sequence[_Task]) -> list[Planned]:
        """Requisites compared with those of the same company or contact: it may have several (§4.5)."""
        held = self._requisites_held(tasks)
        planned: list[Planned] = []
        for key, party, _, _ in tasks:
            owner = self._ids[party.key]
            rows = held[party.kind].get(owner, [])
            write = requisites.requisite_write(key, party, owner, rows, self._portal.presets)
            planned.append(write)
        return planned

    def _requisites_held(self, tasks: Sequence[_Task]) -> dict[int, dict[str, list[Row]]]:
        """Kind -> number of the company or contact -> its requisites on the portal."""
        held: dict[int, dict[str, list[Row]]] = {}
        for kind, numbers in self._by_kind(tasks).items():
            listing = directory.requisites(kind)
            held[kind] = directory.grouped(self._portal.client, listing, "ENTITY_ID", numbers)
        return held

    # ---- what hangs on a requisite

    def banks(self) -> None:
        """Bank accounts."""
        tasks: list[_Task] = []
        for owner in self._requisites:
            party = self._parties[owner]
            for account in party.accounts:
                key = f"{owner}/bank/{account['number']}"
                tasks.append(_Task(key, party, account=account))
        self._run(tasks, self._bank_writes)

    def _bank_writes(self, tasks: Sequence[_Task]) -> list[Planned]:
        """Accounts compared with the bank details of their requisite (§4.5)."""
        owners = [self._requisites[task.party.key] for task in tasks]
        listing = directory.banks()
        held = directory.grouped(self._portal.client, listing, "ENTITY_ID", owners)
        planned: list[Planned] = []
        for key, party, account, _ in tasks:
            owner = self._requisites[party.key]
            rows = held.get(owner, [])
            write = requisites.bank_write(key, party, account, owner, rows)
            planned.append(write)
        return planned

    def addresses(self) -> None:
        """Legal and actual addresses."""
        tasks: list[_Task] = []
        for owner in self._requisites:
            party = self._parties[owner]
            for column in requisites.placed(party):
                key = f"{owner}/address/{column}"
                tasks.append(_Task(key, party, column=column))
        self._run(tasks, self._address_writes)

    def _address_writes(self, tasks: Sequence[_Task]) -> list[Planned]:
        """Addresses compared with the one of their type that the requisite has (§4.5)."""
        held = self._addresses_held(tasks)
        planned: list[Planned] = []
        for key, party, _, column in tasks:
            owner = self._requisites[party.key]
            row = held[column].get(owner)
            write = requisites.address_write(key, party, column, owner, row)
            planned.append(write)
        return planned

    def _addresses_held(self, tasks: Sequence[_Task]) -> dict[str, dict[str, Row]]:
        """Column -> requisite -> its address on the portal; of each type only the owners it is told for."""
        owners: dict[str, list[str]] = {column: [] for column in directory.ADDRESSES}
        for task in tasks:
            requisite = self._requisites[task.party.key]
            owners[task.column].append(requisite)
        held: dict[str, dict[str, Row]] = {}
        for column, type_id in directory.ADDRESSES.items():
            listing = directory.addresses(type_id)
            rows = of_owners(self._portal.client, listing, "@ENTITY_ID", owners[column])
            held[column] = by_text(rows, "ENTITY_ID")
        return held

    # ---- common

    def _run(self, tasks: Sequence[_Task], plan: writes.Plan[_Task]) -> list[Result]:
        """Bring these parts to the wanted state; their results are noted with their parties."""
        portal = self._portal
        owners = {task.key: task.party.key for task in tasks}
        found = list(writes.converge(portal.client, portal.outbox, tasks, plan))
        for result in found:
            owner = owners[result.key]
            self._results[owner].append(result)
        return found
