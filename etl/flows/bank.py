"""Flow `bank`: receipts of bank statements -> payment facts of charges, questions about doubtful ones, news
for 1C.

A receipt that fits nothing yet waits: a later charge or an answer of a person may explain it. A statement
loaded twice or overlapping changes nothing, because a receipt has one key in all of them
(`etl.values.receipts`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from etl import tables
from etl.flows import facts as recording
from etl.flows.contracts import books
from etl.flows.publication import answers, queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.records import Charge, Payment, Receipt
from etl.state.columns import decode, encode
from etl.transform.money import documents, matching
from etl.transform.money.ledger import OpenDocument
from etl.transform.money.matching import Ask
from etl.transform.money.paid import ZERO, paid
from etl.values import clean, keys
from etl.values import receipts as identity

SCOPE = "bank"
WAITING = "receipts-waiting"
_KEPT_DAYS = 400


def flow(run: Run, reading: Reading) -> None:
    """Match what the statements brought and what was waiting; new payments go to 1C or to the sheet «Оплаты»
    of their months.
    """
    waiting: list[Receipt] = decode(run.state.files.cursor(WAITING) or "[]")
    run.journal.note(matching.foreign(reading.receipts), SCOPE)
    told = [*(tables.whole("receipts", row) for row in waiting), *reading.receipts]
    receipts = [row for row in told if matching.is_in_roubles(row)]
    months = match(run, receipts) if receipts else set()
    report_to_1c(run)
    if run.profile.delivery.payment == "spreadsheet":
        for month in sorted(months):
            books.rewrite(run, month)


def match(run: Run, receipts: Sequence[Receipt]) -> set[str]:
    """Receipts against open charges; facts, questions and the waiting list follow from the verdicts. Returns
    the months paid for.
    """
    answered = run.state.questions.answers("receipt")
    given = {key: tuple(_numbers(answer)) for key, answer in answered.items()}
    known = {fact["id"].partition(":")[0]: fact["party"] for fact in _facts(run)}
    for row in receipts:
        key, former = identity.key(row), identity.former_key(row)
        if former in given:
            given.setdefault(key, given[former])
        if former in known and known[former] == row["payer_name"]:
            known.setdefault(key, row["payer_name"])
    found = matching.match(receipts, open_documents(run), run.profile.bank, given, known)
    recording.record(run, "payment", found.payments)
    run.journal.counts["matched"] += len(found.payments)
    run.journal.counts["unmatched"] += len(found.unmatched)
    _ask(run, found.asks)
    _keep(run, receipts, {row["key"] for row in (*found.asks, *found.unmatched)})
    paid_for = [keys.decode(fact["target"]) for fact in found.payments]
    return {key.month for key in paid_for if key and key.month}


def _keep(run: Run, receipts: Sequence[Receipt], left: set[str]) -> None:
    """Receipts that are not explained wait for `_KEPT_DAYS`; questions about others are withdrawn."""
    since = run.clock.today - dt.timedelta(days=_KEPT_DAYS)
    kept: list[Receipt] = []
    for row in matching.unique(receipts):
        day = row["date"]
        is_fresh = bool(day and day >= since)
        if is_fresh and identity.key(row) in left:
            kept.append(row)
    run.state.files.set_cursor(WAITING, encode(kept))
    questions = run.state.questions.open()
    asked = {question["key"] for question in questions if question["entity"] == "receipt"}
    run.state.questions.withdraw(asked - left)


def _facts(run: Run) -> list[Payment]:
    """What the bank has told so far."""
    return [fact for fact in recording.payments(run) if fact["source"] == "bank"]


def open_documents(run: Run) -> list[OpenDocument]:
    """Charges as they are matched: what is owed, by whom, under which printed numbers."""
    got = paid(_facts(run))
    received = {target: known.amount or ZERO for target, known in got.items()}
    printed = answers.printed_numbers(run)
    charges = run.state.charges.listed()
    return [_open(row, received.get(row["number"], ZERO), printed.get(row["number"], [])) for row in charges]


def _open(charge: Charge, received: Any, printed: Sequence[str]) -> OpenDocument:
    return {
        "number": charge["number"],
        "printed": _forms(printed),
        "contract_number": charge["contract_number"],
        "payer": charge["payer"],
        "inn": charge["payer_inn"],
        "date": charge["date"] or dt.date.min,
        "month": charge["month"],
        "amount": charge["amount"],
        "remaining": charge["amount"] - received,
        "deal": charge["deal"],
    }


def _forms(numbers: Sequence[str]) -> tuple[str, ...]:
    """A number of 1C as written, as printed with the prefix of its base, and without it."""
    said: list[str | None] = []
    for number in numbers:
        said += [number, clean.printed_number(number), clean.printed_number(number, base_prefix=False)]
    return tuple(dict.fromkeys(form for form in said if form))


def report_to_1c(run: Run) -> None:
    """Receipts 1C has not reported go to it as payment documents, where the profile delivers payments that
    way: the notice that an invoice is paid. The handler compares number, day and sum with its own statement
    before it makes a payment.
    """
    profile = run.profile
    if profile.delivery.payment != "commerceml" or "payment" not in queue.dialect_of(run).kinds:
        return
    charges = {row["number"]: row for row in run.state.charges.listed()}
    sent = run.state.publications.documents()
    fresh = documents.unreported(recording.payments(run), charges, sent)
    if fresh:
        invoiced = bool(profile.billing and profile.billing.invoice)
        portal = profile.bitrix24.name
        queue.enqueue(run, documents.payment_documents(fresh, charges, portal=portal, invoiced=invoiced))


# ---- questions
def _ask(run: Run, asks: Sequence[Ask]) -> None:
    """Doubtful receipts become questions, and each is told in the account for as long as it stands."""
    questions = [_question(row) for row in asks]
    run.state.questions.ask(questions, run.number)
    issues = [_issue(row) for row in asks]
    run.journal.note(issues, SCOPE)


def _question(row: Ask) -> Record:
    """A receipt as a person is asked: day, number, sum, payer, purpose, why it is doubtful, and the charges
    it may pay.
    """
    said = f"Поступление {clean.day_name(row['date'])} № {row['number'] or 'б/н'} на {row['amount']} руб."
    text = f"{said} от «{row['payer_name']}»: «{row['purpose']}». {row['reason']}. За какое начисление?"
    candidates = [{"id": option.partition(" ")[0], "text": option} for option in row["candidates"]]
    return {"key": row["key"], "entity": "receipt", "text": text, "candidates": candidates}


def _issue(row: Ask) -> Record:
    return tables.issue(
        f"{row['reason']}. Ответьте: obmen24 ask.",
        severity="ask",
        entity="receipt",
        key=row["key"],
        value=row["amount"],
    )


def _numbers(answer: Any) -> list[str]:
    """Document numbers of an answer: one candidate, or several numbers a person wrote; none = the receipt is
    not ours.
    """
    chosen = answer.get("id") if isinstance(answer, dict) else answer
    words = str(chosen or "").replace(",", " ").split()
    return [word for word in words if keys.decode(word)]
