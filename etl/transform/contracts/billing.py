"""Monthly charges of contracts (specification 000): which deals are charged for a month, corrected, announced
again, left out.

«Данные объекты должны обновляться ежемесячно для выставления счетов клиентам по видеонаблюдению.» Rules:
specification 000, DESIGN §4, reference onec §5 (VAT) and §6 (billing). Money is roubles with VAT, Decimal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from etl.config import dialects
from etl.config.ends import Organisation
from etl.config.profile import Billing
from etl.errors import ConfigError
from etl.records import Charge, Deal, NotBilled
from etl.tables import frame, records
from etl.transform.contracts import corrections, fees
from etl.transform.contracts.corrections import Terms
from etl.transform.contracts.payers import clashing, payer, told_apart
from etl.transform.contracts.register import indexed, rank
from etl.values import clean, keys
from etl.values.organisations import own_organisation, unknown

if TYPE_CHECKING:
    import pandas as pd

#: roubles a month that nobody pays: a slip of the keyboard, which no cell and no 1C would hold
_IMPOSSIBLE = Decimal(10) ** 10
_REQUIRED = {
    "contract_number": "номер договора",
    "contract_date": "дата договора",
    "payer": "плательщик",
    "monthly_fee": "абонентская плата",
}
_SAME_NAME = (
    "Уточните наименование плательщика в сделке (например, добавьте город), "
    "иначе 1С сложит долги разных людей."
)


@dataclass(frozen=True, slots=True)
class BillingPlan:
    """What billing a month means; nothing of it is stored or exported yet.

    charges     table `charges`: rows to add to the register and to send (action new, amend, resend)
    exceptions  table `exceptions`: deals not charged for which a person must do something
    skipped     table `exceptions`: deals rightly not charged (already charged, terminated earlier, excluded)
    terminated  table `charges`: last charge of each contract whose termination falls in the month or is news
    hand        table `charges`: corrections of charges to which 1C already refers: a person makes them in 1C.
                They come back in every plan until they are added to the register.
    """

    charges: pd.DataFrame
    exceptions: pd.DataFrame
    skipped: pd.DataFrame
    terminated: pd.DataFrame
    hand: pd.DataFrame


class _LeftOut(Exception):
    """A deal gets no charge. `attention` tells whether a person must act."""

    def __init__(self, reason: str, advice: str = "", *, attention: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.advice, self.attention = reason, advice, attention


@dataclass(frozen=True, slots=True)
class _Contract:
    """What a charge cannot do without; all of it was looked at."""

    number: str
    signed: dt.date
    fee: Decimal


def plan(
    deals: pd.DataFrame,
    register: pd.DataFrame,
    *,
    month: str,
    settings: Billing,
    organisations: Sequence[Organisation],
    today: dt.date,
    version: int | None = None,
    referred: Collection[str] = frozenset(),
    vat_on: fees.VatOn = dialects.standard_vat,
) -> BillingPlan:
    """Plan the charges of `month` (`YYYY-MM`) and the corrections of earlier months.

    In: `deals` (table `deals`, stage = canonical stage name, monthly_fee in roubles with VAT), `register`
    (table `charges`, every version of every month), `version` of the month's register being made (default:
    the next one), `referred` = numbers of charges to which documents in 1C refer. Out: `BillingPlan`;
    planning again with plan.charges in the register gives none. Raises ConfigError for a month later than the
    next one: a mistyped year must not charge everybody.
    """
    check_month(month, today)
    known = indexed(register, settings.kind)
    number = version or known.versions.get(month, 0) + 1
    terms = Terms(month, settings, organisations, vat_on, known, number)
    listed = {deal["id"]: deal for deal in sorted(records(deals, Deal), key=_by_id)}
    fresh, left = _fresh(listed, terms)
    changes: list[Charge] = []
    for deal in listed.values():
        changes += corrections.corrections(deal, deal["id"] in fresh, terms)
    hand = [corrections.by_hand(row) for row in changes if corrections.is_frozen(row, referred)]
    sent = [row for row in changes if not corrections.is_frozen(row, referred)]
    sent = sorted([*fresh.values(), *sent], key=_by_month)
    asking = [one for one in left if one.why.attention]
    quiet = [one for one in left if not one.why.attention]
    return BillingPlan(
        charges=frame("charges", sent),
        exceptions=_left_table([*asking, *_lost(listed, terms)]),
        skipped=_left_table(quiet),
        terminated=frame("charges", corrections.terminated(sent, terms)),
        hand=frame("charges", hand),
    )


def _by_id(deal: Deal) -> tuple[int, str]:
    """Deals in the order of their numbers."""
    return rank(deal["id"])


def _by_month(row: Charge) -> tuple[str, tuple[int, str]]:
    """Charges by month, then in the order of deals."""
    return row["month"], rank(row["deal"])


def check_month(month: str, today: dt.date) -> None:
    """Raise ConfigError for a month that cannot be meant: no month at all, later than the next one, or more
    than a year back.
    """
    try:
        clean.month_bounds(month)
    except ValueError as error:
        raise ConfigError(f"Месяц начисления: {error}.", "Укажите его так: --month 2026-11.") from None
    here = clean.month_of(today)
    if month > clean.month_after(here):
        raise ConfigError(
            f"Месяц {clean.month_name(month)} ещё далеко, начислять рано.", "Проверьте год и месяц."
        )
    if month < clean.month_after(here, -12):
        raise ConfigError(
            f"Месяц {clean.month_name(month)}: прошло больше года, задним числом он не начисляется.",
            "Проверьте год и месяц.",
        )


# ---- who is charged, and how much
@dataclass(frozen=True, slots=True)
class _Left:
    """A deal that got no charge, as the register shows it, and why."""

    row: NotBilled
    why: _LeftOut


def _fresh(listed: Mapping[str, Deal], terms: Terms) -> tuple[dict[str, Charge], list[_Left]]:
    """Charges of the month by deal, and the deals left out with the reason."""
    fresh: dict[str, Charge] = {}
    left: list[_Left] = []
    for deal in listed.values():
        try:
            row = _charge(deal, terms)
        except _LeftOut as why:
            # a traceback would keep the frames of every deal alive
            left.append(_Left(_shown(deal), why.with_traceback(None)))
            continue
        if row:
            fresh[deal["id"]] = row
    told_apart(fresh.values(), terms.register)
    for clash in clashing(fresh.values(), terms.register):
        del fresh[clash["deal"]]
        reason = f"Другой плательщик в 1С называется так же: «{clash['payer_key']}»"
        left.append(_Left(_shown(listed[clash["deal"]]), _LeftOut(reason, _SAME_NAME)))
    return fresh, left


def _charge(deal: Deal, terms: Terms) -> Charge | None:
    """The charge of a deal for the month; None for a deal that is not under contract. Raises _LeftOut with
    the reason.

    «После того как офис-менеджер подтвердит договор с клиентом, … сделки с такими статусами выгружаются»;
    after the termination date «в последующие месяцы … оплата не начисляется».
    """
    settings, month = terms.settings, terms.month
    if deal["id"] in settings.exclude:
        raise _LeftOut("Сделка исключена настройкой billing.exclude", attention=False)
    if deal["stage"] not in (*settings.stages, settings.terminated_stage):
        _check_departed(deal, terms)
        return None
    _check_termination(deal, settings)
    if billed := terms.register.charge(deal["id"], month):
        raise _LeftOut(f"Уже начислено, номер {billed['number']}", attention=False)
    contract = _contract(deal, month)
    ended = deal["terminated_on"]
    if ended and clean.month_of(ended) < month:
        raise _LeftOut(f"Договор расторгнут {clean.day_name(ended)}", attention=False)
    organisation = _organisation(deal, terms.organisations)
    first, last = clean.month_bounds(month)
    day = last if settings.date == "last" else first
    whole = fees.whole_month(contract.fee, contract.signed, day, organisation, settings, terms.vat_on)
    amount = fees.part(whole, fees.served(contract.signed, ended, month, settings), month)
    if not amount:
        raise _LeftOut("По настройкам неполный месяц не начисляется", attention=False)
    return _row(deal, contract, organisation, day, amount, terms)


def _row(
    deal: Deal, contract: _Contract, organisation: Organisation, day: dt.date, amount: Decimal, terms: Terms
) -> Charge:
    rate = fees.vat_rate(organisation, day, terms.vat_on)
    who = payer(deal, terms.register)
    notes = list(who.notes)
    if not deal["address"]:
        notes.append("не указан адрес объекта")
    return {
        "deal": deal["id"],
        "month": terms.month,
        "kind": terms.settings.kind,
        "version": terms.version,
        "number": _number(deal, terms),
        "payer": who.name or "",
        "payer_key": who.key,
        "payer_inn": who.inn,
        "address": clean.text(deal["address"]),
        "contract_number": contract.number,
        "contract_date": contract.signed,
        "amount": amount,
        "vat_rate": rate,
        "vat_exempt": rate is None,
        "vat_amount": None if rate is None else fees.vat_included(amount, rate),
        "date": day,
        "terminated_on": deal["terminated_on"],
        "manager": deal["manager"],
        "manager_name": deal["manager_name"],
        "organisation": organisation.name,
        "service": terms.settings.service.replace("{month}", clean.month_name(terms.month)),
        "note": "; ".join(notes) or None,
        "action": "new",
        "delta": amount,
    }


def _number(deal: Deal, terms: Terms) -> str:
    """The number of the charge towards 1C (DESIGN §5); what does not fit is an Issue, never cut off."""
    try:
        return keys.charge(deal["id"], terms.month, terms.version)
    except ValueError as error:
        raise _LeftOut(
            f"Номер начисления не составить: {error}",
            "Начислите вручную и сообщите тому, кто настраивал обмен.",
        ) from None


def _check_departed(deal: Deal, terms: Terms) -> None:
    """A deal charged last month that stands on a stage the profile does not know as a contract: say so, do
    not guess.
    """
    last = terms.register.charge(deal["id"], clean.month_after(terms.month, -1))
    here = terms.register.charge(deal["id"], terms.month)
    if last and last["amount"] and not here and not deal["terminated_on"]:
        raise _LeftOut(
            f"Начислялась в прошлом месяце, а теперь на стадии «{deal['stage']}»",
            "Верните сделку на стадию договора либо укажите дату расторжения.",
        )


def _check_termination(deal: Deal, settings: Billing) -> None:
    """«В сделке сотрудник заполняет поле «Дата расторжения»»: without it nobody knows which month is the
    last.
    """
    ended, signed = deal["terminated_on"], deal["contract_date"]
    if deal["stage"] == settings.terminated_stage and ended is None:
        raise _LeftOut(
            f"Стадия «{settings.terminated_stage}», а дата расторжения не заполнена",
            "Заполните дату расторжения в сделке.",
        )
    if ended and signed and ended < signed:
        raise _LeftOut("Дата расторжения раньше даты договора", "Исправьте одну из дат в сделке.")


def _contract(deal: Deal, month: str) -> _Contract:
    """The fields of specification 000 without which a charge means nothing. Raises _LeftOut, naming what is
    missing.
    """
    if unread := (deal["fields"] or {}).get("?"):
        raise _LeftOut(
            f"Не читается: {', '.join(unread)}",
            "Исправьте значение поля в сделке: дата ДД.ММ.ГГГГ, сумма в рублях.",
        )
    number, signed, fee = clean.text(deal["contract_number"]), deal["contract_date"], deal["monthly_fee"]
    if number is None or signed is None or fee is None or clean.text(deal["payer"]) is None:
        values = {name: clean.text(value) for name, value in deal.items() if name in _REQUIRED}
        empty = [word for name, word in _REQUIRED.items() if values.get(name) is None]
        raise _LeftOut(
            f"Не заполнено: {', '.join(empty)}",
            "Заполните поля сделки, она войдёт в следующую версию реестра.",
        )
    if fee <= 0:
        raise _LeftOut("Абонентская плата не больше нуля", "Укажите сумму ежемесячного платежа в сделке.")
    if fee >= _IMPOSSIBLE:
        raise _LeftOut(
            f"Абонентская плата {fee:.2f} невозможна", "Исправьте сумму ежемесячного платежа в сделке."
        )
    if deal["currency"] not in (None, "RUB"):
        raise _LeftOut(
            f"Валюта сделки {deal['currency']}, начисления ведутся в рублях",
            "Укажите сумму платежа в рублях и валюту «рубль».",
        )
    if signed > clean.month_bounds(month)[1]:
        raise _LeftOut(
            f"Дата договора {clean.day_name(signed)} позже месяца начисления",
            "Проверьте дату договора. Если она верна, сделка войдёт в реестр своего месяца.",
        )
    return _Contract(number, signed, fee)


def _organisation(deal: Deal, organisations: Sequence[Organisation]) -> Organisation:
    """Our organisation that a deal is of. Raises _LeftOut where nobody knows it."""
    own = own_organisation(deal["organisation"], organisations)
    if own is None:
        raise _LeftOut(*unknown(deal["organisation"]))
    return own


# ---- who was left out
def _lost(listed: Mapping[str, Deal], terms: Terms) -> list[_Left]:
    """Deals charged last month that the portal no longer shows, without a termination date."""
    why = _LeftOut(
        "Начислялась в прошлом месяце, а среди сделок портала её нет",
        "Проверьте, не удалена ли сделка; если договор расторгнут, сообщите бухгалтеру.",
    )
    before = clean.month_after(terms.month, -1)
    found: list[_Left] = []
    for deal in terms.register.last:
        last = terms.register.charge(deal, before)
        gone = deal not in listed and not terms.register.charge(deal, terms.month)
        if last and gone and last["amount"] and not last["terminated_on"]:
            found.append(_Left(_charged(last), why))
    return found


def _charged(last: Charge) -> NotBilled:
    """A deal that is gone, as its last charge knew it."""
    return {
        "deal": last["deal"],
        "payer": clean.text(last["payer"]) or "",
        "contract_number": clean.text(last["contract_number"]),
        "amount": last["amount"],
        "manager_name": last["manager_name"],
    }


def _shown(deal: Deal) -> NotBilled:
    """A deal as the sheet of exceptions shows it."""
    return {
        "deal": deal["id"],
        "title": deal["title"],
        "stage": deal["stage"],
        "payer": clean.text(deal["payer"]),
        "contract_number": clean.text(deal["contract_number"]),
        "amount": deal["monthly_fee"],
        "manager_name": deal["manager_name"],
    }


def _left_table(left: Iterable[_Left]) -> pd.DataFrame:
    """Deals left out as the table `exceptions`."""
    rows = [{**one.row, "reason": one.why.reason, "advice": one.why.advice or None} for one in left]
    return frame("exceptions", rows)
