"""The rules of docs/architecture.md that a machine can check: who may import whom, what must stay light, what must be told."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from etl.config import profile
from tests.support.paths import ROOT

ETL = ROOT / "etl"
MODULES = sorted(ETL.rglob("*.py"))

#: package or module -> what of etl it may import (prefixes). One way: down.
GROUND = (
    "etl.errors",
    "etl.xml_safe",
    "etl.tables",
    "etl.config.dialects",
    "etl.config.profile",
    "etl.config.source",
    "etl.__version__",
)
PURE = ("etl.values.clean", "etl.values.keys")
ALLOWED: dict[str, tuple[str, ...]] = {
    "etl.errors": (),
    "etl.config.dialects": (),
    "etl.xml_safe": ("etl.errors",),
    "etl.tables": ("etl.errors",),
    "etl.config.source": ("etl.errors",),
    "etl.config.profile": ("etl.errors", "etl.config.dialects", "etl.config.source", "etl.tables"),
    "etl.transform": (*GROUND, "etl.transform"),
    "etl.extract": (*GROUND, *PURE, "etl.extract", "etl.bitrix24"),
    "etl.load": (*GROUND, *PURE, "etl.load", "etl.bitrix24"),
    "etl.bitrix24": (*GROUND, *PURE, "etl.bitrix24"),
    "etl.exchange.folder": (*GROUND, "etl.exchange.folder"),
    "etl.state.quick": (),
    "etl.state.store": (*GROUND, "etl.state.store", "etl.state.migrations"),
    "etl.state.migrations": (*GROUND, "etl.state.schema"),
    "etl.sandbox": (*GROUND, *PURE, "etl.sandbox", "etl.pipeline", "etl.report"),
}
IMPURE = {
    "os",
    "io",
    "pathlib",
    "requests",
    "sqlite3",
    "sqlalchemy",
    "socket",
    "subprocess",
    "time",
    "random",
    "shutil",
    "lxml",
    "logging",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, *, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module in {
                "etl",
                "etl.transform",
                "etl.extract",
                "etl.load",
                "etl.bitrix24",
                "etl.sandbox",
                "etl.flows",
            }
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if whole else {node.module}
    return found


def rule_for(module: str) -> tuple[str, ...] | None:
    fitting = [
        prefix for prefix in ALLOWED if module == prefix or module.startswith((prefix + ".", prefix + "_"))
    ]
    return ALLOWED[max(fitting, key=len)] if fitting else None


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    allowed = rule_for(name_of(path))
    if allowed is None:
        return
    for target in imported(path):
        if target.startswith("etl."):
            assert any(
                target == prefix or target.startswith((prefix + ".", prefix + "_")) for prefix in allowed
            ), f"{name_of(path)} imports {target}"


@pytest.mark.parametrize("path", sorted((ETL / "transform").glob("*.py")), ids=name_of)
def test_transform_is_pure(path: Path) -> None:
    assert not {target.split(".")[0] for target in imported(path)} & IMPURE
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not calls & {"now", "today", "utcnow"}, "the clock is an argument"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_long_and_none_leaves_work(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 450, "split it along its concerns"
    assert not re.search(r"TODO|FIXME|XXX|NotImplementedError", text)
    assert ast.get_docstring(ast.parse(text)) or not text.strip(), "a module says what it is for"


def test_money_is_never_float() -> None:
    for path in MODULES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not re.search(r"float\((?:.*(?:amount|sum|price|money|fee))", line), f"{path}:{number}"


LIGHT = (
    "import sys; from click.testing import CliRunner; from etl.cli.main import main; r = CliRunner().invoke(main, {args!r}); "
    "assert r.exit_code == {code}, r.output; print([m for m in {heavy!r} if m in sys.modules])"
)
HEAVY = [
    "pandas",
    "numpy",
    "openpyxl",
    "xlsxwriter",
    "requests",
    "lxml",
    "sqlalchemy",
    "alembic",
    "pandera",
    "pydantic",
    "starlette",
    "uvicorn",
    "watchdog",
]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--help"], 0),
        (["--profile", "samples/profiles/video.toml", "status", "--json"], 0),
        (["--version"], 0),
    ],
)
def test_light_commands_import_nothing_heavy(args: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(args=args, code=code, heavy=HEAVY)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


PROFILES = sorted((ROOT / "samples" / "profiles").glob("*.toml"))


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_sample_profile_loads(path: Path) -> None:
    assert profile.load(path).name == path.stem


def test_profile_schema_is_fresh() -> None:
    assert (
        json.loads((ROOT / "schemas" / "profile.schema.json").read_text(encoding="utf-8"))
        == profile.json_schema()
    ), "run: make golden"


def test_every_command_has_help_and_is_told_to_the_administrator() -> None:
    from etl.cli.main import main

    guide = (ROOT / "docs" / "administrator.ru.md").read_text(encoding="utf-8")
    for name, command in main.commands.items():
        assert command.help, name
        assert f"obmen24 {name}" in guide, f"docs/administrator.ru.md does not tell of {name}"


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").lower()
    for requirement in project["dependencies"]:
        package = re.split(r"[\[<>=~ ]", requirement)[0]
        assert package in told, f"docs/architecture.md gives no reason for {package}"


def test_nothing_of_the_workplace_is_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    texts = [
        ROOT / name
        for name in listed
        if name and Path(name).suffix in {".py", ".md", ".toml", ".xml", ".json", ".xsd", ".txt", ""}
    ]
    for path in texts:
        if path.is_file() and path != Path(__file__):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert "/work/" not in text.replace("/work/shared", "/work/shared") or path.suffix == ".xml", path
            assert not re.search(r"/rest/\d+/[a-z0-9]{16}/", text), f"a webhook in {path}"
