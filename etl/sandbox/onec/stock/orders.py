"""What stock УТ 10.3, УТ 11 and УНФ 3 write about orders, weaknesses included (commerceml §0, §4-§9).

УТ 10.3: no amounts, a prepayment already looks «paid», a closed order looks «shipped», files on fixed places.
УТ 11: flags only when truly full, false flags left out, no cancellation. УНФ: subordinate documents, whose
own number and date are written only if they came from the site. None tells acts, invoices or contractors;
10.3 and 11 tell no order born in 1C.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.records import OPERATIONS, ZERO, Document, Line, Party

SPACES: dict[str, str | None] = {
    "ut103": None,
    "ut11": "urn:1C.ru:commerceml_2",
    "unf3": "urn:1C.ru:commerceml_210",
}
VERSIONS = {"ut103": "2.04", "ut11": "2.07", "unf3": "2.10"}
_NO_DATE = "0001-01-01"
#: money and goods that УНФ tells with the order they stand upon
_SUBORDINATE = ("payment", "refund", "shipment", "return")


def exportable(books: Books, dialect: str, *, extended: bool) -> list[Document]:
    """Orders this configuration would ever tell about: those of its site exchange.

    УНФ also those born in 1C (fact 4).

    Where the customer's handler is installed (`extended`) it tells everything else.
    """
    orders = books.all("order")
    if dialect == "unf3" and not extended:
        return [order for order in orders if order.origin != "contract"]
    return [order for order in orders if order.origin == "site"]


def orders_file(books: Books, dialect: str, orders: Iterable[Document], moment: dt.datetime) -> xml.Element:
    """Заказ товара documents of one session."""
    top = xml.root(VERSIONS[dialect], SPACES[dialect], moment)
    for order in orders:
        _order(xml.add(top, "Документ"), books, dialect, order)
    return top


def _order(element: xml.Element, books: Books, dialect: str, order: Document) -> None:
    """One order in the order of elements that 1C keeps (commerceml §3.1)."""
    _head(element, order, order.number, "order")
    party = books.party(order.party)
    if party is not None:
        _party(xml.nest(element, "Контрагенты", "Контрагент"), dialect, party)
    xml.add(element, "Время", order.time)
    xml.add(element, "СрокПлатежа", _NO_DATE)
    xml.add_some(element, "Комментарий", order.comment)
    vat = sum((line.vat_amount for line in order.lines), ZERO)
    tax = {"Наименование": "НДС", "УчтеноВСумме": xml.flag(order.vat_included), "Сумма": xml.plain(vat)}
    xml.add_all(xml.nest(element, "Налоги", "Налог"), tax)
    _rows(element, dialect, order.lines, order.vat_included)
    xml.add_requisites(element, _requisites(books, dialect, order))
    if dialect == "unf3":
        _subordinate(element, books, order)


def _head(element: xml.Element, document: Document, number: str, kind: str) -> None:
    """The first elements of a document, of the currency's name three letters (commerceml §3.1)."""
    head = {
        "Ид": document.guid,
        "Номер": number,
        "Дата": document.date.isoformat(),
        "ХозОперация": OPERATIONS[kind],
        "Роль": "Продавец",
        "Валюта": document.currency[:3],
        "Курс": document.rate,
        "Сумма": xml.plain(document.amount),
    }
    xml.add_all(element, head)


def _requisites(books: Books, dialect: str, order: Document) -> dict[str, str]:
    """What this configuration tells of the state of an order."""
    if dialect == "ut103":
        return _requisites_103(books, order)
    if dialect == "unf3":
        return _requisites_unf(books, order)
    return _requisites_11(books, order)


def _paid(books: Books, order: Document) -> bool:
    """Truly in full."""
    return order.amount > 0 and books.paid(order) >= order.amount


def _shipped(books: Books, order: Document) -> bool:
    """Truly in full."""
    return order.amount > 0 and books.shipped(order) >= order.amount


def _requisites_unf(books: Books, order: Document) -> dict[str, str]:
    """УНФ tells every flag and a status (commerceml §9)."""
    closed = books.closed(order)
    return {
        "Номер по 1С": order.number_1c,
        "Дата по 1С": xml.moment_1c(order.moment),
        "ПометкаУдаления": xml.flag(order.deleted),
        "Проведен": xml.flag(order.posted),
        "Отменен": xml.flag(order.cancelled),
        "Оплачен": xml.flag(_paid(books, order)),
        "Отгружен": xml.flag(_shipped(books, order)),
        "Статус заказа": order.status or ("Завершен" if closed else "В работе"),
        "Финальный статус": xml.flag(closed),
    }


def _requisites_11(books: Books, order: Document) -> dict[str, str]:
    """УТ 11 leaves false flags out and tells money and goods only when truly full (fact 5)."""
    own = {"Номер по 1С": order.number_1c, "Дата по 1С": xml.moment_1c(order.moment)}
    if order.deleted:
        own["ПометкаУдаления"] = "true"
    if order.posted:
        own["Проведен"] = "true"
    if _paid(books, order):
        own |= _pair("оплаты", _parts(books, order, "payment"), xml.moment_1c)
    if _shipped(books, order):
        own |= _pair("отгрузки", _parts(books, order, "shipment"), xml.moment_1c)
    return own


def _requisites_103(books: Books, order: Document) -> dict[str, str]:
    """«Paid» = the settlement balance of the order is not a debt.

    «shipped» = the register of orders is empty (fact 5).
    """
    shipped = books.shipped(order)
    own = {
        "Номер по 1С": order.number_1c,
        "Дата по 1С": order.moment.date().isoformat(),
        "ПометкаУдаления": xml.flag(order.deleted),
        "Проведен": xml.flag(order.posted),
    }
    if shipped <= books.paid(order):
        own |= _pair("оплаты", _parts(books, order, "payment"), _day)
    if not order.counts or books.closed(order) or shipped >= order.amount:
        own |= _pair("отгрузки", _parts(books, order, "shipment", "closing"), _day)
    return own


def _day(moment: dt.datetime) -> str:
    """A date without its time."""
    return moment.date().isoformat()


def _parts(books: Books, order: Document, *kinds: str) -> list[Document]:
    """Documents of these kinds upon the order that count."""
    return [part for part in books.dependents(order) if part.kind in kinds and part.counts]


def _pair(word: str, parts: list[Document], shown: Callable[[dt.datetime], str]) -> dict[str, str]:
    """The largest number, padded with a blank, and the latest date, possibly of two documents.

    0 and 0001-01-01 when there is no document (fact 5).
    """
    number, date = "0", _NO_DATE
    if parts:
        number = max(part.number_1c for part in parts).ljust(12)
        date = shown(max(part.moment for part in parts))
    return {f"Номер {word} по 1С": number, f"Дата {word} по 1С": date}


def _party(element: xml.Element, dialect: str, party: Party) -> None:
    """A Контрагент: one telephone, one e-mail.

    10.3 writes an ИНН and a КПП of any length (commerceml §3.3).
    """
    legal = party.kind == "legal"
    loose = dialect == "ut103"
    xml.add(element, "Ид", party.guid)
    xml.add(element, "Наименование", party.name)
    full = "ОфициальноеНаименование" if legal else "ПолноеНаименование"
    xml.add(element, full, party.full_name or party.name)
    if party.legal_address:
        address = xml.add(element, "ЮридическийАдрес" if legal else "АдресРегистрации")
        xml.add(address, "Представление", party.legal_address)
    if party.inn and (loose or len(party.inn) in (10, 12)):
        xml.add(element, "ИНН", party.inn)
    if party.kpp and (loose or len(party.kpp) == 9):
        xml.add(element, "КПП", party.kpp)
    _contacts(element, "ТелефонРабочий" if loose else "Телефон рабочий", party)
    xml.add(element, "Роль", "Покупатель")


def _contacts(element: xml.Element, phone: str, party: Party) -> None:
    """One telephone and one e-mail."""
    contacts = [(phone, value) for value in party.phones[:1]]
    contacts += [("Почта", value) for value in party.emails[:1]]
    if not contacts:
        return
    box = xml.add(element, "Контакты")
    for sort, value in contacts:
        xml.add_all(xml.add(box, "Контакт"), {"Тип": sort, "Значение": value})


def _rows(element: xml.Element, dialect: str, lines: list[Line], included: bool) -> None:
    """Товары, unless there is none."""
    if not lines:
        return
    rows = xml.add(element, "Товары")
    for line in lines:
        _row(xml.add(rows, "Товар"), dialect, line, included)


def _row(item: xml.Element, dialect: str, line: Line, included: bool) -> None:
    """One row (commerceml §3.4); УНФ calls what is no service a «Запас» and leaves the unit's text empty."""
    unf = dialect == "unf3"
    xml.add_some(item, "Ид", line.product)
    xml.add_some(item, "Артикул", line.article)
    xml.add(item, "Наименование", line.name)
    unit = None if unf else line.unit
    xml.add(item, "БазоваяЕдиница", unit, Код=line.unit_code, НаименованиеПолное=line.unit)
    add_rate(item, line.vat)
    kind = "Услуга" if line.service else "Товар"
    sort = "Запас" if unf and not line.service else kind
    xml.add_requisites(item, {"ВидНоменклатуры": kind, "ТипНоменклатуры": sort})
    values = {
        "ЦенаЗаЕдиницу": xml.plain(line.price),
        "Количество": xml.plain(line.quantity),
        "Сумма": xml.plain(line.amount),
        "Единица": line.unit,
        "Коэффициент": xml.plain(line.factor),
    }
    xml.add_all(item, values)
    tax = {
        "Наименование": "НДС",
        "УчтеноВСумме": xml.flag(included),
        "Сумма": xml.plain(line.vat_amount),
        "Ставка": _told(line.vat),
    }
    xml.add_all(xml.nest(item, "Налоги", "Налог"), tax)


def add_rate(item: xml.Element, vat: str | None) -> None:
    """СтавкиНалогов of a row or of an item."""
    rate = xml.nest(item, "СтавкиНалогов", "СтавкаНалога")
    xml.add_all(rate, {"Наименование": "НДС", "Ставка": _told(vat)})


def _told(vat: str | None) -> str:
    """A rate as stock configurations print it."""
    return "Без налога" if vat is None else vat


def _subordinate(element: xml.Element, books: Books, order: Document) -> None:
    """ПодчиненныеДокументы of УНФ (commerceml §9)."""
    parts = _parts(books, order, *_SUBORDINATE)
    if not parts:
        return
    box = xml.add(element, "ПодчиненныеДокументы")
    for part in parts:
        _part(xml.add(box, "ПодчиненныйДокумент"), part)


def _part(element: xml.Element, part: Document) -> None:
    """A payment or a shipment; its own number and date are told only where it came from the site."""
    xml.add(element, "Ид", part.guid)
    if part.origin == "site":
        xml.add(element, "Номер", part.number)
        xml.add(element, "Дата", part.date.isoformat())
    values = {
        "ХозОперация": OPERATIONS[part.kind],
        "Роль": "Продавец",
        "Валюта": part.currency,
        "Курс": part.rate,
        "Сумма": xml.plain(part.amount),
    }
    xml.add_all(element, values)
    _rows(element, "unf3", part.lines, part.vat_included)
    number, date, done = "Номер документа отгрузки", "Дата документа отгрузки", "Отгружен"
    if part.kind in ("payment", "refund"):
        number, date, done = "Номер оплаты по 1С", "Дата оплаты по 1С", "Оплачен"
    own = {number: part.number_1c.ljust(12), date: xml.moment_1c(part.moment), done: "true"}
    xml.add_requisites(element, own)


def single_file(books: Books, document: Document, moment: dt.datetime) -> tuple[str, xml.Element]:
    """«Выгрузка данных CommerceML» of one document: УТ 10.3's second channel, by hand (commerceml §8).

    Two counterparties, 1C's own number, services missing. Gives the name of the file and its root.
    """
    party = books.party(document.party)
    operation = OPERATIONS[document.kind]
    name = f"{party.name if party else ''}_{operation}_{document.date.isoformat()}.xml"
    top = xml.root("2.03", None, moment)
    element = xml.add(top, "Документ")
    _head(element, document, document.number_1c, document.kind)
    box = xml.add(element, "Контрагенты")
    ours = document.organisation or ""
    seller = {"Наименование": ours, "ОфициальноеНаименование": ours, "Роль": "Продавец"}
    xml.add_all(xml.add(box, "Контрагент"), seller)
    if party is not None:
        _party(xml.add(box, "Контрагент"), "ut103", party)
    goods = [line for line in document.lines if not line.service]
    _rows(element, "ut103", goods, document.vat_included)
    basis = books.get(document.basis)
    if basis is not None:
        link = {"НомерДокументаОснования": basis.number, "ДатаДокументаОснования": basis.date.isoformat()}
        xml.add_requisites(element, link)
    return name, top
