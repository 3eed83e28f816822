"""Flow `commission` (specification 000): halves of the managers' remuneration into the register, acts to 1C,
what was accepted.

«… для начисления 1-й части оплаты, которая отсылается в 1С в раздел «Акты выполненных работ».»
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import pandas as pd

from etl import tables
from etl.config.profile import Commission
from etl.flows import registers, stages
from etl.flows.contracts import books
from etl.flows.publication import queue
from etl.flows.publication.file import publish
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.load.spreadsheet import workbooks
from etl.records import Deal
from etl.transform import documents
from etl.transform.contracts import commission
from etl.transform.contracts.commission import Asked
from etl.values import keys

#: of the issues, and entity of the questions
SCOPE = "commission"
_ACCRUE = "accrue"


def flow(run: Run, _reading: Reading) -> None:
    """Accrue what the facts say, send the acts, settle which of them count as accepted. Raises NeedsPerson
    when the register was lost.
    """
    settings = run.profile.commission
    if settings is None:
        return
    registers.refuse_if_lost(run, run.portal)
    export_planned(run)
    accrue(run, settings)
    export_planned(run)
    confirm(run, settings)


def accrue(run: Run, settings: Commission) -> None:
    """New halves and reversals into the register, before any file is written."""
    legacy = registers.legacy_deals(run)
    every = tables.each(run.portal.deals, Deal)
    deals = [deal for deal in every if deal["id"] not in legacy]
    known = run.state.accruals.listed()
    answers = run.state.questions.answers(SCOPE)
    new, left, doubtful = commission.accrue(
        deals,
        stages.contracts(run),
        known,
        settings=settings,
        organisations=run.profile.organisations,
        today=run.clock.today,
        granted={key: answer.get("id") == _ACCRUE for key, answer in answers.items()},
    )
    run.journal.note(registers.left_out(left), SCOPE)
    _ask(run, doubtful)
    run.state.runs.close_issues(run.number, [SCOPE])
    if new:
        sendable = _sendable(run, tables.frame("accruals", new))
        added = run.state.accruals.plan(sendable, run.number)
        run.journal.tell([_step(row) for row in added])


def _ask(run: Run, doubtful: Sequence[Asked]) -> None:
    """A second half paid after the termination: remark and question for as long as nobody has answered."""
    run.journal.note([_remark(one) for one in doubtful], SCOPE)
    run.state.questions.ask([_question(one) for one in doubtful], run.number)
    standing = {row["key"] for row in run.state.questions.open() if row["entity"] == SCOPE}
    run.state.questions.withdraw(standing - {one.key for one in doubtful})


def _remark(one: Asked) -> Record:
    message = f"{one.reason}: вторая часть вознаграждения не начислена. Решите: obmen24 ask."
    return tables.issue(message, severity="ask", entity="deal", key=one.deal["id"], field="commission")


def _question(one: Asked) -> Record:
    title, manager = one.deal["title"] or "", one.deal["manager_name"] or "ответственный не указан"
    text = (
        f"Сделка {one.deal['id']} «{title}» ({manager}). {one.reason}. Начислить вторую часть вознаграждения?"
    )
    ways = [{"id": _ACCRUE, "text": "начислить"}, {"id": None, "text": "не начислять"}]
    return {"key": one.key, "entity": SCOPE, "text": text, "candidates": ways}


def _sendable(run: Run, new: pd.DataFrame) -> pd.DataFrame:
    """Without acts whose document 1C would refuse: they are not accrued, with an Issue, until the cause is
    mended.
    """
    if run.profile.delivery.act != "commerceml":
        return new
    refused = queue.refused(run, act_documents(run, new))
    return new[~new["number"].isin(refused)]


def act_documents(run: Run, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Documents of acts for 1C (tables documents, lines, parties)."""
    profile = run.profile
    return documents.act_documents(rows, portal=profile.bitrix24.name, organisations=profile.organisations)


def export_planned(run: Run) -> None:
    """Send accruals that are in the register but in no file yet; repeating it after a crash writes the same
    bytes.
    """
    planned = run.state.accruals.rows("planned")
    if not len(planned):
        return
    numbers, day = planned["number"].tolist(), max(planned["date"])
    name = f"{registers.ACTS}-{day:%Y-%m-%d}-{numbers[0]}-{len(numbers)}"
    if run.profile.delivery.act == "commerceml":
        queue.enqueue(run, act_documents(run, planned))
        publish(run)
    else:
        books.write_import(run, planned, "act", f"{name}-zagruzka")
    midnight = dt.datetime.combine(day, dt.time.min)
    heading = registers.meta(run, period=f"{day:%Y-%m}", version=1, moment=midnight)

    def write(target: BinaryIO) -> None:
        """`writer` as `write_book` calls it, with the target alone."""
        workbooks.write_acts(target, accruals=planned, meta=heading)

    registers.write_book(run, f"{name}.xlsx", write)
    run.state.accruals.mark(numbers, "published")
    run.journal.counts["accruals"] += len(numbers)


def confirm(run: Run, settings: Commission) -> None:
    """Acts that count as accepted: seen back from 1C, merely published, or confirmed by a person, as the
    profile says.
    """
    mode = commission.confirmation(settings, queue.dialect_of(run))
    states = run.state.accruals.states()
    published = [number for number, state in states.items() if state == "published"]
    accepted = sorted(commission.accepted(mode, _sent(run, published)))
    run.state.accruals.mark(accepted, "confirmed")
    run.journal.tell([_accepted(number, mode) for number in accepted])


def _sent(run: Run, numbers: Iterable[str]) -> dict[str, str]:
    """Number of an act -> the state of its publication; one delivered as a spreadsheet has none: its file is
    written.
    """
    alone = "published" if run.profile.delivery.act == "spreadsheet" else "planned"
    found = run.state.publications.find(numbers)
    return {number: found[number][-1]["state"] if number in found else alone for number in numbers}


# ---- what is told
def _accepted(number: str, mode: str) -> Record:
    key = keys.decode(number)
    return {
        "entity": "deal",
        "key": key.id if key else None,
        "action": "act-confirmed",
        "document": number,
        "after": "confirmed",
        "rule": f"commission.confirm = {mode}",
        "message": f"Акт {number} принят",
    }


def _step(row: Record) -> Record:
    name = row.get("manager_name") or ""
    return {
        "entity": "deal",
        "key": row["deal"],
        "action": "accrual",
        "field": row["part"],
        "after": row["amount"],
        "document": row["number"],
        "rule": "commission: половина по факту оплаты, округление до копейки, вторая = остаток",
        "message": f"Вознаграждение {name}: {row['amount']} руб. из {row['agreed']}",
    }
