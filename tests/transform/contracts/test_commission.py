from datetime import date
from decimal import Decimal

import pytest

from etl import tables
from etl.config.dialects import DIALECTS
from etl.config.profile import Commission
from etl.transform.contracts import commission
from etl.transform.contracts.facts import PaidCharge
from tests.support.deals000 import COMMISSION, OWN, contract, deal, deals

D = Decimal
TODAY = date(2026, 12, 1)


def facts(paid=0, ended=None, days=(date(2026, 10, 12), date(2026, 11, 12), date(2026, 12, 12))):
    items = tuple(
        PaidCharge(f"M26{10 + index}10003F", f"2026-{10 + index}", days[index], D(1500))
        for index in range(paid)
    )
    return contract(items, ended)


def accrue(known, history=(), settings=COMMISSION, granted=None, **changes):
    return commission.accrue(
        tables.records(deals(deal(**changes))),
        {"123": known},
        tables.records(tables.frame("accruals", history)),
        organisations=[OWN],
        settings=settings,
        today=TODAY,
        granted=granted,
    )


def acts(known, history=(), **changes):
    return [(row["number"], row["amount"]) for row in accrue(known, history, **changes)[0]]


def after(known, history=(), **changes):
    return [*history, *accrue(known, history, **changes)[0]]


@pytest.mark.parametrize(
    ("total", "first", "second"),
    [
        ("1000.01", "500.01", "500.00"),
        ("99.99", "50.00", "49.99"),
        ("0.01", "0.01", "0.00"),
        ("1000", "500.00", "500.00"),
    ],
)
def test_halves(total, first, second):
    assert commission.halves(D(total)) == (D(first), D(second))


def test_the_first_act():
    (row,) = accrue(facts(1))[0]
    assert row == {
        "deal": "123",
        "part": "first",
        "number": "A1-123",
        "date": TODAY,
        "manager": "7",
        "manager_name": "Менеджерова Мария",
        "organisation": OWN.name,
        "agreed": D("1000.01"),
        "amount": D("500.01"),
        "contract_number": "ВН-123",
        "contract_date": date(2026, 9, 10),
        "payer": "Плательщиков Пётр 123-й",
        "paid_on": date(2026, 10, 12),
        "paid_amount": D(1500),
        "basis": "Сделка № 123, договор № ВН-123 от 10.09.2026",
        "service": "Вознаграждение за заключение договора, часть 1 из 2",
    }


def test_each_half_once_and_in_order():
    assert acts(facts(0)) == []
    first = after(facts(1))
    assert acts(facts(1), first) == []
    assert acts(facts(2), first) == [("A2-123", D("500.00"))]
    assert acts(facts(3), after(facts(2), first)) == []


def test_a_skipped_stage_gives_both_rows_in_order():
    assert acts(facts(2)) == [("A1-123", D("500.01")), ("A2-123", D("500.00"))]


def test_a_half_of_nothing_makes_no_row():
    assert acts(facts(2), commission=D("0.01")) == [("A1-123", D("0.01"))]


def test_the_sum_is_frozen_at_the_first_accrual():
    assert acts(facts(2), after(facts(1)), commission=D(9999)) == [("A2-123", D("500.00"))]


def test_paid_after_the_termination_is_asked_and_the_answer_decides():
    first, late = after(facts(1)), facts(2, date(2026, 11, 11))
    rows, refused, (asked,) = accrue(late, first)
    assert (rows, refused) == ([], [])
    assert asked.reason == (
        "Договор расторгнут 11.11.2026, вторая оплата (M261110003F) пришла позже, 12.11.2026"
    )
    assert acts(late, first, granted={asked.key: True}) == [("A2-123", D("500.00"))]
    assert accrue(late, first, granted={asked.key: False}) == ([], [], [])
    assert accrue(facts(2, date(2026, 11, 10)), first, granted={asked.key: True})[2], (
        "another day, asked anew"
    )


@pytest.mark.parametrize(("rule", "count"), [("accrue", 1), ("none", 0)])
def test_the_profile_may_decide_what_is_paid_after_the_termination(rule, count):
    settings = COMMISSION.model_copy(update={"after_termination": rule})
    rows, refused, asked = accrue(facts(2, date(2026, 11, 11)), after(facts(1)), settings=settings)
    assert (len(rows), refused, asked) == (count, [], [])
    unknown = facts(2, date(2026, 11, 11), days=(date(2026, 10, 12), None))
    assert len(accrue(unknown, after(facts(1)), settings=settings)[0]) == count


def test_terminated_and_paid_in_time():
    first = after(facts(1))
    assert acts(facts(2, date(2026, 11, 12)), first) == [("A2-123", D("500.00"))], (
        "paid on the day of termination"
    )
    assert acts(facts(1, date(2026, 10, 1))) == [("A1-123", D("500.01"))], (
        "the first half needs the first payment only"
    )


def test_an_unknown_day_of_the_second_payment_after_a_termination_is_asked():
    rows, refused, _ = accrue(facts(2, date(2026, 11, 11), days=(date(2026, 10, 12), None)))
    assert [row["number"] for row in rows] == ["A1-123"], "the first half is not lost"
    assert "день второй оплаты неизвестен" in refused[0]["reason"]
    assert acts(facts(2, days=(None, None))) == [("A1-123", D("500.01")), ("A2-123", D("500.00"))]


def test_a_refund_is_reversed_and_paid_again_is_accrued_again():
    both = after(facts(2))
    assert acts(facts(1), both) == [("R2-123", D("-500.00"))]
    assert acts(facts(0), both) == [("R2-123", D("-500.00")), ("R1-123", D("-500.01"))]
    undone = after(facts(0), both)
    assert acts(facts(0), undone) == []
    assert [(row["part"], row["service"]) for row in undone[2:]] == [
        ("reversal-second", "Возврат вознаграждения, часть 2 из 2"),
        ("reversal-first", "Возврат вознаграждения, часть 1 из 2"),
    ]
    again = after(facts(2), undone, manager="8", manager_name="Другов Денис")
    assert [row["number"] for row in again[4:]] == ["A12123", "A22123"]
    assert again[2]["manager"] == "7" and again[4]["manager"] == "8", "taken back from whom it was given"
    assert acts(facts(0), again) == [("R22123", D("-500.00")), ("R12123", D("-500.01"))]


def test_acts_are_grouped_by_responsible_manager():
    listed = deals(
        deal(1, manager="9", manager_name="Яковлев"),
        deal(2, manager="8", manager_name="Антонов"),
        deal(3, manager="9", manager_name="Яковлев"),
    )
    rows, _, _ = commission.accrue(
        tables.records(listed),
        {number: facts(1) for number in "123"},
        (),
        organisations=[OWN],
        settings=COMMISSION,
        today=TODAY,
    )
    assert [row["deal"] for row in rows] == ["2", "1", "3"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"commission": None}, "Не заполнена согласованная сумма вознаграждения (поле «Вознаграждение»)"),
        ({"commission": D(0)}, "Вознаграждение не больше нуля"),
        ({"manager": None}, "У сделки нет ответственного"),
        ({"id": "123456789"}, "Номер акта не составить"),
    ],
)
def test_what_cannot_be_accrued_is_an_exception(change, said):
    row = deal() | change
    rows, refused, _ = commission.accrue(
        tables.records(deals(row)),
        {row["id"]: facts(2)},
        (),
        organisations=[OWN],
        settings=COMMISSION,
        today=TODAY,
    )
    assert not len(rows) and said in refused[0]["reason"] and refused[0]["advice"].endswith(".")
    assert not len(
        commission.accrue(
            tables.records(deals(row)),
            {row["id"]: facts(0)},
            (),
            organisations=[OWN],
            settings=COMMISSION,
            today=TODAY,
        )[1]
    ), "not due yet"


@pytest.mark.parametrize("base", [D("34567.89"), "34 567,89 руб.", "34567.89|RUB"])
def test_percent_of_a_named_base(base):
    settings = Commission(percent="10", base="Цена установки")
    assert acts(facts(2), settings=settings, fields={"Цена установки": base}) == [
        ("A1-123", D("1728.40")),
        ("A2-123", D("1728.39")),
    ]


def test_percent_of_a_bad_or_empty_base():
    settings = Commission(percent="10", base="Цена установки")
    assert "Не заполнена сумма, от которой" in accrue(facts(1), settings=settings)[1][0]["reason"]
    assert (
        "не число" in accrue(facts(1), settings=settings, fields={"Цена установки": "дорого"})[1][0]["reason"]
    )
    assert acts(facts(1), settings=Commission(percent="0.5", base="amount")) == [("A1-123", D("86417.50"))], (
        "a column of deals"
    )


def test_deals_without_facts_are_left_alone():
    assert not len(
        commission.accrue(
            tables.records(deals(deal(5))), {}, (), organisations=[OWN], settings=COMMISSION, today=TODAY
        )[0]
    )


def test_when_an_act_counts_as_accepted():
    states = {"A1-1": "published", "A1-2": "echoed", "A1-3": "assumed", "A1-4": "refused"}
    assert commission.accepted("seen", states) == {"A1-2"}
    assert commission.accepted("published", states) == {"A1-1", "A1-2", "A1-3"}
    assert commission.accepted("person", states, ["A1-4"]) == {"A1-4"}
    assert commission.accepted("seen", states, ["A1-1"]) == {"A1-1", "A1-2"}


def test_the_default_confirmation_depends_on_what_1c_tells():
    silent = Commission(agreed="Сумма")
    assert commission.confirmation(silent, DIALECTS["bitrix3"]) == "seen"
    assert commission.confirmation(silent, DIALECTS["ut11"]) == "published"
    assert (
        commission.confirmation(Commission(agreed="Сумма", confirm="person"), DIALECTS["bitrix3"]) == "person"
    )
