"""Watching the exchange folder: a listing every few seconds is the truth, events of the system only wake it up.

Events get lost on network shares, after an overflow and for ever once a watched folder is made anew (reference: reliability
§2.2, performance §7), so nothing here depends on one. The first action is a run: what lay there before is taken too.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etl.errors import EtlError, TryLater
from etl.exchange.files import replace_durably
from etl.exchange.folder import Exchange, Seen
from etl.state.lock import file_lock

log = logging.getLogger(__name__)

HEALTH = "watch.health"
_TELLING = ("created", "modified", "moved", "closed")
_ALREADY = "За этой папкой обмена уже следит другой процесс."


def watch(
    exchange: Exchange,
    run: Callable[[], None],
    *,
    state: Path,
    interval: float = 2.0,
    rescan: float = 60.0,
    stop: threading.Event | None = None,
) -> None:
    """Call `run` at the start, whenever files have settled in the folder, and every `rescan` seconds, until `stop` is set.

    `state` is the local folder for the lock and the health file. `run` may raise EtlError: it is logged and tried again at the
    next rescan (a bad profile, ConfigError, too: somebody may be editing it); any other exception is a bug and ends the watch.
    Raises Busy when another process watches already.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file_lock(state / "watch.lock", _ALREADY), Alarm() as alarm:
        Watcher(exchange, run, alarm, state / HEALTH, rescan).loop(interval, stop or threading.Event())


def listed_at(state: Path) -> dt.datetime | None:
    """When the watcher last listed the folder with success: its sign of life. None when it never did."""
    try:
        return dt.datetime.fromisoformat((state / HEALTH).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


class Watcher:
    """One watch. `listed` is the monotonic time of the last successful listing."""

    def __init__(
        self, exchange: Exchange, run: Callable[[], None], alarm: Alarm, health: Path, rescan: float
    ) -> None:
        self._exchange, self._run, self._alarm, self._health, self._rescan = (
            exchange,
            run,
            alarm,
            health,
            rescan,
        )
        self._tried: frozenset[Seen] = frozenset()
        self._ran_at: float | None = None
        self._noted_at = 0.0

    def loop(self, interval: float, stop: threading.Event) -> None:
        """Look, run where needed, sleep until the next look or an event."""
        while not stop.is_set():
            young = self.tick()
            self._alarm.wait(min(interval, self._exchange.settle_seconds) if young else interval, stop)

    def tick(self) -> bool:
        """One look at the folder and, where something is ready or the rescan is due, one run. True while a file is settling."""
        try:
            found = [
                (seen, self._exchange.settled(seen, note))
                for seen, note in self._exchange.look()
                if note.done is None
            ]
        except TryLater as error:
            log.warning("%s", error)
            return False
        ready = frozenset(seen for seen, settled in found if settled)
        self._alarm.point_at(self._exchange)
        self._note_health()
        due = self._ran_at is None or time.monotonic() - self._ran_at >= self._rescan
        if due or ready - self._tried:
            self._tried = ready  # what a run leaves behind is offered again at the rescan, not at once
            self._call()
        return any(not settled and seen.stamp.size for seen, settled in found)

    def _call(self) -> None:
        self._ran_at = time.monotonic()
        try:
            self._run()
        except EtlError as error:
            log.warning("%s", error)

    def _note_health(self) -> None:
        if time.monotonic() - self._noted_at < min(10.0, self._rescan):
            return
        temp = self._health.with_suffix(".tmp")
        temp.write_text(dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), encoding="ascii")
        replace_durably(temp, self._health)
        self._noted_at = time.monotonic()


class Alarm:
    """Wakes the loop when the system reports a change in an intake folder. Losing every event costs only `interval` seconds."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._observer: Any = None
        self._watched: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Alarm:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Sleep at most `seconds`, less when an event comes; notice `stop` within a fifth of a second."""
        end = time.monotonic() + seconds
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            if self._wake.wait(min(left, 0.2)):
                stop.wait(min(left, 0.2))  # let a burst of events pass
                self._wake.clear()
                return

    def point_at(self, exchange: Exchange) -> None:
        """Watch the folders of the intake; start over when one of them was made anew, since its old watch is dead without a word."""
        try:
            folders = {str(folder): _identity(folder) for folder in exchange.intake_folders()}
            if folders == self._watched:
                return
            self._stop()
            self._start(folders)
            self._watched = folders
        except (
            OSError
        ) as error:  # no watches left, or the folder vanished this moment: the listing goes on alone
            log.info("no file events (%s), listing only", error.strerror)
            self._stop()
            self._watched = {}

    def _start(self, folders: dict[str, tuple[int, int]]) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        alarm = self._wake

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in _TELLING:  # our own listing and reading are events too
                    alarm.set()

        self._observer = Observer()
        for folder in folders:
            self._observer.schedule(Handler(), folder)
        self._observer.start()

    def _stop(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join()


def _identity(folder: Path) -> tuple[int, int]:
    found = os.stat(folder)
    return found.st_dev, found.st_ino
