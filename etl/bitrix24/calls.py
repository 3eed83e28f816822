"""Calls of the portal and what became of them: commands, outcomes, and PHP's way to write both.

Facts: reference bitrix24 §3.1 (transport), §3.4 (values), §4.12 (batch).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

from etl.bitrix24.classify import Verdict
from etl.bitrix24.secret import scrubbed
from etl.errors import Rejected

#: Commands of one batch (bitrix24 §4.12).
BATCH = 50

Params = Mapping[str, Any]
Item = TypeVar("Item")


class Refused(Rejected):
    """The portal refused one call. `code` and `text` are its own words, without secrets."""

    def __init__(self, method: str, code: str, text: str) -> None:
        super().__init__(
            f"Портал отклонил {method}: {scrubbed(text or code or 'без объяснения')}.",
            "Проверьте запись на портале и права вебхука.",
        )
        self.code, self.text = code, scrubbed(text)


@dataclass(frozen=True, slots=True)
class Command:
    """One method of a batch with its parameters: nested maps and lists; a text may refer to an earlier
    result.
    """

    method: str
    params: Params


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call: `result` when `verdict` is OK, else `code` and `text` of the portal."""

    verdict: Verdict
    result: Any = None
    code: str = ""
    text: str = ""
    next: int | None = None

    @property
    def ok(self) -> bool:
        return self.verdict is Verdict.OK


def groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items by `size`, the last group may be shorter."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def encode(command: Command) -> str:
    """A command of a batch: method and query string in PHP brackets, encoded once.

    A key with «=» must be encoded too, or PHP cuts the name there and the filter is gone (reference
    performance §4b).
    """
    pairs = [f"{name}={quote(value, safe='')}" for name, value in _flat("", command.params)]
    return f"{command.method}?{'&'.join(pairs)}"


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    """(name in PHP brackets, text) of every scalar.

    An empty list keeps its name, for it empties a field; an empty map would become a text, and is left out.
    """
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    else:
        yield prefix, text(value)
        return
    if prefix and not items and not isinstance(value, Mapping):
        yield prefix, ""
    for key, inner in items:
        name = quote(str(key), safe="")
        inside = f"{prefix}[{name}]" if prefix else name
        yield from _flat(inside, inner)


def text(value: Any) -> str:
    """A scalar in a query string (bitrix24 §3.4): Y/N, "" for absence, dot decimals, ISO dates."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def rows(value: Any) -> list[Any]:
    """A list of the portal: PHP gives a map with keys 0..n-1, or nothing, for the same thing (§3.1)."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value or [])


def named(value: Any) -> dict[str, Any]:
    """A map of the portal: PHP gives a list for keys 0..n-1 and `[]` for an empty map (§3.1)."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return {}


def by_text(found: Iterable[Mapping[str, Any]], field: str) -> dict[str, Any]:
    """Rows by the text of a field that each has alone: the portal writes ids as numbers and as texts
    (§3.4).
    """
    return {str(row[field]): row for row in found}


def grouped(found: Iterable[Mapping[str, Any]], field: str, key: str) -> dict[str, list[Any]]:
    """Rows by the text of a field that several may share, each group in the order of `key`, their id."""
    groups_of: dict[str, list[Any]] = {}
    ordered = sorted(found, key=lambda row: int(row[key]))
    for row in ordered:
        value = str(row.get(field) or "")
        group = groups_of.setdefault(value, [])
        group.append(row)
    return groups_of


def error_code(body: Any) -> str:
    """The portal's error code in lower case (it mixes cases, §1.3); "" where there is none."""
    if not isinstance(body, Mapping):
        return ""
    code = str(body.get("error", ""))
    return code.lower()


def next_start(value: Any) -> int | None:
    """`next` of a page: the start of the page that follows, None after the last one (§2.4)."""
    if isinstance(value, int | str) and str(value).isdigit():
        return int(value)
    return None
