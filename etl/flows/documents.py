"""Flow `documents-in`: documents of 1C -> facts of payment and shipment, and news about what we sent.

Specification 000 takes facts only: a number of 1C that is not ours is an Issue and creates nothing. Profiles
with `[orders]` also let documents change deals (`etl.flows.orders.incoming`)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from etl import tables
from etl.flows.publication import answers
from etl.flows.run import Context, Record
from etl.transform.money import facts
from etl.values import keys

SCOPE = "documents-in"
#: Links of this entity remember to which of our numbers a document of 1C belongs; they bind nothing.
BASIS = "basis"
#: kind of fact -> kinds of documents that tell it
_MOVING = {"payment": ("payment", "refund"), "shipment": ("shipment", "return")}


def run(context: Context) -> None:
    """Record what the documents read in this run tell; where the profile has orders, let them change
    deals."""
    documents = context.table("documents")
    met, fresh = tables.records(context.met), set(documents["id"])
    if met:
        # 1C may return a charge or an act unchanged: that answers a correction of ours too
        answers.seen_back(
            context, [row for row in met if row["id"] in fresh or _register_number(row)], context.moments
        )
    if context.profile.orders:
        from etl.flows.orders import incoming

        incoming.run(context)
    elif len(documents):
        _contract_facts(context, documents)
    answers.assume(context)


def _register_number(row: Record) -> bool:
    key = keys.decode(row["number"])
    return key is not None and key.kind in ("charge", "act", "reversal")


def _contract_facts(context: Context, documents: pd.DataFrame) -> None:
    """Facts of the documents that are new, led to their charges through every document met, now or in an
    earlier run."""
    remembered = {link["foreign_id"]: link["number"] for link in context.store.links.all(BASIS)}
    met, unknown = facts.targets(
        context.met, portal=context.profile.bitrix24.name, known=known_numbers(context), remembered=remembered
    )
    fresh = set(documents["id"])
    context.note([row for row in tables.records(unknown) if row["key"] in fresh], SCOPE)
    context.store.links.put(
        [
            {"entity": BASIS, "foreign_id": document, "number": target, "state": "gone"}
            for document, target in met.items()
            if remembered.get(document) != target
        ]
    )
    found = {document: target for document, target in met.items() if document in fresh}
    record_facts(context, documents, found)


def record_facts(
    context: Context,
    documents: pd.DataFrame,
    found: Mapping[str, str],
    deals: Mapping[str, str] | None = None,
) -> None:
    """Payments and shipments told by documents into the state. `found` = document -> target, `deals` = target
    -> deal.

    A document that 1C has moved away from everything of ours no longer counts.
    """
    recorded = {kind: context.store.facts.rows(kind) for kind in ("payment", "shipment")}
    payments = facts.payment_facts(documents, found, context.profile.dialect, recorded["payment"])
    record(context, "payment", payments, deals)
    record(context, "shipment", facts.shipment_facts(documents, found, recorded["shipment"]), deals)
    for kind, kinds in _MOVING.items():
        moved = [
            row["id"] for row in tables.records(documents) if row["kind"] in kinds and row["id"] not in found
        ]
        context.journal(
            [
                _told(kind, change, deals or {})
                for change in context.store.facts.remove(kind, "1c", moved, context.run)
            ]
        )


def known_numbers(context: Context) -> set[str]:
    """Every number we have sent: charges, acts, and whatever else is in the publications."""
    charges = {row["number"] for row in tables.each(context.store.charges.current())}
    acts = {row["number"] for row in tables.records(context.store.accruals.rows())}
    return (
        charges
        | acts
        | context.store.publications.documents()
        | {link["foreign_id"] for link in context.store.links.all("document", "linked")}
    )


def record(context: Context, kind: str, found: pd.DataFrame, deals: Mapping[str, str] | None = None) -> None:
    """Facts into the state; what is new or changed goes into the journal of the deal: that of a charge, or by
    `deals`."""
    changes = context.store.facts.record(kind, found, context.run)
    # a flag repeats what a document tells, so only documents are counted
    told = [(change["after"] or change["before"])["source"] for change in changes]
    context.report.counts[f"{kind}s"] += sum(source in ("1c", "bank", "xlsx") for source in told)
    context.journal([_told(kind, change, deals or {}) for change in changes])


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
