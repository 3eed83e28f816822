"""Whatever becomes of an answer, every write takes effect exactly once: the faults of reliability §3 for every write we use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from etl.bitrix24 import names as portal_names
from etl.bitrix24.client import Client
from etl.bitrix24.fields import MissingField
from etl.bitrix24.writes import Result
from etl.errors import EtlError
from etl.flows.portal.outbox import StoreOutbox, recover
from etl.load.bitrix24 import composition, notes, parties, products
from etl.load.bitrix24 import items as load
from etl.sandbox.portal.app import Portal
from tests.support import bitrix24_bench as bench

GUID = "3f2a1c55-0000-4000-8000-00000000000"
LINES = [
    {
        "name": "Камера",
        "quantity": Decimal(3),
        "price": Decimal("100.00"),
        "amount": Decimal("300.00"),
        "unit_code": "796",
    },
    {
        "name": "Монтаж",
        "quantity": Decimal(1),
        "price": Decimal("50.50"),
        "amount": Decimal("50.50"),
        "vat_rate": Decimal(20),
    },
]

Step = Callable[[Client, portal_names.Names, StoreOutbox], Iterable[Result]]
PROFILE = bench.profile()

#: method that is struck -> the writer that uses it
STEPS: dict[str, Step] = {
    "move": lambda c, n, o: load.move_stages(
        c, n, [load.Move("move:1", "1", "1-ая оплата клиента", ("Договор подтвержден",))], o
    ),
    "update": lambda c, n, o: load.update_items(
        c,
        n,
        [
            load.Update(
                "up:2",
                "2",
                {"Дата последней оплаты": dt.date(2026, 11, 2), "Оплачено всего": Decimal("1500.50")},
            )
        ],
        o,
    ),
    "rows": lambda c, n, o: composition.set_rows(c, [composition.Composition("rows:3", "3", LINES)], o),
    "deals": lambda c, n, o: load.create_deals(
        c,
        n,
        "obmen24",
        [
            load.NewItem(
                f"deal:{k}",
                f"{GUID}{k}",
                {"TITLE": f"Заказ {k}"},
                stage="Договор подтвержден",
                party="company_5",
            )
            for k in (1, 2)
        ],
        o,
    ),
    "invoices": lambda c, n, o: load.create_invoices(
        c, n, [load.NewItem("inv:1", f"{GUID}3", {"parentId2": "4", "title": "Счёт"})], o
    ),
    "parties": lambda c, n, o: parties.save_parties(
        c,
        n,
        PROFILE,
        [
            parties.Party(
                "party:1",
                f"{GUID}4",
                {
                    "kind": "legal",
                    "name": "ООО «Ромашка»",
                    "inn": "7707083893",
                    "kpp": "770701001",
                    "phones": ("+7 495 000-00-01",),
                    "emails": ("a@example.ru",),
                    "legal_address": "г. Энск, ул. Первая, 1",
                    "actual_address": "г. Энск, ул. Вторая, 2",
                    "city": "Энск",
                },
                accounts=(
                    {
                        "number": "40702810900000000002",
                        "bank_name": "Банк",
                        "bik": "044525225",
                        "currency": "RUB",
                    },
                ),
            )
        ],
        o,
    ),
    "contact": lambda c, n, o: parties.save_parties(
        c,
        n,
        PROFILE,
        [
            parties.Party(
                "party:2",
                f"{GUID}5",
                {"kind": "person", "name": "Петров Пётр Петрович", "phones": ("8 (495) 000-00-03",)},
                contact=True,
            )
        ],
        o,
    ),
    "old party": lambda c, n, o: parties.save_parties(
        c,
        n,
        PROFILE,
        [
            parties.Party(
                "party:3",
                f"{GUID}6",
                {
                    "name": "Новое имя",
                    "phones": ("+7 495 000-00-09",),
                    "inn": "7707083893",
                    "legal_address": "г. Энск, ул. Третья, 3",
                },
                id="company_6",
            )
        ],
        o,
    ),
    "products": lambda c, n, o: products.save_products(
        c,
        products.catalogue_of(c),
        [
            products.Product(
                "prod:1",
                f"{GUID}7",
                {"name": "Датчик", "unit_code": "796"},
                price=Decimal("10.50"),
                purchasing=Decimal("7.20"),
            )
        ],
        o,
    ),
    "old product": lambda c, n, o: products.save_products(
        c,
        products.catalogue_of(c),
        [products.Product("prod:2", f"{GUID}8", {"name": "Другое имя"}, id="1", price=Decimal("99.99"))],
        o,
    ),
    "comment": lambda c, n, o: notes.comment(c, [notes.Comment("com:1", "5", "Оплата 1500.00 поступила")], o),
    "notice": lambda c, n, o: notes.notify(c, [notes.Notice("note:1", "3", "Счёт оплачен")], o),
    "link": lambda c, n, o: notes.link(c, [notes.Link("link:1", "6", "1")], o),
    "field": lambda c, n, o: notes.create_fields(
        c, [MissingField("UF_CRM_OBMEN24_X", "Новое поле", "money")], o
    ),
}
METHODS = (
    "crm.item.update",
    "crm.item.productrow.set",
    "crm.item.add",
    "crm.requisite.add",
    "crm.requisite.update",
    "crm.requisite.bankdetail.add",
    "crm.address.add",
    "crm.address.update",
    "catalog.product.add",
    "catalog.product.update",
    "catalog.price.add",
    "catalog.price.update",
    "crm.timeline.comment.add",
    "im.notify.personal.add",
    "crm.requisite.link.register",
    "crm.deal.userfield.add",
)
UNSEEN = {
    "DATE_CREATE",
    "DATE_MODIFY",
    "MOVED_TIME",
    "LAST_ACTIVITY_TIME",
    "CREATED",
    "CREATED_TIME",
    "DATE",
    "dateCreate",
    "timestampX",
    "BEGINDATE",
    "CLOSEDATE",
    "ID",
    "id",
}
FAULTS = (
    "cut_before",
    "cut_after",
    "timeout",
    "late_apply",
    "batch_cut",
    "half_json",
    "html_200",
    "html_504",
    "503",
    "429",
    "redirect",
)
#: Of the same classes as those above; for the campaign.
MORE = (
    "timeout_before",
    "truncated",
    "drip",
    "html_502",
    "empty_200",
    "no_result",
    "500",
    "redirect_308",
    "overload",
    "expired",
    "401",
    "403",
    "payment",
    "deleted",
)


def held(portal: Portal) -> dict[str, Any]:
    """What the portal holds, without ids and stamps; the order of records does not matter."""
    dump = portal.dump()
    owners = {row["ID"]: (row["NAME"], row.get("RQ_INN")) for row in dump["requisites"]}
    for row in [*dump["bankdetails"], *dump["addresses"]]:
        row |= {"ENTITY_ID": owners[row["ENTITY_ID"]], "ANCHOR_ID": ""}
    return {
        table: sorted(str({key: value for key, value in row.items() if key not in UNSEEN}) for row in rows)
        for table, rows in dump.items()
        if isinstance(rows, list)
    }


def run(portal: Portal, clock: bench.Clock, outbox: StoreOutbox) -> dict[str, str]:
    """One run of all writers; what stops one does not stop the test. Key -> status, or the name of what was raised."""
    statuses: dict[str, str] = {}
    with bench.client(portal.webhook, clock, read_timeout=0.15, deadline=0.25, workers=2) as client:
        names = portal_names.load(client, PROFILE)
        for name, step in STEPS.items():
            try:
                statuses |= {result.key: result.status for result in step(client, names, outbox)}
            except EtlError as error:
                statuses[name] = type(error).__name__
    return statuses


@cache
def wanted() -> dict[str, Any]:
    clock = bench.Clock()
    with (
        TemporaryDirectory() as folder,
        bench.store(Path(folder), clock) as state,
        Portal(seed=bench.video(), clock=clock.time) as portal,
    ):
        statuses = run(portal, clock, bench.outbox(state))
        assert set(statuses.values()) == {"done"}, statuses
        return held(portal)


@pytest.mark.parametrize("kind", [*FAULTS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE)])
def test_every_write_takes_effect_exactly_once(kind: str, tmp_path: Path) -> None:
    clock = bench.Clock()
    faults = [
        {"kind": kind, "method": method, "seconds": 60 if kind == "late_apply" else 1.2, "commands": 1}
        for method in METHODS
    ]
    with (
        bench.store(tmp_path, clock) as state,
        Portal(seed=bench.video(), clock=clock.time, faults=faults) as portal,
    ):
        for _ in range(4):
            recover(state)
            statuses = run(portal, clock, bench.outbox(state))
            if set(statuses.values()) == {"done"}:
                break
            clock.now += 600
        assert set(statuses.values()) == {"done"}, statuses
        clock.now += 600
        portal.call("profile")  # what was to be applied late has been applied now
        assert held(portal) == wanted()
