"""The tables of the state, as SQLAlchemy Core.

`etl.state.migrations` brings any older database to this shape (DESIGN §6).

Every row is keyed by `portal`: many portals may share one database. How values stand in a column is said in
`etl.state.columns`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from etl.state.columns import Json, Moment, Money

#: newest Alembic revision: a database at this revision is opened without importing Alembic at all
REVISION = "0003"

METADATA = sa.MetaData()


def _text(name: str, *, needed: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=not needed)


def _number(name: str, *, needed: bool = False) -> sa.Column[int]:
    """A whole number. The store counts by itself, for each portal apart, so the database must not."""
    return sa.Column(name, sa.Integer, nullable=not needed, autoincrement=False)


def _counter(name: str) -> sa.Column[int]:
    """How often something has happened, 0 at first."""
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _json(name: str, *, needed: bool = False) -> sa.Column[Any]:
    """A value of any type, sums and days in it exact."""
    return sa.Column(name, Json, nullable=not needed)


def _money(name: str, *, needed: bool = False) -> sa.Column[Decimal]:
    """An exact sum, never a float (DESIGN §3)."""
    return sa.Column(name, Money, nullable=not needed)


def _moment(name: str) -> sa.Column[dt.datetime]:
    """A moment with its zone."""
    return sa.Column(name, Moment)


def _table(
    name: str,
    key: tuple[str, ...],
    *columns: sa.Column[Any],
    extra: tuple[sa.Index | sa.UniqueConstraint, ...] = (),
) -> sa.Table:
    """A table keyed by `portal` and `key`, with its rows kept in the order of that key where the database
    can.
    """
    by_name = {column.name: column for column in columns}
    for part in key:
        by_name[part].nullable = False
    return sa.Table(
        name,
        METADATA,
        _text("portal", needed=True),
        *columns,
        sa.PrimaryKeyConstraint("portal", *key, name=f"pk_{name}"),
        *extra,
        sqlite_with_rowid=False,
    )


# ---- runs, journal, issues
RUN = _table(
    "run",
    ("id",),
    _number("id"),
    _text("trigger", needed=True),
    _json("flows"),
    _text("status", needed=True),
    _json("counts"),
    _moment("started_at"),
    _moment("finished_at"),
)
JOURNAL = _table(
    "journal",
    ("run", "seq"),
    _number("run"),
    _number("seq"),
    _moment("at"),
    _text("level", needed=True),
    _text("entity"),
    _text("key"),
    _text("action"),
    _text("field"),
    _json("before"),
    _json("after"),
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
    _text("scope", needed=True),
    _text("severity", needed=True),
    _text("file"),
    _text("place"),
    _text("entity"),
    _text("key"),
    _text("field"),
    _text("value"),
    _text("message", needed=True),
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
    _number("seq", needed=True),
    _text("name", needed=True),
    _text("raw_hash"),
    _text("state", needed=True),
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
    _json("payload"),
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
    _text("state", needed=True),
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
    _text("text", needed=True),
    _json("candidates"),
    _json("answer"),
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
STAGE = _table("stage", ("deal",), _text("deal"), _text("derived", needed=True), _moment("changed_at"))

# ---- outbox, publications
OUTBOX = _table(
    "outbox",
    ("id",),
    _number("id"),
    _text("key", needed=True),
    _text("entity", needed=True),
    _text("entity_key", needed=True),
    _text("method", needed=True),
    _json("payload"),
    _text("state", needed=True),
    _counter("attempts"),
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
    _number("id"),
    _text("path", needed=True),
    _text("document", needed=True),
    _text("hash", needed=True),
    _text("state", needed=True),
    _counter("sessions"),
    _text("last_session"),
    _json("payload"),
    _moment("published_at"),
    _moment("changed_at"),
    _number("run"),
    extra=(
        sa.UniqueConstraint("portal", "path", "document", name="uq_publication"),
        sa.Index("ix_publication_document", "portal", "document"),
    ),
)

# ---- registers and facts
REGISTER = _table(
    "register",
    ("month", "version"),
    _text("month"),
    _number("version"),
    _text("state", needed=True),
    _json("facts"),
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
    _text("number", needed=True),
    _number("version", needed=True),
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
    _number("seq", needed=True),
    _text("action", needed=True),
    _money("amount", needed=True),
    _money("delta"),
    _json("payload", needed=True),
    extra=(sa.Index("ix_charge_version_month", "portal", "month", "version"),),
)
ACCRUAL = _table(
    "accrual",
    ("deal", "part", "turn"),
    _text("deal"),
    _text("part"),
    _number("turn"),
    _text("number", needed=True),
    _text("state", needed=True),
    _money("amount", needed=True),
    _json("payload", needed=True),
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
    _text("target", needed=True),
    sa.Column("date", sa.Date),
    _money("amount"),
    _text("number"),
    _text("party"),
    _text("file"),
    _text("place"),
    sa.Column("gone", sa.Boolean, nullable=False),
    _number("run"),
    extra=(sa.Index("ix_fact_target", "portal", "kind", "target"),),
)
