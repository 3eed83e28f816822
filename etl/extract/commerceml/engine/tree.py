"""The plain reading of a file: an lxml tree of each record, and its table followed from child to child.

It gives the same rows and issues as `fast`, at a tenth of the speed: it says what an entry means, property tests hold `fast`
against it, and it reads a file that `fast` stumbles over.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from lxml import etree

from etl import xml_safe
from etl.extract.commerceml.engine.entries import (
    INNER,
    Aside,
    Attributed,
    Each,
    Either,
    Entry,
    Kind,
    Lines,
    Nested,
    Own,
    Pair,
    Table,
    Value,
    Vocabulary,
    Worded,
)
from etl.extract.commerceml.engine.scope import Facts, Found, Problem, Row, Scope

Element = Any
#: elements around a record or in it, in the order of the file -> (which one in the file, its line)
Places = dict[Element, tuple[int, int]]


class _Step(NamedTuple):
    """What is to be done with an element; `rank`: see `entries`."""

    rank: int
    entry: Entry
    element: Element


def walk(scope: Scope, vocabulary: Vocabulary) -> Iterator[None]:
    """Read record after record into the scope; yields after each. Raises Rejected."""
    encoding = xml_safe.root(scope.stream, scope.file).encoding  # refuses a DOCTYPE
    parser = etree.XMLPullParser(events=("start", "end"), encoding="utf-8", **xml_safe.PARSER)
    reading = _Reading(scope, vocabulary)
    decoder = codecs.getincrementaldecoder(encoding.name)()
    text = io.IncrementalNewlineDecoder(decoder, translate=True)
    for chunk in xml_safe.chunks(scope.stream, encoding):
        scope.position += len(chunk)
        with xml_safe.refusing(scope.file):
            decoded = text.decode(chunk)
        for part in _parts(decoded):
            with xml_safe.refusing(scope.file):
                parser.feed(part.encode())
            reading.size += len(part.encode())
            for event, element in parser.read_events():
                if event == "start":
                    reading.opened(element)
                elif reading.closed(element):
                    yield
            reading.line += part.count("\n")
    with xml_safe.refusing(scope.file, end=True):
        parser.close()


def _parts(text: str) -> Iterator[str]:
    """A tag each: so the line of a tag is that where its part begins."""
    first, *others = text.split("<")
    yield first
    for other in others:
        yield f"<{other}"


class _Reading:
    """Where in the file the parser stands. Elements that are read, or are nobody's, leave the tree at once."""

    def __init__(self, scope: Scope, vocabulary: Vocabulary) -> None:
        self.scope = scope
        self.vocabulary = vocabulary
        self.path: list[str] = []
        self.record: Element = None
        self.places: Places = {}
        self.size = 0  # bytes since the record began
        self.line = 1
        self.too_long = False

    def opened(self, element: Element) -> None:
        name = xml_safe.local(element.tag)
        wanted = self.vocabulary.wanted(self.path)
        if self.record is None and name in wanted:
            self.record = element
            self.size = 0
            self.too_long = False
        if self.record is not None:
            self.places[element] = (len(self.places), self.line)
            return
        if wanted and name in self.vocabulary.containers:
            self.vocabulary.opened(name, element.attrib, self.scope)
        self.path.append(name)

    def closed(self, element: Element) -> bool:
        """Was a record read?"""
        self.too_long = self.too_long or (self.record is not None and self.size > xml_safe.MAX_RECORD)
        if self.record is not None and element is not self.record:
            if self.too_long:
                self._forget(element)
            return False
        name = xml_safe.local(element.tag)
        if self.record is None:
            self.path.pop()
            if name in self.vocabulary.words and self.path and self.path[-1] in self.vocabulary.containers:
                self.vocabulary.words[name](element.text or "", self.scope)
        else:
            self._read(name, self.vocabulary.records[name])
        read = self.record is not None
        self.record = None
        self.places.clear()
        self._forget(element)
        return read

    def _forget(self, element: Element) -> None:
        self.places.pop(element, None)
        element.clear()
        parent = element.getparent()
        while parent is not None and parent[0] is not element:
            del parent[0]

    def _read(self, name: str, kind: Kind) -> None:
        if self.too_long:
            self.scope.leave_out([*self.path, name], kind.counted, self.places[self.record][1])
            return
        if kind.deep:
            alike = [inner for inner in self.places if xml_safe.local(inner.tag) == name]
            self.scope.counts[kind.counted] += len(alike)
        elif kind.counted:
            self.scope.counts[kind.counted] += 1
        _read_record(kind, self.record, self, None)


def _read_record(kind: Kind, element: Element, reading: _Reading, told: str | None) -> None:
    """A record and, each on its own, the records inside it."""
    hand = _Record(kind.entity, element, reading)
    row: Row = {"place": f"строка {reading.places[element][1]}"}
    hand.read(kind.table, element, row)
    for name, value in kind.attributes.items():
        hand.report(element, value.handle(row, element.get(name, "")))
    inner = row.pop(INNER, ())
    reading.scope.hand = hand
    told_inside = kind.finish(row, reading.scope, told)
    for child in inner:
        _read_record(kind, child, reading, told_inside)


class _Record:
    """The record that is being read and finished."""

    def __init__(self, entity: str, element: Element, reading: _Reading) -> None:
        self.entity = entity
        self.element = element
        self.reading = reading
        self.facts: Facts = reading.scope.facts
        self.rejected = False
        self._problems: list[tuple[int, Element, Problem]] = []

    def note(self, problem: Problem) -> None:
        self.report(self.element, problem)

    def report(self, element: Element, problem: Problem | None) -> None:
        """What is wrong with an element, if anything is."""
        if problem is None:
            return
        if problem.severity == "reject":
            self.rejected = True
        self._problems.append((self.reading.places[element][0], element, problem))

    def found(self) -> Iterator[Found]:
        for _, element, problem in sorted(self._problems, key=itemgetter(0)):
            names = [xml_safe.local(element.tag)]
            outer = element
            while outer is not self.reading.record:
                outer = outer.getparent()
                names.insert(0, xml_safe.local(outer.tag))
            yield Found([*self.reading.path, *names], self.reading.places[element][1], problem)
        self._problems = []

    def read(self, table: Table, element: Element, row: Row) -> None:
        """The children of an element into a row."""
        for step in sorted(_steps(table, element), key=itemgetter(0)):
            self._do(step.entry, step.element, row)

    def _do(self, entry: Entry, element: Element, row: Row) -> None:
        match entry:
            case Value():
                self.report(element, entry.handle(row, _text(element)))
            case Pair():
                self._pair(entry, element, row)
            case Own():
                own: Row = {}
                self.read(entry.table, element, own)
                entry.join(row, own)
            case Attributed():
                own = {}
                self.read(entry.table, element, own)
                self.report(element, entry.join(row, own, element.attrib))
            case Worded():
                words = [element.text, *[child.tail for child in element]]
                word = next(filter(None, [(word or "").strip() for word in words]), "")
                entry.join(row, element.attrib, word)
            case Aside():
                row.setdefault(INNER, []).append(element)

    def _pair(self, pair: Pair, element: Element, row: Row) -> None:
        name, values = pair.split([xml_safe.local(child.tag) for child in element])
        named = "" if name is None else _text(element[name])
        for number in values:
            value = element[number]
            self.report(value, pair.give(row, named, _text(value), self.facts))


def _text(element: Element) -> str:
    return (element.text or "").strip()


def _steps(table: Table, element: Element) -> Iterator[_Step]:
    for child in element:
        entry = table.entries.get(xml_safe.local(child.tag))
        if entry is not None:
            yield from _steps_of(entry, child)


def _steps_of(entry: Entry, element: Element) -> Iterator[_Step]:
    match entry:
        case Value():
            yield _Step(1 if entry.looks_at_row else 0, entry, element)
        case Pair():
            yield _Step(2, entry, element)
        case Nested():
            yield from _steps(entry.table, element)
        case Each():
            for child in element:
                yield from _steps_of(entry.entry, child)
        case Lines():
            yield from _steps_of(entry.entry, element)
        case Either():
            yield from _steps_of(entry.structure if len(element) else entry.leaf, element)
        case _:
            yield _Step(3, entry, element)
