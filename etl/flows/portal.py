"""The portal's side of a run: one client, the names of the profile, deals read once, changes written one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.bitrix24 import client as rest
from etl.bitrix24 import fields
from etl.extract import bitrix24 as extract

if TYPE_CHECKING:
    import pandas as pd

    from etl.flows.context import Context


class PortalSide:
    """Connected at first use; every name of the profile is resolved before anything else is asked."""

    def __init__(self, context: Context) -> None:
        self._context = context
        profile = context.profile
        self.client = rest.connect(profile.bitrix24, profile.path.parent, profile.state_folder)
        self.names = fields.load(self.client, profile)

    @cached_property
    def deals(self) -> pd.DataFrame:
        """Deals of the profile's pipeline, read once per run."""
        found = extract.deals(self.client, self.names, self._context.profile)
        self._context.report.counts["deals_read"] = len(found)
        return found

    def apply(self, changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write changes, each with its own outcome (`etl.flows.delivery`); the deals read before follow what was written."""
        from etl.flows import delivery

        applied = delivery.apply(self._context, self.client, self.names, changes) if changes else []
        for row in applied:
            if row["outcome"] == "done" and row["action"] in ("stage", "update"):
                self._follow(row)
        return applied

    def _follow(self, row: dict[str, Any]) -> None:
        places = self.deals.index[self.deals["id"] == row["key"]]
        for place in places:
            if row["action"] == "stage":
                self.deals.at[place, "stage"] = row["after"]
            else:
                fields: Any = self.deals.at[place, "fields"]
                self.deals.at[place, "fields"] = fields | {row["field"]: row["after"]}
