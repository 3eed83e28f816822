"""Flow `spreadsheet-in` (specification 000, "acceptable variant"): a deal export a person saved -> the same
charges, without REST.

The charge register is the one the automatic route uses, so a deal charged there is not charged here, and the
other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from etl import tables
from etl.errors import ConfigError, Rejected
from etl.extract.spreadsheet import deal_export
from etl.flows import registers
from etl.flows.contracts import billing
from etl.flows.reading import Reading
from etl.flows.run import Run
from etl.flows.side import SavedDeals
from etl.records import Deal
from etl.transform.contracts.exported import ours

SCOPE = "spreadsheet-in"


def flow(run: Run, reading: Reading) -> None:
    """Charge by the exports dropped into `spreadsheets/in`."""
    if reading.spreadsheets:
        convert(run, reading.spreadsheets)


def convert(run: Run, files: Sequence[Path]) -> None:
    """Charge the month by the given exports together. A file that cannot be read is an Issue; with none left
    nothing is charged.
    """
    settings = run.profile.billing
    if settings is None:
        raise ConfigError(
            "В профиле нет раздела [billing]: начислять нечего.",
            "Добавьте его по образцу samples/profiles/video.toml.",
        )
    deals = read(run, files)
    if deals is None:
        return
    source = SavedDeals(deals)  # the export speaks for itself only: billing by the portal asks the portal
    registers.refuse_if_lost(run, source)
    billing.export_planned(run, settings, source)
    billing.charge(run, settings, run.month, source)


def read(run: Run, files: Sequence[Path]) -> pd.DataFrame | None:
    """Deals of all files, one row per deal (a later file wins), stages by the profile's names; None when no
    file could be read.
    """
    columns = deal_export.columns(run.profile)
    exported: list[Deal] = []
    good = False
    for path in files:
        try:
            found = deal_export.read_deals(
                path, name=path.name, columns=columns, required=deal_export.REQUIRED
            )
        except Rejected as error:
            run.journal.note([tables.issue(str(error), file=path.name, place=error.place or None)], SCOPE)
            continue
        good = True
        run.journal.note(found.issues, SCOPE)
        exported += tables.records(found.deals, Deal)
    return tables.frame("deals", ours(run.profile, exported)) if good else None
