"""(tag, value) nodes to the text of CommerceML, fast and in constant memory.

A node is a pair; a value is text, a list of nodes, `Attributed`, or None, which is left out. lxml would build a tree per
document for the same bytes at twice the price (reference/performance §2).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

Node = tuple[str, Any]

_SPECIAL = re.compile("[&<>\r]").search
#: code points that XML 1.0 cannot hold
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TABS = ["\t" * depth for depth in range(40)]


class Attributed(NamedTuple):
    """A value with attributes: `inner` is text, nodes or None for an empty element."""

    attributes: dict[str, str]
    inner: Any


def render(nodes: Iterable[Node], depth: int = 0) -> str:
    """Nodes as indented XML text, special characters escaped."""
    out: list[str] = []
    _render(nodes, depth, out)
    return "".join(out)


def _render(nodes: Iterable[Node], depth: int, out: list[str]) -> None:
    tabs = _TABS[depth]
    for tag, value in nodes:
        if value is None:
            continue
        kind = type(value)
        if kind is str:
            out.append(f"{tabs}<{tag}>{escape(value) if _SPECIAL(value) else value}</{tag}>\n")
        elif kind is list:
            out.append(f"{tabs}<{tag}>\n")
            _render(value, depth + 1, out)
            out.append(f"{tabs}</{tag}>\n")
        else:
            _attributed(tag, value, depth, out)


def _attributed(tag: str, value: Attributed, depth: int, out: list[str]) -> None:
    marks = "".join(f' {name}="{escape(text)}"' for name, text in value.attributes.items())
    tabs, inner = _TABS[depth], value.inner
    if inner is None:
        out.append(f"{tabs}<{tag}{marks}/>\n")
    elif isinstance(inner, str):
        out.append(f"{tabs}<{tag}{marks}>{escape(inner)}</{tag}>\n")
    else:
        out.append(f"{tabs}<{tag}{marks}>\n")
        _render(inner, depth + 1, out)
        out.append(f"{tabs}</{tag}>\n")


def escape(text: str) -> str:
    """Text for an element or a quoted attribute. Line ends become those that XML keeps and 1C has inside a text."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


_KOPECK, _GRAM = Decimal("0.01"), Decimal("0.001")


def money(value: Decimal | None) -> str | None:
    """Two digits after the point, HALF_UP, no grouping."""
    return None if value is None else format(value.quantize(_KOPECK, ROUND_HALF_UP), "f")


def quantity(value: Decimal | None) -> str | None:
    """At most three digits after the point, no trailing zeros."""
    if value is None:
        return None
    text = format(value.quantize(_GRAM, ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".")


def day(value: dt.date | None) -> str | None:
    """`yyyy-MM-dd`."""
    return None if value is None else f"{value:%Y-%m-%d}" if value.year > 999 else None


def flag(value: bool | None) -> str | None:
    """true or false."""
    return None if value is None else "true" if value else "false"


def cut(value: str | None, limit: int) -> str | None:
    """Text without blanks around it, not longer than the schema allows; empty is absent."""
    if value is None:
        return None
    value = value.strip()
    return (value if len(value) <= limit else value[:limit].rstrip()) or None
