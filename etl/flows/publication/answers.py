"""What 1C answers to documents we sent: returned, returned otherwise, or passed over in silence.

1C never acknowledges. Whether it took a document is judged by what it exports afterwards
(`transform.acceptance`); here the verdicts are applied and told.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from etl import tables
from etl.flows.run import Record, Run
from etl.records import Document, Line
from etl.transform import acceptance
from etl.transform.acceptance import Sent, Sums, Verdict

if TYPE_CHECKING:
    pass

_SESSION, _ONE_SESSION = "last-session", dt.timedelta(seconds=30)
#: Links of this entity remember 1C's own number of a document of ours; they bind nothing.
_PRINTED = "printed"
#: Publications compared with what 1C returned at a time: with their payloads, all of them would be many times
#: the file.
_PART = 400
_STANDING = ("published", "assumed")
_SCOPE = "outgoing"
_WORDS = {"echoed": "1С вернула документ", "refused": "1С не приняла правку"}
#: number and kind of a document -> what 1C tells of it
_Told = Mapping[tuple[str | None, str], Document]


def seen_back(
    run: Run,
    documents: Sequence[Document],
    lines: Sequence[Line],
    generated_at: Mapping[str, dt.datetime | None],
) -> None:
    """Compare documents of 1C with what was sent. In: records of `documents` and their lines read now, file
    -> its moment (aware).

    The same amount (or a cancellation we asked for) confirms; another amount in a file written after our
    publication means that 1C did not accept the change.
    """
    told = _told(documents)
    sums = acceptance.line_sums(lines)
    sent: set[str] = set()
    for publications in _publications(run, documents):
        sent |= publications.keys()
        for held in _standing(publications):
            row = _answer(told, held)
            if row:
                written = generated_at.get(row["file"] or "")
                _judge(run, held, row, sums.get(row["id"], Counter()), written)
    run.state.links.put(_printed(row) for row in documents if row["number"] in sent and row["number_1c"])


def judge_silent(run: Run, documents: Iterable[Document], lines: Iterable[Line]) -> None:
    """Documents that 1C had its `resend` sessions for and did not tell anew: what it told last says whether
    it took them.

    In: what 1C has told so far. A document it never told stays for `assume`.
    """
    waiting = run.state.publications.listed("published", sessions=run.profile.onec.resend)
    if not waiting:
        return
    told = _told(documents)
    sums = acceptance.line_sums(lines)
    for held in waiting:
        row = _answer(told, held)
        if row:
            _judge(run, held, row, sums.get(row["id"], Counter()), None)


def printed_numbers(run: Run) -> dict[str, list[str]]:
    """Our number -> the numbers under which 1C prints that document: what people quote when they pay."""
    found: dict[str, list[str]] = {}
    for link in run.state.links.all(_PRINTED):
        number = link["foreign_id"].partition("|")[2]
        found.setdefault(number, []).append(link["number"])
    return found


def count_session(run: Run, moment: dt.datetime) -> None:
    """1C has exported at `moment` (aware), so it has read what was published before. The files of one session
    carry moments seconds apart, and a file may be met twice: a session counts when it is later than the last
    one by more than that.
    """
    last = run.state.files.cursor(_SESSION)
    if last is None or moment - dt.datetime.fromisoformat(last) > _ONE_SESSION:
        session = moment.isoformat()
        run.state.publications.count_session(session, before=moment)
        run.state.files.set_cursor(_SESSION, session)


def assume(run: Run) -> None:
    """Documents 1C has had `resend` sessions for are taken as accepted and leave the file; no money rests on
    it.
    """
    silent = run.state.publications.silent(run.profile.onec.resend)
    run.state.publications.mark(silent, "assumed")
    run.journal.counts["assumed"] += len(silent)


# ---- what was sent, what was told ----
def _told(documents: Iterable[Document]) -> _Told:
    return {(row["number"], row["kind"]): row for row in documents}


def _publications(run: Run, documents: Sequence[Document]) -> Iterator[dict[str, list[Record]]]:
    """Number -> publications of it, of the documents with these numbers, part by part."""
    numbers = list(dict.fromkeys(row["number"] for row in documents if row["number"]))
    for start in range(0, len(numbers), _PART):
        yield run.state.publications.find(numbers[start : start + _PART])


def _standing(publications: Mapping[str, Sequence[Record]]) -> Iterator[Record]:
    """Publications that 1C may still answer."""
    for rows in publications.values():
        yield from (held for held in rows if held["state"] in _STANDING)


def _answer(told: _Told, held: Record) -> Document | None:
    """What 1C tells of a published document; a publication of a directory is none."""
    documents = held["payload"].get("documents")
    return told.get((held["document"], documents[0]["kind"])) if documents else None


def _printed(row: Document) -> Record:
    return {
        "entity": _PRINTED,
        "foreign_id": f"{row['kind']}|{row['number']}",
        "number": row["number_1c"],
        "state": "gone",
    }


# ---- the verdict ----
def _judge(run: Run, held: Record, row: Document, sums: Sums, written: dt.datetime | None) -> None:
    payload = held["payload"]
    sent = Sent(payload["documents"][0], payload["lines"], held["published_at"])
    verdict = acceptance.verdict(sent, row, sums, written)
    if verdict is None:
        return
    run.state.publications.mark([held["id"]], verdict)
    run.journal.counts[verdict] += 1
    run.journal.tell([_step(held, row, verdict)])
    if verdict == "refused":
        run.journal.note([_not_taken(sent.document, row, held["document"])], _SCOPE)


def _step(held: Record, row: Document, verdict: Verdict) -> Record:
    """The verdict as a step of the journal."""
    return {
        "entity": "document",
        "key": held["document"],
        "action": verdict,
        "file": row["file"],
        "document": row["number_1c"],
        "before": held["state"],
        "after": verdict,
        "message": _WORDS[verdict],
    }


def _not_taken(sent: Document, row: Document, number: str) -> Record:
    ours, theirs = _money(sent.get("amount")), _money(row["amount"])
    return tables.issue(
        f"1С не приняла правку: у нас {ours}, в 1С {theirs}. Исправьте документ в 1С вручную.",
        severity="warn",
        file=row["file"],
        entity="document",
        key=number,
        field="amount",
        value=row["amount"],
    )


def _money(amount: Decimal | None) -> str:
    """A sum in a message; 1C may tell a document without one."""
    return "без суммы" if amount is None else f"{amount:.2f}"
