"""The watcher: finds every file whatever happens to events, folder and processes."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from etl.errors import ConfigError, TryLater
from etl.exchange import watch
from etl.exchange.folder import Exchange, sources
from etl.state import quick
from etl.state.lock import Busy, file_lock
from tests.support.paths import ROOT

SETTLE = 0.1


def exchange_at(folder: Path) -> Exchange:
    return Exchange(
        folder / "share", folder / "spool", sources(["from_1c/*.xml"]), settle_seconds=SETTLE, grace_seconds=0
    )


class Taker:
    """A run that archives everything it can take and notes the contents."""

    def __init__(self, folder: Path) -> None:
        self.exchange = exchange_at(folder)
        self.runs = 0
        self.taken: list[bytes] = []

    def __call__(self) -> None:
        self.runs += 1
        self.exchange.prepare()
        for taken in self.exchange.take(lambda _path, _name: None, wait=False).taken:
            self.taken.append(taken.path.read_bytes())
            self.exchange.archive(taken)


@contextmanager
def watching(
    folder: Path, run: Callable[[], None], *, interval: float = 0.05, rescan: float = 60.0
) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(
        target=watch.watch,
        args=(exchange_at(folder), run),
        kwargs={"state": folder / "state", "interval": interval, "rescan": rescan, "stop": stop},
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; generous, since it only bounds a hang."""
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


@pytest.fixture
def taker(tmp_path: Path) -> Taker:
    found = Taker(tmp_path)
    found.exchange.prepare()
    return found


def drop(folder: Path, name: str, data: bytes) -> None:
    (folder / "share" / "from_1c" / name).write_bytes(data)


def test_what_lay_there_before_the_start_is_taken(tmp_path: Path, taker: Taker) -> None:
    drop(tmp_path, "old.xml", b"old")
    with watching(tmp_path, taker):
        until(lambda: taker.taken == [b"old"])
        until(lambda: bool((sign := quick.watcher(str(tmp_path / "state"))) and sign["alive"]))
    assert quick.watcher(str(tmp_path / "state")) is None, "it was stopped: nobody misses it"
    assert quick.watcher(str(tmp_path / "nowhere")) is None


def test_a_slow_writer_is_taken_once_and_whole(tmp_path: Path, taker: Taker) -> None:
    with (
        watching(tmp_path, taker),
        (tmp_path / "share" / "from_1c" / "a.xml").open("wb", buffering=0) as stream,
    ):
        for _ in range(12):
            stream.write(b"x" * 100)
            time.sleep(SETTLE / 3)
        until(lambda: bool(taker.taken))
    assert taker.taken == [b"x" * 1200]


def test_an_event_wakes_a_long_sleep(tmp_path: Path, taker: Taker) -> None:
    """The listing alone would come after ten minutes."""
    waiting = threading.Event()

    def run() -> None:
        taker()
        waiting.set()

    with watching(tmp_path, run, interval=600):
        waiting.wait(10)
        drop(tmp_path, "a.xml", b"a")
        until(lambda: taker.taken == [b"a"])


def test_a_folder_removed_and_made_anew_is_watched_again(tmp_path: Path, taker: Taker) -> None:
    with watching(tmp_path, taker):
        drop(tmp_path, "a.xml", b"a")
        until(lambda: taker.taken == [b"a"])
        (tmp_path / "share").rename(tmp_path / "gone")
        time.sleep(0.3)
        (tmp_path / "share" / "from_1c").mkdir(parents=True, exist_ok=True)
        drop(tmp_path, "b.xml", b"b")
        until(lambda: taker.taken == [b"a", b"b"])


def test_a_file_that_a_run_leaves_behind_is_not_hammered(tmp_path: Path) -> None:
    runs: list[float] = []
    exchange_at(tmp_path).prepare()
    drop(tmp_path, "a.xml", b"a")
    with watching(tmp_path, lambda: runs.append(0)):
        until(lambda: len(runs) == 2)  # the first action, and the settled file
        time.sleep(5 * SETTLE)
        assert len(runs) == 2
        drop(tmp_path, "a.xml", b"changed")
        until(lambda: len(runs) == 3)


def test_the_rescan_runs_without_any_file(tmp_path: Path, taker: Taker) -> None:
    with watching(tmp_path, taker, rescan=0.1):
        until(lambda: taker.runs >= 4)


@pytest.mark.parametrize("error", [TryLater("Портал не отвечает."), ConfigError("Профиль не подходит:")])
def test_a_failed_run_does_not_end_the_watch(tmp_path: Path, taker: Taker, error: Exception) -> None:
    def run() -> None:
        taker.runs += 1
        if taker.runs < 3:
            raise error
        taker()

    drop(tmp_path, "a.xml", b"a")
    with watching(tmp_path, run, rescan=0.1):
        until(lambda: taker.taken == [b"a"])


def test_a_bug_ends_the_watch_and_frees_its_place(tmp_path: Path, taker: Taker) -> None:
    def run() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch.watch(taker.exchange, run, state=tmp_path / "state", interval=0.05)
    sign = quick.watcher(str(tmp_path / "state"))
    assert sign is not None and not sign["alive"], "it is missed"
    with watching(tmp_path, taker):
        until(lambda: taker.runs == 1)


def test_a_second_watcher_is_turned_away(tmp_path: Path, taker: Taker) -> None:
    with watching(tmp_path, taker):
        until(lambda: taker.runs == 1)
        with pytest.raises(Busy, match="уже следит"):
            watch.watch(taker.exchange, taker, state=tmp_path / "state")
    assert taker.runs == 1


WATCHER = """
import sys, time
from pathlib import Path
from etl.exchange import watch
from etl.exchange.folder import Exchange, sources
folder = Path(sys.argv[1])
exchange = Exchange(folder / "share", folder / "spool", sources(["from_1c/*.xml"]), settle_seconds=0.1, grace_seconds=0)
def run():
    exchange.prepare()
    for taken in exchange.take(lambda path, name: None, wait=False).taken:
        print("taken", flush=True)
        time.sleep(float(sys.argv[2]))
        exchange.archive(taken)
        print("archived", flush=True)
watch.watch(exchange, run, state=folder / "state", interval=0.05)
"""


def test_a_watcher_killed_in_the_middle_is_followed_by_another(tmp_path: Path, taker: Taker) -> None:
    drop(tmp_path, "a.xml", b"a")

    def start(pause: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WATCHER, str(tmp_path), pause], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    for pause, last in (("60", "taken"), ("0", "archived")):
        with start(pause) as process:
            assert process.stdout is not None
            while process.stdout.readline().strip() != last:
                assert process.poll() is None
            process.send_signal(signal.SIGKILL)
    archived = [path for path in (tmp_path / "share" / "archive").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in archived] == [b"a"]
    assert list((tmp_path / "share" / "from_1c").iterdir()) == []
    assert list((tmp_path / "spool").glob("*.xml")) == []


def test_the_sign_of_life_is_a_moment_and_a_lock(tmp_path: Path) -> None:
    mark, folder = tmp_path / quick.WATCH_MARK, str(tmp_path)
    mark.write_text("broken")
    assert quick.watcher(folder) is None
    nine = dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC)
    mark.write_text(nine.isoformat())
    assert quick.last_look(folder) == nine
    soon, late = nine + dt.timedelta(minutes=2), nine + dt.timedelta(hours=2)
    assert quick.watcher(folder, now=soon) == {"minutes": 2.0, "running": False, "alive": False}, (
        "its process is dead"
    )
    with file_lock(tmp_path / quick.WATCH_LOCK, "занято"):
        assert quick.watcher(folder, now=soon) == {"minutes": 2.0, "running": True, "alive": True}
        hanging = {"minutes": 120.0, "running": True, "alive": False}
        assert quick.watcher(folder, now=late) == hanging, "it has not looked for two hours"
