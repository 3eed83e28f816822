"""What `obmen24 inspect` and `validate` say about a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from etl.cli.words import inspect as inspect_words
from etl.cli.words import validate as validate_words
from etl.commands.inspect import Counts, Finding
from etl.commands.repair import Repair
from etl.commands.validate import Verdict

ISSUE = {"key": "1", "place": "Документ", "message": "нет суммы."}


def finding(**said: Any) -> Finding:
    counts = Counts(offers=2, parties=1, documents={"order": 3}, lines=4)
    known = {
        "file": "a.xml",
        "version": "2.05",
        "encoding": "utf-8",
        "counts": counts,
        "amount_total": "10.00",
        "issues_total": 0,
        "issues": [],
        "path": "x/a.xml",
        "refused": False,
    }
    return Finding(**{**known, **said})


def test_the_account_of_a_file() -> None:
    assert inspect_words.text([finding()]) == (
        "x/a.xml\n"
        "  CommerceML 2.05, utf-8, пространство имён: нет\n"
        "  контрагентов: 1\n"
        "  предложений: 2\n"
        "  строк документов: 4\n"
        "  заказов: 3\n"
        "  сумма документов: 10.00\n"
        "  Замечаний нет."
    )


def test_issues_that_are_not_shown_are_counted() -> None:
    said = inspect_words.text([finding(changes_only=True, version=None, issues_total=3, issues=[ISSUE])])
    assert "  CommerceML без версии, utf-8, пространство имён: нет, только изменения\n" in said
    assert said.endswith(
        "  - 1, Документ: нет суммы.\n"
        "  … и ещё замечаний: 2. Показать больше: --limit 3\n"
        "  Исправьте данные в 1С и выгрузите файл заново."
    )


def test_what_was_not_read_has_its_reason_only() -> None:
    issue = {"key": None, "place": None, "message": "x/a.xml: файла нет. Проверьте имя и папку."}
    refused = finding(refused=True, issues_total=1, issues=[issue])
    assert (
        inspect_words.text([refused, refused]).split("\n\n")
        == ["x/a.xml\n  - x/a.xml: файла нет. Проверьте имя и папку."] * 2
    )


def test_each_repair_has_a_line() -> None:
    done = [
        Repair(Path("a.xml"), Path("a.repaired.xml"), removed=2),
        Repair(Path("b/c.xml"), Path("b/c.repaired.xml"), refused="c.xml: байты не в кодировке."),
    ]
    assert inspect_words.repaired(done) == (
        "a.repaired.xml: убрано запрещённых знаков: 2. "
        "Проверьте файл (obmen24 inspect) и положите его в папку обмена вместо исходного.\n"
        "b/c.xml: c.xml: байты не в кодировке."
    )


def test_a_clean_verdict() -> None:
    assert validate_words.text([Verdict("a.xml", "x/a.xml", None, None)]) == (
        "x/a.xml: замечаний нет. Проверены только правила версии 2.04 (файл версию не называет); "
        "если файл написан для 1С, проверьте его и по нашей схеме: --dialect.\n"
        "Делать ничего не нужно."
    )


def test_what_a_dialect_allows_is_no_fault() -> None:
    meant = Verdict("a.xml", "a.xml", "2.04", "ut103", told=True, deviations=["элемент «Контакт/Тип»"])
    assert meant.is_clean
    assert validate_words.text([meant]) == (
        "a.xml: замечаний нет. Проверены правила версии 2.04 и наша схема ut103 (определена по файлу).\n"
        "  Отступления от схемы 2.04, которые допускает наша схема ut103 (исправлять не нужно):\n"
        "  - элемент «Контакт/Тип»\n"
        "Делать ничего не нужно."
    )


def test_the_advice_parts_what_must_be_corrected_from_what_is_read_all_the_same() -> None:
    departs = Verdict("a.xml", "a.xml", "2.08", None, deviations=["элемента «Х» нет"] * 100)
    said = validate_words.text([departs])
    assert "  Отступления от схемы 2.08 (программа это прочитает, чужие элементы пропустит):\n" in said
    assert said.endswith(
        "  … и, возможно, другие: исправьте эти и повторите.\n"
        "Программа эти файлы прочитает. Если файл пишете вы сами, исправьте отступления."
    )
    wrong = Verdict("a.xml", "a.xml", "3.1", "bitrix3", unusable=["нет даты"], schema=["нет Ид"])
    assert validate_words.text([departs, wrong]).endswith(
        "a.xml: есть замечания. Проверены правила версии 3.1 и наша схема bitrix3.\n"
        "  Программа не сможет использовать:\n"
        "  - нет даты\n"
        "  Не по нашей схеме bitrix3 (такого файла ждёт от нас 1С или договор обмена):\n"
        "  - нет Ид\n"
        "Исправьте файл или спросите программиста 1С (docs/contract-1c.ru.md)."
    )


def test_a_file_that_was_not_read_has_its_reason_only() -> None:
    unread = Verdict("a.xml", "b/a.xml", None, None, issues=[{"message": "b/a.xml: файла нет."}])
    assert validate_words.text([unread]).splitlines()[0] == "b/a.xml: файла нет."
