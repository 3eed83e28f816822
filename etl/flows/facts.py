"""Facts of payment and shipment into the state: what documents tell, what no longer counts, and the words of
the journal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from etl import tables
from etl.flows.run import Record, Run
from etl.transform.money import facts
from etl.values import keys

#: kind of fact -> kinds of documents that tell it
_MOVING = {"payment": ("payment", "refund"), "shipment": ("shipment", "return")}


def record_facts(
    run: Run,
    documents: pd.DataFrame,
    found: Mapping[str, str],
    deals: Mapping[str, str] | None = None,
) -> None:
    """Payments and shipments told by documents into the state. `found` = document -> target, `deals` = target
    -> deal.

    A document that 1C has moved away from everything of ours no longer counts.
    """
    recorded = {kind: run.state.facts.rows(kind) for kind in ("payment", "shipment")}
    payments = facts.payment_facts(documents, found, run.profile.dialect, recorded["payment"])
    record(run, "payment", payments, deals)
    record(run, "shipment", facts.shipment_facts(documents, found, recorded["shipment"]), deals)
    for kind, kinds in _MOVING.items():
        moved = [
            row["id"] for row in tables.records(documents) if row["kind"] in kinds and row["id"] not in found
        ]
        run.journal.tell(
            [
                _told(kind, change, deals or {})
                for change in run.state.facts.remove(kind, "1c", moved, run.number)
            ]
        )


def known_numbers(run: Run) -> set[str]:
    """Every number we have sent: charges, acts, and whatever else is in the publications."""
    charges = {row["number"] for row in tables.each(run.state.charges.current())}
    acts = {row["number"] for row in tables.records(run.state.accruals.rows())}
    return (
        charges
        | acts
        | run.state.publications.documents()
        | {link["foreign_id"] for link in run.state.links.all("document", "linked")}
    )


def record(run: Run, kind: str, found: pd.DataFrame, deals: Mapping[str, str] | None = None) -> None:
    """Facts into the state; what is new or changed goes into the journal of the deal: that of a charge, or by
    `deals`."""
    changes = run.state.facts.record(kind, found, run.number)
    # a flag repeats what a document tells, so only documents are counted
    told = [(change["after"] or change["before"])["source"] for change in changes]
    run.journal.counts[f"{kind}s"] += sum(source in ("1c", "bank", "xlsx") for source in told)
    run.journal.tell([_told(kind, change, deals or {}) for change in changes])


_WORDS = {"payment": "Оплата", "shipment": "Отгрузка"}


def _told(kind: str, change: Record, deals: Mapping[str, str]) -> dict[str, Any]:
    after = change["after"] or change["before"]
    key = keys.decode(after["target"])
    deal = deals.get(after["target"]) or (key.id if key and key.kind != "invoice" else None)
    number = f" № {after['number']}" if after["number"] else ""
    return {
        "entity": "deal" if deal else "document",
        "key": deal or after["target"],
        "action": kind,
        "field": after["source"],
        "before": change["before"] and change["before"]["amount"],
        "after": after["amount"],
        "file": after["file"],
        "document": after["target"],
        "rule": "facts: максимум по источникам, не сумма",
        "message": f"{_WORDS[kind]}{number} по документу {after['target']}: {_money(after['amount'])}",
    }


def _money(amount: Decimal | None) -> str:
    return "без суммы" if amount is None else f"{amount:.2f} руб."
