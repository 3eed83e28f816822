"""One element, one column: what is done with the text of an element, and the plan that such steps make up for a shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from etl.extract.commerceml import values
from etl.extract.commerceml.engine.scope import Problem, Row, Scope
from etl.extract.commerceml.engine.units import Column, Units

Convert = Callable[[str], object]

#: (row, text) of an element; returns what is wrong with it
Handler = Callable[[Row, str], Problem | None]
#: (number of the row, what is wrong)
Report = Callable[[int, Problem], None]
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

    values: list[tuple[int, Value]] = field(default_factory=list)
    handled: list[tuple[int, Value]] = field(default_factory=list)  # after the values, on which they may look
    pairs: list[tuple[int, int, Pair]] = field(default_factory=list)  # name, value; -1 where there is none
    rows: list[tuple[Attach, int, Plan]] = field(default_factory=list)
    lines: int = -1  # where the lines of a document stand


Put = Callable[[Node, Plan], None]


class Value:
    """A Put for an element that has a text; children it should not have are skipped. `handle` is for one of them.

    `plain`: what it puts into the row depends on nothing but the text.
    """

    def __init__(self, handle: Handler, *, plain: bool = False) -> None:
        self.handle, self.plain = handle, plain

    def __call__(self, node: Node, plan: Plan) -> None:
        if not node.empty:
            plan.handled.append((node.first, self))

    def take(self, rows: list[Row], column: Column, report: Report) -> None:
        """The texts of like elements."""
        if not (column.same and self.plain and self._all(rows, column.texts[0])):
            self._each(rows, column.texts, report)

    def _all(self, rows: list[Row], text: str) -> bool:
        """The same text of all: done once, if nothing is wrong with it."""
        made: Row = {}
        if self.handle(made, text):
            return False
        if made:
            for row in rows:
                row.update(made)
        return True

    def _each(self, rows: list[Row], texts: list[str], report: Report) -> None:
        handle = self.handle
        for which, (row, text) in enumerate(zip(rows, texts, strict=True)):
            if problem := handle(row, text):
                report(which, problem)


class _Text(Value):
    def __init__(self, column: str) -> None:
        super().__init__(self._handle, plain=True)
        self.column = column

    def __call__(self, node: Node, plan: Plan) -> None:
        if not node.empty:
            plan.values.append((node.first, self))

    def _each(self, rows: list[Row], texts: list[str], _report: Report) -> None:
        column = self.column
        for row, text in zip(rows, texts, strict=True):
            if text:
                row[column] = text

    def _handle(self, row: Row, text: str) -> None:
        if text:
            row[self.column] = text


class _Converted(_Text):
    def __init__(self, column: str, convert: Convert, what: str, severity: str) -> None:
        super().__init__(column)
        self.convert, self.what, self.severity = convert, what, severity
        self.handle = self._convert

    def _each(self, rows: list[Row], texts: list[str], report: Report) -> None:
        convert, column = self.convert, self.column
        for which, (row, text) in enumerate(zip(rows, texts, strict=True)):
            if text:
                try:
                    row[column] = convert(text)
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
        said = (
            "Запись отклонена, исправьте её в 1С."
            if self.severity == "reject"
            else "Значение пропущено, исправьте его в 1С."
        )
        return Problem(f"«{text[:60]}» не {self.what}. {said}", text, self.severity)


# ---- the kinds of columns ------------------------------------------------------------------------------------------


def text(column: str) -> Value:
    """Text without the blanks around it; an empty element is absence."""
    return _Text(column)


def number(column: str, severity: str = "reject") -> Value:
    """Money or quantity: a text that is no number rejects the record, or is left out with a warning."""
    return _Converted(column, values.number, "число", severity)


def factor(column: str) -> Value:
    """Коэффициент of a unit: how many base units it is; one is as none."""
    return _Converted(column, values.factor, "число", "warn")


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
    return _Converted(column, values.currency, "известная программе валюта", "warn")


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
        return Problem(
            f"Ставка НДС «{text[:60]}» неизвестна и не учтена. Проверьте ставку в 1С.", text, "warn"
        )
    return None


#: Ставка of VAT into vat_rate or vat_exempt. One that cannot be read stays in the requisites as it was.
rate = Value(_rate, plain=True)
