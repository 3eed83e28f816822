"""The three-way merge of fields that both sides may edit: portal, 1C and what they last agreed on.

Rules: DESIGN §5. Per record and field the store keeps what `agreed.Agreed` says. Moments (`seq`) are one
growing sequence shared by publications and by the files of 1C (when the file was *made*): it answers "was
this file made later than that publication?". 1C loads before it exports, so a later file tells what 1C made
of the publication.

Only values differ here; identity (`identity.match`) and staleness of whole documents (`state.files.newer`)
are settled before. Frames are long: entity, key, field and a value. None is a value ("empty"); what is not
known is ABSENT or no row.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from etl import tables
from etl.transform import decisions
from etl.transform.agreed import ABSENT
from etl.transform.alignment import MEMORY, Aligned, Mask, Values, array, equal, live, numbers
from etl.transform.decisions import Canonical, Decision, Rows

Owners = Mapping[tuple[str, str], str]
Answers = Mapping[tuple[str, str, str], str]


class Merged(NamedTuple):
    """`changes` (table changes), `memory` (only the rows to store, columns MEMORY;
    among them every row to be written to the portal) and `issues` (questions to a person).

    `overruled` (records of changes): values of 1C that gave way to one of ours that is on its way already.
    Nothing is written, but "the field's owner wins and it is journalled". `conflicts` (the same records):
    every conflict that was decided, `side` = whose value gave way, `before` = that value.
    """

    changes: pd.DataFrame
    memory: pd.DataFrame
    issues: pd.DataFrame
    overruled: list[tables.Record]
    conflicts: list[tables.Record]


def canonical(_field: str, value: Any) -> Hashable:
    """The default comparison form: blanks collapsed, empty text = None. A dialect may narrow it further."""
    return (" ".join(value.split()) or None) if isinstance(value, str) else value


def merge(
    memory: pd.DataFrame,
    portal: pd.DataFrame,
    onec: pd.DataFrame,
    *,
    owners: Owners,
    seq: int,
    owner: str = "ask",
    answers: Answers | None = None,
    whole: Collection[str] = (),
    canonical: Canonical = canonical,
) -> Merged:
    """What to write to each side so that no edit is lost, in one pass over long frames.

    `memory`: columns MEMORY. `portal`: entity, key, field, value: every two-way field of each record that was
    read. `onec`: the same columns and `seq` (the moment the file was made); a field the file does not hold
    has no row. `owners`: (entity, field) -> portal | 1c | ask, used on conflict only; `owner` where it has
    none. `seq`: the moment of the publication that this pass prepares. Keys are unique within each frame.
    `answers`: (entity, key, field) -> portal | 1c, what a person said about one conflict. `whole`: entities
    that 1C reads as whole documents (orders): publishing one field hands over the others too, and they are
    remembered as sent.

    A change of side "1c" means: publish the record; its value already stands in `sent` of the returned
    memory, which must be committed first. A change of side "portal" stands in `want`: commit, write, then
    remember it as `agreed.written`.

    Raises ValueError when 1C tells a field whose portal value was not read: deciding blindly would overwrite
    it.
    """
    aligned = live(memory, portal, onec, whole=bool(whole))
    if not aligned.field:
        return Merged(_empty("changes"), memory.iloc[:0][MEMORY], _empty("issues"), [], [])
    right = _right(aligned, owners, owner, answers or {})
    rows = decisions.opened(aligned, canonical)
    decisions.echo(rows)
    decisions.confirm(rows)
    decided = decisions.judge(rows, right)
    sending = decisions.send(rows, decided, seq, whole)
    changes = [*_to_portal(rows, decided.writing, decided, right), *_to_1c(rows, decided, sending, right)]
    conflicts = [
        *_to_portal(rows, decided.writing & decided.conflict, decided, right),
        *_to_1c(rows, decided, decided.kept, right),
    ]
    return Merged(
        _numbered(changes),
        _stored(rows, decided),
        _table("issues", [_question(rows, row) for row in numbers(decided.asking)]),
        _to_1c(rows, decided, decided.kept & ~sending, right),
        conflicts,
    )


def _right(aligned: Aligned, owners: Owners, owner: str, answers: Answers) -> Values:
    """Who is right about each row in a conflict: whom a person named, else the owner of the field."""
    places = zip(aligned.entity, aligned.key, aligned.field, strict=True)
    return array(answers.get(place) or owners.get((place[0], place[2]), owner) for place in places)


def _stored(rows: Rows, decided: Decision) -> pd.DataFrame:
    """Memory of the rows in which it has changed, or from which the portal is to be written."""
    base, want = rows.value["base"], rows.value["want"]
    changed = ~equal(base, rows.aligned.base) | ~equal(want, rows.aligned.want)
    stored = changed | rows.moved | decided.writing
    names = (array(values) for values in (rows.aligned.entity, rows.aligned.key, rows.aligned.field))
    columns = zip(MEMORY, [*names, base, array(rows.sent), want], strict=True)
    return pd.DataFrame({name: values[stored] for name, values in columns}, dtype=object)


# ---- changes
def _to_portal(rows: Rows, writing: Mask, decided: Decision, right: Values) -> list[tables.Record]:
    """1C's values that the portal is to hold."""
    changes: list[tables.Record] = []
    for row in numbers(writing):
        before, after = rows.value["portal"][row], rows.value["want"][row]
        reason = _reason(rows, decided, row, right)
        changes.append(_change(rows.aligned, row, "portal", before, after, reason))
    return changes


def _to_1c(rows: Rows, decided: Decision, sending: Mask, right: Values) -> list[tables.Record]:
    """What 1C holds before, and the last value that it was sent."""
    changes: list[tables.Record] = []
    for row in numbers(sending):
        before, after = _known_to_1c(rows, row), rows.sent[row][-1].value
        reason = _reason(rows, decided, row, right)
        changes.append(_change(rows.aligned, row, "1c", before, after, reason))
    return changes


def _known_to_1c(rows: Rows, row: int) -> Any:
    """What 1C holds before the value that is sent now: what it shows, else what it was told before."""
    shown = rows.value["onec"][row]
    if shown is not ABSENT:
        return shown
    earlier = rows.sent[row][:-1]
    return earlier[-1].value if earlier else rows.value["base"][row]


def _reason(rows: Rows, decided: Decision, row: int, right: Values) -> str:
    """Why a value is written; the words of a conflict say that both had changed, and who was right."""
    if not decided.conflict[row]:
        return "изменено в 1С" if decided.writing[row] else "изменено на портале"
    is_paired_now = rows.aligned.base[row] is ABSENT
    met = "значения различались при сопоставлении" if is_paired_now else "изменено с обеих сторон"
    winner = "а 1С" if right[row] == "1c" else " портал"
    return f"{met}, по профилю прав{winner}"


def _change(aligned: Aligned, row: int, side: str, before: Any, after: Any, reason: str) -> tables.Record:
    """A row of `changes`."""
    return {
        "side": side,
        "entity": aligned.entity[row],
        "key": aligned.key[row],
        "action": "update",
        "field": aligned.field[row],
        "before": None if before is ABSENT else before,
        "after": after,
        "reason": reason,
    }


def _question(rows: Rows, row: int) -> tables.Record:
    """A conflict that only a person decides."""
    aligned = rows.aligned
    ours, theirs = _said(rows.value["portal"][row]), _said(rows.value["want"][row])
    return tables.issue(
        f"Поле «{aligned.field[row]}» изменено с обеих сторон: на портале «{ours}», в 1С «{theirs}». "
        "Ничего не записано. Сделайте значения одинаковыми или ответьте командой obmen24 ask.",
        severity="ask",
        entity=aligned.entity[row],
        key=aligned.key[row],
        field=aligned.field[row],
        value=theirs,
    )


def _said(value: Any) -> str:
    """A value in the words of a question."""
    return "пусто" if value is None or value is ABSENT else str(value)


# ---- tables
def _numbered(changes: Sequence[tables.Record]) -> pd.DataFrame:
    """The table `changes`, in the order of writing."""
    return _table("changes", [{"seq": number, **row} for number, row in enumerate(changes, 1)])


def _table(name: str, rows: Sequence[tables.Record]) -> pd.DataFrame:
    """A table, made only where it has rows."""
    return tables.frame(name, rows) if rows else _empty(name)


def _empty(name: str) -> pd.DataFrame:
    """A table without rows that the caller may change."""
    return _emptiness(name).copy()


@functools.cache
def _emptiness(name: str) -> pd.DataFrame:
    """Made once: most merges change nothing."""
    return tables.frame(name)
