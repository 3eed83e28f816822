"""The rows of one merge side by side: for each (entity, key, field) what is remembered and what both sides
say, as object arrays of one length.

Arrays instead of records, because a merge goes over hundred thousands of fields of which nearly all are
quiet (DESIGN §10).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from etl.transform.agreed import ABSENT

KEY: Final = ["entity", "key", "field"]
MEMORY: Final = [*KEY, "base", "sent", "want"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Values = np.ndarray[Any, np.dtype[np.object_]]
Codes = np.ndarray[Any, np.dtype[np.int64]]
Places = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Aligned:
    """`entity`, `key`, `field` name a row; `base`, `sent`, `want` are its memory (`agreed.Agreed`), `portal`
    and `onec` the values of the sides, `made` the moment of 1C's file. What is not known is ABSENT, an
    unknown moment None.
    """

    entity: list[str]
    key: list[str]
    field: list[str]
    base: Values
    sent: Values
    want: Values
    portal: Values
    onec: Values
    made: Values


def live(memory: pd.DataFrame, portal: pd.DataFrame, onec: pd.DataFrame, *, whole: bool) -> Aligned:
    """The rows in which anything can happen: the quiet rest (all three the same, nothing under way) is left
    out. `whole` keeps all rows of a record of which one is kept. Frames as `merge.merge` takes them.

    Raises ValueError when 1C tells a field whose portal value was not read: deciding blindly would overwrite
    it.
    """
    rows, told, known = _codes([portal, onec, memory], KEY)
    in_onec, in_memory = _found(told, rows), _found(known, rows)
    if (in_onec >= 0).sum() != len(onec):
        raise ValueError(f"portal values not read for {_blind(portal, onec)}")
    columns = {
        "base": _taken(memory["base"], in_memory, ABSENT),
        "sent": _taken(memory["sent"], in_memory, ()),
        "want": _taken(memory["want"], in_memory, ABSENT),
        "portal": portal["value"].to_numpy(dtype=object),
        "onec": _taken(onec["value"], in_onec, ABSENT),
        "made": _taken(onec["seq"], in_onec, None),
    }
    kept = ~_quiet(columns)
    if whole:
        kept = _completed(portal, kept)
    entity, key, field = (portal[name].to_numpy(dtype=object)[kept].tolist() for name in KEY)
    return Aligned(entity, key, field, **{name: values[kept] for name, values in columns.items()})


def _quiet(columns: dict[str, Values]) -> Mask:
    """Rows in which nothing is under way, and both sides hold what is agreed or 1C says nothing of what is
    not.
    """
    base, shown = columns["base"], columns["onec"]
    is_silent = equal(shown, ABSENT)
    is_agreed = equal(columns["portal"], base) & (equal(shown, base) | is_silent)
    is_unknown = equal(base, ABSENT) & is_silent
    is_still = equal(columns["want"], ABSENT) & equal(columns["sent"], filled(len(base), ()))
    return (is_agreed | is_unknown) & is_still


def _completed(portal: pd.DataFrame, kept: Mask) -> Mask:
    """All rows of the records of which a row is kept."""
    (record,) = _codes([portal], KEY[:2])
    return np.isin(record, record[kept])


def _blind(portal: pd.DataFrame, onec: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Some keys that only 1C tells."""
    told, read = (set(map(tuple, frame[KEY].to_numpy())) for frame in (onec, portal))
    return sorted(told - read)[:5]


def _codes(frames: Collection[pd.DataFrame], names: Collection[str]) -> list[Codes]:
    """One integer per key, the same for the same key in all frames."""
    total = np.zeros(sum(len(frame) for frame in frames), dtype=np.int64)
    for name in names:
        texts = np.concatenate([frame[name].to_numpy(dtype=object) for frame in frames])
        codes, found = pd.factorize(texts)
        total = total * (len(found) + 1) + codes
    ends = np.cumsum([len(frame) for frame in frames])
    return np.split(total, ends[:-1])


def _found(codes: Codes, wanted: Codes) -> Places:
    """Places of the wanted codes, -1 where there is none."""
    return pd.Index(codes).get_indexer(pd.Index(wanted))


def _taken(column: pd.Series, places: Places, empty: Any) -> Values:
    """Values at the places; at -1, behind the last one, stands what an unknown one is."""
    values = filled(len(column) + 1, empty)
    values[:-1] = column.to_numpy(dtype=object)
    return values[places]


# ---- arrays of objects
def array(values: Iterable[Any]) -> Values:
    """An array of the values as they are: np.array would unpack tuples into a second dimension."""
    return np.fromiter(values, dtype=object)


def filled(size: int, value: Any) -> Values:
    """The same value everywhere."""
    return array([value] * size)


def equal(left: Values, right: Any) -> Mask:
    """Where two arrays, or an array and a mark, are the same."""
    return np.asarray(left == right, dtype=bool)


def chosen(where: Mask, yes: Values, no: Values) -> Values:
    """Of each row the one value or the other."""
    return np.where(where, yes, no)


def numbers(where: Mask) -> list[int]:
    """Numbers of the rows of a mask."""
    return [int(row) for row in np.flatnonzero(where)]
