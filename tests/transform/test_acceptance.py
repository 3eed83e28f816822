"""Whether 1C took a document: what confirms, what refuses, what proves nothing (DESIGN §7)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from etl.records import Document, Line
from etl.transform import acceptance
from etl.values import keys

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
BEFORE, AFTER = NOON - dt.timedelta(hours=1), NOON + dt.timedelta(hours=1)
ORDER = keys.order("7")
CHARGE = keys.charge("7", "2026-11", 1)


def document(number: str, amount: str | None = "100.00", **more: Any) -> Document:
    told: Any = {
        "id": "d1",
        "kind": "order",
        "number": number,
        "amount": None if amount is None else Decimal(amount),
        "cancelled": None,
        "deleted": None,
        "requisites": None,
    }
    return told | more


def line(amount: str | None, owner: str = "d1") -> Line:
    return {"document": owner, "position": 1, "amount": None if amount is None else Decimal(amount)}


def judge(
    sent: Document,
    told: Document,
    written: dt.datetime | None = AFTER,
    ours: tuple[Line, ...] = (),
    theirs: tuple[Line, ...] = (),
) -> acceptance.Verdict | None:
    sums = acceptance.line_sums(theirs).get("d1", acceptance.Sums())
    return acceptance.verdict(acceptance.Sent(sent, ours, NOON), told, sums, written)


def test_the_same_sum_confirms_and_another_one_refuses() -> None:
    assert judge(document(ORDER), document(ORDER)) == "echoed"
    assert judge(document(ORDER), document(ORDER, "90.00")) == "refused"


@pytest.mark.parametrize("mark", ["cancelled", "deleted"])
def test_a_cancellation_we_asked_for_confirms_whatever_the_sum(mark: str) -> None:
    asked = document(CHARGE, "0.00", cancelled=True)
    assert judge(asked, document(CHARGE, "100.00", **{mark: True})) == "echoed"
    assert judge(asked, document(CHARGE, "100.00")) == "refused"


def test_an_order_of_the_same_sum_is_another_text_where_its_lines_differ() -> None:
    ours = (line("60.00"), line("40.00"), line("1.00", "another document"))
    assert judge(document(ORDER), document(ORDER), AFTER, ours, (line("40.00"), line("60.00"))) == "echoed"
    assert judge(document(ORDER), document(ORDER), AFTER, ours, (line("50.00"), line("50.00"))) == "refused"
    assert judge(document(ORDER), document(ORDER), AFTER, ours, ()) == "echoed"


def test_lines_of_a_charge_say_nothing() -> None:
    assert judge(document(CHARGE), document(CHARGE), AFTER, (line("100.00"),), (line("99.00"),)) == "echoed"


def test_an_export_older_than_our_publication_proves_nothing_about_an_order() -> None:
    assert judge(document(ORDER), document(ORDER), BEFORE) is None
    assert judge(document(ORDER), document(ORDER, "90.00"), BEFORE) is None


def test_an_old_export_confirms_a_charge_of_the_same_sum_and_termination() -> None:
    ended = {"Дата расторжения": "2026-11-15"}
    assert judge(document(CHARGE), document(CHARGE), BEFORE) == "echoed"
    assert judge(document(CHARGE, requisites=ended), document(CHARGE), BEFORE) is None
    assert judge(document(CHARGE, requisites=ended), document(CHARGE, requisites=ended), BEFORE) == "echoed"


def test_what_1c_told_earlier_is_judged_without_a_moment() -> None:
    assert judge(document(ORDER), document(ORDER), None) == "echoed"
