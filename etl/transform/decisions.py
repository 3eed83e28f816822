"""The steps of one merge over aligned rows: our own echo, confirmations, who is right, what 1C must be told.

With s = base, a = portal, b = 1C, tail = last of `sent` else s, each compared in its canonical form, the
steps go through the table of DESIGN §5 from top to bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from etl.transform.agreed import ABSENT, Sent
from etl.transform.alignment import Aligned, Mask, Values, array, chosen, equal, filled, numbers

Canonical = Callable[[str, Any], Hashable]

_COMPARED = ("base", "want", "portal", "onec")


@dataclass(slots=True)
class Rows:
    """Aligned rows, changed step by step. `value`, and `form` for comparison, by name: base, want, portal,
    onec; `sent` and `sent_forms` likewise, row by row; `moved`: rows whose `sent` was changed.
    """

    aligned: Aligned
    value: dict[str, Values]
    form: dict[str, Values]
    sent: list[tuple[Sent, ...]]
    sent_forms: list[tuple[Hashable, ...]]
    moved: Mask

    def is_known(self, name: str) -> Mask:
        """Rows with a value of that name."""
        return ~equal(self.value[name], ABSENT)

    def is_same(self, left: str, right: str) -> Mask:
        """Rows whose two values mean the same."""
        return equal(self.form[left], self.form[right])

    def has_sent(self) -> Mask:
        """Rows of which something is on its way to 1C."""
        return np.array([bool(sent) for sent in self.sent], dtype=bool)

    def put(self, name: str, where: Mask, source: str) -> None:
        """The value of one name becomes that of another."""
        for store in (self.value, self.form):
            store[name] = chosen(where, store[source], store[name])

    def forget(self, name: str, where: Mask) -> None:
        """The value of that name is not known any more."""
        for store in (self.value, self.form):
            store[name] = chosen(where, filled(len(where), ABSENT), store[name])


@dataclass(frozen=True, slots=True)
class Decision:
    """Rows by what is done with them. `writing`: 1C's value goes to the portal; `kept`: the portal's value
    stands against 1C's; `asking`: a person must say; `conflict`: of all three, those where both sides had
    changed; `forced`: of `kept`, those 1C must be told again although it was told the same before.
    """

    writing: Mask
    kept: Mask
    asking: Mask
    conflict: Mask
    forced: Mask


def opened(aligned: Aligned, canonical: Canonical) -> Rows:
    """The rows before the first step."""
    fields = aligned.field
    value: dict[str, Values] = {name: getattr(aligned, name).copy() for name in _COMPARED}
    form = {name: _forms(fields, values, canonical) for name, values in value.items()}
    sent: list[tuple[Sent, ...]] = aligned.sent.tolist()
    sent_forms: list[tuple[Hashable, ...]] = [
        tuple(canonical(field, value) for value, _ in items)
        for field, items in zip(fields, sent, strict=True)
    ]
    return Rows(aligned, value, form, sent, sent_forms, np.zeros(len(fields), dtype=bool))


def _forms(fields: Iterable[str], values: Values, canonical: Canonical) -> Values:
    """Values in the form in which they are compared."""
    pairs = zip(fields, values.tolist(), strict=True)
    return array(value if value is ABSENT else canonical(field, value) for field, value in pairs)


# ---- what the portal shows of our own writing
def echo(rows: Rows) -> None:
    """A portal that holds `want` shows our own write: agreed. An unfinished `want` stands in for a silent
    1C.
    """
    noted = rows.is_known("want")
    echoed = noted & rows.is_same("want", "portal")
    unfinished = noted & ~echoed & ~rows.is_known("onec")
    rows.put("base", echoed, "want")
    rows.put("onec", unfinished, "want")
    rows.forget("want", noted)


# ---- what 1C shows of our own sending
def confirm(rows: Rows) -> None:
    """1C shows a value that we sent: it is agreed, it and everything sent before it is forgotten."""
    for row in numbers(rows.is_known("onec") & rows.has_sent()):
        place = _confirmed(rows, row)
        if place is None:
            continue
        rows.sent[row] = rows.sent[row][place + 1 :]
        rows.sent_forms[row] = rows.sent_forms[row][place + 1 :]
        for store in (rows.value, rows.form):
            store["base"][row] = store["onec"][row]
        rows.moved[row] = True


def _confirmed(rows: Rows, row: int) -> int | None:
    """Which sent value 1C shows: of those its file may know (made after the publication) the last one. A
    value of an older file confirms only where it is not simply the old base.
    """
    shown, made = rows.form["onec"][row], rows.aligned.made[row]
    places = [place for place, form in enumerate(rows.sent_forms[row]) if form == shown]
    later = [place for place in places if made is not None and made > rows.sent[row][place].seq]
    if later:
        return later[-1]
    is_unchanged = shown == rows.form["base"][row]
    return places[0] if places and not is_unchanged else None


# ---- who is right
def judge(rows: Rows, right: Values) -> Decision:
    """What a changed value of 1C does: agree, go to the portal, or meet an edit of the portal, where the side
    in `right` (portal, 1c, ask) decides.
    """
    changed = rows.is_known("onec") & ~rows.is_same("onec", "base")
    agreed = changed & rows.is_same("onec", "portal")
    plain = changed & ~agreed & rows.is_known("base") & rows.is_same("portal", "base")
    conflict = changed & ~agreed & ~plain
    writing = plain | conflict & equal(right, "1c")
    kept = conflict & equal(right, "portal")
    asking = conflict & ~writing & ~kept
    forced = kept & _answered(rows)
    # an overruled value of 1C becomes the base: the journal has it, and the same conflict is not met twice
    rows.put("base", agreed | kept, "onec")
    rows.put("want", writing | asking, "onec")
    return Decision(writing, kept, asking, conflict, forced)


def _answered(rows: Rows) -> Mask:
    """1C's file was made after the last publication: it has read the value and holds another one."""
    pairs = zip(rows.sent, rows.aligned.made, strict=True)
    answers = [bool(sent) and made is not None and made > sent[-1].seq for sent, made in pairs]
    return np.array(answers, dtype=bool)


# ---- what 1C must be told
def send(rows: Rows, decided: Decision, moment: int, whole: Collection[str]) -> Mask:
    """A value that 1C was not told yet is appended to `sent`; the base does not move. Out: these rows.

    Of a record of an entity in `whole` the other fields go along, and are remembered as sent.
    """
    due = chosen(decided.writing, rows.form["want"], rows.form["portal"])
    is_other = ~equal(due, _tails(rows))
    told = rows.has_sent()
    # a record of 1C that the portal takes over needs no answer unless something older of ours is on its way
    is_open = np.where(decided.writing, told, told | rows.is_known("base") | decided.kept)
    sending: Mask = ~decided.asking & is_open & (is_other | decided.forced)
    along = _of_sent_records(rows, sending, whole) & ~decided.asking & (~told | is_other)
    values = chosen(decided.writing, rows.value["want"], rows.value["portal"])
    for row in numbers(sending | along):
        rows.sent[row] = (*rows.sent[row], Sent(values[row], moment))
    rows.moved |= sending | along
    return sending


def _tails(rows: Rows) -> Values:
    """What 1C holds or will hold, row by row."""
    pairs = zip(rows.sent_forms, rows.form["base"], strict=True)
    return array(forms[-1] if forms else base for forms, base in pairs)


def _of_sent_records(rows: Rows, sending: Mask, whole: Collection[str]) -> Mask:
    """Rows of the whole documents of which a row is sent."""
    records = list(zip(rows.aligned.entity, rows.aligned.key, strict=True))
    sent = {records[row] for row in numbers(sending) if records[row][0] in whole}
    return np.array([record in sent for record in records], dtype=bool)
