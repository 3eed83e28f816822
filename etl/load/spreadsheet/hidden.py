"""The hidden sheet of a book for people: its exact table, to restore a lost state from the archive.

Text cells, captions in row 1, and a last row that proves the table is whole: «#», number of rows, sha256 of
the texts. `extract.spreadsheet.exact` reads it back.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from etl import tables
from etl.load.spreadsheet.layout import Block, Column, Sheet
from etl.load.spreadsheet.texts import one_line

_PREFIX = "obmen24"


def hidden(table: str, frame: pd.DataFrame) -> Sheet:
    """The sheet that holds a frame of a table exactly."""
    names = list(tables.TABLES[table].columns)
    rows = Block(_proven(names, frame))
    return Sheet(
        f"{_PREFIX} {table}",
        [Column(name, "id") for name in names],
        [rows],
        plain=True,
        hidden=True,
    )


def is_hidden(title: str) -> bool:
    """Whether a sheet of this title is a hidden one."""
    return title.startswith(_PREFIX)


def _proven(names: Sequence[str], frame: pd.DataFrame) -> Iterator[list[str | None]]:
    """The texts of all rows, then the row that proves them.

    The digest is that of the JSON of the list of rows, made row by row.
    """
    digest = hashlib.sha256(b"[")
    divider = ""
    for row in tables.each(frame):
        texts = [_exact(row[name]) for name in names]
        line = json.dumps(texts, ensure_ascii=False)
        digest.update(divider.encode())
        digest.update(line.encode())
        divider = ", "
        yield texts
    digest.update(b"]")
    proof = ["#", str(len(frame)), digest.hexdigest()]
    absent = len(names) - len(proof)
    yield proof + [None] * absent


def _exact(value: Any) -> str | None:
    """A value as text that reads back exactly."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        return value if _is_kept(value) else _quoted(value)
    return str(value)


def _is_kept(text: str) -> bool:
    """Whether cells and office suites leave a text as it is (`_x` begins an escape of XLSX)."""
    if not text or text.startswith('"'):
        return False
    return one_line(text) == text and "_x" not in text


def _quoted(text: str) -> str:
    """A text as JSON that no cell changes: ASCII in one line, without the beginning of an escape."""
    told = json.dumps(text)
    return told.replace("_x", "\\u005fx")
