"""Copies for a plan: the same path runs on them and they are thrown away, so `plan` shows what `run` then does."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.state.quick import sqlite_path


def copied_state(profile: Profile) -> str:
    """URL of a copy of the state. Raises ConfigError for a state that is not SQLite: a server's database is not copied."""
    if not profile.state_url.startswith("sqlite"):
        raise ConfigError(
            "План считается на копии состояния, а оно хранится не в SQLite.",
            "Выполните obmen24 run на учебном профиле.",
        )
    source, target = Path(sqlite_path(profile.state_url)), _scratch() / "state.sqlite"
    if source.is_file():
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
    return f"sqlite:///{target}"


def copied_folder(profile: Profile) -> Path:
    """A copy of the exchange folder without its archive and quarantine."""
    target = _scratch() / profile.folder.name
    if profile.folder.is_dir():
        shutil.copytree(
            profile.folder, target, ignore=shutil.ignore_patterns("quarantine", "*.tmp"), symlinks=True
        )
    return target


def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="obmen24-plan-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
