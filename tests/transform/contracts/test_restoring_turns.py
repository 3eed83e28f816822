"""Acts out of an archive in the order in which they were made, whatever their books are called."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest

from etl.transform.contracts import restoring

DAY = dt.date(2027, 1, 12)


def act(number: str, part: str, day: dt.date = DAY, deal: str = "101") -> Any:
    return {"number": number, "part": part, "date": day, "deal": deal}


ACTS = [act("A2-101", "second"), act("R2-101", "reversal-second"), act("A22101", "second")]


@pytest.mark.parametrize("read", list(itertools.permutations(ACTS)))
def test_accrued_reversed_and_accrued_again_on_one_day(read: Any) -> None:
    others = [act("A1-101", "first"), act("A1-102", "first", deal="102")]
    found = [row["number"] for row in restoring.in_turn([*others, *read]) if row["part"].endswith("second")]
    assert found in (["A2-101", "R2-101", "A22101"], ["A22101", "R2-101", "A2-101"])
    assert found == ["A2-101", "R2-101", "A22101"]


@pytest.mark.parametrize("missing", [1])
def test_a_missing_act_is_named(missing: int) -> None:
    rest = [row for number, row in enumerate(ACTS) if number != missing]
    with pytest.raises(ValueError, match="A2-101, A22101"):
        restoring.in_turn(rest)


def test_a_reversal_without_its_act_is_named() -> None:
    with pytest.raises(ValueError, match="R2-101"):
        restoring.in_turn([ACTS[1]])
