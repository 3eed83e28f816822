"""The kinds of columns: what is done with the text of an element, and with a requisite of that name."""

from __future__ import annotations

from collections.abc import Mapping

from etl.config import dialects
from etl.extract.commerceml import values
from etl.extract.commerceml.engine.entries import Column, Converted, Each, Pair, Report, Text, Value
from etl.extract.commerceml.engine.scope import Facts, Problem, Row
from etl.values import checked

_LONG_NAME = 200  # no requisite that we know
_SPELLINGS = 1000  # names of requisites that are remembered as written


def text(column: str) -> Value:
    """Text without the blanks around it; an empty element is absence."""
    return Text(column)


def code(column: str) -> Value:
    """ИНН, КПП, БИК and their like; zeros and dashes are absence."""
    return Converted(column, checked.code, "код", "warn")


def number(column: str, severity: str = "reject") -> Value:
    """Money or quantity: a text that is no number rejects the record, or is left out with a warning."""
    return Converted(column, values.number, "число", severity)


def factor(column: str) -> Value:
    """Коэффициент of a unit: how many base units it is; one is as none."""
    return Converted(column, values.factor, "число", "warn")


def date(column: str) -> Value:
    """A date; an unreadable one is absent with a warning."""
    return Converted(column, values.date, "дата", "warn")


def time(column: str) -> Value:
    """Time of day."""
    return Converted(column, values.time, "время", "warn")


def flag(column: str) -> Value:
    """true or false."""
    return Converted(column, values.flag, "«да» или «нет»", "warn")


def guid(column: str) -> Value:
    """An identifier."""
    return Converted(column, values.guid, "идентификатор", "reject")


def reference(column: str) -> Value:
    """An identifier that many records share."""
    return Converted(column, values.reference, "идентификатор", "reject")


def currency(column: str) -> Value:
    """A currency as its ISO code."""
    return Converted(column, values.currency, "известная программе валюта", "warn")


def note(column: str, mark: str) -> Value:
    """A text without a column of its own, kept as `row[column][mark]`."""

    def handle(row: Row, words: str) -> None:
        if words:
            row.setdefault(column, {})[mark] = words

    return Value(handle)


# ---- pairs of a name and a value ---------------------------------------------------------------------------


def a_pair(column: str) -> Pair:
    """One pair (name, text), appended to the list `row[column]`; one without a value is left out."""

    def give(row: Row, name: str, words: str, _facts: Facts) -> None:
        """Pairs of name and value are kept in the order of the file."""
        if words:
            row.setdefault(column, []).append((name, words))

    return Pair(give)


def pairs(column: str) -> Each:
    """A list of pairs: (name, text) in the list `row[column]`."""
    return Each(a_pair(column))


def requisites(known: Mapping[str, Value], rest: str = "requisites") -> Each:
    """ЗначенияРеквизитов: known names into their columns, all others into the map `rest` by name as written.

    Names are compared without blanks, case and ё; a repeated name keeps all its values.
    """
    return Each(_Requisites(known, rest))


class _Requisites(Pair):
    def __init__(self, known: Mapping[str, Value], rest: str) -> None:
        super().__init__(self._give)
        self.values = _Names(known)
        self.rest = rest

    def take(self, rows: list[Row], name: str, values: Column, _facts: Facts, report: Report) -> None:
        value = self.values[name]
        if value is None:
            self._keep(rows, name, values)
            return

        def report_named(which: int, problem: Problem) -> None:
            """A problem is told with the name of the property it stands under."""
            report(which, _named(name, problem))

        value.take(rows, values, report_named)

    def _keep(self, rows: list[Row], name: str, values: Column) -> None:
        if name:
            for row, words in zip(rows, values.texts, strict=True):
                keep(row, self.rest, name, words)

    def _give(self, row: Row, name: str, words: str, _facts: Facts) -> Problem | None:
        """A known name fills its column, any other stays among the rest under its own name."""
        value = self.values[name]
        if value is not None:
            problem = value.handle(row, words)
            return _named(name, problem) if problem else None
        if name:
            keep(row, self.rest, name, words)
        return None


def _named(name: str, problem: Problem) -> Problem:
    return problem._replace(message=f"Реквизит «{name[:60]}»: {problem.message}")


class _Names(dict[str, Value | None]):
    """What to do with a requisite, by its name as written; it learns the spellings of the file it meets."""

    def __init__(self, known: Mapping[str, Value]) -> None:
        super().__init__(known)
        self.plain = {dialects.plain(name): value for name, value in known.items()}

    def __missing__(self, name: str) -> Value | None:
        if len(name) > _LONG_NAME:
            return None
        value = self.plain.get(dialects.plain(name))
        if len(self) < _SPELLINGS:
            self[name] = value
        return value


def keep(row: Row, rest: str, name: str, words: str) -> None:
    """A named text into the map `row[rest]`; a repeated name keeps all its values."""
    if not words:
        return
    extra = row.get(rest)
    if extra is None:
        row[rest] = {name: words}
    elif name in extra and extra[name] != words:
        extra[name] = f"{extra[name]}; {words}"
    else:
        extra[name] = words
