"""Disks, rights and damaged states: true words and the code that fits, never «a bug in the programme»."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_main import obmen24
from tests.support import scenario


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a profile that ran once."""
    tmp = tmp_path_factory.mktemp("trouble")
    done = obmen24("-p", scenario.copied(tmp, "video"), "run")
    assert done.returncode in (0, 1, 3), done.stderr
    return tmp


def state(folder: Path) -> Path:
    return folder / ".obmen24" / "video" / "state.sqlite"


def in_the_way(path: Path) -> None:
    """A folder where a file belongs."""
    if path.exists():
        path.unlink()
    path.mkdir(parents=True)


def garbage(folder: Path) -> None:
    state(folder).write_bytes(b"x" * 9000)


def without(table: str) -> Callable[[Path], None]:
    def drop(folder: Path) -> None:
        with sqlite3.connect(state(folder)) as db:
            db.execute(f"drop table {table}")

    return drop


def unversioned(folder: Path) -> None:
    with sqlite3.connect(state(folder)) as db:
        db.execute("delete from alembic_version")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "exchange" / "from_1c" / "f.xml")


@pytest.mark.parametrize(
    ("broken", "arguments", "code"),
    [
        (garbage, ["run"], 3),
        (garbage, ["plan"], 3),
        (without("charge"), ["run"], 3),
        (without("issue"), ["run"], 3),
        (unversioned, ["run"], 3),
        (lambda folder: in_the_way(folder / "exchange" / "to_1c" / "documents.xml"), ["run"], 75),
        (lambda folder: in_the_way(folder / ".obmen24" / "video" / "profile.accepted"), ["run"], 75),
        (pipe, ["plan"], 0),
    ],
    ids=["garbage", "garbage plan", "no charges", "no issues", "no version", "folder", "accepted", "pipe"],
)
def test_a_broken_place_is_named(
    rehearsed: Path, tmp_path: Path, broken: Callable[[Path], None], arguments: list[str], code: int
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(rehearsed, folder)
    broken(folder)
    done = obmen24("-p", folder / "video.toml", *arguments)
    assert "Ошибка в программе" not in done.stderr
    assert done.returncode == code or (code == 0 and done.returncode in (1, 3)), done.stderr
