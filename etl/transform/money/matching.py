"""Bank receipts to payment facts: which document a receipt pays, by a cascade of evidence with scores. Pure.

A receipt is accepted when its score reaches `Bank.accept` and leads the next candidate by `Bank.lead`; every
doubt goes to the ask-list. A foreign payer is never accepted without `Bank.payers` or an answer of a person.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypedDict

from etl.config.profile import Bank
from etl.records import Payment, Receipt
from etl.tables import Record, issue
from etl.transform.money.cascade import REFUND, Candidate, Verdict, is_accepted, judge
from etl.transform.money.ledger import Debt, Ledger, OpenDocument, ledger
from etl.values import money
from etl.values import receipts as identity

_ZERO = Decimal("0.00")


class Ask(TypedDict):
    """A receipt a person must look at. `candidates`: texts «number · contract · payer · remaining · score»;
    none where it concerns no known payer or document.
    """

    key: str
    number: str | None
    date: dt.date | None
    amount: Decimal
    payer_name: str | None
    payer_inn: str | None
    purpose: str | None
    reason: str
    candidates: tuple[str, ...]


@dataclass(slots=True)
class Matching:
    """What became of receipts. `payments`: source «bank», id `<key>:<number>`, refunds negative; `asks`:
    doubtful ones; `unmatched`: incoming ones that concern no known payer or document; `coverage`: how payers
    were found (inn, name, foreign).
    """

    payments: list[Payment] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    unmatched: list[Ask] = field(default_factory=list)
    coverage: Counter[str] = field(default_factory=Counter)


def unique(receipts: Iterable[Receipt]) -> list[Receipt]:
    """Receipts of several statements, each once: equal ones as often as one statement holds them. What a bank
    has booked since stays booked.
    """
    kept: dict[str, Receipt] = {}
    for row in receipts:
        key = identity.key(row)
        if key not in kept or (kept[key]["booked_on"] is None and row["booked_on"] is not None):
            kept[key] = row
    return list(kept.values())


def foreign(receipts: Iterable[Receipt]) -> list[Record]:
    """Issues: booked money on accounts that are not in roubles. Charges are in roubles, so such a receipt is
    matched with none: 100 dollars would pay a charge of 100 roubles.
    """
    issues: list[Record] = []
    for row in receipts:
        if not is_in_roubles(row) and _concerns_us(row):
            issues.append(_foreign(row))
    return issues


def is_in_roubles(row: Receipt) -> bool:
    """Whether the account that the money came to is one of roubles; one that does not say is."""
    return money.of_account(row["account"]) in (None, money.ROUBLE)


def _foreign(row: Receipt) -> Record:
    amount = money.shown(money.of(row["amount"], money.of_account(row["account"])))
    return issue(
        f"Поступление № {row['number'] or 'б/н'} на {amount}: счёт валютный, а начисления в рублях. Платёж "
        "не сопоставлен. Отразите его в 1С документом оплаты с курсом.",
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="receipt",
        key=row["number"],
        field="account",
        value=row["account"],
    )


def match(
    receipts: Iterable[Receipt],
    documents: Iterable[OpenDocument],
    settings: Bank,
    answers: Mapping[str, Sequence[str]] | None = None,
    known: Collection[str] = (),
) -> Matching:
    """Match receipts with open documents.

    In: `receipts` (any number of statements, overlapping or not), `documents`, `answers` of people (key of a
    receipt -> document numbers in order of payment; none = not ours), `known` = keys matched by earlier runs.
    Receipts the bank has not booked and outgoing ones that are no refund are left alone. The order of rows
    does not matter.
    """
    books = ledger(documents, settings.payers)
    result = Matching()
    for row in sorted(unique(receipts), key=_in_order):
        key = identity.key(row)
        if key in known or not _concerns_us(row):
            continue
        if answers and key in answers:
            result.payments += _answered(row, key, answers[key], books)
        else:
            _take(row, key, books, settings, result)
    return result


def _in_order(row: Receipt) -> tuple[dt.date, dt.date, str]:
    """Receipts in the order of booking, so that the order of files does not matter."""
    return row["booked_on"] or dt.date.max, row["date"] or dt.date.max, identity.key(row)


def _concerns_us(row: Receipt) -> bool:
    """Booked, and money that came in or went back to a client."""
    if row["booked_on"] is None:
        return False
    return row["direction"] != "out" or bool(REFUND.search(row["purpose"] or ""))


def _take(row: Receipt, key: str, books: Ledger, settings: Bank, result: Matching) -> None:
    """Judge one receipt and put it where it belongs."""
    found, own = books.own(row)
    if row["direction"] != "out":
        result.coverage[found] += 1
    verdict = judge(row, found, own, books, settings)
    if is_accepted(verdict, settings):
        result.payments += _paid(row, key, verdict.candidates[0])
    elif own or verdict.candidates:
        result.asks.append(_asked(row, key, verdict))
    else:
        result.unmatched.append(_asked(row, key, verdict))


# ---- verdicts to rows
def _sign(receipt: Receipt) -> int:
    """Money back to a client counts as less."""
    return -1 if receipt["direction"] == "out" else 1


def _paid(receipt: Receipt, key: str, candidate: Candidate) -> list[Payment]:
    """A fact for each debt the receipt pays."""
    return [_payment(receipt, key, one.number, share, one) for one, share in candidate.shares]


def _answered(receipt: Receipt, key: str, numbers: Sequence[str], books: Ledger) -> list[Payment]:
    """What a person said: the documents in order, each up to what it owes, the rest to the last one."""
    left = receipt["amount"]
    rows: list[Payment] = []
    for position, number in enumerate(numbers, start=1):
        one = books.by_number.get(number)
        share = left if position == len(numbers) else min(left, _owed(one, left, receipt))
        if share > 0:
            rows.append(_payment(receipt, key, number, share, one))
            left -= share
    return rows


def _owed(one: Debt | None, left: Decimal, receipt: Receipt) -> Decimal:
    """What a document can take of a receipt, or give back of what was paid; one that is not open takes
    all.
    """
    if one is None:
        return left
    return max(one.paid if receipt["direction"] == "out" else one.remaining, _ZERO)


def _payment(receipt: Receipt, key: str, number: str, share: Decimal, one: Debt | None) -> Payment:
    """The fact, and the debt is less by it from now on."""
    amount = _sign(receipt) * share
    if one:
        one.remaining -= amount
    return {
        "source": "bank",
        "id": f"{key}:{number}",
        "target": number,
        "date": receipt["booked_on"],
        "amount": amount,
        "number": receipt["number"],
        "party": receipt["payer_name"],
        "file": receipt["file"],
        "place": receipt["place"],
    }


def _asked(receipt: Receipt, key: str, verdict: Verdict) -> Ask:
    """A receipt with what is known of it and why it was not taken."""
    return {
        "key": key,
        "number": receipt["number"],
        "date": receipt["booked_on"],
        "amount": receipt["amount"],
        "payer_name": receipt["payer_name"],
        "payer_inn": receipt["payer_inn"],
        "purpose": receipt["purpose"],
        "reason": verdict.reason or "Варианты почти равны",
        "candidates": tuple(_candidate_text(one) for one in verdict.candidates),
    }


def _candidate_text(candidate: Candidate) -> str:
    """A candidate as a person is shown it; a score only where it could have been taken."""
    debts = "; ".join(str(one) for one, _ in candidate.shares)
    return f"{debts} · оценка {candidate.score:.2f}" if candidate.score else debts
