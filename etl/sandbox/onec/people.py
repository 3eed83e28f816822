"""What people do in a 1C base: pay, ship, close, edit, cancel, mark for deletion, create.

Pure work on the books.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from etl.errors import Rejected
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.incoming import vat_of
from etl.sandbox.onec.records import ZERO, Document, Line, Party, Product, money

#: attributes of a row that are numbers
_NUMBERS = {"quantity", "price", "amount", "vat_amount", "factor"}
_QUANTITY_STEP = Decimal("0.001")


def named(books: Books, number: str, *kinds: str) -> Document:
    """The latest document with this number (ours or 1C's) of the first kind that has one.

    Rejected when none has.
    """
    for kind in kinds:
        found = books.numbered(kind, number)
        if found:
            return found[-1]
    raise Rejected(f"В базе 1С нет документа № {number}.", "Проверьте номер.")


def based(
    books: Books,
    basis: Document,
    kind: str,
    amount: Decimal,
    on: dt.date,
    now: dt.datetime,
    lines: list[Line],
) -> Document:
    """A new posted document upon another; its basis is registered for export."""
    document = _document(books, kind, on, dt.datetime.combine(on, now.time()), money(amount), lines)
    document.currency = basis.currency
    document.rate = basis.rate
    document.basis = basis.guid
    document.party = basis.party
    document.role = basis.role
    document.contract = basis.contract
    document.organisation = basis.organisation
    document.manager = basis.manager
    document.vat_included = basis.vat_included
    basis.approved = True
    books.put(document)
    books.touch(basis)
    return document


def _document(
    books: Books, kind: str, on: dt.date, moment: dt.datetime, amount: Decimal, lines: list[Line]
) -> Document:
    """A document with 1C's own number on both sides."""
    number = books.new_number(kind, on.year)
    guid = books.new_guid("document")
    return Document(guid, kind, number, number, on, moment, amount, lines=lines)


def lines_from(books: Books, given: Iterable[Line | dict[str, Any]], *, included: bool = True) -> list[Line]:
    """Rows from Line or plain dicts (`name`, `quantity`, `price`, `amount`, `vat`, …).

    Sums and VAT that are not given are computed, items that are not known are created.
    """
    return [_complete(books, _line(item), included) for item in given]


def _line(item: Line | dict[str, Any]) -> Line:
    """A row of its own: a Line that was given belongs to whoever gave it."""
    if isinstance(item, Line):
        return copy.copy(item)
    values = dict(item)
    for name in _NUMBERS & values.keys():
        values[name] = Decimal(str(values[name]))
    return Line(**values)


def _complete(books: Books, line: Line, included: bool) -> Line:
    """The row with its sum, price, VAT and item."""
    if not line.amount:
        line.amount = money(line.price * line.quantity)
    if not line.price and line.quantity:
        line.price = money(line.amount / line.quantity)  # 1C keeps two digits of a price
    if not line.vat_amount:
        line.vat_amount = vat_of(line.amount, line.vat, included=included)
    if line.product is None:
        line.product = _product(books, line).guid
    return line


def _product(books: Books, line: Line) -> Product:
    """The item of a row, as a person chooses it: by Артикул, else by name; entered when there is none."""
    known = books.find_product(guid=None, name=line.name, article=line.article)
    if known is not None:
        return known
    return new_product(books, line.name, vat=line.vat, service=line.service, unit=line.unit)


def total(lines: Iterable[Line], *, included: bool) -> Decimal:
    """Sum of a document by its rows, VAT on top when it is not included."""
    whole = ZERO
    for line in lines:
        whole += line.amount if included else line.amount + line.vat_amount
    return whole


def share(basis: Document, amount: Decimal) -> list[Line]:
    """Rows of a shipment of part of the sum.

    The rows of the basis, quantities in proportion, the last row takes the rest.
    """
    if not basis.lines or not basis.amount:
        return []
    lines = []
    left = amount
    for source in basis.lines[:-1]:
        part = money(source.amount * amount / basis.amount)
        lines.append(_part(basis, source, part))
        left -= part
    lines.append(_part(basis, basis.lines[-1], left))
    return lines


def _part(basis: Document, source: Line, amount: Decimal) -> Line:
    """A row of the basis with this much of its sum."""
    line = copy.copy(source)
    line.amount = amount
    if source.amount:
        line.quantity = (source.quantity * amount / source.amount).quantize(_QUANTITY_STEP)
    line.vat_amount = vat_of(amount, line.vat, included=basis.vat_included)
    return line


def edit(books: Books, document: Document, changes: dict[str, Any]) -> None:
    """Set attributes of a document.

    `lines` replaces the composition and, unless `amount` is given, the sum.
    """
    if "lines" in changes:
        included = document.vat_included
        document.lines = lines_from(books, changes.pop("lines"), included=included)
        document.amount = total(document.lines, included=included)
    _assign(document, changes)
    books.touch(document)


def edit_record(books: Books, record: Party | Product, changes: dict[str, Any]) -> None:
    """Set attributes of a counterparty or an item."""
    _assign(record, changes)
    record.version += 1
    books.put(record)


def _assign(record: Document | Party | Product, changes: dict[str, Any]) -> None:
    """Set these attributes. Raises TypeError for one the record does not have."""
    known = {item.name for item in dataclasses.fields(record)}
    unknown = sorted(changes.keys() - known)
    if unknown:
        raise TypeError(f"нет таких реквизитов: {', '.join(unknown)}")
    for name, value in changes.items():
        setattr(record, name, value)


def new_document(
    books: Books,
    kind: str,
    party: Party,
    given: Iterable[Line | dict[str, Any]],
    on: dt.date,
    now: dt.datetime,
    values: dict[str, Any],
) -> Document:
    """An order or an act born in 1C, with 1C's own number on both sides.

    `values` are other attributes of it.
    """
    included = values.get("vat_included", True)
    lines = lines_from(books, given, included=included)
    document = _document(books, kind, on, now, total(lines, included=included), lines)
    document.party = party.guid
    document.time = f"{now:%H:%M:%S}"
    _assign(document, values)
    books.put(document)
    return document


def new_party(books: Books, name: str, **values: Any) -> Party:
    """A counterparty born in 1C."""
    party = Party(books.new_guid("party"), name, **values)
    books.give_code(party)
    books.put(party)
    return party


def new_product(books: Books, name: str, **values: Any) -> Product:
    """An item born in 1C."""
    product = Product(books.new_guid("product"), name, **values)
    books.put(product)
    return product
