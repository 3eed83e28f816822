"""What the `filter` and `order` of one list request mean: tests of records and sort keys.

Every filter operator of bitrix24 §3.2 is understood. Comparisons are those of the portal's database: letter
case is ignored, an absent number counts as 0, and absence compares with nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.fields import INT_TYPES, NUMBER_TYPES, TYPED_TEXT
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import RestError, as_list, as_map, php_int

#: a longer operator stands before its own beginning
OPERATORS = (
    "!=%",
    "!%=",
    "!><",
    "!@",
    "!=",
    "!%",
    "=%",
    "%=",
    ">=",
    "<=",
    "><",
    "!",
    "=",
    "%",
    "@",
    ">",
    "<",
)
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le}
CLEANED = NUMBER_TYPES | {"date", "datetime"}

Test = Callable[[Record], bool]
Order = list[tuple[str, bool]]  # (stored field, ascending)


@dataclass(frozen=True)
class Condition:
    """One condition of a filter: how it reads and, as `test`, what it asks of a record."""

    operator: str
    field: str
    values: tuple[Any, ...]
    test: Test


@dataclass(frozen=True)
class Family:
    """How a method family treats lists.

    strict: unknown filter or order fields are refused; floored: offsets are rounded down to whole pages;
    shuffled: without an order the rows come in an order nobody should rely on; groups: nested AND/OR.
    """

    strict: bool = False
    floored: bool = True
    shuffled: bool = True
    groups: bool = False


OLD = Family()
ITEM = Family(strict=True, floored=False, groups=True)
PLAIN = Family(floored=False, shuffled=False)


class Compiler:
    """Turns the `filter` and `order` of one request into tests and sort keys."""

    def __init__(
        self, core: Core, types: Mapping[str, str], rename: Mapping[str, str], family: Family
    ) -> None:
        self.core = core
        self.types = types
        self.rename = rename
        self.family = family

    def order(self, given: Any) -> Order:
        """Stored fields to sort by, the first one first."""
        order: Order = []
        for name, direction in as_map(given).items():
            field = self._field(str(name), "order")
            ascending = str(direction).upper() != "DESC"
            if field is not None:
                order.append((field, ascending))
        return order

    def conditions(self, given: Any) -> list[Condition]:
        """All conditions of a filter. Raises RestError for an unknown field where the family is strict."""
        compiled = []
        for key, value in as_map(given).items():
            if _is_group(key):
                condition = self._group(value)
            else:
                condition = self._condition(key, value)
            if condition is not None:
                compiled.append(condition)
        return compiled

    def _field(self, name: str, place: str) -> str | None:
        """The stored field of this name; an unknown one is refused or passed over (bitrix24 §10.3, 4)."""
        stored = self.rename.get(name, name)
        for spelling in (stored, stored.upper()):
            if spelling in self.types:
                return spelling
        if self.family.strict:
            text = f"Invalid {place}: field '{name}' is not allowed in {place}"
            raise RestError(400, "INVALID_ARG_VALUE", text)
        return None

    def _group(self, given: Any) -> Condition | None:
        """A nested filter with its own AND or OR; only some families know it."""
        if not self.family.groups or not isinstance(given, (dict, list)):
            return None
        group = as_map(given)
        tests = [condition.test for condition in self.conditions(group)]
        logic = str(group.get("logic", "AND")).upper()
        together = _any_of(tests) if logic == "OR" else _all_of(tests)
        return Condition("group", "", (), together)

    def _condition(self, key: str, value: Any) -> Condition | None:
        """One entry of a filter; None where the portal passes it over without a word."""
        operator, name = split_operator(key)
        field = self._field(name, "filter")
        if field is None:
            return None
        kind = self.types[field]
        if isinstance(value, (list, dict)) and not value:
            return None  # PHP drops a condition with an empty array: such a list starts over
        given = as_list(value)
        if kind == "multifield":
            return Condition("multifield", field, (), _multifield_test(field, given))
        if "%" in operator and kind in TYPED_TEXT:
            return None
        if operator in COMPARISONS and value == "":
            return None
        values = tuple(_comparable(kind, one, self.core) for one in given) or (None,)
        test = make_test(operator, field, kind, values)
        return Condition(operator, field, values, test)


def _is_group(key: str) -> bool:
    """A nested filter has a number for a key, or says LOGIC."""
    return key.isdigit() or key.lower() == "logic"


def _all_of(tests: list[Test]) -> Test:
    """A test that passes where all pass."""
    return lambda row: all(test(row) for test in tests)


def _any_of(tests: list[Test]) -> Test:
    """A test that passes where one passes."""
    return lambda row: any(test(row) for test in tests)


def split_operator(key: str) -> tuple[str, str]:
    """`>=DATE_MODIFY` -> (">=", "DATE_MODIFY")."""
    for operator in OPERATORS:
        if key.startswith(operator):
            return operator, key.removeprefix(operator)
    return "", key


def _comparable(kind: str, value: Any, core: Core) -> Any:
    """A value of a filter in the form in which the field stores it."""
    if kind in INT_TYPES:
        return None if value in (None, "") else php_int(value)
    if kind == "char":
        return value if value in (None, "") else core.clean("char", value)
    if isinstance(value, (list, dict)):
        return str(php_int(value))
    if kind == "boolean":  # 1 and 0 are understood here, Y and N are not
        return int(value) if isinstance(value, bool) else value
    if kind in CLEANED:
        return core.clean(kind, value)
    return value


def make_test(operator: str, field: str, kind: str, values: tuple[Any, ...]) -> Test:
    """One condition as a function of a record."""
    if operator.startswith("!"):
        positive = make_test(operator[1:] or "=", field, kind, values)
        return lambda row: not positive(row)
    if operator in COMPARISONS:
        return _order_test(operator, field, kind, values)
    if "%" in operator:
        return _pattern_test(operator, field, values)
    if operator == "><" and len(values) == 2:
        low, high = values
        at_least = _order_test(">=", field, kind, (low,))
        at_most = _order_test("<=", field, kind, (high,))
        return _all_of([at_least, at_most])
    return _equality_test(field, kind, values)


def _plain(kind: str) -> Callable[[Any], Any]:
    """What values of this type are compared by."""
    if kind in INT_TYPES:
        return lambda value: value or 0
    if kind in NUMBER_TYPES:
        return lambda value: Decimal(0) if value in (None, "") else Decimal(str(value))
    return lambda value: "" if value is None else str(value).casefold()


def _equality_test(field: str, kind: str, values: tuple[Any, ...]) -> Test:
    """Whether the field, or one value of a multiple field, is one of these; no value equals absence."""
    plain = _plain(kind)
    wanted = {plain(value) for value in values}

    def test(row: Record) -> bool:
        value = row.get(field)
        if not isinstance(value, list):
            return plain(value) in wanted
        if not value:
            return plain(None) in wanted
        return any(plain(item) in wanted for item in value)

    return test


def _order_test(operator: str, field: str, kind: str, values: tuple[Any, ...]) -> Test:
    """Whether the field compares so with one of the values."""
    plain = _plain(kind)
    bounds = [plain(value) for value in values]
    compare = COMPARISONS[operator]

    def test(row: Record) -> bool:
        value = row.get(field)
        if value is None or isinstance(value, list):
            return False  # SQL: NULL compares with nothing
        found = plain(value)
        return any(compare(found, bound) for bound in bounds)

    return test


def _multifield_test(kind: str, values: list[Any]) -> Test:
    """Telephones and e-mails are found by their exact text only (bitrix24 §3.5)."""
    wanted = {str(value).casefold() for value in values}

    def test(row: Record) -> bool:
        for element in row.get("FM") or ():
            if element["TYPE_ID"] == kind and element["VALUE"].casefold() in wanted:
                return True
        return False

    return test


def _pattern_test(operator: str, field: str, values: tuple[Any, ...]) -> Test:
    """`%` looks for a part of the text, `=%` and `%=` take a pattern with `%` of its own."""
    expression = _part_of if operator == "%" else _like
    patterns = []
    for value in values:
        written = expression(str(value or ""))
        patterns.append(re.compile(written, re.IGNORECASE | re.DOTALL))

    def test(row: Record) -> bool:
        text = str(row.get(field) or "")
        return any(pattern.search(text) for pattern in patterns)

    return test


def _part_of(text: str) -> str:
    """The text itself, wherever it stands."""
    return re.escape(text)


def _like(text: str) -> str:
    """SQL's LIKE as a regular expression: `%` stands for any text."""
    parts = [re.escape(part) for part in text.split("%")]
    return f"^{'.*'.join(parts)}$"
