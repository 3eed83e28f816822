"""Monthly charges of contracts (specification 000): which deals are charged for a month, corrected, announced
again, left out.

The register holds every version of every charge and is never rewritten: the state of a charge is its row with
the highest version, `delta` of all its rows sums to its present amount. An exported charge is frozen; only a
termination date changes it. Rules: specification 000, DESIGN §4, reference onec §5 (VAT) and §6 (billing).
Money is roubles with VAT, Decimal."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from etl.config import dialects
from etl.config.profile import Billing, Organisation
from etl.errors import ConfigError
from etl.tables import Record, each, frame, records
from etl.transform.contracts import fees
from etl.values import checked, clean, keys

if TYPE_CHECKING:
    import pandas as pd

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class BillingPlan:
    """What billing a month means; nothing of it is stored or exported yet.

    charges     table `charges`: rows to add to the register and to send (action new, amend, resend)
    exceptions  table `exceptions`: deals not charged for which a person must do something
    skipped     table `exceptions`: deals rightly not charged (already charged, terminated earlier, excluded); nothing to do
    terminated  table `charges`: last charge of each contract whose termination falls in the month or became known now
    hand        table `charges`: corrections of charges to which 1C already refers: a person makes them in 1C. They come back
                in every plan until they are added to the register.
    """

    charges: pd.DataFrame
    exceptions: pd.DataFrame
    skipped: pd.DataFrame
    terminated: pd.DataFrame
    hand: pd.DataFrame


class Totals(NamedTuple):
    """Control totals: charges that are not cancelled, roubles with VAT, the VAT in them."""

    charges: int
    amount: Decimal
    vat_amount: Decimal


class _LeftOut(Exception):
    """A deal gets no charge. `attention` tells whether a person must act."""

    def __init__(self, reason: str, advice: str = "", *, attention: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.advice, self.attention = reason, advice, attention


class _Register:
    """The register indexed: first and last version of each charge, versions per month, names already known to
    1C."""

    def __init__(self, register: pd.DataFrame, kind: str) -> None:
        rows = sorted(records(register), key=lambda row: row["version"])
        self.first: dict[str, dict[str, Record]] = defaultdict(dict)
        self.last: dict[str, dict[str, Record]] = defaultdict(dict)
        self.versions: dict[str, int] = {}
        self.parties: dict[str, set[str]] = defaultdict(set)
        self.named: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            self.versions[row["month"]] = max(row["version"], self.versions.get(row["month"], 0))
            if row["kind"] == kind:
                self.first[row["deal"]].setdefault(row["month"], row)
                self.last[row["deal"]][row["month"]] = row
            self.parties[clean.fold(row["payer_key"])].add(_party(row))
            self.named[clean.fold(row["payer_key"])].add(row["deal"])

    def oldest(self, deal: str) -> Record | None:
        """The first charge of a deal: it froze how 1C knows the payer."""
        months = self.first.get(deal)
        return months[min(months)] if months else None


@dataclass(frozen=True, slots=True)
class _Run:
    """Everything the rules need to judge one deal."""

    month: str
    settings: Billing
    organisations: Sequence[Organisation]
    vat_on: fees.VatOn
    register: _Register
    version: int

    def version_of(self, month: str) -> int:
        """Register version in which a row of `month` made now stands."""
        return self.version if month == self.month else self.register.versions.get(month, 0) + 1


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
    next one: a mistyped year must not charge everybody."""
    _near(month, today)
    known = _Register(register, settings.kind)
    run = _Run(month, settings, organisations, vat_on, known, version or known.versions.get(month, 0) + 1)
    listed = {deal["id"]: deal for deal in sorted(records(deals), key=lambda deal: _rank(deal["id"]))}
    fresh, left = _fresh(listed, run)
    changes = [row for deal in listed.values() for row in _corrections(deal, fresh.get(deal["id"]), run)]
    hand = [row | {"note": f"{row['note']}; {_BY_HAND}"} for row in changes if _frozen(row, referred)]
    sent = [*fresh.values(), *(row for row in changes if not _frozen(row, referred))]
    sent.sort(key=lambda row: (row["month"], _rank(row["deal"])))
    return BillingPlan(
        charges=frame("charges", sent),
        exceptions=_left_table([pair for pair in left if pair[1].attention] + _lost(listed, run)),
        skipped=_left_table([pair for pair in left if not pair[1].attention]),
        terminated=frame("charges", _terminated(sent, run)),
        hand=frame("charges", hand),
    )


def current(register: pd.DataFrame, month: str | None = None) -> pd.DataFrame:
    """The register as it stands: the last version of each charge, of one month or of all. Cancelled charges
    have amount 0."""
    last: dict[tuple[str, str, str], Record] = {}
    for row in sorted(records(register), key=lambda row: row["version"]):
        if month is None or row["month"] == month:
            last[row["deal"], row["month"], row["kind"]] = row
    return frame(
        "charges", sorted(last.values(), key=lambda row: (row["month"], _rank(row["deal"]), row["kind"]))
    )


def totals(charges: pd.DataFrame) -> Totals:
    """Control totals of charges (table `charges`, one row per charge)."""
    billed = [row for row in records(charges) if row["amount"]]
    return Totals(
        len(billed),
        sum((row["amount"] for row in billed), ZERO),
        sum((row["vat_amount"] or ZERO for row in billed), ZERO),
    )


def compare(last_month: pd.DataFrame, this_month: pd.DataFrame) -> pd.DataFrame:
    """Sheet «Сверка»: one row per deal charged in either month (`current` of each), in the order of deals.

    Out: change (added, ended, changed, same), deal, payer, contract_number, before, after (roubles, None =
    not charged). The sums of `before` and `after` are the totals of the two months."""
    import pandas as pd

    before, after = (
        {row["deal"]: row for row in each(part) if row["amount"]} for part in (last_month, this_month)
    )
    rows = []
    for deal in sorted(before.keys() | after.keys(), key=_rank):
        old, new = before.get(deal), after.get(deal)
        shown = new or old or {}
        was, now = (old or {}).get("amount"), (new or {}).get("amount")
        change = "added" if was is None else "ended" if now is None else "same" if was == now else "changed"
        rows.append((change, deal, shown["payer"], shown["contract_number"], was, now))
    return pd.DataFrame(
        rows, columns=["change", "deal", "payer", "contract_number", "before", "after"], dtype=object
    )


# ---- who is charged, and how much ----


def _fresh(
    listed: Mapping[str, Record], run: _Run
) -> tuple[dict[str, Record], list[tuple[Record, _LeftOut]]]:
    """Charges of the month by deal, and the deals left out with the reason."""
    fresh: dict[str, Record] = {}
    left: list[tuple[Record, _LeftOut]] = []
    for deal in listed.values():
        try:
            if row := _charge(deal, run):
                fresh[deal["id"]] = row
        except _LeftOut as why:
            left.append(
                (deal, why.with_traceback(None))
            )  # a traceback would keep the frames of every deal alive
    for clash in _clashing(fresh.values(), run.register):
        del fresh[clash["deal"]]
        left.append(
            (
                listed[clash["deal"]],
                _LeftOut(f"Другой плательщик в 1С называется так же: «{clash['payer_key']}»", _SAME_NAME),
            )
        )
    return fresh, left


def _charge(deal: Record, run: _Run) -> Record | None:
    """The charge of a deal for the month; None for a deal that is not under contract. Raises _LeftOut with
    the reason."""
    billed = run.register.last.get(deal["id"], {}).get(run.month)
    if deal["id"] in run.settings.exclude:
        raise _LeftOut("Сделка исключена настройкой billing.exclude", attention=False)
    if deal["stage"] not in (*run.settings.stages, run.settings.terminated_stage):
        _check_departed(deal, run)
        return None
    _check_termination(deal, run)
    if billed:
        raise _LeftOut(f"Уже начислено, номер {billed['number']}", attention=False)
    _check_fields(deal, run)
    ended = deal["terminated_on"]
    if ended and clean.month_of(ended) < run.month:
        raise _LeftOut(f"Договор расторгнут {clean.day_name(ended)}", attention=False)
    organisation = _organisation(deal, run)
    day = clean.month_bounds(run.month)[run.settings.date == "last"]
    whole = fees.whole_month(
        deal["monthly_fee"], deal["contract_date"], day, organisation, run.settings, run.vat_on
    )
    amount = fees.part(whole, fees.served(deal["contract_date"], ended, run.month, run.settings), run.month)
    if not amount:
        raise _LeftOut("По настройкам неполный месяц не начисляется", attention=False)
    return _row(deal, organisation, day, amount, run)


def _row(deal: Record, organisation: Organisation, day: dt.date, amount: Decimal, run: _Run) -> Record:
    try:
        number = keys.charge(deal["id"], run.month, run.version)
    except ValueError as error:
        raise _LeftOut(
            f"Номер начисления не составить: {error}",
            "Начислите вручную и сообщите тому, кто настраивал обмен.",
        ) from None
    rate = fees.vat_rate(organisation, day, run.vat_on)
    payer, notes = _payer(deal, run.register.oldest(deal["id"]))
    if not deal["address"]:
        notes.append("не указан адрес объекта")
    return {
        "deal": deal["id"],
        "month": run.month,
        "kind": run.settings.kind,
        "version": run.version,
        "number": number,
        **payer,
        "address": clean.text(deal["address"]),
        "contract_number": clean.text(deal["contract_number"]),
        "contract_date": deal["contract_date"],
        "amount": amount,
        "vat_rate": rate,
        "vat_exempt": rate is None,
        "vat_amount": None if rate is None else fees.vat_included(amount, rate),
        "date": day,
        "terminated_on": deal["terminated_on"],
        "manager": deal["manager"],
        "manager_name": deal["manager_name"],
        "organisation": organisation.name,
        "service": run.settings.service.replace("{month}", clean.month_name(run.month)),
        "note": "; ".join(notes) or None,
        "action": "new",
        "delta": amount,
    }


def _payer(deal: Record, oldest: Record | None) -> tuple[Record, list[str]]:
    """How 1C is told the payer: `payer` is the ФИО, `payer_key` the Наименование by which 1C finds the
    counterparty.

    1C matches a payer without ИНН by exact Наименование, so the contract number stands in it, and both stay
    as first exported."""
    name, said = clean.text(deal["payer"]), checked.inn(deal["payer_inn"])
    inn, notes = (None, [f"{said.warning} ({said.value})"]) if said.warning else (said.value, [])
    if oldest and (inn is None or oldest["payer_inn"] in (None, inn)):
        if inn and not oldest["payer_inn"]:
            notes.append(f"1С знает плательщика без ИНН, внесите ИНН {inn} в его карточку в 1С")
        return {"payer": name, "payer_key": oldest["payer_key"], "payer_inn": oldest["payer_inn"]}, notes
    key = name if inn else f"{name} (дог. № {clean.text(deal['contract_number'])})"
    return {"payer": name, "payer_key": key, "payer_inn": inn}, notes


def _check_departed(deal: Record, run: _Run) -> None:
    # a deal charged last month that stands on a stage the profile does not know as a contract: say so, do not
    # guess
    rows = run.register.last.get(deal["id"], {})
    last = rows.get(clean.month_after(run.month, -1))
    if last and last["amount"] and run.month not in rows and not deal["terminated_on"]:
        raise _LeftOut(
            f"Начислялась в прошлом месяце, а теперь на стадии «{deal['stage']}»",
            "Верните сделку на стадию договора либо укажите дату расторжения.",
        )


def _check_termination(deal: Record, run: _Run) -> None:
    if deal["stage"] == run.settings.terminated_stage and deal["terminated_on"] is None:
        raise _LeftOut(
            f"Стадия «{run.settings.terminated_stage}», а дата расторжения не заполнена",
            "Заполните дату расторжения в сделке.",
        )
    if deal["terminated_on"] and deal["contract_date"] and deal["terminated_on"] < deal["contract_date"]:
        raise _LeftOut("Дата расторжения раньше даты договора", "Исправьте одну из дат в сделке.")


_REQUIRED = {
    "contract_number": "номер договора",
    "contract_date": "дата договора",
    "payer": "плательщик",
    "monthly_fee": "абонентская плата",
}


def _check_fields(deal: Record, run: _Run) -> None:
    empty = [word for name, word in _REQUIRED.items() if clean.text(deal[name]) is None]
    if unread := (deal["fields"] or {}).get("?"):
        raise _LeftOut(
            f"Не читается: {', '.join(unread)}",
            "Исправьте значение поля в сделке: дата ДД.ММ.ГГГГ, сумма в рублях.",
        )
    if empty:
        raise _LeftOut(
            f"Не заполнено: {', '.join(empty)}",
            "Заполните поля сделки, она войдёт в следующую версию реестра.",
        )
    if deal["monthly_fee"] <= 0:
        raise _LeftOut("Абонентская плата не больше нуля", "Укажите сумму ежемесячного платежа в сделке.")
    if deal["currency"] not in (None, "RUB"):
        raise _LeftOut(
            f"Валюта сделки {deal['currency']}, начисления ведутся в рублях",
            "Укажите сумму платежа в рублях и валюту «рубль».",
        )
    if deal["contract_date"] > clean.month_bounds(run.month)[1]:
        raise _LeftOut(
            f"Дата договора {clean.day_name(deal['contract_date'])} позже месяца начисления",
            "Проверьте дату договора. Если она верна, сделка войдёт в реестр своего месяца.",
        )


def _organisation(deal: Record, run: _Run) -> Organisation:
    said = clean.fold(deal["organisation"])
    for own in run.organisations:
        if not said or said in (clean.fold(own.name), own.inn):
            return own
    raise _LeftOut(
        f"Наша организация «{deal['organisation']}» не описана в профиле",
        "Добавьте её в раздел organisations профиля или исправьте в сделке.",
    )


# ---- corrections ----


def _corrections(deal: Record, fresh: Record | None, run: _Run) -> list[Record]:
    """Rows that bring the deal's charges up to its termination date: amended sums, and the last charge
    announced with the date.

    A charge is announced again only when no later one will carry the date. Sums never change for another
    reason."""
    history, ended = run.register.last.get(deal["id"], {}), deal["terminated_on"]
    if not history or deal["id"] in run.settings.exclude or not _dated(deal, run):
        return []
    rows, alive = [], None
    for month in sorted(history):
        first, last = run.register.first[deal["id"]][month], history[month]
        due = _due(first, deal, run)
        if due != last["amount"]:
            rows.append(_next(last, due, ended, "amend", run))
        alive = month if due else alive
    complete = ended is None or clean.month_of(ended) <= max(run.month, alive or "")
    if (
        alive
        and not fresh
        and complete
        and history[alive]["terminated_on"] != ended
        and alive not in {row["month"] for row in rows}
    ):
        rows.append(_next(history[alive], history[alive]["amount"], ended, "resend", run))
    return rows


def _dated(deal: Record, run: _Run) -> bool:
    # an empty date means «still served» only on a stage of a living contract; dates that contradict each
    # other mean nothing
    if deal["terminated_on"] is None:
        return deal["stage"] in run.settings.stages
    return deal["contract_date"] is None or deal["terminated_on"] >= deal["contract_date"]


def _due(first: Record, deal: Record, run: _Run) -> Decimal:
    """What a charge should be under the deal's present termination date, on the terms frozen in its first
    version."""
    then = fees.served(first["contract_date"], first["terminated_on"], first["month"], run.settings)
    now = fees.served(first["contract_date"], deal["terminated_on"], first["month"], run.settings)
    amount: Decimal = first["amount"]
    if now == then or not then:
        return amount
    whole: Decimal | Fraction = Fraction(amount) * clean.month_bounds(first["month"])[1].day / then
    if deal["monthly_fee"]:
        own = next(
            (item for item in run.organisations if item.name == first["organisation"]), run.organisations[0]
        )
        agreed = fees.whole_month(
            deal["monthly_fee"], first["contract_date"], first["date"], own, run.settings, run.vat_on
        )
        # the exact fee, where the frozen part of it proves that it has not changed since
        whole = agreed if fees.part(agreed, then, first["month"]) == amount else whole
    return fees.part(whole, now, first["month"])


def _next(last: Record, amount: Decimal, ended: dt.date | None, action: str, run: _Run) -> Record:
    told = f"договор расторгнут {clean.day_name(ended)}" if ended else "дата расторжения снята"
    vat = None if last["vat_rate"] is None else fees.vat_included(amount, last["vat_rate"])
    return last | {
        "version": run.version_of(last["month"]),
        "amount": amount,
        "vat_amount": vat,
        "terminated_on": ended,
        "action": action,
        "delta": amount - last["amount"],
        "note": told if amount else f"{told}; начисление отменено",
    }


def _terminated(sent: Iterable[Record], run: _Run) -> list[Record]:
    """The last charge of each contract that ended in the month, or whose end this plan or this month's
    register tells 1C."""
    corrected = [
        months[run.month]
        for months in run.register.last.values()
        if run.month in months and months[run.month]["action"] != "new"
    ]
    told = {row["deal"] for row in (*sent, *corrected) if row["terminated_on"]}
    state = {deal: dict(months) for deal, months in run.register.last.items()}
    for row in sent:
        state.setdefault(row["deal"], {})[row["month"]] = row
    lasts = [
        months[max([month for month in months if months[month]["amount"]] or months)]
        for months in state.values()
    ]
    ended = [
        row
        for row in lasts
        if row["terminated_on"] and (row["deal"] in told or clean.month_of(row["terminated_on"]) == run.month)
    ]
    return sorted(ended, key=lambda row: _rank(row["deal"]))


# ---- names, lists, order ----

_SAME_NAME = "Уточните наименование плательщика в сделке (например, добавьте город), иначе 1С сложит долги разных людей."
_BY_HAND = "исправьте вручную: на документ в 1С уже ссылаются оплата или отгрузка"


def _frozen(row: Record, referred: Collection[str]) -> bool:
    return row["action"] == "amend" and row["number"] in referred


def _party(row: Record) -> str:
    """Who owes: ИНН where it is known, else the contract."""
    return (
        f"ИНН {row['payer_inn']}"
        if row["payer_inn"]
        else f"договор {clean.fold(row['contract_number'])} от {row['contract_date']}"
    )


def _clashing(fresh: Iterable[Record], register: _Register) -> list[Record]:
    """Charges whose payer would share the name in 1C with another party: all of them, unless 1C already knows
    one by this name."""
    wanted: dict[str, list[Record]] = defaultdict(list)
    for row in fresh:
        wanted[clean.fold(row["payer_key"])].append(row)
    bad = []
    for name, rows in wanted.items():
        known, several = register.parties.get(name, set()), len({_party(row) for row in rows}) > 1
        # a deal charged under this name before keeps it, even if its contract was renumbered since
        bad += [
            row
            for row in rows
            if row["deal"] not in register.named.get(name, ())
            and (_party(row) not in known if known else several)
        ]
    return bad


def _lost(listed: Mapping[str, Record], run: _Run) -> list[tuple[Record, _LeftOut]]:
    """Deals charged last month that the portal no longer shows, without a termination date."""
    before = clean.month_after(run.month, -1)
    why = _LeftOut(
        "Начислялась в прошлом месяце, а среди сделок портала её нет",
        "Проверьте, не удалена ли сделка; если договор расторгнут, сообщите бухгалтеру.",
    )
    gone = [
        months[before]
        for deal, months in run.register.last.items()
        if deal not in listed and before in months and run.month not in months
    ]
    return [
        (row | {"id": row["deal"], "monthly_fee": row["amount"]}, why)
        for row in gone
        if row["amount"] and not row["terminated_on"]
    ]


def _left_table(left: Iterable[tuple[Record, _LeftOut]]) -> pd.DataFrame:
    return frame(
        "exceptions",
        [
            {
                "deal": deal["id"],
                "title": deal.get("title"),
                "stage": deal.get("stage"),
                "payer": clean.text(deal["payer"]),
                "contract_number": clean.text(deal["contract_number"]),
                "amount": deal["monthly_fee"],
                "manager_name": deal["manager_name"],
                "reason": why.reason,
                "advice": why.advice or None,
            }
            for deal, why in left
        ],
    )


def _near(month: str, today: dt.date) -> None:
    try:
        clean.month_bounds(month)
    except ValueError as error:
        raise ConfigError(f"Месяц начисления: {error}.", "Укажите его так: --month 2026-11.") from None
    if month > clean.month_after(clean.month_of(today)):
        raise ConfigError(
            f"Месяц {clean.month_name(month)} ещё далеко, начислять рано.", "Проверьте год и месяц."
        )
    if month < clean.month_after(clean.month_of(today), -12):
        raise ConfigError(
            f"Месяц {clean.month_name(month)}: прошло больше года, задним числом он не начисляется.",
            "Проверьте год и месяц.",
        )


def _rank(deal: str) -> tuple[int, str]:
    return len(deal), deal
