"""Specification 003: 1C loads orders of deals, both sides edit, 1C makes an order, goods and money move."""

from __future__ import annotations

from etl.sandbox.scene.plays.common import move_deal, once, rows_of, session
from etl.sandbox.scene.stage import Stage

_ROW = ("productId", "productName", "price", "taxRate", "taxIncluded", "measureCode")
_EDITED_DEAL = 2
_INVOICED_DEAL = 3


def twoway(stage: Stage, turn: int) -> list[str]:
    """A session; then one act, and a session that tells of it.

    People edit what the exchange has let go of: 1C reads our file again every session.
    """
    log = session(stage)
    acts = {1: _edits, 2: _born, 3: _both_moves}
    if turn in acts and once(stage, "turn", str(turn)):
        log += acts[turn](stage)
        stage.session()
    return log


def _edits(stage: Stage) -> list[str]:
    """One more of everything in an order of 1C, seven of everything in a deal; another deal is invoiced."""
    order = stage.onec.orders[0]
    lines = []
    for line in order.lines:
        row = {
            "name": line.name,
            "quantity": line.quantity + 1,
            "price": line.price,
            "vat": line.vat,
            "product": line.product,
        }
        lines.append(row)
    stage.onec.edit_order(order.number, lines=lines)
    _set_quantities(stage, _EDITED_DEAL, 7)
    move_deal(stage, _INVOICED_DEAL, "Счет выставлен")
    return [
        f"В 1С исправили состав заказа {order.number}, на портале состав сделки 2; "
        "сделка 3 переведена в «Счет выставлен»."
    ]


def _set_quantities(stage: Stage, deal: int, quantity: int) -> None:
    """A manager wants so much of everything in the deal."""
    asked = {"filter": {"=ownerType": "D", "=ownerId": deal}}
    held = rows_of(stage.portal.call("crm.item.productrow.list", asked))["productRows"]
    rows = []
    for row in held:
        kept = {name: row[name] for name in _ROW}
        rows.append(kept | {"quantity": quantity})
    stage.portal.call("crm.item.productrow.set", {"ownerType": "D", "ownerId": deal, "productRows": rows})


def _born(stage: Stage) -> list[str]:
    """An order of a buyer whom only 1C knows."""
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
    """Goods without money, money without goods, both."""
    first, second, third, *_, last = stage.onec.orders
    stage.onec.ship(first.number)
    stage.onec.pay(second.number, second.amount)
    stage.onec.pay(third.number, third.amount)
    stage.onec.ship(third.number)
    stage.onec.pay(last.number, last.amount)
    return ["Заказы отгружены и оплачены: один без оплаты, два без отгрузки, один полностью."]
