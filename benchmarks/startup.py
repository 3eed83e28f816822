"""Start-up: `obmen24 --help`, `status` and a run that finds nothing, against a bare interpreter (DESIGN
§10).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, LIMIT = 7, 6.0
_PROFILE = (ROOT / "samples" / "profiles" / "video.toml").read_text(encoding="utf-8")


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.perf_counter() - started


def run() -> list[tuple[str, float, float, bool]]:
    """Median of the ratios of seven rounds, bare interpreter and command in turn."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "video.toml"
        profile.write_text(_PROFILE.replace("../../exchange_dir", "exchange"), encoding="utf-8")
        commands = {
            "obmen24 --help": ("-m", "etl", "--help"),
            "obmen24 status": ("-m", "etl", "-p", str(profile), "status"),
            "obmen24 run documents-in with nothing in the folder": (
                "-m",
                "etl",
                "-p",
                str(profile),
                "run",
                "documents-in",
            ),
        }
        _seconds(*commands["obmen24 run documents-in with nothing in the folder"])
        ratios: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            bare = _seconds("-c", "pass")
            for name, arguments in commands.items():
                ratios[name].append(_seconds(*arguments) / bare)
    return [
        (f"{name} / bare interpreter", statistics.median(found), LIMIT, statistics.median(found) <= LIMIT)
        for name, found in ratios.items()
    ]
