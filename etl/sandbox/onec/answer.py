"""The customer's handler of the extended contract, writing side: documents, parties and the catalogue of CommerceML 3.1."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import Decimal

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.handler import NAMESPACE
from etl.sandbox.onec.records import KIND_WORDS, OPERATIONS, Document, Line, Party, Product

VERSION = "3.1"
_CATALOGUE = "5d1f0c3a-7a51-5f0e-9a55-0c1b24000001"
_PRICE_TYPES = {
    "price": ("5d1f0c3a-7a51-5f0e-9a55-0c1b24000002", "Розничная"),
    "purchase": ("5d1f0c3a-7a51-5f0e-9a55-0c1b24000003", "Закупочная"),
}


def documents_file(books: Books, groups: Iterable[list[Document]], moment: dt.datetime) -> xml.Element:
    """One Контейнер per business group: the order (or invoice) first, then everything entered upon it."""
    top = xml.root(VERSION, NAMESPACE, moment)
    for group in groups:
        container = xml.add(top, "Контейнер")
        numbers = {document.guid: document.number for document in group}
        for document in group:
            _document(container, books, document, numbers)
    return top


def state(books: Books, order: Document) -> str:
    """«Состояние» of an order as УТ 11 computes it (onec §1.5); a status set by a person goes first."""
    if order.status:
        return order.status
    paid, shipped = books.paid(order) >= order.amount, books.shipped(order)
    if books.closed(order):
        return "Закрыт"
    if not order.approved:
        return "Ожидается согласование"
    if shipped >= order.amount > 0:
        return "Готов к закрытию" if paid else "Ожидается оплата (после отгрузки)"
    if shipped > 0:
        return "В процессе отгрузки"
    return "Готов к отгрузке" if paid else "Ожидается предоплата (до отгрузки)"


def _document(container: xml.Element, books: Books, document: Document, numbers: dict[str, str]) -> None:
    element = xml.add(container, "Документ")
    head = {
        "Ид": document.guid,
        "НомерВерсии": _version(document.version),
        "ПометкаУдаления": _flag(document.deleted),
        "Номер": document.number,
        "Номер1С": document.number_1c.ljust(12),
        "Дата": document.date.isoformat(),
        "Дата1С": document.moment.date().isoformat(),
        "Время": document.time,
        "ХозОперация": OPERATIONS[document.kind],
    }
    for name, value in head.items():
        xml.add(element, name, value)
    if (party := books.party(document.party)) is not None:
        party_element(xml.add(element, "Контрагенты"), party, role=document.role)
    tail = {
        "Валюта": document.currency,
        "Курс": document.rate,
        "Сумма": xml.plain(document.amount),
        "Основание": document.basis or "",
        "Роль": "Продавец",
    }
    for name, value in tail.items():
        xml.add_some(element, name, value)
    xml.add_some(element, "Комментарий", document.comment)
    if document.lines:
        _taxes(element, document.vat_included, sum((line.vat_amount for line in document.lines), Decimal(0)))
    xml.add_requisites(element, _requisites(books, document, numbers))
    if document.lines:
        rows = xml.add(element, "Товары")
        for line in document.lines:
            _line(rows, line, document.vat_included)


def _requisites(books: Books, document: Document, numbers: dict[str, str]) -> dict[str, str]:
    own = {"Проведен": _flag(document.posted), "Отменен": _flag(document.cancelled)}
    if document.kind in KIND_WORDS:
        own["ВидДокумента"] = KIND_WORDS[document.kind]
    if document.kind == "order":
        whole = document.amount > 0
        own |= {
            "Статус заказа": state(books, document),
            "Оплачен": _flag(whole and books.paid(document) >= document.amount),
            "Отгружен": _flag(whole and books.shipped(document) >= document.amount),
        }
    if document.kind in ("payment", "refund"):
        own |= {
            "Оплачено": _flag(document.counts),
            "Дата оплаты": xml.moment_1c(document.moment),
            "Номер платежного документа": document.number_1c.ljust(12),
            "Признак возврата": _flag(document.kind == "refund"),
        }
    if document.basis:
        basis = books.get(document.basis)
        own["НомерДокументаОснования"] = numbers.get(document.basis) or (basis.number if basis else "")
    own |= {
        name: value
        for name, value in (("Организация", document.organisation), ("Менеджер", document.manager))
        if value
    }
    return {
        name: value for name, value in document.requisites.items() if name not in ("ПометкаУдаления",)
    } | own


def _line(rows: xml.Element, line: Line, included: bool) -> None:
    item = xml.add(rows, "Товар")
    xml.add_some(item, "Ид", line.product)
    xml.add_some(item, "Артикул", line.article)
    xml.add(item, "Наименование", line.name)
    told = "Без НДС" if line.vat is None else line.vat
    rate = xml.add(xml.add(item, "СтавкиНалогов"), "СтавкаНалога")
    xml.add(rate, "Наименование", "НДС")
    xml.add(rate, "Ставка", told)
    sort = "Услуга" if line.service else "Товар"
    xml.add_requisites(item, {"ВидНоменклатуры": sort, "ТипНоменклатуры": sort})
    unit = xml.add(item, "Единица")
    for name, value in (
        ("Ид", f"{line.unit_code} "),
        ("НаименованиеКраткое", line.unit),
        ("Код", line.unit_code),
    ):
        xml.add(unit, name, value)
    for name, number in (
        ("Коэффициент", line.factor),
        ("Количество", line.quantity),
        ("Цена", line.price),
        ("Сумма", line.amount),
    ):
        xml.add(item, name, xml.plain(number))
    _taxes(item, included, line.vat_amount, told)


def _taxes(element: xml.Element, included: bool, amount: Decimal, rate: str | None = None) -> None:
    tax = xml.add(xml.add(element, "Налоги"), "Налог")
    xml.add(tax, "Наименование", "НДС")
    xml.add(tax, "УчтеноВСумме", _flag(included))
    xml.add(tax, "Сумма", xml.plain(amount))
    xml.add_some(tax, "Ставка", rate)


# ---- Контрагенты ----
def parties_file(parties: Iterable[Party], moment: dt.datetime) -> xml.Element:
    """Changed counterparties: СодержитТолькоИзменения, so absence means nothing."""
    top = xml.root(VERSION, NAMESPACE, moment)
    box = xml.add(top, "Контрагенты", СодержитТолькоИзменения="true")
    for party in parties:
        party_element(box, party, role="Покупатель", directory=True)
    return top


def party_element(box: xml.Element, party: Party, *, role: str, directory: bool = False) -> None:
    """A Контрагент; `directory` adds the folder and the code of the catalogue."""
    element = xml.add(box, "Контрагент")
    full = "ОфициальноеНаименование" if party.kind == "legal" else "ПолноеНаименование"
    values = {
        "Ид": party.guid,
        "НомерВерсии": _version(party.version),
        "ПометкаУдаления": _flag(party.deleted),
        "Наименование": party.name,
        full: party.full_name or party.name,
        "Роль": role,
        "ИНН": party.inn or "",
        "КПП": party.kpp or "",
        "КодПоОКПО": party.okpo or "",
    }
    for name, value in values.items():
        xml.add(element, name, value or None)
    _accounts(element, party)
    _address(element, "АдресРегистрации", party.legal_address, party.city)
    _address(element, "Адрес", party.actual_address, party.city)
    contacts = [("Электронная почта", mail) for mail in party.emails] + [
        ("Телефон рабочий", phone) for phone in party.phones
    ]
    if contacts:
        contacts_box = xml.add(element, "Контакты")
        for sort, value in contacts:
            contact = xml.add(contacts_box, "Контакт")
            xml.add(contact, "Тип", sort)
            xml.add(contact, "Значение", value)
    if party.contacts:
        people = xml.add(element, "Представители")
        for guid, name in party.contacts.items():
            person = xml.add(people, "Представитель")
            for tag, value in (("Отношение", "Контактное лицо"), ("Ид", guid), ("Наименование", name)):
                xml.add(person, tag, value)
    if directory:
        place = {"Папка": party.folder, "Код": party.code}
        xml.add_some(
            element,
            "Комментарий",
            "; ".join(f"{name}: {value.replace(';', ';;')}" for name, value in place.items() if value),
        )


def _accounts(element: xml.Element, party: Party) -> None:
    if not party.accounts:
        return
    box = xml.add(element, "РасчетныеСчета")
    for account in party.accounts:
        item = xml.add(box, "РасчетныйСчет")
        xml.add(item, "НомерСчета", account.number)
        bank = xml.add(item, "Банк")
        for name, value in (
            ("СчетКорреспондентский", account.corr_account),
            ("Наименование", account.bank_name),
            ("БИК", account.bik),
        ):
            xml.add_some(bank, name, value)


def _address(element: xml.Element, tag: str, shown: str | None, city: str | None) -> None:
    if not shown:
        return
    address = xml.add(element, tag)
    xml.add(address, "Представление", shown)
    if city:
        part = xml.add(address, "АдресноеПоле")
        xml.add(part, "Тип", "Город")
        xml.add(part, "Значение", city)


# ---- Каталог ----
def catalog_file(products: Iterable[Product], moment: dt.datetime) -> xml.Element:
    """Changed items with their groups and prices."""
    listed = list(products)
    top = xml.root(VERSION, NAMESPACE, moment)
    classifier = xml.add(top, "Классификатор")
    xml.add(classifier, "Ид", _CATALOGUE)
    xml.add(classifier, "Наименование", "Классификатор (Основной каталог товаров)")
    groups = _groups(classifier, sorted({product.group for product in listed if product.group}))
    types = xml.add(classifier, "ТипыЦен")
    for guid, name in _PRICE_TYPES.values():
        item = xml.add(types, "ТипЦены")
        for tag, value in (("Ид", guid), ("Наименование", name), ("Валюта", "руб")):
            xml.add(item, tag, value)
    catalogue = xml.add(top, "Каталог", СодержитТолькоИзменения="true")
    for tag, value in (
        ("Ид", _CATALOGUE),
        ("ИдКлассификатора", _CATALOGUE),
        ("Наименование", "Основной каталог товаров"),
    ):
        xml.add(catalogue, tag, value)
    goods = xml.add(catalogue, "Товары")
    for product in listed:
        _product(goods, product, groups)
    _offers(top, listed)
    return top


def _groups(classifier: xml.Element, paths: list[str]) -> dict[str, str]:
    """Группы of the classifier for paths «А/Б»; path -> Ид. An Ид depends on the path only, so it is the same in every file."""
    made: dict[str, xml.Element] = {}
    known: dict[str, str] = {}
    for path in paths:
        parent, done = classifier, ""
        for name in path.split("/"):
            done = f"{done}/{name}".strip("/")
            if done not in made:
                box = xml.child(parent, "Группы")
                group = xml.add(xml.add(parent, "Группы") if box is None else box, "Группа")
                known[done] = str(uuid.uuid5(uuid.UUID(_CATALOGUE), done))
                xml.add(group, "Ид", known[done])
                xml.add(group, "Наименование", name)
                made[done] = group
            parent = made[done]
    return known


def _product(goods: xml.Element, product: Product, groups: dict[str, str]) -> None:
    item = xml.add(goods, "Товар")
    for tag, value in (
        ("Ид", product.guid),
        ("НомерВерсии", _version(product.version)),
        ("ПометкаУдаления", _flag(product.deleted)),
        ("Артикул", product.article),
        ("Наименование", product.name),
    ):
        xml.add_some(item, tag, value)
    xml.add(
        item, "БазоваяЕдиница", product.unit, Код=f"{product.unit_code} ", НаименованиеПолное=product.unit
    )
    if product.group:
        xml.add(xml.add(item, "Группы"), "Ид", groups[product.group])
    rate = xml.add(xml.add(item, "СтавкиНалогов"), "СтавкаНалога")
    xml.add(rate, "Наименование", "НДС")
    xml.add(rate, "Ставка", "Без НДС" if product.vat is None else product.vat)
    sort = "Услуга" if product.service else "Товар"
    xml.add_requisites(
        item, {"ВидНоменклатуры": sort, "ТипНоменклатуры": sort, "Полное наименование": product.name}
    )


def _offers(top: xml.Element, products: list[Product]) -> None:
    package = xml.add(top, "ПакетПредложений", СодержитТолькоИзменения="true")
    for tag, value in (
        ("Ид", f"{_CATALOGUE}#"),
        ("Наименование", "Пакет предложений"),
        ("ИдКаталога", _CATALOGUE),
    ):
        xml.add(package, tag, value)
    offers = xml.add(package, "Предложения")
    for product in products:
        prices = {name: value for name in _PRICE_TYPES if (value := getattr(product, name)) is not None}
        if not prices:
            continue
        offer = xml.add(offers, "Предложение")
        xml.add(offer, "Ид", product.guid)
        xml.add(offer, "Наименование", product.name)
        box = xml.add(offer, "Цены")
        for name, value in prices.items():
            item = xml.add(box, "Цена")
            for tag, told in (
                ("ИдТипаЦены", _PRICE_TYPES[name][0]),
                ("ЦенаЗаЕдиницу", xml.plain(value)),
                ("Валюта", "руб"),
                ("Единица", product.unit),
            ):
                xml.add(item, tag, told)


def _version(number: int) -> str:
    return base64.b64encode(number.to_bytes(8, "little")).decode()


def _flag(value: bool) -> str:
    return "true" if value else "false"
