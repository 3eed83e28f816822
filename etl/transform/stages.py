"""Stages of deals from facts: a rule of the profile is `when` (facts), `from` (stages it may leave), `to`.

A stage is written only when the *derived* stage differs from the last derived one and the portal's stage is
in `from`: so a person's later move is never undone, and a final stage does not stop facts from being recorded
(DESIGN §4). Stage names here are the canonical names of the profile; aliases were resolved when the deals
were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from etl.config.profile import Rule
from etl.tables import Record, each, frame
from etl.values import clean

if TYPE_CHECKING:
    import pandas as pd

Facts = Mapping[str, Any]


def derive(facts: Facts, rules: Sequence[Rule]) -> Rule | None:
    """The last rule whose every condition holds; its `to` is the derived stage. None: the facts prove no
    stage."""
    return next(
        (
            rule
            for rule in reversed(rules)
            if all(_holds(facts.get(name), wanted) for name, wanted in rule.when.items())
        ),
        None,
    )


def moves(
    facts: Mapping[str, Facts], rules: Sequence[Rule], deals: pd.DataFrame, last_derived: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Stages to write to the portal, and what is derived now.

    In: {deal: facts}, the rules, `deals` with their present stage, {deal: stage derived last time}. Out:
    table `changes` (side portal, entity deal, action `stage`; `notify` with the text in `after` and the
    responsible in `before`) and {deal: derived stage} of the deals whose derived stage is new: to be
    remembered together with the write."""
    rows: list[Record] = []
    derived: dict[str, str] = {}
    for deal in each(deals):
        known = facts.get(deal["id"], {})
        rule = derive(known, rules)
        if rule is None or rule.to == last_derived.get(deal["id"]):
            continue
        derived[deal["id"]] = rule.to
        if deal["stage"] != rule.to and deal["stage"] in rule.from_:
            rows += _changes(deal, rule, known)
    return frame("changes", [row | {"seq": number} for number, row in enumerate(rows, 1)]), derived


def _holds(fact: Any, wanted: bool | int | str) -> bool:
    if isinstance(wanted, bool):
        return bool(fact) is wanted
    if isinstance(wanted, int):
        return (fact or 0) >= wanted
    return clean.fold(fact) == clean.fold(wanted)


def _changes(deal: Record, rule: Rule, known: Facts) -> list[Record]:
    common = {"side": "portal", "entity": "deal", "key": deal["id"], "reason": _reason(rule, known)}
    rows = [common | {"action": "stage", "field": "stage", "before": deal["stage"], "after": rule.to}]
    if rule.notify and deal["manager"]:
        rows.append(
            common
            | {
                "action": "notify",
                "field": "manager",
                "before": deal["manager"],
                "after": _said(rule.notify, deal, known),
            }
        )
    return rows


def _reason(rule: Rule, known: Facts) -> str:
    """«paid_charges = 2, act1 = да (M261110003F, 12.11.2026)»: what the journal answers to «why»."""
    facts = ", ".join(f"{name} = {_word(known.get(name))}" for name in rule.when)
    proof = ", ".join(part for part in (known.get("number"), clean.day_name(known.get("date"))) if part)
    return f"{facts} ({proof})" if proof else facts


def _said(pattern: str, deal: Record, known: Facts) -> str:
    amount = known.get("paid_amount") if known.get("amount") is None else known.get("amount")
    values = {
        "deal": deal["title"] or deal["id"],
        "number": known.get("number") or "",
        "date": clean.day_name(known.get("date")),
        "amount": _word(amount) if amount is not None else "",
    }
    for name, value in values.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


def _word(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "да" if value else "нет"
    return f"{value:.2f}".replace(".", ",") if isinstance(value, Decimal) else str(value)
