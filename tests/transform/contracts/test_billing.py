"""Numbers of reference onec §5 and §6, DESIGN §4, point 4 of the specification's work order."""

from datetime import date
from decimal import Decimal

import pytest

from etl import tables
from etl.config.ends import Organisation
from etl.errors import ConfigError
from etl.transform.contracts import fees
from etl.transform.contracts import register as register_rules
from tests.support.deals000 import (
    CONFIRMED,
    EXEMPT,
    OWN,
    SECOND_ACT,
    TERMINATED,
    bill,
    deal,
    deals,
    payment,
    register,
)

D = Decimal
NOVEMBER = {"terminated_on": date(2026, 11, 15)}


def only(frame):
    (row,) = tables.records(frame)
    return row


def rows(frame):
    return tables.records(frame)


def reasons(plan):
    return {row["deal"]: row["reason"] for row in rows(plan.exceptions)}


# ---- the charge itself ----


def test_a_confirmed_contract_is_charged_once_a_month():
    plan = bill(deals())
    assert only(plan.charges) == {
        "deal": "123",
        "month": "2026-11",
        "kind": "fee",
        "version": 1,
        "number": "M261110003F",
        "payer": "Плательщиков Пётр 123-й",
        "payer_key": "Плательщиков Пётр 123-й (дог. № ВН-123)",
        "payer_inn": None,
        "address": "г. Тула, ул. Мира, 123",
        "contract_number": "ВН-123",
        "contract_date": date(2026, 9, 10),
        "amount": D("1500.00"),
        "vat_rate": D(22),
        "vat_exempt": False,
        "vat_amount": D("270.49"),
        "date": date(2026, 11, 1),
        "terminated_on": None,
        "manager": "7",
        "manager_name": "Менеджерова Мария",
        "organisation": "ООО «Око»",
        "service": "Услуги видеонаблюдения",
        "note": None,
        "action": "new",
        "delta": D("1500.00"),
    }
    assert not len(plan.exceptions) and not len(plan.hand) and not len(plan.terminated)
    assert tables.check("charges", plan.charges)[1].empty


@pytest.mark.parametrize("stage", [CONFIRMED, SECOND_ACT])
def test_later_contract_stages_are_charged_too(stage):
    assert len(bill(deals(deal(stage=stage))).charges) == 1


def test_deals_that_are_not_contracts_are_not_mentioned():
    plan = bill(deals(deal(stage="Переговоры")))
    assert not len(plan.charges) and not len(plan.exceptions) and not len(plan.skipped)


def test_the_fee_is_charged_and_not_the_amount_of_the_deal():
    assert only(bill(deals(deal(amount=D(34567000), monthly_fee=D("990.5")))).charges)["amount"] == D(
        "990.50"
    )


def test_running_a_month_twice_gives_nothing_new():
    first = bill(deals())
    again = bill(deals(), register(first))
    assert not len(again.charges) and not len(again.exceptions)
    assert only(again.skipped)["reason"] == "Уже начислено, номер M261110003F"


def test_a_contract_confirmed_later_goes_into_version_2_with_its_own_number():
    first = bill(deals(deal(1)))
    late = bill(deals(deal(1), deal(2)), register(first))
    assert only(late.charges)["version"] == 2
    assert only(late.charges)["number"] == "M2611200002"


def test_an_exported_charge_is_frozen_a_new_fee_and_address_count_from_next_month():
    first = bill(deals())
    changed = deals(deal(monthly_fee=D(1800), address="г. Калуга"))
    assert not len(bill(changed, register(first)).charges)
    december = only(bill(changed, register(first), month="2026-12").charges)
    assert (december["amount"], december["address"]) == (D("1800.00"), "г. Калуга")


def test_the_order_of_deals_does_not_matter():
    listed = [deal(number) for number in (9, 10, 2, 100)]
    assert rows(bill(deals(*listed)).charges) == rows(bill(deals(*reversed(listed))).charges)
    assert [row["deal"] for row in rows(bill(deals(*listed)).charges)] == ["2", "9", "10", "100"]


def test_a_month_far_ahead_is_refused():
    with pytest.raises(ConfigError, match="ещё далеко"):
        bill(deals(), month="2062-11", today=date(2026, 11, 3))
    with pytest.raises(ConfigError, match="не месяц"):
        bill(deals(), month="2026-1")
    assert len(bill(deals(), month="2026-12", today=date(2026, 11, 30)).charges) == 1, (
        "the next month may be billed ahead"
    )


def test_the_month_stands_in_the_service_and_the_date_is_as_set():
    row = only(bill(deals(), service="Видеонаблюдение за {month}", date="last").charges)
    assert (row["service"], row["date"]) == ("Видеонаблюдение за ноябрь 2026 г.", date(2026, 11, 30))


# ---- termination ----


@pytest.mark.parametrize(
    ("day", "charged"),
    [
        (date(2026, 11, 1), True),
        (date(2026, 11, 30), True),
        (date(2026, 12, 31), True),
        (date(2026, 10, 31), False),
    ],
)
def test_the_month_of_termination_is_charged_in_full_later_ones_are_not(day, charged):
    plan = bill(deals(deal(stage=TERMINATED, terminated_on=day)))
    if charged:
        assert only(plan.charges)["amount"] == D("1500.00")
        assert only(plan.charges)["terminated_on"] == day
    else:
        assert not len(plan.charges) and not len(plan.exceptions)
        assert only(plan.skipped)["reason"] == "Договор расторгнут 31.10.2026"


def test_a_terminated_contract_is_listed_with_its_last_charge():
    plan = bill(
        deals(deal(terminated_on=date(2026, 11, 15)), deal(2, terminated_on=date(2026, 12, 15)), deal(3))
    )
    assert {row["deal"]: row["month"] for row in rows(plan.terminated)} == {"2": "2026-11", "123": "2026-11"}


def test_terminated_stage_with_an_empty_date_is_asked_and_not_billed():
    plan = bill(deals(deal(stage=TERMINATED)))
    assert not len(plan.charges)
    assert only(plan.exceptions)["reason"] == "Стадия «Договор расторгнут», а дата расторжения не заполнена"
    assert only(plan.exceptions)["advice"] == "Заполните дату расторжения в сделке."


def test_a_date_counts_whatever_the_stage():
    assert not len(bill(deals(deal(stage=CONFIRMED, terminated_on=date(2026, 10, 1)))).charges)


def test_terminated_before_start_is_asked():
    plan = bill(deals(deal(terminated_on=date(2026, 9, 9))))
    assert reasons(plan) == {"123": "Дата расторжения раньше даты договора"} and not len(plan.charges)


@pytest.mark.parametrize(
    ("setting", "day", "amount"),
    [
        ("full", 10, "1500.00"),
        ("prorate", 10, "500.00"),
        ("prorate", 1, "50.00"),
        ("prorate", 30, "1500.00"),
        ("none", 10, None),
    ],
)
def test_share_of_the_month_of_termination(setting, day, amount):
    plan = bill(deals(deal(terminated_on=date(2026, 11, day))), termination_month=setting)
    assert [row["amount"] for row in rows(plan.charges)] == ([] if amount is None else [D(amount)])


@pytest.mark.parametrize(
    ("setting", "day", "amount"),
    [
        ("full", 30, "1500.00"),
        ("prorate", 30, "50.00"),
        ("prorate", 1, "1500.00"),
        ("prorate", 21, "500.00"),
        ("none", 1, None),
    ],
)
def test_share_of_the_first_month(setting, day, amount):
    plan = bill(deals(deal(contract_date=date(2026, 11, day))), first_month=setting)
    assert [row["amount"] for row in rows(plan.charges)] == ([] if amount is None else [D(amount)])


def test_days_are_counted_inclusive_and_rounded_half_up():
    settings = {"first_month": "prorate", "termination_month": "prorate"}
    both = bill(
        deals(
            deal(contract_date=date(2026, 2, 10), terminated_on=date(2026, 2, 10), monthly_fee=D("100.10"))
        ),
        month="2026-02",
        **settings,
    )
    assert only(both.charges)["amount"] == D("3.58"), "100.10 / 28 = 3.575"
    leap = bill(
        deals(deal(contract_date=date(2027, 5, 31), terminated_on=date(2028, 2, 29))),
        month="2028-02",
        today=date(2028, 2, 1),
        **settings,
    )
    assert only(leap.charges)["amount"] == D("1500.00")
    last = bill(deals(deal(contract_date=date(2026, 8, 31))), month="2026-08", **settings)
    assert only(last.charges)["amount"] == D("48.39"), "signed on the 31st: one day of August"


# ---- who is left out, and why ----


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"contract_number": None}, "Не заполнено: номер договора"),
        ({"contract_number": "  "}, "Не заполнено: номер договора"),
        ({"contract_date": None}, "Не заполнено: дата договора"),
        ({"payer": None}, "Не заполнено: плательщик"),
        ({"monthly_fee": None}, "Не заполнено: абонентская плата"),
        ({"payer": None, "monthly_fee": None}, "Не заполнено: плательщик, абонентская плата"),
        ({"monthly_fee": D(0)}, "Абонентская плата не больше нуля"),
        ({"monthly_fee": D(-5)}, "Абонентская плата не больше нуля"),
        ({"contract_date": date(2026, 12, 1)}, "Дата договора 01.12.2026 позже месяца начисления"),
        ({"currency": "USD"}, "Валюта сделки USD, начисления ведутся в рублях"),
        ({"organisation": "ООО «Чужая»"}, "Наша организация «ООО «Чужая»» не описана в профиле"),
        ({"id": "60466176"}, "Номер начисления не составить: число 60466176 не помещается в 5 знака номера"),
        ({"id": "лид"}, "Номер начисления не составить: идентификатор «лид» не целое число"),
    ],
)
def test_left_out_with_a_reason_and_advice(change, reason):
    plan = bill(deals(deal() | change, deal(5)))
    assert [row["deal"] for row in rows(plan.charges)] == ["5"], "neighbours are charged"
    row = only(plan.exceptions)
    assert (
        row["reason"] == reason and row["advice"].endswith(".") and row["manager_name"] == "Менеджерова Мария"
    )


def test_a_contract_signed_on_the_last_day_of_the_month_is_charged():
    assert len(bill(deals(deal(contract_date=date(2026, 11, 30)))).charges) == 1


def test_excluded_deals_are_named_but_ask_nothing():
    plan = bill(deals(deal(5)), exclude=("5",))
    assert not len(plan.charges) and not len(plan.exceptions) and only(plan.skipped)["deal"] == "5"


def test_a_charged_deal_that_left_the_contract_stages_or_vanished_is_reported():
    october = register(bill(deals(deal(1), deal(2)), month="2026-10"))
    plan = bill(deals(deal(1, stage="Сделка провалена")), october)
    assert reasons(plan) == {
        "1": "Начислялась в прошлом месяце, а теперь на стадии «Сделка провалена»",
        "2": "Начислялась в прошлом месяце, а среди сделок портала её нет",
    }
    assert not len(plan.charges)


def test_a_missing_address_is_a_note_and_a_doubtful_inn_too():
    row = only(bill(deals(deal(address=None, payer_inn="7707083894"))).charges)
    assert (
        row["note"]
        == "ИНН: контрольная цифра не сходится, проверьте набор (7707083894); не указан адрес объекта"
    )
    assert row["payer_inn"] is None and row["payer_key"].endswith("(дог. № ВН-123)")


# ---- VAT ----


@pytest.mark.parametrize(
    ("total", "rate", "vat"),
    [
        ("270.00", 22, "48.69"),
        ("1500.00", 20, "250.00"),
        ("1500.00", 5, "71.43"),
        ("1500.00", 7, "98.13"),
        ("0.01", 22, "0.00"),
        ("1500.00", 0, "0.00"),
    ],
)
def test_included_vat(total, rate, vat):
    assert fees.vat_included(D(total), D(rate)) == D(vat)


def test_the_rate_is_of_the_day_of_the_charge():
    contract = deals(deal(contract_date=date(2025, 6, 1)))
    december, january = bill(contract, month="2025-12"), bill(contract, month="2026-01")
    assert (only(december.charges)["vat_rate"], only(december.charges)["vat_amount"]) == (D(20), D("250.00"))
    assert (only(january.charges)["vat_rate"], only(january.charges)["vat_amount"]) == (D(22), D("270.49"))
    assert only(december.charges)["amount"] == only(january.charges)["amount"] == D("1500.00"), "keep = gross"


def test_keep_net_when_the_rate_changes():
    contract = deals(deal(contract_date=date(2025, 6, 1), monthly_fee=D("1200.00")))
    assert only(bill(contract, month="2025-12", keep="net").charges)["amount"] == D("1200.00")
    january = only(bill(contract, month="2026-01", keep="net").charges)
    assert (january["amount"], january["vat_amount"]) == (D("1220.00"), D("220.00"))


@pytest.mark.parametrize(
    ("vat", "rate", "amount"), [("exempt", None, None), ("5", D(5), D("71.43")), ("7", D(7), D("98.13"))]
)
def test_without_vat_is_not_zero_percent(vat, rate, amount):
    own = [Organisation(name="Своя", vat=vat)]
    row = only(bill(deals(deal(organisation=None)), organisations=own).charges)
    assert (row["vat_rate"], row["vat_amount"], row["vat_exempt"]) == (rate, amount, vat == "exempt")


def test_the_organisation_is_found_by_name_or_inn_and_defaults_to_the_first():
    named = rows(
        bill(
            deals(
                deal(1, organisation='ооо "око"'),
                deal(2, organisation="7707083893"),
                deal(3),
                deal(4, organisation=EXEMPT.name),
            )
        ).charges
    )
    assert [row["organisation"] for row in named] == [OWN.name, OWN.name, OWN.name, EXEMPT.name]


# ---- corrections ----


def test_a_termination_date_set_after_the_last_charge_sends_it_again_with_the_date():
    october = register(bill(deals(), month="2026-10"))
    plan = bill(deals(deal(stage=TERMINATED, terminated_on=date(2026, 10, 20))), october)
    row = only(plan.charges)
    assert (row["action"], row["number"], row["month"], row["version"]) == (
        "resend",
        "M261010003F",
        "2026-10",
        2,
    )
    assert (row["amount"], row["delta"], row["terminated_on"]) == (D("1500.00"), D(0), date(2026, 10, 20))
    assert only(plan.terminated)["number"] == "M261010003F"
    again = bill(
        deals(deal(stage=TERMINATED, terminated_on=date(2026, 10, 20))),
        tables.concat("charges", [october, plan.charges]),
    )
    assert not len(again.charges) and not len(again.terminated)


def test_the_date_travels_with_the_coming_charge_when_there_is_one():
    october = register(bill(deals(), month="2026-10"))
    known = deals(deal(terminated_on=date(2026, 11, 20)))
    assert not len(bill(known, october, month="2026-10").charges), "November's charge will carry it"
    row = only(bill(known, october).charges)
    assert (row["action"], row["month"], row["terminated_on"]) == ("new", "2026-11", date(2026, 11, 20))


def test_a_date_set_back_before_charged_months_cancels_them_with_their_own_numbers():
    parts = register(bill(deals(), month="2026-10"), bill(deals(), month="2026-11"))
    plan = bill(deals(deal(stage=TERMINATED, terminated_on=date(2026, 9, 30))), parts)
    assert [
        (row["action"], row["number"], row["amount"], row["delta"], row["vat_amount"])
        for row in rows(plan.charges)
    ] == [
        ("amend", "M261010003F", D(0), D("-1500.00"), D(0)),
        ("amend", "M261110003F", D(0), D("-1500.00"), D(0)),
    ]
    assert all(row["amount"] >= 0 for row in rows(plan.charges)), "never negative orders"
    assert "отменено" in rows(plan.charges)[0]["note"]
    after = tables.concat("charges", [parts, plan.charges])
    assert only(bill(deals(deal(terminated_on=date(2026, 9, 30))), after).terminated)["deal"] == "123", (
        "the register made again lists it again"
    )
    assert register_rules.totals(register_rules.current(after)) == (0, D(0), D(0))
    assert not len(bill(deals(deal(stage=TERMINATED, terminated_on=date(2026, 9, 30))), after).charges)


def test_a_date_set_back_into_a_charged_month_cancels_the_later_and_announces_the_last():
    parts = register(bill(deals(), month="2026-10"), bill(deals(), month="2026-11"))
    plan = bill(deals(deal(terminated_on=date(2026, 10, 20))), parts)
    assert [(row["action"], row["month"], row["amount"]) for row in rows(plan.charges)] == [
        ("resend", "2026-10", D("1500.00")),
        ("amend", "2026-11", D(0)),
    ]
    assert only(plan.terminated)["month"] == "2026-10"


def test_proration_amends_the_sum_under_the_same_number():
    november = register(bill(deals(), termination_month="prorate"))
    plan = bill(
        deals(deal(terminated_on=date(2026, 11, 10), monthly_fee=D(9999))),
        november,
        termination_month="prorate",
    )
    row = only(plan.charges)
    assert (row["action"], row["amount"], row["delta"], row["vat_amount"]) == (
        "amend",
        D("500.00"),
        D("-1000.00"),
        D("90.16"),
    )
    assert row["number"] == "M261110003F" and row["version"] == 2, (
        "the fee of the charge counts, not the present one"
    )


def test_an_exact_fee_behind_a_prorated_charge():
    fee = {"monthly_fee": D("1000.01")}
    november = register(
        bill(deals(deal(terminated_on=date(2026, 11, 7), **fee)), termination_month="prorate")
    )
    assert only(november)["amount"] == D("233.34")
    plan = bill(deals(deal(terminated_on=date(2026, 11, 29), **fee)), november, termination_month="prorate")
    assert only(plan.charges)["amount"] == D("966.68"), (
        "1000.01 × 29 / 30; from the frozen part it would be 966.69"
    )


def test_what_1c_already_refers_to_only_a_person_can_correct():
    parts = register(bill(deals(), month="2026-10"), bill(deals(), month="2026-11"))
    plan = bill(deals(deal(terminated_on=date(2026, 9, 30))), parts, referred={"M261110003F"})
    assert [row["month"] for row in rows(plan.charges)] == ["2026-10"]
    hand = only(plan.hand)
    assert (hand["number"], hand["amount"], hand["delta"]) == ("M261110003F", D(0), D("-1500.00"))
    assert hand["note"].endswith("исправьте вручную: на документ в 1С уже ссылаются оплата или отгрузка")
    noted = tables.concat("charges", [parts, plan.charges, plan.hand])
    assert not len(bill(deals(deal(terminated_on=date(2026, 9, 30))), noted, referred={"M261110003F"}).hand)


def test_the_date_is_announced_even_where_1c_refers_to_the_charge():
    october = register(bill(deals(), month="2026-10"))
    plan = bill(deals(deal(terminated_on=date(2026, 10, 20))), october, referred={"M261010003F"})
    assert only(plan.charges)["action"] == "resend" and not len(plan.hand), (
        "its sum stays, so nobody has to correct anything"
    )


def test_a_reopened_contract_gets_its_charge_back_and_the_date_is_taken_away():
    october = register(bill(deals(), month="2026-10"))
    ended = tables.concat(
        "charges",
        [october, bill(deals(deal(terminated_on=date(2026, 9, 30))), october, month="2026-10").charges],
    )
    plan = bill(deals(), ended, month="2026-10")
    row = only(plan.charges)
    assert (row["action"], row["amount"], row["delta"], row["terminated_on"], row["version"]) == (
        "amend",
        D("1500.00"),
        D("1500.00"),
        None,
        3,
    )
    resent = tables.concat(
        "charges",
        [october, bill(deals(deal(terminated_on=date(2026, 10, 5))), october, month="2026-10").charges],
    )
    row = only(bill(deals(), resent, month="2026-10").charges)
    assert (row["action"], row["terminated_on"], row["note"]) == ("resend", None, "дата расторжения снята")


def test_a_reopened_contract_is_charged_again_and_the_gap_is_not():
    october = register(bill(deals(), month="2026-10"))
    plan = bill(deals(), october, month="2026-12")
    assert [row["month"] for row in rows(plan.charges)] == ["2026-12"]


def test_an_empty_date_on_the_terminated_stage_changes_nothing_already_charged():
    october = register(bill(deals(deal(terminated_on=date(2026, 10, 20))), month="2026-10"))
    plan = bill(deals(deal(stage=TERMINATED)), october)
    assert not len(plan.charges) and len(plan.exceptions) == 1


def test_the_deltas_of_all_versions_sum_to_the_present_amount():
    parts = register(bill(deals(), month="2026-10"), bill(deals(), month="2026-11"))
    plan = bill(deals(deal(terminated_on=date(2026, 10, 5))), parts, termination_month="prorate")
    everything = tables.concat("charges", [parts, plan.charges])
    assert (
        sum(row["delta"] for row in rows(everything))
        == register_rules.totals(register_rules.current(everything)).amount
        == D("241.94")
    )


def test_the_year_changes():
    december = register(bill(deals(), month="2026-12"))
    january = only(bill(deals(), december, month="2027-01", today=date(2027, 1, 5)).charges)
    assert (january["number"], january["version"], january["date"]) == ("M270110003F", 1, date(2027, 1, 1))


# ---- payers ----


def test_two_payers_of_one_name_are_two_debtors():
    twins = rows(
        bill(deals(deal(1, payer="Иванов Иван Иванович"), deal(2, payer="Иванов Иван Иванович"))).charges
    )
    assert [row["payer_key"] for row in twins] == [
        "Иванов Иван Иванович (дог. № ВН-1)",
        "Иванов Иван Иванович (дог. № ВН-2)",
    ]


def test_two_deals_of_one_contract_are_one_debtor():
    same = {"payer": "Иванов Иван", "contract_number": "5"}
    assert {row["payer_key"] for row in rows(bill(deals(deal(1, **same), deal(2, **same))).charges)} == {
        "Иванов Иван (дог. № 5)"
    }


def test_two_parties_that_1c_could_not_tell_apart_are_both_left_out():
    same = {"payer": "Иванов Иван", "contract_number": "5"}
    plan = bill(
        deals(
            deal(1, **same),
            deal(2, **same | {"payer": "иванов  ИВАН", "contract_date": date(2026, 1, 1)}),
            deal(3),
        )
    )
    assert [row["deal"] for row in rows(plan.charges)] == ["3"]
    assert reasons(plan)[
        "1"
    ] == "Другой плательщик в 1С называется так же: «Иванов Иван (дог. № 5)»" and "2" in reasons(plan)
    firms = bill(
        deals(
            deal(1, payer="ООО «Луч»", payer_inn="7707083893"),
            deal(2, payer="ООО «Луч»", payer_inn="5001007322"),
        )
    )
    assert "1" not in reasons(firms), "an ИНН that is not one does not make a second firm"


def test_a_party_1c_already_knows_keeps_its_name():
    same = {"payer": "Иванов Иван", "contract_number": "5"}
    first = register(bill(deals(deal(1, **same)), month="2026-10"))
    plan = bill(deals(deal(1, **same), deal(2, **same, contract_date=date(2026, 1, 1))), first)
    assert [row["deal"] for row in rows(plan.charges)] == ["1"] and set(reasons(plan)) == {"2"}
    alone = bill(
        deals(
            deal(1, **same, terminated_on=date(2026, 9, 30)), deal(2, **same, contract_date=date(2026, 1, 1))
        ),
        first,
    )
    assert set(reasons(alone)) == {"2"}, "a name 1C knows is taken even when its party is charged no more"


def test_the_name_towards_1c_is_frozen_at_the_first_export():
    first = register(bill(deals(), month="2026-10"))
    changed = deal(payer="Новая Фамилия", contract_number="ВН-123/1", payer_inn="500100732259")
    row = only(bill(deals(changed), first).charges)
    assert row["payer"] == "Новая Фамилия" and row["contract_number"] == "ВН-123/1"
    assert row["payer_key"] == "Плательщиков Пётр 123-й (дог. № ВН-123)" and row["payer_inn"] is None
    assert row["note"] == "1С знает плательщика без ИНН, внесите ИНН 500100732259 в его карточку в 1С"


def test_a_payer_with_inn_goes_by_his_own_name_and_another_inn_is_another_party():
    firm = deal(payer="ООО «Луч»", payer_inn="7707083893")
    first = bill(deals(firm), month="2026-10")
    assert (only(first.charges)["payer_key"], only(first.charges)["payer_inn"]) == ("ООО «Луч»", "7707083893")
    lost = only(bill(deals(firm | {"payer_inn": None}), register(first)).charges)
    assert (lost["payer_key"], lost["payer_inn"]) == ("ООО «Луч»", "7707083893"), (
        "an erased ИНН does not make a new debtor"
    )
    taken_over = only(
        bill(deals(firm | {"payer": "АО «Заря»", "payer_inn": "7736050003"}), register(first)).charges
    )
    assert (taken_over["payer_key"], taken_over["payer_inn"]) == ("АО «Заря»", "7736050003")


# ---- the register as a whole ----


def test_comparison_with_last_month():
    october = bill(deals(deal(1), deal(2), deal(3)), month="2026-10").charges
    november = bill(deals(deal(1), deal(2, monthly_fee=D(1700)), deal(4))).charges
    table = register_rules.compare(october, november)
    assert list(table.itertuples(index=False, name=None)) == [
        ("same", "1", "Плательщиков Пётр 1-й", "ВН-1", D("1500.00"), D("1500.00")),
        ("changed", "2", "Плательщиков Пётр 2-й", "ВН-2", D("1500.00"), D("1700.00")),
        ("ended", "3", "Плательщиков Пётр 3-й", "ВН-3", D("1500.00"), None),
        ("added", "4", "Плательщиков Пётр 4-й", "ВН-4", None, D("1500.00")),
    ]
    assert register_rules.totals(october) == (3, D("4500.00"), D("811.47"))
    assert register_rules.totals(november).amount == D("4700.00")


def test_current_state_takes_the_last_version_of_the_month():
    parts = register(bill(deals(deal(1), deal(2)), month="2026-10"), bill(deals(deal(1), deal(2))))
    after = tables.concat(
        "charges", [parts, bill(deals(deal(1, terminated_on=date(2026, 9, 30)), deal(2)), parts).charges]
    )
    assert [
        (row["deal"], row["version"], row["amount"]) for row in rows(register_rules.current(after, "2026-10"))
    ] == [("1", 2, D(0)), ("2", 1, D("1500.00"))]
    assert len(register_rules.current(after)) == 4
    assert register_rules.compare(
        register_rules.current(after, "2026-10"), register_rules.current(after, "2026-11")
    )["deal"].tolist() == ["2"], "cancelled is not charged"


def test_payments_make_a_charge_referred():
    from etl.transform.money.paid import referred

    seen = tables.frame("payments", [payment("M261110003F", "100"), payment("M261010003F", "0")])
    assert referred(tables.records(seen)) == {"M261110003F"}


def test_the_36th_version_of_a_month_charges_too():
    plan = bill(deals(deal(1), deal(2)), version=36)
    assert plan.charges["number"].tolist() == ["M2611Z00001", "M2611Z00002"]
    assert not len(plan.exceptions)
