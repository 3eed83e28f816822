"""The workbooks of a month: the register that people read, and the import file that 1C loads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from etl import tables
from etl.config.profile import Billing
from etl.errors import ConfigError
from etl.exchange.folder import SHEETS_OUT
from etl.flows import registers
from etl.flows.contracts.plan import planned
from etl.flows.run import Run
from etl.flows.side import DealSource
from etl.load.spreadsheet import imports, workbooks
from etl.transform.contracts import register
from etl.values import clean

Kind = Literal["charge", "act", "payment"]


def write_import(run: Run, rows: pd.DataFrame, kind: Kind, name: str) -> None:
    """The loadable workbook and its text twin, one pair per organisation. In: table `charges`, `accruals` or
    `payments`.
    """
    parts = register.by_organisation(rows)
    for number, part in enumerate(parts, 1):
        stem = name if len(parts) == 1 else f"{name}-org{number}"
        for suffix, writer in ((".xlsx", imports.write_import), (".txt", imports.write_import_txt)):
            write = partial(_import_file, writer, part, kind)
            registers.write_book(run, stem + suffix, write, archive=False)


def _import_file(writer: Callable[..., Any], rows: pd.DataFrame, kind: Kind, target: BinaryIO) -> None:
    """`writer` with the target last, as `write_book` hands it over."""
    writer(target, rows, kind)


def write_register(run: Run, settings: Billing, source: DealSource, month: str, version: int) -> str:
    """The workbook for people. Its heading carries the moment of planning, so the same version has the same
    bytes.
    """
    exceptions, terminated = _beside(run, settings, source, month, version)
    comparison = tables.records(_comparison(run, month))
    rows = run.state.charges.rows(month, version)
    heading = registers.meta(run, period=month, version=version, moment=_planned_at(run, month, version))

    def write(target: BinaryIO) -> None:
        workbooks.write_register(
            target,
            charges=rows,
            meta=heading,
            exceptions=exceptions,
            terminated=terminated,
            comparison=comparison,
            payments=_payments(run, rows),
        )

    return registers.write_book(run, f"{registers.REGISTER}-{month}-v{version}.xlsx", write)


def rewrite(run: Run, month: str) -> list[Path]:
    """Write the register workbooks of a month again, every version. Raises ConfigError when the month was
    never charged.
    """
    settings = run.profile.billing
    versions = [held["version"] for held in run.state.charges.versions(month)]
    if settings is None or not versions:
        raise ConfigError(
            f"За {clean.month_name(month)} ничего не начислено.", f"Начислите: obmen24 bill --month {month}."
        )
    for version in versions:
        write_register(run, settings, run.portal, month, version)
    folder = run.folder.folder / SHEETS_OUT
    return [folder / f"{registers.REGISTER}-{month}-v{version}.xlsx" for version in versions]


def _planned_at(run: Run, month: str, version: int) -> dt.datetime:
    """When a register version was planned, as 1C's clock shows it."""
    held = [one for one in run.state.charges.versions(month) if one["version"] == version]
    return local(run, held[0]["planned_at"])


def local(run: Run, moment: dt.datetime) -> dt.datetime:
    """A moment (aware) as 1C's clock shows it (naive)."""
    return moment.astimezone(ZoneInfo(run.profile.onec.time_zone)).replace(tzinfo=None, microsecond=0)


def _payments(run: Run, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Sheet «Оплаты»: what is known to be paid of these charges, where 1C learns of payments from the
    register and not from a file.
    """
    if "bank" not in run.profile.flows or run.profile.delivery.payment != "spreadsheet":
        return None
    known = run.state.facts.rows("payment")
    return known[known["target"].isin(rows["number"])].reset_index(drop=True)


def _beside(
    run: Run, settings: Billing, source: DealSource, month: str, version: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What stands in the register beside its rows: every deal left out with its reason, first those a person
    must look at (deals charged by this very version are not left out), and the last charges of terminated
    contracts.
    """
    plan = planned(run, settings, month, source.deals)
    charged = run.state.charges.deals(month, version)
    rest = plan.skipped[~plan.skipped["deal"].isin(charged)]
    return tables.concat("exceptions", [plan.exceptions, rest]), plan.terminated


def _comparison(run: Run, month: str) -> pd.DataFrame:
    """The month against the one before it, as both stand now."""
    before = register.current(run.state.charges.rows(clean.month_after(month, -1)))
    return register.compare(before, register.current(run.state.charges.rows(month)))
