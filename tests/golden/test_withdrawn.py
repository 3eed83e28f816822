"""What becomes untrue is told (DESIGN §4): fields are emptied whole, the stage stays, a person is asked once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.commands import people
from tests.support import scenario

DAY = dt.date(2026, 11, 2)
PAYMENT = ("Дата оплаты", "Оплаченная сумма, руб.")
SHIPMENT = ("Номер реализации", "Дата реализации", "Сумма реализации", "Юр. лицо реализации")
INVOICE = ("Номер счета", "Дата счета")
NEW, SENT = "Заявка получена, подготовка счета", "Счет отправлен, ожидание оплаты"
PAID, SHIPPED = "Оплата получена", "Отгрузка, без оплаты"
LEADS = "leads/orders-of-1c"


def told(running: scenario.Scenario) -> Any:
    running.stage.session()
    return running.run()


def ordered(running: scenario.Scenario) -> str:
    running.at(DAY)
    lines = [{"name": "Замок врезной", "quantity": "2", "price": "3150.50"}]
    number: str = running.stage.onec.new_order("ООО «Причал»", lines).number
    told(running)
    return number


def shown(running: scenario.Scenario, names: tuple[str, ...], deal: int = 1) -> list[Any]:
    return [running.field(deal, name) or None for name in names]


def asked(running: scenario.Scenario) -> list[people.Question]:
    return people.questions(running.stage.profile)


@pytest.mark.parametrize("how", ["unposted", "deleted", "refunded", "moved away", "smaller"])
def test_a_payment_taken_back_empties_its_fields_and_asks_about_the_stage(tmp_path: Path, how: str) -> None:
    """Remark and question stand until answered; the answer moves the deal and is not asked for again."""
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, onec = ordered(running), running.stage.onec
        onec.new_invoice(number)
        payment = onec.pay(number, Decimal("6301.00"))
        told(running)
        assert (running.stages()["1"], None in shown(running, PAYMENT)) == (PAID, False)
        if how == "unposted":
            onec.edit_document(payment.number, posted=False)
        elif how == "deleted":
            onec.delete_mark(payment.number)
        elif how == "refunded":
            onec.pay(number, Decimal("6301.00"), refund=True)
        elif how == "moved away":
            onec.edit_document(payment.number, basis=None)
        else:
            onec.edit_document(payment.number, amount=Decimal("6300.00"))
        report = told(running)
        left = ["2026-11-02", "6300.00|RUB"] if how == "smaller" else [None, None]
        assert [value and value[:10] for value in shown(running, PAYMENT)] == [
            value and value[:10] for value in left
        ]
        assert (running.stages()["1"], report.exit_code) == (PAID, 3)
        assert "1С больше не подтверждает стадию «Счет оплачен» (оплачено полностью: нет" in report.text()
        assert running.run().exit_code == 3, "the remark stands"
        (question,) = asked(running)
        assert question.candidates == (f"вернуть на «{SENT}»", "оставить на «Счет оплачен»")
        people.answer(running.stage.profile, question.key, "1")
        running.run()
        assert running.stages()["1"] == SENT
        assert running.run().exit_code == 0
        assert asked(running) == []


def test_leaving_the_stage_is_remembered_and_the_next_loss_is_asked_again(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, onec = ordered(running), running.stage.onec
        payment = onec.pay(number, Decimal("6301.00"))
        told(running)
        onec.edit_document(payment.number, posted=False)
        told(running)
        (question,) = asked(running)
        people.answer(running.stage.profile, question.key, str(len(question.candidates)))
        running.run()
        assert [running.run().exit_code, told(running).exit_code] == [0, 0]
        assert (running.stages()["1"], asked(running)) == (PAID, [])
        onec.edit_document(payment.number, posted=True)
        told(running)
        assert running.field(1, PAYMENT[1]) == "6301.00|RUB"
        onec.edit_document(payment.number, posted=False)
        assert told(running).exit_code == 3
        onec.edit_document(payment.number, posted=True)
        assert told(running).exit_code == 0, "the payment is back: nothing is left to answer"
        assert asked(running) == []


def test_a_shipment_taken_back_empties_all_of_its_fields(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, onec = ordered(running), running.stage.onec
        first, second = onec.ship(number, Decimal("3150.50")), onec.ship(number, on=dt.date(2026, 11, 5))
        told(running)
        assert None not in shown(running, SHIPMENT)
        onec.edit_document(second.number, posted=False)
        told(running)
        assert [running.field(1, SHIPMENT[0]), running.field(1, SHIPMENT[1])[:10]] == [
            first.number,
            "2026-11-02",
        ]
        assert (running.stages()["1"], asked(running)) == (SHIPPED, []), "a part is still shipped"
        onec.delete_mark(first.number)
        told(running)
        assert shown(running, SHIPMENT) == [None] * 4
        (question,) = asked(running)
        assert question.candidates == (
            f"вернуть на «{NEW}»",
            f"вернуть на «{SENT}»",
            f"оставить на «{SHIPPED}»",
        )


def test_goods_that_came_back_leave_no_date_of_theirs(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, onec = ordered(running), running.stage.onec
        shipment = onec.ship(number)
        onec.take_back(number, Decimal("100.00"), on=dt.date(2026, 11, 9))
        told(running)
        assert [value[:10] for value in shown(running, SHIPMENT)[:3]] == [
            shipment.number[:10],
            "2026-11-02",
            "6201.00|RU",
        ]
        onec.take_back(number, on=dt.date(2026, 11, 10))
        told(running)
        assert shown(running, SHIPMENT) == [None] * 4


def test_an_invoice_taken_back_empties_its_fields_and_asks(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, onec = ordered(running), running.stage.onec
        invoice = onec.new_invoice(number)
        told(running)
        assert (running.stages()["1"], None in shown(running, INVOICE)) == (SENT, False)
        onec.delete_mark(invoice.number)
        assert told(running).exit_code == 3
        assert shown(running, INVOICE) == [None, None]
        assert running.deals()["1"]["OPPORTUNITY"] == "6301.00"
        assert asked(running)[0].candidates == (f"вернуть на «{NEW}»", f"оставить на «{SENT}»")


def test_a_deal_that_a_person_moved_on_is_told_of_once(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, onec = ordered(running), running.stage.onec
        payment = onec.pay(number, Decimal("6301.00"))
        told(running)
        running.person(1, stage=NEW)
        onec.edit_document(payment.number, posted=False)
        report = told(running)
        assert report.exit_code == 1
        assert f"Сделка стоит на «{NEW}», обмен её не перемещает" in report.text()
        assert (asked(running), running.run().exit_code) == ([], 0)
        onec.edit_document(payment.number, posted=True)
        told(running)
        assert running.stages()["1"] == PAID, "the same fact anew moves the deal anew"


def test_a_status_that_goes_back_is_asked_about(tmp_path: Path) -> None:
    rule = '\n[[rules]]\nto = "Счет оплачен"\nfrom = ["Заявка получена, подготовка счета"]\n'
    rule += 'when = { status = "Согласован" }\n'
    with scenario.opened(
        tmp_path, "leads", case=LEADS, edit={"\n# Движение сделки": f"{rule}\n# Движение сделки"}
    ) as running:
        number, onec = ordered(running), running.stage.onec
        onec.edit_order(number, status="Согласован")
        told(running)
        assert running.stages()["1"] == PAID
        onec.edit_order(number, status="Черновик")
        report = told(running)
        assert "(статус: Черновик, " in report.text()
        candidates = asked(running)[0].candidates
        assert (candidates[0], candidates[-1]) == (f"вернуть на «{NEW}»", "оставить на «Счет оплачен»")


# ---- specification 001: smart invoices
def begun(running: scenario.Scenario) -> None:
    running.at(DAY)
    running.run()
    running.stage.session()
    running.run()


@pytest.mark.parametrize("answer", ["вернуть на «Новый»", "оставить на «Оплачен»"])
def test_an_invoice_whose_payment_was_taken_back_is_asked_about(tmp_path: Path, answer: str) -> None:
    """«Счет переводится в статус «Оплачен»» (001): only a person takes it back, and then money moves it again."""
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants") as running:
        begun(running)
        payment = running.stage.onec.pay("S24-502", Decimal("7236.90"))
        told(running)
        running.stage.onec.edit_document(payment.number, posted=False)
        report = told(running)
        assert (running.invoices()["502"]["stage"], report.exit_code) == ("Оплачен", 3)
        assert "1С больше не подтверждает оплату: оплачено 0.00 из 7236.90" in report.text()
        (question,) = asked(running)
        people.answer(running.stage.profile, question.key, str(question.candidates.index(answer) + 1))
        running.run()
        back = answer.startswith("вернуть")
        assert running.invoices()["502"]["stage"] == ("Новый" if back else "Оплачен")
        assert (running.run().exit_code, asked(running)) == (0, [])
        running.stage.onec.edit_document(payment.number, posted=True)
        told(running)
        assert running.invoices()["502"]["stage"] == "Оплачен"
        running.stage.onec.edit_document(payment.number, posted=False)
        assert told(running).exit_code == 3, "another loss is another question"


def test_a_successful_deal_whose_shipment_was_taken_back_goes_back_only_by_a_person(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants") as running:
        begun(running)
        shipment = running.stage.onec.ship("B24-3")
        told(running)
        running.stage.onec.edit_document(shipment.number, posted=False)
        told(running)
        assert running.stages()["3"] == "Успешная"
        assert shown(running, SHIPMENT[:3], 3) == [None] * 3
        people.answer(running.stage.profile, asked(running)[0].key, "1")
        running.run()
        assert (running.stages()["3"], running.run().exit_code) == ("В работе", 0)
        running.stage.onec.edit_document(shipment.number, posted=True)
        told(running)
        assert running.stages()["3"] == "Успешная"


# ---- specification 001: paid through the chain
@pytest.mark.parametrize("upon", ["order", "shipment", "order of 1C"])
@pytest.mark.parametrize("together", [True, False])
def test_a_payment_upon_the_order_pays_the_invoice_it_stands_upon(
    tmp_path: Path, upon: str, *, together: bool
) -> None:
    """«Формируется документ «Заказ покупателя» (связанный со Счетом на оплату)»: the chain may have any length."""
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants") as running:
        begun(running)
        onec = running.stage.onec
        if upon == "order of 1C":
            invoice = onec.document("S24-502", "invoice")
            order = onec.new_order("ООО «Причал»", [{"name": "Замок", "quantity": "1", "price": "7236.90"}])
            onec.edit_order(order.number, basis=invoice.guid)
            number = order.number
        else:
            running.person(2, stage="В работе")
            running.run()
            told(running)
            number = "B24-2"
            if upon == "shipment":
                number = onec.ship("B24-2", Decimal("7236.90")).number
        if not together:
            told(running)
        assert running.invoices()["502"]["stage"] == "Новый"
        payment = onec.pay("B24-2" if upon == "shipment" else number, Decimal("7236.90"))
        if upon == "shipment":
            onec.edit_document(payment.number, basis=onec.document(number, "shipment").guid)
        told(running)
        assert running.invoices()["502"]["stage"] == "Оплачен"


# ---- specification 000
@pytest.mark.parametrize("answer", ["начислить", "не начислять"])
def test_a_month_paid_after_the_termination_is_asked_about(tmp_path: Path, answer: str) -> None:
    """«для начисления 2-й (последней) части оплаты»: terminated on the 15th, the fully billed month paid on the 20th."""
    with scenario.opened(tmp_path, "video", case="video/three-months") as running:
        for month, paid in (("2026-11", dt.date(2026, 11, 13)), ("2026-12", dt.date(2026, 12, 20))):
            running.at(dt.date.fromisoformat(f"{month}-01"))
            running.run()
            told(running)
            if month == "2026-12":
                running.person(106, stage="Договор расторгнут", field="Дата расторжения", value="2026-12-15")
            running.at(paid)
            running.pay(f"106 {month}", "700.00")
            report = told(running)
        text = "Договор расторгнут 15.12.2026, вторая оплата"
        assert report.exit_code == 3
        assert f"{text} ({running.charge('106 2026-12')}) пришла позже, 20.12.2026" in report.text()
        (question,) = [row for row in asked(running) if row.key.startswith("commission:106")]
        assert question.candidates == ("начислить", "не начислять")
        people.answer(running.stage.profile, question.key, str(question.candidates.index(answer) + 1))
        told(running)
        told(running)
        accrued = "A2-106" in [act.number for act in running.stage.onec.acts]
        assert accrued == (answer == "начислить")
        assert text not in running.run().text(), "an answer is remembered"


def test_an_act_or_a_charge_deleted_in_1c_is_told(tmp_path: Path) -> None:
    """What stands in our register is not taken back by a deletion in 1C, and nobody learns of it by chance."""
    with scenario.opened(tmp_path, "video", case="video/three-months") as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        told(running)
        running.pay("101 2026-11", "1500.00")
        for _ in range(2):
            told(running)
        for number, what in (("A1-101", "Акт вознаграждения"), (running.charge("102 2026-11"), "Начисление")):
            running.stage.onec.delete_mark(number)
            assert f"{what} {number} в 1С удалён или отменён" in told(running).text()


def test_a_refunded_charge_asks_about_the_stage_of_its_contract(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "video", case="video/three-months") as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        told(running)
        running.pay("101 2026-11", "1500.00")
        told(running)
        told(running)
        assert running.stages()["101"] == "1-ая оплата менеджеру"
        running.pay("101 2026-11", "1500.00", refund=True)
        told(running)
        (question,) = [row for row in asked(running) if row.key == "stage:101"]
        assert "акт первой части принят: нет" in question.text
        people.answer(running.stage.profile, question.key, "1")
        told(running)
        assert running.stages()["101"] == "Договор подтвержден"
        running.pay("101 2026-11", "1500.00")
        told(running)
        told(running)
        assert running.stages()["101"] == "1-ая оплата менеджеру", "paid again, moved again"
