"""The fast reading of a file: like records at once.

`tree` gives the same rows and issues, and is easier to read.
"""

from __future__ import annotations

from collections.abc import Iterator

from etl import xml_safe
from etl.extract.commerceml.engine import units
from etl.extract.commerceml.engine.batch import Batch
from etl.extract.commerceml.engine.entries import INNER, Kind, Vocabulary
from etl.extract.commerceml.engine.plan import Uneven, plans_of
from etl.extract.commerceml.engine.scope import Row, Scope
from etl.extract.commerceml.engine.tags import attributes, is_empty, is_end, local
from etl.extract.commerceml.engine.tokens import Tokens, TooLong


def walk(scope: Scope, vocabulary: Vocabulary) -> Iterator[None]:
    """Read record after record into the scope; yields after each series of one name. Raises Rejected."""
    source = Tokens(scope.stream, scope.file)
    path: list[str] = []
    wanted: frozenset[str] = frozenset()
    while source.at < len(source.tags) or source.ready():
        tag = source.tags[source.at]
        if is_end(tag):
            path.pop()
            wanted = vocabulary.wanted(path)
            source.at += 1
            continue
        name = local(tag)
        if name in wanted:
            _read(name, vocabulary.records[name], source, scope, path)
            scope.position = source.position
            yield
            continue
        if name in vocabulary.containers:
            if wanted:
                vocabulary.opened(name, attributes(tag), scope)
        elif name in vocabulary.words and path and path[-1] in vocabulary.containers:
            vocabulary.words[name](source.decoded_one(source.texts[source.at]), scope)
        if not is_empty(tag):
            path.append(name)
            wanted = vocabulary.wanted(path)
        source.at += 1
    if path:
        raise xml_safe.refused("файл обрывается.", scope.file)


def _read(name: str, kind: Kind, source: Tokens, scope: Scope, above: list[str]) -> None:
    """The record at hand and its like behind it."""
    try:
        try:
            _read_series(name, kind, source, scope, above, source.first_end())
        except Uneven:  # its like is nested in it
            _read_series(name, kind, source, scope, above, source.end())
    except TooLong:
        line = source.lines([source.at])[0]
        scope.leave_out([*above, name], kind.counted, line)
        source.skip()


def _read_series(name: str, kind: Kind, source: Tokens, scope: Scope, above: list[str], last: int) -> None:
    """Raises Uneven, and does nothing, if the record at hand does not end at `last`."""
    first = source.at
    plans = plans_of(kind.table)
    if kind.lines is None:
        series = units.records(source, last, plans, scope.most)
        batch = Batch(kind.entity, series, above, scope.facts, None)
        rows = batch.rows(kind)
    else:
        series, lines = units.documents(source, last, plans, kind.lines, scope.most)
        batch = Batch(kind.entity, series, above, scope.facts, None)
        rows = batch.rows(kind)
        _read_lines(batch, lines, kind.lines.column, rows)
    if kind.deep:
        scope.counts[kind.counted] += _count(name, source.tags[first : source.at])
    elif kind.counted:
        scope.counts[kind.counted] += len(series.starts)
    _finish(kind, batch, rows, scope, None)


def _read_lines(batch: Batch, lines: units.Series, column: str, rows: list[Row]) -> None:
    """Lines that were read apart into the rows of their documents."""
    own: list[Row] = [{} for _ in lines.starts]
    batch.read(lines, own)
    for owner, line in zip(lines.owners, own, strict=True):
        rows[owner].setdefault(column, []).append(line)


def _count(name: str, tags: list[bytes]) -> int:
    """The elements of that name."""
    count = 0
    for tag in tags:
        if not is_end(tag) and local(tag) == name:
            count += 1
    return count


def _finish(kind: Kind, batch: Batch, rows: list[Row], scope: Scope, told: str | None) -> None:
    """Each record and, each on its own, the records inside it: a bad one does not cost the others."""
    for number, row in enumerate(rows):
        batch.number = number
        scope.hand = batch
        inner = row.pop(INNER, ())
        told_inside = kind.finish(row, scope, told)
        for first, last in inner:
            series = units.single(batch.source, first, last, plans_of(kind.table))
            below = Batch(kind.entity, series, batch.above, scope.facts, batch.top)
            _finish(kind, below, below.rows(kind), scope, told_inside)
