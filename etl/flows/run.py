"""What the steps of one run share: the profile, the state, the folder, the portal, what was read, and the
account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from etl import tables
from etl.config.profile import Profile
from etl.exchange.folder import Exchange
from etl.report import RunReport
from etl.state.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from etl.flows.side import PortalSide

Record = dict[str, Any]


@dataclass
class Context:
    """One run. `now` is aware; `read` holds what 1C wrote since the last run, table by table; `dry` = a
    plan."""

    profile: Profile
    store: Store
    exchange: Exchange
    now: dt.datetime
    run: int
    report: RunReport
    dry: bool = False
    accept: bool = False
    month: str | None = None
    force_billing: bool = False
    turn: int = 0
    given_deals: pd.DataFrame | None = None
    read: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    seen: list[Record] = field(default_factory=list)
    walked: list[pd.DataFrame] = field(default_factory=list)
    moments: dict[str, dt.datetime | None] = field(default_factory=dict)
    receipts: list[pd.DataFrame] = field(default_factory=list)
    spreadsheets: list[Path] = field(default_factory=list)

    @cached_property
    def portal(self) -> PortalSide:
        """The portal, connected at first use: a run that finds nothing for it never asks it."""
        from etl.flows.side import PortalSide

        return PortalSide(self)

    def close(self) -> None:
        """Let go of the portal's connections, if it was asked at all."""
        if "portal" in self.__dict__:
            self.portal.client.close()

    @property
    def local(self) -> dt.datetime:
        """The moment of the run as 1C's clock shows it (naive)."""
        return self.now.astimezone(ZoneInfo(self.profile.onec.time_zone)).replace(tzinfo=None, microsecond=0)

    @property
    def today(self) -> dt.date:
        """The day of the run in 1C's time zone."""
        return self.local.date()

    @property
    def deals(self) -> pd.DataFrame:
        """Deals of the profile's pipeline: from the portal, or from the file a person saved (manual
        route)."""
        return self.given_deals if self.given_deals is not None else self.portal.deals

    def table(self, name: str) -> pd.DataFrame:
        """Everything of one table that this run has read from 1C."""
        return tables.concat(name, self.read.get(name, []))

    @property
    def met(self) -> pd.DataFrame:
        """Every document of this run's files, also those already known: what others are based on, and what
        proves an echo."""
        return tables.concat("documents", self.walked)

    def note(self, rows: pd.DataFrame | list[Record], scope: str) -> None:
        """Issues into the account and the journal."""
        found = [dict(row) for row in rows] if isinstance(rows, list) else tables.records(rows)
        if found:
            self.report.issues += found
            self.store.runs.add_issues(self.run, found, scope)

    def journal(self, rows: Iterable[Record]) -> None:
        """Steps into the journal, as they come; a plan shows them as changes too."""
        if rows:
            self.store.runs.journal(self.run, self._shown(rows) if self.dry else rows)

    def _shown(self, rows: Iterable[Record]) -> Iterator[Record]:
        for row in rows:
            self.report.changes += [row] if row.get("after") is not None else []
            yield row

    def wrote(self, path: Path) -> None:
        """A file a person or 1C will open."""
        shown = path.relative_to(self.exchange.folder) if path.is_relative_to(self.exchange.folder) else path
        self.report.files.append(f"{self.profile.onec.folder.name}/{shown}" if shown != path else str(path))
