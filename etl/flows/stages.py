"""Contracts of specification 000: their facts, and the stages and result fields that follow from them."""

from __future__ import annotations

from typing import Any

from etl import tables
from etl.flows import registers
from etl.flows.run import Context, Record
from etl.transform import stages
from etl.transform.money import facts as fact_rules

SCOPE = "stages"


def facts(context: Context) -> dict[str, dict[str, Any]]:
    """Facts of every contract: {deal: facts}, see `transform.facts.contract_facts`."""
    store = context.store
    confirmed = {number for number, state in store.accruals.states().items() if state == "confirmed"}
    return fact_rules.contract_facts(
        store.charges.rows(), store.facts.rows("payment"), store.accruals.rows(), context.deals, confirmed
    )


def move(context: Context) -> None:
    """Stages and result fields of the deals whose facts moved; a person's later move is never undone."""
    if context.profile.billing is None or context.given_deals is not None:
        return
    known, legacy = facts(context), registers.legacy_deals(context)
    judged = {deal: told for deal, told in known.items() if deal not in legacy}
    settle(context, judged, _results(context, judged))


def settle(
    context: Context,
    judged: dict[str, dict[str, Any]],
    others: list[Record],
    sources: dict[str, Record] | None = None,
) -> None:
    """Write the stages that follow from the facts together with other changes, and remember what was derived.

    `sources`: deal -> {file, document} of the facts, for the journal.
    """
    changes, derived = stages.moves(judged, context.profile.rules, context.deals, context.store.stages.read())
    moves = [row | (sources or {}).get(row["key"], {}) for row in tables.records(changes)]
    applied = context.portal.apply([*moves, *others])
    count(context, applied)
    undecided = _undecided(applied)
    context.store.stages.write({deal: stage for deal, stage in derived.items() if deal not in undecided})


def _undecided(applied: list[Record]) -> set[str]:
    """Deals whose stage may or may not be written: the derivation is remembered only after the outcome is
    known."""
    return {
        row["key"] for row in applied if row["action"] == "stage" and row["outcome"] in ("doubt", "failed")
    }


def _results(context: Context, known: dict[str, dict[str, Any]]) -> list[Record]:
    """Result fields (`[results]`) that differ from what the deal shows. Their only owner is this
    programme."""
    wanted = context.profile.results
    shown = dict(zip(context.deals["id"], context.deals["fields"], strict=True))
    return [
        {
            "side": "portal",
            "entity": "deal",
            "key": deal,
            "action": "update",
            "field": caption,
            "before": shown[deal].get(caption),
            "after": told[name],
            "reason": "Итог по фактам оплаты",
            "own": True,
        }
        for deal, told in known.items()
        if deal in shown
        for name, caption in wanted.items()
        if _said(told[name]) != _said(shown[deal].get(caption))
    ]


def _said(value: Any) -> Any:
    return value or None  # a sum of nothing and an empty field say the same


_COUNTERS = {"stage": "moved", "update": "fields", "rows": "composed", "link": "fields"}


def count(context: Context, applied: list[Record]) -> None:
    """Changes that were made go into the account."""
    for row in applied:
        if row["outcome"] == "done" and row["action"] in _COUNTERS:
            context.report.counts[_COUNTERS[row["action"]]] += 1
