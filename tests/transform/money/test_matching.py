"""Receipts to documents: purposes, the cascade, doubts, answers, refunds, overlapping statements (onec §3.3)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from etl import tables
from etl.config.profile import Bank
from etl.extract.bank import read as bank
from etl.transform.money import matching
from etl.transform.money import purpose as payments_purpose
from etl.values import receipts as identity
from tests.support.statements import OUR, document, outgoing, receipt, statement

D = Decimal
INN, OTHER_INN, PETER = "500100732259", "7707083893", "Кузнецов Пётр Ильич"


def doc(number: str, amount: str = "1500.00", **changes: Any) -> dict[str, Any]:
    row = {
        "number": number,
        "printed": (),
        "contract_number": "15",
        "payer": PETER,
        "inn": INN,
        "date": dt.date(2026, 11, 1),
        "month": None,
        "amount": D(amount),
        "remaining": D(amount),
        "deal": "1",
    }
    return row | changes


def match(
    receipts: list[dict[str, Any]],
    *docs: dict[str, Any],
    answers: Any = None,
    known: Any = (),
    **settings: Any,
) -> matching.Matching:
    told: Any = tables.records(tables.frame("receipts", receipts))
    open_documents: Any = docs
    return matching.match(told, open_documents, Bank(**settings), answers, known)


def paid(found: matching.Matching) -> list[tuple[str, str]]:
    return [(row["target"], f"{row['amount']:.2f}") for row in found.payments]


def asked(found: matching.Matching) -> str:
    assert not len(found.payments) and len(found.asks) == 1, (
        paid(found),
        [row["reason"] for row in found.unmatched],
    )
    return found.asks[0]["reason"]


def own(purpose: str, amount: str = "1500.00", **changes: Any) -> dict[str, Any]:
    return receipt(
        changes.pop("number", "17"), amount, purpose, **{"payer_inn": INN, "payer_name": PETER, **changes}
    )


# ---- purposes ----


@pytest.mark.parametrize(
    ("purpose", "invoices", "contracts"),
    [
        ("Оплата по счету № 199 от 30.04.2026, № 209 от 02.05.2026", ["199", "209"], []),
        ("Оплата счетов 12, 13 и 14", ["12", "13", "14"], []),
        ("Оплата по СЧЕТУ1000001", ["1000001"], []),
        ("по сч.N1000002 от 01.02.2026", ["1000002"], []),
        ("сч. № 00199", ["199"], []),
        ("Счёт на оплату № 00БП-000123 от 05.11.2026 без НДС", ["0БП-000123"], []),
        ("счету: БП-15", ["БП-15"], []),
        ("счет 10003\\01.01.26", ["10003"], []),
        ("оплата по счету-договору № 45", ["45"], ["45"]),
        ("по счету M261110003F", ["M261110003F"], []),
        ("по счету М261110003F", ["M261110003F"], []),
        ("счет-фактура 15", [], []),
        ("по АКТУ NO456", [], []),
        ("ТОВАР PN1234", [], []),
        ("ТОВАР N1", [], []),
        ("ЛИСЧ1234", [], []),
        ("счет N б/н", [], []),
        ("на расчетный счет 40702810900000000001", [], []),
        ("р/сч 123", [], []),
        ("счет от 05.11.2026", [], []),
        ("счету 05.11.2026", [], []),
        ("Оплата 1500 руб за 2026", [], []),
        ("По договору № ВН-15/26 от 01.03.2026", [], ["BH-15/26"]),
        ("дог. 15", [], ["15"]),
        ("Дог.№ 12/В от 1 марта", [], ["12/B"]),
        ("по договору оказания услуг № 77", [], ["77"]),
        ("Контракту N 5/2026", [], ["5/2026"]),
        ("по договорам № 5 и № 6", [], ["5", "6"]),
        ("Договор №АБ/7", [], ["AБ/7"]),
        ("лицевой счет 55", [], ["55"]),
        ("л/с 77", [], ["77"]),
        ("по договору от 01.03.2026", [], []),
        ("по договору за 2 месяца", [], []),
        ("по договору б/н", [], []),
        ("д-р 9", [], ["9"]),
        ("Оплата по счету\u00a0№\u00a07", ["7"], []),
        (None, [], []),
        ("", [], []),
    ],
)
def test_numbers_named_in_a_purpose(purpose: str | None, invoices: list[str], contracts: list[str]) -> None:
    named = payments_purpose.read(purpose)
    assert (list(named.invoices), list(named.contracts)) == (invoices, contracts)


@pytest.mark.parametrize(
    ("purpose", "months"),
    [
        ("за ноябрь 2026 г.", [(2026, 11)]),
        ("за окт. и нояб. 2026", [(None, 10), (2026, 11)]),
        ("за 11.2026", [(2026, 11)]),
        ("за май", [(None, 5)]),
        ("По марту", [(None, 3)]),
        ("декабрь 26 г.", [(2026, 12)]),
        ("от 5 ноября 2026", []),
        ("декларация, марка, майка, июльский", []),
        ("за январь, февраль, март, апрель", [(None, 1), (None, 2), (None, 3), (None, 4)]),
    ],
)
def test_months_named_in_a_purpose(purpose: str, months: list[Any]) -> None:
    assert list(payments_purpose.read(purpose).months) == months


def test_masks_of_the_profile() -> None:
    assert payments_purpose.read("предоплата СЧ-00123, СЧ-7", ["сч-d+"]).invoices == ("CЧ-00123", "CЧ-7")
    assert payments_purpose.read("12/2026 за услуги", ["d+/d+"]).invoices == ("12/2026",)


# ---- the cascade ----


def test_a_number_decides_and_the_sum_may_be_a_part() -> None:
    docs = [doc("M261110003F", printed=("БП-15", "15")), doc("M261210003F", contract_number="15")]
    assert paid(match([own("Оплата по счету № 15 от 01.11.2026", "500.00")], *docs)) == [
        ("M261110003F", "500.00")
    ]
    assert paid(match([own("по счету М261210003F")], *docs)) == [("M261210003F", "1500.00")]


def test_a_named_number_that_does_not_fit_never_falls_back_to_the_sum() -> None:
    assert "Назван документ 99" in asked(match([own("по счету № 99")], doc("7")))
    assert "нет открытых начислений" in asked(match([own("по договору № 99")], doc("7")))
    assert "Сумма больше остатка" in asked(match([own("по счету № 7", "1500.01")], doc("7")))


def test_several_numbers_only_when_they_add_up() -> None:
    docs = [doc("7"), doc("8", "700.00"), doc("9", "2200.00")]
    assert paid(match([own("по счетам 7, 8", "2200.00")], *docs)) == [("7", "1500.00"), ("8", "700.00")]
    assert "не равны" in asked(match([own("по счетам 7, 8", "2100.00")], *docs))
    assert "Назван документ 10" in asked(match([own("по счетам 7, 10", "1500.00")], *docs))


def test_one_printed_number_of_two_years_is_settled_by_the_date() -> None:
    docs = [doc("A", printed=("15",), date=dt.date(2025, 10, 1)), doc("B", printed=("15",))]
    assert asked(match([own("по счету 15")], *docs)) == "Варианты почти равны"
    assert paid(match([own("по счету 15 от 01.11.2026")], *docs)) == [("B", "1500.00")]


def test_a_document_later_than_the_payment_is_no_candidate_unless_it_is_named() -> None:
    later = doc("7", date=dt.date(2026, 11, 19))
    assert not match([own("Оплата за видеонаблюдение")], later).payments
    assert paid(match([own("по счету 7")], later)) == [("7", "1500.00")]


def test_a_contract_pays_its_oldest_charge_first() -> None:
    docs = [
        doc("N", date=dt.date(2026, 11, 1)),
        doc("O", date=dt.date(2026, 10, 1)),
        doc("S", date=dt.date(2026, 9, 1), contract_number="16"),
    ]
    assert paid(match([own("по договору № 15", "2000.00")], *docs)) == [("O", "1500.00"), ("N", "500.00")]
    assert paid(match([own("по договору № 15 за ноябрь")], *docs)) == [("N", "1500.00")]
    assert "За названный месяц" in asked(match([own("по договору № 15 за август")], *docs))
    assert "аванс" in asked(match([own("по договору № 15", "3000.01")], *docs))


def test_receipts_of_one_run_use_up_what_is_owed() -> None:
    docs = [doc("O", date=dt.date(2026, 10, 1)), doc("N")]
    rows = [own("по договору 15", number="1"), own("по договору 15", number="2", day=dt.date(2026, 11, 20))]
    assert paid(match(rows, *docs)) == paid(match(rows[::-1], *docs)) == [("O", "1500.00"), ("N", "1500.00")]


def test_the_sum_alone_is_certain_for_one_open_document_only() -> None:
    assert paid(match([own("за видеонаблюдение")], doc("7"))) == [("7", "1500.00")]
    assert "несколько" in asked(match([own("за видеонаблюдение")], doc("7"), doc("8")))
    assert "меньше остатка" in asked(match([own("за видеонаблюдение", "100.00")], doc("7")))
    assert paid(match([own("за видеонаблюдение")], doc("7"), doc("8"), accept=D("0.86"), lead=D("0.01"))) == [
        ("7", "1500.00")
    ]


def test_a_person_without_inn_needs_a_number_or_a_contract() -> None:
    charge = doc("7", inn=None)
    said = {"payer_inn": None, "payer_name": "ПАО СБЕРБАНК//КУЗНЕЦОВ ПЕТР ИЛЬИЧ//г. Тверь//"}
    assert paid(match([own("по договору № 15", **said)], charge)) == [("7", "1500.00")]
    assert "только по имени" in asked(match([own("за видеонаблюдение", **said)], charge))
    assert not len(match([own("по договору № 15", **{**said, "payer_inn": "7736050003"})], doc("7")).payments)


def test_a_foreign_payer_is_never_taken_without_an_alias() -> None:
    wife = own("по договору № 15 за мужа", payer_inn="500100732260", payer_name="Кузнецова Мария")
    found = match([wife], doc("7"))
    assert "не сторона договора" in asked(found) and found.asks[0]["candidates"] == (
        "7 · договор 15 · Кузнецов Пётр Ильич · остаток 1500.00",
    )
    assert paid(match([wife], doc("7"), payers={INN: ("500100732260",)})) == [("7", "1500.00")]
    stranger = match([own("аренда помещения", payer_inn=OTHER_INN, payer_name="ООО «Ромашка»")], doc("7"))
    assert not len(stranger.asks) and len(stranger.unmatched) == 1 and stranger.coverage == Counter(foreign=1)


@pytest.mark.parametrize("changes", [{"amount": "0.00"}, {"amount": "-5.00"}])
def test_nothing_or_less_never_matches(changes: dict[str, Any]) -> None:
    assert not len(match([own("по счету 7", **changes)], doc("7")).payments)


def test_money_the_bank_has_not_moved_and_other_outgoing_money_are_left_alone() -> None:
    found = match(
        [own("по счету 7", booked_on=None), own("за аренду", direction="out", number="2")], doc("7")
    )
    assert not len(found.payments) and not len(found.asks) and not len(found.unmatched)


def test_an_incoming_return_is_asked() -> None:
    assert "возврат" in asked(match([own("возврат ошибочно перечисленных по договору 15")], doc("7")))


def test_a_refund_is_a_negative_payment_of_a_paid_document() -> None:
    back = own("Возврат по договору № 15", "500.00", direction="out")
    assert paid(match([back], doc("7", remaining=D("0.00")))) == [("7", "-500.00")]
    assert "неясно" in asked(match([back], doc("7")))
    assert "неясно" in asked(match([back], doc("7", remaining=D(0)), doc("8", remaining=D(0))))
    assert paid(
        match(
            [own("Возврат по счету № 8", "500.00", direction="out")],
            doc("7", remaining=D(0)),
            doc("8", remaining=D(0)),
        )
    ) == [("8", "-500.00")]


def test_answers_of_people_are_remembered_and_none_means_not_ours() -> None:
    row = own("за видеонаблюдение", "2000.00")
    docs, key = [doc("7"), doc("8")], identity.key(row)
    assert paid(match([row], *docs, answers={key: ("8", "7")})) == [("8", "1500.00"), ("7", "500.00")]
    assert paid(match([row], *docs, answers={key: ("closed one",)})) == [("closed one", "2000.00")]
    silent = match([row], *docs, answers={key: ()})
    assert not len(silent.payments) and not len(silent.asks) and not len(silent.unmatched)


def test_a_receipt_matched_before_is_not_touched() -> None:
    row = own("по счету 7")
    found = match([row], doc("7", remaining=D(0)), known={identity.key(row)})
    assert not len(found.payments) and not len(found.asks)


# ---- statements twice, overlapping, completed later ----


def statement_receipts(*rows: dict[str, str]) -> Any:
    return bank.read(statement(rows).encode("cp1251"), "kl.txt").receipts


def test_overlapping_statements_change_nothing() -> None:
    first, second = document(Номер="1"), document(Номер="2", Сумма="700.00", НазначениеПлатежа="счет 8")
    whole = statement_receipts(first, second)
    twice = tables.concat("receipts", [whole, statement_receipts(second), whole, statement_receipts(first)])
    docs = [doc("7"), doc("8", "700.00", contract_number="16")]
    once, again = (matching.match(tables.records(frame), docs, Bank()) for frame in (whole, twice))
    assert once.payments == again.payments and sorted(paid(once)) == [
        ("7", "1500.00"),
        ("8", "700.00"),
    ]
    assert (
        len(matching.unique(tables.records(twice))) == 2 and len({row["id"] for row in again.payments}) == 2
    )


def test_the_booked_copy_of_a_receipt_wins() -> None:
    pending, booked = statement_receipts(document(ДатаПоступило=None)), statement_receipts(document())
    for frame in (tables.concat("receipts", [pending, booked]), tables.concat("receipts", [booked, pending])):
        assert [row["booked_on"] for row in matching.unique(tables.records(frame))] == [dt.date(2026, 11, 18)]


def test_equal_numbers_of_different_days_payers_and_directions_are_different_receipts() -> None:
    keys = {
        identity.key(row)
        for row in (
            own("a"),
            own("a", day=dt.date(2026, 11, 19)),
            own("a", payer_inn=OTHER_INN),
            own("a", "1.00"),
            own("a", direction="out"),
            own("a", account=OUR[::-1]),
        )
    }
    assert len(keys) == 6
    nameless = statement_receipts(
        document(Номер="", НазначениеПлатежа="счет 1"), document(Номер="", НазначениеПлатежа="счет 2")
    )
    assert len(matching.unique(tables.records(nameless))) == 2


def test_refund_of_a_statement_reaches_the_paid_document() -> None:
    frame = statement_receipts(
        document(НазначениеПлатежа="по договору № 15"), outgoing(Номер="9", Сумма="300.00")
    )
    assert paid(matching.match(tables.records(frame), [doc("7")], Bank())) == [
        ("7", "1500.00"),
        ("7", "-300.00"),
    ]


@pytest.mark.parametrize(
    "said",
    ["за 11 мес.", "за прошлый месяц", "за ноябь", "за период"],
)
def test_a_month_that_cannot_be_read_is_asked_and_never_the_oldest(said: str) -> None:
    """«Oldest charge first» is for purposes that name no month at all."""
    charges = [
        doc(f"M26{month}", month=f"2026-{month:02d}", date=dt.date(2026, month, 1)) for month in (9, 10, 11)
    ]
    assert "не удалось разобрать" in asked(match([own(f"Оплата по договору № 15 {said}")], *charges))


@pytest.mark.parametrize(
    ("said", "amount", "months"),
    [
        ("за 11/26", "1500.00", ["11"]),
        ("за XI 2026", "1500.00", ["11"]),
        ("за период с 01.11.2026 по 30.11.2026", "1500.00", ["11"]),
        ("за сентябрь - ноябрь 2026", "4500.00", ["9", "10", "11"]),
        ("за 2 месяца", "3000.00", ["9", "10"]),
    ],
)
def test_the_month_that_is_named_is_paid(said: str, amount: str, months: list[str]) -> None:
    charges = [
        doc(f"M26-{month}", month=f"2026-{month:02d}", date=dt.date(2026, month, 1)) for month in (9, 10, 11)
    ]
    found = match([own(f"Оплата по договору № 15 {said}", amount)], *charges)
    assert [target.partition("-")[2] for target, _ in paid(found)] == months


@pytest.mark.parametrize(
    "said",
    [
        "Пени по договору № 15",
        "за монтаж камер, договор № 15",
        "Обеспечительный платеж по дог. 15",
        "Штраф, дог. № 15",
    ],
)
def test_other_services_under_the_same_contract_are_asked(said: str) -> None:
    assert "другой услуги" in asked(match([own(said)], doc("M26110001")))
    assert paid(match([own(said)], doc("M26110001"), other=())) == [("M26110001", "1500.00")]


def test_a_charge_that_is_named_may_have_been_paid_before_its_date() -> None:
    """Paid on the 5th «за декабрь», charged on the 31st: the receipt waits and then finds its charge."""
    december = doc("M2612", month="2026-12", date=dt.date(2026, 12, 31), printed=("77",))
    for said in ("по договору № 15 за декабрь 2026", "за 12/26", "Оплата по счету № 77"):
        assert paid(match([own(said)], december)) == [("M2612", "1500.00")]
    assert not paid(match([own("Оплата по договору № 15")], december))
