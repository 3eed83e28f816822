"""What each 1C configuration writes and accepts: file names, encoding, vocabulary, limits, capabilities.

Sources: reference/commerceml §0, §3, §5-§9, §15 and onec §5. What differs between configurations stands
here and nowhere else (the files it leaves for us: `etl.config.intake`); the words of CommerceML that reader
and writer share (operations, currencies, units, VAT rates) stand here too.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One configuration of 1C. Paths are relative to the exchange folder, always with `/`."""

    name: str
    title: str  # Russian, for people
    version: str  # ВерсияСхемы of what we write
    namespace: str | None
    bom: bool
    order_path: str | None  # the file of orders this 1C reads
    kinds: frozenset[str]  # document kinds (tables.DOCUMENT_KINDS) that file may hold
    tells: frozenset[str]  # facts this 1C reports: see `FACTS`
    number_limit: int = 11
    party_path: str | None = None  # directory of parties, where this 1C reads one
    catalogue_path: str | None = None  # products and prices, where this 1C reads them
    extended: bool = False  # the extended contract: containers, «Проведен», discounts, directories
    phone_type: str = "Телефон рабочий"  # Контакт/Тип of a phone
    email_type: str = "Почта"
    exempt: str = "Без НДС"  # how «без НДС» is spelt in Ставка
    vat_rates: frozenset[str] | None = None  # rates the base knows besides `exempt`; None = any
    party_id_limit: int = 40  # length of Контрагент/Ид
    # Единица of a row is a code: УТ 11 creates a unit otherwise, 2.08 wants three signs
    unit_by_code: bool = False
    # what 1C's own code makes of our files (onec-code §1, §2)
    one_organisation: bool = False  # every order is booked to the organisation of the exchange node
    one_address: bool = False  # a card keeps one address, phone and mail: the last one overwrites the others
    finds_by_contacts: bool = False  # a client is looked for by КПП alone, phone and mail, too
    prices_gifts: bool = False  # a row at 0 gets the price of the node's price type
    official_traders: bool = False  # a sole trader has ОфициальноеНаименование and an ИНН of 12 digits
    traders_by_inn: bool = False  # any person with an ИНН becomes a sole trader

    @property
    def schema(self) -> str:
        """File name of our XSD of what we write in this dialect."""
        return f"commerceml-{self.name}.xsd"


#: fact -> what it means, in Russian, for `obmen24 check`
FACTS: dict[str, str] = {
    "orders_from_us": "изменения заказов, которые пришли с портала",
    "orders_born": "заказы, созданные в 1С",
    "paid_weak": "признак «оплачено» без суммы (УТ 10.3: и при частичной предоплате)",
    "paid_full": "полная оплата заказа",
    "paid_partial": "каждая оплата с суммой",
    "shipped_full": "полная отгрузка заказа",
    "shipments": "каждая реализация с суммой",
    "closing": "закрытие заказа",
    "invoices": "счета на оплату",
    "acts": "акты выполненных работ",
    "contractors": "справочник контрагентов",
    "catalogue": "номенклатура и цены",
    "managers": "ответственный менеджер",
    "status": "статус или состояние заказа",
}
_STOCK = frozenset({"order"})
_ALL = frozenset({"order", "invoice", "payment", "refund", "shipment", "return", "act", "closing"})
# the VAT tables of УТ 10.3 and УНФ as read: no 22, 5, 7; that of УТ 11 makes 0 «Без НДС», too
_OLD_RATES = frozenset({"0", "10", "18", "20"})

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="ut103",
            title="1С:Управление торговлей 10.3",
            version="2.04",
            namespace=None,
            bom=True,
            order_path="order.xml",
            kinds=_STOCK,
            tells=frozenset({"orders_from_us", "paid_weak", "shipped_full", "catalogue"}),
            phone_type="ТелефонРабочий",
            vat_rates=_OLD_RATES,
            one_organisation=True,
            one_address=True,
        ),
        Dialect(
            name="ut11",
            title="1С:Управление торговлей 11",
            version="2.05",
            namespace=None,
            bom=True,
            order_path="to_1c/orders.xml",
            kinds=_STOCK,
            tells=frozenset({"orders_from_us", "paid_full", "shipped_full", "catalogue"}),
            vat_rates=_OLD_RATES - {"0"},
            unit_by_code=True,
            one_organisation=True,
            traders_by_inn=True,
        ),
        Dialect(
            name="unf3",
            title="1С:Управление нашей фирмой 3",
            version="2.08",
            namespace="urn:1C.ru:commerceml_210",
            bom=True,
            order_path="to_1c/orders.xml",
            kinds=_STOCK,
            tells=frozenset(
                {
                    "orders_from_us",
                    "orders_born",
                    "paid_full",
                    "paid_partial",
                    "shipped_full",
                    "shipments",
                    "status",
                    "catalogue",
                }
            ),
            vat_rates=_OLD_RATES,
            unit_by_code=True,
            finds_by_contacts=True,
            prices_gifts=True,
            official_traders=True,
        ),
        Dialect(
            name="bp3",
            title="1С:Бухгалтерия 3.0",
            version="2.05",
            namespace=None,
            bom=True,
            order_path=None,
            kinds=frozenset(),
            tells=frozenset(),
        ),
        Dialect(
            name="bitrix3",
            title="расширенный договор обмена",
            version="3.1",
            namespace="urn:1C.ru:commerceml_3",
            bom=True,
            order_path="to_1c/documents.xml",
            kinds=_ALL,
            tells=frozenset(FACTS) - {"paid_weak"},
            party_path="to_1c/parties.xml",
            catalogue_path="to_1c/catalog.xml",
            extended=True,
            email_type="Электронная почта",
            party_id_limit=80,
        ),
    )
}

#: ХозОперация -> our kind; the first operation of a kind is the one we write
OPERATIONS: dict[str, str] = {
    "Заказ товара": "order",
    "Счет на оплату": "invoice",
    "Выплата безналичных денег": "payment",
    "Выплата наличных денег": "payment",
    "Эквайринговая операция": "payment",
    "Возврат безналичных денег": "refund",
    "Возврат наличных денег": "refund",
    "Отпуск товара": "shipment",
    "Возврат товара": "return",
    "Акт": "act",
    "Акт об оказании услуг": "act",
    "Акт выполненных работ": "act",
    "Закрытие заказа": "closing",
}
#: requisite «ВидДокумента» of a document «Прочие» -> our kind: CommerceML cannot say acts and closings
OTHER_OPERATION = "Прочие"
OTHER_KINDS: dict[str, str] = {"Акт выполненных работ": "act", "Закрытие заказа": "closing"}

#: how a currency is spelt in files -> ISO code
_CURRENCIES: dict[str, str] = {
    "руб": "RUB",
    "руб.": "RUB",
    "р": "RUB",
    "р.": "RUB",
    "рублей": "RUB",
    "rub.": "RUB",
    "rur.": "RUB",
    "rur": "RUB",
    "rub": "RUB",
    "643": "RUB",
    "810": "RUB",
    "₽": "RUB",
    "рубль": "RUB",
    "грн": "UAH",
    "грн.": "UAH",
    "980": "UAH",
    "840": "USD",
    "$": "USD",
    "978": "EUR",
    "€": "EUR",
    "тг": "KZT",
    "398": "KZT",
    "тенге": "KZT",
    "byr": "BYR",
    "933": "BYN",
    "сом": "KGS",
}
#: units of measure by the all-Russian classifier: code -> names people write, the first is ours; blanks, dots
#: and case do not matter
UNIT_WORDS: dict[str, tuple[str, ...]] = {
    "796": ("шт", "штука", "штуки", "штук", "pce"),
    "166": ("кг", "килограмм", "kgm"),
    "163": ("г", "гр", "грамм"),
    "168": ("т", "тонна"),
    "006": ("м", "метр", "mtr"),
    "018": ("пог. м", "п.м", "м.п", "м пог", "погонный метр"),
    "055": ("м2", "м²", "кв. м", "квадратный метр"),
    "113": ("м3", "м³", "куб. м", "кубический метр"),
    "003": ("мм",),
    "004": ("см",),
    "008": ("км",),
    "112": ("л", "литр"),
    "111": ("мл",),
    "355": ("мин", "минута"),
    "356": ("ч", "час"),
    "359": ("сут", "день", "сутки"),
    "360": ("нед", "неделя"),
    "362": ("мес", "месяц"),
    "366": ("год",),
    "539": ("чел. ч", "человеко-час"),
    "642": ("ед", "единица"),
    "625": ("лист",),
    "657": ("изд", "изделие"),
    "704": ("набор",),
    "715": ("пар", "пара"),
    "728": ("пач", "пачка"),
    "736": ("рул", "рулон"),
    "778": ("упак", "уп", "упаковка"),
    "798": ("тыс. шт",),
    "812": ("ящ", "ящик"),
    "839": ("компл", "комплект", "к-т"),
    "868": ("бут", "бутылка"),
    "876": ("усл", "услуга", "усл. ед"),
}
UNIT, UNIT_CODE = "шт", "796"
#: code -> the short name of it
UNIT_NAMES: dict[str, str] = {code: names[0] for code, names in UNIT_WORDS.items()}


#: from this day on the standard VAT rate is (Tax Code art. 164; laws 303-ФЗ of 2018 and 425-ФЗ of 2025)
VAT_STANDARD: tuple[tuple[dt.date, Decimal], ...] = (
    (dt.date(2004, 1, 1), Decimal(18)),
    (dt.date(2019, 1, 1), Decimal(20)),
    (dt.date(2026, 1, 1), Decimal(22)),
)


def standard_vat(day: dt.date) -> Decimal:
    """The standard VAT rate in percent on a day of shipment (see `VAT_STANDARD`).

    Days before 2004 get the rate of 2004.
    """
    in_force = VAT_STANDARD[0][1]
    for start, rate in VAT_STANDARD:
        if day >= start:
            in_force = rate
    return in_force


def currency_code(text: str) -> str:
    """ISO code of a currency as 1C spells it; an unknown spelling is returned in upper case."""
    spelling = text.strip()
    return _CURRENCIES.get(spelling.lower(), spelling.upper())


def is_currency(code: str) -> bool:
    """Whether it looks like an ISO code: three Latin letters."""
    return len(code) == 3 and code.isascii() and code.isalpha()


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A requisite's name for comparing: bases differ in blanks, case and ё («Статус Заказа»,
    «СтатусЗаказа»).
    """
    without_blanks = "".join(name.split())
    return without_blanks.lower().replace("ё", "е")


def unit_code(name: str) -> str | None:
    """Code of a unit by its name in any spelling of `UNIT_WORDS`; None for a name that is none of them."""
    return _UNIT_CODES.get(_unit_form(name))


def _unit_form(name: str) -> str:
    return plain(name).replace(".", "")


def _unit_codes() -> dict[str, str]:
    """Every spelling of a unit, folded -> its code in ОКЕИ."""
    codes = {}
    for code, names in UNIT_WORDS.items():
        codes.update(dict.fromkeys(map(_unit_form, names), code))
    return codes


_UNIT_CODES = _unit_codes()


def rate_text(dialect: Dialect, rate: Decimal | None, exempt: bool | None) -> str | None:
    """Ставка as the dialect spells it; None where the line carries neither a rate nor «без НДС»."""
    if rate is None:
        return dialect.exempt if exempt else None
    return format(rate.normalize(), "f")
