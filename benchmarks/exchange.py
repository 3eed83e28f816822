"""The whole exchange: 50,000 deals of a portal -> order file and register (DESIGN §10): requests, peak
memory, growth.

The portal runs in a process of its own; the product runs as a command of its own, so its memory is its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SMALL, LARGE = 12_500, 50_000
REQUESTS, MEMORY_MIB, GROWTH = 90, 400.0, 1.3

_PORTAL = """
import datetime as dt, json, sys
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene import surveillance
seed = surveillance.video(dt.date(2026, 11, 1), int(sys.argv[1]))
with Portal(seed=seed, rate=1000.0, burst=1000, operating_limit=0) as portal:
    print(portal.webhook, flush=True)
    sys.stdin.readline()
    print(json.dumps(len(portal.requests)), flush=True)
"""
_RUN = """
import datetime as dt, resource, sys
from pathlib import Path
from etl import pipeline
from etl.config import profile
loaded = profile.load(Path(sys.argv[1]))
address = {"sandbox": None, "webhook_file": Path(sys.argv[2]), "rate": 1000.0, "burst": 1000}
loaded = loaded.model_copy(update={"bitrix24": loaded.bitrix24.model_copy(update=address)})
report = pipeline.run(loaded, now=dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC))
print(report.counts["charges"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def _exchange(deals: int) -> tuple[int, int, int, float]:
    """(charges, requests, peak MiB, seconds) of one first exchange with that many deals."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "video.toml"
        text = (ROOT / "samples" / "profiles" / "video.toml").read_text(encoding="utf-8")
        profile.write_text(text.replace("../../exchange_dir", "exchange"), encoding="utf-8")
        portal = subprocess.Popen(
            [sys.executable, "-c", _PORTAL, str(deals)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert portal.stdout is not None
        secret = Path(folder) / "webhook"
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(portal.stdout.readline().strip())
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _RUN, str(profile), str(secret)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        answer, _ = portal.communicate("\n")
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        charges, memory = map(int, done.stdout.split()[-2:])
        return charges, json.loads(answer), memory, seconds


def run() -> list[tuple[str, float, float, bool]]:
    """Requests and peak memory of the large exchange; time per deal against a quarter of it."""
    _, _, _, small = _exchange(SMALL)
    charges, requests, memory, large = _exchange(LARGE)
    growth = (large / LARGE) / (small / SMALL)
    assert charges > LARGE // 3
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0
    return [
        (
            f"whole exchange of {LARGE} deals, {charges} charges: requests",
            requests,
            REQUESTS,
            requests <= REQUESTS,
        ),
        ("whole exchange: peak memory, MiB", memory, MEMORY_MIB, memory <= MEMORY_MIB),
        (
            f"whole exchange: seconds per deal, {LARGE} against {SMALL} deals",
            growth,
            GROWTH,
            growth <= GROWTH,
        ),
    ]
