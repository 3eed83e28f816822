"""The tables of `lint_rules` cut to one version of CommerceML."""

from __future__ import annotations

from typing import NamedTuple

from etl.extract.commerceml import lint_rules as rules


class Rules(NamedTuple):
    """The tables cut to one version."""

    children: dict[str, frozenset[str]]
    required: dict[str, tuple[str, ...]]
    texts: dict[str, tuple[rules.Text, ...]]
    known: frozenset[str]  # every name of this version


def of(version: float) -> Rules:
    """The rules of one version."""
    children = {}
    for record, spans in rules.CHILDREN.items():
        if any(_within(span, version) for span in spans):
            children[record] = frozenset(_cut(spans, version))
    required = {record: tuple(_cut(spans, version)) for record, spans in rules.REQUIRED.items()}
    return Rules(children, required, _texts(version), _reached(children))


def _texts(version: float) -> dict[str, tuple[rules.Text, ...]]:
    """The rules of texts by place. A text may have line ends in it, so a dot is any character."""
    texts: dict[str, tuple[rules.Text, ...]] = {}
    for text in rules.TEXTS:
        if not _within(text.span, version):
            continue
        rule = text
        if text.form:
            rule = text._replace(form=f"(?s:{text.form})")
        for place in text.places.split():
            texts[place] = (*texts.get(place, ()), rule)
    return texts


def _within(span: rules.Span, version: float) -> bool:
    """Whether an element belongs to a version of CommerceML."""
    first, last = span
    return first <= version <= last


def _cut(spans: dict[rules.Span, str], version: float) -> list[str]:
    """The names that a version has."""
    found = []
    for span, names in spans.items():
        if _within(span, version):
            found += names.split()
    return found


def _reached(children: dict[str, frozenset[str]]) -> frozenset[str]:
    """Names that a file of this version may hold somewhere: what can be reached from the root."""
    found = {"КоммерческаяИнформация"}
    waiting = ["КоммерческаяИнформация"]
    while waiting:
        inside = _inside(waiting.pop(), children)
        waiting += inside - found
        found |= inside
    return frozenset(found)


def _inside(name: str, children: dict[str, frozenset[str]]) -> set[str]:
    """What an element of that name may hold, wherever it stands."""
    found: set[str] = set()
    for record, held in children.items():
        if record.rpartition("/")[2] == name:
            found |= held
    return found
