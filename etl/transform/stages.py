"""Stages of deals from facts: a rule of the profile is `when` (facts), `from` (stages it may leave), `to`.

A stage is written only when the *derived* stage differs from the last derived one and the portal's stage is
in `from`: so a person's later move is never undone, and a final stage does not stop facts from being recorded
(DESIGN §4). Stage names here are the canonical names of the profile; aliases were resolved when the deals
were read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from etl.config.profile import Rule
from etl.records import Change, Deal
from etl.values import clean
from etl.values.money import ROUBLE

#: what a notification may name
_PLACE = re.compile(r"\{(deal|number|date|amount)\}")
#: BB code, which the messenger of the portal shows as formatting, pictures and links
_FORMATTING = re.compile(r"\[(/?[A-Za-z]+(?:[= ][^\]]*)?|\*)\]")
#: the sum in a pattern with its roubles, which are none of a sum in another currency
_ROUBLES = re.compile(r"\{amount\}(?: ?руб(?:\.|лей)?| ?₽)?")
_BY_HAND = "сделку перенесли вручную"
#: facts of a deal by the names that the rules of a profile use
Facts = Mapping[str, Any]
#: derived where no rule holds any more: the same facts, when they come again, move the deal again
NOTHING = ""


def named(facts: Any) -> Facts:
    """Facts of a contract (a dataclass) by the names that the rules of a profile use; its list of paid
    charges is none of them.
    """
    names = [field.name for field in fields(facts)]
    return {name: getattr(facts, name) for name in names if name != "paid"}


def derive(facts: Facts, rules: Sequence[Rule]) -> Rule | None:
    """The last rule whose every condition holds; its `to` is the derived stage. None: the facts prove no
    stage.
    """
    for rule in reversed(rules):
        if _is_proven(facts, rule):
            return rule
    return None


def _is_proven(facts: Facts, rule: Rule) -> bool:
    """Whether every condition of a rule holds."""
    return all(holds(facts.get(name), wanted) for name, wanted in rule.when.items())


def holds(fact: Any, wanted: bool | int | str) -> bool:
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
    as read in `before`) and {deal: derived stage} of the deals whose derived stage is new: to be remembered
    together with the write.
    """
    changes: list[Change] = []
    derived: dict[str, str] = {}
    for deal in deals:
        known, before = facts.get(deal["id"]), last_derived.get(deal["id"], NOTHING)
        if known is None:
            continue
        rule = derive(known, rules)
        now = rule.to if rule else NOTHING
        if now == before:
            continue
        derived[deal["id"]] = now
        if rule and deal["stage"] != now and deal["stage"] in rule.from_:
            changes += _changes(deal, rule, known)
    return changes, derived


def _changes(deal: Deal, rule: Rule, known: Facts) -> list[Change]:
    """The move and, where the rule says so, the word to the responsible: what it tells of comes first."""
    common: Change = {"side": "portal", "entity": "deal", "key": deal["id"], "reason": _reason(rule, known)}
    move: Change = {"action": "stage", "field": "stage", "before": deal["stage"], "after": rule.to}
    rows: list[Change] = [{**common, **move}]
    if rule.notify:
        rows.append({**common, **_word_to(deal, _said(rule.notify, deal, known))})
    return rows


def _word_to(deal: Deal, text: str) -> Change:
    """A notification. Whoever is responsible when it leaves gets it, also of a deal that had nobody when it
    was read.
    """
    return {"action": "notify", "field": "manager", "before": deal["manager"], "after": text}


def entered(
    facts: Mapping[str, Facts],
    rules: Sequence[Rule],
    deals: Sequence[Deal],
    stood: Mapping[str, Collection[str]],
) -> list[Change]:
    """Notifications about deals that somebody else has moved to the stage of a rule («При смене в сущности
    “Сделки” стадии … на “Оплата получена”», specification 002).

    `stood` = stage -> deals that stood there at the last look; a stage never looked at tells nothing. Where
    the facts prove the stage, the notification is that of our own move, so that it is sent once.
    """
    heard = {
        rule.to: rule for rule in rules if rule.notify and rule.notify_by == "anyone" and rule.to in stood
    }
    rows: list[Change] = []
    for deal in deals:
        rule = heard.get(deal["stage"] or "")
        if rule and deal["id"] not in stood[rule.to]:
            rows.append(_entry(deal, rule, facts.get(deal["id"], {})))
    return rows


def _entry(deal: Deal, rule: Rule, known: Facts) -> Change:
    """The word about a deal that was moved by hand."""
    pattern = rule.notify or ""
    text, reason = _said(pattern, deal, known), _reason(rule, known)
    if not _is_proven(known, rule):
        text = f"{_said(pattern, deal, known, unknown='–')} ({_BY_HAND}, 1С этого ещё не подтвердила)"
        reason = f"{_BY_HAND}: {rule.to}"
    return {"side": "portal", "entity": "deal", "key": deal["id"], "reason": reason, **_word_to(deal, text)}


def standing(rules: Iterable[Rule], deals: Iterable[Deal], moved: Mapping[str, str]) -> dict[str, list[str]]:
    """Stage whose rule notifies -> deals that stand there now; `moved` = deal -> its stage of this run."""
    found: dict[str, list[str]] = {rule.to: [] for rule in rules if rule.notify}
    for deal in deals:
        stage = moved.get(deal["id"], deal["stage"] or "")
        if stage in found:
            found[stage].append(deal["id"])
    return found


def _reason(rule: Rule, known: Facts) -> str:
    """«paid_charges = 2, act1 = да (M261110003F, 12.11.2026)»: what the journal answers to «why»."""
    facts = ", ".join(f"{name} = {_word(known.get(name))}" for name in rule.when)
    proof = [part for part in (known.get("number"), clean.day_name(known.get("date"))) if part]
    return f"{facts} ({', '.join(proof)})" if proof else facts


def _said(pattern: str, deal: Deal, known: Facts, unknown: str = "") -> str:
    """A notification: {deal}, {number}, {date}, {amount} filled in; what was paid of an order (an invoice may
    be smaller than its order), else the sum of the fact. `unknown` stands for what no fact tells.
    """
    amount = known.get("paid_amount")
    if amount is None:
        amount = known.get("amount")
    values = {
        "deal": deal["title"] or deal["id"],
        "number": known.get("number") or unknown,
        "date": clean.day_name(known.get("date")) or unknown,
        "amount": unknown if amount is None else _word(amount),
    }
    currency = known.get("currency") or ROUBLE
    if currency != ROUBLE:
        pattern = _ROUBLES.sub(f"{{amount}} {currency}", pattern)
    return _PLACE.sub(lambda place: _plain(values[place[1]]), pattern)


def _plain(text: str) -> str:
    """A text of people inside ours: what the portal would take for formatting loses its brackets."""
    return _FORMATTING.sub(r"(\1)", text)


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
    """A sum of nothing and an empty field say the same; of a moment the day counts."""
    if isinstance(value, dt.datetime):
        return value.date()
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
