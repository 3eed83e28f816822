"""Orders and invoices of deals for 1C (specifications 001, 003).

Out are records of the tables `documents`, `lines`, `parties` (with `document`, role «Покупатель») that
load/commerceml writes, in the order of writing: what others are based on stands first. Ids are uuid5 of
portal, kind and number, so the same input is the same document on every try. Sums are in the currency of the
deal, with VAT.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.config.ends import Organisation
from etl.config.profile import Orders
from etl.records import Contact, Deal, Document, Line, Party
from etl.tables import Record, issue, whole
from etl.transform.documents import ONE, present
from etl.transform.orders.invoices import is_prepaid
from etl.transform.orders.prices import currency
from etl.values import clean, keys
from etl.values.money import Measure
from etl.values.organisations import own_organisation, unknown


@dataclass(frozen=True, slots=True)
class Born:
    """An order born in 1C: an edit of its deal goes back under 1C's own Ид, number and date."""

    id: str
    number: str
    date: dt.date | None


@dataclass(frozen=True, slots=True)
class Sources:
    """What the portal told about deals that may go to 1C.

    `parties` without those of documents; `invoices`: smart invoices as documents (id = smart invoice,
    deal, status = its stage); `lines`: `document` = our number (`keys.order`, `keys.invoice`)
    of the deal or smart invoice.
    """

    deals: Sequence[Deal]
    lines: Sequence[Line]
    parties: Sequence[Party]
    contacts: Sequence[Contact]
    invoices: Sequence[Document]


@dataclass(frozen=True, slots=True)
class DealDocuments:
    """Documents of deals with their lines and buyers, and issues for what cannot go."""

    documents: Sequence[Document]
    lines: Sequence[Line]
    parties: Sequence[Party]
    issues: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Made:
    """One document with its rows and its buyer."""

    document: Document
    lines: Sequence[Line]
    party: Party


class _Refused(Exception):
    """A document that cannot go to 1C: `args` is the Russian reason with advice."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """What belongs to deals, by what it is looked up with; `sent` = (kind, id) of what 1C already has."""

    portal: str
    settings: Orders
    organisations: Sequence[Organisation]
    today: dt.date
    dates: Mapping[str, dt.date]
    born: Mapping[str, Born]
    extended: bool
    rates: Mapping[str, Decimal]
    sent: Collection[tuple[str, str]]
    lines: Mapping[str, Sequence[Line]]
    parties: Mapping[str, Party]
    contacts: Mapping[str, Contact]
    invoices: Mapping[str, Sequence[Document]]
    managers: Mapping[str, str]


def deal_documents(
    sources: Sources,
    *,
    portal: str,
    settings: Orders,
    organisations: Sequence[Organisation],
    today: dt.date,
    dates: Mapping[str, dt.date],
    born: Mapping[str, Born],
    extended: bool,
    rates: Mapping[str, Decimal] | None = None,
) -> DealDocuments:
    """Orders of deals in the sending stages and invoices of smart invoices in theirs, linked by basis.

    `dates` = number -> date under which it was first sent (a sent document stays in exchange whatever the
    stage), `born` = deal -> its order in 1C. A prepaid deal's order is based on its invoice, otherwise the
    invoice on the order. Without the extended contract invoices do not go, nor deals born in 1C, nor
    documents of two parties with one name. `rates` = currency -> what one unit costs in roubles on the portal
    today: a foreign document without one does not go.
    """
    desk = _Desk(
        portal=portal,
        settings=settings,
        organisations=organisations,
        today=today,
        dates=dates,
        born=born if extended else {},
        extended=extended,
        rates=rates or {},
        sent=_sent(dates),
        lines=_lines(sources.lines),
        parties={row["id"]: row for row in sources.parties if row["document"] is None},
        contacts={row["id"]: row for row in sources.contacts},
        invoices=_invoices(sources.invoices),
        managers={mail.casefold(): name for name, mail in settings.managers.items()},
    )
    made: list[Made] = []
    issues: list[Record] = []
    for deal in sorted(sources.deals, key=_by_number):
        documents, doubts = _of_deal(desk, deal)
        made += documents
        issues += doubts
    if extended:
        return _together(made, issues)
    kept, refused = _without_namesakes(made)
    return _together(kept, issues + refused)


def _by_number(deal: Deal) -> tuple[int, str]:
    """The order of the portal's ids, which are numbers as text."""
    return len(deal["id"]), deal["id"]


def _together(made: Sequence[Made], issues: Sequence[Record]) -> DealDocuments:
    lines: list[Line] = []
    for one in made:
        lines += one.lines
    documents = [one.document for one in made]
    parties = [one.party for one in made]
    return DealDocuments(documents, lines, parties, issues)


def _sent(dates: Iterable[str]) -> set[tuple[str, str]]:
    """(kind, id) of the documents with these numbers."""
    found: set[tuple[str, str]] = set()
    for number in dates:
        key = keys.decode(number)
        if key:
            found.add((key.kind, key.id))
    return found


def _lines(lines: Iterable[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[line["document"]].append(line)
    return dict(found)


def _invoices(invoices: Iterable[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = defaultdict(list)
    for row in invoices:
        found[row["deal"] or ""].append(row)
    return dict(found)


# ---- one deal ----
def _of_deal(desk: _Desk, deal: Deal) -> tuple[list[Made], list[Record]]:
    """The documents of a deal and issues for those that cannot go."""
    try:
        heads = _heads(desk, deal)
    except ValueError as error:
        message = f"Сделка {deal['id']}: {error}. Создайте документ в 1С вручную."
        return [], [issue(message, entity="deals", key=deal["id"], field="id")]
    made: list[Made] = []
    issues: list[Record] = []
    for head in heads:
        try:
            made.append(_filled(desk, head, deal))
        except _Refused as why:
            told = issue(str(why), entity="documents", key=head["number"], field="deal", value=deal["id"])
            issues.append(told)
    return made, issues


def _heads(desk: _Desk, deal: Deal) -> list[Document]:
    """Identity of each document of a deal that is to be in 1C: kind, id, number, date, basis; the order
    first unless prepaid («Заказ покупателя (связанный со Счетом на оплату)», specification 001).

    Raises ValueError where a number would be longer than 1C keeps.
    """
    order = _order(desk, deal)
    rows = desk.invoices.get(deal["id"], ()) if desk.extended else ()
    found = [_invoice(desk, row) for row in rows]
    invoices = [head for head in found if head]
    if not order:
        return invoices
    if is_prepaid(deal, desk.settings):
        return [*invoices, _based_on(order, invoices[0]) if invoices else order]
    return [order, *(_based_on(head, order) for head in invoices)]


def _order(desk: _Desk, deal: Deal) -> Document | None:
    """The order of a deal: that of 1C where it was born there, ours in a sending stage or once sent."""
    born = desk.born.get(deal["id"])
    if born:
        return {"kind": "order", "id": born.id, "number": born.number, "date": born.date}
    if deal["origin"]:
        return None
    if deal["stage"] not in desk.settings.send_stages and ("order", deal["id"]) not in desk.sent:
        return None
    return _head(desk, "order", keys.order(deal["id"]))


def _invoice(desk: _Desk, row: Document) -> Document | None:
    if row["status"] not in desk.settings.invoice_stages and ("invoice", row["id"]) not in desk.sent:
        return None
    return {**_head(desk, "invoice", keys.invoice(row["id"])), "currency": row["currency"]}


def _head(desk: _Desk, kind: str, number: str) -> Document:
    identifier = keys.document_id(desk.portal, kind, number)
    return {"kind": kind, "id": identifier, "number": number, "date": desk.dates.get(number, desk.today)}


def _based_on(head: Document, basis: Document) -> Document:
    """A document with the one it is based on, by id for our reader and by number for 1C."""
    return {**head, "basis": basis["id"], "basis_number": basis["number"]}


# ---- one document ----
def _filled(desk: _Desk, head: Document, deal: Deal) -> Made:
    """The document with its rows and its buyer: money from its rows, our organisation, manager, lead source.
    Raises _Refused.
    """
    rows, party = _rows(desk, head, deal), _party(desk, head, deal)
    own = own_organisation(deal["organisation"], desk.organisations)
    if own is None:
        raise _Refused(". ".join(unknown(deal["organisation"])))
    measure = _currency(desk, head, deal)
    taxes = [row["vat_amount"] for row in rows if row["vat_amount"] is not None]
    document: Document = {
        **head,
        "party": party["id"],
        "organisation": own.name,
        "deal": deal["id"],
        "amount": _amount(rows, deal),
        "currency": measure.currency,
        "posted": True if desk.extended else None,
        "manager": desk.managers.get((deal["manager"] or "").casefold(), deal["manager_name"]),
        "rate": measure.rate,
        "vat_amount": sum(taxes, Decimal(0)) if taxes else None,
        "vat_included": True,
        "comment": _comment(deal),
        "requisites": _requisites(deal, own, desk.contacts.get(deal["contact"] or "")),
    }
    return Made(whole("documents", document), rows, whole("parties", party))


def _currency(desk: _Desk, head: Document, deal: Deal) -> Measure:
    """The currency of a document with the rate of the day; an invoice has its own. Raises _Refused."""
    code = head["currency"] if head["kind"] == "invoice" else deal["currency"]
    try:
        return currency(code, desk.rates, None if head["number"] in desk.lines else deal["currency"])
    except ValueError as why:
        raise _Refused(str(why)) from None


def _rows(desk: _Desk, head: Document, deal: Deal) -> list[Line]:
    """The composition as given, renumbered; an invoice without rows takes those of its deal. Sums of the
    portal hold the VAT.
    """
    if not desk.settings.rows:
        return []
    rows = desk.lines.get(head["number"] or "") or desk.lines.get(keys.order(deal["id"]), [])
    if not rows:
        raise _Refused(
            "В сделке нет товаров, заказ без состава 1С не проведёт: она не отправлена, заказ в 1С (если он "
            "есть) остаётся прежним. Добавьте товары в сделку."
        )
    ordered = sorted(rows, key=lambda row: row["position"])
    return [_row(desk, head, row, position) for position, row in enumerate(ordered, 1)]


def _row(desk: _Desk, head: Document, row: Line, position: int) -> Line:
    product = row["product"] or keys.document_id(desk.portal, "product", clean.fold(row["name"]))
    return {
        **row,
        "document": head["id"],
        "position": position,
        "amount": _line_amount(row),
        "vat_included": True,
        "product": product,
    }


def _line_amount(row: Line) -> Decimal:
    if row["amount"] is not None:
        return Decimal(row["amount"])
    return clean.kopecks((row["quantity"] or ONE) * (row["price"] or Decimal(0)))


def _amount(rows: Sequence[Line], deal: Deal) -> Decimal:
    amount = sum((row["amount"] or Decimal(0) for row in rows), Decimal(0)) if rows else deal["amount"]
    if amount is None:
        raise _Refused("У сделки нет ни товаров, ни суммы. Заполните сделку.")
    return amount


def _party(desk: _Desk, head: Document, deal: Deal) -> Party:
    """The buyer: the company, else the contact as a person."""
    company = desk.parties.get(deal["party"] or "")
    if company:
        return {**company, "document": head["id"], "role": "Покупатель"}
    contact = desk.contacts.get(deal["contact"] or "")
    name = _full_name(contact) if contact else None
    if contact is None or name is None:
        raise _Refused(
            "У сделки нет клиента, 1С не примет заказ без контрагента. Укажите компанию или контакт."
        )
    return {
        "id": contact["id"],
        "document": head["id"],
        "role": "Покупатель",
        "kind": "person",
        "name": name,
        "full_name": name,
        "phones": contact["phones"],
        "emails": contact["emails"],
        "city": contact["city"],
    }


def _comment(deal: Deal) -> str:
    title = f"Сделка № {deal['id']}"
    if deal["title"]:
        title += f" «{clean.text(deal['title'])}»"
    return f"{title}; Источник обращения: {deal['lead_source']}" if deal["lead_source"] else title


def _requisites(deal: Deal, own: Organisation, contact: Contact | None) -> dict[str, str]:
    """What 1C shows beside the document (001: «Лид передается … с пометкой о способе обращения»)."""
    phones = (contact["phones"] if contact else None) or (None,)
    emails = (contact["emails"] if contact else None) or (None,)
    return present(
        {
            "Организация ИНН": own.inn,
            "Источник обращения": deal["lead_source"],
            "Контактное лицо": _full_name(contact) if contact else None,
            "Телефон контактного лица": phones[0],
            "E-mail контактного лица": emails[0],
        }
    )


def _full_name(contact: Contact) -> str | None:
    parts = [contact["last_name"], contact["first_name"], contact["middle_name"]]
    return clean.text(" ".join(part for part in parts if part)) or clean.text(contact["name"])


# ---- different buyers under one name ----
def _without_namesakes(made: Sequence[Made]) -> tuple[list[Made], list[Record]]:
    """Documents that stock 1C can tell apart by the names of their buyers, and issues for the others."""
    by_name: dict[str, set[str]] = defaultdict(set)
    for one in made:
        by_name[clean.fold(one.party["name"])].add(one.party["id"])
    kept: list[Made] = []
    issues: list[Record] = []
    for one in made:
        if len(by_name[clean.fold(one.party["name"])]) == 1:
            kept.append(one)
        else:
            issues.append(_namesake(one))
    return kept, issues


def _namesake(one: Made) -> Record:
    return issue(
        f"Разные контрагенты называются одинаково: «{one.party['name']}», 1С сложит их в одного. "
        "Уточните наименование одного из них.",
        entity="documents",
        key=one.document["number"],
        field="party",
    )
