"""Watching the exchange folder: a listing every few seconds is the truth, events of the system only wake
it up.

Events get lost on network shares, after an overflow and for ever once a watched folder is made anew
(reference: reliability §2.2, performance §7), so nothing here depends on one. The first action is a run:
what lay there before is taken too.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from etl.errors import EtlError, TryLater
from etl.exchange.alarm import Alarm
from etl.exchange.files import replace_durably
from etl.exchange.folder import Exchange, Seen
from etl.state.lock import file_lock
from etl.state.quick import WATCH_LOCK, WATCH_MARK

log = logging.getLogger(__name__)

_ALREADY = "За этой папкой обмена уже следит другой процесс."
_MARK_EVERY = 10.0  # seconds


def watch(
    exchange: Exchange,
    run: Callable[[], None],
    *,
    state: Path,
    interval: float = 2.0,
    rescan: float = 60.0,
    stop: threading.Event | None = None,
) -> None:
    """Call `run` at the start, whenever files have settled in the folder, and every `rescan` seconds,
    until `stop` is set.

    `state` is the local folder for the lock and the sign of life (`etl.state.quick.watcher` reads it); who
    stops the watch takes the sign away, so that nobody misses it. `run` may raise EtlError: it is logged
    and tried again at the next rescan (a bad profile, ConfigError, too: somebody may be editing it); any
    other exception is a bug and ends the watch. Raises Busy when another process watches already.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file_lock(state / WATCH_LOCK, _ALREADY), Alarm() as alarm:
        mark = state / WATCH_MARK
        watcher = _Watcher(exchange, run, alarm, mark, rescan)
        try:
            watcher.loop(interval, stop or threading.Event())
        except KeyboardInterrupt:
            mark.unlink(missing_ok=True)
            raise
        mark.unlink(missing_ok=True)


class _Watcher:
    """One watch: what was tried, when it ran last and when it left its sign of life."""

    def __init__(
        self, exchange: Exchange, run: Callable[[], None], alarm: Alarm, mark: Path, rescan: float
    ) -> None:
        self._exchange = exchange
        self._run = run
        self._alarm = alarm
        self._mark = mark
        self._rescan = rescan
        self._tried: frozenset[Seen] = frozenset()
        self._ran_at: float | None = None
        self._marked_at = 0.0

    def loop(self, interval: float, stop: threading.Event) -> None:
        """Look, run where needed, sleep until the next look or an event."""
        while not stop.is_set():
            settling = self._tick()
            pause = min(interval, self._exchange.settle_seconds) if settling else interval
            self._alarm.wait(pause, stop)

    def _tick(self) -> bool:
        """One look at the folder and, where something is ready or the rescan is due, one run.

        True while a file is settling.
        """
        try:
            pairs = self._exchange.look()
        except TryLater as error:
            log.warning("%s", error)
            return False
        ready: set[Seen] = set()
        settling = False
        for seen, note in pairs:
            if note.done is not None:
                continue
            if self._exchange.settled(seen, note):
                ready.add(seen)
            elif seen.stamp.size > 0:
                settling = True
        self._alarm.point_at(self._exchange.intake_folders)
        self._leave_mark()
        if self._is_due() or ready - self._tried:
            self._tried = frozenset(
                ready
            )  # what a run leaves behind is offered again at the rescan, not at once
            self._call()
        return settling

    def _is_due(self) -> bool:
        return self._ran_at is None or time.monotonic() - self._ran_at >= self._rescan

    def _call(self) -> None:
        self._ran_at = time.monotonic()
        try:
            self._run()
        except EtlError as error:
            log.warning("%s", error)

    def _leave_mark(self) -> None:
        """Note the moment of a look that went well, not at every look: each note is two fsyncs."""
        if time.monotonic() - self._marked_at < min(_MARK_EVERY, self._rescan):
            return
        now = dt.datetime.now(dt.UTC)
        temp = self._mark.with_suffix(".tmp")
        temp.write_text(now.isoformat(timespec="seconds"), encoding="ascii")
        replace_durably(temp, self._mark)
        self._marked_at = time.monotonic()
