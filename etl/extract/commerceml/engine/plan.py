"""What a table does with elements of one shape, the same tags in the same order: a plan.

A plan is remembered, so a file of a million like records costs what its values cost. It is put together from
the plans of the children, which are remembered, too: a record of a new shape mostly has children that are
known. Attributes make no difference to a shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from etl.extract.commerceml.engine.entries import (
    Aside,
    Attributed,
    Each,
    Either,
    Entry,
    Lines,
    Nested,
    Own,
    Pair,
    Table,
    Value,
    Worded,
)
from etl.extract.commerceml.engine.tags import bare, is_empty, is_end, local

Shape = tuple[bytes, ...]

#: a file of ever new shapes must not fill the memory: plans of one table, tokens of each; shapes met once
_PLANS, _LONGEST, _MET = 1000, 2000, 10_000
_PARTS, _LONGEST_PART = 300, 100
_TAGS, _LONG_TAG = 10_000, 300
_NONE = -1  # the index of a token that is not there


class Uneven(Exception):
    """The tokens are not one element from its start to its end."""


@dataclass(slots=True)
class Plan:
    """The steps of one shape by the element that each is for: the index of its start tag.

    It is counted from the start tag of the element whose row it is. What an element's text is, stands behind
    its start tag.
    """

    values: dict[int, Value] = field(default_factory=dict)
    later: dict[int, Value] = field(default_factory=dict)  # after the values, on which they may look
    pairs: dict[int, Named] = field(default_factory=dict)
    inner: dict[int, Inner] = field(default_factory=dict)
    lines: int = _NONE  # where the lines of a document stand

    def add(self, at: int, part: Plan) -> None:
        """The steps of an element that begins at `at`. In a loop each: most have one step of one kind."""
        for index, value in part.values.items():
            self.values[at + index] = value
        for index, value in part.later.items():
            self.later[at + index] = value
        for index, named in part.pairs.items():
            self.pairs[at + index] = named
        for index, inner in part.inner.items():
            self.inner[at + index] = inner
        if part.lines != _NONE:
            self.lines = at + part.lines


class Named(NamedTuple):
    """The step of a pair: the tokens of its name and values, from its start tag; -1 where there is none."""

    pair: Pair
    name: int
    values: tuple[int, ...]


class Inner(NamedTuple):
    """The step of an element that is more than a text: its words, the plan of its own row, its last token.

    All are counted from its own start tag.
    """

    entry: Own | Attributed | Worded | Aside
    last: int
    words: tuple[int, ...]
    plan: Plan


#: of an element that a table does not name
_NOTHING = Plan()


class Plans:
    """The plans of a table, or of a list, in which every element is treated alike."""

    def __init__(self, table: Table | Each) -> None:
        self.table = table
        self.known = _Memory(_PLANS, _LONGEST)
        self.parts = _Memory(_PARTS, _LONGEST_PART)
        self.leaves: dict[
            bytes, Value
        ] = {}  # children that are nothing but a text for a column, by their tag

    def plan(self, tags: list[bytes]) -> Plan:
        """The plan for elements of these tags. Raises Uneven."""
        shape = tuple(map(_BARE.__getitem__, tags))
        plan = self.known.get(shape)
        if plan is None:
            plan = self.put_together(shape)
            self.known.keep(shape, plan)
        return plan

    def put_together(self, shape: Shape) -> Plan:
        """A plan of the plans of its children. Raises Uneven."""
        plan = Plan()
        leaves = self.leaves
        for first, behind in _children(shape):
            leaf = leaves.get(shape[first]) if behind - first == 2 else None
            if leaf is not None:
                plan.values[first] = leaf
                continue
            part = self._part(shape[first:behind])
            if part is not _NOTHING:
                plan.add(first, part)
        return plan

    def _part(self, shape: Shape) -> Plan:
        """What is done with a child of that shape."""
        part = self.parts.get(shape)
        if part is None:
            part = self._learn(shape)
            self.parts.keep(shape, part)
            if len(shape) == 2 and 0 in part.values and len(self.leaves) < _PARTS:
                self.leaves[shape[0]] = part.values[0]
        return part

    def _learn(self, shape: Shape) -> Plan:
        """The same of one that is not known."""
        if isinstance(self.table, Each):
            return _steps(self.table.entry, shape)
        entry = self.table.entries.get(local(shape[0]))
        return _NOTHING if entry is None else _steps(entry, shape)


#: the plans of a table, kept as long as the program runs
plans_of = cache(Plans)


class _Memory(dict[Shape, Plan]):
    """Plans by shape. Only what is met again is kept: of ever new shapes nothing but a number is left."""

    def __init__(self, most: int, longest: int) -> None:
        super().__init__()
        self.most = most
        self.longest = longest
        self.met: set[int] = set()

    def keep(self, shape: Shape, plan: Plan) -> None:
        """A plan that was not known."""
        if len(shape) > self.longest:
            return
        mark = hash(shape)
        if mark not in self.met:
            if len(self.met) >= _MET:
                self.met.clear()
            self.met.add(mark)
            return
        if len(self) >= self.most:
            self.clear()
        self[shape] = plan


# ---- steps -------------------------------------------------------------------------------------------------


def _steps(entry: Entry, shape: Shape) -> Plan:
    """The steps of one element for the row around it. Raises Uneven."""
    last = len(shape) - 1
    match entry:
        case Value():
            return _value(entry, shape)
        case Pair():
            return _pairs(entry, shape)
        case Nested():
            return plans_of(entry.table).put_together(shape)
        case Each():
            plan = plans_of(entry).put_together(shape)
            if isinstance(entry, Lines):
                plan.lines = 0
            return plan
        case Either():
            has_children = len(shape) > 2
            return _steps(entry.structure if has_children else entry.leaf, shape)
        case Own() | Attributed():
            return _inner(Inner(entry, last, (), plans_of(entry.table).put_together(shape)))
        case Worded():
            words = [_text(0, len(shape)), *[behind - 1 for _, behind in _children(shape)]]
            return _inner(Inner(entry, last, tuple(words), _NOTHING))
        case Aside():
            return _inner(Inner(entry, last, (), _NOTHING))
    return _NOTHING


def _value(entry: Value, shape: Shape) -> Plan:
    if _text(0, len(shape)) == _NONE:
        return _NOTHING
    if entry.rank:
        return Plan(later={0: entry})
    return Plan(values={0: entry})


def _pairs(pair: Pair, shape: Shape) -> Plan:
    names = []
    texts = []
    for first, behind in _children(shape):
        names.append(local(shape[first]))
        texts.append(_text(first, behind))
    name, values = pair.split(names)
    token = _NONE if name is None else texts[name]
    return Plan(pairs={0: Named(pair, token, tuple(texts[number] for number in values))})


def _inner(inner: Inner) -> Plan:
    return Plan(inner={0: inner})


def _text(first: int, behind: int) -> int:
    """The token with the text of an element; an empty one has none."""
    return _NONE if behind - first == 1 else first


# ---- shapes ------------------------------------------------------------------------------------------------


class _Bare(dict[bytes, bytes]):
    """Tags without attributes by the tags as they are written; shapes share their few tags."""

    def __missing__(self, tag: bytes) -> bytes:
        found = bare(tag)
        if len(tag) >= _LONG_TAG:
            return found
        if len(self) >= _TAGS:
            self.clear()
        found = self.setdefault(found, found)
        self[tag] = found
        return found


class _Ends(dict[bytes, bytes]):
    """The end tag of a start tag; an empty element has none. Raises Uneven for an end tag."""

    def __missing__(self, tag: bytes) -> bytes:
        if is_end(tag):
            raise Uneven
        end = b"" if is_empty(tag) else b"/" + tag
        if len(self) < _TAGS:
            self[tag] = end
        return end


_BARE = _Bare()
_ENDS = _Ends()


def _children(shape: Shape) -> Iterator[tuple[int, int]]:
    """Where each child of an element begins, and where it is over. Raises Uneven.

    In a file of ever new shapes this is much of what takes the time. An element ends at the first end tag of
    its name, unless its like is nested in it.
    """
    end = _ENDS[shape[0]]
    if shape[-1] != end:
        if end or len(shape) > 1:
            raise Uneven
        return
    last = len(shape) - 1
    at = 1
    while at < last:
        end = _ENDS[shape[at]]
        behind = at + 2 if shape[at + 1] == end else _behind(shape, at, end)
        yield at, behind
        at = behind
    if at != last:
        raise Uneven


def _behind(shape: Shape, at: int, end: bytes) -> int:
    """Where the element at `at`, which has children or is empty, is over."""
    if not end:
        return at + 1
    try:
        found = shape.index(end, at + 1)
    except ValueError:
        raise Uneven from None
    tag = shape[at]
    if tag not in shape[at + 1 : found]:
        return found + 1
    depth = 0
    for index in range(at, len(shape)):
        if shape[index] == tag:
            depth += 1
        elif shape[index] == end:
            depth -= 1
        if not depth:
            return index + 1
    raise Uneven
