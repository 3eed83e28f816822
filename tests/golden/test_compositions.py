"""«также и редактирование состава товаров переносится в 1с», «… переносится в б24» (specification 003): edits of every part of an
order, on either side, of orders born on either side, under every owner of the composition, over real HTTP and real files.
"""

from __future__ import annotations

import datetime as dt
import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from etl.commands import people
from tests.support import compositions as rows
from tests.support import scenario

CASE = "twoway/both-sides"
DAY = dt.date(2026, 11, 2)
SIDES, BORN, OWNERS = ("portal", "1c"), ("portal", "1c"), ("portal", "1c", "ask")
pytestmark = pytest.mark.xdist_group("compositions")


@dataclass(frozen=True)
class Outcome:
    """What stands on both sides in the end, and the sum of the deal."""

    deal: rows.Shown
    order: rows.Shown
    amount: str


@dataclass(frozen=True)
class Played:
    """All edits played once under one owner: (edit, side, born) -> outcome; everything the runs said, and the questions left open."""

    outcomes: dict[tuple[str, str, str], Outcome]
    text: str
    questions: int


def _deal(running: scenario.Scenario, title: str) -> str:
    fields = {"title": title, "stageId": "EXECUTING", "companyId": 12, "currencyId": "RUB", "assignedById": 4}
    deal = running.call("crm.item.add", entityTypeId=2, fields=fields)["item"]["id"]
    own = next(row for row in running.call("crm.requisite.link.list") if int(row["ENTITY_ID"]) == 1)
    running.call("crm.requisite.link.register", fields=own | {"ENTITY_ID": deal})
    rows.on_portal(running, deal, rows.ROWS)
    return str(deal)


def _order(running: scenario.Scenario) -> str:
    """An order that somebody makes in 1C; its number."""
    return str(running.stage.onec.new_order("ТСЖ «Маяк-2»", rows.of_1c(rows.ROWS)).number)


def _orders(running: scenario.Scenario) -> dict[tuple[str, str, str], tuple[str, str]]:
    """(edit, side, born) -> (deal, number of its order), both sides agreed."""
    running.at(DAY)
    cases = [(edit, side, born) for born in BORN for edit in rows.EDITS for side in SIDES]
    deals = {case: _deal(running, "/".join(case)) for case in cases if case[2] == "portal"}
    running.run()
    running.settle()
    numbers = {case: _order(running) for case in cases if case[2] == "1c"}
    running.settle()
    shown = {row["ORIGIN_ID"]: deal for deal, row in running.deals().items() if row["ORIGIN_ID"]}
    for case, number in numbers.items():
        deals[case] = shown[running.stage.onec.document(number, "order").guid]
    return {case: (deal, numbers.get(case, f"B24-{deal}")) for case, deal in deals.items()}


def _edit(running: scenario.Scenario, case: tuple[str, str, str], deal: str, number: str) -> None:
    edited = rows.EDITS[case[0]](rows.ROWS)
    if case[1] == "portal":
        rows.on_portal(running, deal, edited)
    else:
        running.stage.onec.edit_order(number, lines=rows.of_1c(edited))


@functools.cache
def played(owner: str) -> Played:
    edit = {'composition_owner = "portal"': f'composition_owner = "{owner}"'}
    with (
        tempfile.TemporaryDirectory() as tmp,
        scenario.opened(Path(tmp), "twoway", case=CASE, edit=edit) as running,
    ):
        orders = _orders(running)
        for case, (deal, number) in orders.items():
            _edit(running, case, deal, number)
        before = len(running.reports)
        running.run()
        _rest(running)
        outcomes = {case: _outcome(running, *place) for case, place in orders.items()}
        text = "\n".join(report.text() for report in running.reports[before:])
        return Played(outcomes, text, len(people.questions(running.stage.profile)))


def _rest(running: scenario.Scenario) -> None:
    """Enough sessions for everything to arrive; whether the exchange comes to rest is a question of its own."""
    for _ in range(5):
        running.stage.session()
        if running.run().quiet:
            return


def _outcome(running: scenario.Scenario, deal: str, number: str) -> Outcome:
    amount: Any = running.deals()[deal]["OPPORTUNITY"]
    return Outcome(rows.in_deal(running, deal), rows.in_1c(running, number), f"{float(amount):.2f}")


@pytest.mark.parametrize("born", BORN)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("edit", rows.EDITS)
@pytest.mark.parametrize("owner", OWNERS)
def test_an_edit_of_one_side_reaches_the_other(owner: str, edit: str, side: str, born: str) -> None:
    """Whoever owns the composition: only one side has edited, so there is nothing to decide. A deal without goods makes no order that
    1C would post, so that edit is held and told.
    """
    outcome = played(owner).outcomes[edit, side, born]
    wanted = rows.wanted(rows.EDITS[edit](rows.ROWS))
    held = (edit, side) == ("emptied", "portal")
    assert outcome.deal == wanted
    assert outcome.order == (rows.wanted(rows.ROWS) if held else wanted)
    assert outcome.amount == f"{sum(row[2] for row in wanted):.2f}"


@pytest.mark.parametrize("owner", OWNERS)
def test_what_is_held_or_emptied_is_told_and_nothing_is_asked(owner: str) -> None:
    done = played(owner)
    assert done.questions == 0
    assert "obmen24 ask" not in done.text
    assert done.text.count("остаётся прежним. Добавьте товары в сделку") >= 2
    assert done.text.count("остался без товаров и с суммой 0: товары удалены и из сделки") == 2
