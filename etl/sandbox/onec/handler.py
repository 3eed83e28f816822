"""The customer's handler of the extended contract, reading side: to_1c/documents.xml, parties.xml, catalog.xml.

Strict on purpose: a document that contradicts itself fails its file with a list of every fault found. Documents match by
Ид, else by kind + Номер. An order or invoice of a group without payments, shipments or a closing takes our values;
otherwise the change is refused silently. Whatever was loaded is registered for export: unlike the stock exchanges the
handler *does* echo what it has just loaded, with the values the base now holds.
"""

from __future__ import annotations

import copy
import datetime as dt
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
    read_accounts,
    read_party,
    vat_of,
    vat_rate,
)
from etl.sandbox.onec.records import KIND_WORDS, OPERATIONS, Contract, Document, Line, Party, Product
from etl.sandbox.onec.xml import Refusal

NAMESPACE = "urn:1C.ru:commerceml_3"
_KINDS = {operation: kind for kind, operation in OPERATIONS.items() if kind not in KIND_WORDS} | {
    "Выплата наличных денег": "payment",
    "Эквайринговая операция": "payment",
    "Возврат наличных денег": "refund",
}
_WORDS = {word: kind for kind, word in KIND_WORDS.items()}
_CONTACTS = {
    "телефонрабочий": phone,
    "телефонмобильный": phone,
    "телефондомашний": phone,
    "почта": mail,
    "электроннаяпочта": mail,
}


def open_extended(path: Path) -> xml.Element:
    """Root of a file of the extended contract. Raises Refusal on another namespace or version."""
    top = xml.parse(path.read_bytes())
    if xml.namespace(top) != NAMESPACE:
        raise Refusal(f"пространство имён «{xml.namespace(top) or ''}», по договору обмена «{NAMESPACE}»")
    if top.get("ВерсияСхемы") != "3.1":
        raise Refusal(f"ВерсияСхемы «{top.get('ВерсияСхемы')}», по договору обмена «3.1»")
    return top


# ---- documents.xml ----
def load_documents(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """All containers of the file, or Refusal with every fault."""
    top = open_extended(path)
    outcome, faults = Outcome(), []
    if xml.child(top, "Документ") is not None:
        faults.append("документ стоит вне контейнера")
    found: list[Incoming] = []
    for container in xml.children(top, "Контейнер"):
        for element in xml.children(container, "Документ"):
            try:
                found.append(_document(element, settings, outcome))
            except Refusal as fault:
                faults.append(str(fault))
    names = _references(books, found, faults)
    if faults:
        raise Refusal("; ".join(faults))
    for incoming in _basis_first(found):
        _write(books, settings, incoming, names, now, outcome)
    return outcome


def _document(element: xml.Element, settings: Settings, outcome: Outcome) -> Incoming:
    number = xml.text(element, "Номер") or ""
    where = f"документ № {number}"
    values = xml.requisites(element)
    operation = xml.text(element, "ХозОперация") or ""
    kind = _WORDS.get(values.get("ВидДокумента", "")) if operation == "Прочие" else _KINDS.get(operation)
    ident, buyer = xml.guid(xml.text(element, "Ид")), xml.child(element, "Контрагенты", "Контрагент")
    checks = {
        "нет Номера": not number,
        f"Номер длиннее 11 знаков: «{number}»": len(number) > 11,
        f"Ид «{xml.text(element, 'Ид') or ''}» не уникальный идентификатор": ident is None,
        f"операция «{operation}» не предусмотрена договором обмена": kind is None,
        f"нет валюты «{xml.text(element, 'Валюта') or ''}»": xml.text(element, "Валюта")
        not in settings.currencies,
        "нет Контрагента с Наименованием": not xml.text(buyer, "Наименование"),
    }
    bad = [said for said, wrong in checks.items() if wrong]
    if bad or buyer is None or kind is None or ident is None:
        raise Refusal(f"{where}: {', '.join(bad)}")
    found = Incoming(
        number,
        xml.date(xml.text(element, "Дата"), where),
        read_party(buyer, _CONTACTS),
        guid=ident,
        kind=kind,
        time=xml.time(xml.text(element, "Время"), where),
        currency=xml.text(element, "Валюта") or "",
        rate=xml.text(element, "Курс") or "1",
        amount=xml.number(xml.text(element, "Сумма"), f"{where}, Сумма"),
        basis=xml.guid(xml.text(element, "Основание")),
        role=xml.text(buyer, "Роль") or "Покупатель",
        comment=xml.text(element, "Комментарий") or "",
        requisites=values,
    )
    found.vat_included = xml.boolean(xml.text(element, "Налоги", "Налог", "УчтеноВСумме"))
    found.deleted = xml.boolean(xml.text(element, "ПометкаУдаления")) or xml.boolean(
        values.get("ПометкаУдаления")
    )
    found.lines = [
        _line(item, found, settings, outcome) for item in xml.children(xml.child(element, "Товары"), "Товар")
    ]
    _check_amount(found)
    return found


def _check_amount(found: Incoming) -> None:
    if found.kind in ("payment", "refund") and (found.amount or 0) <= 0:
        raise Refusal(f"{found.where}: сумма {found.amount} должна быть больше нуля")
    if found.kind in ("order", "invoice") and (found.amount or 0) < 0:
        raise Refusal(f"{found.where}: отрицательная сумма {found.amount}")
    if found.lines and found.total != found.amount:
        raise Refusal(f"{found.where}: Сумма {found.amount} не равна сумме строк {found.total}")
    if date := found.requisites.get("Дата договора"):
        xml.date(date, f"{found.where}, Дата договора")


def _line(item: xml.Element, document: Incoming, settings: Settings, outcome: Outcome) -> Line:
    name = xml.text(item, "Наименование") or ""
    where = f"{document.where}, {name or 'строка без Наименования'}"
    amount = xml.number(xml.text(item, "Сумма"), f"{where}, Сумма")
    quantity = xml.number(xml.text(item, "Количество"), f"{where}, Количество")
    price = xml.number(xml.text(item, "ЦенаЗаЕдиницу") or xml.text(item, "Цена"), f"{where}, ЦенаЗаЕдиницу")
    told = xml.text(item, "Налоги", "Налог", "Ставка") or xml.text(
        item, "СтавкиНалогов", "СтавкаНалога", "Ставка"
    )
    rate = vat_rate(told)
    if not name or quantity <= 0:
        raise Refusal(f"{where}: нет Наименования или Количество не больше нуля")
    if rate is not None and rate not in settings.vat_rates:
        raise Refusal(f"{where}: ставка НДС «{told}» базе неизвестна")
    line = Line(
        name,
        quantity,
        price,
        amount,
        _item_guid(item),
        xml.text(item, "Артикул"),
        vat=rate,
        service=is_service(item),
        vat_amount=vat_of(amount, rate, included=document.vat_included),
    )
    line.unit = (
        xml.text(item, "Единица", "НаименованиеКраткое")
        or xml.text(item, "Единица")
        or xml.text(item, "БазоваяЕдиница")
        or "шт"
    )
    line.unit_code = (xml.text(item, "Единица", "Код") or _code(item) or "796").strip()
    told_vat = xml.text(item, "Налоги", "Налог", "Сумма")
    if told_vat is not None and abs(xml.number(told_vat, f"{where}, Налог") - line.vat_amount) > Decimal(
        "0.01"
    ):
        outcome.warnings.append(f"{where}: НДС {told_vat}, а по ставке выходит {line.vat_amount}")
    return line


def _item_guid(item: xml.Element) -> str | None:
    return xml.guid((xml.text(item, "Ид") or "").partition("#")[0])


def _code(item: xml.Element) -> str | None:
    base = xml.child(item, "БазоваяЕдиница")
    return base.get("Код") if base is not None else None


def _references(books: Books, found: list[Incoming], faults: list[str]) -> dict[str, str]:
    """Ид of the file -> reference in the base; every Основание must lead to one of them or to a document of the base."""
    names: dict[str, str] = {}
    for incoming in found:
        if incoming.guid in names:
            faults.append(f"{incoming.where}: Ид {incoming.guid} повторяется в файле")
        known = _known(books, incoming)
        if known is not None and known.kind != incoming.kind:
            faults.append(f"{incoming.where}: под этим Ид в базе документ другого вида")
        names[incoming.guid] = known.guid if known else incoming.guid
    for incoming in found:
        if incoming.basis and incoming.basis not in names and books.get(incoming.basis) is None:
            _basis_by_number(books, incoming)
        if incoming.basis and incoming.basis not in names and books.get(incoming.basis) is None:
            faults.append(f"{incoming.where}: Основание {incoming.basis} не найдено ни в файле, ни в базе")
        if incoming.basis == incoming.guid:
            faults.append(f"{incoming.where}: документ указан основанием самому себе")
    return names


def _basis_by_number(books: Books, incoming: Incoming) -> None:
    """A basis that came by the stock exchange has a reference of 1C's own: it is found by НомерДокументаОснования."""
    number = incoming.requisites.get("НомерДокументаОснования", "")
    for kind in ("order", "invoice"):
        if number and (numbered := books.numbered(kind, number)):
            incoming.basis = numbered[-1].guid
            return


def _known(books: Books, incoming: Incoming) -> Document | None:
    if (known := books.get(incoming.guid)) is not None:
        return known
    same = [
        document
        for document in books.numbered(incoming.kind, incoming.number)
        if document.number == incoming.number and document.date.year == incoming.date.year
    ]
    return same[-1] if same else None


def _basis_first(found: list[Incoming]) -> list[Incoming]:
    here = {incoming.guid: incoming for incoming in found}
    ordered: dict[str, Incoming] = {}

    def place(incoming: Incoming, trail: tuple[str, ...]) -> None:
        if incoming.guid in trail:
            raise Refusal(f"{incoming.where}: Основания образуют круг")
        if (basis := here.get(incoming.basis or "")) and basis.guid not in ordered:
            place(basis, (*trail, incoming.guid))
        ordered[incoming.guid] = incoming

    for incoming in found:
        if incoming.guid not in ordered:
            place(incoming, ())
    return list(ordered.values())


def _write(
    books: Books,
    settings: Settings,
    incoming: Incoming,
    names: dict[str, str],
    now: dt.datetime,
    outcome: Outcome,
) -> None:
    known = books.get(names[incoming.guid])
    party = _party(books, incoming)
    basis = names.get(incoming.basis, incoming.basis) if incoming.basis else known.basis if known else None
    document = _entered(books, settings, incoming, known, party, now)
    document.basis = basis
    if known is not None and document != known and books.in_use(known):
        # the link to a basis is taken even so: a prepaid invoice gets its order later
        document = copy.deepcopy(known)
        document.basis = basis
        outcome.skipped.append(incoming.number)
    else:
        (outcome.created if known is None else outcome.same if document == known else outcome.updated).append(
            incoming.number
        )
    if document != known:
        document.version = (known.version if known else 0) + 1
        books.put(document)
        if known is None and (parent := books.get(basis)) is not None:
            books.touch(parent)
    books.changed.add(document.guid)
    outcome.loaded.append(document.guid)


def _party(books: Books, incoming: Incoming) -> Party:
    told = incoming.party or Party("", "")
    return books.party(told.guid) or find_or_create_party(books, told, keep_guid=True)[0]


def _entered(
    books: Books,
    settings: Settings,
    incoming: Incoming,
    known: Document | None,
    party: Party,
    now: dt.datetime,
) -> Document:
    values = incoming.requisites
    document = (
        copy.deepcopy(known)
        if known
        else Document(
            incoming.guid,
            incoming.kind,
            incoming.number,
            books.new_number(incoming.kind, incoming.date.year),
            incoming.date,
            now,
            origin="contract",
            organisation=settings.organisation,
        )
    )
    for line in incoming.lines:
        line.product = find_or_create_product(books, line, keep_guid=True, by_article=True)
    fill(document, incoming, amount=incoming.amount or Decimal(0))
    document.party, document.contract = (
        party.guid,
        _contract(books, party, values, books.get(document.basis or incoming.basis)),
    )
    document.organisation = values.get("Организация") or document.organisation
    document.manager = values.get("Менеджер") or document.manager
    document.status = values.get("Статус заказа") or document.status
    document.comment, document.deleted = incoming.comment, incoming.deleted
    document.cancelled = xml.boolean(values.get("Отменен"))
    document.posted = xml.boolean(values.get("Проведен")) and not document.deleted
    document.requisites = {name: value for name, value in values.items() if value}
    return document


def _contract(books: Books, party: Party, values: dict[str, str], basis: Document | None) -> str | None:
    number = values.get("Номер договора")
    if not number:
        return basis.contract if basis else None
    date = values.get("Дата договора")
    found: Contract = books.contract(party, number, dt.date.fromisoformat(date) if date else None)
    return found.guid


# ---- parties.xml ----
def load_parties(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Контрагенты by Ид, else ИНН, else exact Наименование; known ones are rewritten, also over people's edits."""
    outcome = Outcome()
    for element in xml.children(xml.child(open_extended(path), "Контрагенты"), "Контрагент"):
        told = read_party(element, _CONTACTS)
        if not told.name:
            raise Refusal(f"контрагент {told.guid or 'без Ид'}: нет Наименования")
        told.accounts = read_accounts(element)
        told.okpo = xml.text(element, "ОКПО") or xml.text(element, "КодПоОКПО")
        told.deleted = xml.boolean(xml.text(element, "ПометкаУдаления"))
        told.city = _city(element)
        told.folder, told.code = _place(element)
        told.contacts = {
            xml.text(item, "Ид") or xml.text(item, "Контрагент", "Ид") or "": xml.text(item, "Наименование")
            or xml.text(item, "Контрагент", "Наименование")
            or ""
            for item in xml.children(xml.child(element, "Представители"), "Представитель")
        }
        _write_party(books, told, outcome)
    return outcome


def _city(element: xml.Element) -> str | None:
    for box in ("Адрес", "ЮридическийАдрес", "АдресРегистрации"):
        for part in xml.children(xml.child(element, box), "АдресноеПоле"):
            if xml.text(part, "Тип") in ("Город", "Населенный пункт"):
                return xml.text(part, "Значение")
    return None


def _place(element: xml.Element) -> tuple[str | None, str | None]:
    """Folder path and code out of Комментарий «Папка: А/Б; Код: 1; Комментарий: …», semicolons inside them doubled."""
    parts = [
        part.partition(": ")
        for part in (xml.text(element, "Комментарий") or "").replace(";;", "\0").split("; ")
    ]
    values: dict[str, str] = {}
    for name, _, value in parts:
        if name == "Комментарий":
            break
        values[name] = value.replace("\0", ";")
    return values.get("Папка") or None, values.get("Код") or None


def _write_party(books: Books, told: Party, outcome: Outcome) -> None:
    known = books.party(told.guid) or books.find_party(inn=told.inn, name=told.name, kpp=told.kpp)
    if known is None:
        party, _ = find_or_create_party(books, told, keep_guid=True)
        outcome.created.append(party.name)
    else:
        party = copy.deepcopy(known)
        for name in vars(told).keys() - {"guid", "version", "kind"}:
            if (value := getattr(told, name)) or name == "deleted":
                setattr(party, name, value)
        changed = party != known
        party.version += changed
        (outcome.updated if changed else outcome.same).append(party.name)
        books.put(party)
    outcome.loaded.append(party.guid)
    books.changed.add(party.guid)


# ---- catalog.xml ----
def load_catalog(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Товары of a Каталог and their prices; price types are told apart by name («закуп…» is the purchasing price)."""
    top, outcome = open_extended(path), Outcome()
    groups = _groups(xml.child(top, "Классификатор", "Группы"), "")
    for element in xml.children(xml.child(top, "Каталог", "Товары"), "Товар"):
        _write_product(books, _product(element, groups), outcome)
    offers = xml.child(top, "ПакетПредложений")
    types = {
        xml.text(item, "Ид"): xml.text(item, "Наименование") or ""
        for box in (offers, xml.child(top, "Классификатор"))
        for item in xml.children(xml.child(box, "ТипыЦен"), "ТипЦены")
    }
    for offer in xml.children(xml.child(offers, "Предложения"), "Предложение"):
        _write_prices(books, offer, types)
    return outcome


def _groups(level: xml.Element | None, above: str) -> dict[str | None, str]:
    found: dict[str | None, str] = {}
    for group in xml.children(level, "Группа"):
        path = f"{above}/{xml.text(group, 'Наименование')}".strip("/")
        found |= {xml.text(group, "Ид"): path} | _groups(xml.child(group, "Группы"), path)
    return found


def _product(element: xml.Element, groups: dict[str | None, str]) -> Product:
    told = Product(
        _item_guid(element) or "",
        xml.text(element, "Наименование") or "",
        xml.text(element, "Артикул"),
        vat=vat_rate(xml.text(element, "СтавкиНалогов", "СтавкаНалога", "Ставка")),
        group=groups.get(xml.text(element, "Группы", "Ид")),
        service=is_service(element),
    )
    if not told.name:
        raise Refusal(f"товар {told.guid or 'без Ид'}: нет Наименования")
    base = xml.text(element, "БазоваяЕдиница") or "шт"
    # in 3.x the element refers to the unit by its code; the base shows its own name of the unit
    told.unit, told.unit_code = (
        ("шт", base.strip()) if base.strip().isdigit() else (base, (_code(element) or "796").strip())
    )
    told.deleted = xml.boolean(xml.text(element, "ПометкаУдаления")) or element.get("Статус") == "Удален"
    return told


def _write_product(books: Books, told: Product, outcome: Outcome) -> None:
    known = books.find_product(guid=told.guid, name=told.name, article=told.article)
    product = copy.deepcopy(known) if known else told
    if known is None:
        product.guid = told.guid or books.new_guid("product")
    else:
        for name in ("name", "article", "unit", "unit_code", "vat", "group", "service", "deleted"):
            setattr(
                product,
                name,
                getattr(told, name)
                or (getattr(known, name) if name in ("article", "group") else getattr(told, name)),
            )
        product.version += product != known
    (outcome.created if known is None else outcome.same if product == known else outcome.updated).append(
        product.name
    )
    books.put(product)
    outcome.loaded.append(product.guid)


def _write_prices(books: Books, offer: xml.Element, types: dict[str | None, str]) -> None:
    product = books.find_product(guid=_item_guid(offer), name=xml.text(offer, "Наименование") or "")
    if product is None:
        raise Refusal(f"предложение {xml.text(offer, 'Ид')}: такой номенклатуры нет")
    for item in xml.children(xml.child(offer, "Цены"), "Цена"):
        price = xml.number(xml.text(item, "ЦенаЗаЕдиницу"), f"цена «{product.name}»")
        if "закуп" in types.get(xml.text(item, "ИдТипаЦены"), "").lower():
            product.purchase = price
        else:
            product.price = price
    books.put(product)
