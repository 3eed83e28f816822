"""The cascade of evidence (reference onec §3.3): which debts a receipt pays, with scores, or why that is
doubtful.

Always inside the payer's own documents: numbers named in the purpose, then the contract named (oldest charge
first, or the month named), then the sum. What is named but does not fit never falls back to the sum. A
foreign payer is never accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.config.profile import Bank
from etl.records import Receipt
from etl.transform.money import purpose
from etl.transform.money.ledger import Debt, Ledger, name_of, names
from etl.transform.money.purpose import Named

_ZERO = Decimal("0.00")
_BY_NUMBER, _BY_CONTRACT, _ONLY_ONE = Decimal("1.00"), Decimal("1.00"), Decimal("1.00")
_SUM_FITS, _NAME_FITS, _DATE_FITS = Decimal("0.20"), Decimal("0.10"), Decimal("0.10")
_PART_OF_ONE, _EARLIEST, _BY_NAME = Decimal("0.90"), Decimal("0.86"), Decimal("0.80")
#: how many debts a person is shown
_SHOWN = 5
REFUND = re.compile(r"возврат", re.I)

Share = tuple[Debt, Decimal]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Debts that a receipt may pay, each with its share; score 0 = shown to a person, never taken by
    itself.
    """

    score: Decimal
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Candidates with the best first, or why there are none that may be taken."""

    candidates: tuple[Candidate, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """A receipt with a sum, how its payer was found (inn, name), what its purpose names."""

    receipt: Receipt
    amount: Decimal
    found: str
    named: Named

    def name_bonus(self, one: Debt) -> Decimal:
        """The payer's name is evidence of its own only where the payer was found by ИНН."""
        fits = self.found == "inn" and name_of(one.payer) in names(self.receipt["payer_name"])
        return _NAME_FITS if fits else _ZERO


def judge(receipt: Receipt, found: str, own: Sequence[Debt], ledger: Ledger, settings: Bank) -> Verdict:
    """What a booked receipt pays. `found` and `own`: how the payer was found and its debts (`Ledger.own`)."""
    if doubt := _doubt(receipt, own):
        return doubt
    named = purpose.read(receipt["purpose"], settings.masks)
    if found == "foreign":
        return _foreign(named, ledger)
    case = _Case(receipt, receipt["amount"], found, named)
    booked = receipt["booked_on"]
    dated = [one for one in own if booked and one.date <= booked]
    if receipt["direction"] == "out":
        return _refund(case, dated)
    live = [one for one in dated if one.remaining > 0]
    # what is named by its number or month may have been paid before it was charged
    ahead = [one for one in own if one.remaining > 0]
    word = _other_service(receipt["purpose"], settings)
    if word:
        reason = f"В назначении «{word}»: это может быть оплата другой услуги"
        return Verdict(_shown(live), reason)
    if named.invoices:
        return _by_numbers(case, ahead)
    if named.unclear:
        return Verdict(_shown(live), "В назначении назван период, который не удалось разобрать")
    meant = ahead if named.months else live
    if named.contracts:
        return _by_contract(case, meant)
    return _by_sum(case, meant)


def _doubt(receipt: Receipt, own: Sequence[Debt]) -> Verdict | None:
    """A receipt that may be no payment at all."""
    if receipt["amount"] <= 0:
        return Verdict(reason="Сумма платежа не больше нуля")
    said = receipt["purpose"] or ""
    came_in = receipt["direction"] == "in"
    if came_in and REFUND.search(said):
        return Verdict(_shown(own), "В назначении возврат: это может быть не оплата")
    return None


def _other_service(said: str | None, settings: Bank) -> str | None:
    """The word of the purpose that speaks of something else than our charges ([bank] other)."""
    line = purpose.plain(said)
    for stem in settings.other:
        found = re.search(rf"(?<![а-яa-z]){re.escape(stem)}\w*", line, re.I)
        if found:
            return found[0]
    return None


def is_accepted(verdict: Verdict, settings: Bank) -> bool:
    """A receipt is taken when its best candidate reaches `bank.accept` and leads the next one by
    `bank.lead`.
    """
    if not verdict.candidates:
        return False
    best = verdict.candidates[0].score
    if best == 0 or best < settings.accept:
        return False
    return len(verdict.candidates) == 1 or best - verdict.candidates[1].score >= settings.lead


def _foreign(named: Named, ledger: Ledger) -> Verdict:
    """Somebody else pays: the documents named are shown to a person and never taken."""
    meant = [one for one in ledger.meant(named) if one.remaining > 0]
    if not meant:
        return Verdict(
            reason="Плательщика нет среди сторон договоров, номер документа не назван или неизвестен"
        )
    return Verdict(
        _shown(meant),
        "Платит не сторона договора. Если так и должно быть, подтвердите и добавьте его ИНН "
        "в [bank.payers] профиля",
    )


# ---- numbers
def _by_numbers(case: _Case, live: list[Debt]) -> Verdict:
    """Numbers of invoices are named: every one must be an open document of the payer."""
    choices = [[one for one in live if form in one.forms] for form in case.named.invoices]
    absent = [form for form, fits in zip(case.named.invoices, choices, strict=True) if not fits]
    if absent:
        reason = f"Назван документ {', '.join(absent)}, среди открытых документов плательщика его нет"
        return Verdict(_shown(live), reason)
    meant = {one.number for fits in choices for one in fits}
    if len(choices) > 1 and len(meant) > 1:
        return _several(case, [_best_dated(fits, case.named) for fits in choices], live)
    ranked = sorted((_numbered(case, one) for one in choices[0]), key=_by_score)
    if case.amount > ranked[0].shares[0][0].remaining:
        return Verdict(_shown(choices[0]), "Сумма больше остатка по названному документу")
    return Verdict(tuple(ranked))


def _numbered(case: _Case, one: Debt) -> Candidate:
    """A debt whose number is named: the sum, the payer's name and the date beside the number speak for it,
    too.
    """
    score = _BY_NUMBER + case.name_bonus(one)
    if case.amount in (one.remaining, one.amount):
        score += _SUM_FITS
    if one.date in case.named.dates:
        score += _DATE_FITS
    return Candidate(score, ((one, case.amount),))


def _by_score(candidate: Candidate) -> Decimal:
    """The best candidate first."""
    return -candidate.score


def _best_dated(fits: list[Debt], named: Named) -> Debt | None:
    """The one document a number of several means: the only one of a date that is named, or the only one."""
    dated = [one for one in fits if one.date in named.dates]
    if len(dated) == 1:
        return dated[0]
    return fits[0] if len(fits) == 1 else None


def _several(case: _Case, meant: Sequence[Debt | None], live: list[Debt]) -> Verdict:
    """Several numbers: only when they add up to the payment."""
    certain = {one.number for one in meant if one}
    debts = [one for one in live if one.number in certain]
    if None in meant or _owed(debts) != case.amount:
        return Verdict(_shown(debts), "Названо несколько документов, их остатки не равны сумме платежа")
    shares = tuple((one, one.remaining) for one in debts)
    return Verdict((Candidate(_BY_NUMBER + _SUM_FITS, shares),))


def _owed(debts: Iterable[Debt]) -> Decimal:
    """What debts add up to, roubles."""
    return sum((one.remaining for one in debts), _ZERO)


# ---- contract
def _by_contract(case: _Case, live: list[Debt]) -> Verdict:
    """The contract named: its charges of the months named, else oldest first; never more than they owe."""
    meant = [one for one in live if one.contract in case.named.contracts]
    if not meant:
        return Verdict(_shown(live), "Назван договор, по которому у плательщика нет открытых начислений")
    contracts = {one.contract for one in meant}
    if len(contracts) > 1 and _owed(meant) != case.amount:
        return Verdict(_shown(meant), "Названо несколько договоров, их долг не равен сумме платежа")
    if case.named.months:
        meant = _of_months(meant, case.named)
    if not meant:
        return Verdict(_shown(live), "За названный месяц по договору нет открытого начисления")
    shares = _oldest_first(meant, case.amount)
    if shares is None:
        return Verdict(_shown(meant), "Сумма больше долга по договору: возможно, это аванс")
    score = _BY_CONTRACT + case.name_bonus(meant[0])
    if all(share == one.remaining for one, share in shares):
        score += _SUM_FITS
    return Verdict((Candidate(score, shares),))


def _of_months(debts: list[Debt], named: Named) -> list[Debt]:
    """Debts of the months named; a month without a year means the latest of that name."""
    kept: list[Debt] = []
    for year, month in named.months:
        same = [one for one in debts if one.month[1] == month and year in (None, one.month[0])]
        latest = max((one.month for one in same), default=None)
        kept += [one for one in same if year is not None or one.month == latest]
    return kept


def _oldest_first(debts: list[Debt], amount: Decimal) -> tuple[Share, ...] | None:
    """Shares of the amount, oldest document first; None when it is more than they owe."""
    shares: list[Share] = []
    left = amount
    for one in debts:
        share = min(one.remaining, left)
        if share > 0:
            shares.append((one, share))
            left -= share
    is_covered = left == 0
    return tuple(shares) if is_covered else None


# ---- sum
def _by_sum(case: _Case, live: list[Debt]) -> Verdict:
    """Nothing is named: the payer and the sum. Only one open document of exactly this sum is certain."""
    if not live:
        return Verdict(reason="У плательщика нет открытых документов")
    meant = _of_months(live, case.named) if case.named.months else live
    fits = [one for one in meant if case.amount <= one.remaining]
    if not fits:
        reason = "Ничего не названо, и ни один открытый документ плательщика не подходит по сумме"
        return Verdict(_shown(live), reason)
    exact = [one for one in fits if one.remaining == case.amount]
    best = exact[0] if exact else fits[0]
    if case.found == "name":
        score, reason = _BY_NAME, "Плательщик найден только по имени, номер не назван"
    elif len(meant) > 1:
        score, reason = _EARLIEST, "Номер не назван, подходит несколько документов"
    elif exact:
        score, reason = _ONLY_ONE, ""
    else:
        score, reason = _PART_OF_ONE, "Номер не назван, сумма меньше остатка"
    others = [one for one in _shown(fits) if one.shares[0][0] is not best]
    return Verdict((Candidate(score, ((best, case.amount),)), *others), reason)


# ---- refunds
def _refund(case: _Case, dated: list[Debt]) -> Verdict:
    """Money back to a client: only from one document that is named and paid at least that much."""
    meant = [one for one in dated if _is_returned(one, case.named)]
    if case.named.months:
        meant = _of_months(meant, case.named)
    paid = [one for one in meant if one.paid >= case.amount]
    if len(paid) == 1:
        return Verdict((Candidate(_BY_NUMBER, ((paid[0], case.amount),)),))
    return Verdict(_shown(meant or dated), "Возврат клиенту: неясно, по какому оплаченному документу")


def _is_returned(one: Debt, named: Named) -> bool:
    """By the number where one is named, else by the contract."""
    if named.invoices:
        return bool(one.forms & {*named.invoices})
    return one.contract in named.contracts


def _shown(debts: Iterable[Debt]) -> tuple[Candidate, ...]:
    """Debts worth showing to a person."""
    return tuple(Candidate(_ZERO, ((one, one.remaining),)) for one in list(debts)[:_SHOWN])
