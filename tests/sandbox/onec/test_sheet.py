"""The accountant loads spreadsheets into the 1C model: what 1C sees is the displayed text (onec §0, §2.1)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from etl.sandbox.onec.base import OneC
from etl.sandbox.onec.display import NBSP, displayed

CAPTIONS = [
    "Ключ",
    "Дата",
    "Контрагент",
    "ИНН",
    "Номер договора",
    "Номенклатура",
    "Количество",
    "Сумма",
    "Ставка НДС",
]
ROW = [
    "M2611100001",
    dt.date(2026, 11, 1),
    "Иванов И. И.",
    "500100732259",
    "17",
    "Услуги",
    1,
    1500,
    "Без НДС",
]


def book(
    path: Path, rows: list[list[Any]], *, money: str = "0.00", width: float = 20, day: str = "dd.mm.yyyy"
) -> Path:
    """A workbook of one sheet, captions in row 1."""
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    for row in rows:
        sheet.append(row)
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            cell.number_format = (
                day
                if isinstance(cell.value, dt.date)
                else money
                if isinstance(cell.value, (int, float))
                else "@"
            )
    for letter in "ABCDEFGHI":
        sheet.column_dimensions[letter].width = width
    made.save(path)
    return path


@pytest.fixture
def base(tmp_path: Path) -> OneC:
    return OneC("bp3", tmp_path / "folder", data=tmp_path / "data")


def text_of(path: Path, value: Any, pattern: str, width: float = 20) -> str:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    sheet["A1"] = value
    sheet["A1"].number_format = pattern
    sheet.column_dimensions["A"].width = width
    made.save(path)
    return displayed(path)[0][0]


@pytest.mark.parametrize(
    ("value", "pattern", "width", "text"),
    [
        (1234567.5, "0.00", 20, "1234567,50"),
        (1234567.5, "#,##0.00", 20, f"1{NBSP}234{NBSP}567,50"),
        (1234567.5, "# ##0,00", 20, f"1{NBSP}2 34{NBSP}568"),
        (1234567.5, "0.00", 6, "######"),
        (-5.005, "0.00", 20, "-5,01"),
        (0.5, "0.00", 20, "0,50"),
        (1500, "General", 20, "1500"),
        ("0123", "@", 20, "0123"),
        ("длинный текст не портится", "@", 3, "длинный текст не портится"),
        (dt.date(2026, 11, 1), "dd.mm.yyyy", 20, "01.11.2026"),
        (dt.date(2026, 11, 1), "yyyy-mm-dd", 20, "2026-11-01"),
        (dt.date(2026, 11, 1), "dd.mm.yyyy", 5, "#####"),
    ],
)
def test_displayed_text(tmp_path: Path, value: Any, pattern: str, width: float, text: str) -> None:
    """Facts 1 and 2: «number format and column width are data»; `# ##0,00` in the file shows `1 2 34 568`."""
    assert text_of(tmp_path / "a.xlsx", value, pattern, width) == text


def test_a_row_becomes_a_posted_invoice_and_a_debt(base: OneC, tmp_path: Path) -> None:
    session = base.load_spreadsheet(book(tmp_path / "a.xlsx", [CAPTIONS, ROW]))
    assert session.errors == session.warnings == () and len(session.created) == 1
    assert base.orders == [] and base.invoices[0].amount == Decimal("1500.00")
    assert base.debts() == {"17": Decimal("1500.00")} and base.parties[0].inn == "500100732259"


def test_loading_twice_doubles_the_books_unless_keys_are_matched(base: OneC, tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [CAPTIONS, ROW])
    base.load_spreadsheet(path)
    base.load_spreadsheet(path)
    assert base.debts() == {"17": Decimal("3000.00")}
    keyed = OneC("bp3", tmp_path / "folder", data=tmp_path / "keyed", match_key=True)
    keyed.load_spreadsheet(path)
    assert keyed.load_spreadsheet(path).skipped == ("M2611100001",)
    assert keyed.debts() == {"17": Decimal("1500.00")}


def test_a_narrow_column_and_a_total_row_are_not_matched(base: OneC, tmp_path: Path) -> None:
    """Fact 1: «SSL's number cast then makes it empty»; §2.1: «totals row becomes an unmatched row»."""
    total = [None] * 7 + [1500, None]
    assert len(base.load_spreadsheet(book(tmp_path / "a.xlsx", [CAPTIONS, ROW], width=5)).warnings) == 1
    assert len(base.load_spreadsheet(book(tmp_path / "b.xlsx", [CAPTIONS, ROW, total])).warnings) == 1
    assert len(base.invoices) == 1


def test_a_formula_without_a_cached_value_and_a_hidden_column_read_as_nothing(
    base: OneC, tmp_path: Path
) -> None:
    """§2.1 rule 5 and [S3]: no cached value, no number; hidden cells are empty text."""
    path = book(tmp_path / "a.xlsx", [CAPTIONS, [*ROW[:7], "=1500+0", ROW[8]]])
    assert len(base.load_spreadsheet(path).warnings) == 1
    made = openpyxl.load_workbook(book(tmp_path / "b.xlsx", [CAPTIONS, ROW]))
    made.worksheets[0].column_dimensions["D"].hidden = True
    made.save(tmp_path / "b.xlsx")
    base.load_spreadsheet(tmp_path / "b.xlsx")
    assert base.parties[0].inn is None


def test_a_second_sheet_is_read_as_more_rows(base: OneC, tmp_path: Path) -> None:
    """Fact 3: «a multi-sheet workbook is read by the platform as one tabular document»."""
    made = openpyxl.load_workbook(book(tmp_path / "a.xlsx", [CAPTIONS, ROW]))
    made.create_sheet("Сверка").append(["Итого", "начислено", "всем", "1", "2", "3", "4", "1500"])
    made.save(tmp_path / "a.xlsx")
    assert len(base.load_spreadsheet(tmp_path / "a.xlsx").warnings) == 1


def test_empty_rows_are_skipped_until_there_are_more_than_thirty(base: OneC, tmp_path: Path) -> None:
    """§2.1: «skipped; stops after more than 30 in a row»."""
    second = ["M2611100002", *ROW[1:]]
    assert (
        base.load_spreadsheet(book(tmp_path / "a.xlsx", [CAPTIONS, ROW, *([[""]] * 30), second])).warnings
        == ()
    )
    base.load_spreadsheet(book(tmp_path / "b.xlsx", [CAPTIONS, ROW, *([[""]] * 31), second]))
    assert len(base.invoices) == 3


def test_a_changed_caption_is_not_matched(base: OneC, tmp_path: Path) -> None:
    """§2.1 rule 8: «a changed caption breaks SSL matching»."""
    captions = [caption.replace("Контрагент", "Плательщик") for caption in CAPTIONS]
    assert "не" in base.load_spreadsheet(book(tmp_path / "a.xlsx", [captions, ROW])).errors[0]


def test_ut103_takes_the_txt_twin_only(tmp_path: Path) -> None:
    """Fact 4: «an .xlsx is not read: ship a tab-separated .txt twin» in cp1251 with CRLF and decimal comma (rule 9)."""
    base = OneC("ut103", tmp_path / "folder", data=tmp_path / "data")
    assert ".xlsx" in base.load_spreadsheet(book(tmp_path / "a.xlsx", [CAPTIONS, ROW])).errors[0]
    values = ["M2611100001", "01.11.2026", "Иванов И. И.", "", "17", "Услуги", "1", "1500,50", "Без НДС"]
    twin = tmp_path / "a.txt"
    twin.write_bytes("\r\n".join(["\t".join(CAPTIONS), "\t".join(values), ""]).encode("cp1251"))
    assert base.load_spreadsheet(twin).errors == ()
    assert base.orders[0].amount == Decimal("1500.50") and base.debts() == {"17": Decimal("1500.50")}
    twin.write_bytes("\t".join(CAPTIONS).encode("utf-8"))
    assert base.load_spreadsheet(twin).errors != ()


def test_acts_and_payments_are_loaded_by_their_captions(base: OneC, tmp_path: Path) -> None:
    base.load_spreadsheet(book(tmp_path / "a.xlsx", [CAPTIONS, ROW]))
    acts = [
        ["Ключ", "Дата", "Исполнитель", "Номенклатура", "Сумма"],
        ["A1-17", dt.date(2026, 11, 9), "Мария", "Вознаграждение", 500],
    ]
    base.load_spreadsheet(book(tmp_path / "b.xlsx", acts))
    payments = [
        ["Ключ", "Дата", "Заказ", "Контрагент", "Сумма"],
        ["1", dt.date(2026, 11, 5), "M2611100001", "Иванов И. И.", 1500],
        ["2", dt.date(2026, 11, 6), "M2611100001", "Иванов И. И.", -500],
        ["3", dt.date(2026, 11, 6), "M2611100777", "Кто-то", 1],
    ]
    session = base.load_spreadsheet(book(tmp_path / "c.xlsx", payments))
    assert base.acts[0].amount == Decimal("500.00") and "M2611100777" in session.warnings[0]
    assert [(item.kind, item.amount) for item in base.payments] == [
        ("payment", Decimal("1500.00")),
        ("refund", Decimal("500.00")),
    ]
    assert base.debts() == {"17": Decimal("500.00")}
