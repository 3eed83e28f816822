"""What stock УТ 10.3, УТ 11 and УНФ 3 write about orders and the catalogue, their weaknesses included (commerceml §0, §4-§7, §9).

УТ 10.3: no amounts, a prepayment already looks «paid», a closed order looks «shipped», files on fixed places. УТ 11: flags
only when truly full, false flags left out, no cancellation. УНФ: subordinate documents, whose own number and date are
written only if they came from the site. None tells acts, invoices or contractors; 10.3 and 11 tell no order born in 1C.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.records import OPERATIONS, Document, Line, Party, Product

SPACES: dict[str, str | None] = {
    "ut103": None,
    "ut11": "urn:1C.ru:commerceml_2",
    "unf3": "urn:1C.ru:commerceml_210",
}
VERSIONS = {"ut103": "2.04", "ut11": "2.07", "unf3": "2.10"}
_CATALOGUE = "6c2a1d10-4f0b-5b7e-8f60-0c1b24000001"
_PRICE_TYPE = "6c2a1d10-4f0b-5b7e-8f60-0c1b24000002"
_NO_DATE = "0001-01-01"


def exportable(books: Books, dialect: str, *, extended: bool) -> list[Document]:
    """Orders this configuration would ever tell about (fact 4): those of its site exchange; УНФ also those born in 1C.

    Where the customer's handler is installed (`extended`) it tells everything else.
    """
    born = dialect == "unf3" and not extended
    return [
        order
        for order in books.all("order")
        if order.origin == "site" or (born and order.origin != "contract")
    ]


def orders_file(books: Books, dialect: str, orders: Iterable[Document], moment: dt.datetime) -> xml.Element:
    """Заказ товара documents of one session."""
    top = xml.root(VERSIONS[dialect], SPACES[dialect], moment)
    for order in orders:
        _order(xml.add(top, "Документ"), books, dialect, order)
    return top


def file_names(dialect: str, guid: str) -> tuple[str, str, str]:
    """Relative paths of the orders, the catalogue and the offers of a session."""
    if dialect == "ut103":
        return f"1cbitrix-{guid}.xml", "1cbitrix/import.xml", "1cbitrix/offers.xml"
    return f"webdata/orders-{guid}_1.xml", "webdata/import0_1.xml", "webdata/offers0_1.xml"


def _order(element: xml.Element, books: Books, dialect: str, order: Document) -> None:
    for name, value in (
        ("Ид", order.guid),
        ("Номер", order.number),
        ("Дата", order.date.isoformat()),
        ("ХозОперация", "Заказ товара"),
        ("Роль", "Продавец"),
        ("Валюта", order.currency[:3]),
        ("Курс", order.rate),
        ("Сумма", xml.plain(order.amount)),
    ):
        xml.add(element, name, value)
    if (party := books.party(order.party)) is not None:
        _party(xml.add(xml.add(element, "Контрагенты"), "Контрагент"), dialect, party)
    xml.add(element, "Время", order.time)
    xml.add(element, "СрокПлатежа", _NO_DATE)
    xml.add_some(element, "Комментарий", order.comment)
    tax = xml.add(xml.add(element, "Налоги"), "Налог")
    for name, value in (
        ("Наименование", "НДС"),
        ("УчтеноВСумме", _flag(order.vat_included)),
        ("Сумма", xml.plain(sum((line.vat_amount for line in order.lines), Decimal(0)))),
    ):
        xml.add(tax, name, value)
    _rows(element, dialect, order.lines, order.vat_included)
    xml.add_requisites(element, _requisites(books, dialect, order))
    if dialect == "unf3":
        _subordinate(element, books, order)


def _requisites(books: Books, dialect: str, order: Document) -> dict[str, str]:
    if dialect == "ut103":
        return _requisites_103(books, order)
    own = {"Номер по 1С": order.number_1c, "Дата по 1С": xml.moment_1c(order.moment)}
    if dialect == "unf3":
        whole = order.amount > 0
        own |= {
            "ПометкаУдаления": _flag(order.deleted),
            "Проведен": _flag(order.posted),
            "Отменен": _flag(order.cancelled),
            "Оплачен": _flag(whole and books.paid(order) >= order.amount),
            "Отгружен": _flag(whole and books.shipped(order) >= order.amount),
        }
        status = order.status or ("Завершен" if books.closed(order) else "В работе")
        return own | {"Статус заказа": status, "Финальный статус": _flag(books.closed(order))}
    own |= {
        name: "true"
        for name, value in (("ПометкаУдаления", order.deleted), ("Проведен", order.posted))
        if value
    }
    if order.amount > 0 and books.paid(order) >= order.amount:
        own |= _pair("оплаты", _parts(books, order, "payment"), xml.moment_1c)
    if order.amount > 0 and books.shipped(order) >= order.amount:
        own |= _pair("отгрузки", _parts(books, order, "shipment"), xml.moment_1c)
    return own


def _requisites_103(books: Books, order: Document) -> dict[str, str]:
    """«Paid» = the settlement balance of the order is not a debt; «shipped» = nothing is left in the register of orders (fact 5)."""
    own = {
        "Номер по 1С": order.number_1c,
        "Дата по 1С": order.moment.date().isoformat(),
        "ПометкаУдаления": _flag(order.deleted),
        "Проведен": _flag(order.posted),
    }
    if books.shipped(order) - books.paid(order) <= 0:
        own |= _pair("оплаты", _parts(books, order, "payment"), lambda moment: moment.date().isoformat())
    if not order.counts or books.closed(order) or order.amount - books.shipped(order) <= 0:
        own |= _pair(
            "отгрузки", _parts(books, order, "shipment", "closing"), lambda moment: moment.date().isoformat()
        )
    return own


def _parts(books: Books, order: Document, *kinds: str) -> list[Document]:
    return [part for part in books.dependents(order) if part.kind in kinds and part.counts]


def _pair(word: str, parts: list[Document], shown: Callable[[dt.datetime], str]) -> dict[str, str]:
    """The largest number, padded with a blank, and the latest date, possibly of two documents; 0 and 0001-01-01 when there is none."""
    number = max((part.number_1c for part in parts), default="0")
    moment = max((part.moment for part in parts), default=None)
    return {
        f"Номер {word} по 1С": number.ljust(12) if parts else "0",
        f"Дата {word} по 1С": shown(moment) if moment else _NO_DATE,
    }


def _party(element: xml.Element, dialect: str, party: Party) -> None:
    xml.add(element, "Ид", party.guid)
    xml.add(element, "Наименование", party.name)
    legal = party.kind == "legal"
    xml.add(
        element, "ОфициальноеНаименование" if legal else "ПолноеНаименование", party.full_name or party.name
    )
    if party.legal_address:
        xml.add(
            xml.add(element, "ЮридическийАдрес" if legal else "АдресРегистрации"),
            "Представление",
            party.legal_address,
        )
    if party.inn and (dialect == "ut103" or len(party.inn) in (10, 12)):
        xml.add(element, "ИНН", party.inn)
    if party.kpp and (dialect == "ut103" or len(party.kpp) == 9):
        xml.add(element, "КПП", party.kpp)
    contacts = [
        ("Телефон рабочий" if dialect != "ut103" else "ТелефонРабочий", value) for value in party.phones[:1]
    ]
    contacts += [("Почта", value) for value in party.emails[:1]]
    if contacts:
        box = xml.add(element, "Контакты")
        for sort, value in contacts:
            contact = xml.add(box, "Контакт")
            xml.add(contact, "Тип", sort)
            xml.add(contact, "Значение", value)
    xml.add(element, "Роль", "Покупатель")


def _rows(element: xml.Element, dialect: str, lines: list[Line], included: bool) -> None:
    if not lines:
        return
    rows = xml.add(element, "Товары")
    for line in lines:
        item = xml.add(rows, "Товар")
        xml.add_some(item, "Ид", line.product)
        xml.add_some(item, "Артикул", line.article)
        xml.add(item, "Наименование", line.name)
        xml.add(
            item,
            "БазоваяЕдиница",
            line.unit if dialect != "unf3" else None,
            Код=line.unit_code,
            НаименованиеПолное=line.unit,
        )
        _rate(item, line.vat)
        kind = "Услуга" if line.service else "Товар"
        xml.add_requisites(
            item,
            {
                "ВидНоменклатуры": kind,
                "ТипНоменклатуры": "Запас" if dialect == "unf3" and not line.service else kind,
            },
        )
        for name, value in (
            ("ЦенаЗаЕдиницу", line.price),
            ("Количество", line.quantity),
            ("Сумма", line.amount),
        ):
            xml.add(item, name, xml.plain(value))
        xml.add(item, "Единица", line.unit)
        xml.add(item, "Коэффициент", xml.plain(line.factor))
        tax = xml.add(xml.add(item, "Налоги"), "Налог")
        for name, text in (
            ("Наименование", "НДС"),
            ("УчтеноВСумме", _flag(included)),
            ("Сумма", xml.plain(line.vat_amount)),
            ("Ставка", _told(line.vat)),
        ):
            xml.add(tax, name, text)


def _rate(item: xml.Element, vat: str | None) -> None:
    rate = xml.add(xml.add(item, "СтавкиНалогов"), "СтавкаНалога")
    xml.add(rate, "Наименование", "НДС")
    xml.add(rate, "Ставка", _told(vat))


def _told(vat: str | None) -> str:
    return "Без налога" if vat is None else vat


def _subordinate(element: xml.Element, books: Books, order: Document) -> None:
    parts = [
        part
        for part in books.dependents(order)
        if part.kind in ("payment", "refund", "shipment", "return") and part.counts
    ]
    if not parts:
        return
    box = xml.add(element, "ПодчиненныеДокументы")
    for part in parts:
        child = xml.add(box, "ПодчиненныйДокумент")
        xml.add(child, "Ид", part.guid)
        if part.origin == "site":
            xml.add(child, "Номер", part.number)
            xml.add(child, "Дата", part.date.isoformat())
        for name, value in (
            ("ХозОперация", OPERATIONS[part.kind]),
            ("Роль", "Продавец"),
            ("Валюта", part.currency),
            ("Курс", part.rate),
            ("Сумма", xml.plain(part.amount)),
        ):
            xml.add(child, name, value)
        _rows(child, "unf3", part.lines, part.vat_included)
        paying = part.kind in ("payment", "refund")
        words = (
            ("Номер оплаты по 1С", "Дата оплаты по 1С", "Оплачен")
            if paying
            else ("Номер документа отгрузки", "Дата документа отгрузки", "Отгружен")
        )
        xml.add_requisites(
            child,
            dict(zip(words, (part.number_1c.ljust(12), xml.moment_1c(part.moment), "true"), strict=True)),
        )


# ---- catalogue ----
def catalogue_files(
    dialect: str, products: list[Product], moment: dt.datetime
) -> tuple[xml.Element, xml.Element]:
    """Каталог and ПакетПредложений; items without a price have no offer, the purchasing price is not told."""
    goods = xml.root(VERSIONS[dialect], SPACES[dialect], moment)
    classifier = xml.add(goods, "Классификатор")
    xml.add(classifier, "Ид", _CATALOGUE)
    xml.add(classifier, "Наименование", "Классификатор (Основной каталог товаров)")
    catalogue = xml.add(goods, "Каталог", СодержитТолькоИзменения=_flag(dialect != "ut103"))
    for name, value in (
        ("Ид", _CATALOGUE),
        ("ИдКлассификатора", _CATALOGUE),
        ("Наименование", "Основной каталог товаров"),
    ):
        xml.add(catalogue, name, value)
    items = xml.add(catalogue, "Товары")
    for product in products:
        _product(items, dialect, product)
    return goods, _offers(dialect, products, moment)


def _product(items: xml.Element, dialect: str, product: Product) -> None:
    item = xml.add(items, "Товар")
    if product.deleted and dialect != "ut103":
        item.set("Статус", "Удален")
    xml.add(item, "Ид", product.guid)
    xml.add_some(item, "Артикул", product.article)
    xml.add(item, "Наименование", product.name)
    xml.add(item, "БазоваяЕдиница", product.unit, Код=product.unit_code, НаименованиеПолное=product.unit)
    _rate(item, product.vat)
    sort = "Услуга" if product.service else "Товар"
    xml.add_requisites(
        item, {"ВидНоменклатуры": sort, "ТипНоменклатуры": sort, "Полное наименование": product.name}
    )
    if product.deleted and dialect == "ut103":
        xml.add(item, "Статус", "Удален")


def _offers(dialect: str, products: list[Product], moment: dt.datetime) -> xml.Element:
    top = xml.root(VERSIONS[dialect], SPACES[dialect], moment)
    package = xml.add(top, "ПакетПредложений", СодержитТолькоИзменения=_flag(dialect != "ut103"))
    for name, value in (
        ("Ид", f"{_CATALOGUE}#"),
        ("Наименование", "Пакет предложений"),
        ("ИдКаталога", _CATALOGUE),
    ):
        xml.add(package, name, value)
    sort = xml.add(xml.add(package, "ТипыЦен"), "ТипЦены")
    for name, value in (("Ид", _PRICE_TYPE), ("Наименование", "Розничная"), ("Валюта", "руб")):
        xml.add(sort, name, value)
    offers = xml.add(package, "Предложения")
    for product in products:
        if product.price is None or product.deleted:
            continue
        offer = xml.add(offers, "Предложение")
        xml.add(offer, "Ид", product.guid)
        xml.add(offer, "Наименование", product.name)
        price = xml.add(xml.add(offer, "Цены"), "Цена")
        told = xml.plain(product.price)
        for name, value in (
            ("Представление", f"{told} руб за {product.unit}"),
            ("ИдТипаЦены", _PRICE_TYPE),
            ("ЦенаЗаЕдиницу", told),
            ("Валюта", "руб"),
            ("Единица", product.unit),
            ("Коэффициент", "1"),
        ):
            xml.add(price, name, value)
        xml.add(offer, "Количество", "0")
    return top


# ---- УТ 10.3, second channel: one document by hand (commerceml §8) ----
def single_file(books: Books, document: Document, moment: dt.datetime) -> tuple[str, xml.Element]:
    """«Выгрузка данных CommerceML» of one invoice, shipment or return: two counterparties, 1C's own number, services missing."""
    party = books.party(document.party)
    name = f"{party.name if party else ''}_{OPERATIONS[document.kind]}_{document.date.isoformat()}.xml"
    top = xml.root("2.03", None, moment)
    element = xml.add(top, "Документ")
    for tag, value in (
        ("Ид", document.guid),
        ("Номер", document.number_1c),
        ("Дата", document.date.isoformat()),
        ("ХозОперация", OPERATIONS[document.kind]),
        ("Роль", "Продавец"),
        ("Валюта", document.currency[:3]),
        ("Курс", document.rate),
        ("Сумма", xml.plain(document.amount)),
    ):
        xml.add(element, tag, value)
    box = xml.add(element, "Контрагенты")
    seller = xml.add(box, "Контрагент")
    ours = document.organisation or ""
    for tag, value in (("Наименование", ours), ("ОфициальноеНаименование", ours), ("Роль", "Продавец")):
        xml.add(seller, tag, value)
    if party is not None:
        _party(xml.add(box, "Контрагент"), "ut103", party)
    _rows(element, "ut103", [line for line in document.lines if not line.service], document.vat_included)
    basis = books.get(document.basis)
    if basis is not None:
        xml.add_requisites(
            element,
            {"НомерДокументаОснования": basis.number, "ДатаДокументаОснования": basis.date.isoformat()},
        )
    return name, top


def wipe(folder: Path) -> None:
    """УТ 10.3 empties its folder `1cbitrix` at every run (commerceml §12)."""
    for old in sorted(folder.glob("1cbitrix/*.xml")):
        old.unlink()


def _flag(value: bool) -> str:
    return "true" if value else "false"
