"""Every case of samples/ gives what its expect/ folder shows. `make golden` writes expect/ again: review it like code."""

from __future__ import annotations

import shutil

import pytest

from tests.support import scenario
from tests.support.paths import ROOT

CASES = sorted(
    str(path.parent.relative_to(ROOT / "samples")) for path in (ROOT / "samples").glob("*/*/steps.toml")
)


@pytest.mark.parametrize("case", [pytest.param(case, marks=pytest.mark.xdist_group(case)) for case in CASES])
def test_a_case_gives_what_is_expected(case: str) -> None:
    """A step that says `quiet` must change nothing; the specification tests look at the same story."""
    expect = ROOT / "samples" / case / "expect"
    for shot, view in scenario.story(case).items():
        files = view.files
        known = {path.name: path.read_text(encoding="utf-8") for path in sorted((expect / shot).iterdir())}
        assert files.keys() == known.keys(), shot
        for name, text in files.items():
            assert text == known[name], f"{shot}/{name}"


def write(case: str) -> None:
    """Write expect/ of a case again."""
    views = scenario.story(case)
    expect = ROOT / "samples" / case / "expect"
    shutil.rmtree(expect, ignore_errors=True)
    for shot, view in views.items():
        for name, text in view.files.items():
            (expect / shot).mkdir(parents=True, exist_ok=True)
            (expect / shot / name).write_text(text, encoding="utf-8")
