"""Payment documents for 1C from receipts it has not reported: «необходимо, чтобы в 1С приходило извещение о
том, что счет оплачен» (specification 000).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from etl.records import Charge, Document, Party, Payment
from etl.tables import frame
from etl.transform.money.paid import ZERO, paid
from etl.values import keys

if TYPE_CHECKING:
    import pandas as pd

_FROM_1C = ("1c", "1c-flag")


def unreported(payments: Iterable[Payment], charges: Mapping[str, Charge]) -> list[Payment]:
    """Receipts of the bank for our charges of which 1C has told no money yet."""
    told = list(payments)
    from_1c = paid(fact for fact in told if fact["source"] in _FROM_1C)
    known = {target for target, got in from_1c.items() if got.amount is not None and got.amount > 0}
    ours = [fact for fact in told if fact["source"] == "bank" and fact["target"] in charges]
    return [fact for fact in ours if fact["amount"] and fact["target"] not in known]


def payment_documents(
    payments: Iterable[Payment], charges: Mapping[str, Charge], *, portal: str, invoiced: bool
) -> dict[str, pd.DataFrame]:
    """One payment or refund per fact of the bank, based on the invoice (or order) of its charge.

    In: facts of source «bank» (refunds negative), the charges they pay by number, whether charges carry an
    invoice. Out: tables documents, lines (none), parties (the payer as it was first exported). Amounts are
    roubles, positive in both kinds.
    """
    documents: list[Document] = []
    parties: list[Party] = []
    for fact in payments:
        charge = charges[fact["target"]]
        document = _payment(fact, charge, portal, invoiced)
        documents.append(document)
        parties.append(_payer(document, charge))
    return {
        "documents": frame("documents", documents),
        "lines": frame("lines"),
        "parties": frame("parties", parties),
    }


def _payment(fact: Payment, charge: Charge, portal: str, invoiced: bool) -> Document:
    number = f"P{hashlib.sha256(fact['id'].encode()).hexdigest()[:10].upper()}"
    amount = fact["amount"] or ZERO
    kind = "payment" if amount > 0 else "refund"
    return {
        "id": keys.document_id(portal, kind, number),
        "kind": kind,
        "number": number,
        "date": fact["date"],
        "basis": keys.document_id(portal, "invoice" if invoiced else "order", charge["number"]),
        "basis_number": charge["number"],
        "party": keys.document_id(portal, "party", charge["payer_key"]),
        "organisation": charge["organisation"],
        "amount": abs(amount),
        "currency": "RUB",
        "posted": True,
        "paid": True,
        "paid_on": fact["date"],
        "paid_number": fact["number"],
        "deal": charge["deal"],
        "requisites": {"Номер договора": charge["contract_number"], "Ключ": charge["number"]},
    }


def _payer(document: Document, charge: Charge) -> Party:
    return {
        "id": document["party"] or "",
        "document": document["id"],
        "role": "Покупатель",
        "kind": "person",
        "name": charge["payer_key"],
        "full_name": charge["payer"],
        "inn": charge["payer_inn"],
    }
