"""Records of the canonical tables to nodes of CommerceML, element by element, in the order of the schema.

`document_2` is the flat document of 2.04-2.08 that stock 1C reads, `document_3` the document of 3.1 in a container.
Rules: reference/commerceml §3, §6, §7, §15.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from etl.config import dialects
from etl.config.dialects import Dialect
from etl.load.commerceml.text import Attributed, Node, cut, day, flag, money, quantity
from etl.tables import Record
from etl.values import clean

NAME, COMMENT, VALUE = 250, 3000, 1000
_KOPECK, _ZERO = Decimal("0.01"), Decimal(0)
#: requisites of a row that are elements of the file: how many base units the unit holds, and that Сумма is before the discount
FACTOR, DISCOUNT_APART = "Коэффициент", "СкидкаУчтенаВСумме"
_SOLE_TRADER = re.compile(r"\s*(ИП\b|индивидуальный\s+предприниматель)", re.IGNORECASE).match
#: our kind -> (ХозОперация, requisite «ВидДокумента»)
_OPERATION: dict[str, tuple[str, str | None]] = {
    **{kind: (operation, None) for operation, kind in reversed(dialects.OPERATIONS.items())},
    **{kind: (dialects.OTHER_OPERATION, word) for word, kind in dialects.OTHER_KINDS.items()},
}


def document_2(
    document: Record, lines: Sequence[Record], parties: Sequence[Record], dialect: Dialect, currency: str
) -> list[Node]:
    """A document for stock 1C: no discounts, no warehouses, no bank accounts, every row complete."""
    included = included_in(document, lines)
    return [
        ("Ид", document["id"]),
        ("Номер", document["number"]),
        ("Дата", day(document["date"])),
        ("ХозОперация", _operation(document)[0]),
        ("Роль", _role(document)),
        ("Валюта", currency_word(document["currency"], currency)),
        ("Курс", _rate(document)),
        ("Сумма", money(document["amount"])),
        ("Контрагенты", [("Контрагент", party_2(party, dialect)) for party in parties]),
        ("Время", document["time"]),
        ("Комментарий", cut(document["comment"], COMMENT)),
        ("Налоги", _document_tax(document, lines, included)),
        ("Товары", [("Товар", line_2(line, included, dialect)) for line in lines] or None),
        ("ЗначенияРеквизитов", _requisites(_header_2(document, dialect))),
    ]


def document_3(
    document: Record, lines: Sequence[Record], parties: Sequence[Record], dialect: Dialect, currency: str
) -> list[Node]:
    """A document of the extended contract (CommerceML 3.1)."""
    included = included_in(document, lines)
    return [
        ("Ид", document["id"]),
        ("НомерВерсии", document["version"]),
        ("ПометкаУдаления", flag(document["deleted"])),
        ("Номер", document["number"]),
        ("Номер1С", document["number_1c"]),
        ("Дата", day(document["date"])),
        ("Дата1С", day(document["date_1c"])),
        ("Время", document["time"]),
        ("ХозОперация", _operation(document)[0]),
        ("Контрагенты", [("Контрагент", party_3(party, dialect)) for party in parties]),
        ("Валюта", currency_word(document["currency"], currency)),
        ("Курс", _rate(document)),
        ("Сумма", money(document["amount"])),
        ("Основание", document["basis"]),
        ("Роль", _role(document)),
        ("Комментарий", cut(document["comment"], COMMENT)),
        ("Налоги", _document_tax(document, lines, included)),
        ("ЗначенияРеквизитов", _requisites(_header_3(document))),
        ("Товары", [("Товар", line_3(line, included, dialect)) for line in lines] or None),
    ]


def _operation(document: Record) -> tuple[str, str | None]:
    named = (document["requisites"] or {}).get("ХозОперация")
    if named and dialects.OPERATIONS.get(named) == document["kind"]:
        return named, None
    return _OPERATION[document["kind"]]


def _role(document: Record) -> str:
    return (document["requisites"] or {}).get("Роль", "Продавец")


def currency_word(code: str | None, currency: str) -> str:
    """A currency as the base names it: `currency` is its name of the rouble, no code means that one."""
    return currency if code is None or code == dialects.currency_code(currency) else code


def _rate(document: Record) -> str:
    return format(document["rate"].normalize(), "f") if document["rate"] is not None else "1"


# ---- requisites ----------------------------------------------------------------------------------------------------


def _header_2(document: Record, dialect: Dialect) -> list[tuple[str, str | None]]:
    cancelled = True if document["deleted"] else document["cancelled"]
    comment = cut(document["comment"], VALUE) if dialect.comment_requisite else None
    return [
        ("Отменен", flag(cancelled)),
        *_shared(document),
        ("Комментарии покупателя", comment),
        *_others(document),
    ]


def _header_3(document: Record) -> list[tuple[str, str | None]]:
    paid = "Оплачено" if document["kind"] in ("payment", "refund") else "Оплачен"
    return [
        ("Проведен", flag(document["posted"])),
        ("Отменен", flag(document["cancelled"])),
        ("ВидДокумента", _operation(document)[1]),
        *_shared(document),
        ("НомерДокументаОснования", document["basis_number"]),
        (paid, flag(document["paid"])),
        ("Дата оплаты", day(document["paid_on"])),
        ("Номер платежного документа", document["paid_number"]),
        ("Сумма оплаты", money(document["paid_amount"])),
        ("Отгружен", flag(document["shipped"])),
        ("Номер отгрузки по 1С", document["shipped_number"]),
        ("Дата отгрузки по 1С", day(document["shipped_on"])),
        ("Сумма отгрузки", money(document["shipped_amount"])),
        ("Закрыт", flag(document["closed"])),
        *_others(document),
    ]


def _shared(document: Record) -> list[tuple[str, str | None]]:
    return [
        ("Статус заказа", document["status"]),
        ("Менеджер", document["manager"]),
        ("Организация", document["organisation"]),
        ("Сделка", document["deal"]),
    ]


def _others(document: Record) -> list[tuple[str, str | None]]:
    return [
        (name, value)
        for name, value in (document["requisites"] or {}).items()
        if name not in ("ХозОперация", "Роль")
    ]


def _requisites(pairs: Iterable[tuple[str, str | None]]) -> list[Node] | None:
    nodes: list[Node] = [
        ("ЗначениеРеквизита", [("Наименование", cut(name, NAME)), ("Значение", value)])
        for name, raw in pairs
        if (value := cut(raw, VALUE))
    ]
    return nodes or None


# ---- parties -------------------------------------------------------------------------------------------------------


def party_2(party: Record, dialect: Dialect) -> list[Node]:
    """A Контрагент of 2.x: legal and personal elements exclude each other, that is how 1C tells them apart (§3.3)."""
    full = _full_name(party)
    if kind_of(party) == "legal":
        own = [
            ("ОфициальноеНаименование", full),
            ("ЮридическийАдрес", address(party["legal_address"], party["city"])),
            ("ИНН", party["inn"]),
            ("КПП", party["kpp"]),
            ("ОКПО", party["okpo"]),
        ]
    else:
        own = [
            ("ПолноеНаименование", full),
            ("ИНН", party["inn"]),
            ("АдресРегистрации", address(party["legal_address"], party["city"])),
        ]
    return [
        ("Ид", party["id"]),
        ("Наименование", cut(party["name"], NAME)),
        *own,
        ("Адрес", address(party["actual_address"], None)),
        ("Контакты", contacts(party, dialect)),
        ("Роль", party["role"] or "Покупатель"),
    ]


def party_3(
    party: Record, dialect: Dialect, accounts: Sequence[Record] = (), people: Sequence[Record] = ()
) -> list[Node]:
    """A Контрагент of 3.1. The schema has no place for folder and code: they stand in Комментарий (docs/contract-1c.ru.md)."""
    full, legal = _full_name(party), kind_of(party) == "legal"
    return [
        ("Ид", party["id"]),
        ("НомерВерсии", party["version"]),
        ("ПометкаУдаления", flag(party["deleted"])),
        ("Наименование", cut(party["name"], NAME)),
        ("ОфициальноеНаименование" if legal else "ПолноеНаименование", full),
        ("ЮридическийАдрес" if legal else "АдресРегистрации", address(party["legal_address"], party["city"])),
        ("ИНН", party["inn"]),
        ("КПП", party["kpp"] if legal else None),
        ("КодПоОКПО", party["okpo"]),
        ("РасчетныеСчета", [("РасчетныйСчет", _account(account)) for account in accounts] or None),
        ("Комментарий", cut(_note(party), COMMENT)),
        ("Адрес", address(party["actual_address"], None)),
        ("Контакты", contacts(party, dialect)),
        ("Представители", [("Представитель", _person(person, dialect)) for person in people] or None),
        ("Роль", party["role"] or "Покупатель"),
    ]


def kind_of(party: Record) -> str:
    """Kind of a party; where nobody tells it, by its name, ИНН and КПП."""
    return party["kind"] or clean.party_kind(party["full_name"] or party["name"], party["inn"], party["kpp"])


def _full_name(party: Record) -> str | None:
    """In a document a sole trader is known by «ИП» before the name alone (§3.3); in a directory the name is the portal's own."""
    full = party["full_name"] or party["name"]
    if party["document"] and party["kind"] == "sole_trader" and full and not _SOLE_TRADER(full):
        full = f"ИП {full}"
    return cut(full, NAME)


def _note(party: Record) -> str | None:
    """«Папка: А/Б; Код: 1; Комментарий: …»: a semicolon inside folder and code is doubled, the comment is the rest of the text."""
    own = (party["extra"] or {}).get("Комментарий")
    parts = [
        f"{word}: {party[column].replace(';', ';;')}"
        for word, column in (("Папка", "folder_path"), ("Код", "code"))
        if party[column]
    ]
    if own and (parts or own.startswith(("Папка:", "Код:", "Комментарий:"))):
        parts.append(f"Комментарий: {own}")
    return "; ".join(parts) or own


def address(shown: str | None, city: str | None) -> list[Node] | None:
    """An address as 1C shows it; the city is repeated as a field."""
    city = cut(city, VALUE)
    shown = cut(shown, NAME) or cut(city, NAME)
    if not shown:
        return None
    field = ("АдресноеПоле", [("Тип", "Город"), ("Значение", city)]) if city else ("АдресноеПоле", None)
    return [("Представление", shown), field]


def contacts(holder: Record, dialect: Dialect) -> list[Node] | None:
    """Phones and e-mails in the words of the dialect."""
    pairs = [
        *((dialect.phone_type, phone) for phone in holder["phones"] or ()),
        *((dialect.email_type, email) for email in holder["emails"] or ()),
    ]
    return [
        ("Контакт", [("Тип", kind), ("Значение", cut(value, VALUE))])
        for kind, value in pairs
        if value.strip()
    ] or None


def _account(account: Record) -> list[Node]:
    bank = [
        ("СчетКорреспондентский", account["corr_account"]),
        ("Наименование", cut(account["bank_name"], NAME)),
        ("БИК", account["bik"]),
    ]
    return [("НомерСчета", account["number"]), ("Банк", bank)]


def _person(person: Record, dialect: Dialect) -> list[Node]:
    return [
        ("Ид", person["id"]),
        ("Наименование", cut(person["name"], NAME)),
        ("Фамилия", person["last_name"]),
        ("Имя", person["first_name"]),
        ("Отчество", person["middle_name"]),
        ("Контакты", contacts(person, dialect)),
    ]


# ---- lines ---------------------------------------------------------------------------------------------------------


def line_2(line: Record, included: bool, dialect: Dialect) -> list[Node]:
    """A row for stock 1C: the price is net of the discount, unit and rate stand in every row (УТ 11 inherits them)."""
    unit, code = unit_of(line)
    factor = _factor(line)
    base, base_code = (
        (unit, code) if factor == "1" else (dialects.UNIT, dialects.UNIT_CODE)
    )  # counts only where 1C makes a new item
    rate = dialects.rate_text(dialect, line["vat_rate"], line["vat_exempt"])
    return [
        ("Ид", line["product"]),
        ("Артикул", cut(line["article"], NAME)),
        ("Наименование", cut(line["name"], NAME)),
        ("БазоваяЕдиница", Attributed({"Код": base_code, "НаименованиеПолное": base}, base)),
        ("СтавкиНалогов", _rates(rate)),
        ("ЗначенияРеквизитов", _line_requisites(line)),
        ("ЦенаЗаЕдиницу", money(net_price(line))),
        ("Количество", quantity(line["quantity"])),
        ("Сумма", money(net_amount(line))),
        ("Единица", code if dialect.unit_by_code else unit),
        ("Коэффициент", factor),
        ("Налоги", _line_tax(line, included, rate)),
    ]


def line_3(line: Record, included: bool, dialect: Dialect) -> list[Node]:
    """A row of the extended contract, with its discount."""
    unit, code = unit_of(line)
    factor = _factor(line)
    rate = dialects.rate_text(dialect, line["vat_rate"], line["vat_exempt"])
    discount = None
    if line["discount"] is not None:
        discount = [
            (
                "Скидка",
                [
                    ("Наименование", "Скидка"),
                    ("Сумма", money(line["discount"])),
                    ("УчтеноВСумме", flag(not _apart(line))),
                ],
            )
        ]
    return [
        ("Ид", line["product"]),
        ("Артикул", cut(line["article"], NAME)),
        ("Наименование", cut(line["name"], NAME)),
        ("БазоваяЕдиница", code if factor == "1" else None),
        ("СтавкиНалогов", _rates(rate)),
        ("ЗначенияРеквизитов", _line_requisites(line)),
        ("Единица", [("НаименованиеКраткое", unit[:4]), ("Код", code), ("НаименованиеПолное", unit)]),
        ("Коэффициент", factor),
        ("Количество", quantity(line["quantity"])),
        ("ЦенаЗаЕдиницу", money(line["price"])),
        ("Сумма", money(line["amount"])),
        ("Налоги", _line_tax(line, included, rate)),
        ("Скидки", discount),
    ]


def unit_of(row: Record) -> tuple[str, str]:
    """(name, code) of a unit; 1C needs both, so the missing one is looked up. No unit at all is a piece; an unknown name has no code («»)."""
    return _unit(row["unit"], row["unit_code"])


@lru_cache(maxsize=1000)
def _unit(name: str | None, code: str | None) -> tuple[str, str]:
    name, code = clean.unit(name, code)
    if name is None and code is None:
        return dialects.UNIT, dialects.UNIT_CODE
    return name or code or "", code or ""


def _factor(line: Record) -> str:
    told = (line["requisites"] or {}).get(FACTOR)
    return told.strip().replace(",", ".") if told else "1"


def _apart(line: Record) -> bool:
    return (line["requisites"] or {}).get(DISCOUNT_APART) == "false"


def net_amount(line: Record) -> Decimal | None:
    """Sum of a row after its discount, whether the row's own sum holds it or not."""
    amount, discount = line["amount"], line["discount"]
    return amount - discount if discount and amount is not None and _apart(line) else amount


def net_price(line: Record) -> Decimal | None:
    """Price of a row without its discount, for stock 1C."""
    amount, count = net_amount(line), line["quantity"]
    if line["discount"] and amount is not None and count:
        return (amount / count).quantize(_KOPECK, ROUND_HALF_UP)
    return line["price"]


def _line_requisites(line: Record) -> list[Node] | None:
    kind = "Услуга" if line["kind"] == "service" else "Товар"
    own = {
        name: value
        for name, value in (line["requisites"] or {}).items()
        if name not in (FACTOR, DISCOUNT_APART)
    }
    return _requisites(
        [("ВидНоменклатуры", own.pop("ВидНоменклатуры", kind)), ("ТипНоменклатуры", kind), *own.items()]
    )


def _rates(rate: str | None) -> list[Node] | None:
    return [("СтавкаНалога", [("Наименование", "НДС"), ("Ставка", rate)])] if rate else None


def _line_tax(line: Record, included: bool, rate: str | None) -> list[Node] | None:
    own = line["vat_included"]
    if rate is None and own is None and line["vat_amount"] is None:
        return None
    tax = [
        ("Наименование", "НДС"),
        ("УчтеноВСумме", flag(included if own is None else own)),
        ("Сумма", money(line_vat(line, included))),
        ("Ставка", rate),
    ]
    return [("Налог", tax)]


def line_vat(line: Record, included: bool) -> Decimal:
    """VAT of a row in the currency of the document: as given, else by the rate, HALF_UP (onec §5)."""
    if line["vat_amount"] is not None:
        return line["vat_amount"]
    rate, amount = line["vat_rate"], net_amount(line)
    if not rate or amount is None:
        return Decimal(0)
    whole = (
        100 + rate if (included if line["vat_included"] is None else line["vat_included"]) else Decimal(100)
    )
    return (amount * rate / whole).quantize(_KOPECK, ROUND_HALF_UP)


def total(lines: Sequence[Record], included: bool) -> Decimal:
    """What the rows make in 1C: their sums after discounts, the VAT on top where they do not hold it."""
    return sum(
        ((net_amount(line) or _ZERO) + (_ZERO if included else line_vat(line, included)) for line in lines),
        _ZERO,
    )


def included_in(document: Record, lines: Sequence[Record]) -> bool:
    """Whether the sums of a document hold the VAT: 1C knows one answer for all its rows."""
    known = [document["vat_included"], *(line["vat_included"] for line in lines)]
    return next((value for value in known if value is not None), True)


def _document_tax(document: Record, lines: Sequence[Record], included: bool) -> list[Node] | None:
    total = document["vat_amount"]
    if total is None:
        if not lines:
            return None
        total = sum((line_vat(line, included) for line in lines), Decimal(0))
    return [("Налог", [("Наименование", "НДС"), ("УчтеноВСумме", flag(included)), ("Сумма", money(total))])]
