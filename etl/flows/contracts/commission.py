"""Flow `commission` (specification 000): payment facts -> acts of the manager's remuneration in two halves ->
1C and the register."""

from __future__ import annotations

from typing import Any

import pandas as pd

from etl import tables
from etl.flows import registers, stages
from etl.flows.contracts import billing as billing_flow
from etl.flows.publication import queue
from etl.flows.publication.file import publish
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.load.spreadsheet import workbooks
from etl.transform import documents
from etl.transform.contracts import commission

SCOPE = "commission"


def flow(run: Run, _reading: Reading) -> None:
    """Accrue what the facts say, send the acts, settle which of them count as accepted. Raises NeedsPerson
    when the register was lost."""
    if run.profile.commission is None:
        return
    registers.refuse_if_lost(run, run.portal)
    export_planned(run)
    accrue(run)
    export_planned(run)
    confirm(run)


def accrue(run: Run) -> None:
    """New halves and reversals into the register, before any file is written."""
    settings = run.profile.commission
    assert settings is not None  # noqa: S101 run() has looked
    legacy = registers.legacy_deals(run)
    deals = run.portal.deals[~run.portal.deals["id"].isin(legacy)]
    new, exceptions = commission.accrue(
        deals, stages.facts(run), run.state.accruals.rows(), settings=settings, today=run.clock.today
    )
    run.journal.note(
        [
            tables.issue(
                f"{row['reason']}. {row['advice'] or ''}".strip(),
                severity="warn",
                entity="deal",
                key=row["deal"],
            )
            for row in tables.records(exceptions)
        ],
        SCOPE,
    )
    run.state.runs.close_issues(run.number, [SCOPE])
    _journal(run, run.state.accruals.plan(_sendable(run, new), run.number))


def _sendable(run: Run, new: pd.DataFrame) -> pd.DataFrame:
    """Without acts whose document 1C would refuse: they are not accrued, with an Issue, until the cause is
    mended."""
    if run.profile.delivery.act != "commerceml":
        return new
    refused = queue.refused(
        run,
        documents.act_documents(
            new, portal=run.profile.bitrix24.name, organisations=run.profile.organisations
        ),
    )
    return tables.frame("accruals", [row for row in tables.records(new) if row["number"] not in refused])


def export_planned(run: Run) -> None:
    """Send accruals that are in the register but in no file yet; repeating it after a crash writes the same
    bytes."""
    planned = run.state.accruals.rows("planned")
    if not len(planned):
        return
    rows = tables.records(planned)
    day = max(row["date"] for row in rows)
    name = f"{registers.ACTS}-{day:%Y-%m-%d}-{rows[0]['number']}-{len(rows)}"
    own = run.profile
    if own.delivery.act == "commerceml":
        queue.enqueue(
            run,
            documents.act_documents(planned, portal=own.bitrix24.name, organisations=own.organisations),
        )
        publish(run)
    else:
        billing_flow.write_import(run, planned, "act", f"{name}-zagruzka")
    heading = registers.meta(run, period=f"{day:%Y-%m}", version=1, moment=_moment(day))
    registers.write_book(
        run, f"{name}.xlsx", lambda target: workbooks.write_acts(target, accruals=planned, meta=heading)
    )
    run.state.accruals.mark([row["number"] for row in rows], "published")
    run.journal.counts["accruals"] += len(rows)


def confirm(run: Run) -> None:
    """Acts that count as accepted: seen back from 1C, merely published, or confirmed by a person, as the
    profile says."""
    settings = run.profile.commission
    assert settings is not None  # noqa: S101 run() has looked
    mode = commission.confirmation(settings, queue.dialect_of(run))
    published = [number for number, state in run.state.accruals.states().items() if state == "published"]
    sent = {number: rows[-1]["state"] for number, rows in run.state.publications.find(published).items()}
    # an act delivered as a spreadsheet has no publication: its file is written
    alone = "published" if run.profile.delivery.act == "spreadsheet" else "planned"
    accepted = sorted(commission.accepted(mode, {number: sent.get(number, alone) for number in published}))
    run.state.accruals.mark(accepted, "confirmed")
    run.journal.tell(
        [
            {
                "entity": "deal",
                "key": _deal(number),
                "action": "act-confirmed",
                "document": number,
                "after": "confirmed",
                "rule": f"commission.confirm = {mode}",
                "message": f"Акт {number} принят",
            }
            for number in accepted
        ]
    )


def _deal(number: str) -> str | None:
    from etl.values import keys

    key = keys.decode(number)
    return key.id if key else None


def _moment(day: Any) -> Any:
    import datetime as dt

    return dt.datetime.combine(day, dt.time.min)


def _journal(run: Run, added: list[Record]) -> None:
    run.journal.tell(
        [
            {
                "entity": "deal",
                "key": row["deal"],
                "action": "accrual",
                "field": row["part"],
                "after": row["amount"],
                "document": row["number"],
                "rule": "commission: половина по факту оплаты, округление до копейки, вторая = остаток",
                "message": f"Вознаграждение {row.get('manager_name') or ''}: {row['amount']} руб. из {row['agreed']}",
            }
            for row in added
        ]
    )
