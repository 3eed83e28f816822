"""Flow `documents-in`: documents of 1C -> facts of payment and shipment, and news about what we sent.

Specification 000 takes facts only: a number of 1C that is not ours is an Issue and creates nothing. Profiles with `[orders]` also
let documents change deals (`etl.flows.orders`).
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from etl import tables
from etl.flows import outgoing
from etl.flows.context import Context, Record
from etl.transform import facts

SCOPE = "documents-in"


def run(context: Context) -> None:
    """Record what the documents read in this run tell."""
    documents = context.table("documents")
    if len(documents):
        outgoing.seen_back(context, tables.records(documents), {seen["id"]: seen["generated_at"] for seen in context.seen})
        _record_facts(context, documents)
    outgoing.assume(context)


def _record_facts(context: Context, documents: pd.DataFrame) -> None:
    found, unknown = facts.targets(documents, portal=context.profile.bitrix24.name, known=known_numbers(context))
    context.note(unknown, SCOPE)
    recorded = {kind: context.store.facts.rows(kind) for kind in ("payment", "shipment")}
    payments = facts.payment_facts(documents, found, context.profile.dialect, recorded["payment"])
    record(context, "payment", payments)
    record(context, "shipment", facts.shipment_facts(documents, found, recorded["shipment"]))


def known_numbers(context: Context) -> set[str]:
    """Every number we have sent: charges, acts, and whatever else is in the publications."""
    charges = {row["number"] for row in tables.records(context.store.charges.current())}
    acts = {row["number"] for row in tables.records(context.store.accruals.rows())}
    sent = {row["document"] for row in context.store.publications.listed("planned", "published", "echoed", "assumed", "refused")}
    return charges | acts | sent | {link["foreign_id"] for link in context.store.links.all("document", "linked")}


def record(context: Context, kind: str, found: pd.DataFrame) -> None:
    """Facts into the state; what is new or changed goes into the journal of the charge's deal."""
    changes = context.store.facts.record(kind, found, context.run)
    # a flag repeats what a document tells, so only documents are counted
    context.report.counts[f"{kind}s"] += sum((change["after"] or change["before"])["source"] in ("1c", "bank", "xlsx") for change in changes)
    context.journal([_told(kind, change) for change in changes])


_WORDS = {"payment": "Оплата", "shipment": "Отгрузка"}


def _told(kind: str, change: Record) -> dict[str, Any]:
    from etl.transform import keys

    after = change["after"] or change["before"]
    key = keys.decode(after["target"])
    number = f" № {after['number']}" if after["number"] else ""
    return {"entity": "deal" if key else "document", "key": key.id if key else after["target"], "action": kind, "field": after["source"],
            "before": change["before"] and change["before"]["amount"], "after": after["amount"], "file": after["file"],
            "document": after["target"], "rule": "facts: максимум по источникам, не сумма",
            "message": f"{_WORDS[kind]}{number} по документу {after['target']}: {after['amount']} руб."}
