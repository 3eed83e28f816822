"""Files that 1C loads: captions and rows and nothing else.

1C reads the displayed text of every cell of every sheet (onec §2.1), so there is one sheet, no title, no
formula and no total. УТ 10.3 reads no XLSX: the same rows go beside it as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from etl import tables
from etl.load.spreadsheet import columns, save
from etl.load.spreadsheet.columns import ImportKind, Row
from etl.load.spreadsheet.layout import Block, Column, Sheet
from etl.load.spreadsheet.texts import harmless, shown
from etl.load.spreadsheet.workbooks import Written, cells, publish


def write_import(target: Path | BinaryIO, frame: pd.DataFrame, kind: ImportKind) -> Written:
    """The file 1C loads: one sheet, captions in row 1 (onec §2.1).

    `frame` is a table of `charges`, `accruals` or `payments`. One organisation per file, else ValueError.
    """
    rows = _importable(frame)
    fields = columns.IMPORTS[kind]
    values = cells(fields, rows)
    sheet = Sheet(
        columns.IMPORT_SHEETS[kind],
        [column for column, _ in fields],
        [Block(values)],
        plain=True,
    )
    return publish(target, [sheet])


def write_import_txt(target: Path | BinaryIO, frame: pd.DataFrame, kind: ImportKind) -> Written:
    """The same rows for УТ 10.3: tab-separated cp1251, CRLF, texts as the sheet displays them (onec §2.1).

    Characters outside cp1251 become «?» and texts that look like a formula get an apostrophe; both are
    issues (warn).
    """
    fields = columns.IMPORTS[kind]
    issues: list[tables.Record] = []
    lines = ["\t".join(import_captions(kind))]
    rows = _importable(frame)
    for number, row in enumerate(rows, start=2):
        texts = [_text(column, get(row), number, issues) for column, get in fields]
        lines.append("\t".join(texts))
    lines.append("")  # the last line ends, too
    content = "\r\n".join(lines).encode("cp1251")
    saved = save.save_bytes(target, content)
    return Written(
        saved.path,
        saved.sha256,
        {columns.IMPORT_SHEETS[kind]: len(rows)},
        issues=tables.frame("issues", issues),
    )


def import_captions(kind: ImportKind) -> list[str]:
    """Captions of the import file, in order.

    They are part of the contract: 1C keeps the accountant's mapping by them.
    """
    return [column.caption for column, _ in columns.IMPORTS[kind]]


def _importable(frame: pd.DataFrame) -> list[Row]:
    """The rows of a table for one file. ValueError where they are of several organisations."""
    rows = tables.records(frame)
    organisations = {row.get("organisation") for row in rows}
    if len(organisations) > 1:
        raise ValueError(f"один файл импорта = одна организация, а здесь {len(organisations)}")
    return rows


def _text(column: Column, value: Any, line: int, issues: list[tables.Record]) -> str:
    """A value as the text file holds it; what had to be changed is told in `issues`."""
    text = shown(value)
    is_free = column.kind in ("text", "id")
    safe = harmless(text) if is_free else text
    kept = safe.encode("cp1251", "replace").decode("cp1251")
    if kept != text:
        issues.append(
            tables.issue(
                "Текст изменён в файле .txt: в нём знаки, которых нет в кодировке Windows, "
                "или он похож на формулу. Сверьте строку с файлом .xlsx.",
                severity="warn",
                place=f"строка {line}",
                field=column.caption,
                value=text,
            )
        )
    return kept
