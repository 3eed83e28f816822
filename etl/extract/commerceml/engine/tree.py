"""The plain reading of a file: an lxml tree of each record, and its table followed from child to child.

It gives the same rows and issues as `fast`, several times slower: it says what an entry means, `fast` is
tested against it, and it reads a file that `fast` stumbles over.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from lxml import etree

from etl import xml_safe
from etl.extract.commerceml.engine import entries, plain
from etl.extract.commerceml.engine.scope import Found, Problem, Row, Scope

Element = Any


def walk(scope: Scope, vocabulary: entries.Vocabulary) -> Iterator[None]:
    """Read record after record into the scope; yields after each. Raises Rejected."""
    parser = etree.XMLPullParser(events=("start", "end"), encoding="utf-8", **xml_safe.PARSER)
    reading = _Reading(scope, vocabulary)
    for tag in plain.tags(scope.stream, scope.file):
        scope.position = scope.stream.tell()
        with xml_safe.refusing(scope.file):
            parser.feed(tag)
        for event, element in parser.read_events():
            if event == "start":
                reading.opened(element)
            elif reading.closed(element):
                yield
        reading.size += len(tag)
        reading.line += tag.count(b"\n")
    with xml_safe.refusing(scope.file, end=True):
        parser.close()


class _Reading:
    """Where in the file the parser stands. Elements leave the tree as soon as nobody asks for them."""

    def __init__(self, scope: Scope, vocabulary: entries.Vocabulary) -> None:
        self.scope = scope
        self.vocabulary = vocabulary
        self.line = 1
        self.path: list[str] = []  # elements around the record
        self.record: Element = None
        self.size = 0  # bytes of the record so far
        self.lines = array("L")  # of the elements of the record
        self.numbers: dict[Element, int] = {}  # of those elements, once one is asked for

    def opened(self, element: Element) -> None:
        name = xml_safe.local(element.tag)
        if self.record is None:
            wanted = self.vocabulary.wanted(self.path)
            if name not in wanted:
                if wanted and name in self.vocabulary.containers:
                    self.vocabulary.opened(name, element.attrib, self.scope)
                self.path.append(name)
                return
            self.record = element
            self.size = 0
            self.lines = array("L")
            self.numbers = {}
        self.lines.append(self.line)

    def place(self, element: Element) -> tuple[int, int]:
        """(number of an element within the record, its line)."""
        if element is self.record:
            return 0, self.lines[0]
        if not self.numbers:
            self.numbers = {found: number for number, found in enumerate(self.record.iter())}
        number = self.numbers[element]
        return number, self.lines[number]

    def closed(self, element: Element) -> bool:
        """Was a record read?"""
        finished = element is self.record
        if self.record is None:
            name = self.path.pop()
            is_inside = bool(self.path) and self.path[-1] in self.vocabulary.containers
            if is_inside and name in self.vocabulary.words:
                self.vocabulary.words[name](element.text or "", self.scope)
        elif finished:
            self._read(xml_safe.local(element.tag))
            self.record = None
        elif self.size <= xml_safe.MAX_RECORD:
            return False
        element.clear()
        parent = element.getparent()
        if parent is not None:
            del parent[:-1]
        return finished

    def names(self, element: Element) -> list[str]:
        """The path of an element of the record, from the root."""
        above = self.path if element is self.record else self.names(element.getparent())
        return [*above, xml_safe.local(element.tag)]

    def _read(self, name: str) -> None:
        kind = self.vocabulary.records[name]
        if self.size > xml_safe.MAX_RECORD:
            self.scope.leave_out([*self.path, name], kind.counted, self.lines[0])
            return
        if kind.counted:
            alike = [inner for inner in self.record.iter() if xml_safe.local(inner.tag) == name]
            self.scope.counts[kind.counted] += len(alike) if kind.deep else 1
        _read_record(kind, self.record, self, None)


def _read_record(kind: entries.Kind, element: Element, reading: _Reading, told: str | None) -> None:
    """A record and, each on its own, the records inside it."""
    hand = _Hand(kind.entity, element, reading)
    row: Row = {"place": f"строка {reading.place(element)[1]}"}
    hand.read(kind.table, element, row)
    for name, value in kind.attributes.items():
        hand.report(element, value.handle(row, element.get(name, "")))
    inner = row.pop(entries.INNER, ())
    reading.scope.hand = hand
    told_inside = kind.finish(row, reading.scope, told)
    for child in inner:
        _read_record(kind, child, reading, told_inside)


class _Hand:
    """The record that is being read and finished."""

    def __init__(self, entity: str, element: Element, reading: _Reading) -> None:
        self.entity = entity
        self.element = element
        self.reading = reading
        self.rejected = False
        self.problems: list[tuple[int, Element, Problem]] = []

    def note(self, problem: Problem) -> None:
        self.report(self.element, problem)

    def report(self, element: Element, problem: Problem | None) -> None:
        """What is wrong with an element, if anything is."""
        if problem is not None:
            self.rejected = self.rejected or problem.severity == "reject"
            self.problems.append((self.reading.place(element)[0], element, problem))

    def found(self) -> list[Found]:
        found = []
        for _, element, problem in sorted(self.problems, key=itemgetter(0)):
            line = self.reading.place(element)[1]
            found.append(Found(self.reading.names(element), line, problem))
        return found

    def read(self, table: entries.Table, element: Element, row: Row) -> None:
        """What a table makes of the children of an element, into a row."""
        for entry, child in sorted(_steps(table, element), key=lambda step: step[0].rank):
            self._do(entry, child, row)

    def _do(self, entry: entries.Entry, element: Element, row: Row) -> None:
        own: Row = {}
        match entry:
            case entries.Value():
                self.report(element, entry.handle(row, _text(element.text)))
            case entries.Pair():
                self._pair(entry, element, row)
            case entries.Own():
                self.read(entry.table, element, own)
                entry.join(row, own)
            case entries.Attributed():
                self.read(entry.table, element, own)
                self.report(element, entry.join(row, own, element.attrib))
            case entries.Worded():
                words = [_text(element.text), *[_text(child.tail) for child in element]]
                entry.join(row, element.attrib, next(filter(None, words), ""))
            case entries.Aside():
                row.setdefault(entries.INNER, []).append(element)

    def _pair(self, pair: entries.Pair, element: Element, row: Row) -> None:
        named, values = pair.split([xml_safe.local(child.tag) for child in element])
        name = "" if named is None else _text(element[named].text)
        for number in values:
            value = element[number]
            self.report(value, pair.give(row, name, _text(value.text), self.reading.scope.facts))


def _text(words: str | None) -> str:
    return (words or "").strip()


def _steps(table: entries.Table, element: Element) -> Iterator[tuple[entries.Entry, Element]]:
    """(entry, element) of what a table does with the children of an element."""
    for child in element:
        entry = table.entries.get(xml_safe.local(child.tag))
        if entry is not None:
            yield from _steps_of(entry, child)


def _steps_of(entry: entries.Entry, element: Element) -> Iterator[tuple[entries.Entry, Element]]:
    """Entries of the vocabulary with the element each of them reads, nested ones opened."""
    match entry:
        case entries.Nested():
            yield from _steps(entry.table, element)
        case entries.Each():
            for child in element:
                yield from _steps_of(entry.entry, child)
        case entries.Either():
            yield from _steps_of(entry.structure if len(element) else entry.leaf, element)
        case _:
            yield entry, element
