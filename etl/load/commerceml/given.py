"""The tables a writer is given: by name, in blocks, and each document with its rows and parties.

A table that is absent is empty. Frames are taken apart a block at a time: memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

import numpy
import pandas as pd

from etl import tables as canonical
from etl.records import Document, Line, Party

R = TypeVar("R")
Tables: TypeAlias = Mapping[str, pd.DataFrame]
#: rows taken from a frame at a time
BLOCK = 1000


def table(given: Tables, name: str) -> pd.DataFrame:
    """The table of that name."""
    return given[name] if name in given else canonical.frame(name)


def blocks(frame: pd.DataFrame, kind: type[R]) -> Iterator[list[R]]:
    """Records of a frame (of type `kind`), some at a time."""
    for start in range(0, len(frame), BLOCK):
        yield canonical.records(frame.iloc[start : start + BLOCK], kind)


def grouped(frame: pd.DataFrame, kind: type[R], column: str) -> dict[str, list[R]]:
    """Records of a frame (of type `kind`) by the value of a column; those without a value are left out."""
    found: dict[str, list[R]] = {}
    for record in canonical.each(frame, kind):
        key = cast(Mapping[str, Any], record)[column]
        if key is not None:
            found.setdefault(key, []).append(record)
    return found


# ---- documents ----


class Whole(NamedTuple):
    """A document with its rows by position and its parties."""

    document: Document
    lines: list[Line]
    parties: list[Party]


def each_whole(documents: pd.DataFrame, tables: Tables) -> Iterator[Whole]:
    """Each of the `documents`, in their order, with what `lines` and `parties` of the tables hold of it."""
    keys = pd.Index(documents["id"])
    lines = _Details(table(tables, "lines"), keys, Line)
    parties = _Details(table(tables, "parties"), keys, Party)
    start = 0
    for block in blocks(documents, Document):
        own_lines, own_parties = lines.block(start, len(block)), parties.block(start, len(block))
        for document, of_lines, of_parties in zip(block, own_lines, own_parties, strict=True):
            yield Whole(document, sorted(of_lines, key=_position), of_parties)
        start += len(block)


def _position(line: Line) -> int:
    return line["position"]


class _Details(Generic[R]):
    """Rows of a table by the document they belong to: sorted once, then cut out by bounds."""

    def __init__(self, frame: pd.DataFrame, keys: pd.Index, kind: type[R]) -> None:
        codes = keys.get_indexer(pd.Index(frame["document"]))
        self.frame, self.kind = frame, kind
        self.rows = numpy.argsort(codes, kind="stable")
        self.starts = numpy.searchsorted(codes[self.rows], numpy.arange(len(keys) + 1))

    def block(self, start: int, count: int) -> list[list[R]]:
        """The rows of `count` documents from the one at position `start`, a list for each."""
        bounds = self.starts[start : start + count + 1]
        first = bounds[0]
        rows = canonical.records(self.frame.iloc[self.rows[first : bounds[-1]]], self.kind)
        return [rows[low - first : high - first] for low, high in pairwise(bounds)]


def by_business(documents: pd.DataFrame, tables: Tables) -> Iterator[list[Whole]]:
    """The documents that rest on one another together, each business where its first document stands."""
    origins = _origins(documents)
    order = numpy.argsort(origins, kind="stable")
    wholes = zip(origins[order], each_whole(documents.iloc[order], tables), strict=True)
    for _, business in groupby(wholes, key=itemgetter(0)):
        yield [whole for _, whole in business]


def _origins(documents: pd.DataFrame) -> Any:
    """For each document the position of the one that its business begins with."""
    positions = {key: position for position, key in enumerate(documents["id"])}
    bases = [positions.get(basis, own) for own, basis in enumerate(documents["basis"])]
    return numpy.array([_origin(own, bases) for own in range(len(bases))], dtype=int)


def _origin(start: int, bases: Sequence[int]) -> int:
    """The end of the chain of Основание from a document; a circle belongs to its first document."""
    last, seen = start, {start}
    while bases[last] not in seen:
        last = bases[last]
        seen.add(last)
    is_end = bases[last] == last
    return last if is_end else min(seen)
