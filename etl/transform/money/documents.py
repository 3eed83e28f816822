"""Payment documents for 1C from receipts it has not reported: the notice that an invoice is paid
(specification 000)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from etl.tables import Record, frame, records
from etl.values import keys

if TYPE_CHECKING:
    import pandas as pd


def payment_documents(
    payments: pd.DataFrame, charges: pd.DataFrame, *, portal: str, invoiced: bool
) -> dict[str, pd.DataFrame]:
    """One payment or refund per fact of the bank, based on the invoice (or order) of its charge.

    In: table `payments` (source "bank", refunds negative), the `charges` they pay, whether charges carry an
    invoice. Out: tables documents, lines (none), parties (the payer as it was first exported). Amounts are
    roubles, positive in both kinds."""
    owed = {row["number"]: row for row in records(charges)}
    documents: list[Record] = []
    parties: list[Record] = []
    for fact in records(payments):
        document = _payment(fact, owed[fact["target"]], portal, invoiced)
        documents.append(document)
        parties.append(_payer(document, owed[fact["target"]]))
    return {
        "documents": frame("documents", documents),
        "lines": frame("lines"),
        "parties": frame("parties", parties),
    }


def _payment(fact: Record, charge: Record, portal: str, invoiced: bool) -> Record:
    number = f"P{hashlib.sha256(fact['id'].encode()).hexdigest()[:10].upper()}"
    kind = "payment" if fact["amount"] > 0 else "refund"
    return {
        "id": keys.document_id(portal, kind, number),
        "kind": kind,
        "number": number,
        "date": fact["date"],
        "basis": keys.document_id(portal, "invoice" if invoiced else "order", charge["number"]),
        "basis_number": charge["number"],
        "party": keys.document_id(portal, "party", charge["payer_key"]),
        "organisation": charge["organisation"],
        "amount": abs(fact["amount"]),
        "currency": "RUB",
        "posted": True,
        "paid": True,
        "paid_on": fact["date"],
        "paid_number": fact["number"],
        "deal": charge["deal"],
        "requisites": {"Номер договора": charge["contract_number"], "Ключ": charge["number"]},
    }


def _payer(document: Record, charge: Record) -> Record:
    return {
        "id": document["party"],
        "document": document["id"],
        "role": "Покупатель",
        "kind": "person",
        "name": charge["payer_key"],
        "full_name": charge["payer"],
        "inn": charge["payer_inn"],
    }
