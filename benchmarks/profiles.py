"""Every sample profile as it grows: CPU seconds of its first and of its quiet run, what known companies cost
a new order, and the memory of a large two-way exchange (DESIGN §10).
"""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

from benchmarks.measuring import Row, apart, at_most, peak
from benchmarks.worlds import UNHURRIED, pointed, world

PROFILES = ("video", "prepaid", "leads", "twoway")
SMALL, LARGE, GROWTH = 500, 4_000, 1.15
FEW, MANY, NEW_ORDERS, KNOWN = 200, 20_000, 20, 1.5
WHOLE, MEMORY_MIB = 50_000, 450.0
#: Of short works the best of so many counts.
_ROUNDS = 3
_KINDS = ("first", "quiet")


def run() -> list[Row]:
    """Growth of CPU seconds by growth of deals, of each profile and kind of run; companies; memory."""
    rows: list[Row] = []
    for name in PROFILES:
        small, _ = runs(name, SMALL)
        large, _ = runs(name, LARGE)
        for kind, before, after in zip(_KINDS, small, large, strict=True):
            growth = (after / before) / (LARGE / SMALL)
            what = f"{name}, {kind} run: growth of CPU, {SMALL} to {LARGE} deals ({after:.1f} s)"
            rows.append(at_most(what, growth, GROWTH))
    few, many = (min(orders(companies) for _ in range(_ROUNDS)) for companies in (FEW, MANY))
    what = f"{NEW_ORDERS} new orders: CPU beside {MANY} known companies against {FEW} ({many:.2f} s)"
    rows.append(at_most(what, many / few, KNOWN))
    _, memory = runs("twoway", WHOLE, count=1)
    rows.append(at_most(f"two-way exchange of {WHOLE} deals: peak memory, MiB", memory, MEMORY_MIB))
    return rows


def runs(name: str, deals: int, count: int = len(_KINDS)) -> tuple[list[float], float]:
    """CPU seconds of the first runs of a profile with that many deals, and peak memory in MiB."""
    with world(name, deals) as made:
        return apart(_runs, made.profile, made.webhook, count)


def _runs(path: Path, webhook: Path, count: int) -> tuple[list[float], float]:
    from etl import pipeline

    loaded, now = pointed(path, webhook, UNHURRIED), dt.datetime.now(dt.UTC)
    found: list[float] = []
    for turn in range(count):
        begun = time.process_time()
        pipeline.run(loaded, now=now + dt.timedelta(minutes=turn), accept=True)
        found.append(time.process_time() - begun)
    return found, peak()


def orders(companies: int) -> float:
    """CPU seconds that new orders cost beside that many known companies, which have been read already."""
    with world("twoway", NEW_ORDERS, companies) as made:
        return apart(_orders, made.profile, made.webhook)


def _orders(path: Path, webhook: Path) -> float:
    """The flow `orders-out` alone, after the directories have been exchanged."""
    from etl import pipeline
    from etl.flows import intake
    from etl.flows.orders import outgoing

    loaded, now = pointed(path, webhook, UNHURRIED), dt.datetime.now(dt.UTC)
    with pipeline.opened(loaded, loaded.flows, trigger="bench", now=now) as run:
        reading = intake.take(run)
        for name, module in pipeline.READING.items():
            if name in loaded.flows:
                pipeline._flow(module)(run, reading)
        assert run.portal.directory is not None  # read before the clock starts
        begun = time.process_time()
        outgoing.flow(run, reading)
        return time.process_time() - begun
