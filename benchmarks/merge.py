"""The merge of 100,000 records × 10 fields against pandas' own merge of the same frames, both measured in one
run.
"""

from __future__ import annotations

import gc
import time

import numpy as np
import pandas as pd

from benchmarks.measuring import Row, Work, at_most
from etl.transform import merge
from etl.transform.agreed import ABSENT, Sent
from etl.transform.alignment import KEY

RECORDS, FIELDS = 100_000, 10
LIMIT, GROWTH = 5.0, 1.5


def run() -> list[Row]:
    known, portal, onec = frames(RECORDS)
    small = frames(RECORDS // 4)
    ours = seconds(lambda: merge.merge(known, portal, onec, owners={}, owner="1c", seq=3))
    quarter = seconds(lambda: merge.merge(*small, owners={}, owner="1c", seq=3))
    plain = seconds(lambda: portal.merge(onec, on=KEY, how="left"))
    what = f"merge of {RECORDS:,} records × {FIELDS} fields, of one pandas merge of the same frames"
    return [
        at_most(what, ours / plain, LIMIT),
        at_most("merge: time per record against a quarter of the records", ours / quarter / 4, GROWTH),
    ]


def frames(records: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Memory, portal and 1C of so many records.

    Of each hundred, one is edited on each side and one awaits its confirmation.
    """
    numbers = np.array([str(number) for number in range(records)], dtype=object)
    names = np.array([f"field{number}" for number in range(FIELDS)], dtype=object)
    keys = np.repeat(numbers, FIELDS)
    fields = np.tile(names, records)
    values = np.array([f"value {number}" for number in range(len(keys))], dtype=object)
    portal = values.copy()
    onec = values.copy()
    sent = np.fromiter([()] * len(keys), dtype=object)
    for place in range(0, len(keys), 100):
        portal[place] = "изменено на портале"
        onec[place + 33] = "изменено в 1С"
        portal[place + 66] = onec[place + 66] = "ждёт подтверждения"
        sent[place + 66] = (Sent("ждёт подтверждения", 1),)
    entity = np.full(len(keys), "deal", dtype=object)
    base = {"entity": entity, "key": keys, "field": fields}
    absent = np.full(len(keys), ABSENT, dtype=object)
    return (
        pd.DataFrame({**base, "base": values, "sent": sent, "want": absent}, dtype=object),
        pd.DataFrame({**base, "value": portal}, dtype=object).iloc[::-1].reset_index(drop=True),
        pd.DataFrame({**base, "value": onec, "seq": 2}, dtype=object),
    )


def seconds(work: Work) -> float:
    """The best of three, with the collector out of the way."""
    best = float("inf")
    for _ in range(3):
        gc.collect()
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
