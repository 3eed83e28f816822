"""Events of the system that cut a sleep short.

Losing every one of them costs only the length of the sleep.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

_TELLING = ("created", "modified", "moved", "closed")  # our own listing and reading are events too
_NOTICE_STOP = 0.2  # seconds
Identity = tuple[int, int]  # device, inode


class Alarm:
    """Wakes a sleeper when the system reports a change in a watched folder."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._observer: BaseObserver | None = None
        self._watched: dict[str, Identity] = {}

    def __enter__(self) -> Alarm:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Sleep at most `seconds`, less when an event comes; notice `stop` within a fifth of a second."""
        end = time.monotonic() + seconds
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            if self._wake.wait(min(left, _NOTICE_STOP)):
                stop.wait(min(left, _NOTICE_STOP))  # let a burst of events pass
                self._wake.clear()
                return

    def point_at(self, folders: Callable[[], Iterable[Path]]) -> None:
        """Watch the folders that `folders` lists now.

        Starts over when one of them was made anew, since its old watch is dead without a word (reliability
        §2.2).
        """
        try:
            found = {str(folder): _identity(folder) for folder in folders()}
            if found == self._watched:
                return
            self._stop()
            self._start(found)
            self._watched = found
        except OSError as error:
            # no watches left, or the folder vanished this moment: the listing goes on alone
            log.info("no file events (%s), listing only", error.strerror)
            self._stop()
            self._watched = {}

    def _start(self, folders: Iterable[str]) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        wake = self._wake

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in _TELLING:
                    wake.set()

        self._observer = Observer()
        for folder in folders:
            self._observer.schedule(Handler(), folder)
        self._observer.start()

    def _stop(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join()


def _identity(folder: Path) -> Identity:
    found = os.stat(folder)
    return found.st_dev, found.st_ino
