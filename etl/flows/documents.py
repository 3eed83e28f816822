"""Flow `documents-in`: documents of 1C -> facts of payment and shipment, and news about what we sent.

Specification 000 takes facts only: a number of 1C that is not ours is an Issue and creates nothing. Profiles
with `[orders]` also let documents change deals (`etl.flows.orders.incoming`).
"""

from __future__ import annotations

from collections.abc import Sequence

from etl.flows import facts as recording
from etl.flows.publication import answers
from etl.flows.reading import Reading
from etl.flows.run import Run
from etl.records import Document
from etl.transform.money import targets
from etl.values import keys

SCOPE = "documents-in"
#: Links of this entity remember to which of our numbers a document of 1C belongs; they bind nothing.
BASIS = "basis"


def flow(run: Run, reading: Reading) -> None:
    """Record what the documents read in this run tell; where the profile has orders, let them change
    deals.
    """
    if reading.met:
        new = {row["id"] for row in reading.seen}
        # 1C may return a charge or an act unchanged: that answers a correction of ours too
        telling = [row for row in reading.met if row["id"] in new or _is_of_register(row)]
        answers.seen_back(run, telling, reading.lines, reading.moments)
    if run.profile.orders:
        from etl.flows.orders import incoming

        incoming.apply_all(run, reading)
    elif reading.documents:
        _contract_facts(run, reading.met, reading.documents)
    answers.assume(run)


def _is_of_register(row: Document) -> bool:
    """A number of ours that names a charge, an act or its reversal (DESIGN §5)."""
    key = keys.decode(row["number"])
    return key is not None and key.kind in ("charge", "act", "reversal")


def _contract_facts(run: Run, met: Sequence[Document], fresh: Sequence[Document]) -> None:
    """Facts of the documents that are new, led to their charges through every document met, now or in an
    earlier run.
    """
    new = {row["id"] for row in fresh}
    remembered = {link["foreign_id"]: link["number"] for link in run.state.links.all(BASIS)}
    known = recording.known_numbers(run)
    found, unknown = targets.targets(
        met, portal=run.profile.bitrix24.name, known=known, remembered=remembered
    )
    run.journal.note([row for row in unknown if row["key"] in new], SCOPE)
    learnt = {document: target for document, target in found.items() if remembered.get(document) != target}
    remember(run, learnt)
    recording.record_facts(run, fresh, {document: found[document] for document in found if document in new})


def remember(run: Run, found: dict[str, str]) -> None:
    """To which of our numbers a document of 1C belongs: 1C need not tell a basis again."""
    rows = [
        {"entity": BASIS, "foreign_id": document, "number": target, "state": "gone"}
        for document, target in found.items()
    ]
    run.state.links.put(rows)
