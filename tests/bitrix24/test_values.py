"""Values of the portal and ours, commands of a batch, product rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.bitrix24 import values
from etl.bitrix24.calls import Command, encode, rows
from etl.bitrix24.fields import PortalField, find_field
from etl.bitrix24.stages import category_of
from etl.load.bitrix24.composition import product_row
from etl.values.money import Foreign

NAMES = {"zone": dt.timezone(dt.timedelta(hours=3)), "office": ZoneInfo("Europe/Moscow")}
LIST = PortalField(
    "ufCrmKind", "UF_CRM_KIND", "enumeration", "Вид", options={"44": "Предоплата", "46": "Постоплата"}
)


def field(kind: str, **more: object) -> PortalField:
    return PortalField("ufCrm1", "UF_CRM_1", kind, "Поле", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("1500.00|RUB", "1500.00"),
        ("1 500,5", "1500.50"),
        ("1\u00a0500.005", "1500.01"),
        (Decimal("19999.99"), "19999.99"),
        (7, "7.00"),
        ("0", "0.00"),
        ("", None),
        (None, None),
        ("нет", None),
        ("NaN", None),
        (False, None),
    ],
)
def test_money(given_value: object, expected: str | None) -> None:
    assert values.money(given_value) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("2024-08-30T02:00:00+03:00", dt.date(2024, 8, 30)),
        ("2024-08-30T00:00:00+12:00", dt.date(2024, 8, 30)),
        ("2024-08-30", dt.date(2024, 8, 30)),
        ("5.07.2026", dt.date(2026, 7, 5)),
        ("31.02.2026", None),
        ("", None),
        (None, None),
        ("скоро", None),
    ],
)
def test_a_day_is_what_is_written_never_converted(given_value: object, expected: dt.date | None) -> None:
    assert values.day(given_value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("money", Decimal("10.50"), "10.50|RUB"),
        ("money", Foreign(Decimal("10.50"), "USD"), "10.50|USD"),
        ("string", Foreign(Decimal("10.50"), "USD"), "10.50 USD"),
        ("double", Decimal("0.1"), "0.1"),
        ("integer", Decimal("3.00"), "3"),
        ("string", Decimal("5"), "5"),
        ("date", dt.date(2026, 11, 3), "2026-11-03"),
        ("string", dt.date(2026, 11, 3), "03.11.2026"),
        ("boolean", True, "Y"),
        ("char", False, "N"),
        ("string", "00123", "00123"),
        ("date", None, ""),
    ],
)
def test_writing(kind: str, value: object, written: object) -> None:
    assert values.write(field(kind), value) == written


@pytest.mark.parametrize("amount", [Decimal("10.50"), Foreign(Decimal("10.50"), "USD"), Decimal("-5.00")])
def test_what_a_money_field_was_given_it_gives_back(amount: object) -> None:
    written = values.write(field("money"), amount)
    assert values.sum_of(written) == amount


def test_lists_of_values_go_by_caption() -> None:
    assert values.write(LIST, " предоплата ") == "44"
    with pytest.raises(ValueError, match="нет значения «Бартер»"):
        values.write(LIST, "Бартер")
    foreign = Foreign(Decimal(5), "USD")
    for kind, value in (("integer", Decimal("1.5")), ("money", "много"), ("double", foreign)):
        with pytest.raises(ValueError, match="Поле"):
            values.write(field(kind), value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", dt.date(2026, 1, 2), "02.01.2026"),
        ("date", "2026-01-02", dt.date(2026, 1, 2)),
        ("money", "5|RUB", Decimal("5.00")),
        ("money", Foreign(Decimal(5), "USD"), None),
        ("number", Foreign(Decimal(5), "USD"), None),
        ("text", Foreign(Decimal(5), "USD"), "5.00 USD"),
        ("date", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.date(2026, 1, 2)),
        ("text", ("a", "b"), "a, b"),
        ("flag", "Y", True),
        ("money", "x", None),
    ],
)
def test_columns_take_their_own_kind(kind: str, value: object, expected: object) -> None:
    assert values.as_kind(kind, value) == expected


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(st.dictionaries(texts.filter(bool), texts, min_size=1, max_size=5))
def test_a_command_survives_the_query_string(params: dict[str, str]) -> None:
    encoded = encode(Command("crm.item.list", {"filter": params}))
    method, _, query = encoded.partition("?")
    assert method == "crm.item.list" and "#" not in query
    assert dict(parse_qsl(query, keep_blank_values=True, encoding="utf-8")) == {
        f"filter[{key}]": value for key, value in params.items()
    }
    assert query.count("=") == len(params), "PHP cuts a name at its first «=»"


def test_shapes_of_a_command() -> None:
    encoded = encode(
        Command(
            "m",
            {
                "a": [1, {"b": None}],
                "yes": True,
                "sum": Decimal("1.50"),
                "none": [],
                "nothing": {},
                "day": dt.date(2026, 1, 2),
            },
        )
    )
    assert encoded == "m?a[0]=1&a[1][b]=&yes=Y&sum=1.50&none=&day=2026-01-02"
    assert rows({"0": 1, "1": 2}) == rows([1, 2]) == [1, 2]
    assert rows([]) == rows(None) == []


@given(st.decimals("0.001", "9999", places=3), st.decimals("0", "99999999", places=2))
def test_a_row_always_costs_exactly_its_amount(quantity: Decimal, amount: Decimal) -> None:
    row = product_row({"name": "Товар", "quantity": quantity, "amount": amount}, 1)
    total = (Decimal(row["price"]) * Decimal(row["quantity"])).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert total == amount


def test_a_row_with_tax_and_discount() -> None:
    row = product_row(
        {
            "name": "Камера",
            "quantity": Decimal(2),
            "amount": Decimal("180.00"),
            "discount": Decimal("20.00"),
            "product": "7",
            "vat_rate": Decimal(20),
            "vat_included": True,
            "unit_code": "796 ",
        },
        3,
    )
    assert row == {
        "productName": "Камера",
        "price": "90.00",
        "quantity": "2",
        "sort": 30,
        "taxIncluded": "Y",
        "taxRate": "20",
        "productId": "7",
        "measureCode": 796,
        "discountTypeId": 1,
        "discountSum": "8.33",
    }
    assert product_row({"name": "Без НДС", "amount": Decimal(1)}, 1)["taxRate"] is None


def test_stages_and_fields_by_name() -> None:
    assert (category_of("C9:NEW"), category_of("WON"), category_of("DT31_5:N")) == (9, 0, 0)
    known = {one.name: one for one in (field("string"), LIST, PortalField("b", "B", "string", " вид "))}
    assert [one.code for one in find_field(known, "ВИД")] == ["UF_CRM_KIND", "B"]
    assert [one.code for one in find_field(known, "uf_crm_kind")] == ["UF_CRM_KIND"]
    assert find_field(known, "Цвет") == []


@pytest.mark.parametrize(
    ("told", "zone", "day"),
    [
        ("2026-11-30T17:00:00+03:00", "Asia/Vladivostok", "2026-12-01"),
        ("2026-11-30T17:00:00+03:00", "Europe/Moscow", "2026-11-30"),
        ("2026-12-01T00:00:00+03:00", "Europe/Kaliningrad", "2026-11-30"),
        ("2026-12-01T00:30:00+02:00", "Europe/Kaliningrad", "2026-12-01"),
        ("2026-11-30T21:00:00", "Asia/Vladivostok", "2026-12-01"),
        ("2026-11-30T21:00:00Z", "Asia/Yekaterinburg", "2026-12-01"),
    ],
)
def test_a_moment_is_the_day_of_the_people_at_the_portal(told: str, zone: str, day: str) -> None:
    """The server writes it in a zone of its own: a contract of 1 December would be charged for November."""
    names = NAMES | {"office": ZoneInfo(zone)}
    found = values.as_kind("date", values.read(field("datetime"), told, SimpleNamespace(**names)))  # type: ignore[arg-type]
    assert found == dt.date.fromisoformat(day)
    several = values.read(field("datetime", multiple=True), [told, ""], SimpleNamespace(**names))  # type: ignore[arg-type]
    assert [one.date() for one in several] == [found]
    back = values.write(field("datetime"), found, ZoneInfo(zone))
    assert values.as_kind("date", values.read(field("datetime"), back, SimpleNamespace(**names))) == found  # type: ignore[arg-type]


def test_a_day_is_never_converted() -> None:
    names = SimpleNamespace(**NAMES | {"office": ZoneInfo("Asia/Vladivostok")})
    assert values.read(field("date"), "2026-11-30T17:00:00+03:00", names) == dt.date(2026, 11, 30)  # type: ignore[arg-type]
    assert values.write(field("date"), dt.date(2026, 11, 30), names.office) == "2026-11-30"
