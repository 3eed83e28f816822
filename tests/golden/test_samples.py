"""Every case of samples/ gives what its expect/ folder shows. `make golden` writes expect/ again: review it like code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.golden import scenario
from tests.paths import ROOT

CASES = sorted(str(path.parent.relative_to(ROOT / "samples")) for path in (ROOT / "samples").glob("*/*/steps.toml"))


def played(case: str, tmp: Path) -> dict[str, dict[str, str]]:
    """Snapshots of a case: name -> file -> text. A step that says `quiet` must change nothing."""
    name, steps = scenario.steps(case)
    shots = {}
    with scenario.opened(tmp, name, case=case) as running:
        for step in steps:
            before = running.outgoing()
            report = scenario.play(running, step)
            if step.get("quiet"):
                assert report is not None
                assert report.quiet, report.text()
                assert running.outgoing() == before
            if "snapshot" in step:
                shots[step["snapshot"]] = scenario.snapshot(running, step, report)
    return shots


@pytest.mark.parametrize("case", CASES)
def test_a_case_gives_what_is_expected(case: str, tmp_path: Path) -> None:
    expect = ROOT / "samples" / case / "expect"
    for shot, files in played(case, tmp_path).items():
        known = {path.name: path.read_text(encoding="utf-8") for path in sorted((expect / shot).iterdir())}
        assert files.keys() == known.keys(), shot
        for name, text in files.items():
            assert text == known[name], f"{shot}/{name}"


def write(case: str, tmp: Path) -> None:
    """Write expect/ of a case again."""
    expect = ROOT / "samples" / case / "expect"
    shutil.rmtree(expect, ignore_errors=True)
    for shot, files in played(case, tmp).items():
        for name, text in files.items():
            (expect / shot).mkdir(parents=True, exist_ok=True)
            (expect / shot / name).write_text(text, encoding="utf-8")
