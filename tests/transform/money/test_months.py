"""Months in the wordings of people and of banks: each row of the table has its examples here."""

from __future__ import annotations

import pytest

from etl.transform.money import months
from etl.transform.money.purpose import plain

NOVEMBER = ((2026, 11),)
AUTUMN = ((2026, 9), (2026, 10), (2026, 11))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("за ноябрь 2026", NOVEMBER),
        ("за ноябрь 2026г.", NOVEMBER),
        ("аб. плата ноября 26 г.", NOVEMBER),
        ("за нояб. 2026", NOVEMBER),
        ("за нояб/26", NOVEMBER),
        ("за ноябрь", ((None, 11),)),
        ("for November 2026", NOVEMBER),
        ("за 11.2026", NOVEMBER),
        ("за 11/2026", NOVEMBER),
        ("за 11/26", NOVEMBER),
        ("за 11-2026", NOVEMBER),
        ("за 2026-11", NOVEMBER),
        ("за 2026.11", NOVEMBER),
        ("абонплата 11.2026 г.", NOVEMBER),
        ("за 11 месяц", ((None, 11),)),
        ("за 11-й месяц 2026", NOVEMBER),
        ("за 11 мес. 2026", NOVEMBER),
        ("за XI 2026", NOVEMBER),
        ("за XI.2026", NOVEMBER),
        ("за XI мес. 2026", NOVEMBER),
        ("за период с 01.11.2026 по 30.11.2026", NOVEMBER),
        ("период 01.11.26-30.11.26", NOVEMBER),
        ("с 01.11 по 30.11.2026", NOVEMBER),
        ("за 30.11.2026", NOVEMBER),
        ("за сентябрь - ноябрь 2026", AUTUMN),
        ("за сентябрь–ноябрь 2026 г.", AUTUMN),
        ("с сентября по ноябрь 2026", AUTUMN),
        ("с сентября 2026 по ноябрь 2026", AUTUMN),
        ("за сентябрь, октябрь и ноябрь 2026", ((None, 9), (None, 10), (2026, 11))),
        ("с 09.2026 по 11.2026", AUTUMN),
        ("за 09-11.2026", AUTUMN),
        ("за 9-11 мес. 2026", AUTUMN),
        ("с 01.09.2026 по 30.11.2026", AUTUMN),
        ("с ноября по январь", ((None, 11), (None, 12), (None, 1))),
        ("ноябрь 2025 - январь 2026", ((2025, 11), (2025, 12), (2026, 1))),
        ("за декабрь - январь 2027", ((2026, 12), (2027, 1))),
        ("за 4 квартал 2026", ((2026, 10), (2026, 11), (2026, 12))),
        ("за 4-й кв. 2026", ((2026, 10), (2026, 11), (2026, 12))),
        ("за III квартал", ((None, 7), (None, 8), (None, 9))),
        ("за 2 полугодие 2026", tuple((2026, month) for month in range(7, 13))),
        ("за 2026 год", tuple((2026, month) for month in range(1, 13))),
        ("по счету от 05.11.2026", ()),
        ("по договору № 12 от 5 ноября 2026 г.", ()),
        ("по дог. 12 от 5 ноября 2025 г. за декабрь 2026", ((2026, 12),)),
        ("за 2 месяца", ()),
        ("за три месяца", ()),
        ("за видеонаблюдение", ()),
        ("Оплата по договору 11/26, сумма 1500-00, НДС 22 % - 270-49", ()),
        ("за обслуживание 5 камер по адресу ул. Мартынова, д. 11", ()),
        ("за маркировку", ()),
        ("за Августинова", ()),
    ],
)
def test_a_wording_is_read(said: str, meant: tuple[months.Month, ...]) -> None:
    assert months.read(plain(said)) == months.Period(meant)


@pytest.mark.parametrize(
    "said",
    [
        "за 11 мес.",
        "за 2 мес",
        "за текущий месяц",
        "за прошлый мес.",
        "за предыдущий период",
        "за указанный период",
        "за ноябь",
        "за сентяюрь",
        "за месяц октабрь",
        "за 10.11",
        "za noyabr",
        "месяц: 11",
        "за год",
        "за квартал",
    ],
)
def test_what_may_be_a_month_and_is_not_read_is_unclear(said: str) -> None:
    assert months.read(plain(said)).unclear
