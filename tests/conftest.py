"""The databases the store must work on: SQLite always, PostgreSQL where its server is installed (a throw-away cluster)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of an empty database: `TEST_POSTGRESQL_URL`, or a cluster of our own on a unix socket, removed afterwards."""
    if given := os.environ.get("TEST_POSTGRESQL_URL"):
        yield given
        return
    pytest.importorskip("psycopg", reason="драйвер psycopg не установлен")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("сервер PostgreSQL не установлен и TEST_POSTGRESQL_URL не задан")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(folder, user)

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, *arguments],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    data = str(folder / "data")
    call("initdb", "--no-sync", "--auth=trust", "--username=test", "--encoding=UTF8", "--pgdata", data)
    call(
        "pg_ctl",
        "start",
        "--wait",
        "--pgdata",
        data,
        "--log",
        str(folder / "log"),
        "--options",
        f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off",
    )
    try:
        yield f"postgresql://test@/postgres?host={folder}"
    finally:
        call("pg_ctl", "stop", "--mode=immediate", "--pgdata", data)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a state database, once per kind of database. On PostgreSQL tests share it and differ by portal."""
    return (
        f"sqlite:///{tmp_path / 'state' / 'state.sqlite'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgresql")
    )


@pytest.fixture
def portal(request: pytest.FixtureRequest) -> str:
    """A portal name of the test's own."""
    return request.node.nodeid
