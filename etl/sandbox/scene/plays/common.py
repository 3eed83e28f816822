"""What all plays share: sessions of 1C, acts done once, payments of halves.

Each play is called after every run of the product and is deterministic; what was done once is not done again,
so a second rehearsal finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from etl.sandbox.scene.stage import Stage

_CENT = Decimal("0.01")

#: (scene, number of the turn, from 0) -> what was done, in Russian
Play = Callable[[Stage, int], list[str]]


def session(stage: Stage) -> list[str]:
    """1C exchanges; told only where anything changed."""
    done = stage.session()
    if not (done.created or done.updated or done.exported):
        return []
    return [f"1С, сеанс {done.number}: загружено {done.loaded}, выгружено {len(done.exported)}."]


def once(stage: Stage, kind: str, key: str) -> bool:
    """True the first time; what people have done is remembered between rehearsals."""
    done: list[str] = stage.memory.setdefault(kind, [])
    if key in done:
        return False
    done.append(key)
    return True


def habit(number: str) -> int:
    """0-9 by the number of a document: what its client or its storekeeper is used to do."""
    return sum(number.encode()) % 10


def half(amount: Decimal) -> Decimal:
    """In kopecks, a half of one up."""
    return (amount / 2).quantize(_CENT, ROUND_HALF_UP)


def rows_of(answer: Any) -> Any:
    """The rows of a list that the portal answered."""
    return answer.rows if hasattr(answer, "rows") else answer


def move_deal(stage: Stage, deal: int, name: str) -> None:
    """A manager moves a deal to the stage of this name."""
    rows = stage.portal.call("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE"}})
    code = next(row["STATUS_ID"] for row in rows if row["NAME"] == name)
    stage.portal.call("crm.deal.update", {"id": deal, "fields": {"STAGE_ID": code}})
