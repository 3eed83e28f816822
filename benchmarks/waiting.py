"""A first run at the pace of a real portal: it waits for the portal, never the portal for it (DESIGN §10)."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

from benchmarks.measuring import Row, apart, at_most
from benchmarks.worlds import AT_TWO, pointed, world

#: Deals of the portal, by profile; `leads` takes two requests for each order of 1C. `video` asks five times
#: in all: there is nothing to wait for.
DEALS = {"prepaid": 4_000, "twoway": 4_000, "leads": 40}
LIMIT = 1.5


def run() -> list[Row]:
    """Seconds of the clock by those that the bucket alone asks for the requests made."""
    rows: list[Row] = []
    for name, deals in DEALS.items():
        with world(name, deals) as made:
            seconds = apart(_run, made.profile, made.webhook)
            requests = made.requests()
        share = seconds / (requests / AT_TWO.rate)
        what = f"{name}, first run of {deals} deals, 2 requests a second: time by the bucket's"
        rows.append(at_most(f"{what} ({requests})", share, LIMIT))
    return rows


def _run(path: Path, webhook: Path) -> float:
    """Seconds of the clock of one run."""
    from etl import pipeline

    loaded = pointed(path, webhook, AT_TWO)
    begun = time.perf_counter()
    pipeline.run(loaded, now=dt.datetime.now(dt.UTC), accept=True)
    return time.perf_counter() - begun
