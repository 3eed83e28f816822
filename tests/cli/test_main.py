"""The command line through its real entry point: words, exit codes, silence when nothing happened."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from etl.cli.main import Later, main
from tests.support import scenario
from tests.support.paths import ROOT, SHARED, needs_shared
from tests.test_architecture import HEAVY, LIGHT


def obmen24(*arguments: object, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the console script's entry point in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "etl", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **env},
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rehearsed profile: `run` has been done once on the embedded sandbox. Gives the profile's path."""
    tmp = tmp_path_factory.mktemp("demo")
    path = scenario.copied(tmp, "video")
    done = obmen24("-p", path, "run", "--summary")
    assert done.returncode == 0, done.stderr
    assert "начислений: " in done.stdout
    return path


def test_a_second_rehearsal_changes_no_byte_and_says_so(demo: Path) -> None:
    folder = demo.parent / "exchange"
    before = {
        path: path.read_bytes()
        for name in ("to_1c", "spreadsheets/out")
        for path in (folder / name).rglob("*")
        if path.is_file()
    }
    done = obmen24("-p", demo, "run", "--summary")
    assert "нового нет, ни один исходящий файл не изменён" in done.stdout
    assert {
        path: path.read_bytes()
        for name in ("to_1c", "spreadsheets/out")
        for path in (folder / name).rglob("*")
        if path.is_file()
    } == before


def test_the_rehearsal_leaves_what_people_need(demo: Path) -> None:
    folder = demo.parent / "exchange"
    assert (folder / "to_1c" / "documents.xml").is_file()
    assert list((folder / "spreadsheets" / "out").glob("reestr-*-v1.xlsx"))
    assert list((folder / "spreadsheets" / "out").glob("akty-*.xlsx"))
    assert list((folder / "archive").rglob("sent-*-documents.xml"))
    assert not list((folder / "quarantine").iterdir())


def test_the_list_of_commands_tells_what_the_commands_tell() -> None:
    for name, later in main.commands.items():
        assert isinstance(later, Later), name
        assert later.help == later.real().help, name


@pytest.mark.parametrize("arguments", [["status"], ["run", "documents-in"]])
def test_what_is_asked_every_minute_imports_little(demo: Path, arguments: list[str]) -> None:
    obmen24("-p", demo, *arguments)  # a full run, after which nothing is left to do
    code = (
        "import sys, click; before = set(sys.modules); from etl.cli.main import main; main(sys.argv[1:], standalone_mode=False); "
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-p", str(demo), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines())
    assert {"sqlite3", "tomllib"} <= loaded
    assert not loaded & {
        "pathlib",
        "urllib.parse",
        "dataclasses",
        "decimal",
        "etl.config.dialects",
        "etl.cli.exchange",
        "etl.cli.people",
        *HEAVY,
    }


def test_status_is_the_dead_man_check(demo: Path, tmp_path: Path) -> None:
    assert "Последний удачный обмен" in obmen24("-p", demo, "status").stdout
    assert obmen24("-p", demo, "status", "--max-age", "100000").returncode == 0
    fresh = scenario.copied(tmp_path, "video")
    never = obmen24("-p", fresh, "status", "--max-age", "60")
    assert never.returncode == 75
    assert "Удачных обменов ещё не было" in never.stdout
    assert json.loads(obmen24("-p", demo, "status", "--json").stdout)["last_run"]["id"] > 1


def test_why_speaks_russian_and_json(demo: Path) -> None:
    deal = next(
        iter(
            re.findall(
                r"Сделка № (\d+)",
                (next((demo.parent / "exchange/archive").rglob("sent-*-documents.xml"))).read_text("utf-8"),
            )
        ),
        "1",
    )
    said = obmen24("-p", demo, "why", "deal", deal)
    assert said.returncode == 0
    rows = json.loads(obmen24("-p", demo, "why", "deal", deal, "--json").stdout)
    assert isinstance(rows, list)
    assert "В журнале ничего нет" in obmen24("-p", demo, "why", "deal", "999999").stdout


def test_register_writes_the_month_again(demo: Path) -> None:
    name = next((demo.parent / "exchange/spreadsheets/out").glob("reestr-*-v1.xlsx"))
    before = register_rows(name)
    name.unlink()
    done = obmen24("-p", demo, "register", "--month", name.name[len("reestr-") :][:7])
    assert done.returncode == 0, done.stderr
    assert register_rows(name) == before
    nothing = obmen24("-p", demo, "register", "--month", "2020-01")
    assert nothing.returncode == 2
    assert "obmen24 bill --month 2020-01" in nothing.stderr


def register_rows(path: Path) -> list[tuple[object, ...]]:
    return list(openpyxl.load_workbook(path)["Реестр"].iter_rows(values_only=True))


def test_a_run_that_finds_nothing_imports_nothing_heavy(demo: Path) -> None:
    """A cron job every minute must cost little more than starting the interpreter: the exact list of modules is the measure."""
    assert obmen24("-p", demo, "run", "documents-in").returncode == 0
    snippet = LIGHT.format(args=["-p", str(demo), "run", "documents-in"], code=0, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", snippet], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
    (demo.parent / "exchange/from_1c/new.xml").write_text("<x/>", encoding="utf-8")
    assert obmen24("-p", demo, "run", "documents-in").returncode == 1, (
        "a file that waits is looked at by a full run"
    )


def test_unknown_names_of_the_profile_are_all_listed_with_valid_values(tmp_path: Path) -> None:
    path = scenario.copied(tmp_path, "video")
    text = path.read_text(encoding="utf-8").replace('address = "Адрес объекта"', 'address = "Адрес обьекта"')
    path.write_text(
        text.replace('terminated_stage = "Договор расторгнут"', 'terminated_stage = "Расторгнут"'),
        encoding="utf-8",
    )
    checked = obmen24("-p", path, "check")
    assert checked.returncode == 2
    for expected in (
        "Адрес обьекта",
        "deals.fields.address",
        "Адрес объекта",
        "Расторгнут",
        "billing.terminated_stage",
        "Договор расторгнут",
    ):
        assert expected in checked.stdout + checked.stderr
    assert obmen24("-p", path, "run").returncode == 2


def test_check_is_content_with_the_samples(tmp_path: Path) -> None:
    for name in ("video", "video-bp"):
        path = scenario.copied(tmp_path, name)
        (tmp_path / "exchange").mkdir(exist_ok=True)
        done = obmen24("-p", path, "check")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "все названия профиля найдены" in done.stdout


def test_contradictions_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = scenario.copied(tmp_path, "video")
    path.write_text(
        path.read_text(encoding="utf-8").replace("extended = true", "extended = false"), encoding="utf-8"
    )
    checked = obmen24("-p", path, "check", "--json")
    found = json.loads(checked.stdout)
    assert checked.returncode == 2
    assert any("delivery.act" in problem for problem in found["wrong"])
    assert any("commission.confirm" in problem for problem in found["wrong"])


def test_a_missing_profile_says_what_to_do(tmp_path: Path) -> None:
    done = obmen24("-p", tmp_path / "no.toml", "run")
    assert done.returncode == 2
    assert "obmen24 init" in done.stderr


def test_init_writes_a_profile_that_loads(tmp_path: Path) -> None:
    from etl.config import profile

    path = tmp_path / "our.toml"
    done = subprocess.run(
        [sys.executable, "-m", "etl", "-p", str(path), "init", "--from", "video"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        input="портал-1\n/etc/obmen24/webhook\nобмен\nООО «Свет»\n7707083893\n",
    )
    assert done.returncode == 0, done.stderr
    read = profile.load(path)
    assert (read.bitrix24.name, read.organisation.name, read.organisation.inn) == (
        "портал-1",
        "ООО «Свет»",
        "7707083893",
    )
    assert (read.bitrix24.sandbox, str(read.bitrix24.webhook_file)) == (None, "/etc/obmen24/webhook")
    assert read.folder == tmp_path / "обмен"
    again = obmen24("-p", path, "init", "--from", "video")
    assert again.returncode != 0


def test_a_bug_shows_one_sentence_and_keeps_the_traceback_private(tmp_path: Path) -> None:
    """A bug is exit 4: one Russian sentence, the traceback in a private file without the webhook."""
    broken = tmp_path / "bug.py"
    broken.write_text(
        "from etl.cli import main as cli\nfrom etl.commands import status\n"
        "def fail(path): raise RuntimeError('/rest/1/secretsecret123/')\n"
        "status.read = fail\ncli.main(['-p', 'x.toml', 'status'])\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(broken)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "secretsecret123" not in done.stderr
    crash = next((tmp_path / ".obmen24").glob("crash-*.txt"))
    assert "RuntimeError" in crash.read_text(encoding="utf-8")
    assert "secretsecret123" not in crash.read_text(encoding="utf-8")
    assert crash.stat().st_mode & 0o077 == 0


def test_a_bug_far_from_any_writable_folder_still_is_one_sentence(tmp_path: Path) -> None:
    """The folder of the profile may be absent or another user's: it is not made, and the report goes where one may write."""
    broken = tmp_path / "bug.py"
    broken.write_text(
        "from etl.cli import main as cli\nfrom etl.commands import status\ndef fail(path): raise RuntimeError('x')\n"
        "status.read = fail\ncli.main(['-p', 'нет/такой/x.toml', 'status'])\n",
        encoding="utf-8",
    )
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, str(broken)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")},
    )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    crash = next((tmp_path / "tmp").glob("obmen24-*/crash-*.txt"))
    assert str(crash) in done.stderr
    assert "RuntimeError" in crash.read_text(encoding="utf-8")
    assert not (tmp_path / "нет").exists()


@needs_shared
def test_inspect_reads_every_real_file_without_a_traceback() -> None:
    files = sorted((SHARED / "commerceml" / "samples").rglob("*.xml"))
    assert len(files) >= 90
    done = obmen24("inspect", "--json", *files)
    assert "Traceback" not in done.stderr
    found = json.loads(done.stdout)
    assert len(found) == len(files)
    for one in found:
        assert {
            "file",
            "sha256",
            "version",
            "namespace",
            "encoding",
            "generated_at",
            "changes_only",
            "counts",
            "amount_total",
            "issues",
        } <= one.keys()
    refused = {Path(one["file"]).name for one in found if one["refused"]}
    assert any("MALFORMED" in name for name in refused)
    assert done.returncode == 1


def test_inspect_refuses_a_foreign_file_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text("<html/>", encoding="utf-8")
    done = obmen24("inspect", path)
    assert done.returncode == 1
    assert "CommerceML" in done.stdout
    assert len(json.loads(obmen24("inspect", "--json", path).stdout)["issues"]) == 1


def test_validate_names_what_is_wrong(tmp_path: Path) -> None:
    good = ROOT / "samples/video/three-months/expect/01-noyabr-nachisleno/documents.xml"
    assert obmen24("validate", good).returncode == 0
    bad = tmp_path / "documents.xml"
    bad.write_text(
        good.read_text(encoding="utf-8").replace("<Сумма>1500.00</Сумма>", "<Сумма>много</Сумма>"),
        encoding="utf-8",
    )
    done = obmen24("validate", bad)
    assert done.returncode == 1
    assert "Сумма" in done.stdout


def test_make_knows_its_targets() -> None:
    if shutil.which("make") is None:
        pytest.skip("make не установлен")
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "sync", "bill", "register", "watch", "status", "test", "check", "bench"):
        assert f"make {target}" in said
