"""The brake counts values of people that a run would replace."""

from __future__ import annotations

from decimal import Decimal

import pytest

from etl.errors import NeedsPerson
from etl.transform import overwrites


def test_too_many_overwrites_stop_before_the_first_write() -> None:
    before = ["1", ("a", "b"), Decimal(3), *[None, "", 0, Decimal(0)]]
    overwrites.guard(before, 3, accepted=False)
    overwrites.guard(before, 2, accepted=True)
    with pytest.raises(NeedsPerson, match=r"заменить 3 значений.*ограничитель разрешает 2.*obmen24 plan"):
        overwrites.guard(before, 2, accepted=False)


def test_only_what_takes_the_place_of_a_value_of_people_counts() -> None:
    changes = [
        {"action": "update", "before": "a"},
        {"action": "rows", "before": "b"},
        {"action": "update", "before": None},
        {"action": "update", "before": "own", "own": True},
        {"action": "stage", "before": "c"},
        {"action": "create"},
    ]
    assert overwrites.replaced(changes) == ["a", "b", None]
