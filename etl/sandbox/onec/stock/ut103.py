"""УТ 10.3 reads the file of orders: a stream reader that takes all literally (commerceml §7)."""

from __future__ import annotations

from decimal import Decimal

from etl.sandbox.onec import xml
from etl.sandbox.onec.incoming import (
    Incoming,
    Settings,
    base_unit_code,
    is_service,
    item_guid,
    mail,
    phone,
    read_party,
    unit_name,
    vat_of,
    vat_rate,
)
from etl.sandbox.onec.records import ZERO, Line, Party
from etl.sandbox.onec.stock.common import Loading, entered, site_order, written
from etl.sandbox.onec.xml import Refusal

ORDER = "Заказ товара"
CONTACTS = {"телефонрабочий": phone, "почта": mail}


def read(raw: bytes, settings: Settings) -> list[Incoming]:
    """Документ directly under the root only; without BOM nothing is read (commerceml, fact 11)."""
    if not raw.startswith(xml.BOM):
        raise Refusal("файл без метки UTF-8 (BOM) прочитать не удалось")
    top = xml.parse(raw)
    return [_document(element, settings) for element in xml.children(top, "Документ")]


def _document(element: xml.Element, settings: Settings) -> Incoming:
    """One order. Raises Refusal at a foreign operation or currency, a malformed date or number (fact 10)."""
    number = xml.text(element, "Номер") or ""
    where = f"документ № {number}"
    operation = xml.text(element, "ХозОперация") or ""
    if operation != ORDER:
        raise Refusal(f"{where}: ХозОперация «{operation}», обрабатывается только «{ORDER}»")
    names = [xml.local(item) for item in element if item.text or len(item)]
    if _comes_first(names, "Время", "Дата"):
        raise Refusal(f"{where}: «Время» стоит раньше, чем «Дата»")
    currency = xml.text(element, "Валюта") or ""
    if currency not in settings.currencies:
        raise Refusal(f"{where}: в справочнике нет валюты «{currency}»")
    found = Incoming(
        number,
        xml.date(xml.text(element, "Дата"), where),
        _buyer(element),
        time=xml.time(xml.text(element, "Время"), where),
        currency=currency,
        comment=_comment(element, names, number, settings),
        rate=xml.text(element, "Курс") or "1",
        vat_included=xml.boolean(xml.text(element, "Налоги", "Налог", "УчтеноВСумме")),
        requisites=xml.requisites(element),
    )
    total = xml.text(element, "Сумма")
    if total is not None:
        xml.number(total, f"{where}, Сумма")
    found.lines = [_line(item, found, settings) for item in xml.inside(element, "Товары", "Товар")]
    return found


def _comes_first(names: list[str], first: str, second: str) -> bool:
    """Whether `first` stands in the document before `second`, or without it."""
    if first not in names:
        return False
    return second not in names or names.index(first) < names.index(second)


def _buyer(element: xml.Element) -> Party | None:
    """The counterparty if it has a name; the full name gets the short one in front of it."""
    buyer = xml.child(element, "Контрагенты", "Контрагент")
    if buyer is None:
        return None
    party = read_party(buyer, CONTACTS)
    if not party.name:
        return None
    if party.full_name:
        party.full_name = f"{party.name} [{party.full_name}]"
    return party


def _comment(element: xml.Element, names: list[str], number: str, settings: Settings) -> str:
    """The number as far as it is already read where Комментарий stands, the server, our comment."""
    unread = "Номер" in names and _comes_first(names, "Комментарий", "Номер")
    known = "" if unread else number
    comment = xml.text(element, "Комментарий") or ""
    return f"№ {known} {settings.server}: {comment}".strip()


def _line(item: xml.Element, document: Incoming, settings: Settings) -> Line:
    """One row; a rate the base does not know becomes none, a service is one unit at its sum."""
    name = xml.text(item, "Наименование") or ""
    where = f"{document.where}, {name}"
    price = _number(item, "ЦенаЗаЕдиницу", where)
    quantity = _number(item, "Количество", where)
    amount = _number(item, "Сумма", where)
    rate = vat_rate(xml.text(item, "СтавкиНалогов", "СтавкаНалога", "Ставка"))
    line = Line(
        name,
        quantity=quantity,
        price=price,
        amount=amount,
        product=item_guid(item),
        article=xml.text(item, "Артикул"),
        unit=unit_name(item) or "шт",
        unit_code=(base_unit_code(item) or "").strip() or "796",
        vat=rate if rate in settings.vat_rates else None,
        service=is_service(item),
    )
    line.vat_amount = vat_of(line.amount, line.vat, included=document.vat_included)
    if line.service:
        line.quantity = Decimal(1)
        line.price = line.amount
    return line


def _number(item: xml.Element, name: str, where: str) -> Decimal:
    """An absent number is 0, a malformed one stops the file."""
    value = xml.text(item, name)
    return xml.number(value, f"{where}, {name}") if value else ZERO


def write(loading: Loading, incoming: Incoming) -> None:
    """An order other documents refer to is skipped without a word.

    Else our file wins over people's edits (fact 9).
    """
    known = site_order(loading.books, incoming.number)
    if known is not None and loading.books.referenced(known):
        loading.outcome.skipped.append(incoming.number)
        return
    document = entered(loading, incoming, known, keep_guid=False)
    document.requisites = {name: value for name, value in incoming.requisites.items() if value}
    document.comment = incoming.comment
    cancelled = xml.boolean(incoming.requisites.get("Отменен"))
    document.deleted = cancelled
    document.posted = not cancelled and incoming.party is not None
    written(loading, document, known)
