"""What goes out: the outbox of writes to the portal, and what has been published to 1C and not yet seen
back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from etl.state.columns import encode
from etl.state.database import (
    BOUND,
    Condition,
    Database,
    Record,
    Rows,
    among,
    by,
    by_pair,
    grouped,
    in_parts,
    walked,
)
from etl.state.schema import OUTBOX, PUBLICATION

#: state -> states it may move to. `doubt` = the answer was lost: only a look-up on the portal leads out
_MOVES = {
    "new": {"sending", "done", "failed"},
    "sending": {"done", "failed", "doubt", "new"},
    "doubt": {"new", "done", "failed"},
    "failed": {"new"},
    "done": set(),
}
_UNSURE = ("sending", "doubt")
_UNSENT = ("new", "failed")


class Outbox:
    """Intents towards the portal: committed -> looked up -> written -> confirmed.

    One key = one business action.

    DESIGN §6; reference: reliability, decision 6.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, rows: Rows, run: int | None = None) -> int:
        """Add intents: key, entity, entity_key, method, payload. Returns how many were new.

        A known key with the same payload changes nothing; what failed stays so until it is sent again. The
        same key with another payload is a bug and raises ValueError, except while the intent is still `new`
        or `failed`: nobody has sent it, so the payload is replaced. An intent that is being sent or in doubt
        is never touched, whatever newer file comes (reliability, decision 6).
        """
        given = by("key", walked(rows))
        with self._db.transaction():
            known = by("key", self._db.many(OUTBOX, "key", given))
            fresh = [row for key, row in given.items() if key not in known]
            first = self._db.next(OUTBOX.c.id)
            intents = (_intent(row, number, run) for number, row in enumerate(fresh, first))
            self._db.add(OUTBOX, intents)
            for key, before in known.items():
                self._replace(before, given[key].get("payload"))
        return len(fresh)

    def _replace(self, before: Record, payload: Any) -> None:
        if encode(before["payload"]) == encode(payload):
            return
        if before["state"] not in _UNSENT:
            raise ValueError(f"outbox key {before['key']} was used for another payload")
        self._db.change(OUTBOX, [OUTBOX.c.id == before["id"]], payload=payload, state="new", error=None)

    def recover(self) -> int:
        """At the start of a run, under the lock: what a dead process was sending is in doubt now.

        How many there are.
        """
        return self._db.change(OUTBOX, [OUTBOX.c.state == "sending"], state="doubt")

    def pending(self, *methods: str) -> list[Record]:
        """Intents to do (new, sending, doubt) in order, each with `doubt`: the *entity's* mark.

        Where it is true, look the entity up on the portal before any write about it, also for a newer intent.
        """
        is_open = OUTBOX.c.state.in_(("new", *_UNSURE))
        rows = self._db.listed(OUTBOX, is_open, *among(OUTBOX.c.method, methods), order=[OUTBOX.c.id])
        unsure = self.doubtful()
        for row in rows:
            row["doubt"] = (row["entity"], row["entity_key"]) in unsure
        return rows

    def doubtful(self) -> set[tuple[str, str]]:
        """(entity, entity_key) whose last write has no known outcome."""
        columns = [OUTBOX.c.entity, OUTBOX.c.entity_key]
        unsure = self._db.columns(columns, OUTBOX.c.state.in_(_UNSURE))
        return {(row["entity"], row["entity_key"]) for row in self._db.rows(unsure)}

    def mark(
        self, ids: Iterable[int], state: str, *, result: str | None = None, error: str | None = None
    ) -> None:
        """Move intents to `state`; `sending` is committed before the call and counts an attempt.

        A move that loses a doubt without a look-up (`doubt` -> `sending`) raises ValueError: first `new`
        (not found) or `done` (found, with its id as `result`).
        """
        values: Record = {"state": state, "error": error}
        if result is not None:
            values["result"] = result
        if state == "sending":
            values["attempts"] = OUTBOX.c.attempts + 1
            values["attempted_at"] = self._db.now()
        origins = [before for before, after in _MOVES.items() if state in after]
        may_move = OUTBOX.c.state.in_(origins)
        with self._db.transaction():
            for part in in_parts(ids, BOUND):
                chosen = [OUTBOX.c.id.in_(part), may_move]
                moved = self._db.change(OUTBOX, chosen, **values)
                if moved != len(part):
                    raise ValueError(f"outbox: some of {part} cannot become {state}")

    def find(self, key: str) -> Record | None:
        """The intent of a business action, in any state."""
        found = self._db.many(OUTBOX, "key", [key])
        return found[0] if found else None

    def listed(self, *states: str, methods: Sequence[str] = ()) -> list[Record]:
        """Intents in the given states (and of these methods, where some are named), in order."""
        is_in = OUTBOX.c.state.in_(states)
        return self._db.listed(OUTBOX, is_in, *among(OUTBOX.c.method, methods), order=[OUTBOX.c.id])


def _intent(row: Mapping[str, Any], number: int, run: int | None) -> Record:
    """A new intent as it is stored."""
    return {
        "id": number,
        "run": run,
        "key": row["key"],
        "entity": row["entity"],
        "entity_key": row["entity_key"],
        "method": row["method"],
        "payload": row.get("payload"),
        "state": "new",
    }


_PUBLICATION_STATES = ("planned", "published", "echoed", "assumed", "refused")
_IN_FILE = ("planned", "published")
Place = tuple[str, str]  # path of the file, number of the document


class Publications:
    """Documents in outgoing files, by file and document number: `planned -> published -> echoed | assumed
    | refused`.

    The id of a publication is what merge memory writes into `sent`. Unchanged content keeps its row and its
    session count; new content of the same document is a new publication (new id, counting starts again).
    DESIGN §7.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, rows: Rows, run: int | None = None, *, again: bool = False) -> dict[Place, int]:
        """Note documents about to be published, in state `planned` until `published`.

        Rows: path (relative), document (number), hash (of its content), payload (what is needed to write it
        again). Returns (path, document) -> publication id. `again`: unchanged content is a new publication
        too, because 1C has come to hold something else since it was published.
        """
        given = by_pair("path", "document", walked(rows))
        with self._db.transaction():
            known = self._known(given)
            unchanged: dict[Place, int] = {}
            fresh: dict[Place, Mapping[str, Any]] = {}
            for place, row in given.items():
                before = known.get(place)
                if before and before["hash"] == row["hash"] and not again:
                    unchanged[place] = before["id"]
                else:
                    fresh[place] = row
            self._drop(fresh.keys() & known.keys())
            return unchanged | self._plan(fresh, run)

    def _drop(self, places: Iterable[Place]) -> None:
        """What a document said before: one file says one thing of a document."""
        for path, document in places:
            is_document = PUBLICATION.c.document == document
            self._db.remove(PUBLICATION, PUBLICATION.c.path == path, is_document)

    def _plan(self, fresh: Mapping[Place, Mapping[str, Any]], run: int | None) -> dict[Place, int]:
        """New publications, in state `planned`. An id is never given twice: `sent` refers to it."""
        first = self._db.numbers("publication", len(fresh))
        numbers = {place: number for number, place in enumerate(fresh, first)}
        planned = {"state": "planned", "changed_at": self._db.now(), "run": run}
        added = (_publication(row, numbers[place]) | planned for place, row in fresh.items())
        self._db.add(PUBLICATION, added)
        return numbers

    def published(self, path: str) -> int:
        """The file `path` is durably in place: its planned documents are published now.

        How many there were.
        """
        now = self._db.now()
        return self._db.change(
            PUBLICATION,
            [PUBLICATION.c.path == path, PUBLICATION.c.state == "planned"],
            state="published",
            published_at=now,
            changed_at=now,
        )

    def outgoing(self, path: str) -> list[Record]:
        """What the file must hold: planned and published documents, by id."""
        return self._db.listed(PUBLICATION, *_stands_in(path), order=[PUBLICATION.c.id])

    def listed_in(self, path: str) -> list[Record]:
        """What the file must hold, by id, without the payloads: id, document, hash, state."""
        columns = [PUBLICATION.c[name] for name in ("id", "document", "hash", "state")]
        documents = self._db.columns(columns, *_stands_in(path))
        return self._db.rows(documents.order_by(PUBLICATION.c.id))

    def payloads(self, ids: Iterable[int], part: int = 500) -> Iterator[list[Any]]:
        """Payloads in the order of the ids, `part` at a time: a large file is written without holding it."""
        for numbers in in_parts(ids, part):
            found = by("id", self._db.many(PUBLICATION, "id", numbers))
            yield [found[number]["payload"] for number in numbers]

    def count_session(self, session: str, *, before: dt.datetime | None = None) -> None:
        """A session of 1C was seen (a new export of it).

        1C loads before it exports (DESIGN §7), so it has read everything published before the moment
        `before` (default now). `session` names it (for example the export's ДатаФормирования): the files of
        one session count once.
        """
        is_new = sa.or_(PUBLICATION.c.last_session.is_(None), PUBLICATION.c.last_session != session)
        was_there = PUBLICATION.c.published_at < (before or self._db.now())
        self._db.change(
            PUBLICATION,
            [PUBLICATION.c.state == "published", was_there, is_new],
            sessions=PUBLICATION.c.sessions + 1,
            last_session=session,
        )

    def mark(self, ids: Iterable[int], state: str) -> None:
        """Set the state of publications."""
        if state not in _PUBLICATION_STATES:
            raise ValueError(f"unknown publication state {state!r}")
        now = self._db.now()
        with self._db.transaction():
            for number in ids:
                this = PUBLICATION.c.id == number
                self._db.change(PUBLICATION, [this], state=state, changed_at=now)

    def find(self, documents: Iterable[str]) -> dict[str, list[Record]]:
        """number -> its publications, in any state and file."""
        found = self._db.many(PUBLICATION, "document", documents)
        return grouped("document", found)

    def listed(self, *states: str, sessions: int = 0) -> list[Record]:
        """Publications in the given states with their payloads, by id.

        Only those that had at least so many `sessions` of 1C.
        """
        chosen = (PUBLICATION.c.state.in_(states), PUBLICATION.c.sessions >= sessions)
        return self._db.listed(PUBLICATION, *chosen, order=[PUBLICATION.c.id])

    def silent(self, sessions: int, *paths: str) -> list[int]:
        """Ids of published documents that 1C has had at least so many sessions for.

        In the given files only when there are any.
        """
        found = self._db.values(
            PUBLICATION.c.id,
            PUBLICATION.c.state == "published",
            PUBLICATION.c.sessions >= sessions,
            *among(PUBLICATION.c.path, paths),
        )
        return sorted(found)

    def paths(self, *states: str) -> set[str]:
        """Files with documents in the given states."""
        return self._db.values(PUBLICATION.c.path, PUBLICATION.c.state.in_(states))

    def documents(self, *, besides: Collection[str] = ()) -> set[str]:
        """Numbers of all documents ever published or about to be, in any state.

        But for those of the files `besides`: cards of a directory are publications too.
        """
        paths = self._db.values(PUBLICATION.c.path) - set(besides)
        in_them = PUBLICATION.c.path.in_(paths)
        found = self._db.raw(self._db.columns([PUBLICATION.c.document], in_them))
        return {document for (document,) in found}

    def _known(self, places: Mapping[Place, Any]) -> dict[Place, Record]:
        """Publications of these documents in these files; a document may stand in several files."""
        documents = {document for _, document in places}
        found = by_pair("path", "document", self._db.many(PUBLICATION, "document", documents))
        known: dict[Place, Record] = {}
        for place, row in found.items():
            if place in places:
                known[place] = row
        return known


def _publication(row: Mapping[str, Any], number: int) -> Record:
    """A publication as it is stored, without its state."""
    return {
        "id": number,
        "path": row["path"],
        "document": row["document"],
        "hash": row["hash"],
        "payload": row.get("payload"),
    }


def _stands_in(path: str) -> tuple[Condition, Condition]:
    """Documents that the file must hold: 1C has not been seen to have taken them (DESIGN §7)."""
    in_file = PUBLICATION.c.state.in_(_IN_FILE)
    return PUBLICATION.c.path == path, in_file
