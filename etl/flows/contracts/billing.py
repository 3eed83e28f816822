"""Flow `billing` (specification 000): the charges of a month into the register, from there to 1C and to the
accountant.

«Данные объекты должны обновляться ежемесячно для выставления счетов клиентам по видеонаблюдению.» The
register is written before any file: what is sent, shown and counted is read from it, so a run that continues
after a crash does the same again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from etl import tables
from etl.config.profile import Billing
from etl.flows import registers
from etl.flows.contracts import books
from etl.flows.contracts.plan import planned, referred_charges
from etl.flows.publication import queue
from etl.flows.publication.file import publish
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.flows.side import DealSource
from etl.records import Charge, NotBilled
from etl.transform import documents
from etl.transform.contracts import register
from etl.transform.contracts.billing import BillingPlan
from etl.values import clean

SCOPE = "billing"
#: Charges turned into documents at a time: memory stays flat, the file is one all the same.
_PART = 1000
_ACTION_COUNT = {"new": "charges", "amend": "amended", "resend": "resent"}


def flow(run: Run, _reading: Reading) -> None:
    """Charge what is due: the month asked for, or the current one from `billing.day` on. A month charged
    before gets only what is missing (a later version of its register). Raises NeedsPerson when the register
    was lost.
    """
    settings = run.profile.billing
    if settings is None:
        return
    registers.refuse_if_lost(run, run.portal)
    export_planned(run, settings, run.portal)
    if run.options.month:
        charge(run, settings, run.month, run.portal)
        return
    missed = clean.month_after(run.month, -1)
    known = {version["month"] for version in run.state.charges.versions()}
    if settings.day and register.was_missed(missed, known):
        charge(run, settings, missed, run.portal)  # no run came between billing.day and the end of that month
    if run.options.force_billing or _is_due(run, settings):
        charge(run, settings, run.month, run.portal)
    else:
        _remind(run)


def _is_due(run: Run, settings: Billing) -> bool:
    """By itself a run bills from `billing.day` on and opens at most one register version a day: an accountant
    reads every one of them.
    """
    if not settings.day or run.clock.today.day < settings.day:
        return False
    for version in run.state.charges.versions(run.month):
        moment = version["exported_at"]
        if moment and books.local(run, moment).date() == run.clock.today:
            return False
    return True


def _remind(run: Run) -> None:
    """Deals left out by the last charging stay in the account until they are mended."""
    waiting = tables.records(run.state.runs.open_issues(SCOPE))
    run.journal.counts["not_billed"] = sum(row["entity"] == "deal" for row in waiting)
    run.journal.report.issues += waiting


def charge(run: Run, settings: Billing, month: str, source: DealSource) -> None:
    """Plan the month, record the plan, export it."""
    run.journal.counts["deals_read"] = len(source.deals)
    plan = planned(run, settings, month, source.deals)
    _tell(run, plan)
    _record(run, settings, plan)
    del plan  # from here on the register tells, and a large firm's plan weighs as much as it does
    export_planned(run, settings, source)


def _record(run: Run, settings: Billing, plan: BillingPlan) -> None:
    """The plan into the register as planned versions. Corrections for a person's hand stand in it, too, so
    that the charge is what the person was told to make of it.
    """
    rows = _sendable(run, settings, tables.concat("charges", [plan.charges, plan.hand]))
    with run.state.transaction():
        for period in rows["month"].drop_duplicates():
            run.state.charges.plan(period, rows[rows["month"] == period], run.number)


def _sendable(run: Run, settings: Billing, rows: pd.DataFrame) -> pd.DataFrame:
    """Without charges whose document this 1C would refuse: they stay uncharged, with an Issue, until the
    cause is mended.
    """
    if run.profile.delivery.charge != "commerceml":
        return rows
    refused: set[str] = set()
    for part in _parts(rows):
        refused |= queue.refused(run, charge_documents(run, settings, part))
    return rows[~rows["number"].isin(refused)]


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows, so many at a time."""
    for start in range(0, len(rows), _PART):
        yield rows.iloc[start : start + _PART]


def charge_documents(run: Run, settings: Billing, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Documents of charges for 1C (tables documents, lines, parties)."""
    return documents.charge_documents(
        rows,
        portal=run.profile.bitrix24.name,
        settings=settings,
        organisations=run.profile.organisations,
        extended=run.profile.onec.extended,
    )


# ---- export
def export_planned(run: Run, settings: Billing, source: DealSource) -> None:
    """Export every planned version: documents for 1C or the import file, then the register, then freeze. A
    crash in between leaves it planned: the next run writes the same bytes again.
    """
    for version in run.state.charges.versions():
        if version["state"] == "planned":
            export(run, settings, source, version["month"], version["version"])


def export(run: Run, settings: Billing, source: DealSource, month: str, version: int) -> None:
    """Write all artefacts of one register version and freeze it. Exactly one of them is loadable into 1C."""
    _send(run, settings, month, version)
    sha256 = books.write_register(run, settings, source, month, version)
    rows = run.state.charges.rows(month, version)
    facts = {"sha256": sha256, "delivery": run.profile.delivery.charge, **registers.totals(rows)}
    run.state.charges.export(month, version, facts)
    _count(run, rows)


def _send(run: Run, settings: Billing, month: str, version: int) -> None:
    """The loadable artefact of one register version."""
    delivery = run.profile.delivery.charge
    rows = run.state.charges.rows(month, version)
    routes = _routes(run, delivery, rows["number"].tolist())
    sent = register.by_route(rows, delivery, routes, referred_charges(run))
    if delivery == "commerceml":
        for part in _parts(sent):
            queue.enqueue(run, charge_documents(run, settings, part))
        publish(run)
    else:
        # 1C makes a document of every row it loads, so only new charges are loadable; corrections are for a
        # person's hand
        new = sent[sent["action"] == "new"]
        books.write_import(run, new, "charge", f"nachisleniya-{month}-v{version}")


def _routes(run: Run, delivery: str, numbers: Sequence[str]) -> dict[str, str]:
    """Number of a charge -> how it went to 1C: as its first version did."""
    ways: dict[tuple[str, int], str] = {}
    for held in run.state.charges.versions():
        facts = held["facts"] or {}
        ways[held["month"], held["version"]] = facts.get("delivery", delivery)
    firsts = run.state.charges.firsts(numbers)
    return {number: ways.get(first, delivery) for number, first in firsts.items()}


# ---- what is told
def _tell(run: Run, plan: BillingPlan) -> None:
    """Deals left out and corrections only a person can make go into the account as issues."""
    left_out = tables.records(plan.exceptions, NotBilled)
    run.journal.counts["not_billed"] = len(left_out)
    run.journal.note(registers.left_out(left_out), SCOPE)
    run.journal.note([_by_hand(row) for row in tables.records(plan.hand, Charge)], SCOPE)
    run.state.runs.close_issues(run.number, [SCOPE])


def _by_hand(row: Charge) -> Record:
    return tables.issue(
        f"Начисление {row['number']} надо исправить в 1С вручную: новая сумма {row['amount']}. "
        "На него уже есть оплата или отгрузка, поэтому обмен его не меняет.",
        severity="warn",
        entity="deal",
        key=row["deal"],
        value=row["amount"],
    )


def _count(run: Run, rows: pd.DataFrame) -> None:
    """What was charged, into the account and the journal of the deals."""
    for action in rows["action"]:
        run.journal.counts[_ACTION_COUNT[action]] += 1
    charged = sum(rows.loc[rows["action"] == "new", "amount"])
    sums = run.journal.report.sums
    if charged:
        sums["начислено"] = sums.get("начислено", 0) + charged
    run.journal.tell(_steps(tables.each(rows, Charge)))


def _steps(rows: Iterable[Charge]) -> Iterator[Record]:
    for row in rows:
        yield {
            "entity": "deal",
            "key": row["deal"],
            "action": "charge",
            "field": row["month"],
            "after": row["amount"],
            "document": row["number"],
            "rule": f"billing.{row['action']}",
            "message": f"Начисление за {row['month']}: {row['amount']} руб., "
            f"плательщик по договору № {row['contract_number']}",
        }
