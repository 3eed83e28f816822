"""Spreadsheets of people: every form a deal export takes, values that Excel spoiled, reports of 1C (bitrix24 §8, reliability §4)."""

from __future__ import annotations

import datetime as dt
import html
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from etl import tables
from etl.errors import Rejected
from etl.extract.spreadsheet import captions, read

D = Decimal
HEAD = [
    "Название сделки",
    "Стадия сделки",
    "Сумма",
    "Валюта",
    "Ответственный",
    "Дата изменения",
    "ФИО плательщика",
    "ИНН",
    "Адрес объекта",
    "Номер договора",
    "Дата договора",
    "Дата расторжения",
    "Абонентская плата",
    "Сделка закрыта",
    "ID",
]
ROW = [
    'Поставка "Альфа"',
    "Договор подтвержден",
    "34567000.00",
    "Российский рубль",
    "Соколова Мария",
    "05.03.2026 14:02:11",
    "Кузнецов Пётр",
    "0264019526",
    "г. Тверь; ул. Лесная",
    "007/26",
    "05.03.2026",
    "",
    "1500.50",
    "Нет",
    "17",
]
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


def portal_csv(*rows: list[str], head: list[str] = HEAD) -> bytes:
    lines = ["".join('"' + value.replace('"', '""') + '";' for value in row) for row in (head, *rows)]
    return b"\xef\xbb\xbf" + ("\n".join(lines) + "\n").encode()


def portal_xls(*rows: list[str], head: list[str] = HEAD, wrapped: bool = False) -> bytes:
    def cells(row: list[str], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in row)

    table = (
        f'<table border="1"><thead><tr>{cells(head, "th")}</tr></thead><tbody>'
        + "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
        + "</tbody></table>"
    )
    meta = '<meta http-equiv="Content-type" content="text/html;charset=UTF-8" />'
    whole = (
        f"<html><head>{meta}<style>.number2 {{mso-number-format:Fixed;}}</style></head><body>{table}</body></html>"
        if wrapped
        else meta + table
    )
    return b"\xef\xbb\xbf" + whole.encode()


def excel_csv(*rows: list[str], head: list[str] = HEAD) -> bytes:
    return (
        "\r\n".join(
            ";".join(f'"{value}"' if ";" in value else value for value in row) for row in (head, *rows)
        )
        + "\r\n"
    ).encode("cp1251")


def xlsx(*rows: list[Any], head: list[str] = HEAD, above: int = 0, tail: int = 0) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for _ in range(above):
        sheet.append(["Список сделок"])
    for row in (head, *rows):
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def only(found: read.Deals) -> dict[str, Any]:
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
    deal = only(read.read_deals(data, name="deals.xls"))
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
    found = read.read_deals(xlsx(row), name="a.xlsx")
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
    found = read.read_deals(portal_csv(bad, [*ROW[:-1], "18"]), name="d.csv")
    assert list(found.deals["id"]) == ["18"]
    issue = tables.records(found.issues)[0]
    assert (
        issue["severity"] == "reject"
        and said in issue["message"]
        and issue["place"] == "строка 2"
        and issue["field"] == column
    )


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        (1500.5, "1500.50"),
        (100.30000000000001, "100.30"),
        ("1 234,50", "1234.50"),
        ("100|RUB", "100"),
        ("-5", "-5"),
    ],
)
def test_money_cells(cell: Any, amount: str) -> None:
    assert captions.money(cell) == D(amount)


@pytest.mark.parametrize("cell", [1.005, 1e15, "1,500", "12,3456 usd", float(10**14)])
def test_money_cells_refused(cell: Any) -> None:
    with pytest.raises(ValueError):
        captions.money(cell)


def test_a_long_account_stored_as_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="потерял цифры"):
        captions.text(4.07028109e19)


def test_missing_column_names_what_was_found() -> None:
    with pytest.raises(Rejected) as refusal:
        read.read_deals(
            portal_csv(["x", "y"], head=["Deal name", "Stage"]), name="deals.csv", required=("id", "stage")
        )
    assert (
        "«ID», «Стадия сделки»" in str(refusal.value)
        and "«Deal name», «Stage»" in str(refusal.value)
        and "[columns]" in str(refusal.value)
    )


def test_a_used_caption_twice_is_refused_and_an_unused_one_is_not() -> None:
    with pytest.raises(Rejected, match="«Адрес объекта» встречается дважды"):
        read.read_deals(portal_csv([*ROW, "другой"], head=[*HEAD, "Адрес объекта"]), name="d.csv")
    only(read.read_deals(portal_csv([*ROW, "a", "b"], head=[*HEAD, "Метка", "Метка"]), name="d.csv"))


def test_captions_of_the_profile_come_first() -> None:
    head = ["ID", "Плательщик (договор)", "Плательщик"]
    deal = only(
        read.read_deals(
            portal_csv(["17", "Анна", "Пётр"], head=head),
            name="d.csv",
            columns={"payer": ("плательщик (ДОГОВОР)",)},
        )
    )
    assert deal["payer"] == "Анна" and deal["fields"] == {"Плательщик": "Пётр"}


def test_rows_are_counted_not_padded() -> None:
    """An unset value may be missing from its `<tr>`: such a row is refused, its neighbours stay (bitrix24 §8.1)."""
    found = read.read_deals(portal_xls(ROW[:-2] + ROW[-1:], [*ROW[:-1], "18"]), name="d.xls")
    assert list(found.deals["id"]) == ["18"] and "число ячеек" in found.issues["message"][0]


def test_a_comment_with_tags_and_breaks_does_not_shift_columns() -> None:
    data = portal_xls([*ROW, "КОММЕНТАРИЙ"], head=[*HEAD, "Комментарий"]).replace(
        "КОММЕНТАРИЙ".encode(), "<b>жирный</b><br>вторая <table><tr><td>x</td></tr></table>".encode()
    )
    deal = only(read.read_deals(data, name="d.xls"))
    assert deal["id"] == "17" and deal["fields"]["Комментарий"].startswith("жирный\nвторая")


def test_product_rows_are_one_deal_with_the_sum_of_lines() -> None:
    head = ["Название сделки", "Сумма", "Товар", "Цена", "Количество", "ID"]
    rows = [
        ["Поставка", "200", "Болт", "2.00", "100", "17"],
        ["Поставка", "1034.5", "Гайка", "10.345", "100", "17"],
        ["Другая", "5", "", "", "", "18"],
    ]
    found = read.read_deals(portal_csv(*rows, head=head), name="d.csv")
    assert {row["id"]: row["amount"] for row in tables.records(found.deals)} == {
        "17": D("1234.5"),
        "18": D("5"),
    } and not len(found.issues)


def test_equal_lines_are_one_and_contradicting_lines_are_refused() -> None:
    other = [*ROW[:2], "1.00", *ROW[3:-1], "18"]
    found = read.read_deals(portal_csv(ROW, ROW, [*ROW[:-1], "18"], other), name="d.csv")
    assert (
        list(found.deals["id"]) == ["17"]
        and "противоречат" in found.issues["message"][0]
        and found.issues["key"][0] == "18"
    )


def test_verify_takes_what_a_later_step_can_read(tmp_path: Path) -> None:
    (tmp_path / "d.xls").write_bytes(portal_xls(ROW))
    read.verify(tmp_path / "d.xls")
    read.verify(portal_csv(["1", "2", "3"], head=["Номер", "Дата", "Сумма"]))
    with pytest.raises(Rejected, match="нет столбца"):
        read.verify(b"a;b\n1;2\n", name="x.csv")


# ---- reports of 1C ----

REPORT = ["Документ", "Контрагент", "ИНН", "Договор", "Сумма", "Комментарий"]


def test_a_payment_report_of_1c() -> None:
    rows = [
        [
            "Поступление на расчетный счет 00БП-000015 от 18.11.2026 12:00:00",
            "Кузнецов Пётр",
            "",
            "ВН-1",
            1500.5,
            "M2611100001; сделка 101",
        ],
        [
            "Списание с расчетного счета 00БП-000003 от 20.11.2026",
            "ООО «Ромашка»",
            "0264019526",
            "",
            "-100,00",
            "",
        ],
        ["Итого", "", "", "", 1400.5, ""],
    ]
    found = read.read_documents(xlsx(*rows, head=REPORT, above=4), name="оплаты.xlsx")
    first, second = tables.records(found.documents)
    assert (first["kind"], first["number"], first["date"], first["amount"], first["comment"]) == (
        "payment",
        "00БП-000015",
        dt.date(2026, 11, 18),
        D("1500.50"),
        "M2611100001; сделка 101",
    )
    assert first["id"] == "payment|00БП-000015|2026" and first["requisites"] == {"Договор": "ВН-1"}
    assert (second["kind"], second["amount"]) == ("refund", D("100.00")) and not len(found.issues)
    assert [(row["name"], row["inn"], row["document"]) for row in tables.records(found.parties)] == [
        ("Кузнецов Пётр", None, first["id"]),
        ("ООО «Ромашка»", "0264019526", second["id"]),
    ]


def test_a_report_with_separate_columns_and_a_bad_row() -> None:
    head = ["Номер", "Дата", "Вид документа", "Заказ покупателя", "Сумма документа", "Проведен", "Ключ"]
    rows = [
        [
            "00-12",
            "18.11.2026",
            "Реализация товаров и услуг",
            "Заказ покупателя 00-7 от 01.11.2026",
            "1 500,00",
            "Да",
            "M1",
        ],
        ["00-13", "вчера", "Акт", "", "5", "", ""],
    ]
    found = read.read_documents(portal_csv(*rows, head=head), name="r.csv")
    document = tables.records(found.documents)[0]
    assert (document["kind"], document["basis_number"], document["posted"], document["requisites"]) == (
        "shipment",
        "00-7",
        True,
        {"Ключ": "M1"},
    )
    assert len(found.documents) == 1 and found.issues["place"][0] == "строка 3"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Счет на оплату покупателю", "invoice"),
        ("Заказ покупателя", "order"),
        ("Заказ клиента", "order"),
        ("Реализация (акт, накладная)", "shipment"),
        ("Акт выполненных работ", "act"),
        ("Приходный кассовый ордер", "payment"),
        ("Платежное поручение входящее", "payment"),
        ("Возврат товаров от покупателя", "return"),
        ("Корректировка долга", "other"),
    ],
)
def test_kinds_of_documents(said: str, kind: str) -> None:
    data = portal_csv([f"{said} 00-1 от 01.11.2026", "5"], head=["Документ", "Сумма"])
    assert list(read.read_documents(data, name="r.csv").documents["kind"]) == [kind]
