"""The state's short account for `obmen24 status`: the standard library only, so it costs no more than
opening a file.

Neither pathlib nor urllib at import: together they cost a third of an interpreter's start.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, NotRequired, TypedDict

#: what the watcher leaves in the state folder: the moment of its last look, and its lock
WATCH_MARK, WATCH_LOCK = "watch.health", "watch.lock"
_SILENT_MINUTES = 30.0  # a run of the watcher may take long, and it does not look meanwhile

Ask = Callable[[str], list[tuple[Any, ...]]]

_MINE = "(CAST(:portal AS TEXT) IS NULL OR portal = :portal)"
_GOOD = f"SELECT max(finished_at) FROM run WHERE status IN ('clean', 'attention') AND {_MINE}"  # noqa: S608 constant text
# runs of one portal are numbered; those of several are put in order by their start
_NEWEST = "ORDER BY CASE WHEN CAST(:portal AS TEXT) IS NULL THEN started_at END DESC, id DESC LIMIT 1"
_LAST = f"SELECT id, status, started_at FROM run WHERE {_MINE} {_NEWEST}"  # noqa: S608
_ISSUES = "issue WHERE closed_run IS NULL"
_OUTBOX = "outbox WHERE state IN ('new', 'sending', 'doubt')"
_UNSEEN = "publication WHERE state IN ('published', 'assumed')"
_QUESTIONS = "question WHERE answered_at IS NULL"


class LastRun(TypedDict):
    """The newest run: `status` as the state holds it, `interrupted` for an open one whose process is dead."""

    id: int
    status: str
    started_at: str


class Watcher(TypedDict):
    """The watcher of the exchange folder: minutes since its last look, whether its process lives, whether
    it answers.
    """

    minutes: float
    running: bool
    alive: bool


class Account(TypedDict):
    """What waits in a state: the last good run (local date and time in Russian order; ISO in UTC; its age)
    and counts.
    """

    last_good: str | None
    last_good_at: str | None
    age_minutes: float | None
    last_run: LastRun
    open_issues: int
    outbox_waiting: int
    unconfirmed: int
    questions: int
    watcher: NotRequired[Watcher | None]


def quick_status(url: str, portal: str | None = None, *, now: dt.datetime | None = None) -> Account | None:
    """What waits in the state at `url` (of one portal, or of all in that database), or None where nothing
    has run yet.

    A SQLite file is only read, never created; another database is asked through SQLAlchemy.
    """
    moment = now or dt.datetime.now(dt.UTC)
    if url.startswith("sqlite"):
        return _of_file(sqlite_path(url), portal, moment)
    return _of_server(url, portal, moment)


def watcher(folder: str, *, now: dt.datetime | None = None) -> Watcher | None:
    """The sign of life of the watcher in a state folder; None where none was ever started.

    It answers while its process holds its lock and has looked lately: a share that hangs leaves a process
    that does not.
    """
    looked_at = last_look(folder)
    if looked_at is None:
        return None
    minutes = _minutes(looked_at, now or dt.datetime.now(dt.UTC))
    running = _is_held(os.path.join(folder, WATCH_LOCK))
    return {"minutes": minutes, "running": running, "alive": running and minutes <= _SILENT_MINUTES}


def last_look(folder: str) -> dt.datetime | None:
    """When the watcher last listed the exchange folder with success; None when it never did."""
    try:
        with open(os.path.join(folder, WATCH_MARK), encoding="ascii") as mark:
            return dt.datetime.fromisoformat(mark.read())
    except (OSError, ValueError):
        return None


def sqlite_path(url: str) -> str:
    """The file of a SQLite URL (`sqlite:///relative` or `sqlite:////absolute`)."""
    path = url.partition(":///")[2].partition("?")[0]
    if "%" not in path:
        return path
    from urllib.parse import unquote

    return unquote(path)


def read_only(path: str) -> sqlite3.Connection:
    """A connection to a SQLite file that changes nothing; the caller closes it."""
    # the three characters that sqlite.org/uri.html asks to escape
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=5)


def _of_file(path: str, portal: str | None, now: dt.datetime) -> Account | None:
    """The account of a SQLite file; a run left open by a dead process, whose lock is free, is interrupted."""
    if not os.path.isfile(path):
        return None
    with closing(read_only(path)) as connection:

        def ask(text: str) -> list[tuple[Any, ...]]:
            return connection.execute(text, {"portal": portal}).fetchall()

        if not ask("SELECT 1 FROM sqlite_master WHERE name = 'run'"):
            return None  # the file is there but holds no state yet
        account = _account(ask, now)
    if account is None:
        return None
    run = account["last_run"]
    if run["status"] == "running" and not _is_held(f"{path}.lock"):
        run["status"] = "interrupted"
    return account


def _is_held(path: str) -> bool:
    """True while a process holds the lock file (see `etl.state.lock`; its library is too heavy for
    `status`).
    """
    import fcntl

    try:
        with open(path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _of_server(url: str, portal: str | None, now: dt.datetime) -> Account | None:
    """The account of a database of a server; whether an open run is alive only its lock could tell."""
    import sqlalchemy as sa

    address = sa.make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address)
    try:
        with engine.connect() as connection:

            def ask(text: str) -> list[tuple[Any, ...]]:
                found = connection.execute(sa.text(text), {"portal": portal})
                return [tuple(row) for row in found]

            return _account(ask, now)
    except sa.exc.ProgrammingError:
        return None  # a database without our tables: nothing has run yet
    finally:
        engine.dispose()


def _account(ask: Ask, now: dt.datetime) -> Account | None:
    runs = ask(_LAST)
    if not runs:
        return None
    number, status, started_at = runs[0]
    good_at = ask(_GOOD)[0][0]
    good = None if good_at is None else dt.datetime.fromisoformat(good_at)
    return {
        "last_good": None if good is None else good.astimezone().strftime("%d.%m.%Y %H:%M"),
        "last_good_at": good_at,
        "age_minutes": None if good is None else _minutes(good, now),
        "last_run": {"id": number, "status": status, "started_at": started_at},
        "open_issues": _count(ask, _ISSUES),
        "outbox_waiting": _count(ask, _OUTBOX),
        "unconfirmed": _count(ask, _UNSEEN),
        "questions": _count(ask, _QUESTIONS),
    }


def _count(ask: Ask, what: str) -> int:
    """How many rows of this portal there are; `what`: a table and its condition."""
    found = ask(f"SELECT count(*) FROM {what} AND {_MINE}")  # noqa: S608
    count: int = found[0][0]
    return count


def _minutes(moment: dt.datetime, now: dt.datetime) -> float:
    """Age in minutes, to a tenth."""
    seconds = (now - moment).total_seconds()
    return round(seconds / 60, 1)
