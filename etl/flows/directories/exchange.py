"""What the flows `parties` and `products` share: who is who, what differs, what is asked, written, published
and remembered.

A record is known on the portal as `company_5`, `contact_7` or `product_9`, in 1C by its Ид (`origin`). One
run of a directory: newest text of each record of 1C -> pairs (`transform.identity`) -> questions -> fields
(`transform.merge`, or plain ownership in one direction) -> guard -> memory committed -> portal written ->
file for 1C (`directory_files`). The whole directory of the portal is read whenever anything depends on it:
addresses and prices leave no date of change behind, so a watermark would miss edits, and the lists cost one
request for 2,500 records."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from etl import tables
from etl.bitrix24.writes import Result
from etl.config.profile import Entity
from etl.flows.agreement import Agreed, Key, Memory
from etl.flows.directories import fields as directory_fields
from etl.flows.directories import files as directory_files
from etl.flows.directories.records import (
    TITLES,
    Card,
    Save,
    intent,
    onec_id,
    pair_frame,
    same_name,
    settle,
    unlinked,
)
from etl.flows.portal import delivery
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.state.files import newer
from etl.state.schema import encode
from etl.transform import merge
from etl.transform.identity import Matches


class Directory(ABC):
    """One directory in one run. Subclasses say what 1C told, how the portal is read and written, and what a
    record's file row is."""

    scope = ""
    #: entity -> fields that both sides may edit, and fields that only 1C owns
    two_way: Mapping[str, tuple[str, ...]] = {}
    one_way: Mapping[str, tuple[str, ...]] = {}
    #: entity -> fields of 1C that are only remembered, for publications that must repeat them
    kept: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, run: Run, reading: Reading, settings: Mapping[str, Entity], path: str | None) -> None:
        self.context, self.reading, self.settings, self.path = run, reading, settings, path
        self.memory = Memory(run.state, settings)
        self.links = {
            row["foreign_id"]: row | {"entity": entity}
            for entity in settings
            for row in run.state.links.all(entity)
        }
        self.answers = run.state.questions.answers(self.scope)
        self.cards: dict[Key, Card] = {}
        self.held: dict[str, Record] = {}
        self.pairs: dict[str, str] = {}
        self.asked: dict[str, Record] = {}
        self.issues: list[Record] = []
        self.seen: list[Record] = []

    # ---- to be said by a flow ----
    @abstractmethod
    def heard(self) -> Iterator[tuple[Card, Record]]:
        """Records of 1C read in this run, each with its table row (file, version)."""

    @abstractmethod
    def read(self) -> dict[str, Record]:
        """The portal's directory: id -> values, with `originator` and `origin`."""

    @abstractmethod
    def matches(self, onec: Sequence[Record], links: pd.DataFrame, answers: pd.DataFrame) -> Matches:
        """Pairs of the portal's directory with records of 1C."""

    @abstractmethod
    def save(self, saves: Sequence[Save]) -> Iterator[Result]:
        """Write to the portal; results by `intent(save.key)`."""

    @abstractmethod
    def payloads(self, changed: Mapping[Key, set[str]]) -> dict[str, Record]:
        """File rows of changed records: id in 1C of what is published -> payload of
        `directory_files.enqueue`."""

    # ---- the order of steps ----
    def run(self) -> None:
        """Exchange the directory; nothing is asked of the portal where nothing depends on it."""
        self._hear()
        if self.cards or self.outward or any(self.memory.wanted(key) for key in self.memory):
            self._exchange()
            self.context.state.runs.close_issues(self.context.number, [self.scope])
        if self.path and self.outward:
            directory_files.publish(self.context, self.path)

    def compare(self) -> Matches:
        """Only who is who: nothing is written anywhere but into this run's state."""
        self._hear()
        self.held = self._held()
        return self._match()

    @property
    def outward(self) -> bool:
        return any(self.sends(entity) for entity in self.settings)

    def sends(self, entity: str) -> bool:
        """True where edits of the portal go to 1C in a file of their own."""
        return self.path is not None and self.settings[entity].direction != "to-portal"

    def remembered(self, entity: str) -> tuple[str, ...]:
        """Fields whose agreed value stays in the memory."""
        return (*self.two_way[entity], *self.kept.get(entity, ())) if self.sends(entity) else ()

    def receives(self, entity: str) -> bool:
        return self.settings[entity].direction != "to-1c"

    def _held(self) -> dict[str, Record]:
        return {
            portal: row for portal, row in self.read().items() if portal.partition("_")[0] in self.settings
        }

    def _exchange(self) -> None:
        self.held = self._held()
        found = self._match()
        saves, changed = self._fields()
        saves += self._new_on_portal()
        changed |= self._new_in_1c(found)
        self._settle_questions()
        self._guard(saves, changed)
        self._commit(changed)
        for entity in self.settings:
            self._write([save for save in saves if save.key[0] == entity])
        if not self.context.options.dry:
            settle(self.context, self.pairs)
        if self.path:
            told = {key: card for key, card in self.cards.items() if card.seq}
            self.issues += directory_files.judge(self.context, self.path, self.memory, told, self.pairs)
        self.context.journal.note([self._shown(row) for row in self.issues], self.scope)

    # ---- what 1C told ----
    def _hear(self) -> None:
        """The newest text of each record: of this run's files, else what waits in the memory."""
        for key in self.memory:
            if self.links.get(key[1], {}).get("state") != "linked" and (values := self.memory.wanted(key)):
                self.cards[key] = Card(key[0], key[1], values, owner=values.get("owner"))
        files = {
            one.name: one
            for one in self.context.state.files.listed("spooled", direction="in")
            if one.run == self.context.number
        }
        found = [
            (f"{card.entity}:{card.origin}:{row.get('part') or ''}", card, row)
            for card, row in self.heard()
            if card.entity in self.settings
        ]
        known = self.context.state.files.document_versions({mark for mark, _, _ in found})
        for mark, card, row in found:
            file = files.get(row["file"] or "")
            moment = file.generated_at if file and file.generated_at else self.context.clock.now
            seen = {
                "id": mark,
                "version": row["version"],
                "generated_at": moment,
                "seq": file.seq if file else 0,
                "hash": None,
            }
            if mark in known and newer(known[mark], seen):
                continue  # a late file: this record was told anew since
            known[mark] = seen
            self.seen.append(
                seen | {"hash": hashlib.sha256(encode([moment, row["version"]]).encode()).hexdigest()}
            )
            if card.deleted:
                self.memory.forget(
                    card.key, self.memory.of(card.key).keys() if card.origin not in self.links else ()
                )
            before = self.cards.get(card.key)
            self.cards[card.key] = Card(
                card.entity,
                card.origin,
                before.values | card.values if before else card.values,
                card.owner,
                int(moment.timestamp()),
                row["file"],
                card.deleted,
            )

    # ---- who is who ----
    def _match(self) -> Matches:
        links = [
            [f"{row['entity']}_{row['portal_id']}", origin]
            for origin, row in self.links.items()
            if row["state"] in ("linked", "proposed") and row["portal_id"]
        ]
        onec = [self._onec_row(card) for card in self.cards.values()]
        told = {row["id"] for row in onec}
        onec += [self._stub(portal, origin) for portal, origin in self._known() if origin not in told]
        found = self.matches(onec, pair_frame(links), pair_frame(self._answered()))
        self.pairs = {origin: portal for portal, origin, _ in found.linked.itertuples(index=False)}
        self.issues += tables.records(found.issues)
        self._ask(found)
        taken = {
            candidate["id"] for row in self.asked.values() for candidate in row.get("candidates", ())
        } | set(self.pairs.values())
        self.pairs |= {origin: portal for origin, portal in self._proposed if portal not in taken}
        return found

    def _known(self) -> Iterator[tuple[str, str]]:
        """Pairs told by the portal itself or remembered: records that 1C has although this run's files do not
        hold them."""
        own = {
            portal: row["origin"]
            for portal, row in self.held.items()
            if row.get("origin") and row.get("originator") == self.context.profile.bitrix24.originator
        }
        yield from own.items()
        for origin, row in self.links.items():
            portal = f"{row['entity']}_{row['portal_id']}"
            if row["state"] == "linked" and portal in self.held and portal not in own:
                yield portal, origin

    def _onec_row(self, card: Card) -> Record:
        return {
            "id": card.origin,
            "deleted": card.deleted or None,
            "kind": card.values.get("kind") or "person",
            **card.values,
        }

    def _stub(self, portal: str, origin: str) -> Record:
        return {
            "id": origin,
            **{column: self.held[portal].get(column) for column in ("kind", "inn", "kpp", "name", "article")},
        }

    def _answered(self) -> list[list[str | None]]:
        rows: list[list[str | None]] = []
        for key, answer in self.answers.items():
            kind, _, subject = key.partition(":")
            if kind == "record":
                rows.append([answer.get("id"), subject])
            elif kind == "twin" and answer.get("id") is None:
                rows.append([subject, None])
        return rows

    def _ask(self, found: Matches) -> None:
        apart = {key.partition(":")[2] for key, answer in self.answers.items() if answer.get("id") is None}
        for portal, origin, reason in (
            *found.proposed.itertuples(index=False),
            *found.ask.itertuples(index=False),
        ):
            if origin in self.pairs:
                if self.outward:
                    self.question(f"twin:{portal}", f"{reason} Отдельная запись: ответьте 0.", [])
            else:
                self._candidate(origin, portal, reason)
        for card in list(self.cards.values()):
            if card.origin not in self.pairs and card.origin not in self.asked and card.origin not in apart:
                for portal, reason in self.rivals(card):
                    self._candidate(card.origin, portal, reason)

    def rivals(self, card: Card) -> Iterator[tuple[str, str]]:
        """Portal records that may be this record of 1C although nothing but a person can say so: we sent one
        of that name, and 1C may have answered it with a record of its own."""
        for _, portal in self._proposed:
            if same_name(self.held[portal], card.values):
                yield portal, f"Мы передали в 1С запись с таким же наименованием: {portal}."

    @cached_property
    def _proposed(self) -> list[tuple[str, str]]:
        """Our records that 1C has not shown yet: (the id we gave, card of the portal)."""
        found = [
            (origin, f"{row['entity']}_{row['portal_id']}")
            for origin, row in self.links.items()
            if row["state"] == "proposed"
        ]
        return [(origin, portal) for origin, portal in found if portal in self.held]

    def _candidate(self, origin: str, portal: str, reason: str) -> None:
        card = next(card for card in self.cards.values() if card.origin == origin)
        row = self.asked.setdefault(
            origin,
            {
                "text": f"Запись 1С {directory_fields.told(card.values, origin)}: какая карточка портала ей "
                "соответствует? 0 = никакая, это отдельная запись.",
                "candidates": [],
            },
        )
        row["candidates"].append({"id": portal, "text": reason})
        self.question(f"record:{origin}", row["text"], row["candidates"])

    def question(self, key: str, text: str, candidates: list[Record]) -> None:
        """Something only a person can answer."""
        self.context.state.questions.ask(
            [{"key": key, "entity": self.scope, "text": text, "candidates": candidates}], self.context.number
        )
        self.asked.setdefault(key, {})

    def _settle_questions(self) -> None:
        """Questions that nobody needs any more are withdrawn; open ones are told in the account of the
        run."""
        mine = [row for row in self.context.state.questions.open() if row["entity"] == self.scope]
        self.context.state.questions.withdraw(row["key"] for row in mine if row["key"] not in self.asked)
        self.issues += [
            tables.issue(row["text"], severity="ask", entity=self.scope, key=row["key"].partition(":")[2])
            for row in mine
            if row["key"] in self.asked
        ]

    # ---- fields of known pairs ----
    def _fields(self) -> tuple[list[Save], dict[Key, set[str]]]:
        """Updates of the portal and, by record, the fields that 1C must be told."""
        pairs = {(portal.partition("_")[0], origin): portal for origin, portal in self.pairs.items()}
        values = directory_fields.Values(self, pairs)
        merged = values.merged()
        assigned = values.assigned()
        self.issues += values.issues
        changed: dict[Key, set[str]] = {}
        for row in tables.records(merged):
            if row["side"] == "1c" and row["after"] is not None:
                changed.setdefault((row["entity"], row["key"]), set()).add(row["field"])
                self.context.journal.tell(
                    [
                        self._journal_row(
                            (row["entity"], row["key"]),
                            "to-1c",
                            row["field"],
                            row["before"],
                            row["after"],
                            row["reason"],
                            self.path,
                            "Передано в 1С",
                        )
                    ]
                )
        return values.saves([*tables.records(merged), *assigned]), changed

    # ---- new records ----
    def _new_on_portal(self) -> list[Save]:
        saves = []
        for card in self._unmatched():
            for column, value in card.values.items():
                self.memory.want(card.key, column, value)
            if card.owner:
                self.memory.want(card.key, "owner", card.owner)
            if card.origin not in self.asked and self._creatable(card):
                saves.append(Save(card.key, card.values, file=card.file, owner=card.owner))
        return saves

    def _unmatched(self) -> list[Card]:
        """Cards without a pair, those of questions too, companies before their people."""
        free = [
            card
            for entity in self.settings
            for card in self.cards.values()
            if card.entity == entity
            and card.origin not in self.pairs
            and not card.deleted
            and self.receives(entity)
        ]
        gone = [card for card in free if self.links.get(card.origin, {}).get("state") == "linked"]
        self.issues += [
            unlinked(
                card,
                "Карточку этой записи 1С на портале удалили или объединили с другой, заново она не создаётся.",
            )
            for card in gone
        ]
        return [card for card in free if card not in gone]

    def _creatable(self, card: Card) -> bool:
        if not self.settings[card.entity].create:
            self.issues.append(
                unlinked(card, "Записи 1С нет на портале, а создавать записи профиль не разрешает.")
            )
        return self.settings[card.entity].create and bool(
            card.values.get("name") or card.values.get("last_name")
        )

    def _new_in_1c(self, found: Matches) -> dict[Key, set[str]]:
        """Records of the portal that 1C has not been told of: their id there is ours until 1C answers."""
        fresh = {}
        told = {
            f"{row['entity']}_{row['portal_id']}"
            for row in self.links.values()
            if row["state"] in ("proposed", "linked")
        }
        for portal in found.new_for_1c:
            entity = portal.partition("_")[0]
            if (
                self.sends(entity)
                and self.settings[entity].create
                and portal not in told
                and self.sendable(portal)
            ):
                key = entity, onec_id(self.context, portal)
                self.pairs[key[1]] = portal
                self.links[key[1]] = {
                    "entity": entity,
                    "foreign_id": key[1],
                    "portal_id": portal.partition("_")[2],
                    "state": "proposed",
                }
                fresh[key] = self._hand_over(key, portal)
        return fresh

    def sendable(self, portal: str) -> bool:
        """False for a record that 1C would take for another one."""
        return bool(self.held[portal].get("name"))

    def _hand_over(self, key: Key, portal: str) -> set[str]:
        values = {column: self.held[portal].get(column) for column in self.two_way[key[0]]}
        filled = {column: value for column, value in values.items() if value is not None}
        self.memory.take(merge.published(*key, filled, self.moment))
        for column in values.keys() - filled.keys():
            self.memory.set(key, column, Agreed(base=None))
        self.context.journal.tell(
            [
                self._journal_row(
                    key, "to-1c", column, None, value, "записи не было в 1С", self.path, "Передано в 1С"
                )
                for column, value in filled.items()
            ]
        )
        return set(filled)

    def value_for_1c(self, key: Key, field: str) -> Any:
        """What a publication says of a field: our latest edit, else what 1C itself told last, so that
        repeating it changes nothing."""
        known = self.memory.get(key, field)
        told = known.tail if known.sent else known.want if known.want is not merge.ABSENT else known.base
        return self.held[self.pairs[key[1]]].get(field) if told in (None, merge.ABSENT) else told

    @property
    def moment(self) -> int:
        return int(self.context.clock.now.timestamp())

    # ---- writing ----
    def _guard(self, saves: Sequence[Save], changed: Mapping[Key, set[str]]) -> None:
        replaced = [
            {"action": "update", "before": before} for save in saves for before in save.before.values()
        ]
        replaced += [
            {"action": "update", "before": True}
            for key, fields in changed.items()
            for column in fields
            if self.memory.get(key, column).base not in (merge.ABSENT, None)
        ]
        if not self.context.options.dry:
            delivery.guard(self.context, replaced)

    def _commit(self, changed: Mapping[Key, set[str]]) -> None:
        store = self.context.state
        with store.transaction():
            self._link()
            if changed and self.path:
                directory_files.enqueue(self.context, self.path, self.payloads(changed))
            self.memory.commit()
            store.files.remember_documents(self.seen)

    def _link(self) -> None:
        """New pairs into the memory; a former pair of the same card is let go."""
        rows = [
            {
                "entity": portal.partition("_")[0],
                "foreign_id": origin,
                "portal_id": portal.partition("_")[2],
                "state": "proposed" if self.unconfirmed(origin) else "linked",
            }
            for origin, portal in self.pairs.items()
        ]
        new = [row for row in rows if not self._is_stored(row)]
        here = {(row["entity"], row["portal_id"]): row["foreign_id"] for row in new}
        former = [
            row
            for origin, row in self.links.items()
            if row["state"] in ("linked", "proposed")
            and here.get((row["entity"], row["portal_id"]), origin) != origin
        ]
        self.context.state.links.put([row | {"state": "gone"} for row in former])
        for row in former:
            self.context.state.fields.forget(row["entity"], [row["foreign_id"]])
        self.context.state.links.put(new)
        self.links |= {row["foreign_id"]: row | {"changed_at": self.context.clock.now} for row in new}

    def unconfirmed(self, origin: str) -> bool:
        """True for a record of ours that 1C has not shown yet: its id there may become another."""
        return self.links.get(origin, {}).get("state") == "proposed" and not any(
            (entity, origin) in self.cards for entity in self.settings
        )

    def _is_stored(self, row: Record) -> bool:
        known = self.links.get(row["foreign_id"])
        return bool(
            known
            and "changed_at" in known
            and all(known[name] == row[name] for name in ("portal_id", "state"))
        )

    def _write(self, saves: Sequence[Save]) -> None:
        """Write one entity's records and settle what the portal has taken. A plan writes nothing and calls
        everything done."""
        known = {intent(save.key): save for save in saves}
        results = (
            [Result(key, "done", save.id, "план") for key, save in known.items()]
            if self.context.options.dry
            else self.save(saves)
        )
        for result in results:
            save = known[result.key]
            if result.status == "done":
                self._done(save, result)
            else:
                self.issues.append(
                    tables.issue(
                        f"Портал не принял запись: {result.reason}. Следующий обмен повторит.",
                        severity="warn",
                        entity=save.key[0],
                        key=save.key[1],
                        file=save.file,
                    )
                )

    def _done(self, save: Save, result: Result) -> None:
        keep = self.remembered(save.key[0])
        with self.context.state.transaction():
            if save.id is None and result.id:
                self.pairs[save.key[1]] = result.id
                self.context.state.links.put(
                    [
                        {
                            "entity": save.key[0],
                            "foreign_id": save.key[1],
                            "portal_id": result.id.partition("_")[2],
                        }
                    ]
                )
                for column in set(self.two_way[save.key[0]]) & set(keep) - self.memory.of(save.key).keys():
                    self.memory.set(save.key, column, Agreed(base=None))
            for column in list(self.memory.wanted(save.key)):
                if save.id is None or column in save.values:
                    self.memory.settle(save.key, column, keep=column in keep)
            self.memory.commit()
            self._journal_save(save)
        if save.values:
            self.context.journal.counts["updated" if save.id else "created"] += 1

    def _journal_save(self, save: Save) -> None:
        action, words = ("update", "Записано из 1С") if save.id else ("create", "Создано из 1С")
        self.context.journal.tell(
            [
                self._journal_row(
                    save.key,
                    action,
                    column,
                    save.before.get(column),
                    value,
                    save.reasons.get(column, "записи не было на портале"),
                    save.file,
                    words,
                )
                for column, value in save.values.items()
                if column in TITLES and value is not False
            ]
        )

    def _journal_row(
        self,
        key: Key,
        action: str,
        column: str,
        before: Any,
        after: Any,
        rule: Any,
        file: str | None,
        words: str,
    ) -> Record:
        portal = self.pairs.get(key[1])
        return {
            "entity": key[0],
            "key": portal.partition("_")[2] if portal else key[1],
            "action": action,
            "field": column,
            "before": directory_fields.shown(before),
            "after": directory_fields.shown(after),
            "file": file,
            "document": key[1],
            "reason": rule,
            "message": f"{words}: {TITLES.get(column, column)}:",
        }

    def _shown(self, row: Record) -> Record:
        """An issue under the portal's own number, where the record has one."""
        portal = self.pairs.get(row["key"] or "")
        return row | {"entity": portal.partition("_")[0], "key": portal.partition("_")[2]} if portal else row
