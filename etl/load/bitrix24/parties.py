"""Parties -> companies and contacts of the portal with requisites, bank details and addresses.

Each part is compared with what the portal holds and only the difference is written, so a repeated load writes nothing
and lists of phones do not grow. A party is known by its external id (ORIGINATOR_ID + ORIGIN_ID); a given portal id wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etl.bitrix24 import directory, values, writes
from etl.bitrix24.client import Client, Command
from etl.bitrix24.directory import joined, split
from etl.bitrix24.fields import COMPANY, CONTACT, Names, PortalField
from etl.bitrix24.lists import Listing, Row, of_owners
from etl.bitrix24.writes import New, Outbox, Result, Write
from etl.config.profile import Profile

_GROUP = 25
_PERSON_FIELDS = {"last_name": "lastName", "first_name": "name", "middle_name": "secondName"}


@dataclass(frozen=True)
class Party:
    """What is to be true on the portal. `values`: columns of `parties` and `contacts`; a column that is absent or None
    is left alone. `id` (`company_5`, `contact_7`) if known, else the party is looked up by `origin` and created. Phones and
    e-mails are added to those of the portal; `dropped` names the ones to be taken away.
    """

    key: str
    origin: str
    values: Mapping[str, Any]
    id: str | None = None
    contact: bool = False
    accounts: Sequence[Mapping[str, Any]] = field(default=())
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def kind(self) -> int:
        return split(self.id)[0] if self.id else CONTACT if self.contact else COMPANY


def save_parties(
    client: Client, names: Names, profile: Profile, parties: Iterable[Party], outbox: Outbox
) -> Iterator[Result]:
    """Create or update parties; one Result per key, `id` as in the table `parties`.

    In the outbox a party has several keys: `<key>/item`, `/fields`, `/requisite`, `/bank/<number>`, `/address/<column>`.
    """
    presets = directory.presets(client)
    for group in writes.groups(parties, _GROUP):
        saver = _Saver(client, names, profile, outbox, presets, group)
        saver.items()
        saver.requisites()
        saver.details()
        yield from saver.results()


class _Saver:
    """A group of parties on its way: ids and requisites found or made, results by party."""

    def __init__(
        self,
        client: Client,
        names: Names,
        profile: Profile,
        outbox: Outbox,
        presets: Mapping[str, str],
        parties: Sequence[Party],
    ) -> None:
        self._client, self._names, self._profile, self._outbox, self._presets = (
            client,
            names,
            profile,
            outbox,
            presets,
        )
        self._parties = {party.key: party for party in parties}
        self._ids: dict[str, str] = {party.key: split(party.id)[1] for party in parties if party.id}
        self._requisites: dict[str, str] = {}
        self._results: dict[str, list[Result]] = {party.key: [] for party in parties}

    def results(self) -> Iterator[Result]:
        for key, party in self._parties.items():
            number = self._ids.get(key)
            yield writes.merged(key, self._results[key], joined(party.kind, number) if number else None)

    # ---- the company or contact itself

    def items(self) -> None:
        for kind in (COMPANY, CONTACT):
            absent = [
                party for party in self._parties.values() if party.kind == kind and party.key not in self._ids
            ]
            news = [
                New(f"{party.key}/item", party.origin, self._addition(party), _item_id) for party in absent
            ]
            for result in writes.create(
                self._client, self._outbox, news, lambda origins, kind=kind: self._by_origin(kind, origins)
            ):  # type: ignore[misc]
                self._note(result)
                if result.id and result.status == "done":
                    self._ids[_cut(result.key, "item")] = result.id
        self._converge("fields", [key for key in self._parties if key in self._ids], self._item_writes)

    def _by_origin(self, kind: int, origins: Sequence[str]) -> dict[str, list[str]]:
        listing = Listing(
            "crm.item.list",
            "id",
            "items",
            {"entityTypeId": kind},
            {"=originatorId": self._profile.bitrix24.originator},
            ["id", "originId"],
        )
        found: dict[str, list[str]] = {}
        for row in sorted(
            of_owners(self._client, listing, "@originId", origins), key=lambda row: int(row["id"])
        ):
            found.setdefault(str(row["originId"]), []).append(str(row["id"]))
        return found

    def _addition(self, party: Party) -> Command:
        fields = self._wanted(party) | {
            "originatorId": self._profile.bitrix24.originator,
            "originId": party.origin,
        }
        fields["fm"] = [_element(kind, value) for kind, value in _multifields(party)]
        return Command("crm.item.add", {"entityTypeId": party.kind, "fields": fields})

    def _wanted(self, party: Party) -> dict[str, Any]:
        """Portal field -> value, of the item itself, without multifields."""
        wanted: dict[str, Any] = {}
        given = _given(party)
        if party.kind == COMPANY and "name" in given:
            wanted["title"] = given["name"]
        if party.kind == CONTACT:
            wanted |= {
                name: given[column] for column, name in _PERSON_FIELDS.items() if column in given
            } or _split_name(given.get("name"))
            if given.get("party"):
                wanted["companyId"] = split(given["party"])[1]
        if "version" in given:
            wanted["originVersion"] = given["version"]
        return wanted | {
            field.name: values.write(field, given[column])
            for column, field in self._own_fields(party)
            if column in given
        }

    def _own_fields(self, party: Party) -> list[tuple[str, PortalField]]:
        entity = self._profile.entities.get("parties" if party.kind == COMPANY else "contacts")
        return [
            (column, self._names.field(text, party.kind))
            for column, text in (entity.fields if entity else {}).items()
        ]

    def _item_writes(self, keys: Sequence[str]) -> list[Write | Result]:
        held: dict[tuple[int, str], Row] = {}
        for kind in (COMPANY, CONTACT):
            numbers = [self._ids[key] for key in keys if self._parties[key].kind == kind]
            held |= {
                (kind, str(row["id"])): row
                for row in of_owners(self._client, directory.items(kind), "@id", numbers)
            }
        return [
            self._item_write(self._parties[key], held.get((self._parties[key].kind, self._ids[key])))
            for key in keys
        ]

    def _item_write(self, party: Party, row: Row | None) -> Write | Result:
        number = self._ids[party.key]
        if row is None:
            return Result(
                f"{party.key}/fields",
                "failed",
                number,
                "записи на портале нет: её удалили или объединили с другой",
            )
        changed: dict[str, Any] = {
            name: value
            for name, value in self._wanted(party).items()
            if str(row.get(name) or "") != str(value)
        }
        present = {
            (kind, _comparable(kind, str(element["value"])))
            for kind in directory.MULTIFIELDS.values()
            for element in directory.multifields(row, kind)
        }
        added = [
            (kind, value)
            for kind, value in _multifields(party)
            if (kind, _comparable(kind, value)) not in present
        ]
        gone = {
            (directory.MULTIFIELDS[column], _comparable(directory.MULTIFIELDS[column], value))
            for column, found in party.dropped.items()
            for value in found
        }
        removed = [
            element
            for kind in directory.MULTIFIELDS.values()
            for element in directory.multifields(row, kind)
            if (kind, _comparable(kind, str(element["value"]))) in gone
        ]
        if added or removed:
            changed["fm"] = {
                f"n{index}": _element(kind, value) for index, (kind, value) in enumerate(added)
            } | {str(element["id"]): _element(str(element["typeId"]), "") for element in removed}
        if not values.words(row.get("originId")):
            changed |= {"originatorId": self._profile.bitrix24.originator, "originId": party.origin}
        return _update(f"{party.key}/fields", "crm.item.update", number, changed, entityTypeId=party.kind)

    # ---- requisites

    def requisites(self) -> None:
        self._converge(
            "requisite",
            [key for key in self._ids if _requisite_wanted(self._parties[key])],
            self._requisite_writes,
        )

    def _requisite_writes(self, keys: Sequence[str]) -> list[Write | Result]:
        held: dict[tuple[int, str], list[Row]] = {}
        for kind in (COMPANY, CONTACT):
            numbers = [self._ids[key] for key in keys if self._parties[key].kind == kind]
            by_owner = directory.grouped(self._client, directory.requisites(kind), "ENTITY_ID", numbers)
            held |= {(kind, number): rows for number, rows in by_owner.items()}
        return [
            self._requisite_write(self._parties[key], held.get((self._parties[key].kind, self._ids[key]), []))
            for key in keys
        ]

    def _requisite_write(self, party: Party, rows: Sequence[Row]) -> Write | Result:
        key, wanted = f"{party.key}/requisite", _requisite(party)
        row = _chosen(party, rows)
        if row is None:
            kind = str(party.values.get("kind") or ("person" if party.kind == CONTACT else "legal"))
            fields = {
                "ENTITY_TYPE_ID": party.kind,
                "ENTITY_ID": self._ids[party.key],
                "PRESET_ID": self._presets[kind],
                "ACTIVE": "Y",
                "XML_ID": party.origin,
                "NAME": str(party.values.get("name") or "Реквизиты"),
                **wanted,
            }
            return Write(key, "", Command("crm.requisite.add", {"fields": fields}), identify=str)
        number = str(row["ID"])
        changed = _different(row, wanted)
        if not values.words(row.get("XML_ID")):
            changed["XML_ID"] = party.origin
        return _update(key, "crm.requisite.update", number, changed)

    # ---- bank details and addresses

    def details(self) -> None:
        parties = [self._parties[key] for key in self._requisites]
        banks = {
            f"{party.key}/bank/{account['number']}": (party, account)
            for party in parties
            for account in party.accounts
        }
        self._run(list(banks), lambda keys: self._bank_writes({key: banks[key] for key in keys}))
        placed = {
            f"{party.key}/address/{column}": (party, column)
            for party in parties
            for column in directory.ADDRESSES
            if _placed(party, column)
        }
        self._run(list(placed), lambda keys: self._address_writes({key: placed[key] for key in keys}))

    def _bank_writes(self, tasks: Mapping[str, tuple[Party, Mapping[str, Any]]]) -> list[Write | Result]:
        owners = [self._requisites[party.key] for party, _ in tasks.values()]
        held = directory.grouped(self._client, directory.banks(), "ENTITY_ID", owners)
        return [
            self._bank_write(key, party, account, held.get(self._requisites[party.key], []))
            for key, (party, account) in tasks.items()
        ]

    def _bank_write(
        self, key: str, party: Party, account: Mapping[str, Any], rows: Sequence[Row]
    ) -> Write | Result:
        wanted = {
            name: str(account[column])
            for column, name in directory.BANK_FIELDS.items()
            if account.get(column)
        }
        row = next((row for row in rows if str(row.get("RQ_ACC_NUM") or "") == str(account["number"])), None)
        if row is None:
            fields = {
                "ENTITY_ID": self._requisites[party.key],
                "NAME": str(account.get("bank_name") or "Расчётный счёт"),
                "ACTIVE": "Y",
                "XML_ID": f"{party.origin}#{account['number']}",
                **wanted,
            }
            return Write(key, "", Command("crm.requisite.bankdetail.add", {"fields": fields}), identify=str)
        return _update(key, "crm.requisite.bankdetail.update", str(row["ID"]), _different(row, wanted))

    def _address_writes(self, tasks: Mapping[str, tuple[Party, str]]) -> list[Write | Result]:
        held: dict[tuple[str, str], Row] = {}
        for column, type_id in directory.ADDRESSES.items():
            owners = [self._requisites[party.key] for party, own in tasks.values() if own == column]
            held |= {
                (column, str(row["ENTITY_ID"])): row
                for row in of_owners(self._client, directory.addresses(type_id), "@ENTITY_ID", owners)
            }
        return [
            self._address_write(key, party, column, held.get((column, self._requisites[party.key])))
            for key, (party, column) in tasks.items()
        ]

    def _address_write(self, key: str, party: Party, column: str, row: Row | None) -> Write | Result:
        number, wanted = self._requisites[party.key], _placed(party, column)
        if row is not None and wanted.get("ADDRESS_1", row.get("ADDRESS_1")) != row.get("ADDRESS_1"):
            wanted = (
                dict.fromkeys(directory.ADDRESS_PARTS, "") | {"CITY": str(row.get("CITY") or "")} | wanted
            )  # the new text says it all
        changed = _different(row, wanted) if row is not None else wanted
        if not changed:
            return Result(key, "done", number)
        triple = {
            "TYPE_ID": directory.ADDRESSES[column],
            "ENTITY_TYPE_ID": directory.REQUISITE,
            "ENTITY_ID": number,
        }
        return Write(
            key,
            number,
            Command(f"crm.address.{'add' if row is None else 'update'}", {"fields": triple | changed}),
        )

    # ---- common

    def _converge(self, part: str, owners: Sequence[str], plan: Any) -> None:
        """Bring one part of these parties to the wanted state; a requisite's id is remembered for what hangs on it."""
        for result in self._run(
            [f"{owner}/{part}" for owner in owners], lambda keys: plan([_cut(key, part) for key in keys])
        ):
            if part == "requisite" and result.status == "done" and result.id:
                self._requisites[_cut(result.key, part)] = result.id

    def _run(self, keys: Sequence[str], plan: writes.Plan) -> list[Result]:
        found = []
        for result in writes.converge(self._client, self._outbox, keys, plan):
            found.append(result)
            self._note(result)
        return found

    def _note(self, result: Result) -> None:
        owner = next(key for key in self._parties if result.key.startswith(f"{key}/"))
        self._results[owner].append(result)


def _cut(key: str, part: str) -> str:
    return key.removesuffix(f"/{part}")


def _update(key: str, method: str, number: str, changed: Mapping[str, Any], **params: Any) -> Write | Result:
    """A write of what differs, or nothing to do."""
    return (
        Write(key, number, Command(method, {**params, "id": number, "fields": changed}))
        if changed
        else Result(key, "done", number)
    )


def _item_id(answer: Any) -> str:
    return str(answer["item"]["id"])


def _given(party: Party) -> dict[str, Any]:
    return {column: value for column, value in party.values.items() if value is not None}


def _split_name(name: str | None) -> dict[str, str]:
    return dict(zip(_PERSON_FIELDS.values(), name.split(None, 2), strict=False)) if name else {}


def _multifields(party: Party) -> list[tuple[str, str]]:
    return [
        (kind, str(value))
        for column, kind in directory.MULTIFIELDS.items()
        for value in party.values.get(column) or ()
    ]


def _element(kind: str, value: str) -> dict[str, str]:
    return {"typeId": kind, "valueType": "WORK", "value": value}


def _comparable(kind: str, value: str) -> str:
    """A phone by its last ten digits (8 and +7 are one), an e-mail in lower case."""
    digits = "".join(sign for sign in value if sign.isdigit())
    return digits[-10:] if kind == "PHONE" and digits else value.strip().lower()


def _requisite(party: Party) -> dict[str, str]:
    given = _given(party)
    wanted = {
        name: str(given[column]) for column, name in directory.REQUISITE_FIELDS.items() if column in given
    }
    if "ogrn" in given:
        wanted["RQ_OGRNIP" if given.get("kind") == "sole_trader" else "RQ_OGRN"] = str(given["ogrn"])
    if party.kind == CONTACT:
        wanted = {name: value for name, value in wanted.items() if name == "RQ_INN"}
    return wanted


def _placed(party: Party, column: str) -> dict[str, str]:
    """Fields of one address: the whole text in one line; the city stands with the actual address, also alone."""
    given = _given(party)
    return ({"ADDRESS_1": given[column]} if column in given else {}) | (
        {"CITY": given["city"]} if column == "actual_address" and "city" in given else {}
    )


def _requisite_wanted(party: Party) -> bool:
    told = set(_requisite(party)) - {"RQ_COMPANY_NAME"}
    return bool(told or party.accounts or any(_placed(party, column) for column in directory.ADDRESSES))


def _chosen(party: Party, rows: Sequence[Row]) -> Row | None:
    """The requisite that is ours by external id, else the one with this ИНН, else the only one without another owner's mark."""
    ours = [row for row in rows if row.get("XML_ID") == party.origin]
    inn = party.values.get("inn")
    same = [
        row
        for row in rows
        if inn and row.get("RQ_INN") == inn and row.get("RQ_KPP") in (None, "", party.values.get("kpp"))
    ]
    free = [row for row in rows if not row.get("XML_ID") and not row.get("RQ_INN")]
    return next(iter(ours or same or free), None)


def _different(row: Row, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if str(row.get(name) or "") != str(value)}
