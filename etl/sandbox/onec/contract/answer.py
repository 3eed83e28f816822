"""The handler writes from_1c/documents-….xml: business groups of documents in CommerceML 3.1."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.contract.cards import party_element
from etl.sandbox.onec.contract.opening import NAMESPACE, VERSION, shown_version, vat_text
from etl.sandbox.onec.records import KIND_WORDS, OPERATIONS, ZERO, Document, Line


def documents_file(books: Books, groups: Iterable[list[Document]], moment: dt.datetime) -> xml.Element:
    """One Контейнер per business group: the order (or invoice) first, then everything entered upon it."""
    top = xml.root(VERSION, NAMESPACE, moment)
    for group in groups:
        container = xml.add(top, "Контейнер")
        numbers = {document.guid: document.number for document in group}
        for document in group:
            _document(xml.add(container, "Документ"), books, document, numbers)
    return top


def state(books: Books, order: Document) -> str:
    """«Состояние» of an order as УТ 11 computes it (onec §1.5); a status set by a person goes first."""
    if order.status:
        return order.status
    paid = books.paid(order) >= order.amount
    shipped = books.shipped(order)
    if books.closed(order):
        return "Закрыт"
    if not order.approved:
        return "Ожидается согласование"
    if shipped >= order.amount > 0:
        return "Готов к закрытию" if paid else "Ожидается оплата (после отгрузки)"
    if shipped > 0:
        return "В процессе отгрузки"
    return "Готов к отгрузке" if paid else "Ожидается предоплата (до отгрузки)"


def _document(element: xml.Element, books: Books, document: Document, numbers: dict[str, str]) -> None:
    """One document; `numbers` are those of its group by reference."""
    _head(element, document)
    party = books.party(document.party)
    if party is not None:
        party_element(xml.add(element, "Контрагенты"), party, role=document.role)
    _money(element, document)
    xml.add_some(element, "Комментарий", document.comment)
    if document.lines:
        vat = sum((line.vat_amount for line in document.lines), ZERO)
        _taxes(element, document.vat_included, vat)
    xml.add_requisites(element, _requisites(books, document, numbers))
    if document.lines:
        rows = xml.add(element, "Товары")
        for line in document.lines:
            _line(xml.add(rows, "Товар"), line, document.vat_included)


def _head(element: xml.Element, document: Document) -> None:
    """The first elements: both numbers and both dates."""
    head = {
        "Ид": document.guid,
        "НомерВерсии": shown_version(document.version),
        "ПометкаУдаления": xml.flag(document.deleted),
        "Номер": document.number,
        "Номер1С": document.number_1c.ljust(12),
        "Дата": document.date.isoformat(),
        "Дата1С": document.moment.date().isoformat(),
        "Время": document.time,
        "ХозОперация": OPERATIONS[document.kind],
    }
    xml.add_all(element, head)


def _money(element: xml.Element, document: Document) -> None:
    """Currency, sum and basis; what is empty is left out."""
    values = {
        "Валюта": document.currency,
        "Курс": document.rate,
        "Сумма": xml.plain(document.amount),
        "Основание": document.basis,
        "Роль": "Продавец",
    }
    for name, value in values.items():
        xml.add_some(element, name, value)


def _requisites(books: Books, document: Document, numbers: dict[str, str]) -> dict[str, str]:
    """What the document was loaded with, and over it what the base knows (docs/contract-1c.ru.md)."""
    told = dict(document.requisites)
    told.pop("ПометкаУдаления", None)
    own = {"Проведен": xml.flag(document.posted), "Отменен": xml.flag(document.cancelled)}
    if document.kind in KIND_WORDS:
        own["ВидДокумента"] = KIND_WORDS[document.kind]
    if document.kind == "order":
        own |= _of_order(books, document)
    if document.kind in ("payment", "refund"):
        own |= _of_payment(document)
    if document.basis:
        basis = books.get(document.basis)
        known = basis.number if basis else ""
        own["НомерДокументаОснования"] = numbers.get(document.basis) or known
    if document.organisation:
        own["Организация"] = document.organisation
    if document.manager:
        own["Менеджер"] = document.manager
    return told | own


def _of_order(books: Books, order: Document) -> dict[str, str]:
    """State and the two flags, set only when truly full."""
    whole = order.amount > 0
    return {
        "Статус заказа": state(books, order),
        "Оплачен": xml.flag(whole and books.paid(order) >= order.amount),
        "Отгружен": xml.flag(whole and books.shipped(order) >= order.amount),
    }


def _of_payment(payment: Document) -> dict[str, str]:
    """What only payments and refunds have."""
    return {
        "Оплачено": xml.flag(payment.counts),
        "Дата оплаты": xml.moment_1c(payment.moment),
        "Номер платежного документа": payment.number_1c.ljust(12),
        "Признак возврата": xml.flag(payment.kind == "refund"),
    }


def _line(item: xml.Element, line: Line, included: bool) -> None:
    """One row (commerceml §3.4)."""
    xml.add_some(item, "Ид", line.product)
    xml.add_some(item, "Артикул", line.article)
    xml.add(item, "Наименование", line.name)
    told = vat_text(line.vat)
    rate = xml.nest(item, "СтавкиНалогов", "СтавкаНалога")
    xml.add_all(rate, {"Наименование": "НДС", "Ставка": told})
    sort = "Услуга" if line.service else "Товар"
    xml.add_requisites(item, {"ВидНоменклатуры": sort, "ТипНоменклатуры": sort})
    unit = {"Ид": f"{line.unit_code} ", "НаименованиеКраткое": line.unit, "Код": line.unit_code}
    xml.add_all(xml.add(item, "Единица"), unit)
    numbers = {
        "Коэффициент": xml.plain(line.factor),
        "Количество": xml.plain(line.quantity),
        "Цена": xml.plain(line.price),
        "Сумма": xml.plain(line.amount),
    }
    xml.add_all(item, numbers)
    _taxes(item, included, line.vat_amount, told)


def _taxes(element: xml.Element, included: bool, amount: Decimal, rate: str | None = None) -> None:
    """VAT of a document or of a row."""
    tax = xml.nest(element, "Налоги", "Налог")
    values = {"Наименование": "НДС", "УчтеноВСумме": xml.flag(included), "Сумма": xml.plain(amount)}
    xml.add_all(tax, values)
    xml.add_some(tax, "Ставка", rate)
