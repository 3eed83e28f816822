"""What people do in a 1C base: pay, ship, close, edit, cancel, mark for deletion, create. Pure work on the books."""

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


def named(books: Books, number: str, *kinds: str) -> Document:
    """The latest document with this number (ours or 1C's) of the first kind that has one. Rejected when there is none."""
    for kind in kinds:
        if found := books.numbered(kind, number):
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
    number = books.new_number(kind, on.year)
    document = Document(
        books.new_guid("document"),
        kind,
        number,
        number,
        on,
        dt.datetime.combine(on, now.time()),
        money(amount),
        basis.currency,
        basis=basis.guid,
        party=basis.party,
        role=basis.role,
        contract=basis.contract,
        organisation=basis.organisation,
        manager=basis.manager,
        vat_included=basis.vat_included,
        lines=lines,
    )
    basis.approved = True
    books.put(document)
    books.touch(basis)
    return document


def lines_from(books: Books, given: Iterable[Line | dict[str, Any]], *, included: bool = True) -> list[Line]:
    """Rows from Line or plain dicts (`name`, `quantity`, `price`, `amount`, `vat`, …); sums and VAT that are not given are computed."""
    made = []
    for item in given:
        line = (
            copy.copy(item)
            if isinstance(item, Line)
            else Line(**{key: _decimal(key, value) for key, value in item.items()})
        )
        if not line.amount:
            line.amount = money(line.price * line.quantity)
        if not line.price and line.quantity:
            line.price = money(line.amount / line.quantity)  # 1C keeps two digits of a price
        line.vat_amount = line.vat_amount or vat_of(line.amount, line.vat, included=included)
        if line.product is None:
            known = books.find_product(guid=None, name=line.name, article=line.article)
            line.product = (
                known.guid
                if known
                else new_product(books, line.name, vat=line.vat, service=line.service, unit=line.unit).guid
            )
        made.append(line)
    return made


def _decimal(key: str, value: Any) -> Any:
    return Decimal(str(value)) if key in ("quantity", "price", "amount", "vat_amount", "factor") else value


def total(lines: Iterable[Line], *, included: bool) -> Decimal:
    """Sum of a document by its rows."""
    return sum((line.amount + (ZERO if included else line.vat_amount) for line in lines), ZERO)


def share(basis: Document, amount: Decimal) -> list[Line]:
    """Rows of a shipment of part of the sum: the rows of the basis, quantities in proportion, the last row takes the rest."""
    if not basis.lines or not basis.amount:
        return []
    lines, left = [], amount
    for index, source in enumerate(basis.lines):
        line = copy.copy(source)
        last = index == len(basis.lines) - 1
        line.amount = left if last else money(source.amount * amount / basis.amount)
        line.quantity = (
            (source.quantity * line.amount / source.amount).quantize(Decimal("0.001"))
            if source.amount
            else source.quantity
        )
        line.vat_amount = vat_of(line.amount, line.vat, included=basis.vat_included)
        left -= line.amount
        lines.append(line)
    return lines


def edit(books: Books, document: Document, changes: dict[str, Any]) -> None:
    """Set attributes of a document; `lines` replaces the composition and, unless `amount` is given, the sum."""
    if "lines" in changes:
        document.lines = lines_from(books, changes.pop("lines"), included=document.vat_included)
        document.amount = total(document.lines, included=document.vat_included)
    _assign(document, changes)
    books.touch(document)


def edit_record(books: Books, record: Party | Product, changes: dict[str, Any]) -> None:
    """Set attributes of a counterparty or an item."""
    _assign(record, changes)
    record.version += 1
    books.put(record)


def _assign(record: Document | Party | Product, changes: dict[str, Any]) -> None:
    known = {item.name for item in dataclasses.fields(record)}
    if unknown := changes.keys() - known:
        raise TypeError(f"нет таких реквизитов: {', '.join(sorted(unknown))}")
    for name, value in changes.items():
        setattr(record, name, value)


def new_order(
    books: Books,
    party: Party,
    given: Iterable[Line | dict[str, Any]],
    on: dt.date,
    now: dt.datetime,
    *,
    kind: str,
    organisation: str,
    contract: str | None,
    values: dict[str, Any],
) -> Document:
    """An order (or an invoice) born in 1C, with 1C's own number on both sides."""
    number = books.new_number(kind, on.year)
    lines = lines_from(books, given, included=values.get("vat_included", True))
    document = Document(
        books.new_guid("document"),
        kind,
        number,
        number,
        on,
        now,
        total(lines, included=values.get("vat_included", True)),
        party=party.guid,
        organisation=organisation,
        lines=lines,
        time=f"{now:%H:%M:%S}",
        contract=books.contract(party, contract).guid if contract else None,
    )
    _assign(document, values)
    books.put(document)
    return document


def new_party(books: Books, name: str, **values: Any) -> Party:
    """A counterparty born in 1C."""
    party = Party(books.new_guid("party"), name, **values)
    party.code = party.code or f"{books.count('party.code'):09d}"
    books.put(party)
    return party


def new_product(books: Books, name: str, **values: Any) -> Product:
    """An item born in 1C."""
    product = Product(books.new_guid("product"), name, **values)
    books.put(product)
    return product
