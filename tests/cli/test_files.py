"""`inspect` and `validate` through the real entry point: many files, paths that are none, repair, dialects, progress."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from etl.cli.files import SCHEMAS
from etl.config.dialects import DIALECTS
from tests.cli.test_main import obmen24
from tests.support.paths import ROOT, SHARED, needs_shared

GOOD = ROOT / "samples/video/three-months/expect/01-noyabr-nachisleno/documents.xml"
#: what the schema and the reader think of it differs: no ХозОперация, Номер, Дата, Контрагенты; a word for a number; an invented element
BAD = """<КоммерческаяИнформация ВерсияСхемы="{version}" ДатаФормирования="2026-11-02T10:00:00"><Документ><Ид>1</Ид><Роль>Продавец</Роль>
<Валюта>руб</Валюта><Курс>1</Курс><Сумма>10</Сумма><Товары><Товар><Ид>2</Ид><Наименование>Кабель</Наименование>
<БазоваяЕдиница>м</БазоваяЕдиница><Количество>два</Количество><Выдумка>1</Выдумка></Товар></Товары></Документ></КоммерческаяИнформация>"""


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# ---- paths that are no files ---------------------------------------------------------------------------------------


def test_a_path_that_is_no_file_is_one_issue_and_costs_the_others_nothing(tmp_path: Path) -> None:
    done = obmen24("inspect", "--json", tmp_path / "нет.xml", GOOD, tmp_path)
    missing, good, folder = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert good["issues_total"] == 0
    assert good["refused"] is False
    assert good.keys() == missing.keys() == folder.keys()
    for found, words in (
        (missing, "файла нет. Проверьте имя и папку."),
        (folder, "это папка, а не файл. Назовите файлы, которые в ней лежат."),
    ):
        assert (found["issues_total"], found["refused"], found["version"]) == (1, True, None)
        assert found["issues"][0]["entity"] == "file"
        assert found["issues"][0]["message"].endswith(words)


def test_validate_says_of_each_path_what_it_is(tmp_path: Path) -> None:
    done = obmen24("validate", tmp_path / "нет.xml", tmp_path, GOOD)
    assert done.returncode == 1
    assert done.stderr == ""
    assert f"{tmp_path / 'нет.xml'}: файла нет." in done.stdout
    assert f"{tmp_path}: это папка" in done.stdout
    assert f"{GOOD}: замечаний нет." in done.stdout
    verdicts = json.loads(obmen24("validate", "--json", tmp_path / "нет.xml", GOOD).stdout)
    assert [[issue["entity"] for issue in verdict["issues"]] for verdict in verdicts] == [["file"], []]


@pytest.mark.skipif(os.geteuid() == 0, reason="root читает всё")
def test_a_file_without_rights_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "x.xml", "<x/>")
    path.chmod(0)
    assert "нет прав на чтение" in obmen24("inspect", path).stdout


@pytest.mark.parametrize("command", ["inspect", "validate"])
def test_a_name_the_system_does_not_take_is_told(command: str) -> None:
    done = obmen24(command, "x" * 300)
    assert (done.returncode, done.stderr) == (1, "")
    assert "не читается (ошибка системы 36). Скопируйте файл" in done.stdout


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "труба.xml")
    done = obmen24("inspect", tmp_path / "труба.xml")
    assert (done.returncode, "это не обычный файл" in done.stdout) == (1, True)


# ---- the account of a file ---------------------------------------------------------------------------------------


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name / "import.xml", "<html/>")
    done = obmen24("inspect", "--json", "a/import.xml", "b/import.xml", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert [one["file"] for one in found] == ["import.xml", "import.xml"]
    assert [one["path"] for one in found] == ["a/import.xml", "b/import.xml"]
    for command in ("inspect", "validate"):
        said = obmen24(command, "a/import.xml", "b/import.xml", cwd=tmp_path).stdout
        assert said.index("a/import.xml") < said.index("b/import.xml")


def test_limit_0_hides_issues_and_does_not_deny_them(tmp_path: Path) -> None:
    path = written(tmp_path / "x.xml", BAD.format(version="2.05"))
    done = obmen24("inspect", "--limit", 0, path)
    assert "… и ещё замечаний: " in done.stdout
    assert "Замечаний нет" not in done.stdout
    assert done.stdout.rstrip().endswith("Исправьте данные в 1С и выгрузите файл заново.")
    assert "Замечаний нет." in obmen24("inspect", "--limit", 0, GOOD).stdout


# ---- repair ------------------------------------------------------------------------------------------------------


def test_a_second_repair_says_what_to_do_and_does_not_stop_the_others(tmp_path: Path) -> None:
    first, second = (written(tmp_path / f"{name}.xml", "<x>а\x0bб&#11;</x>") for name in "ab")
    done = obmen24("inspect", "--repair", first)
    assert done.returncode == 0
    assert "убрано запрещённых знаков: 2." in done.stdout
    again = obmen24("inspect", "--repair", first, tmp_path / "нет.xml", second)
    assert (again.returncode, again.stderr) == (1, "")
    assert (
        f"{tmp_path / 'a.repaired.xml'}: исправленная копия уже есть. Уберите или переименуйте её и повторите."
        in again.stdout
    )
    assert f"{tmp_path / 'нет.xml'}: файла нет." in again.stdout
    assert (tmp_path / "b.repaired.xml").read_text(encoding="utf-8") == "<x>аб</x>"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"<x>\n<y>\xff\x0b</y></x>", 2),
        (
            '<?xml version="1.0" encoding="windows-1251"?>\n<x>\nа\x98</x>'.encode(
                "cp1251", errors="replace"
            ).replace(b"?<", b"\x98<"),
            3,
        ),
        (b"<x>" + b"\n" * 70_000 + b"\xff</x>", 70_001),
        ("<x>а</x>".encode("utf-16") + b"\x00", 1),
    ],
)
def test_bytes_that_are_no_text_are_not_repaired_away(tmp_path: Path, data: bytes, line: int) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(data)
    done = obmen24("inspect", "--repair", path)
    assert done.returncode == 1
    assert f"в строке {line} байты не в кодировке файла" in done.stdout
    assert "копия не записана" in done.stdout
    assert [each.name for each in tmp_path.iterdir()] == ["x.xml"]


# ---- dialects ----------------------------------------------------------------------------------------------------


def test_the_dialects_to_choose_from_are_those_with_a_schema() -> None:
    assert set(SCHEMAS) == {
        name for name, dialect in DIALECTS.items() if (ROOT / "schemas" / dialect.schema).is_file()
    }


@pytest.mark.parametrize("name", ["foo", "bp3", ""])
def test_a_dialect_without_a_schema_is_a_wrong_choice(name: str, tmp_path: Path) -> None:
    done = obmen24("validate", "--dialect", name, GOOD, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"«{name}» не подходит, возможны 'ut103', 'ut11', 'unf3', 'bitrix3'." in done.stderr
    assert not list(tmp_path.iterdir()), "no crash report"


def test_what_was_checked_is_said(tmp_path: Path) -> None:
    assert (
        "Проверены правила версии 3.1 и наша схема bitrix3 (определена по файлу)."
        in obmen24("validate", GOOD).stdout
    )
    named = obmen24("validate", "--dialect", "bitrix3", GOOD)
    assert "Проверены правила версии 3.1 и наша схема bitrix3." in named.stdout
    catalogue = written(
        tmp_path / "x.xml",
        '<КоммерческаяИнформация ВерсияСхемы="2.05" ДатаФормирования="2026-11-02T10:00:00"/>',
    )
    done = obmen24("validate", catalogue)
    assert (
        "Проверены только правила версии 2.05; если файл написан для 1С, проверьте его и по нашей схеме: --dialect."
        in done.stdout
    )
    assert done.returncode == 0


def test_what_a_dialect_wants_otherwise_than_its_version_is_no_fault(tmp_path: Path) -> None:
    """УТ 10.3 knows only «ТелефонРабочий»; the list of 2.04 has «Телефон рабочий»."""
    contract = (ROOT / "docs" / "contract-1c.ru.md").read_text(encoding="utf-8")
    done = obmen24("validate", written(tmp_path / "order.xml", contract.split("```xml\n")[1].split("```")[0]))
    assert done.returncode == 0, done.stdout
    assert (
        "Отступления от схемы 2.04, которые допускает наша схема ut103 (исправлять не нужно):\n  - элемент «Контакт/Тип»"
        in done.stdout
    )
    assert done.stdout.rstrip().endswith("Делать ничего не нужно.")


def test_validate_tells_what_cannot_be_used_from_what_the_schema_does_not_allow(tmp_path: Path) -> None:
    path = written(tmp_path / "x.xml", BAD.format(version="2.04"))
    done = obmen24("validate", "--dialect", "ut103", path)
    assert done.returncode == 1
    unusable, _, rest = done.stdout.partition("Отступления от схемы 2.04")
    deviations, _, schema = rest.partition("Не по нашей схеме ut103")
    for words in (
        "«Документ/ХозОперация»: без него запись не принимается",
        "«Документ/Товар/Количество»: значение не читается (число)",
    ):
        assert words in unusable
    for words in (
        "«Документ/Номер»",
        "«Документ/Дата»",
        "«Документ/Контрагенты»",
        "элемента «Выдумка» нет в версии 2.04",
    ):
        assert words in deviations
    assert schema.rstrip().endswith("спросите программиста 1С (docs/contract-1c.ru.md).")
    found = json.loads(obmen24("validate", "--json", path).stdout)
    assert (found["dialect"], found["told"], len(found["unusable"]), len(found["deviations"])) == (
        None,
        False,
        2,
        4,
    )


def test_what_stock_1c_exports_is_not_measured_by_what_we_write_for_it(tmp_path: Path) -> None:
    """УТ 10.3 writes 2.04 without a namespace too, with requisites and elements of its own."""
    contract = (
        (ROOT / "docs" / "contract-1c.ru.md").read_text(encoding="utf-8").split("```xml\n")[1].split("```")[0]
    )
    theirs = contract.replace("ТелефонРабочий", "Телефон рабочий").replace(
        "<Комментарий>", "<СрокПлатежа>2026-11-30</СрокПлатежа><Комментарий>", 1
    )
    assert theirs != contract
    done = obmen24("validate", written(tmp_path / "1cbitrix.xml", theirs))
    assert done.returncode == 0, done.stdout
    assert "Проверены только правила версии 2.04" in done.stdout
    assert obmen24("validate", "--dialect", "ut103", tmp_path / "1cbitrix.xml").returncode == 1


@needs_shared
def test_a_file_of_1c_that_only_departs_from_its_schema_is_not_called_useless() -> None:
    done = obmen24("validate", SHARED / "commerceml/samples/ermolalex__cml_1c/unf_import.xml")
    assert done.returncode == 1
    assert "Отступления от схемы 2.08 (программа это прочитает" in done.stdout
    assert "Программа не сможет использовать" not in done.stdout
    assert done.stdout.rstrip().endswith(
        "Программа эти файлы прочитает. Если файл пишете вы сами, исправьте отступления."
    )


# ---- progress ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["inspect", "validate"])
def test_progress_is_shown_on_a_terminal_from_the_first_pass_on_and_nowhere_else(
    command: str, tmp_path: Path
) -> None:
    head = '<КоммерческаяИнформация ВерсияСхемы="2.05" ДатаФормирования="2026-11-02T10:00:00"><Каталог><Ид>1</Ид><Наименование>К</Наименование>'
    item = f"<Товар><Ид>1</Ид><Наименование>Товар</Наименование><БазоваяЕдиница>шт</БазоваяЕдиница><Описание>{'о' * 2000}</Описание></Товар>"
    path = written(
        tmp_path / "big.xml",
        f"{head}<Владелец/><Товары>{item * 6000}</Товары></Каталог></КоммерческаяИнформация>",
    )
    assert obmen24(command, path).stderr == ""
    above, below = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "etl", command, str(path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=below,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as running:
        os.close(below)
        shown = ""
        while piece := _read(above):
            shown += piece
    os.close(above)
    assert running.returncode == 0
    parts = [
        int(part.split("%")[0].split()[-1].split("m")[-1])
        for part in shown.split("big.xml")[1:]
        if "%" in part
    ]
    assert any(0 < part < 100 for part in parts), shown
    assert parts == sorted(parts)


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 1 << 16).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""
