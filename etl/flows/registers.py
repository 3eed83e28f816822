"""The registers of a contract customer: what was charged and accrued, the lost-register guard, workbooks, the
archive.

Charges and accruals cannot be rebuilt from the two systems (DESIGN §6), so their workbooks are archived and
`restore` reads them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from etl import tables
from etl.errors import NeedsPerson
from etl.exchange.folder import ARCHIVE, SHEETS_OUT
from etl.flows.publication import answers
from etl.flows.run import Context, Record
from etl.load.spreadsheet import workbooks

RESTORED = "registers-restored"
REGISTER, ACTS = "reestr", "akty"


def refuse_if_lost(context: Context) -> None:
    """Raise NeedsPerson when the registers are empty although something was charged before: charging again
    would double it.

    Signs of a loss: archived registers, or a deal that stands on a stage our rules lead to.
    """
    if not context.store.registers_empty() or context.store.files.cursor(RESTORED):
        return
    reached = {rule.to for rule in context.profile.rules}
    beyond = [row["id"] for row in tables.each(context.deals) if row["stage"] in reached]
    archived = archived_books(context.exchange.folder)
    if beyond or archived:
        what = (
            f"в архиве лежат реестры ({len(archived)})"
            if archived
            else f"сделки стоят дальше по стадиям (например, {beyond[0]})"
        )
        raise NeedsPerson(
            f"Реестр начислений пуст, но {what}: похоже, состояние потеряно. Начислять нельзя, иначе всё удвоится.",
            "Выполните obmen24 restore.",
        )


def archived_books(folder: Path) -> list[Path]:
    """Register and act workbooks in the archive, oldest first."""
    found = [path for name in (REGISTER, ACTS) for path in (folder / ARCHIVE).glob(f"*/{name}-*.xlsx")]
    return sorted(found, key=lambda path: (path.parent.name, path.name))


def meta(context: Context, *, period: str, version: int, moment: dt.datetime) -> workbooks.Meta:
    """Heading of the books of this profile."""
    own = context.profile.organisation
    return workbooks.Meta(
        organisation=own.name,
        period=period,
        portal=context.profile.bitrix24.name,
        formed_at=moment,
        version=version,
        inn=own.inn,
        kpp=own.kpp,
    )


def write_book(context: Context, name: str, write: Callable[[BinaryIO], Any], *, archive: bool = True) -> str:
    """Put a workbook where people look for it and, beside that, into the archive. Returns its sha256."""
    published = context.exchange.publish_for_person(f"{SHEETS_OUT}/{name}", write)
    if published.changed:
        context.wrote(published.path)
    if published.note:
        context.report.notes.append(published.note)
    if archive:
        context.exchange.publish(
            f"{ARCHIVE}/{context.today:%Y-%m}/{name}", lambda target: answers.copied(published.path, target)
        )
    return published.sha256


def legacy_deals(context: Context) -> set[str]:
    """Deals that stood beyond the first stage when the exchange was first set up: their commission is a
    person's business."""
    return set(json.loads(context.store.files.cursor(RESTORED) or "{}").get("legacy", []))


def totals(rows: pd.DataFrame) -> Record:
    """Count and sum for the register's own record."""
    amounts = rows["amount"].tolist()
    return {"rows": len(amounts), "total": str(sum(amounts, Decimal(0)))}
