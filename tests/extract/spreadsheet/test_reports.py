"""Reports of 1C that people save as a table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from etl import tables
from etl.extract.spreadsheet.reports import read_documents
from tests.support.exports import portal_csv, xlsx

D = Decimal
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
    found = read_documents(xlsx(*rows, head=REPORT, above=4), name="оплаты.xlsx")
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
    found = read_documents(portal_csv(*rows, head=head), name="r.csv")
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
    assert list(read_documents(data, name="r.csv").documents["kind"]) == [kind]


def test_a_minus_stays_and_a_currency_is_told() -> None:
    head = ["Документ", "Сумма", "Валюта", "Курс"]
    rows = [
        ["Платежное поручение входящее 00-1 от 01.11.2026", "-100,00", "руб.", "1"],
        ["Платежное поручение входящее 00-2 от 01.11.2026", "100", "USD", "80,5"],
        ["Возврат товаров от покупателя 00-3 от 01.11.2026", "-100", "", ""],
        ["Реализация 00-4 от 01.11.2026", "-7", "", ""],
    ]
    found = tables.records(read_documents(portal_csv(*rows, head=head), name="r.csv").documents)
    assert [(row["amount"], row["currency"], row["rate"]) for row in found] == [
        (D(-100), "RUB", D(1)),
        (D(100), "USD", D("80.5")),
        (D(100), None, None),
        (D(-7), None, None),
    ]
