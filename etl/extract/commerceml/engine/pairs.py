"""Pairs of a name and values: Контакт, АдресноеПоле, ЗначениеРеквизита, ЗначенияСвойств. What a pair means is told by its name."""

from __future__ import annotations

from collections.abc import Mapping

from etl.config import dialects
from etl.extract.commerceml.engine.columns import Node, Pair, Plan, Put, Report, Value
from etl.extract.commerceml.engine.fields import each
from etl.extract.commerceml.engine.scope import Problem, Row, Scope
from etl.extract.commerceml.engine.units import Column

_LONG_NAME = 200  # no requisite that we know
_SPELLINGS = 1000  # names of requisites that are remembered as written


def paired(pair: Pair) -> Put:
    """A pair of CommerceML: each Значение; its name is Наименование, else the first other child.

    Of two children without a Значение the second is the value (Ид and ИдЗначения).
    """

    def add(node: Node, plan: Plan) -> None:
        found = [child for child in node.children if child.name.endswith("Значение")]
        if not found and len(node.children) == 2:
            found = node.children[1:]
        names = [child for child in node.children if child not in found]
        name = next(
            (child for child in reversed(names) if child.name.endswith("Наименование")),
            names[0] if names else None,
        )
        named = name.first if name and not name.empty else -1
        plan.pairs.extend((named, -1 if child.empty else child.first, pair) for child in found)

    return add


def a_pair(column: str) -> Put:
    """One pair, appended to the list `row[column]`; one without a value is left out."""

    def give(row: Row, name: str, text: str, _scope: Scope) -> None:
        if text:
            row.setdefault(column, []).append((name, text))

    return paired(Pair(give))


def pairs(column: str) -> Put:
    """A list of pairs: (name, text) in the list `row[column]`."""
    return each(a_pair(column))


def requisites(known: Mapping[str, Value], rest: str = "requisites") -> Put:
    """ЗначенияРеквизитов: known names into their columns, all others into the map `rest` by name as written.

    Names are compared without blanks, case and ё; a repeated name keeps all its values.
    """
    return each(paired(_Requisites(known, rest)))


class _Requisites(Pair):
    def __init__(self, known: Mapping[str, Value], rest: str) -> None:
        super().__init__(self._give)
        self.values, self.rest = _Names(known), rest

    def take(self, rows: list[Row], name: str, column: Column, scope: Scope, report: Report) -> None:
        if (value := self.values[name]) is not None:
            value.take(rows, column, lambda which, problem: report(which, _named(name, problem)))
        else:
            super().take(rows, name, column, scope, report)

    def _give(self, row: Row, name: str, text: str, _scope: Scope) -> Problem | None:
        if (value := self.values[name]) is not None:
            problem = value.handle(row, text)
            return _named(name, problem) if problem else None
        if name:
            keep(row, self.rest, name, text)
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


def keep(row: Row, rest: str, name: str, value: str) -> None:
    """A named text into the map `row[rest]`; a repeated name keeps all its values."""
    if not value:
        return
    extra = row.get(rest)
    if extra is None:
        row[rest] = {name: value}
    else:
        extra[name] = f"{extra[name]}; {value}" if name in extra and extra[name] != value else value
