"""Lists: which records answer a request, in which order, in pages of 50 (bitrix24 §2.4, §10.3, 5 and 6).

The same engine serves every list method; what differs (unknown fields ignored or refused, offsets floored
or literal) is a parameter, because the real portal's method families differ so.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.lists.conditions import COMPARISONS, Compiler, Condition, Family, Order, Test
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, php_int

PAGE = 50
EXACT = ("", "=", "@")
#: fields that requests often ask for by value
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


@dataclass(frozen=True)
class Question:
    """One list request as it was understood."""

    core: Core
    table: str
    id_field: str
    family: Family
    conditions: list[Condition]
    order: Order

    @cached_property
    def tests(self) -> list[Test]:
        """What the conditions ask of a record."""
        return [condition.test for condition in self.conditions]

    def record(self, key: Any) -> Record | None:
        """The record of this key."""
        return self.core.store.get(self.table, key)

    def fitting(self, key: Any) -> Record | None:
        """The record of this key if it meets all conditions: asked of every candidate of every list."""
        record = self.core.store.get(self.table, key)
        if record is None:
            return None
        for test in self.tests:
            if not test(record):
                return None
        return record


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
    compiler = Compiler(core, types, rename or {}, family)
    conditions = compiler.conditions(params.get("filter"))
    order = compiler.order(params.get("order"))
    question = Question(core, table, id_field, family, conditions, order)
    start = php_int(params.get("start"))
    if start < 0 and paged:
        return Page(_first_page(question))
    keys = _all_keys(question, repr((params.get("filter"), order)))
    if not paged:
        return Page(_fetch(question, keys), len(keys))
    offset = start - start % PAGE if family.floored else start
    rows = _fetch(question, keys[offset : offset + PAGE])
    following = offset + len(rows)
    return Page(rows, len(keys), following if following < len(keys) else None)


def show_page(page: Page, show: Callable[[Record], Any]) -> Page:
    """The same page with every record as a reply shows it."""
    shown = [show(row) for row in page.result]
    return Page(shown, page.total, page.next)


def named_page(page: Page, name: str, show: Callable[[Record], Any]) -> Page:
    """The same for a method that gives its rows under a name."""
    shown = [show(row) for row in page.result]
    return Page({name: shown}, page.total, page.next)


def _fetch(question: Question, keys: Iterable[Any]) -> list[Record]:
    """The records of these keys."""
    records = [question.record(key) for key in keys]
    return [record for record in records if record is not None]


def _first_page(question: Question) -> list[Record]:
    """`start=-1`: no counting, so an order by id needs only as many rows as it shows."""
    if not question.order:
        return _fetch(question, _matching(question)[:PAGE])
    field, ascending = question.order[0]
    if field != question.id_field:
        return _fetch(question, _matching(question)[:PAGE])
    keys = _candidates(question)
    rows: list[Record] = []
    for key in keys if ascending else reversed(keys):
        record = question.fitting(key)
        if record is not None:
            rows.append(record)
            if len(rows) == PAGE:
                break
    return rows


def _all_keys(question: Question, asked: str) -> list[Any]:
    """All matching keys in order; pages of one question asked in a row are answered from memory."""
    listings = question.core.listings
    memory = (question.table, question.core.store.version(question.table), question.family, asked)
    found = listings.get(memory)
    if found is None:
        found = _matching(question)
        listings[memory] = found
        while len(listings) > CACHED_LISTINGS:
            oldest = next(iter(listings))
            listings.pop(oldest)
    return found


def _matching(question: Question) -> list[Any]:
    """Keys of all records that meet the conditions, in the order asked for."""
    keys = _candidates(question)
    if question.conditions:
        keys = [key for key in keys if question.fitting(key) is not None]
    if question.order:
        return _sorted(question, list(keys))
    if question.family.shuffled:
        return sorted(keys, key=_shuffle)
    return list(keys)


def _shuffle(key: Any) -> int:
    """A fixed order that looks like none (bitrix24 §10.3, 5)."""
    return php_int(key) * 2654435761 % 4294967291


def _sorted(question: Question, keys: list[Any]) -> list[Any]:
    """The keys by all sort fields, the first one counting most."""
    for field, ascending in reversed(question.order):
        by = None if field == question.id_field else _by_field(question, field)
        keys.sort(key=by, reverse=not ascending)
    return keys


def _by_field(question: Question, field: str) -> Callable[[Any], tuple[int, Decimal, str]]:
    """The sort key of one field."""
    get = question.core.store.get
    table = question.table

    def key_of(key: Any) -> tuple[int, Decimal, str]:
        record = get(table, key) or {}
        return sort_value(record.get(field))

    return key_of


def sort_value(value: Any) -> tuple[int, Decimal, str]:
    """Absence before numbers before texts."""
    if value is None or isinstance(value, (list, dict)):
        return (0, Decimal(0), "")
    try:
        return (1, Decimal(str(value)), "")
    except InvalidOperation:
        return (2, Decimal(0), str(value).casefold())


def _candidates(question: Question) -> list[Any]:
    """Keys worth testing: cut by id bounds, exact ids and indexed fields."""
    keys = question.core.store.keys(question.table)
    low, high = 0, len(keys)
    for condition in question.conditions:
        found = _looked_up(question, condition)
        if found is not None:
            return found
        if condition.field == question.id_field and condition.operator in COMPARISONS:
            low, high = _narrow(keys, low, high, condition)
    return keys if (low, high) == (0, len(keys)) else keys[low:high]


def _looked_up(question: Question, condition: Condition) -> list[Any] | None:
    """Keys of the records with exactly these values; None where the field is not one to look up."""
    values = condition.values
    if condition.operator not in EXACT or not values:
        return None
    if condition.field == question.id_field:
        wanted = set(map(php_int, values))
        return sorted(key for key in wanted if question.record(key) is not None)
    if condition.field not in INDEXED:
        return None
    found: set[Any] = set()
    for value in values:
        if value in (None, ""):
            return None
        found |= question.core.store.lookup(question.table, condition.field, value)
    return sorted(found)


def _narrow(keys: list[int], low: int, high: int, condition: Condition) -> tuple[int, int]:
    """The part of the ascending keys that one bound of the id leaves."""
    if len(condition.values) != 1:
        return low, high
    bound = php_int(condition.values[0])
    before = bisect_left(keys, bound)
    through = bisect_right(keys, bound)
    if condition.operator == ">":
        return max(low, through), high
    if condition.operator == ">=":
        return max(low, before), high
    if condition.operator == "<":
        return low, min(high, before)
    return low, min(high, through)
