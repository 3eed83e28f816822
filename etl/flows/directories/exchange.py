"""The exchange of one directory, step by step: newest text of each record of 1C -> pairs -> questions ->
fields -> new records on either side -> guard -> one commit -> the portal, card by card -> the file for 1C.

Nothing is asked of the portal where nothing depends on it.
"""

from __future__ import annotations

from etl.flows.agreement import Key
from etl.flows.directories import fields, files, newcomers, pairing, writing
from etl.flows.directories.comparison import Comparison, is_outward
from etl.flows.directories.hearing import hear, recall_lost
from etl.flows.directories.journal import step, under_portal_number
from etl.flows.directories.records import Save, settle
from etl.flows.portal import refusals
from etl.flows.run import Record
from etl.transform.identity import Matches


def exchange(found: Comparison) -> None:
    """Bring both sides of a directory together. Raises NeedsPerson when the guard stops it, TryLater while
    the portal is away.
    """
    run = found.run
    hear(found)
    if found.cards or is_outward(found) or _is_waiting(found):
        _exchange(found)
        run.state.runs.close_issues(run.number, [found.kind.scope])
    refusals.looked(run, found.kind.scope)
    if found.path and is_outward(found):
        files.publish(run, found.path)


def compare(found: Comparison) -> Matches:
    """Only who is who: nothing is written anywhere but into this run's state."""
    hear(found)
    return _paired(found)


def _paired(found: Comparison) -> Matches:
    found.held = _held(found)
    recall_lost(found)
    return pairing.pair(found)


def _is_waiting(found: Comparison) -> bool:
    """Whether the memory holds values that the portal does not hold yet."""
    return any(found.memory.wanted(key) for key in found.memory)


def _held(found: Comparison) -> dict[str, Record]:
    """Cards of the portal, of the entities that are exchanged."""
    cards = found.kind.read(found)
    return {portal: row for portal, row in cards.items() if portal.partition("_")[0] in found.settings}


def _exchange(found: Comparison) -> None:
    """Everything is decided first, then guarded, committed once, and written card by card."""
    matches = _paired(found)
    saves, changed = _known(found)
    saves += newcomers.on_portal(found)
    changed |= newcomers.in_1c(found, matches.new_for_1c)
    pairing.settle_questions(found)
    writing.guard(found, saves, changed)
    writing.commit(found, changed)
    for entity in found.settings:
        writing.write(found, [save for save in saves if save.key[0] == entity])
    if not found.run.options.dry:
        settle(found.run, found.pairs)
    if found.path:
        told = {key: card for key, card in found.cards.items() if card.seq}
        found.issues += files.judge(found.run, found.path, found.memory, told, found.pairs)
    issues = [under_portal_number(found, row) for row in found.issues]
    found.run.journal.note(issues, found.kind.scope)


def _known(found: Comparison) -> tuple[list[Save], dict[Key, set[str]]]:
    """Updates of the portal and, by record, the fields that 1C must be told."""
    pairs = fields.known_pairs(found)
    merged = fields.merged(found, pairs)
    assigned = fields.assigned(found, pairs)
    changed: dict[Key, set[str]] = {}
    steps: list[Record] = []
    for row in merged:
        if row["side"] == "1c" and row["after"] is not None:
            key = row["entity"], row["key"]
            changed.setdefault(key, set()).add(row["field"])
            before, after = row["before"], row["after"]
            steps.append(step(found, key, "to-1c", row["field"], before, after, row["reason"], found.path))
    found.run.journal.tell(steps)
    return fields.saves(found, pairs, [*merged, *assigned]), changed
