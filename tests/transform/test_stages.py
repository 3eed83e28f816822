from datetime import date
from decimal import Decimal

import pytest

from etl import tables
from etl.config.profile import Rule
from etl.transform import stages
from tests.support.deals000 import (
    CONFIRMED,
    FIRST_ACT,
    FIRST_PAID,
    SECOND_ACT,
    SECOND_PAID,
    TERMINATED,
    deal,
    deals,
)

RULES = (
    Rule(
        to=FIRST_PAID,
        when={"paid_charges": 1},
        from_=(CONFIRMED,),
        notify="Сделка {deal}: оплачено {amount} руб. по {number} {date}",
    ),
    Rule(to=FIRST_ACT, when={"act1": True}, from_=(CONFIRMED, FIRST_PAID)),
    Rule(to=SECOND_PAID, when={"paid_charges": 2, "act1": True}, from_=(CONFIRMED, FIRST_PAID, FIRST_ACT)),
    Rule(to=SECOND_ACT, when={"act2": True}, from_=(CONFIRMED, FIRST_PAID, FIRST_ACT, SECOND_PAID)),
)


def move(known, stage, last=None):
    changes, derived = stages.moves(
        {"123": known}, RULES, tables.records(deals(deal(stage=stage))), {"123": last} if last else {}
    )
    return [(row["action"], row["after"]) for row in changes if row["action"] == "stage"], derived.get("123")


@pytest.mark.parametrize(
    ("known", "stage"),
    [
        ({}, None),
        ({"paid_charges": 0}, None),
        ({"paid_charges": 1}, FIRST_PAID),
        ({"paid_charges": 2}, FIRST_PAID),
        ({"paid_charges": 1, "act1": True}, FIRST_ACT),
        ({"paid_charges": 2, "act1": True}, SECOND_PAID),
        ({"paid_charges": 3, "act1": True, "act2": True}, SECOND_ACT),
    ],
)
def test_the_stage_follows_from_facts(known, stage):
    rule = stages.derive(known, RULES)
    assert (rule.to if rule else None) == stage


def test_the_road_of_a_contract():
    assert move({"paid_charges": 1}, CONFIRMED) == ([("stage", FIRST_PAID)], FIRST_PAID)
    assert move({"paid_charges": 1}, FIRST_PAID, FIRST_PAID) == ([], None)
    assert move({"paid_charges": 1, "act1": True}, FIRST_PAID, FIRST_PAID) == (
        [("stage", FIRST_ACT)],
        FIRST_ACT,
    )
    assert move({"paid_charges": 2, "act1": True}, FIRST_ACT, FIRST_ACT) == (
        [("stage", SECOND_PAID)],
        SECOND_PAID,
    )
    assert move({"paid_charges": 2, "act1": True, "act2": True}, SECOND_PAID, SECOND_PAID) == (
        [("stage", SECOND_ACT)],
        SECOND_ACT,
    )


def test_a_later_move_of_a_person_is_never_undone():
    assert move({"paid_charges": 1}, CONFIRMED, FIRST_PAID) == ([], None), "a person moved it back"
    assert move({"paid_charges": 1}, TERMINATED) == ([], FIRST_PAID), (
        "not in `from`: derived is remembered, nothing is written"
    )
    assert move({"paid_charges": 1}, CONFIRMED, FIRST_PAID) == ([], None), (
        "moved out of the final stage later: still not ours"
    )


def test_already_there_is_remembered_and_not_written():
    assert move({"paid_charges": 1}, FIRST_PAID) == ([], FIRST_PAID)


def test_facts_that_are_gone_move_nothing_and_move_again_when_they_come_back():
    assert move({"paid_charges": 0}, CONFIRMED) == ([], None)
    assert move({"paid_charges": 0}, CONFIRMED, FIRST_PAID) == ([], stages.NOTHING)
    assert move({"paid_charges": 1}, CONFIRMED, stages.NOTHING) == ([("stage", FIRST_PAID)], FIRST_PAID)


def test_the_change_says_why_and_tells_the_responsible():
    known = {
        "paid_charges": 1,
        "number": "M261110003F",
        "amount": Decimal("1500.00"),
        "date": date(2026, 11, 12),
    }
    changes, _ = stages.moves({"123": known}, RULES, tables.records(deals()), {})
    stage, notice = changes
    assert (stage["side"], stage["entity"], stage["key"], stage["field"], stage["before"]) == (
        "portal",
        "deal",
        "123",
        "stage",
        CONFIRMED,
    )
    assert stage["reason"] == "paid_charges = 1 (M261110003F, 12.11.2026)"
    assert (notice["action"], notice["before"]) == ("notify", "7")
    assert notice["after"] == "Сделка Видеонаблюдение 123: оплачено 1500,00 руб. по M261110003F 12.11.2026"


def test_whoever_is_responsible_when_the_word_leaves_gets_it():
    """A deal made a moment ago was read without the responsible whom the portal gave it."""
    changes, _ = stages.moves(
        {"123": {"paid_charges": 1}}, RULES, tables.records(deals(deal(manager=None))), {}
    )
    assert [(row["action"], row["before"]) for row in changes if row["action"] == "notify"] == [
        ("notify", None)
    ]


def test_conditions_of_every_kind():
    rules = (
        Rule(to="Отгружен", when={"shipped": True, "paid": False}, from_=("В работе",)),
        Rule(to="Готов", when={"status": "Готов к отгрузке"}, from_=("В работе",)),
    )
    assert stages.derive({"shipped": True}, rules).to == "Отгружен"
    assert stages.derive({"shipped": True, "paid": True}, rules) is None
    assert stages.derive({"status": "готов к  отгрузке"}, rules).to == "Готов"
    changes, _ = stages.moves(
        {"123": {"shipped": True}}, rules, tables.records(deals(deal(stage="В работе"))), {}
    )
    assert changes[0]["reason"] == "shipped = да, paid = нет"


def test_a_title_is_shown_as_it_is_written():
    """People write what they like into a title: it is neither formatting nor a place of ours."""
    known = {"paid_charges": 1, "amount": Decimal("10.00")}
    title = "[b]Дом[/b] [url=https://x.example]тут[/url] {amount} [кв. 5]"
    changes, _ = stages.moves({"123": known}, RULES, tables.records(deals(deal(title=title))), {})
    said = next(row["after"] for row in changes if row["action"] == "notify")
    assert "(b)Дом(/b) (url=https://x.example)тут(/url) {amount} [кв. 5]" in said


# ---- moves by hand ----
def entered(known, stood, stage=FIRST_PAID):
    rows = tables.records(deals(deal(stage=stage)))
    return [(row["after"], row["reason"]) for row in stages.entered({"123": known}, RULES, rows, stood)]


def test_a_stage_never_looked_at_tells_of_nobody():
    assert entered({"paid_charges": 1}, {}) == []


def test_a_deal_that_stood_there_before_is_not_told_again():
    assert entered({"paid_charges": 1}, {FIRST_PAID: {"123"}}) == []


def test_a_move_by_hand_that_the_facts_prove_is_told_as_our_own_would_be():
    known = {"paid_charges": 1, "amount": Decimal("700.00"), "number": "M1", "date": date(2026, 11, 3)}
    moved, _ = stages.moves({"123": known}, RULES, tables.records(deals(deal(stage=CONFIRMED))), {})
    ours = [(row["after"], row["reason"]) for row in moved if row["action"] == "notify"]
    assert entered(known, {FIRST_PAID: set()}) == ours


def test_a_move_by_hand_without_facts_says_so():
    ((text, reason),) = entered({}, {FIRST_PAID: set()})
    assert "оплачено – руб. по – –" in text
    assert text.endswith("(сделку перенесли вручную, 1С этого ещё не подтвердила)")
    assert reason == f"сделку перенесли вручную: {FIRST_PAID}"


def test_who_stands_where_counts_the_moves_of_this_run():
    rows = tables.records(deals(deal(id="1", stage=CONFIRMED), deal(id="2", stage=FIRST_PAID)))
    assert stages.standing(RULES, rows, {"1": FIRST_PAID, "2": FIRST_ACT}) == {FIRST_PAID: ["1"]}


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{amount} руб.", "100,00 USD"),
        ("{amount} ₽ по {number}", "100,00 USD по 5"),
        ("{amount}", "100,00 USD"),
        ("без суммы", "без суммы"),
    ],
)
def test_a_notification_never_calls_dollars_roubles(pattern, said):
    rule = Rule(to=FIRST_PAID, when={"paid": True}, from_=(CONFIRMED,), notify=pattern)
    known = {"paid": True, "amount": Decimal(100), "currency": "USD", "number": "5"}
    (one,) = tables.records(deals(deal(stage=CONFIRMED)))
    changes, _ = stages.moves({one["id"]: known}, (rule,), [{**one, "manager": "7"}], {})
    assert [row["after"] for row in changes if row["action"] == "notify"] == [said]
