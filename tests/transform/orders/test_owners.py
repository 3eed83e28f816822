"""Whose a document of 1C is."""

from __future__ import annotations

from etl.records import Document
from etl.transform.orders import owners
from etl.values import keys
from tests.support.rows import column, whole


def order(identifier: str, number: str | None, kind: str = "order") -> Document:
    return {"id": identifier, "kind": kind, "number": number, "deal": None}


def test_a_number_leads_to_a_deal_while_only_one_order_bears_it() -> None:
    rows = [order("g1", "УТ-1"), order("g2", "УТ-2"), order("g3", "УТ-2"), order("g4", "УТ-4", "invoice")]
    pairs = {"g1": "5", "g2": "6", "g4": "7"}
    assert owners.links(rows, pairs) == pairs | {"УТ-1": "5"}


def test_an_id_made_of_portal_kind_and_number_proves_that_a_document_is_ours() -> None:
    number = keys.order("5")
    ours = order(keys.document_id("p", "order", number), number)
    assert owners.provably_ours([ours, order("g", keys.order("6"))], "p") == {number}
    assert owners.provably_ours([ours], "another portal") == set()


def test_deals_made_of_orders_are_known_by_our_origin_only() -> None:
    rows = [
        {"id": "1", "originator": "obmen24", "origin": "g1"},
        {"id": "2", "originator": "comagic", "origin": "g2"},
        {"id": "3", "originator": "obmen24"},
    ]
    assert owners.by_origin(whole("deals", *rows), "obmen24", {}) == {"g1": "1"}


def test_of_a_deal_and_its_copies_the_remembered_one_counts_else_the_oldest() -> None:
    rows = whole(
        "deals", *({"id": name, "originator": "obmen24", "origin": "g1"} for name in ("10", "9", "a-plan"))
    )
    assert owners.by_origin(rows, "obmen24", {}) == {"g1": "9"}
    assert owners.by_origin(rows, "obmen24", {"g1": "10"}) == {"g1": "10"}
    assert owners.by_origin(rows, "obmen24", {"g1": "77"}) == {"g1": "9"}, "the remembered one is gone"


def test_a_charge_of_a_contract_is_no_order_of_its_deal() -> None:
    rows = [order("g1", keys.order("5")), order("g2", keys.charge("5", "2026-11", 1)), order("g3", "УТ-3")]
    roles = {row["id"]: owners.Belonging("5", "content") for row in rows}
    assert column(owners.owned(rows, roles), "id") == ["g1", "g3"]


def test_what_a_document_of_1c_is_to_the_portal() -> None:
    charge = keys.charge("7", "2026-11", 1)
    documents: list[Document] = [
        {"id": "d1", "kind": "order", "number": "B24-5"},
        {"id": "d2", "kind": "invoice", "number": "00-17"},
        {"id": "d3", "kind": "invoice", "number": "S24-9"},
        {"id": "d4", "kind": "order", "number": charge},
        {"id": "d5", "kind": "invoice", "number": charge},
        {"id": "d6", "kind": "act", "number": "A1-7"},
        {"id": "d7", "kind": "payment", "number": "B24-5"},
        {"id": "d8", "kind": "order", "number": "УТ-1"},
        {"id": "d9", "kind": "order", "number": "УТ-2"},
        {"id": "d10", "kind": "invoice", "number": "УТ-3"},
        {"id": "d11", "kind": "payment", "number": "4"},
    ]
    found = {
        "d1": "B24-5",
        "d2": "B24-5",
        "d3": "S24-9",
        "d4": charge,
        "d5": charge,
        "d6": "A1-7",
        "d7": "S24-9",
        "d8": "d8",
        "d10": "d8",
        "d11": charge,
    }
    roles = owners.belongings(documents, found, links={"d8": "40"}, invoices={"9": "5"})
    assert [[one.deal, one.role] for one in roles.values()] == [
        ["5", "content"],
        ["5", "content"],
        ["5", "facts"],
        ["7", "facts"],
        ["7", "facts"],
        ["7", "facts"],
        ["5", "facts"],
        ["40", "content"],
        [None, "born"],
        ["40", "content"],
        ["7", "facts"],
    ]
