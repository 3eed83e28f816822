"""The catalogue and the offers that stock УТ 10.3, УТ 11 and УНФ 3 write, and their files (commerceml §2)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from etl.sandbox.onec import xml
from etl.sandbox.onec.records import Product
from etl.sandbox.onec.stock.orders import SPACES, VERSIONS, add_rate

_CATALOGUE = "6c2a1d10-4f0b-5b7e-8f60-0c1b24000001"
_PRICE_TYPE = "6c2a1d10-4f0b-5b7e-8f60-0c1b24000002"


def file_names(dialect: str, guid: str) -> tuple[str, str, str]:
    """Relative paths of the orders, the catalogue and the offers of a session (commerceml, fact 1)."""
    if dialect == "ut103":
        return f"1cbitrix-{guid}.xml", "1cbitrix/import.xml", "1cbitrix/offers.xml"
    return f"webdata/orders-{guid}_1.xml", "webdata/import0_1.xml", "webdata/offers0_1.xml"


def wipe(folder: Path) -> None:
    """УТ 10.3 empties its folder `1cbitrix` at every run (commerceml §12)."""
    for old in sorted(folder.glob("1cbitrix/*.xml")):
        old.unlink()


def catalogue_file(dialect: str, products: list[Product], moment: dt.datetime) -> xml.Element:
    """Классификатор and Каталог of one session."""
    top = xml.root(VERSIONS[dialect], SPACES[dialect], moment)
    classifier = {"Ид": _CATALOGUE, "Наименование": "Классификатор (Основной каталог товаров)"}
    xml.add_all(xml.add(top, "Классификатор"), classifier)
    catalogue = xml.add(top, "Каталог", СодержитТолькоИзменения=xml.flag(dialect != "ut103"))
    head = {
        "Ид": _CATALOGUE,
        "ИдКлассификатора": _CATALOGUE,
        "Наименование": "Основной каталог товаров",
    }
    xml.add_all(catalogue, head)
    items = xml.add(catalogue, "Товары")
    for product in products:
        _product(xml.add(items, "Товар"), dialect, product)
    return top


def _product(item: xml.Element, dialect: str, product: Product) -> None:
    """One item; 10.3 tells a deletion by a child, the others by an attribute (commerceml, fact 19)."""
    if product.deleted and dialect != "ut103":
        item.set("Статус", "Удален")
    xml.add(item, "Ид", product.guid)
    xml.add_some(item, "Артикул", product.article)
    xml.add(item, "Наименование", product.name)
    xml.add(item, "БазоваяЕдиница", product.unit, Код=product.unit_code, НаименованиеПолное=product.unit)
    add_rate(item, product.vat)
    sort = "Услуга" if product.service else "Товар"
    values = {"ВидНоменклатуры": sort, "ТипНоменклатуры": sort, "Полное наименование": product.name}
    xml.add_requisites(item, values)
    if product.deleted and dialect == "ut103":
        xml.add(item, "Статус", "Удален")


def offers_file(dialect: str, products: list[Product], moment: dt.datetime) -> xml.Element:
    """ПакетПредложений; items without a price have no offer, the purchasing price is not told."""
    top = xml.root(VERSIONS[dialect], SPACES[dialect], moment)
    package = xml.add(top, "ПакетПредложений", СодержитТолькоИзменения=xml.flag(dialect != "ut103"))
    head = {"Ид": f"{_CATALOGUE}#", "Наименование": "Пакет предложений", "ИдКаталога": _CATALOGUE}
    xml.add_all(package, head)
    sort = {"Ид": _PRICE_TYPE, "Наименование": "Розничная", "Валюта": "руб"}
    xml.add_all(xml.nest(package, "ТипыЦен", "ТипЦены"), sort)
    offers = xml.add(package, "Предложения")
    for product in products:
        if product.price is not None and not product.deleted:
            _offer(xml.add(offers, "Предложение"), product, xml.plain(product.price))
    return top


def _offer(offer: xml.Element, product: Product, price: str) -> None:
    xml.add(offer, "Ид", product.guid)
    xml.add(offer, "Наименование", product.name)
    values = {
        "Представление": f"{price} руб за {product.unit}",
        "ИдТипаЦены": _PRICE_TYPE,
        "ЦенаЗаЕдиницу": price,
        "Валюта": "руб",
        "Единица": product.unit,
        "Коэффициент": "1",
    }
    xml.add_all(xml.nest(offer, "Цены", "Цена"), values)
    xml.add(offer, "Количество", "0")
