"""Documents of 1C and what they tell, as the tests of facts, contracts and orders make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from etl import tables
from etl.config.dialects import DIALECTS
from etl.records import Document, Payment
from etl.transform.money import facts, paid, targets
from etl.values import keys

D = Decimal
PORTAL = "video"
CHARGE = "M261110003F"
ORDER, INVOICE = keys.document_id(PORTAL, "order", CHARGE), keys.document_id(PORTAL, "invoice", CHARGE)

Row = Mapping[str, Any]


def document(kind: str, **changes: Any) -> dict[str, Any]:
    return {"id": f"{kind}-1", "kind": kind, "date": date(2026, 11, 12), "amount": D("1500.00")} | changes


def documents(*rows: Row) -> list[Document]:
    """Rows of the table `documents` with every column."""
    return tables.records(tables.frame("documents", rows), Document)


def payments(rows: Iterable[Row]) -> list[Payment]:
    """Rows of the table `payments` with every column."""
    return tables.records(tables.frame("payments", rows), Payment)


def told(
    *rows: Row, dialect: str = "bitrix3", known: Iterable[str] = (CHARGE,), recorded: Iterable[Row] = ()
) -> tuple[list[Payment], list[dict[str, Any]]]:
    """Payments that the documents tell, and issues of those that lead nowhere."""
    listed = documents(*rows)
    found, issues = targets.targets(listed, portal=PORTAL, known=list(known))
    return facts.payment_facts(listed, found, DIALECTS[dialect], payments(recorded)), issues


def shipped(*rows: Row, known: Iterable[str] = ("B24-5",), recorded: Iterable[Row] = ()) -> list[Payment]:
    """Shipments that the documents tell."""
    listed = documents(*rows)
    found, _ = targets.targets(listed, portal=PORTAL, known=list(known))
    return facts.shipment_facts(listed, found, payments(recorded))


def law(*rows: Row, due: Mapping[str, int] | None = None) -> dict[str, paid.Paid]:
    """What the facts add up to; `due` in roubles."""
    sums = {target: D(amount) for target, amount in (due or {}).items()}
    return paid.paid(payments(rows), sums)
