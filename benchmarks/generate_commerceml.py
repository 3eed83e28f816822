"""Deterministic CommerceML files of any size, as dense as a real unloading of 1C, for the benchmarks.

`products(stream, count)`, `offers(stream, count)` and `orders(stream, count)` write UTF-8 with BOM,
tab-indented, in the namespace of УТ 11; about 3.5 kB per product, 2 kB per offer with three prices, 8 kB per
order of three lines. Everything in them is invented.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_SPACE = uuid.UUID(int=24)
_HEAD = (
    '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" ВерсияСхемы="2.10" ДатаФормирования="2026-11-02T10:00:00">\n'
)
_TAIL = "</КоммерческаяИнформация>\n"
_CATALOGUE = "bd72d8f9-55bc-11d9-848a-00112f43529a"


def guid(kind: str, number: int) -> str:
    """A stable GUID of the n-th record of a kind."""
    return str(uuid.uuid5(_SPACE, f"{kind}{number}"))


def _requisites(pairs: list[tuple[str, str]], tabs: str) -> str:
    inner = "".join(
        f"{tabs}\t<ЗначениеРеквизита>\n{tabs}\t\t<Наименование>{name}</Наименование>\n"
        f"{tabs}\t\t<Значение>{value}</Значение>\n{tabs}\t</ЗначениеРеквизита>\n"
        for name, value in pairs
    )
    return f"{tabs}<ЗначенияРеквизитов>\n{inner}{tabs}</ЗначенияРеквизитов>\n"


def _product(number: int) -> str:
    name = f"Насос циркуляционный серии {number % 97} для систем отопления, артикул {number}"
    properties = "".join(
        f"\t\t\t\t\t<ЗначенияСвойства>\n\t\t\t\t\t\t<Ид>{guid('свойство', item)}</Ид>\n"
        f"\t\t\t\t\t\t<Значение>Значение свойства {item} товара {number}</Значение>\n\t\t\t\t\t</ЗначенияСвойства>\n"
        for item in range(6)
    )
    pairs = [
        ("ВидНоменклатуры", "Товар"),
        ("ТипНоменклатуры", "Товар"),
        ("Полное наименование", f"{name}, полное"),
        ("Вес", "0.25"),
    ]
    return (
        f"\t\t\t<Товар>\n\t\t\t\t<Ид>{guid('товар', number)}</Ид>\n\t\t\t\t<Штрихкод>46{number:011d}</Штрихкод>\n"
        f"\t\t\t\t<Артикул>НЦ-{number:06d}</Артикул>\n\t\t\t\t<Наименование>{name}</Наименование>\n"
        '\t\t\t\t<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>\n'
        f"\t\t\t\t<Группы>\n\t\t\t\t\t<Ид>{guid('группа', number % 50)}</Ид>\n\t\t\t\t</Группы>\n"
        f"\t\t\t\t<Описание>{name}. Корпус чугунный, гарантия 24 месяца &amp; сервис. {'Описание товара для покупателя. ' * 8}</Описание>\n"
        f"\t\t\t\t<Картинка>import_files/{number % 100:02d}/{guid('файл', number)}.jpg</Картинка>\n"
        f"\t\t\t\t<ЗначенияСвойств>\n{properties}\t\t\t\t</ЗначенияСвойств>\n"
        "\t\t\t\t<СтавкиНалогов>\n\t\t\t\t\t<СтавкаНалога>\n\t\t\t\t\t\t<Наименование>НДС</Наименование>\n"
        "\t\t\t\t\t\t<Ставка>22</Ставка>\n\t\t\t\t\t</СтавкаНалога>\n\t\t\t\t</СтавкиНалогов>\n"
        f"{_requisites(pairs, chr(9) * 4)}\t\t\t</Товар>\n"
    )


def _offer(number: int) -> str:
    prices = "".join(
        f"\t\t\t\t\t<Цена>\n\t\t\t\t\t\t<Представление>{number + item}.50 руб. за шт</Представление>\n"
        f"\t\t\t\t\t\t<ИдТипаЦены>{guid('цена', item)}</ИдТипаЦены>\n\t\t\t\t\t\t<ЦенаЗаЕдиницу>{number + item}.50</ЦенаЗаЕдиницу>\n"
        "\t\t\t\t\t\t<Валюта>руб</Валюта>\n\t\t\t\t\t\t<Единица>шт</Единица>\n\t\t\t\t\t\t<Коэффициент>1</Коэффициент>\n"
        "\t\t\t\t\t</Цена>\n"
        for item in range(3)
    )
    return (
        f"\t\t\t<Предложение>\n\t\t\t\t<Ид>{guid('товар', number)}</Ид>\n\t\t\t\t<Артикул>НЦ-{number:06d}</Артикул>\n"
        f"\t\t\t\t<Наименование>Насос циркуляционный серии {number % 97} для систем отопления, артикул {number}</Наименование>\n"
        '\t\t\t\t<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>\n'
        f"\t\t\t\t<Цены>\n{prices}\t\t\t\t</Цены>\n\t\t\t\t<Количество>{number % 40}</Количество>\n\t\t\t</Предложение>\n"
    )


def _line(number: int, item: int) -> str:
    name = f"Насос циркуляционный серии {number % 97} для систем отопления, позиция {item}"
    return (
        f"\t\t\t<Товар>\n\t\t\t\t<Ид>{guid('товар', number * 3 + item)}</Ид>\n\t\t\t\t<Артикул>НЦ-{number:06d}</Артикул>\n"
        f"\t\t\t\t<Наименование>{name}</Наименование>\n"
        '\t\t\t\t<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>\n'
        "\t\t\t\t<СтавкиНалогов>\n\t\t\t\t\t<СтавкаНалога>\n\t\t\t\t\t\t<Наименование>НДС</Наименование>\n"
        "\t\t\t\t\t\t<Ставка>22</Ставка>\n\t\t\t\t\t</СтавкаНалога>\n\t\t\t\t</СтавкиНалогов>\n"
        f"{_requisites([('ВидНоменклатуры', 'Товар'), ('ТипНоменклатуры', 'Товар')], chr(9) * 4)}"
        f"\t\t\t\t<ЦенаЗаЕдиницу>122.00</ЦенаЗаЕдиницу>\n\t\t\t\t<Количество>{item + 1}</Количество>\n"
        f"\t\t\t\t<Сумма>{122 * (item + 1)}.00</Сумма>\n\t\t\t\t<Единица>шт</Единица>\n\t\t\t\t<Коэффициент>1</Коэффициент>\n"
        "\t\t\t\t<Налоги>\n\t\t\t\t\t<Налог>\n\t\t\t\t\t\t<Наименование>НДС</Наименование>\n"
        f"\t\t\t\t\t\t<УчтеноВСумме>true</УчтеноВСумме>\n\t\t\t\t\t\t<Сумма>{22 * (item + 1)}.00</Сумма>\n"
        "\t\t\t\t\t\t<Ставка>22</Ставка>\n\t\t\t\t\t</Налог>\n\t\t\t\t</Налоги>\n\t\t\t</Товар>\n"
    )


def _order(number: int) -> str:
    payer = number % 5000
    tabs = "\t" * 5
    contacts = "".join(
        f"{tabs}<Контакт>\n{tabs}\t<Тип>{kind}</Тип>\n{tabs}\t<Значение>{value}</Значение>\n{tabs}</Контакт>\n"
        for kind, value in (("Телефон рабочий", f"+7495{payer:07d}"), ("Почта", f"client{payer}@example.com"))
    )
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
    return (
        f"\t<Документ>\n\t\t<Ид>{guid('заказ', number)}</Ид>\n\t\t<Номер>B24-{number + 1}</Номер>\n\t\t<Дата>2026-11-01</Дата>\n"
        "\t\t<ХозОперация>Заказ товара</ХозОперация>\n\t\t<Роль>Продавец</Роль>\n\t\t<Валюта>руб</Валюта>\n\t\t<Курс>1</Курс>\n"
        "\t\t<Сумма>732.00</Сумма>\n\t\t<Контрагенты>\n\t\t\t<Контрагент>\n"
        f"\t\t\t\t<Ид>{guid('клиент', payer)}</Ид>\n\t\t\t\t<Наименование>ООО Клиент {payer}</Наименование>\n"
        f"\t\t\t\t<ОфициальноеНаименование>Общество с ограниченной ответственностью «Клиент {payer}»</ОфициальноеНаименование>\n"
        "\t\t\t\t<ЮридическийАдрес>\n\t\t\t\t\t<Представление>115000, г. Образцов, ул. Примерная, 1</Представление>\n"
        f"\t\t\t\t</ЮридическийАдрес>\n\t\t\t\t<ИНН>77{payer:08d}</ИНН>\n\t\t\t\t<КПП>770101001</КПП>\n"
        f"\t\t\t\t<Контакты>\n{contacts}\t\t\t\t</Контакты>\n\t\t\t\t<Роль>Покупатель</Роль>\n\t\t\t</Контрагент>\n\t\t</Контрагенты>\n"
        "\t\t<Время>09:30:00</Время>\n\t\t<Комментарий>Позвонить за час до доставки</Комментарий>\n\t\t<Налоги>\n\t\t\t<Налог>\n"
        "\t\t\t\t<Наименование>НДС</Наименование>\n\t\t\t\t<УчтеноВСумме>true</УчтеноВСумме>\n\t\t\t\t<Сумма>132.00</Сумма>\n"
        f"\t\t\t</Налог>\n\t\t</Налоги>\n\t\t<Товары>\n{''.join(_line(number, item) for item in range(3))}\t\t</Товары>\n"
        f"{_requisites(pairs, chr(9) * 2)}\t</Документ>\n"
    )


def _groups() -> str:
    items = "".join(
        f"\t\t\t<Группа>\n\t\t\t\t<Ид>{guid('группа', item)}</Ид>\n\t\t\t\t<Наименование>Группа {item}</Наименование>\n"
        "\t\t\t</Группа>\n"
        for item in range(50)
    )
    properties = "".join(
        f"\t\t\t<Свойство>\n\t\t\t\t<Ид>{guid('свойство', item)}</Ид>\n"
        f"\t\t\t\t<Наименование>Свойство {item}</Наименование>\n"
        "\t\t\t\t<ТипЗначений>Строка</ТипЗначений>\n\t\t\t</Свойство>\n"
        for item in range(6)
    )
    return (
        f"\t<Классификатор>\n\t\t<Ид>{_CATALOGUE}</Ид>\n\t\t<Наименование>Классификатор</Наименование>\n"
        f"\t\t<Группы>\n{items}\t\t</Группы>\n"
        f"\t\t<Свойства>\n{properties}\t\t</Свойства>\n\t</Классификатор>\n"
    )


def _price_types() -> str:
    return "".join(
        f"\t\t\t<ТипЦены>\n\t\t\t\t<Ид>{guid('цена', item)}</Ид>\n\t\t\t\t<Наименование>{name}</Наименование>\n"
        "\t\t\t\t<Валюта>руб</Валюта>\n\t\t\t</ТипЦены>\n"
        for item, name in enumerate(("Розничная", "Оптовая", "Закупочная"))
    )


def products(stream: BinaryIO, count: int) -> None:
    """import.xml: a classifier and `count` products."""
    head = (
        f'{_HEAD}{_groups()}\t<Каталог СодержитТолькоИзменения="false">\n\t\t<Ид>{_CATALOGUE}</Ид>\n'
        "\t\t<Наименование>Каталог</Наименование>\n\t\t<Товары>\n"
    )
    _write(
        stream, head, (_product(number) for number in range(count)), f"\t\t</Товары>\n\t</Каталог>\n{_TAIL}"
    )


def offers(stream: BinaryIO, count: int) -> None:
    """offers.xml: three price types and `count` offers with three prices each."""
    head = (
        f"{_HEAD}\t<ПакетПредложений>\n\t\t<Ид>{_CATALOGUE}#</Ид>\n\t\t<Наименование>Пакет</Наименование>\n"
        f"\t\t<ИдКаталога>{_CATALOGUE}</ИдКаталога>\n\t\t<ТипыЦен>\n{_price_types()}\t\t</ТипыЦен>\n\t\t<Предложения>\n"
    )
    _write(
        stream,
        head,
        (_offer(number) for number in range(count)),
        f"\t\t</Предложения>\n\t</ПакетПредложений>\n{_TAIL}",
    )


def orders(stream: BinaryIO, count: int) -> None:
    """orders.xml: `count` orders of three lines."""
    _write(stream, _HEAD, (_order(number) for number in range(count)), _TAIL)


def _write(stream: BinaryIO, head: str, records: Iterator[str], tail: str) -> None:
    stream.write(head.encode())
    for record in records:
        stream.write(record.encode())
    stream.write(tail.encode())


def make(folder: Path, kind: str, count: int) -> Path:
    """The file `<kind>-<count>.xml` in the folder, made once."""
    path = folder / f"{kind}-{count}.xml"
    if not path.exists():
        with path.open("wb") as stream:
            {"products": products, "offers": offers, "orders": orders}[kind](stream, count)
    return path
