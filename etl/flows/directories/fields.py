"""Fields of directory records that are known on both sides: who changed what, who is right, what is written
where."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from etl import tables
from etl.flows.agreement import Agreed, Key
from etl.flows.directories.records import TITLES, Save
from etl.state.schema import encode
from etl.transform import merge

if TYPE_CHECKING:
    from etl.flows.directories.exchange import Directory
    from etl.flows.run import Record

#: fields that hold a list: 1C adds to what stands on the portal and takes away only what both sides had
LISTS = ("phones", "emails")
_TOLD = {"inn": "ИНН", "kpp": "КПП", "folder_path": "папка", "code": "код", "article": "артикул"}


def told(values: Record, origin: str) -> str:
    """How people recognise a record of 1C: name, ИНН, folder, code."""
    shown = values.get("name") or " ".join(
        values[part] for part in ("last_name", "first_name", "middle_name") if values.get(part)
    )
    parts = [
        f"«{shown}»",
        *(f"{words} {values[field]}" for field, words in _TOLD.items() if values.get(field)),
    ]
    return f"{', '.join(parts)} ({origin})"


def canonical(field: str, value: Any) -> Hashable:
    """The form in which a field is compared: phones by their last ten digits, accounts by number and bank,
    texts without extra blanks."""
    if field in LISTS:
        return tuple(sorted({comparable(item) for item in value or ()})) or None
    if field == "deleted":
        return bool(value)
    if field == "accounts":
        return tuple(sorted((row[0], row[2], row[3]) for row in value or ())) or None
    return merge.canonical(field, value)


def comparable(value: str) -> str:
    """A phone by its last ten digits (8 and +7 are one), an e-mail in lower case."""
    digits = "".join(sign for sign in value if sign.isdigit())
    return value.strip().lower() if "@" in value or not digits else digits[-10:]


def shown(value: Any) -> Any:
    """A value as the journal tells it: lists in one line."""
    if isinstance(value, tuple):
        return "; ".join(
            " ".join(str(part) for part in item if part) if isinstance(item, tuple) else str(item)
            for item in value
        )
    return value


def same(field: str, left: Any, right: Any) -> bool:
    return canonical(field, left) == canonical(field, right)


def joined(field: str, held: Any, given: Any) -> Any:
    """What the portal will hold once 1C's list is added to its own."""
    if field in LISTS:
        present = {comparable(item) for item in held or ()}
        return (*(held or ()), *(item for item in given if comparable(item) not in present))
    if field == "accounts":
        numbers = {row[0] for row in given}
        return (*(row for row in held or () if row[0] not in numbers), *given)
    return given


class Values:
    """The fields of all pairs of one run. `pairs`: record -> its portal id."""

    def __init__(self, directory: Directory, pairs: Mapping[Key, str]) -> None:
        self.directory, self.memory = directory, directory.memory
        self.pairs = {key: portal for key, portal in pairs.items() if portal in directory.held}
        self.answers = {
            key: answer["id"] for key, answer in directory.answers.items() if key.startswith("field:")
        }
        self.issues: list[Record] = []

    # ---- fields that both sides edit ----
    def merged(self) -> pd.DataFrame:
        """Three-way merge of the entities that travel both ways. Out: changes of both sides; the memory holds
        what follows."""
        keys = [key for key in self.pairs if self.directory.sends(key[0])]
        fields = self.directory.two_way
        for key in keys:
            self._adopt(key)
        portal = [[*key, field, self._held(key, field)] for key in keys for field in fields[key[0]]]
        onec = [
            [*key, field, card.values[field], card.seq]
            for key in keys
            if (card := self.directory.cards.get(key))
            for field in fields[key[0]]
            if card.values.get(field) is not None
        ]
        result = merge.merge(
            self.memory.frame(keys, fields),
            _frame(portal),
            _frame(onec, "seq"),
            owners=self._owners(),
            seq=self.directory.moment,
            answers=self._answers(portal),
            canonical=canonical,
        )
        self.memory.take(result.memory)
        for row in tables.records(result.issues):
            key = row["entity"], row["key"]
            self._question(
                key, row["field"], self._held(key, row["field"]), self.memory.get(key, row["field"]).want
            )
        return self._allowed(result.changes)

    def _adopt(self, key: Key) -> None:
        """A pair made just now: where one side knows nothing there is nothing to contradict. Only a record
        that 1C has shown whole is adopted: what an unseen record lacks is unknown."""
        card = self.directory.cards.get(key)
        if card is None or card.deleted:
            return
        for field in self.directory.two_way[key[0]]:
            lacking = card.values.get(field) is None or self._held(key, field) is None
            if (
                lacking
                and self.memory.get(key, field).base is merge.ABSENT
                and not self.memory.get(key, field).sent
            ):
                self.memory.set(key, field, replace(self.memory.get(key, field), base=None))

    def _owners(self) -> dict[tuple[str, str], str]:
        return {
            (entity, field): settings.owners.get(field, settings.owner)
            for entity, settings in self.directory.settings.items()
            for field in self.directory.two_way[entity]
        }

    def _allowed(self, changes: pd.DataFrame) -> pd.DataFrame:
        """Where only 1C receives, its own edits are noted and the portal's value is told again by the next
        run."""
        barred = [entity for entity in self.directory.settings if not self.directory.receives(entity)]
        for row in tables.records(changes[changes["entity"].isin(barred) & (changes["side"] == "portal")]):
            self.memory.settle((row["entity"], row["key"]), row["field"], keep=True)
        return changes[~(changes["entity"].isin(barred) & (changes["side"] == "portal"))]

    # ---- fields with one owner ----
    def assigned(self) -> list[Record]:
        """Changes of the portal in fields that do not travel back."""
        rows = []
        for key in self.pairs:
            fields = self._one_way(key[0])
            self.memory.forget(
                key, self.memory.of(key).keys() - {*fields, *self.directory.remembered(key[0])}
            )
            self._keep(key)
            given = self._given(key)
            rows += [
                row for field in fields if field in given and (row := self._assign(key, field, given[field]))
            ]
        return rows

    def _keep(self, key: Key) -> None:
        given = self._given(key)
        for field in self.directory.kept.get(key[0], ()):
            if field in given and self.directory.sends(key[0]):
                self.memory.set(key, field, Agreed(base=given[field]))

    def _one_way(self, entity: str) -> tuple[str, ...]:
        if not self.directory.receives(entity):
            return ()
        return (
            *self.directory.one_way[entity],
            *(() if self.directory.sends(entity) else self.directory.two_way[entity]),
        )

    def _given(self, key: Key) -> Record:
        """What 1C says: this run's record, else what an earlier run could not write."""
        card = self.directory.cards.get(key)
        return self.memory.wanted(key) | (
            {name: value for name, value in card.values.items() if value is not None} if card else {}
        )

    def _assign(self, key: Key, field: str, given: Any) -> Record | None:
        held = self._held(key, field)
        after = joined(field, held, given)
        if same(field, held, after):
            self.memory.forget(key, [field])
            return None
        settings = self.directory.settings[key[0]]
        owner = settings.owners.get(
            field, settings.owner if field in self.directory.two_way[key[0]] else "1c"
        )
        if held is not None and owner == "ask":
            self.memory.want(key, field, given)
            owner = self.answers.get(self._question_key(key, field, held, given)) or "ask"
            if owner == "ask":
                self._question(key, field, held, given)
        if held is not None and owner != "1c":
            if owner == "portal":
                self.memory.forget(key, [field])
            return None
        self.memory.want(key, field, given)
        return {
            "side": "portal",
            "entity": key[0],
            "key": key[1],
            "field": field,
            "before": held,
            "after": after,
            "reason": "поле ведёт 1С" if owner == "1c" else "на портале было пусто",
        }

    # ---- towards the portal ----
    def saves(self, changes: Iterable[Record]) -> list[Save]:
        """One write per record, and one without values for a card that does not bear its id of 1C yet."""
        grouped: dict[Key, list[Record]] = {
            key: []
            for key, portal in self.pairs.items()
            if not self.directory.held[portal].get("origin") and not self.directory.unconfirmed(key[1])
        }
        for row in changes:
            if row["side"] == "portal":
                grouped.setdefault((row["entity"], row["key"]), []).append(row)
        cards = self.directory.cards
        return [
            Save(
                key,
                {row["field"]: row["after"] for row in rows},
                self.pairs[key],
                {row["field"]: row["before"] for row in rows},
                {row["field"]: row["reason"] for row in rows},
                cards[key].file if key in cards else None,
                dropped={row["field"]: gone for row in rows if (gone := self._dropped(key, row))},
            )
            for key, rows in grouped.items()
        ]

    def _dropped(self, key: Key, row: Record) -> tuple[str, ...]:
        """List values that both sides had and 1C has no more."""
        base = self.memory.get(key, row["field"]).base
        if row["field"] not in LISTS or base in (None, merge.ABSENT):
            return ()
        kept = {comparable(item) for item in row["after"] or ()}
        return tuple(item for item in base if comparable(item) not in kept)

    # ---- questions about one field ----
    def _question_key(self, key: Key, field: str, held: Any, given: Any) -> str:
        values = [*key, field, canonical(field, held), canonical(field, given)]
        return f"field:{hashlib.sha256(encode(values).encode()).hexdigest()[:16]}"

    def _question(self, key: Key, field: str, held: Any, given: Any) -> None:
        ours, theirs = shown(held), shown(given)
        text = f"Карточка {self.pairs[key]}, {TITLES.get(field, field)}: на портале «{ours}», в 1С «{theirs}». Какое значение верно?"
        candidates = [
            {"id": "portal", "text": f"значение портала: {ours}"},
            {"id": "1c", "text": f"значение 1С: {theirs}"},
        ]
        self.directory.question(self._question_key(key, field, held, given), text, candidates)

    def _answers(self, portal: Iterable[list[Any]]) -> dict[tuple[str, str, str], str]:
        if not self.answers:
            return {}
        found = {}
        for entity, key, field, held in portal:
            card = self.directory.cards.get((entity, key))
            given = card.values.get(field) if card else None
            given = self.memory.get((entity, key), field).want if given is None else given
            if given is not merge.ABSENT and (
                owner := self.answers.get(self._question_key((entity, key), field, held, given))
            ):
                found[entity, key, field] = owner
        return found

    def _held(self, key: Key, field: str) -> Any:
        return self.directory.held[self.pairs[key]].get(field)


def _frame(rows: list[list[Any]], *more: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*merge.KEY, "value", *more], dtype=object)
