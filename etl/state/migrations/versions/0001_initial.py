"""The first shape of the state.

A migration is history: it repeats the tables as they were and never imports `etl.state.schema`.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for tables in (_runs, _files, _identity, _outgoing, _registers):
        tables()


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("flows", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text()),
        sa.Column("started_at", sa.Text()),
        sa.Column("finished_at", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "id", name="pk_run"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journal",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text()),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text()),
        sa.Column("key", sa.Text()),
        sa.Column("action", sa.Text()),
        sa.Column("field", sa.Text()),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("file", sa.Text()),
        sa.Column("document", sa.Text()),
        sa.Column("rule", sa.Text()),
        sa.Column("message", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "run", "seq", name="pk_journal"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_journal_entity", "journal", ["portal", "entity", "key"])
    op.create_table(
        "issue",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("file", sa.Text()),
        sa.Column("place", sa.Text()),
        sa.Column("entity", sa.Text()),
        sa.Column("key", sa.Text()),
        sa.Column("field", sa.Text()),
        sa.Column("value", sa.Text()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_run", sa.Integer()),
        sa.Column("last_run", sa.Integer()),
        sa.Column("closed_run", sa.Integer()),
        sa.PrimaryKeyConstraint("portal", "mark", name="pk_issue"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_issue_open", "issue", ["portal", "closed_run"])


def _files() -> None:
    op.create_table(
        "file",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("raw_hash", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("stored_as", sa.Text()),
        sa.Column("generated_at", sa.Text()),
        sa.Column("seen_at", sa.Text()),
        sa.Column("run", sa.Integer()),
        sa.PrimaryKeyConstraint("portal", "direction", "hash", name="pk_file"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_file_name", "file", ["portal", "direction", "name", "seq"])
    op.create_index("ix_file_raw", "file", ["portal", "raw_hash"])
    op.create_index("ix_file_state", "file", ["portal", "state"])
    op.create_table(
        "document",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text()),
        sa.Column("generated_at", sa.Text()),
        sa.Column("seq", sa.Integer()),
        sa.Column("hash", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "id", name="pk_document"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursor",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "name", name="pk_cursor"),
        sqlite_with_rowid=False,
    )


def _identity() -> None:
    op.create_table(
        "link",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("foreign_id", sa.Text(), nullable=False),
        sa.Column("portal_id", sa.Text()),
        sa.Column("number", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "entity", "foreign_id", name="pk_link"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_link_number", "link", ["portal", "entity", "number"])
    op.create_index(
        "uq_link_portal",
        "link",
        ["portal", "entity", "portal_id"],
        unique=True,
        sqlite_where=sa.text("state = 'linked'"),
        postgresql_where=sa.text("state = 'linked'"),
    )
    op.create_table(
        "question",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("candidates", sa.Text()),
        sa.Column("answer", sa.Text()),
        sa.Column("run", sa.Integer()),
        sa.Column("asked_at", sa.Text()),
        sa.Column("answered_at", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "key", name="pk_question"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "field",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("base", sa.Text()),
        sa.Column("sent", sa.Text()),
        sa.Column("want", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "entity", "key", "field", name="pk_field"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stage",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("deal", sa.Text(), nullable=False),
        sa.Column("derived", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "deal", name="pk_stage"),
        sqlite_with_rowid=False,
    )


def _outgoing() -> None:
    op.create_table(
        "outbox",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_key", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("attempted_at", sa.Text()),
        sa.Column("result", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("run", sa.Integer()),
        sa.PrimaryKeyConstraint("portal", "id", name="pk_outbox"),
        sa.UniqueConstraint("portal", "key", name="uq_outbox_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outbox_entity", "outbox", ["portal", "entity", "entity_key"])
    op.create_index("ix_outbox_state", "outbox", ["portal", "state"])
    op.create_table(
        "publication",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("last_session", sa.Text()),
        sa.Column("payload", sa.Text()),
        sa.Column("published_at", sa.Text()),
        sa.Column("changed_at", sa.Text()),
        sa.Column("run", sa.Integer()),
        sa.PrimaryKeyConstraint("portal", "id", name="pk_publication"),
        sa.UniqueConstraint("portal", "path", "document", name="uq_publication"),
        sqlite_with_rowid=False,
    )


def _registers() -> None:
    op.create_table(
        "register",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text()),
        sa.Column("run", sa.Integer()),
        sa.Column("planned_at", sa.Text()),
        sa.Column("exported_at", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "month", "version", name="pk_register"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "charge",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("deal", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("portal", "deal", "month", "kind", name="pk_charge"),
        sa.UniqueConstraint("portal", "number", name="uq_charge_number"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_charge_month", "charge", ["portal", "month", "version"])
    op.create_table(
        "charge_version",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("deal", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("delta", sa.Text()),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("portal", "deal", "month", "kind", "version", name="pk_charge_version"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_charge_version_month", "charge_version", ["portal", "month", "version"])
    op.create_table(
        "accrual",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("deal", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer()),
        sa.Column("changed_at", sa.Text()),
        sa.PrimaryKeyConstraint("portal", "deal", "part", "turn", name="pk_accrual"),
        sa.UniqueConstraint("portal", "number", name="uq_accrual_number"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_accrual_state", "accrual", ["portal", "state"])
    op.create_table(
        "fact",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("date", sa.Date()),
        sa.Column("amount", sa.Text()),
        sa.Column("number", sa.Text()),
        sa.Column("party", sa.Text()),
        sa.Column("file", sa.Text()),
        sa.Column("place", sa.Text()),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("run", sa.Integer()),
        sa.PrimaryKeyConstraint("portal", "kind", "source", "id", name="pk_fact"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_fact_target", "fact", ["portal", "kind", "target"])
