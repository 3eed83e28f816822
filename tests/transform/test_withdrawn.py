"""Which stages lost their facts: what is a loss, what is progress, where a deal may go back."""

from decimal import Decimal

import pytest

from etl import tables
from etl.config.profile import Rule
from etl.transform import withdrawn
from tests.support.deals000 import deal, deals

RULES = (
    Rule(to="Отгружен", when={"shipped": True, "paid": False}, from_=("В работе", "Счет выставлен")),
    Rule(to="Оплачен", when={"paid": True, "shipped": False}, from_=("В работе", "Счет выставлен")),
    Rule(to="Закрыт", when={"paid": True, "shipped": True}, from_=("В работе", "Отгружен", "Оплачен")),
)
BY_STATUS = (
    Rule(to="Согласован", when={"status": "Согласован"}, from_=("Новая",)),
    Rule(to="Собран", when={"status": "Собран"}, from_=("Новая",)),
)
COUNTED = (Rule(to="Вторая", when={"paid_charges": 2}, from_=("Первая",)),)


def lost(known, before, stage=None, rules=RULES):
    listed = tables.records(deals(deal(stage=stage or before)))
    return withdrawn.withdrawn({"123": known}, rules, listed, {"123": before})


@pytest.mark.parametrize(
    ("known", "before", "because", "back"),
    [
        ({"paid": False, "shipped": True}, "Закрыт", "оплачено полностью: нет", ("Отгружен",)),
        ({"paid": True, "shipped": False}, "Закрыт", "отгружено полностью: нет", ("Оплачен",)),
        (
            {"paid": False, "shipped": False},
            "Закрыт",
            "оплачено полностью: нет, отгружено полностью: нет",
            ("В работе", "Отгружен", "Оплачен"),
        ),
        (
            {"paid": False, "shipped": False},
            "Отгружен",
            "отгружено полностью: нет",
            ("В работе", "Счет выставлен"),
        ),
        ({"paid": True, "shipped": False}, "Отгружен", "отгружено полностью: нет", ("Оплачен",)),
        (
            {"paid": False, "shipped": False, "paid_amount": Decimal("40"), "amount": Decimal("100")},
            "Оплачен",
            "оплачено полностью: нет (оплачено 40,00 из 100,00)",
            ("В работе", "Счет выставлен"),
        ),
    ],
)
def test_a_fact_that_is_gone_takes_its_stage_with_it(known, before, because, back):
    (one,) = lost(known, before)
    assert (one.stage, one.because, one.back, one.is_standing) == (before, because, back, True)


def test_counts_and_statuses_go_back_too():
    (one,) = lost({"paid_charges": 1}, "Вторая", rules=COUNTED)
    assert one.because == "оплаченных начислений: 1"
    (one,) = lost({"status": "Черновик"}, "Собран", rules=BY_STATUS)
    assert (one.because, one.back) == ("статус: Черновик", ("Новая",))
    (one,) = lost({"status": "Согласован"}, "Собран", rules=BY_STATUS)
    assert one.back == ("Согласован",)


@pytest.mark.parametrize(
    ("known", "before", "stage", "rules"),
    [
        ({"paid": True, "shipped": True}, "Отгружен", "Отгружен", RULES),
        ({"paid": True, "shipped": True}, "Оплачен", "Чужая", RULES),
        ({"status": "Собран"}, "Согласован", "Согласован", BY_STATUS),
        ({"paid_charges": 3}, "Вторая", "Вторая", COUNTED),
        ({}, "Вторая", "Вторая", COUNTED),
        ({"paid_charges": 0}, "Чужая", "Чужая", COUNTED),
    ],
)
def test_progress_is_no_loss(known, before, stage, rules):
    """What came true, what led on, what this profile does not judge and what no rule leads to."""
    assert lost(known, before, stage, rules) == []


def test_a_deal_elsewhere_is_told_of_without_a_question():
    (one,) = lost({"paid_charges": 1}, "Вторая", stage="Расторгнут", rules=COUNTED)
    assert not one.is_standing
    remark = withdrawn.remark(one)
    assert (remark["severity"], remark["key"]) == ("warn", "123")
    assert "Сделка стоит на «Расторгнут», обмен её не перемещает" in remark["message"]


def test_an_answer_moves_the_deal_or_leaves_it():
    (one,) = lost({"paid_charges": 1}, "Вторая", rules=COUNTED)
    asked = withdrawn.question(one, "stage:123")
    assert [way["text"] for way in asked["candidates"]] == ["вернуть на «Первая»", "оставить на «Вторая»"]
    (move,) = withdrawn.carried_out(one, asked["candidates"][0])
    assert (move["before"], move["after"]) == ("Вторая", "Первая")
    assert (
        withdrawn.carried_out(one, asked["candidates"][1]) == withdrawn.carried_out(one, {"id": None}) == []
    )
