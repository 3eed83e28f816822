"""Flow `documents-in`: documents of 1C -> facts of payment and shipment, and news about what we sent.

Specification 000 takes facts only: a number of 1C that is not ours is an Issue and creates nothing. Profiles
with `[orders]` also let documents change deals (`etl.flows.orders.incoming`)."""

from __future__ import annotations

import pandas as pd

from etl import tables
from etl.flows import facts as recording
from etl.flows.publication import answers
from etl.flows.reading import Reading
from etl.flows.run import Run
from etl.records import Document
from etl.transform.money import facts
from etl.values import keys

SCOPE = "documents-in"
#: Links of this entity remember to which of our numbers a document of 1C belongs; they bind nothing.
BASIS = "basis"


def flow(run: Run, reading: Reading) -> None:
    """Record what the documents read in this run tell; where the profile has orders, let them change
    deals."""
    documents = reading.table("documents")
    met, fresh = tables.records(reading.met, Document), set(documents["id"])
    if met:
        # 1C may return a charge or an act unchanged: that answers a correction of ours too
        telling = [row for row in met if row["id"] in fresh or _register_number(row)]
        answers.seen_back(run, telling, reading.table("lines"), reading.moments)
    if run.profile.orders:
        from etl.flows.orders import incoming

        incoming.apply_all(run, reading)
    elif len(documents):
        _contract_facts(run, reading, documents)
    answers.assume(run)


def _register_number(row: Document) -> bool:
    key = keys.decode(row["number"])
    return key is not None and key.kind in ("charge", "act", "reversal")


def _contract_facts(run: Run, reading: Reading, documents: pd.DataFrame) -> None:
    """Facts of the documents that are new, led to their charges through every document met, now or in an
    earlier run."""
    remembered = {link["foreign_id"]: link["number"] for link in run.state.links.all(BASIS)}
    met, unknown = facts.targets(
        reading.met,
        portal=run.profile.bitrix24.name,
        known=recording.known_numbers(run),
        remembered=remembered,
    )
    fresh = set(documents["id"])
    run.journal.note([row for row in tables.records(unknown) if row["key"] in fresh], SCOPE)
    run.state.links.put(
        [
            {"entity": BASIS, "foreign_id": document, "number": target, "state": "gone"}
            for document, target in met.items()
            if remembered.get(document) != target
        ]
    )
    found = {document: target for document, target in met.items() if document in fresh}
    recording.record_facts(run, documents, found)
