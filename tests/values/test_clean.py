from datetime import date, datetime
from decimal import Decimal

import pytest

from etl.values import clean


@pytest.mark.parametrize(
    ("raw", "tidy"),
    [
        ("  Пётр Иванов ", "Пётр Иванов"),
        ("а\r\nб\tв", "а б в"),
        ("а\x00б\u200bв\ufeff\u00ad", "абв"),
        ("", None),
        (" \xa0 ", None),
        (None, None),
        (15, "15"),
        ("\ud800x", "x"),
        ("1 234", "1 234"),
    ],
)
def test_text(raw, tidy):
    assert clean.text(raw) == tidy


def test_fold_compares_names_as_people_do():
    assert clean.fold("ООО «Ёлка»  – Тула") == clean.fold('ооо "елка" - тула')
    assert clean.fold(None) == ""


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("1500", "1500"),
        ("1 500,50", "1500.50"),
        ("1 500,00 руб.", "1500.00"),
        ("34 567 000.00 руб.", "34567000.00"),
        ("1500.00|RUB", "1500.00"),
        ("1500 руб. 50 коп.", "1500.50"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567,89", "1234567.89"),
        ("231.7400", "231.7400"),
        ("−5,5", "-5.5"),
        ("2'500", "2500"),
        ("500 р", "500"),
        ("500₽", "500"),
        ("0", "0"),
        (1500, "1500"),
    ],
)
def test_money(raw, value):
    assert clean.money(raw) == Decimal(value)
    assert str(clean.money(raw)) == value


@pytest.mark.parametrize("absent", [None, "", "  ", "\xa0"])
def test_absent_is_none_and_not_zero(absent):
    assert clean.money(absent) is None and clean.number(absent) is None and clean.date(absent) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        "1e5",
        "NaN",
        "Infinity",
        "1,500",
        "1.500",
        "-12.000",
        "999.999 руб.",
        "100|USD",
        "100 $",
        "12 34",
        "пятьсот",
        "1500-2000",
        "١٢",
        "1.2.3",
        "-",
        "1" * 16,
    ],
)
def test_money_is_not_guessed(nonsense):
    with pytest.raises(ValueError, match=r".+"):
        clean.money(nonsense)


def test_a_quantity_may_have_three_decimals_after_a_comma():
    assert clean.number("1,500") == Decimal("1.500")
    with pytest.raises(ValueError, match="не число"):
        clean.number(Decimal("NaN"))


@pytest.mark.parametrize(
    ("raw", "cents"), [("0.005", "0.01"), ("2.675", "2.68"), ("1.004", "1.00"), ("-0.005", "-0.01")]
)
def test_kopecks_round_half_up(raw, cents):
    assert clean.kopecks(Decimal(raw)) == Decimal(cents)


@pytest.mark.parametrize(
    "raw",
    [
        "2026-11-05",
        "2026-11-05T03:00:00+03:00",
        "2026-11-05 3:00:00",
        "05.11.2026",
        "5.11.2026 г.",
        "05.11.2026 12:30:00",
        "2026-11-05Z",
        "2026-11-05+03:00",
        "2026-11-05UTC02:25:50",
        date(2026, 11, 5),
        datetime(2026, 11, 5, 23, 59),
    ],
)
def test_date(raw):
    assert clean.date(raw) == date(2026, 11, 5)
    assert type(clean.date(raw)) is date


def test_empty_date_of_1c_is_absence():
    assert (
        clean.date("0001-01-01") is None
        and clean.date("0001-01-01T00:00:00") is None
        and clean.date("01.01.0001") is None
    )


@pytest.mark.parametrize(
    "raw",
    [
        "1999-12-31",
        "2101-01-01",
        "31.02.2026",
        "2026-13-01",
        "вчера",
        "11/05/2026",
        "45000",
        "2026-11-051",
        "05.11.26",
    ],
)
def test_date_refuses_nonsense(raw):
    with pytest.raises(ValueError, match=r".+"):
        clean.date(raw)


def test_months():
    assert clean.month_of(date(2026, 3, 1)) == "2026-03"
    assert clean.month_bounds("2028-02") == (date(2028, 2, 1), date(2028, 2, 29))
    assert clean.month_bounds("2026-12") == (date(2026, 12, 1), date(2026, 12, 31))
    assert clean.month_after("2026-12") == "2027-01" and clean.month_after("2026-01", -1) == "2025-12"
    assert clean.month_name("2026-11") == "ноябрь 2026 г."
    with pytest.raises(ValueError, match="не месяц"):
        clean.month_bounds("2026-1")


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("Иванов Иван Иванович", ("Иванов", "Иван", "Иванович")),
        ("Мамедов Али Гасан оглы", ("Мамедов", "Али", "Гасан оглы")),
        ("Саидов Абдул Рахман Ахмедович", ("Саидов", "Абдул Рахман", "Ахмедович")),
        ("Иванов И.И.", ("Иванов", "И.", "И.")),
        ("ИП Петрова Анна-Мария", ("Петрова", "Анна-Мария", None)),
        ("Алиева Лейла Рашид кызы", ("Алиева", "Лейла", "Рашид кызы")),
        ("Сидоров", ("Сидоров", None, None)),
        ("", (None, None, None)),
        ("Иванов Иван Иванович (ИП)", ("Иванов", "Иван", "Иванович")),
    ],
)
def test_person(raw, parts):
    assert tuple(clean.person(raw)) == parts


def test_short_names():
    assert clean.short_company('Общество с ограниченной ответственностью "Ромашка"') == "ООО «Ромашка»"
    assert clean.short_company('Публичное акционерное общество "Река"') == "ПАО «Река»"
    assert clean.short_company(None) is None


@pytest.mark.parametrize(
    ("name", "inn", "kind"),
    [
        ("ООО «Ромашка»", None, "legal"),
        ("Ромашка ООО", None, "legal"),
        ("ИП Иванов И. И.", "500100732259", "sole_trader"),
        ("Индивидуальный предприниматель Иванов", None, "sole_trader"),
        ("Иванов Иван Иванович", "500100732259", "person"),
        ("Иванов Иван", None, "person"),
        ("Ромашка", "7707083893", "legal"),
        ("Липова Анна", None, "person"),
        ("Общество с ограниченной ответственностью «А»", None, "legal"),
    ],
)
def test_kind_of_a_party(name, inn, kind):
    assert clean.party_kind(name, inn) == kind


@pytest.mark.parametrize(
    ("number", "printed", "bare"),
    [
        ("00БП-000015", "БП-15", "15"),
        ("0000-000005", "5", "5"),
        ("УТ-00000123", "УТ-123", "123"),
        ("00БП-000123", "БП-123", "123"),
        ("000000123", "123", "123"),
        ("B24-123", "B24-123", "B24-123"),
        ("M261110003F", "M261110003F", "M261110003F"),
        ("00-000000", "0", "0"),
    ],
)
def test_printed_number(number, printed, bare):
    assert clean.printed_number(number) == printed
    assert clean.printed_number(number, base_prefix=False) == bare


def test_units():
    assert clean.unit("шт.") == ("шт.", "796")
    assert clean.unit(None, "796 ") == ("шт", "796")
    assert clean.unit("6") == ("м", "006")
    assert clean.unit("упаковка") == ("упаковка", "778")
    assert clean.unit("ведро") == ("ведро", None) and clean.unit(None) == (None, None)
