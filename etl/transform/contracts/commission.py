"""The manager's remuneration in two halves (specification 000): what is accrued, what is taken back after a
refund.

«После того как менеджеру начислено 50% договоренной оплаты …»: first half after the client's first paid
charge, second after the second; each half once per turn, the second never before the first. Accruals run on
facts, not on stages. Rules: DESIGN §4, reference onec §7. Money is roubles, Decimal.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from etl.config.dialects import Dialect
from etl.config.ends import Organisation
from etl.config.profile import Commission
from etl.records import Accrual, Deal, NotBilled
from etl.transform.contracts.facts import ContractFacts, PaidCharge, standing
from etl.transform.contracts.register import rank
from etl.values import clean, keys
from etl.values.organisations import own_organisation, unknown


@dataclass(frozen=True, slots=True)
class Asked:
    """A second half that a person decides: the key of the question and why it is doubtful, Russian."""

    deal: Deal
    key: str
    reason: str


Confirmation = Literal["seen", "published", "person"]
_PARTS = {1: "first", 2: "second"}
#: states of the publication that holds an act (DESIGN §7) in which it counts as accepted
_ACCEPTED = {"seen": ("echoed",), "published": ("published", "echoed", "assumed"), "person": ()}


class _Refused(Exception):
    """A half that is due but cannot be accrued: reason and advice, Russian."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


class _Doubtful(Exception):
    """A half that only a person may grant or refuse: `args` says why, Russian."""


def halves(total: Decimal) -> tuple[Decimal, Decimal]:
    """The two parts of a remuneration: the first half up to the kopeck, the second the rest; they add up to
    the whole.
    """
    whole = clean.kopecks(total)
    first = clean.kopecks(whole / 2)
    return first, whole - first


def accrue(
    deals: Iterable[Deal],
    facts: Mapping[str, ContractFacts],
    accruals: Iterable[Accrual],
    *,
    settings: Commission,
    organisations: Sequence[Organisation],
    today: dt.date,
    granted: Mapping[str, bool] | None = None,
) -> tuple[list[Accrual], list[NotBilled], list[Asked]]:
    """New acts and reversals, the deals for which an act is due but cannot be made, and what is to be asked.

    In: `deals`; `facts` by deal; `accruals` so far; `granted` = key of a question -> what a person said. Out:
    rows to add to `accruals` (part first | second | reversal-first | reversal-second, reversals negative,
    dated `today`) by manager and deal, `exceptions`, questions. Accruing again with the rows added gives
    nothing.
    """
    history: defaultdict[str, list[Accrual]] = defaultdict(list)
    for accrual in accruals:
        history[accrual["deal"]].append(accrual)
    here: set[str] = set()
    rows: list[Accrual] = []
    refused: list[NotBilled] = []
    asked: list[Asked] = []
    for deal in sorted(deals, key=_by_id):
        here.add(deal["id"])
        known = facts.get(deal["id"])
        if known is None:
            continue
        rows += _reversals(history[deal["id"]], known, settings, today)
        try:
            for row in _due(deal, known, history[deal["id"]], settings, today, granted or {}):
                _check_organisation(row, organisations)
                rows.append(row)  # one by one: a refused second half must not lose the first
        except _Refused as why:
            refused.append(_exception(deal, why))
        except _Doubtful as why:
            asked.append(Asked(deal, _question(deal, known), str(why)))
    # a deal that was deleted or moved away still owes what was refunded
    for gone in sorted(history.keys() - here):
        if gone in facts:
            rows += _reversals(history[gone], facts[gone], settings, today)
    return sorted(rows, key=_by_manager), refused, asked


def _by_id(deal: Deal) -> tuple[int, str]:
    """Deals in the order of their numbers."""
    return rank(deal["id"])


def _by_manager(row: Accrual) -> str:
    """Acts go to the managers, so they stand together by manager."""
    return row["manager_name"] or row["manager"] or ""


def confirmation(settings: Commission, dialect: Dialect) -> Confirmation:
    """When an act counts as accepted: as the profile says, else `seen` where this 1C reports acts, else
    `published`.
    """
    return settings.confirm or ("seen" if "acts" in dialect.tells else "published")


def accepted(mode: Confirmation, states: Mapping[str, str], by_person: Collection[str] = ()) -> set[str]:
    """Numbers of acts that count as accepted by 1C.

    `mode` = commission.confirm; `states` = number -> state of its publication (published, echoed, assumed,
    refused); `by_person` = numbers a person confirmed, which is enough in every mode.
    """
    told = {number for number, state in states.items() if state in _ACCEPTED[mode]}
    return told | set(by_person)


# ---- what is due
def _due(
    deal: Deal,
    known: ContractFacts,
    own: Sequence[Accrual],
    settings: Commission,
    today: dt.date,
    granted: Mapping[str, bool],
) -> Iterator[Accrual]:
    """Halves that are due now and not standing, in order. Raises _Refused at the first that cannot be
    accrued, _Doubtful at one that a person must decide.
    """
    accrued = {key.part for key in standing(own)}
    wanted = [part for part in _PARTS if part not in accrued and known.paid_charges >= part]
    if not wanted:
        return
    total = own[0]["agreed"] if own else _agreed(deal, settings)
    for part in wanted:
        amount = halves(total)[part - 1]
        if amount and (part == 1 or _is_granted(deal, known, settings, granted)):
            act = _act(deal, known.paid[part - 1], part, _turn(own, part), settings)
            yield {**act, "agreed": total, "amount": amount, "date": today}


def _is_granted(deal: Deal, known: ContractFacts, settings: Commission, granted: Mapping[str, bool]) -> bool:
    """Whether the second half is due: the second paid charge was paid on or before the termination date, or
    as the profile says of a later payment (DESIGN §4, onec §7; the specification is silent about it).
    """
    ended, paid_on, rule = known.terminated_on, known.paid[1].on, settings.after_termination
    if ended is None or rule == "accrue":
        return True
    if paid_on is None:
        raise _Refused(
            "Договор расторгнут, а день второй оплаты неизвестен: вторая часть вознаграждения не начислена",
            "Внесите дату оплаты (банковская выписка или документ оплаты в 1С).",
        )
    if paid_on <= ended:
        return True
    if rule == "none":
        return False
    answer = granted.get(_question(deal, known))
    if answer is None:
        second = f"вторая оплата ({known.paid[1].number}) пришла позже, {clean.day_name(paid_on)}"
        raise _Doubtful(f"Договор расторгнут {clean.day_name(ended)}, {second}")
    return answer


def _question(deal: Deal, known: ContractFacts) -> str:
    """The key of the question about the second half: another termination date is another question."""
    return f"commission:{deal['id']}:{known.terminated_on}"


def _agreed(deal: Deal, settings: Commission) -> Decimal:
    """The whole remuneration of a deal: the agreed sum, or a per cent of the base that the profile names;
    neither has a default source (DESIGN §4). Roubles.
    """
    if settings.percent is None:
        total, source = deal["commission"], f"согласованная сумма вознаграждения (поле «{settings.agreed}»)"
        if total is None:  # a sum in another currency is said as it stands
            total = _base(deal, settings.agreed or "")
    else:
        base = _base(deal, settings.base or "")
        total = None if base is None else base * settings.percent / 100
        source = f"сумма, от которой считается процент (поле «{settings.base}»)"
    if total is None:
        raise _Refused(
            f"Не заполнена {source}", "Заполните поле сделки, акт будет составлен при следующем обмене."
        )
    if clean.kopecks(total) <= 0:
        raise _Refused("Вознаграждение не больше нуля", "Проверьте сумму вознаграждения в сделке.")
    return clean.kopecks(total)


def _base(deal: Deal, name: str) -> Decimal | None:
    """The field that the profile names: one of the portal's own, else a column of the deal."""
    own = deal["fields"] or {}
    value = own[name] if name in own else deal.get(name)
    try:
        return clean.money(value)
    except ValueError as error:
        raise _Refused(f"Поле «{name}»: {error}", "Исправьте сумму в сделке.") from None


def _act(deal: Deal, paid: PaidCharge, part: int, turn: int, settings: Commission) -> Accrual:
    """The act of one half, without its sums."""
    if not deal["manager"]:
        raise _Refused(
            "У сделки нет ответственного: вознаграждение некому начислить",
            "Назначьте ответственного в сделке.",
        )
    return {
        "deal": deal["id"],
        "part": _PARTS[part],
        "number": _number(deal, part, turn),
        "manager": deal["manager"],
        "manager_name": deal["manager_name"],
        "organisation": deal["organisation"],
        "contract_number": deal["contract_number"],
        "contract_date": deal["contract_date"],
        "payer": deal["payer"],
        "paid_on": paid.on,
        "paid_amount": paid.amount,
        "basis": _basis(deal),
        "service": settings.service.replace("{part}", str(part)),
    }


def _check_organisation(row: Accrual, organisations: Sequence[Organisation]) -> None:
    """An act is of one of our organisations. Raises _Refused where nobody knows of which."""
    if own_organisation(row["organisation"], organisations) is None:
        raise _Refused(*unknown(row["organisation"]))


def _number(deal: Deal, part: int, turn: int) -> str:
    """The number of the act towards 1C (DESIGN §5); what does not fit is an Issue, never cut off."""
    try:
        return keys.act(deal["id"], part, turn)
    except ValueError as error:
        raise _Refused(
            f"Номер акта не составить: {error}",
            "Составьте акт вручную и сообщите тому, кто настраивал обмен.",
        ) from None


def _basis(deal: Deal) -> str:
    """«Сделка № 123, договор № ВН-1 от 10.09.2026»: what the act rests on."""
    said = f"Сделка № {deal['id']}"
    if not deal["contract_number"]:
        return said
    day = deal["contract_date"]
    signed = f" от {clean.day_name(day)}" if day else ""
    return f"{said}, договор № {deal['contract_number']}{signed}"


# ---- taking back
def _reversals(
    own: Iterable[Accrual], known: ContractFacts, settings: Commission, today: dt.date
) -> list[Accrual]:
    """Rows that take back the halves whose payments were refunded, the second first."""
    rows: list[Accrual] = []
    for key, row in sorted(standing(own).items(), key=_second_first):
        part = key.part or 0
        if known.paid_charges < part:
            taken: Accrual = {
                "part": f"reversal-{row['part']}",
                "number": keys.act(key.id, part, key.turn, reversal=True),
                "date": today,
                "amount": -row["amount"],
                "service": settings.reversal.replace("{part}", str(part)),
            }
            rows.append({**row, **taken})
    return rows


def _second_first(item: tuple[keys.Key, Accrual]) -> int:
    """The second half is taken back before the first."""
    return -(item[0].part or 0)


def _turn(own: Iterable[Accrual], part: int) -> int:
    """After a refund was taken back and the client paid again, the half is due again: each half once per
    turn.
    """
    known = [key for row in own if (key := keys.decode(row["number"]))]
    return max((key.turn for key in known if key.kind == "act" and key.part == part), default=0) + 1


def _exception(deal: Deal, why: _Refused) -> NotBilled:
    """A deal for which an act is due but cannot be made."""
    return {
        "deal": deal["id"],
        "title": deal["title"],
        "stage": deal["stage"],
        "payer": deal["payer"],
        "contract_number": deal["contract_number"],
        "amount": deal["commission"],
        "manager_name": deal["manager_name"],
        "reason": why.reason,
        "advice": why.advice,
    }
