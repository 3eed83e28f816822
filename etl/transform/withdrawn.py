"""Stages whose facts were taken back (DESIGN §4, «What becomes untrue is told»).

A payment or shipment is unposted or deleted, a status goes back: the deal stays where it stands, because
only a person knows what follows from that. He is told, asked once, and his answer holds until the facts come
again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from etl.config.profile import Rule
from etl.records import Change, Deal
from etl.tables import Record, issue
from etl.transform.stages import Facts, derive, holds

_WORDS = {
    "ordered": "заказ действует",
    "invoiced": "счёт выставлен",
    "paid": "оплачено полностью",
    "prepaid": "есть предоплата",
    "seen": "оплата отмечена",
    "paid_amount": "оплачено",
    "shipped": "отгружено полностью",
    "shipped_amount": "отгружено",
    "closed": "закрыто",
    "status": "статус",
    "paid_charges": "оплаченных начислений",
    "act1": "акт первой части принят",
    "act2": "акт второй части принят",
    "terminated": "договор расторгнут",
}


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A deal whose last derived stage no fact supports any more. `because`: which facts are missing, in
    Russian; `back`: stages it may be moved back to.
    """

    deal: Deal
    stage: str
    because: str
    back: tuple[str, ...]

    @property
    def is_standing(self) -> bool:
        """Whether the deal still stands on that stage: a person moved it elsewhere otherwise."""
        return self.deal["stage"] == self.stage


def withdrawn(
    facts: Mapping[str, Facts], rules: Sequence[Rule], deals: Iterable[Deal], last_derived: Mapping[str, str]
) -> list[Withdrawn]:
    """Deals that lost what their last derived stage rests on and that no rule moves on by itself."""
    found: list[Withdrawn] = []
    for deal in deals:
        known, before = facts.get(deal["id"]), last_derived.get(deal["id"])
        if known is None or not before:
            continue
        leading = [rule for rule in rules if rule.to == before]
        missing = _missing(known, leading, rules)
        if missing and not _moves_on(deal, derive(known, rules)):
            because = ", ".join(_said(name, known) for name in missing)
            found.append(Withdrawn(deal, before, because, _back(deal, known, leading, rules)))
    return found


def _missing(known: Facts, leading: Sequence[Rule], rules: Sequence[Rule]) -> list[str]:
    """Facts that the rules of a stage want and that no longer hold; none where a rule still holds."""
    if derive(known, leading):
        return []
    now = derive(known, rules)
    lost: dict[str, None] = {}
    for rule in leading:
        is_further = now is not None and rules.index(now) > rules.index(rule)
        for name, wanted in rule.when.items():
            if name in known and not _is_progress(wanted, is_further) and not holds(known[name], wanted):
                lost[name] = None
    return list(lost)


def _is_progress(wanted: bool | int | str, is_further: bool) -> bool:
    """What came true («paid = false» of a deal now paid) is no loss, nor is a status that led further."""
    return wanted is False or (isinstance(wanted, str) and is_further)


def _moves_on(deal: Deal, rule: Rule | None) -> bool:
    """Whether the profile itself says where the deal goes now."""
    return rule is not None and deal["stage"] in rule.from_ and deal["stage"] != rule.to


def _back(deal: Deal, known: Facts, leading: Sequence[Rule], rules: Sequence[Rule]) -> tuple[str, ...]:
    """Where the deal may go back: to the stage its facts prove now, else to one it may have come from."""
    now = derive(known, rules)
    if now is not None:
        return (now.to,)
    origins = [stage for rule in leading for stage in rule.from_]
    return tuple(stage for stage in dict.fromkeys(origins) if stage != deal["stage"])


def _said(name: str, known: Facts) -> str:
    """«оплачено полностью: нет (оплачено 40,00 из 100,00)»."""
    word = _WORDS.get(name, name)
    if name == "paid" and known.get("paid_amount") is not None:
        return f"{word}: нет (оплачено {_shown(known['paid_amount'])} из {_shown(known.get('amount'))})"
    if name == "shipped" and known.get("shipped_amount") is not None:
        return f"{word}: нет (отгружено {_shown(known['shipped_amount'])} из {_shown(known.get('amount'))})"
    return f"{word}: {_shown(known[name])}"


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "да" if value else "нет"
    return f"{value:.2f}".replace(".", ",") if isinstance(value, Decimal) else str(value)


# ---- what a person is told and asked
def remark(one: Withdrawn) -> Record:
    """The remark about a deal: standing while it is asked about, said once where a person moved it
    elsewhere.
    """
    if one.is_standing:
        text = (
            f"1С больше не подтверждает стадию «{one.stage}» ({one.because}). "
            "Верните сделку или оставьте на этой стадии: obmen24 ask."
        )
    else:
        text = (
            f"1С больше не подтверждает «{one.stage}» ({one.because}). Сделка стоит на "
            f"«{one.deal['stage']}», обмен её не перемещает. Проверьте, верна ли стадия."
        )
    severity = "ask" if one.is_standing else "warn"
    return issue(text, severity=severity, entity="deal", key=one.deal["id"], field="stage", value=one.stage)


def question(one: Withdrawn, key: str) -> Record:
    """The question about a deal that still stands on its stage; the last answer leaves it there."""
    ways = [{"id": stage, "text": f"вернуть на «{stage}»"} for stage in one.back]
    stay = {"id": None, "text": f"оставить на «{one.stage}»"}
    title = one.deal["title"] or ""
    text = f"Сделка {one.deal['id']} «{title}»: 1С больше не подтверждает «{one.stage}» ({one.because})."
    return {"key": key, "entity": "stage", "text": text, "candidates": [*ways, stay]}


def carried_out(one: Withdrawn, answer: Mapping[str, Any]) -> list[Change]:
    """What follows from an answer: the move to the stage a person named, nothing where the deal stays."""
    stage = answer.get("id")
    if stage is None or stage == one.stage:
        return []
    return [
        {
            "side": "portal",
            "entity": "deal",
            "key": one.deal["id"],
            "action": "stage",
            "field": "stage",
            "before": one.stage,
            "after": stage,
            "reason": f"ответ человека: {one.because}",
        }
    ]


def without(facts: Mapping[str, Facts], deals: Collection[str]) -> dict[str, Facts]:
    """Facts of all but these deals: of a deal that is asked about nothing new is derived."""
    return {deal: known for deal, known in facts.items() if deal not in deals}
