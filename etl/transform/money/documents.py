"""Payment documents for 1C from receipts it has not reported: «необходимо, чтобы в 1С приходило извещение о
том, что счет оплачен» (specification 000).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from etl.records import Charge, Document, Party, Payment
from etl.tables import frame
from etl.transform.money.paid import ZERO, paid
from etl.transform.tellings import SHARES
from etl.values import keys

if TYPE_CHECKING:
    import pandas as pd

_FROM_1C = ("1c", "1c-flag")
#: facts of one receipt: what it pays of each charge
Receipt = list[Payment]


def unreported(
    payments: Iterable[Payment], charges: Mapping[str, Charge], sent: Collection[str] = ()
) -> list[Receipt]:
    """Receipts of the bank for our charges of which 1C has told no money yet, each with all it pays: 1C will
    meet it in its own statement as one document. `sent`: numbers of documents that 1C was told before; a
    receipt whose parts went there one by one, as version 0.1 did, does not go again.
    """
    told = list(payments)
    from_1c = paid(fact for fact in told if fact["source"] in _FROM_1C)
    known = {target for target, got in from_1c.items() if got.amount is not None and got.amount > 0}
    receipts: dict[str, Receipt] = {}
    for fact in told:
        if fact["source"] == "bank" and fact["target"] in charges and fact["amount"]:
            receipts.setdefault(fact["id"].partition(":")[0], []).append(fact)
    return [
        shares
        for shares in receipts.values()
        if any(fact["target"] not in known for fact in shares) and not _went_in_parts(shares, sent)
    ]


def _went_in_parts(shares: Receipt, sent: Collection[str]) -> bool:
    return len(shares) > 1 and any(_number([fact]) in sent for fact in shares)


def payment_documents(
    receipts: Iterable[Receipt], charges: Mapping[str, Charge], *, portal: str, invoiced: bool
) -> dict[str, pd.DataFrame]:
    """One payment or refund per receipt, based on the invoice (or order) of the first charge it pays; what it
    pays of each stands in the requisite «Расшифровка платежа» (docs/contract-1c.ru.md).

    In: facts of source «bank» by receipt (refunds negative), the charges they pay by number, whether charges
    carry an invoice. Out: tables documents, lines (none), parties (the payer as it was first exported).
    Amounts are roubles, positive in both kinds.
    """
    documents: list[Document] = []
    parties: list[Party] = []
    for shares in receipts:
        document = _payment(shares, charges, portal, invoiced)
        documents.append(document)
        parties.append(_payer(document, charges[shares[0]["target"]]))
    return {
        "documents": frame("documents", documents),
        "lines": frame("lines"),
        "parties": frame("parties", parties),
    }


def _payment(shares: Receipt, charges: Mapping[str, Charge], portal: str, invoiced: bool) -> Document:
    first, charge = shares[0], charges[shares[0]["target"]]
    number = _number(shares)
    amount = sum((fact["amount"] or ZERO for fact in shares), ZERO)
    kind = "payment" if amount > 0 else "refund"
    return {
        "id": keys.document_id(portal, kind, number),
        "kind": kind,
        "number": number,
        "date": first["date"],
        "basis": keys.document_id(portal, "invoice" if invoiced else "order", charge["number"]),
        "basis_number": charge["number"],
        "party": keys.document_id(portal, "party", charge["payer_key"]),
        "organisation": charge["organisation"],
        "amount": abs(amount),
        "currency": "RUB",
        "posted": True,
        "paid": True,
        "paid_on": first["date"],
        "paid_number": first["number"],
        "deal": charge["deal"],
        "requisites": _requisites(shares, charges),
    }


def _number(shares: Receipt) -> str:
    """The number of a payment document: of one charge by the fact, of several by the receipt."""
    named = shares[0]["id"] if len(shares) == 1 else shares[0]["id"].partition(":")[0]
    return f"P{hashlib.sha256(named.encode()).hexdigest()[:10].upper()}"


def _requisites(shares: Receipt, charges: Mapping[str, Charge]) -> dict[str, str | None]:
    """The contracts and charges paid, and how much of the receipt each gets where there are several."""
    contracts = dict.fromkeys(charges[fact["target"]]["contract_number"] or "" for fact in shares)
    said: dict[str, str | None] = {
        "Номер договора": ", ".join(name for name in contracts if name) or None,
        "Ключ": ", ".join(fact["target"] for fact in shares),
    }
    if len(shares) > 1:
        said[SHARES] = "; ".join(f"{fact['target']}: {abs(fact['amount'] or ZERO):.2f}" for fact in shares)
    return said


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
