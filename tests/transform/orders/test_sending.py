"""Which deals and invoices go to 1C, and under which name a buyer goes (specifications 001, 003)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from etl.config.profile import Orders, Rule
from etl.records import Deal, Document, Party
from etl.transform.orders import sending
from etl.values import keys
from tests.support.documents import D
from tests.support.rows import whole

SETTINGS = Orders(send_stages=("Заказ в работе",), invoice_stages=("Счет в 1с",))
RULES = [Rule(to="Отгружен", **{"from": ["Счет выставлен"]}, when={"shipped": True})]


def deal(number: str = "5", **values: Any) -> Deal:
    given = {"id": number, "stage": "Заказ в работе", "originator": "obmen24"} | values
    (row,) = whole("deals", given)
    return row


def exchanged(
    *deals: Deal, told_before: tuple[str, ...] = (), born: tuple[str, ...] = ()
) -> list[tuple[str, str | None]]:
    found = sending.in_exchange(
        deals,
        sending.exchange(SETTINGS, RULES),
        told_before=told_before,
        born=born,
        originator="obmen24",
    )
    return [(row["id"], row["origin"]) for row in found]


def test_003_a_stage_the_profile_does_not_name_never_reaches_1c() -> None:
    """«Стадия «поступил заказ» никак не влияет на 1с, сюда помещаются сделки требующие корректировки»"""
    assert exchanged(deal(stage="Поступил заказ")) == []
    assert exchanged(deal(stage="Поступил заказ"), told_before=("5",)) == []


def test_a_deal_begins_in_a_sending_stage_and_stays_in_the_stages_of_the_rules() -> None:
    assert exchanged(deal()) == [("5", None)]
    assert exchanged(deal(stage="Счет в 1с")) == [("5", None)]
    assert exchanged(deal(stage="Отгружен")) == []
    assert exchanged(deal(stage="Отгружен"), told_before=("5",)) == [("5", None)]
    assert exchanged(deal(stage="Счет выставлен"), told_before=("5",)) == [("5", None)]


def test_closed_deals_and_deals_of_a_plan_stay_out() -> None:
    assert exchanged(deal(closed=True)) == []
    assert exchanged(deal("g-order")) == []


def test_the_origin_of_a_foreign_system_says_nothing() -> None:
    assert exchanged(deal(origin="lead-1", originator="comagic")) == [("5", None)]
    assert exchanged(deal(origin="g-order")) == [("5", "g-order")]
    assert exchanged(deal(origin="g-order", originator=None), born=("5",)) == [("5", "g-order")]


def test_what_1c_knows_is_not_sent_for_the_first_time() -> None:
    bill: Document = {"id": "9", "status": "Счет в 1с"}
    other: Document = {"id": "10", "status": "Новый"}
    rows = [deal(), deal("6", origin="g-order"), deal("7", stage="Отгружен")]
    assert sending.first_sent(rows, [bill, other], SETTINGS, {}) == {("deal", "5"), ("invoice", "9")}
    known = {keys.order("5"): dt.date(2026, 11, 1), keys.invoice("9"): dt.date(2026, 11, 1)}
    assert sending.first_sent(rows, [bill], SETTINGS, known) == set()


def test_deals_without_an_order_in_1c_and_unfilled_ones_have_nothing_to_compare() -> None:
    rows = [deal("5"), deal("6"), deal("7"), deal("8")]
    known = {keys.order("5")}
    assert sending.unfilled(rows, {"7", "8"}, {"8"}, known) == {("deal", "6"), ("deal", "7")}


def buyer(party: str, name: str, inn: str | None = None, document: str = "d1") -> Party:
    return {"id": party, "document": document, "name": name, "inn": inn}


def test_a_buyer_without_inn_goes_under_the_name_he_was_first_sent_with() -> None:
    found = sending.named(
        [buyer("p1", "Иванова Анна"), buyer("p2", "ООО «Причал»", "1")], {"p1": "Петрова Анна"}
    )
    assert [row["name"] for row in found.parties] == ["Петрова Анна", "ООО «Причал»"]
    assert dict(found.first_names()) == {"p1": "Петрова Анна"}
    assert (found.stopped, found.issues) == (frozenset(), [])


def test_a_name_that_is_another_buyers_stops_his_documents() -> None:
    rows = [buyer("p1", "Петрова  анна"), buyer("p3", "Мохова Инна", document="d2")]
    found = sending.named(rows, {"p2": "Петрова Анна"})
    assert found.stopped == {"d1"}
    assert [row["id"] for row in found.parties] == ["p3"]
    (issue,) = found.issues
    assert (issue["key"], issue["field"]) == ("p1", "name")
    assert "Укажите ИНН" in issue["message"]
    assert dict(found.first_names()) == {"p3": "Мохова Инна"}


@pytest.mark.parametrize(
    ("rate", "currency", "kept"),
    [(D(82), "USD", D(82)), (D(1), "USD", D(80)), (None, "USD", D(80)), (D(82), "EUR", D(80))],
)
def test_an_order_born_in_1c_keeps_its_buyer_rate_comment_and_posting(
    rate: Any, currency: str, kept: Any
) -> None:
    own: Document = {
        "party": "g-buyer",
        "comment": "своё",
        "posted": False,
        "currency": currency,
        "rate": rate,
        "requisites": {"А": "1", "Б": "2"},
    }
    ours: Document = {
        "id": "g",
        "party": "p",
        "comment": "наше",
        "posted": True,
        "currency": "USD",
        "rate": D(80),
        "requisites": {"Б": "3"},
    }
    assert sending.as_born(ours, own) == {
        "id": "g",
        "party": "g-buyer",
        "comment": "своё",
        "posted": False,
        "currency": "USD",
        "rate": kept,
        "requisites": {"А": "1", "Б": "3"},
    }
