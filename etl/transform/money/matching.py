"""Bank receipts to payment facts: which document a receipt pays, by a cascade of evidence with scores. Pure.

The cascade (reference onec §3.3), always inside the payer's own documents: numbers named in the purpose, then
the contract named (oldest charge first, or the month named), then the sum. What is named but does not fit
never falls back to the sum. A receipt is accepted when its score reaches `Bank.accept` and leads the next
candidate by `Bank.lead`; every doubt goes to the ask-list. A foreign payer is never accepted without
`Bank.payers` or an answer of a person."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from etl.config.profile import Bank
from etl.tables import Record, frame, records
from etl.transform.money import purpose
from etl.transform.money.purpose import Named
from etl.values import clean

if TYPE_CHECKING:
    import pandas as pd

#: columns of the open documents: `printed` = numbers as 1C prints them, `remaining` = amount less payments of
#: source "bank"
OPEN_DOCUMENTS = (
    "number",
    "printed",
    "contract_number",
    "payer",
    "inn",
    "date",
    "month",
    "amount",
    "remaining",
    "deal",
)
#: columns of the ask-list and of what matched nothing
ASKS = ("key", "number", "date", "amount", "payer_name", "payer_inn", "purpose", "reason", "candidates")

_ZERO = Decimal("0.00")
_BY_NUMBER, _BY_CONTRACT, _ONLY_ONE = Decimal("1.00"), Decimal("1.00"), Decimal("1.00")
_SUM_FITS, _NAME_FITS, _DATE_FITS = Decimal("0.20"), Decimal("0.10"), Decimal("0.10")
_PART_OF_ONE, _EARLIEST, _BY_NAME = Decimal("0.90"), Decimal("0.86"), Decimal("0.80")
_REFUND = re.compile(r"возврат", re.I)


class Matching(NamedTuple):
    """What became of receipts.

    payments   table `payments`, source "bank": id `<key>:<number>`, refunds negative
    asks       receipts a person must judge (`ASKS`): `candidates` is a tuple of texts «number · contract · payer · remaining · score»
    unmatched  incoming receipts that concern no known payer or document (`ASKS`, no candidates)
    coverage   how payers were found: counts by inn, name, foreign
    """

    payments: pd.DataFrame
    asks: pd.DataFrame
    unmatched: pd.DataFrame
    coverage: dict[str, int]


@dataclass(slots=True)
class _Document:
    """An open document; `remaining` falls as receipts of the same run are accepted."""

    number: str
    forms: frozenset[str]
    contract: str
    shown_contract: str | None
    payer: str | None
    inn: str | None
    date: dt.date
    month: tuple[int, int]
    amount: Decimal
    remaining: Decimal

    @property
    def paid(self) -> Decimal:
        return self.amount - self.remaining


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: Decimal
    shares: tuple[tuple[_Document, Decimal], ...]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Candidates with the best first, or why there are none that may be taken."""

    candidates: tuple[_Candidate, ...] = ()
    reason: str = ""


class _Ledger:
    """Open documents indexed by ИНН and by name."""

    def __init__(self, documents: Iterable[Record], payers: Mapping[str, Sequence[str]]) -> None:
        self.all = sorted((_document(row) for row in documents), key=lambda one: (one.date, one.number))
        self.by_number = {one.number: one for one in self.all}
        self.by_inn: dict[str, list[_Document]] = defaultdict(list)
        self.by_name: dict[str, list[_Document]] = defaultdict(list)
        for one in self.all:
            if one.inn:
                for inn in (one.inn, *payers.get(one.inn, ())):
                    self.by_inn[inn].append(one)
            if name := _name(one.payer):
                self.by_name[name].append(one)

    def own(self, receipt: Record) -> tuple[str, list[_Document]]:
        """(how the payer was found, its documents). A name counts only where the ИНН of one side is
        unknown."""
        inn = receipt["payer_inn"]
        if inn and inn in self.by_inn:
            return "inn", self.by_inn[inn]
        named = [
            one
            for name in _names(receipt["payer_name"])
            for one in self.by_name.get(name, ())
            if not (inn and one.inn)
        ]
        return ("name", named) if named else ("foreign", [])


def receipt_key(receipt: Mapping[str, object]) -> str:
    """The identity of a receipt, the same in overlapping statements: account, number, day, sum, payer;
    without a number its hash."""
    said = [receipt[name] for name in ("account", "number", "date", "amount", "direction")]
    said.append(receipt["payer_inn"] or receipt["payer_account"])
    if not receipt["number"]:
        said.append(receipt["hash"])
    return hashlib.sha256("|".join(str(part) for part in said).encode()).hexdigest()[:12]


def unique(receipts: pd.DataFrame) -> pd.DataFrame:
    """Receipts of several statements, each once; of two copies the booked one stays (a bank fills the date in
    later)."""
    kept: dict[str, Record] = {}
    for row in records(receipts):
        key = receipt_key(row)
        if key not in kept or (kept[key]["booked_on"] is None and row["booked_on"] is not None):
            kept[key] = row
    return frame("receipts", kept.values())


def match(
    receipts: pd.DataFrame,
    documents: pd.DataFrame,
    settings: Bank,
    answers: Mapping[str, Sequence[str]] | None = None,
    known: Collection[str] = (),
) -> Matching:
    """Match receipts with open documents.

    In: table `receipts` (any number of statements, overlapping or not), `documents` (columns
    `OPEN_DOCUMENTS`), `answers` of people (key of a receipt -> document numbers in order of payment; none =
    not ours), `known` = keys matched by earlier runs. Receipts the bank has not booked and outgoing ones that
    are no refund are left alone. The order of rows does not matter."""
    ledger = _Ledger(records(documents), settings.payers)
    payments: list[Record] = []
    asks: list[Record] = []
    unmatched: list[Record] = []
    coverage = {"inn": 0, "name": 0, "foreign": 0}
    for row in sorted(
        records(unique(receipts)),
        key=lambda one: (one["booked_on"] or dt.date.max, one["date"], receipt_key(one)),
    ):
        key = receipt_key(row)
        refund = row["direction"] == "out"
        if key in known or row["booked_on"] is None or (refund and not _REFUND.search(row["purpose"] or "")):
            continue
        if answers and key in answers:
            payments += _answered(row, key, answers[key], ledger)
            continue
        found, own = ledger.own(row)
        coverage[found] += not refund
        verdict = _judge(row, found, own, ledger, settings)
        if _accepted(verdict, settings):
            payments += _paid(row, key, verdict.candidates[0], refund)
        else:
            (asks if own or verdict.candidates else unmatched).append(_asked(row, key, verdict))
    return Matching(frame("payments", payments), _listed(asks), _listed(unmatched), coverage)


# ---- the cascade ----


def _judge(receipt: Record, found: str, own: list[_Document], ledger: _Ledger, settings: Bank) -> _Verdict:
    if receipt["amount"] <= 0:
        return _Verdict(reason="Сумма платежа не больше нуля")
    if receipt["direction"] == "in" and _REFUND.search(receipt["purpose"] or ""):
        return _Verdict(_shown(own), "В назначении возврат: это может быть не оплата")
    named = purpose.read(receipt["purpose"], settings.masks)
    if found == "foreign":
        return _foreign(named, ledger)
    dated = [one for one in own if one.date <= receipt["booked_on"]]
    if receipt["direction"] == "out":
        return _refund(receipt, named, dated)
    live = [one for one in dated if one.remaining > 0]
    if named.invoices:
        return _by_numbers(receipt, found, named, live)
    if named.contracts:
        return _by_contract(receipt, found, named, live)
    return _by_sum(receipt, found, named, live)


def _foreign(named: Named, ledger: _Ledger) -> _Verdict:
    """Somebody else pays: the documents named are shown to a person and never taken."""
    meant = [
        one
        for one in ledger.all
        if one.remaining > 0 and (one.forms & {*named.invoices} or one.contract in named.contracts)
    ]
    if not meant:
        return _Verdict(
            reason="Плательщика нет среди сторон договоров, номер документа не назван или неизвестен"
        )
    return _Verdict(
        tuple(_Candidate(_ZERO, ((one, one.remaining),)) for one in meant[:5]),
        "Платит не сторона договора. Если так и должно быть, подтвердите и добавьте его ИНН в [bank.payers] профиля",
    )


def _by_numbers(receipt: Record, found: str, named: Named, live: list[_Document]) -> _Verdict:
    choices = [[one for one in live if form in one.forms] for form in named.invoices]
    if not all(choices):
        absent = ", ".join(form for form, fits in zip(named.invoices, choices, strict=True) if not fits)
        return _Verdict(
            _shown(live), f"Назван документ {absent}, среди открытых документов плательщика его нет"
        )
    if len({one.number for fits in choices for one in fits}) > 1 and len(choices) > 1:
        return _several(receipt, [_best_dated(fits, named) for fits in choices], live)
    ranked = sorted(
        (
            _Candidate(_number_score(receipt, found, named, one), ((one, receipt["amount"]),))
            for one in choices[0]
        ),
        key=lambda one: -one.score,
    )
    if receipt["amount"] > ranked[0].shares[0][0].remaining:
        return _Verdict(_shown(choices[0]), "Сумма больше остатка по названному документу")
    return _Verdict(tuple(ranked))


def _number_score(receipt: Record, found: str, named: Named, one: _Document) -> Decimal:
    return (
        _BY_NUMBER
        + (_SUM_FITS if receipt["amount"] in (one.remaining, one.amount) else _ZERO)
        + _name_bonus(receipt, found, one)
        + (_DATE_FITS if one.date in named.dates else _ZERO)
    )


def _best_dated(fits: list[_Document], named: Named) -> _Document | None:
    """The one document a number of several means: the only one, or the only one of a date that is named."""
    dated = [one for one in fits if one.date in named.dates]
    return dated[0] if len(dated) == 1 else fits[0] if len(fits) == 1 else None


def _several(receipt: Record, meant: Sequence[_Document | None], live: list[_Document]) -> _Verdict:
    """Several numbers: only when they add up to the payment."""
    certain = list(dict.fromkeys(one.number for one in meant if one))
    documents = [one for one in live if one.number in certain]
    if None in meant or sum((one.remaining for one in documents), _ZERO) != receipt["amount"]:
        return _Verdict(_shown(documents), "Названо несколько документов, их остатки не равны сумме платежа")
    return _Verdict((_Candidate(_BY_NUMBER + _SUM_FITS, tuple((one, one.remaining) for one in documents)),))


def _by_contract(receipt: Record, found: str, named: Named, live: list[_Document]) -> _Verdict:
    """The contract named: its charges of the months named, else oldest first; never more than they owe."""
    meant = [one for one in live if one.contract in named.contracts]
    if not meant:
        return _Verdict(_shown(live), "Назван договор, по которому у плательщика нет открытых начислений")
    if (
        len({one.contract for one in meant}) > 1
        and sum((one.remaining for one in meant), _ZERO) != receipt["amount"]
    ):
        return _Verdict(_shown(meant), "Названо несколько договоров, их долг не равен сумме платежа")
    if named.months and not (meant := _of_months(meant, named)):
        return _Verdict(_shown(live), "За названный месяц по договору нет открытого начисления")
    shares = _oldest_first(meant, receipt["amount"])
    if shares is None:
        return _Verdict(_shown(meant), "Сумма больше долга по договору: возможно, это аванс")
    whole = all(share == one.remaining for one, share in shares)
    score = _BY_CONTRACT + (_SUM_FITS if whole else _ZERO) + _name_bonus(receipt, found, meant[0])
    return _Verdict((_Candidate(score, shares),))


def _name_bonus(receipt: Record, found: str, one: _Document) -> Decimal:
    """Evidence of its own only where the payer was found by ИНН."""
    return _NAME_FITS if found == "inn" and _name(one.payer) in _names(receipt["payer_name"]) else _ZERO


def _by_sum(receipt: Record, found: str, named: Named, live: list[_Document]) -> _Verdict:
    """Nothing is named: the payer and the sum. Only one open document of exactly this sum is certain."""
    meant = _of_months(live, named) if named.months else live
    fits = [one for one in meant if receipt["amount"] <= one.remaining]
    if not fits:
        return _Verdict(
            _shown(live),
            "Ничего не названо, и ни один открытый документ плательщика не подходит по сумме"
            if live
            else "У плательщика нет открытых документов",
        )
    exact = [one for one in fits if one.remaining == receipt["amount"]]
    best = exact[0] if exact else fits[0]
    if found == "name":
        score, reason = _BY_NAME, "Плательщик найден только по имени, номер не назван"
    elif len(meant) == 1:
        score, reason = (_ONLY_ONE, "") if exact else (_PART_OF_ONE, "Номер не назван, сумма меньше остатка")
    else:
        score, reason = _EARLIEST, "Номер не назван, подходит несколько документов"
    others = (one for one in _shown(fits) if one.shares[0][0] is not best)
    return _Verdict((_Candidate(score, ((best, receipt["amount"]),)), *others), reason)


def _refund(receipt: Record, named: Named, dated: list[_Document]) -> _Verdict:
    """Money back to a client: only from one document that is named and paid at least that much."""
    meant = [
        one
        for one in dated
        if one.forms & {*named.invoices} or (not named.invoices and one.contract in named.contracts)
    ]
    meant = _of_months(meant, named) if named.months else meant
    paid = [one for one in meant if one.paid >= receipt["amount"]]
    if len(paid) == 1:
        return _Verdict((_Candidate(_BY_NUMBER, ((paid[0], receipt["amount"]),)),))
    return _Verdict(_shown(meant or dated), "Возврат клиенту: неясно, по какому оплаченному документу")


def _of_months(documents: list[_Document], named: Named) -> list[_Document]:
    """Documents of the months named; a month without a year means the latest of that name."""
    kept = []
    for year, month in named.months:
        same = [one for one in documents if one.month[1] == month and year in (None, one.month[0])]
        latest = max((one.month for one in same), default=None)
        kept += [one for one in same if year is not None or one.month == latest]
    return kept


def _oldest_first(
    documents: list[_Document], amount: Decimal
) -> tuple[tuple[_Document, Decimal], ...] | None:
    """Shares of the amount, oldest document first; None when it is more than they owe."""
    shares, left = [], amount
    for one in documents:
        share = min(one.remaining, left)
        if share > 0:
            shares.append((one, share))
            left -= share
    return tuple(shares) if left == 0 else None


def _shown(documents: Iterable[_Document]) -> tuple[_Candidate, ...]:
    """Documents worth showing to a person; score 0 = never taken by itself."""
    return tuple(_Candidate(_ZERO, ((one, one.remaining),)) for one in list(documents)[:5])


# ---- verdicts to rows ----


def _accepted(verdict: _Verdict, settings: Bank) -> bool:
    if (
        not verdict.candidates
        or verdict.candidates[0].score < settings.accept
        or verdict.candidates[0].score == 0
    ):
        return False
    return (
        len(verdict.candidates) == 1
        or verdict.candidates[0].score - verdict.candidates[1].score >= settings.lead
    )


def _paid(receipt: Record, key: str, candidate: _Candidate, refund: bool) -> list[Record]:
    sign = -1 if refund else 1
    for one, share in candidate.shares:
        one.remaining -= sign * share
    return [_payment(receipt, key, one.number, sign * share) for one, share in candidate.shares]


def _answered(receipt: Record, key: str, numbers: Sequence[str], ledger: _Ledger) -> list[Record]:
    """What a person said: the documents in order, each up to what it owes, the rest to the last one."""
    sign, left, rows = (-1 if receipt["direction"] == "out" else 1), receipt["amount"], []
    for position, number in enumerate(numbers, start=1):
        one = ledger.by_number.get(number)
        owed = (one.remaining if sign > 0 else one.paid) if one else left
        share = left if position == len(numbers) else min(left, max(owed, _ZERO))
        if share > 0:
            rows.append(_payment(receipt, key, number, sign * share))
            left -= share
            if one:
                one.remaining -= sign * share
    return rows


def _payment(receipt: Record, key: str, number: str, amount: Decimal) -> Record:
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


def _asked(receipt: Record, key: str, verdict: _Verdict) -> Record:
    said = {name: receipt[name] for name in ("number", "amount", "payer_name", "payer_inn", "purpose")}
    return {
        **said,
        "key": key,
        "date": receipt["booked_on"],
        "reason": verdict.reason or "Варианты почти равны",
        "candidates": tuple(_candidate_text(one) for one in verdict.candidates),
    }


def _candidate_text(candidate: _Candidate) -> str:
    score = f" · оценка {candidate.score:.2f}" if candidate.score else ""
    return "; ".join(_document_text(one) for one, _ in candidate.shares) + score


def _document_text(one: _Document) -> str:
    contract = f"договор {one.shown_contract}" if one.shown_contract else None
    return " · ".join(
        part for part in (one.number, contract, one.payer, f"остаток {one.remaining:.2f}") if part
    )


def _listed(rows: list[Record]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in ASKS})


# ---- documents and names ----


def _document(row: Record) -> _Document:
    printed = row.get("printed") or ()
    forms = frozenset(purpose.fold(number) for number in (row["number"], *printed) if number)
    month = row.get("month") or f"{row['date']:%Y-%m}"
    contract = row["contract_number"]
    return _Document(
        row["number"],
        forms,
        purpose.fold(contract or ""),
        contract,
        row["payer"],
        row["inn"],
        row["date"],
        (int(month[:4]), int(month[5:7])),
        row["amount"],
        row["remaining"],
    )


@lru_cache(maxsize=50_000)
def _name(said: str | None) -> str:
    """A name in the form in which names are compared: no legal form quotes, no ИП, one case."""
    words = re.sub(
        r"^(?:ип|индивидуальный предприниматель)\s+|\s*\(ип\)$", "", clean.fold(clean.short_company(said))
    )
    return " ".join(re.sub(r'["().,]', " ", words).split())


def _names(said: str | None) -> set[str]:
    """Names a bank may mean: «СБЕРБАНК//Иванов Иван Иванович//адрес//» carries the person between slashes."""
    return {name for part in [said or "", *(said or "").split("//")] if (name := _name(part))}
