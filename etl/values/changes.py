"""Intended writes to the portal that follow from documents of 1C, as rows of `changes`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from etl.records import Change


def change(
    key: str, action: str, field: str, before: Any, after: Any, why: str, entity: str = "deal"
) -> Change:
    """One write of the portal: `before` and `after` as the field shows them, `why` in Russian."""
    return {
        "side": "portal",
        "entity": entity,
        "key": key,
        "action": action,
        "field": field,
        "before": before,
        "after": after,
        "reason": f"из 1С: {why}",
    }


def numbered(rows: Iterable[Change]) -> list[Change]:
    """Records of the table `changes`, in their order."""
    return [{**row, "seq": number} for number, row in enumerate(rows, 1)]
