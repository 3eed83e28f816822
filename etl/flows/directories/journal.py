"""A directory exchange in the words of the journal and of the account."""

from __future__ import annotations

from typing import Any

from etl.flows.agreement import Key
from etl.flows.directories.comparison import Comparison
from etl.flows.directories.records import TITLES
from etl.flows.run import Record
from etl.transform.comparison import shown

_WORDS = {
    "to-1c": "Передано в 1С",
    "update": "Записано из 1С",
    "create": "Создано из 1С",
    "kept": "Осталась правка портала",
}


def step(
    found: Comparison,
    key: Key,
    action: str,
    column: str,
    before: Any,
    after: Any,
    rule: Any,
    file: str | None,
) -> Record:
    """One field of one record: `action` to-1c, update, create or kept. Under the portal's own number, where
    the record has one.
    """
    portal = found.pairs.get(key[1])
    return {
        "entity": key[0],
        "key": portal.partition("_")[2] if portal else key[1],
        "action": action,
        "field": column,
        "before": shown(before),
        "after": shown(after),
        "file": file,
        "document": key[1],
        "reason": rule,
        "message": f"{_WORDS[action]}: {TITLES.get(column, column)}:",
    }


def under_portal_number(found: Comparison, row: Record) -> Record:
    """An issue about a record of 1C under the number of its card: what a person can open."""
    portal = found.pairs.get(row["key"] or "")
    if not portal:
        return row
    entity, _, number = portal.partition("_")
    return row | {"entity": entity, "key": number}
