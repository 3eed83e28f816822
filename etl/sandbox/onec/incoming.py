"""One document of a file for 1C as the loaders see it, and the elements all loaders read alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.records import Account, Document, Line, Party, Product, money

EXEMPT = ("без ндс", "без налога", "безндс")


@dataclass(frozen=True)
class Settings:
    """What is set up in the base: its currencies by catalogue name, its VAT rates, our organisation, the node's server name."""

    dialect: str
    organisation: str
    currencies: tuple[str, ...] = ("руб", "USD", "EUR")
    vat_rates: frozenset[str] = frozenset()
    server: str = "bitrix24"
    changes_only: bool = True
    match_key: bool = False


@dataclass
class Outcome:
    """What became of one file: numbers of documents and records by fate, and lines for the log."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Incoming:
    """A document of the file, checked by its loader and not yet written into the books."""

    number: str
    date: dt.date
    party: Party | None
    guid: str = ""
    kind: str = "order"
    time: str = "00:00:00"
    currency: str = "руб"
    rate: str = "1"
    amount: Decimal | None = None
    basis: str | None = None
    role: str = "Покупатель"
    comment: str = ""
    vat_included: bool = False
    vat: str | None = None
    lines: list[Line] = field(default_factory=list)
    requisites: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    payments: list[tuple[str, Decimal, dt.date]] = field(default_factory=list)

    @property
    def where(self) -> str:
        """How the log names the document."""
        return f"документ № {self.number}"

    @property
    def total(self) -> Decimal:
        """Sum of the rows, VAT on top when it is not included: what 1C computes itself (onec, fact 10)."""
        return sum(
            (line.amount + (0 if self.vat_included else line.vat_amount) for line in self.lines), Decimal(0)
        )


def read_party(element: xml.Element, kinds: Mapping[str, Callable[[Party, str], None]]) -> Party:
    """A Контрагент. `kinds` maps a contact type (blanks removed) to where it goes: each configuration knows its own."""
    official, personal = xml.text(element, "ОфициальноеНаименование"), xml.text(element, "ПолноеНаименование")
    inn = xml.text(element, "ИНН")
    kind = (
        "legal"
        if official
        else "sole_trader"
        if inn and len(inn) == 12 and (personal or "").startswith("ИП ")
        else "person"
    )
    address = xml.text(element, "ЮридическийАдрес", "Представление") or xml.text(
        element, "АдресРегистрации", "Представление"
    )
    party = Party(
        xml.guid(xml.text(element, "Ид")) or "",
        xml.text(element, "Наименование") or "",
        kind,
        official or personal,
        inn,
        xml.text(element, "КПП"),
        legal_address=address,
        actual_address=xml.text(element, "Адрес", "Представление"),
    )
    for contact in xml.children(xml.child(element, "Контакты"), "Контакт"):
        value, sort = xml.text(contact, "Значение"), (xml.text(contact, "Тип") or "").replace(" ", "").lower()
        if value and sort in kinds:
            kinds[sort](party, value)
    return party


def read_accounts(element: xml.Element) -> list[Account]:
    """РасчетныеСчета of a Контрагент."""
    return [
        Account(
            xml.text(item, "НомерСчета") or "",
            xml.text(item, "Банк", "Наименование"),
            xml.text(item, "Банк", "БИК"),
            xml.text(item, "Банк", "СчетКорреспондентский"),
        )
        for item in xml.children(xml.child(element, "РасчетныеСчета"), "РасчетныйСчет")
    ]


def phone(party: Party, value: str) -> None:
    """Where a phone goes."""
    party.phones.append(value)


def mail(party: Party, value: str) -> None:
    """Where an e-mail goes."""
    party.emails.append(value)


def vat_rate(value: str | None) -> str | None:
    """Text of a rate without the percent sign; None for «Без НДС» and for absence."""
    found = (value or "").replace("%", "").strip()
    return None if not found or found.lower() in EXEMPT else found.removesuffix(".00").removesuffix(".0")


def vat_of(amount: Decimal, rate: str | None, *, included: bool) -> Decimal:
    """VAT inside an amount, or on top of it; rates are «22» or «20/120»."""
    if rate is None:
        return Decimal(0)
    percent, _, whole = rate.partition("/")
    part = Decimal(percent)
    if whole or included:
        return money(amount * part / (Decimal(whole) if whole else 100 + part))
    return money(amount * part / 100)


def is_service(element: xml.Element) -> bool:
    """By the requisites ТипНоменклатуры, else ВидНоменклатуры."""
    values = xml.requisites(element)
    return (values.get("ТипНоменклатуры") or values.get("ВидНоменклатуры") or "").lower().startswith("услуг")


def find_or_create_product(books: Books, line: Line, *, keep_guid: bool, by_article: bool) -> str:
    """Reference of the item of a row; a missing one is created, with our reference where the configuration does so."""
    known = books.find_product(
        guid=line.product, name=line.name, article=line.article if by_article else None
    )
    if known is None:
        own = line.product if keep_guid and line.product else books.new_guid("product")
        known = Product(
            own, line.name, line.article, line.unit, line.unit_code, line.vat, service=line.service
        )
        books.put(known)
    return known.guid


def find_or_create_party(books: Books, party: Party, *, keep_guid: bool) -> tuple[Party, bool]:
    """The counterparty of a document by ИНН when it is given, else by exact Наименование, and whether it is new."""
    known = books.find_party(inn=party.inn, name=party.name, kpp=party.kpp)
    if known is not None:
        return known, False
    if not (keep_guid and party.guid and books.party(party.guid) is None):
        party.guid = books.new_guid("party")
    party.code = party.code or f"{books.count('party.code'):09d}"
    books.put(party)
    return party, True


def fill(document: Document, incoming: Incoming, *, amount: Decimal) -> None:
    """Header and rows of a document from the file."""
    document.date, document.time, document.currency, document.rate = (
        incoming.date,
        incoming.time,
        incoming.currency,
        incoming.rate,
    )
    document.vat_included, document.lines, document.amount = incoming.vat_included, incoming.lines, amount
    document.role = incoming.role
