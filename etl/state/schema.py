"""The tables of the state, as SQLAlchemy Core. `etl/migrations` brings any older database to this shape.

Every row is keyed by `portal`. Money is text (exact on every database), moments are UTC text that sorts by time, and values
of any type are JSON with tagged types (`encode`, `decode`), so a Decimal, a date and a tuple come back as they went in.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

#: newest Alembic revision: a database at this revision is opened without importing Alembic at all
REVISION = "0002"

METADATA = sa.MetaData()


def encode(value: Any) -> str:
    """A value as JSON text; equal values give equal text. Decimal, date, datetime and tuple keep their type."""
    return _ENCODER.encode(_tagged(value))


def decode(text: str) -> Any:
    """What `encode` was given."""
    return _DECODER.decode(text)


def _tagged(value: Any) -> Any:
    match value:
        case Decimal():
            return {"$": "decimal", "v": str(value)}
        case dt.datetime():
            return {"$": "moment", "v": value.isoformat()}
        case dt.date():
            return {"$": "date", "v": value.isoformat()}
        case tuple():
            return {"$": "tuple", "v": [_tagged(item) for item in value]}
        case list():
            return [_tagged(item) for item in value]
        case dict():
            return {str(key): _tagged(item) for key, item in value.items()}
    return value


#: sums and days come again and again: one text is one object
_ONE = lru_cache(maxsize=4096)
_BUILD: dict[str, Callable[[Any], Any]] = {
    "decimal": _ONE(Decimal),
    "moment": dt.datetime.fromisoformat,
    "date": _ONE(dt.date.fromisoformat),
    "tuple": tuple,
}


def _untagged(item: dict[str, Any]) -> Any:
    return _BUILD[item["$"]](item["v"]) if item.keys() == {"$", "v"} else item


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_DECODER = json.JSONDecoder(object_hook=_untagged)


class Json(sa.types.TypeDecorator[Any]):
    """Any value as tagged JSON text; a NULL column is absence, not JSON null."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Any) -> str | None:
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, _dialect: Any) -> Any:
        return None if value is None else decode(value)


class Money(sa.types.TypeDecorator[Decimal]):
    """An exact amount in roubles, kept as text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Any) -> str | None:
        if value is not None and not isinstance(value, Decimal):
            raise TypeError(f"money must be Decimal, got {type(value).__name__}")
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, _dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value)


class Moment(sa.types.TypeDecorator[dt.datetime]):
    """An aware moment as UTC text of fixed width, so that text order is time order."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, _dialect: Any) -> str | None:
        return None if value is None else moment_text(value)

    def process_result_value(self, value: str | None, _dialect: Any) -> dt.datetime | None:
        return None if value is None else dt.datetime.fromisoformat(value)


def moment_text(value: dt.datetime) -> str:
    """UTC text of a moment. A moment without a zone is refused: local times of 1C are ambiguous twice a year."""
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **options)


def _need(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _table(
    name: str,
    key: tuple[str, ...],
    *columns: sa.Column[Any],
    extra: tuple[sa.Index | sa.UniqueConstraint, ...] = (),
) -> sa.Table:
    keyed = {column.name: column for column in columns}
    for part in key:
        keyed[part].nullable = False
    return sa.Table(
        name,
        METADATA,
        _need("portal"),
        *columns,
        sa.PrimaryKeyConstraint("portal", *key, name=f"pk_{name}"),
        *extra,
        sqlite_with_rowid=False,
    )


def _number(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, **options)


def _moment(name: str) -> sa.Column[dt.datetime]:
    return sa.Column(name, Moment)


def _count(name: str, start: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(start))


# ---- runs, journal, issues
RUN = _table(
    "run",
    ("id",),
    _number("id", autoincrement=False),
    _need("trigger"),
    sa.Column("flows", Json),
    _need("status"),
    sa.Column("counts", Json),
    _moment("started_at"),
    _moment("finished_at"),
)
JOURNAL = _table(
    "journal",
    ("run", "seq"),
    _number("run"),
    _number("seq"),
    _moment("at"),
    _need("level"),
    _text("entity"),
    _text("key"),
    _text("action"),
    _text("field"),
    sa.Column("before", Json),
    sa.Column("after", Json),
    _text("file"),
    _text("document"),
    _text("rule"),
    _text("message"),
    extra=(sa.Index("ix_journal_entity", "portal", "entity", "key"),),
)
ISSUE = _table(
    "issue",
    ("mark",),
    _text("mark"),
    _need("scope"),
    _need("severity"),
    _text("file"),
    _text("place"),
    _text("entity"),
    _text("key"),
    _text("field"),
    _text("value"),
    _need("message"),
    _number("first_run"),
    _number("last_run"),
    _number("closed_run"),
    extra=(sa.Index("ix_issue_open", "portal", "closed_run"),),
)

# ---- files, documents, cursors
FILE = _table(
    "file",
    ("direction", "hash"),
    _text("direction"),
    _text("hash"),
    _number("seq", nullable=False),
    _need("name"),
    _text("raw_hash"),
    _need("state"),
    _text("reason"),
    _text("stored_as"),
    _moment("generated_at"),
    _moment("seen_at"),
    _number("run"),
    extra=(
        sa.Index("ix_file_state", "portal", "state"),
        sa.Index("ix_file_name", "portal", "direction", "name", "seq"),
        sa.Index("ix_file_raw", "portal", "raw_hash"),
    ),
)
DOCUMENT = _table(
    "document",
    ("id",),
    _text("id"),
    _text("version"),
    _moment("generated_at"),
    _number("seq"),
    _text("hash"),
    sa.Column("payload", Json),
)
CURSOR = _table("cursor", ("name",), _text("name"), _text("value"))

# ---- identity and merge
LINK = _table(
    "link",
    ("entity", "foreign_id"),
    _text("entity"),
    _text("foreign_id"),
    _text("portal_id"),
    _text("number"),
    _need("state"),
    _moment("changed_at"),
    extra=(
        sa.Index(
            "uq_link_portal",
            "portal",
            "entity",
            "portal_id",
            unique=True,
            sqlite_where=sa.text("state = 'linked'"),
            postgresql_where=sa.text("state = 'linked'"),
        ),
        sa.Index("ix_link_number", "portal", "entity", "number"),
    ),
)
QUESTION = _table(
    "question",
    ("key",),
    _text("key"),
    _text("entity"),
    _need("text"),
    sa.Column("candidates", Json),
    sa.Column("answer", Json),
    _number("run"),
    _moment("asked_at"),
    _moment("answered_at"),
)
FIELD = _table(
    "field",
    ("entity", "key", "field"),
    _text("entity"),
    _text("key"),
    _text("field"),
    _text("base"),
    _text("sent"),
    _text("want"),
)
STAGE = _table("stage", ("deal",), _text("deal"), _need("derived"), _moment("changed_at"))

# ---- outbox, publications
OUTBOX = _table(
    "outbox",
    ("id",),
    _number("id", autoincrement=False),
    _need("key"),
    _need("entity"),
    _need("entity_key"),
    _need("method"),
    sa.Column("payload", Json),
    _need("state"),
    _count("attempts"),
    _moment("attempted_at"),
    _text("result"),
    _text("error"),
    _number("run"),
    extra=(
        sa.UniqueConstraint("portal", "key", name="uq_outbox_key"),
        sa.Index("ix_outbox_state", "portal", "state"),
        sa.Index("ix_outbox_entity", "portal", "entity", "entity_key"),
    ),
)
PUBLICATION = _table(
    "publication",
    ("id",),
    _number("id", autoincrement=False),
    _need("path"),
    _need("document"),
    _need("hash"),
    _need("state"),
    _count("sessions"),
    _text("last_session"),
    sa.Column("payload", Json),
    _moment("published_at"),
    _moment("changed_at"),
    _number("run"),
    extra=(sa.UniqueConstraint("portal", "path", "document", name="uq_publication"),),
)

# ---- registers and facts
REGISTER = _table(
    "register",
    ("month", "version"),
    _text("month"),
    _number("version"),
    _need("state"),
    sa.Column("facts", Json),
    _number("run"),
    _moment("planned_at"),
    _moment("exported_at"),
)
CHARGE = _table(
    "charge",
    ("deal", "month", "kind"),
    _text("deal"),
    _text("month"),
    _text("kind"),
    _need("number"),
    _number("version", nullable=False),
    extra=(
        sa.UniqueConstraint("portal", "number", name="uq_charge_number"),
        sa.Index("ix_charge_month", "portal", "month", "version"),
    ),
)
CHARGE_VERSION = _table(
    "charge_version",
    ("deal", "month", "kind", "version"),
    _text("deal"),
    _text("month"),
    _text("kind"),
    _number("version"),
    _number("seq", nullable=False),
    _need("action"),
    sa.Column("amount", Money, nullable=False),
    sa.Column("delta", Money),
    sa.Column("payload", Json, nullable=False),
    extra=(sa.Index("ix_charge_version_month", "portal", "month", "version"),),
)
ACCRUAL = _table(
    "accrual",
    ("deal", "part", "turn"),
    _text("deal"),
    _text("part"),
    _number("turn"),
    _need("number"),
    _need("state"),
    sa.Column("amount", Money, nullable=False),
    sa.Column("payload", Json, nullable=False),
    _number("run"),
    _moment("changed_at"),
    extra=(
        sa.UniqueConstraint("portal", "number", name="uq_accrual_number"),
        sa.Index("ix_accrual_state", "portal", "state"),
    ),
)
FACT = _table(
    "fact",
    ("kind", "source", "id"),
    _text("kind"),
    _text("source"),
    _text("id"),
    _need("target"),
    sa.Column("date", sa.Date),
    sa.Column("amount", Money),
    _text("number"),
    _text("party"),
    _text("file"),
    _text("place"),
    sa.Column("gone", sa.Boolean, nullable=False),
    _number("run"),
    extra=(sa.Index("ix_fact_target", "portal", "kind", "target"),),
)
