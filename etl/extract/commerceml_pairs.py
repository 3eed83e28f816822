"""Pairs of a name and values: Контакт, АдресноеПоле, ЗначениеРеквизита, ЗначенияСвойства. What a pair means is told by its name."""

from __future__ import annotations

from collections.abc import Mapping

from etl import dialects
from etl.extract.commerceml_fields import Give, Handler, Node, Plan, Put, Value, each
from etl.extract.commerceml_scope import Problem, Row, Scope

_SPELLINGS = 1000                # names of requisites that are remembered as written


def pair(give: Give) -> Put:
    """A pair of CommerceML: `give` for each Значение; its name is Наименование, else the first other child.

    Of two children without a Значение the second is the value (Ид and ИдЗначения).
    """
    def add(node: Node, plan: Plan) -> None:
        found = [child for child in node.children if child.name.endswith("Значение")]
        if not found and len(node.children) == 2:
            found = node.children[1:]
        names = [child for child in node.children if child not in found]
        name = next((child for child in reversed(names) if child.name.endswith("Наименование")), names[0] if names else None)
        named = name.first if name and not name.empty else -1
        plan.pairs.extend((named, child.first, nothing if child.empty else give) for child in found)

    def nothing(row: Row, name: str, _text: str, scope: Scope) -> Problem | None:
        return give(row, name, "", scope)

    return add


def a_pair(column: str) -> Put:
    """One pair, appended to the list `row[column]`; one without a value is left out."""
    def give(row: Row, name: str, text: str, _scope: Scope) -> None:
        if words := text.strip():
            row.setdefault(column, []).append((name, words))

    return pair(give)


def pairs(column: str) -> Put:
    """A list of pairs: (name, text) in the list `row[column]`."""
    return each(a_pair(column))


def requisites(known: Mapping[str, Value], rest: str = "requisites") -> Put:
    """ЗначенияРеквизитов: known names into their columns, all others into the map `rest` by name as written.

    Names are compared without blanks, case and ё; a repeated name keeps all its values.
    """
    handles = _Names({name: put.handle for name, put in known.items()})

    def give(row: Row, name: str, text: str, _scope: Scope) -> Problem | None:
        handle = handles[name]
        if handle is not None:
            return handle(row, text, name)
        if name:
            keep(row, rest, name, text)
        return None

    return each(pair(give))


class _Names(dict[str, Handler | None]):
    """Handlers by the name of a requisite as written; it learns the spellings of the file it meets."""

    def __init__(self, known: Mapping[str, Handler]) -> None:
        super().__init__(known)
        self.plain = {dialects.plain(name): handle for name, handle in known.items()}

    def __missing__(self, name: str) -> Handler | None:
        handle = self.plain.get(dialects.plain(name))
        if len(self) < _SPELLINGS:
            self[name] = handle
        return handle


def keep(row: Row, rest: str, name: str, raw: str) -> None:
    """A named text into the map `row[rest]`; a repeated name keeps all its values."""
    value = raw.strip()
    if not value:
        return
    extra = row.get(rest)
    if extra is None:
        row[rest] = {name: value}
    else:
        extra[name] = f"{extra[name]}; {value}" if name in extra and extra[name] != value else value
