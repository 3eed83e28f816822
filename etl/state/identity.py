"""Who is who on the two sides, what only a person can answer, what both sides last agreed on, and the
derived stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias, TypedDict

import sqlalchemy as sa

from etl.errors import NeedsPerson
from etl.state.columns import decode, encode
from etl.state.database import LONG, Database, Record, Rows, among, by, equal, grouped, walked
from etl.state.schema import FIELD, LINK, QUESTION, STAGE

#: Written into the query: an index of linked pairs serves only a condition that names the state itself.
_LINKED: sa.ColumnElement[str] = sa.literal_column("'linked'")
_LINK_STATES = {"linked", "proposed", "asked", "gone"}


class Links:
    """Pairs (entity, portal id) <-> (id of 1C, number).

    A linked pair is one to one; other states do not bind (DESIGN §5).
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def by_foreign(self, entity: str, foreign_ids: Iterable[str]) -> dict[str, Record]:
        """foreign_id -> {portal_id, number, state, changed_at} of all known ids of 1C among those given."""
        found = self._db.many(LINK, "foreign_id", foreign_ids, LINK.c.entity == entity)
        return by("foreign_id", found)

    def by_portal(self, entity: str, portal_ids: Iterable[str], *states: str) -> dict[str, Record]:
        """portal_id -> link; linked pairs only, or those in the given states."""
        is_entity = LINK.c.entity == entity
        in_state = LINK.c.state.in_(states) if states else LINK.c.state == _LINKED
        found = self._db.many(LINK, "portal_id", portal_ids, is_entity, in_state)
        return by("portal_id", found)

    def by_number(self, entity: str, numbers: Iterable[str]) -> dict[str, list[Record]]:
        """number -> links with that number; a number of a document is unique only together with its year."""
        found = self._db.many(LINK, "number", numbers, LINK.c.entity == entity)
        return grouped("number", found)

    def all(self, entity: str, *states: str) -> list[Record]:
        """All links of an entity, in the given states only when there are any."""
        chosen = [LINK.c.entity == entity, *among(LINK.c.state, states)]
        return self._db.listed(LINK, *chosen, order=[LINK.c.foreign_id])

    def put(self, rows: Rows) -> None:
        """Write links: entity, foreign_id, portal_id, number, state (default linked).

        One row per (entity, foreign_id).

        Raises NeedsPerson when a portal record would be linked to two ids of 1C: the pair must be parted by
        a person first.
        """
        now = self._db.now()
        links = [_link(row) | {"changed_at": now} for row in walked(rows)]
        unknown = {link["state"] for link in links} - _LINK_STATES
        if unknown:
            raise ValueError(f"unknown link states {sorted(unknown)}")
        try:
            with self._db.transaction():
                self._db.put(LINK, links)
        except sa.exc.IntegrityError as error:
            raise NeedsPerson(
                "Одна запись портала связывается с двумя записями 1С.",
                "Разберите пару командой obmen24 link, затем повторите obmen24 run.",
            ) from error

    def forget(self, entity: str, foreign_ids: Iterable[str]) -> None:
        """Drop links (a person parted them); history stays in the journal."""
        with self._db.transaction():
            for foreign_id in foreign_ids:
                self._db.remove(LINK, LINK.c.entity == entity, LINK.c.foreign_id == foreign_id)


def _link(row: Mapping[str, Any]) -> Record:
    """A link as it is stored."""
    return {
        "entity": row["entity"],
        "foreign_id": row["foreign_id"],
        "portal_id": row.get("portal_id"),
        "number": row.get("number"),
        "state": row.get("state") or "linked",
    }


class Questions:
    """The ask-list: what the programme must not decide alone. A key names one question for ever."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ask(self, rows: Rows, run: int | None = None) -> None:
        """Ask: key, entity, text (Russian), candidates (any JSON value).

        Asking again refreshes text and candidates; an answer stays.
        """
        given = by("key", walked(rows))
        fresh: Record = {"answer": None, "answered_at": None, "asked_at": self._db.now(), "run": run}
        with self._db.transaction():
            known = by("key", self._db.many(QUESTION, "key", given))
            asked = []
            for key, row in given.items():
                before = known.get(key, fresh)
                kept = {name: before[name] for name in fresh}
                asked.append(_question(row) | kept)
            self._db.put(QUESTION, asked)

    def open(self) -> list[Record]:
        """Unanswered questions, oldest first."""
        is_open = QUESTION.c.answered_at.is_(None)
        return self._db.listed(QUESTION, is_open, order=[QUESTION.c.asked_at, QUESTION.c.key])

    def answers(self, entity: str | None = None) -> dict[str, Any]:
        """key -> answer of all answered questions."""
        is_answered = QUESTION.c.answered_at.is_not(None)
        found = self._db.listed(QUESTION, is_answered, *equal(QUESTION.c.entity, entity))
        return {row["key"]: row["answer"] for row in found}

    def answer(self, key: str, value: Any) -> bool:
        """Store a person's answer; False when there is no such question.

        A later answer replaces the former.
        """
        now = self._db.now()
        changed = self._db.change(QUESTION, [QUESTION.c.key == key], answer=value, answered_at=now)
        return changed == 1

    def withdraw(self, keys: Iterable[str]) -> None:
        """Remove open questions that settled themselves; answered ones stay."""
        with self._db.transaction():
            for key in keys:
                self._db.remove(QUESTION, QUESTION.c.key == key, QUESTION.c.answered_at.is_(None))

    def forget(self, keys: Iterable[str]) -> None:
        """Remove questions, answered ones too: the answer was carried out, or what it was about is past."""
        with self._db.transaction():
            for key in keys:
                self._db.remove(QUESTION, QUESTION.c.key == key)


def _question(row: Mapping[str, Any]) -> Record:
    """A question as it is stored, without its answer."""
    return {
        "key": row["key"],
        "entity": row.get("entity"),
        "text": row["text"],
        "candidates": row.get("candidates"),
    }


Place: TypeAlias = tuple[str, str, str]  # entity, key, field
Texts: TypeAlias = tuple[str | None, str | None, str | None]  # base, sent, want as they are stored
_NOTHING: Texts = (None, None, None)
_STORED = ("key", "field", "base", "sent", "want")


class Remembered(TypedDict):
    """What is remembered of one field: `known` (a `base` exists), `sent` ((publication, value), oldest
    first), `wanting` (a write of `want` has begun).
    """

    entity: str
    key: str
    field: str
    known: bool
    base: Any
    sent: tuple[tuple[int, Any], ...]
    wanting: bool
    want: Any


class Fields:
    """Merge memory of two-way fields (DESIGN §5).

    `base` (agreed), `sent` (handed to 1C and not yet seen back), `want` (being written).
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def read(self, entity: str, keys: Iterable[str] | None = None) -> list[Remembered]:
        """What is remembered of an entity, of the given keys only where given."""
        return [_remembered(entity, *texts) for texts in self._texts_of(entity, keys)]

    def write(self, rows: Rows) -> int:
        """Write rows of the same names; only what differs from the memory is written; how many that were.

        A row with neither base, sent nor want is forgotten.
        """
        given: dict[Place, Texts] = {}
        for row in walked(rows):
            place = (row["entity"], row["key"], row["field"])
            given[place] = _texts(row)
        with self._db.transaction():
            known = self._known(given)
            changed = 0
            kept: list[Record] = []
            for place, texts in given.items():
                if texts == known.get(place, _NOTHING):
                    continue
                changed += 1
                if texts == _NOTHING:
                    self._remove(place)
                else:
                    kept.append(_stored(place, texts))
            self._db.put(FIELD, kept)
        return changed

    def _remove(self, place: Place) -> None:
        """Nothing is remembered of the field any more."""
        entity, key, field = place
        of_record = (FIELD.c.entity == entity, FIELD.c.key == key)
        self._db.remove(FIELD, *of_record, FIELD.c.field == field)

    def forget(self, entity: str, keys: Iterable[str]) -> None:
        """Forget everything about records (they are gone or were unlinked)."""
        with self._db.transaction():
            for key in keys:
                self._db.remove(FIELD, FIELD.c.entity == entity, FIELD.c.key == key)

    def _known(self, places: Iterable[Place]) -> dict[Place, Texts]:
        """What is remembered of the records of these places, entity by entity, all their fields."""
        keys_of: dict[str, set[str]] = {}
        for entity, key, _ in places:
            keys = keys_of.setdefault(entity, set())
            keys.add(key)
        known: dict[Place, Texts] = {}
        for entity, keys in keys_of.items():
            for key, field, base, sent, want in self._texts_of(entity, keys):
                known[entity, key, field] = (base, sent, want)
        return known

    def _texts_of(self, entity: str, keys: Iterable[str] | None) -> list[tuple[Any, ...]]:
        """key, field, base, sent, want as stored: of the keys, or by one scan of the entity for all or
        very many.
        """
        is_entity = FIELD.c.entity == entity
        wanted = None if keys is None else set(keys)
        if wanted is not None and len(wanted) < LONG:
            found = self._db.many(FIELD, "key", wanted, is_entity)
            return [tuple(row[name] for name in _STORED) for row in found]
        columns = [FIELD.c[name] for name in _STORED]
        scanned = self._db.raw(self._db.columns(columns, is_entity))
        if wanted is None:
            return scanned
        return [row for row in scanned if row[0] in wanted]


def _remembered(
    entity: str, key: str, field: str, base: str | None, sent: str | None, want: str | None
) -> Remembered:
    """One row of `Fields.read` from its stored texts."""
    return {
        "entity": entity,
        "key": key,
        "field": field,
        "known": base is not None,
        "base": _value(base),
        "sent": _value(sent) or (),
        "wanting": want is not None,
        "want": _value(want),
    }


def _texts(row: Mapping[str, Any]) -> Texts:
    """What a row of `Fields.write` says, as it is stored.

    An agreed or wanted value may itself be None, so `known` and `wanting` tell whether there is one.
    """
    sent = tuple(tuple(item) for item in row.get("sent") or ())
    return (
        encode(row.get("base")) if row.get("known") else None,
        encode(sent) if sent else None,
        encode(row.get("want")) if row.get("wanting") else None,
    )


def _stored(place: Place, texts: Texts) -> Record:
    """A row of the table `field`."""
    entity, key, field = place
    base, sent, want = texts
    return {"entity": entity, "key": key, "field": field, "base": base, "sent": sent, "want": want}


@lru_cache(maxsize=65_536)
def _value(text: str | None) -> Any:
    """A stored value; shared between rows: values of merged fields are never changed in place."""
    return None if text is None else decode(text)


class Stages:
    """The last derived stage of each deal: we write a stage only when the derivation itself moves (DESIGN
    §4).
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def read(self, deals: Iterable[str] | None = None) -> dict[str, str]:
        """deal -> last derived stage; of all deals without a list."""
        rows = self._db.listed(STAGE) if deals is None else self._db.many(STAGE, "deal", deals)
        return {row["deal"]: row["derived"] for row in rows}

    def write(self, derived: Mapping[str, str]) -> None:
        """Remember derived stages; unchanged ones are not written."""
        now = self._db.now()
        with self._db.transaction():
            known = self.read(derived)
            moved: list[Record] = []
            for deal, stage in derived.items():
                if known.get(deal) != stage:
                    moved.append({"deal": deal, "derived": stage, "changed_at": now})
            self._db.put(STAGE, moved)
