"""XLSX: writing a styled report of 100,000 x 12 cells and reading it behind the guard, against openpyxl in
the same run.

Targets (docs/architecture.md): writing, verification included, <= 0.55 of openpyxl write_only; reading, guard
and child process included, <= 0.3 of openpyxl read_only; peak memory of the writing process < 150 MiB with
flat growth. Processor time is compared (children included), so that a busy machine does not decide; the sizes
of RSS are those of fresh processes.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

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
KINDS = ("integer", "id", "id", "text", "id", "text", "id", "date", "money", "money", "money", "text")
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

    columns = [
        Column(caption, kind, total=kind == "money") for caption, kind in zip(CAPTIONS, KINDS, strict=True)
    ]  # type: ignore[arg-type]
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
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.spreadsheet", step, str(path), str(count)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def run() -> list[tuple[str, float, float, bool]]:
    """Rows of `make bench`: (what, measured, limit, whether it holds)."""
    with tempfile.TemporaryDirectory() as folder:
        path, other, small = (Path(folder) / name for name in ("ours.xlsx", "openpyxl.xlsx", "small.xlsx"))
        ours, peak = measured("write_ours", path, ROWS)
        part, small_peak = measured("write_ours", small, SMALL)
        theirs, _ = measured("write_openpyxl", other, ROWS)
        reading, _ = measured("read_ours", path, ROWS)
        plain, _ = measured("read_openpyxl", path, ROWS)
    return [
        _row("write 100,000 × 12 styled XLSX, verified: × openpyxl write_only", ours / theirs, 0.55),
        _row("write 100,000 × 12 styled XLSX: peak RSS, MiB", peak, 150),
        _row("write 100,000 × 12 styled XLSX: RSS above that of 20,000 rows, MiB", peak - small_peak, 16),
        _row(
            "write 100,000 × 12 styled XLSX: time per row × that of 20,000 rows",
            ours / part / (ROWS / SMALL),
            1.2,
        ),
        _row("read such a workbook behind the guard: × openpyxl read_only", reading / plain, 0.3),
    ]


def _row(name: str, value: float, limit: float) -> tuple[str, float, float, bool]:
    return name, value, limit, value <= limit


def main() -> None:
    """One step in this process: print its cost as JSON."""
    step, path, count = sys.argv[1:]
    start = time.process_time()
    STEPS[step](Path(path), int(count))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - start + children.ru_utime + children.ru_stime
    print(json.dumps([spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


if __name__ == "__main__":
    main()
