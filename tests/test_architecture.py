"""The rules of docs/architecture.md that a machine can check: who may import whom, what must stay light, what must be told."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from etl import tables
from etl.config import profile
from tests.support.paths import ROOT

ETL = ROOT / "etl"
MODULES = sorted(ETL.rglob("*.py"))

#: The import law (DESIGN: layout), lowest floor first: a module imports its own room and rooms of lower floors only. Rooms of one
#: floor never import each other. A name is a package of `etl` or a module at its top; none may be missing.
FLOORS = (
    ("__init__",),
    ("columns",),
    ("records",),
    ("errors", "tables"),
    ("config", "state", "xml_safe", "report"),
    ("values", "idle", "scratch"),
    ("exchange", "bitrix24", "sandbox"),
    ("extract", "transform", "load"),
    ("flows",),
    ("pipeline",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
#: Rules are pure: what `transform` may use beside itself.
PURE_GROUND = {"__init__", "columns", "records", "errors", "tables", "config", "values", "transform"}
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


KNOWN = {name_of(path): path for path in MODULES}


@cache
def imported(path: Path) -> set[str]:
    """Every module that a module imports anywhere in it: deferred imports and those for the type checker count too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)}: relative imports hide where a thing lives"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in KNOWN else str(node.module))
    return found


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def arrows() -> dict[str, set[str]]:
    """module -> modules of ours that it imports."""
    return {
        name: {one for one in imported(path) if one in KNOWN and one != name} for name, path in KNOWN.items()
    }


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_imports_go_down(name: str) -> None:
    room = room_of(name)
    assert room in FLOOR, f"{name}: no floor of the import law holds it"
    for target in arrows()[name]:
        below = room_of(target)
        assert below == room or FLOOR[below] < FLOOR[room], f"{name} imports {target}"


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circles_among_modules_nor_among_packages() -> None:
    found = arrows()
    assert circle(found) == []
    packages: dict[str, set[str]] = {}
    for name, targets in found.items():
        home = name.rpartition(".")[0]
        others = {target.rpartition(".")[0] for target in targets}
        # a package and what lies inside it are one house; modules at the top of etl stand for themselves
        packages.setdefault(home, set()).update(
            other
            for other in others - {home, "etl", ""}
            if not (f"{other}.".startswith(f"{home}.") or f"{home}.".startswith(f"{other}."))
        )
    packages.pop("etl", None)
    assert circle(packages) == []


def test_a_folder_is_a_room_and_no_store_room() -> None:
    """At most 14 modules in a folder, and no prefix that three neighbours share: a prefix family wants to be a package."""
    for folder in sorted({path.parent for path in MODULES}):
        stems = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
        assert len(stems) <= 14, folder
        if folder.name != "versions":
            prefixes = Counter(stem.split("_")[0] for stem in stems if "_" in stem.strip("_"))
            assert not [prefix for prefix, count in prefixes.items() if count >= 3], folder


@pytest.mark.parametrize("path", sorted((ETL / "transform").rglob("*.py")), ids=name_of)
def test_transform_is_pure(path: Path) -> None:
    assert not {target.split(".")[0] for target in imported(path)} & IMPURE
    assert {room_of(target) for target in imported(path) if target.startswith("etl")} <= PURE_GROUND
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not calls & {"now", "today", "utcnow"}, "the clock is an argument"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_long_and_none_leaves_work(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, "split it along its concerns"
    assert not re.search(r"TODO|FIXME|XXX|NotImplementedError", text)
    assert ast.get_docstring(ast.parse(text)) or not text.strip(), "a module says what it is for"


def test_every_table_has_its_typed_record_and_no_other_columns() -> None:
    """`TABLES` is made of the TypedDicts, so a column cannot stand in one and be missing in the other."""
    for table in tables.TABLES.values():
        declared = get_type_hints(table.record, include_extras=True)
        assert set(table.columns) == set(declared), table.name
        for name, column in table.columns.items():
            kinds = get_args(declared[name])
            assert column in kinds, f"{table.name}.{name}"
            assert set(table.key) <= set(table.columns), table.name


def test_a_misspelt_column_is_found_by_the_type_checker(tmp_path: Path) -> None:
    """Typed records are worth it only while `make check` finds the slip: a copy of a rule with one letter changed must fail."""
    rule = "from etl.records import Line\n\n\ndef total(line: Line) -> object:\n    return line[{column!r}]\n"
    for column, code in (("amount", 0), ("amuont", 1)):
        copy = tmp_path / f"{column}.py"
        copy.write_text(rule.format(column=column), encoding="utf-8")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "mypy",
                "--strict",
                "--follow-imports=silent",
                f"--cache-dir={tmp_path}",
                str(copy),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        assert code == 0 or "amuont" in done.stdout


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


SCRIPTS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_scripts_import_of_the_product_exists(path):
    """Also inside the strings that tests and benchmarks run as processes of their own: no type checker reads those."""
    for module, names in re.findall(
        r"^\s*from (etl[\w.]*) import ([\w, ]+)$", path.read_text(encoding="utf-8"), re.M
    ):
        found = importlib.import_module(module)
        for name in (part.split(" as ")[0].strip() for part in names.split(",")):
            assert hasattr(found, name) or importlib.util.find_spec(f"{module}.{name}"), f"{module}.{name}"
