"""The handler writes cards in CommerceML 3.1: counterparties, items with groups and prices."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import Decimal

from etl.sandbox.onec import xml
from etl.sandbox.onec.contract.opening import NAMESPACE, VERSION, shown_version, vat_text
from etl.sandbox.onec.records import Account, Party, Product

_CATALOGUE = "5d1f0c3a-7a51-5f0e-9a55-0c1b24000001"
#: attribute of Product -> (reference, name) of the price type
_PRICE_TYPES = {
    "price": ("5d1f0c3a-7a51-5f0e-9a55-0c1b24000002", "Розничная"),
    "purchase": ("5d1f0c3a-7a51-5f0e-9a55-0c1b24000003", "Закупочная"),
}


def parties_file(parties: Iterable[Party], moment: dt.datetime) -> xml.Element:
    """Changed counterparties: СодержитТолькоИзменения, so absence means nothing."""
    top = xml.root(VERSION, NAMESPACE, moment)
    box = xml.add(top, "Контрагенты", СодержитТолькоИзменения="true")
    for party in parties:
        element = party_element(box, party, role="Покупатель")
        xml.add_some(element, "Комментарий", _place(party))
    return top


def _place(party: Party) -> str:
    """Folder and code of the card: «Папка: А/Б; Код: 1», semicolons inside them doubled."""
    parts = []
    for name, value in (("Папка", party.folder), ("Код", party.code)):
        if value:
            doubled = value.replace(";", ";;")
            parts.append(f"{name}: {doubled}")
    return "; ".join(parts)


def party_element(box: xml.Element, party: Party, *, role: str) -> xml.Element:
    """A Контрагент in this box (commerceml §3.3)."""
    element = xml.add(box, "Контрагент")
    full = "ОфициальноеНаименование" if party.kind == "legal" else "ПолноеНаименование"
    values = {
        "Ид": party.guid or None,
        "НомерВерсии": shown_version(party.version),
        "ПометкаУдаления": xml.flag(party.deleted),
        "Наименование": party.name or None,
        full: party.full_name or party.name or None,
        "Роль": role or None,
        "ИНН": party.inn or None,
        "КПП": party.kpp or None,
        "КодПоОКПО": party.okpo or None,
    }
    xml.add_all(element, values)
    _accounts(element, party.accounts)
    _address(element, "АдресРегистрации", party.legal_address, party.legal_city)
    _address(element, "Адрес", party.actual_address, party.city)
    _contacts(element, party)
    _people(element, party)
    return element


def _accounts(element: xml.Element, accounts: list[Account]) -> None:
    """Bank accounts; a counterparty without any has no such element."""
    if not accounts:
        return
    box = xml.add(element, "РасчетныеСчета")
    for account in accounts:
        item = xml.add(box, "РасчетныйСчет")
        xml.add(item, "НомерСчета", account.number)
        bank = xml.add(item, "Банк")
        xml.add_some(bank, "СчетКорреспондентский", account.corr_account)
        xml.add_some(bank, "Наименование", account.bank_name)
        xml.add_some(bank, "БИК", account.bik)


def _address(element: xml.Element, tag: str, shown: str | None, city: str | None) -> None:
    """An address as one text, and its city as a field of its own."""
    if not shown:
        return
    address = xml.add(element, tag)
    xml.add(address, "Представление", shown)
    if city:
        part = xml.add(address, "АдресноеПоле")
        xml.add_all(part, {"Тип": "Город", "Значение": city})


def _contacts(element: xml.Element, party: Party) -> None:
    """E-mails, then telephones."""
    contacts = [("Электронная почта", mail) for mail in party.emails]
    contacts += [("Телефон рабочий", phone) for phone in party.phones]
    if not contacts:
        return
    box = xml.add(element, "Контакты")
    for sort, value in contacts:
        contact = xml.add(box, "Контакт")
        xml.add_all(contact, {"Тип": sort, "Значение": value})


def _people(element: xml.Element, party: Party) -> None:
    """Contact persons by their references."""
    if not party.contacts:
        return
    box = xml.add(element, "Представители")
    for guid, name in party.contacts.items():
        values = {"Отношение": "Контактное лицо", "Ид": guid, "Наименование": name}
        xml.add_all(xml.add(box, "Представитель"), values)


def catalog_file(products: Iterable[Product], moment: dt.datetime) -> xml.Element:
    """Changed items with their groups and prices."""
    listed = list(products)
    top = xml.root(VERSION, NAMESPACE, moment)
    classifier = xml.add(top, "Классификатор")
    head = {"Ид": _CATALOGUE, "Наименование": "Классификатор (Основной каталог товаров)"}
    xml.add_all(classifier, head)
    paths = {product.group for product in listed if product.group}
    groups = _groups(classifier, sorted(paths))
    types = xml.add(classifier, "ТипыЦен")
    for guid, name in _PRICE_TYPES.values():
        price_type = xml.add(types, "ТипЦены")
        xml.add_all(price_type, {"Ид": guid, "Наименование": name, "Валюта": "руб"})
    catalogue = xml.add(top, "Каталог", СодержитТолькоИзменения="true")
    head = {
        "Ид": _CATALOGUE,
        "ИдКлассификатора": _CATALOGUE,
        "Наименование": "Основной каталог товаров",
    }
    xml.add_all(catalogue, head)
    goods = xml.add(catalogue, "Товары")
    for product in listed:
        item = xml.add(goods, "Товар")
        _product(item, product, groups)
    _offers(top, listed)
    return top


def _groups(classifier: xml.Element, paths: list[str]) -> dict[str, str]:
    """Группы of the classifier for paths «А/Б»; path -> Ид.

    An Ид depends on the path only, so it is the same in every file.
    """
    made: dict[str, xml.Element] = {}
    known: dict[str, str] = {}
    for path in paths:
        parent = classifier
        done = ""
        for name in path.split("/"):
            done = f"{done}/{name}".strip("/")
            if done not in made:
                known[done] = str(uuid.uuid5(uuid.UUID(_CATALOGUE), done))
                made[done] = _group(parent, known[done], name)
            parent = made[done]
    return known


def _group(parent: xml.Element, guid: str, name: str) -> xml.Element:
    """A Группа in the Группы of its parent."""
    box = xml.child(parent, "Группы")
    if box is None:
        box = xml.add(parent, "Группы")
    group = xml.add(box, "Группа")
    xml.add_all(group, {"Ид": guid, "Наименование": name})
    return group


def _product(item: xml.Element, product: Product, groups: dict[str, str]) -> None:
    """An item of «Номенклатура» with its unit, group, rate of VAT and sort."""
    values = {
        "Ид": product.guid,
        "НомерВерсии": shown_version(product.version),
        "ПометкаУдаления": xml.flag(product.deleted),
        "Артикул": product.article,
        "Наименование": product.name,
    }
    for name, value in values.items():
        xml.add_some(item, name, value)
    code = f"{product.unit_code} "
    xml.add(item, "БазоваяЕдиница", product.unit, Код=code, НаименованиеПолное=product.unit)
    if product.group:
        xml.add(xml.add(item, "Группы"), "Ид", groups[product.group])
    rate = xml.nest(item, "СтавкиНалогов", "СтавкаНалога")
    xml.add_all(rate, {"Наименование": "НДС", "Ставка": vat_text(product.vat)})
    sort = "Услуга" if product.service else "Товар"
    requisites = {"ВидНоменклатуры": sort, "ТипНоменклатуры": sort, "Полное наименование": product.name}
    xml.add_requisites(item, requisites)


def _offers(top: xml.Element, products: list[Product]) -> None:
    """ПакетПредложений: both prices of the items that have any."""
    package = xml.add(top, "ПакетПредложений", СодержитТолькоИзменения="true")
    head = {"Ид": f"{_CATALOGUE}#", "Наименование": "Пакет предложений", "ИдКаталога": _CATALOGUE}
    xml.add_all(package, head)
    offers = xml.add(package, "Предложения")
    for product in products:
        prices = _prices(product)
        if prices:
            offer = xml.add(offers, "Предложение")
            _offer(offer, product, prices)


def _prices(product: Product) -> dict[str, Decimal]:
    """Reference of a price type -> the price; only those that are known."""
    prices = {}
    for name, (guid, _) in _PRICE_TYPES.items():
        price = getattr(product, name)
        if price is not None:
            prices[guid] = price
    return prices


def _offer(offer: xml.Element, product: Product, prices: dict[str, Decimal]) -> None:
    xml.add_all(offer, {"Ид": product.guid, "Наименование": product.name})
    box = xml.add(offer, "Цены")
    for guid, price in prices.items():
        values = {
            "ИдТипаЦены": guid,
            "ЦенаЗаЕдиницу": xml.plain(price),
            "Валюта": "руб",
            "Единица": product.unit,
        }
        xml.add_all(xml.add(box, "Цена"), values)
