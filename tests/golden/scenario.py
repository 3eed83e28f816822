"""Runs a scenario of samples/: steps.toml on the embedded portal and 1C model, through the pipeline, real HTTP and real files.

What a step says is done in the order it is written: `person` (somebody changes a deal by hand), `pay`, `session` (1C exchanges),
`run` (obmen24 runs). `snapshot` names a folder of expect/ with what a person would see then.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl

from etl import profile
from etl.report import RunReport
from etl.sandbox import rehearsal
from etl.transform import keys
from tests.paths import ROOT

MSK = dt.timezone(dt.timedelta(hours=3))


@dataclass
class Scenario:
    """One scenario under way in a scratch folder."""

    stage: rehearsal.Stage
    folder: Path
    reports: list[RunReport] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def at(self, day: dt.date) -> None:
        """Nine in the morning of that day, or later if it is that day already."""
        morning = dt.datetime.combine(day, dt.time(9), MSK).astimezone(dt.UTC)
        self.stage.clock.moment = max(self.stage.clock.moment, morning)

    def run(self, **options: Any) -> RunReport:
        self.reports.append(self.stage.run(**options))
        return self.reports[-1]

    def charge(self, said: str) -> str:
        """«101 2026-11» -> the number of that charge in 1C."""
        deal, month = said.split()
        found = [order.number for order in self.stage.onec.orders if (key := keys.decode(order.number)) and key.kind == "charge"
                 and (key.id, key.month) == (deal, month)]
        assert len(found) == 1, (said, found)
        return found[0]

    def pay(self, said: str, amount: str, *, refund: bool = False) -> None:
        self.stage.onec.pay(self.charge(said), Decimal(amount), refund=refund)

    def person(self, deal: int, *, stage: str | None = None, field: str | None = None, value: str | None = None) -> None:
        """Somebody edits the deal in the portal."""
        fields: dict[str, Any] = {}
        if stage:
            known = {row["NAME"]: row["STATUS_ID"] for row in self.stage.portal.call("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE_1"}})}
            fields["STAGE_ID"] = known[stage]
        if field:
            described = self.stage.portal.call("crm.deal.fields", {})
            name = next(name for name, one in described.items() if one.get("formLabel") == field or one.get("listLabel") == field)
            fields[name] = value
        self.stage.portal.call("crm.deal.update", {"id": deal, "fields": fields})

    def deals(self) -> dict[str, dict[str, Any]]:
        """Deals as the portal shows them now, with stage names."""
        names = {row["STATUS_ID"]: row["NAME"] for row in self.stage.portal.call("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE_1"}})}
        rows = self.stage.portal.call("crm.deal.list", {"select": ["*", "UF_*"], "order": {"ID": "ASC"}})
        rows = rows.rows if hasattr(rows, "rows") else rows
        return {str(row["ID"]): {**row, "stage": names[row["STAGE_ID"]]} for row in rows}

    def stages(self) -> dict[str, str]:
        return {deal: row["stage"] for deal, row in self.deals().items()}

    def outgoing(self) -> dict[str, bytes]:
        """Every file we left for others: to_1c and spreadsheets/out."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for name in ("to_1c", "spreadsheets/out")
                for path in sorted((self.folder / name).rglob("*")) if path.is_file()}


def copied(tmp: Path, name: str) -> Path:
    """The sample profile in a scratch folder, exchanging through `exchange/` beside it."""
    for sample in (ROOT / "samples" / "profiles").glob("*.toml"):
        text = re.sub(r'^folder = ".*?"', 'folder = "exchange"', sample.read_text(encoding="utf-8"), flags=re.M)
        text = re.sub(r"^settle_seconds = [\d.]+", "settle_seconds = 0.02", text, flags=re.M)
        (tmp / sample.name).write_text(text, encoding="utf-8")
    return tmp / f"{name}.toml"


@contextmanager
def opened(tmp: Path, name: str, *, case: str | None = None) -> Iterator[Scenario]:
    """A scratch copy of the sample profile `name` on the embedded portal with the case's data."""
    loaded = profile.load(copied(tmp, name))
    seed = json.loads((ROOT / "samples" / (case or "") / "portal.json").read_text(encoding="utf-8")) if case else None
    with rehearsal.staged(loaded, now=dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC), seed=seed) as stage:
        yield Scenario(stage, loaded.folder)


def steps(case: str) -> tuple[str, list[dict[str, Any]]]:
    """(profile name, steps) of a case of samples/."""
    said = tomllib.loads((ROOT / "samples" / case / "steps.toml").read_text(encoding="utf-8"))
    return said["profile"], said["step"]


def play(scenario: Scenario, step: dict[str, Any]) -> RunReport | None:
    """Do one step; returns the account of its run, if it has one."""
    report = None
    for what, how in step.items():
        if what == "day":
            scenario.at(how)
        elif what == "person":
            scenario.person(**how)
        elif what == "pay":
            for payment in how:
                scenario.pay(payment["charge"], payment["amount"], refund=payment.get("refund", False))
        elif what == "session":
            scenario.stage.session()
        elif what == "run":
            report = scenario.run()
    return report


def snapshot(scenario: Scenario, step: dict[str, Any], report: RunReport | None) -> dict[str, str]:
    """What a person sees after the step: file name -> text."""
    shown = {"deals.csv": _table(_deals(scenario)), "debts.csv": _table(_debts(scenario)),
             "report.txt": f"{step.get('text', '')}\n\n{report.text() if report else ''}\n"}
    folder = scenario.folder
    fresh = [path for path in [*sorted((folder / "spreadsheets/out").rglob("*")), *sorted((folder / "archive").rglob("sent-*"))]
             if path.is_file() and path not in scenario.seen]
    scenario.seen |= set(fresh)
    for path in fresh:
        if path.suffix == ".xlsx":
            shown |= {f"{path.stem} {title}.csv": text for title, text in workbook(path).items()}
        elif path.suffix == ".xml":
            shown[re.sub(r"^sent-\d+T\d+-", "", path.name)] = path.read_text(encoding="utf-8-sig")
        else:
            shown[path.name] = path.read_text(encoding="cp1251")
    return shown


def workbook(path: Path) -> dict[str, str]:
    """Visible sheets of a workbook as CSV of what the cells hold."""
    book = openpyxl.load_workbook(path, data_only=False)
    return {sheet.title: _table([[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)])
            for sheet in book.worksheets if sheet.sheet_state == "visible"}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%d.%m.%Y}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _deals(scenario: Scenario) -> list[list[str]]:
    rows = [["сделка", "стадия", "сумма сделки", "дата последней оплаты", "оплачено всего"]]
    return rows + [[deal, row["stage"], row["OPPORTUNITY"], (row["UF_CRM_PAID_ON"] or "")[:10], row["UF_CRM_PAID_TOTAL"] or ""]
                   for deal, row in scenario.deals().items()]


def _debts(scenario: Scenario) -> list[list[str]]:
    names = {party.guid: party.name for party in scenario.stage.onec.parties}
    rows = [[names.get(debt.party, debt.party), debt.contract, f"{debt.charged:.2f}", f"{debt.paid:.2f}", f"{debt.amount:.2f}"]
            for debt in scenario.stage.onec.debtors()]
    return [["контрагент 1С", "договор", "начислено", "оплачено", "долг"], *sorted(rows)]


def _table(rows: list[list[str]]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator="\n")
    for row in rows:
        while row and row[-1] == "":
            row = row[:-1]
        writer.writerow(row)
    return target.getvalue()
