"""What one run has read of the files of 1C and of people: made by the intake, handed on to the flows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from etl import tables
from etl.exchange.folder import Taken
from etl.records import Document, Line, Receipt
from etl.state.files import StoredFile


@dataclass(frozen=True, slots=True)
class Item:
    """One file of this run, and the moment 1C says it was written (aware)."""

    taken: Taken
    file: StoredFile
    generated_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Reading:
    """`documents`: the newest text of each that is newer than what was known, `lines`: theirs. `met`: every
    document of the files, also those already known: what others are based on, and what proves an echo.
    `tables`: the other tables, by name. `seen`: rows of the state that remember each document told anew.
    `moments`: file -> when 1C wrote it. `receipts`: of bank statements. `spreadsheets`: deal exports that
    people saved. `items`: the files, to be put away after the commit.
    """

    documents: Sequence[Document] = ()
    lines: Sequence[Line] = ()
    met: Sequence[Document] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    seen: Sequence[dict[str, Any]] = ()
    moments: Mapping[str, dt.datetime | None] = field(default_factory=dict)
    receipts: Sequence[Receipt] = ()
    spreadsheets: Sequence[Path] = ()
    items: Sequence[Item] = ()

    def table(self, name: str) -> pd.DataFrame:
        """Everything of one table that this run has read from 1C."""
        return self.tables[name] if name in self.tables else tables.frame(name)
