"""Deterministic CommerceML files of any size, as dense as a real unloading of 1C, for the benchmarks.

UTF-8 with BOM, tab-indented, in the namespace of УТ 11; about 3.5 kB per product, 2 kB per offer with three
prices, 8 kB per order of three lines. `shuffled` records have the same elements in ever new orders, so that
no two are alike. Everything in the files is invented.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

#: an element: its name, with attributes where it has any, and its text or its children
Element = tuple[str, "str | list[Element]"]

_SPACE = uuid.UUID(int=24)
_HEAD = (
    '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" ВерсияСхемы="2.10" ДатаФормирования="2026-11-02T10:00:00">\n'
)
_TAIL = "</КоммерческаяИнформация>\n"
_CATALOGUE = "bd72d8f9-55bc-11d9-848a-00112f43529a"
_UNIT = 'БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE"'
_GROUPS, _PROPERTIES, _PAYERS = 50, 6, 5000
_PRICE_TYPES = ("Розничная", "Оптовая", "Закупочная")


class _Kind(NamedTuple):
    """A kind of file: its n-th record, what stands before and behind the records, how deep they stand."""

    record: Callable[[int], Element]
    head: Callable[[], str]
    tail: str
    depth: int


def make(folder: Path, kind: str, count: int, *, shuffled: bool = False) -> Path:
    """A file of so many `products`, `offers` or `orders` in the folder, made once."""
    path = folder / f"{kind}-{count}{'-shuffled' if shuffled else ''}.xml"
    if path.exists():
        return path
    wanted = _KINDS[kind]
    with path.open("wb") as stream:
        stream.write(wanted.head().encode())
        for number in range(count):
            element = wanted.record(number)
            if shuffled:
                element = _shuffled(element, Random(number))
            stream.write(_text(element, wanted.depth).encode())
        stream.write(wanted.tail.encode())
    return path


def guid(kind: str, number: int) -> str:
    """A stable GUID of the n-th record of a kind."""
    return str(uuid.uuid5(_SPACE, f"{kind}{number}"))


# ---- elements ----------------------------------------------------------------------------------------------


def _text(element: Element, depth: int) -> str:
    """An element on lines of its own."""
    return "".join(_lines(element, "\t" * depth))


def _lines(element: Element, tabs: str) -> Iterator[str]:
    tag, content = element
    name = tag.partition(" ")[0]
    if isinstance(content, str):
        yield f"{tabs}<{tag}>{content}</{name}>\n"
        return
    yield f"{tabs}<{tag}>\n"
    for child in content:
        yield from _lines(child, tabs + "\t")
    yield f"{tabs}</{name}>\n"


def _shuffled(element: Element, random: Random) -> Element:
    """The same with the children of every element in another order."""
    tag, content = element
    if isinstance(content, str):
        return element
    children = [_shuffled(child, random) for child in content]
    random.shuffle(children)
    return tag, children


def _requisites(pairs: Iterable[tuple[str, str]]) -> Element:
    found: list[Element] = []
    for name, value in pairs:
        found.append(("ЗначениеРеквизита", [("Наименование", name), ("Значение", value)]))
    return "ЗначенияРеквизитов", found


def _vat_rates() -> Element:
    return "СтавкиНалогов", [("СтавкаНалога", [("Наименование", "НДС"), ("Ставка", "22")])]


# ---- records -----------------------------------------------------------------------------------------------


def _product(number: int) -> Element:
    name = f"Насос циркуляционный серии {number % 97} для систем отопления, артикул {number}"
    advertised = "Описание товара для покупателя. " * 8
    pairs = [
        ("ВидНоменклатуры", "Товар"),
        ("ТипНоменклатуры", "Товар"),
        ("Полное наименование", f"{name}, полное"),
        ("Вес", "0.25"),
    ]
    return "Товар", [
        ("Ид", guid("товар", number)),
        ("Штрихкод", f"46{number:011d}"),
        ("Артикул", f"НЦ-{number:06d}"),
        ("Наименование", name),
        (_UNIT, "шт"),
        ("Группы", [("Ид", guid("группа", number % _GROUPS))]),
        ("Описание", f"{name}. Корпус чугунный, гарантия 24 месяца &amp; сервис. {advertised}"),
        ("Картинка", f"import_files/{number % 100:02d}/{guid('файл', number)}.jpg"),
        ("ЗначенияСвойств", [_property_value(item, number) for item in range(_PROPERTIES)]),
        _vat_rates(),
        _requisites(pairs),
    ]


def _property_value(item: int, number: int) -> Element:
    value = f"Значение свойства {item} товара {number}"
    return "ЗначенияСвойства", [("Ид", guid("свойство", item)), ("Значение", value)]


def _offer(number: int) -> Element:
    return "Предложение", [
        ("Ид", guid("товар", number)),
        ("Артикул", f"НЦ-{number:06d}"),
        ("Наименование", f"Насос циркуляционный серии {number % 97} для систем отопления, артикул {number}"),
        (_UNIT, "шт"),
        ("Цены", [_price(item, number) for item in range(len(_PRICE_TYPES))]),
        ("Количество", f"{number % 40}"),
    ]


def _price(item: int, number: int) -> Element:
    price = f"{number + item}.50"
    return "Цена", [
        ("Представление", f"{price} руб. за шт"),
        ("ИдТипаЦены", guid("цена", item)),
        ("ЦенаЗаЕдиницу", price),
        ("Валюта", "руб"),
        ("Единица", "шт"),
        ("Коэффициент", "1"),
    ]


def _line(number: int, item: int) -> Element:
    tax: list[Element] = [
        ("Наименование", "НДС"),
        ("УчтеноВСумме", "true"),
        ("Сумма", f"{22 * (item + 1)}.00"),
        ("Ставка", "22"),
    ]
    return "Товар", [
        ("Ид", guid("товар", number * 3 + item)),
        ("Артикул", f"НЦ-{number:06d}"),
        ("Наименование", f"Насос циркуляционный серии {number % 97} для систем отопления, позиция {item}"),
        (_UNIT, "шт"),
        _vat_rates(),
        _requisites([("ВидНоменклатуры", "Товар"), ("ТипНоменклатуры", "Товар")]),
        ("ЦенаЗаЕдиницу", "122.00"),
        ("Количество", f"{item + 1}"),
        ("Сумма", f"{122 * (item + 1)}.00"),
        ("Единица", "шт"),
        ("Коэффициент", "1"),
        ("Налоги", [("Налог", tax)]),
    ]


def _order(number: int) -> Element:
    pairs = [
        ("Номер по 1С", f"НФ00-{number:06d}"),
        ("Дата по 1С", "2026-11-01T09:30:00"),
        ("Проведен", "true"),
        ("Статус заказа", "[N] Принят"),
        ("Номер оплаты по 1С", f"{number}"),
        ("Дата оплаты по 1С", "2026-11-02"),
        ("Источник обращения", "Сайт"),
        ("Сделка", f"{number}"),
    ]
    tax: list[Element] = [("Наименование", "НДС"), ("УчтеноВСумме", "true"), ("Сумма", "132.00")]
    return "Документ", [
        ("Ид", guid("заказ", number)),
        ("Номер", f"B24-{number + 1}"),
        ("Дата", "2026-11-01"),
        ("ХозОперация", "Заказ товара"),
        ("Роль", "Продавец"),
        ("Валюта", "руб"),
        ("Курс", "1"),
        ("Сумма", "732.00"),
        ("Контрагенты", [_party(number % _PAYERS)]),
        ("Время", "09:30:00"),
        ("Комментарий", "Позвонить за час до доставки"),
        ("Налоги", [("Налог", tax)]),
        ("Товары", [_line(number, item) for item in range(3)]),
        _requisites(pairs),
    ]


def _party(payer: int) -> Element:
    official = f"Общество с ограниченной ответственностью «Клиент {payer}»"
    phone: list[Element] = [("Тип", "Телефон рабочий"), ("Значение", f"+7495{payer:07d}")]
    email: list[Element] = [("Тип", "Почта"), ("Значение", f"client{payer}@example.com")]
    return "Контрагент", [
        ("Ид", guid("клиент", payer)),
        ("Наименование", f"ООО Клиент {payer}"),
        ("ОфициальноеНаименование", official),
        ("ЮридическийАдрес", [("Представление", "115000, г. Образцов, ул. Примерная, 1")]),
        ("ИНН", f"77{payer:08d}"),
        ("КПП", "770101001"),
        ("Контакты", [("Контакт", phone), ("Контакт", email)]),
        ("Роль", "Покупатель"),
    ]


# ---- files -------------------------------------------------------------------------------------------------


def _classifier() -> Element:
    groups: list[Element] = []
    for item in range(_GROUPS):
        groups.append(("Группа", [("Ид", guid("группа", item)), ("Наименование", f"Группа {item}")]))
    properties: list[Element] = []
    for item in range(_PROPERTIES):
        named: list[Element] = [("Ид", guid("свойство", item)), ("Наименование", f"Свойство {item}")]
        properties.append(("Свойство", [*named, ("ТипЗначений", "Строка")]))
    return "Классификатор", [
        ("Ид", _CATALOGUE),
        ("Наименование", "Классификатор"),
        ("Группы", groups),
        ("Свойства", properties),
    ]


def _products_head() -> str:
    """import.xml: a classifier and products."""
    return (
        f'{_HEAD}{_text(_classifier(), 1)}\t<Каталог СодержитТолькоИзменения="false">\n'
        f"\t\t<Ид>{_CATALOGUE}</Ид>\n\t\t<Наименование>Каталог</Наименование>\n\t\t<Товары>\n"
    )


def _offers_head() -> str:
    """offers.xml: price types and offers."""
    types: list[Element] = []
    for item, name in enumerate(_PRICE_TYPES):
        types.append(("ТипЦены", [("Ид", guid("цена", item)), ("Наименование", name), ("Валюта", "руб")]))
    return (
        f"{_HEAD}\t<ПакетПредложений>\n\t\t<Ид>{_CATALOGUE}#</Ид>\n\t\t<Наименование>Пакет</Наименование>\n"
        f"\t\t<ИдКаталога>{_CATALOGUE}</ИдКаталога>\n{_text(('ТипыЦен', types), 2)}\t\t<Предложения>\n"
    )


def _orders_head() -> str:
    """orders.xml: orders alone."""
    return _HEAD


_KINDS = {
    "products": _Kind(_product, _products_head, f"\t\t</Товары>\n\t</Каталог>\n{_TAIL}", 3),
    "offers": _Kind(_offer, _offers_head, f"\t\t</Предложения>\n\t</ПакетПредложений>\n{_TAIL}", 3),
    "orders": _Kind(_order, _orders_head, _TAIL, 1),
}
