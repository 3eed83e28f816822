"""What 1C would *see*: LibreOffice in a Russian profile renders the files, cell by cell (onec §0 fact 1, §2.3).

Both stock loaders of 1C read the displayed text of a cell, so number formats and column widths are data. LibreOffice is the
only independent program here that displays a workbook; without it the tests are skipped.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from etl import tables
from etl.extract.spreadsheet import deal_export, exact
from etl.load.spreadsheet import imports, workbooks
from etl.load.spreadsheet.columns import IMPORTS
from etl.load.spreadsheet.texts import shown
from tests.support.books import META, accruals, charge, charges

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice не установлен")
#: separator `\t`, quote `"`, UTF-8, cells as shown
AS_SHOWN = "csv:Text - txt - csv (StarCalc):9,34,76,1,,0,false,true,true"
RUSSIAN = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>ru-RU</value></prop></item></oor:items>"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Convert files with LibreOffice in a ru-RU profile of its own; returns the folder of results."""
    home = tmp_path_factory.mktemp("office")
    (home / "user").mkdir()
    (home / "user" / "registrymodifications.xcu").write_text(RUSSIAN, encoding="utf-8")

    def convert(to: str, *files: Path) -> Path:
        out = files[0].parent / "shown"
        subprocess.run(
            [
                SOFFICE,
                f"-env:UserInstallation={home.as_uri()}",
                "--headless",
                "--convert-to",
                to,
                "--outdir",
                str(out),
                *map(str, files),
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
        return out

    return convert


def displayed(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter="\t"))


def expected(frame: pd.DataFrame, kind: Any) -> list[list[str]]:
    return [
        [column.caption for column, _ in IMPORTS[kind]],
        *([shown(get(row)) for _, get in IMPORTS[kind]] for row in tables.records(frame)),
    ]


AWKWARD = [
    charge(
        50,
        amount=Decimal("34567000.00"),
        payer="ООО «Очень длинное название, которое не помещается в столбец по умолчанию ни при каких условиях»",
    ),
    charge(51, amount=Decimal("0.01"), contract_number="000123"),
    charge(52, amount=Decimal("-1500.50"), address='ул. "Кавычки";\nстрока 2\tтаб'),
    charge(53, amount=Decimal("9999999.99"), payer_inn="012345678901", contract_number="1E5"),
    charge(54, amount=Decimal("1000"), contract_number="01.02.2026"),
    charge(
        55, payer="=СУММ(A1:A9)", contract_number="+7/26", vat_rate=Decimal("5"), vat_amount=Decimal("60.02")
    ),
]
PAYMENTS = [
    {
        "source": "bank",
        "id": "0a1b:M1",
        "target": "M2611100001",
        "date": charge(1)["date"],
        "amount": Decimal(amount),
        "number": "000017",
        "party": "Кузнецов Пётр",
    }
    for amount in ("1500.00", "-0.50")
]


def test_1c_sees_the_table_cell_by_cell(office: Any, tmp_path: Path) -> None:
    """The rendered import file equals the table, and the `.txt` twin equals what the sheet displays."""
    frames = {
        "charge": tables.concat("charges", [charges(20), tables.frame("charges", AWKWARD)]),
        "act": accruals(),
        "payment": tables.frame("payments", PAYMENTS),
    }
    for kind, frame in frames.items():
        imports.write_import(tmp_path / f"{kind}.xlsx", frame, kind)
        imports.write_import_txt(tmp_path / f"{kind}.txt", frame, kind)
    out = office(AS_SHOWN, *(tmp_path / f"{kind}.xlsx" for kind in frames))
    for kind, frame in frames.items():
        seen = displayed(out / f"{kind}.csv")
        assert seen == expected(frame, kind), kind
        twin = [
            line.split("\t")
            for line in (tmp_path / f"{kind}.txt").read_bytes().decode("cp1251").split("\r\n")[:-1]
        ]
        assert [[cell.lstrip("'") for cell in row] for row in twin] == seen, kind


def test_the_register_recalculates_to_its_stored_totals(office: Any, tmp_path: Path) -> None:
    """LibreOffice evaluates SUBTOTAL anew: it must show the sums that were stored."""
    written = workbooks.write_register(tmp_path / "r.xlsx", charges=charges(20), meta=META)
    rows = displayed(office(AS_SHOWN, tmp_path / "r.xlsx") / "r.csv")
    total = next(row for row in rows if row[0] == "Итого")
    shown_sums = [Decimal("".join(cell.split()).replace(",", ".")) for cell in total if "," in cell]
    assert shown_sums == list(written.totals["Реестр"].values()) and not any(
        "###" in cell for row in rows for cell in row
    )


def test_a_book_saved_again_by_an_office_suite_still_restores(office: Any, tmp_path: Path) -> None:
    workbooks.write_register(tmp_path / "r.xlsx", charges=charges(5), meta=META)
    again = office("xlsx", tmp_path / "r.xlsx") / "r.xlsx"
    assert tables.records(exact.read_register(again)) == tables.records(charges(5))


def test_a_real_xls_saved_by_an_office_suite_is_read(office: Any, tmp_path: Path) -> None:
    """A person opened the export and saved it as Excel 97: detection is by content, the values survive."""
    book = openpyxl.Workbook()
    for row in (
        ["ID", "Плательщик", "Номер договора", "Дата договора", "Абонентская плата"],
        ["17", "Кузнецов Пётр", "007/26", charge(1)["date"], 1500.5],
    ):
        book.worksheets[0].append(row)
    book.save(tmp_path / "deals.xlsx")
    old = (office("xls:MS Excel 97", tmp_path / "deals.xlsx") / "deals.xls").read_bytes()
    deal = tables.records(deal_export.read_deals(old, name="deals.xlsx").deals)[0]
    assert old.startswith(b"\xd0\xcf\x11\xe0")
    assert (deal["id"], deal["contract_number"], deal["contract_date"], deal["monthly_fee"]) == (
        "17",
        "007/26",
        charge(1)["date"],
        Decimal("1500.50"),
    )


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils не установлен")
def test_the_register_prints_with_repeated_captions_and_page_numbers(office: Any, tmp_path: Path) -> None:
    workbooks.write_register(tmp_path / "r.xlsx", charges=charges(90), meta=META)
    pdf = office("pdf", tmp_path / "r.xlsx") / "r.pdf"
    pages = subprocess.run(
        ["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True
    ).stdout.split("\f")[:-1]
    register = [page for page in pages if "Адрес объекта" in page and "Ставка" in page]
    assert len(register) >= 2 and all(
        f"Стр. {number} из {len(pages)}" in page for number, page in enumerate(pages, start=1)
    )
    size = subprocess.run(["pdfinfo", str(pdf)], check=True, capture_output=True, text=True).stdout
    assert "A4" in size and "841" in size
