"""The portal's side of a run: one client, the names of the profile, and what is read of it once per run.

It is connected at first use: a run that finds nothing for the portal never asks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from etl import tables
from etl.bitrix24 import client as rest
from etl.bitrix24 import names as portal_names
from etl.config.profile import Profile
from etl.extract.bitrix24 import deals as extract

if TYPE_CHECKING:
    import pandas as pd

#: fields of the portal that are columns of `deals`
_COLUMNS = {"opportunity": "amount", "assignedById": "manager"}


class DealSource(Protocol):
    """Where deals come from: the portal, or an export that a person saved."""

    @property
    def deals(self) -> pd.DataFrame:
        """The table `deals`."""


@dataclass(frozen=True, slots=True)
class SavedDeals:
    """Deals of exports that a person saved (the manual route of specification 000)."""

    deals: pd.DataFrame


class PortalSide:
    """The portal of a profile. `turn` counts the rounds of writing of this run: each has outbox keys of its
    own.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.turn = 0
        #: deals that the portal gave; 0 while it was not asked
        self.deals_read = 0
        self._read: pd.DataFrame | None = None
        self._made: list[dict[str, Any]] = []
        self._places: dict[str, int] = {}

    @cached_property
    def client(self) -> rest.Client:
        """The connection. Raises ConfigError without a webhook, TryLater while the portal is away."""
        return rest.connect(self.profile.bitrix24, self.profile.path.parent, self.profile.state_folder)

    @cached_property
    def names(self) -> portal_names.Names:
        """Every name of the profile, resolved before anything else is asked. Raises ConfigError for unknown
        ones.
        """
        return portal_names.load(self.client, self.profile)

    def close(self) -> None:
        """Let go of the connections, if the portal was asked at all."""
        if "client" in self.__dict__:
            self.client.close()

    @cached_property
    def directory(self) -> dict[str, pd.DataFrame]:
        """Companies and contacts with requisites, bank details and addresses."""
        from etl.extract.bitrix24 import parties

        return parties.parties(self.client, self.names, self.profile)

    def forget_directory(self) -> None:
        """Cards were written: what was read before is not what stands there now."""
        self.__dict__.pop("directory", None)

    @cached_property
    def own_requisites(self) -> dict[str, str]:
        """Requisite of one of our own companies -> the organisation's name in the profile."""
        from etl.bitrix24 import directory

        return directory.own_requisites(self.client, self.profile)

    @cached_property
    def own_companies(self) -> dict[str, str]:
        """One of our own companies -> the organisation's name in the profile."""
        from etl.bitrix24 import directory

        return directory.own_companies(self.client, self.profile)

    @cached_property
    def rates(self) -> dict[str, Decimal]:
        """Currency -> its rate of the day in roubles, as the portal has it."""
        from etl.extract.bitrix24 import currencies

        return currencies.rates(self.client)

    def by_origin(self, kind: int, origins: Sequence[str]) -> dict[str, list[str]]:
        """External id under our originator -> ids of the portal's companies, contacts or deals that carry
        it.
        """
        from etl.bitrix24 import directory

        return directory.by_origin(self.client, kind, self.profile.bitrix24.originator, origins)

    def living(self, kind: int, numbers: Iterable[str]) -> set[str]:
        """Those of these companies or contacts that the portal still has."""
        from etl.bitrix24 import directory
        from etl.bitrix24.lists.reading import of_owners

        rows = of_owners(self.client, directory.items(kind, select=["id"]), "@id", numbers)
        return {str(row["id"]) for row in rows}

    # ---- deals
    @property
    def deals(self) -> pd.DataFrame:
        """Deals of the profile's pipeline, read once; what this run wrote or made is in them."""
        if self._read is None:
            names = self.names  # names first: a wrong profile is told before a long reading
            self._read = extract.deals(self.client, names, self.profile)
            self.deals_read = len(self._read)
            self._places = {key: place for place, key in enumerate(self._read["id"])}
        if self._made:
            made = tables.frame("deals", self._made)
            self._made = []
            self._read = tables.concat("deals", [self._read, made])
        return self._read

    def add(self, deal: dict[str, Any]) -> None:
        """A deal made in this run is one of the deals from now on."""
        self._places[deal["id"]] = len(self.deals)
        self._made.append(deal)

    def follow(self, applied: Iterable[dict[str, Any]]) -> None:
        """The deals read before become as the applied changes have made them on the portal."""
        for row in applied:
            done = row["outcome"] == "done" and row["entity"] == "deal"
            if done and row["action"] in _FOLLOWED and row["key"] in self._places:
                _FOLLOWED[row["action"]](self.deals, self._places[row["key"]], row)


def _stage(deals: pd.DataFrame, place: int, row: dict[str, Any]) -> None:
    """The deal stands on its new stage."""
    deals.at[place, "stage"] = row["after"]


def _organisation(deals: pd.DataFrame, place: int, row: dict[str, Any]) -> None:
    """The deal belongs to its new organisation of ours."""
    deals.at[place, "organisation"] = row["after"]


def _rows(deals: pd.DataFrame, place: int, row: dict[str, Any]) -> None:
    """The sum of a deal is that of its rows."""
    amount: Any = sum((line["amount"] for line in row["lines"]), Decimal("0.00"))
    deals.at[place, "amount"] = amount


def _field(deals: pd.DataFrame, place: int, row: dict[str, Any]) -> None:
    """A field that is a column of `deals`, else one of the fields that the profile names; our organisation
    stands in one of them where the profile says so.
    """
    if "organisation" in row:
        deals.at[place, "organisation"] = row["organisation"]
    if column := _COLUMNS.get(row["field"]):
        deals.at[place, column] = row["after"]
        return
    known: Any = deals.at[place, "fields"]
    deals.at[place, "fields"] = known | {row["field"]: row["after"]}


#: action of a change -> how a deal follows it
_FOLLOWED = {"stage": _stage, "link": _organisation, "rows": _rows, "update": _field}
