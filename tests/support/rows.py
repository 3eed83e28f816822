"""Records of a table in a test: made whole, and read by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etl import tables


def whole(table: str, *rows: Mapping[str, Any]) -> list[Any]:
    """Records with every column of the table, absent ones None."""
    return [tables.whole(table, dict(row)) for row in rows]


def column(rows: Iterable[Any], name: str) -> list[Any]:
    """The values of one column."""
    return [row[name] for row in rows]


def columns(rows: Iterable[Any], names: Sequence[str]) -> list[list[Any]]:
    """The values of some columns, row by row."""
    return [[row[name] for name in names] for row in rows]
