"""Fields of records that are known on both sides: who changed what, who is right, what is written where."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from etl import tables
from etl.flows.agreement import Key
from etl.flows.directories.comparison import Comparison, is_unconfirmed, receives, remembered, sends
from etl.flows.directories.journal import step
from etl.flows.directories.pairing import ask
from etl.flows.directories.records import TITLES, Save
from etl.flows.run import Record
from etl.state.columns import encode
from etl.transform import agreed, comparison, merge
from etl.transform.agreed import ABSENT, Agreed
from etl.transform.alignment import KEY

Pairs = Mapping[Key, str]


def known_pairs(found: Comparison) -> dict[Key, str]:
    """Record of 1C -> its card, of those whose card was read."""
    known: dict[Key, str] = {}
    for origin, portal in found.pairs.items():
        entity = portal.partition("_")[0]  # a card is named «company_5»
        if portal in found.held:
            known[entity, origin] = portal
    return known


# ---- fields that both sides edit
def merged(found: Comparison, pairs: Pairs) -> list[Record]:
    """Three-way merge of the entities that travel both ways. Out: changes of both sides; the memory holds
    what follows.
    """
    keys = [key for key in pairs if sends(found, key[0])]
    if not keys:
        return []
    fields = found.kind.two_way
    portal: list[list[Any]] = []
    onec: list[list[Any]] = []
    for key in keys:
        _adopt(found, pairs, key)
        portal += [[*key, field, _held(found, pairs, key, field)] for field in fields[key[0]]]
        onec += _shown_by_1c(found, key)
    result = merge.merge(
        found.memory.frame(keys, fields),
        _frame(portal),
        _frame(onec, "seq"),
        owners=_owners(found),
        seq=found.moment,
        answers=_field_answers(found, portal),
        canonical=comparison.canonical,
    )
    found.memory.take(result.memory)
    if result.overruled:
        found.run.journal.tell([_kept(found, row) for row in result.overruled])
    for row in tables.records(result.issues):
        key = row["entity"], row["key"]
        wanted = found.memory.get(key, row["field"]).want
        _question(found, pairs, key, row["field"], _held(found, pairs, key, row["field"]), wanted)
    return _allowed(found, tables.records(result.changes))


def _shown_by_1c(found: Comparison, key: Key) -> list[list[Any]]:
    """What 1C told of the two-way fields of a record, with the moment its file was made."""
    card = found.cards.get(key)
    if card is None:
        return []
    shown: list[list[Any]] = []
    for field in found.kind.two_way[key[0]]:
        value = card.values.get(field)
        if value is not None:
            shown.append([*key, field, value, card.seq])
    return shown


def _adopt(found: Comparison, pairs: Pairs, key: Key) -> None:
    """Fields of a pair made just now (`agreed.paired`). Only a record that 1C has shown whole is adopted:
    what an unseen record lacks is unknown.
    """
    card = found.cards.get(key)
    if card is None or card.deleted:
        return
    for field in found.kind.two_way[key[0]]:
        known = found.memory.get(key, field)
        held = _held(found, pairs, key, field)
        told = card.values.get(field)
        adopted = agreed.paired(known, held, told)
        if adopted != known:
            found.memory.set(key, field, adopted)


def _owners(found: Comparison) -> dict[tuple[str, str], str]:
    """Who is right about each two-way field: its own owner, else that of the directory."""
    owners: dict[tuple[str, str], str] = {}
    for entity, settings in found.settings.items():
        for field in found.kind.two_way[entity]:
            owners[entity, field] = settings.owners.get(field, settings.owner)
    return owners


def _kept(found: Comparison, row: Record) -> Record:
    """An edit of 1C that gave way to one of the portal that is on its way to 1C already."""
    key = row["entity"], row["key"]
    return step(found, key, "kept", row["field"], row["before"], row["after"], row["reason"], found.path)


def _allowed(found: Comparison, changes: Iterable[Record]) -> list[Record]:
    """Where only 1C receives, its own edits are noted and the portal's value is told again by the next
    run.
    """
    kept: list[Record] = []
    for row in changes:
        if row["side"] == "portal" and not receives(found, row["entity"]):
            found.memory.settle((row["entity"], row["key"]), row["field"], keep=True)
        else:
            kept.append(row)
    return kept


# ---- fields with one owner
def assigned(found: Comparison, pairs: Pairs) -> list[Record]:
    """Changes of the portal in fields that do not travel back."""
    rows: list[Record] = []
    for key in pairs:
        fields = _one_way(found, key[0])
        known = {*fields, *remembered(found, key[0])}
        found.memory.forget(key, found.memory.of(key).keys() - known)
        given = _given(found, key)
        _keep(found, key, given)
        given = _given(found, key)
        for field in fields:
            if field in given and (row := _assign(found, pairs, key, field, given[field])):
                rows.append(row)
    return rows


def _keep(found: Comparison, key: Key, given: Record) -> None:
    """Fields of 1C that our publications must repeat."""
    entity, _ = key
    if not sends(found, entity):
        return
    repeated = found.kind.kept.get(entity, ())
    for field in repeated:
        if field in given:
            base = given[field]
            found.memory.set(key, field, Agreed(base=base))


def _one_way(found: Comparison, entity: str) -> tuple[str, ...]:
    """Fields that only 1C fills on the portal: its own, and all of a directory that does not travel back."""
    if not receives(found, entity):
        return ()
    back = () if sends(found, entity) else found.kind.two_way[entity]
    return (*found.kind.one_way[entity], *back)


def _given(found: Comparison, key: Key) -> Record:
    """What 1C says: this run's record, else what an earlier run could not write."""
    card = found.cards.get(key)
    given = found.memory.wanted(key)
    if card is None:
        return given
    for field, value in card.values.items():
        if value is not None:
            given[field] = value
    return given


def _assign(found: Comparison, pairs: Pairs, key: Key, field: str, given: Any) -> Record | None:
    """Let the rule of one owner (`transform.comparison.assigned`) decide, and remember what it keeps."""
    held, owner = _held(found, pairs, key, field), _owner(found, key[0], field)
    answer = _answer(found, _question_key(key, field, held, given)) if owner == "ask" else None
    verdict = comparison.assigned(field, held, given, owner, answer)
    if not verdict.keep:
        found.memory.forget(key, [field])
        return None
    found.memory.want(key, field, given)
    if verdict.asks:
        _question(found, pairs, key, field, held, given)
        return None
    return {
        "side": "portal",
        "entity": key[0],
        "key": key[1],
        "field": field,
        "before": held,
        "after": verdict.after,
        "reason": verdict.reason,
    }


def _owner(found: Comparison, entity: str, field: str) -> comparison.Owner:
    """A field that only 1C fills is 1C's, unless the profile says otherwise for just this field."""
    settings = found.settings[entity]
    default = settings.owner if field in found.kind.two_way[entity] else "1c"
    return settings.owners.get(field, default)


# ---- towards the portal
def saves(found: Comparison, pairs: Pairs, changes: Iterable[Record]) -> list[Save]:
    """One write per record, and one without values for a card that does not bear its id of 1C yet."""
    grouped: defaultdict[Key, list[Record]] = defaultdict(list)
    for key, portal in pairs.items():
        if not found.held[portal].get("origin") and not is_unconfirmed(found, key[1]):
            grouped[key] = []
    for row in changes:
        if row["side"] == "portal":
            grouped[row["entity"], row["key"]].append(row)
    return [_save(found, pairs, key, rows) for key, rows in grouped.items()]


def _save(found: Comparison, pairs: Pairs, key: Key, rows: Iterable[Record]) -> Save:
    """One card to be brought to the values of its changes."""
    card = found.cards.get(key)
    save = Save(key, {}, pairs[key], file=card.file if card else None)
    for row in rows:
        field = row["field"]
        save.values[field] = row["after"]
        save.before[field] = row["before"]
        save.reasons[field] = row["reason"]
        if gone := comparison.dropped(field, found.memory.get(key, field).base, row["after"]):
            save.dropped[field] = gone
    return save


def _held(found: Comparison, pairs: Pairs, key: Key, field: str) -> Any:
    """What the portal holds in a field of the record."""
    return found.held[pairs[key]].get(field)


# ---- questions about one field
def _question_key(key: Key, field: str, held: Any, given: Any) -> str:
    """A question is about just these two values: an answer does not hold for others."""
    ours = comparison.canonical(field, held)
    theirs = comparison.canonical(field, given)
    asked = encode([*key, field, ours, theirs])
    digest = hashlib.sha256(asked.encode()).hexdigest()
    return f"field:{digest[:16]}"


def _question(found: Comparison, pairs: Pairs, key: Key, field: str, held: Any, given: Any) -> None:
    """Ask which of two values is right."""
    ours, theirs = comparison.shown(held), comparison.shown(given)
    text = (
        f"Карточка {pairs[key]}, {TITLES.get(field, field)}: "
        f"на портале «{ours}», в 1С «{theirs}». Какое значение верно?"
    )
    candidates = [
        {"id": "portal", "text": f"значение портала: {ours}"},
        {"id": "1c", "text": f"значение 1С: {theirs}"},
    ]
    ask(found, _question_key(key, field, held, given), text, candidates)


def _answer(found: Comparison, question: str) -> Any:
    """What a person said about one field: portal, 1c, or nothing."""
    answer = found.answers.get(question)
    return answer["id"] if answer else None


def _field_answers(found: Comparison, portal: Iterable[list[Any]]) -> dict[tuple[str, str, str], str]:
    """Answers about two-way fields, as the merge takes them."""
    answers: dict[tuple[str, str, str], str] = {}
    if not any(key.startswith("field:") for key in found.answers):
        return answers
    for entity, key, field, held in portal:
        card = found.cards.get((entity, key))
        given = card.values.get(field) if card else None
        if given is None:
            given = found.memory.get((entity, key), field).want
        if given is not ABSENT:
            owner = _answer(found, _question_key((entity, key), field, held, given))
            if owner:
                answers[entity, key, field] = owner
    return answers


def _frame(rows: list[list[Any]], *more: str) -> pd.DataFrame:
    """A side of the merge as `merge.merge` takes it."""
    return pd.DataFrame(rows, columns=[*KEY, "value", *more], dtype=object)
