"""УТ 11 and УНФ 3 read the file of orders: the XDTO factory, one transaction (commerceml §6, §9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from etl.sandbox.onec import xml
from etl.sandbox.onec.incoming import (
    Incoming,
    Payment,
    Settings,
    base_unit_code,
    is_service,
    item_guid,
    mail,
    phone,
    read_party,
    told_rate,
    unit_name,
    vat_of,
    vat_rate,
)
from etl.sandbox.onec.records import ZERO, Document, Line
from etl.sandbox.onec.stock.common import Loading, entered, site_order, written
from etl.sandbox.onec.xml import Refusal

ORDER = "заказ товара"
NUMBER_LENGTH = 11
#: УТ 11 knows these requisites and drops every other one (commerceml §4)
REQUISITES = (
    "Отменен",
    "Статус заказа",
    "Комментарии покупателя",
    "Дата отгрузки",
    "Адрес доставки",
    "Способ доставки",
    "Заказ оплачен",
    "Метод оплаты",
    "Метод оплаты ИД",
)
CONTACTS = {"телефонрабочий": phone, "телефонмобильный": phone, "почта": mail, "электроннаяпочта": mail}
SPACE = "urn:1C.ru:commerceml_2"
#: XDTO packages of УТ 11 and УНФ: a file with a namespace may hold known names only (commerceml, fact 12)
_NAMES = """
КоммерческаяИнформация Документ Ид Номер Дата ХозОперация Роль Валюта Курс Сумма Контрагенты Контрагент
Время СрокПлатежа Комментарий Налоги Налог Скидки Скидка ДопРасходы ДопРасход Склады Склад Товары Товар
ЗначенияРеквизитов ЗначениеРеквизита Подписанты ПодчиненныеДокументы ПодчиненныйДокумент Наименование
ОфициальноеНаименование ПолноеНаименование ЮридическийАдрес АдресРегистрации Адрес АдресноеПоле
Представление Тип Значение ИНН КПП ОКПО ЕГРПО ОКВЭД ОКДП ОКОПФ ОКФС ДатаРегистрации Руководитель
РасчетныеСчета РасчетныйСчет НомерСчета Банк БИК СчетКорреспондентский БанкКорреспондент Обращение Фамилия
Имя Отчество ДатаРождения Пол УдостоверениеЛичности Контакты Контакт Представители Представитель Отношение
Штрихкод Артикул БазоваяЕдиница Пересчет Единица Коэффициент Группы Описание Картинка Страна СтавкиНалогов
СтавкаНалога Ставка ХарактеристикиТовара ХарактеристикаТовара ИдКаталога ИдКлассификатора ЦенаЗаЕдиницу
Количество ДополнительныеДанные СтранаПроисхождения ГТД УчтеноВСумме Акциз Процент
ДополнительныеЗначенияРеквизитов Резерв ИдСайта
"""
VOCABULARY = frozenset(_NAMES.split())


def read(raw: bytes, settings: Settings) -> list[Incoming]:
    """All documents of the file. Raises Refusal where the factory or the loading would stop."""
    top = xml.parse(raw)
    if xml.namespace(top):
        _check_vocabulary(top)
    documents = xml.children(top, "Документ")
    return [_document(element, settings) for element in documents]


def _check_vocabulary(top: xml.Element) -> None:
    """With a namespace the file is checked against the package, without one it is not (fact 12)."""
    space = xml.namespace(top) or ""
    if not space.startswith(SPACE):
        raise Refusal(f"пространство имён «{space}» не входит в пакеты XDTO конфигурации")
    for element in top.iter():
        name = xml.local(element)
        if name not in VOCABULARY:
            raise Refusal(f"значение не соответствует пакету XDTO: «{name}»")


def _document(element: xml.Element, settings: Settings) -> Incoming:
    """One order.

    An unknown currency becomes the accounting one, of the number 11 characters stay (facts 8, 10).
    """
    number = (xml.text(element, "Номер") or "")[:NUMBER_LENGTH]
    where = f"документ № {number}"
    operation = xml.text(element, "ХозОперация") or ""
    if operation.lower() != ORDER:
        raise Refusal(f"{where}: операция «{operation}» не поддерживается")
    currency = xml.text(element, "Валюта")
    if currency is None:
        raise Refusal(f"{where}: не указана валюта")
    buyer = xml.child(element, "Контрагенты", "Контрагент")
    if buyer is None or not xml.text(buyer, "Наименование"):
        raise Refusal(f"{where}: не указан контрагент или его наименование")
    _check_stores(element, where)
    tax = xml.child(element, "Налоги", "Налог")
    requisites = xml.requisites(element)
    found = Incoming(
        number,
        xml.date(xml.text(element, "Дата"), where),
        read_party(buyer, CONTACTS),
        time=xml.time(xml.text(element, "Время"), where),
        rate=xml.text(element, "Курс") or "1",
        currency=currency if currency in settings.currencies else settings.currencies[0],
        vat_included=xml.boolean(xml.text(tax, "УчтеноВСумме")),
        vat=_known_rate(xml.text(tax, "Ставка"), settings),
        comment=xml.text(element, "Комментарий") or "",
        requisites={name: value for name, value in requisites.items() if name in REQUISITES},
    )
    found.lines = list(_lines(element, found, settings))
    if settings.dialect == "unf3":
        found.payments = list(_acquiring(element, where))
    return found


def _check_stores(element: xml.Element, where: str) -> None:
    """A Склад without an address or contacts breaks the reader."""
    for store in xml.inside(element, "Склады", "Склад"):
        if xml.child(store, "Адрес", "АдресноеПоле") is None or xml.child(store, "Контакты") is None:
            raise Refusal(f"{where}: поле объекта не обнаружено (Склад без Адреса или Контактов)")


def _known_rate(rate: str | None, settings: Settings) -> str | None:
    """A rate outside of the table becomes none (commerceml, fact 13)."""
    found = vat_rate(rate)
    if found not in settings.vat_rates:
        return None
    return found


def _lines(element: xml.Element, document: Incoming, settings: Settings) -> Iterator[Line]:
    """Rows inherit rate, unit and factor from the previous row.

    A row without a quantity is dropped (fact 14).
    """
    rate = document.vat
    unit, unit_code, factor = "шт", "796", Decimal(1)
    for item in xml.inside(element, "Товары", "Товар"):
        if xml.child(item, "Скидки", "Скидка") is not None:
            raise Refusal(f"{document.where}: поле объекта не обнаружено (Скидки в строке)")
        told = told_rate(item)
        if told is not None:
            known = _known_rate(told, settings)
            rate = document.vat if known in (None, "0") else known
        unit = unit_name(item) or unit
        unit_code = (base_unit_code(item) or "").strip() or unit_code
        factor = xml.loose_number(xml.text(item, "Коэффициент")) or factor
        quantity = xml.loose_number(xml.text(item, "Количество"))
        if not quantity:
            continue
        amount = xml.loose_number(xml.text(item, "Сумма"))
        yield Line(
            xml.text(item, "Наименование") or "",
            quantity=quantity,
            price=xml.loose_number(xml.text(item, "ЦенаЗаЕдиницу")) or amount / quantity,
            amount=amount,
            product=item_guid(item),
            article=xml.text(item, "Артикул"),
            unit=unit,
            unit_code=unit_code,
            factor=factor,
            vat=rate,
            vat_amount=vat_of(amount, rate, included=document.vat_included),
            service=is_service(item),
        )


def _acquiring(element: xml.Element, where: str) -> Iterator[Payment]:
    """УНФ makes payments of subordinate acquiring operations not marked unpaid (commerceml §9)."""
    for part in xml.inside(element, "ПодчиненныеДокументы", "ПодчиненныйДокумент"):
        paid = xml.requisites(part).get("Оплачено", "true").lower() != "false"
        if paid and xml.text(part, "ХозОперация") == "Эквайринговая операция":
            yield Payment(
                number=xml.text(part, "Номер") or "",
                amount=xml.loose_number(xml.text(part, "Сумма")),
                date=xml.date(xml.text(part, "Дата"), where),
            )


def write_ut11(loading: Loading, incoming: Incoming) -> None:
    """Only an order still in «Ожидается согласование» is touched.

    Any other is skipped without an error (fact 9).
    """
    known = site_order(loading.books, incoming.number)
    if known is not None and (known.approved or known.deleted):
        loading.outcome.skipped.append(incoming.number)
        return
    document = entered(loading, incoming, known, keep_guid=True)
    document.approved = False
    _finish(loading, document, known, incoming)


def write_unf3(loading: Loading, incoming: Incoming) -> None:
    """УНФ: an order with payments or shipments is left alone (not in the facts: decided as in 10.3)."""
    known = site_order(loading.books, incoming.number)
    if known is not None and loading.books.referenced(known):
        loading.outcome.skipped.append(incoming.number)
        return
    document = entered(loading, incoming, known, keep_guid=True)
    _finish(loading, document, known, incoming)
    present = [part.number for part in loading.books.children(document)]
    for payment in incoming.payments:
        if payment.number not in present:
            present.append(payment.number)
            _pay(loading, document, payment)


def _pay(loading: Loading, order: Document, payment: Payment) -> None:
    books = loading.books
    document = Document(
        guid=books.new_guid("document"),
        kind="payment",
        number=payment.number,
        number_1c=books.new_number("payment", payment.date.year),
        date=payment.date,
        moment=dt.datetime.combine(payment.date, loading.now.time()),
        amount=payment.amount,
        currency=order.currency,
        basis=order.guid,
        party=order.party,
        contract=order.contract,
        origin="site",
    )
    books.put(document)


def _finish(loading: Loading, document: Document, known: Document | None, incoming: Incoming) -> None:
    """Comment, status and cancellation; a cancelled order has no rows and no sum."""
    values = incoming.requisites
    said = dict.fromkeys((incoming.comment, values.get("Комментарии покупателя", "")))
    document.comment = " ".join(part for part in said if part)
    document.status = values.get("Статус заказа") or document.status
    if xml.boolean(values.get("Отменен")):
        document.lines = []
        document.amount = ZERO
        document.cancelled = True
    written(loading, document, known)
