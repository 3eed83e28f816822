"""The records at hand, and how the plans of a series make rows of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from itertools import chain
from operator import itemgetter

from etl.extract.commerceml.engine.entries import (
    INNER,
    Aside,
    Attributed,
    Attributes,
    Column,
    Kind,
    Own,
    Pair,
    Report,
    Worded,
)
from etl.extract.commerceml.engine.plan import Inner, Named, Plan
from etl.extract.commerceml.engine.scope import Facts, Found, Problem, Row
from etl.extract.commerceml.engine.tags import attributes, usual_attributes
from etl.extract.commerceml.engine.units import Series, Units


class Batch:
    """Records that are read together, of which the one with that `number` is being finished.

    `above`: the names of the elements around the outermost record, `top`: its first token, unless the records
    are outermost.
    """

    def __init__(self, entity: str, series: Series, above: list[str], facts: Facts, top: int | None) -> None:
        self.entity = entity
        self.series = series
        self.source = series.source
        self.above = above
        self.facts = facts
        self.outermost = top
        self.number = 0
        self._rejected: set[int] = set()
        self._problems: defaultdict[int, list[tuple[int, Problem]]] = defaultdict(list)

    @property
    def rejected(self) -> bool:
        """Is the record that is being finished to be left out?"""
        return self.number in self._rejected

    @property
    def top(self) -> int:
        """The first token, in the file, of the outermost record around the one that is being finished."""
        return self.series.start_of(self.number) if self.outermost is None else self.outermost

    def note(self, problem: Problem) -> None:
        """A problem of the record that is being finished, as a whole."""
        self._add(self.number, self.series.starts[self.number], problem)

    def report(self, units: Units, index: int, which: int, problem: Problem) -> None:
        """A problem at an element of one of the units."""
        self._add(units.owner(which), units.at(which, index), problem)

    def _add(self, record: int, place: int, problem: Problem) -> None:
        if problem.severity == "reject":
            self._rejected.add(record)
        self._problems[record].append((self.source.base + place, problem))

    def found(self) -> list[Found]:
        """The problems of the record that is being finished, in the order of the file, once."""
        problems = self._problems.pop(self.number, None)
        if problems is None:
            return []
        found = []
        for token, problem in sorted(problems, key=itemgetter(0)):
            path, line = self.source.find(self.top, token)
            found.append(Found([*self.above, *path], line, problem))
        return found

    # ---- rows ----------------------------------------------------------------------------------------------

    def rows(self, kind: Kind) -> list[Row]:
        """Rows of the records, read but not finished."""
        starts = self.series.starts
        rows = [{"place": f"строка {line}"} for line in self.source.lines(starts)]
        self.read(self.series, rows)
        if kind.attributes:
            for number, start in enumerate(starts):
                tag = self.source.tags[start]
                if b"=" in tag:
                    self._attributes(kind, number, rows[number], attributes(tag))
        return rows

    def _attributes(self, kind: Kind, number: int, row: Row, told: Attributes) -> None:
        for name, value in kind.attributes.items():
            problem = value.handle(row, told.get(name, ""))
            if problem:
                self._add(number, self.series.starts[number], problem)

    def read(self, series: Series, rows: list[Row]) -> None:
        """The values of a series into its rows, one for each element."""
        for units in series.shapes.values():
            if len(units.starts) == 1:
                Lone(self, units).follow(units.plan, 0, rows[units.numbers[0]])
            elif units.starts:  # a shape may have been looked at only
                self._follow(units.plan, units, 0, [rows[number] for number in units.numbers])

    def _follow(self, plan: Plan, units: Units, at: int, rows: list[Row]) -> None:
        """The steps of a plan, each for all rows; `at`: where the element of the plan begins."""
        for index, value in chain(plan.values.items(), plan.later.items()):
            value.take(rows, units.column(at, index), partial(self.report, units, at + index))
        for index, named in plan.pairs.items():
            names = units.column(at + index, named.name)
            for token in named.values:
                values = units.column(at + index, token)
                self._give(named.pair, rows, names, values, partial(self.report, units, at + index + token))
        for index, inner in plan.inner.items():
            own: list[Row] = [{} for _ in rows]
            self._follow(inner.plan, units, at + index, own)
            self._join(inner, units, at + index, rows, own)

    def _give(self, pair: Pair, rows: list[Row], names: Column, values: Column, report: Report) -> None:
        if names.same:
            pair.take(rows, names.texts[0], values, self.facts, report)
            return
        for which, (row, name, value) in enumerate(zip(rows, names.texts, values.texts, strict=True)):
            problem = pair.give(row, name, value, self.facts)
            if problem:
                report(which, problem)

    def _join(self, inner: Inner, units: Units, at: int, rows: list[Row], own: list[Row]) -> None:
        """What an element that is more than a text puts into the rows."""
        match inner.entry:
            case Own(join=join):
                for row, found in zip(rows, own, strict=True):
                    join(row, found)
            case Attributed():
                self._join_attributed(inner.entry, units, at, rows, own)
            case Worded():
                _join_worded(inner, inner.entry, units, at, rows)
            case Aside():
                for which, row in enumerate(rows):
                    put_aside(row, units.at(which, at), inner)

    def _join_attributed(
        self, entry: Attributed, units: Units, at: int, rows: list[Row], own: list[Row]
    ) -> None:
        for which, (row, found, tag) in enumerate(zip(rows, own, units.tags(at), strict=True)):
            problem = entry.join(row, found, attributes(tag))
            if problem:
                self.report(units, at, which, problem)


def _join_worded(inner: Inner, entry: Worded, units: Units, at: int, rows: list[Row]) -> None:
    """The first word that is not blank, wherever it stands among the element's children."""
    columns = [units.column(at, index).texts for index in inner.words]
    for row, tag, *words in zip(rows, units.tags(at), *columns, strict=True):
        entry.join(row, usual_attributes(tag), first_word(words))


def first_word(words: Iterable[str]) -> str:
    """The first that is not blank, if any."""
    return next(filter(None, words), "")


def put_aside(row: Row, first: int, inner: Inner) -> None:
    """A record inside the record is noted by its first and last token, until its owner is finished."""
    row.setdefault(INNER, []).append((first, first + inner.last))


class Lone:
    """The only element of its shape: followed text by text, for a column of one costs several times that."""

    def __init__(self, batch: Batch, units: Units) -> None:
        self.batch = batch
        self.units = units
        self.texts = units.texts()

    def follow(self, plan: Plan, at: int, row: Row) -> None:
        """The steps of a plan; `at`: where the element of the plan begins."""
        texts = self.texts
        decoded = self.units.series.source.decoded_one
        for index, value in chain(plan.values.items(), plan.later.items()):
            problem = value.handle(row, decoded(texts[at + index]).strip())
            if problem:
                self.batch.report(self.units, at + index, 0, problem)
        for index, named in plan.pairs.items():
            self._give(named, at + index, row)
        for index, inner in plan.inner.items():
            self._join(inner, at + index, row)

    def _give(self, named: Named, at: int, row: Row) -> None:
        name = self._text(at, named.name)
        for token in named.values:
            problem = named.pair.give(row, name, self._text(at, token), self.batch.facts)
            if problem:
                self.batch.report(self.units, at + token, 0, problem)

    def _text(self, at: int, index: int) -> str:
        if index < 0:
            return ""
        return self.units.series.source.decoded_one(self.texts[at + index]).strip()

    def _join(self, inner: Inner, at: int, row: Row) -> None:
        """What an element that is more than a text puts into the row."""
        own: Row = {}
        self.follow(inner.plan, at, own)
        match inner.entry:
            case Own(join=join):
                join(row, own)
            case Attributed(join=joined):
                problem = joined(row, own, attributes(self._tag(at)))
                if problem:
                    self.batch.report(self.units, at, 0, problem)
            case Worded(join=worded):
                words = [self._text(at, index) for index in inner.words]
                worded(row, usual_attributes(self._tag(at)), first_word(words))
            case Aside():
                put_aside(row, self.units.at(0, at), inner)

    def _tag(self, index: int) -> bytes:
        return self.units.tags(index)[0]
