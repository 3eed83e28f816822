"""The whole exchange: 50,000 deals of a portal -> order file and register (DESIGN §10).

Requests, peak memory, growth.

The portal runs in a process of its own; so does the product, whose memory is then its own.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.measuring import Row, apart, at_most, peak

ROOT = Path(__file__).resolve().parent.parent
SMALL, LARGE = 12_500, 50_000
REQUESTS, MEMORY_MIB, GROWTH = 90, 400.0, 1.3
_DAY = dt.date(2026, 11, 1)
_MOMENT = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
_UNHURRIED = 1000  # requests a second and their reserve: the portal makes nobody wait
_PROCESSES = get_context("spawn")


class Exchange(NamedTuple):
    """What a first exchange came to: the charges it made, what the portal was asked, MiB, seconds of the
    clock.
    """

    charges: int
    requests: int
    megabytes: float
    seconds: float


def run() -> list[Row]:
    """Requests and peak memory of the large exchange; time per deal against a quarter of it."""
    small = exchange(SMALL)
    large = exchange(LARGE)
    if large.charges <= LARGE // 3:
        raise RuntimeError(f"only {large.charges} charges of {LARGE} deals")
    what = f"whole exchange of {LARGE} deals, {large.charges} charges: requests"
    growth = (large.seconds / LARGE) / (small.seconds / SMALL)
    return [
        at_most(what, large.requests, REQUESTS),
        at_most("whole exchange: peak memory, MiB", large.megabytes, MEMORY_MIB),
        at_most(f"whole exchange: seconds per deal, {LARGE} against {SMALL} deals", growth, GROWTH),
    ]


def exchange(deals: int) -> Exchange:
    """One first exchange of the profile `video` with that many deals."""
    with TemporaryDirectory() as place, _portal(deals) as (webhook, requests):
        profile = Path(place) / "video.toml"
        text = (ROOT / "samples" / "profiles" / "video.toml").read_text(encoding="utf-8")
        profile.write_text(text.replace("../../exchange_dir", "exchange"), encoding="utf-8")
        secret = Path(place) / "webhook"
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(webhook)
        begun = time.perf_counter()
        charges, megabytes = apart(_run, profile, secret)
        return Exchange(charges, requests(), megabytes, time.perf_counter() - begun)


def _run(path: Path, webhook: Path) -> tuple[int, float]:
    """(charges, peak MiB) of a run of that profile."""
    from etl import pipeline
    from etl.config import profile

    loaded = profile.load(path)
    changes = {"sandbox": None, "webhook_file": webhook, "rate": float(_UNHURRIED), "burst": _UNHURRIED}
    address = loaded.bitrix24.model_copy(update=changes)
    report = pipeline.run(loaded.model_copy(update={"bitrix24": address}), now=_MOMENT)
    return report.counts["charges"], peak()


@contextmanager
def _portal(deals: int) -> Iterator[tuple[str, Callable[[], int]]]:
    """The webhook of a portal with that many deals, and how many requests it has answered so far."""
    ours, theirs = _PROCESSES.Pipe()
    server = _PROCESSES.Process(target=_serve, args=(theirs, deals))
    server.start()
    theirs.close()

    def requests() -> int:
        ours.send("requests")
        return int(ours.recv())

    try:
        yield ours.recv(), requests
    finally:
        ours.send("stop")
        server.join()


def _serve(pipe: Connection, deals: int) -> None:
    from etl.sandbox.portal.app import Portal
    from etl.sandbox.scene import surveillance

    seed = surveillance.video(_DAY, deals)
    with Portal(seed=seed, rate=float(_UNHURRIED), burst=_UNHURRIED, operating_limit=0) as portal:
        pipe.send(portal.webhook)
        while pipe.recv() != "stop":
            pipe.send(len(portal.requests))
