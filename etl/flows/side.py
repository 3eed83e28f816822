"""The portal's side of a run: one client, the names of the profile, deals read once, changes written one by
one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl import tables
from etl.bitrix24 import client as rest
from etl.bitrix24 import fields
from etl.extract.bitrix24 import deals as extract

if TYPE_CHECKING:
    import pandas as pd

    from etl.flows.run import Context


_FOLLOWED = ("stage", "update", "rows", "link")
#: fields of the portal that are columns of `deals`
_COLUMNS = {"opportunity": "amount", "assignedById": "manager"}


class PortalSide:
    """Connected at first use; every name of the profile is resolved before anything else is asked."""

    def __init__(self, context: Context) -> None:
        self._context = context
        profile = context.profile
        self.client = rest.connect(profile.bitrix24, profile.path.parent, profile.state_folder)
        self.names = fields.load(self.client, profile)

    @cached_property
    def directory(self) -> dict[str, pd.DataFrame]:
        """Companies and contacts with requisites, bank details and addresses, read once per run."""
        from etl.extract.bitrix24 import parties

        return parties.parties(self.client, self.names, self._context.profile)

    @cached_property
    def own_requisites(self) -> dict[str, str]:
        """Requisite of one of our own companies -> the organisation's name in the profile."""
        from etl.bitrix24 import directory

        return directory.own_requisites(self.client, self._context.profile)

    def by_origin(self, kind: int, origins: Sequence[str]) -> dict[str, list[str]]:
        """External id under our originator -> ids of the portal's companies, contacts or deals that carry
        it."""
        from etl.load.bitrix24 import items as load

        return load.by_origin(self.client, kind, self._context.profile.bitrix24.originator, origins)

    @cached_property
    def deals(self) -> pd.DataFrame:
        """Deals of the profile's pipeline, read once per run."""
        found = extract.deals(self.client, self.names, self._context.profile)
        self._context.report.counts["deals_read"] = len(found)
        return found

    def apply(self, changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write changes, each with its own outcome (`etl.flows.portal.delivery`); the deals read before
        follow what was written."""
        from etl.flows.portal import delivery

        applied = delivery.apply(self._context, self.client, self.names, changes) if changes else []
        for row in applied:
            if row["outcome"] == "done" and row["entity"] == "deal" and row["action"] in _FOLLOWED:
                self._follow(row)
        return applied

    def add(self, deal: dict[str, Any]) -> None:
        """A deal made in this run is one of the deals from now on."""
        self.deals = tables.concat("deals", [self.deals, tables.frame("deals", [deal])])

    def _follow(self, row: dict[str, Any]) -> None:
        places = self.deals.index[self.deals["id"] == row["key"]]
        for place in places:
            if row["action"] in ("stage", "link"):
                self.deals.at[place, "stage" if row["action"] == "stage" else "organisation"] = row["after"]
            elif row["action"] == "rows":
                self.deals.at[place, "amount"] = sum(line["amount"] for line in row["lines"])
            elif row["field"] in _COLUMNS:
                self.deals.at[place, _COLUMNS[row["field"]]] = row["after"]
            else:
                fields: Any = self.deals.at[place, "fields"]
                self.deals.at[place, "fields"] = fields | {row["field"]: row["after"]}
