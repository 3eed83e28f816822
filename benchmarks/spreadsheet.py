"""XLSX: writing a styled report of 100,000 x 12 cells and reading it behind the guard, against openpyxl in
the same run.

Targets (docs/architecture.md): writing, verification included, <= 0.55 of openpyxl write_only; reading, guard
and child process included, <= 0.3 of openpyxl read_only; peak memory of the writing process < 150 MiB with
flat growth. Processor time is compared (children included), so that a busy machine does not decide; each step
is done in a fresh process, and the sizes of RSS are its own.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import Row, apart, at_most, peak, seconds

if TYPE_CHECKING:
    from etl.load.spreadsheet.layout import Kind

ROWS, SMALL = 100_000, 20_000
CAPTIONS = (
    "№",
    "Номер",
    "ID",
    "Плательщик",
    "ИНН",
    "Адрес",
    "Договор",
    "Дата",
    "Без НДС",
    "НДС",
    "Всего",
    "Ответственный",
)
KINDS: tuple[Kind, ...] = (
    "integer",
    "id",
    "id",
    "text",
    "id",
    "text",
    "id",
    "date",
    "money",
    "money",
    "money",
    "text",
)
FORMATS = {"money": "#,##0.00", "date": "dd.mm.yyyy", "id": "@"}


def rows(count: int) -> Iterator[list[Any]]:
    """Invented register rows."""
    for number in range(count):
        yield [
            number,
            f"M{number:010d}",
            str(number),
            f"Кузнецов Пётр Ильич {number}",
            f"{number:012d}",
            f"г. Тверь, ул. Лесная, д. {number % 200}",
            f"ВН-{number}/26",
            dt.date(2026, 1, 1 + number % 28),
            Decimal("1229.51"),
            Decimal("270.49"),
            Decimal("1500.00"),
            "Соколова Мария",
        ]


def write_ours(path: Path, count: int) -> None:
    """The report through etl.load, verified and published."""
    from etl.load.spreadsheet.layout import Block, Column, Sheet
    from etl.load.spreadsheet.save import save

    columns = []
    for caption, kind in zip(CAPTIONS, KINDS, strict=True):
        columns.append(Column(caption, kind, total=kind == "money"))
    save(path, [Sheet("Реестр", columns, [Block(rows(count))], above=["Реестр"])])


def write_openpyxl(path: Path, count: int) -> None:
    """The same report with openpyxl's write_only mode; styles are made once."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Border, Font, NamedStyle, Side

    book = openpyxl.Workbook(write_only=True)
    side = Side(style="thin", color="A6A6A6")
    for kind in ("text", "integer", *FORMATS):
        book.add_named_style(
            NamedStyle(
                kind,
                font=Font("Arial", 9),
                border=Border(side, side, side, side),
                alignment=Alignment(vertical="top"),
                number_format=FORMATS.get(kind, "General"),
            )
        )
    sheet = book.create_sheet("Реестр")
    sheet.append(CAPTIONS)
    for row in rows(count):
        cells = []
        for kind, value in zip(KINDS, row, strict=True):
            cell = WriteOnlyCell(sheet, value)
            cell.style = kind
            cells.append(cell)
        sheet.append(cells)
    book.save(path)


def read_ours(path: Path, count: int) -> None:
    """Through the guard, the counter and the limited child."""
    from etl.extract.spreadsheet.guard import pages

    assert len(pages(path.read_bytes(), path.name)[0].rows) > count


def read_openpyxl(path: Path, count: int) -> None:
    """openpyxl's read_only mode, values only."""
    import openpyxl

    sheet = openpyxl.load_workbook(path, read_only=True)["Реестр"]
    assert sum(1 for _ in sheet.iter_rows(values_only=True)) > count


STEPS: dict[str, Callable[[Path, int], None]] = {
    "write_ours": write_ours,
    "write_openpyxl": write_openpyxl,
    "read_ours": read_ours,
    "read_openpyxl": read_openpyxl,
}


def measured(step: str, path: Path, count: int) -> tuple[float, float]:
    """(processor seconds with children, peak RSS in MiB) of one step in a fresh process."""
    return apart(_measured, step, path, count)


def _measured(step: str, path: Path, count: int) -> tuple[float, float]:
    spent = seconds(lambda: STEPS[step](path, count))
    return spent, peak()


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ours.xlsx"
        small = Path(folder) / "small.xlsx"
        other = Path(folder) / "openpyxl.xlsx"
        ours, large_peak = measured("write_ours", path, ROWS)
        part, small_peak = measured("write_ours", small, SMALL)
        theirs, _ = measured("write_openpyxl", other, ROWS)
        reading, _ = measured("read_ours", path, ROWS)
        plain, _ = measured("read_openpyxl", path, ROWS)
    what = "write 100,000 × 12 styled XLSX"
    growth = ours / part / (ROWS / SMALL)
    return [
        at_most(f"{what}, verified: × openpyxl write_only", ours / theirs, 0.55),
        at_most(f"{what}: peak RSS, MiB", large_peak, 150),
        at_most(f"{what}: RSS above that of 20,000 rows, MiB", large_peak - small_peak, 16),
        at_most(f"{what}: time per row × that of 20,000 rows", growth, 1.2),
        at_most("read such a workbook behind the guard: × openpyxl read_only", reading / plain, 0.3),
    ]
