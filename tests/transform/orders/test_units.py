"""Units of measure of an order: whose edit it is."""

from __future__ import annotations

from typing import Any

import pytest

from etl.transform.orders import units
from etl.transform.orders.units import Seen
from tests.support.rows import whole

AGREED = Seen({"g1": "796"}, {"g1": "796"})


def judged(portal: str, onec: str, seen: Seen = AGREED, owner: str = "portal") -> tuple[Any, Any]:
    found = units.judge(seen, {"g1": portal}, {"g1": onec}, owner)
    return dict(found.to_1c), dict(found.to_portal)


def test_an_edit_goes_to_the_other_side() -> None:
    assert judged("166", "796") == ({"g1": "166"}, {})
    assert judged("796", "166") == ({}, {"g1": "166"})
    assert judged("166", "166") == ({}, {}), "the same edit on both sides"


def test_sides_that_never_showed_the_same_have_edited_nothing() -> None:
    """A portal without «кг» shows pieces: neither side has edited, whatever it was before."""
    assert judged("796", "166", Seen()) == ({}, {})
    assert judged("796", "166", Seen({"g1": "796"}, {"g1": "166"})) == ({}, {})


@pytest.mark.parametrize(
    ("owner", "to_1c", "to_portal"),
    [("portal", {"g1": "166"}, {}), ("1c", {}, {"g1": "112"}), ("ask", {}, {})],
)
def test_two_edits_of_one_unit_are_decided_by_the_owner(owner: str, to_1c: Any, to_portal: Any) -> None:
    assert judged("166", "112", owner=owner) == (to_1c, to_portal)
    asked = units.judge(AGREED, {"g1": "166"}, {"g1": "112"}, "ask")
    assert (asked.asked, asked.seen) == ({"g1"}, AGREED), "asked again until they are the same"


def test_what_was_sent_is_no_edit_of_1c_when_it_comes_back() -> None:
    sent = units.judge(AGREED, {"g1": "166"}, {"g1": "796"}, "portal")
    assert sent.seen.sent == {"g1": "166"}
    still = units.judge(sent.seen, {"g1": "166"}, {"g1": "796"}, "portal")
    assert (still.to_1c, still.to_portal, still.seen.sent) == ({}, {}, {"g1": "166"})
    back = units.judge(still.seen, {"g1": "166"}, {"g1": "166"}, "portal")
    assert (back.to_1c, back.to_portal, back.seen.sent) == ({}, {}, {})


def test_what_the_portal_makes_of_a_unit_of_1c_is_learnt_anew() -> None:
    taken = units.judge(AGREED, {"g1": "796"}, {"g1": "166"}, "portal")
    assert taken.to_portal == {"g1": "166"}
    shown = units.judge(taken.seen, {"g1": "796"}, {"g1": "166"}, "portal")
    assert (shown.to_1c, shown.to_portal) == ({}, {}), "the portal has no kilograms"


def test_units_are_codes_and_a_piece_where_nothing_is_told() -> None:
    rows = whole(
        "lines",
        *(
            {"document": "d", "position": place, "name": "Болт", "unit": unit, "unit_code": code}
            for place, (unit, code) in enumerate([("м", None), (None, "6"), ("м", "006 ")], 1)
        ),
    )
    assert units.units(rows, ["g1"] * 3) == {"d": {"g1": "006"}}
    assert [units.code(row) for row in whole("lines", rows[0] | {"unit": None, "unit_code": None})] == ["796"]
    mixed = [rows[0], rows[1] | {"unit_code": "166"}]
    assert units.units(mixed, ["g1", "g1"]) == {"d": {"g1": "006,166"}}
