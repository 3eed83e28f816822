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
Reader = Callable[[str], Any]


def read_register(source: Source, *, name: str = "") -> pd.DataFrame:
    """The exact `charges` of a register. Rejected when the sheet was touched."""
    name = name_of(source, name)
    return _exact(source, name, "charges")


def read_acts(source: Source, *, name: str = "") -> pd.DataFrame:
    """The exact `accruals` of an act book. Rejected when the sheet was touched."""
    name = name_of(source, name)
    return _exact(source, name, "accruals")


def _exact(source: Source, name: str, table: str) -> pd.DataFrame:
    """A table as it was written. Rejected unless its proof holds and all its columns are those we know."""
    captions, *data, proof = _hidden_rows(source, name, table)
    texts = [_present(row) for row in data]
    declared = tables.TABLES[table].columns
    is_known = declared.keys() >= set(captions)
    if not is_known or not _is_proven(texts, proof):
        raise Rejected(
            f"Файл {name} не прочитан: служебный лист изменён после того, как книга была сформирована.",
            _ADVICE,
            file=name,
        )
    readers = [_reader(declared[column].kind) for column in captions]
    records = [_record(captions, readers, row) for row in texts]
    return tables.frame(table, records)


def _hidden_rows(source: Source, name: str, table: str) -> list[list[str]]:
    """Rows of the hidden sheet as texts: captions, data, the row of proof. Rejected when it is not there."""
    title = f"obmen24 {table}"
    for page in pages_of(source, name):
        if page.name == title:
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
    """The cells of a row; every one was written as text."""
    return list(map(str, row))


def _present(row: Sequence[str]) -> Texts:
    """A row as it was proven: an empty cell is no text (an empty text was written quoted)."""
    return [cell or None for cell in row]


def _is_proven(texts: Sequence[Texts], proof: Sequence[str]) -> bool:
    """Whether the last row tells the number of rows and the sha256 of their texts as they are."""
    told = json.dumps(texts, ensure_ascii=False).encode()
    digest = hashlib.sha256(told).hexdigest()
    wanted = [str(len(texts)), digest]
    return list(proof[1:3]) == wanted


def _record(captions: Sequence[str], readers: Sequence[Reader], row: Texts) -> tables.Record:
    """A row with its texts read back, each by the reader of its column."""
    record = {}
    for column, read, text in zip(captions, readers, row, strict=True):
        record[column] = None if text is None else read(text)
    return record


def _reader(kind: str) -> Reader:
    """What reads a text of a column of this kind back."""
    return _READERS.get(kind, _text)


def _flag(text: str) -> bool:
    """A flag, written as 1 or 0."""
    return text == "1"


def _text(text: str) -> Any:
    """A text as it is, or quoted as JSON where a cell or an office suite could have changed it."""
    return json.loads(text) if text.startswith('"') else text


_READERS: dict[str, Reader] = {
    "integer": int,
    "money": Decimal,
    "number": Decimal,
    "date": dt.date.fromisoformat,
    "flag": _flag,
}
