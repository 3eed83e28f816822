"""The handler reads to_1c/parties.xml and to_1c/catalog.xml: known cards are rewritten."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.contract.opening import CONTACTS, opened
from etl.sandbox.onec.incoming import (
    Outcome,
    Settings,
    base_unit_code,
    find_or_create_party,
    is_service,
    item_guid,
    read_accounts,
    read_party,
    vat_rate,
)
from etl.sandbox.onec.records import Party, Product
from etl.sandbox.onec.xml import Refusal

_CITY = ("Город", "Населенный пункт")
#: what a file never changes in a card
_KEPT = ("guid", "version", "kind")
#: what of an item the file tells, and what of it stays where the file is silent
_TOLD = ("name", "article", "unit", "unit_code", "vat", "group", "service", "deleted")
_STAYS = ("article", "group")


def load_parties(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Контрагенты by Ид, else ИНН, else exact Наименование. Raises Refusal for one without a name."""
    outcome = Outcome()
    for element in xml.inside(opened(path), "Контрагенты", "Контрагент"):
        told = _party(element)
        if not told.name:
            raise Refusal(f"контрагент {told.guid or 'без Ид'}: нет Наименования")
        _write_party(books, told, outcome)
    return outcome


def _party(element: xml.Element) -> Party:
    """A card as the file tells it, with accounts, place and contact persons."""
    told = read_party(element, CONTACTS)
    told.accounts = read_accounts(element)
    told.okpo = xml.text(element, "ОКПО") or xml.text(element, "КодПоОКПО")
    told.deleted = xml.boolean(xml.text(element, "ПометкаУдаления"))
    told.city = _city(element, "Адрес")
    told.legal_city = _city(element, "ЮридическийАдрес") or _city(element, "АдресРегистрации")
    told.folder, told.code = _place(xml.text(element, "Комментарий") or "")
    for item in xml.inside(element, "Представители", "Представитель"):
        guid = xml.text(item, "Ид") or xml.text(item, "Контрагент", "Ид") or ""
        name = xml.text(item, "Наименование") or xml.text(item, "Контрагент", "Наименование")
        told.contacts[guid] = name or ""
    return told


def _city(element: xml.Element, box: str) -> str | None:
    """The part of an address that is a town."""
    for part in xml.inside(element, box, "АдресноеПоле"):
        if xml.text(part, "Тип") in _CITY:
            return xml.text(part, "Значение")
    return None


def _place(comment: str) -> tuple[str | None, str | None]:
    """Folder path and code out of «Папка: А/Б; Код: 1; Комментарий: …», semicolons inside them doubled."""
    values: dict[str, str] = {}
    for part in comment.replace(";;", "\0").split("; "):
        name, _, value = part.partition(": ")
        if name == "Комментарий":
            break
        values[name] = value.replace("\0", ";")
    return values.get("Папка") or None, values.get("Код") or None


def _write_party(books: Books, told: Party, outcome: Outcome) -> None:
    """A known card takes what the file tells; what the file leaves out stays, a mark of deletion does not."""
    known = books.party(told.guid) or books.find_party(inn=told.inn, name=told.name, kpp=told.kpp)
    if known is None:
        party, _ = find_or_create_party(books, told, keep_guid=True)
        outcome.created.append(party.name)
    else:
        party = _merged(known, told)
        if party == known:
            outcome.same.append(party.name)
        else:
            party.version += 1
            outcome.updated.append(party.name)
        books.put(party)
    outcome.loaded.append(party.guid)
    books.changed.add(party.guid)


def _merged(known: Party, told: Party) -> Party:
    """The known card with what the file tells."""
    party = copy.deepcopy(known)
    for name, value in vars(told).items():
        if name not in _KEPT and (value or name == "deleted"):
            setattr(party, name, value)
    return party


def load_catalog(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Товары of a Каталог and their prices.

    Price types are told apart by name («закуп…» is the purchasing price).
    """
    top = opened(path)
    outcome = Outcome()
    classifier = xml.child(top, "Классификатор")
    package = xml.child(top, "ПакетПредложений")
    groups = _groups(xml.child(classifier, "Группы"), "")
    for element in xml.inside(xml.child(top, "Каталог"), "Товары", "Товар"):
        _write_product(books, _product(element, groups), outcome)
    types = _price_types(package) | _price_types(classifier)
    for offer in xml.inside(package, "Предложения", "Предложение"):
        _write_prices(books, offer, types)
    return outcome


def _price_types(box: xml.Element | None) -> dict[str | None, str]:
    """Ид of a price type -> its name."""
    items = xml.inside(box, "ТипыЦен", "ТипЦены")
    return {xml.text(item, "Ид"): xml.text(item, "Наименование") or "" for item in items}


def _groups(level: xml.Element | None, above: str) -> dict[str | None, str]:
    """Ид of a group -> its path «А/Б»."""
    found: dict[str | None, str] = {}
    for group in xml.children(level, "Группа"):
        path = f"{above}/{xml.text(group, 'Наименование')}".strip("/")
        found[xml.text(group, "Ид")] = path
        found |= _groups(xml.child(group, "Группы"), path)
    return found


def _product(element: xml.Element, groups: dict[str | None, str]) -> Product:
    """One item. Raises Refusal where it has no name."""
    told = Product(
        item_guid(element) or "",
        xml.text(element, "Наименование") or "",
        xml.text(element, "Артикул"),
        vat=vat_rate(xml.text(element, "СтавкиНалогов", "СтавкаНалога", "Ставка")),
        group=groups.get(xml.text(element, "Группы", "Ид")),
        service=is_service(element),
    )
    if not told.name:
        raise Refusal(f"товар {told.guid or 'без Ид'}: нет Наименования")
    base = xml.text(element, "БазоваяЕдиница") or "шт"
    if base.isdigit():
        # in 3.x the element refers to the unit by its code; the base shows its own name of the unit
        told.unit, told.unit_code = "шт", base
    else:
        told.unit, told.unit_code = base, (base_unit_code(element) or "796").strip()
    gone = xml.boolean(xml.text(element, "ПометкаУдаления"))
    told.deleted = gone or element.get("Статус") == "Удален"
    return told


def _write_product(books: Books, told: Product, outcome: Outcome) -> None:
    """A known item is rewritten, a new one keeps our reference."""
    known = books.find_product(guid=told.guid, name=told.name, article=told.article)
    if known is None:
        product = told
        product.guid = told.guid or books.new_guid("product")
        outcome.created.append(product.name)
    else:
        product = _rewritten(known, told)
        if product == known:
            outcome.same.append(product.name)
        else:
            product.version += 1
            outcome.updated.append(product.name)
    books.put(product)
    outcome.loaded.append(product.guid)


def _rewritten(known: Product, told: Product) -> Product:
    """The item as the file tells it; article and group stay where the file is silent."""
    product = copy.deepcopy(known)
    for name in _TOLD:
        value = getattr(told, name)
        if value or name not in _STAYS:
            setattr(product, name, value)
    return product


def _write_prices(books: Books, offer: xml.Element, types: dict[str | None, str]) -> None:
    """The prices of one offer. Raises Refusal for an item the base does not have."""
    product = books.find_product(guid=item_guid(offer), name=xml.text(offer, "Наименование") or "")
    if product is None:
        raise Refusal(f"предложение {xml.text(offer, 'Ид')}: такой номенклатуры нет")
    for item in xml.inside(offer, "Цены", "Цена"):
        price = xml.number(xml.text(item, "ЦенаЗаЕдиницу"), f"цена «{product.name}»")
        sort = types.get(xml.text(item, "ИдТипаЦены"), "")
        if "закуп" in sort.lower():
            product.purchase = price
        else:
            product.price = price
    books.put(product)
