"""Flow `commission` (specification 000): payment facts -> acts of the manager's remuneration in two halves ->
1C and the register."""

from __future__ import annotations

from typing import Any

import pandas as pd

from etl import tables
from etl.flows import registers, stages
from etl.flows.contracts import billing as billing_flow
from etl.flows.publication import answers
from etl.flows.run import Context, Record
from etl.load.spreadsheet import workbooks
from etl.transform import documents
from etl.transform.contracts import commission

SCOPE = "commission"


def run(context: Context) -> None:
    """Accrue what the facts say, send the acts, settle which of them count as accepted. Raises NeedsPerson
    when the register was lost."""
    if context.profile.commission is None:
        return
    registers.refuse_if_lost(context)
    export_planned(context)
    accrue(context)
    export_planned(context)
    confirm(context)


def accrue(context: Context) -> None:
    """New halves and reversals into the register, before any file is written."""
    settings = context.profile.commission
    assert settings is not None  # noqa: S101 run() has looked
    legacy = registers.legacy_deals(context)
    deals = context.deals[~context.deals["id"].isin(legacy)]
    new, exceptions = commission.accrue(
        deals, stages.facts(context), context.store.accruals.rows(), settings=settings, today=context.today
    )
    context.note(
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
    context.store.runs.close_issues(context.run, [SCOPE])
    _journal(context, context.store.accruals.plan(_sendable(context, new), context.run))


def _sendable(context: Context, new: pd.DataFrame) -> pd.DataFrame:
    """Without acts whose document 1C would refuse: they are not accrued, with an Issue, until the cause is
    mended."""
    if context.profile.delivery.act != "commerceml":
        return new
    refused = answers.refused(
        context,
        documents.act_documents(
            new, portal=context.profile.bitrix24.name, organisations=context.profile.organisations
        ),
    )
    return tables.frame("accruals", [row for row in tables.records(new) if row["number"] not in refused])


def export_planned(context: Context) -> None:
    """Send accruals that are in the register but in no file yet; repeating it after a crash writes the same
    bytes."""
    planned = context.store.accruals.rows("planned")
    if not len(planned):
        return
    rows = tables.records(planned)
    day = max(row["date"] for row in rows)
    name = f"{registers.ACTS}-{day:%Y-%m-%d}-{rows[0]['number']}-{len(rows)}"
    own = context.profile
    if own.delivery.act == "commerceml":
        answers.enqueue(
            context,
            documents.act_documents(planned, portal=own.bitrix24.name, organisations=own.organisations),
        )
        answers.publish(context)
    else:
        billing_flow.write_import(context, planned, "act", f"{name}-zagruzka")
    heading = registers.meta(context, period=f"{day:%Y-%m}", version=1, moment=_moment(day))
    registers.write_book(
        context, f"{name}.xlsx", lambda target: workbooks.write_acts(target, accruals=planned, meta=heading)
    )
    context.store.accruals.mark([row["number"] for row in rows], "published")
    context.report.counts["accruals"] += len(rows)


def confirm(context: Context) -> None:
    """Acts that count as accepted: seen back from 1C, merely published, or confirmed by a person, as the
    profile says."""
    settings = context.profile.commission
    assert settings is not None  # noqa: S101 run() has looked
    mode = commission.confirmation(settings, answers.dialect_of(context))
    published = [number for number, state in context.store.accruals.states().items() if state == "published"]
    sent = {number: rows[-1]["state"] for number, rows in context.store.publications.find(published).items()}
    # an act delivered as a spreadsheet has no publication: its file is written
    alone = "published" if context.profile.delivery.act == "spreadsheet" else "planned"
    accepted = sorted(commission.accepted(mode, {number: sent.get(number, alone) for number in published}))
    context.store.accruals.mark(accepted, "confirmed")
    context.journal(
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


def _journal(context: Context, added: list[Record]) -> None:
    context.journal(
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
