"""Pacing shared by all threads and processes that work with one portal.

The portal counts requests in a leaky bucket: each adds one, `rate` per second drain, above `burst` it refuses
(facts: reference bitrix24 §2.1). We keep one number, the moment when the bucket would be empty again. A
caller books its place under a lock and sleeps outside it, so waiting threads never wake together. Pauses of
single methods (the `operating` budget, §2.2) lie in the same file.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

#: Places of the burst left to other programmes behind the same address.
SPARE = 2
#: Seconds of a method's own time in ten minutes (§2.2), and the share of them after which we wait for the
#: oldest minute to leave.
BUDGET_SECONDS, CAREFUL = 480.0, 0.8
_LONGEST_PAUSE, _MINUTE = 660.0, 60.0
#: A queue of more bursts than this is no queue: the clock was set back.
_BURSTS = 20


class Bucket:
    """`acquire` before each request. `file` shares the state between processes; None keeps it in this one."""

    def __init__(
        self,
        rate: float,
        burst: int,
        file: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1.0 / rate
        self._depth = max(1, burst - SPARE) * self._interval
        self._file = file
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._memory: dict[str, Any] = {}
        self._resets: dict[str, float] = {}
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._between = FileLock(f"{file}.lock")

    def acquire(self, methods: Iterable[str] = ()) -> None:
        """Wait for a place for one request that runs these methods (bitrix24 §2.1: each request adds one)."""
        with self._state() as state:
            now = self._clock()
            booked = _sane(state.get("empty", 0.0), now, self._depth * _BURSTS)
            empty = max(booked, now) + self._interval
            state["empty"] = empty
            paused = state.get("paused", {})
        free = empty - self._depth
        for method in methods:
            if method in paused:
                until = _sane(paused[method], now, _LONGEST_PAUSE)
                free = max(free, until)
        if free > now:
            self._sleep(free - now)

    def refused(self) -> None:
        """The portal says the bucket is full: others use it too, so count it as full."""
        with self._state() as state:
            now = self._clock()
            booked = _sane(state.get("empty", 0.0), now, self._depth * _BURSTS)
            state["empty"] = max(booked, now + self._depth)

    def pause(self, method: str, until: float) -> None:
        """No call of this method before `until` (seconds of the clock)."""
        with self._state() as state:
            now = self._clock()
            paused: dict[str, float] = {}
            for name, moment in state.get("paused", {}).items():
                until_then = _sane(moment, now, _LONGEST_PAUSE)
                if until_then > now:
                    paused[name] = until_then
            before = paused.get(method, 0.0)
            later = max(until, before)
            paused[method] = later
            state["paused"] = paused

    def spent(self, method: str, timing: Any) -> None:
        """Learn from the `time` block of an answer (bitrix24 §2.5; both fields may be missing, §2.2).

        Near the end of its budget the method waits for its reset.
        """
        if not isinstance(timing, dict):
            return
        operating = _number(timing.get("operating"))
        reset = _number(timing.get("operating_reset_at"))
        if reset <= self._clock():
            return
        self._resets[method] = reset
        if operating >= BUDGET_SECONDS * CAREFUL:
            self.pause(method, reset)

    def exhausted(self, method: str) -> None:
        """The portal has blocked the method: wait for the last reset it told of, else for a minute (§2.2)."""
        now = self._clock()
        until = self._resets.get(method, 0.0)
        if until <= now:
            until = now + _MINUTE
        self.pause(method, until)

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        """The shared numbers, locked between threads and processes; changes are kept."""
        with self._lock:
            if self._file is None:
                yield self._memory
                return
            with self._between:
                state = _load(self._file)
                yield state
                _save(self._file, state)


def _sane(moment: Any, now: float, longest: float) -> float:
    """A moment of the file, ignored when it lies absurdly far ahead: the computer's clock was set back."""
    value = _number(moment)
    return value if value - now <= longest else now


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _load(file: Path) -> dict[str, Any]:
    try:
        state = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _save(file: Path, state: dict[str, Any]) -> None:
    """Written in place, for its owner only; a torn file is read as an empty one (`_load`)."""
    content = json.dumps(state).encode()
    anew = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    handle = os.open(file, anew, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
