"""The handler reads to_1c/documents.xml: every document is checked, the file fails with all faults found.

Strict on purpose: a document that contradicts itself, its rows or its basis is a fault of whoever wrote it.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.contract.entering import enter, known_document
from etl.sandbox.onec.contract.opening import CONTACTS, opened
from etl.sandbox.onec.incoming import (
    Incoming,
    Outcome,
    Settings,
    base_unit_code,
    is_service,
    item_guid,
    read_party,
    told_rate,
    unit_name,
    vat_of,
    vat_rate,
)
from etl.sandbox.onec.records import KIND_WORDS, KOPECK, OPERATIONS, ZERO, Line
from etl.sandbox.onec.xml import Refusal

NUMBER_LENGTH = 11
OTHER = "Прочие"
#: ХозОперация -> kind; an act and a closing are told apart by ВидДокумента
_KINDS = {operation: kind for kind, operation in OPERATIONS.items() if operation != OTHER} | {
    "Выплата наличных денег": "payment",
    "Эквайринговая операция": "payment",
    "Возврат наличных денег": "refund",
}
_WORDS = {word: kind for kind, word in KIND_WORDS.items()}


def load_documents(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """All containers of the file, or Refusal with every fault."""
    top = opened(path)
    outcome = Outcome()
    faults: list[str] = []
    if xml.child(top, "Документ") is not None:
        faults.append("документ стоит вне контейнера")
    found = _read(top, settings, outcome, faults)
    names = _references(books, found, faults)
    if faults:
        raise Refusal("; ".join(faults))
    for incoming in _basis_first(found):
        enter(books, settings, incoming, names, now, outcome)
    return outcome


def _read(top: xml.Element, settings: Settings, outcome: Outcome, faults: list[str]) -> list[Incoming]:
    """The documents that are sound; what is wrong with the others is added to `faults`."""
    found = []
    for container in xml.children(top, "Контейнер"):
        for element in xml.children(container, "Документ"):
            try:
                found.append(_document(element, settings, outcome))
            except Refusal as fault:
                faults.append(str(fault))
    return found


def _document(element: xml.Element, settings: Settings, outcome: Outcome) -> Incoming:
    """One document.

    Raises Refusal with all that is wrong with its header, else with the first fault of its rows.
    """
    number = xml.text(element, "Номер") or ""
    where = f"документ № {number}"
    values = xml.requisites(element)
    kind = _kind(element, values)
    ident = xml.guid(xml.text(element, "Ид"))
    buyer = xml.child(element, "Контрагенты", "Контрагент")
    bad = _header_faults(element, settings, kind)
    if bad or buyer is None or kind is None or ident is None:
        raise Refusal(f"{where}: {', '.join(bad)}")
    deleted = xml.text(element, "ПометкаУдаления")
    found = Incoming(
        number,
        xml.date(xml.text(element, "Дата"), where),
        read_party(buyer, CONTACTS),
        guid=ident,
        kind=kind,
        time=xml.time(xml.text(element, "Время"), where),
        currency=xml.text(element, "Валюта") or "",
        rate=xml.text(element, "Курс") or "1",
        amount=xml.number(xml.text(element, "Сумма"), f"{where}, Сумма"),
        basis=xml.guid(xml.text(element, "Основание")),
        role=xml.text(buyer, "Роль") or "Покупатель",
        comment=xml.text(element, "Комментарий") or "",
        vat_included=xml.boolean(xml.text(element, "Налоги", "Налог", "УчтеноВСумме")),
        deleted=xml.boolean(deleted) or xml.boolean(values.get("ПометкаУдаления")),
        requisites=values,
    )
    for item in xml.inside(element, "Товары", "Товар"):
        found.lines.append(_line(item, found, settings, outcome))
    _check_amount(found)
    return found


def _kind(element: xml.Element, values: dict[str, str]) -> str | None:
    """The kind of document by its operation; None where the contract knows none."""
    operation = xml.text(element, "ХозОперация") or ""
    if operation == OTHER:
        return _WORDS.get(values.get("ВидДокумента", ""))
    return _KINDS.get(operation)


def _header_faults(element: xml.Element, settings: Settings, kind: str | None) -> list[str]:
    """Everything that is wrong with the header of a document, in the words of the exchange log."""
    number = xml.text(element, "Номер") or ""
    ident = xml.text(element, "Ид") or ""
    operation = xml.text(element, "ХозОперация") or ""
    currency = xml.text(element, "Валюта") or ""
    faults = []
    if not number:
        faults.append("нет Номера")
    if len(number) > NUMBER_LENGTH:
        faults.append(f"Номер длиннее 11 знаков: «{number}»")
    if xml.guid(ident) is None:
        faults.append(f"Ид «{ident}» не уникальный идентификатор")
    if kind is None:
        faults.append(f"операция «{operation}» не предусмотрена договором обмена")
    if currency not in settings.currencies:
        faults.append(f"нет валюты «{currency}»")
    elif currency != settings.currencies[0] and (xml.text(element, "Курс") or "1") == "1":
        faults.append(f"валюта «{currency}» без курса")
    if not xml.text(element, "Контрагенты", "Контрагент", "Наименование"):
        faults.append("нет Контрагента с Наименованием")
    return faults


def _check_amount(found: Incoming) -> None:
    """The sum fits the kind of document and its rows; the date of the contract is one. Raises Refusal."""
    amount = found.amount or ZERO
    if found.kind in ("payment", "refund") and amount <= 0:
        raise Refusal(f"{found.where}: сумма {found.amount} должна быть больше нуля")
    if found.kind in ("order", "invoice") and amount < 0:
        raise Refusal(f"{found.where}: отрицательная сумма {found.amount}")
    if found.lines and found.total != found.amount:
        raise Refusal(f"{found.where}: Сумма {found.amount} не равна сумме строк {found.total}")
    date = found.requisites.get("Дата договора")
    if date:
        xml.date(date, f"{found.where}, Дата договора")


def _line(item: xml.Element, document: Incoming, settings: Settings, outcome: Outcome) -> Line:
    """One row. Raises Refusal; a VAT that does not follow from the rate is a warning."""
    name = xml.text(item, "Наименование") or ""
    where = f"{document.where}, {name or 'строка без Наименования'}"
    amount = xml.number(xml.text(item, "Сумма"), f"{where}, Сумма")
    quantity = xml.number(xml.text(item, "Количество"), f"{where}, Количество")
    told_price = xml.text(item, "ЦенаЗаЕдиницу") or xml.text(item, "Цена")
    price = xml.number(told_price, f"{where}, ЦенаЗаЕдиницу")
    told = told_rate(item)
    rate = vat_rate(told)
    if not name or quantity <= 0:
        raise Refusal(f"{where}: нет Наименования или Количество не больше нуля")
    if rate is not None and rate not in settings.vat_rates:
        raise Refusal(f"{where}: ставка НДС «{told}» базе неизвестна")
    code = xml.text(item, "Единица", "Код") or base_unit_code(item) or "796"
    line = Line(
        name,
        quantity=quantity,
        price=price,
        amount=amount,
        product=item_guid(item),
        article=xml.text(item, "Артикул"),
        unit=unit_name(item) or "шт",
        unit_code=code.strip(),
        vat=rate,
        vat_amount=vat_of(amount, rate, included=document.vat_included),
        service=is_service(item),
    )
    _check_vat(item, line, where, outcome)
    return line


def _check_vat(item: xml.Element, line: Line, where: str, outcome: Outcome) -> None:
    """A kopeck of rounding is allowed."""
    told = xml.text(item, "Налоги", "Налог", "Сумма")
    if told is None:
        return
    difference: Decimal = xml.number(told, f"{where}, Налог") - line.vat_amount
    if abs(difference) > KOPECK:
        outcome.warnings.append(f"{where}: НДС {told}, а по ставке выходит {line.vat_amount}")


def _references(books: Books, found: list[Incoming], faults: list[str]) -> dict[str, str]:
    """Ид of the file -> reference in the base; every Основание must lead to one of them or to the base."""
    names: dict[str, str] = {}
    for incoming in found:
        if incoming.guid in names:
            faults.append(f"{incoming.where}: Ид {incoming.guid} повторяется в файле")
        known = known_document(books, incoming)
        if known is not None and known.kind != incoming.kind:
            faults.append(f"{incoming.where}: под этим Ид в базе документ другого вида")
        names[incoming.guid] = known.guid if known else incoming.guid
    for incoming in found:
        _check_basis(books, incoming, names, faults)
    return names


def _check_basis(books: Books, incoming: Incoming, names: dict[str, str], faults: list[str]) -> None:
    """The basis is found by reference, else by number; none and a circle of one are faults."""
    if incoming.basis and not _leads(books, names, incoming.basis):
        _basis_by_number(books, incoming)
        if not _leads(books, names, incoming.basis):
            faults.append(f"{incoming.where}: Основание {incoming.basis} не найдено ни в файле, ни в базе")
    if incoming.basis == incoming.guid:
        faults.append(f"{incoming.where}: документ указан основанием самому себе")


def _leads(books: Books, names: dict[str, str], basis: str) -> bool:
    """Whether the reference leads to a document of the file or of the base."""
    return basis in names or books.get(basis) is not None


def _basis_by_number(books: Books, incoming: Incoming) -> None:
    """A basis that came by the stock exchange has 1C's own reference: НомерДокументаОснования finds it."""
    number = incoming.requisites.get("НомерДокументаОснования", "")
    if not number:
        return
    for kind in ("order", "invoice"):
        numbered = books.numbered(kind, number)
        if numbered:
            incoming.basis = numbered[-1].guid
            return


def _basis_first(found: list[Incoming]) -> list[Incoming]:
    """The documents in such an order that a basis comes before what stands upon it.

    Raises Refusal on a circle.
    """
    here = {incoming.guid: incoming for incoming in found}
    ordered: dict[str, Incoming] = {}

    def place(incoming: Incoming, trail: tuple[str, ...]) -> None:
        if incoming.guid in trail:
            raise Refusal(f"{incoming.where}: Основания образуют круг")
        basis = here.get(incoming.basis or "")
        if basis is not None and basis.guid not in ordered:
            place(basis, (*trail, incoming.guid))
        ordered[incoming.guid] = incoming

    for incoming in found:
        if incoming.guid not in ordered:
            place(incoming, ())
    return list(ordered.values())
