"""Records of the portal that carry one external id of ours twice. Facts: reference bitrix24 §5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from etl import tables
from etl.bitrix24 import directory
from etl.bitrix24.calls import grouped
from etl.bitrix24.client import Client
from etl.bitrix24.fields import COMPANY, CONTACT, DEAL
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import every

if TYPE_CHECKING:
    import pandas as pd

#: entityTypeId -> the entity as our tables call it.
_ENTITIES = {DEAL: "deal", CONTACT: "contact", COMPANY: "company"}

_WORDS = {"deal": "сделок", "contact": "контактов", "company": "компаний"}


def doubles(client: Client, originator: str) -> pd.DataFrame:
    """Issues for records that carry one external id of ours twice.

    No external id is unique on the server (bitrix24 §5): a repeated request makes doubles.
    """
    found: list[tables.Record] = []
    for kind, entity in _ENTITIES.items():
        listing = directory.items(kind, {"=originatorId": originator}, ["id", "originId"])
        by_origin = grouped(every(client, listing), "originId", "id")
        for origin in sorted(by_origin):
            same = by_origin[origin]
            if origin and len(same) > 1:
                found.append(_double(entity, origin, same))
    return tables.frame("issues", found)


def _double(entity: str, origin: str, same: Sequence[Row]) -> tables.Record:
    """The issue of several records with one external id, the oldest first."""
    listed = ", ".join(str(row["id"]) for row in same)
    return tables.issue(
        f"На портале несколько {_WORDS[entity]} с одним кодом 1С: {listed}. Оставьте первую, остальные "
        f"удалите, или укажите верную: obmen24 link {entity} НОМЕР {origin}.",
        severity="ask",
        entity=entity,
        key=origin,
        field="originId",
        value=listed,
    )
