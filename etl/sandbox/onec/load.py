"""How stock УТ 10.3, УТ 11 and УНФ 3 read the file of orders: each with its own strictness (commerceml §0, §6, §7, §9).

`load_stock` reads one file and either loads all of it or raises `Refusal`: one bad document fails the file (fact 10).
What is loaded loses its registration, so a just loaded order is not exported in the same session (fact 8, §12).
Whatever the facts leave open is decided against us: the model is an opponent.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.incoming import (
    Incoming,
    Outcome,
    Settings,
    fill,
    find_or_create_party,
    find_or_create_product,
    is_service,
    mail,
    phone,
    read_party,
    vat_of,
    vat_rate,
)
from etl.sandbox.onec.records import Document, Line
from etl.sandbox.onec.xml import Refusal

_ORDER = "заказ товара"
#: УТ 11 knows these requisites and drops every other one (commerceml §4)
_KNOWN_11 = (
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
#: XDTO packages of УТ 11 and УНФ: a file with a namespace may hold known names only (fact 12)
_WORDS = (
    "КоммерческаяИнформация Документ Ид Номер Дата ХозОперация Роль Валюта Курс Сумма Контрагенты Контрагент Время "
    "СрокПлатежа Комментарий Налоги Налог Скидки Скидка ДопРасходы ДопРасход Склады Склад Товары Товар ЗначенияРеквизитов "
    "ЗначениеРеквизита Подписанты ПодчиненныеДокументы ПодчиненныйДокумент Наименование ОфициальноеНаименование "
    "ПолноеНаименование ЮридическийАдрес АдресРегистрации Адрес АдресноеПоле Представление Тип Значение ИНН КПП ОКПО ЕГРПО "
    "ОКВЭД ОКДП ОКОПФ ОКФС ДатаРегистрации Руководитель РасчетныеСчета РасчетныйСчет НомерСчета Банк БИК "
    "СчетКорреспондентский БанкКорреспондент Обращение Фамилия Имя Отчество ДатаРождения Пол УдостоверениеЛичности Контакты "
    "Контакт Представители Представитель Отношение Штрихкод Артикул БазоваяЕдиница Пересчет Единица Коэффициент Группы "
    "Описание Картинка Страна СтавкиНалогов СтавкаНалога Ставка ХарактеристикиТовара ХарактеристикаТовара ИдКаталога "
    "ИдКлассификатора ЦенаЗаЕдиницу Количество ДополнительныеДанные СтранаПроисхождения ГТД УчтеноВСумме Акциз Процент "
    "ДополнительныеЗначенияРеквизитов Резерв ИдСайта"
)
_VOCABULARY = frozenset(_WORDS.split())


def load_stock(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Load the file of orders into the books. Raises Refusal when 1C would stop; the books are then to be rolled back."""
    reader, writer = _CONFIGURATIONS[settings.dialect]
    outcome = Outcome()
    for incoming in reader(path.read_bytes(), settings):
        writer(books, settings, incoming, now, outcome)
    return outcome


# ---- УТ 10.3: a stream reader by path (commerceml §7) ----
def read_ut103(raw: bytes, settings: Settings) -> list[Incoming]:
    """Документ directly under the root only; without BOM nothing is read (fact 11)."""
    if not raw.startswith(xml.BOM):
        raise Refusal("файл без метки UTF-8 (BOM) прочитать не удалось")
    return [_document_103(element, settings) for element in xml.children(xml.parse(raw), "Документ")]


def _document_103(element: xml.Element, settings: Settings) -> Incoming:
    number = xml.text(element, "Номер") or ""
    where = f"документ № {number}"
    names = [xml.local(item) for item in element if (item.text or len(item))]
    if xml.text(element, "ХозОперация") != "Заказ товара":
        raise Refusal(
            f"{where}: ХозОперация «{xml.text(element, 'ХозОперация') or ''}», обрабатывается только «Заказ товара»"
        )
    _in_order(names, "Дата", "Время", where)
    currency = xml.text(element, "Валюта") or ""
    if currency not in settings.currencies:
        raise Refusal(f"{where}: в справочнике нет валюты «{currency}»")
    early = "Комментарий" in names and "Номер" in names and names.index("Комментарий") < names.index("Номер")
    comment = f"№ {'' if early else number} {settings.server}: {xml.text(element, 'Комментарий') or ''}"
    buyer = xml.child(element, "Контрагенты", "Контрагент")
    party = read_party(buyer, {"телефонрабочий": phone, "почта": mail}) if buyer is not None else None
    if party is not None and party.full_name:
        party.full_name = f"{party.name} [{party.full_name}]"
    included = xml.boolean(xml.text(element, "Налоги", "Налог", "УчтеноВСумме"))
    found = Incoming(
        number,
        xml.date(xml.text(element, "Дата"), where),
        party if party and party.name else None,
        time=xml.time(xml.text(element, "Время"), where),
        currency=currency,
        comment=comment.strip(),
        rate=xml.text(element, "Курс") or "1",
        vat_included=included,
        requisites=xml.requisites(element),
    )
    if (total := xml.text(element, "Сумма")) is not None:
        xml.number(total, f"{where}, Сумма")
    found.lines = [
        _line_103(item, found, settings) for item in xml.children(xml.child(element, "Товары"), "Товар")
    ]
    return found


def _in_order(names: list[str], first: str, second: str, where: str) -> None:
    if second in names and (first not in names or names.index(first) > names.index(second)):
        raise Refusal(f"{where}: «{second}» стоит раньше, чем «{first}»")


def _line_103(item: xml.Element, document: Incoming, settings: Settings) -> Line:
    where = f"{document.where}, {xml.text(item, 'Наименование') or ''}"
    values = {
        name: xml.number(value, f"{where}, {name}") if (value := xml.text(item, name)) else Decimal(0)
        for name in ("ЦенаЗаЕдиницу", "Количество", "Сумма")
    }
    rate = vat_rate(xml.text(item, "СтавкиНалогов", "СтавкаНалога", "Ставка"))
    line = Line(
        xml.text(item, "Наименование") or "",
        values["Количество"],
        values["ЦенаЗаЕдиницу"],
        values["Сумма"],
        _item(item),
        xml.text(item, "Артикул"),
        _unit(item) or "шт",
        _unit_code(item) or "796",
        service=is_service(item),
    )
    line.vat = rate if rate in settings.vat_rates else None
    line.vat_amount = vat_of(line.amount, line.vat, included=document.vat_included)
    if line.service:
        line.quantity, line.price = Decimal(1), line.amount
    return line


def write_ut103(
    books: Books, settings: Settings, incoming: Incoming, now: dt.datetime, outcome: Outcome
) -> None:
    """An order other documents refer to is skipped without a word (fact 9); else our file wins over people's edits."""
    known = _site_order(books, incoming.number)
    if known is not None and books.referenced(known):
        outcome.skipped.append(incoming.number)
        return
    document = _entered(books, settings, incoming, known, now, keep_guid=False)
    document.requisites = {name: value for name, value in incoming.requisites.items() if value}
    document.comment = incoming.comment
    cancelled = xml.boolean(incoming.requisites.get("Отменен"))
    document.deleted, document.posted = cancelled, not cancelled and incoming.party is not None
    _written(books, document, known, outcome)


# ---- УТ 11 and УНФ 3: the XDTO factory, one transaction (commerceml §6, §9) ----
def read_ut11(raw: bytes, settings: Settings) -> list[Incoming]:
    """Rows inherit rate, unit and factor from the previous row (fact 14); an unknown VAT rate becomes none (fact 13)."""
    top = xml.parse(raw)
    if xml.namespace(top):
        _check_vocabulary(top)
    return [_document_11(element, settings) for element in xml.children(top, "Документ")]


def _check_vocabulary(top: xml.Element) -> None:
    known = xml.namespace(top) or ""
    if not known.startswith("urn:1C.ru:commerceml_2"):
        raise Refusal(f"пространство имён «{known}» не входит в пакеты XDTO конфигурации")
    for element in top.iter():
        if xml.local(element) not in _VOCABULARY:
            raise Refusal(f"значение не соответствует пакету XDTO: «{xml.local(element)}»")


def _document_11(element: xml.Element, settings: Settings) -> Incoming:
    number = (xml.text(element, "Номер") or "")[:11]
    where = f"документ № {number}"
    if (xml.text(element, "ХозОперация") or "").lower() != _ORDER:
        raise Refusal(f"{where}: операция «{xml.text(element, 'ХозОперация') or ''}» не поддерживается")
    if (currency := xml.text(element, "Валюта")) is None:
        raise Refusal(f"{where}: не указана валюта")
    buyer = xml.child(element, "Контрагенты", "Контрагент")
    if buyer is None or not xml.text(buyer, "Наименование"):
        raise Refusal(f"{where}: не указан контрагент или его наименование")
    for store in xml.children(xml.child(element, "Склады"), "Склад"):
        if xml.child(store, "Адрес", "АдресноеПоле") is None or xml.child(store, "Контакты") is None:
            raise Refusal(f"{where}: поле объекта не обнаружено (Склад без Адреса или Контактов)")
    party = read_party(
        buyer, {"телефонрабочий": phone, "телефонмобильный": phone, "почта": mail, "электроннаяпочта": mail}
    )
    tax = xml.child(element, "Налоги", "Налог")
    found = Incoming(
        number,
        xml.date(xml.text(element, "Дата"), where),
        party,
        time=xml.time(xml.text(element, "Время"), where),
        rate=xml.text(element, "Курс") or "1",
        currency=currency if currency in settings.currencies else settings.currencies[0],
        vat_included=xml.boolean(xml.text(tax, "УчтеноВСумме")),
        vat=_known(xml.text(tax, "Ставка"), settings),
        comment=xml.text(element, "Комментарий") or "",
        requisites={name: value for name, value in xml.requisites(element).items() if name in _KNOWN_11},
    )
    found.lines = _lines_11(element, found, settings)
    if settings.dialect == "unf3":
        found.payments = _acquiring(element, where)
    return found


def _known(rate: str | None, settings: Settings) -> str | None:
    found = vat_rate(rate)
    return found if found in settings.vat_rates else None


def _lines_11(element: xml.Element, document: Incoming, settings: Settings) -> list[Line]:
    lines: list[Line] = []
    rate, unit, unit_code, factor = document.vat, "шт", "796", Decimal(1)
    for item in xml.children(xml.child(element, "Товары"), "Товар"):
        if xml.child(item, "Скидки", "Скидка") is not None:
            raise Refusal(f"{document.where}: поле объекта не обнаружено (Скидки в строке)")
        told = xml.text(item, "Налоги", "Налог", "Ставка") or xml.text(
            item, "СтавкиНалогов", "СтавкаНалога", "Ставка"
        )
        if told is not None:
            known = _known(told, settings)
            rate = known if known not in (None, "0") else document.vat
        unit, unit_code = _unit(item) or unit, _unit_code(item) or unit_code
        factor = xml.loose_number(xml.text(item, "Коэффициент")) or factor
        quantity = xml.loose_number(xml.text(item, "Количество"))
        if not quantity:
            continue
        amount = xml.loose_number(xml.text(item, "Сумма"))
        price = xml.loose_number(xml.text(item, "ЦенаЗаЕдиницу")) or amount / quantity
        lines.append(
            Line(
                xml.text(item, "Наименование") or "",
                quantity,
                price,
                amount,
                _item(item),
                xml.text(item, "Артикул"),
                unit,
                unit_code,
                factor,
                rate,
                vat_of(amount, rate, included=document.vat_included),
                is_service(item),
            )
        )
    return lines


def _acquiring(element: xml.Element, where: str) -> list[tuple[str, Decimal, dt.date]]:
    found = []
    for part in xml.children(xml.child(element, "ПодчиненныеДокументы"), "ПодчиненныйДокумент"):
        paid = xml.requisites(part).get("Оплачено", "true").lower() != "false"
        if xml.text(part, "ХозОперация") == "Эквайринговая операция" and paid:
            amount = xml.loose_number(xml.text(part, "Сумма"))
            found.append((xml.text(part, "Номер") or "", amount, xml.date(xml.text(part, "Дата"), where)))
    return found


def write_ut11(
    books: Books, settings: Settings, incoming: Incoming, now: dt.datetime, outcome: Outcome
) -> None:
    """Only an order still in «Ожидается согласование» is touched; any other is counted as skipped, without an error (fact 9)."""
    known = _site_order(books, incoming.number)
    if known is not None and (known.approved or known.deleted):
        outcome.skipped.append(incoming.number)
        return
    document = _entered(books, settings, incoming, known, now, keep_guid=True)
    document.approved = False
    _finish_11(books, document, known, incoming, outcome)


def write_unf3(
    books: Books, settings: Settings, incoming: Incoming, now: dt.datetime, outcome: Outcome
) -> None:
    """УНФ: an order with payments or shipments is left alone (not stated by the facts: decided as in 10.3)."""
    known = _site_order(books, incoming.number)
    if known is not None and books.referenced(known):
        outcome.skipped.append(incoming.number)
        return
    document = _entered(books, settings, incoming, known, now, keep_guid=True)
    _finish_11(books, document, known, incoming, outcome)
    for number, amount, on in incoming.payments:
        if not any(part.number == number for part in books.children(document)):
            moment = dt.datetime.combine(on, now.time())
            books.put(
                Document(
                    books.new_guid("document"),
                    "payment",
                    number,
                    books.new_number("payment", on.year),
                    on,
                    moment,
                    amount,
                    document.currency,
                    basis=document.guid,
                    party=document.party,
                    contract=document.contract,
                    origin="site",
                )
            )


def _finish_11(
    books: Books, document: Document, known: Document | None, incoming: Incoming, outcome: Outcome
) -> None:
    said = dict.fromkeys((incoming.comment, incoming.requisites.get("Комментарии покупателя", "")))
    document.comment = " ".join(part for part in said if part)
    document.status = incoming.requisites.get("Статус заказа") or document.status
    if xml.boolean(incoming.requisites.get("Отменен")):
        document.lines, document.amount, document.cancelled = [], Decimal(0), True
    _written(books, document, known, outcome)


# ---- common ----
def _site_order(books: Books, number: str) -> Document | None:
    found = [
        document
        for document in books.numbered("order", number)
        if document.origin == "site" and document.number == number
    ]
    return found[-1] if found else None


def _entered(
    books: Books,
    settings: Settings,
    incoming: Incoming,
    known: Document | None,
    now: dt.datetime,
    *,
    keep_guid: bool,
) -> Document:
    document = (
        copy.deepcopy(known)
        if known
        else Document(
            books.new_guid("document"),
            "order",
            incoming.number,
            books.new_number("order", incoming.date.year),
            incoming.date,
            now,
            origin="site",
        )
    )
    if incoming.party is not None:
        # a known counterparty is not rewritten from an order
        document.party = find_or_create_party(books, incoming.party, keep_guid=False)[0].guid
    for line in incoming.lines:
        line.product = find_or_create_product(books, line, keep_guid=keep_guid, by_article=keep_guid)
    document.organisation = document.organisation or settings.organisation
    fill(document, incoming, amount=incoming.total)
    return document


def _written(books: Books, document: Document, known: Document | None, outcome: Outcome) -> None:
    fate = outcome.created if known is None else outcome.same if known == document else outcome.updated
    fate.append(document.number)
    if known is not None and known != document:
        document.version += 1
    books.put(document, register=False)
    books.changed.discard(document.guid)
    outcome.loaded.append(document.guid)


def _item(item: xml.Element) -> str | None:
    return xml.guid((xml.text(item, "Ид") or "").partition("#")[0])


def _unit(item: xml.Element) -> str | None:
    return (
        xml.text(item, "Единица", "НаименованиеКраткое")
        or xml.text(item, "Единица")
        or xml.text(item, "БазоваяЕдиница")
    )


def _unit_code(item: xml.Element) -> str | None:
    base = xml.child(item, "БазоваяЕдиница")
    return (base.get("Код") or "").strip() or None if base is not None else None


Reader = Callable[[bytes, Settings], list[Incoming]]
Writer = Callable[[Books, Settings, Incoming, dt.datetime, Outcome], None]
_CONFIGURATIONS: dict[str, tuple[Reader, Writer]] = {
    "ut103": (read_ut103, write_ut103),
    "ut11": (read_ut11, write_ut11),
    "unf3": (read_ut11, write_unf3),
}
