"""Sheets described as data: what stands on one, and what was written on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["text", "id", "money", "integer", "date"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `limit`: widest width in characters (people's sheets), `total`: whether it is summed up."""

    caption: str
    kind: Kind = "text"
    limit: int = 30
    total: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Rows under a subheading with their own subtotal; a block without a title is just rows."""

    rows: Iterable[Sequence[Any]]
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet.

    `plain`: for a machine, captions in row 1, rows, nothing else. `hidden`: not shown to people. `below`
    makes the lines under the table from the totals by caption and the number of rows.
    """

    title: str
    columns: Sequence[Column]
    blocks: Sequence[Block]
    above: Sequence[str] = ()
    below: Callable[[dict[str, Decimal], int], Sequence[str]] | None = None
    plain: bool = False
    hidden: bool = False
    empty: str = "Строк нет."


@dataclass(slots=True)
class Filled:
    """What was written on one sheet."""

    title: str
    first: int  # row of the first data row, from 0
    last: int = 0  # row behind the last one
    rows: int = 0  # data rows, subheadings and subtotals apart
    sums: dict[int, Decimal] = field(default_factory=dict)  # by position of a totalled column
    totals: dict[str, Decimal] = field(default_factory=dict)  # the same by caption
    cut: list[str] = field(default_factory=list)  # places of texts that were too long for a cell
