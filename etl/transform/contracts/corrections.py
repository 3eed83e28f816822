"""What a termination date changes in charges already made (specification 000: «дата расторжения договора»).

An exported charge is frozen; only a termination date changes it (DESIGN §4). Sums never change for another
reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from etl.config.ends import Organisation
from etl.config.profile import Billing
from etl.records import Charge, Deal
from etl.transform.contracts import fees
from etl.transform.contracts.register import Register, rank
from etl.values import clean

_BY_HAND = "исправьте вручную: на документ в 1С уже ссылаются оплата или отгрузка"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the rules of one month need beside the deal: the month (`2026-11`), the settings, our
    organisations, the VAT rate by day, the register, and the version of the month's register that is being
    made.
    """

    month: str
    settings: Billing
    organisations: Sequence[Organisation]
    vat_on: fees.VatOn
    register: Register
    version: int

    def version_of(self, month: str) -> int:
        """Register version in which a row of `month` made now stands."""
        return self.version if month == self.month else self.register.versions.get(month, 0) + 1


def corrections(deal: Deal, charged_now: bool, terms: Terms) -> list[Charge]:
    """Rows that bring the deal's charges up to its termination date: amended sums, and the last charge
    announced with the date.

    `charged_now`: the month charges the deal too, and that charge will carry the date.
    """
    history = terms.register.last.get(deal["id"], {})
    if not history or deal["id"] in terms.settings.exclude or not _says_when(deal, terms.settings):
        return []
    ended = deal["terminated_on"]
    rows: list[Charge] = []
    alive: str | None = None  # the last month that still costs something
    for month in sorted(history):
        due = _due(terms.register.first[deal["id"]][month], deal, terms)
        if due != history[month]["amount"]:
            rows.append(_next(history[month], due, ended, "amend", terms))
        if due:
            alive = month
    amended = {row["month"] for row in rows}
    if alive and alive not in amended and not charged_now and _unannounced(history[alive], ended, terms):
        rows.append(_next(history[alive], history[alive]["amount"], ended, "resend", terms))
    return rows


def _unannounced(last: Charge, ended: dt.date | None, terms: Terms) -> bool:
    """A charge is announced again only when its date differs and no later charge will carry the new one."""
    complete = ended is None or clean.month_of(ended) <= max(terms.month, last["month"])
    return complete and last["terminated_on"] != ended


def _says_when(deal: Deal, settings: Billing) -> bool:
    """Whether the deal says how long it is served. An empty date means «still served» only on a stage of a
    living contract; dates that contradict each other mean nothing.
    """
    if deal["terminated_on"] is None:
        return deal["stage"] in settings.stages
    return deal["contract_date"] is None or deal["terminated_on"] >= deal["contract_date"]


def _due(first: Charge, deal: Deal, terms: Terms) -> Decimal:
    """What a charge should be under the deal's present termination date, on the terms frozen in its first
    version.
    """
    signed = first["contract_date"]
    if signed is None:
        return first["amount"]
    then = fees.served(signed, first["terminated_on"], first["month"], terms.settings)
    now = fees.served(signed, deal["terminated_on"], first["month"], terms.settings)
    if now == then or not then:
        return first["amount"]
    return fees.part(_whole(first, signed, then, deal, terms), now, first["month"])


def _whole(first: Charge, signed: dt.date, then: int, deal: Deal, terms: Terms) -> Decimal | Fraction:
    """The fee of the whole month of a frozen charge for `then` days: exact, where the frozen part of the
    deal's present fee proves that it has not changed since; else computed back from the frozen sum.
    """
    day, fee = first["date"], deal["monthly_fee"]
    if fee and day:
        own = _own(first["organisation"], terms.organisations)
        agreed = fees.whole_month(fee, signed, day, own, terms.settings, terms.vat_on)
        if fees.part(agreed, then, first["month"]) == first["amount"]:
            return agreed
    return Fraction(first["amount"]) * clean.month_bounds(first["month"])[1].day / then


def _own(name: str | None, organisations: Sequence[Organisation]) -> Organisation:
    """The organisation that charged; the first of the profile where it is no longer there."""
    found = [own for own in organisations if own.name == name]
    return found[0] if found else organisations[0]


def _next(last: Charge, amount: Decimal, ended: dt.date | None, action: str, terms: Terms) -> Charge:
    """The next version of a charge: the new sum and date, and the words of the register."""
    told = f"договор расторгнут {clean.day_name(ended)}" if ended else "дата расторжения снята"
    rate = last["vat_rate"]
    changed: Charge = {
        "version": terms.version_of(last["month"]),
        "amount": amount,
        "vat_amount": None if rate is None else fees.vat_included(amount, rate),
        "terminated_on": ended,
        "action": action,
        "delta": amount - last["amount"],
        "note": told if amount else f"{told}; начисление отменено",
    }
    return {**last, **changed}


def by_hand(row: Charge) -> Charge:
    """A correction that 1C no longer takes, as the register tells the accountant."""
    return {**row, "note": f"{row['note']}; {_BY_HAND}"}


def is_frozen(row: Charge, referred: Collection[str]) -> bool:
    """Whether an amended sum can only be corrected by a person: documents in 1C refer to the charge
    (reference commerceml §0).
    """
    return row["action"] == "amend" and row["number"] in referred


def terminated(sent: Iterable[Charge], terms: Terms) -> list[Charge]:
    """Sheet «Расторгнутые»: the last charge of each contract that ended in the month, or whose end this plan
    or this month's register tells 1C.
    """
    sent = list(sent)
    told = {row["deal"] for row in (*sent, *_corrected(terms)) if row["terminated_on"]}
    state = {deal: dict(months) for deal, months in terms.register.last.items()}
    for row in sent:
        state.setdefault(row["deal"], {})[row["month"]] = row
    lasts = [_last(months) for months in state.values()]
    ended = [row for row in lasts if _ended(row, told, terms.month)]
    return sorted(ended, key=lambda row: rank(row["deal"]))


def _corrected(terms: Terms) -> list[Charge]:
    """Corrections that this month's register holds already."""
    month = terms.month
    here = [months[month] for months in terms.register.last.values() if month in months]
    return [row for row in here if row["action"] != "new"]


def _last(months: Mapping[str, Charge]) -> Charge:
    """The last charge that still costs something, or the last one where none does."""
    billed = [month for month, row in months.items() if row["amount"]]
    return months[max(billed or months)]


def _ended(row: Charge, told: Collection[str], month: str) -> bool:
    """Whether a last charge belongs on the sheet: its contract ended in the month, or its end is news."""
    ended = row["terminated_on"]
    return ended is not None and (row["deal"] in told or clean.month_of(ended) == month)
