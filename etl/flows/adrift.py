"""Money and goods of deals that the profile's pipeline does not hold: deleted, or moved to another one.

Such a fact is recorded and moves nothing, so a person is told: a remark that stands until the deal is back,
the document is withdrawn or somebody answers that it is all right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from etl import tables
from etl.bitrix24.fields import DEAL
from etl.flows import facts
from etl.flows.orders import told
from etl.flows.run import Record, Run
from etl.transform.money import adrift

SCOPE = "adrift"
#: entity of the questions; watermark: the run up to which facts were looked at
QUESTION, _LOOKED = "adrift", "adrift-looked"


def look(run: Run) -> None:
    """Facts that are new since the last look, and those that somebody was asked about before."""
    asked = [row for row in run.state.questions.open() if row["entity"] == QUESTION]
    since = int(run.state.files.cursor(_LOOKED) or run.number - 1)
    fresh = run.state.facts.since(since)
    run.state.files.set_cursor(_LOOKED, str(run.number))
    if fresh or asked:
        _tell(run, {row["key"] for row in asked}, fresh)
    run.state.runs.close_issues(run.number, [SCOPE])


def _tell(run: Run, asked: set[str], fresh: Sequence[Record]) -> None:
    """One remark and one question for each fact without its deal."""
    keys = asked | {adrift.key(row) for row in fresh}
    living = [row for row in run.state.facts.since(0) if adrift.key(row) in keys]
    owners = _owners(run, living)
    held = set(run.portal.deals["id"])
    absent = {deal for deal in owners.values() if deal not in held}
    elsewhere = run.portal.living(DEAL, absent) if absent else set()
    lost = [row for row in living if owners.get(row["target"]) in absent]
    texts = {adrift.key(row): adrift.text(row, owners[row["target"]], elsewhere) for row in lost}
    answered = run.state.questions.answers(QUESTION)
    run.state.questions.ask([_question(key, text) for key, text in texts.items() if key not in answered])
    run.state.questions.withdraw(asked - texts.keys())
    for row in lost:
        if adrift.key(row) not in answered:
            run.journal.note([_issue(row, owners[row["target"]], texts[adrift.key(row)])], SCOPE)


def _owners(run: Run, rows: Iterable[Record]) -> dict[str, str]:
    """Target of a fact -> its deal: what was sent, what was born in 1C, what the number itself says."""
    known = {number: row["deal"] for number, row in told.sent(run).items()}
    for link in run.state.links.all("document", "linked"):
        known |= dict.fromkeys((link["foreign_id"], link["number"]), link["portal_id"])
    found: dict[str, str] = {}
    for row in rows:
        deal = facts.deal_of(row["target"], known)
        if deal:
            found[row["target"]] = deal
    return found


def _question(key: str, text: str) -> Record:
    return {"key": key, "entity": QUESTION, "text": text, "candidates": [{"id": "seen", "text": adrift.SEEN}]}


def _issue(row: Record, deal: str, text: str) -> Record:
    return tables.issue(text, severity="warn", entity="deal", key=deal, file=row["file"], value=row["target"])
