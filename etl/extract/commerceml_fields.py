"""Handlers that put one element into one column, and the scope that a record is read in.

A dispatch table is `Fields({tag: Put})`. A Put has two functions with the arguments (row, text, tag, scope): `value` for an element
without children, `inner` for one with children, which reads the tokens of the scope to the end of that element. The
tables themselves stand in `etl.extract.commerceml`: that is where any element can be looked up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from operator import length_hint
from typing import Any, NamedTuple

from etl import dialects, tables
from etl.extract import commerceml_values as values
from etl.extract.commerceml_tokens import END, Part, Token, Tokens, local
from etl.xml_safe import refused

Row = dict[str, Any]
Handler = Callable[[Row, str, str, "Scope"], None]
#: severity of a value that cannot be read: with "reject" the whole record is left out
Convert = Callable[[str], Any]
_KNOWN_TAGS = 2000


class Put(NamedTuple):
    """What is done with an element: `value` without children, `inner` with children."""

    value: Handler
    inner: Handler


class Scope:
    """What is being read: rows not yet handed out, facts of the file, and the record at hand for its issues."""

    def __init__(self, source: Tokens) -> None:
        self.source, self.file = source, source.name
        self.tokens: Iterator[Token] = source.all
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
        self._top = self._start = 0                            # first token of the outermost record and of the record at hand
        self._found: list[tables.Record] = []                  # issues of the record at hand
        self.here: Callable[[], int] = source.here

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

    def outermost(self, above: list[str]) -> None:
        """The token at hand starts a record that stands in no other, below the elements `above`."""
        self.above = above
        self._top = self._start = self.source.begin()

    def part(self, part: Part) -> str:
        """From here on the tokens are those of an element that was set aside. Returns its tag."""
        items = iter(part.items)
        self.tokens, self._start = items, part.base - 1
        self.here = lambda: part.base + len(part.items) - length_hint(items) - 1
        return part.tag

    def whole(self) -> None:
        """Back from the parts to the file."""
        self.tokens, self.here = self.source.all, self.source.here

    def problem(self, message: str, *, value: object = None, severity: str = "reject", record: bool = False) -> None:
        """An issue at the element at hand, or at the whole record: the place is its path and line."""
        self.rejected = self.rejected or severity == "reject"
        path, number = self.source.find(self._top, self._start if record else self.here())
        self._found.append(tables.issue(message, severity=severity, file=self.file, place=f"{'/'.join([*self.above, *path])}, строка {number}",
                                        entity=self.entity, field=path[-1], value=value))

    def settle(self, key: str | None) -> None:
        """The record is read: its issues get its number or Ид."""
        if self._found:
            for found in self._found:
                self.add("issues", {**found, "key": key})
            self._found = []


def line(tag: str, scope: Scope) -> str:
    """Where the element whose start tag is at hand stands, for people."""
    return f"строка {scope.source.line_of(tag, scope.here())}"


class _Learning(dict[str, Handler]):
    """Handlers by local name; it learns the tags of the file it meets."""

    def __init__(self, known: Mapping[str, Handler], other: Handler) -> None:
        super().__init__(known)
        self.other = other

    def __missing__(self, tag: str) -> Handler:
        handler = dict.get(self, local(tag), self.other)
        if len(self) < _KNOWN_TAGS:
            self[tag] = handler
        return handler


class Fields:
    """A dispatch table by local name; elements that it does not name are skipped."""

    def __init__(self, table: Mapping[str, Put]) -> None:
        self.values = _Learning({tag: put.value for tag, put in table.items()}, nothing)
        self.inner = _Learning({tag: put.inner for tag, put in table.items()}, skip)

    def add(self, tag: str, put: Put) -> None:
        """One more element: for a table that refers to itself."""
        self.values[tag], self.inner[tag] = put


def fill(fields: Fields, scope: Scope, row: Row) -> Row:
    """One pass over the children of the element whose start tag is at hand, to its end. Returns the row."""
    values_by_tag, inner_by_tag = fields.values, fields.inner
    for tag, text, leaf in scope.tokens:
        if leaf:
            values_by_tag[tag](row, text, tag, scope)
        elif tag[0] == "/":
            break
        else:
            inner_by_tag[tag](row, text, tag, scope)
    else:
        raise refused("файл обрывается.", scope.file)
    return row


def skip(_row: Row, _text: str, _tag: str, scope: Scope) -> None:
    """An element with children that no table needs."""
    depth = 1
    for tag, _, leaf in scope.tokens:
        if leaf:
            continue
        depth += -1 if tag[0] == "/" else 1
        if not depth:
            return


def nothing(_row: Row, _text: str, _tag: str, _scope: Scope) -> None:
    """An element without children that no table needs."""


def of_value(value: Handler) -> Put:
    """A Put for an element that has a text only; children it should not have are skipped."""
    def inner(row: Row, text: str, tag: str, scope: Scope) -> None:
        value(row, text, tag, scope)
        skip(row, text, tag, scope)

    return Put(value, inner)


def aside(tag: str, leaf: str, scope: Scope) -> Part:
    """The element whose start tag is at hand, set aside with all its tokens."""
    base, items, depth = scope.here() + 1, [], 1
    if leaf:
        return Part(tag, base, [END])
    for token in scope.tokens:
        items.append(token)
        if not token[2]:
            depth += -1 if token[0][0] == "/" else 1
            if not depth:
                break
    return Part(tag, base, items)


# ---- one element, one column ---------------------------------------------------------------------------------------

def _converted(column: str, convert: Convert, what: str, severity: str) -> Put:
    def value(row: Row, text: str, tag: str, scope: Scope) -> None:
        raw = text.strip()
        if not raw:
            return
        try:
            row[column] = convert(raw)
        except ValueError:
            said = "Запись отклонена, исправьте её в 1С." if severity == "reject" else "Значение пропущено, исправьте его в 1С."
            scope.problem(f"«{raw[:60]}» не {what}. {said}", value=raw, severity=severity)

    return of_value(value)


def text(column: str) -> Put:
    """Text without the blanks around it; an empty element is absence."""
    def value(row: Row, text: str, tag: str, scope: Scope) -> None:
        if raw := text.strip():
            row[column] = raw

    return of_value(value)


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


def _rate(row: Row, text: str, tag: str, scope: Scope) -> None:
    raw = text.strip()
    if not raw:
        return
    try:
        row["vat_rate"], row["vat_exempt"] = values.rate(raw)
    except ValueError:
        row.setdefault("requisites", {})["Ставка"] = raw
        scope.problem(f"Ставка НДС «{raw[:60]}» неизвестна и не учтена. Проверьте ставку в 1С.", value=raw, severity="warn")


#: Ставка of VAT into vat_rate or vat_exempt. One that cannot be read stays in the requisites as it was.
rate = of_value(_rate)


# ---- elements with children ----------------------------------------------------------------------------------------

def each(put: Put) -> Put:
    """A list element: `put` for each of its children."""
    def inner(row: Row, text: str, tag: str, scope: Scope) -> None:
        for tag, text, leaf in scope.tokens:
            if leaf:
                put.value(row, text, tag, scope)
            elif tag[0] == "/":
                return
            else:
                put.inner(row, text, tag, scope)

    return Put(nothing, inner)


def nested(fields: Fields) -> Put:
    """An element whose children go into the same row."""
    def inner(row: Row, text: str, tag: str, scope: Scope) -> None:
        fill(fields, scope, row)

    return Put(nothing, inner)


def one(column: str, fields: Fields) -> Put:
    """A repeated element: a row of its own, appended to the list `row[column]`."""
    def value(row: Row, text: str, tag: str, scope: Scope) -> None:
        row.setdefault(column, []).append({})

    def inner(row: Row, text: str, tag: str, scope: Scope) -> None:
        row.setdefault(column, []).append(fill(fields, scope, {}))

    return Put(value, inner)


def listed(column: str, fields: Fields) -> Put:
    """A list element: a row of its own for each child, in the list `row[column]`."""
    return each(one(column, fields))


def placed(column: str, fields: Fields) -> Put:
    """A list element whose children are records of the document: like `listed`, each row with its place."""
    def value(row: Row, text: str, tag: str, scope: Scope) -> None:
        row.setdefault(column, []).append({"place": line(tag, scope)})

    def inner(row: Row, text: str, tag: str, scope: Scope) -> None:
        row.setdefault(column, []).append(fill(fields, scope, {"place": line(tag, scope)}))

    return each(Put(value, inner))


# ---- pairs of a name and values ------------------------------------------------------------------------------------

def pair(give: Handler) -> Put:
    """A pair of CommerceML: `give(row, name, text, scope)` for each Значение; the name is any other child, Наименование before others."""
    def inner(row: Row, text: str, tag: str, scope: Scope) -> None:
        name, early = "", []
        for tag, text, leaf in scope.tokens:
            if not leaf:
                if tag[0] == "/":
                    break
                skip(row, text, tag, scope)
            if tag != "Значение" and not (word := local(tag)).endswith("Значение"):
                name = (text.strip() or name) if word.endswith("Наименование") else (name or text.strip())
            elif name:
                give(row, name, text, scope)
            else:
                early.append(text)
        for text in early:
            give(row, name, text, scope)

    return Put(nothing, inner)


def a_pair(column: str) -> Put:
    """One pair, appended to the list `row[column]`; one without a value is left out."""
    def give(row: Row, name: str, text: str, scope: Scope) -> None:
        if words := text.strip():
            row.setdefault(column, []).append((name, words))

    return pair(give)


def pairs(column: str) -> Put:
    """A list of pairs: (name, text) in the list `row[column]`."""
    return each(a_pair(column))


def requisites(known: Mapping[str, Put], rest: str = "requisites") -> Put:
    """ЗначенияРеквизитов: known names into their columns, all others into the map `rest` by name as written.

    Names are compared without blanks, case and ё; a repeated name keeps all its values.
    """
    index = {name: put.value for name, put in known.items()}
    index |= {dialects.plain(name): put for name, put in index.items()}

    def give(row: Row, name: str, text: str, scope: Scope) -> None:
        put = index.get(name) or index.get(dialects.plain(name))
        if put is not None:
            put(row, text, name, scope)
        elif name:
            keep(row, rest, name, text)

    return each(pair(give))


def keep(row: Row, rest: str, name: str, raw: str) -> None:
    """A named text into the map `row[rest]`; a repeated name keeps all its values."""
    value = raw.strip()
    if value:
        extra = row.setdefault(rest, {})
        extra[name] = f"{extra[name]}; {value}" if name in extra and extra[name] != value else value
