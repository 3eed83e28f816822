"""The portal's records as our tables, over real HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from etl import tables
from etl.bitrix24 import fields
from etl.bitrix24 import names as portal_names
from etl.bitrix24.client import Client
from etl.errors import ConfigError
from etl.extract.bitrix24 import deals as extract
from etl.extract.bitrix24.parties import parties
from etl.extract.bitrix24.products import products
from etl.sandbox.portal.app import Portal
from tests.support import bitrix24_bench as bench

PROFILE = bench.profile()


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with Portal(seed=bench.video(80), enforce_limits=False) as running:
        yield running


@pytest.fixture
def client(portal: Portal) -> Iterator[Client]:
    with bench.client(portal.webhook, rate=500) as running:
        yield running


@pytest.fixture
def names(client: Client) -> portal_names.Names:
    return portal_names.load(client, PROFILE)


def by_id(frame: Any) -> dict[str, tables.Record]:
    return {row["id"]: row for row in tables.records(frame)}


def valid(table: str, frame: Any) -> None:
    good, issues = tables.check(table, frame)
    assert len(good) == len(frame) and not len(issues), issues.to_string()


def test_deals_of_the_pipeline(client: Client, names: portal_names.Names, portal: Portal) -> None:
    deals = extract.deals(client, names, PROFILE)
    valid("deals", deals)
    seed = [deal for deal in portal.dump()["deals"] if deal["CATEGORY_ID"] == 1]
    rows = by_id(deals)
    assert list(rows) == [str(deal["ID"]) for deal in seed]
    for deal in seed:
        row = rows[str(deal["ID"])]
        fee = deal.get("UF_CRM_MONTHLY_FEE")
        ended = deal.get("UF_CRM_TERMINATED_ON")
        assert row["monthly_fee"] == (Decimal(fee.split("|")[0]) if fee else None)
        assert row["payer"] == deal.get("UF_CRM_PAYER") and row["contract_number"] == deal.get(
            "UF_CRM_CONTRACT_NUMBER"
        )
        assert row["terminated_on"] == (dt.date.fromisoformat(ended) if ended else None)
        assert row["amount"] == Decimal(deal["OPPORTUNITY"]) and row["currency"] == "RUB"
        assert row["party"] == (
            f"company_{deal['COMPANY_ID']}" if deal.get("COMPANY_ID") else f"contact_{deal['CONTACT_ID']}"
        )
        assert row["contact"] == f"contact_{deal['CONTACT_ID']}"
    first = rows["1"]
    assert (first["stage"], first["category"], first["closed"]) == (
        "Договор подтвержден",
        "Видеонаблюдение",
        False,
    )
    assert first["organisation"] == "ООО «Светлый глаз»" and first["modified"].tzinfo is not None
    users = {str(user["ID"]): f"{user['NAME']} {user['LAST_NAME']}" for user in portal.dump()["users"]}
    assert first["manager_name"] == users[first["manager"]]
    assert set(first["fields"]) == {*PROFILE.deals.fields.values(), *PROFILE.results.values()}


def test_only_what_changed_since(portal: Portal, client: Client, names: portal_names.Names) -> None:
    moment = dt.datetime.now(dt.UTC)
    portal.call("crm.deal.update", {"id": 7, "fields": {"TITLE": "изменена"}})
    assert set(by_id(extract.deals(client, names, PROFILE, since=moment))) == {"7"}
    later = moment + dt.timedelta(hours=1)
    assert not len(extract.deals(client, names, PROFILE, since=later))
    assert "7" in by_id(extract.deals(client, names, PROFILE, since=moment + dt.timedelta(minutes=9))), (
        "the overlap"
    )


def test_organisations_by_requisite_link(portal: Portal, client: Client) -> None:
    two = bench.profile(
        organisations=[{"name": "ООО «Светлый глаз Монтаж»"}, {"name": "Глаз", "inn": "0000000000"}]
    )
    own = [
        row
        for row in portal.dump()["requisites"]
        if row["ENTITY_TYPE_ID"] == 4 and row["ENTITY_ID"] in (1, 2)
    ]
    portal.call(
        "crm.requisite.link.register",
        {"fields": {"ENTITY_TYPE_ID": 2, "ENTITY_ID": 2, "MC_REQUISITE_ID": own[1]["ID"]}},
    )
    rows = by_id(extract.deals(client, portal_names.load(client, two), two))
    assert rows["2"]["organisation"] == "ООО «Светлый глаз Монтаж»"
    assert rows["1"]["organisation"] not in (None, rows["2"]["organisation"])


def test_ids_of_deals_that_are_there(client: Client, names: portal_names.Names) -> None:
    assert "3" in extract.deal_ids(client, names) and "999999" not in extract.deal_ids(client, names)


def test_lines(client: Client, portal: Portal) -> None:
    owners = [str(deal["ID"]) for deal in portal.dump()["deals"]]
    lines = extract.lines(client, owners)
    valid("lines", lines)
    for deal in portal.dump()["deals"]:
        own = [row for row in tables.records(lines) if row["document"] == str(deal["ID"])]
        assert [row["position"] for row in own] == list(range(1, len(own) + 1))
        assert sum((row["amount"] for row in own), Decimal(0)) == Decimal(deal["OPPORTUNITY"])


def test_a_line_with_tax_and_discount(portal: Portal, client: Client) -> None:
    portal.call(
        "crm.item.productrow.set",
        {
            "ownerType": "D",
            "ownerId": 9,
            "productRows": [
                {
                    "productName": "a",
                    "price": 80000,
                    "quantity": 2,
                    "taxRate": 20,
                    "taxIncluded": "Y",
                    "discountTypeId": 2,
                    "discountRate": 20,
                },
                {"productName": "b", "price": 10, "quantity": 1, "taxRate": 0},
                {"productName": "c", "price": 10, "quantity": 1},
                {"productName": "d", "price": 120, "quantity": 1, "taxRate": 20, "taxIncluded": "N"},
            ],
        },
    )
    taxed, zero, exempt, shown_without = tables.records(extract.lines(client, ["9"]))
    assert (taxed["price"], taxed["amount"], taxed["discount"]) == (
        Decimal("80000.00"),
        Decimal("160000.00"),
        Decimal("40000.02"),
    )
    assert (taxed["vat_rate"], taxed["vat_amount"], taxed["vat_included"]) == (20, Decimal("26666.66"), True)
    assert (zero["vat_rate"], zero["vat_exempt"], zero["vat_amount"]) == (0, False, Decimal("0.00"))
    assert (exempt["vat_rate"], exempt["vat_exempt"], exempt["vat_amount"]) == (None, True, None)
    # TAX_INCLUDED is about how the portal shows a price: the sum holds the tax either way
    assert (shown_without["amount"], shown_without["vat_amount"], shown_without["vat_included"]) == (
        120,
        Decimal("20.00"),
        True,
    )


def test_smart_invoices_of_deals(portal: Portal, client: Client, names: portal_names.Names) -> None:
    made = portal.call(
        "crm.item.add",
        {
            "entityTypeId": 31,
            "fields": {
                "parentId2": 4,
                "title": "Счёт",
                "companyId": 5,
                "opportunity": 120.5,
                "begindate": "2026-11-02",
                "xmlId": "x-1",
            },
        },
    )["item"]
    invoices = extract.invoices(client, names, ["4", "5"])
    valid("documents", invoices)
    row = by_id(invoices)[str(made["id"])]
    assert (row["kind"], row["deal"], row["party"], row["amount"]) == (
        "invoice",
        "4",
        "company_5",
        Decimal("120.50"),
    )
    assert row["date"] == dt.date(2026, 11, 2) and row["number"] == made["accountNumber"]
    assert row["requisites"]["xmlId"] == "x-1" and row["status"] in names.invoice_stages.values()


def test_the_directory(portal: Portal, client: Client) -> None:
    found = parties(client)
    for name, frame in found.items():
        valid("parties" if name == "requisites" else name, frame)
    dump = portal.dump()
    rows = by_id(found["parties"])
    foreign = [row for row in dump["companies"] if row.get("IS_MY_COMPANY") != "Y"]
    assert {key for key in rows if key.startswith("company_")} == {f"company_{row['ID']}" for row in foreign}
    requisites = {row["ENTITY_ID"]: row for row in dump["requisites"] if row["ENTITY_TYPE_ID"] == 4}
    for company in foreign:
        row, requisite = rows[f"company_{company['ID']}"], requisites[company["ID"]]
        assert (row["name"], row["inn"], row["kpp"]) == (
            company["TITLE"],
            requisite["RQ_INN"],
            requisite.get("RQ_KPP"),
        )
        assert row["kind"] == ("sole_trader" if len(row["inn"]) == 12 else "legal")
    accounts = {(row["party"], row["number"]): row for row in tables.records(found["accounts"])}
    bank = next(row for row in dump["bankdetails"] if row["ENTITY_ID"] == requisites[foreign[0]["ID"]]["ID"])
    assert accounts[f"company_{foreign[0]['ID']}", bank["RQ_ACC_NUM"]]["bik"] == bank["RQ_BIK"]
    assert len(found["contacts"]) == len(dump["contacts"])


def test_the_catalogue(portal: Portal, client: Client) -> None:
    portal.call(
        "catalog.product.update",
        {"id": 1, "fields": {"purchasingPrice": 12.5, "purchasingCurrency": "RUB", "xmlId": "guid-1"}},
    )
    found = products(client)
    for name, frame in found.items():
        valid(name, frame)
    dump = portal.dump()
    assert {row["id"]: row["name"] for row in tables.records(found["products"])} == {
        str(row["id"]): row["name"] for row in dump["products"]
    }
    assert by_id(found["products"])["1"]["extra"]["xml_id"] == "guid-1"
    prices = {(row["product"], row["purchasing"]): row["price"] for row in tables.records(found["prices"])}
    assert prices["1", True] == Decimal("12.50")
    assert prices["1", False] == Decimal(
        str(next(row["price"] for row in dump["prices"] if row["productId"] == 1))
    )


def test_a_catalogue_of_more_than_a_page(client: Client, portal: Portal) -> None:
    """`catalog.product.list` insists on `iblockId` in its select, also where only ids are asked (bitrix24 §4.6)."""
    iblock = portal.dump()["products"][0]["iblockId"]
    for number in range(120):
        portal.call("catalog.product.add", {"fields": {"iblockId": iblock, "name": f"Товар {number}"}})
    found = products(client)["products"]
    assert set(found["id"]) == {str(row["id"]) for row in portal.dump()["products"]}
    assert found["id"].is_unique and len(found) > 120


def test_unknown_names_are_refused_together_with_what_there_is(client: Client) -> None:
    wrong = bench.profile(
        deals={
            "pipeline": "Видеонаблюдение",
            "fields": {"payer": "ФИО плательшика", "address": "Нет такого"},
        },
        rules=[{"to": "Оплачено", "from": ["Договор подтвержден", "Где-то"], "when": {"paid": True}}],
        orders={
            "send_stages": ["Отправка"],
            "managers": {"Иванова": "nobody@example.ru"},
            "invoice_paid_stage": "Оплачен?",
        },
    )
    with pytest.raises(ConfigError) as caught:
        portal_names.load(client, wrong)
    problems = "\n".join(caught.value.problems)
    for place in (
        "deals.fields.payer",
        "deals.fields.address",
        "rules[0].to",
        "rules[0].from",
        "orders.send_stages",
        "orders.managers.Иванова",
        "orders.invoice_paid_stage",
    ):
        assert f"{place}: " in problems
    assert "похоже на: «ФИО плательщика»" in problems and "«1-ая оплата клиента»" in problems
    assert len(caught.value.problems) == 7
    with pytest.raises(ConfigError, match="воронки «Видео» нет на портале; есть: «Продажи»"):
        portal_names.load(client, bench.profile(deals={"pipeline": "Видео"}, results={}, rules=[]))


def test_aliases_and_codes_of_stages(client: Client) -> None:
    rules = [{"to": "Первая оплата", "from": ["C1:CONFIRMED"], "when": {"paid_charges": 1}}]
    aliased = bench.profile(
        rules=rules,
        deals={"pipeline": "Видеонаблюдение", "aliases": {"Первая оплата": ["1-АЯ  оплата клиента"]}},
    )
    names = portal_names.load(client, aliased)
    assert (
        names.stage("C1:CLIENT_PAID_1") == "Первая оплата"
        and names.stage_id("первая оплата") == "C1:CLIENT_PAID_1"
    )
    assert names.stage("C1:CONFIRMED") == "C1:CONFIRMED" and names.stage("C1:NEW") == "Новая"
    assert names.stage_id("Новая", 2) is None and names.stage_id("Новая", 1) == "C1:NEW"


def test_fields_a_profile_needs_and_the_portal_lacks(client: Client) -> None:
    wanting = bench.profile(
        deals={"fields": {"payer": "ФИО плательщика", "contract_date": "Когда", "address": "UF_CRM_NOPE"}},
        results={"paid_total": "Всего оплачено"},
    )
    found = {one.title: (one.code, one.kind) for one in fields.missing(client, wanting)}
    assert found == {
        "Когда": ("UF_CRM_OBMEN24_CONTRACT_DATE", "date"),
        "Всего оплачено": ("UF_CRM_OBMEN24_PAID_TOTAL", "money"),
    }
