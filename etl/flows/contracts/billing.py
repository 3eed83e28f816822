"""Flow `billing` (specification 000): deals under contract -> one charge per deal and month -> 1C and the
accountant's register."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from etl import tables
from etl.config.profile import Billing
from etl.errors import ConfigError
from etl.exchange.folder import SHEETS_OUT
from etl.flows import registers
from etl.flows.publication import queue
from etl.flows.publication.file import publish
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.flows.side import DealSource
from etl.load.spreadsheet import workbooks
from etl.transform import documents
from etl.transform.contracts import billing
from etl.transform.money import facts
from etl.values import clean, keys

SCOPE = "billing"
#: Charges turned into documents at a time: memory stays flat, the file is one all the same.
_PART = 1000


def flow(run: Run, _reading: Reading) -> None:
    """Charge what is due: the month asked for, or the current one from `billing.day` on. A month charged
    before gets only what is missing (a later version of its register). Raises NeedsPerson when the register
    was lost."""
    settings = run.profile.billing
    if settings is None:
        return
    registers.refuse_if_lost(run, run.portal)
    export_planned(run, settings, run.portal)
    month = run.month
    due = bool(settings.day and run.clock.today.day >= settings.day)
    missed = clean.month_after(month, -1)
    if settings.day and not run.options.month and _was_missed(run, missed):
        charge(run, settings, missed, run.portal)  # no run came between billing.day and the end of that month
    if run.options.month or run.options.force_billing or (due and not _charged_today(run, month)):
        charge(run, settings, month, run.portal)
    else:
        _remind(run)


def _was_missed(run: Run, month: str) -> bool:
    known = {version["month"] for version in run.state.charges.versions()}
    return month not in known and any(before < month for before in known)


def _charged_today(run: Run, month: str) -> bool:
    """By itself a run opens at most one register version a day: a number holds 35 versions of a month, and an
    accountant fewer."""
    return any(
        version["exported_at"] and _local(run, version["exported_at"]).date() == run.clock.today
        for version in run.state.charges.versions(month)
    )


def _remind(run: Run) -> None:
    """Deals left out by the last charging stay in the account until they are mended."""
    waiting = tables.records(run.state.runs.open_issues(SCOPE))
    run.journal.counts["not_billed"] = sum(row["entity"] == "deal" for row in waiting)
    run.journal.report.issues += waiting


def charge(run: Run, settings: Billing, month: str, source: DealSource) -> None:
    """Plan the month, record the plan, export it."""
    run.journal.counts["deals_read"] = len(source.deals)
    _record(run, planned(run, settings, month, source.deals), settings)
    export_planned(run, settings, source)


def _record(run: Run, plan: billing.BillingPlan, settings: Billing) -> None:
    """What the month means, into the register as planned versions: from there it is exported, and nothing
    else of it is kept."""
    _tell(run, plan)
    # corrections for a person's hand stand in the register too, so that the charge is what the person was
    # told to make of it
    rows = _sendable(run, settings, tables.concat("charges", [plan.charges, plan.hand]))
    with run.state.transaction():
        for period in rows["month"].drop_duplicates():
            run.state.charges.plan(period, rows[rows["month"] == period], run.number)


def _sendable(run: Run, settings: Billing, rows: pd.DataFrame) -> pd.DataFrame:
    """Without charges whose document this 1C would refuse: they stay uncharged, with an Issue, until the
    cause is mended."""
    if run.profile.delivery.charge != "commerceml":
        return rows
    refused: set[str] = set()
    for part in _parts(rows):
        refused |= queue.refused(run, _documents(run, settings, part))
    return rows[~rows["number"].isin(refused)]


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    return (rows.iloc[start : start + _PART] for start in range(0, len(rows), _PART))


def _documents(run: Run, settings: Billing, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return documents.charge_documents(
        rows,
        portal=run.profile.bitrix24.name,
        settings=settings,
        organisations=run.profile.organisations,
        extended=run.profile.onec.extended,
    )


def _by_route(run: Run, rows: pd.DataFrame, delivery: str) -> pd.DataFrame:
    """Rows that go to 1C by this delivery. A correction goes only the way its charge went, or 1C would hold
    two documents; one that 1C no longer takes is a person's."""
    routes = {
        (version["month"], version["version"]): (version["facts"] or {}).get("delivery", delivery)
        for version in run.state.charges.versions()
    }
    known = referred(run)

    def mine(row: Record) -> bool:
        first = keys.decode(row["number"])
        if row["action"] == "new" or first is None:
            return True
        return routes.get((row["month"], first.version or 1)) == delivery and not (
            row["action"] == "amend" and row["number"] in known
        )

    return rows.loc[[mine(row) for row in tables.each(rows)]]


def planned(run: Run, settings: Billing, month: str, deals: pd.DataFrame) -> billing.BillingPlan:
    """What `transform.billing` says about the month, given the register and what 1C already refers to."""
    return billing.plan(
        deals,
        run.state.charges.rows(),
        month=month,
        settings=settings,
        organisations=run.profile.organisations,
        today=run.clock.today,
        version=run.state.charges.open_version(month),
        referred=referred(run),
    )


def referred(run: Run) -> set[str]:
    """Numbers of charges to which a payment or shipment refers: 1C does not take a correction of them."""
    return facts.referred(run.state.facts.rows("payment"), run.state.facts.rows("shipment"))


def export_planned(run: Run, settings: Billing, source: DealSource) -> None:
    """Export every planned version: documents for 1C or the import file, then the register, then freeze. A
    crash in between leaves it planned: the next run writes the same bytes again."""
    for version in run.state.charges.versions():
        if version["state"] == "planned":
            export(run, settings, source, version["month"], version["version"])


def export(run: Run, settings: Billing, source: DealSource, month: str, version: int) -> None:
    """Write all artefacts of one register version and freeze it. Exactly one of them is loadable into 1C."""
    _send(run, settings, month, version)
    sha256 = write_register(run, settings, source, month, version)
    rows = run.state.charges.rows(month, version)
    run.state.charges.export(
        month,
        version,
        {"sha256": sha256, "delivery": run.profile.delivery.charge, **registers.totals(rows)},
    )
    _count(run, rows)


def _send(run: Run, settings: Billing, month: str, version: int) -> None:
    """The loadable artefact of one register version."""
    delivery = run.profile.delivery.charge
    sent = _by_route(run, run.state.charges.rows(month, version), delivery)
    if delivery == "commerceml":
        for part in _parts(sent):
            queue.enqueue(run, _documents(run, settings, part))
        publish(run)
    else:
        # 1C makes a document of every row it loads, so only new charges are loadable; corrections are for a
        # person's hand
        write_import(run, sent[sent["action"] == "new"], "charge", f"nachisleniya-{month}-v{version}")


def write_import(run: Run, rows: pd.DataFrame, kind: Literal["charge", "act", "payment"], name: str) -> None:
    """The loadable workbook and its text twin, one pair per organisation."""
    parts = _by_organisation(rows)
    for number, part in enumerate(parts, 1):
        stem = name if len(parts) == 1 else f"{name}-org{number}"
        for suffix, writer in ((".xlsx", workbooks.write_import), (".txt", workbooks.write_import_txt)):
            registers.write_book(run, stem + suffix, partial(_import_file, writer, part, kind), archive=False)


def _import_file(writer: Any, rows: pd.DataFrame, kind: str, target: BinaryIO) -> None:
    writer(target, rows, kind)


def write_register(run: Run, settings: Billing, source: DealSource, month: str, version: int) -> str:
    """The workbook for people. Its heading carries the moment of planning, so the same version has the same
    bytes."""
    exceptions, terminated = _beside(run, settings, source, month, version)
    comparison = _comparison(run, month)
    rows = run.state.charges.rows(month, version)
    moment = next(
        held["planned_at"] for held in run.state.charges.versions(month) if held["version"] == version
    )
    heading = registers.meta(run, period=month, version=version, moment=_local(run, moment))

    def write(target: Any) -> None:
        workbooks.write_register(
            target,
            charges=rows,
            meta=heading,
            exceptions=exceptions,
            terminated=terminated,
            comparison=comparison,
            payments=_payments(run, rows),
        )

    return registers.write_book(run, f"{registers.REGISTER}-{month}-v{version}.xlsx", write)


def rewrite(run: Run, month: str) -> list[Path]:
    """Write the register workbooks of a month again, every version. Raises ConfigError when the month was
    never charged."""
    settings = run.profile.billing
    versions = run.state.charges.versions(month)
    if settings is None or not versions:
        raise ConfigError(
            f"За {clean.month_name(month)} ничего не начислено.", f"Начислите: obmen24 bill --month {month}."
        )
    for version in versions:
        write_register(run, settings, run.portal, month, version["version"])
    return [
        run.folder.folder / SHEETS_OUT / f"{registers.REGISTER}-{month}-v{version['version']}.xlsx"
        for version in versions
    ]


def _payments(run: Run, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Sheet «Оплаты»: what is known to be paid of these charges, where 1C learns of payments from the
    register and not from a file."""
    if "bank" not in run.profile.flows or run.profile.delivery.payment != "spreadsheet":
        return None
    numbers = set(rows["number"])
    return tables.frame(
        "payments",
        [row for row in tables.records(run.state.facts.rows("payment")) if row["target"] in numbers],
    )


def _beside(
    run: Run, settings: Billing, source: DealSource, month: str, version: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What stands in the register beside its rows: every deal left out with its reason, first those a person
    must look at (deals charged by this very version are not left out), and the last charges of terminated
    contracts."""
    plan = planned(run, settings, month, source.deals)
    rest = plan.skipped[~plan.skipped["deal"].isin(run.state.charges.deals(month, version))]
    return tables.concat("exceptions", [plan.exceptions, rest]), plan.terminated


def _comparison(run: Run, month: str) -> list[Record]:
    """The month against the one before it, as both stand now."""
    before, now = (
        billing.current(run.state.charges.rows(one)) for one in (clean.month_after(month, -1), month)
    )
    return tables.records(billing.compare(before, now))


def _local(run: Run, moment: Any) -> Any:
    return moment.astimezone(ZoneInfo(run.profile.onec.time_zone)).replace(tzinfo=None, microsecond=0)


def _by_organisation(rows: pd.DataFrame) -> list[pd.DataFrame]:
    table = "accruals" if "part" in rows.columns else "charges"
    found: dict[str, list[Record]] = {}
    for row in tables.records(rows):
        found.setdefault(row["organisation"] or "", []).append(row)
    return [tables.frame(table, found[name]) for name in sorted(found)]


def _tell(run: Run, plan: billing.BillingPlan) -> None:
    """Deals left out and corrections only a person can make go into the account as issues."""
    left_out = tables.records(plan.exceptions)
    run.journal.counts["not_billed"] = len(left_out)
    run.journal.note(
        [
            tables.issue(
                f"{row['reason']}. {row['advice'] or ''}".strip(),
                severity="warn",
                entity="deal",
                key=row["deal"],
            )
            for row in left_out
        ],
        SCOPE,
    )
    run.journal.note(
        [
            tables.issue(
                f"Начисление {row['number']} надо исправить в 1С вручную: новая сумма {row['amount']}. На него уже есть оплата "
                "или отгрузка, поэтому обмен его не меняет.",
                severity="warn",
                entity="deal",
                key=row["deal"],
                value=row["amount"],
            )
            for row in tables.records(plan.hand)
        ],
        SCOPE,
    )
    run.state.runs.close_issues(run.number, [SCOPE])


_ACTION_COUNT = {"new": "charges", "amend": "amended", "resend": "resent"}


def _count(run: Run, rows: pd.DataFrame) -> None:
    for action in rows["action"]:
        run.journal.counts[_ACTION_COUNT[action]] += 1
    charged = sum(rows["amount"][rows["action"] == "new"].tolist())
    if charged:
        run.journal.report.sums["начислено"] = run.journal.report.sums.get("начислено", 0) + charged
    run.journal.tell(
        {
            "entity": "deal",
            "key": row["deal"],
            "action": "charge",
            "field": row["month"],
            "after": row["amount"],
            "document": row["number"],
            "rule": f"billing.{row['action']}",
            "message": f"Начисление за {row['month']}: {row['amount']} руб., плательщик по договору № {row['contract_number']}",
        }
        for row in tables.each(rows)
    )
