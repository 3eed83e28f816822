"""Handlers that put one element into one column, and the scope that a record is read in.

A dispatch table is `Fields({tag: handler})`; a handler is `put(row, element, scope)`. The tables themselves stand in
`etl.extract.commerceml`: that is where any element can be looked up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from etl import dialects, tables
from etl.extract import commerceml_values as values
from etl.xml_safe import local

Row = dict[str, Any]
Put = Callable[[Row, Any, "Scope"], None]

#: severity of a value that cannot be read: with "reject" the whole record is left out
Convert = Callable[[str], Any]
_KNOWN_TAGS = 2000


class Scope:
    """What is being read: rows not yet handed out, facts of the file, and the record at hand for its issues."""

    def __init__(self, file: str) -> None:
        self.file = file
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
        self._found: list[tables.Record] = []                  # issues of the record at hand

    def add(self, table: str, row: tables.Record) -> None:
        """A finished row of a canonical table."""
        self.rows[table].append(row)
        self.size += 1

    def take(self) -> dict[str, list[tables.Record]]:
        """The rows collected so far; they are handed out once."""
        taken, self.rows, self.size = self.rows, defaultdict(list), 0
        return taken

    def begin(self, entity: str) -> None:
        """A new record. Nothing is added for it before all its values are read, so a rejected one leaves only issues."""
        self.entity, self.rejected = entity, False

    def problem(self, element: Any, message: str, *, value: object = None, severity: str = "reject") -> None:
        """An issue at an element: the place is its path and line."""
        self.rejected = self.rejected or severity == "reject"
        self._found.append(tables.issue(message, severity=severity, file=self.file, place=place(element), entity=self.entity,
                                        field=local(element.tag), value=value))

    def settle(self, key: str | None) -> None:
        """The record is read: its issues get its number or Ид."""
        if self._found:
            for found in self._found:
                self.add("issues", {**found, "key": key})
            self._found = []


def place(element: Any) -> str:
    """«КоммерческаяИнформация/Документ/Сумма, строка 12»."""
    path = [local(element.tag), *(local(parent.tag) for parent in element.iterancestors())]
    return f"{'/'.join(reversed(path))}, {line(element)}"


def line(element: Any) -> str:
    """Where a record starts, for people."""
    return f"строка {element.sourceline}"


class Fields(dict[str, Put]):
    """A dispatch table by local name that learns the qualified tags of the file it meets."""

    def __missing__(self, tag: str) -> Put:
        put: Put = dict.get(self, local(tag), nothing)
        if len(self) < _KNOWN_TAGS:
            self[tag] = put
        return put


def fill(fields: Fields, element: Any, scope: Scope, row: Row | None = None) -> Row:
    """One pass over the children of an element. Returns the row."""
    filled: Row = {} if row is None else row
    for child in element:
        fields[child.tag](filled, child, scope)
    return filled


def nothing(_row: Row, _element: Any, _scope: Scope) -> None:
    """An element that no table needs."""


def _converted(column: str, convert: Convert, what: str, severity: str) -> Put:
    def put(row: Row, element: Any, scope: Scope) -> None:
        raw = element.text
        if raw is None or not (raw := raw.strip()):
            return
        try:
            row[column] = convert(raw)
        except ValueError:
            said = "Запись отклонена, исправьте её в 1С." if severity == "reject" else "Значение пропущено, исправьте его в 1С."
            scope.problem(element, f"«{raw[:60]}» не {what}. {said}", value=raw, severity=severity)

    return put


def text(column: str) -> Put:
    """Text without the blanks around it; an empty element is absence."""
    def put(row: Row, element: Any, _scope: Scope) -> None:
        raw = element.text
        if raw is not None and (raw := raw.strip()):
            row[column] = raw

    return put


def number(column: str) -> Put:
    """Money or quantity: a text that is no number rejects the record."""
    return _converted(column, values.number, "число", "reject")


def date(column: str) -> Put:
    """A date; an unreadable one is absent with a warning."""
    return _converted(column, values.date, "дата", "warn")


def time(column: str) -> Put:
    """Time of day."""
    return _converted(column, values.time, "время", "warn")


def flag(column: str) -> Put:
    """true or false."""
    return _converted(column, values.flag, "«да» или «нет»", "warn")


def guid(column: str) -> Put:
    """An identifier."""
    return _converted(column, values.guid, "идентификатор", "reject")


def currency(column: str) -> Put:
    """A currency as its ISO code."""
    return _converted(column, dialects.currency_code, "валюта", "warn")


def rate(row: Row, element: Any, scope: Scope) -> None:
    """Ставка of VAT into vat_rate or vat_exempt. One that cannot be read stays in the requisites as it was."""
    raw = (element.text or "").strip()
    if not raw:
        return
    try:
        row["vat_rate"], row["vat_exempt"] = values.rate(raw)
    except ValueError:
        row.setdefault("requisites", {})["Ставка"] = raw
        scope.problem(element, f"Ставка НДС «{raw[:60]}» неизвестна и не учтена. Проверьте ставку в 1С.", value=raw, severity="warn")


def each(put: Put) -> Put:
    """Handler of a list element: `put` for each of its children."""
    def put_all(row: Row, element: Any, scope: Scope) -> None:
        for child in element:
            put(row, child, scope)

    return put_all


def nested(fields: Fields) -> Put:
    """Handler that reads the children of an element into the same row."""
    def put(row: Row, element: Any, scope: Scope) -> None:
        for child in element:
            fields[child.tag](row, child, scope)

    return put


def listed(column: str, fields: Fields) -> Put:
    """Handler of a list element: a row of its own for each child, in the list `row[column]`."""
    def put_all(row: Row, element: Any, scope: Scope) -> None:
        row.setdefault(column, []).extend([fill(fields, child, scope) for child in element])

    return put_all


def one(column: str, fields: Fields) -> Put:
    """Handler of a repeated element: a row of its own, appended to the list `row[column]`."""
    def put(row: Row, element: Any, scope: Scope) -> None:
        row.setdefault(column, []).append(fill(fields, element, scope))

    return put


def pair(element: Any) -> tuple[str | None, list[Any]]:
    """A pair of CommerceML: (its name, type or Ид; its Значение elements). Of two children one tag tells both."""
    if len(element) == 2:
        first, second = element
        if first.tag.endswith("Значение"):
            first, second = second, first
        name = first.text
        return (name.strip() or None) if name else None, [second]
    return _long_pair(element)


def _long_pair(element: Any) -> tuple[str | None, list[Any]]:
    name, found = None, []
    for child in element:
        tag = child.tag
        if tag.endswith("Значение"):
            found.append(child)
        elif name is None or tag.endswith("Наименование"):
            name = (child.text or "").strip() or name
    return name, found


def pairs(column: str) -> Put:
    """Handler of a list of pairs: (name, text) in the list `row[column]`, those without a value left out."""
    put_one = a_pair(column)

    def put_all(row: Row, element: Any, scope: Scope) -> None:
        for child in element:
            put_one(row, child, scope)

    return put_all


def a_pair(column: str) -> Put:
    """Handler of one pair, appended to the list `row[column]`."""
    def put(row: Row, element: Any, _scope: Scope) -> None:
        name, found = pair(element)
        for value in found:
            words = (value.text or "").strip()
            if words:
                row.setdefault(column, []).append((name or "", words))

    return put


def requisites(known: Mapping[str, Put], rest: str = "requisites") -> Put:
    """Handler of ЗначенияРеквизитов: known names into their columns, all others into the map `rest` by name as written.

    Names are compared without blanks, case and ё; a repeated name keeps all its values.
    """
    index = {**known, **{dialects.plain(name): put for name, put in known.items()}}

    def put_all(row: Row, element: Any, scope: Scope) -> None:
        for child in element:
            name, found = pair(child)
            if name is None:
                continue
            put = index.get(name) or index.get(dialects.plain(name))
            for value in found:
                if put is not None:
                    put(row, value, scope)
                else:
                    keep(row, rest, name, value.text)

    return put_all


def keep(row: Row, rest: str, name: str, raw: str | None) -> None:
    """A named text into the map `row[rest]`; a repeated name keeps all its values."""
    value = (raw or "").strip()
    if value:
        extra = row.setdefault(rest, {})
        extra[name] = f"{extra[name]}; {value}" if name in extra and extra[name] != value else value
