"""Writes that the portal refuses, as people meet them: one remark with the portal's words for as long as the refusal stands, and nothing
told that did not happen. The misfortunes are those of `obmen24 sandbox --faults`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.cli.words import people as words
from etl.commands import journal, linking, people
from etl.report import RunReport
from etl.state import quick
from tests.support import scenario

CASE = "leads/orders-of-1c"
DAY = dt.date(2026, 11, 2)
NEW, PAID = "Заявка получена, подготовка счета", "Оплата получена"
LOCK = {"name": "Замок врезной", "quantity": "2", "price": "3150.50"}
BY_HAND = "сделку перенесли вручную, 1С этого ещё не подтвердила"


@contextmanager
def opened(tmp_path: Path) -> Iterator[scenario.Scenario]:
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        running.at(DAY)
        yield running


def refused(method: str, kind: str = "error_200") -> list[dict[str, Any]]:
    return [{"kind": kind, "method": method, "times": 9999, "inside": True}]


def told(running: scenario.Scenario) -> RunReport:
    running.stage.session()
    return running.run()


def order(running: scenario.Scenario, **values: Any) -> str:
    number: str = running.stage.onec.new_order("ООО «Причал»", [LOCK], **values).number
    return number


def why(running: scenario.Scenario, entity: str, key: str) -> str:
    return words.journal(journal.why(running.stage.profile, entity, key), entity, key)


def notices(running: scenario.Scenario) -> list[tuple[str, str]]:
    rows = running.stage.portal.dump().get("notifications", [])
    return [(str(row["USER_ID"]), row["MESSAGE"]) for row in rows]


def stands(running: scenario.Scenario, report: RunReport, said: str, entity: str, key: str) -> None:
    """The remark is in the account, in the plan, in `why` and counted by `status`; the run is not clean."""
    plan = running.run(dry=True)
    for account in (report, plan, running.run()):
        lines = [row["message"] for row in account.issues if said in row["message"]]
        assert len(lines) == 1, account.text()
        assert account.exit_code == 1
    assert said in why(running, entity, key)
    account = quick.quick_status(running.stage.profile.state_url)
    assert account is not None
    assert account["open_issues"] >= 1
    assert account["last_run"]["status"] == "attention"


def gone(running: scenario.Scenario, report: RunReport, entity: str, key: str, said: str) -> None:
    assert report.exit_code == 0, report.text()
    assert running.run(dry=True).exit_code == 0
    assert "Замечание" not in why(running, entity, key)
    assert said not in running.run().text()


# ---- each kind of write ----
@pytest.mark.parametrize("kind", ["error_200", "false"])
@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("crm.item.productrow.set", "Состав не записан"),
        ("crm.item.update", "не записан"),
        ("crm.item.add", "не создана"),
    ],
)
def test_a_refused_write_of_a_deal_stands_until_it_succeeds(
    tmp_path: Path, method: str, said: str, kind: str
) -> None:
    """«Every refused write of the portal … is one line with its cause in the account of each run (exit 1) for as long as it stands, in `why`.»"""
    with opened(tmp_path) as running:
        order(running)
        told(running)  # the buyer is there: the misfortune is the second deal's alone
        number = order(running)
        running.stage.portal.strike(refused(method, kind))
        report = told(running)
        key = "2" if method != "crm.item.add" else running.stage.onec.orders[-1].guid
        stands(running, report, said, "deal", key)
        if method == "crm.item.add":
            assert f"№ {number}" in report.text()
            assert "obmen24 link" not in report.text(), "nobody can tie what is not there"
            assert said in why(running, "document", number)
        running.stage.portal.strike([])
        gone(running, running.run(), "deal", key, said)
        assert [row[:2] for row in running.composition(2)] == [("Замок врезной", 2)]
        assert running.deals()["2"]["OPPORTUNITY"] == "6301.00"
        assert running.field(2, "Номер заказа 1С") == number


def test_a_currency_the_portal_lacks_is_said_in_its_own_words(tmp_path: Path) -> None:
    """The order itself is right, so nothing but the portal's own words helps; what stands under it waits with it."""
    with opened(tmp_path) as running:
        order(running)
        told(running)
        number = order(running)
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.stage.session()
        for path in (running.folder / "from_1c").glob("documents-*.xml"):
            text = path.read_text(encoding="utf-8-sig")
            path.write_text(
                "\ufeff" + text.replace(">RUB<", ">UAH<").replace(">руб<", ">UAH<"), encoding="utf-8"
            )
        report = running.run()
        said = [row["message"] for row in report.issues]
        assert len(said) == 1, report.text()
        assert (
            f"Сделка по заказу 1С № {number} на 6301.00 UAH не создана: портал отклонил запись: «" in said[0]
        )
        assert running.run().exit_code == 1


def test_a_move_that_the_portal_refuses_is_told_to_nobody(tmp_path: Path) -> None:
    """«no notification of something that did not happen»: it is sent once, after the stage is really written."""
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.stage.session()
        running.stage.portal.strike(refused("crm.item.update"))
        report = running.run()
        assert "Стадия «Счет оплачен» не поставлена" in report.text()
        assert "notified" not in report.counts
        assert notices(running) == []
        running.stage.portal.strike([])
        assert running.run().counts["notified"] == 1
        assert running.stages()["1"] == PAID
        running.run()
        assert len(notices(running)) == 1


@pytest.mark.parametrize("kind", ["error_200", "false", "403"])
def test_a_refused_notification_waits_until_it_is_sent(tmp_path: Path, kind: str) -> None:
    """What it tells of is not derived again, so it waits in the outbox; it is sent once, in the words it was first meant to have."""
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.stage.session()
        running.stage.portal.strike(refused("im.notify.personal.add", kind))
        report = running.run()
        stands(running, report, "Уведомление ответственному", "deal", "1")
        running.call("crm.deal.update", id=1, fields={"TITLE": "Переименована"})
        running.stage.portal.strike([])
        report = running.run()
        assert report.counts["notified"] == 1
        gone(running, report, "deal", "1", "Уведомление")
        ((_, text),) = notices(running)
        assert text.startswith(f"Клиент оплатил: Заказ {number}")


def test_order_and_payment_in_one_file_without_a_mapped_manager(tmp_path: Path) -> None:
    """The portal gives a deal a responsible by itself: he is told, though the table of managers does not know 1C's."""
    with opened(tmp_path) as running:
        number = order(running, manager="Нездешний Н. Н.")
        running.stage.onec.pay(number, Decimal("6301.00"))
        told(running)
        assert running.stages()["1"] == PAID
        person = running.deals()["1"]["ASSIGNED_BY_ID"]
        assert [to for to, _ in notices(running)] == [str(person)]
        running.run()
        assert len(notices(running)) == 1


def test_a_deal_without_a_responsible_is_a_remark(tmp_path: Path) -> None:
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.stage.portal.call("crm.deal.update", {"id": 1, "fields": {"ASSIGNED_BY_ID": 0}})
        assert str(running.deals()["1"]["ASSIGNED_BY_ID"]) == "0"
        running.stage.onec.pay(number, Decimal("6301.00"))
        report = told(running)
        assert "у сделки нет ответственного, назначьте его" in report.text()
        assert running.run().exit_code == 1
        running.call("crm.deal.update", id=1, fields={"ASSIGNED_BY_ID": 4})
        assert running.run().exit_code == 0
        assert [to for to, _ in notices(running)] == ["4"]


def test_a_deal_moved_by_hand_is_told_once_whoever_moved_it(tmp_path: Path) -> None:
    """«При смене в сущности “Сделки” стадии в воронке продаж на “Оплата получена” сотруднику с ролью “Ответственный” … приходит уведомление»"""
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.person(1, stage=PAID)
        running.run()
        ((_, text),) = notices(running)
        assert text.endswith(f"({BY_HAND})")
        running.stage.onec.pay(number, Decimal("6301.00"))
        told(running)
        running.person(1, stage=NEW)
        running.run()
        running.person(1, stage=PAID)
        running.run()
        assert [line for _, line in notices(running) if BY_HAND in line] == [text]


def test_a_deal_moved_by_hand_after_the_payment_is_told_in_the_words_of_1c(tmp_path: Path) -> None:
    """Paid in 1C and moved by hand between two runs: one notification, with the sum."""
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.person(1, stage=PAID)
        told(running)
        running.run()
        ((_, text),) = notices(running)
        assert "6301,00 руб." in text
        assert BY_HAND not in text


def test_moves_by_hand_may_be_left_to_a_robot_of_the_portal(tmp_path: Path) -> None:
    """rules.notify_by = "exchange"."""
    with scenario.opened(
        tmp_path, "leads", case=CASE, edit={'notify = "': 'notify_by = "exchange"\nnotify = "'}
    ) as running:
        running.at(DAY)
        order(running)
        told(running)
        running.person(1, stage=PAID)
        running.run()
        assert notices(running) == []


def test_deals_that_stood_there_at_the_first_look_are_not_told(tmp_path: Path) -> None:
    """The first start on a portal that already works tells nobody of old payments."""
    with opened(tmp_path) as running:
        running.call(
            "crm.deal.add",
            fields={"TITLE": "Старая", "STAGE_ID": stage_id(running, PAID), "ASSIGNED_BY_ID": 3},
        )
        order(running)
        told(running)
        running.run()
        assert notices(running) == []


def stage_id(running: scenario.Scenario, name: str) -> str:
    return next(code for code, known in running.stage_names().items() if known == name)


# ---- deals and buyers that are not there ----
def test_a_payment_of_a_deleted_deal_is_told_until_somebody_answers(tmp_path: Path) -> None:
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.call("crm.deal.delete", id=1)
        assert running.run().exit_code == 0, "a deal that a person deleted is his business"
        running.stage.onec.pay(number, Decimal("6301.00"))
        for report in (told(running), running.run()):
            assert report.exit_code == 1
            assert "на 6301.00 относится к сделке 1, а она удалена на портале" in report.text()
        assert "удалена на портале" in why(running, "deal", "1")
        (asked,) = people.questions(running.stage.profile)
        people.answer(running.stage.profile, asked.key, "1")
        assert running.run().exit_code == 0
        running.stage.onec.ship(number)
        assert "Отгрузка" in told(running).text(), "the answer was about the payment"


def test_a_payment_of_a_deal_in_another_pipeline_waits_for_its_return(tmp_path: Path) -> None:
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        category = running.call("crm.deal.list", select=["CATEGORY_ID"])[0]["CATEGORY_ID"]
        other = running.call("crm.category.add", entityTypeId=2, fields={"name": "Архив"})["category"]["id"]
        running.call("crm.item.update", entityTypeId=2, id=1, fields={"categoryId": other})
        running.stage.onec.pay(number, Decimal("6301.00"))
        assert "перенесена в другую воронку" in told(running).text()
        running.call("crm.item.update", entityTypeId=2, id=1, fields={"categoryId": category})
        report = running.run()
        assert report.exit_code == 0, report.text()
        assert people.questions(running.stage.profile) == []
        assert running.field(1, "Оплаченная сумма, руб.") == "6301.00|RUB"


def test_an_order_of_a_deleted_buyer_makes_no_deal(tmp_path: Path) -> None:
    """A deal with a dead companyId would show no buyer: the order waits for the card, or for another one."""
    with opened(tmp_path) as running:
        order(running)
        told(running)
        running.call("crm.company.delete", id=running.deals()["1"]["COMPANY_ID"])
        number = order(running)
        for report in (told(running), running.run()):
            assert report.exit_code == 1
            assert f"Заказ 1С {number}: карточку покупателя (компания" in report.text()
        assert list(running.deals()) == ["1"]
        origin = next(row.guid for row in running.stage.onec.parties if row.name == "ООО «Причал»")
        card = running.call("crm.company.add", fields={"TITLE": "ООО «Причал»"})
        linking.link(running.stage.profile, "company", str(card), origin)
        running.run()
        assert running.deals()["2"]["COMPANY_ID"] == str(card)


# ---- a run that ends in the middle ----
def test_no_right_to_notify_stops_nothing(tmp_path: Path) -> None:
    """A webhook without `im`: the exchange goes on, the remark says what is missing, and the word is sent once it is there."""
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.stage.session()
        running.stage.portal.strike(refused("im.notify.personal.add", "401"))
        report = running.run()
        assert (report.exit_code, report.counts["moved"]) == (1, 1)
        assert "Уведомление ответственному" in report.text()
        running.stage.portal.strike([])
        assert running.run().exit_code == 0
        assert len(notices(running)) == 1


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_a_word_whose_answer_was_lost_is_told_once(tmp_path: Path, kind: str) -> None:
    """Nobody knows whether it arrived: that is said, and it is told again under the same tag."""
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.stage.session()
        running.stage.portal.strike([{"kind": kind, "method": "im.notify.personal.add", "times": 9999}])
        report = running.run()
        assert report.exit_code == 1
        assert "не отправлено: ответ портала потерян, исход выяснит следующий запуск." in report.text()
        assert running.stages()["1"] == PAID
        running.stage.portal.strike([])
        running.run()
        running.run()
        assert len(notices(running)) == 1


def test_a_run_that_ends_between_the_sum_and_the_rows_does_both_later(tmp_path: Path) -> None:
    """A sum typed by a person follows the rows of 1C whichever of the two requests is cut off."""
    with opened(tmp_path) as running:
        number = order(running)
        told(running)
        typed = {"isManualOpportunity": "Y", "opportunity": "1.00"}
        for method in ("crm.item.update", "crm.item.productrow.set"):
            running.call("crm.item.update", entityTypeId=2, id=1, fields=typed)
            count = "3" if method == "crm.item.update" else "4"
            running.stage.onec.edit_order(number, lines=[LOCK | {"quantity": count}])
            running.stage.session()
            running.stage.portal.strike(refused(method))
            assert "Состав не записан" in running.run().text()
            running.stage.portal.strike([])
            assert running.run().exit_code == 0
            assert running.deals()["1"]["OPPORTUNITY"] == f"{Decimal('3150.50') * int(count):.2f}"


def test_the_link_with_our_organisation_is_refused_by_false(tmp_path: Path) -> None:
    """crm.requisite.link.register answers `false`: the deal shows another organisation, and that is said until it is written."""
    with scenario.opened(tmp_path, "twoway", case="twoway/both-sides") as running:
        running.at(DAY)
        running.run()
        running.stage.session()
        running.run()
        running.stage.onec.new_order("ООО «Причал»", [LOCK], organisation="ООО «Южный склад»")
        running.stage.session()
        running.stage.portal.strike(refused("crm.requisite.link.register", "false"))
        for report in (running.run(), running.run()):
            assert "Наша организация «ООО «Южный склад»» не указана: портал отклонил запись" in report.text()
            assert report.exit_code == 1
        running.stage.portal.strike([])
        assert "не указана" not in running.run().text()
        (link,) = [
            row for row in running.stage.portal.dump()["requisite_links"] if str(row["ENTITY_ID"]) == "5"
        ]
        assert link["MC_REQUISITE_ID"] == 2
