"""What one run is: the profile, the options of the call, the state, the folder, the clock, the portal's side
and the journal.

A `Run` does not change while it lasts. What a run has read is a value of its own (`etl.flows.reading`), made
by the intake and handed on as an argument.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from etl import tables
from etl.config.profile import Profile
from etl.exchange.folder import Exchange
from etl.flows.side import PortalSide
from etl.report import RunReport
from etl.state.store import Store

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller asked of a run. `month` as 2026-11; `accept`: a person allows more overwrites than the
    guard (or a restoration with doubts); `dry`: a plan, nothing is written; `force_billing`: bill although no
    day of billing is due.
    """

    month: str | None = None
    accept: bool = False
    dry: bool = False
    force_billing: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of a run (aware), one and the same from its first step to its last, and as 1C's clock shows
    it.
    """

    now: dt.datetime
    time_zone: str

    @property
    def local(self) -> dt.datetime:
        """The moment in 1C's time zone, naive as 1C writes it, to the second."""
        return self.now.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None, microsecond=0)

    @property
    def today(self) -> dt.date:
        """The day of the run in 1C's time zone."""
        return self.local.date()


@dataclass(frozen=True, slots=True)
class Journal:
    """What a run tells: issues and steps go into the state's journal and into the account of the run."""

    state: Store
    number: int
    report: RunReport

    @property
    def counts(self) -> Counter[str]:
        """Counters of the account, by name."""
        return self.report.counts

    def note(self, rows: pd.DataFrame | list[Record], scope: str) -> None:
        """Issues into the account and the journal. `scope` says who closes them when they are gone."""
        if not len(rows):
            return
        found = [dict(row) for row in rows] if isinstance(rows, list) else tables.records(rows)
        self.report.issues += found
        self.state.runs.add_issues(self.number, found, scope)

    def tell(self, rows: Iterable[Record]) -> None:
        """Steps into the journal, as they come; a plan shows them as changes too."""
        self.state.runs.journal(self.number, self._shown(rows) if self.report.dry else rows)

    def _shown(self, rows: Iterable[Record]) -> Iterator[Record]:
        for row in rows:
            if row.get("after") is not None:
                self.report.changes.append(row)
            yield row


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: where it reads and writes, when it is, and to whom it tells what it does."""

    profile: Profile
    options: Options
    state: Store
    folder: Exchange
    clock: Clock
    portal: PortalSide
    journal: Journal

    @property
    def number(self) -> int:
        """The number of this run in the state."""
        return self.journal.number

    @property
    def month(self) -> str:
        """The month asked for, or the present one, as 2026-11."""
        return self.options.month or f"{self.clock.today:%Y-%m}"

    def wrote(self, path: Path) -> None:
        """A file that a person or 1C will open: into the account, as a person finds it."""
        shown = str(path)
        if path.is_relative_to(self.folder.folder):
            shown = f"{self.profile.onec.folder.name}/{path.relative_to(self.folder.folder)}"
        self.journal.report.files.append(shown)
