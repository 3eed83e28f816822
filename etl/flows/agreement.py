"""The memory of directory and order fields during one run: read once, changed in place, written back in one
go (DESIGN §5).

A key is the record's id in 1C. `want` of a record without a pair on the portal is all that 1C has told of it:
it waits there for an answer or for its creation, because 1C does not tell it twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from etl.state.identity import Remembered
from etl.state.store import Store
from etl.transform import agreed
from etl.transform.agreed import ABSENT, NOTHING, Agreed, Sent
from etl.transform.alignment import MEMORY

Record = dict[str, Any]
Key = tuple[str, str]


class Memory:
    """Fields of some entities, by record; of the records `keys` only, where given."""

    def __init__(self, store: Store, entities: Iterable[str], keys: Collection[str] | None = None) -> None:
        self._store = store
        self._records: dict[Key, dict[str, Agreed]] = {}
        self._changed: set[tuple[str, str, str]] = set()
        for entity in entities:
            self._recall(store.fields.read(entity, keys))

    def _recall(self, rows: Iterable[Remembered]) -> None:
        """Fields as the store remembers them; they count as unchanged."""
        for row in rows:
            record = self._records.setdefault((row["entity"], row["key"]), {})
            record[row["field"]] = _recalled(row)

    def __iter__(self) -> Iterator[Key]:
        """Records of which anything is remembered; the memory may change meanwhile."""
        return iter(list(self._records))

    def of(self, key: Key) -> Mapping[str, Agreed]:
        """Everything remembered of a record."""
        return self._records.get(key, {})

    def get(self, key: Key, field: str) -> Agreed:
        """What is remembered of one field."""
        return self.of(key).get(field, NOTHING)

    def set(self, key: Key, field: str, value: Agreed) -> None:
        """Remember this of one field; what is remembered already is not written again."""
        known = self.of(key)
        if field in known and known[field] == value:
            return
        record = self._records.setdefault(key, {})
        record[field] = value
        self._changed.add((*key, field))

    def want(self, key: Key, field: str, value: Any) -> None:
        """A value of 1C that the portal is to hold."""
        known = self.get(key, field)
        self.set(key, field, agreed.noted(known, value))

    def wanted(self, key: Key) -> Record:
        """Values of 1C that the portal does not hold yet."""
        waiting: Record = {}
        for field, one in self.of(key).items():
            if one.want is not ABSENT:
                waiting[field] = one.want
        return waiting

    def settle(self, key: Key, field: str, *, keep: bool) -> None:
        """The portal holds `want` now: it is agreed, or (a field with one owner) needs no memory any more."""
        if keep:
            known = self.get(key, field)
            self.set(key, field, agreed.written(known))
        elif field in self.of(key):
            self.set(key, field, NOTHING)

    def forget(self, key: Key, fields: Collection[str]) -> None:
        """Nothing is remembered of these fields any more."""
        known = self.of(key).keys()
        for field in set(fields) & known:
            self.set(key, field, NOTHING)

    def frame(self, keys: Iterable[Key], fields: Mapping[str, Collection[str]]) -> pd.DataFrame:
        """Memory of records as `merge` takes it; `fields`: entity -> its two-way fields."""
        rows: list[list[Any]] = []
        for entity, identifier in keys:
            two_way = fields[entity]
            for field, one in self.of((entity, identifier)).items():
                if field in two_way:
                    rows.append([entity, identifier, field, one.base, one.sent, one.want])
        return pd.DataFrame(rows, columns=MEMORY, dtype=object)

    def take(self, rows: pd.DataFrame) -> None:
        """Rows that `merge` has changed."""
        columns = (rows[name].tolist() for name in MEMORY)
        for entity, key, field, base, sent, want in zip(*columns, strict=True):
            self.set((entity, key), field, Agreed(base, sent, want))

    def commit(self) -> None:
        """Write what has changed; call inside the transaction that commits what follows from it."""
        changed: list[Remembered] = []
        for entity, key, field in sorted(self._changed):
            value = self.get((entity, key), field)
            changed.append(_stored((entity, key), field, value))
        self._store.fields.write(changed)
        self._changed.clear()


def _recalled(row: Remembered) -> Agreed:
    """A field as the store remembers it."""
    return Agreed(
        row["base"] if row["known"] else ABSENT,
        tuple(Sent(value, moment) for moment, value in row["sent"]),
        row["want"] if row["wanting"] else ABSENT,
    )


def _stored(key: Key, field: str, one: Agreed) -> Remembered:
    """A field as the store is to remember it."""
    return {
        "entity": key[0],
        "key": key[1],
        "field": field,
        "known": one.base is not ABSENT,
        "wanting": one.want is not ABSENT,
        "base": None if one.base is ABSENT else one.base,
        "want": None if one.want is ABSENT else one.want,
        "sent": tuple((item.seq, item.value) for item in one.sent),
    }
