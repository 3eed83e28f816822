"""Flow `documents-in`: documents of 1C -> facts of payment and shipment, and news about what we sent.

Specification 000 takes facts only: a number of 1C that is not ours is an Issue and creates nothing. Profiles
with `[orders]` also let documents change deals (`etl.flows.orders.incoming`).
"""

from __future__ import annotations

from collections.abc import Sequence

from etl import tables
from etl.flows import facts as recording
from etl.flows.publication import answers
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.records import Document
from etl.transform.contracts.facts import standing
from etl.transform.documents import given_up
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
        run.journal.note(_given_up(run, telling), SCOPE)
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


def _given_up(run: Run, told: Sequence[Document]) -> list[Record]:
    """Charges and acts that stand in our register and that people deleted or cancelled in 1C: nothing follows
    by itself, but nobody may learn of it by chance.
    """
    gone = [row for row in told if given_up(row) and row["kind"] in ("order", "act") and _is_of_register(row)]
    if not gone:
        return []
    charged = {row["number"] for row in run.state.charges.listed() if row["amount"]}
    acts = standing(run.state.accruals.listed()).values()
    accrued = {row["number"] for row in acts}
    return [_deleted(row) for row in gone if row["number"] in charged | accrued]


def _deleted(row: Document) -> Record:
    what = "Акт вознаграждения" if row["kind"] == "act" else "Начисление"
    return tables.issue(
        f"{what} {row['number']} в 1С удалён или отменён, а в реестре обмена действует. "
        "Верните документ в 1С; если отмена верна, сообщите бухгалтеру: обмен сам его не отменит.",
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["number"],
        field="deleted",
    )


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
    told = {document: found[document] for document in found if document in new}
    recording.record_facts(run, fresh, told, SCOPE)
    recording.overdrawn(run, set(told.values()), SCOPE)


def remember(run: Run, found: dict[str, str]) -> None:
    """To which of our numbers a document of 1C belongs: 1C need not tell a basis again."""
    rows = [
        {"entity": BASIS, "foreign_id": document, "number": target, "state": "gone"}
        for document, target in found.items()
    ]
    run.state.links.put(rows)
