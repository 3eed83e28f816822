"""The office: people who work in the 1C base and the questions one may ask it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from etl.sandbox.onec import people
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.incoming import Settings
from etl.sandbox.onec.records import OPERATIONS, Contract, Debt, Document, Line, Party, Product

_START = dt.datetime(2026, 11, 2, 9, 0)
_EVERY = tuple(OPERATIONS)
Rows = Iterable[Line | dict[str, Any]]


class Office:
    """People at work in one base. Numbers are ours or 1C's; an unknown number is Rejected.

    Every call is saved at once.
    """

    def __init__(self, books: Books, settings: Settings, now: Callable[[], dt.datetime] | None) -> None:
        self.books = books
        self.settings = settings
        self._now = now

    def release(self) -> None:
        """Let go of the file of the base."""
        self.books.close()

    def time(self) -> dt.datetime:
        """The clock passed in; without it 2026-11-02 09:00 and a minute more with every session."""
        if self._now is not None:
            return self._now()
        sessions = int(self.books.setting("counter.session", "0"))
        return _START + dt.timedelta(minutes=sessions)

    def pay(
        self, number: str, amount: Decimal, on: dt.date | None = None, *, refund: bool = False
    ) -> Document:
        """Money came for the invoice (else the order) with this number; `refund` = it went back.

        Several payments are several documents.
        """
        with _Work(self) as moment:
            basis = people.named(self.books, number, "invoice", "order")
            kind = "refund" if refund else "payment"
            return people.based(self.books, basis, kind, Decimal(amount), on or moment.date(), moment, [])

    def ship(
        self, number: str, amount: Decimal | None = None, on: dt.date | None = None, lines: Rows | None = None
    ) -> Document:
        """A shipment upon the order: given rows, a part of the sum, or everything not yet shipped."""
        return self._move("shipment", number, amount, on, lines)

    def take_back(
        self, number: str, amount: Decimal | None = None, on: dt.date | None = None, lines: Rows | None = None
    ) -> Document:
        """The customer returns goods of the order: given rows, a part of the sum, or everything shipped."""
        return self._move("return", number, amount, on, lines)

    def _move(
        self, kind: str, number: str, amount: Decimal | None, on: dt.date | None, given: Rows | None
    ) -> Document:
        """A shipment or a return: given rows, a part of the sum, or all that is left to move."""
        with _Work(self) as moment:
            basis = people.named(self.books, number, "order", "invoice")
            included = basis.vat_included
            lines = people.lines_from(self.books, given or (), included=included)
            if amount is None and lines:
                amount = people.total(lines, included=included)
            if amount is None:
                amount = self._left(kind, basis)
            amount = Decimal(amount)
            rows = lines or people.share(basis, amount)
            return people.based(self.books, basis, kind, amount, on or moment.date(), moment, rows)

    def _left(self, kind: str, order: Document) -> Decimal:
        """What is still to ship, or what may come back."""
        shipped = self.books.shipped(order)
        return shipped if kind == "return" else order.amount - shipped

    def close(self, number: str, on: dt.date | None = None) -> Document:
        """«Закрытие заказов покупателей» upon the order; the order itself does not change."""
        with _Work(self) as moment:
            basis = people.named(self.books, number, "order")
            return people.based(self.books, basis, "closing", Decimal(0), on or moment.date(), moment, [])

    def edit_order(self, number: str, **changes: Any) -> Document:
        """A person edits an order: any attribute of Document.

        `lines` takes rows as Line or dicts and recomputes the sum.
        """
        return self._edit(number, ("order",), changes)

    def edit_document(self, number: str, **changes: Any) -> Document:
        """A person edits a document of any kind."""
        return self._edit(number, _EVERY, changes)

    def approve(self, number: str) -> Document:
        """The order leaves «Ожидается согласование»: from now on УТ 11 ignores our changes."""
        return self._edit(number, ("order",), {"approved": True})

    def cancel(self, number: str) -> Document:
        """The order is cancelled. УТ 10.3 and УТ 11 have no such state: it is marked for deletion."""
        if self.settings.dialect in ("ut103", "ut11"):
            return self.delete_mark(number)
        return self._edit(number, ("order", "invoice"), {"cancelled": True})

    def delete_mark(self, number: str) -> Document:
        """The document is marked for deletion and is no longer posted."""
        return self._edit(number, _EVERY, {"deleted": True, "posted": False})

    def confirm_act(self, number: str) -> Document:
        """The accountant accepts an act: posted, requisite «Подтвержден»."""
        act = self.document(number, "act")
        requisites = {**act.requisites, "Подтвержден": "true"}
        return self._edit(number, ("act",), {"posted": True, "requisites": requisites})

    def _edit(self, number: str, kinds: tuple[str, ...], changes: dict[str, Any]) -> Document:
        with _Work(self):
            document = people.named(self.books, number, *kinds)
            people.edit(self.books, document, dict(changes))
            return document

    def new_order(
        self,
        party: Party | str,
        lines: Rows,
        *,
        on: dt.date | None = None,
        contract: str | None = None,
        **values: Any,
    ) -> Document:
        """An order born in 1C. `party` is a counterparty or its exact name (created when absent)."""
        return self._new("order", party, lines, on, contract, values)

    def new_invoice(self, number: str, amount: Decimal | None = None, on: dt.date | None = None) -> Document:
        """An invoice 1C issues upon an order, for its whole sum or a part."""
        with _Work(self) as moment:
            order = people.named(self.books, number, "order")
            billed = order.amount if amount is None else Decimal(amount)
            rows = people.share(order, billed)
            return people.based(self.books, order, "invoice", billed, on or moment.date(), moment, rows)

    def new_act(
        self,
        party: Party | str,
        lines: Rows,
        *,
        on: dt.date | None = None,
        contract: str | None = None,
        **values: Any,
    ) -> Document:
        """An act of completed work born in 1C."""
        return self._new("act", party, lines, on, contract, values)

    def _new(
        self,
        kind: str,
        party: Party | str,
        lines: Rows,
        on: dt.date | None,
        contract: str | None,
        values: dict[str, Any],
    ) -> Document:
        with _Work(self) as moment:
            buyer = self._buyer(party)
            head: dict[str, Any] = {"organisation": self.settings.organisation}
            if contract:
                head["contract"] = self.books.contract(buyer, contract).guid
            day = on or moment.date()
            return people.new_document(self.books, kind, buyer, lines, day, moment, head | values)

    def new_party(self, name: str, **values: Any) -> Party:
        """A counterparty born in 1C: any attribute of Party."""
        with _Work(self):
            return people.new_party(self.books, name, **values)

    def edit_party(self, guid: str, **changes: Any) -> Party:
        """A person edits a counterparty."""
        with _Work(self):
            party: Party = self.books.records["party"][guid]
            people.edit_record(self.books, party, dict(changes))
            return party

    def new_product(self, name: str, **values: Any) -> Product:
        """An item born in 1C: any attribute of Product."""
        with _Work(self):
            return people.new_product(self.books, name, **values)

    def edit_product(self, guid: str, **changes: Any) -> Product:
        """A person edits an item, for example its `price` or `purchase`."""
        with _Work(self):
            product: Product = self.books.records["product"][guid]
            people.edit_record(self.books, product, dict(changes))
            return product

    def _buyer(self, party: Party | str) -> Party:
        if isinstance(party, Party):
            return party
        known = self.books.find_party(inn=None, name=party)
        return known or people.new_party(self.books, party)

    def document(self, number: str, *kinds: str) -> Document:
        """The latest document with this number (ours or 1C's), of any kind or of those given.

        Rejected when there is none.
        """
        self.books.refresh()
        return people.named(self.books, number, *(kinds or _EVERY))

    def documents(self, kind: str) -> list[Document]:
        """Documents of one kind, in the order they were entered."""
        self.books.refresh()
        return self.books.all(kind)

    @property
    def orders(self) -> list[Document]:
        """Orders."""
        return self.documents("order")

    @property
    def invoices(self) -> list[Document]:
        """Invoices."""
        return self.documents("invoice")

    @property
    def payments(self) -> list[Document]:
        """Payments and refunds."""
        return self.documents("payment") + self.documents("refund")

    @property
    def shipments(self) -> list[Document]:
        """Shipments and returns."""
        return self.documents("shipment") + self.documents("return")

    @property
    def acts(self) -> list[Document]:
        """Acts of completed work."""
        return self.documents("act")

    @property
    def parties(self) -> list[Party]:
        """Counterparties."""
        self.books.refresh()
        return list(self.books.records["party"].values())

    def party(self, guid: str | None) -> Party | None:
        """A counterparty by reference, for example `document.party`."""
        self.books.refresh()
        return self.books.party(guid)

    @property
    def contracts(self) -> list[Contract]:
        """Contracts of all counterparties."""
        self.books.refresh()
        return list(self.books.records["contract"].values())

    @property
    def products(self) -> list[Product]:
        """Items."""
        self.books.refresh()
        return list(self.books.records["product"].values())

    def debtors(self) -> list[Debt]:
        """Debt per counterparty (reference) and contract number."""
        self.books.refresh()
        return self.books.debts()

    def debts(self) -> dict[str, Decimal]:
        """Debt per contract number.

        Contracts of several counterparties with one number are added up (see `debtors`).
        """
        found: dict[str, Decimal] = defaultdict(Decimal)
        for debt in self.debtors():
            found[debt.contract] += debt.amount
        return dict(sorted(found.items()))


class _Work:
    """One thing a person does: reads the base anew, saves at the end, forgets on an error."""

    def __init__(self, base: Office) -> None:
        self._base = base

    def __enter__(self) -> dt.datetime:
        self._base.books.refresh()
        return self._base.time()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self._base.books.commit()
        else:
            self._base.books.rollback()
