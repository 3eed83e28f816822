"""Contracts of specification 000: their facts, and the stages and result fields that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etl import tables
from etl.flows import registers
from etl.flows.portal import delivery
from etl.flows.run import Record, Run
from etl.transform import stages
from etl.transform.money import facts as fact_rules

SCOPE = "stages"


def facts(run: Run) -> dict[str, dict[str, Any]]:
    """Facts of every contract: {deal: facts}, see `transform.facts.contract_facts`."""
    store = run.state
    confirmed = {number for number, state in store.accruals.states().items() if state == "confirmed"}
    return fact_rules.contract_facts(
        store.charges.rows(), store.facts.rows("payment"), store.accruals.rows(), run.portal.deals, confirmed
    )


def move(run: Run) -> None:
    """Stages and result fields of the deals whose facts moved; a person's later move is never undone."""
    if run.profile.billing is None:
        return
    known, legacy = facts(run), registers.legacy_deals(run)
    judged = {deal: told for deal, told in known.items() if deal not in legacy}
    settle(run, judged, _results(run, judged))


def settle(
    run: Run,
    judged: Mapping[str, Mapping[str, Any]],
    others: list[Record],
    sources: dict[str, Record] | None = None,
) -> None:
    """Write the stages that follow from the facts together with other changes, and remember what was derived.

    `sources`: deal -> {file, document} of the facts, for the journal.
    """
    changes, derived = stages.moves(judged, run.profile.rules, run.portal.deals, run.state.stages.read())
    moves = [row | (sources or {}).get(row["key"], {}) for row in tables.records(changes)]
    applied = delivery.apply(run, [*moves, *others])
    count(run, applied)
    undecided = _undecided(applied)
    run.state.stages.write({deal: stage for deal, stage in derived.items() if deal not in undecided})


def _undecided(applied: list[Record]) -> set[str]:
    """Deals whose stage may or may not be written: the derivation is remembered only after the outcome is
    known."""
    return {
        row["key"] for row in applied if row["action"] == "stage" and row["outcome"] in ("doubt", "failed")
    }


def _results(run: Run, known: dict[str, dict[str, Any]]) -> list[Record]:
    """Result fields (`[results]`) that differ from what the deal shows. Their only owner is this
    programme."""
    wanted = run.profile.results
    shown = dict(zip(run.portal.deals["id"], run.portal.deals["fields"], strict=True))
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


def count(run: Run, applied: list[Record]) -> None:
    """Changes that were made go into the account."""
    for row in applied:
        if row["outcome"] == "done" and row["action"] in _COUNTERS:
            run.journal.counts[_COUNTERS[row["action"]]] += 1
