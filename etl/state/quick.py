"""The state's short account for `obmen24 status`: the standard library only, so it costs no more than opening the file.

Neither pathlib nor urllib at import: together they cost a third of an interpreter's start.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

Ask = Callable[[str], list[tuple[Any, ...]]]

_MINE = "(CAST(:portal AS TEXT) IS NULL OR portal = :portal)"
_GOOD = f"SELECT max(finished_at) FROM run WHERE status IN ('clean', 'attention') AND {_MINE}"  # noqa: S608 constant text
# runs of one portal are numbered; those of several are put in order by their start
_NEWEST = "ORDER BY CASE WHEN CAST(:portal AS TEXT) IS NULL THEN started_at END DESC, id DESC LIMIT 1"
_LAST = f"SELECT id, status, started_at FROM run WHERE {_MINE} {_NEWEST}"  # noqa: S608
_COUNTS = {
    "open_issues": "issue WHERE closed_run IS NULL",
    "outbox_waiting": "outbox WHERE state IN ('new', 'sending', 'doubt')",
    "unconfirmed": "publication WHERE state IN ('published', 'assumed')",
    "questions": "question WHERE answered_at IS NULL",
}


def quick_status(
    url: str, portal: str | None = None, *, now: dt.datetime | None = None
) -> dict[str, Any] | None:
    """What waits in the state at `url` (of one portal, or of all in that database), or None where nothing has run yet.

    Keys: last_good (local date and time, Russian order, or None), last_good_at (ISO, UTC), age_minutes,
    last_run {id, status, started_at}, open_issues, outbox_waiting, unconfirmed, questions. A SQLite file is only read, never
    created; another database is asked through SQLAlchemy.
    """
    account = _sqlite(url, portal) if url.startswith("sqlite") else _other(url, portal)
    if account is None or account["last_run"] is None:
        return None
    return account | _age(account["last_good_at"], now or dt.datetime.now(dt.UTC))


def sqlite_path(url: str) -> str:
    """The file of a SQLite URL (`sqlite:///relative` or `sqlite:////absolute`)."""
    path = url.partition(":///")[2].partition("?")[0]
    if "%" not in path:
        return path
    from urllib.parse import unquote

    return unquote(path)


def _sqlite(url: str, portal: str | None) -> dict[str, Any] | None:
    path = sqlite_path(url)
    if not os.path.isfile(path):
        return None
    quoted = (
        path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    )  # what sqlite.org/uri.html asks for
    with closing(sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=5)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchall():
            return None  # the file is there but holds no state yet
        account = _account(lambda text: connection.execute(text, {"portal": portal}).fetchall())
    if account["last_run"] and account["last_run"]["status"] == "running" and not _held(path):
        account["last_run"]["status"] = "interrupted"
    return account


def _held(state: str) -> bool:
    """True while a process holds the lock beside the state (see `etl.state.lock`; its library is too heavy for `status`)."""
    import fcntl

    try:
        with open(f"{state}.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _other(url: str, portal: str | None) -> dict[str, Any] | None:
    import sqlalchemy as sa

    parsed = sa.make_url(url)
    engine = sa.create_engine(
        parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed
    )
    try:
        with engine.connect() as connection:
            return _account(
                lambda query: [tuple(row) for row in connection.execute(sa.text(query), {"portal": portal})]
            )
    except sa.exc.ProgrammingError:
        return None  # a database without our tables: nothing has run yet
    finally:
        engine.dispose()


def _account(ask: Ask) -> dict[str, Any]:
    last = ask(_LAST)
    named = dict(zip(("id", "status", "started_at"), last[0], strict=True)) if last else None
    counts = {name: ask(f"SELECT count(*) FROM {what} AND {_MINE}")[0][0] for name, what in _COUNTS.items()}  # noqa: S608
    return {"last_good_at": ask(_GOOD)[0][0], "last_run": named, **counts}


def _age(moment: str | None, now: dt.datetime) -> dict[str, Any]:
    if moment is None:
        return {"last_good": None, "age_minutes": None}
    good = dt.datetime.fromisoformat(moment)
    return {
        "last_good": good.astimezone().strftime("%d.%m.%Y %H:%M"),
        "age_minutes": round((now - good).total_seconds() / 60, 1),
    }
