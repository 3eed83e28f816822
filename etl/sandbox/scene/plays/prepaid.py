"""Specification 001: clients pay, managers send paid deals to work, the store ships in one or two parts."""

from __future__ import annotations

from etl.sandbox.onec.records import Document
from etl.sandbox.scene.plays.common import habit, half, move_deal, once, rows_of, session
from etl.sandbox.scene.stage import Stage

#: habits of storekeepers: who ships in two parts, and who closes the order instead of the second
_TWO_PARTS = (2, 3, 5)
_CLOSES = 2


def prepaid(stage: Stage, turn: int) -> list[str]:
    """Clients pay in full, in two parts or not wholly; paid deals go to work.

    The store ships in one or two parts.
    """
    log = session(stage)
    if once(stage, "turn", "folders"):
        log += _two_folders(stage)
    paid = 0
    for invoice in stage.onec.invoices:
        if once(stage, "paid", invoice.number):
            paid += _pay(stage, invoice)
    orders = stage.onec.orders
    shipped = sum(_ship(stage, order) for order in orders)
    if paid or shipped:
        stage.session()
        log.append(f"Оплат по счетам: {paid}, реализаций и закрытий: {shipped}; 1С сообщила о них.")
    moved = _send_paid_to_work(stage)
    if moved:
        log.append(f"Менеджеры перевели оплаченные сделки «В работе»: {moved}.")
    return log


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


def _pay(stage: Stage, invoice: Document) -> int:
    """Most clients pay at once, some in two parts or only a half; how many payments there were."""
    first = half(invoice.amount)
    habits = {7: [first, invoice.amount - first], 8: [first]}
    parts = habits.get(habit(invoice.number), [invoice.amount])
    for part in parts:
        stage.onec.pay(invoice.number, part)
    return len(parts)


def _ship(stage: Stage, order: Document) -> bool:
    """All at once; or a half now and the rest, or the closing of the order, one visit later."""
    number = order.number
    storekeeper = habit(number)
    in_parts = storekeeper in _TWO_PARTS
    if once(stage, "shipped", number):
        stage.onec.ship(number, half(order.amount) if in_parts else None)
        return True
    if not in_parts or not once(stage, "finished", number):
        return False
    if storekeeper == _CLOSES:
        stage.onec.close(number)
    else:
        stage.onec.ship(number)
    return True


def _send_paid_to_work(stage: Stage) -> int:
    """Managers move the deals of paid smart invoices; how many."""
    asked = {"entityTypeId": 31, "filter": {"=stageId": "DT31_5:P"}, "select": ["id", "parentId2"]}
    invoices = rows_of(stage.portal.call("crm.item.list", asked))["items"]
    moved = 0
    for invoice in invoices:
        deal = invoice["parentId2"]
        if once(stage, "worked", str(deal)):
            move_deal(stage, int(deal), "В работе")
            moved += 1
    return moved
