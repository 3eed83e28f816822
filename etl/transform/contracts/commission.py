"""The manager's remuneration in two halves (specification 000): what is accrued, what is taken back after a
refund.

First half after the client's first paid charge, second after the second; each half once per turn, the second
never before the first. Accruals run on facts, not on stages. Rules: DESIGN §4, reference onec §7. Money is
roubles, Decimal."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from etl.config.dialects import Dialect
from etl.config.profile import Commission
from etl.tables import Record, frame, records
from etl.values import clean, keys

if TYPE_CHECKING:
    import pandas as pd

Facts = Mapping[str, Any]
_PARTS = {1: "first", 2: "second"}
#: states of the publication that holds an act (DESIGN §7) in which it counts as accepted
_ACCEPTED = {"seen": ("echoed",), "published": ("published", "echoed", "assumed"), "person": ()}


class _Refused(Exception):
    """A half that is due but cannot be accrued: `args` are reason and advice, Russian."""


def halves(total: Decimal) -> tuple[Decimal, Decimal]:
    """The two parts of a remuneration: the first half up to the kopeck, the second the rest; they add up to
    the whole."""
    whole = clean.kopecks(total)
    first = clean.kopecks(whole / 2)
    return first, whole - first


def accrue(
    deals: pd.DataFrame,
    facts: Mapping[str, Facts],
    accruals: pd.DataFrame,
    *,
    settings: Commission,
    today: dt.date,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """New acts and reversals, and the deals for which an act is due but cannot be made.

    In: `deals`; `facts` = `facts.contract_facts` (paid_charges, paid, terminated_on); `accruals` so far. Out:
    rows to add to `accruals` (part first | second | reversal-first | reversal-second, reversals negative,
    dated `today`) by manager and deal, and `exceptions`. Accruing again with the rows added gives nothing.
    """
    history: dict[str, list[Record]] = defaultdict(list)
    for row in records(accruals):
        history[row["deal"]].append(row)
    rows: list[Record] = []
    refused: list[Record] = []
    for deal in sorted(records(deals), key=lambda deal: (len(deal["id"]), deal["id"])):
        known = facts.get(deal["id"])
        if known is None:
            continue
        rows += _reversals(history[deal["id"]], known, settings, today)
        try:
            for row in _due(deal, known, history[deal["id"]], settings, today):
                rows.append(row)  # one by one: a refused second half must not lose the first
        except _Refused as why:
            refused.append(_exception(deal, *why.args))
    here = set(deals["id"])
    for gone in sorted(
        history.keys() - here
    ):  # a deal that was deleted or moved away still owes what was refunded
        if gone in facts:
            rows += _reversals(history[gone], facts[gone], settings, today)
    rows.sort(key=lambda row: row["manager_name"] or row["manager"] or "")
    return frame("accruals", rows), frame("exceptions", refused)


def confirmation(settings: Commission, dialect: Dialect) -> Literal["seen", "published", "person"]:
    """When an act counts as accepted: as the profile says, else `seen` where this 1C reports acts, else
    `published`."""
    return settings.confirm or ("seen" if "acts" in dialect.tells else "published")


def accepted(
    mode: Literal["seen", "published", "person"], states: Mapping[str, str], by_person: Collection[str] = ()
) -> set[str]:
    """Numbers of acts that count as accepted by 1C.

    `mode` = commission.confirm; `states` = number -> state of its publication (published, echoed, assumed,
    refused); `by_person` = numbers a person confirmed, which is enough in every mode."""
    return {number for number, state in states.items() if state in _ACCEPTED[mode]} | set(by_person)


def _due(
    deal: Record, known: Facts, own: Sequence[Record], settings: Commission, today: dt.date
) -> Iterator[Record]:
    """Halves that are due now and not standing, in order. Raises _Refused at the first that cannot be
    accrued."""
    standing = {key.part for key in _standing(own)}
    wanted = [part for part in (1, 2) if part not in standing and known["paid_charges"] >= part]
    if not wanted:
        return
    total = own[0]["agreed"] if own else _agreed(deal, settings)
    for part in wanted:
        amount = halves(total)[part - 1]
        if amount and (part == 1 or _in_time(known)):
            yield _act(deal, known["paid"][part - 1], part, total, amount, _turn(own, part), settings, today)


def _in_time(known: Facts) -> bool:
    # terminated before the second payment: no second half (onec §7)
    ended, paid_on = known["terminated_on"], known["paid"][1]["on"]
    if ended and paid_on is None:
        raise _Refused(
            "Договор расторгнут, а день второй оплаты неизвестен: вторая часть вознаграждения не начислена",
            "Внесите дату оплаты (банковская выписка или документ оплаты в 1С).",
        )
    return not ended or paid_on <= ended


def _agreed(deal: Record, settings: Commission) -> Decimal:
    if settings.percent is None:
        total, source = deal["commission"], f"согласованная сумма вознаграждения (поле «{settings.agreed}»)"
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


def _base(deal: Record, name: str) -> Decimal | None:
    fields = deal["fields"] or {}
    try:
        return clean.money(fields.get(name, deal.get(name)))
    except ValueError as error:
        raise _Refused(f"Поле «{name}»: {error}", "Исправьте сумму в сделке.") from None


def _act(
    deal: Record,
    paid: Facts,
    part: int,
    total: Decimal,
    amount: Decimal,
    turn: int,
    settings: Commission,
    today: dt.date,
) -> Record:
    if not deal["manager"]:
        raise _Refused(
            "У сделки нет ответственного: вознаграждение некому начислить",
            "Назначьте ответственного в сделке.",
        )
    try:
        number = keys.act(deal["id"], part, turn)
    except ValueError as error:
        raise _Refused(
            f"Номер акта не составить: {error}",
            "Составьте акт вручную и сообщите тому, кто настраивал обмен.",
        ) from None
    contract = f", договор № {deal['contract_number']}" if deal["contract_number"] else ""
    signed = f" от {clean.day_name(deal['contract_date'])}" if contract and deal["contract_date"] else ""
    return {
        "deal": deal["id"],
        "part": _PARTS[part],
        "number": number,
        "date": today,
        "manager": deal["manager"],
        "manager_name": deal["manager_name"],
        "organisation": deal["organisation"],
        "agreed": total,
        "amount": amount,
        "contract_number": deal["contract_number"],
        "contract_date": deal["contract_date"],
        "payer": deal["payer"],
        "paid_on": paid["on"],
        "paid_amount": paid["amount"],
        "basis": f"Сделка № {deal['id']}{contract}{signed}",
        "service": settings.service.replace("{part}", str(part)),
    }


# ---- taking back ----


def _reversals(own: Iterable[Record], known: Facts, settings: Commission, today: dt.date) -> list[Record]:
    """Rows that take back the halves whose payments were refunded, the second first."""
    rows = []
    for key, row in sorted(_standing(own).items(), key=lambda item: -(item[0].part or 0)):
        if known["paid_charges"] < (key.part or 0):
            rows.append(
                row
                | {
                    "part": f"reversal-{row['part']}",
                    "number": keys.act(key.id, key.part or 0, key.turn, reversal=True),
                    "date": today,
                    "amount": -row["amount"],
                    "service": settings.reversal.replace("{part}", str(key.part)),
                }
            )
    return rows


def _standing(own: Iterable[Record]) -> dict[keys.Key, Record]:
    """Accruals of one deal that no reversal has taken back."""
    known = [(key, row) for row in own if (key := keys.decode(row["number"]))]
    gone = {(key.part, key.turn) for key, _ in known if key.kind == "reversal"}
    return {key: row for key, row in known if key.kind == "act" and (key.part, key.turn) not in gone}


def _turn(own: Iterable[Record], part: int) -> int:
    turns = [
        key.turn
        for row in own
        if (key := keys.decode(row["number"])) and key.kind == "act" and key.part == part
    ]
    return max(turns, default=0) + 1


def _exception(deal: Record, reason: str, advice: str) -> Record:
    return {
        "deal": deal["id"],
        "title": deal["title"],
        "stage": deal["stage"],
        "payer": deal["payer"],
        "contract_number": deal["contract_number"],
        "amount": deal["commission"],
        "manager_name": deal["manager_name"],
        "reason": reason,
        "advice": advice,
    }
