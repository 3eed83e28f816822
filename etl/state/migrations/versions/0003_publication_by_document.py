"""Publications are asked by document: without the index each question reads them all with their contents.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_publication_document", "publication", ["portal", "document"])
