"""`obmen24 reconcile`: portal against register against 1C against bank for one month, to the kopeck, as a
workbook and a short table.

Nothing is changed. What 1C holds is taken from the archived files it wrote: the newest text of each document.
"""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from etl import tables
from etl.errors import TryLater
from etl.exchange.folder import ARCHIVE
from etl.extract.commerceml import read
from etl.flows import registers
from etl.flows.publication import queue
from etl.flows.publication.file import SENT
from etl.flows.run import Record, Run
from etl.load.spreadsheet import workbooks
from etl.transform.contracts import billing
from etl.transform.money.reconcile import EQUAL, SIDES, Result, reconcile
from etl.values import clean, keys

_SHOWN = 20


def write(run: Run, month: str) -> None:
    """Compare and write `sverka-<month>.xlsx`; the account tells the summary and the first differences."""
    run.journal.report.title = "Сверка выполнена"
    result = compare(run, month)
    heading = registers.meta(run, period=month, version=1, moment=run.clock.local)
    registers.write_book(
        run,
        f"sverka-{month}.xlsx",
        lambda target: workbooks.write_reconciliation(
            target,
            summary=result.summary,
            documents=result.documents,
            contracts=result.contracts,
            parties=result.parties,
            meta=heading,
        ),
        archive=False,
    )
    run.journal.report.notes += lines(result)


def compare(run: Run, month: str) -> Result:
    """The four sides of the month; a side that could not be asked is left out."""
    charges = billing.current(run.state.charges.rows(), month)
    numbers = set(charges["number"])
    payments = [row for row in tables.records(run.state.facts.rows("payment")) if row["target"] in numbers]
    documents = onec_documents(run, month)
    # a 1C that tells of orders and tells nothing of ours has not received them: that is a difference, not
    # silence
    tells = "orders_from_us" in queue.dialect_of(run).tells and run.profile.delivery.charge == "commerceml"
    return reconcile(
        charges,
        expected=_expected(run, charges),
        documents=documents if tells or len(documents) else None,
        payments=tables.frame("payments", payments),
        bank=any(row["source"] == "bank" for row in payments),
    )


def onec_documents(run: Run, month: str) -> pd.DataFrame:
    """Orders and invoices of 1C that carry charges of the month, as 1C last told them (table `documents`)."""
    newest: dict[str, Record] = {}
    folders = sorted(
        path
        for path in (run.folder.folder / ARCHIVE).glob("????-??")
        if path.name >= clean.month_after(month, -1)
    )
    for path in (
        file for folder in folders for file in sorted(folder.glob("*.xml")) if not file.name.startswith(SENT)
    ):
        for row in tables.records(read.read_tables(path, name=path.name)["documents"]):
            key = keys.decode(row["number"])
            if key and key.kind == "charge" and key.month == month and row["kind"] in ("order", "invoice"):
                newest[row["id"]] = row
    return tables.frame("documents", newest.values())


def _expected(run: Run, charges: pd.DataFrame) -> dict[str, Decimal] | None:
    """Charge number -> the fee the deal shows now; None when the portal is away."""
    try:
        fees = {row["id"]: row["monthly_fee"] for row in tables.records(run.portal.deals)}
    except TryLater as error:
        run.journal.report.notes.append(f"Портал в сверке не участвует: {error}")
        return None
    return {
        row["number"]: fees[row["deal"]]
        for row in tables.records(charges)
        if fees.get(row["deal"]) is not None
    }


def lines(result: Result) -> list[str]:
    """Russian lines for the terminal: the totals of each side, then the first differences."""
    said = [_row(row) for row in tables.records(result.summary)]
    different = [row for row in tables.records(result.documents) if row["status"] != EQUAL]
    said += [
        f"  {row['document']} ({row['contract_number'] or '–'}): {row['kind']}: "
        + ", ".join(filter(None, (row["status"], row["reason"])))
        for row in different[:_SHOWN]
    ]
    said += [f"  … и ещё {len(different) - _SHOWN}, все в файле сверки"] if len(different) > _SHOWN else []
    return [
        *said,
        "Расхождений нет."
        if result.clean
        else f"Расхождений: {len(different)}. Разберите их по листу «Документы».",
    ]


def _row(row: Record) -> str:
    sides = "; ".join(f"{words} {row[side]}" for side, words in SIDES.items() if row[side] is not None)
    return f"{row['title']}: {sides}; совпадает {row['equal']}, расходится {row['different']}"
