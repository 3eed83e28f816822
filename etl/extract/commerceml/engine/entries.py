"""What the tables of a vocabulary are written in: the one thing that it shares with both engines.

A `Table` says what to do with each element inside a record. Four kinds of steps come of it, done in this
order, and those of a kind in the order of the file: texts for columns, texts that need a look at the row,
pairs, elements with a row of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from etl.extract.commerceml.engine.scope import Facts, Problem, Row, Scope

Attributes = Mapping[str, str]
#: (row, text) of an element; returns what is wrong with it
Handler = Callable[[Row, str], Problem | None]
Convert = Callable[[str], object]
#: (number of the row, what is wrong)
Report = Callable[[int, Problem], None]

#: the note in which a row holds its `Aside` elements until it is finished
INNER = "_inner"


class Column(NamedTuple):
    """A text of each of some elements, without the blanks around it; with `same` they are all equal."""

    texts: list[str]
    same: bool


class Entry:
    """What to do with an element. Those of a lower `rank` come first."""

    rank = 3


class Table:
    """What to do with the elements inside another, by local name; those that it does not name are skipped."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = dict(entries)

    def add(self, name: str, entry: Entry) -> None:
        """One more element: for a table that refers to itself."""
        self.entries[name] = entry


# ---- texts -------------------------------------------------------------------------------------------------


class Value(Entry):
    """An element that has a text; children it should not have are skipped.

    `handle` is for one element, `take` for many at once, with the same result.
    `plain`: what it puts into the row depends on nothing but the text.
    """

    rank = 1

    def __init__(self, handle: Handler, *, plain: bool = False) -> None:
        self.handle = handle
        self.plain = plain

    def take(self, rows: list[Row], column: Column, report: Report) -> None:
        """The texts of like elements."""
        if column.same and self.plain and self._all(rows, column.texts[0]):
            return
        self._each(rows, column.texts, report)

    def _all(self, rows: list[Row], text: str) -> bool:
        """The same text of all: done once, if nothing is wrong with it."""
        made: Row = {}
        if self.handle(made, text):
            return False
        for column, value in made.items():
            for row in rows:
                row[column] = value
        return True

    def _each(self, rows: list[Row], texts: list[str], report: Report) -> None:
        handle = self.handle
        for which, (row, text) in enumerate(zip(rows, texts, strict=True)):
            problem = handle(row, text)
            if problem:
                report(which, problem)


class Text(Value):
    """A text as it is; an empty element is absence."""

    rank = 0

    def __init__(self, column: str) -> None:
        super().__init__(self._handle, plain=True)
        self.column = column

    def _handle(self, row: Row, text: str) -> None:
        if text:
            row[self.column] = text

    def _each(self, rows: list[Row], texts: list[str], _report: Report) -> None:
        """A loop of its own: to call `_handle` for each costs more than what it does."""
        column = self.column
        for row, text in zip(rows, texts, strict=True):
            if text:
                row[column] = text


class Converted(Text):
    """A text that `convert` makes a value of; it raises ValueError for what is not `what`."""

    def __init__(self, column: str, convert: Convert, what: str, severity: str) -> None:
        super().__init__(column)
        self.convert = convert
        self.what = what
        self.severity = severity
        self.handle = self._convert

    def _convert(self, row: Row, text: str) -> Problem | None:
        if not text:
            return None
        try:
            row[self.column] = self.convert(text)
        except ValueError:
            return self._problem(text)
        return None

    def _each(self, rows: list[Row], texts: list[str], report: Report) -> None:
        """A loop of its own: most of a file's texts come by here."""
        convert, column = self.convert, self.column
        for which, (row, text) in enumerate(zip(rows, texts, strict=True)):
            if not text:
                continue
            try:
                row[column] = convert(text)
            except ValueError:
                report(which, self._problem(text))

    def _problem(self, text: str) -> Problem:
        """What is wrong with the text and what becomes of the record, cut to a readable length."""
        said = "Значение пропущено, исправьте его в 1С."
        if self.severity == "reject":
            said = "Запись отклонена, исправьте её в 1С."
        return Problem(f"«{text[:60]}» не {self.what}. {said}", text, self.severity)


class Pair(Entry):
    """An element that holds a name and a value, what they mean is told by the name: ЗначениеРеквизита.

    Each Значение is a value; the name is Наименование, else the first other child. Of two children without a
    Значение the second is the value (Ид and ИдЗначения). `give(row, name, value, facts)` returns what is
    wrong; `take` is for many.
    """

    rank = 2
    VALUE, NAME = "Значение", "Наименование"

    def __init__(self, give: Callable[[Row, str, str, Facts], Problem | None]) -> None:
        self.give = give

    def take(self, rows: list[Row], name: str, values: Column, facts: Facts, report: Report) -> None:
        """The values of rows in which the name is the same."""
        give = self.give
        for which, (row, text) in enumerate(zip(rows, values.texts, strict=True)):
            problem = give(row, name, text, facts)
            if problem:
                report(which, problem)

    def split(self, names: Sequence[str]) -> tuple[int | None, list[int]]:
        """Which of the children, by their names, is the name, if any, and which are values."""
        values = [number for number, name in enumerate(names) if name.endswith(self.VALUE)]
        if not values and len(names) == 2:
            values = [1]
        others = [number for number in range(len(names)) if number not in values]
        named = [number for number in others if names[number].endswith(self.NAME)]
        if named:
            return named[-1], values
        return others[0] if others else None, values


# ---- elements with children --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Each(Entry):
    """A list element: `entry` for each of its children, whatever they are called."""

    entry: Entry


@dataclass(frozen=True, eq=False)
class Nested(Entry):
    """An element whose children go into the same row."""

    table: Table


@dataclass(frozen=True, eq=False)
class Either(Entry):
    """An element that is a text in some versions and a structure in others."""

    leaf: Value
    structure: Entry


@dataclass(frozen=True, eq=False)
class Own(Entry):
    """An element with a row of its own, which `join(row, own)` joins to the row around it."""

    table: Table
    join: Callable[[Row, Row], None]


@dataclass(frozen=True, eq=False)
class Attributed(Entry):
    """As `Own`, for an element with attributes: `join(row, own, attributes)` returns what is wrong."""

    table: Table
    join: Callable[[Row, Row, Attributes], Problem | None]


@dataclass(frozen=True, eq=False)
class Worded(Entry):
    """An element of attributes and a word before or behind its children: `join(row, attributes, word)`."""

    join: Callable[[Row, Attributes, str], None]


@dataclass(frozen=True)
class Aside(Entry):
    """A record inside the record: read and finished like it, and after it."""


@dataclass(frozen=True, eq=False)
class Lines(Each):
    """A list of rows of their own, so many that an engine may read them apart: `line` in the list `name`."""

    column: str
    name: str
    line: str
    table: Table


def one(column: str, table: Table) -> Own:
    """A repeated element: a row of its own, appended to the list `row[column]`."""

    def join(row: Row, own: Row) -> None:
        """Records of an element that may repeat are collected in the order of the file."""
        row.setdefault(column, []).append(own)

    return Own(table, join)


def listed(column: str, table: Table) -> Each:
    """A list element: a row of its own for each child, in the list `row[column]`."""
    return Each(one(column, table))


def lines(column: str, name: str, line: str, table: Table) -> Lines:
    """As `listed`, for elements `line` in the list `name`."""
    return Lines(one(column, table), column, name, line, table)


# ---- records -----------------------------------------------------------------------------------------------

#: (row, scope, what `finish` of the record around it returned); returns what the records inside it are told
Finish = Callable[[Row, Scope, str | None], str | None]


@dataclass(frozen=True, eq=False)
class Kind:
    """A record: its table, what its issues call it, and what is done with its row once it is read.

    `counted`: what it counts as; with `deep` its like inside it count, too. `attributes`: those of its start
    tag.
    """

    table: Table
    entity: str
    finish: Finish
    counted: str = ""
    deep: bool = False
    attributes: Mapping[str, Value] = field(default_factory=dict)
    lines: Lines | None = None


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """A language of files.

    An engine reads the elements of `records` where `wanted(names of the elements around)` says so.

    `opened(name, attributes, scope)` hears of each of the `containers` of records, and `words` of elements in
    them, with text.
    """

    records: Mapping[str, Kind]
    wanted: Callable[[Sequence[str]], frozenset[str]]
    containers: frozenset[str]
    opened: Callable[[str, Attributes, Scope], None]
    words: Mapping[str, Callable[[str, Scope], None]]
