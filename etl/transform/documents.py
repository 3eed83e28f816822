"""Documents for 1C: charges and acts of specification 000. Those of deals are made by `orders.documents`.

Each function returns the tables `documents`, `lines`, `parties` (rows with `document`, role «Покупатель» or
«Продавец») that load/commerceml writes, in the order of writing: an order stands before its invoice, a
container is an order with what follows it. Ids are uuid5 of portal, kind and number, so the same input is the
same document on every try. Money is roubles with VAT.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from etl.config.ends import Organisation
from etl.config.profile import Billing
from etl.records import Accrual, Charge, Document, Line, Party
from etl.tables import each, frame
from etl.values import clean, keys
from etl.values.organisations import own_organisation

if TYPE_CHECKING:
    import pandas as pd

Tables = dict[str, "pd.DataFrame"]
ONE = Decimal(1)
CURRENCY = "RUB"


# ---- charges (specification 000) ----


def given_up(row: Document) -> bool:
    """Whether 1C has deleted or cancelled a document: nothing is expected of it any more.

    One that is only unposted may be posted again: that counts for money and goods alone (`is_void`).
    """
    return bool(row["deleted"] or row["cancelled"])


def is_void(row: Document) -> bool:
    """A document that was deleted, cancelled or unposted moves nothing."""
    return given_up(row) or row["posted"] is False


def is_reversal(row: Document) -> bool:
    """Whether a document has a minus: it takes back another one of its kind (DESIGN §4)."""
    return row["amount"] is not None and row["amount"] < 0


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
    does not make a new item every month.
    """
    inns = {own.name: own.inn for own in organisations}
    product = keys.document_id(portal, "service", settings.service)
    documents: list[Document] = []
    lines: list[Line] = []
    parties: list[Party] = []
    for charge in each(charges, Charge):
        order = _charge_order(charge, portal, inns.get(charge["organisation"] or ""), extended)
        pair = [order]
        if extended and settings.invoice:
            pair.append(_charge_invoice(order, portal))
        documents += pair
        lines += [_charge_line(document["id"], product, charge) for document in pair]
        parties += [_payer(document, charge) for document in pair]
    return {
        "documents": frame("documents", documents),
        "lines": frame("lines", lines),
        "parties": frame("parties", parties),
    }


def _charge_order(charge: Charge, portal: str, own_inn: str | None, extended: bool) -> Document:
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
        "requisites": _charge_requisites(charge, own_inn),
    }


def _charge_requisites(charge: Charge, own_inn: str | None) -> dict[str, str]:
    """The five values of specification 000 under the names 1C shows, and what finds the charge again."""
    return present(
        {
            "ФИО плательщика": charge["payer"],
            "Адрес объекта": charge["address"],
            "Номер договора": charge["contract_number"],
            "Дата договора": iso(charge["contract_date"]),
            "Сумма платежа": f"{charge['amount']:.2f}",
            "Дата расторжения": iso(charge["terminated_on"]),
            "Период": charge["month"],
            "Ключ": charge["number"],
            "Организация ИНН": own_inn,
        }
    )


def _charge_invoice(order: Document, portal: str) -> Document:
    return {
        **order,
        "id": keys.document_id(portal, "invoice", order["number"] or ""),
        "kind": "invoice",
        "basis": order["id"],
        "basis_number": order["number"],
    }


def _charge_comment(charge: Charge) -> str:
    said = present({"ФИО плательщика": charge["payer"], "Адрес объекта": charge["address"]})
    parts = [f"{name}: {value}" for name, value in said.items()]
    parts.append(f"Договор № {charge['contract_number']} от {clean.day_name(charge['contract_date'])}")
    parts.append(f"Сумма платежа: {charge['amount']:.2f}")
    if charge["terminated_on"]:
        parts.append(f"Дата расторжения: {clean.day_name(charge['terminated_on'])}")
    return "; ".join(parts)


def _charge_line(document: str, product: str, charge: Charge) -> Line:
    return {
        **_service_line(document, product, charge["service"], charge["amount"]),
        "vat_rate": charge["vat_rate"],
        "vat_exempt": charge["vat_exempt"],
        "vat_amount": charge["vat_amount"],
    }


def _payer(document: Document, charge: Charge) -> Party:
    return {
        "id": document["party"] or "",
        "document": document["id"],
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
    document gave (reference commerceml §3.2).
    """
    product = keys.document_id(portal, "service", "remuneration")
    documents: list[Document] = []
    lines: list[Line] = []
    parties: list[Party] = []
    for accrual in each(accruals, Accrual):
        document = _act(accrual, portal, organisations)
        documents.append(document)
        lines.append(_service_line(document["id"], product, accrual["service"], abs(accrual["amount"])))
        parties.append(_manager(document, accrual))
    return {
        "documents": frame("documents", documents),
        "lines": frame("lines", lines),
        "parties": frame("parties", parties),
    }


def _act(accrual: Accrual, portal: str, organisations: Sequence[Organisation]) -> Document:
    """The act of one accrual; of a reversal the return of the act it takes back."""
    own = own_organisation(accrual["organisation"], organisations)
    undone = _undone(accrual["number"])
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
        "organisation": own.name if own else accrual["organisation"],
        "manager": accrual["manager_name"],
        "amount": abs(accrual["amount"]),
        "currency": CURRENCY,
        "rate": ONE,
        "vat_included": True,
        "posted": True,
        "comment": said,
        "deal": accrual["deal"],
        "requisites": _act_requisites(accrual, own.inn if own else None),
    }


def _undone(number: str) -> str | None:
    """Number of the act that a reversal takes back."""
    key = keys.decode(number)
    if key is None or key.kind != "reversal":
        return None
    return keys.act(key.id, key.part or 1, key.turn)


def _act_requisites(accrual: Accrual, own_inn: str | None) -> dict[str, str]:
    paid = accrual["paid_amount"]
    return present(
        {
            "Основание начисления": accrual["basis"],
            "Номер договора": accrual["contract_number"],
            "Дата договора": iso(accrual["contract_date"]),
            "Дата оплаты клиентом": iso(accrual["paid_on"]),
            "Сумма оплаты": None if paid is None else f"{paid:.2f}",
            "Ключ": accrual["number"],
            "Организация ИНН": own_inn,
        }
    )


def _manager(document: Document, accrual: Accrual) -> Party:
    return {
        "id": document["party"] or "",
        "document": document["id"],
        "role": "Продавец",
        "kind": "person",
        "name": accrual["manager_name"] or accrual["manager"],
        "full_name": accrual["manager_name"],
    }


# ---- shared with the documents of deals ----


def _service_line(document: str, product: str, name: str | None, amount: Decimal) -> Line:
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


def iso(day: dt.date | None) -> str | None:
    """A day as requisites carry it."""
    return day.isoformat() if day else None


def present(values: Mapping[str, str | None]) -> dict[str, str]:
    """Requisites that say something."""
    return {name: value for name, value in values.items() if value}
