"""Runs, the journal («what happened to this deal, and why») and the issues that are still open."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import sqlalchemy as sa

from etl import tables
from etl.state.columns import encode
from etl.state.database import Database, Record, Rows, by, equal, walked
from etl.state.schema import ISSUE, JOURNAL, RUN

if TYPE_CHECKING:
    import pandas as pd

_JOURNAL = ("entity", "key", "action", "field", "before", "after", "file", "document", "rule", "message")
_ISSUE = ("severity", "file", "place", "entity", "key", "field", "value", "message")

RUNNING, INTERRUPTED = "running", "interrupted"
#: actions that tell how money came about (which file, which rule): a dispute about it may come at any time
_PROOFS = ("charge", "accrual", "act-confirmed", "payment", "shipment")
_FORGOTTEN = "journal-forgotten-on"  # watermark: the day on which old rows were last looked for


class RunRow(TypedDict):
    """A run as the state holds it."""

    id: int
    trigger: str
    flows: list[str]
    status: str
    counts: dict[str, Any] | None
    started_at: dt.datetime
    finished_at: dt.datetime | None


class Runs:
    """Runs of one portal. A run is begun under the lock, so an older run still `running` is known to be
    dead.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(self, trigger: str, flows: Iterable[str]) -> int:
        """Open a run and return its number. Runs left open by a killed process become `interrupted`."""
        row: Record = {
            "trigger": trigger,
            "flows": list(flows),
            "status": RUNNING,
            "started_at": self._db.now(),
        }
        with self._db.transaction():
            self._db.change(RUN, [RUN.c.status == RUNNING], status=INTERRUPTED)
            number = self._db.next(RUN.c.id)
            self._db.add(RUN, [row | {"id": number}])
        return number

    def finish(self, run: int, status: str, counts: Mapping[str, Any] | None = None) -> None:
        """Close a run. `status` is `clean`, `attention`, `failed` or another short word; the first two
        count as good.
        """
        told = dict(counts or {})
        now = self._db.now()
        self._db.change(RUN, [RUN.c.id == run], status=status, counts=told, finished_at=now)

    def last(self, count: int = 10) -> list[RunRow]:
        """The newest runs first.

        An open run whose process is dead is shown as `interrupted`.
        """
        newest = self._db.mine(RUN).order_by(RUN.c.id.desc()).limit(count)
        found: list[RunRow] = self._db.rows(newest)
        unfinished = [row for row in found if row["status"] == RUNNING]
        if unfinished and not self._db.is_held():
            for row in unfinished:
                row["status"] = INTERRUPTED
        return found

    # ---- journal
    def journal(self, run: int, rows: Rows) -> None:
        """Append rows; nothing is ever updated here (DESIGN §6).

        Columns: level (info, warn, error; default info), entity, key, action, field, before, after, file,
        document, rule, message. A frame of `changes` fits too: its `reason` becomes the rule.
        """
        with self._db.transaction():
            first = self._db.next(JOURNAL.c.seq, JOURNAL.c.run == run)
            self._db.add(JOURNAL, _numbered(rows, run, first, self._db.now()))

    def why(self, entity: str, key: str) -> list[Record]:
        """The journal of one record, oldest first."""
        this = (JOURNAL.c.entity == entity, JOURNAL.c.key == key)
        return self._db.listed(JOURNAL, *this, order=[JOURNAL.c.run, JOURNAL.c.seq])

    def forget(self, keep_months: int) -> int:
        """Drop journal rows older than so many months, looking at most once a day; how many there were.

        The journal holds names and addresses of people, which are kept only as long as somebody needs them
        ([state] keep_months). What proves money is never forgotten: charges, accruals, registers and facts
        stand in tables of their own, and of the journal their rows stay.
        """
        now = self._db.now()
        today = now.date().isoformat()
        with self._db.transaction():
            if self._db.cursor(_FORGOTTEN) == today:
                return 0
            self._db.set_cursor(_FORGOTTEN, today)
            is_old = JOURNAL.c.at < _months_before(now, keep_months)
            proves_nothing = sa.or_(JOURNAL.c.action.is_(None), JOURNAL.c.action.not_in(_PROOFS))
            return self._db.remove(JOURNAL, is_old, proves_nothing)

    # ---- issues
    def add_issues(self, run: int, rows: Rows, scope: str = "") -> None:
        """Store issues (table `issues`) found by `scope`, usually a flow.

        The same issue again stays one row, seen once more.
        """
        found: dict[str, Record] = {}
        for row in walked(rows):
            said = {name: row.get(name) for name in _ISSUE}
            mark = _mark(scope, said)
            found[mark] = {**said, "mark": mark, "scope": scope, "last_run": run, "closed_run": None}
        with self._db.transaction():
            known = by("mark", self._db.many(ISSUE, "mark", found))
            for mark, issue in found.items():
                issue["first_run"] = _first_run(known.get(mark), run)
            self._db.put(ISSUE, list(found.values()))

    def close_issues(self, run: int, scopes: Iterable[str]) -> int:
        """Close the open issues of `scopes` that this run has not met again; how many there were.

        Only for scopes that looked at everything.
        """
        is_open = ISSUE.c.closed_run.is_(None)
        in_scope = ISSUE.c.scope.in_(list(scopes))
        not_met = ISSUE.c.last_run < run
        return self._db.change(ISSUE, [is_open, in_scope, not_met], closed_run=run)

    def settle_issue(self, run: int, scope: str, said: Mapping[str, Any]) -> None:
        """Close the open issues of a scope about one thing (entity, key, field), whatever their words."""
        about = [ISSUE.c[name] == said[name] for name in ("entity", "key", "field")]
        is_open = ISSUE.c.closed_run.is_(None)
        self._db.change(ISSUE, [is_open, ISSUE.c.scope == scope, *about], closed_run=run)

    def open_issues(self, scope: str | None = None) -> pd.DataFrame:
        """Open issues, newest run first, as the table `issues`."""
        is_open = ISSUE.c.closed_run.is_(None)
        in_scope = equal(ISSUE.c.scope, scope)
        order = (ISSUE.c.last_run.desc(), ISSUE.c.scope, ISSUE.c.file, ISSUE.c.key, ISSUE.c.mark)
        found = self._db.listed(ISSUE, is_open, *in_scope, order=order)
        issues = (_issue(row, seq) for seq, row in enumerate(found, 1))
        return tables.frame("issues", issues)


def _numbered(rows: Rows, run: int, first: int, at: dt.datetime) -> Iterator[Record]:
    """Rows of the journal from `journal`'s rows, numbered from `first`."""
    for seq, row in enumerate(walked(rows), first):
        told = {name: row.get(name) for name in _JOURNAL}
        told["rule"] = told["rule"] or row.get("reason")
        yield {"run": run, "seq": seq, "at": at, "level": row.get("level") or "info", **told}


def _months_before(moment: dt.datetime, months: int) -> dt.datetime:
    """Midnight of the first day of the month that lies so many months back."""
    counted = moment.year * 12 + (moment.month - 1) - months
    year, month = divmod(counted, 12)
    return dt.datetime(year, month + 1, 1, tzinfo=dt.UTC)


def _first_run(known: Record | None, run: int) -> int:
    """The run that met an issue first; one that was closed in between counts anew."""
    if known is None or known["closed_run"] is not None:
        return run
    first: int = known["first_run"]
    return first


def _mark(scope: str, said: Record) -> str:
    """What makes an issue the same issue: its scope and every word of it."""
    words = [said[name] for name in _ISSUE]
    text = encode([scope, words])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _issue(row: Record, seq: int) -> Record:
    """A row of the table `issues`: what was said, without the memory of who met it when."""
    said = {name: row[name] for name in _ISSUE}
    return {"seq": seq, **said}
