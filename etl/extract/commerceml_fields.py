"""Dispatch tables: which element goes into which column.

A table is `Fields({tag: Put})`. Elements of one shape (the same tags in the same order) are read by one `Plan`, made when the
shape is met for the first time: which token goes where. A Put adds its steps to the plan, and a step is done for all elements of
the shape that are at hand. So a file of a million like records costs what its values cost. The tables themselves stand in
`etl.extract.commerceml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from etl.extract import commerceml_values as values
from etl.extract.commerceml_scope import Problem, Row, Scope
from etl.extract.commerceml_tokens import bare, is_empty, is_end, local
from etl.extract.commerceml_units import Column, Series, Uneven, Units

Convert = Callable[[str], object]
_SHAPES = 1000                   # plans of one table; a file of ever new shapes must not fill the memory
_LONGEST_SHAPE = 2000

#: (row, text) of an element; returns what is wrong with it
Handler = Callable[[Row, str], Problem | None]
#: (number of the row, what is wrong)
Report = Callable[[int, Problem], None]
#: (rows, texts, report) of like elements
Take = Callable[[list[Row], Column, Report], None]
#: (rows, rows of the elements in them, units, index of the elements' start tags, scope)
Attach = Callable[[list[Row], list[Row], Units, int, Scope], None]


@dataclass(slots=True)
class Node:
    """An element of a shape: its local name, the indices of its start and end tags, its children."""

    name: str
    first: int
    last: int
    empty: bool = False
    children: list[Node] = field(default_factory=list)


class Pair:
    """What to do with a name and a value: `give(row, name, value, scope)`, which returns what is wrong."""

    def __init__(self, give: Callable[[Row, str, str, Scope], Problem | None]) -> None:
        self.give = give

    def take(self, rows: list[Row], name: str, column: Column, scope: Scope, report: Report) -> None:
        """The values of rows in which the name is the same."""
        for which, (row, text) in enumerate(zip(rows, column.texts, strict=True)):
            if problem := self.give(row, name, text, scope):
                report(which, problem)


@dataclass(slots=True)
class Plan:
    """The steps of one shape, by indices of tokens."""

    values: list[tuple[int, Take]] = field(default_factory=list)
    handled: list[tuple[int, Take]] = field(default_factory=list)           # after the values, on which they may look
    pairs: list[tuple[int, int, Pair]] = field(default_factory=list)        # name, value; -1 where there is none
    rows: list[tuple[Attach, int, Plan]] = field(default_factory=list)
    lines: int = -1                                                         # where the lines of a document stand


Put = Callable[[Node, Plan], None]


class Value:
    """A Put for an element that has a text; children it should not have are skipped. `handle` is for one of them."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle

    def __call__(self, node: Node, plan: Plan) -> None:
        if not node.empty:
            plan.handled.append((node.first, self.take))

    def take(self, rows: list[Row], column: Column, report: Report) -> None:
        """The texts of like elements."""
        handle = self.handle
        for which, (row, text) in enumerate(zip(rows, column.texts, strict=True)):
            if problem := handle(row, text):
                report(which, problem)


class _Text(Value):
    def __init__(self, column: str) -> None:
        super().__init__(self._handle)
        self.column = column

    def __call__(self, node: Node, plan: Plan) -> None:
        if not node.empty:
            plan.values.append((node.first, self.take))

    def take(self, rows: list[Row], column: Column, _report: Report) -> None:
        if not column.same:
            for row, text in zip(rows, column.texts, strict=True):
                if text:
                    row[self.column] = text
        elif text := column.texts[0]:
            for row in rows:
                row[self.column] = text

    def _handle(self, row: Row, text: str) -> None:
        if text:
            row[self.column] = text


class _Converted(_Text):
    def __init__(self, column: str, convert: Convert, what: str, severity: str) -> None:
        super().__init__(column)
        self.convert, self.what, self.severity = convert, what, severity
        self.handle = self._convert

    def take(self, rows: list[Row], column: Column, report: Report) -> None:
        if column.same and (text := column.texts[0]):
            made: Row = {}
            if not self._convert(made, text):
                for row in rows:
                    row.update(made)
                return
        convert, name = self.convert, self.column
        for which, (row, text) in enumerate(zip(rows, column.texts, strict=True)):
            if text:
                try:
                    row[name] = convert(text)
                except ValueError:
                    report(which, self._problem(text))

    def _convert(self, row: Row, text: str) -> Problem | None:
        if text:
            try:
                row[self.column] = self.convert(text)
            except ValueError:
                return self._problem(text)
        return None

    def _problem(self, text: str) -> Problem:
        said = "Запись отклонена, исправьте её в 1С." if self.severity == "reject" else "Значение пропущено, исправьте его в 1С."
        return Problem(f"«{text[:60]}» не {self.what}. {said}", text, self.severity)


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
        known = tuple(shape)
        return self.plans.get(known) or self._like(tuple(map(bare, shape)))

    def _like(self, shape: tuple[bytes, ...]) -> Plan:
        return self.plans.get(shape) or self._learn(shape)

    def _learn(self, shape: tuple[bytes, ...]) -> Plan:
        plan = self.extend(_tree(shape), Plan())
        if len(shape) <= _LONGEST_SHAPE:
            if len(self.plans) >= _SHAPES:
                self.plans.clear()
                self.tags.clear()
            self.plans[tuple(self.tags.setdefault(tag, tag) for tag in shape)] = plan      # shapes share their few tags
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
        if units.starts:                                    # a shape may have been looked at only
            _follow(units.plan, units, scope, [rows[number] for number in units.numbers])
    return rows


def _follow(plan: Plan, units: Units, scope: Scope, rows: list[Row]) -> list[Row]:
    """The steps of a plan, each for all rows."""
    for index, take in chain(plan.values, plan.handled):
        take(rows, units.column(index), partial(scope.report, units, index))
    for named, index, pair in plan.pairs:
        _give(pair, rows, units.column(named), units.column(index), scope, partial(scope.report, units, index if index >= 0 else named))
    for attach, index, inner in plan.rows:
        attach(rows, _follow(inner, units, scope, [{} for _ in rows]), units, index, scope)
    return rows


def _give(pair: Pair, rows: list[Row], names: Column, values: Column, scope: Scope, report: Report) -> None:
    if names.same:
        pair.take(rows, names.texts[0], values, scope, report)
        return
    for which, (row, name, value) in enumerate(zip(rows, names.texts, values.texts, strict=True)):
        if problem := pair.give(row, name, value, scope):
            report(which, problem)


# ---- one element, one column ---------------------------------------------------------------------------------------

def text(column: str) -> Value:
    """Text without the blanks around it; an empty element is absence."""
    return _Text(column)


def number(column: str, severity: str = "reject") -> Value:
    """Money or quantity: a text that is no number rejects the record, or is left out with a warning."""
    return _Converted(column, values.number, "число", severity)


def date(column: str) -> Value:
    """A date; an unreadable one is absent with a warning."""
    return _Converted(column, values.date, "дата", "warn")


def time(column: str) -> Value:
    """Time of day."""
    return _Converted(column, values.time, "время", "warn")


def flag(column: str) -> Value:
    """true or false."""
    return _Converted(column, values.flag, "«да» или «нет»", "warn")


def guid(column: str) -> Value:
    """An identifier."""
    return _Converted(column, values.guid, "идентификатор", "reject")


def reference(column: str) -> Value:
    """An identifier that many records share."""
    return _Converted(column, values.reference, "идентификатор", "reject")


def currency(column: str) -> Value:
    """A currency as its ISO code."""
    return _Converted(column, values.currency, "известная валюта", "warn")


def note(text: str, mark: str) -> Value:
    """A text without a column, kept as `row[text][mark]`."""
    def handle(row: Row, words: str) -> None:
        if words:
            row.setdefault(text, {})[mark] = words

    return Value(handle)


def _deletion(row: Row, text: str) -> Problem | None:
    found: Row = {}
    problem = _MARK.handle(found, text)
    if found:
        row["deleted"] = found["deleted"] or row.get("deleted", False)
    return problem


_MARK = flag("deleted")
#: ПометкаУдаления, in any of its places: one that says so is enough (commerceml §14.4)
deletion = Value(_deletion)


def _rate(row: Row, text: str) -> Problem | None:
    if not text:
        return None
    try:
        row["vat_rate"], row["vat_exempt"] = values.rate(text)
    except ValueError:
        row.setdefault("requisites", {})["Ставка"] = text
        return Problem(f"Ставка НДС «{text[:60]}» неизвестна и не учтена. Проверьте ставку в 1С.", text, "warn")
    return None


#: Ставка of VAT into vat_rate or vat_exempt. One that cannot be read stays in the requisites as it was.
rate = Value(_rate)


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
