"""What a 1C base holds: counterparties, contracts, items, documents. Money and quantities are Decimal.

`guid` is the reference of 1C (the `Ид` it prints). `number` of a document is the number both sides match on,
`number_1c` what 1C's own numbering gave it. `basis` is the guid of the document it was entered upon. `origin`
is site (stock exchange), contract (the customer's handler), sheet (a loaded spreadsheet) or 1c (born in the
base).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
KOPECK = Decimal("0.01")

#: kind -> ХозОперация (commerceml §3.2). An act and a closing are «Прочие» with a «ВидДокумента».
OPERATIONS: dict[str, str] = {
    "order": "Заказ товара",
    "invoice": "Счет на оплату",
    "payment": "Выплата безналичных денег",
    "refund": "Возврат безналичных денег",
    "shipment": "Отпуск товара",
    "return": "Возврат товара",
    "act": "Прочие",
    "closing": "Прочие",
}
KIND_WORDS: dict[str, str] = {"act": "Акт выполненных работ", "closing": "Закрытие заказа"}
#: kinds that move money or goods: a document they refer to is in use
MOVING = frozenset({"payment", "refund", "shipment", "return", "closing"})
PREFIXES: dict[str, str] = {
    "order": "ЗК",
    "invoice": "СЧ",
    "payment": "ПП",
    "refund": "ВД",
    "shipment": "РТ",
    "return": "ВТ",
    "act": "АК",
    "closing": "ЗЗ",
}


def money(value: Decimal) -> Decimal:
    """Round to kopecks, halves up."""
    return value.quantize(KOPECK, ROUND_HALF_UP)


@dataclass
class Line:
    """A row of a document; `amount` is its sum.

    `vat` is a rate as 1C prints it («22», «20/120») or None = «Без НДС».
    """

    name: str
    quantity: Decimal = Decimal(1)
    price: Decimal = ZERO
    amount: Decimal = ZERO
    product: str | None = None
    article: str | None = None
    unit: str = "шт"
    unit_code: str = "796"
    factor: Decimal = Decimal(1)
    vat: str | None = None
    vat_amount: Decimal = ZERO
    service: bool = False


@dataclass
class Document:
    """A document of any kind; `amount` is its total with VAT in `currency`.

    `version` grows with every change.
    """

    guid: str
    kind: str
    number: str
    number_1c: str
    date: dt.date
    moment: dt.datetime
    amount: Decimal = ZERO
    currency: str = "руб"
    rate: str = "1"
    basis: str | None = None
    party: str | None = None
    role: str = "Покупатель"
    contract: str | None = None
    organisation: str | None = None
    manager: str | None = None
    time: str = "00:00:00"
    comment: str = ""
    vat_included: bool = True
    posted: bool = True
    deleted: bool = False
    cancelled: bool = False
    approved: bool = True
    status: str | None = None
    origin: str = "1c"
    version: int = 1
    requisites: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether the document takes part in totals: posted, neither marked for deletion nor cancelled."""
        return self.posted and not self.deleted and not self.cancelled

    def worth(self, other: Document) -> Decimal:
        """Its sum in the currency of another document, by the rates that both name."""
        if self.currency == other.currency:
            return self.amount
        return money(self.amount * Decimal(self.rate) / Decimal(other.rate))

    @property
    def shares(self) -> dict[str, Decimal]:
        """What a payment gives to each of several documents, by their numbers (docs/contract-1c.ru.md)."""
        words = self.requisites.get("Расшифровка платежа", "")
        found = (word.partition(":") for word in words.split(";") if word)
        return {number.strip(): Decimal(amount.strip()) for number, _, amount in found}


@dataclass
class Account:
    """A bank account of a counterparty."""

    number: str
    bank_name: str | None = None
    bik: str | None = None
    corr_account: str | None = None


@dataclass
class Party:
    """A counterparty. `folder` is the path of the groups above it; `kind` is legal, sole_trader or person."""

    guid: str
    name: str
    kind: str = "legal"
    full_name: str | None = None
    inn: str | None = None
    kpp: str | None = None
    okpo: str | None = None
    folder: str | None = None
    code: str | None = None
    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    city: str | None = None
    legal_city: str | None = None
    legal_address: str | None = None
    actual_address: str | None = None
    accounts: list[Account] = field(default_factory=list)
    contacts: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    version: int = 1


@dataclass
class Contract:
    """A contract of a counterparty; contracts differ by (party, number)."""

    guid: str
    party: str
    number: str
    date: dt.date | None = None


@dataclass
class Product:
    """An item. Prices in roubles: `price` is the sale price, `purchase` the purchasing one."""

    guid: str
    name: str
    article: str | None = None
    unit: str = "шт"
    unit_code: str = "796"
    vat: str | None = None
    group: str | None = None
    service: bool = False
    price: Decimal | None = None
    purchase: Decimal | None = None
    deleted: bool = False
    version: int = 1


@dataclass(frozen=True)
class Debt:
    """What one counterparty owes by one contract; `contract` is its number."""

    party: str
    contract: str
    charged: Decimal
    paid: Decimal

    @property
    def amount(self) -> Decimal:
        """Charged less paid; negative is an advance."""
        return self.charged - self.paid
