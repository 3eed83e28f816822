"""Intended writes to the portal that follow from documents of 1C, as rows of `changes`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from etl.records import Change
from etl.tables import frame

if TYPE_CHECKING:
    import pandas as pd


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


def numbered(rows: Iterable[Change]) -> pd.DataFrame:
    """Table `changes` of these rows, in their order."""
    return frame("changes", ({**row, "seq": number} for number, row in enumerate(rows, 1)))
