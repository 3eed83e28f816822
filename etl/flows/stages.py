"""Stages and result fields of deals that follow from facts, and the facts of the contracts of specification
000.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from etl import tables
from etl.flows import facts, registers
from etl.flows.portal import delivery, refusals
from etl.flows.run import Record, Run
from etl.records import Deal
from etl.transform import stages, withdrawn
from etl.transform.contracts.facts import ContractFacts, contract_facts
from etl.transform.stages import Facts
from etl.transform.withdrawn import Withdrawn

SCOPE = "stages"
#: watermark: deals that stand on a stage whose rule notifies
_STOOD = "stood-on:"
#: entity of questions about a stage that 1C no longer confirms, and prefix of their keys
QUESTION = "stage"
_COUNTERS = {"stage": "moved", "update": "fields", "rows": "composed", "link": "fields"}


def contracts(run: Run) -> dict[str, ContractFacts]:
    """Facts of every contract: {deal: facts}."""
    states = run.state.accruals.states()
    confirmed = {number for number, state in states.items() if state == "confirmed"}
    deals = run.portal.deals
    return contract_facts(
        run.state.charges.listed(),
        facts.payments(run),
        run.state.accruals.listed(),
        dict(zip(deals["id"], deals["terminated_on"], strict=True)),
        confirmed,
    )


def move(run: Run, *, ask: bool = False) -> None:
    """Stages and result fields of the deals whose facts moved; a person's later move is never undone.

    `ask`: the last look of a run, when acts are accrued and reversed, tells which stages lost their facts.
    """
    if run.profile.billing is None:
        return
    legacy = registers.legacy_deals(run)
    judged = {deal: stages.named(known) for deal, known in contracts(run).items() if deal not in legacy}
    deals = tables.records(run.portal.deals, Deal)
    shown = stages.results(judged, run.profile.results, deals)
    settle(run, judged, shown, owner=refusals.STAGES, deals=deals, ask=ask)
    refusals.looked(run, refusals.STAGES)


def settle(
    run: Run,
    judged: Mapping[str, Facts],
    others: Sequence[Record],
    *,
    owner: str,
    sources: Mapping[str, Record] | None = None,
    deals: Sequence[Deal] | None = None,
    ask: bool = True,
) -> None:
    """Write the stages that follow from the facts together with other changes, and remember what was derived.

    `owner`: of the changes, as `delivery.apply` takes it. `sources`: deal -> {file, document} of the facts,
    for the journal. `deals`: those of the portal, where they were taken already. A stage whose facts were
    taken back is asked about and stays as it is until then.
    """
    told = sources or {}
    known = tables.records(run.portal.deals, Deal) if deals is None else deals
    rules, before = run.profile.rules, run.state.stages.read()
    lost = withdrawn.withdrawn(judged, rules, known, before)
    answered = run.state.questions.answers(QUESTION)
    waiting = {
        one.deal["id"]: one for one in lost if one.is_standing and _key(one.deal["id"]) not in answered
    }
    returns = [row for one in lost for row in _returns(one, answered)]
    changes, derived = stages.moves(withdrawn.without(judged, waiting), rules, known, before)
    changes += stages.entered(judged, rules, known, _stood(run, stages.standing(rules, (), {})))
    moves: list[Record] = [{**row, **told.get(row["key"] or "", {})} for row in (*returns, *changes)]
    applied = delivery.apply(run, [*moves, *others], owner)
    count(run, applied)
    moved = {
        row["key"]: row["after"] for row in applied if row["action"] == "stage" and row["outcome"] == "done"
    }
    _remember(run, stages.standing(rules, known, moved))
    undecided = _undecided(applied)
    run.state.stages.write({deal: stage for deal, stage in derived.items() if deal not in undecided})
    if ask:
        _ask(run, lost, waiting)
        _forget(run, judged.keys() - waiting.keys() - undecided, answered)


# ---- stages that 1C no longer confirms
def _key(deal: str) -> str:
    return f"{QUESTION}:{deal}"


def _returns(one: Withdrawn, answered: Mapping[str, Record]) -> list[Record]:
    """The move that a person's answer asks for."""
    answer = answered.get(_key(one.deal["id"]))
    if answer is None or not one.is_standing:
        return []
    return [dict(row) for row in withdrawn.carried_out(one, answer)]


def _ask(run: Run, lost: Sequence[Withdrawn], waiting: Mapping[str, Withdrawn]) -> None:
    """The remark stands for as long as the question does; a deal that a person moved elsewhere is told of
    once.
    """
    told = [one for one in lost if one.deal["id"] in waiting or not one.is_standing]
    run.journal.note([withdrawn.remark(one) for one in told], SCOPE)
    asked = [withdrawn.question(one, _key(deal)) for deal, one in waiting.items()]
    run.state.questions.ask(asked, run.number)
    run.state.runs.close_issues(run.number, [SCOPE])


def _forget(run: Run, settled: Collection[str], answered: Collection[str]) -> None:
    """Questions of these deals are past: answered and carried out, or the facts have come again."""
    open_ones = {row["key"] for row in run.state.questions.open() if row["entity"] == QUESTION}
    run.state.questions.forget(key for key in open_ones.union(answered) if key.partition(":")[2] in settled)


def _stood(run: Run, watched: Iterable[str]) -> dict[str, set[str]]:
    """Stage -> deals that stood there at the last look, of the stages that were looked at before."""
    found: dict[str, set[str]] = {}
    for stage in watched:
        known = run.state.files.cursor(f"{_STOOD}{stage}")
        if known is not None:
            found[stage] = set(json.loads(known))
    return found


def _remember(run: Run, standing: Mapping[str, Sequence[str]]) -> None:
    """Who stands there now, for the next look."""
    for stage, deals in standing.items():
        name, value = f"{_STOOD}{stage}", json.dumps(deals)
        if run.state.files.cursor(name) != value:
            run.state.files.set_cursor(name, value)


def _undecided(applied: Iterable[Record]) -> set[str]:
    """Deals whose stage may or may not be written: the derivation is remembered only after the outcome is
    known.
    """
    moves = [row for row in applied if row["action"] == "stage"]
    return {row["key"] for row in moves if refusals.is_unwritten(row)}


def count(run: Run, applied: Iterable[Record]) -> None:
    """Changes that were made go into the account."""
    for row in applied:
        if row["outcome"] == "done" and row["action"] in _COUNTERS:
            run.journal.counts[_COUNTERS[row["action"]]] += 1
