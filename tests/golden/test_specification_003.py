"""Specification 003 (deals and orders of УТ 11 both ways) sentence by sentence, over real HTTP and real files on both sides.

The story is samples/twoway/both-sides: deals 1, 2, 3 are at work, 4 is being edited («поступил заказ»), 5 is born in 1C. What the story
does not hold is played in tests of its own.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.cli.words import people as words
from etl.commands import journal, people
from tests.golden.test_specification_000 import KILLED
from tests.support import scenario
from tests.support.paths import ROOT

CASE = "twoway/both-sides"
DAY = dt.date(2026, 11, 2)
LOCK = {"name": "Замок врезной", "product": 2, "price": "3150.50", "vat": "22"}
pytestmark = pytest.mark.xdist_group(CASE)


@pytest.fixture
def story() -> dict[str, scenario.View]:
    return {name[:2]: view for name, view in scenario.story(CASE).items()}


def begun(running: scenario.Scenario) -> None:
    """2 November: orders sent, loaded, seen back; the outgoing file is empty again."""
    running.at(DAY)
    running.run()
    told(running)


def told(running: scenario.Scenario) -> Any:
    running.stage.session()
    return running.run()


def orders(running: scenario.Scenario) -> dict[str, str]:
    return {row.number: f"{row.amount:.2f}" for row in running.stage.onec.orders}


# ---- I. stages ----
def test_the_first_stage_does_not_touch_1c(tmp_path: Path, story: dict[str, scenario.View]) -> None:
    """«Стадия «поступил заказ» никак не влияет на 1с, сюда помещаются сделки требующие корректировки и редактирования.»"""
    assert not [number for kind, number in story["05"].documents if number == "B24-4"]
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        begun(running)
        running.person(1, stage="поступил заказ", rows=[LOCK | {"quantity": "9"}])
        files = running.outgoing()
        assert running.run().quiet
        assert running.outgoing() == files, "a deal taken back for editing says nothing to 1C"
        running.person(1, stage="Заказ в работе")
        running.run()
        told(running)
        assert orders(running)["B24-1"] == "28354.50", "edited and sent to work again: the order follows"
        assert len(orders(running)) == 3


def test_a_deal_at_work_makes_an_order(story: dict[str, scenario.View]) -> None:
    """«Стадия «Заказ в работе»(1), при перемещении сделки в эту стадию в 1с создается заказ.»"""
    assert [number for kind, number in story["02"].documents if kind == "order"] == [
        "B24-1",
        "B24-2",
        "B24-3",
    ]
    assert all(story["02"].documents["order", f"B24-{deal}"].posted for deal in (1, 2, 3))


def test_the_invoice_stage_is_the_manager_s(story: dict[str, scenario.View]) -> None:
    """«Стадия «Счет выставлен» сюда перемещается сделка вручную менеджером, после того как будет выставлен счет в б24.»"""
    assert story["03"].stages()["3"] == "Счет выставлен", "never undone by us"
    assert [row["stage"] for row in story["05"].deals.values()].count("Счет выставлен") == 0, (
        "and 1C moves it on"
    )


def test_shipped_without_payment(story: dict[str, scenario.View]) -> None:
    """«Стадия «Отгружен»(2), сюда перемещается сделка автоматически, если в 1С заказ будет в статусе «Ожидается оплата (полсе отгрузки)» (После
    совершения отгрузки, без оплаты)»
    """
    assert (story["04"].fields["1"]["Статус заказа 1С"], story["04"].stages()["1"]) == (
        "Ожидается оплата (после отгрузки)",
        "Отгружен",
    )


def test_paid_without_shipment(story: dict[str, scenario.View]) -> None:
    """«Стадия «Счет оплачен»(3), сюда перемещается сделка автоматически, если в 1С заказ будет в статусе «Готов к отгрузке» (После оплаты, без
    отгрузки)»
    """
    assert (story["04"].fields["2"]["Статус заказа 1С"], story["04"].stages()["2"]) == (
        "Готов к отгрузке",
        "Счет оплачен",
    )


def test_shipped_and_paid(story: dict[str, scenario.View]) -> None:
    """«Стадия «Отгружен и оплачен»(4), сюда перемещается сделка автоматически, если в 1С заказ будет в статусе «Готов к закрытию»»"""
    assert (story["04"].fields["3"]["Статус заказа 1С"], story["04"].stages()["3"]) == (
        "Готов к закрытию",
        "Отгружен и оплачен",
    )


FACTS = {'trust = "status"': 'trust = "facts" '}


@pytest.mark.parametrize(("edit", "stage"), [({}, "Счет оплачен"), (FACTS, "Заказ в работе")])
@pytest.mark.parametrize("prepaid", ["1000.00", None])
def test_the_state_moves_the_deal_by_its_name_unless_facts_are_trusted(
    tmp_path: Path, edit: dict[str, str], stage: str, prepaid: str | None
) -> None:
    """«если в 1С заказ будет в статусе «Готов к отгрузке»», with a part of the sum paid or none: the state moves the deal; a profile that trusts
    facts shows the order and moves nothing.
    """
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=edit) as running:
        begun(running)
        if prepaid:
            running.stage.onec.pay("B24-1", Decimal(prepaid))
        running.stage.onec.edit_order("B24-1", status="Готов к отгрузке")
        report = told(running)
        assert running.stages()["1"] == stage
        doubt = "Статус заказа «Готов к отгрузке» означает «оплачено»" in report.text()
        assert doubt is bool(edit)


def test_a_person_s_move_is_never_undone(tmp_path: Path) -> None:
    """A manager who moves the deal elsewhere after us keeps his way; new facts of the same state move nothing."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        begun(running)
        running.stage.onec.ship("B24-1")
        told(running)
        assert running.stages()["1"] == "Отгружен"
        running.person(1, stage="Счет выставлен")
        running.stage.onec.edit_order("B24-1", comment="уточнение")
        told(running)
        assert running.stages()["1"] == "Счет выставлен"


# ---- II. from the portal to 1C ----
def test_company_contact_manager_organisation_and_deal_reach_the_order(
    story: dict[str, scenario.View],
) -> None:
    """«Компания и контакт (Сами справочники и при создании заказа по сделке из б24)» «Ответственный менеджер у заказов» «с какой нашей организацией
    ведется сделка» «Информация о сделке»
    """
    view = story["02"]
    order = view.documents["order", "B24-1"]
    party = view.parties[order.party]
    assert (party.name, party.inn, party.phones) == ("ООО «Прибой-2»", "0000000120", ["+70000000012"])
    assert party.contacts, "the contact person of the company stands in the directory of 1C"
    assert order.requisites["Контактное лицо"]
    assert (order.manager, order.organisation, order.requisites["Организация ИНН"]) == (
        "Тихонова А. И.",
        "ООО «Южный склад»",
        "0000000025",
    )
    assert view.documents["order", "B24-2"].organisation == "ООО «Северный склад»"
    assert "Сделка № 1 «Поставка дверей № 1»" in order.comment
    assert "parties.xml" in story["01"].files


def test_products_and_their_edits_reach_1c(story: dict[str, scenario.View]) -> None:
    """«Товары (Сами справочники и при создании заказа по сделке из б24), также и редактирование состава товаров переносится в 1с.»"""
    assert "catalog.xml" in story["01"].files
    before, after = (story[name].documents["order", "B24-2"] for name in ("02", "05"))
    assert [(line.name, f"{line.quantity:f}", line.vat) for line in before.lines] == [
        ("Петля накладная", "3", "22"),
        ("Доставка по городу", "4", "22"),
    ]
    assert [(line.name, f"{line.quantity:f}", f"{line.amount:.2f}") for line in after.lines] == [
        ("Петля накладная", "10", "4123.00"),
        ("Доставка по городу", "1", "1500.00"),
    ]
    assert (before.guid, before.number_1c) == (after.guid, after.number_1c), (
        "the same order, not a second one"
    )


def test_discounts_the_portal_owns(tmp_path: Path) -> None:
    """«[как решается вопрос со скидками? Которые есть у клиентов в 1с, а выставляем счет через б24]»: by default the portal's net prices go, and
    a price that somebody edits in 1C afterwards comes to the deal.
    """
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        running.at(DAY)
        running.call(
            "crm.item.productrow.set",
            ownerType="D",
            ownerId=1,
            productRows=[
                {
                    "productId": 2,
                    "productName": "Замок врезной",
                    "price": "2835.45",
                    "discountTypeId": 2,
                    "discountRate": 10,
                    "quantity": 2,
                    "taxRate": 22,
                    "taxIncluded": "Y",
                    "measureCode": 796,
                }
            ],
        )
        running.run()
        sent = next(row for row in running.sent() if row["number"] == "B24-1")
        assert (sent["lines"], sent["amount"]) == ([("Замок врезной", "2", "2835.45", "5670.90")], "5670.90")
        told(running)
        running.stage.onec.edit_order(
            "B24-1", lines=[{"name": "Замок врезной", "quantity": "2", "price": "2700.00", "vat": "22"}]
        )
        report = told(running)
        assert "obmen24 ask" not in report.text()
        assert running.deals()["1"]["OPPORTUNITY"] == "5400.00"
        assert told(running).quiet


@pytest.mark.parametrize(
    ("discounts", "deal", "order"), [("portal", "6301.00", "6301.00"), ("1c", "5400.00", "5400.00")]
)
def test_1c_reprices_an_order_that_it_loads(tmp_path: Path, discounts: str, deal: str, order: str) -> None:
    """1C answers our order with a discount of its own: whose discounts count, his sum stands on both sides, and the other one is told of."""
    edit = {'discounts = "portal"': f'discounts = "{discounts}"'}
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=edit) as running:
        running.at(DAY)
        running.person(1, rows=[LOCK | {"quantity": "2"}])
        running.run()
        running.stage.session()
        (running.folder / "to_1c" / "documents.xml").unlink()
        for told_before in (running.folder / "from_1c").glob("documents-*.xml"):
            told_before.unlink()
        running.stage.onec.edit_order(
            "B24-1", lines=[{"name": "Замок врезной", "quantity": "2", "price": "2700.00", "vat": "22"}]
        )
        running.stage.session()
        said = running.run().text()
        for _ in range(3):
            said += told(running).text()
        assert (running.deals()["1"]["OPPORTUNITY"], orders(running)["B24-1"]) == (deal, order)
        assert "Сделка 1, состав" in said
        assert "позиций 1 на 5400.00" in said
        assert "позиций 1 на 6301.00" in said
        assert "obmen24 ask" not in said
        assert told(running).quiet


def test_discounts_1c_owns(tmp_path: Path) -> None:
    """Owner 1C: the buyer's percent from the extended contract prices the order."""
    with scenario.opened(
        tmp_path, "twoway", case=CASE, edit={'discounts = "portal" ': 'discounts = "1c"     '}
    ) as running:
        begun(running)
        running.stage.onec.edit_party(
            running.stage.onec.document("B24-2", "order").party, city="Заозёрный Бор"
        )
        running.stage.session()
        (path,) = (running.folder / "from_1c").glob("parties-*.xml")
        text = path.read_text(encoding="utf-8")
        percent = "<Контакты><Контакт><Тип>Процент скидки</Тип><Значение>10</Значение></Контакт>"
        assert "<Контакты>" in "".join(text.split())
        path.write_text(
            text.replace("<Контакты>", percent.replace("<Контакт>", "<Контакт>"), 1), encoding="utf-8"
        )
        running.person(2, rows=[LOCK | {"quantity": "2"}])
        running.run()
        sent = [row for row in running.sent() if row["number"] == "B24-2"]
        assert sent[-1]["amount"] == "5670.90"
        told(running)
        assert running.deals()["2"]["OPPORTUNITY"] == "5670.90", "the client is invoiced what 1C asks"
        assert [f"{price:.2f}" for _, _, price in running.composition(2)] == ["2835.45"]
        running.person(2, rows=[LOCK | {"quantity": "4", "price": "2835.45"}])
        running.run()
        told(running)
        assert orders(running)["B24-2"] == "11341.80", "not discounted twice"
        running.person(2, rows=[LOCK | {"quantity": "4", "price": "3000.00"}])
        running.run()
        told(running)
        assert (running.deals()["2"]["OPPORTUNITY"], orders(running)["B24-2"]) == ("10800.00", "10800.00")
        assert told(running).quiet


# ---- III. from 1C to the portal ----
def test_orders_made_in_1c_become_deals_at_work(story: dict[str, scenario.View]) -> None:
    """«Заказы, созданные в 1с, также создаются в виде сделок в б24. И также проходят все этапы, только начинают с «Заказ в работе».» «Компания и
    контакт (Сами справочники и при создании заказа по сделке из б24)» «Ответственный менеджер у заказов» «С какой нашей организацией ведется
    сделка» «Информация о заказе (номер)»
    """
    view = story["03"]
    deal = view.deals["5"]
    assert (deal["stage"], deal["OPPORTUNITY"], deal["ASSIGNED_BY_ID"]) == ("Заказ в работе", "9451.51", "5")
    assert (
        next(row["TITLE"] for row in view.dump["companies"] if str(row["ID"]) == deal["COMPANY_ID"])
        == "ТСЖ «Маяк-2»"
    )
    link = next(
        row
        for row in view.dump["requisite_links"]
        if (str(row["ENTITY_TYPE_ID"]), str(row["ENTITY_ID"])) == ("2", "5")
    )
    assert link["MC_REQUISITE_ID"] == 2, "ООО «Южный склад»"
    assert view.fields["5"]["Номер заказа 1С"] == "ЗК-00000004"
    assert [view.fields[deal]["Номер заказа 1С"] for deal in "123"] == [
        "ЗК-00000001",
        "ЗК-00000002",
        "ЗК-00000003",
    ]


def test_a_deal_born_in_1c_never_goes_back_as_a_second_order(
    tmp_path: Path, story: dict[str, scenario.View]
) -> None:
    """An order of 1C stands once in 1C whatever happens to its deal; under the extended contract an edit of the deal comes to it by Ид, its own
    number, comment and manager of 1C stay.
    """
    assert len([kind for kind, _ in story["05"].documents if kind == "order"]) == 4
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        begun(running)
        number = running.stage.onec.new_order(
            "ТСЖ «Маяк-2»",
            [{"name": "Замок врезной", "quantity": "1", "price": "3150.50", "vat": "22"}],
            manager="Уваров С. П.",
            comment="звонить после обеда",
        ).number
        told(running)
        running.person(5, rows=[LOCK | {"quantity": "4"}])
        running.run()
        told(running)
        order = running.stage.onec.document(number, "order")
        assert (f"{order.amount:.2f}", order.comment, order.posted, order.origin) == (
            "12602.00",
            "звонить после обеда",
            True,
            "1c",
        )
        assert len(running.stage.onec.orders) == 4


def test_edits_of_1c_come_to_the_deal(story: dict[str, scenario.View]) -> None:
    """«Товары (Сами справочники и при создании заказа в 1С), также и редактирование состава товаров переносится в б24.» «Ответственный менеджер у
    заказов»
    """
    view = story["03"]
    assert view.compositions["1"] == [("Замок врезной", Decimal(5), Decimal("3150.5"))]
    assert (view.deals["1"]["OPPORTUNITY"], view.deals["1"]["ASSIGNED_BY_ID"]) == ("15752.50", "6")


def test_prices_come_from_1c(tmp_path: Path) -> None:
    """«Цены на товар»: the price of the catalogue is 1C's."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        begun(running)
        lock = next(row for row in running.stage.onec.products if row.name == "Замок врезной")
        running.stage.onec.edit_product(lock.guid, price=Decimal("3333.00"))
        told(running)
        prices = {
            str(row["productId"]): Decimal(str(row["price"])) for row in running.stage.portal.dump()["prices"]
        }
        assert prices["2"] == Decimal("3333.00")


# ---- both sides at once ----
@pytest.mark.parametrize(("owner", "lines"), [("portal", "7"), ("1c", "5")])
def test_a_conflict_is_decided_by_the_owner(tmp_path: Path, owner: str, lines: str) -> None:
    """The same composition edited on both sides: the declared owner wins on both, and it is journalled."""
    with scenario.opened(
        tmp_path, "twoway", case=CASE, edit={'composition_owner = "portal"': f'composition_owner = "{owner}"'}
    ) as running:
        conflict(running)
        report = running.run()
        assert "Сделка 1, состав: изменено с обеих сторон" in report.text()
        assert "obmen24 ask" not in report.text()
        told(running)
        assert [f"{quantity:f}" for _, quantity, _ in running.composition(1)] == [lines]
        assert [f"{line.quantity:f}" for line in running.stage.onec.document("B24-1", "order").lines] == [
            lines
        ]
        assert "с обеих сторон" in words.journal(journal.why(running.stage.profile, "deal", "1"), "deal", "1")


def conflict(running: scenario.Scenario) -> None:
    begun(running)
    running.stage.onec.edit_order(
        "B24-1", lines=[{"name": "Замок врезной", "quantity": "5", "price": "3150.50", "vat": "22"}]
    )
    running.stage.session()
    running.person(1, rows=[LOCK | {"quantity": "7"}])


def test_a_conflict_may_be_a_question(tmp_path: Path) -> None:
    """Owner `ask`: neither side is touched until somebody has answered."""
    with scenario.opened(
        tmp_path, "twoway", case=CASE, edit={'composition_owner = "portal"': 'composition_owner = "ask"   '}
    ) as running:
        conflict(running)
        report = running.run()
        assert report.exit_code == 3
        assert [f"{quantity:f}" for _, quantity, _ in running.composition(1)] == ["7"]
        question = people.questions(running.stage.profile)[0].key
        people.answer(running.stage.profile, question, "2")
        running.run()
        assert told(running).quiet
        assert [f"{quantity:f}" for _, quantity, _ in running.composition(1)] == ["5"]
        assert orders(running)["B24-1"] == "15752.50"


def test_an_edit_that_1c_refuses_is_shown(tmp_path: Path) -> None:
    """A shipped order takes no edit: «1С не приняла правку», and 1C's amount is not written over the deal."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        begun(running)
        running.stage.onec.ship("B24-1", Decimal("1000.00"))
        told(running)
        running.person(1, rows=[LOCK | {"quantity": "7"}])
        reports = [running.run(), told(running), told(running)]
        assert "1С не приняла правку: у нас 22053.50, в 1С 13537.90" in "".join(
            report.text() for report in reports
        )
        assert running.deals()["1"]["OPPORTUNITY"] == "22053.50"
        assert told(running).quiet


def test_a_stale_or_repeated_file_changes_nothing(tmp_path: Path) -> None:
    """An export made before our publication, delivered late, and the same file again: amounts, orders and stages stay."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        begun(running)
        running.stage.onec.edit_order("B24-2", comment="для снимка")
        told(running)
        running.person(2, rows=[LOCK | {"quantity": "3"}])
        running.run()
        told(running)
        before = running.deals(), orders(running), running.outgoing()
        running.stage.onec.export_stale("B24-2")
        for _ in range(2):
            running.run()
        assert (running.deals(), orders(running), running.outgoing()) == before
        running.settle()
        assert (running.deals(), orders(running)) == before[:2]


STOCK = {
    "extended = true": 'extended = false\norganisation = "ООО «Южный склад»"',
    'flows = ["parties", "products", "documents-in", "orders-out"]': 'flows = ["documents-in", "orders-out"]',
    'vat = "general"': 'vat = "exempt"',
}


def test_two_buyers_of_one_name_never_become_one(tmp_path: Path) -> None:
    """Stock 1C knows a buyer without ИНН by exact Наименование: the second one of that name is not sent, the first keeps the name he was sent with."""
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=STOCK) as running:
        running.at(DAY)
        people_ = [
            running.call("crm.item.add", entityTypeId=3, fields={"name": "Иван", "lastName": "Носов"})[
                "item"
            ]["id"]
            for _ in range(2)
        ]
        for deal, person, stage in (
            (1, people_[0], "Заказ в работе"),
            (2, people_[1], "поступил заказ"),
            (3, people_[1], "поступил заказ"),
        ):
            running.call(
                "crm.item.update", entityTypeId=2, id=deal, fields={"companyId": 0, "contactId": person}
            )
            running.person(
                deal, stage=stage, rows=[{"name": "Замок врезной", "quantity": "2", "price": "100.00"}]
            )
        told(running)
        running.call("crm.item.update", entityTypeId=3, id=people_[0], fields={"lastName": "Носов-Первый"})
        running.person(1, rows=[{"name": "Замок врезной", "quantity": "3", "price": "100.00"}])
        running.person(3, stage="Заказ в работе")
        report = running.run()
        assert "в 1С под этим именем уже отправлен другой" in report.text()
        assert {row["number"]: row["buyer"] for row in running.sent()} == {"B24-1": "Носов Иван"}
        assert [row["amount"] for row in running.sent()][-1] == "300.00"


def test_a_lost_memory_doubles_nothing(tmp_path: Path) -> None:
    """The state is deleted: identity stands in the records themselves, so no order and no deal is made twice and 1C keeps its own edits."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        begun(running)
        running.stage.onec.new_order(
            "ТСЖ «Маяк-2»", [{"name": "Замок врезной", "quantity": "3", "amount": "9451.51", "vat": "22"}]
        )
        told(running)
        told(running)
        before = orders(running), running.deals()
        for path in running.stage.profile.state_folder.glob("state.sqlite*"):
            path.unlink()
        running.stage.onec.full_export()
        running.run()
        told(running)
        assert (orders(running), {deal: row["OPPORTUNITY"] for deal, row in running.deals().items()}) == (
            before[0],
            {deal: row["OPPORTUNITY"] for deal, row in before[1].items()},
        )
        assert running.stages() == {deal: row["stage"] for deal, row in before[1].items()}


def test_stock_1c_takes_orders_and_refuses_edits_of_its_own(tmp_path: Path) -> None:
    """Without the extended contract: orders of deals go in the stock file; an approved order is passed over in silence by УТ 11 and an edit of an
    order it leans on is shown as «1С не примет правку».
    """
    with scenario.opened(tmp_path, "twoway", case=CASE, edit=STOCK) as running:
        running.at(DAY)
        for deal in (1, 2, 3):
            running.person(deal, rows=[{"name": "Замок врезной", "quantity": "2", "price": "100.00"}])
        running.run()
        assert (running.folder / "to_1c" / "orders.xml").exists()
        running.stage.session()
        assert orders(running) == {"B24-1": "200.00", "B24-3": "200.00"}, "the second is another seller's"
        running.stage.onec.approve("B24-1")
        running.stage.onec.ship("B24-1")
        told(running)
        assert running.stages()["1"] == "Отгружен"
        running.person(
            1, stage="Заказ в работе", rows=[{"name": "Замок врезной", "quantity": "9", "price": "100.00"}]
        )
        report = running.run()
        assert "1С не примет правку сделки 1" in report.text()
        assert orders(running)["B24-1"] == "200.00"


def test_a_kill_at_a_random_point_changes_nothing_in_the_end(tmp_path: Path) -> None:
    """Runs killed anywhere and repeated: one order per deal, one deal per order, the same sums."""
    with scenario.opened(tmp_path, "twoway", case=CASE) as running:
        running.at(DAY)
        kill_often(running, random.Random(20030311))
        running.run()
        told(running)
        meeting(running)
        kill_often(running, random.Random(20030312))
        running.settle()
        assert orders(running) == {
            "B24-1": "15752.50",
            "B24-2": "7236.90",
            "B24-3": "3150.50",
            "ЗК-00000004": "9451.51",
        }
        assert running.stages() == {
            "1": "Заказ в работе",
            "2": "Счет оплачен",
            "3": "Заказ в работе",
            "4": "поступил заказ",
            "5": "Заказ в работе",
        }
        assert [row["OPPORTUNITY"] for row in running.deals().values()] == [
            "15752.50",
            "7236.90",
            "3150.50",
            "49896.70",
            "9451.51",
        ]
        assert [row["UF_CRM_ORDER_NUMBER"] for row in running.deals().values()] == [
            "ЗК-00000001",
            "ЗК-00000002",
            "ЗК-00000003",
            None,
            "ЗК-00000004",
        ]


def meeting(running: scenario.Scenario) -> None:
    running.stage.onec.new_order(
        "ТСЖ «Маяк-2»", [{"name": "Замок врезной", "quantity": "3", "amount": "9451.51", "vat": "22"}]
    )
    running.stage.onec.pay("B24-2", Decimal("7236.90"))
    running.stage.onec.edit_order(
        "B24-1", lines=[{"name": "Замок врезной", "quantity": "5", "price": "3150.50", "vat": "22"}]
    )
    running.stage.session()
    running.person(3, rows=[LOCK | {"quantity": "1"}])


def kill_often(running: scenario.Scenario, dice: random.Random) -> None:
    """Start runs in another process and kill them after a while."""
    profile = running.stage.profile
    for patience in (1.6, 2.2):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                KILLED,
                str(profile.path),
                str(profile.bitrix24.webhook_file),
                running.stage.clock.tick().isoformat(),
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=patience + dice.random())
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
