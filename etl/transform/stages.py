"""Stages of deals from facts: a rule of the profile is `when` (facts), `from` (stages it may leave), `to`.

A stage is written only when the *derived* stage differs from the last derived one and the portal's stage is
in `from`: so a person's later move is never undone, and a final stage does not stop facts from being recorded
(DESIGN §4). Stage names here are the canonical names of the profile; aliases were resolved when the deals
were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from etl.config.profile import Rule
from etl.records import Change, Deal
from etl.values import clean

#: facts of a deal by the names that the rules of a profile use
Facts = Mapping[str, Any]


def named(facts: Any) -> Facts:
    """Facts of a contract (a dataclass) by the names that the rules of a profile use."""
    return {field.name: getattr(facts, field.name) for field in fields(facts)}


def derive(facts: Facts, rules: Sequence[Rule]) -> Rule | None:
    """The last rule whose every condition holds; its `to` is the derived stage. None: the facts prove no
    stage.
    """
    for rule in reversed(rules):
        if all(_holds(facts.get(name), wanted) for name, wanted in rule.when.items()):
            return rule
    return None


def _holds(fact: Any, wanted: bool | int | str) -> bool:
    """true and false as they are, a number means «at least», a text (a status of 1C) whatever its case."""
    if isinstance(wanted, bool):
        return bool(fact) is wanted
    if isinstance(wanted, int):
        return int(fact or 0) >= wanted
    return clean.fold(fact) == clean.fold(wanted)


def moves(
    facts: Mapping[str, Facts], rules: Sequence[Rule], deals: Iterable[Deal], last_derived: Mapping[str, str]
) -> tuple[list[Change], dict[str, str]]:
    """Stages to write to the portal, and what is derived now.

    In: {deal: facts}, the rules, the deals with their present stage, {deal: stage derived last time}. Out:
    changes (side portal, entity deal, action `stage`; `notify` with the text in `after` and the responsible
    in `before`) and {deal: derived stage} of the deals whose derived stage is new: to be remembered together
    with the write.
    """
    changes: list[Change] = []
    derived: dict[str, str] = {}
    for deal in deals:
        known = facts.get(deal["id"], {})
        rule = derive(known, rules)
        before = last_derived.get(deal["id"])
        if rule is None or rule.to == before:
            continue
        derived[deal["id"]] = rule.to
        if deal["stage"] != rule.to and deal["stage"] in rule.from_:
            changes += _changes(deal, rule, known)
    return changes, derived


def _changes(deal: Deal, rule: Rule, known: Facts) -> list[Change]:
    """The move and, where the rule says so, the word to the responsible: what it tells of comes first."""
    common: Change = {"side": "portal", "entity": "deal", "key": deal["id"], "reason": _reason(rule, known)}
    move: Change = {"action": "stage", "field": "stage", "before": deal["stage"], "after": rule.to}
    rows: list[Change] = [{**common, **move}]
    if rule.notify and deal["manager"]:
        text = _said(rule.notify, deal, known)
        word: Change = {"action": "notify", "field": "manager", "before": deal["manager"], "after": text}
        rows.append({**common, **word})
    return rows


def _reason(rule: Rule, known: Facts) -> str:
    """«paid_charges = 2, act1 = да (M261110003F, 12.11.2026)»: what the journal answers to «why»."""
    facts = ", ".join(f"{name} = {_word(known.get(name))}" for name in rule.when)
    proof = [part for part in (known.get("number"), clean.day_name(known.get("date"))) if part]
    return f"{facts} ({', '.join(proof)})" if proof else facts


def _said(pattern: str, deal: Deal, known: Facts) -> str:
    """A notification: {deal}, {number}, {date}, {amount} filled in; what was paid of an order (an invoice may
    be smaller than its order), else the sum of the fact.
    """
    amount = known.get("paid_amount")
    if amount is None:
        amount = known.get("amount")
    values = {
        "deal": deal["title"] or deal["id"],
        "number": known.get("number") or "",
        "date": clean.day_name(known.get("date")),
        "amount": "" if amount is None else _word(amount),
    }
    for name, value in values.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


def _word(value: Any) -> str:
    """A fact as people read it: да and нет, sums with a comma."""
    if isinstance(value, bool) or value is None:
        return "да" if value else "нет"
    return f"{value:.2f}".replace(".", ",") if isinstance(value, Decimal) else str(value)


# ---- results shown in the deal
def results(
    facts: Mapping[str, Facts], wanted: Mapping[str, str], deals: Iterable[Deal]
) -> list[dict[str, Any]]:
    """Result fields (`[results]` of the profile: fact -> field of the portal) that differ from what the deal
    shows. Their only owner is this programme (`own`), so the guard does not count them.
    """
    changes: list[dict[str, Any]] = []
    held = {deal["id"]: deal for deal in deals}
    for key, known in facts.items():
        if key not in held:
            continue
        shown = held[key]["fields"] or {}
        for name, caption in wanted.items():
            if _shown(known[name]) != _shown(shown.get(caption)):
                changes.append(_result(held[key], caption, shown.get(caption), known[name]))
    return changes


def _shown(value: Any) -> Any:
    """A sum of nothing and an empty field say the same."""
    return value or None


def _result(deal: Deal, caption: str, before: Any, after: Any) -> dict[str, Any]:
    """One result field that the portal shall show."""
    return {
        "side": "portal",
        "entity": "deal",
        "key": deal["id"],
        "action": "update",
        "field": caption,
        "before": before,
        "after": after,
        "reason": "Итог по фактам оплаты",
        "own": True,
    }
