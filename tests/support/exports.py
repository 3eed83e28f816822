"""Deal exports in every form that people save: CSV and .xls of the portal, CSV and XLSX of Excel."""

from __future__ import annotations

import html
import io
from typing import Any

import openpyxl

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
