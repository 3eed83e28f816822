"""The registers of a contract customer: what was charged and accrued, the lost-register guard, workbooks, the
archive.

Charges and accruals cannot be rebuilt from the two systems (DESIGN §6), so their workbooks are archived and
`restore` reads them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from etl import tables
from etl.errors import NeedsPerson
from etl.exchange.folder import ARCHIVE, SHEETS_OUT
from etl.flows.publication.file import copied
from etl.flows.run import Record, Run
from etl.flows.side import DealSource
from etl.load.spreadsheet import workbooks
from etl.records import NotBilled

RESTORED = "registers-restored"
REGISTER, ACTS = "reestr", "akty"


def refuse_if_lost(run: Run, source: DealSource) -> None:
    """Raise NeedsPerson when the registers are empty although something was charged before: charging again
    would double it.

    Signs of a loss: archived registers, or a deal that stands on a stage our rules lead to.
    """
    if not run.state.registers_empty() or run.state.files.cursor(RESTORED):
        return
    beyond = deals_beyond(run, source)
    archived = archived_books(run.folder.folder)
    if archived:
        what = f"в архиве лежат реестры ({len(archived)})"
    elif beyond:
        what = f"сделки стоят дальше по стадиям (например, {beyond[0]})"
    else:
        return
    raise NeedsPerson(
        f"Реестр начислений пуст, но {what}: похоже, состояние потеряно. "
        "Начислять нельзя, иначе всё удвоится.",
        "Выполните obmen24 restore.",
    )


def deals_beyond(run: Run, source: DealSource) -> list[str]:
    """Deals that stand on a stage our rules lead to."""
    reached = {rule.to for rule in run.profile.rules}
    deals = source.deals
    return deals.loc[deals["stage"].isin(reached), "id"].tolist()


def archived_books(folder: Path) -> list[Path]:
    """Register and act workbooks in the archive, oldest first."""
    found = [path for name in (REGISTER, ACTS) for path in (folder / ARCHIVE).glob(f"*/{name}-*.xlsx")]
    return sorted(found, key=lambda path: (path.parent.name, path.name))


def meta(run: Run, *, period: str, version: int, moment: dt.datetime) -> workbooks.Meta:
    """Heading of the books of this profile: its organisation; of several only the names, for the rows are
    theirs.
    """
    own = run.profile.organisations
    only = own[0] if len(own) == 1 else None
    return workbooks.Meta(
        organisation=", ".join(one.name for one in own),
        period=period,
        portal=run.profile.bitrix24.name,
        formed_at=moment,
        version=version,
        inn=only.inn if only else None,
        kpp=only.kpp if only else None,
    )


def write_book(run: Run, name: str, write: Callable[[BinaryIO], Any], *, archive: bool = True) -> str:
    """Put a workbook where people look for it and, beside that, into the archive. Returns its sha256."""
    published = run.folder.publish_for_person(f"{SHEETS_OUT}/{name}", write)
    if published.changed:
        run.wrote(published.path)
    if published.note:
        run.journal.report.notes.append(published.note)
    if archive:
        copy = partial(copied, published.path)
        run.folder.publish(f"{ARCHIVE}/{run.clock.today:%Y-%m}/{name}", copy)
    return published.sha256


def legacy_deals(run: Run) -> set[str]:
    """Deals that stood beyond the first stage when the exchange was first set up: their commission is a
    person's business.
    """
    return set(json.loads(run.state.files.cursor(RESTORED) or "{}").get("legacy", []))


def left_out(rows: Iterable[NotBilled]) -> list[Record]:
    """Deals that were not charged or not accrued, as issues: the reason and what to do."""
    found: list[Record] = []
    for row in rows:
        text = f"{row['reason']}. {row['advice'] or ''}".strip()
        found.append(tables.issue(text, severity="warn", entity="deal", key=row["deal"]))
    return found


def totals(rows: pd.DataFrame) -> Record:
    """Count and sum for the register's own record."""
    amounts = rows["amount"].tolist()
    return {"rows": len(amounts), "total": str(sum(amounts, Decimal(0)))}
