"""The whole exchange: 50,000 deals of a portal -> order file and register (DESIGN §10).

Requests, peak memory, growth.

The portal runs in a process of its own; so does the product, whose memory is then its own.
"""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.measuring import Row, apart, at_most, peak
from benchmarks.worlds import UNHURRIED, pointed, world

SMALL, LARGE = 12_500, 50_000
REQUESTS, MEMORY_MIB, GROWTH = 90, 400.0, 1.3
_MOMENT = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)


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
    with world("video", deals, day=_MOMENT.date()) as made:
        begun = time.perf_counter()
        charges, megabytes = apart(_run, made.profile, made.webhook)
        return Exchange(charges, made.requests(), megabytes, time.perf_counter() - begun)


def _run(path: Path, webhook: Path) -> tuple[int, float]:
    """(charges, peak MiB) of a run of that profile."""
    from etl import pipeline

    report = pipeline.run(pointed(path, webhook, UNHURRIED), now=_MOMENT)
    return report.counts["charges"], peak()
