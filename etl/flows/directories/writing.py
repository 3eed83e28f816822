"""What was decided, committed and written: the guard, the memory and the links in one transaction, then card
by card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etl.bitrix24.writes import Result
from etl.flows.agreement import Key
from etl.flows.directories import files
from etl.flows.directories.comparison import Comparison, card_of, is_unconfirmed, remembered
from etl.flows.directories.journal import step
from etl.flows.directories.records import TITLES, Save, intent
from etl.flows.portal import delivery, refusals
from etl.flows.portal.refusals import Subject
from etl.flows.run import Record
from etl.transform.agreed import ABSENT, EMPTY

_LIVING = ("linked", "proposed")


def guard(found: Comparison, saves: Sequence[Save], changed: Mapping[Key, set[str]]) -> None:
    """Stop before the first write when more values would be replaced than the profile allows; a plan shows
    everything. Raises NeedsPerson.
    """
    if found.run.options.dry:
        return
    before: list[Any] = []
    for save in saves:
        before += save.before.values()
    for key, fields in changed.items():
        known = [found.memory.get(key, column).base for column in fields]
        before += [base for base in known if base is not ABSENT]
    delivery.guard(found.run, before)


def commit(found: Comparison, changed: Mapping[Key, set[str]]) -> None:
    """Pairs, publications, memory and what was seen, in one transaction: nothing is applied without its
    memory.
    """
    state = found.run.state
    with state.transaction():
        _link(found)
        if changed and found.path:
            files.enqueue(found.run, found.path, found.kind.payloads(found, changed))
        found.memory.commit()
        state.files.remember_documents(found.seen)


def _link(found: Comparison) -> None:
    """New pairs into the memory; a former pair of the same card is let go."""
    rows = [_pair(found, origin, portal) for origin, portal in found.pairs.items()]
    new = [row for row in rows if not _is_stored(found, row)]
    here = {card_of(row): row["foreign_id"] for row in new}
    former = [row for origin, row in found.links.items() if _is_former(row, here.get(card_of(row), origin))]
    state = found.run.state
    state.links.put([row | {"state": "gone"} for row in former])
    for row in former:
        state.fields.forget(row["entity"], [row["foreign_id"]])
    state.links.put(new)
    found.links |= {row["foreign_id"]: row | {"changed_at": found.run.clock.now} for row in new}


def _pair(found: Comparison, origin: str, portal: str) -> Record:
    """A pair as the state remembers it: `proposed` until 1C has shown the record."""
    entity, _, number = portal.partition("_")
    state = "proposed" if is_unconfirmed(found, origin) else "linked"
    return {"entity": entity, "foreign_id": origin, "portal_id": number, "state": state}


def _is_former(row: Record, now: str) -> bool:
    """The card of a living link belongs to another record of 1C now."""
    return row["state"] in _LIVING and row["foreign_id"] != now


def _is_stored(found: Comparison, row: Record) -> bool:
    """A link made in this run carries no moment yet: it is not in the state."""
    known = found.links.get(row["foreign_id"])
    if not known or "changed_at" not in known:
        return False
    return bool(known["portal_id"] == row["portal_id"] and known["state"] == row["state"])


# ---- the portal
def write(found: Comparison, saves: Iterable[Save]) -> None:
    """Write one entity's records and settle what the portal has taken. A plan writes nothing and calls
    everything done.
    """
    known = {intent(save.key): save for save in saves}
    remarks: dict[Subject, Record | None] = {}
    try:
        for result in _results(found, known):
            save = known[result.key]
            about, remark = _refused(found, save, result)
            remarks[about] = remark
            if result.status == "done":
                _done(found, save, result)
    finally:
        refusals.remember(found.run, remarks)


def _results(found: Comparison, known: Mapping[str, Save]) -> Iterable[Result]:
    """What became of each save; a plan calls everything done."""
    if found.run.options.dry:
        return [Result(key, "done", save.id, "план") for key, save in known.items()]
    return found.kind.save(found, list(known.values()))


def _refused(found: Comparison, save: Save, result: Result) -> tuple[Subject, Record | None]:
    """The remark about a card that the portal did not take; None where it did. Under the number that a person
    can open, where the record has one.
    """
    entity, key = save.key
    if save.id:
        entity, _, key = save.id.partition("_")
    about = Subject(found.kind.scope, entity, key, save.key[1])
    if result.status == "done":
        return about, None
    name = save.values.get("name") or save.values.get("last_name") or save.key[1]
    return about, refusals.remark(about, f"Запись 1С «{name}» не записана", result.reason, save.file)


def _done(found: Comparison, save: Save, result: Result) -> None:
    """One card, one commit."""
    with found.run.state.transaction():
        if save.id is None and result.id:
            _created(found, save.key, result.id)
        _agree(found, save)
        found.memory.commit()
        _tell(found, save)
    if save.values:
        found.run.journal.counts["updated" if save.id else "created"] += 1


def _created(found: Comparison, key: Key, portal: str) -> None:
    """A new card is a pair, and the two-way fields it was made without are known to be empty on both
    sides.
    """
    found.pairs[key[1]] = portal
    number = portal.partition("_")[2]
    found.run.state.links.put([{"entity": key[0], "foreign_id": key[1], "portal_id": number}])
    two_way = set(found.kind.two_way[key[0]]) & set(remembered(found, key[0]))
    for column in two_way - found.memory.of(key).keys():
        found.memory.set(key, column, EMPTY)


def _agree(found: Comparison, save: Save) -> None:
    """What the portal holds now is agreed, or needs no memory any more."""
    keep = remembered(found, save.key[0])
    for column in list(found.memory.wanted(save.key)):
        if save.id is None or column in save.values:
            found.memory.settle(save.key, column, keep=column in keep)


def _tell(found: Comparison, save: Save) -> None:
    """Written fields as steps of the journal; a mark that is not set is nothing to tell."""
    action = "update" if save.id else "create"
    told = {column: value for column, value in save.values.items() if column in TITLES and value is not False}
    steps: list[Record] = []
    for column, value in told.items():
        rule = save.reasons.get(column, "записи не было на портале")
        steps.append(step(found, save.key, action, column, save.before.get(column), value, rule, save.file))
    found.run.journal.tell(steps)
