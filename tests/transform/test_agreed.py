"""What each event makes of the memory of one field (DESIGN §5)."""

from __future__ import annotations

from typing import Any

import pytest

from etl.transform import agreed
from etl.transform.agreed import ABSENT, EMPTY, NOTHING, Agreed, Sent


def test_a_value_1c_is_told_first_is_sent_and_not_agreed() -> None:
    first = agreed.published("a", 5)
    assert (first.base, first.sent, first.tail) == (ABSENT, (Sent("a", 5),), "a")


def test_a_noted_value_is_agreed_once_the_portal_has_it() -> None:
    known = agreed.noted(Agreed("a", (Sent("b", 5),)), "c")
    assert known == Agreed("a", (Sent("b", 5),), "c")
    assert agreed.written(known) == Agreed("c", (Sent("b", 5),)), "what is on its way to 1C stays there"
    assert agreed.written(agreed.noted(NOTHING, None)) == EMPTY, "an emptiness is a value"


def test_a_write_that_nobody_noted_agrees_nothing() -> None:
    assert agreed.written(Agreed("a", (Sent("b", 5),))) == Agreed("a", (Sent("b", 5),))


@pytest.mark.parametrize(
    ("known", "held", "told", "base"),
    [
        (NOTHING, None, "x", None),
        (NOTHING, "x", None, None),
        (NOTHING, "x", "y", ABSENT),
        (NOTHING, "x", "x", ABSENT),
        (Agreed("a"), None, "x", "a"),
        (agreed.published("a", 5), None, "x", ABSENT),
    ],
)
def test_of_a_new_pair_only_an_emptiness_is_agreed(known: Agreed, held: Any, told: Any, base: Any) -> None:
    assert agreed.paired(known, held, told) == Agreed(base, known.sent)


@pytest.mark.parametrize(
    ("known", "on_its_way"),
    [
        (NOTHING, False),
        (Agreed("a"), False),
        (agreed.published("a", 5), True),
        (agreed.published(None, 5), False),
    ],
)
def test_what_is_on_its_way_to_1c(known: Agreed, on_its_way: bool) -> None:
    assert agreed.is_on_its_way(known) is on_its_way


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (Agreed("base", (Sent("ours", 5),), "theirs"), "ours"),
        (Agreed("base", want="theirs"), "theirs"),
        (Agreed("base"), "base"),
        (EMPTY, "card"),
        (NOTHING, "card"),
    ],
)
def test_a_publication_repeats_what_1c_knows_or_was_told(known: Agreed, said: str) -> None:
    assert agreed.for_1c(known, "card") == said
