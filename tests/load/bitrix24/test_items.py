"""Writing to the portal over real HTTP: what is written, what is refused, what is left alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl import tables
from etl.bitrix24 import names as portal_names
from etl.bitrix24.client import SETTLE_SECONDS, Client
from etl.bitrix24.fields import INVOICE
from etl.errors import ConfigError, TryLater
from etl.extract.bitrix24 import deals as extract
from etl.extract.bitrix24.doubles import doubles
from etl.extract.bitrix24.parties import parties as parties_of
from etl.flows.portal.outbox import StoreOutbox
from etl.load.bitrix24 import composition, notes, parties, products
from etl.load.bitrix24 import items as load
from etl.sandbox.portal.app import Portal
from etl.state.store import Store
from tests.support import bitrix24_bench as bench

PROFILE = bench.profile()
MOVE = load.Move("m", "1", "1-ая оплата клиента", ("Договор подтвержден",))


@pytest.fixture
def clock() -> bench.Clock:
    return bench.Clock()


@pytest.fixture
def portal(clock: bench.Clock) -> Iterator[Portal]:
    with Portal(seed=bench.video(), clock=clock.time, enforce_limits=False) as running:
        yield running


@pytest.fixture
def client(portal: Portal, clock: bench.Clock) -> Iterator[Client]:
    with bench.client(portal.webhook, clock, rate=500) as running:
        yield running


@pytest.fixture
def state(clock: bench.Clock, tmp_path: Path) -> Iterator[Store]:
    with bench.store(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def outbox(state: Store) -> StoreOutbox:
    return bench.outbox(state)


@pytest.fixture
def names(client: Client) -> portal_names.Names:
    return portal_names.load(client, PROFILE)


def deal(portal: Portal, number: int) -> dict[str, Any]:
    return portal.call("crm.deal.get", {"id": number})  # type: ignore[no-any-return]


def writes(portal: Portal) -> int:
    reads = (".list", ".get", ".fields", ".time")
    return sum(
        not method.endswith(reads) for row in portal.requests for method in row.methods if method != "batch"
    )


def test_a_stage_moves_only_from_where_the_rule_allows(
    portal: Portal, client: Client, names: portal_names.Names, state: Store
) -> None:
    portal.call("crm.deal.update", {"id": 2, "fields": {"STAGE_ID": "C1:WON"}})
    moves = [
        MOVE,
        load.Move("there", "1", "Договор подтвержден", ()),
        load.Move("elsewhere", "2", MOVE.to, MOVE.origins),
        load.Move("gone", "999999", MOVE.to, MOVE.origins),
    ]
    outbox = bench.outbox(state, *(move.key for move in moves))
    results = {result.key: result for result in load.move_stages(client, names, moves, outbox)}
    assert {key: result.status for key, result in results.items()} == {
        "m": "done",
        "there": "done",
        "elsewhere": "skipped",
        "gone": "failed",
    }
    assert (
        results["elsewhere"].reason
        == "не перемещена: стоит на стадии «2-ая оплата менеджеру», а переносится только с «Договор подтвержден»"
    )
    assert (deal(portal, 1)["STAGE_ID"], deal(portal, 2)["STAGE_ID"]) == ("C1:CLIENT_PAID_1", "C1:WON")
    assert bench.states(state) == {"m": "done", "there": "done", "elsewhere": "new", "gone": "failed"}


def test_a_persons_move_after_a_lost_answer_is_not_undone(clock: bench.Clock, outbox: StoreOutbox) -> None:
    person = {
        "kind": "html_502",
        "method": "crm.item.update",
        "call": [["crm.deal.update", {"id": 1, "fields": {"STAGE_ID": "C1:LOSE"}}]],
    }
    with (
        Portal(seed=bench.video(), clock=clock.time, faults=[person]) as portal,
        bench.client(portal.webhook, clock) as client,
    ):
        (result,) = load.move_stages(client, portal_names.load(client, PROFILE), [MOVE], outbox)
        assert result.status == "skipped" and "Договор расторгнут" in result.reason
        assert deal(portal, 1)["STAGE_ID"] == "C1:LOSE"
        assert sum(clock.slept) >= SETTLE_SECONDS - 1


def test_values_reach_their_fields_and_bad_ones_do_not_stop_the_rest(
    portal: Portal, client: Client, names: portal_names.Names, state: Store
) -> None:
    updates = [
        load.Update(
            "ok",
            "1",
            {
                "Дата последней оплаты": dt.date(2026, 11, 2),
                "Оплачено всего": Decimal("1500.5"),
                "TITLE": "=2+2 & #1",
            },
        ),
        load.Update("clear", "2", {"Номер договора": None}),
        load.Update("bad", "3", {"Оплачено всего": "много"}),
        load.Update("unknown", "3", {"Цвет": "x"}),
        load.Update("readonly", "3", {"ID": "7"}),
        load.Update("gone", "999999", {"TITLE": "x"}),
    ]
    outbox = bench.outbox(state, *(update.key for update in updates))
    results = {result.key: result for result in load.update_items(client, names, updates, outbox)}
    assert {key: result.status for key, result in results.items()} == {
        "ok": "done",
        "clear": "done",
        "bad": "failed",
        "unknown": "failed",
        "readonly": "failed",
        "gone": "failed",
    }
    first = deal(portal, 1)
    assert (first["UF_CRM_PAID_ON"][:10], first["UF_CRM_PAID_TOTAL"], first["TITLE"]) == (
        "2026-11-02",
        "1500.5|RUB",
        "=2+2 & #1",
    )
    assert not deal(portal, 2).get("UF_CRM_CONTRACT_NUMBER")
    assert bench.states(state) == {key: result.status for key, result in results.items()}
    assert "Цвет" in results["unknown"].reason and "хранит число" in results["bad"].reason


def test_many_updates_take_one_request_for_fifty(
    portal: Portal, client: Client, names: portal_names.Names, outbox: StoreOutbox
) -> None:
    before = client.requests
    updates = [load.Update(f"u{n}", str(1 + n % 36), {"Оплачено всего": Decimal(n)}) for n in range(200)]
    assert {result.status for result in load.update_items(client, names, updates, outbox)} == {"done"}
    assert client.requests - before == 4


def test_rows_are_read_back(portal: Portal, client: Client, outbox: StoreOutbox) -> None:
    lines = [
        {"name": "Кабель", "quantity": Decimal("3"), "unit": "м", "amount": Decimal("100.00")},
        {
            "name": "Камера",
            "quantity": Decimal("2"),
            "amount": Decimal("180.00"),
            "vat_rate": Decimal(20),
            "discount": Decimal("20.00"),
        },
    ]
    (result,) = composition.set_rows(client, [composition.Composition("r", "3", lines)], outbox)
    assert result.status == "done"
    assert deal(portal, 3)["OPPORTUNITY"] == "280.00"
    split, discounted = tables.records(extract.lines(client, ["3"]))
    assert (split["name"], split["quantity"], split["amount"]) == ("Кабель (3 м)", 1, Decimal("100.00")), (
        "100/3 is not exact to the kopeck"
    )
    assert discounted["amount"] == Decimal("180.00") and discounted["discount"] == pytest.approx(
        Decimal("20.00"), abs=Decimal("0.02")
    )


def test_an_empty_composition_does_not_wipe_a_deal(
    portal: Portal, client: Client, outbox: StoreOutbox
) -> None:
    held = deal(portal, 3)["OPPORTUNITY"]
    (result,) = composition.set_rows(client, [composition.Composition("r", "3", [])], outbox)
    assert result.status == "skipped" and deal(portal, 3)["OPPORTUNITY"] == held
    (result,) = composition.set_rows(client, [composition.Composition("r2", "3", [], empty=True)], outbox)
    assert result.status == "done" and not len(extract.lines(client, ["3"]))


def test_rows_that_a_person_changed_meanwhile_are_told(clock: bench.Clock, outbox: StoreOutbox) -> None:
    other = [
        "crm.item.productrow.set",
        {"ownerType": "D", "ownerId": 3, "productRows": [{"productName": "другое", "price": 1}]},
    ]
    fault = {"kind": "mutate", "method": "crm.item.productrow.list", "call": [other]}
    with (
        Portal(seed=bench.video(), clock=clock.time, faults=[fault]) as portal,
        bench.client(portal.webhook, clock) as client,
    ):
        (result,) = composition.set_rows(
            client, [composition.Composition("r", "3", [{"name": "a", "amount": Decimal(5)}] * 2)], outbox
        )
        assert result.status == "failed" and "1 строк на 1.00 вместо 2 на 10.00" in result.reason


def test_a_deal_is_created_once_and_then_adopted(
    portal: Portal, client: Client, names: portal_names.Names, outbox: StoreOutbox, state: Store
) -> None:
    new = load.NewItem(
        "d",
        "guid-1",
        {"TITLE": "Заказ", "CURRENCY_ID": "RUB"},
        stage="Договор подтвержден",
        party="contact_7",
    )
    (first,) = load.create_deals(client, names, "obmen24", [new], outbox)
    (second,) = load.create_deals(client, names, "obmen24", [new], bench.outbox(state))
    assert first.status == second.status == "done" and first.id == second.id
    made = deal(portal, int(first.id or 0))
    assert (made["STAGE_ID"], made["CONTACT_ID"], made["ORIGINATOR_ID"], made["ORIGIN_ID"]) == (
        "C1:CONFIRMED",
        "7",
        "obmen24",
        "guid-1",
    )
    (third,) = load.create_deals(
        client, names, "obmen24", [load.NewItem("e", "guid-2", {}, stage="Такой нет")], outbox
    )
    assert third.status == "failed" and "Такой нет" in third.reason


def test_doubles_are_adopted_by_the_oldest_and_told(
    portal: Portal, client: Client, names: portal_names.Names, outbox: StoreOutbox
) -> None:
    """A box between us and the portal may repeat a request: two deals, and the portal forbids neither."""
    for _ in range(2):
        portal.call(
            "crm.deal.add", {"fields": {"TITLE": "дважды", "ORIGINATOR_ID": "obmen24", "ORIGIN_ID": "twice"}}
        )
    (result,) = load.create_deals(client, names, "obmen24", [load.NewItem("d", "twice", {})], outbox)
    assert result.status == "done" and "несколько записей" in result.reason
    (issue,) = tables.records(doubles(client, "obmen24"))
    assert issue["entity"] == "deal" and issue["key"] == "twice" and str(result.id) in issue["message"]


def test_an_attempt_of_a_dead_run_is_waited_out_before_the_look_up(
    portal: Portal, client: Client, names: portal_names.Names, clock: bench.Clock, outbox: StoreOutbox
) -> None:
    outbox.sending("d")
    outbox.doubt("d")
    clock.slept.clear()
    (result,) = load.create_deals(client, names, "obmen24", [load.NewItem("d", "guid-9", {})], outbox)
    assert result.status == "done" and max(clock.slept) == pytest.approx(SETTLE_SECONDS, abs=1)


def test_a_refused_creation_that_is_there_now_is_done(
    portal: Portal, client: Client, names: portal_names.Names, state: Store
) -> None:
    """What the portal refused in an earlier run, a person has made since: it is adopted, and the intent is closed."""
    bench.outbox(state, "d").failed("d", "нет прав")
    made = portal.call("crm.deal.add", {"fields": {"ORIGINATOR_ID": "obmen24", "ORIGIN_ID": "guid-f"}})
    new = load.NewItem("d", "guid-f", {})
    (result,) = load.create_deals(client, names, "obmen24", [new], bench.outbox(state))
    assert (result.status, result.id) == ("done", str(made))
    assert bench.states(state) == {"d": "done"}


def test_an_invoice_and_its_stage(
    portal: Portal, client: Client, names: portal_names.Names, outbox: StoreOutbox
) -> None:
    (made,) = load.create_invoices(
        client,
        names,
        [load.NewItem("i", "x-1", {"parentId2": "4", "title": "Счёт"}, party="company_5")],
        outbox,
    )
    stages = list(names.invoice_stages.values())
    move = load.Move("im", str(made.id), stages[2], (stages[0],))
    (result,) = load.move_stages(client, names, [move], outbox, INVOICE)
    assert result.status == "done"
    invoice = tables.records(extract.invoices(client, names, ["4"]))[0]
    assert (invoice["status"], invoice["party"]) == (stages[2], "company_5")


def party(**values: Any) -> parties.Party:
    return parties.Party(
        "p",
        "guid-p",
        {
            "kind": "sole_trader",
            "name": "ИП Сидорова",
            "inn": "500100732259",
            "ogrn": "304500116000157",
            "phones": ("+7 (495) 000-11-22",),
            "emails": ("A@Example.ru",),
            "actual_address": "г. Энск, ул. Вторая, 2",
            "city": "Энск",
            **values,
        },
        accounts=({"number": "40802810900000000001", "bank_name": "Банк", "bik": "044525225"},),
    )


def test_a_party_with_everything_and_nothing_the_second_time(
    portal: Portal, client: Client, names: portal_names.Names, state: Store
) -> None:
    (first,) = parties.save_parties(client, names, PROFILE, [party()], bench.outbox(state))
    number = int(str(first.id).removeprefix("company_"))
    (requisite,) = portal.call("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": number}})
    assert (requisite["RQ_INN"], requisite["RQ_OGRNIP"], requisite["XML_ID"]) == (
        "500100732259",
        "304500116000157",
        "guid-p",
    )
    (bank,) = portal.call("crm.requisite.bankdetail.list", {"filter": {"ENTITY_ID": requisite["ID"]}})
    assert bank["RQ_ACC_NUM"] == "40802810900000000001" and bank["RQ_BIK"] == "044525225"
    (address,) = portal.call(
        "crm.address.list", {"filter": {"ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite["ID"]}}
    )
    assert (address["TYPE_ID"], address["CITY"]) == ("1", "Энск")
    done = writes(portal)
    again = party(phones=("8 495 000 11 22",), emails=("a@example.ru",))
    assert [
        result.status for result in parties.save_parties(client, names, PROFILE, [again], bench.outbox(state))
    ] == ["done"]
    assert writes(portal) == done, "the same values in another spelling change nothing"
    changed = party(phones=("+74950001122", "+79160000000"), name="ИП Сидорова А. А.")
    assert [
        result.id for result in parties.save_parties(client, names, PROFILE, [changed], bench.outbox(state))
    ] == [first.id]
    company = portal.call("crm.company.get", {"id": number})
    assert (
        company["TITLE"] == "ИП Сидорова А. А." and len(company["PHONE"]) == 2 and len(company["EMAIL"]) == 1
    )


def test_a_known_company_is_adopted_and_only_given_columns_change(
    portal: Portal, client: Client, names: portal_names.Names, outbox: StoreOutbox
) -> None:
    before = portal.call("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 6}})[0]
    one = parties.Party("k", "guid-6", {"kpp": "770101999", "inn": before["RQ_INN"]}, id="company_6")
    (result,) = parties.save_parties(client, names, PROFILE, [one], outbox)
    after = portal.call("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 6}})
    assert (
        result.status == "done"
        and [row["RQ_KPP"] for row in after if row["RQ_INN"] == before["RQ_INN"]][-1] == "770101999"
    )
    assert portal.call("crm.company.get", {"id": 6})["ORIGIN_ID"] == "guid-6"
    (gone,) = parties.save_parties(
        client, names, PROFILE, [parties.Party("x", "g", {"name": "a"}, id="company_999999")], outbox
    )
    assert gone.status == "failed" and "удалили" in gone.reason


def test_list_values_are_taken_away_only_by_name_and_an_address_is_replaced_whole(
    portal: Portal, client: Client, names: portal_names.Names, state: Store
) -> None:
    (first,) = parties.save_parties(
        client,
        names,
        PROFILE,
        [party(phones=("+74950001122", "+74950001133"), city=None)],
        bench.outbox(state),
    )
    number = int(str(first.id).removeprefix("company_"))
    (requisite,) = portal.call("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": number}})
    portal.call(
        "crm.address.update",
        {
            "fields": {
                "TYPE_ID": 1,
                "ENTITY_TYPE_ID": 8,
                "ENTITY_ID": requisite["ID"],
                "POSTAL_CODE": "000001",
                "ADDRESS_2": "оф. 3",
            }
        },
    )
    one = parties.Party(
        "p",
        "guid-p",
        {"phones": ("+74950001133",), "actual_address": "г. Энск, ул. Новая, 9"},
        id=first.id,
        dropped={"phones": ("8 495 000 11 22",)},
    )
    assert [
        result.status for result in parties.save_parties(client, names, PROFILE, [one], bench.outbox(state))
    ] == ["done"]
    assert [row["VALUE"] for row in portal.call("crm.company.get", {"id": number})["PHONE"]] == [
        "+74950001133"
    ]
    held = tables.records(parties_of(client)["parties"])
    assert next(row for row in held if row["id"] == first.id)["actual_address"] == "г. Энск, ул. Новая, 9"


def test_a_city_without_an_address_is_kept_and_is_no_address(
    client: Client, names: portal_names.Names, state: Store
) -> None:
    person = parties.Party("c", "guid-c", {"last_name": "Кузнецов", "city": "Энск"}, contact=True)
    (result,) = parties.save_parties(client, names, PROFILE, [person], bench.outbox(state))
    row = next(row for row in tables.records(parties_of(client)["parties"]) if row["id"] == result.id)
    assert (row["city"], row["actual_address"]) == ("Энск", None)


def test_a_portal_without_a_preset_is_refused(
    client: Client, names: portal_names.Names, portal: Portal, outbox: StoreOutbox
) -> None:
    seed = {**bench.video(), "presets": [{"ID": 9, "NAME": "Чужой", "XML_ID": "", "ACTIVE": "Y"}]}
    with (
        Portal(seed=seed) as strange,
        bench.client(strange.webhook) as other,
        pytest.raises(ConfigError, match="«Чужой»"),
    ):
        list(parties.save_parties(other, names, PROFILE, [party()], outbox))


def test_products_and_both_prices(portal: Portal, client: Client, state: Store) -> None:
    one = products.Product(
        "p",
        "guid-1",
        {"name": "Датчик", "unit_code": "166"},
        price=Decimal("10.50"),
        purchasing=Decimal("7.20"),
    )
    service = products.Product("s", "guid-2", {"name": "Монтаж", "kind": "service"}, price=Decimal("99.00"))
    results = list(
        products.save_products(client, products.catalogue_of(client), [one, service], bench.outbox(state))
    )
    assert [result.status for result in results] == ["done", "done"]
    held = portal.call("catalog.product.get", {"id": results[0].id})["product"]
    assert (held["xmlId"], Decimal(held["purchasingPrice"])) == ("guid-1", Decimal("7.2"))
    done = writes(portal)
    assert [
        result.status
        for result in products.save_products(
            client, products.catalogue_of(client), [one, service], bench.outbox(state)
        )
    ] == ["done", "done"]
    assert writes(portal) == done
    hidden = products.Product("p", "guid-1", {"name": "Датчик", "deleted": True}, price=Decimal("11.00"))
    list(products.save_products(client, products.catalogue_of(client), [hidden], bench.outbox(state)))
    prices = portal.call("catalog.price.list", {"filter": {"productId": results[0].id}})["prices"]
    assert [Decimal(str(price["price"])) for price in prices] == [Decimal("11")]
    assert portal.call("catalog.product.get", {"id": results[0].id})["product"]["active"] == "N"


def test_comments_and_notifications_stand_once(portal: Portal, client: Client, state: Store) -> None:
    for _ in range(2):
        outbox = bench.outbox(state)
        assert [
            one.status
            for one in notes.comment(client, [notes.Comment("c", "1", "Оплачено & отгружено #5")], outbox)
        ] == ["done"]
        assert [
            one.status for one in notes.notify(client, [notes.Notice("n", "3", "Счёт оплачен")], outbox)
        ] == ["done"]
    assert (portal.counts["comments"], portal.counts["notifications"]) == (1, 1)
    (gone,) = notes.comment(client, [notes.Comment("g", "999999", "x")], bench.outbox(state))
    assert gone.status == "failed"


def test_what_stops_the_portal_is_raised_after_what_was_done(
    clock: bench.Clock, outbox: StoreOutbox, state: Store
) -> None:
    faults = [{"kind": "overload", "method": "crm.item.update", "nth": 2, "times": 99}]
    with (
        Portal(seed=bench.video(), clock=clock.time, faults=faults) as portal,
        bench.client(portal.webhook, clock, workers=1) as client,
    ):
        names = portal_names.load(client, PROFILE)
        updates = [load.Update(f"u{n}", str(1 + n % 36), {"Оплачено всего": Decimal(n)}) for n in range(150)]
        results = []
        with pytest.raises(Exception, match="нагрузки"):
            for result in load.update_items(client, names, updates, outbox):
                results.append(result)
        assert [result.status for result in results].count("done") == 50
        assert set(bench.states(state).values()) <= {"done", "new"}


def test_a_portal_out_of_reach_leaves_no_doubt(clock: bench.Clock, outbox: StoreOutbox, state: Store) -> None:
    with Portal(seed=bench.video(), clock=clock.time) as portal:
        client = bench.client(portal.webhook, clock)
        names = portal_names.load(client, PROFILE)
    with pytest.raises(TryLater):
        list(load.update_items(client, names, [load.Update("u", "1", {"TITLE": "x"})], outbox))
    assert bench.states(state) == {"u": "new"}
