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

from etl.cli.words import people as words
from etl.commands import journal, people
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


# ---- both sides at once ----
def _met(running: scenario.Scenario, ours: rows.Rows, theirs: rows.Rows) -> str:
    """Deal 1 edited on both sides between two runs; what the runs say until nothing moves."""
    running.at(DAY)
    rows.on_portal(running, 1, rows.ROWS)
    running.run()
    running.settle()
    running.stage.onec.edit_order("B24-1", lines=rows.of_1c(theirs))
    running.stage.session()
    rows.on_portal(running, 1, ours)
    before = len(running.reports)
    running.run()
    _rest(running)
    return "\n".join(report.text() for report in running.reports[before:])


@pytest.mark.parametrize("owner", ["portal", "1c"])
@pytest.mark.parametrize(
    ("ours", "theirs"), [("price", "quantity"), ("quantity", "emptied"), ("order", "price")]
)
def test_of_two_edits_the_owner_s_stands_on_both_sides_and_the_other_is_told(
    tmp_path: Path, owner: str, ours: str, theirs: str
) -> None:
    """«the field's owner wins on both and it is journalled» (DESIGN §5), and whoever made the other edit can read of it."""
    edit = {'composition_owner = "portal"': f'composition_owner = "{owner}"'}
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=edit) as running:
        kept, lost = (
            rows.EDITS[name](rows.ROWS) for name in ((ours, theirs) if owner == "portal" else (theirs, ours))
        )
        said = _met(running, rows.EDITS[ours](rows.ROWS), rows.EDITS[theirs](rows.ROWS))
        assert rows.in_deal(running, 1) == rows.wanted(kept)
        assert rows.in_1c(running, "B24-1") == rows.wanted(kept)
        gone = f"«позиций {len(lost)} на {sum(row[2] for row in rows.wanted(lost)):.2f}»"
        assert (
            f"Сделка 1, состав: изменено с обеих сторон, по профилю прав{' портал' if owner == 'portal' else 'а 1С'}"
            in said
        )
        assert f"Не взято {'в 1С' if owner == 'portal' else 'в сделке'}: {gone}" in said
        assert "obmen24 ask" not in said
        assert "с обеих сторон" in words.journal(journal.why(running.stage.profile, "deal", "1"), "deal", "1")


def test_an_edit_of_1c_that_meets_one_under_way_is_journalled_and_told(tmp_path: Path) -> None:
    """The portal's edit is published already when an export arrives that 1C made before it has read it."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        running.at(DAY)
        rows.on_portal(running, 1, rows.ROWS)
        running.run()
        running.settle()
        running.stage.onec.edit_order("B24-1", lines=rows.of_1c(rows.EDITS["quantity"](rows.ROWS)))
        running.stage.session()
        exports = {
            path: path.read_bytes() for path in (running.folder / "from_1c").iterdir() if path.is_file()
        }
        for path in exports:
            path.unlink()
        rows.on_portal(running, 1, rows.EDITS["price"](rows.ROWS))
        running.run()
        for path, content in exports.items():
            path.write_bytes(content)
        said = running.run().text()
        assert "Сделка 1, состав: изменено с обеих сторон, по профилю прав портал" in said
        assert "Не взято в 1С: «позиций 2 на 16989.40»" in said
        _rest(running)
        wanted = rows.wanted(rows.EDITS["price"](rows.ROWS))
        assert (rows.in_deal(running, 1), rows.in_1c(running, "B24-1")) == (wanted, wanted)
        assert "с обеих сторон" in words.journal(journal.why(running.stage.profile, "deal", "1"), "deal", "1")


def test_an_edit_of_one_field_does_not_take_back_the_other_side_s_edit_of_another(tmp_path: Path) -> None:
    """1C has named another manager while the portal changed the goods: 1C gets the goods without its manager being undone."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        running.at(DAY)
        rows.on_portal(running, 1, rows.ROWS)
        running.run()
        running.settle()
        running.stage.onec.edit_order("B24-1", manager="Фомина Л. О.")
        running.stage.session()
        rows.on_portal(running, 1, rows.EDITS["price"](rows.ROWS))
        running.run()
        _rest(running)
        order = running.stage.onec.document("B24-1", "order")
        assert (order.manager, running.deals()["1"]["ASSIGNED_BY_ID"]) == ("Фомина Л. О.", "6")
        assert rows.in_1c(running, "B24-1") == rows.wanted(rows.EDITS["price"](rows.ROWS))


def test_a_conflict_of_compositions_is_asked_in_words(tmp_path: Path) -> None:
    edit = {'composition_owner = "portal"': 'composition_owner = "ask"'}
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=edit) as running:
        said = _met(running, rows.EDITS["price"](rows.ROWS), rows.EDITS["emptied"](rows.ROWS))
        (question,) = people.questions(running.stage.profile)
        assert "Position(" not in said
        assert (
            "состав: изменено с обеих сторон, в сделке «позиций 2 на 7236.70», в 1С «позиций 0 на 0.00»"
            in said
        )
        assert "obmen24 ask" in said
        people.answer(running.stage.profile, question.key, "2")
        running.run()
        _rest(running)
        assert (rows.in_deal(running, 1), rows.in_1c(running, "B24-1")) == ([], [])


# ---- 1C leads ----
def test_an_order_emptied_where_1c_leads_empties_its_deal_and_is_told(tmp_path: Path) -> None:
    """«номенклатура и в поле “Сумма сделки”…» (002): the deal never shows 100 for an order of nothing."""
    with scenario.opened(tmp_path, "leads", case="leads/orders-of-1c") as running:
        running.at(DAY)
        number = running.stage.onec.new_order("ООО «Новый дом»", rows.of_1c(without_vat(rows.ROWS))).number
        for _ in range(2):
            running.stage.session()
            running.run()
        (deal,) = [deal for deal, row in running.deals().items() if row["ORIGIN_ID"]]
        assert float(running.deals()[deal]["OPPORTUNITY"]) > 0
        running.stage.onec.edit_order(number, lines=[])
        running.stage.session()
        said = running.run().text()
        assert (rows.in_deal(running, deal), float(running.deals()[deal]["OPPORTUNITY"])) == ([], 0)
        assert f"Заказ сделки {deal} в 1С остался без товаров" in said
        running.stage.onec.edit_order(number, lines=rows.of_1c(without_vat(rows.ROWS)))
        running.stage.session()
        running.run()
        assert rows.in_deal(running, deal) == rows.wanted(without_vat(rows.ROWS))


def without_vat(given: rows.Rows) -> rows.Rows:
    return [row | {"vat": None} for row in given]
