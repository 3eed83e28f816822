"""Facts of a contract (specification 000): which charges are paid in full, which acts stand, whether it is
terminated.

«1-ая оплата клиента» = paid_charges ≥ 1 · «1-ая оплата менеджеру» = act1 · «2-ая оплата клиента» =
paid_charges ≥ 2 and act1 · «2-ая оплата менеджеру» = act2 (DESIGN §4). Accruals run on these facts, not on
stages.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.records import Accrual, Charge, Payment
from etl.transform.contracts.register import rank
from etl.transform.money.paid import ZERO, Paid, paid
from etl.values import keys


@dataclass(frozen=True, slots=True)
class PaidCharge:
    """A charge paid in full: its number and month, the day it was covered, what was received for it
    (roubles).
    """

    number: str
    month: str
    on: dt.date | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """What is known of one contract. `paid`: charges paid in full, by day of payment, `paid_charges` their
    count; `paid_total`: roubles received; `paid_on`: last day; `number`, `amount`, `date` of the last paid
    charge; `act1`, `act2`: the halves of the commission count as accepted.
    """

    paid_charges: int
    paid: tuple[PaidCharge, ...]
    act1: bool
    act2: bool
    paid_total: Decimal
    paid_on: dt.date | None
    number: str | None
    amount: Decimal | None
    date: dt.date | None
    terminated: bool
    terminated_on: dt.date | None


def contract_facts(
    charges: Iterable[Charge],
    payments: Iterable[Payment],
    accruals: Iterable[Accrual],
    ended: Mapping[str, dt.date | None],
    confirmed: Collection[str] = frozenset(),
) -> dict[str, ContractFacts]:
    """Facts of each contract: {deal: facts}, in the order of deals.

    In: `charges` (the register, any number of versions), `payments`, `accruals`, `ended`: deal -> its
    termination date, of every deal of the portal, `confirmed`: numbers of acts that count as accepted.
    """
    state = {row["number"]: row for row in sorted(charges, key=_version)}
    money = paid(payments, {number: row["amount"] for number, row in state.items()})
    own: defaultdict[str, list[Charge]] = defaultdict(list)
    for row in state.values():
        own[row["deal"]].append(row)
    acts = standing_acts(accruals)
    deals = sorted(ended.keys() | own.keys() | acts.keys(), key=rank)
    return {
        deal: _contract(own.get(deal, ()), money, acts.get(deal, {}), ended.get(deal), confirmed)
        for deal in deals
    }


def _version(row: Charge) -> int:
    """The register in the order in which it was written."""
    return row["version"]


def _contract(
    charges: Sequence[Charge],
    money: Mapping[str, Paid],
    acts: Mapping[int, Accrual],
    ended: dt.date | None,
    confirmed: Collection[str],
) -> ContractFacts:
    """What one contract's charges, payments and acts add up to."""
    known = [(row, money[row["number"]]) for row in charges if row["number"] in money]
    full = [PaidCharge(row["number"], row["month"], got.on, got.amount) for row, got in known if got.full]
    full.sort(key=_by_day)
    last = full[-1] if full else None
    first, second = acts.get(1), acts.get(2)
    act1 = first is not None and first["number"] in confirmed
    act2 = second is not None and second["number"] in confirmed
    return ContractFacts(
        paid_charges=len(full),
        paid=tuple(full),
        act1=act1,
        act2=act2 or (act1 and len(full) > 1 and _is_whole(first)),
        paid_total=sum((got.amount or ZERO for _, got in known), ZERO),
        paid_on=max((charge.on for charge in full if charge.on), default=None),
        number=last.number if last else None,
        amount=last.amount if last else None,
        date=last.on if last else None,
        terminated=ended is not None,
        terminated_on=ended,
    )


def _by_day(charge: PaidCharge) -> tuple[dt.date, str, str]:
    """In the order of payment; a charge whose day nobody tells counts as the last."""
    return charge.on or dt.date.max, charge.month, charge.number


def _is_whole(first: Accrual | None) -> bool:
    """A second half of zero kopecks has no act of its own: the first one paid everything (onec §7)."""
    return first is not None and first["amount"] == first["agreed"]


def standing(accruals: Iterable[Accrual]) -> dict[keys.Key, Accrual]:
    """Accruals that no reversal has taken back, by the key of their number."""
    known = [(key, row) for row in accruals if (key := keys.decode(row["number"]))]
    gone = {(row["deal"], key.part, key.turn) for key, row in known if key.kind == "reversal"}
    acts: dict[keys.Key, Accrual] = {}
    for key, row in known:
        if key.kind == "act" and (row["deal"], key.part, key.turn) not in gone:
            acts[key] = row
    return acts


def standing_acts(accruals: Iterable[Accrual]) -> dict[str, dict[int, Accrual]]:
    """The same as {deal: {half: accrual}}."""
    state: defaultdict[str, dict[int, Accrual]] = defaultdict(dict)
    for key, row in standing(accruals).items():
        if key.part:
            state[row["deal"]][key.part] = row
    return dict(state)
