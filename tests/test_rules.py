"""docs/rules.md tells the truth: every function and story it names exists, every quote stands in a specification."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache

import pytest

from tests.support.paths import ROOT, SHARED, needs_shared

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| sentence", "| law"))
]
QUOTES = [row[0][1:-1] for row in ROWS if row[0].startswith("«")]


@cache
def stories_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_name_resolves(row: list[str]) -> None:
    _, rules, proof = row
    for name in re.findall(r"`([^`]+)`", rules):
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"etl.{module}"), function)), name
    for name in re.findall(r"`([^`]+)`", proof):
        if name.startswith("tests/"):
            assert stories_of(name), name
        else:
            story, _, function = name.partition(".")
            assert function in stories_of(f"tests/golden/{story}.py"), name


def plain(text: str) -> str:
    """Blanks and the marks of layout do not count."""
    return re.sub(r"[\s*\\]|<[^>]*>", "", text).replace("\u00a0", "").casefold()


@needs_shared
@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: quote[:60])
def test_every_quote_stands_in_a_specification(quote: str) -> None:
    seeds = [plain(path.read_text(encoding="utf-8")) for path in sorted((SHARED / "seeds").glob("*.txt"))]
    assert any(plain(quote).rstrip(".") in seed for seed in seeds)


def test_every_specification_has_its_table() -> None:
    for number in ("000", "001", "002 and 004", "003"):
        assert f"## {number}: " in PAGE
