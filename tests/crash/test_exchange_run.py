"""Kill -9, a full disk and double kills at the mutating steps of intake, delivery, billing and publishing: the end is the same."""

from __future__ import annotations

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import exchange_run
from tests.support.paths import ROOT

SCRIPT = [sys.executable, "-m", "tests.support.exchange_run"]
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace не установлен")


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """Worlds live in memory where possible: a kill keeps the page cache, so a real disk would only cost time."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir=memory)) if os.access(memory, os.W_OK) else tmp_path
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def campaign(base: Path, stride: int, mode: str) -> dict[str, Any]:
    done = subprocess.run(
        [*SCRIPT, "campaign", str(base), str(stride), mode], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_kill_or_a_full_disk_at_any_step_changes_nothing_in_the_end(base: Path) -> None:
    found = campaign(base, 9, "once")
    assert found["wrong"] == []
    assert found["total"] >= 20
    assert set(found["steps"]) >= {
        "commit",
        "create",
        "fsync",
        "mkdir",
        "portal",
        "portal answered",
        "replace",
        "unlink",
    }
    assert found["reference"]["portal"] == ["1", "2", "3", "4", "7"], (
        "one deal per word, although two files name 3"
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "twice"])
def test_every_step(base: Path, mode: str) -> None:
    assert campaign(base, 1, mode)["wrong"] == []


# ---- the same from outside: the kernel's own view of one run
STRIDE = 3  # with every call it takes an hour; the first of each kind are always broken
KINDS = (
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "ftruncate",
    "fchmod",
)


def traced(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["strace", "-f", "-y", "-o", str(root.parent / "trace"), *options, *SCRIPT, "run", str(root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )


@needs_strace
def test_every_name_is_given_to_a_synced_file_and_the_folder_is_synced(base: Path) -> None:
    """The order that survives a power cut, which no kill can show: write, fsync the file, rename, fsync the folder."""
    root = exchange_run.fresh(base)
    assert traced(root, "-e", "trace=fsync,rename,renameat,renameat2").returncode == 0
    lines = (base / "trace").read_text().splitlines()
    synced: dict[int, str] = {
        number: found[1]
        for number, line in enumerate(lines)
        if (found := re.search(r"fsync\(\d+<([^>]*)>", line))
    }
    renames = [
        (number, *found.groups())
        for number, line in enumerate(lines)
        if (found := re.search(r'rename\w*\(.*?"([^"]+)".*?"([^"]+)"', line)) and str(root) in found[1]
    ]
    ours = [item for item in renames if item[1].endswith(".tmp")]
    assert len(ours) >= 6 and len(renames) > len(ours)
    for number, source, _target in ours:
        assert source in [path for place, path in synced.items() if place < number], (
            f"{source} was renamed before it was synced"
        )
    for number, _source, target in renames:
        assert str(Path(target).parent) in [path for place, path in synced.items() if place > number], (
            f"the folder of {target} was not synced"
        )


@needs_strace
@pytest.mark.slow
def test_a_kill_or_a_full_disk_at_any_system_call_changes_nothing_in_the_end(base: Path) -> None:
    root = exchange_run.fresh(base)
    assert traced(root, "-e", "trace=" + ",".join(KINDS)).returncode == 0
    reference = exchange_run.end_state(root)
    counts = collections.Counter(re.findall(r"^\d+\s+(\w+)\(", (base / "trace").read_text(), re.M))
    wrong = []
    for kind, count in counts.items():
        faults = [
            "signal=KILL",
            *(["error=ENOSPC", "error=EIO"] if kind in ("write", "pwrite64", "fsync", "fdatasync") else []),
        ]
        for at, fault in ((at, fault) for at in range(1, count + 1, STRIDE) for fault in faults):
            root = exchange_run.fresh(base)
            traced(root, "-e", f"inject={kind}:{fault}:when={at}")
            if (
                done := subprocess.run([*SCRIPT, "run", str(root)], cwd=ROOT, capture_output=True, text=True)
            ).returncode:
                wrong.append(f"{kind} {at} {fault}: {done.stderr[-300:]}")
            elif (found := exchange_run.end_state(root)) != reference:
                wrong.append(
                    f"{kind} {at} {fault}: "
                    + "; ".join(f"{key}: {found[key]}" for key in reference if found[key] != reference[key])
                )
            shutil.rmtree(root)
    assert wrong == []
