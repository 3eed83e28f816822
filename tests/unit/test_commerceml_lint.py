"""Lint by version: named rules, no values, nothing refused; files that the official schema accepts are clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import Rejected
from etl.extract.commerceml_lint import lint
from tests.paths import SHARED


def said(tmp_path: Path, inner: str, root: str = 'ВерсияСхемы="2.05" ДатаФормирования="2026-11-02T10:00:00"') -> list[str]:
    path = tmp_path / "x.xml"
    path.write_text(f"<КоммерческаяИнформация {root}>{inner}</КоммерческаяИнформация>", encoding="utf-8")
    return lint(path)


@pytest.mark.parametrize(("inner", "expected"), [
    ("<Контейнер/>", "элемента «Контейнер» нет в версии 2.05"),
    ("<Документ><Номер>" + "1" * 51 + "</Номер></Документ>", "элемент «Документ/Номер» длиннее 50 знаков"),
    ("<Документ><Валюта>рубль</Валюта></Документ>", "элемент «Документ/Валюта»: значение не того вида или не из списка"),
    ("<Документ><ХозОперация>Акт</ХозОперация></Документ>", "элемент «Документ/ХозОперация»: значение не того вида или не из списка"),
    ("<Документ><Дата>02.11.2026</Дата></Документ>", "элемент «Документ/Дата»: значение не того вида или не из списка"),
    ("<Контакт><Тип>ТелефонРабочий</Тип></Контакт>" * 2, "элемент «Контакт/Тип»: значение не того вида или не из списка (2 раз)")])
def test_a_broken_rule_is_named_without_its_value(tmp_path: Path, inner: str, expected: str) -> None:
    assert said(tmp_path, inner) == [expected]


def test_the_root_must_name_version_and_moment(tmp_path: Path) -> None:
    assert said(tmp_path, "", "") == ["атрибут «ВерсияСхемы» отсутствует или длиннее пяти знаков",
                                      "атрибут «ДатаФормирования» отсутствует или не вида ГГГГ-ММ-ДДTЧЧ:ММ:СС"]


def test_longer_texts_are_right_since_3(tmp_path: Path) -> None:
    assert said(tmp_path, "<Контейнер><Документ><Номер>" + "1" * 51 + "</Номер></Документ></Контейнер>",
                'ВерсияСхемы="3.1" ДатаФормирования="2026-11-02T10:00:00"') == []


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text("<html/>", encoding="utf-8")
    with pytest.raises(Rejected):
        lint(path)


@pytest.mark.parametrize("name", ["orders-1doc.xml", "orders-2docs-unpaid.xml", "orders-4docs-paid-shipped.xml"])
def test_real_files_that_keep_the_official_schema_are_clean(name: str) -> None:
    path = SHARED / "commerceml" / "samples" / "RBDI__epc" / name
    if not path.is_file():
        pytest.skip("общая коллекция CommerceML не подключена")
    assert lint(path) == []
