"""The exact tables of our own archived books, from the hidden sheet that `load.spreadsheet.hidden` writes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from etl import tables
from etl.errors import Rejected
from etl.extract.spreadsheet.guard import Cell, Source, name_of, pages_of

_ADVICE = "Возьмите файл из папки archive, как он был сформирован."
Texts = list[str | None]


def read_register(source: Source, *, name: str = "") -> pd.DataFrame:
    """The exact `charges` of a register. Rejected when the sheet was touched."""
    return _exact(source, name_of(source, name), "charges")


def read_acts(source: Source, *, name: str = "") -> pd.DataFrame:
    """The exact `accruals` of an act book. Rejected when the sheet was touched."""
    return _exact(source, name_of(source, name), "accruals")


def _exact(source: Source, name: str, table: str) -> pd.DataFrame:
    rows = _hidden_rows(source, name, table)
    captions, proof = rows[0], rows[-1]
    texts: list[Texts] = [[cell or None for cell in row] for row in rows[1:-1]]
    declared = tables.TABLES[table].columns
    if not _is_proven(texts, proof) or not declared.keys() >= set(captions):
        raise Rejected(
            f"Файл {name} не прочитан: служебный лист изменён после того, как книга была сформирована.",
            _ADVICE,
            file=name,
        )
    readers = [_reader(declared[column].kind) for column in captions]
    return tables.frame(table, [_record(captions, readers, row) for row in texts])


def _hidden_rows(source: Source, name: str, table: str) -> list[list[str]]:
    """Rows of the hidden sheet as texts: captions, data, the row of proof. Rejected when it is not there."""
    for page in pages_of(source, name):
        if page.name == f"obmen24 {table}":
            rows = [_as_texts(row) for row in page.rows]
            if len(rows) >= 2 and rows[-1][0] == "#":
                return rows
            break
    raise Rejected(
        f"Файл {name} не прочитан: это не книга obmen24 или её служебный лист удалён.",
        _ADVICE,
        file=name,
    )


def _as_texts(row: Sequence[Cell]) -> list[str]:
    """Cells as text, for reading captions."""
    return [str(cell) for cell in row]


def _is_proven(texts: Sequence[Texts], proof: Sequence[str]) -> bool:
    """Whether the last row tells the number of rows and the sha256 of their texts as they are."""
    told = json.dumps(texts, ensure_ascii=False)
    digest = hashlib.sha256(told.encode()).hexdigest()
    return [str(len(texts)), digest] == list(proof[1:3])


def _record(captions: Sequence[str], readers: Sequence[Callable[[str], Any]], row: Texts) -> tables.Record:
    record = {}
    for column, read, text in zip(captions, readers, row, strict=True):
        record[column] = None if text is None else read(text)
    return record


def _reader(kind: str) -> Callable[[str], Any]:
    """What reads a text of a column of this kind back."""
    return _READERS.get(kind, _text)


def _flag(text: str) -> bool:
    return text == "1"


def _text(text: str) -> Any:
    """A text as it is, or quoted as JSON where a cell or an office suite could have changed it."""
    return json.loads(text) if text.startswith('"') else text


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "money": Decimal,
    "number": Decimal,
    "date": dt.date.fromisoformat,
    "flag": _flag,
}
