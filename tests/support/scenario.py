"""Runs a scenario of samples/: steps.toml on the embedded portal and 1C model, through the pipeline, real HTTP and real files.

What a step says is done in the order it is written: `person` (somebody changes a deal by hand), `portal` (several such acts), `pay`,
`onec` (what people do in 1C, by the names of the model's office), `session` (1C exchanges), `run` (obmen24 runs). `snapshot` names a folder
of expect/ with what a person would see then.
"""

from __future__ import annotations

import copy
import csv
import datetime as dt
import functools
import io
import json
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
from lxml import etree

from etl import pipeline
from etl.config import profile
from etl.report import RunReport
from etl.sandbox.onec.records import OPERATIONS
from etl.sandbox.scene.stage import Stage, staged
from etl.values import keys
from tests.support.paths import ROOT

MSK = dt.timezone(dt.timedelta(hours=3))


@dataclass
class Scenario:
    """One scenario under way in a scratch folder."""

    stage: Stage
    folder: Path
    reports: list[RunReport] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def at(self, day: dt.date) -> None:
        """Nine in the morning of that day, or later if it is that day already."""
        morning = dt.datetime.combine(day, dt.time(9), MSK).astimezone(dt.UTC)
        self.stage.clock.moment = max(self.stage.clock.moment, morning)

    def run(self, **options: Any) -> RunReport:
        moment = self.stage.clock.tick()
        report = pipeline.run(self.stage.profile, trigger="rehearsal", now=moment, **options)
        self.reports.append(report)
        return report

    def charge(self, said: str) -> str:
        """«101 2026-11» -> the number of that charge in 1C."""
        deal, month = said.split()
        found = [
            order.number
            for order in self.stage.onec.orders
            if (key := keys.decode(order.number))
            and key.kind == "charge"
            and (key.id, key.month) == (deal, month)
        ]
        assert len(found) == 1, (said, found)
        return found[0]

    def pay(self, said: str, amount: str, *, refund: bool = False) -> None:
        self.stage.onec.pay(self.charge(said), Decimal(amount), refund=refund)

    def call(self, method: str, **params: Any) -> Any:
        """A method of the portal as a person's click; lists give their rows."""
        answer = self.stage.portal.call(method, params)
        return answer.rows if hasattr(answer, "rows") else answer

    def stage_names(self) -> dict[str, str]:
        """Stage id -> name, of deals and smart invoices."""
        return {
            row["STATUS_ID"]: row["NAME"]
            for row in self.call("crm.status.list")
            if "STAGE" in row["ENTITY_ID"]
        }

    def person(
        self,
        deal: int,
        *,
        stage: str | None = None,
        field: str | None = None,
        value: str | None = None,
        rows: list[dict[str, Any]] | None = None,
    ) -> None:
        """Somebody edits the deal in the portal: its stage, a field, its product rows (name, quantity, price, product)."""
        fields: dict[str, Any] = {}
        if stage:
            known = {name: code for code, name in self.stage_names().items() if not code.startswith("DT31")}
            fields["STAGE_ID"] = known[stage]
        if field:
            described = self.stage.portal.call("crm.deal.fields", {})
            name = next(
                name
                for name, one in described.items()
                if one.get("formLabel") == field or one.get("listLabel") == field
            )
            fields[name] = value
        if fields:
            self.stage.portal.call("crm.deal.update", {"id": deal, "fields": fields})
        if rows is not None:
            self.rows(deal, rows)

    def rows(self, owner: int, rows: list[dict[str, Any]], kind: str = "D") -> None:
        """Somebody sets the product rows of a deal or smart invoice."""
        given = [
            {
                "productName": row["name"],
                "quantity": row["quantity"],
                "price": row["price"],
                **{
                    name: row[key]
                    for key, name in (("product", "productId"), ("vat", "taxRate"))
                    if key in row
                },
                "taxIncluded": "Y" if "vat" in row else "N",
                "measureCode": 796,
            }
            for row in rows
        ]
        self.call("crm.item.productrow.set", ownerType=kind, ownerId=owner, productRows=given)

    def composition(self, deal: int | str, kind: str = "D") -> list[tuple[str, Decimal, Decimal]]:
        """(name, quantity, price) of the rows a person sees."""
        found = self.call(
            "crm.item.productrow.list",
            filter={"=ownerType": kind, "=ownerId": int(deal)},
            order={"sort": "ASC"},
        )["productRows"]
        return [
            (row["productName"], Decimal(str(row["quantity"])), Decimal(str(row["price"]))) for row in found
        ]

    def invoices(self) -> dict[str, dict[str, Any]]:
        """Smart invoices as the portal shows them, with stage names."""
        names = self.stage_names()
        found = self.every(
            lambda start: self.call(
                "crm.item.list", entityTypeId=31, select=["*"], order={"id": "ASC"}, start=start
            )["items"]
        )
        return {str(row["id"]): {**row, "stage": names[row["stageId"]]} for row in found}

    def field(self, deal: int | str, caption: str) -> Any:
        """A field of a deal by its caption."""
        described = self.stage.portal.call("crm.deal.fields", {})
        name = next(
            name
            for name, one in described.items()
            if caption in (one.get("formLabel"), one.get("listLabel"), one.get("title"))
        )
        return self.deals()[str(deal)][name]

    def onec(self, do: str, **how: Any) -> Any:
        """Somebody works in 1C: a method of the model's office by name; TOML has no Decimal, so amounts are texts."""
        values = {
            name: Decimal(value) if name in ("amount", "price", "purchase") else value
            for name, value in how.items()
        }
        return getattr(self.stage.onec, do)(**values)

    def settle(self, rounds: int = 8) -> None:
        """Sessions and runs until neither has anything new."""
        for _ in range(rounds):
            self.stage.session()
            if self.run().quiet:
                return
        raise AssertionError(f"the exchange does not come to rest: {self.reports[-1].text()}")

    def sent(self) -> list[dict[str, Any]]:
        """Documents of every outgoing file ever published, from the archive: plain lxml, not our reader."""
        found: list[dict[str, Any]] = []
        for path in sorted((self.folder / "archive").rglob("sent-*.xml")):
            for element in etree.parse(path.open("rb")).iter("{*}Документ"):
                values: dict[Any, Any] = {
                    row.findtext("{*}Наименование"): row.findtext("{*}Значение")
                    for row in element.findall("{*}ЗначенияРеквизитов/{*}ЗначениеРеквизита")
                }
                buyer = element.find("{*}Контрагенты/{*}Контрагент")
                found.append(
                    {
                        "number": element.findtext("{*}Номер"),
                        "operation": element.findtext("{*}ХозОперация"),
                        "amount": element.findtext("{*}Сумма"),
                        "comment": element.findtext("{*}Комментарий"),
                        "basis": element.findtext("{*}Основание"),
                        "id": element.findtext("{*}Ид"),
                        "date": element.findtext("{*}Дата"),
                        "buyer": None if buyer is None else buyer.findtext("{*}Наименование"),
                        "inn": None if buyer is None else buyer.findtext("{*}ИНН"),
                        "lines": [
                            (
                                line.findtext("{*}Наименование"),
                                line.findtext("{*}Количество"),
                                line.findtext("{*}ЦенаЗаЕдиницу"),
                                line.findtext("{*}Сумма"),
                            )
                            for line in element.findall("{*}Товары/{*}Товар")
                        ],
                        **values,
                    }
                )
        return found

    def deals(self) -> dict[str, dict[str, Any]]:
        """Deals as the portal shows them now, with stage names."""
        names = self.stage_names()
        rows = self.every(
            lambda start: self.call("crm.deal.list", select=["*", "UF_*"], order={"ID": "ASC"}, start=start)
        )
        return {str(row["ID"]): {**row, "stage": names[row["STAGE_ID"]]} for row in rows}

    def stages(self) -> dict[str, str]:
        return {deal: row["stage"] for deal, row in self.deals().items()}

    @staticmethod
    def every(page: Callable[[int], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The rows of a list, page after page."""
        found: list[dict[str, Any]] = []
        while rows := page(len(found)):
            found += rows
            if len(rows) < 50:
                break
        return found

    def outgoing(self) -> dict[str, bytes]:
        """Every file we left for others: to_1c and spreadsheets/out."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for name in ("to_1c", "spreadsheets/out")
            for path in sorted((self.folder / name).rglob("*"))
            if path.is_file()
        }


def copied(tmp: Path, name: str) -> Path:
    """The sample profile in a scratch folder, exchanging through `exchange/` beside it."""
    for sample in (ROOT / "samples" / "profiles").glob("*.toml"):
        text = re.sub(
            r'^folder = ".*?"', 'folder = "exchange"', sample.read_text(encoding="utf-8"), flags=re.M
        )
        text = re.sub(r"^settle_seconds = [\d.]+", "settle_seconds = 0.02", text, flags=re.M)
        (tmp / sample.name).write_text(text, encoding="utf-8")
    return tmp / f"{name}.toml"


@contextmanager
def opened(
    tmp: Path, name: str, *, case: str | None = None, edit: dict[str, str] | None = None
) -> Iterator[Scenario]:
    """A scratch copy of the sample profile `name` on the embedded portal with the case's data; `edit` replaces texts of the profile."""
    path = copied(tmp, name)
    for old, new in (edit or {}).items():
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new), encoding="utf-8")
    loaded = profile.load(path)
    seed = (
        json.loads((ROOT / "samples" / (case or "") / "portal.json").read_text(encoding="utf-8"))
        if case
        else None
    )
    with staged(loaded, now=dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC), seed=seed) as stage:
        yield Scenario(stage, loaded.folder)


def steps(case: str) -> tuple[str, list[dict[str, Any]]]:
    """(profile name, steps) of a case of samples/."""
    said = tomllib.loads((ROOT / "samples" / case / "steps.toml").read_text(encoding="utf-8"))
    return said["profile"], said["step"]


@dataclass(frozen=True)
class View:
    """What stood where after a step: the portal's deals and smart invoices, documents of 1C by (kind, number), everything we ever sent."""

    report: RunReport | None
    deals: dict[str, dict[str, Any]]
    invoices: dict[str, dict[str, Any]]
    compositions: dict[str, list[tuple[str, Decimal, Decimal]]]
    fields: dict[str, dict[str, Any]]
    documents: dict[tuple[str, str], Any]
    parties: dict[str, Any]
    sent: list[dict[str, Any]]
    comments: list[str]
    notices: list[tuple[str, str]]
    dump: dict[str, Any]
    files: dict[str, str]

    def stages(self) -> dict[str, str]:
        return {deal: row["stage"] for deal, row in self.deals.items()}


@functools.cache
def story(case: str) -> dict[str, View]:
    """A case of samples/ played once: snapshot -> view. A step that says `quiet` must change nothing."""
    name, told = steps(case)
    views = {}
    with tempfile.TemporaryDirectory() as tmp, opened(Path(tmp), name, case=case) as running:
        for step in told:
            before = running.outgoing()
            report = play(running, step)
            if step.get("quiet"):
                assert report is not None
                assert report.quiet, report.text()
                assert running.outgoing() == before
            if "snapshot" in step:
                views[step["snapshot"]] = view(running, step, report)
    return views


def view(scenario: Scenario, step: dict[str, Any], report: RunReport | None) -> View:
    """Everything worth asserting about a moment of a scenario."""
    deals, onec, whole = scenario.deals(), scenario.stage.onec, scenario.stage.portal.dump()
    captions = {
        name: one.get("formLabel") or one.get("title")
        for name, one in scenario.call("crm.deal.fields").items()
    }
    return View(
        report,
        deals,
        scenario.invoices(),
        {deal: scenario.composition(deal) for deal in deals},
        {
            deal: {captions[name]: value for name, value in row.items() if name in captions}
            for deal, row in deals.items()
        },
        {(row.kind, row.number): row for kind in OPERATIONS for row in copy.deepcopy(onec.documents(kind))},
        {party.guid: copy.deepcopy(party) for party in onec.parties},
        scenario.sent(),
        [row["COMMENT"] for row in whole.get("comments", [])],
        [(str(row["USER_ID"]), row["MESSAGE"]) for row in whole.get("notifications", [])],
        whole,
        snapshot(scenario, step, report),
    )


def play(scenario: Scenario, step: dict[str, Any]) -> RunReport | None:
    """Do one step; returns the account of its run, if it has one."""
    report = None
    for what, how in step.items():
        if what == "day":
            scenario.at(how)
        elif what == "person":
            scenario.person(**how)
        elif what == "portal":
            for act in how:
                scenario.person(**act)
        elif what == "onec":
            for act in how:
                scenario.onec(**act)
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
    tables = (
        {"deals.csv": _deals(scenario), "debts.csv": _debts(scenario)}
        if scenario.stage.profile.billing
        else {"deals.csv": _order_deals(scenario), "documents-1c.csv": _documents(scenario)}
    )
    shown = {name: _table(rows) for name, rows in tables.items()}
    shown["report.txt"] = f"{step.get('text', '')}\n\n{report.text() if report else ''}\n"
    folder = scenario.folder
    fresh = [
        path
        for path in [
            *sorted((folder / "spreadsheets/out").rglob("*")),
            *sorted((folder / "archive").rglob("sent-*")),
        ]
        if path.is_file() and path not in scenario.seen
    ]
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
    return {
        sheet.title: _table([[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)])
        for sheet in book.worksheets
        if sheet.sheet_state == "visible"
    }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%d.%m.%Y}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _deals(scenario: Scenario) -> list[list[str]]:
    rows = [["сделка", "стадия", "сумма сделки", "дата последней оплаты", "оплачено всего"]]
    return rows + [
        [
            deal,
            row["stage"],
            row["OPPORTUNITY"],
            (row["UF_CRM_PAID_ON"] or "")[:10],
            row["UF_CRM_PAID_TOTAL"] or "",
        ]
        for deal, row in scenario.deals().items()
    ]


def _order_deals(scenario: Scenario) -> list[list[str]]:
    """Deals of the order specifications: what the card shows, its rows and its smart invoice."""
    settings = scenario.stage.profile.orders
    captions = list(settings.fields.values()) if settings else []
    described = scenario.stage.portal.call("crm.deal.fields", {})
    names = {one.get("formLabel") or one.get("title"): name for name, one in described.items()}
    invoices = {
        str(row["parentId2"]): f"{row['stage']}, {row['opportunity']}" for row in scenario.invoices().values()
    }
    users = {str(row["ID"]): row["LAST_NAME"] for row in scenario.call("user.get")}
    rows = [["сделка", "название", "стадия", "сумма", "ответственный", "состав", "смарт-счёт", *captions]]
    for deal, row in scenario.deals().items():
        goods = "; ".join(
            f"{name} {quantity} × {price}" for name, quantity, price in scenario.composition(deal)
        )
        rows.append(
            [
                deal,
                row["TITLE"],
                row["stage"],
                row["OPPORTUNITY"],
                users[str(row["ASSIGNED_BY_ID"])],
                goods,
                invoices.get(deal, ""),
                *(str(row[names[caption]] or "").partition("T")[0] for caption in captions),
            ]
        )
    return rows


def _documents(scenario: Scenario) -> list[list[str]]:
    """Documents that stand in 1C."""
    onec = scenario.stage.onec
    names = {party.guid: party.name for party in onec.parties}
    numbers = {row.guid: row.number for row in (*onec.orders, *onec.invoices)}
    rows = [
        ["вид", "номер", "номер 1С", "основание", "контрагент", "сумма", "менеджер", "организация", "состав"]
    ]
    for kind in ("invoice", "order", "payment", "refund", "shipment", "return", "closing"):
        for row in onec.documents(kind):
            goods = "; ".join(f"{line.name} {line.quantity} × {line.price}" for line in row.lines)
            rows.append(
                [
                    kind,
                    row.number,
                    row.number_1c,
                    numbers.get(row.basis or "", ""),
                    names.get(row.party or "", ""),
                    f"{row.amount:.2f}",
                    row.manager or "",
                    row.organisation or "",
                    goods,
                ]
            )
    return rows


def _debts(scenario: Scenario) -> list[list[str]]:
    names = {party.guid: party.name for party in scenario.stage.onec.parties}
    rows = [
        [
            names.get(debt.party, debt.party),
            debt.contract,
            f"{debt.charged:.2f}",
            f"{debt.paid:.2f}",
            f"{debt.amount:.2f}",
        ]
        for debt in scenario.stage.onec.debtors()
    ]
    return [["контрагент 1С", "договор", "начислено", "оплачено", "долг"], *sorted(rows)]


def _table(rows: list[list[str]]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator="\n")
    for row in rows:
        filled = max((place for place, value in enumerate(row, 1) if value != ""), default=0)
        writer.writerow(row[:filled])
    return target.getvalue()
