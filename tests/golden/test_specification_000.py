"""Specification 000 (monthly billing of video-surveillance contracts) sentence by sentence, over real HTTP and real files.

Each test quotes what it checks. The story of three months itself is samples/video/three-months.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree

from etl import pipeline, tables
from etl.errors import NeedsPerson
from etl.state.store import Store
from tests.support import scenario
from tests.support.paths import ROOT

CASE = "video/three-months"
FEES = {
    "В-101/26": "1500.00",
    "В-102/26": "999.99",
    "В-103/26": "1200.00",
    "В-104/26": "1500.00",
    "В-105/26": "1800.50",
    "В-106/26": "700.00",
}
NOVEMBER, PAID, ACTED = dt.date(2026, 11, 1), dt.date(2026, 11, 13), dt.date(2026, 11, 15)


def billed(running: scenario.Scenario) -> None:
    """1 November: charged and loaded into 1C."""
    running.at(NOVEMBER)
    running.run()
    running.stage.session()
    running.run()


def pay_month(running: scenario.Scenario, month: str, deals: tuple[int, ...], day: dt.date) -> None:
    running.at(day)
    for deal in deals:
        number = running.charge(f"{deal} {month}")
        running.stage.onec.pay(
            number, next(order.amount for order in running.stage.onec.orders if order.number == number)
        )
    running.stage.session()
    running.run()


def settle(running: scenario.Scenario) -> None:
    """Sessions and runs until neither has anything new."""
    for _ in range(6):
        running.stage.session()
        if running.run().quiet:
            return
    raise AssertionError("the exchange does not come to rest")


def sent(running: scenario.Scenario) -> list[dict[str, Any]]:
    """Documents of every outgoing file ever published, from the archive: plain lxml, not our reader."""
    found = []
    for path in sorted((running.folder / "archive").rglob("sent-*-documents.xml")):
        for element in etree.parse(path.open("rb")).iter("{*}Документ"):
            values = {
                row.findtext("{*}Наименование"): row.findtext("{*}Значение")
                for row in element.findall("{*}ЗначенияРеквизитов/{*}ЗначениеРеквизита")
            }
            found.append(
                {
                    "number": element.findtext("{*}Номер"),
                    "operation": element.findtext("{*}ХозОперация"),
                    "amount": element.findtext("{*}Сумма"),
                    "comment": element.findtext("{*}Комментарий"),
                    "basis": element.findtext("{*}Основание"),
                    "id": element.findtext("{*}Ид"),
                    **values,
                }
            )
    return found


def test_the_five_values_reach_1c(tmp_path: Path) -> None:
    """«В 1С:Предприятие нужно передавать информацию из следующих ячеек: ФИО плательщика, адрес, дату заключения и номер договора,
    сумму платежа.» «Их необходимо поменять на ФИО плательщика, адрес, дату заключения и номер договора, сумму платежа и дата
    расторжения договора.»
    """
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(NOVEMBER)
        running.run()
        order = next(
            row
            for row in sent(running)
            if row["operation"] == "Заказ товара" and row["Номер договора"] == "В-102/26"
        )
        assert order["ФИО плательщика"] == "Петрова Анна Ильинична"
        assert order["Адрес объекта"] == "г. Новореченск, ул. Полевая, д. 102"
        assert (order["Дата договора"], order["Сумма платежа"], order["amount"]) == (
            "2026-10-12",
            "999.99",
            "999.99",
        )
        for value in ("Петрова Анна Ильинична", "ул. Полевая, д. 102", "В-102/26", "12.10.2026", "999.99"):
            assert value in order["comment"], (
                "stock 1C drops requisites it does not know: the comment repeats them"
            )


def test_confirmed_deals_become_orders_with_posted_invoices(tmp_path: Path) -> None:
    """«После чего сделки с такими статусами выгружаются в 1С:Предприятие в раздел «Заказы покупателей».» «…выставление счетов в 1С (сейчас
    это делается вручную, необходимо автоматически при выгрузке делать проводку)»
    """
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        orders, invoices = running.stage.onec.orders, running.stage.onec.invoices
        assert len(orders) == len(invoices) == 6
        assert all(document.posted for document in (*orders, *invoices))
        assert {invoice.basis for invoice in invoices} == {order.guid for order in orders}
        assert {debt.contract: f"{debt.amount:.2f}" for debt in running.stage.onec.debtors()} == FEES, (
            "one fee per contract, not two"
        )
        assert {row["OPPORTUNITY"] for row in running.deals().values()} == {"34567.00"}, (
            "the deal's own sum never changes"
        )


def test_two_payers_of_one_name_are_two_debtors(tmp_path: Path) -> None:
    """Stock 1C finds a payer without ИНН by exact Наименование: «ФИО (дог. № N)» keeps them apart."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        names = {party.name for party in running.stage.onec.parties if party.name.startswith("Кузнецов")}
        assert names == {
            "Кузнецов Сергей Иванович (дог. № В-104/26)",
            "Кузнецов Сергей Иванович (дог. № В-105/26)",
        }


def test_the_first_payment_moves_the_deal_and_accrues_the_first_half(tmp_path: Path) -> None:
    """«…из 1С в Битрикс передается информация об этом и статус меняется на «1-ая оплата от клиента».» «…автоматически осуществляется
    выборка по данному статусу и ответственному менеджеру для начисления 1-й части оплаты, которая отсылается в 1С в раздел «Акты
    выполненных работ».» «После того как менеджеру начислено 50% договоренной оплаты, статус … меняется на «1-ая оплата менеджеру».»
    """
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        pay_month(running, "2026-11", (101,), PAID)
        assert running.stages()["101"] == "1-ая оплата клиента"
        assert running.stages()["102"] == "Договор подтвержден"
        act = next(row for row in sent(running) if row["number"] == "A1-101")
        assert (act["ВидДокумента"], act["amount"], act["Менеджер"]) == (
            "Акт выполненных работ",
            "500.01",
            "Алина Тихонова",
        )
        running.at(ACTED)
        running.stage.session()
        running.run()
        assert running.stages()["101"] == "1-ая оплата менеджеру"
        assert [(document.number, document.amount) for document in running.stage.onec.acts] == [
            ("A1-101", Decimal("500.01"))
        ]


def test_the_second_payment_accrues_the_rest(tmp_path: Path) -> None:
    """«Далее поступает 2-ая оплата от клиента … статус меняется на «2-ая оплата от клиента».» «…для начисления 2-й (последней) части оплаты»"""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        pay_month(running, "2026-11", (101, 102), PAID)
        settle(running)
        running.at(dt.date(2026, 12, 1))
        running.run()
        running.stage.session()
        running.run()
        pay_month(running, "2026-12", (101, 102), dt.date(2026, 12, 5))
        assert running.stages()["101"] == running.stages()["102"] == "2-ая оплата клиента"
        settle(running)
        assert running.stages()["101"] == running.stages()["102"] == "2-ая оплата менеджеру"
        amounts = {document.number: document.amount for document in running.stage.onec.acts}
        assert amounts["A1-101"] + amounts["A2-101"] == Decimal("1000.01")
        assert (amounts["A1-102"], amounts["A2-102"]) == (Decimal("50.00"), Decimal("49.99"))


def test_a_terminated_contract_is_not_charged_in_later_months(tmp_path: Path) -> None:
    """«В сделке сотрудник заполняет поле «Дата расторжения». И в последующие месяцы при выставлении счетов данному клиенту оплата не
    начисляется.»
    """
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        running.at(dt.date(2026, 11, 20))
        running.person(106, stage="Договор расторгнут", field="Дата расторжения", value="2026-11-19")
        running.run()
        again = [
            row
            for row in sent(running)
            if row["Номер договора"] == "В-106/26" and row["operation"] == "Заказ товара"
        ]
        assert [row["amount"] for row in again] == ["700.00", "700.00"], (
            "the month of termination is billed in full"
        )
        assert [row.get("Дата расторжения") for row in again] == [None, "2026-11-19"]
        settle(running)
        running.at(dt.date(2026, 12, 1))
        running.run()
        settle(running)
        contract = next(one.guid for one in running.stage.onec.contracts if one.number == "В-106/26")
        assert {order.date.month for order in running.stage.onec.orders if order.contract == contract} == {11}
        assert running.stage.onec.debts()["В-106/26"] == Decimal("700.00")


def test_the_month_run_twice_is_the_same_month(tmp_path: Path) -> None:
    """«Данные объекты должны обновляться ежемесячно» and never twice: the same bytes, no second charge."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        settle(running)
        before = running.outgoing()
        report = running.run(month="2026-11", force_billing=True)
        assert report.quiet, report.text()
        assert running.outgoing() == before


def test_a_person_s_move_is_never_undone(tmp_path: Path) -> None:
    """A stage is written only when the derived stage changes: a manager who moves the deal back or on keeps his way."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        pay_month(running, "2026-11", (101, 104), PAID)
        running.person(101, stage="Договор подтвержден")
        running.run()
        assert running.stages()["101"] == "Договор подтвержден"
        running.person(104, stage="Договор расторгнут")
        settle(running)
        assert running.stages()["104"] == "Договор расторгнут", "a final stage set by a person stays"


def test_a_plan_changes_nothing_and_tells_what_the_run_does(tmp_path: Path) -> None:
    """`obmen24 plan` takes the same path on copies."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(NOVEMBER)
        planned = running.run(dry=True)
        assert running.outgoing() == {}
        assert running.stage.onec.orders == []
        done = running.run()
        assert {name: count for name, count in planned.counts.items() if count} == {
            name: count for name, count in done.counts.items() if count
        }
        running.stage.session()
        running.run()
        for deal in (101, 103):
            running.stage.onec.pay(
                running.charge(f"{deal} 2026-11"), Decimal("1500.00" if deal == 101 else "1200.00")
            )
        running.stage.session()
        stages = running.stages()
        planned = running.run(dry=True)
        assert running.stages() == stages
        done = running.run()
        assert (
            (planned.counts["moved"], planned.counts["accruals"])
            == (done.counts["moved"], done.counts["accruals"])
            == (2, 2)
        )


def test_a_lost_state_stops_billing_until_it_is_restored(tmp_path: Path) -> None:
    """Deleting the state in the middle: `bill` refuses, `restore` reads the archive, then there is nothing to charge or accrue."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        pay_month(running, "2026-11", (101, 102, 103), PAID)
        settle(running)
        before, stages = running.outgoing(), running.stages()
        debts, acts = running.stage.onec.debts(), len(running.stage.onec.acts)
        lose_the_state(running)
        with pytest.raises(NeedsPerson, match="restore"):
            running.run(month="2026-11", force_billing=True)
        report = pipeline.restore(running.stage.profile, now=running.stage.clock.tick())
        assert "начислений 6, актов 3" in report.text()
        again = running.run(month="2026-11", force_billing=True)
        assert again.counts["charges"] == again.counts["accruals"] == again.counts["moved"] == 0
        settle(running)
        assert running.stages() == stages
        assert (running.stage.onec.debts(), len(running.stage.onec.acts)) == (debts, acts)
        assert {name: data for name, data in running.outgoing().items() if name.endswith(".xlsx")} == {
            name: data for name, data in before.items() if name.endswith(".xlsx")
        }
        with pytest.raises(NeedsPerson, match="не пусты"):
            pipeline.restore(running.stage.profile, now=running.stage.clock.tick())


def lose_the_state(running: scenario.Scenario) -> None:
    for path in running.stage.profile.state_folder.glob("state.sqlite*"):
        path.unlink()


def test_an_archive_that_explains_too_little_is_not_restored(tmp_path: Path) -> None:
    """Acts whose payments are not in the archive would be reversed, acts that are not would be accrued again: a person is asked, and
    nothing is half-restored.
    """
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        pay_month(running, "2026-11", (101, 103), PAID)
        settle(running)
        lose_the_state(running)
        hidden = tmp_path / "hidden"
        hidden.mkdir()
        for pattern in ("*-documents-*.xml", "akty-*.xlsx"):
            moved = [
                path
                for path in (running.folder / "archive").rglob(pattern)
                if not path.name.startswith("sent-")
            ]
            for path in moved:
                shutil.move(path, hidden / path.name)
            with pytest.raises(NeedsPerson, match="Архив неполон"):
                pipeline.restore(running.stage.profile, now=running.stage.clock.tick())
            for path in moved:
                shutil.move(hidden / path.name, path)
        pipeline.restore(running.stage.profile, now=running.stage.clock.tick())
        report = running.run()
        assert report.counts["accruals"] == report.counts["charges"] == report.counts["moved"] == 0


def test_what_1c_never_read_is_sent_again_after_a_restore(tmp_path: Path) -> None:
    """The state is lost before 1C opened its file: nothing of it may be lost with it, and the same numbers cannot double it."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(NOVEMBER)
        running.run()
        lose_the_state(running)
        pipeline.restore(running.stage.profile, now=running.stage.clock.tick())
        running.run()
        settle(running)
        assert {contract: f"{debt:.2f}" for contract, debt in running.stage.onec.debts().items()} == FEES


def test_a_charge_this_1c_would_refuse_is_not_charged(tmp_path: Path) -> None:
    """A document the writer refuses is not frozen in the register: mended, it is charged at last."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(NOVEMBER)
        profile = running.stage.profile
        taxed = profile.model_copy(
            update={
                "organisations": (profile.organisation.model_copy(update={"vat": "general"}),),
                "onec": profile.onec.model_copy(update={"vat_rates": ("20", "10")}),
            }
        )
        refused = pipeline.run(taxed, now=running.stage.clock.tick())
        assert refused.counts["charges"] == 0
        assert refused.issues
        assert running.run(month="2026-11", force_billing=True).counts["charges"] == 6
        settle(running)
        assert {contract: f"{debt:.2f}" for contract, debt in running.stage.onec.debts().items()} == FEES


def test_a_payment_upon_an_invoice_1c_does_not_tell_again_is_counted(tmp_path: Path) -> None:
    """1C tells the basis once and the payment later: the way from one to the other is remembered."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        running.stage.onec.pay(running.charge("101 2026-11"), Decimal("1500.00"))
        running.stage.session()
        path = next((running.folder / "from_1c").glob("documents-*.xml"))
        tree = etree.parse(path.open("rb"))
        for element in list(tree.iter("{*}Документ")):
            if element.findtext("{*}ХозОперация") in ("Заказ товара", "Счет на оплату"):
                element.getparent().remove(element)
        path.write_bytes(etree.tostring(tree, encoding="utf-8", xml_declaration=True))
        assert running.run().counts["payments"] == 1
        assert running.stages()["101"] == "1-ая оплата клиента"


def test_another_route_never_leaves_two_documents(tmp_path: Path) -> None:
    """The profile changes from the stock order file to the extended contract while the former file is unread: 1C gets one order."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(NOVEMBER)
        extended = running.stage.profile
        plain = extended.model_copy(
            update={
                "onec": extended.onec.model_copy(update={"extended": False}),
                "commission": None,
                "delivery": extended.delivery.model_copy(update={"payment": "spreadsheet"}),
                "flows": ("documents-in", "billing"),
            }
        )
        pipeline.run(plain, now=running.stage.clock.tick())
        assert "M261110002T" in (running.folder / "to_1c/orders.xml").read_text(encoding="utf-8")
        running.run()
        assert "M261110002T" not in (running.folder / "to_1c/orders.xml").read_text(encoding="utf-8")
        settle(running)
        assert (
            len(running.stage.onec.orders) == len({order.number for order in running.stage.onec.orders}) == 6
        )


def test_rehearsal_and_work_never_share_a_state(tmp_path: Path) -> None:
    """A real portal must never meet the invented charges of a rehearsal."""
    from etl.config import profile as profiles
    from etl.errors import ConfigError
    from etl.sandbox.scene.stage import staged

    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(NOVEMBER)
        running.run()
        secret = tmp_path / "real"
        secret.write_text(running.stage.portal.webhook, encoding="utf-8")
        secret.chmod(0o600)
        own = running.stage.profile
        real = own.model_copy(update={"bitrix24": own.bitrix24.model_copy(update={"webhook_file": secret})})
        with pytest.raises(ConfigError, match="репетиция"):
            pipeline.run(real, now=running.stage.clock.tick())
        (tmp_path / "work").mkdir()
        worked = profiles.load(scenario.copied(tmp_path / "work", "video"))
        pipeline.run(worked.model_copy(update={"bitrix24": real.bitrix24}), now=running.stage.clock.tick())
        with pytest.raises(ConfigError, match="настоящим порталом"), staged(worked):
            pass


KILLED = """
import datetime as dt, sys
from pathlib import Path
from etl import pipeline
from etl.config import profile
loaded = profile.load(Path(sys.argv[1]))
address = loaded.bitrix24.model_copy(update={"sandbox": None, "webhook_file": Path(sys.argv[2]), "rate": 1000.0, "burst": 1000})
pipeline.run(loaded.model_copy(update={"bitrix24": address}), trigger="test", now=dt.datetime.fromisoformat(sys.argv[3]))
"""


def test_a_kill_at_a_random_point_changes_nothing_in_the_end(tmp_path: Path) -> None:
    """A run killed anywhere and repeated ends where an undisturbed one ends: no charge doubled, no payment lost."""
    with scenario.opened(tmp_path / make(tmp_path, "calm"), "video", case=CASE) as calm:
        billed(calm)
        pay_month(calm, "2026-11", (101, 102, 104), PAID)
        settle(calm)
        wanted = (
            calm.stages(),
            calm.stage.onec.debts(),
            sorted((act.number, act.amount) for act in calm.stage.onec.acts),
        )
    dice = random.Random(20261122)
    with scenario.opened(tmp_path / make(tmp_path, "rough"), "video", case=CASE) as rough:
        rough.at(NOVEMBER)
        kill_often(rough, dice)
        billed(rough)
        rough.at(PAID)
        for deal in (101, 102, 104):
            number = rough.charge(f"{deal} 2026-11")
            rough.stage.onec.pay(
                number, next(order.amount for order in rough.stage.onec.orders if order.number == number)
            )
        rough.stage.session()
        kill_often(rough, dice)
        settle(rough)
        got = (
            rough.stages(),
            rough.stage.onec.debts(),
            sorted((act.number, act.amount) for act in rough.stage.onec.acts),
        )
    assert got == wanted


def make(tmp_path: Path, name: str) -> str:
    (tmp_path / name).mkdir()
    return name


def kill_often(running: scenario.Scenario, dice: random.Random) -> None:
    """Start runs in another process and kill them after a while, later and later."""
    profile_path, secret = running.stage.profile.path, running.stage.profile.bitrix24.webhook_file
    for patience in (1.2, 1.6, 2.0):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                KILLED,
                str(profile_path),
                str(secret),
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


def test_spreadsheets_are_the_only_loadable_files_for_accounting(tmp_path: Path) -> None:
    """БП 3.0: «Приемлемый вариант решения: … выгружает данные … в Excel, а оттуда в 1С». Loading every loadable file gives one fee per contract
    and month; the register is not loadable.
    """
    with scenario.opened(tmp_path, "video-bp", case=CASE) as running:
        running.at(NOVEMBER)
        running.run()
        out = running.folder / "spreadsheets" / "out"
        assert sorted(path.name for path in out.iterdir()) == [
            "nachisleniya-2026-11-v1.txt",
            "nachisleniya-2026-11-v1.xlsx",
            "reestr-2026-11-v1.xlsx",
        ]
        assert not list((running.folder / "to_1c").iterdir())
        loaded = running.stage.onec.load_spreadsheet(out / "nachisleniya-2026-11-v1.xlsx")
        assert not loaded.errors
        assert {debt.contract: f"{debt.amount:.2f}" for debt in running.stage.onec.debtors()} == FEES
        refused = running.stage.onec.load_spreadsheet(out / "reestr-2026-11-v1.xlsx")
        assert refused.errors
        assert not refused.created


def test_the_deals_that_did_not_enter_are_listed_with_a_reason(tmp_path: Path) -> None:
    """A deal without contract number, or terminated without a date, goes to the sheet «Не вошли» with what to do."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(NOVEMBER)
        running.run()
        sheet = openpyxl.load_workbook(running.folder / "spreadsheets/out/reestr-2026-11-v1.xlsx")["Не вошли"]
        text = "\n".join(
            " ".join(str(value) for value in row if value is not None)
            for row in sheet.iter_rows(values_only=True)
        )
        assert "107" in text
        assert "номер договора" in text
        assert "108" in text
        assert "дата расторжения не заполнена" in text


def test_the_journal_answers_why(tmp_path: Path) -> None:
    """`obmen24 why deal 101` names file, document and rule of every step."""
    from etl.cli.words import people as words
    from etl.commands import journal

    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        pay_month(running, "2026-11", (101,), PAID)
        text = words.journal(journal.why(running.stage.profile, "deal", "101"), "deal", "101")
        for expected in (
            "Начисление за 2026-11: 1500.00",
            "Оплата",
            "from_1c/documents",
            "Стадия",
            "paid_charges = 1",
            "A1-101",
        ):
            assert expected in text, text


def test_each_half_is_accrued_once_whatever_is_paid(tmp_path: Path) -> None:
    """Paid in parts, refunded, paid again: the accruals add up to what the facts say, and a repeated run adds nothing."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        number = running.charge("103 2026-11")
        for amount, refund in (("700.00", False), ("500.00", False), ("1200.00", True), ("1200.00", False)):
            running.stage.onec.pay(number, Decimal(amount), refund=refund)
            settle(running)
        with Store.open(running.stage.profile.state_url, portal="demo") as store:
            rows = [row for row in tables.records(store.accruals.rows()) if row["deal"] == "103"]
        assert [(row["number"], row["amount"]) for row in sorted(rows, key=lambda row: row["number"])] == [
            ("A1-103", Decimal("1200.50")),
            ("A12103", Decimal("1200.50")),
            ("R1-103", Decimal("-1200.50")),
        ]


@pytest.mark.parametrize("flows", [("billing",), ("commission",), ("documents-in",)])
def test_a_payment_is_never_lost_whatever_flow_was_asked_for(flows: tuple[str, ...], tmp_path: Path) -> None:
    """`obmen24 bill` meets a file of payments on its way: what is taken from the folder is read by every flow that wants it."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        running.stage.onec.pay(running.charge("101 2026-11"), Decimal("1500.00"))
        running.stage.session()
        assert running.run(flows=flows).counts["payments"] == 1
        running.run()
        assert running.stages()["101"] == "1-ая оплата клиента"


def test_nothing_is_left_of_a_run_that_found_the_portal_away(tmp_path: Path) -> None:
    """Portal unreachable: «try later», nothing lost; the file of 1C is still there for the next run."""
    from etl.errors import TryLater

    with scenario.opened(tmp_path, "video", case=CASE) as running:
        billed(running)
        running.stage.onec.pay(running.charge("101 2026-11"), Decimal("1500.00"))
        running.stage.session()
        profile = running.stage.profile
        dead = profile.state_folder / "sandbox" / "dead"
        dead.write_text("http://127.0.0.1:9/rest/1/" + "0" * 16 + "/")
        dead.chmod(0o600)
        away = profile.model_copy(
            update={"bitrix24": profile.bitrix24.model_copy(update={"webhook_file": dead})}
        )
        with pytest.raises(TryLater):
            pipeline.run(away, now=running.stage.clock.tick())
        running.run()
        assert running.stages()["101"] == "1-ая оплата клиента"
        shutil.rmtree(tmp_path / "exchange" / "quarantine")
