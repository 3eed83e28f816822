"""Who is who on the two sides, what only a person can answer, what both sides last agreed on, and the derived stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from etl.errors import NeedsPerson
from etl.state.database import Database, Record, Rows, listed
from etl.state.schema import FIELD, LINK, QUESTION, STAGE, decode, encode

if TYPE_CHECKING:
    import pandas as pd

_LONG = 2_000  # from here one scan is cheaper than look-ups
LINK_STATES = ("linked", "proposed", "asked", "gone")


class Links:
    """Pairs (entity, portal id) <-> (id of 1C, number). A linked pair is one to one; other states do not bind."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def by_foreign(self, entity: str, foreign_ids: Iterable[str]) -> dict[str, Record]:
        """foreign_id -> {portal_id, number, state, changed_at} of all known ids of 1C among those given."""
        return {
            row["foreign_id"]: row
            for row in self._db.many(LINK, "foreign_id", foreign_ids, LINK.c.entity == entity)
        }

    def by_portal(self, entity: str, portal_ids: Iterable[str], *states: str) -> dict[str, Record]:
        """portal_id -> link; linked pairs only, or those in the given states."""
        found = self._db.many(
            LINK, "portal_id", portal_ids, LINK.c.entity == entity, LINK.c.state.in_(states or ("linked",))
        )
        return {row["portal_id"]: row for row in found}

    def by_number(self, entity: str, numbers: Iterable[str]) -> dict[str, list[Record]]:
        """number -> links with that number; a number of a document is unique only together with its year."""
        found: dict[str, list[Record]] = {}
        for row in self._db.many(LINK, "number", numbers, LINK.c.entity == entity):
            found.setdefault(row["number"], []).append(row)
        return found

    def all(self, entity: str, *states: str) -> list[Record]:
        """All links of an entity, in the given states only when there are any."""
        only = [LINK.c.state.in_(states)] if states else []
        return self._db.rows(self._db.mine(LINK, LINK.c.entity == entity, *only).order_by(LINK.c.foreign_id))

    def put(self, rows: Rows) -> None:
        """Write links: entity, foreign_id, portal_id, number, state (default linked). One row per (entity, foreign_id).

        Raises NeedsPerson when a portal record would be linked to two ids of 1C: the pair must be parted by a person first.
        """
        now = self._db.now()
        given = [
            {
                "entity": row["entity"],
                "foreign_id": row["foreign_id"],
                "portal_id": row.get("portal_id"),
                "number": row.get("number"),
                "state": row.get("state") or "linked",
                "changed_at": now,
            }
            for row in listed(rows)
        ]
        if wrong := {row["state"] for row in given} - set(LINK_STATES):
            raise ValueError(f"unknown link states {sorted(wrong)}")
        try:
            with self._db.transaction():
                self._db.put(LINK, given)
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


class Questions:
    """The ask-list: what the programme must not decide alone. A key names one question for ever."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ask(self, rows: Rows, run: int | None = None) -> None:
        """Ask: key, entity, text (Russian), candidates (any JSON value). Asking again refreshes text and candidates; an answer stays."""
        given = {row["key"]: row for row in listed(rows)}
        with self._db.transaction():
            known = {row["key"]: row for row in self._db.many(QUESTION, "key", given)}
            fresh = {"answer": None, "answered_at": None, "asked_at": self._db.now(), "run": run}
            self._db.put(
                QUESTION,
                [
                    {
                        "key": key,
                        "entity": row.get("entity"),
                        "text": row["text"],
                        "candidates": row.get("candidates"),
                        **({name: known[key][name] for name in fresh} if key in known else fresh),
                    }
                    for key, row in given.items()
                ],
            )

    def open(self) -> list[Record]:
        """Unanswered questions, oldest first."""
        return self._db.rows(
            self._db.mine(QUESTION, QUESTION.c.answered_at.is_(None)).order_by(
                QUESTION.c.asked_at, QUESTION.c.key
            )
        )

    def answers(self, entity: str | None = None) -> dict[str, Any]:
        """key -> answer of all answered questions."""
        only = [] if entity is None else [QUESTION.c.entity == entity]
        found = self._db.rows(self._db.mine(QUESTION, QUESTION.c.answered_at.is_not(None), *only))
        return {row["key"]: row["answer"] for row in found}

    def answer(self, key: str, value: Any) -> bool:
        """Store a person's answer; False when there is no such question. A later answer replaces the former."""
        return (
            self._db.change(QUESTION, [QUESTION.c.key == key], answer=value, answered_at=self._db.now()) == 1
        )

    def withdraw(self, keys: Iterable[str]) -> None:
        """Remove open questions that settled themselves; answered ones stay."""
        with self._db.transaction():
            for key in keys:
                self._db.remove(QUESTION, QUESTION.c.key == key, QUESTION.c.answered_at.is_(None))


class Fields:
    """Merge memory of two-way fields: `base` (agreed), `sent` (handed to 1C and not yet seen back), `want` (being written)."""

    columns = ("entity", "key", "field", "known", "base", "sent", "wanting", "want")

    def __init__(self, database: Database) -> None:
        self._db = database

    def read(self, entity: str, keys: Iterable[str] | None = None) -> pd.DataFrame:
        """Frame: entity, key, field, known (a base exists), base, sent (tuple of (publication, value), oldest first),
        wanting (a write has begun), want."""
        import pandas as pd

        rows = [
            (
                entity,
                key,
                field,
                base is not None,
                _value(base),
                _value(sent) or (),
                want is not None,
                _value(want),
            )
            for key, field, base, sent, want in self._texts_of(entity, keys)
        ]
        return pd.DataFrame(
            {
                name: pd.Series([row[place] for row in rows], dtype=object)
                for place, name in enumerate(self.columns)
            }
        )

    def write(self, rows: Rows) -> int:
        """Write rows of the same columns; only what differs from the memory is written; how many that were.

        A row with neither base, sent nor want is forgotten.
        """
        given = {(row["entity"], row["key"], row["field"]): _texts(row) for row in listed(rows)}
        with self._db.transaction():
            known = self._known(given)
            changed = [
                (place, texts) for place, texts in given.items() if known.get(place, _NOTHING) != texts
            ]
            for (entity, key, field), texts in changed:
                if texts == _NOTHING:
                    self._db.remove(
                        FIELD, FIELD.c.entity == entity, FIELD.c.key == key, FIELD.c.field == field
                    )
            self._db.put(
                FIELD,
                [
                    dict(
                        zip(("entity", "key", "field", "base", "sent", "want"), (*place, *texts), strict=True)
                    )
                    for place, texts in changed
                    if texts != _NOTHING
                ],
            )
        return len(changed)

    def forget(self, entity: str, keys: Iterable[str]) -> None:
        """Forget everything about records (they are gone or were unlinked)."""
        with self._db.transaction():
            for key in keys:
                self._db.remove(FIELD, FIELD.c.entity == entity, FIELD.c.key == key)

    def _known(self, given: Mapping[tuple[str, str, str], Any]) -> dict[tuple[str, str, str], Any]:
        return {
            (entity, key, field): tuple(texts)
            for entity in {place[0] for place in given}
            for key, field, *texts in self._texts_of(
                entity, {place[1] for place in given if place[0] == entity}
            )
        }

    def _texts_of(self, entity: str, keys: Iterable[str] | None) -> Iterable[tuple[Any, ...]]:
        """key, field, base, sent, want as stored: of the keys, or by one scan of the entity for all or very many of them."""
        columns = (FIELD.c.key, FIELD.c.field, FIELD.c.base, FIELD.c.sent, FIELD.c.want)
        wanted = None if keys is None else set(keys)
        if wanted is not None and len(wanted) < _LONG:
            return [
                tuple(row[column.name] for column in columns)
                for row in self._db.many(FIELD, "key", wanted, FIELD.c.entity == entity)
            ]
        found = self._db.raw(
            sa.select(*columns).where(FIELD.c.portal == self._db.portal, FIELD.c.entity == entity)
        )
        return found if wanted is None else [row for row in found if row[0] in wanted]


_NOTHING = (None, None, None)


def _texts(row: Record) -> tuple[str | None, str | None, str | None]:
    sent = tuple(tuple(item) for item in row.get("sent") or ())
    return (
        encode(row.get("base")) if row.get("known") else None,
        encode(sent) if sent else None,
        encode(row.get("want")) if row.get("wanting") else None,
    )


@lru_cache(maxsize=65_536)
def _value(text: str | None) -> Any:
    # shared between rows: values of merged fields are never changed in place
    return None if text is None else decode(text)


class Stages:
    """The last derived stage of each deal: we write a stage only when the derivation itself moves."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def read(self, deals: Iterable[str] | None = None) -> dict[str, str]:
        """deal -> last derived stage; of all deals without a list."""
        rows = self._db.rows(self._db.mine(STAGE)) if deals is None else self._db.many(STAGE, "deal", deals)
        return {row["deal"]: row["derived"] for row in rows}

    def write(self, derived: Mapping[str, str]) -> None:
        """Remember derived stages; unchanged ones are not written."""
        with self._db.transaction():
            known, now = self.read(derived), self._db.now()
            self._db.put(
                STAGE,
                [
                    {"deal": deal, "derived": stage, "changed_at": now}
                    for deal, stage in derived.items()
                    if known.get(deal) != stage
                ],
            )
