"""What goes out: the outbox of writes to the portal, and what has been published to 1C and not yet seen back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from etl.state.database import Database, Record, Rows, listed
from etl.state.schema import OUTBOX, PUBLICATION, encode

#: state -> states it may move to. `doubt` = the answer was lost: only a look-up on the portal leads out of it.
_MOVES = {
    "new": {"sending", "done", "failed"},
    "sending": {"done", "failed", "doubt", "new"},
    "doubt": {"new", "done", "failed"},
    "failed": {"new"},
    "done": set(),
}
_UNSURE = ("sending", "doubt")


class Outbox:
    """Intents towards the portal: committed -> looked up -> written -> confirmed. One key = one business action."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, rows: Rows, run: int | None = None) -> int:
        """Add intents: key, entity, entity_key, method, payload. Returns how many were new.

        A known key changes nothing (the same action is not done twice); the same key with another payload is a bug and raises
        ValueError, except while the intent is still `new` or `failed`: nobody has sent it, so the payload is replaced. An intent
        that is being sent or in doubt is never touched, whatever newer file comes (reliability, decision 6).
        """
        given = {row["key"]: row for row in listed(rows)}
        with self._db.transaction():
            known = {row["key"]: row for row in self._db.many(OUTBOX, "key", given)}
            fresh = [row for key, row in given.items() if key not in known]
            first = self._db.next(OUTBOX, "id")
            self._db.add(
                OUTBOX,
                [
                    {
                        "id": first + place,
                        "key": row["key"],
                        "entity": row["entity"],
                        "entity_key": row["entity_key"],
                        "method": row["method"],
                        "payload": row.get("payload"),
                        "state": "new",
                        "run": run,
                    }
                    for place, row in enumerate(fresh)
                ],
            )
            for key, before in known.items():
                self._replace(before, given[key].get("payload"))
        return len(fresh)

    def _replace(self, before: Record, payload: Any) -> None:
        if encode(before["payload"]) == encode(payload):
            return
        if before["state"] not in ("new", "failed"):
            raise ValueError(f"outbox key {before['key']} was used for another payload")
        self._db.change(OUTBOX, [OUTBOX.c.id == before["id"]], payload=payload, state="new", error=None)

    def recover(self) -> int:
        """At the start of a run, under the lock: what a dead process was sending is in doubt now. How many there are."""
        return self._db.change(OUTBOX, [OUTBOX.c.state == "sending"], state="doubt")

    def pending(self, *methods: str) -> list[Record]:
        """Intents to do (new, sending, doubt) in order, each with `doubt`: the *entity's* mark. Where it is true, look the entity up
        on the portal before any write about it, also for a newer intent."""
        only = [OUTBOX.c.method.in_(methods)] if methods else []
        rows = self._db.rows(
            self._db.mine(OUTBOX, OUTBOX.c.state.in_(("new", *_UNSURE)), *only).order_by(OUTBOX.c.id)
        )
        unsure = self.doubtful()
        return [{**row, "doubt": (row["entity"], row["entity_key"]) in unsure} for row in rows]

    def doubtful(self) -> set[tuple[str, str]]:
        """(entity, entity_key) whose last write has no known outcome."""
        return {
            (row[0], row[1])
            for row in self._db.tuples(
                sa.select(OUTBOX.c.entity, OUTBOX.c.entity_key).where(
                    OUTBOX.c.portal == self._db.portal, OUTBOX.c.state.in_(_UNSURE)
                )
            )
        }

    def mark(
        self, ids: Iterable[int], state: str, *, result: str | None = None, error: str | None = None
    ) -> None:
        """Move intents to `state`. `sending` is committed before the call and counts an attempt. A move that loses a doubt without
        a look-up (`doubt` -> `sending`) raises ValueError: first `new` (not found) or `done` (found, with its id as `result`)."""
        values: dict[str, Any] = {"state": state, "error": error} | (
            {"result": result} if result is not None else {}
        )
        if state == "sending":
            values |= {"attempts": OUTBOX.c.attempts + 1, "attempted_at": self._db.now()}
        allowed = [before for before, after in _MOVES.items() if state in after]
        wanted = list(ids)
        with self._db.transaction():
            for start in range(0, len(wanted), 400):
                part = wanted[start : start + 400]
                if self._db.change(
                    OUTBOX, [OUTBOX.c.id.in_(part), OUTBOX.c.state.in_(allowed)], **values
                ) != len(part):
                    raise ValueError(f"outbox: some of {part} cannot become {state}")

    def find(self, key: str) -> Record | None:
        """The intent of a business action, in any state."""
        found = self._db.many(OUTBOX, "key", [key])
        return found[0] if found else None

    def listed(self, *states: str) -> list[Record]:
        """Intents in the given states, in order."""
        return self._db.rows(self._db.mine(OUTBOX, OUTBOX.c.state.in_(states)).order_by(OUTBOX.c.id))


PUBLICATION_STATES = ("planned", "published", "echoed", "assumed", "refused")


class Publications:
    """Documents in outgoing files, by file and document number: `planned -> published -> echoed | assumed | refused`.

    The id of a publication is what merge memory writes into `sent`. Unchanged content keeps its row and its session count; new
    content of the same document is a new publication (new id, counting starts again).
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, rows: Rows, run: int | None = None) -> dict[tuple[str, str], int]:
        """Note documents about to be published: path (relative), document (number), hash (of its content), payload (what is needed
        to write it again). State `planned` until `published`. Returns (path, document) -> publication id."""
        given = {(row["path"], row["document"]): row for row in listed(rows)}
        with self._db.transaction():
            known = self._known(given)
            same = {
                place: known[place]["id"]
                for place, row in given.items()
                if place in known and known[place]["hash"] == row["hash"]
            }
            fresh = {place: row for place, row in given.items() if place not in same}
            for path, document in fresh.keys() & known.keys():
                self._db.remove(PUBLICATION, PUBLICATION.c.path == path, PUBLICATION.c.document == document)
            first = self._db.numbers("publication", len(fresh))  # never reused: `sent` refers to it
            numbers = {place: first + count for count, place in enumerate(fresh)}
            self._db.add(
                PUBLICATION,
                [
                    {
                        "id": numbers[place],
                        "path": place[0],
                        "document": place[1],
                        "hash": row["hash"],
                        "payload": row.get("payload"),
                        "state": "planned",
                        "changed_at": self._db.now(),
                        "run": run,
                    }
                    for place, row in fresh.items()
                ],
            )
        return same | numbers

    def published(self, path: str) -> int:
        """The file `path` is durably in place: its planned documents are published now. How many there were."""
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
        return self._db.rows(
            self._db.mine(
                PUBLICATION, PUBLICATION.c.path == path, PUBLICATION.c.state.in_(("planned", "published"))
            ).order_by(PUBLICATION.c.id)
        )

    def listed_in(self, path: str) -> list[Record]:
        """What the file must hold, by id, without the payloads: id, document, hash, state."""
        columns = (PUBLICATION.c.id, PUBLICATION.c.document, PUBLICATION.c.hash, PUBLICATION.c.state)
        return self._db.rows(
            sa.select(*columns)
            .where(
                PUBLICATION.c.portal == self._db.portal,
                PUBLICATION.c.path == path,
                PUBLICATION.c.state.in_(("planned", "published")),
            )
            .order_by(PUBLICATION.c.id)
        )

    def payloads(self, ids: Iterable[int], part: int = 500) -> Iterator[list[Any]]:
        """Payloads in the order of the ids, `part` at a time: a large file is written without holding it."""
        wanted = list(ids)
        for start in range(0, len(wanted), part):
            found = {
                row["id"]: row["payload"]
                for row in self._db.many(PUBLICATION, "id", wanted[start : start + part])
            }
            yield [found[number] for number in wanted[start : start + part]]

    def count_session(self, session: str, *, before: Any = None) -> None:
        """A session of 1C was seen (a new export of it): it has read everything published before the moment `before` (default now).

        `session` names it (for example the export's ДатаФормирования): the files of one session count once.
        """
        moment = before or self._db.now()
        self._db.change(
            PUBLICATION,
            [
                PUBLICATION.c.state == "published",
                PUBLICATION.c.published_at < moment,
                sa.or_(PUBLICATION.c.last_session.is_(None), PUBLICATION.c.last_session != session),
            ],
            sessions=PUBLICATION.c.sessions + 1,
            last_session=session,
        )

    def mark(self, ids: Iterable[int], state: str) -> None:
        """Set the state of publications."""
        if state not in PUBLICATION_STATES:
            raise ValueError(f"unknown publication state {state!r}")
        with self._db.transaction():
            for publication in ids:
                self._db.change(
                    PUBLICATION, [PUBLICATION.c.id == publication], state=state, changed_at=self._db.now()
                )

    def find(self, documents: Iterable[str]) -> dict[str, list[Record]]:
        """number -> its publications, in any state and file."""
        found: dict[str, list[Record]] = {}
        for row in self._db.many(PUBLICATION, "document", documents):
            found.setdefault(row["document"], []).append(row)
        return found

    def listed(self, *states: str, sessions: int = 0) -> list[Record]:
        """Publications in the given states with their payloads, by id; only those that had at least so many `sessions` of 1C."""
        return self._db.rows(
            self._db.mine(
                PUBLICATION, PUBLICATION.c.state.in_(states), PUBLICATION.c.sessions >= sessions
            ).order_by(PUBLICATION.c.id)
        )

    def silent(self, sessions: int, *paths: str) -> list[int]:
        """Ids of published documents that 1C has had at least so many sessions for; in the given files only when there are any."""
        only = [PUBLICATION.c.path.in_(paths)] if paths else []
        return [
            row[0]
            for row in self._db.tuples(
                sa.select(PUBLICATION.c.id)
                .where(
                    PUBLICATION.c.portal == self._db.portal,
                    PUBLICATION.c.state == "published",
                    PUBLICATION.c.sessions >= sessions,
                    *only,
                )
                .order_by(PUBLICATION.c.id)
            )
        ]

    def paths(self, *states: str) -> set[str]:
        """Files with documents in the given states."""
        return {
            row[0]
            for row in self._db.tuples(
                sa.select(PUBLICATION.c.path)
                .distinct()
                .where(PUBLICATION.c.portal == self._db.portal, PUBLICATION.c.state.in_(states))
            )
        }

    def documents(self) -> set[str]:
        """Numbers of all documents ever published or about to be, in any state."""
        return {
            row[0]
            for row in self._db.tuples(
                sa.select(PUBLICATION.c.document).distinct().where(PUBLICATION.c.portal == self._db.portal)
            )
        }

    def _known(self, given: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        wanted = set(given)
        rows = self._db.many(PUBLICATION, "document", {document for _, document in wanted})
        return {
            (row["path"], row["document"]): row for row in rows if (row["path"], row["document"]) in wanted
        }
