"""Flow `bank`: receipts of bank statements -> payment facts of charges, questions about doubtful ones, news
for 1C.

A receipt that fits nothing yet waits: a later charge or an answer of a person may explain it. A statement
loaded twice or overlapping changes nothing, because a receipt has one key in all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd

from etl import tables
from etl.flows import facts as recording
from etl.flows.contracts import billing
from etl.flows.publication import answers, queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.state.schema import decode, encode
from etl.transform.money import documents as payment_documents
from etl.transform.money import facts, matching
from etl.values import clean, keys

SCOPE = "bank"
WAITING = "receipts-waiting"
_KEPT_DAYS = 400


def flow(run: Run, reading: Reading) -> None:
    """Match what the statements brought and what was waiting; new payments go to 1C or to the sheet «Оплаты»
    of their months."""
    waiting = tables.frame("receipts", decode(run.state.files.cursor(WAITING) or "[]"))
    receipts = tables.concat("receipts", [waiting, reading.receipts])
    paid = match(run, receipts) if len(receipts) else set()
    report_to_1c(run)
    if run.profile.delivery.payment == "spreadsheet":
        for month in sorted(paid):
            billing.rewrite(run, month)


def match(run: Run, receipts: pd.DataFrame) -> set[str]:
    """Receipts against open charges; facts, questions and the waiting list follow from the verdicts. Returns
    the months paid for."""
    answers = {key: tuple(_numbers(answer)) for key, answer in run.state.questions.answers("receipt").items()}
    known = {
        row["id"].partition(":")[0]
        for row in tables.records(run.state.facts.rows("payment"))
        if row["source"] == "bank"
    }
    found = matching.match(receipts, open_documents(run), run.profile.bank, answers, known)
    recording.record(run, "payment", found.payments)
    run.journal.counts["matched"] += len(found.payments)
    _ask(run, tables_of(found.asks))
    unmatched = tables_of(found.unmatched)
    run.journal.counts["unmatched"] += len(unmatched)
    left = {row["key"] for row in (*tables_of(found.asks), *unmatched)}
    since = run.clock.today - dt.timedelta(days=_KEPT_DAYS)
    kept = [
        row
        for row in tables.records(matching.unique(receipts))
        if matching.receipt_key(row) in left and row["date"] >= since
    ]
    run.state.files.set_cursor(WAITING, encode(kept))
    run.state.questions.withdraw(
        {question["key"] for question in run.state.questions.open() if question["entity"] == "receipt"} - left
    )
    return {
        key.month for row in tables_of(found.payments) if (key := keys.decode(row["target"])) and key.month
    }


def tables_of(found: pd.DataFrame) -> list[Record]:
    """Records of a frame."""
    return tables.records(found)


def open_documents(run: Run) -> pd.DataFrame:
    """Charges as `transform.payments` wants them: what is owed, by whom, under which printed numbers."""
    told = tables.records(run.state.facts.rows("payment"))
    from_bank = facts.paid(tables.frame("payments", [row for row in told if row["source"] == "bank"]))
    printed, rows = answers.printed_numbers(run), []
    for charge in tables.each(run.state.charges.current()):
        paid = from_bank.get(charge["number"])
        rows.append(
            {
                "number": charge["number"],
                "printed": _forms(printed.get(charge["number"], [])),
                "contract_number": charge["contract_number"],
                "payer": charge["payer"],
                "inn": charge["payer_inn"],
                "date": charge["date"],
                "month": charge["month"],
                "amount": charge["amount"],
                "remaining": charge["amount"] - ((paid.amount if paid else None) or 0),
                "deal": charge["deal"],
            }
        )
    return pd.DataFrame(rows, columns=list(matching.OPEN_DOCUMENTS), dtype=object)


def _forms(numbers: list[str]) -> tuple[str, ...]:
    """A number of 1C as written, as printed with the prefix of its base, and without it."""
    said = [
        form
        for number in numbers
        for form in (number, clean.printed_number(number), clean.printed_number(number, base_prefix=False))
    ]
    return tuple(dict.fromkeys(form for form in said if form))


def report_to_1c(run: Run) -> None:
    """Receipts 1C has not reported go to it as payment documents, where the profile delivers payments that
    way: the notice that an invoice is paid. The handler compares number, day and sum with its own statement
    before it makes a payment."""
    profile = run.profile
    if profile.delivery.payment != "commerceml" or "payment" not in queue.dialect_of(run).kinds:
        return
    told = tables.records(run.state.facts.rows("payment"))
    from_1c = facts.paid(
        tables.frame("payments", [row for row in told if row["source"] in ("1c", "1c-flag")])
    )
    charges = {row["number"]: row for row in tables.records(run.state.charges.current())}
    fresh = [
        row
        for row in told
        if row["source"] == "bank"
        and row["target"] in charges
        and row["amount"]
        and (from_1c.get(row["target"]) is None or (from_1c[row["target"]].amount or 0) <= 0)
    ]
    if fresh:
        queue.enqueue(
            run,
            payment_documents.payment_documents(
                tables.frame("payments", fresh),
                tables.frame("charges", charges.values()),
                portal=profile.bitrix24.name,
                invoiced=bool(profile.billing and profile.billing.invoice),
            ),
        )


def _ask(run: Run, asks: Sequence[Record]) -> None:
    rows = [
        {
            "key": row["key"],
            "entity": "receipt",
            "text": _question(row),
            "candidates": [_candidate(text) for text in row["candidates"] or ()],
        }
        for row in asks
    ]
    run.state.questions.ask(rows, run.number)
    run.journal.note(
        [
            tables.issue(
                f"{row['reason']}. Ответьте: obmen24 ask.",
                severity="ask",
                entity="receipt",
                key=row["key"],
                value=row["amount"],
            )
            for row in asks
        ],
        SCOPE,
    )


def _question(row: Record) -> str:
    return (
        f"Поступление {clean.day_name(row['date'])} № {row['number'] or 'б/н'} на {row['amount']} руб. от «{row['payer_name']}»: "
        f"«{row['purpose']}». {row['reason']}. За какое начисление?"
    )


def _candidate(text: str) -> dict[str, str]:
    return {"id": text.partition(" ")[0], "text": text}


def _numbers(answer: Any) -> list[str]:
    """Document numbers of an answer: one candidate, or several numbers a person wrote; none = the receipt is
    not ours."""
    chosen = answer.get("id") if isinstance(answer, dict) else answer
    return [number for number in str(chosen or "").replace(",", " ").split() if keys.decode(number)]
