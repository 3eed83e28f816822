"""Whether an archive explains what was done: what a restoration must not believe in silence (DESIGN §6)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from etl.config.profile import Rule
from etl.records import Accrual
from etl.transform.contracts.facts import ContractFacts, standing_acts

_HALVES = ("act1", "act2")


def unpaid_acts(accruals: Iterable[Accrual], known: Mapping[str, ContractFacts]) -> list[str]:
    """Numbers of acts that stand although the payment they rest on is not in the archive: they would be
    reversed.
    """
    unpaid: list[str] = []
    for deal, acts in standing_acts(accruals).items():
        paid = known[deal].paid_charges
        unpaid += [act["number"] for part, act in acts.items() if paid < part]
    return unpaid


def stages_without_acts(
    stages: Mapping[str, str | None], known: Mapping[str, ContractFacts], rules: Sequence[Rule]
) -> list[str]:
    """Deals (`stages`: deal -> its stage) on a stage that an act proves, though no such act is known: it
    would be accrued a second time. A deal is named once for each half.
    """
    proves = {rule.to: rule.when for rule in rules}
    found: list[str] = []
    for deal, stage in stages.items():
        wanted = proves.get(stage or "", {})
        found += [deal for half in _HALVES if wanted.get(half) is True and not _has(known.get(deal), half)]
    return found


def _has(facts: ContractFacts | None, half: str) -> bool:
    """Whether the act of a half is known to stand."""
    value: Any = getattr(facts, half) if facts else False
    return bool(value)


# ---- acts ----
_REVERSAL = "reversal-"


def in_turn(accruals: Iterable[Accrual]) -> list[Accrual]:
    """Acts of each half as they came: accrued, reversed, accrued again.

    Their books may be of one day, and then neither name nor date tells their order. Raises ValueError, naming
    the acts, where one between them is missing.
    """
    made: defaultdict[tuple[str, str], list[Accrual]] = defaultdict(list)
    taken_back: defaultdict[tuple[str, str], list[Accrual]] = defaultdict(list)
    for row in sorted(accruals, key=_by_date):
        deal, part = row["deal"], row["part"]
        half = part.removeprefix(_REVERSAL)
        found = made if half == part else taken_back
        acts = found[deal, half]
        acts.append(row)
    ordered: list[Accrual] = []
    for key in {**made, **taken_back}:
        ordered += _alternating(made[key], taken_back[key])
    return ordered


def _by_date(row: Accrual) -> tuple[dt.date, str]:
    return row["date"] or dt.date.min, row["number"]


def _alternating(made: Sequence[Accrual], taken_back: Sequence[Accrual]) -> Iterator[Accrual]:
    if not len(made) - 1 <= len(taken_back) <= len(made):
        raise ValueError(", ".join(row["number"] for row in (*made, *taken_back)))
    for number, row in enumerate(made):
        yield row
        yield from taken_back[number : number + 1]
