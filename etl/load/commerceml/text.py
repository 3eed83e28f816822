"""(tag, value) nodes to the text of CommerceML, fast and in constant memory.

A node is a pair; a value is text, a list of nodes, `Attributed`, or None, which is left out. lxml would build
a tree per document for the same bytes at twice the price (reference/performance §2).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, TypeAlias

from etl.values import clean

#: longest texts that the schema allows (commerceml §13): a name, a comment, any other value
NAME, COMMENT, VALUE = 250, 3000, 1000
#: code points that XML 1.0 cannot hold
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile("[&<>\r]").search
_TABS = ["\t" * depth for depth in range(40)]
_GRAM = Decimal("0.001")


class Attributed(NamedTuple):
    """A value with attributes: `inner` is text, nodes or None for an empty element."""

    attributes: dict[str, str]
    inner: Inner


Inner: TypeAlias = "str | list[Node] | None"
Node: TypeAlias = "tuple[str, Inner | Attributed]"


def render(nodes: Iterable[Node], depth: int = 0) -> str:
    """Nodes as indented XML text, special characters escaped."""
    out: list[str] = []
    _render(nodes, depth, out)
    return "".join(out)


def _render(nodes: Iterable[Node], depth: int, out: list[str]) -> None:
    # every element of a file passes here: exact types and a search before escaping halve the time of writing
    tabs = _TABS[depth]
    for tag, value in nodes:
        if value is None:
            continue
        if type(value) is str:
            shown = escape(value) if _SPECIAL(value) else value
            out.append(f"{tabs}<{tag}>{shown}</{tag}>\n")
        elif type(value) is list:
            out.append(f"{tabs}<{tag}>\n")
            _render(value, depth + 1, out)
            out.append(f"{tabs}</{tag}>\n")
        elif type(value) is Attributed:
            _render_attributed(tag, value, depth, out)


def _render_attributed(tag: str, value: Attributed, depth: int, out: list[str]) -> None:
    opening = opened(tag, value.attributes)
    tabs, inner = _TABS[depth], value.inner
    if inner is None:
        out.append(f"{tabs}<{opening}/>\n")
    elif isinstance(inner, str):
        out.append(f"{tabs}<{opening}>{escape(inner)}</{tag}>\n")
    else:
        out.append(f"{tabs}<{opening}>\n")
        _render(inner, depth + 1, out)
        out.append(f"{tabs}</{tag}>\n")


def opened(tag: str, attributes: dict[str, str]) -> str:
    """What stands inside the angle brackets of an opening tag."""
    marks = [f'{name}="{escape(text)}"' for name, text in attributes.items()]
    return " ".join([tag, *marks])


def escape(text: str) -> str:
    """Text for an element or a quoted attribute; line ends become those that 1C has inside a text."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


# ---- values in the spelling of commerceml §13; None stays None and is left out ----


def money(value: Decimal | None) -> str | None:
    """Two digits after the point, HALF_UP, no grouping."""
    if value is None:
        return None
    return format(clean.kopecks(value), "f")


def quantity(value: Decimal | None) -> str | None:
    """At most three digits after the point, no trailing zeros."""
    if value is None:
        return None
    text = format(value.quantize(_GRAM, ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".")


def day(value: dt.date | None) -> str | None:
    """`yyyy-MM-dd`; 1C's empty date (0001-01-01) is absence."""
    if value is None or value.year < 1000:
        return None
    return f"{value:%Y-%m-%d}"


def flag(value: bool | None) -> str | None:
    """true or false."""
    if value is None:
        return None
    return "true" if value else "false"


def cut(value: str | None, limit: int) -> str | None:
    """Text without blanks around it, not longer than `limit`; empty is absent."""
    if value is None:
        return None
    text = value.strip()
    if len(text) > limit:
        text = text[:limit].rstrip()
    return text or None


# ---- named values ----

#: name and value of a requisite; an empty value is left out
Pair = tuple[str, str | None]


def requisites(pairs: Iterable[Pair]) -> list[Node] | None:
    """The pairs that have a value as ЗначенияРеквизитов (commerceml §4), cut to the schema; None: no pair."""
    nodes: list[Node] = []
    for name, raw in pairs:
        value = cut(raw, VALUE)
        if value:
            nodes.append(("ЗначениеРеквизита", [("Наименование", cut(name, NAME)), ("Значение", value)]))
    return nodes or None
