"""The manual route: `convert` of 10,000 exported deals into charges, register and import files.

Measured against the least that it cannot do without: reading the export with calamine, without any guard, and
writing the same register. Processor time, children included; each round begins with an empty state.
"""

from __future__ import annotations

import datetime as dt
import io
import statistics
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import python_calamine
import xlsxwriter

from benchmarks.measuring import Row, apart, at_most, seconds
from etl import pipeline, tables
from etl.config import profile
from etl.config.profile import Profile
from etl.load.spreadsheet import workbooks
from etl.transform.contracts import register

DEALS = 10_000
LIMIT = 4.0
_ROUNDS = 3
_MONTH = "2026-11"
_NOW = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
_SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "profiles"
_CAPTIONS = (
    "ID",
    "Название сделки",
    "Стадия сделки",
    "Сумма",
    "Валюта",
    "Ответственный",
    "ФИО плательщика",
    "Адрес объекта",
    "Номер договора",
    "Дата договора",
    "Ежемесячный платеж",
    "Дата расторжения",
    "Вознаграждение менеджера",
)


def run() -> list[Row]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "DEAL.xlsx"
        export(path)
        found = statistics.median([apart(_round, path) for _ in range(_ROUNDS)])
    what = f"convert of {DEALS:,} exported deals: × (calamine read + writing the same register)"
    return [at_most(what, found, LIMIT)]


def export(path: Path) -> None:
    """What a person saves from the list of deals, all of them under contract."""
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet("Сделки")
    sheet.write_row(0, 0, _CAPTIONS)
    for number, row in enumerate(_rows(), start=1):
        sheet.write_row(number, 0, row)
    book.close()


def _rows() -> Iterator[list[Any]]:
    for number in range(1, DEALS + 1):
        yield [
            str(number),
            f"Видеонаблюдение {number}",
            "Договор подтвержден",
            1500 + number % 300,
            "Российский рубль",
            f"Менеджер {number % 20}",
            f"Кузнецов Пётр Ильич {number}",
            f"г. Тверь, ул. Лесная, д. {number % 200}",
            f"ВН-{number}/26",
            f"{1 + number % 28:02d}.03.2026",
            f"{1500 + number % 300}.00",
            "",
            "1000",
        ]


def _round(path: Path) -> float:
    """`convert` in a new place, in units of the least."""
    with TemporaryDirectory() as folder:
        loaded = _profile(Path(folder))
        ours = seconds(lambda: _convert(loaded, path))
        return ours / _least(loaded, path)


def _profile(folder: Path) -> Profile:
    """The sample whose charges go to 1C as a workbook."""
    for name in ("video.toml", "video-bp.toml"):
        text = (_SAMPLES / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("../../exchange_dir", "exchange"), encoding="utf-8")
    return profile.load(folder / "video-bp.toml")


def _convert(loaded: Profile, path: Path) -> None:
    report = pipeline.convert(loaded, [path], month=_MONTH, now=_NOW)
    if report.counts["charges"] != DEALS:
        raise RuntimeError(report.text())


def _least(loaded: Profile, path: Path) -> float:
    """Seconds of reading the export, and of writing the register that `convert` has left in the state."""
    with pipeline.state(loaded, _NOW) as store:
        charges = store.charges.rows(_MONTH, 1)
    heading = workbooks.Meta(
        loaded.organisation.name, _MONTH, loaded.bitrix24.name, _NOW.replace(tzinfo=None)
    )
    comparison = tables.records(register.compare(charges[:0], charges))

    def write() -> None:
        workbooks.write_register(io.BytesIO(), charges=charges, meta=heading, comparison=comparison)

    return seconds(lambda: _read(path)) + seconds(write)


def _read(path: Path) -> None:
    book = python_calamine.CalamineWorkbook.from_path(path)
    rows = book.get_sheet_by_index(0).to_python()
    if len(rows) != DEALS + 1:
        raise RuntimeError(f"{len(rows)} rows")
