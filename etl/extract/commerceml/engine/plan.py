"""What a table does with elements of one shape, the same tags in the same order: a plan.

A plan is made when a shape is met for the first time and remembered, so a file of a million like records
costs what its values cost. Attributes make no difference to a shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

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
from etl.extract.commerceml.engine.tags import bare, read

_SHAPES = 1000  # plans of one table; a file of ever new shapes must not fill the memory
_LONGEST_SHAPE = 2000
_TAGS, _LONG_TAG = 10_000, 300
_NONE = -1  # the index of a token that is not there


class Uneven(Exception):
    """The tokens are not one element from its start to its end."""


@dataclass(slots=True)
class Node:
    """An element of a shape: its local name, the indices of its start and end tags, its children."""

    name: str
    first: int
    last: int
    empty: bool = False
    children: list[Node] = field(default_factory=list)

    @property
    def text(self) -> int:
        """The token with its text; -1 if it has none."""
        return _NONE if self.empty else self.first


@dataclass(slots=True)
class Plan:
    """The steps of one shape, each with the indices of the tokens that it looks at."""

    values: list[tuple[int, Value]] = field(default_factory=list)
    later: list[tuple[int, Value]] = field(default_factory=list)  # after the values, on which they may look
    pairs: list[tuple[int, int, Pair]] = field(default_factory=list)  # name, value; -1 where there is none
    inner: list[Inner] = field(default_factory=list)
    lines: int = _NONE  # where the lines of a document stand


@dataclass(slots=True)
class Inner:
    """The step of an element that is more than a text: its tokens, its words, the plan of its own row."""

    entry: Own | Attributed | Worded | Aside
    first: int
    last: int
    words: tuple[int, ...]
    plan: Plan


class Plans:
    """The plans of a table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.tags: dict[bytes, bytes] = {}
        self.known: dict[tuple[bytes, ...], Plan] = {}

    def plan(self, tags: list[bytes]) -> Plan:
        """The plan for elements of these tags. Raises Uneven."""
        shape = tuple(map(self.tags.get, tags, tags))
        plan = self.known.get(shape)
        if plan is not None:
            return plan
        shape = tuple(map(self._bare, tags))
        return self.known.get(shape) or self._learn(shape)

    def _bare(self, tag: bytes) -> bytes:
        """A tag without attributes; shapes share their few tags."""
        found = self.tags.get(tag)
        if found is None:
            found = bare(tag)
            if len(self.tags) < _TAGS and len(tag) < _LONG_TAG:
                self.tags[tag] = self.tags.setdefault(found, found)
        return found

    def _learn(self, shape: tuple[bytes, ...]) -> Plan:
        """A plan for a shape not met before. Ever new shapes must not fill the memory, nor long ones be
        kept.
        """
        plan = _extended(self.table, _tree(shape), Plan())
        if len(shape) > _LONGEST_SHAPE:
            return plan
        if len(self.known) >= _SHAPES:
            self.known.clear()
            self.tags.clear()
        self.known[shape] = plan
        return plan


#: the plans of a table, kept as long as the program runs
plans_of = cache(Plans)


def _tree(shape: tuple[bytes, ...]) -> Node:
    """The element that the tags make up. Raises Uneven.

    In a file of ever new shapes this is what takes the time.
    """
    name, _, empty = read(shape[0])
    root = Node(name, 0, 0, empty)
    around = [] if empty else [root]
    for index in range(1, len(shape)):
        if not around:
            raise Uneven
        name, end, empty = read(shape[index])
        if end:
            around.pop().last = index
            continue
        node = Node(name, index, index, empty)
        around[-1].children.append(node)
        if not empty:
            around.append(node)
    if around:
        raise Uneven
    return root


def _extended(table: Table, node: Node, plan: Plan) -> Plan:
    """A plan with the steps of the children of an element."""
    entries = table.entries
    for child in node.children:
        entry = entries.get(child.name)
        if entry is not None:
            _add(entry, child, plan)
    return plan


def _add(entry: Entry, node: Node, plan: Plan) -> None:
    """The steps of one element."""
    match entry:
        case Value():
            if not node.empty:
                steps = plan.later if entry.rank else plan.values
                steps.append((node.first, entry))
        case Pair():
            _add_pairs(entry, node, plan)
        case Nested():
            _extended(entry.table, node, plan)
        case Each():
            if isinstance(entry, Lines):
                plan.lines = node.first
            for child in node.children:
                _add(entry.entry, child, plan)
        case Either():
            _add(entry.structure if node.children else entry.leaf, node, plan)
        case Own() | Attributed():
            own = _extended(entry.table, node, Plan())
            plan.inner.append(Inner(entry, node.first, node.last, (), own))
        case Worded():
            words = (node.text, *[child.last for child in node.children])
            plan.inner.append(Inner(entry, node.first, node.last, words, Plan()))
        case Aside():
            plan.inner.append(Inner(entry, node.first, node.last, (), Plan()))


def _add_pairs(pair: Pair, node: Node, plan: Plan) -> None:
    children = node.children
    name, values = pair.split([child.name for child in children])
    named = _NONE if name is None else children[name].text
    for number in values:
        plan.pairs.append((named, children[number].text, pair))
