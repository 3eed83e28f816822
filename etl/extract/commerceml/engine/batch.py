"""The records at hand, and how the plans of a series make rows of them."""

from __future__ import annotations

from collections import defaultdict
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
from etl.extract.commerceml.engine.plan import Inner, Plan
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
            if units.starts:  # a shape may have been looked at only
                self._follow(units.plan, units, [rows[number] for number in units.numbers])

    def _follow(self, plan: Plan, units: Units, rows: list[Row]) -> None:
        """The steps of a plan, each for all rows."""
        if len(rows) == 1:
            self._follow_alone(plan, units, rows[0])
            return
        for index, value in chain(plan.values, plan.later):
            value.take(rows, units.column(index), partial(self.report, units, index))
        for named, index, pair in plan.pairs:
            report = partial(self.report, units, index)
            self._pairs(pair, rows, units.column(named), units.column(index), report)
        for inner in plan.inner:
            own: list[Row] = [{} for _ in rows]
            self._follow(inner.plan, units, own)
            self._join(inner, units, rows, own)

    def _pairs(self, pair: Pair, rows: list[Row], names: Column, values: Column, report: Report) -> None:
        if names.same:
            pair.take(rows, names.texts[0], values, self.facts, report)
            return
        for which, (row, name, value) in enumerate(zip(rows, names.texts, values.texts, strict=True)):
            problem = pair.give(row, name, value, self.facts)
            if problem:
                report(which, problem)

    def _follow_alone(self, plan: Plan, units: Units, row: Row) -> None:
        """The same for the only element of a shape.

        In a file of ever new shapes a column of one text costs several times the text.
        """
        for index, value in chain(plan.values, plan.later):
            problem = value.handle(row, units.text(index))
            if problem:
                self.report(units, index, 0, problem)
        for named, index, pair in plan.pairs:
            problem = pair.give(row, units.text(named), units.text(index), self.facts)
            if problem:
                self.report(units, index, 0, problem)
        for inner in plan.inner:
            own: Row = {}
            self._follow_alone(inner.plan, units, own)
            self._join(inner, units, [row], [own])

    def _join(self, inner: Inner, units: Units, rows: list[Row], own: list[Row]) -> None:
        """What an element that is more than a text puts into the rows."""
        match inner.entry:
            case Own(join=join):
                for row, found in zip(rows, own, strict=True):
                    join(row, found)
            case Attributed():
                self._join_attributed(inner, inner.entry, units, rows, own)
            case Worded():
                _join_worded(inner, inner.entry, units, rows)
            case Aside():
                for which, row in enumerate(rows):
                    first = units.at(which, inner.first)
                    row.setdefault(INNER, []).append((first, first + inner.last - inner.first))

    def _join_attributed(
        self, inner: Inner, entry: Attributed, units: Units, rows: list[Row], own: list[Row]
    ) -> None:
        tags = units.tags(inner.first)
        for which, (row, found, tag) in enumerate(zip(rows, own, tags, strict=True)):
            problem = entry.join(row, found, attributes(tag))
            if problem:
                self.report(units, inner.first, which, problem)


def _join_worded(inner: Inner, entry: Worded, units: Units, rows: list[Row]) -> None:
    """The first word that is not blank, wherever it stands among the element's children."""
    tags = units.tags(inner.first)
    columns = [units.column(index).texts for index in inner.words]
    for row, tag, *words in zip(rows, tags, *columns, strict=True):
        word = next(filter(None, words), "")
        entry.join(row, usual_attributes(tag), word)
