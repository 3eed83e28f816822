"""Lint by version: named rules, no values, nothing refused; files that the official schema accepts are clean."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import pytest
from lxml import etree

from etl.errors import Rejected
from etl.extract.commerceml.inspect import inspect
from etl.extract.commerceml.lint import Remark, lint
from tests.support.paths import SHARED


def remarks(
    tmp_path: Path, inner: str, root: str = 'ВерсияСхемы="2.05" ДатаФормирования="2026-11-02T10:00:00"'
) -> list[Remark]:
    path = tmp_path / "x.xml"
    path.write_text(f"<КоммерческаяИнформация {root}>{inner}</КоммерческаяИнформация>", encoding="utf-8")
    return lint(path)


def versioned(version: str) -> str:
    return f'ВерсияСхемы="{version}" ДатаФормирования="2026-11-02T10:00:00"'


def said(tmp_path: Path, inner: str, root: str = versioned("2.05")) -> list[str]:
    """What is said of what stands in the file; what is missing in these scraps of files is another test's concern."""
    return [
        remark.text for remark in remarks(tmp_path, inner, root) if not remark.text.startswith("не хватает")
    ]


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<Контейнер/>", "элемента «Контейнер» нет в версии 2.05"),
        (
            "<Документ><Номер>" + "1" * 51 + "</Номер></Документ>",
            "элемент «Документ/Номер» длиннее 50 знаков",
        ),
        (
            "<Документ><Валюта>рубль</Валюта></Документ>",
            "элемент «Документ/Валюта»: значение не того вида или не из списка",
        ),
        (
            "<Документ><ХозОперация>Акт</ХозОперация></Документ>",
            "элемент «Документ/ХозОперация»: значение не того вида или не из списка",
        ),
        (
            "<Документ><Дата>02.11.2026</Дата></Документ>",
            "элемент «Документ/Дата»: значение не того вида или не из списка",
        ),
        (
            "<Документ><Контрагенты><Контрагент><Контакты>"
            + "<Контакт><Тип>ТелефонРабочий</Тип></Контакт>" * 2
            + "</Контакты></Контрагент></Контрагенты></Документ>",
            "элемент «Контакт/Тип»: значение не того вида или не из списка (2 раз)",
        ),
    ],
)
def test_a_broken_rule_is_named_without_its_value(tmp_path: Path, inner: str, expected: str) -> None:
    assert said(tmp_path, inner) == [expected]


def test_the_root_must_name_version_and_moment(tmp_path: Path) -> None:
    assert said(tmp_path, "", "") == [
        "атрибут «ВерсияСхемы» отсутствует или длиннее пяти знаков",
        "атрибут «ДатаФормирования» отсутствует или не вида ГГГГ-ММ-ДДTЧЧ:ММ:СС",
    ]


def test_longer_texts_are_right_since_3(tmp_path: Path) -> None:
    assert (
        said(
            tmp_path,
            "<Контейнер><Документ><Номер>" + "1" * 51 + "</Номер></Документ></Контейнер>",
            'ВерсияСхемы="3.1" ДатаФормирования="2026-11-02T10:00:00"',
        )
        == []
    )


# ---- structure ---------------------------------------------------------------------------------------------------

LINE = "<Товары><Товар><Ид>1</Ид><Наименование>Кабель</Наименование><БазоваяЕдиница>м</БазоваяЕдиница>{}</Товар></Товары>"
ORDER = (
    "<Документ><Ид>1</Ид><Номер>5</Номер><Дата>2026-11-02</Дата><ХозОперация>Заказ товара</ХозОперация><Роль>Продавец</Роль>"
    "<Валюта>руб</Валюта><Курс>1</Курс><Сумма>10</Сумма><Контрагенты><Контрагент><Наименование>А</Наименование>"
    "<ПолноеНаименование>А</ПолноеНаименование><Роль>Покупатель</Роль></Контрагент></Контрагенты>{}</Документ>"
)


def test_a_document_that_lacks_everything_is_told_what_it_lacks(tmp_path: Path) -> None:
    found = remarks(
        tmp_path, "<Документ>" + LINE.format("<Количество>два</Количество><Выдумка/>") + "</Документ>"
    )
    assert [remark.text for remark in found if not remark.usable] == [
        "элемент «Документ/Товар/Количество»: значение не читается (число)",
        "не хватает элемента «Документ/ХозОперация»: без него запись не принимается",
        "не хватает элемента «Документ/Номер» или «Ид»: без него запись не принимается",
    ]
    assert {remark.text for remark in found if remark.usable} == {
        "элемента «Выдумка» нет в версии 2.05",
        *(
            f"не хватает элемента «Документ/{name}»"
            for name in ("Дата", "Роль", "Валюта", "Курс", "Сумма", "Контрагенты")
        ),
    }


@pytest.mark.parametrize(
    ("version", "inner", "expected"),
    [
        ("2.05", ORDER.format(LINE.format("")), []),
        (
            "2.04",
            ORDER.format(LINE.format("<Цена>1</Цена>")),
            ["элементу «Цена» не место в «Документ/Товар» по схеме 2.04"],
        ),
        ("3.1", f"<Контейнер>{ORDER.format(LINE.format('<Цена>1</Цена>'))}</Контейнер>", []),
        ("3.1", ORDER.format(""), ["элементу «Документ» не место в «КоммерческаяИнформация» по схеме 3.1"]),
        (
            "2.10",
            ORDER.format(
                "<ПодчиненныеДокументы><ПодчиненныйДокумент><Ид>1</Ид></ПодчиненныйДокумент></ПодчиненныеДокументы>"
            ),
            [
                "не хватает элемента «ПодчиненныйДокумент/ХозОперация»: без него запись не принимается",
                "не хватает элемента «ПодчиненныйДокумент/Номер»",
                "не хватает элемента «ПодчиненныйДокумент/Дата»",
            ],
        ),
        (
            "2.09",
            ORDER.format("<ПодчиненныеДокументы/>"),
            ["элемента «ПодчиненныеДокументы» нет в версии 2.09"],
        ),
        ("2.05", ORDER.format("<Сумма/>"), ["элемент «Документ/Сумма» пуст"]),
        (
            "2.05",
            ORDER.format("<Категории><Категория><Ид>1</Ид></Категория></Категории>"),
            ["элемента «Категории» нет в версии 2.05"],
        ),
    ],
)
def test_structure_is_that_of_the_version(
    tmp_path: Path, version: str, inner: str, expected: list[str]
) -> None:
    assert [remark.text for remark in remarks(tmp_path, inner, versioned(version))] == expected


CATALOGUE = "<Каталог><Ид>1</Ид><Наименование>К</Наименование><Владелец/><Товары>{}</Товары></Каталог>"
PACKAGE = (
    "<ПакетПредложений><Ид>1#</Ид><Наименование>П</Наименование><ИдКаталога>1</ИдКаталога><Владелец/><ТипыЦен/>"
    "<Предложения>{}</Предложения></ПакетПредложений>"
)
OFFER = "<Предложение><Ид>1</Ид><Наименование>К</Наименование><БазоваяЕдиница>м</БазоваяЕдиница><Цены>{}</Цены></Предложение>"
CHANGES = "<ИзмененияПакетаПредложений><Ид>1</Ид><Предложения>{}</Предложения></ИзмененияПакетаПредложений>"


@pytest.mark.parametrize(
    ("version", "inner", "expected"),
    [
        (
            "2.05",
            CATALOGUE.format("<Товар><Наименование>К</Наименование></Товар>"),
            [
                ("не хватает элемента «Товар/Ид»: без него запись не принимается", False),
                ("не хватает элемента «Товар/БазоваяЕдиница»", True),
            ],
        ),
        (
            "2.05",
            CATALOGUE.format(
                "<Товар><Ид>1</Ид><Наименование>К</Наименование><БазоваяЕдиница>м</БазоваяЕдиница><Количество>1</Количество></Товар>"
            ),
            [("элементу «Количество» не место в «Товар» по схеме 2.05", True)],
        ),
        (
            "2.05",
            PACKAGE.format(OFFER.format("<Цена><ЦенаЗаЕдиницу>1,5</ЦенаЗаЕдиницу></Цена>")),
            [
                ("не хватает элемента «Цена/ИдТипаЦены»: без него запись не принимается", False),
                ("элемент «Цена/ЦенаЗаЕдиницу»: значение не того вида или не из списка", True),
            ],
        ),
        (
            "2.05",
            PACKAGE.format(
                OFFER.format("<Цена><ИдТипаЦены>1</ИдТипаЦены><ЦенаЗаЕдиницу>1.5000</ЦенаЗаЕдиницу></Цена>")
            ),
            [],
        ),
        (
            "3.1",
            "<ПакетПредложений><Наименование>П</Наименование><ИдКаталога>1</ИдКаталога><Предложения><Предложение/></Предложения></ПакетПредложений>",
            [("не хватает элемента «Предложение/Ид»: без него запись не принимается", False)],
        ),
        (
            "2.07",
            CHANGES.format(
                "<Предложение><Ид>1</Ид><ИдХарактеристики>2</ИдХарактеристики><Количество>-3</Количество></Предложение>"
            ),
            [],
        ),
        (
            "3.1",
            "<Контрагенты><Контрагент><Наименование>А</Наименование><ИНН/><КПП/></Контрагент></Контрагенты>",
            [("не хватает элемента «Контрагент/Ид»: без него запись не принимается", False)],
        ),
        (
            "2.05",
            ORDER.format(LINE.format("<Коэффициент>два</Коэффициент>")),
            [("элемент «Документ/Товар/Коэффициент»: значение не читается (число)", False)],
        ),
        (
            "2.05",
            ORDER.format(LINE.format("<Количество>1 000,5</Количество>")),
            [("элемент «Документ/Товар/Количество»: значение не того вида или не из списка", True)],
        ),
        (
            "2.05",
            ORDER.replace("2026-11-02", "02.11.2026").format(""),
            [("элемент «Документ/Дата»: значение не того вида или не из списка", True)],
        ),
        (
            "2.05",
            ORDER.format(
                LINE.format(
                    "<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>много</Ставка></СтавкаНалога>"
                    "</СтавкиНалогов>"
                )
            ),
            [("элемент «СтавкаНалога/Ставка»: значение не читается (ставка НДС)", False)],
        ),
        (
            "2.05",
            ORDER.format(
                "<Налоги><Налог><Наименование>НДС</Наименование><УчтеноВСумме>да</УчтеноВСумме><Сумма/></Налог></Налоги>"
            ),
            [
                ("элемент «Документ/Налог/УчтеноВСумме»: значение не того вида или не из списка", True),
                ("элемент «Документ/Налог/Сумма» пуст", True),
            ],
        ),
        (
            "2.07",
            ORDER.format("<СрокПлатежа>2026-13-01</СрокПлатежа>"),
            [("элемент «Документ/СрокПлатежа»: значение не читается (дата)", False)],
        ),
    ],
)
def test_records_beside_documents(
    tmp_path: Path, version: str, inner: str, expected: list[tuple[str, bool]]
) -> None:
    assert [
        (remark.text, remark.usable) for remark in remarks(tmp_path, inner, versioned(version))
    ] == expected
    found = inspect(tmp_path / "x.xml")
    assert (found["issues_total"] > 0) == any(not usable for _, usable in expected), found["issues"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for count in (300, 3_000):
        assert (
            remarks(tmp_path, ORDER.format(LINE.format("<Выдумка/>")) * count)[0].text
            == f"элемента «Выдумка» нет в версии 2.05 ({count} раз)"
        )
        tracemalloc.start()
        lint(tmp_path / "x.xml")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text("<html/>", encoding="utf-8")
    with pytest.raises(Rejected):
        lint(path)


@pytest.mark.parametrize(
    "name", ["orders-1doc.xml", "orders-2docs-unpaid.xml", "orders-4docs-paid-shipped.xml"]
)
def test_real_files_that_keep_the_official_schema_are_clean(name: str) -> None:
    path = SHARED / "commerceml" / "samples" / "RBDI__epc" / name
    if not path.is_file():
        pytest.skip("общая коллекция CommerceML не подключена")
    assert lint(path) == []


OFFICIAL = {"2.03": "2.04", "2.021": "2.04", "None": "2.04", "2.05": "2.05-nsfixed", "3.1": "3.1-restated"}
SAMPLES = [
    path
    for path in sorted((SHARED / "commerceml" / "samples").rglob("*.xml"))
    if "MALFORMED" not in path.name
]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_sample_is_usable_and_blamed_only_if_the_official_schema_blames_it(path: Path) -> None:
    found = lint(path)
    assert [remark.text for remark in found if not remark.usable] == []
    root = etree.parse(path).getroot()
    version = str(root.get("ВерсияСхемы"))
    schema = etree.XMLSchema(
        etree.parse(SHARED / "commerceml" / "xsd" / f"commerceml-{OFFICIAL.get(version, version)}.xsd")
    )
    space = {"2.04": "cml", "3.1-restated": "urn:1C.ru:commerceml_3"}.get(
        OFFICIAL.get(version, version), "urn:1C.ru:commerceml_2"
    )
    for element in root.iter("{*}*"):
        element.tag = f"{{{space}}}{etree.QName(element).localname}"
    if schema.validate(root):
        assert found == []
    assert not any(re.search(r"\d{6}", remark.text) for remark in found), "values are not repeated"
