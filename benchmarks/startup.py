"""Start-up: `--help`, `status` and a run that finds nothing, against a bare interpreter (DESIGN §10)."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import Row, at_most

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, LIMIT = 7, 6.0
IDLE = "obmen24 run documents-in with nothing in the folder"


def run() -> list[Row]:
    """Median of the ratios of seven rounds, bare interpreter and command in turn."""
    with tempfile.TemporaryDirectory() as folder:
        commands = _commands(Path(folder))
        _seconds(*commands[IDLE])
        ratios: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            bare = _seconds("-c", "pass")
            for name, arguments in commands.items():
                ratios[name].append(_seconds(*arguments) / bare)
    rows = []
    for name, found in ratios.items():
        rows.append(at_most(f"{name} / bare interpreter", statistics.median(found), LIMIT))
    return rows


def _commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """Arguments of the interpreter; the profile and its exchange folder lie in `folder`."""
    profile = folder / "video.toml"
    text = (ROOT / "samples" / "profiles" / "video.toml").read_text(encoding="utf-8")
    profile.write_text(text.replace("../../exchange_dir", "exchange"), encoding="utf-8")
    ours = ("-m", "etl", "-p", str(profile))
    return {
        "obmen24 --help": ("-m", "etl", "--help"),
        "obmen24 status": (*ours, "status"),
        IDLE: (*ours, "run", "documents-in"),
    }


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
