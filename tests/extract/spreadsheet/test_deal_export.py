"""Every form a deal export takes, and what Excel did to it (bitrix24 §8, reliability §4)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from etl import tables
from etl.errors import Rejected
from etl.extract.spreadsheet.deal_export import Deals, read_deals
from tests.support.exports import HEAD, ROW, excel_csv, portal_csv, portal_xls, xlsx

D = Decimal
DEAL = {
    "id": "17",
    "title": 'Поставка "Альфа"',
    "stage": "Договор подтвержден",
    "amount": D("34567000.00"),
    "currency": "RUB",
    "manager_name": "Соколова Мария",
    "modified": dt.datetime(2026, 3, 5, 14, 2, 11),
    "payer": "Кузнецов Пётр",
    "payer_inn": "0264019526",
    "address": "г. Тверь; ул. Лесная",
    "contract_number": "007/26",
    "contract_date": dt.date(2026, 3, 5),
    "terminated_on": None,
    "monthly_fee": D("1500.50"),
    "closed": False,
}


def only(found: Deals) -> dict[str, Any]:
    assert list(found.issues["message"]) == [] and len(found.deals) == 1
    return tables.records(found.deals)[0]


SAVED = [value.replace('"Альфа"', "«Альфа»") for value in ROW]


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (portal_csv(ROW), ROW[0]),
        (portal_xls(ROW), ROW[0]),
        (portal_xls(ROW, wrapped=True), ROW[0]),
        (xlsx(ROW), ROW[0]),
        (xlsx(ROW, above=3), ROW[0]),
        (excel_csv(SAVED), SAVED[0]),
        ("\n".join("\t".join(row) for row in (HEAD, SAVED)).encode("utf-16"), SAVED[0]),
        (portal_csv(ROW).replace(b"\n", b"\r\n"), ROW[0]),
    ],
    ids=["csv", "html", "html wrapped", "xlsx", "xlsx with a title", "cp1251", "utf-16", "crlf"],
)
def test_one_deal_in_every_form(data: bytes, title: str) -> None:
    deal = only(read_deals(data, name="deals.xls"))
    assert {key: deal[key] for key in DEAL} == {**DEAL, "title": title}
    assert deal["file"] == "deals.xls" and deal["place"].startswith("строка ")


def test_what_excel_did_to_it() -> None:
    """Decimal comma, NBSP groups, «руб.», a date cell, a number for an id, a lost zero that the check digit gives back."""
    row = [
        ROW[0],
        ROW[1],
        "34\u00a0567\u00a0000,00 руб.",
        "",
        "",
        dt.datetime(2026, 3, 5, 14, 2, 11),
        "Кузнецов Пётр",
        264019526,
        "",
        7,
        dt.datetime(2026, 3, 5),
        None,
        1500.5,
        "Да",
        17,
    ]
    found = read_deals(xlsx(row), name="a.xlsx")
    deal = tables.records(found.deals)[0]
    assert (deal["amount"], deal["monthly_fee"], deal["contract_date"]) == (
        D("34567000.00"),
        D("1500.50"),
        dt.date(2026, 3, 5),
    )
    assert (deal["id"], deal["contract_number"], deal["payer_inn"], deal["closed"]) == (
        "17",
        "7",
        "0264019526",
        True,
    )
    assert list(found.issues["severity"]) == ["warn"] and "восстановлен ноль" in found.issues["message"][0]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("Абонентская плата", "1,500", "запятая"),
        ("Абонентская плата", "1.500", "точка"),
        ("Абонентская плата", "много", "не число"),
        ("Дата договора", "31.02.2026", "не бывает"),
        ("Дата договора", "03/15/2026", "не дата"),
        ("Дата расторжения", "01.01.1900", "вне 2000"),
        ("ИНН", "2,64E+09", "потерял цифры"),
        ("ID", "", "не номер сделки"),
        ("ID", "семнадцать", "не номер сделки"),
    ],
)
def test_a_value_that_cannot_be_read_rejects_its_row_only(column: str, value: str, said: str) -> None:
    bad = [value if caption == column else cell for caption, cell in zip(HEAD, ROW, strict=True)]
    found = read_deals(portal_csv(bad, [*ROW[:-1], "18"]), name="d.csv")
    assert list(found.deals["id"]) == ["18"]
    issue = tables.records(found.issues)[0]
    assert (
        issue["severity"] == "reject"
        and said in issue["message"]
        and issue["place"] == "строка 2"
        and issue["field"] == column
    )


def test_missing_column_names_what_was_found() -> None:
    with pytest.raises(Rejected) as refusal:
        read_deals(
            portal_csv(["x", "y"], head=["Deal name", "Stage"]), name="deals.csv", required=("id", "stage")
        )
    assert (
        "«ID», «Стадия сделки»" in str(refusal.value)
        and "«Deal name», «Stage»" in str(refusal.value)
        and "[columns]" in str(refusal.value)
    )


def test_a_used_caption_twice_is_refused_and_an_unused_one_is_not() -> None:
    with pytest.raises(Rejected, match="«Адрес объекта» встречается дважды"):
        read_deals(portal_csv([*ROW, "другой"], head=[*HEAD, "Адрес объекта"]), name="d.csv")
    only(read_deals(portal_csv([*ROW, "a", "b"], head=[*HEAD, "Метка", "Метка"]), name="d.csv"))


def test_captions_of_the_profile_come_first() -> None:
    head = ["ID", "Плательщик (договор)", "Плательщик"]
    deal = only(
        read_deals(
            portal_csv(["17", "Анна", "Пётр"], head=head),
            name="d.csv",
            columns={"payer": ("плательщик (ДОГОВОР)",)},
        )
    )
    assert deal["payer"] == "Анна" and deal["fields"] == {"Плательщик": "Пётр"}


def test_rows_are_counted_not_padded() -> None:
    """An unset value may be missing from its `<tr>`: such a row is refused, its neighbours stay (bitrix24 §8.1)."""
    found = read_deals(portal_xls(ROW[:-2] + ROW[-1:], [*ROW[:-1], "18"]), name="d.xls")
    assert list(found.deals["id"]) == ["18"] and "число ячеек" in found.issues["message"][0]


def test_a_comment_with_tags_and_breaks_does_not_shift_columns() -> None:
    data = portal_xls([*ROW, "КОММЕНТАРИЙ"], head=[*HEAD, "Комментарий"]).replace(
        "КОММЕНТАРИЙ".encode(), "<b>жирный</b><br>вторая <table><tr><td>x</td></tr></table>".encode()
    )
    deal = only(read_deals(data, name="d.xls"))
    assert deal["id"] == "17" and deal["fields"]["Комментарий"].startswith("жирный\nвторая")


def test_product_rows_are_one_deal_with_the_sum_of_lines() -> None:
    head = ["Название сделки", "Сумма", "Товар", "Цена", "Количество", "ID"]
    rows = [
        ["Поставка", "200", "Болт", "2.00", "100", "17"],
        ["Поставка", "1034.5", "Гайка", "10.345", "100", "17"],
        ["Другая", "5", "", "", "", "18"],
    ]
    found = read_deals(portal_csv(*rows, head=head), name="d.csv")
    assert {row["id"]: row["amount"] for row in tables.records(found.deals)} == {
        "17": D("1234.5"),
        "18": D("5"),
    } and not len(found.issues)


def test_equal_lines_are_one_and_contradicting_lines_are_refused() -> None:
    other = [*ROW[:2], "1.00", *ROW[3:-1], "18"]
    found = read_deals(portal_csv(ROW, ROW, [*ROW[:-1], "18"], other), name="d.csv")
    assert (
        list(found.deals["id"]) == ["17"]
        and "противоречат" in found.issues["message"][0]
        and found.issues["key"][0] == "18"
    )
