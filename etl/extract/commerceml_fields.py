"""Dispatch tables: which element goes into which column; and the scope that a record is read in.

A table is `Fields({tag: Put})`. Elements of one shape (the same tags in the same order) are read by one `Plan`, made when the
shape is met for the first time: which token goes where. A Put adds its steps to the plan. So a file of a million like
records costs what its values cost. The tables themselves stand in `etl.extract.commerceml`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any, NamedTuple

from etl import tables
from etl.extract import commerceml_values as values
from etl.extract.commerceml_tokens import Tokens, Unit, is_empty, local

Row = dict[str, Any]
Convert = Callable[[str], Any]
_SHAPES = 1000                   # plans of one table; a file of ever new shapes must not fill the memory
_LONGEST_SHAPE = 2000


class Uneven(Exception):
    """The tokens are not one element from its start to its end."""


class Problem(NamedTuple):
    """What is wrong with a value, in Russian. With severity "reject" the whole record is left out."""

    message: str
    value: object = None
    severity: str = "reject"


#: (row, text, tag) of an element; returns what is wrong with it
Handler = Callable[[Row, str, str], Problem | None]
#: (row, name, text, scope) of a pair
Give = Callable[[Row, str, str, "Scope"], Problem | None]
#: (row, row of the element, unit, index of its start tag, scope)
Attach = Callable[[Row, Row, Unit, int, "Scope"], None]


@dataclass(slots=True)
class Node:
    """An element of a shape: its local name, the indices of its start and end tags, its children."""

    name: str
    first: int
    last: int
    empty: bool = False
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """The steps of one shape, by indices of tokens, for one row."""

    texts: list[tuple[int, str]] = field(default_factory=list)
    converted: list[tuple[int, str, Convert]] = field(default_factory=list)
    unreadable: dict[int, tuple[str, str]] = field(default_factory=dict)    # of a converted token: what it should be, severity
    handled: list[tuple[int, Handler]] = field(default_factory=list)
    pairs: list[tuple[int, int, Give]] = field(default_factory=list)        # name (-1: none), value
    rows: list[tuple[Attach, int, Plan]] = field(default_factory=list)
    lines: int = -1                                                         # where the lines of a document stand


Put = Callable[[Node, Plan], None]


class Value:
    """A Put for an element that has a text; children it should not have are skipped. `handle` may also be called by itself."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle

    def __call__(self, node: Node, plan: Plan) -> None:
        if not node.empty:
            plan.handled.append((node.first, self.handle))


class _Text(Value):
    def __init__(self, column: str) -> None:
        super().__init__(self._handle)
        self.column = column

    def __call__(self, node: Node, plan: Plan) -> None:
        if not node.empty:
            plan.texts.append((node.first, self.column))

    def _handle(self, row: Row, text: str, _tag: str) -> None:
        if raw := text.strip():
            row[self.column] = raw


class _Converted(Value):
    def __init__(self, column: str, convert: Convert, what: str, severity: str) -> None:
        super().__init__(self._handle)
        self.column, self.convert, self.rule = column, convert, (what, severity)

    def __call__(self, node: Node, plan: Plan) -> None:
        if not node.empty:
            plan.converted.append((node.first, self.column, self.convert))
            plan.unreadable[node.first] = self.rule

    def _handle(self, row: Row, text: str, _tag: str) -> Problem | None:
        if raw := text.strip():
            try:
                row[self.column] = self.convert(raw)
            except ValueError:
                return _unreadable(raw, *self.rule)
        return None


def _unreadable(raw: str, what: str, severity: str) -> Problem:
    said = "Запись отклонена, исправьте её в 1С." if severity == "reject" else "Значение пропущено, исправьте его в 1С."
    return Problem(f"«{raw[:60]}» не {what}. {said}", raw, severity)


class Scope:
    """What is being read: rows not yet handed out, facts of the file, and the record at hand for its issues."""

    def __init__(self, source: Tokens) -> None:
        self.source, self.file = source, source.name
        self.rows: defaultdict[str, list[tables.Record]] = defaultdict(list)
        self.size = 0                                          # rows not yet handed out
        self.counts: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.groups: dict[str, str] = {}                       # Ид of a group -> path
        self.properties: dict[str, tuple[str, dict[str, str]]] = {}
        self.price_types: dict[str, tables.Record] = {}
        self.numbers: dict[str, str] = {}                      # Ид of a document -> Номер, the last ones only
        self.seen: set[int] = set()                            # accounts and contacts already handed out
        self.entity, self.rejected = "", False
        self.above: list[str] = []                             # the elements around the outermost record
        self.top = 0                                           # its first token
        self.record = Unit([], [], 0)                      # the record at hand
        self._found: list[tables.Record] = []                  # its issues

    def add(self, table: str, row: tables.Record) -> None:
        """A finished row of a canonical table."""
        self.rows[table].append(row)
        self.size += 1

    def extend(self, table: str, rows: Sequence[tables.Record]) -> None:
        """Finished rows of a canonical table."""
        self.rows[table] += rows
        self.size += len(rows)

    def take(self) -> dict[str, list[tables.Record]]:
        """The rows collected so far; they are handed out once."""
        taken, self.rows, self.size = self.rows, defaultdict(list), 0
        return taken

    def begin(self, entity: str, unit: Unit) -> None:
        """A new record. Nothing is added for it before all its values are read, so a rejected one leaves only issues."""
        self.entity, self.rejected, self.record = entity, False, unit

    def problem(self, problem: Problem, unit: Unit | None = None, index: int = 0) -> None:
        """An issue at an element, or at the whole record: the place is its path and line."""
        self.rejected = self.rejected or problem.severity == "reject"
        path, number = self.source.find(self.top, (unit or self.record).token(index))
        self._found.append(tables.issue(problem.message, severity=problem.severity, file=self.file, entity=self.entity, field=path[-1],
                                        place=f"{'/'.join([*self.above, *path])}, строка {number}", value=problem.value))

    def settle(self, key: str | None) -> None:
        """The record is read: its issues get its number or Ид."""
        if self._found:
            for found in self._found:
                self.add("issues", {**found, "key": key})
            self._found = []

    def line(self, unit: Unit, index: int = 0) -> str:
        """Where the element with that start tag stands, for people."""
        return f"строка {self.source.line_of(unit, index)}"


class Fields:
    """A dispatch table by local name; elements that it does not name are skipped."""

    def __init__(self, table: Mapping[str, Put]) -> None:
        self.table = dict(table)
        self.plans: dict[tuple[str, ...], Plan] = {}
        self.latest: tuple[list[str], Plan] = ([], Plan())                      # of like neighbours no hash is needed

    def add(self, tag: str, put: Put) -> None:
        """One more element: for a table that refers to itself."""
        self.table[tag] = put

    def extend(self, node: Node, plan: Plan) -> Plan:
        """The steps of the children of an element."""
        for child in node.children:
            if (put := self.table.get(child.name)) is not None:
                put(child, plan)
        return plan

    def plan(self, unit: Unit) -> Plan:
        """The plan for a whole element. Raises Uneven."""
        if unit.tags == self.latest[0]:
            return self.latest[1]
        plan = self.plans.get(tuple(unit.tags)) or self.learn(unit)
        self.latest = unit.tags, plan
        return plan

    def learn(self, unit: Unit) -> Plan:
        """A plan for a shape not met before. Raises Uneven."""
        plan = self.extend(_tree(unit), Plan())
        if len(unit.tags) <= _LONGEST_SHAPE:
            if len(self.plans) >= _SHAPES:
                self.plans.clear()
            self.plans[tuple(map(intern, unit.tags))] = plan                    # shapes share their few tags
        return plan


def _tree(unit: Unit) -> Node:
    root = Node("", 0, len(unit.tags) - 1)
    open_nodes = [root]
    for index, tag in enumerate(unit.tags):
        if not open_nodes or (index and open_nodes == [root]):
            raise Uneven
        if tag[0] == "/":
            open_nodes.pop().last = index
            continue
        node = Node(local(tag), index, index, is_empty(tag))
        open_nodes[-1].children.append(node)
        if not node.empty:
            open_nodes.append(node)
    if open_nodes != [root]:
        raise Uneven
    return root.children[0]


def follow(plan: Plan, unit: Unit, scope: Scope, row: Row) -> Row:
    """The steps of a plan. Returns the row."""
    texts = unit.texts
    for index, column in plan.texts:
        if raw := texts[index].strip():
            row[column] = raw
    for index, column, convert in plan.converted:
        if raw := texts[index].strip():
            try:
                row[column] = convert(raw)
            except ValueError:
                scope.problem(_unreadable(raw, *plan.unreadable[index]), unit, index)
    for index, handle in plan.handled:
        if problem := handle(row, texts[index], unit.tags[index]):
            scope.problem(problem, unit, index)
    for named, index, give in plan.pairs:
        if problem := give(row, texts[named].strip() if named >= 0 else "", texts[index], scope):
            scope.problem(problem, unit, index)
    for attach, index, inner in plan.rows:
        attach(row, follow(inner, unit, scope, {}), unit, index, scope)
    return row


# ---- one element, one column ---------------------------------------------------------------------------------------

def text(column: str) -> Value:
    """Text without the blanks around it; an empty element is absence."""
    return _Text(column)


def number(column: str) -> Value:
    """Money or quantity: a text that is no number rejects the record."""
    return _Converted(column, values.number, "число", "reject")


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
    return _Converted(column, values.currency, "валюта", "warn")


def _rate(row: Row, text: str, _tag: str) -> Problem | None:
    raw = text.strip()
    if not raw:
        return None
    try:
        row["vat_rate"], row["vat_exempt"] = values.rate(raw)
    except ValueError:
        row.setdefault("requisites", {})["Ставка"] = raw
        return Problem(f"Ставка НДС «{raw[:60]}» неизвестна и не учтена. Проверьте ставку в 1С.", raw, "warn")
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


def one(column: str, fields: Fields) -> Put:
    """A repeated element: a row of its own, appended to the list `row[column]`."""
    def attach(row: Row, found: Row, _unit: Unit, _index: int, _scope: Scope) -> None:
        row.setdefault(column, []).append(found)

    return row_of(fields, attach)


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
    """An element for a record reader of its own: a unit in the list `row[column]`."""
    def add(node: Node, plan: Plan) -> None:
        length = node.last - node.first

        def attach(row: Row, _found: Row, unit: Unit, index: int, _scope: Scope) -> None:
            row.setdefault(column, []).append(unit.part(index, index + length))

        plan.rows.append((attach, node.first, Plan()))

    return add
