"""Copies for a plan: the same path runs on them and they are thrown away, so `plan` shows what `run` then
does.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from etl.config.profile import Profile
from etl.state import quick

if TYPE_CHECKING:
    import sqlalchemy as sa

_ROWS = 1_000  # rows copied at a time


def copied_state(profile: Profile) -> str:
    """URL of a copy of the state in a SQLite file that is removed at the end of the process.

    Of a server's database the rows of the profile's portal are copied, of a file everything. Raises
    ConfigError for an unusable URL, TryLater when the server does not answer, NeedsPerson for a state of a
    newer programme.
    """
    target = _scratch() / "state.sqlite"
    url = f"sqlite:///{target}"
    if profile.state_url.startswith("sqlite"):
        _copy_file(Path(quick.sqlite_path(profile.state_url)), target)
    else:
        _copy_rows(profile.state_url, url, profile.bitrix24.name)
    return url


def copied_folder(profile: Profile) -> Path:
    """A copy of the exchange folder without its quarantine and what is being written."""
    target = _scratch() / profile.folder.name
    if profile.folder.is_dir():
        shutil.copytree(profile.folder, target, ignore=_left_out, symlinks=True)
    return target


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What is not copied: also what is neither a file nor a folder, for a pipe would never end."""
    apart = shutil.ignore_patterns("quarantine", "*.tmp")(folder, names)
    for name in names:
        path = Path(folder, name)
        if path.exists() and not path.is_file() and not path.is_dir():
            apart.add(name)
    return apart


def _copy_file(source: Path, target: Path) -> None:
    """SQLite's own backup: a state that another process is writing to is copied as of one moment."""
    if not source.is_file():
        return
    from etl.state import trouble

    with closing(quick.read_only(str(source))) as original, closing(sqlite3.connect(target)) as copy:
        try:
            original.backup(copy)
        except sqlite3.DatabaseError as error:
            raise trouble.damaged() from error


def _copy_rows(source: str, target: str, portal: str) -> None:
    """Copy one portal's rows of all tables to a new SQLite file at the same revision; the source is only
    read.

    All rows are read in one transaction that sees one moment. The copy is brought to the newest shape when
    it is opened as a state, as the source will be by the next run.
    """
    from etl.state import opening
    from etl.state.trouble import explained

    server, file = opening.engine(source), opening.engine(target)
    try:
        with explained(), server.connect() as reading, file.connect() as writing:
            found = opening.revision(reading)
            if found is None:
                return  # nothing has run yet
            writing.info["write"] = True
            with reading.execution_options(isolation_level="REPEATABLE READ").begin(), writing.begin():
                opening.migrate(writing, found)
                _copy_tables(reading, writing, portal)
    finally:
        server.dispose()
        file.dispose()


def _copy_tables(reading: sa.Connection, writing: sa.Connection, portal: str) -> None:
    """Every table keyed by `portal`, with the columns of the copy as they are stored: text stays the same
    text.
    """
    import sqlalchemy as sa

    tables = sa.MetaData()
    tables.reflect(writing)
    for table in tables.sorted_tables:
        if "portal" not in table.c:
            continue  # Alembic's own
        mine = sa.select(table).where(table.c.portal == portal).execution_options(stream_results=True)
        rows = reading.execute(mine).mappings()
        for part in rows.partitions(_ROWS):
            writing.execute(sa.insert(table), [dict(row) for row in part])


def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="obmen24-plan-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
