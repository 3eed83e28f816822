"""What people do in 1C and in the portal during rehearsals of the order specifications. Deterministic and remembered.

Each play is called after every run of the product; what was done once is not done again, so a second rehearsal finds nothing to do.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from etl.sandbox.onec.records import Account, Document
from etl.sandbox.scene.stage import Stage

_CENT = Decimal("0.01")


def prepaid(stage: Stage, turn: int) -> list[str]:
    """001: clients pay invoices in full, in two parts or not wholly; managers send paid deals to work; the store ships in one or two parts."""
    log = _session(stage)
    if _once(stage, "turn", "folders"):
        log += _two_folders(stage)
    paid = [
        number
        for order in stage.onec.invoices
        if _once(stage, "paid", order.number)
        for number in _pay(stage, order)
    ]
    shipped = [order.number for order in stage.onec.orders if _ship(stage, order)]
    if paid or shipped:
        stage.session()
        log.append(f"Оплат по счетам: {len(paid)}, реализаций и закрытий: {len(shipped)}; 1С сообщила о них.")
    moved = _send_paid_to_work(stage)
    return log + ([f"Менеджеры перевели оплаченные сделки «В работе»: {len(moved)}."] if moved else [])


def leads(stage: Stage, turn: int) -> list[str]:
    """002/004: 1C gets new buyers, goods and orders; then invoices, payments and shipments, some of them before the payment."""
    acts = {0: _new_orders, 1: _new_invoices, 2: _money_and_goods, 3: _second_shipment}
    log = acts[turn](stage) if turn in acts and _once(stage, "turn", str(turn)) else []
    return log + _session(stage)


def twoway(stage: Stage, turn: int) -> list[str]:
    """003: orders of deals are loaded, both sides edit, 1C makes an order of its own, goods and money move."""
    log = _session(stage)
    acts = {
        1: _edits,
        2: _born,
        3: _both_moves,
    }  # people edit what the exchange has let go of: 1C reads our file again every session
    if turn in acts and _once(stage, "turn", str(turn)):
        log += acts[turn](stage)
        stage.session()
    return log


# ---- common ----
def _session(stage: Stage) -> list[str]:
    session = stage.session()
    if not (session.created or session.updated or session.exported):
        return []
    return [f"1С, сеанс {session.number}: загружено {session.loaded}, выгружено {len(session.exported)}."]


def _once(stage: Stage, kind: str, key: str) -> bool:
    """True the first time; what people have done is remembered between rehearsals."""
    done: list[str] = stage.memory.setdefault(kind, [])
    if key in done:
        return False
    done.append(key)
    return True


def _portal_stage(stage: Stage, deal: int, name: str) -> None:
    rows = stage.portal.call("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE"}})
    code = next(row["STATUS_ID"] for row in rows if row["NAME"] == name)
    stage.portal.call("crm.deal.update", {"id": deal, "fields": {"STAGE_ID": code}})


def _habit(number: str) -> int:
    return sum(number.encode()) % 10


# ---- 001 ----
def _two_folders(stage: Stage) -> list[str]:
    """One buyer in two folders of 1C, by kind of business: only folder and code tell them apart."""
    for folder in ("Покупатели/Опт", "Покупатели/Розница"):
        stage.onec.new_party(
            "ООО «Новосёл»",
            full_name="Общество с ограниченной ответственностью «Новосёл»",
            inn="0000007711",
            kpp="000001001",
            folder=folder,
            city="Новореченск",
        )
    stage.session()
    return ["В 1С завели покупателя в двух папках."]


def _pay(stage: Stage, invoice: Document) -> list[str]:
    half = (invoice.amount / 2).quantize(_CENT, ROUND_HALF_UP)
    habit = _habit(invoice.number)
    parts = {7: [half, invoice.amount - half], 8: [half]}.get(habit, [invoice.amount])
    return [stage.onec.pay(invoice.number, part).number for part in parts]


def _ship(stage: Stage, order: Document) -> bool:
    """All at once; or a half now and the rest, or the closing of the order, one visit later."""
    half = (order.amount / 2).quantize(_CENT, ROUND_HALF_UP)
    if _once(stage, "shipped", order.number):
        stage.onec.ship(order.number, half if _habit(order.number) in (2, 3, 5) else None)
        return True
    if _habit(order.number) in (2, 3, 5) and _once(stage, "finished", order.number):
        if _habit(order.number) == 2:
            stage.onec.close(order.number)
        else:
            stage.onec.ship(order.number)
        return True
    return False


def _send_paid_to_work(stage: Stage) -> list[int]:
    invoices: Any = stage.portal.call(
        "crm.item.list",
        {"entityTypeId": 31, "filter": {"=stageId": "DT31_5:P"}, "select": ["id", "parentId2"]},
    )
    rows = (invoices.rows if hasattr(invoices, "rows") else invoices)["items"]
    ready = [int(row["parentId2"]) for row in rows if _once(stage, "worked", str(row["parentId2"]))]
    for deal in ready:
        _portal_stage(stage, deal, "В работе")
    return ready


# ---- 002/004 ----
def _new_orders(stage: Stage) -> list[str]:
    onec = stage.onec
    door = onec.new_product(
        "Дверь входная «Кедр»",
        article="ДВ-01",
        price=Decimal("24900.00"),
        purchase=Decimal("16300.00"),
        group="Двери",
    )
    lock = onec.new_product(
        "Замок врезной",
        article="ЗМ-07",
        price=Decimal("3150.50"),
        purchase=Decimal("2210.00"),
        group="Фурнитура",
    )
    account = Account("40702810900000000123", "АО «Вымышленный банк»", "049999901", "30101810000000000901")
    firm = onec.new_party(
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
    trader = onec.new_party(
        "ИП Карпов Олег Фёдорович",
        kind="sole_trader",
        full_name="ИП Карпов Олег Фёдорович",
        inn="000000420539",
        phones=["+70005550102"],
        city="Заозёрный Бор",
    )
    person = onec.new_party(
        "Мохова Инна Егоровна", kind="person", full_name="Мохова Инна Егоровна", phones=["+70005550103"]
    )
    for number, buyer in enumerate((firm, trader, person, firm, trader), 1):
        onec.new_order(
            buyer,
            [
                {"name": door.name, "quantity": number, "price": door.price},
                {"name": lock.name, "quantity": 3, "amount": "9451.51"},
            ],
            manager="Соколов И. А.",
            comment=f"Заявка {number}",
        )
    return ["В 1С завели номенклатуру, контрагентов и 5 заказов."]


def _new_invoices(stage: Stage) -> list[str]:
    for order in stage.onec.orders[:4]:
        stage.onec.new_invoice(order.number)
    return ["В 1С выставлены счета по четырём заказам."]


def _money_and_goods(stage: Stage) -> list[str]:
    first, second, third, fourth = stage.onec.orders[:4]
    stage.onec.pay(first.number, first.amount)
    stage.onec.ship(first.number)
    stage.onec.ship(second.number)  # shipped, not paid
    stage.onec.pay(third.number, third.amount / 2)  # a part only
    stage.onec.ship(fourth.number, (fourth.amount / 2).quantize(_CENT))
    return [
        "Первый заказ оплачен и отгружен, второй отгружен без оплаты, третий оплачен частью, четвёртый отгружен наполовину."
    ]


def _second_shipment(stage: Stage) -> list[str]:
    second, fourth = stage.onec.orders[1], stage.onec.orders[3]
    stage.onec.ship(fourth.number)
    stage.onec.pay(second.number, second.amount)
    return ["Четвёртый заказ отгружен второй реализацией, второй оплачен."]


# ---- 003 ----
def _edits(stage: Stage) -> list[str]:
    order = stage.onec.orders[0]
    lines = [
        {
            "name": line.name,
            "quantity": line.quantity + 1,
            "price": line.price,
            "vat": line.vat,
            "product": line.product,
        }
        for line in order.lines
    ]
    stage.onec.edit_order(order.number, lines=lines)
    rows: Any = stage.portal.call("crm.item.productrow.list", {"filter": {"=ownerType": "D", "=ownerId": 2}})
    held = (rows.rows if hasattr(rows, "rows") else rows)["productRows"]
    kept = [
        {
            name: row[name]
            for name in ("productId", "productName", "price", "taxRate", "taxIncluded", "measureCode")
        }
        | {"quantity": 7}
        for row in held
    ]
    stage.portal.call("crm.item.productrow.set", {"ownerType": "D", "ownerId": 2, "productRows": kept})
    _portal_stage(stage, 3, "Счет выставлен")
    return [
        f"В 1С исправили состав заказа {order.number}, на портале состав сделки 2; сделка 3 переведена в «Счет выставлен»."
    ]


def _born(stage: Stage) -> list[str]:
    buyer = stage.onec.new_party(
        "ООО «Береговой»", full_name="ООО «Береговой»", inn="0000005505", kpp="000001001", city="Новореченск"
    )
    order = stage.onec.new_order(
        buyer,
        [{"name": "Замок врезной", "quantity": 3, "amount": "9451.51", "vat": "22"}],
        manager="Уваров С. П.",
        organisation="ООО «Южный склад»",
    )
    return [f"В 1С создали заказ {order.number} новому покупателю."]


def _both_moves(stage: Stage) -> list[str]:
    orders = stage.onec.orders
    stage.onec.ship(orders[0].number)
    stage.onec.pay(orders[1].number, orders[1].amount)
    stage.onec.pay(orders[2].number, orders[2].amount)
    stage.onec.ship(orders[2].number)
    stage.onec.pay(orders[-1].number, orders[-1].amount)
    return ["Заказы отгружены и оплачены: один без оплаты, два без отгрузки, один полностью."]
