"""Flow `parties`: контрагенты of 1C <-> companies and contacts of the portal with requisites, bank accounts
and addresses.

Specifications 001 (code and folder tell one buyer's records apart, no search by name), 002/004 (company and
contact with the listed fields, only what 1C has; ИП is a company), 003 (both directories both ways)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from etl import tables
from etl.bitrix24.writes import Result
from etl.config import dialects
from etl.flows.agreement import Key
from etl.flows.directories.exchange import Directory
from etl.flows.directories.fields import comparable
from etl.flows.directories.files import known_fields
from etl.flows.directories.records import Card, Intents, Save, intent
from etl.flows.publication import queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.load.bitrix24 import parties as load
from etl.transform import identity
from etl.values import clean, keys

_ACCOUNT = ("number", "bank_name", "bik", "corr_account", "currency")
_PLACES = ("city", "legal_address", "actual_address")
_REACHED = ("phones", "emails", *_PLACES)
_PERSON = ("last_name", "first_name", "middle_name")
#: Columns that only 1C fills; they are exchanged where the profile gives them a field of the portal.
_OWN = ("folder_path", "code", "deleted")


def flow(run: Run, reading: Reading) -> None:
    """Exchange the directory in the directions of [entities.parties] and [entities.contacts]."""
    if directory := opened(run, reading):
        directory.run()


def coverage(run: Run, reading: Reading) -> dict[str, int]:
    """How many parties are matched by GUID (or an answer), by ИНН, doubtful, unmatched; zeros where parties
    are not exchanged."""
    directory = opened(run, reading)
    return identity.coverage(directory.compare()) if directory else {}


def opened(run: Run, reading: Reading) -> Parties | None:
    """The directory of a profile that exchanges one. People are exchanged like companies unless
    [entities.contacts] says otherwise."""
    entities = run.profile.entities
    given = {
        "company": entities.get("parties"),
        "contact": entities.get("contacts") or entities.get("parties"),
    }
    settings = {entity: found for entity, found in given.items() if found}
    return Parties(run, reading, settings, queue.dialect_of(run).party_path) if settings else None


class Parties(Directory):
    """Companies and contacts. Entity `contact` holds persons of 1C and the contact persons of its
    companies."""

    scope = "parties"

    def __init__(self, run: Run, reading: Reading, settings: Mapping[str, Any], path: str | None) -> None:
        super().__init__(run, reading, settings, path)
        self.two_way = {
            "company": ("name", "full_name", "inn", "kpp", "okpo", *_REACHED, "accounts"),
            "contact": (*_PERSON, "inn", *_REACHED),
        }
        entities = run.profile.entities
        mapped = {"company": entities.get("parties"), "contact": entities.get("contacts")}
        self.one_way = {
            entity: tuple(column for column in _OWN if found and column in found.fields)
            for entity, found in mapped.items()
        }
        self.one_way["company"] += ("ogrn",)
        self.people: dict[str, list[str]] = {}

    # ---- 1C ----
    def heard(self) -> Iterator[tuple[Card, Record]]:
        """Cards of the directory and of buyers of orders born in 1C; a stock base tells its buyers nowhere
        else."""
        parties, contacts = self._directory(), self.reading.table("contacts")
        rows = {row["id"]: row for row in (*tables.records(parties), *tables.records(contacts))}
        accounts = self._accounts()
        for card in identity.cards(parties, contacts):
            entity = "contact" if card.contact else "company"
            row = rows.get(card.origin) or rows[card.owner or ""]
            holder = rows.get(card.owner or card.origin, row)
            values = self._cleaned(dict(card.values), row, card.origin)
            if card.origin in accounts:
                values["accounts"] = accounts[card.origin]
            if row.get("deleted") is False:
                values["deleted"] = False
            yield (
                Card(entity, card.origin, values, card.owner),
                {"file": holder["file"], "version": holder.get("version")},
            )
        for row in rows.values():
            if row.get("deleted"):
                yield self._deleted(row), {"file": row["file"], "version": row["version"]}

    def _directory(self) -> pd.DataFrame:
        parties = self.reading.table("parties")
        told = set(parties.loc[parties["document"].isna(), "id"])
        born = {
            (row["id"], row["party"])
            for row in tables.records(self.reading.table("documents"))
            if row["kind"] == "order" and row["party"] and keys.decode(row["number"]) is None
        }
        rows = tables.records(parties)
        buyers = [
            row | {"document": None}
            for row in rows
            if (row["document"], row["id"]) in born and row["id"] not in told
        ]
        return tables.frame("parties", [*buyers, *(row for row in rows if row["document"] is None)])

    def _accounts(self) -> dict[str, tuple[tuple[Any, ...], ...]]:
        """Accounts by party; a currency 1C does not name is the one that stands in the number (digits
        6-8)."""
        found: dict[str, dict[str, tuple[Any, ...]]] = {}
        for row in tables.records(self.reading.table("accounts")):
            currency = row["currency"] or (
                dialects.currency_code(row["number"][5:8]) if len(row["number"]) == 20 else None
            )
            found.setdefault(row["party"], {})[row["number"]] = (
                *(row[part] for part in _ACCOUNT[:4]),
                currency,
            )
        return {party: tuple(rows[number] for number in sorted(rows)) for party, rows in found.items()}

    def _cleaned(self, values: Record, row: Record, origin: str) -> Record:
        """Phones and e-mails one by one, requisites tidied. An e-mail that the portal would refuse, with the
        whole card, is left out."""
        phones = [one.value for text in values.pop("phones", ()) for one in clean.phones(text)]
        emails = [one for text in values.pop("emails", ()) for one in clean.emails(text)]
        good = [one.value for one in emails if one.warning is None]
        self.issues += [
            tables.issue(
                "Адрес почты написан неверно и не передан. Исправьте его в 1С.",
                severity="warn",
                entity="party",
                key=origin,
                field="emails",
                value=one.value,
                file=row["file"],
                place=row["place"],
            )
            for one in emails
            if one.warning
        ]
        lists = {"phones": tuple(dict.fromkeys(phones)), "emails": tuple(dict.fromkeys(good))}
        requisites = {"inn": clean.inn(values.get("inn")).value, "kpp": clean.kpp(values.get("kpp")).value}
        values.pop("version", None)
        return values | {column: value for column, value in (lists | requisites).items() if value}

    def _deleted(self, row: Record) -> Card:
        entity = "company" if identity.is_company(row["kind"], row["inn"]) else "contact"
        if "deleted" not in self.one_way[entity]:
            self.issues.append(
                tables.issue(
                    "1С пометила контрагента на удаление. Карточка на портале не удаляется: закройте её сами "
                    "или укажите в профиле поле для пометки (entities.*.fields.deleted).",
                    severity="warn",
                    entity=entity,
                    key=row["id"],
                    file=row["file"],
                )
            )
        return Card(
            entity,
            row["id"],
            {"deleted": True, "name": row["name"], "inn": row["inn"], "kpp": row["kpp"]},
            deleted=True,
        )

    # ---- the portal ----
    def read(self) -> dict[str, Record]:
        found = self.context.portal.directory
        held = {row["id"]: row for row in tables.records(found["parties"])}
        for row in tables.records(found["contacts"]):
            held[row["id"]] |= {part: row[part] for part in (*_PERSON, "party")}
            self.people.setdefault(row["party"] or "", []).append(row["id"])
        for row in tables.records(found["accounts"]):
            held[row["party"]].setdefault("accounts", []).append(tuple(row[part] for part in _ACCOUNT))
        return {
            portal_id: row
            | {
                "origin": row["extra"]["origin"],
                "originator": row["extra"]["originator"],
                "accounts": tuple(sorted(row.get("accounts", ()))) or None,
            }
            for portal_id, row in held.items()
        }

    def matches(self, onec: Sequence[Record], links: pd.DataFrame, answers: pd.DataFrame) -> identity.Matches:
        return match(self.held.values(), onec, links, answers, self.context.profile.bitrix24.originator)

    def rivals(self, card: Card) -> Iterator[tuple[str, str]]:
        """A contact person may be a contact that the company's card already has: its people are few, but only
        a person may say so."""
        yield from super().rivals(card)
        company, paired = self.pairs.get(card.owner or ""), set(self.pairs.values()) if card.owner else set()
        reached = {
            comparable(item)
            for item in (*(card.values.get("phones") or ()), *(card.values.get("emails") or ()))
        }
        for portal in self.people.get(company, ()) if company else ():
            held = self.held[portal]
            common = {
                comparable(item) for item in (*(held["phones"] or ()), *(held["emails"] or ()))
            } & reached
            if portal not in paired and (
                common or clean.fold(held["name"]) == clean.fold(card.values.get("name"))
            ):
                yield portal, f"У этой компании уже есть контакт «{held['name']}» ({portal})."

    def sendable(self, portal: str) -> bool:
        """1C knows a buyer without ИНН by Наименование only, so of two namesakes neither is sent."""
        if not super().sendable(portal):
            return False
        held = self.held[portal]
        if held["id"].startswith("contact") and held["party"]:
            return True
        self.issues += [self._namesakes[portal]] if portal in self._namesakes else []
        return portal not in self._namesakes

    @cached_property
    def _namesakes(self) -> dict[str, Record]:
        own = identity.same_name(_table(row for row in self.held.values() if not row.get("party")))
        return {row["key"]: row for row in tables.records(own)}

    def save(self, saves: Sequence[Save]) -> Iterator[Result]:
        portal = self.context.portal
        ready = [made for save in saves if (made := self._party(save))]
        yield from load.save_parties(
            portal.client, portal.names, self.context.profile, ready, Intents(self.context)
        )
        portal.__dict__.pop("directory", None)  # what was read before is not what stands there now

    def _party(self, save: Save) -> load.Party | None:
        """None for a contact person whose company waits: it is created with it."""
        values = {column: value for column, value in save.values.items() if column != "accounts"}
        if save.owner and save.id is None:
            if save.owner not in self.pairs:
                return None
            values["party"] = self.pairs[save.owner]
        if save.id:
            values["kind"] = self.held[save.id]["kind"]
        accounts = [dict(zip(_ACCOUNT, row, strict=True)) for row in save.values.get("accounts") or ()]
        return load.Party(
            intent(save.key), save.key[1], values, save.id, save.key[0] == "contact", accounts, save.dropped
        )

    # ---- towards 1C ----
    def payloads(self, changed: Mapping[Key, set[str]]) -> dict[str, Record]:
        origins = {portal: origin for origin, portal in self.pairs.items()}
        mains: dict[Key, bool] = {}
        for key in changed:
            company = self.held[self.pairs[key[1]]].get("party") if key[0] == "contact" else None
            main = ("company", origins[company]) if company in origins else key
            mains[main] = mains.get(main, False) or main != key or self.unconfirmed(key[1])
        return {main[1]: self._payload(main, origins, with_people=people) for main, people in mains.items()}

    def _payload(self, key: Key, origins: Mapping[str, str], *, with_people: bool) -> Record:
        portal = self.pairs[key[1]]
        held, fields = self.held[portal], known_fields(self.memory, key, self.two_way[key[0]])
        told = {
            "name",
            "full_name",
            *(column for column in fields if column not in (*_PERSON, "accounts")),
            *(_PLACES if set(fields) & set(_PLACES) else ()),
        }
        row = {"id": key[1], "kind": held["kind"]} | {
            column: self.value_for_1c(key, column) for column in ("folder_path", "code", *sorted(told))
        }
        accounts = [
            _present(dict(zip(_ACCOUNT, one, strict=True)) | {"party": key[1]})
            for one in self.value_for_1c(key, "accounts") or ()
        ]
        people = (
            [one for one in self.people.get(portal, ()) if one in origins]
            if with_people and key[0] == "company"
            else []
        )
        contacts = [
            *(self._person(origins[one], one, key[1]) for one in people),
            *(self._waiting(key[1]) if people else ()),
        ]
        carried = [("contact", origins[one]) for one in people]
        return {
            "tables": {
                "parties": [_present(row)],
                "accounts": accounts if "accounts" in fields else [],
                "contacts": contacts,
            },
            "carries": [
                [*key, fields],
                *([*one, known_fields(self.memory, one, self.two_way["contact"])] for one in carried),
            ],
        }

    def _person(self, origin: str, portal: str, party: str) -> Record:
        values = {
            column: self.value_for_1c(("contact", origin), column)
            for column in (*_PERSON, "phones", "emails")
        }
        name = " ".join(values[part] for part in _PERSON if values[part]) or self.held[portal]["name"]
        return _present({"id": origin, "party": party, "name": name, **values})

    def _waiting(self, company: str) -> Iterable[Record]:
        """People of the company that only 1C has so far: its list is replaced as a whole."""
        return [
            _present(
                {
                    "id": card.origin,
                    "party": company,
                    **{column: card.values.get(column) for column in ("name", *_PERSON)},
                }
            )
            for card in self.cards.values()
            if card.owner == company and card.origin not in self.pairs
        ]


def match(
    held: Iterable[Record],
    onec: Iterable[Record],
    links: pd.DataFrame,
    answers: pd.DataFrame,
    originator: str,
) -> identity.Matches:
    """Pairs of the portal's records with those of 1C, both as plain rows."""
    return identity.match(_table(held), _table(onec), links, answers, originator=originator)


def _table(rows: Iterable[Record]) -> pd.DataFrame:
    columns = tables.TABLES["parties"].columns
    return tables.frame(
        "parties", [{column: value for column, value in row.items() if column in columns} for row in rows]
    )


def _present(row: Record) -> Record:
    return {column: value for column, value in row.items() if value is not None}
