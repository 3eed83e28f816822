"""The records of the canonical tables: what a row of each table holds. The one declaration: the tables
(`etl.tables.TABLES`) are made of it.

A record is a dict, a table is a pandas frame with the same columns (`etl.tables` leads from one to the
other). Absence is `None` everywhere. Each column says its kind twice at once: to the type checker (a misspelt
column is found by `make check`) and to the checks at run time (`Column`). No `from __future__ import
annotations` here: the annotations are read while the module is imported.
"""

from typing import TypedDict

from etl.columns import (
    Anything,
    ChargeAction,
    Day,
    Direction,
    DocumentKind,
    Fields,
    Flag,
    Integer,
    Key,
    Moment,
    Money,
    Number,
    PartyKind,
    Position,
    ProductKind,
    Severity,
    Side,
    Sum,
    Text,
    Texts,
)


class Origin(TypedDict, total=False):
    """Where a record came from, so that an Issue can name the place."""

    file: Text
    place: Text


class Party(Origin, total=False):
    """A counterparty or an organisation of ours. `document` and `role` are set where it stands inside a
    document; absent = the directory itself.
    """

    id: Key
    document: Text
    role: Text
    kind: PartyKind
    name: Text
    full_name: Text
    inn: Text
    kpp: Text
    ogrn: Text
    okpo: Text
    folder_path: Text
    code: Text
    phones: Texts
    emails: Texts
    city: Text
    legal_city: Text
    legal_address: Text
    actual_address: Text
    version: Text
    deleted: Flag
    extra: Fields


class Account(Origin, total=False):
    """A bank account of a party."""

    party: Key
    number: Key
    bank_name: Text
    bik: Text
    corr_account: Text
    currency: Text


class Contact(Origin, total=False):
    """A person of a party."""

    id: Key
    party: Text
    last_name: Text
    first_name: Text
    middle_name: Text
    name: Text
    phones: Texts
    emails: Texts
    city: Text


class Product(Origin, total=False):
    """Goods or a service. `vat_rate` in per cent; «без НДС» is `vat_exempt`, never the rate 0."""

    id: Key
    name: Text
    article: Text
    barcode: Text
    unit_code: Text
    unit: Text
    vat_rate: Number
    vat_exempt: Flag
    group_path: Text
    kind: ProductKind
    version: Text
    deleted: Flag
    extra: Fields


class PriceType(Origin, total=False):
    """A price list by name: its currency, whether it is what we pay (`purchasing`)."""

    id: Key
    name: Text
    currency: Text
    purchasing: Flag
    vat_included: Flag


class Price(Origin, total=False):
    """The price of one unit of a product in one price list."""

    product: Key
    price_type: Key
    price: Money
    currency: Text
    unit: Text
    purchasing: Flag


class Stock(Origin, total=False):
    """How much of a product lies in a warehouse."""

    product: Key
    warehouse: Text
    quantity: Number


class Document(Origin, total=False):
    """A document of one side. `id` is Ид or, where absent or zero, kind + number + year; `number` is the
    number both sides match on, `number_1c` what 1C printed; `party` and `organisation` point into `parties`
    of the same source. Facts (`paid…`, `shipped…`, `closed`) are as the dialect tells them; amounts stand
    only where 1C gives them.
    """

    id: Key
    kind: DocumentKind
    number: Text
    number_1c: Text
    date: Day
    date_1c: Day
    time: Text
    basis: Text
    basis_number: Text
    party: Text
    organisation: Text
    manager: Text
    amount: Money
    currency: Text
    rate: Number
    vat_included: Flag
    vat_amount: Money
    posted: Flag
    deleted: Flag
    cancelled: Flag
    status: Text
    comment: Text
    paid: Flag
    paid_number: Text
    paid_on: Day
    paid_amount: Money
    shipped: Flag
    shipped_number: Text
    shipped_on: Day
    shipped_amount: Money
    closed: Flag
    version: Text
    deal: Text
    requisites: Fields


class Line(Origin, total=False):
    """A row of a document. `price` and `amount` in the currency of the document, `discount` of the whole
    row.
    """

    document: Key
    position: Position
    product: Text
    name: Text
    article: Text
    kind: ProductKind
    quantity: Number
    unit: Text
    unit_code: Text
    price: Money
    discount: Money
    vat_rate: Number
    vat_exempt: Flag
    vat_amount: Money
    vat_included: Flag
    amount: Money
    requisites: Fields


class Deal(Origin, total=False):
    """A deal of the portal with the fields that the profile names."""

    id: Key
    title: Text
    category: Text
    stage: Text
    amount: Money
    currency: Text
    party: Text
    contact: Text
    manager: Text
    manager_name: Text
    organisation: Text
    originator: Text
    origin: Text
    contract_number: Text
    contract_date: Day
    payer: Text
    payer_inn: Text
    address: Text
    terminated_on: Day
    monthly_fee: Money
    commission: Money
    lead_source: Text
    closed: Flag
    modified: Moment
    fields: Fields


class Receipt(Origin, total=False):
    """Money that a bank statement tells of, in the currency of the account. `copy`: the how-manieth of the
    equal documents of its file it is.
    """

    account: Key
    number: Text
    date: Day
    amount: Sum
    payer_inn: Text
    payer_kpp: Text
    payer_name: Text
    payer_account: Text
    purpose: Text
    direction: Direction
    booked_on: Day
    copy: Integer
    hash: Text


class Charge(TypedDict, total=False):
    """The fee of one contract for one month (specification 000): one per portal, deal, month and kind,
    `version` by version. `number` is its key towards 1C; amounts in roubles with VAT.
    """

    deal: Key
    month: Key
    kind: Key
    version: Position
    number: Key
    payer: Key
    payer_key: Key
    payer_inn: Text
    address: Text
    contract_number: Text
    contract_date: Day
    amount: Sum
    vat_rate: Number
    vat_exempt: Flag
    vat_amount: Money
    date: Day
    terminated_on: Day
    manager: Text
    manager_name: Text
    organisation: Text
    service: Text
    note: Text
    action: ChargeAction
    delta: Money


class NotBilled(TypedDict, total=False):
    """A deal under contract that the month left out, with the reason and what to do."""

    deal: Key
    title: Text
    stage: Text
    payer: Text
    contract_number: Text
    amount: Money
    manager_name: Text
    reason: Key
    advice: Text


class Accrual(TypedDict, total=False):
    """Half of a manager's commission, or its reversal (negative). `part`: first, second, reversal-first,
    reversal-second; roubles.
    """

    deal: Key
    part: Key
    number: Key
    date: Day
    manager: Text
    manager_name: Text
    organisation: Text
    agreed: Sum
    amount: Sum
    contract_number: Text
    contract_date: Day
    payer: Text
    paid_on: Day
    paid_amount: Money
    basis: Text
    service: Text


class Payment(Origin, total=False):
    """What one source says was paid for one document (`target` = its number towards 1C), in the currency
    of that document; refunds are negative.
    """

    source: Key
    id: Key
    target: Key
    date: Day
    amount: Money
    number: Text
    party: Text


class Change(TypedDict, total=False):
    """One intended write to one side."""

    seq: Integer
    side: Side
    entity: Text
    key: Text
    action: Text
    field: Text
    before: Anything
    after: Anything
    reason: Text
    run: Text


class Issue(TypedDict, total=False):
    """A rejected or doubtful record. `message` is Russian and ends with what to do."""

    seq: Integer
    severity: Severity
    file: Text
    place: Text
    entity: Text
    key: Text
    field: Text
    value: Text
    message: Key
