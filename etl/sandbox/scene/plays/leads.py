"""Specification 002/004: 1C gets new buyers, goods and orders; then invoices, payments and shipments."""

from __future__ import annotations

from decimal import Decimal

from etl.sandbox.onec.records import Account, Party
from etl.sandbox.scene.plays.common import half, once, session
from etl.sandbox.scene.stage import Stage


def leads(stage: Stage, turn: int) -> list[str]:
    """One act a turn, some shipments before the payment; then 1C exchanges."""
    acts = {0: _new_orders, 1: _new_invoices, 2: _money_and_goods, 3: _second_shipment}
    log = []
    if turn in acts and once(stage, "turn", str(turn)):
        log += acts[turn](stage)
    return log + session(stage)


def _new_orders(stage: Stage) -> list[str]:
    """Two items, a firm, a sole trader and a person, an order of both items for each in turn."""
    door = stage.onec.new_product(
        "Дверь входная «Кедр»",
        article="ДВ-01",
        price=Decimal("24900.00"),
        purchase=Decimal("16300.00"),
        group="Двери",
    )
    lock = stage.onec.new_product(
        "Замок врезной",
        article="ЗМ-07",
        price=Decimal("3150.50"),
        purchase=Decimal("2210.00"),
        group="Фурнитура",
    )
    firm, trader, person = _new_buyers(stage)
    for number, buyer in enumerate((firm, trader, person, firm, trader), 1):
        rows = [
            {"name": door.name, "quantity": number, "price": door.price},
            {"name": lock.name, "quantity": 3, "amount": "9451.51"},
        ]
        stage.onec.new_order(buyer, rows, manager="Соколов И. А.", comment=f"Заявка {number}")
    return ["В 1С завели номенклатуру, контрагентов и 5 заказов."]


def _new_buyers(stage: Stage) -> tuple[Party, Party, Party]:
    """A firm with all its requisites, a sole trader, a person."""
    account = Account("40702810900000000123", "АО «Вымышленный банк»", "049999901", "30101810000000000901")
    firm = stage.onec.new_party(
        "ООО «Причал»",
        full_name="Общество с ограниченной ответственностью «Причал»",
        inn="0000004205",
        kpp="000001001",
        phones=["+70005550101"],
        emails=["prichal@example.ru"],
        city="Новореченск",
        legal_address="г. Новореченск, ул. Речная, д. 1",
        actual_address="г. Новореченск, ул. Речная, д. 2",
        accounts=[account],
        folder="Покупатели",
        contacts={"7d6f4c1e-52b1-5b0e-9f0e-0c1b24000077": "Лосева Полина Денисовна"},
    )
    trader = stage.onec.new_party(
        "ИП Карпов Олег Фёдорович",
        kind="sole_trader",
        full_name="ИП Карпов Олег Фёдорович",
        inn="000000420539",
        phones=["+70005550102"],
        city="Заозёрный Бор",
    )
    person = stage.onec.new_party(
        "Мохова Инна Егоровна", kind="person", full_name="Мохова Инна Егоровна", phones=["+70005550103"]
    )
    return firm, trader, person


def _new_invoices(stage: Stage) -> list[str]:
    for order in stage.onec.orders[:4]:
        stage.onec.new_invoice(order.number)
    return ["В 1С выставлены счета по четырём заказам."]


def _money_and_goods(stage: Stage) -> list[str]:
    first, second, third, fourth = stage.onec.orders[:4]
    stage.onec.pay(first.number, first.amount)
    stage.onec.ship(first.number)
    stage.onec.ship(second.number)
    stage.onec.pay(third.number, third.amount / 2)
    stage.onec.ship(fourth.number, half(fourth.amount))
    return [
        "Первый заказ оплачен и отгружен, второй отгружен без оплаты, третий оплачен частью, "
        "четвёртый отгружен наполовину."
    ]


def _second_shipment(stage: Stage) -> list[str]:
    _, second, _, fourth, *_ = stage.onec.orders
    stage.onec.ship(fourth.number)
    stage.onec.pay(second.number, second.amount)
    return ["Четвёртый заказ отгружен второй реализацией, второй оплачен."]
