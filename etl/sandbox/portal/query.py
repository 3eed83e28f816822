"""Lists: filters with prefixes, orders, pages of 50.

The same engine serves every list method; what differs (unknown fields ignored or refused, offsets floored
or literal) is a parameter, because the real portal's method families differ so.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.fields import INT_TYPES, NUMBER_TYPES, TYPED_TEXT
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, php_int

PAGE = 50
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
INDEXED = frozenset(
    [
        "ORIGIN_ID",
        "XML_ID",
        "xmlId",
        "COMPANY_ID",
        "CONTACT_ID",
        "PARENT_ID_2",
        "OWNER_ID",
        "ENTITY_ID",
        "RQ_INN",
        "productId",
        "STAGE_ID",
        "EMAIL",
    ]
)
CACHED_LISTINGS = 8

Test = Callable[[Record], bool]


@dataclass(frozen=True)
class Condition:
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


def split_operator(key: str) -> tuple[str, str]:
    """`>=DATE_MODIFY` -> (">=", "DATE_MODIFY")."""
    for operator in OPERATORS:
        if key.startswith(operator):
            return operator, key[len(operator) :]
    return "", key


def select_rows(
    core: Core,
    table: str,
    types: Mapping[str, str],
    params: Mapping[str, Any],
    family: Family,
    *,
    id_field: str = "ID",
    rename: Mapping[str, str] | None = None,
    paged: bool = True,
) -> Page:
    """One page of stored records (as `result`), with `total` and `next` where the portal gives them.

    `types` maps stored names to field types; `rename` maps the names used by callers to stored names.
    """
    compiler = _Compiler(core, types, rename or {}, family)
    conditions = compiler.conditions(params.get("filter"))
    order = compiler.order(params.get("order"))
    start = php_int(params.get("start"))
    if start < 0 and paged:
        return Page(_first_page(core, table, conditions, order, id_field, family))
    keys = _all_keys(core, table, conditions, order, id_field, family, repr((params.get("filter"), order)))
    if not paged:
        return Page(_fetch(core, table, keys), len(keys))
    offset = start - start % PAGE if family.floored else start
    rows = _fetch(core, table, keys[offset : offset + PAGE])
    following = offset + len(rows)
    return Page(rows, len(keys), following if following < len(keys) else None)


def _fetch(core: Core, table: str, keys: Iterable[Any]) -> list[Record]:
    return [record for key in keys if (record := core.store.get(table, key)) is not None]


def _first_page(
    core: Core,
    table: str,
    conditions: list[Condition],
    order: list[tuple[str, bool]],
    id_field: str,
    family: Family,
) -> list[Record]:
    """`start=-1`: no counting, so an order by id needs only as many rows as it shows."""
    if order and order[0][0] == id_field:
        rows: list[Record] = []
        keys = _candidates(core, table, conditions, id_field)
        tests = [item.test for item in conditions]
        for key in keys if order[0][1] else reversed(keys):
            record = core.store.get(table, key)
            if record is not None and all(test(record) for test in tests):
                rows.append(record)
                if len(rows) == PAGE:
                    break
        return rows
    return _fetch(core, table, _matching(core, table, conditions, order, id_field, family)[:PAGE])


def _all_keys(
    core: Core,
    table: str,
    conditions: list[Condition],
    order: list[tuple[str, bool]],
    id_field: str,
    family: Family,
    question: str,
) -> list[Any]:
    """All matching keys in order; pages of one question asked in a row are answered from memory."""
    memory = (table, core.store.version(table), family, question)
    found = core.listings.get(memory)
    if found is None:
        found = _matching(core, table, conditions, order, id_field, family)
        core.listings[memory] = found
        while len(core.listings) > CACHED_LISTINGS:
            core.listings.pop(next(iter(core.listings)))
    return found


def _matching(
    core: Core,
    table: str,
    conditions: list[Condition],
    order: list[tuple[str, bool]],
    id_field: str,
    family: Family,
) -> list[Any]:
    keys = _candidates(core, table, conditions, id_field)
    tests = [item.test for item in conditions]
    if tests:
        get = core.store.get
        keys = [
            key for key in keys if (row := get(table, key)) is not None and all(test(row) for test in tests)
        ]
    if not order:
        return sorted(keys, key=_shuffle) if family.shuffled else list(keys)
    return _sorted(core, table, list(keys), order, id_field)


def _shuffle(key: Any) -> int:
    """A fixed order that looks like none."""
    return php_int(key) * 2654435761 % 4294967291


def _sorted(
    core: Core, table: str, keys: list[Any], order: list[tuple[str, bool]], id_field: str
) -> list[Any]:
    for field, ascending in reversed(order):
        if field == id_field:
            keys.sort(reverse=not ascending)
        else:
            keys.sort(
                key=lambda key: sort_value((core.store.get(table, key) or {}).get(field)),
                reverse=not ascending,
            )
    return keys


def sort_value(value: Any) -> tuple[int, Decimal, str]:
    if value is None or isinstance(value, (list, dict)):
        return (0, Decimal(0), "")
    try:
        return (1, Decimal(str(value)), "")
    except InvalidOperation:
        return (2, Decimal(0), str(value).casefold())


def _candidates(core: Core, table: str, conditions: list[Condition], id_field: str) -> list[Any]:
    """Keys worth testing: cut by id bounds, exact ids and indexed fields."""
    keys = core.store.keys(table)
    low, high = 0, len(keys)
    for item in conditions:
        exact = item.operator in ("", "=", "@") and item.values
        if item.field == id_field:
            if exact:
                wanted = {php_int(value) for value in item.values}
                return sorted(key for key in wanted if core.store.get(table, key) is not None)
            if len(item.values) == 1 and item.operator in (">", ">=", "<", "<="):
                low, high = _narrow(keys, low, high, item.operator, php_int(item.values[0]))
        elif exact and item.field in INDEXED and all(value not in (None, "") for value in item.values):
            found = set().union(*(core.store.lookup(table, item.field, value) for value in item.values))
            return sorted(found)
    return keys if (low, high) == (0, len(keys)) else keys[low:high]


def _narrow(keys: list[int], low: int, high: int, operator: str, bound: int) -> tuple[int, int]:
    if operator == ">":
        return max(low, bisect_right(keys, bound)), high
    if operator == ">=":
        return max(low, bisect_left(keys, bound)), high
    return low, min(high, bisect_left(keys, bound) if operator == "<" else bisect_right(keys, bound))


class _Compiler:
    """Turns the `filter` and `order` of one request into tests and sort keys."""

    def __init__(
        self, core: Core, types: Mapping[str, str], rename: Mapping[str, str], family: Family
    ) -> None:
        self.core, self.types, self.rename, self.family = core, types, rename, family

    def _field(self, name: str, place: str) -> str | None:
        stored = self.rename.get(name, name)
        if stored in self.types:
            return stored
        if stored.upper() in self.types:
            return stored.upper()
        if self.family.strict:
            raise RestError(
                400, "INVALID_ARG_VALUE", f"Invalid {place}: field '{name}' is not allowed in {place}"
            )
        return None

    def order(self, order: Any) -> list[tuple[str, bool]]:
        pairs = []
        for name, direction in as_map(order).items():
            field = self._field(str(name), "order")
            if field is not None:
                pairs.append((field, str(direction).upper() != "DESC"))
        return pairs

    def conditions(self, given: Any) -> list[Condition]:
        compiled = []
        for key, value in as_map(given).items():
            if key.isdigit() or key.lower() == "logic":
                if self.family.groups and isinstance(value, (dict, list)):
                    compiled.append(Condition("group", "", (), self.group(as_map(value))))
                continue
            condition = self.condition(key, value)
            if condition is not None:
                compiled.append(condition)
        return compiled

    def group(self, group: dict[str, Any]) -> Test:
        tests = [item.test for item in self.conditions(group)]
        if str(group.get("logic", "AND")).upper() == "OR":
            return lambda row: any(test(row) for test in tests)
        return lambda row: all(test(row) for test in tests)

    def condition(self, key: str, value: Any) -> Condition | None:
        operator, name = split_operator(key)
        field = self._field(name, "filter")
        if field is None:
            return None
        kind = self.types[field]
        if isinstance(value, (list, dict)) and not value:
            return None  # PHP drops a condition with an empty array: such a list starts over
        if kind == "multifield":
            return Condition("multifield", field, (), _multifield_test(field, as_list(value)))
        if "%" in operator and kind in TYPED_TEXT:
            return None
        if operator in (">", ">=", "<", "<=") and value == "":
            return None
        values = tuple(_comparable(kind, one, self.core) for one in as_list(value)) or (None,)
        return Condition(operator, field, values, make_test(operator, field, kind, values))


def _comparable(kind: str, value: Any, core: Core) -> Any:
    if kind in INT_TYPES:
        return None if value in (None, "") else php_int(value)
    if kind == "char":
        return value if value in (None, "") else core.clean("char", value)
    if isinstance(value, (list, dict)):
        return str(php_int(value))
    if kind == "boolean":
        return (
            int(value) if isinstance(value, bool) else value
        )  # 1 and 0 are understood here, Y and N are not
    return core.clean(kind, value) if kind in ("date", "datetime", "double", "amount") else value


def make_test(operator: str, field: str, kind: str, values: tuple[Any, ...]) -> Test:
    """One condition as a function of a record."""
    if operator.startswith("!"):
        positive = make_test(operator[1:] or "=", field, kind, values)
        return lambda row: not positive(row)
    if operator in (">", ">=", "<", "<="):
        return _order_test(operator, field, kind, values)
    if "%" in operator:
        return _pattern_test(operator, field, values)
    if operator == "><" and len(values) == 2:
        low = _order_test(">=", field, kind, values[:1])
        high = _order_test("<=", field, kind, values[1:])
        return lambda row: low(row) and high(row)
    return _equality_test(field, kind, values)


def _plain(kind: str) -> Callable[[Any], Any]:
    if kind in INT_TYPES:
        return lambda value: value or 0
    if kind in NUMBER_TYPES:
        return lambda value: Decimal(str(value)) if value not in (None, "") else Decimal(0)
    return lambda value: "" if value is None else str(value).casefold()


def _equality_test(field: str, kind: str, values: tuple[Any, ...]) -> Test:
    plain = _plain(kind)
    wanted = {plain(value) for value in values}

    def test(row: Record) -> bool:
        value = row.get(field)
        if isinstance(value, list):
            return any(plain(item) in wanted for item in value) if value else plain(None) in wanted
        return plain(value) in wanted

    return test


def _order_test(operator: str, field: str, kind: str, values: tuple[Any, ...]) -> Test:
    plain = _plain(kind)
    bounds = [plain(value) for value in values]
    compare: Callable[[Any, Any], bool] = {
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
    }[operator]

    def test(row: Record) -> bool:
        value = row.get(field)
        if value is None or isinstance(value, list):
            return False  # SQL: NULL compares with nothing
        found = plain(value)
        return any(compare(found, bound) for bound in bounds)

    return test


def _multifield_test(kind: str, values: list[Any]) -> Test:
    """Telephones and e-mails are found by their exact text only."""
    wanted = {str(value).casefold() for value in values}
    return lambda row: any(
        item["TYPE_ID"] == kind and item["VALUE"].casefold() in wanted for item in row.get("FM") or ()
    )


def _pattern_test(operator: str, field: str, values: tuple[Any, ...]) -> Test:
    """`%` looks for a part of the text, `=%` and `%=` take a pattern with `%` of its own."""
    patterns = []
    for value in values:
        text = str(value or "")
        body = re.escape(text) if operator == "%" else ".*".join(re.escape(part) for part in text.split("%"))
        patterns.append(re.compile(body if operator == "%" else f"^{body}$", re.IGNORECASE | re.DOTALL))
    return lambda row: any(pattern.search(str(row.get(field) or "")) for pattern in patterns)
