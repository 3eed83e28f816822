"""Documents for 1C: charges and acts of specification 000, orders and invoices of deals (001, 003).

Each function returns the tables `documents`, `lines`, `parties` (rows with `document`, role «Покупатель» or
«Продавец») that load/commerceml writes, in the order of writing: an order stands before its invoice, a
container is an order with what follows it. Ids are uuid5 of portal, kind and number, so the same input is the
same document on every try. Money is roubles with VAT."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from etl.config.profile import Billing, Orders, Organisation
from etl.tables import Record, frame, issue, records
from etl.transform.orders.deals import is_prepaid
from etl.values import clean, keys

if TYPE_CHECKING:
    import pandas as pd

Tables = dict[str, "pd.DataFrame"]
ONE = Decimal(1)
CURRENCY = "RUB"


# ---- charges (specification 000) ----


def charge_documents(
    charges: pd.DataFrame,
    *,
    portal: str,
    settings: Billing,
    organisations: Sequence[Organisation],
    extended: bool,
) -> Tables:
    """One order per charge (table `charges`), in the extended contract posted and with its Счет на оплату.

    The five values of the specification are requisites and stand in the comment too: УТ 11 drops requisites
    it does not know. A charge amended to 0 is the same document cancelled; there are no negative orders. The
    month is in the name of the service, its product id is that of the service without the month, so that 1C
    does not make a new item every month."""
    inns = {own.name: own.inn for own in organisations}
    product = keys.document_id(portal, "service", settings.service)
    documents: list[Record] = []
    lines: list[Record] = []
    parties: list[Record] = []
    for charge in records(charges):
        order = _charge_order(charge, portal, inns.get(charge["organisation"]), extended)
        pair = [order, _charge_invoice(order, portal)] if extended and settings.invoice else [order]
        documents += pair
        lines += [_charge_line(document["id"], product, charge) for document in pair]
        parties += [_payer(document["id"], document["party"], charge) for document in pair]
    return {
        "documents": frame("documents", documents),
        "lines": frame("lines", lines),
        "parties": frame("parties", parties),
    }


def _charge_order(charge: Record, portal: str, own_inn: str | None, extended: bool) -> Record:
    cancelled = not charge["amount"]
    return {
        "id": keys.document_id(portal, "order", charge["number"]),
        "kind": "order",
        "number": charge["number"],
        "date": charge["date"],
        "party": keys.document_id(portal, "party", charge["payer_key"]),
        "organisation": charge["organisation"],
        "manager": charge["manager_name"],
        "amount": charge["amount"],
        "currency": CURRENCY,
        "rate": ONE,
        "vat_included": True,
        "vat_amount": charge["vat_amount"],
        "posted": not cancelled if extended else None,
        "cancelled": cancelled,
        "comment": _charge_comment(charge),
        "deal": charge["deal"],
        "requisites": _present(
            {
                "ФИО плательщика": charge["payer"],
                "Адрес объекта": charge["address"],
                "Номер договора": charge["contract_number"],
                "Дата договора": _iso(charge["contract_date"]),
                "Сумма платежа": f"{charge['amount']:.2f}",
                "Дата расторжения": _iso(charge["terminated_on"]),
                "Период": charge["month"],
                "Ключ": charge["number"],
                "Организация ИНН": own_inn,
            }
        ),
    }


def _charge_invoice(order: Record, portal: str) -> Record:
    return order | {
        "id": keys.document_id(portal, "invoice", order["number"]),
        "kind": "invoice",
        "basis": order["id"],
        "basis_number": order["number"],
    }


def _charge_comment(charge: Record) -> str:
    said = _present({"ФИО плательщика": charge["payer"], "Адрес объекта": charge["address"]})
    parts = [f"{name}: {value}" for name, value in said.items()]
    parts.append(f"Договор № {charge['contract_number']} от {clean.day_name(charge['contract_date'])}")
    parts.append(f"Сумма платежа: {charge['amount']:.2f}")
    if charge["terminated_on"]:
        parts.append(f"Дата расторжения: {clean.day_name(charge['terminated_on'])}")
    return "; ".join(parts)


def _charge_line(document: str, product: str, charge: Record) -> Record:
    return _service_line(document, product, charge["service"], charge["amount"]) | {
        "vat_rate": charge["vat_rate"],
        "vat_exempt": charge["vat_exempt"],
        "vat_amount": charge["vat_amount"],
    }


def _payer(document: str, party: str, charge: Record) -> Record:
    return {
        "id": party,
        "document": document,
        "role": "Покупатель",
        "kind": clean.party_kind(charge["payer"], charge["payer_inn"]),
        "name": charge["payer_key"],
        "full_name": charge["payer"],
        "inn": charge["payer_inn"],
    }


# ---- acts (specification 000) ----


def act_documents(accruals: pd.DataFrame, *, portal: str, organisations: Sequence[Organisation]) -> Tables:
    """One act per accrual (table `accruals`), the manager being the party «Продавец»; for the extended
    contract only.

    A reversal is a `return` with the act as its basis and a positive sum. 1C has no act with a negative sum,
    a second act would be paid, and the site exchange has no other operation that takes back what an earlier
    document gave (reference commerceml §3.2)."""
    documents: list[Record] = []
    lines: list[Record] = []
    parties: list[Record] = []
    for accrual in records(accruals):
        document = _act(accrual, portal, organisations)
        product = keys.document_id(portal, "service", "remuneration")
        documents.append(document)
        lines.append(_service_line(document["id"], product, accrual["service"], document["amount"]))
        parties.append(
            {
                "id": document["party"],
                "document": document["id"],
                "role": "Продавец",
                "kind": "person",
                "name": accrual["manager_name"] or accrual["manager"],
                "full_name": accrual["manager_name"],
            }
        )
    return {
        "documents": frame("documents", documents),
        "lines": frame("lines", lines),
        "parties": frame("parties", parties),
    }


def _act(accrual: Record, portal: str, organisations: Sequence[Organisation]) -> Record:
    key, own = (
        keys.decode(accrual["number"]),
        _own(accrual["organisation"], organisations) or organisations[0],
    )
    undone = keys.act(key.id, key.part or 1, key.turn) if key and key.kind == "reversal" else None
    kind = "return" if undone else "act"
    said = f"Возврат по акту {undone}: {accrual['basis']}" if undone else accrual["basis"]
    return {
        "id": keys.document_id(portal, kind, accrual["number"]),
        "kind": kind,
        "number": accrual["number"],
        "date": accrual["date"],
        "basis": keys.document_id(portal, "act", undone) if undone else None,
        "basis_number": undone,
        "party": keys.document_id(portal, "manager", accrual["manager"] or ""),
        "organisation": own.name,
        "manager": accrual["manager_name"],
        "amount": abs(accrual["amount"]),
        "currency": CURRENCY,
        "rate": ONE,
        "vat_included": True,
        "posted": True,
        "comment": said,
        "deal": accrual["deal"],
        "requisites": _present(
            {
                "Основание начисления": accrual["basis"],
                "Номер договора": accrual["contract_number"],
                "Дата договора": _iso(accrual["contract_date"]),
                "Дата оплаты клиентом": _iso(accrual["paid_on"]),
                "Сумма оплаты": None if accrual["paid_amount"] is None else f"{accrual['paid_amount']:.2f}",
                "Ключ": accrual["number"],
                "Организация ИНН": own.inn,
            }
        ),
    }


# ---- orders and invoices of deals (specifications 001, 003) ----


class Born(NamedTuple):
    """An order born in 1C: under the extended contract an edit of its deal goes back under 1C's own Ид,
    number and date."""

    id: str
    number: str
    date: dt.date


@dataclass(frozen=True, slots=True)
class Sources:
    """What the portal told about deals that may go to 1C.

    deals, parties, contacts: tables; `invoices`: table `documents` of smart invoices (id = smart invoice,
    deal, status = its stage); `lines`: table `lines`, `document` = our number (`keys.order`, `keys.invoice`)
    of the deal or smart invoice."""

    deals: pd.DataFrame
    lines: pd.DataFrame
    parties: pd.DataFrame
    contacts: pd.DataFrame
    invoices: pd.DataFrame


class _Refused(Exception):
    """A document that cannot go to 1C: `args` is the Russian reason with advice."""


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
) -> Tables:
    """Orders of deals in the sending stages and invoices of smart invoices in theirs, linked by basis.

    `dates` = number -> date under which it was first sent (a sent document stays in exchange whatever the
    stage), `born` = deal -> its order in 1C. A prepaid deal's order is based on its invoice, otherwise the
    invoice on the order. Without the extended contract invoices do not go, nor deals born in 1C, nor
    documents of two parties with one name, which stock 1C would take for one. Out: documents, lines, parties
    and `issues` for what cannot go."""
    desk = _Desk(sources, portal, settings, organisations, today, dates, born if extended else {}, extended)
    made: list[tuple[Record, list[Record], Record]] = []
    issues: list[Record] = []
    for deal in sorted(records(sources.deals), key=lambda deal: (len(deal["id"]), deal["id"])):
        try:
            heads = desk.heads(deal)
        except ValueError as error:
            issues.append(
                issue(
                    f"Сделка {deal['id']}: {error}. Создайте документ в 1С вручную.",
                    entity="deals",
                    key=deal["id"],
                    field="id",
                )
            )
            continue
        for head in heads:
            try:
                made.append(desk.filled(head, deal))
            except _Refused as why:
                issues.append(
                    issue(str(why), entity="documents", key=head["number"], field="deal", value=deal["id"])
                )
    refused = {} if extended else _namesakes(party for _, _, party in made)
    issues += [
        issue(refused[document["id"]], entity="documents", key=document["number"], field="party")
        for document, _, _ in made
        if document["id"] in refused
    ]
    kept = [parts for parts in made if parts[0]["id"] not in refused]
    return {
        "documents": frame("documents", [document for document, _, _ in kept]),
        "lines": frame("lines", [row for _, rows, _ in kept for row in rows]),
        "parties": frame("parties", [party for _, _, party in kept]),
        "issues": frame("issues", issues),
    }


class _Desk:
    """Looks up what belongs to a deal and fills its documents."""

    def __init__(
        self,
        sources: Sources,
        portal: str,
        settings: Orders,
        organisations: Sequence[Organisation],
        today: dt.date,
        dates: Mapping[str, dt.date],
        born: Mapping[str, Born],
        extended: bool,
    ) -> None:
        self._portal, self._settings, self._organisations, self._today = (
            portal,
            settings,
            organisations,
            today,
        )
        self._dates, self._born, self._extended = dates, born, extended
        self._sent = {(key.kind, key.id) for number in dates if (key := keys.decode(number))}
        self._lines = _grouped(records(sources.lines), "document")
        self._parties = {row["id"]: row for row in records(sources.parties) if row["document"] is None}
        self._contacts = {row["id"]: row for row in records(sources.contacts)}
        self._invoices = _grouped(records(sources.invoices), "deal")
        self._managers = {mail.casefold(): name for name, mail in settings.managers.items()}

    def heads(self, deal: Record) -> list[Record]:
        """Identity of each document of a deal that is to be in 1C: kind, id, number, date, basis; the order
        first unless prepaid.

        Raises ValueError where a number would be longer than 1C keeps.
        """
        order = self._order(deal)
        invoices = [
            head
            for row in self._invoices.get(deal["id"], ())
            if self._extended and (head := self._invoice(row))
        ]
        if is_prepaid(deal, self._settings):
            return [*invoices, *([order | _based_on(invoices[0] if invoices else None)] if order else [])]
        return [*([order] if order else []), *(head | _based_on(order) for head in invoices)]

    def _order(self, deal: Record) -> Record | None:
        if born := self._born.get(deal["id"]):
            return {"kind": "order", "id": born.id, "number": born.number, "date": born.date}
        if deal["origin"] or (
            deal["stage"] not in self._settings.send_stages and ("order", deal["id"]) not in self._sent
        ):
            return None
        return self._head("order", keys.order(deal["id"]))

    def _invoice(self, row: Record) -> Record | None:
        if row["status"] not in self._settings.invoice_stages and ("invoice", row["id"]) not in self._sent:
            return None
        return self._head("invoice", keys.invoice(row["id"]))

    def _head(self, kind: str, number: str) -> Record:
        return {
            "kind": kind,
            "id": keys.document_id(self._portal, kind, number),
            "number": number,
            "date": self._dates.get(number, self._today),
        }

    def filled(self, head: Record, deal: Record) -> tuple[Record, list[Record], Record]:
        """The document with its rows and its buyer. Raises _Refused."""
        rows, party = self._rows(head, deal), self._party(head, deal)
        return self._finished(head, deal, rows, party), rows, party

    def _rows(self, head: Record, deal: Record) -> list[Record]:
        """The composition as given, renumbered; an invoice without rows takes those of its deal. Sums of the
        portal hold the VAT."""
        if not self._settings.rows:
            return []
        rows = self._lines.get(head["number"]) or self._lines.get(keys.order(deal["id"]), [])
        if not rows:
            raise _Refused(
                "В сделке нет товаров, заказ без состава 1С не проведёт. Добавьте товары в сделку."
            )
        rows = sorted(rows, key=lambda row: row["position"])
        return [
            row
            | {
                "document": head["id"],
                "position": position,
                "amount": _line_amount(row),
                "vat_included": True,
                "product": row["product"]
                or keys.document_id(self._portal, "product", clean.fold(row["name"])),
            }
            for position, row in enumerate(rows, 1)
        ]

    def _party(self, head: Record, deal: Record) -> Record:
        """The buyer: the company, else the contact as a person."""
        if row := self._parties.get(deal["party"]):
            return row | {"document": head["id"], "role": "Покупатель"}
        contact = self._contacts.get(deal["contact"])
        if contact is None or not _full_name(contact):
            raise _Refused(
                "У сделки нет клиента, 1С не примет заказ без контрагента. Укажите компанию или контакт."
            )
        return {
            "id": contact["id"],
            "document": head["id"],
            "role": "Покупатель",
            "kind": "person",
            "name": _full_name(contact),
            "full_name": _full_name(contact),
            "phones": contact["phones"],
            "emails": contact["emails"],
            "city": contact["city"],
        }

    def _finished(self, head: Record, deal: Record, rows: Sequence[Record], party: Record) -> Record:
        """The document filled: money from its rows, our organisation, manager, lead source."""
        own = _own(deal["organisation"], self._organisations)
        if own is None:
            raise _Refused(
                f"Наша организация «{deal['organisation']}» не описана в профиле. Добавьте её в раздел organisations."
            )
        amount = sum((row["amount"] for row in rows), Decimal(0)) if rows else deal["amount"]
        if amount is None:
            raise _Refused("У сделки нет ни товаров, ни суммы. Заполните сделку.")
        taxes = [row["vat_amount"] for row in rows if row["vat_amount"] is not None]
        contact = self._contacts.get(deal["contact"], {})
        title = f"Сделка № {deal['id']}" + (f" «{clean.text(deal['title'])}»" if deal["title"] else "")
        return head | {
            "party": party["id"],
            "organisation": own.name,
            "deal": deal["id"],
            "amount": amount,
            "currency": deal["currency"] or CURRENCY,
            "posted": True if self._extended else None,
            "manager": self._managers.get((deal["manager"] or "").casefold(), deal["manager_name"]),
            "rate": ONE,
            "vat_amount": sum(taxes, Decimal(0)) if taxes else None,
            "vat_included": True,
            "comment": "; ".join(
                part
                for part in (title, deal["lead_source"] and f"Источник обращения: {deal['lead_source']}")
                if part
            ),
            "requisites": _present(
                {
                    "Организация ИНН": own.inn,
                    "Источник обращения": deal["lead_source"],
                    "Контактное лицо": _full_name(contact),
                    "Телефон контактного лица": next(iter(contact.get("phones") or ()), None),
                    "E-mail контактного лица": next(iter(contact.get("emails") or ()), None),
                }
            ),
        }


def _namesakes(parties: Iterable[Record]) -> dict[str, str]:
    """{document: reason} of documents whose buyers are different parties under one name."""
    by_name = _grouped([row | {"folded": clean.fold(row["name"])} for row in parties], "folded")
    return {
        row["document"]: f"Разные контрагенты называются одинаково: «{row['name']}», 1С сложит их в одного. "
        "Уточните наименование одного из них."
        for rows in by_name.values()
        if len({row["id"] for row in rows}) > 1
        for row in rows
    }


# ---- shared ----


def _service_line(document: str, product: str, name: str | None, amount: Decimal) -> Record:
    return {
        "document": document,
        "position": 1,
        "product": product,
        "name": name,
        "kind": "service",
        "quantity": ONE,
        "unit": "шт",
        "unit_code": "796",
        "price": amount,
        "vat_rate": None,
        "vat_exempt": True,
        "vat_included": True,
        "amount": amount,
    }


def _line_amount(row: Record) -> Decimal:
    if row["amount"] is not None:
        return Decimal(row["amount"])
    return clean.kopecks((row["quantity"] or ONE) * (row["price"] or Decimal(0)))


def _own(said: str | None, organisations: Sequence[Organisation]) -> Organisation | None:
    folded = clean.fold(said)
    return next(
        (own for own in organisations if not folded or folded in (clean.fold(own.name), own.inn)), None
    )


def _based_on(head: Record | None) -> Record:
    return {"basis": head["id"], "basis_number": head["number"]} if head else {}


def _full_name(contact: Mapping[str, str | None]) -> str | None:
    parts = [contact.get(name) for name in ("last_name", "first_name", "middle_name")]
    return clean.text(" ".join(part for part in parts if part)) or clean.text(contact.get("name"))


def _grouped(rows: Iterable[Record], column: str) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return dict(groups)


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
