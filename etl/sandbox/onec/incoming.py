"""One document of a file for 1C as the loaders see it, and the elements all loaders read alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from etl.sandbox.onec import xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.records import ZERO, Account, Document, Line, Party, Product, money


@dataclass(frozen=True)
class Payment:
    """A payment that a document of the file brings along."""

    number: str
    amount: Decimal
    date: dt.date


EXEMPT = ("без ндс", "без налога", "безндс")


@dataclass(frozen=True)
class Settings:
    """What is set up in the base: currencies by catalogue name, VAT rates, our organisation, the server."""

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

    def add(self, other: Outcome) -> None:
        """The fate of one more file; its errors and warnings go to the log too."""
        self.created += other.created
        self.updated += other.updated
        self.same += other.same
        self.skipped += other.skipped
        self.loaded += other.loaded
        self.errors += other.errors
        self.warnings += other.warnings
        self.log += [*other.log, *other.errors, *other.warnings]


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
    payments: list[Payment] = field(default_factory=list)

    @property
    def where(self) -> str:
        """How the log names the document."""
        return f"документ № {self.number}"

    @property
    def total(self) -> Decimal:
        """Sum of the rows, VAT on top when it is not included: what 1C computes itself (onec, fact 10)."""
        amounts = sum((line.amount for line in self.lines), ZERO)
        if self.vat_included:
            return amounts
        return amounts + sum((line.vat_amount for line in self.lines), ZERO)


def read_party(element: xml.Element, kinds: Mapping[str, Callable[[Party, str], None]]) -> Party:
    """A Контрагент.

    `kinds` maps a contact type (blanks removed) to where it goes: each configuration has its own.
    """
    official = xml.text(element, "ОфициальноеНаименование")
    personal = xml.text(element, "ПолноеНаименование")
    inn = xml.text(element, "ИНН")
    registered = xml.text(element, "ЮридическийАдрес", "Представление")
    party = Party(
        guid=xml.guid(xml.text(element, "Ид")) or "",
        name=xml.text(element, "Наименование") or "",
        kind="legal" if official else _kind_of_person(inn, personal or ""),
        full_name=official or personal,
        inn=inn,
        kpp=xml.text(element, "КПП"),
        legal_address=registered or xml.text(element, "АдресРегистрации", "Представление"),
        actual_address=xml.text(element, "Адрес", "Представление"),
    )
    for contact in xml.inside(element, "Контакты", "Контакт"):
        value = xml.text(contact, "Значение")
        sort = (xml.text(contact, "Тип") or "").replace(" ", "").lower()
        if value and sort in kinds:
            kinds[sort](party, value)
    return party


def _kind_of_person(inn: str | None, full_name: str) -> str:
    """A sole trader has twelve digits and is called «ИП …»."""
    if inn and len(inn) == 12 and full_name.startswith("ИП "):
        return "sole_trader"
    return "person"


def read_accounts(element: xml.Element) -> list[Account]:
    """РасчетныеСчета of a Контрагент."""
    return [_account(item) for item in xml.inside(element, "РасчетныеСчета", "РасчетныйСчет")]


def _account(item: xml.Element) -> Account:
    bank = xml.child(item, "Банк")
    return Account(
        number=xml.text(item, "НомерСчета") or "",
        bank_name=xml.text(bank, "Наименование"),
        bik=xml.text(bank, "БИК"),
        corr_account=xml.text(bank, "СчетКорреспондентский"),
    )


def item_guid(item: xml.Element) -> str | None:
    """Reference of the item of a row; what follows `#` is its characteristic."""
    told, _, _ = (xml.text(item, "Ид") or "").partition("#")
    return xml.guid(told)


def unit_name(item: xml.Element) -> str | None:
    """Name of the unit: Единица of 3.x has one inside, of 2.x is one, else БазоваяЕдиница."""
    named = xml.text(item, "Единица", "НаименованиеКраткое") or xml.text(item, "Единица")
    return named or xml.text(item, "БазоваяЕдиница")


def base_unit_code(item: xml.Element) -> str | None:
    """Attribute Код of БазоваяЕдиница as it is written."""
    base = xml.child(item, "БазоваяЕдиница")
    return None if base is None else base.get("Код")


def told_rate(item: xml.Element) -> str | None:
    """VAT rate of a row as it is written: of its tax, else of its item."""
    of_row = xml.text(item, "Налоги", "Налог", "Ставка")
    return of_row or xml.text(item, "СтавкиНалогов", "СтавкаНалога", "Ставка")


def phone(party: Party, value: str) -> None:
    """Where a phone goes."""
    party.phones.append(value)


def mail(party: Party, value: str) -> None:
    """Where an e-mail goes."""
    party.emails.append(value)


def vat_rate(value: str | None) -> str | None:
    """Text of a rate without the percent sign; None for «Без НДС» and for absence."""
    found = (value or "").replace("%", "").strip()
    if not found or found.lower() in EXEMPT:
        return None
    return found.removesuffix(".00").removesuffix(".0")


def vat_of(amount: Decimal, rate: str | None, *, included: bool) -> Decimal:
    """VAT inside an amount, or on top of it; rates are «22» or «20/120» (onec §5)."""
    if rate is None:
        return ZERO
    percent, _, whole = rate.partition("/")
    part = Decimal(percent)
    if whole:
        return money(amount * part / Decimal(whole))
    if included:
        return money(amount * part / (100 + part))
    return money(amount * part / 100)


def is_service(element: xml.Element) -> bool:
    """By the requisites ТипНоменклатуры, else ВидНоменклатуры."""
    values = xml.requisites(element)
    sort = values.get("ТипНоменклатуры") or values.get("ВидНоменклатуры") or ""
    return sort.lower().startswith("услуг")


def find_or_create_product(books: Books, line: Line, *, keep_guid: bool, by_article: bool) -> str:
    """Reference of the item of a row.

    A missing one is created, under our reference where `keep_guid` says so.
    """
    article = line.article if by_article else None
    known = books.find_product(guid=line.product, name=line.name, article=article)
    if known is not None:
        return known.guid
    product = Product(
        guid=line.product if keep_guid and line.product else books.new_guid("product"),
        name=line.name,
        article=line.article,
        unit=line.unit,
        unit_code=line.unit_code,
        vat=line.vat,
        service=line.service,
    )
    books.put(product)
    return product.guid


def find_or_create_party(books: Books, party: Party, *, keep_guid: bool) -> tuple[Party, bool]:
    """The counterparty by ИНН when it is given, else by exact Наименование, and whether it is new.

    commerceml, fact 16: one client under two spellings becomes two.
    """
    known = books.find_party(inn=party.inn, name=party.name, kpp=party.kpp)
    if known is not None:
        return known, False
    ours = keep_guid and party.guid and books.party(party.guid) is None
    if not ours:
        party.guid = books.new_guid("party")
    books.give_code(party)
    books.put(party)
    return party, True


def fill(document: Document, incoming: Incoming, *, amount: Decimal) -> None:
    """Header and rows of a document from the file."""
    document.date = incoming.date
    document.time = incoming.time
    document.currency = incoming.currency
    document.rate = incoming.rate
    document.vat_included = incoming.vat_included
    document.lines = incoming.lines
    document.amount = amount
    document.role = incoming.role
