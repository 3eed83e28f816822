"""The three-way merge of fields that both sides may edit: portal, 1C and what they last agreed on.

Rules: DESIGN §5. Per record and field the store keeps

    base   what both sides last agreed on (ABSENT while nothing is agreed);
    sent   values handed to 1C and not yet seen back, in order: a tuple of `Sent(value, seq)`;
    want   the value of 1C that the portal does not hold yet: noted before it is written there, or waiting for a person.

`seq` is one growing sequence of moments shared by publications and by the files of 1C (when the file was
*made*): it answers "was this file made later than that publication?". 1C loads before it exports, so a later
file tells what 1C made of the publication.

Only values differ here; identity (`identity.match`) and staleness of whole documents (`fresh`) are settled
before. Frames are long: entity, key, field and a value. None is a value ("empty"); what is not known is
ABSENT or no row."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from etl import tables
from etl.errors import NeedsPerson


class Absent(enum.Enum):
    """The mark of what is not known, as opposed to None, which is a known emptiness."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
KEY: Final = ["entity", "key", "field"]
MEMORY: Final = [*KEY, "base", "sent", "want"]

Canonical = Callable[[str, Any], Hashable]
Owners = Mapping[tuple[str, str], str]
_Mask = np.ndarray[Any, np.dtype[np.bool_]]
_Values = np.ndarray[Any, np.dtype[np.object_]]


class Sent(NamedTuple):
    """A value handed to 1C and the moment of the publication that carried it."""

    value: Any
    seq: int


class Merged(NamedTuple):
    """`changes` (table changes), `memory` (only the rows to store, columns MEMORY;
    among them every row to be written to the portal) and `issues` (questions to a person)."""

    changes: pd.DataFrame
    memory: pd.DataFrame
    issues: pd.DataFrame


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
    answers: Mapping[tuple[str, str, str], str] | None = None,
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
    store `written(rows)`.

    Raises ValueError when 1C tells a field whose portal value was not read: deciding blindly would overwrite
    it."""
    live = _live(memory, portal, onec, bool(whole))
    if not len(live["field"]):
        return Merged(_empty("changes"), memory.iloc[:0][MEMORY], _empty("issues"))
    right = [
        (answers or {}).get((entity, key, field)) or owners.get((entity, field), owner)
        for entity, key, field in zip(*(live[name].tolist() for name in KEY), strict=True)
    ]
    table = _Pass(live, _array(right), seq, canonical)
    table.echo()
    table.confirm()
    table.judge()
    table.send(whole)
    return table.result()


def written(rows: pd.DataFrame) -> pd.DataFrame:
    """Memory of rows whose `want` the portal has confirmed: both sides hold it now."""
    done = rows[MEMORY].copy()
    noted = np.array([value is not ABSENT for value in done["want"]], dtype=bool)
    done["base"] = _chosen(noted, done["want"].to_numpy(), done["base"].to_numpy())
    done["want"] = _filled(len(done), ABSENT)
    return done


def published(entity: str, key: str, values: Mapping[str, Any], seq: int) -> pd.DataFrame:
    """Memory of a record that we hand to 1C for the first time: everything sent, nothing agreed yet."""
    rows = [[entity, key, field, ABSENT, (Sent(value, seq),), ABSENT] for field, value in values.items()]
    return pd.DataFrame(rows, columns=MEMORY, dtype=object)


def adopted(entity: str, key: str, values: Mapping[str, Any]) -> pd.DataFrame:
    """Memory of a record of 1C that we are about to create on the portal: noted; call `written` when it
    stands there."""
    rows = [[entity, key, field, ABSENT, (), value] for field, value in values.items()]
    return pd.DataFrame(rows, columns=MEMORY, dtype=object)


def assign(
    portal: pd.DataFrame, onec: pd.DataFrame, *, side: str, reason: str, canonical: Canonical = canonical
) -> pd.DataFrame:
    """Changes for fields with one owner: the value of the other side is written where it differs.

    `side` is the one written to. Frames as in `merge`; only keys present in both are compared.
    """
    target, source = (portal, onec) if side == "portal" else (onec, portal)
    both = target[[*KEY, "value"]].merge(source[[*KEY, "value"]], on=KEY, suffixes=("_before", "_after"))
    before, after = both["value_before"].tolist(), both["value_after"].tolist()
    differs = [
        canonical(field, old) != canonical(field, new)
        for field, old, new in zip(both["field"], before, after, strict=True)
    ]
    rows = both[np.array(differs, dtype=bool)]
    return _changes(
        [(side, *row, reason) for row in rows[[*KEY, "value_before", "value_after"]].to_numpy().tolist()]
    )


def guard(changes: pd.DataFrame, limit: int, *, accepted: bool = False) -> None:
    """The brake: more overwritten values in one run than the profile allows stop it before the first write.

    Only changes that replace a known value count. Raises NeedsPerson.
    """
    replaced = int(changes["before"].notna().sum())
    if replaced > limit and not accepted:
        sides = ", ".join(
            f"{'портал' if side == 'portal' else '1С'}: {count}"
            for side, count in changes.loc[changes["before"].notna(), "side"]
            .value_counts()
            .sort_index()
            .items()
        )
        raise NeedsPerson(
            f"За один запуск изменилось бы {replaced} заполненных значений ({sides}), порог {limit}. Ничего не записано.",
            "Посмотрите список командой obmen24 plan. Если всё верно, повторите запуск с --accept-overwrites "
            "или поднимите guard.overwrites в профиле.",
        )


def fresh(documents: pd.DataFrame, seen: Mapping[str, tuple[str | None, int]], *, seq: int) -> pd.DataFrame:
    """Documents (or parties, products) that are not older than what was already taken: judged one by one,
    never per file.

    `seen`: id -> (НомерВерсии, seq of the file) of the newest taken so far; `seq`: moment this file was made.
    A version decides where both have a numeric one, else the moment of the file. Of equals the row stays:
    taking it twice is harmless."""
    keep = [
        not _older(version, seq, seen.get(identifier))
        for identifier, version in zip(documents["id"], documents["version"], strict=True)
    ]
    return documents[np.array(keep, dtype=bool)]


def _older(version: str | None, seq: int, last: tuple[str | None, int] | None) -> bool:
    if last is None:
        return False
    if version is not None and last[0] is not None and version.isdecimal() and last[0].isdecimal():
        return int(version) < int(last[0])
    return seq < last[1]


class _Pass:
    """The columns of one merge as object arrays, changed step by step: s = base, a = portal, b = 1C."""

    def __init__(self, live: dict[str, _Values], owner: _Values, seq: int, canonical: Canonical) -> None:
        self.seq, size = seq, len(live["field"])
        self.keys = [live[name].tolist() for name in KEY]
        self.owner = owner
        self.value = {name: live[name] for name in ("base", "want", "portal", "onec")}
        self.form = {name: self._forms(values, canonical) for name, values in self.value.items()}
        self.before = (self.value["base"].copy(), self.value["want"].copy())
        self.sent: list[tuple[Sent, ...]] = live["sent"].tolist()
        self.sent_forms = [
            tuple(canonical(field, item[0]) for item in sent)
            for field, sent in zip(self.keys[2], self.sent, strict=True)
        ]
        self.file_seq: list[int | None] = live["seq"].tolist()
        self.writing, self.sending, self.asking, self.forced, self.conflict, self.touched = np.zeros(
            (6, size), dtype=bool
        )

    def _forms(self, values: _Values, canonical: Canonical) -> _Values:
        return _array(
            value if value is ABSENT else canonical(field, value)
            for field, value in zip(self.keys[2], values.tolist(), strict=True)
        )

    def _same(self, left: str, right: str) -> _Mask:
        return np.asarray(self.form[left] == self.form[right], dtype=bool)

    def _known(self, name: str) -> _Mask:
        return np.asarray(self.value[name] != ABSENT, dtype=bool)

    def _set(self, name: str, where: _Mask, source: str) -> None:
        for store in (self.value, self.form):
            store[name] = _chosen(where, store[source], store[name])

    def _forget(self, name: str, where: _Mask) -> None:
        for store in (self.value, self.form):
            store[name] = _chosen(where, _filled(len(where), ABSENT), store[name])

    def echo(self) -> None:
        """A portal that holds `want` shows our own write; an unfinished `want` stands in for a silent 1C."""
        noted = self._known("want")
        echoed = noted & self._same("want", "portal")
        self._set("base", echoed, "want")
        self._set("onec", noted & ~echoed & ~self._known("onec"), "want")
        self._forget("want", noted)

    def confirm(self) -> None:
        """1C shows a value that we sent: it is agreed, it and everything sent before it is forgotten."""
        for row in _rows(self._known("onec") & np.array([bool(sent) for sent in self.sent], dtype=bool)):
            place = self._confirmed(row)
            if place is not None:
                self.sent[row], self.sent_forms[row] = (
                    self.sent[row][place + 1 :],
                    self.sent_forms[row][place + 1 :],
                )
                self.value["base"][row], self.form["base"][row] = (
                    self.value["onec"][row],
                    self.form["onec"][row],
                )
                self.touched[row] = True

    def _confirmed(self, row: int) -> int | None:
        places = [place for place, form in enumerate(self.sent_forms[row]) if form == self.form["onec"][row]]
        made = self.file_seq[row]
        later = [place for place in places if made is not None and made > self.sent[row][place].seq]
        if later:
            return later[-1]
        unchanged = self.form["onec"][row] == self.form["base"][row]
        return places[0] if places and not unchanged else None

    def judge(self) -> None:
        """What a changed value of 1C does: agree, go to the portal, or meet a portal edit."""
        changed = self._known("onec") & ~self._same("onec", "base")
        agreed = changed & self._same("onec", "portal")
        plain = changed & ~agreed & self._known("base") & self._same("portal", "base")
        self.conflict = changed & ~agreed & ~plain
        to_portal = plain | self.conflict & (self.owner == "1c")
        kept = self.conflict & (self.owner == "portal")
        self.asking = self.conflict & ~to_portal & ~kept
        self.forced = kept & np.array(
            [self._answered_after_tail(row) for row in range(len(kept))], dtype=bool
        )
        # an overruled value of 1C becomes the base: the journal has it, and the same conflict is not met
        # twice
        self._set("base", agreed | kept, "onec")
        self._set("want", to_portal | self.asking, "onec")
        self.writing = to_portal

    def _answered_after_tail(self, row: int) -> bool:
        made = self.file_seq[row]
        return bool(self.sent[row]) and made is not None and made > self.sent[row][-1].seq

    def send(self, whole: Collection[str]) -> None:
        """A portal value that 1C was not told yet is appended to `sent`; the base does not move."""
        due = _chosen(self.writing, self.form["want"], self.form["portal"])
        tail = _array(
            [
                forms[-1] if forms else base
                for forms, base in zip(self.sent_forms, self.form["base"], strict=True)
            ]
        )
        told = np.array([bool(sent) for sent in self.sent], dtype=bool)
        # a record of 1C that the portal takes over needs no answer unless something older of ours is still on
        # its way
        open_to_send = np.where(
            self.writing, told, told | self._known("base") | self.conflict & (self.owner == "portal")
        )
        self.sending = ~self.asking & open_to_send & (np.asarray(due != tail, dtype=bool) | self.forced)
        values = _chosen(self.writing, self.value["want"], self.value["portal"])
        records = list(zip(self.keys[0], self.keys[1], strict=True))
        told_whole = {records[row] for row in _rows(self.sending) if records[row][0] in whole}
        along = np.array([record in told_whole for record in records], dtype=bool) & ~self.asking
        along &= ~told | np.asarray(due != tail, dtype=bool)
        self.touched |= along
        for row in _rows(self.sending | along):
            self.sent[row] = (*self.sent[row], Sent(values[row], self.seq))

    def result(self) -> Merged:
        base, want = self.before
        moved = np.asarray((self.value["base"] != base) | (self.value["want"] != want), dtype=bool)
        stored = moved | self.touched | self.sending | self.writing
        columns = [*map(_array, self.keys), self.value["base"], _array(self.sent), self.value["want"]]
        memory = pd.DataFrame(
            {name: values[stored] for name, values in zip(MEMORY, columns, strict=True)}, dtype=object
        )
        questions = [self._question(row) for row in _rows(self.asking)]
        return Merged(
            self._told(), memory, tables.frame("issues", questions) if questions else _empty("issues")
        )

    def _told(self) -> pd.DataFrame:
        rows = [
            ("portal", row, self.value["portal"][row], self.value["want"][row]) for row in _rows(self.writing)
        ]
        rows += [("1c", row, self._last_told(row), self.sent[row][-1].value) for row in _rows(self.sending)]
        return _changes(
            [
                (side, *self._key(row), _shown(before), after, self._reason(row))
                for side, row, before, after in rows
            ]
        )

    def _key(self, row: int) -> tuple[str, str, str]:
        entity, key, field = self.keys
        return entity[row], key[row], field[row]

    def _last_told(self, row: int) -> Any:
        known = self.value["onec"][row]
        if known is not ABSENT:
            return known
        return self.sent[row][-2].value if len(self.sent[row]) > 1 else self.value["base"][row]

    def _reason(self, row: int) -> str:
        if not self.conflict[row]:
            return "изменено в 1С" if self.writing[row] else "изменено на портале"
        met = (
            "изменено с обеих сторон"
            if self.before[0][row] is not ABSENT
            else "значения различались при сопоставлении"
        )
        return f"{met}, по профилю прав{'а 1С' if self.owner[row] == '1c' else ' портал'}"

    def _question(self, row: int) -> tables.Record:
        entity, key, field = self._key(row)
        ours, theirs = _said(self.value["portal"][row]), _said(self.value["want"][row])
        return tables.issue(
            f"Поле «{field}» изменено с обеих сторон: на портале «{ours}», в 1С «{theirs}». Ничего не записано. "
            "Сделайте значения одинаковыми или ответьте командой obmen24 ask.",
            severity="ask",
            entity=entity,
            key=key,
            field=field,
            value=theirs,
        )


def _live(memory: pd.DataFrame, portal: pd.DataFrame, onec: pd.DataFrame, whole: bool) -> dict[str, _Values]:
    """Columns of the rows in which anything can happen: the quiet rest (all three the same, nothing under
    way) is left out.

    `whole` keeps all rows of a record of which one is kept.
    """
    codes = _codes([portal, onec, memory])
    in_onec, in_memory = (pd.Index(part).get_indexer(codes[0]) for part in codes[1:])
    if (in_onec >= 0).sum() != len(onec):
        blind = sorted(set(map(tuple, onec[KEY].to_numpy())) - set(map(tuple, portal[KEY].to_numpy())))
        raise ValueError(f"portal values not read for {blind[:5]}")
    a, b = portal["value"].to_numpy(dtype=object), _taken(onec["value"], in_onec, ABSENT)
    s, sent, want = (
        _taken(memory[name], in_memory, empty)
        for name, empty in (("base", ABSENT), ("sent", ()), ("want", ABSENT))
    )
    silent = np.asarray(b == ABSENT, dtype=bool)
    quiet = np.asarray(a == s, dtype=bool) & (np.asarray(b == s, dtype=bool) | silent) | silent & np.asarray(
        s == ABSENT, dtype=bool
    )
    quiet &= np.asarray((want == ABSENT) & (sent == _filled(len(sent), ())), dtype=bool)
    live = ~quiet
    if whole:
        record = _codes([portal], KEY[:2])[0]
        live = np.isin(record, record[live])
    columns = {
        "portal": a,
        "onec": b,
        "base": s,
        "sent": sent,
        "want": want,
        "seq": _taken(onec["seq"], in_onec, None),
    }
    return {
        name: values[live]
        for name, values in [*columns.items(), *((name, portal[name].to_numpy(dtype=object)) for name in KEY)]
    }


def _codes(
    frames: Collection[pd.DataFrame], names: Collection[str] = KEY
) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """One integer per key (entity, key, field), the same for the same key in all frames."""
    total = np.zeros(sum(len(frame) for frame in frames), dtype=np.int64)
    for name in names:
        codes, found = pd.factorize(np.concatenate([frame[name].to_numpy(dtype=object) for frame in frames]))
        total = total * (len(found) + 1) + codes
    return np.split(total, np.cumsum([len(frame) for frame in frames])[:-1])


def _taken(column: pd.Series, places: np.ndarray[Any, np.dtype[np.intp]], empty: Any) -> _Values:
    values = _filled(len(column) + 1, empty)
    values[:-1] = column.to_numpy(dtype=object)
    return values[places]


def _rows(mask: _Mask) -> list[int]:
    return [int(row) for row in np.flatnonzero(mask)]


def _filled(size: int, value: Any) -> _Values:
    return _array([value] * size)


def _array(values: Iterable[Any]) -> _Values:
    # np.array would unpack tuples into a second dimension
    return np.fromiter(values, dtype=object)


def _chosen(where: _Mask, yes: _Values, no: _Values) -> _Values:
    return np.where(where, yes, no)


def _changes(rows: Collection[tuple[str, str, str, str, Any, Any, str]]) -> pd.DataFrame:
    return (
        tables.frame(
            "changes",
            [
                {
                    "seq": number,
                    "side": side,
                    "entity": entity,
                    "key": key,
                    "action": "update",
                    "field": field,
                    "before": before,
                    "after": after,
                    "reason": reason,
                }
                for number, (side, entity, key, field, before, after, reason) in enumerate(rows, 1)
            ],
        )
        if rows
        else _empty("changes")
    )


@functools.cache
def _emptiness(table: str) -> pd.DataFrame:
    return tables.frame(table)


def _empty(table: str) -> pd.DataFrame:
    return _emptiness(table).copy()


def _shown(value: Any) -> Any:
    return None if value is ABSENT else value


def _said(value: Any) -> str:
    return "пусто" if value is None or value is ABSENT else str(value)
