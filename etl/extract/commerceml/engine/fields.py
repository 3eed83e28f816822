"""Dispatch tables: which element goes into which column.

A table is `Fields({tag: Put})`. Elements of one shape (the same tags in the same order) are read by one `Plan`, made when the
shape is met for the first time: which token goes where. A Put adds its steps to the plan, and a step is done for all elements of
the shape that are at hand. So a file of a million like records costs what its values cost. The tables themselves stand in
`etl.extract.commerceml.read`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain

from etl.extract.commerceml.engine.columns import Attach, Node, Pair, Plan, Put, Report
from etl.extract.commerceml.engine.scope import Row, Scope
from etl.extract.commerceml.engine.tokens import bare, is_empty, is_end, local
from etl.extract.commerceml.engine.units import Column, Series, Uneven, Units

_SHAPES = 1000  # plans of one table; a file of ever new shapes must not fill the memory
_LONGEST_SHAPE = 2000
_TAGS, _LONG_TAG = 10_000, 300


class Fields:
    """A dispatch table by local name; elements that it does not name are skipped."""

    def __init__(self, table: Mapping[str, Put]) -> None:
        self.table = dict(table)
        self.tags: dict[bytes, bytes] = {}
        self.plans: dict[tuple[bytes, ...], Plan] = {}

    def add(self, tag: str, put: Put) -> None:
        """One more element: for a table that refers to itself."""
        self.table[tag] = put

    def extend(self, node: Node, plan: Plan) -> Plan:
        """The steps of the children of an element."""
        for child in node.children:
            if (put := self.table.get(child.name)) is not None:
                put(child, plan)
        return plan

    def plan(self, shape: list[bytes]) -> Plan:
        """The plan for elements of a shape; attributes make no difference. Raises Uneven."""
        known = tuple(map(self.tags.get, shape, shape))
        if (plan := self.plans.get(known)) is not None:
            return plan
        known = tuple(map(self._bare, shape))
        return self.plans.get(known) or self._learn(known)

    def _bare(self, tag: bytes) -> bytes:
        """A tag without attributes; shapes share their few tags."""
        found = self.tags.get(tag)
        if found is None:
            found = bare(tag)
            if len(self.tags) < _TAGS and len(tag) < _LONG_TAG:
                self.tags[tag] = self.tags.setdefault(found, found)
        return found

    def _learn(self, shape: tuple[bytes, ...]) -> Plan:
        plan = self.extend(_tree(shape), Plan())
        if len(shape) <= _LONGEST_SHAPE:
            if len(self.plans) >= _SHAPES:
                self.plans.clear()
                self.tags.clear()
            self.plans[shape] = plan
        return plan


def _tree(shape: tuple[bytes, ...]) -> Node:
    root = Node("", 0, len(shape) - 1)
    open_nodes = [root]
    for index, tag in enumerate(shape):
        if not open_nodes or (index and open_nodes == [root]):
            raise Uneven
        if is_end(tag):
            open_nodes.pop().last = index
            continue
        node = Node(local(tag), index, index, is_empty(tag))
        open_nodes[-1].children.append(node)
        if not node.empty:
            open_nodes.append(node)
    if open_nodes != [root]:
        raise Uneven
    return root.children[0]


def read(series: Series, scope: Scope, rows: list[Row]) -> list[Row]:
    """The values of a series into its rows, one for each element."""
    for units in series.shapes.values():
        if units.starts:  # a shape may have been looked at only
            _follow(units.plan, units, scope, [rows[number] for number in units.numbers])
    return rows


def _follow(plan: Plan, units: Units, scope: Scope, rows: list[Row]) -> list[Row]:
    """The steps of a plan, each for all rows."""
    if len(rows) == 1:
        return [_follow_alone(plan, units, scope, rows[0])]
    for index, value in chain(plan.values, plan.handled):
        value.take(rows, units.column(index), partial(scope.report, units, index))
    for named, index, pair in plan.pairs:
        _give(
            pair,
            rows,
            units.column(named),
            units.column(index),
            scope,
            partial(scope.report, units, index if index >= 0 else named),
        )
    for attach, index, inner in plan.rows:
        attach(rows, _follow(inner, units, scope, [{} for _ in rows]), units, index, scope)
    return rows


def _follow_alone(plan: Plan, units: Units, scope: Scope, row: Row) -> Row:
    """The same for the only element of a shape: in a file of ever new shapes a column of one text costs several times the text."""
    for index, value in chain(plan.values, plan.handled):
        if problem := value.handle(row, units.text(index)):
            scope.report(units, index, 0, problem)
    for named, index, pair in plan.pairs:
        if problem := pair.give(row, units.text(named), units.text(index), scope):
            scope.report(units, index if index >= 0 else named, 0, problem)
    for attach, index, inner in plan.rows:
        attach([row], [_follow_alone(inner, units, scope, {})], units, index, scope)
    return row


def _give(pair: Pair, rows: list[Row], names: Column, values: Column, scope: Scope, report: Report) -> None:
    if names.same:
        pair.take(rows, names.texts[0], values, scope, report)
        return
    for which, (row, name, value) in enumerate(zip(rows, names.texts, values.texts, strict=True)):
        if problem := pair.give(row, name, value, scope):
            report(which, problem)


# ---- elements with children ----------------------------------------------------------------------------------------


def each(put: Put) -> Put:
    """A list element: `put` for each of its children."""

    def add(node: Node, plan: Plan) -> None:
        for child in node.children:
            put(child, plan)

    return add


def nested(fields: Fields) -> Put:
    """An element whose children go into the same row."""

    def add(node: Node, plan: Plan) -> None:
        fields.extend(node, plan)

    return add


def row_of(fields: Fields, attach: Attach) -> Put:
    """An element with a row of its own, which `attach` joins to the row around it."""

    def add(node: Node, plan: Plan) -> None:
        plan.rows.append((attach, node.first, fields.extend(node, Plan())))

    return add


def joined(fields: Fields, join: Callable[[Row, Row], None]) -> Put:
    """As `row_of`, for a rule that needs nothing but the row and the element's."""

    def attach(rows: list[Row], found: list[Row], _units: Units, _index: int, _scope: Scope) -> None:
        for row, own in zip(rows, found, strict=True):
            join(row, own)

    return row_of(fields, attach)


def one(column: str, fields: Fields) -> Put:
    """A repeated element: a row of its own, appended to the list `row[column]`."""

    def join(row: Row, own: Row) -> None:
        row.setdefault(column, []).append(own)

    return joined(fields, join)


def listed(column: str, fields: Fields) -> Put:
    """A list element: a row of its own for each child, in the list `row[column]`."""
    return each(one(column, fields))


def lines(column: str, fields: Fields) -> Put:
    """Товары of a document: `listed`, and the plan knows where they stand."""
    put = listed(column, fields)

    def add(node: Node, plan: Plan) -> None:
        plan.lines = node.first
        put(node, plan)

    return add


def aside(column: str) -> Put:
    """An element for a record reader of its own: where in the window it begins and ends, in the list `row[column]`."""

    def add(node: Node, plan: Plan) -> None:
        length = node.last - node.first

        def attach(rows: list[Row], _found: list[Row], units: Units, index: int, _scope: Scope) -> None:
            for which, row in enumerate(rows):
                first = units.at(which, index)
                row.setdefault(column, []).append((first, first + length))

        plan.rows.append((attach, node.first, Plan()))

    return add
