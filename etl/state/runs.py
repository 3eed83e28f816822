"""Runs, the journal («what happened to this deal, and why») and the issues that are still open."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from etl import tables
from etl.state.database import Database, Record, Rows, listed, walked
from etl.state.schema import ISSUE, JOURNAL, RUN, encode

if TYPE_CHECKING:
    import pandas as pd

_JOURNAL = ("entity", "key", "action", "field", "before", "after", "file", "document", "rule", "message")
_ISSUE = ("severity", "file", "place", "entity", "key", "field", "value", "message")

RUNNING, INTERRUPTED = "running", "interrupted"


class Runs:
    """Runs of one portal. A run is begun under the lock, so an older run still `running` is known to be dead."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(self, trigger: str, flows: Iterable[str]) -> int:
        """Open a run and return its number. Runs left open by a killed process become `interrupted`."""
        with self._db.transaction():
            self._db.change(RUN, [RUN.c.status == RUNNING], status=INTERRUPTED)
            run = self._db.next(RUN, "id")
            self._db.add(
                RUN,
                [
                    {
                        "id": run,
                        "trigger": trigger,
                        "flows": list(flows),
                        "status": RUNNING,
                        "started_at": self._db.now(),
                    }
                ],
            )
        return run

    def finish(self, run: int, status: str, counts: Mapping[str, Any] | None = None) -> None:
        """Close a run. `status` is `clean`, `attention`, `failed` or another short word; the first two count as good."""
        self._db.change(
            RUN, [RUN.c.id == run], status=status, counts=dict(counts or {}), finished_at=self._db.now()
        )

    def last(self, count: int = 10) -> list[Record]:
        """The newest runs first: id, trigger, flows, status, counts, started_at, finished_at. An open run whose process is dead is
        shown as `interrupted`."""
        found = self._db.rows(self._db.mine(RUN).order_by(RUN.c.id.desc()).limit(count))
        dead = any(row["status"] == RUNNING for row in found) and not self._db.is_held()
        return [{**row, "status": INTERRUPTED} if dead and row["status"] == RUNNING else row for row in found]

    # ---- journal
    def journal(self, run: int, rows: Rows) -> None:
        """Append rows: level (info, warn, error; default info), entity, key, action, field, before, after, file, document, rule,
        message. A frame of `changes` fits too: its `reason` becomes the rule. Nothing is ever updated here."""
        with self._db.transaction():
            first, at = self._db.next(JOURNAL, "seq", JOURNAL.c.run == run), self._db.now()
            self._db.add(
                JOURNAL,
                (
                    {
                        "run": run,
                        "seq": first + place,
                        "at": at,
                        "level": row.get("level") or "info",
                        **{name: row.get(name) for name in _JOURNAL},
                        "rule": row.get("rule") or row.get("reason"),
                    }
                    for place, row in enumerate(walked(rows))
                ),
            )

    def why(self, entity: str, key: str) -> list[Record]:
        """The journal of one record, oldest first."""
        return self._db.rows(
            self._db.mine(JOURNAL, JOURNAL.c.entity == entity, JOURNAL.c.key == key).order_by(
                JOURNAL.c.run, JOURNAL.c.seq
            )
        )

    def journal_of(self, run: int) -> list[Record]:
        """The journal of one run, in order."""
        return self._db.rows(self._db.mine(JOURNAL, JOURNAL.c.run == run).order_by(JOURNAL.c.seq))

    def forget_before(self, moment: dt.datetime) -> int:
        """Drop journal rows older than `moment` (retention of personal data); how many there were."""
        return self._db.remove(JOURNAL, JOURNAL.c.at < moment)

    # ---- issues
    def add_issues(self, run: int, rows: Rows, scope: str = "") -> None:
        """Store issues (table `issues`) found by `scope`, usually a flow. The same issue again stays one row, seen once more."""
        issues = {}
        for row in listed(rows):
            said = {name: row.get(name) for name in _ISSUE}
            issues[_mark(scope, said)] = {**said, "scope": scope}
        with self._db.transaction():
            known = {row["mark"]: row for row in self._db.many(ISSUE, "mark", issues)}
            self._db.put(
                ISSUE,
                [
                    {
                        "mark": mark,
                        **row,
                        "first_run": _first(known.get(mark), run),
                        "last_run": run,
                        "closed_run": None,
                    }
                    for mark, row in issues.items()
                ],
            )

    def close_issues(self, run: int, scopes: Iterable[str]) -> int:
        """Close the open issues of `scopes` that this run has not met again. Only for scopes that looked at everything."""
        return self._db.change(
            ISSUE,
            [ISSUE.c.closed_run.is_(None), ISSUE.c.scope.in_(list(scopes)), ISSUE.c.last_run < run],
            closed_run=run,
        )

    def close_issues_of(self, run: int, entity: str, keys: Iterable[str]) -> None:
        """Close the open issues of records that went through at last."""
        with self._db.transaction():
            for key in keys:
                self._db.change(
                    ISSUE,
                    [
                        ISSUE.c.closed_run.is_(None),
                        ISSUE.c.entity == entity,
                        ISSUE.c.key == key,
                        ISSUE.c.last_run < run,
                    ],
                    closed_run=run,
                )

    def open_issues(self, scope: str | None = None) -> pd.DataFrame:
        """Open issues, newest run first, as the table `issues`."""
        only = [] if scope is None else [ISSUE.c.scope == scope]
        found = self._db.rows(
            self._db.mine(ISSUE, ISSUE.c.closed_run.is_(None), *only).order_by(
                ISSUE.c.last_run.desc(), ISSUE.c.scope, ISSUE.c.file, ISSUE.c.key, ISSUE.c.mark
            )
        )
        return tables.frame(
            "issues",
            [{"seq": seq, **{name: row[name] for name in _ISSUE}} for seq, row in enumerate(found, 1)],
        )


def _first(known: Record | None, run: int) -> int:
    return known["first_run"] if known and known["closed_run"] is None else run


def _mark(scope: str, said: Record) -> str:
    return hashlib.sha256(encode([scope, [said[name] for name in _ISSUE]]).encode()).hexdigest()[:32]
