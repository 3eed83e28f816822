"""Workbooks written: what a person and 1C find in them, and that a file is whole or absent (onec §2, reliability §4)."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import openpyxl.xml
import pytest

from etl import tables
from etl.errors import Rejected
from etl.extract.spreadsheet import exact
from etl.load.spreadsheet import imports, save, workbooks
from etl.load.spreadsheet.book import build
from etl.load.spreadsheet.layout import Block, Column, Filled, Sheet
from etl.sandbox.onec.base import OneC
from etl.values import clean
from tests.support.books import META, accruals, charge, charges

D = Decimal
COMPARISON = [
    {
        "change": "added",
        "deal": "101",
        "payer": "Кузнецов",
        "contract_number": "01/26",
        "before": None,
        "after": D("1201.50"),
    },
    {
        "change": "same",
        "deal": "102",
        "payer": "Морозов",
        "contract_number": "02/26",
        "before": D("1202.00"),
        "after": D("1202.00"),
    },
    {
        "change": "ended",
        "deal": "90",
        "payer": "Соколова",
        "contract_number": "07/25",
        "before": D("900.00"),
        "after": None,
    },
]


def opened(path: Path, **options: Any) -> Any:
    return openpyxl.load_workbook(path, **options)


def register(path: Path, frame: Any = None, **more: Any) -> workbooks.Written:
    return workbooks.write_register(path, charges=charges() if frame is None else frame, meta=META, **more)


def test_openpyxl_is_guarded_in_tests() -> None:
    assert openpyxl.xml.DEFUSEDXML is True


def test_register_has_its_sheets_and_control_totals(tmp_path: Path) -> None:
    exceptions = tables.frame(
        "exceptions",
        [
            {
                "deal": "77",
                "payer": "Лебедева Анна",
                "reason": "Нет номера договора",
                "advice": "Заполните его.",
            }
        ],
    )
    payments = tables.frame(
        "payments",
        [
            {
                "source": "bank",
                "id": "k:1",
                "target": "M1",
                "date": dt.date(2026, 11, 5),
                "amount": D("1201.50"),
                "number": "17",
            }
        ],
    )
    written = register(
        tmp_path / "r.xlsx",
        exceptions=exceptions,
        terminated=charges(1),
        comparison=COMPARISON,
        payments=payments,
    )
    total = sum(charges()["amount"])
    assert written.rows == {"Реестр": 12, "Не вошли": 1, "Расторгнутые": 1, "Сверка": 2, "Оплаты": 1}
    assert written.totals["Реестр"]["Всего к оплате"] == total
    book = opened(tmp_path / "r.xlsx", data_only=True)
    assert [sheet.title for sheet in book if sheet.sheet_state == "visible"] == list(written.rows)
    texts = [str(cell.value) for row in book["Реестр"].iter_rows() for cell in row if cell.value is not None]
    assert clean.in_words(total) in texts and any("Контрольные итоги: строк 12" in text for text in texts)
    assert any("ИНН 7707083893" in text for text in texts) and any("Проверил" in text for text in texts)


def test_totals_follow_the_filter_and_store_the_sum(tmp_path: Path) -> None:
    """SUBTOTAL(109,…) counts visible rows; the stored result is the sum of the written cells, not 0 (XlsxWriter's default)."""
    register(tmp_path / "r.xlsx")
    formulas = [
        cell.value
        for row in opened(tmp_path / "r.xlsx")["Реестр"].iter_rows()
        for cell in row
        if isinstance(cell.value, str) and cell.value.startswith("=")
    ]
    assert len(formulas) == 3 and all(
        re.fullmatch(r"=SUBTOTAL\(109,([A-Z])\d+:\1\d+\)", formula) for formula in formulas
    )
    values = [
        cell.value
        for row in opened(tmp_path / "r.xlsx", data_only=True)["Реестр"].iter_rows()
        for cell in row
        if isinstance(cell.value, int | float)
    ]
    assert D(repr(values[-1])) == sum(charges()["amount"])


def test_register_prints_as_an_accountant_expects(tmp_path: Path) -> None:
    register(tmp_path / "r.xlsx")
    sheet = opened(tmp_path / "r.xlsx")["Реестр"]
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight) == (
        "landscape",
        9,
        0,
    )
    assert sheet.page_setup.fitToWidth in (None, 1) and sheet.sheet_properties.pageSetUpPr.fitToPage
    header = next(row[0].row for row in sheet.iter_rows() if row[0].value == "№")
    assert sheet.print_title_rows == f"${header}:${header}" and sheet.freeze_panes == f"A{header + 1}"
    assert sheet.auto_filter.ref == f"A{header}:O{header + 12}" and "&P" in sheet.oddFooter.right.text


def test_import_file_follows_the_rules_of_1c(tmp_path: Path) -> None:
    """onec §2.1: one sheet, captions in row 1, `0.00`, `dd.mm.yyyy`, text cells, no formula, no total, nothing hidden or merged."""
    imports.write_import(tmp_path / "i.xlsx", charges(), "charge")
    book = opened(tmp_path / "i.xlsx")
    sheet = book.active
    assert len(book.worksheets) == 1 and not sheet.merged_cells.ranges
    assert [cell.value for cell in sheet[1]] == imports.import_captions("charge") and sheet.max_row == 13
    by_caption = {sheet.cell(1, cell.column).value: cell for cell in sheet[5]}
    assert by_caption["Сумма"].number_format == "0.00" and by_caption["Дата"].number_format == "dd.mm.yyyy"
    assert (
        by_caption["ИНН"].number_format == "@"
        and by_caption["ИНН"].value == "0264019526"
        and by_caption["Номер договора"].value == "04/26"
    )
    assert (
        by_caption["Ставка НДС"].value == "22%"
        and sheet.cell(2, by_caption["Ставка НДС"].column).value == "Без НДС"
    )
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    with zipfile.ZipFile(tmp_path / "i.xlsx") as archive:
        assert b"numberStoredAsText" in archive.read("xl/worksheets/sheet1.xml")


def test_the_model_of_1c_loads_both_forms_alike(tmp_path: Path) -> None:
    base = OneC("bp3", tmp_path / "a", data=tmp_path / "a.d")
    twin = OneC("bp3", tmp_path / "b", data=tmp_path / "b.d")
    imports.write_import(tmp_path / "i.xlsx", charges(), "charge")
    imports.write_import_txt(tmp_path / "i.txt", charges(), "charge")
    first, second = base.load_spreadsheet(tmp_path / "i.xlsx"), twin.load_spreadsheet(tmp_path / "i.txt")
    assert (
        first.errors == first.warnings == second.errors == second.warnings == () and len(first.created) == 12
    )
    assert base.debts() == twin.debts() and sum(base.debts().values()) == sum(charges()["amount"])


def test_acts_are_grouped_by_manager_with_subtotals_and_load_into_1c(tmp_path: Path) -> None:
    written = workbooks.write_acts(tmp_path / "a.xlsx", accruals=accruals(), meta=META)
    sheet = opened(tmp_path / "a.xlsx", data_only=True)["Акты"]
    column = [row[0].value for row in sheet.iter_rows() if row[0].value]
    start = column.index("Морозов Илья")
    assert column[start : start + 8] == [
        "Морозов Илья",
        "A1-102",
        "R1-103",
        "Итого",
        "Соколова Мария",
        "A1-101",
        "A2-101",
        "Итого",
    ]
    sums = {str(row[0].row): row[-1].value for row in sheet.iter_rows() if row[0].value in ("Итого", "Всего")}
    assert [D(repr(value)) for value in sums.values()] == [D("500.0"), D("1000.01"), D("1500.01")]
    assert written.rows == {"Акты": 4} and written.totals["Акты"]["К начислению"] == D("1500.01")
    imports.write_import(tmp_path / "i.xlsx", accruals(), "act")
    base = OneC("unf3", tmp_path / "folder", data=tmp_path / "data")
    assert base.load_spreadsheet(tmp_path / "i.xlsx").errors == () and len(base.acts) == 4


@pytest.mark.parametrize(
    ("frame", "write", "read"),
    [
        (
            charges(),
            lambda path, frame: workbooks.write_register(path, charges=frame, meta=META),
            exact.read_register,
        ),
        (
            accruals(),
            lambda path, frame: workbooks.write_acts(path, accruals=frame, meta=META),
            exact.read_acts,
        ),
    ],
)
def test_books_for_people_read_back_exactly(tmp_path: Path, frame: Any, write: Any, read: Any) -> None:
    write(tmp_path / "b.xlsx", frame)
    assert tables.records(read(tmp_path / "b.xlsx")) == tables.records(frame)


def test_a_register_survives_awkward_values(tmp_path: Path) -> None:
    rows = [
        charge(
            1,
            payer="",
            note='"кавычки"',
            address="два  пробела\nи строка",
            service=" края ",
            manager_name="_x0041_",
            amount=D("0.10"),
        ),
        charge(2, payer="=1+1", payer_key="null", note="true", vat_rate=D("5"), vat_amount=D("0.00")),
    ]
    frame = tables.frame("charges", rows)
    register(tmp_path / "r.xlsx", frame)
    assert tables.records(exact.read_register(tmp_path / "r.xlsx")) == tables.records(frame)


def test_a_touched_register_is_refused(tmp_path: Path) -> None:
    register(tmp_path / "r.xlsx")
    book = opened(tmp_path / "r.xlsx", data_only=True)
    book["obmen24 charges"]["L3"] = "1.00"
    book.save(tmp_path / "r.xlsx")
    with pytest.raises(Rejected, match="изменён"):
        exact.read_register(tmp_path / "r.xlsx")
    imports.write_import(tmp_path / "i.xlsx", charges(), "charge")
    with pytest.raises(Rejected, match="не книга obmen24"):
        exact.read_register(tmp_path / "i.xlsx")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    first, second = register(tmp_path / "1.xlsx"), register(tmp_path / "2.xlsx")
    assert (tmp_path / "1.xlsx").read_bytes() == (
        tmp_path / "2.xlsx"
    ).read_bytes() and first.sha256 == second.sha256
    stream = io.BytesIO()
    assert workbooks.write_register(stream, charges=charges(), meta=META).path is None
    assert stream.getvalue() == (tmp_path / "1.xlsx").read_bytes()


def test_no_text_becomes_a_formula(tmp_path: Path) -> None:
    evil = [
        "=cmd|' /C calc'!A0",
        "+7 900 000-00-00",
        "-2",
        "@SUM(1)",
        '=HYPERLINK("http://x")',
        "#N/A",
        "http://example.org",
        "\t=1",
    ]
    frame = tables.frame(
        "charges",
        [charge(number, payer=text, payer_key=text, note=text) for number, text in enumerate(evil, start=1)],
    )
    register(tmp_path / "r.xlsx", frame)
    written = imports.write_import_txt(tmp_path / "i.txt", frame, "charge")
    imports.write_import(tmp_path / "i.xlsx", frame, "charge")
    for name in ("r.xlsx", "i.xlsx"):
        with zipfile.ZipFile(tmp_path / name) as archive:
            sheets = b"".join(archive.read(part) for part in archive.namelist() if "worksheets/" in part)
            assert (
                b"HYPERLINK" in sheets
                and not re.search(rb"<f>(?!SUBTOTAL)", sheets)
                and b"hyperlink " not in sheets
            )
            assert b"quotePrefix" in archive.read("xl/styles.xml") and not [
                part for part in archive.namelist() if "_rels/sheet" in part
            ]
    texts = (tmp_path / "i.txt").read_bytes().decode("cp1251").split("\r\n")[1].split("\t")
    assert texts[3] == "'=cmd|' /C calc'!A0" and len(written.issues) >= len(evil) - 2


def test_txt_twin_is_cp1251_tabs_and_crlf(tmp_path: Path) -> None:
    frame = tables.frame("charges", [charge(1, payer="Иванов\tИван\nИванович", address="ул. Ақжол ₽, 5")])
    written = imports.write_import_txt(tmp_path / "i.txt", frame, "charge")
    head, row, end = (tmp_path / "i.txt").read_bytes().split(b"\r\n")
    cells = row.decode("cp1251").split("\t")
    assert end == b"" and len(cells) == len(head.split(b"\t")) == len(imports.import_captions("charge"))
    assert cells[4] == "Иванов Иван Иванович" and "1201,50" in cells and "01.11.2026" in cells
    assert list(written.issues["severity"]) == ["warn"] and "кодировк" in written.issues["message"][0]


def test_control_characters_and_long_texts(tmp_path: Path) -> None:
    frame = tables.frame("charges", [charge(1, address="а\x00\x1b\ud800\ufffeб", note="я" * 40_000)])
    written = register(tmp_path / "r.xlsx", frame)
    issue = written.issues.to_dict("records")[0]
    assert "32 767" in issue["message"] and issue["place"].startswith("Реестр: Примечание")
    values = [
        cell.value
        for row in opened(tmp_path / "r.xlsx")["Реестр"].iter_rows()
        for cell in row
        if isinstance(cell.value, str)
    ]
    assert "а    б" in values and max(map(len, values)) == 32_767


def test_kopecks_and_large_sums_survive(tmp_path: Path) -> None:
    amounts = [
        D("0.01"),
        D("0.1") + D("0.2"),
        D("34567000.00"),
        D("9999999999999.99"),
        D("-1500.005"),
        D("1.005"),
    ]
    frame = tables.frame(
        "charges",
        [
            charge(number, amount=amount, vat_rate=None, vat_amount=None)
            for number, amount in enumerate(amounts, start=1)
        ],
    )
    written = imports.write_import(tmp_path / "i.xlsx", frame, "charge")
    cells = [row[12].value for row in opened(tmp_path / "i.xlsx").active.iter_rows(min_row=2)]
    rounded = [clean.kopecks(amount) for amount in amounts]
    assert [D(repr(value)).quantize(D("0.01")) for value in cells] == rounded and written.totals[
        "Начисления"
    ]["Сумма"] == sum(rounded)
    with pytest.raises(ValueError, match="не помещается"):
        imports.write_import(
            tmp_path / "i.xlsx", tables.frame("charges", [charge(1, amount=D(10) ** 14)]), "charge"
        )


def test_one_organisation_per_file(tmp_path: Path) -> None:
    frame = tables.frame("charges", [charge(1), charge(2, organisation="ИП Светлова А. А.")])
    with pytest.raises(ValueError, match="одна организация"):
        imports.write_import(tmp_path / "i.xlsx", frame, "charge")
    assert not list(tmp_path.iterdir())


def test_empty_tables_make_whole_books(tmp_path: Path) -> None:
    nothing = tables.frame("charges")
    assert register(tmp_path / "r.xlsx", nothing).rows["Реестр"] == 0
    assert len(exact.read_register(tmp_path / "r.xlsx")) == 0
    workbooks.write_acts(tmp_path / "a.xlsx", accruals=tables.frame("accruals"), meta=META)
    imports.write_import(tmp_path / "i.xlsx", nothing, "charge")
    assert opened(tmp_path / "i.xlsx").active.max_row == 1


def test_a_book_open_in_excel_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "r.xlsx").write_bytes(b"open in Excel")
    (tmp_path / "~$r.xlsx").write_bytes(b"")
    written = register(tmp_path / "r.xlsx")
    assert written.path == tmp_path / "r (2).xlsx" and (tmp_path / "r.xlsx").read_bytes() == b"open in Excel"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r (2).xlsx", "r.xlsx", "~$r.xlsx"]


def test_a_failed_write_leaves_the_old_book_and_no_litter(tmp_path: Path) -> None:
    register(tmp_path / "r.xlsx")
    before = (tmp_path / "r.xlsx").read_bytes()
    with pytest.raises(ValueError, match="не помещается"):
        register(tmp_path / "r.xlsx", terminated=tables.frame("charges", [charge(1, amount=D(10) ** 14)]))
    assert (tmp_path / "r.xlsx").read_bytes() == before and [path.name for path in tmp_path.iterdir()] == [
        "r.xlsx"
    ]


@pytest.mark.parametrize("damage", ["sum", "rows", "xml"])
def test_verification_sees_a_book_that_is_not_what_was_written(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "b.xlsx"
    filled = build(
        str(path),
        [
            Sheet(
                "Лист",
                [Column("Сумма", "money", total=True)],
                [Block([[D("1.00")], [D("2.50")]])],
                plain=True,
            )
        ],
    )
    save.verify(path, filled)
    if damage == "xml":
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(
            b"<v>2.50</v>", b"<v>2.60</v>"
        )
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
    wrong = {
        "sum": Filled("Лист", 1, 3, 2, sums={0: D("3.51")}),
        "rows": Filled("Лист", 1, 4, 3, sums={0: D("3.50")}),
        "xml": filled[0],
    }[damage]
    with pytest.raises(Rejected, match="Проверка"):
        save.verify(path, [wrong])
