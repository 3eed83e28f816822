"""A plan runs on copies: on a server's state it says what it says on a file, and the server's rows stay as they are."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl import scratch
from etl.config import profile
from etl.errors import NeedsPerson
from etl.state import opening, schema
from etl.state.store import Store
from tests.support import scenario

CASE = "video/three-months"
TABLES = (
    "accrual",
    "charge_version",
    "fact",
    "file",
    "journal",
    "outbox",
    "publication",
    "register",
    "run",
    "stage",
)


def rows(url: str, portal: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a portal in every table of the state, values in their own types."""
    engine = opening.engine(url)
    found = {}
    with engine.connect() as connection:
        for table in schema.METADATA.sorted_tables:
            mine = sa.select(table).where(table.c.portal == portal).order_by(*table.primary_key.columns)
            found[table.name] = [tuple(row) for row in connection.execute(mine)]
    engine.dispose()
    return found


def kinds(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[list[type]]]:
    return {name: [[type(value) for value in row] for row in table] for name, table in found.items()}


def told(folder: Path, portal: str, url: str = "") -> tuple[str, str]:
    """What a plan says in the middle of November, and the URL of the state it was made for."""
    name, steps = scenario.steps(CASE)
    folder.mkdir()
    named = re.search(r'^name = ".*"', scenario.copied(folder, name).read_text(encoding="utf-8"), re.M)
    assert named is not None
    edit = {named[0]: f'name = "{portal}"'}
    if url:
        edit["[onec]"] = f'[state]\nurl = "{url}"\n\n[onec]'
    with scenario.opened(folder, name, case=CASE, edit=edit) as running:
        for step in steps[:5]:
            scenario.play(running, step)
        scenario.play(running, {what: how for what, how in steps[5].items() if what != "run"})
        asked = running.stage.profile
        before = rows(asked.state_url, portal)
        assert [table for table in TABLES if not before[table]] == []
        copied = rows(scratch.copied_state(asked), portal)
        assert copied == before and kinds(copied) == kinds(before), "every value and type survives"
        said = running.run(dry=True).text()
        assert rows(asked.state_url, portal) == before, "a plan writes nothing"
    return said, asked.state_url


def test_a_plan_on_a_server_says_what_it_says_on_a_file(tmp_path: Path, postgresql: str) -> None:
    portal = f"plan-{uuid.uuid4()}"
    with Store.open(postgresql, portal="another") as other:
        other.files.set_cursor("a", "1")
    on_file, _ = told(tmp_path / "file", portal)
    on_server, url = told(tmp_path / "server", portal, postgresql)
    assert url == postgresql
    assert "План (ничего не записано):" in on_file and "1-ая оплата менеджеру" in on_file
    assert on_server == on_file


def test_a_server_where_nothing_has_run_gives_an_empty_state(tmp_path: Path, postgresql: str) -> None:
    asked = profile.load(scenario.copied(tmp_path, "video"))
    empty = asked.model_copy(update={"state": profile.State(url=with_database(postgresql, "empty"))})
    with Store.open(scratch.copied_state(empty), portal="p") as store:
        assert store.runs.last() == []


def test_a_server_of_a_newer_programme_is_refused(tmp_path: Path, postgresql: str) -> None:
    url = with_database(postgresql, "newer")
    with Store.open(url, portal="p") as store, store.transaction():
        store._database.connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    asked = profile.load(scenario.copied(tmp_path, "video"))
    newer = asked.model_copy(update={"state": profile.State(url=url)})
    with pytest.raises(NeedsPerson, match="более новой версией"):
        scratch.copied_state(newer)


def with_database(url: str, prefix: str) -> str:
    """URL of a new database on the same server."""
    name = f"{prefix}_{uuid.uuid4().hex}"
    engine = opening.engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)
