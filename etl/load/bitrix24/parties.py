"""Parties -> companies and contacts of the portal with requisites, bank details and addresses.

Each part is compared with what the portal holds and only the difference is written, so a repeated load writes
nothing and lists of phones do not grow. A party is known by its external id (ORIGINATOR_ID + ORIGIN_ID); a
given portal id wins. Facts: reference bitrix24 §4.4, §4.5, §5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from etl.bitrix24 import directory, writes
from etl.bitrix24.calls import by_text, groups
from etl.bitrix24.client import Client
from etl.bitrix24.directory import joined, split
from etl.bitrix24.fields import COMPANY, CONTACT, PortalField
from etl.bitrix24.lists import Row, of_owners
from etl.bitrix24.names import Names
from etl.bitrix24.writes import New, Outbox, Result, Write
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
    portal = _Portal(
        client,
        outbox,
        profile.bitrix24.originator,
        directory.presets(client),
        {kind: cards.own_fields(names, profile, kind) for kind in _KINDS},
    )
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


_Plan = Callable[[Sequence[_Task]], list["Write | Result"]]


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
        for key, party in self._parties.items():
            number = self._ids.get(key)
            identifier = joined(party.kind, number) if number else None
            yield writes.merged(key, self._results[key], identifier)

    # ---- the company or contact itself

    def create(self) -> None:
        """Companies before the people who belong to them."""
        for kind in _KINDS:
            absent = {
                f"{key}/item": party
                for key, party in self._parties.items()
                if party.kind == kind and key not in self._ids
            }
            for result in self._created(kind, absent):
                key = absent[result.key].key
                self._results[key].append(result)
                if result.id and result.status == "done":
                    self._ids[key] = result.id

    def _created(self, kind: int, absent: Mapping[str, Party]) -> list[Result]:
        portal = self._portal

        def find(origins: Sequence[str]) -> dict[str, list[str]]:
            return directory.by_origin(portal.client, kind, portal.originator, origins)

        news = [
            New(
                key,
                party.origin,
                cards.addition(party, portal.own[kind], portal.originator),
                directory.item_id,
            )
            for key, party in absent.items()
        ]
        return writes.create(portal.client, portal.outbox, news, find)

    def fields(self) -> None:
        """Cards that are there: what differs."""
        tasks: list[_Task] = []
        for key, party in self._parties.items():
            if key in self._ids:
                tasks.append(_Task(f"{key}/fields", party))
        self._run(tasks, self._field_writes)

    def _field_writes(self, tasks: Sequence[_Task]) -> list[Write | Result]:
        portal = self._portal
        held: dict[int, dict[str, Row]] = {}
        for kind, numbers in self._by_kind(tasks).items():
            held[kind] = by_text(of_owners(portal.client, directory.items(kind), "@id", numbers), "id")
        planned: list[Write | Result] = []
        for key, party, _, _ in tasks:
            number = self._ids[party.key]
            row = held[party.kind].get(number)
            own = portal.own[party.kind]
            planned.append(cards.change(key, party, number, row, own, portal.originator))
        return planned

    def _by_kind(self, tasks: Sequence[_Task]) -> dict[int, list[str]]:
        """Kind -> numbers of its records."""
        found: dict[int, list[str]] = {kind: [] for kind in _KINDS}
        for task in tasks:
            found[task.party.kind].append(self._ids[task.party.key])
        return found

    # ---- requisites

    def requisites(self) -> None:
        """The requisite of each party that tells one; its id is remembered for what hangs on it."""
        tasks: dict[str, _Task] = {}
        for key in self._ids:
            party = self._parties[key]
            if requisites.needed(party):
                tasks[f"{key}/requisite"] = _Task(f"{key}/requisite", party)
        for result in self._run(list(tasks.values()), self._requisite_writes):
            if result.status == "done" and result.id:
                owner = tasks[result.key].party
                self._requisites[owner.key] = result.id

    def _requisite_writes(self, tasks: Sequence[_Task]) -> list[Write | Result]:
        portal = self._portal
        held: dict[int, dict[str, list[Row]]] = {}
        for kind, numbers in self._by_kind(tasks).items():
            listing = directory.requisites(kind)
            held[kind] = directory.grouped(portal.client, listing, "ENTITY_ID", numbers)
        planned: list[Write | Result] = []
        for key, party, _, _ in tasks:
            owner = self._ids[party.key]
            rows = held[party.kind].get(owner, [])
            planned.append(requisites.requisite_write(key, party, owner, rows, portal.presets))
        return planned

    # ---- what hangs on a requisite

    def banks(self) -> None:
        """Bank accounts."""
        tasks: list[_Task] = []
        for owner in self._requisites:
            party = self._parties[owner]
            tasks += [_Task(f"{owner}/bank/{one['number']}", party, account=one) for one in party.accounts]
        self._run(tasks, self._bank_writes)

    def _bank_writes(self, tasks: Sequence[_Task]) -> list[Write | Result]:
        owners = [self._requisites[task.party.key] for task in tasks]
        held = directory.grouped(self._portal.client, directory.banks(), "ENTITY_ID", owners)
        planned: list[Write | Result] = []
        for key, party, account, _ in tasks:
            owner = self._requisites[party.key]
            rows = held.get(owner, [])
            planned.append(requisites.bank_write(key, party, account, owner, rows))
        return planned

    def addresses(self) -> None:
        """Legal and actual addresses."""
        tasks: list[_Task] = []
        for owner in self._requisites:
            party = self._parties[owner]
            columns = requisites.placed(party)
            tasks += [_Task(f"{owner}/address/{column}", party, column=column) for column in columns]
        self._run(tasks, self._address_writes)

    def _address_writes(self, tasks: Sequence[_Task]) -> list[Write | Result]:
        held: dict[str, dict[str, Row]] = {}
        for column, type_id in directory.ADDRESSES.items():
            owners = [self._requisites[task.party.key] for task in tasks if task.column == column]
            rows = of_owners(self._portal.client, directory.addresses(type_id), "@ENTITY_ID", owners)
            held[column] = by_text(rows, "ENTITY_ID")
        planned: list[Write | Result] = []
        for key, party, _, column in tasks:
            owner = self._requisites[party.key]
            row = held[column].get(owner)
            planned.append(requisites.address_write(key, party, column, owner, row))
        return planned

    # ---- common

    def _run(self, tasks: Sequence[_Task], plan: _Plan) -> list[Result]:
        """Bring these parts to the wanted state; their results are noted with their parties."""
        known = {task.key: task for task in tasks}

        def planned(keys: Sequence[str]) -> list[Write | Result]:
            return plan([known[key] for key in keys])

        found = list(writes.converge(self._portal.client, self._portal.outbox, list(known), planned))
        for result in found:
            self._results[known[result.key].party.key].append(result)
        return found
