"""Every sample profile as it grows: CPU seconds of its first and of its quiet run, what known companies cost
a new order, and the memory of a large two-way exchange (DESIGN §10).

The portal (and, where orders come from 1C, its model) runs in a process of its own; the product runs as a
command of its own, so its seconds and its memory are its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROFILES = ("video", "prepaid", "leads", "twoway")
SMALL, LARGE, GROWTH = 500, 4_000, 1.15
FEW, MANY, NEW_ORDERS, KNOWN = 200, 20_000, 20, 1.5
WHOLE, MEMORY_MIB = 50_000, 450.0
WAITING = 1.5
#: Requests a second and the reserve of the bucket: nobody waits; the portal's own pace without a reserve.
_UNHURRIED, _AT_TWO = (1000.0, 1000), (2.0, 1)

_WORLD = """
import datetime as dt, sys
from pathlib import Path
from etl.config import profile
from etl.sandbox.onec.base import OneC
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene import surveillance, trades
loaded, deals, buyers = profile.load(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
day, kind = dt.date.today(), loaded.bitrix24.sandbox
if kind == "leads":
    seed = trades.leads(day)
elif kind == "twoway":
    seed = trades.twoway(day, deals, buyers)
else:
    seed = {"video": surveillance.video, "prepaid": trades.prepaid}[kind](day, deals)
if kind == "leads":
    onec = OneC(loaded.onec.dialect, loaded.folder, data=Path(sys.argv[1]).parent / "onec", extended=True,
                now=lambda: dt.datetime.now().replace(microsecond=0), organisation=loaded.organisation.name)
    parties = [onec.new_party(f"ООО «Покупатель {number}»", full_name=f"ООО «Покупатель {number}»")
               for number in range(buyers)]
    for number in range(deals):
        lines = [{"name": "Замок врезной", "quantity": 1 + number % 3, "price": "3150.50"}]
        onec.new_order(parties[number % buyers], lines, manager="Соколов И. А.")
    onec.session()
with Portal(seed=seed, rate=1000.0, burst=1000, operating_limit=0) as portal:
    print(portal.webhook, flush=True)
    while sys.stdin.readline().strip() == "requests":
        print(len(portal.requests), flush=True)
"""
_LOAD = """
import datetime as dt, json, resource, sys, time
from pathlib import Path
import pandas
from etl import pipeline
from etl.config import profile
from etl.flows import intake
from etl.flows.orders import outgoing
loaded = profile.load(Path(sys.argv[1]))
rate, burst = float(sys.argv[3]), int(sys.argv[4])
address = {"sandbox": None, "webhook_file": Path(sys.argv[2]), "rate": rate, "burst": burst}
loaded = loaded.model_copy(update={"bitrix24": loaded.bitrix24.model_copy(update=address)})
now = dt.datetime.now(dt.UTC)
"""
#: seconds of CPU of so many runs, one after another, then the peak of memory in MiB
_RUNS = (
    _LOAD
    + """
found = []
for turn in range(int(sys.argv[5])):
    begun = time.process_time()
    pipeline.run(loaded, now=now + dt.timedelta(minutes=turn), accept=True)
    found.append(time.process_time() - begun)
print(json.dumps([*found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
)
#: seconds of the clock that one run takes, from its first request on
_WALL = (
    _LOAD
    + """
begun = time.perf_counter()
pipeline.run(loaded, now=now, accept=True)
print(json.dumps([time.perf_counter() - begun]))
"""
)
#: seconds of CPU of the flow `orders-out` alone, after the directories have been exchanged and read
_ORDERS = (
    _LOAD
    + """
with pipeline.opened(loaded, loaded.flows, trigger="bench", now=now) as run:
    reading = intake.take(run)
    for name, module in pipeline.READING.items():
        if name in loaded.flows:
            pipeline._flow(module)(run, reading)
    run.portal.directory
    begun = time.process_time()
    outgoing.flow(run, reading)
    print(json.dumps([time.process_time() - begun]))
"""
)


@contextmanager
def _world(name: str, deals: int, buyers: int = 50) -> Iterator[tuple[Path, Path, Callable[[], int]]]:
    """A portal with that many deals (for `leads`: 1C with that many orders).

    The profile, its webhook, and how many requests the portal has answered so far.
    """
    with tempfile.TemporaryDirectory() as folder:
        profile, secret = Path(folder) / f"{name}.toml", Path(folder) / "webhook"
        text = (ROOT / "samples" / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
        profile.write_text(text.replace("../../exchange_dir", "exchange"), encoding="utf-8")
        (Path(folder) / "exchange" / name).mkdir(parents=True)
        world = subprocess.Popen(
            [sys.executable, "-c", _WORLD, str(profile), str(deals), str(buyers)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert world.stdout is not None and world.stdin is not None
        asked, told = world.stdin, world.stdout

        def requests() -> int:
            asked.write("requests\n")
            asked.flush()
            return int(told.readline())

        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(told.readline().strip())
        try:
            yield profile, secret, requests
        finally:
            world.communicate("\n")


def _measured(code: str, *arguments: object) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def runs(name: str, deals: int, count: int = 2) -> list[float]:
    """CPU seconds of the first runs of a profile with that many deals, then peak memory in MiB."""
    with _world(name, deals) as (profile, secret, _):
        return _measured(_RUNS, profile, secret, *_UNHURRIED, count)


def orders(companies: int) -> float:
    """CPU seconds that new orders cost beside that many known companies, which have been read already."""
    with _world("twoway", NEW_ORDERS, companies) as (profile, secret, _):
        return _measured(_ORDERS, profile, secret, *_UNHURRIED)[0]


def waiting(name: str) -> tuple[float, int]:
    """Seconds of the clock of a first run at two requests a second against what the bucket alone needs.

    Returns the ratio and the requests made. No reserve: every request waits its half second.
    """
    with _world(name, LARGE) as (profile, secret, requests):
        (seconds,) = _measured(_WALL, profile, secret, *_AT_TWO)
        made = requests()
        return seconds / (made / _AT_TWO[0]), made


def run() -> list[tuple[str, float, float, bool]]:
    """Growth of CPU seconds per growth of deals, of each profile and kind of run; companies; memory."""
    rows = []
    for name in PROFILES:
        small, large = runs(name, SMALL), runs(name, LARGE)
        for place, kind in enumerate(("first", "quiet")):
            growth = (large[place] / small[place]) / (LARGE / SMALL)
            what = f"{name}, {kind} run: growth of CPU, {SMALL} to {LARGE} deals ({large[place]:.1f} s)"
            rows.append((what, growth, GROWTH, growth <= GROWTH))
    for name in PROFILES:
        share, made = waiting(name)
        what = f"{name}, first run of {LARGE} deals at 2 requests a second: wait ({made} requests)"
        rows.append((what, share, WAITING, share <= WAITING))
    few, many = orders(FEW), orders(MANY)
    what = f"{NEW_ORDERS} new orders: CPU beside {MANY} known companies against {FEW} ({many:.2f} s)"
    rows.append((what, many / few, KNOWN, many / few <= KNOWN))
    memory = runs("twoway", WHOLE, count=1)[-1]
    rows.append(
        (f"two-way exchange of {WHOLE} deals: peak memory, MiB", memory, MEMORY_MIB, memory <= MEMORY_MIB)
    )
    return rows
