"""Command `reconcile`: portal, 1C, register and bank of a month against each other, into a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

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
from etl.records import Document
from etl.transform.contracts import register
from etl.transform.money.entries import BANK
from etl.transform.money.reconcile import EQUAL, SIDES, Result, reconcile
from etl.values import clean, keys

_SHOWN = 20


def write(run: Run, month: str) -> None:
    """Compare and write `sverka-<month>.xlsx`; the account tells the summary and the first differences."""
    run.journal.report.title = "Сверка выполнена"
    result = compare(run, month)
    heading = registers.meta(run, period=month, version=1, moment=run.clock.local)

    def book(target: BinaryIO) -> None:
        workbooks.write_reconciliation(
            target,
            summary=result.summary,
            documents=result.documents,
            contracts=result.contracts,
            parties=result.parties,
            meta=heading,
        )

    registers.write_book(run, f"sverka-{month}.xlsx", book, archive=False)
    run.journal.report.notes += lines(result)
    scope = f"reconcile:{month}"
    if not result.clean:
        run.journal.note([_differs(result, month)], scope)
    run.state.runs.close_issues(run.number, [scope])


def compare(run: Run, month: str) -> Result:
    """The four sides of the month; a side that could not be asked is left out."""
    charges = register.current(run.state.charges.rows(), month)
    told = run.state.facts.rows("payment")
    payments = told[told["target"].isin(charges["number"])]
    documents = onec_documents(run, month)
    # a 1C that tells of orders and tells nothing of ours has not received them: that is a difference, not
    # silence
    tells = "orders_from_us" in queue.dialect_of(run).tells and run.profile.delivery.charge == "commerceml"
    return reconcile(
        charges,
        expected=_expected(run, charges),
        documents=documents if tells or len(documents) else None,
        payments=payments,
        onec_pays=bool((told["source"] != BANK).any()),
        bank=bool((payments["source"] == BANK).any()),
    )


def onec_documents(run: Run, month: str) -> pd.DataFrame:
    """Orders and invoices of 1C that carry charges of the month, as 1C last told them (table `documents`)."""
    newest: dict[str, Document] = {}
    for path in _archived(run, clean.month_after(month, -1)):
        told = read.read_tables(path, name=path.name)
        for row in tables.each(told["documents"], Document):
            if _is_charge(row, month):
                newest[row["id"]] = row
    return tables.frame("documents", newest.values())


def _archived(run: Run, since: str) -> Iterator[Path]:
    """Files of 1C in the archive, oldest first, from a month on."""
    for folder in sorted((run.folder.folder / ARCHIVE).glob("????-??")):
        if folder.name < since:
            continue
        for path in sorted(folder.glob("*.xml")):
            if not path.name.startswith(SENT):
                yield path


def _is_charge(row: Document, month: str) -> bool:
    """An order or invoice of 1C under the number of a charge of the month."""
    if row["kind"] not in ("order", "invoice"):
        return False
    key = keys.decode(row["number"])
    if key is None:
        return False
    return key.kind == "charge" and key.month == month


def _expected(run: Run, charges: pd.DataFrame) -> dict[str, Decimal] | None:
    """Charge number -> the fee the deal shows now; None when the portal is away."""
    try:
        deals = run.portal.deals
    except TryLater as error:
        run.journal.report.notes.append(f"Портал в сверке не участвует: {error}")
        return None
    fees = dict(zip(deals["id"], deals["monthly_fee"], strict=True))
    expected = zip(charges["number"], charges["deal"].map(fees), strict=True)
    return {number: fee for number, fee in expected if not pd.isna(fee)}


# ---- words of the account
def _differs(result: Result, month: str) -> Record:
    """The remark that stands until the month is reconciled without differences."""
    count = int((result.documents["status"] != EQUAL).sum())
    return tables.issue(
        f"Сверка за {month}: расхождений {count}. Разберите их по листу «Документы» файла сверки и "
        f"повторите: obmen24 reconcile --month {month}.",
        severity="warn",
        entity="charges",
        key=month,
    )


def lines(result: Result) -> list[str]:
    """Russian lines for the terminal: the totals of each side, then the first differences."""
    said = [_totals(row) for row in tables.records(result.summary)]
    different = tables.records(result.documents[result.documents["status"] != EQUAL])
    said += [_difference(row) for row in different[:_SHOWN]]
    if len(different) > _SHOWN:
        said.append(f"  … и ещё {len(different) - _SHOWN}, все в файле сверки")
    if result.clean:
        return [*said, "Расхождений нет."]
    return [*said, f"Расхождений: {len(different)}."]


def _totals(row: Record) -> str:
    """«Начислено: портал 1500.00; реестр 1500.00; совпадает 1, расходится 0»."""
    sides: list[str] = []
    for side, words in SIDES.items():
        if row[side] is not None:
            sides.append(f"{words} {row[side]}")
    known = "; ".join(sides)
    return f"{row['title']}: {known}; совпадает {row['equal']}, расходится {row['different']}"


def _difference(row: Record) -> str:
    """«  M261110003F (ВН-1): Оплачено: только банк, платёж есть в банке, …»."""
    parts = [part for part in (row["status"], row["reason"]) if part]
    what = ", ".join(parts)
    contract = row["contract_number"] or "–"
    return f"  {row['document']} ({contract}): {row['kind']}: {what}"
