"""Alembic's entry: runs the migrations on the connection of `etl.state.opening`, inside its transaction."""

from alembic import context

from etl.state.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
