"""Hand-written exchange files for the contract tests of the 1C model: small, by the facts, not by our writer."""

from __future__ import annotations

import uuid
from pathlib import Path

from lxml import etree

BOM = b"\xef\xbb\xbf"
SPACE = "urn:1C.ru:commerceml_3"


def ref(name: str) -> str:
    """A GUID that is the same for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def put(folder: Path, name: str, body: str, *, bom: bool = True) -> Path:
    """Write a file of the exchange folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((BOM if bom else b"") + body.encode())
    return path


def row(
    name: str = "Камера",
    *,
    price: str = "1000.00",
    quantity: str = "1",
    amount: str | None = None,
    tail: str = "",
    ident: str | None = None,
    rate: str | None = "20",
) -> str:
    """A complete Товар of an order file: unit, factor, rate and taxes in every row."""
    told = amount or price
    taxes = (
        f"<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>{rate}</Ставка></СтавкаНалога></СтавкиНалогов>"
        if rate is not None
        else ""
    )
    return (
        f'<Товар><Ид>{ident or ref(name)}</Ид><Наименование>{name}</Наименование><БазоваяЕдиница Код="796">шт</БазоваяЕдиница>{taxes}'
        f"<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>ТипНоменклатуры</Наименование><Значение>Товар</Значение></ЗначениеРеквизита>"
        f"</ЗначенияРеквизитов><ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу><Количество>{quantity}</Количество><Сумма>{told}</Сумма>"
        f"<Единица>шт</Единица><Коэффициент>1</Коэффициент>{tail}</Товар>"
    )


def requisites(values: dict[str, str]) -> str:
    """ЗначенияРеквизитов."""
    items = "".join(
        f"<ЗначениеРеквизита><Наименование>{name}</Наименование><Значение>{value}</Значение></ЗначениеРеквизита>"
        for name, value in values.items()
    )
    return f"<ЗначенияРеквизитов>{items}</ЗначенияРеквизитов>" if items else ""


def order(
    number: str = "B24-1",
    *,
    day: str = "2026-11-02",
    clock: str = "10:00:00",
    currency: str = "руб",
    operation: str = "Заказ товара",
    buyer: str
    | None = "<Наименование>ООО Ромашка</Наименование><ОфициальноеНаименование>ООО «Ромашка»</ОфициальноеНаименование>",
    rows: str | None = None,
    amount: str = "1000.00",
    included: str | None = "true",
    comment: str = "",
    values: dict[str, str] | None = None,
    extra: str = "",
) -> str:
    """A Документ for a stock exchange, in schema order."""
    parties = (
        f"<Контрагенты><Контрагент>{buyer}<Роль>Покупатель</Роль></Контрагент></Контрагенты>"
        if buyer is not None
        else ""
    )
    tax = (
        f"<Налоги><Налог><Наименование>НДС</Наименование><УчтеноВСумме>{included}</УчтеноВСумме></Налог></Налоги>"
        if included
        else ""
    )
    money = f"<Валюта>{currency}</Валюта>" if currency else ""
    said = f"<Комментарий>{comment}</Комментарий>" if comment else ""
    return (
        f"<Документ><Ид>{ref(number)}</Ид><Номер>{number}</Номер><Дата>{day}</Дата><ХозОперация>{operation}</ХозОперация><Роль>Продавец</Роль>"
        f"{money}<Курс>1</Курс><Сумма>{amount}</Сумма>{parties}<Время>{clock}</Время>{said}{tax}"
        f"<Товары>{row() if rows is None else rows}</Товары>{requisites(values or {})}{extra}</Документ>"
    )


def stock(*documents: str, version: str = "2.05", space: str | None = None) -> str:
    """A whole file of orders for a stock exchange."""
    xmlns = f' xmlns="{space}"' if space else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация{xmlns} ВерсияСхемы="{version}" '
        f'ДатаФормирования="2026-11-02T10:00:00">{"".join(documents)}</КоммерческаяИнформация>'
    )


def paper(
    kind: str,
    number: str,
    *,
    amount: str = "1500.00",
    basis: str | None = None,
    day: str = "2026-11-01",
    name: str = "Иванов И. И.",
    inn: str = "",
    values: dict[str, str] | None = None,
    rows: bool = True,
    rate: str = "Без НДС",
    ident: str | None = None,
    role: str = "Покупатель",
) -> str:
    """A Документ of the extended contract, CommerceML 3.1 order; `kind` is its ХозОперация."""
    base = f"<Основание>{basis}</Основание>" if basis else ""
    code = f"<ИНН>{inn}</ИНН>" if inn else ""
    goods = (
        (
            f"<Товары><Товар><Ид>{ref('Услуги')}</Ид><Наименование>Услуги видеонаблюдения</Наименование><Единица>мес</Единица><Количество>1</Количество>"
            f"<ЦенаЗаЕдиницу>{amount}</ЦенаЗаЕдиницу><Сумма>{amount}</Сумма><Налоги><Налог><Наименование>НДС</Наименование>"
            f"<УчтеноВСумме>true</УчтеноВСумме><Ставка>{rate}</Ставка></Налог></Налоги></Товар></Товары>"
        )
        if rows
        else ""
    )
    tax = (
        "<Налоги><Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог></Налоги>"
        if rows
        else ""
    )
    return (
        f"<Документ><Ид>{ident or ref(kind + number)}</Ид><Номер>{number}</Номер><Дата>{day}</Дата><Время>00:00:00</Время><ХозОперация>{kind}</ХозОперация>"
        f"<Контрагенты><Контрагент><Ид>{ref(name + inn)}</Ид><Наименование>{name}</Наименование><ПолноеНаименование>{name}</ПолноеНаименование>"
        f"<Роль>{role}</Роль>{code}</Контрагент></Контрагенты><Валюта>руб</Валюта><Курс>1</Курс><Сумма>{amount}</Сумма>{base}"
        f"<Роль>Продавец</Роль>{tax}{requisites({'Проведен': 'true', **(values or {})})}{goods}</Документ>"
    )


def contract(*containers: str) -> str:
    """A file of the extended contract: each argument is the inside of one Контейнер."""
    inside = "".join(f"<Контейнер>{documents}</Контейнер>" for documents in containers)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация xmlns="{SPACE}" ВерсияСхемы="3.1" '
        f'ДатаФормирования="2026-11-02T10:00:00">{inside}</КоммерческаяИнформация>'
    )


def charge(
    number: str = "M2611100001",
    *,
    amount: str = "1500.00",
    agreement: str = "17",
    name: str = "Иванов И. И.",
    invoice: str = "",
    day: str = "2026-11-01",
) -> str:
    """A monthly charge: the order and its invoice in one container."""
    values = {
        "Номер договора": agreement,
        "Дата договора": "2026-10-01",
        "ФИО плательщика": name,
        "Сумма платежа": amount,
    }
    head = paper("Заказ товара", number, amount=amount, values=values, name=name, day=day)
    return head + paper(
        "Счет на оплату",
        invoice or number,
        amount=amount,
        values=values,
        name=name,
        day=day,
        basis=ref("Заказ товара" + number),
    )


class Answer:
    """A file 1C wrote, read by plain XPath over local names."""

    def __init__(self, path: Path) -> None:
        self.raw = path.read_bytes()
        self.root = etree.fromstring(self.raw)
        self.space = etree.QName(self.root).namespace

    def documents(self, operation: str | None = None) -> list[dict[str, str]]:
        """Every Документ and ПодчиненныйДокумент as flat child texts plus requisites («#name»)."""
        found = [
            _flat(element)
            for element in self.root.iter()
            if etree.QName(element).localname in ("Документ", "ПодчиненныйДокумент")
        ]
        return [item for item in found if operation in (None, item["ХозОперация"])]

    def one(self, number: str, operation: str = "Заказ товара") -> dict[str, str]:
        """The document with this number."""
        return next(item for item in self.documents(operation) if item.get("Номер") == number)

    def count(self, name: str) -> int:
        """How many elements have this local name."""
        return sum(1 for element in self.root.iter() if etree.QName(element).localname == name)

    def texts(self, name: str) -> list[str]:
        """Texts of all elements with this local name."""
        return [element.text or "" for element in self.root.iter() if etree.QName(element).localname == name]


def _flat(element: etree._Element) -> dict[str, str]:
    values = {etree.QName(child).localname: child.text or "" for child in element if not len(child)}
    for box in element:
        if etree.QName(box).localname == "ЗначенияРеквизитов":
            for item in box:
                parts = [child.text or "" for child in item]
                values[f"#{parts[0]}"] = parts[1]
    return values
