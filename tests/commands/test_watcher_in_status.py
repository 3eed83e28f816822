"""`obmen24 status` tells of the watcher of the exchange folder, once one was started."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from etl.cli.words import status as words
from etl.commands import status
from etl.config import source
from etl.state import quick
from etl.state.lock import file_lock
from etl.state.store import Store
from tests.support import scenario


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = scenario.copied(tmp_path, "video")
    with Store.open(source.state_url(path, source.read(path)), portal=_portal(path)) as store:
        store.runs.finish(store.runs.begin("cron", []), "clean")
    return path


def _portal(path: Path) -> str:
    name: str = source.read(path)["bitrix24"]["name"]
    return name


def test_nothing_is_said_where_no_watcher_was_ever_started(profile: Path) -> None:
    assert "Наблюдатель" not in words.text(status.read(profile), stale_after=None)


def test_a_watcher_is_alive_or_does_not_answer(profile: Path) -> None:
    state = Path(source.state_folder(profile, source.read(profile)))
    now = dt.datetime.now(dt.UTC)
    (state / quick.WATCH_MARK).write_text((now - dt.timedelta(minutes=5)).isoformat(), encoding="ascii")
    dead = words.text(status.read(profile), stale_after=None)
    assert "Наблюдатель папки: не отвечает 5 мин: запустите obmen24 watch." in dead
    assert "Делать ничего не нужно" not in dead
    with file_lock(state / quick.WATCH_LOCK, "занято"):
        living = words.text(status.read(profile), stale_after=None)
        (state / quick.WATCH_MARK).write_text((now - dt.timedelta(hours=1)).isoformat(), encoding="ascii")
        hanging = words.text(status.read(profile), stale_after=None)
    assert "Наблюдатель папки: жив, последний взгляд 5 мин назад." in living
    assert living.endswith("Делать ничего не нужно.")
    assert "Наблюдатель папки: не отвечает 60 мин: перезапустите obmen24 watch." in hanging
    assert not status.is_stale(status.read(profile), 60), "--max-age stays the dead-man check of the runs"
