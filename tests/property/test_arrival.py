"""Order, invoice, payment, shipment and closing of one deal in every order, split over files and runs: the same end."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl.values import keys
from tests.support import arrivals, scenario
from tests.support.arrivals import ROWS, History, Twin
from tests.support.campaign import COUNT

#: histories that are played in one world: a run costs the same for one deal and for thirty
TOGETHER = 20
WORLDS = max(1, COUNT // TOGETHER // 4)
once = settings(
    max_examples=WORLDS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # the failing history is named; to make a whole world smaller would take an hour
    phases=[Phase.generate],
)


def together(kinds: list[str], *, edits: bool) -> st.SearchStrategy[list[History]]:
    return st.lists(arrivals.histories(kinds, edits=edits), min_size=1, max_size=TOGETHER)


def twins(running: scenario.Scenario, histories: list[History], numbers: list[str]) -> list[Twin]:
    pairs = [(history, is_first) for history in histories for is_first in (True, False)]
    return [
        Twin(number, history, is_first) for number, (history, is_first) in zip(numbers, pairs, strict=True)
    ]


def compare(ends: list[dict[str, Any]], played: list[Twin]) -> None:
    for place in range(0, len(ends), 2):
        assert ends[place] == ends[place + 1], played[place].history


@once
@given(together(["invoice", "pay", "pay", "ship", "ship", "refund", "return", "close"], edits=True))
def test_orders_of_1c(histories: list[History]) -> None:
    """leads (002): the deal is made of whatever comes first about it."""
    with tempfile.TemporaryDirectory() as tmp, scenario.opened(Path(tmp), "leads") as running:
        running.at(arrivals.DAY)
        onec = running.stage.onec
        numbers = [onec.new_order("ООО «Причал»", ROWS).number for _ in range(2 * len(histories))]
        played = twins(running, histories, numbers)
        for twin in played:
            arrivals.play(running, twin, None)
        arrivals.arrive(running, played)
        deals = {row["UF_CRM_ORDER_NUMBER"]: (deal, row) for deal, row in running.deals().items()}
        compare([arrivals.end(running, twin, *deals[twin.number]) for twin in played], played)


@once
@given(together(["pay", "pay", "ship", "ship", "refund", "return", "close"], edits=False))
def test_orders_and_invoices_of_the_portal(histories: list[History]) -> None:
    """prepaid (001): orders upon invoices, paid upon either; the smart invoice ends where its twin does."""
    with tempfile.TemporaryDirectory() as tmp, scenario.opened(Path(tmp), "prepaid") as running:
        running.at(arrivals.DAY)
        deals = [sold(running, variant="Предоплата", stage="Счет в 1с") for _ in range(2 * len(histories))]
        invoices = {deal: billed(running, deal) for deal in deals}
        exchanged(running)
        for deal in deals:
            running.person(deal, stage="В работе")
        exchanged(running)
        played = twins(running, histories, [f"B24-{deal}" for deal in deals])
        for twin, deal in zip(played, deals, strict=True):
            arrivals.play(running, twin, f"S24-{invoices[deal]}")
        arrivals.arrive(running, played)
        shown, held = running.deals(), running.invoices()
        ends = []
        for twin, deal in zip(played, deals, strict=True):
            end = arrivals.end(running, twin, str(deal), shown[str(deal)])
            stage = None if twin.history.goes_back else held[str(invoices[deal])]["stage"]
            ends.append({**end, "invoice": stage})
        compare(ends, played)


@once
@given(together(["pay", "pay", "ship", "ship", "refund", "return"], edits=True), st.booleans())
def test_orders_that_both_sides_lead(histories: list[History], born: bool) -> None:
    """twoway (003): orders made of deals and deals made of orders."""
    with tempfile.TemporaryDirectory() as tmp, scenario.opened(Path(tmp), "twoway") as running:
        running.at(arrivals.DAY)
        count = 2 * len(histories)
        if born:
            numbers = [running.stage.onec.new_order("ООО «Причал»", ROWS).number for _ in range(count)]
        else:
            numbers = [f"B24-{sold(running, stage='Заказ в работе')}" for _ in range(count)]
            exchanged(running)
        played = twins(running, histories, numbers)
        for twin in played:
            arrivals.play(running, twin, None)
        arrivals.arrive(running, played)
        deals = {row["UF_CRM_ORDER_NUMBER"]: (deal, row) for deal, row in running.deals().items()}
        if not born:
            deals |= {f"B24-{deal}": (deal, row) for deal, row in running.deals().items()}
        compare([arrivals.end(running, twin, *deals[twin.number]) for twin in played], played)


@once
@given(together(["pay", "pay", "pay", "refund"], edits=False))
def test_charges_of_contracts(histories: list[History]) -> None:
    """video (000): payments of two months in any order end in the same stage and the same halves."""
    with tempfile.TemporaryDirectory() as tmp, scenario.opened(Path(tmp), "video") as running:
        deals = contracted(running, 2 * len(histories))
        for month in ("2026-11", "2026-12"):
            running.at(dt.date.fromisoformat(f"{month}-01"))
            exchanged(running)
        numbers = {order.number for order in running.stage.onec.orders}
        played = twins(running, histories, deals)
        for twin in played:
            own = [number for number in numbers if (key := keys.decode(number)) and key.id == twin.number]
            arrivals.play_contract(running, twin, dict(zip(("order", "invoice"), sorted(own), strict=True)))
        arrivals.arrive(running, played)
        running.settle()
        shown = running.deals()
        ends = []
        for twin in played:
            deal, back = shown[twin.number], twin.history.goes_back
            acts = [act for act in running.stage.onec.acts if act.number.endswith(f"-{twin.number}")]
            ends.append(
                {
                    "stage": None if back else deal["stage"],
                    "paid": (deal["UF_CRM_PAID_TOTAL"], deal["UF_CRM_PAID_ON"]),
                    "acts": None if back else sorted(act.amount for act in acts),
                }
            )
        compare(ends, played)


def contracted(running: scenario.Scenario, count: int) -> list[str]:
    """Contracts under one fee and one remuneration."""
    held = [deal for deal, row in running.deals().items() if row["stage"] == "Договор подтвержден"][:count]
    for deal in held:
        running.person(int(deal), field="Ежемесячный платеж", value=f"{arrivals.TOTAL}|RUB")
        running.person(int(deal), field="Вознаграждение менеджера", value="1000.01|RUB")
    return held


def exchanged(running: scenario.Scenario) -> None:
    """Documents of the portal reach 1C and come back."""
    running.run()
    running.stage.session()
    running.run()


def sold(running: scenario.Scenario, *, stage: str, variant: str | None = None) -> int:
    """A deal of the portal with the rows of every history."""
    codes = {name: code for code, name in running.stage_names().items() if not code.startswith("DT31")}
    fields = {"TITLE": "Продажа", "COMPANY_ID": 12, "STAGE_ID": codes[stage], "ASSIGNED_BY_ID": 4}
    described = running.call("crm.deal.fields")
    if variant:
        listed = described["UF_CRM_VARIANT"]["items"]
        fields["UF_CRM_VARIANT"] = next(item["ID"] for item in listed if item["VALUE"] == variant)
    deal = int(running.call("crm.deal.add", fields=fields))
    running.rows(deal, ROWS)
    return deal


def billed(running: scenario.Scenario, deal: int) -> int:
    """The smart invoice of a deal."""
    fields = {"title": "Счёт", "parentId2": deal, "companyId": 12}
    invoice = int(running.call("crm.item.add", entityTypeId=31, fields=fields)["item"]["id"])
    running.rows(invoice, ROWS, "SI")
    return invoice
