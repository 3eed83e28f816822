"""What a 1C configuration would choke on or silently misread, said before a byte is written.

In stock 1C one bad document fails the whole file or becomes something else without a word (reference/commerceml §0, §6,
§7), so a document is either fit for its dialect or left out with an Issue.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from etl import dialects
from etl import tables as canonical
from etl.dialects import Dialect
from etl.load.commerceml_text import ILLEGAL
from etl.tables import Record

Found = tuple[str, str, object]      # field, message, value


def problems(tables: Mapping[str, pd.DataFrame], dialect: Dialect, *, day: dt.date, vat_rates: Collection[str] | None = None,
             currency: str = "руб") -> pd.DataFrame:
    """`issues` of the documents that must not be written (severity reject, key = documents.id) or deserve a look (warn).

    `day` is today: a rate that the law did not have on a document's date is a warning, a document without a date is judged
    by `day`. `vat_rates` = rates the customer's base knows, if it differs from the dialect. `currency` = its name of the rouble.
    """
    documents = canonical.records(tables.get("documents", canonical.frame("documents")))
    lines, parties = (_by_document(tables.get(name, canonical.frame(name))) for name in ("lines", "parties"))
    known = dialect.vat_rates if vat_rates is None else {_plain_rate(rate) for rate in vat_rates}
    doubles = Counter((row["kind"], row["number"]) for row in documents)
    ambiguous = set() if dialect.extended else _ambiguous(parties)
    found = []
    for row in documents:
        own, people = lines.get(row["id"], []), parties.get(row["id"], [])
        rejects = [*_header(row, dialect, currency), *_parties(people, ambiguous, dialect), *_lines(own, known, dialect),
                   *_characters(row, own, people)]
        if doubles[row["kind"], row["number"]] > 1:
            rejects.append(("number", "Номер есть у двух документов: 1С запишет один поверх другого. Документ не отправлен.",
                            row["number"]))
        found += [_issue(row, "reject", *problem) for problem in rejects]
        found += [_issue(row, "warn", *problem) for problem in _doubts(row, own, day)]
    return canonical.frame("issues", found)


def _issue(document: Record, severity: str, field: str, message: str, value: object) -> Record:
    return canonical.issue(message, severity=severity, entity="documents", key=document["id"], field=field, value=value,
                           place=f"Документ № {document['number'] or document['id']}")


def _by_document(frame: pd.DataFrame) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = {}
    for row in canonical.records(frame):
        if row["document"] is not None:
            grouped.setdefault(row["document"], []).append(row)
    return grouped


def _plain_rate(rate: str) -> str:
    return rate.strip().rstrip("%").strip()


def _header(row: Record, dialect: Dialect, currency: str) -> Iterator[Found]:
    number, amount = row["number"], row["amount"]
    if row["kind"] not in dialect.kinds:
        yield ("kind", f"{dialect.title} не примет документ этого вида в файле заказов. "
                       "Передайте его по расширенному договору (docs/contract-1c.ru.md).", row["kind"])
    if not number:
        yield "number", "У документа нет номера, 1С не сможет его сопоставить. Документ не отправлен.", None
    elif len(number) > dialect.number_limit:
        yield "number", f"Номер длиннее {dialect.number_limit} знаков, 1С его обрежет. Документ не отправлен.", number
    if len(row["id"]) > 40:
        yield "id", "Ид документа длиннее 40 знаков. Документ не отправлен, сообщите разработчику.", row["id"]
    if row["date"] is None:
        yield "date", "У документа нет даты. Укажите дату на портале.", None
    if amount is None or not _in_kopecks(amount):
        yield "amount", "Сумма документа не указана или не кратна копейке. Исправьте сумму на портале.", amount
    code = row["currency"]
    if code is not None and code != dialects.currency_code(currency) and (not dialect.extended or len(code) != 3):
        yield "currency", f"Валюты {code} нет в обмене с этой базой. Пересчитайте сделку в рубли или заведите её в 1С вручную.", code
    if len(currency) != 3:
        yield "currency", f"Название валюты «{currency}» не из трёх знаков. Исправьте [onec] currency в профиле.", currency


def _in_kopecks(value: Decimal) -> bool:
    return value.is_finite() and value == value.quantize(Decimal("0.01"))


def _ambiguous(parties: Mapping[str, list[Record]]) -> set[str]:
    """Names without ИНН that mean several parties: stock 1C would take them for one (reference/commerceml §0.16)."""
    owners: dict[str, set[str]] = {}
    for rows in parties.values():
        for row in rows:
            if not row["inn"] and row["name"]:
                owners.setdefault(row["name"].strip(), set()).add(row["id"])
    return {name for name, ids in owners.items() if len(ids) > 1}


def _parties(people: list[Record], ambiguous: set[str], dialect: Dialect) -> Iterator[Found]:
    if not people:
        yield "party", "У документа нет контрагента, 1С откажется читать весь файл. Укажите клиента в сделке.", None
    for party in people:
        name, inn, kpp = party["name"], party["inn"], party["kpp"]
        if not name or not name.strip():
            yield "party", "У контрагента нет наименования. Заполните его на портале.", party["id"]
        elif not inn and name.strip() in ambiguous:
            yield ("party", "Два разных клиента без ИНН названы одинаково, 1С примет их за одного. "
                            "Заполните ИНН или уточните название.", party["id"])
        if len(party["id"]) > dialect.party_id_limit:
            yield ("party", f"Ид контрагента длиннее {dialect.party_id_limit} знаков. Документ не отправлен, сообщите разработчику.",
                   party["id"])
        if inn and not (inn.isascii() and inn.isdigit() and len(inn) in (10, 12)):
            yield "inn", "ИНН должен состоять из 10 или 12 цифр. Исправьте реквизиты на портале.", None
        if kpp and len(kpp) != 9:
            yield "kpp", "КПП должен состоять из 9 знаков. Исправьте реквизиты на портале.", None


def _lines(lines: list[Record], known: Collection[str] | None, dialect: Dialect) -> Iterator[Found]:
    for line in lines:
        where = f"lines[{line['position']}]"
        if not line["name"] or not line["name"].strip():
            yield f"{where}.name", "В строке нет наименования. Заполните товар в сделке.", None
        if line["quantity"] is None or line["quantity"] <= 0:
            yield (f"{where}.quantity", "Количество не указано или не больше нуля: 1С молча отбросит строку. Исправьте состав сделки.",
                   line["quantity"])
        if line["amount"] is None or not _in_kopecks(line["amount"]) or line["price"] is None:
            yield (f"{where}.amount", "Цена или сумма строки не указана или не кратна копейке. Исправьте состав сделки.",
                   line["amount"])
        if line["product"] and len(line["product"]) > 80:
            yield f"{where}.product", "Ид товара длиннее 80 знаков. Документ не отправлен, сообщите разработчику.", line["product"]
        yield from _rate(line, where, known, dialect)


def _rate(line: Record, where: str, known: Collection[str] | None, dialect: Dialect) -> Iterator[Found]:
    text = dialects.rate_text(dialect, line["vat_rate"], line["vat_exempt"])
    if text is None:
        yield (f"{where}.vat_rate", "Ставка НДС строки не указана, 1С подставит ставку соседней строки. "
                                    "Укажите ставку или «Без НДС».", None)
    elif line["vat_rate"] is not None and known is not None and text not in known:
        yield (f"{where}.vat_rate", f"База 1С не знает ставку {text} % и молча запишет 0. "
                                    "Добавьте ставку в 1С и в настройку [onec] vat_rates профиля.", text)


def _characters(row: Record, lines: list[Record], people: list[Record]) -> Iterator[Found]:
    for table, records in (("documents", [row]), ("lines", lines), ("parties", people)):
        for record in records:
            for column, value in record.items():
                if _has_illegal(value):
                    yield (f"{table}.{column}", "В тексте есть управляющий символ, запрещённый в XML. "
                                                "Уберите его из карточки на портале.", None)


def _has_illegal(value: Any) -> bool:
    if isinstance(value, str):
        return ILLEGAL.search(value) is not None
    if isinstance(value, dict):
        return any(_has_illegal(part) for pair in value.items() for part in pair)
    return isinstance(value, tuple) and any(_has_illegal(part) for part in value)


def _doubts(row: Record, lines: list[Record], day: dt.date) -> Iterator[Found]:
    """Rates that the law did not have on the document's date (onec §5), and texts that will be cut."""
    right = dialects.standard_vat(row["date"] or day)
    standards = {rate for _, rate in dialects.VAT_STANDARD}
    wrong = next((line["vat_rate"] for line in lines if line["vat_rate"] in standards and line["vat_rate"] != right), None)
    if wrong is not None:
        yield "vat_rate", f"Ставка НДС {wrong} % не подходит к дате документа (действует {right} %). Проверьте ставку в сделке.", wrong
    if len(row["comment"] or "") > 3000:
        yield "comment", "Комментарий длиннее 3000 знаков, 1С получит его начало. Сократите комментарий.", None
    if any(len(line["name"] or "") > 250 for line in lines):
        yield "lines.name", "Наименование товара длиннее 250 знаков, 1С получит его начало. Сократите название.", None
