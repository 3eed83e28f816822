"""`obmen24 why`: what the state's journal tells about one record, and which remarks are still open."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from etl import tables
from etl.config.profile import Profile
from etl.state.store import Store


@dataclass(frozen=True)
class Step:
    """One thing that happened to a record, and the file, document and rule it rests on.

    `before` and `after` are values of `field`, as JSON holds them.
    """

    run: int
    seq: int
    at: dt.datetime
    level: str
    entity: str | None
    key: str | None
    action: str | None
    field: str | None
    before: Any
    after: Any
    file: str | None
    document: str | None
    rule: str | None
    message: str | None


@dataclass(frozen=True)
class Remark:
    """An issue that still stands: `level` is its severity (reject, warn, ask), `place` is in the file."""

    level: str
    file: str | None
    place: str | None
    entity: str | None
    key: str | None
    message: str


def why(profile: Profile, entity: str, key: str) -> list[Step | Remark]:
    """The journal of one record, oldest first, then the remarks about it that stand; empty for a record
    nothing has happened to.
    """
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store:
        rows = store.runs.why(entity, key)
        issues = tables.records(store.runs.open_issues())
    standing = [_remark(row) for row in issues if _is_about(row, entity, key)]
    return [*(Step(**row) for row in rows), *standing]


def _is_about(row: tables.Record, entity: str, key: str) -> bool:
    """Whether a remark is about a record. A document is named by its number too: its deal may not exist."""
    if (row["entity"] or "").removesuffix("s") == entity.removesuffix("s") and row["key"] == key:
        return True
    return entity == "document" and key in (row["key"], row["value"])


def remarks(profile: Profile) -> list[Remark]:
    """Every open issue of the portal, those of the newest run first."""
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store:
        rows = tables.records(store.runs.open_issues())
    return [_remark(row) for row in rows]


def _remark(row: tables.Record) -> Remark:
    """A row of `issues` as a remark."""
    return Remark(
        level=row["severity"],
        file=row["file"],
        place=row["place"],
        entity=row["entity"],
        key=row["key"],
        message=row["message"],
    )
