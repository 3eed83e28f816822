"""The accountant's side end to end: the manual Excel route, bank statements, one right sum of several sources, reconciliation."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from etl import pipeline, tables
from etl.cli.words import people as words
from etl.commands import people
from etl.state.store import Store
from etl.transform.money import paid
from tests.support import scenario
from tests.support.statements import OUR, document, outgoing, statement

CASE = "video/three-months"
COLUMNS = {
    "ID": "ID",
    "TITLE": "Название сделки",
    "stage": "Стадия сделки",
    "OPPORTUNITY": "Сумма",
    "CURRENCY_ID": "Валюта",
    "manager": "Ответственный",
    "UF_CRM_PAYER": "ФИО плательщика",
    "UF_CRM_OBJECT_ADDRESS": "Адрес объекта",
    "UF_CRM_CONTRACT_NUMBER": "Номер договора",
    "UF_CRM_CONTRACT_DATE": "Дата договора",
    "UF_CRM_MONTHLY_FEE": "Ежемесячный платеж",
    "UF_CRM_TERMINATED_ON": "Дата расторжения",
    "UF_CRM_COMMISSION": "Вознаграждение менеджера",
}
MANAGERS = {"4": "Алина Тихонова", "5": "Степан Уваров"}


def shown(name: str, row: dict[str, Any]) -> str:
    """A value as the interface of the portal exports it."""
    if name == "manager":
        return MANAGERS[str(row["ASSIGNED_BY_ID"])]
    value = str(row.get(name) or "")
    if name.endswith(("_DATE", "_ON")) and value:
        return f"{dt.date.fromisoformat(value[:10]):%d.%m.%Y}"
    return value.partition("|")[0] if name.endswith(("FEE", "COMMISSION")) else value


def exported(running: scenario.Scenario, form: str) -> bytes:
    """What a person saves from CRM → Сделки → Экспорт: `.xls` that is an HTML table, or CSV with the trailing «;»."""
    rows = [
        list(COLUMNS.values()),
        *([shown(name, row) for name in COLUMNS] for row in running.deals().values()),
    ]
    if form == "csv":
        return "".join("".join(f'"{cell}";' for cell in row) + "\r\n" for row in rows).encode("utf-8-sig")
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<meta http-equiv="Content-type" content="text/html;charset=UTF-8" /><table border="1">{cells}</table>'.encode()


def register(folder: Path) -> list[tuple[Any, ...]]:
    """Rows of the sheet «Реестр» without the heading, which names the moment."""
    sheet = openpyxl.load_workbook(next((folder / "spreadsheets/out").glob("reestr-2026-11-v1.xlsx")))[
        "Реестр"
    ]
    rows = list(sheet.iter_rows(values_only=True))
    start = next(number for number, row in enumerate(rows) if row[0] == "№")
    return rows[start:]


@pytest.mark.parametrize("form", ["html", "csv"])
def test_both_routes_give_the_same_month(form: str, tmp_path: Path) -> None:
    """«Приемлемый вариант решения: Сотрудник ежемесячно выгружает данные из Bitrix24 в Excel, а оттуда в 1С:Предприятие.»"""
    for name in ("auto", "hand"):
        (tmp_path / name).mkdir()
    with scenario.opened(tmp_path / "auto", "video-bp", case=CASE) as auto:
        auto.at(dt.date(2026, 11, 1))
        auto.run()
        with scenario.opened(tmp_path / "hand", "video-bp", case=CASE) as hand:
            file = tmp_path / f"DEAL_20261101.{'xls' if form == 'html' else 'csv'}"
            file.write_bytes(exported(hand, form))
            report = pipeline.convert(
                hand.stage.profile, [file], month="2026-11", now=hand.stage.clock.tick()
            )
            assert report.counts["charges"] == 6, report.text()
            assert register(hand.folder) == register(auto.folder)
            names = [path.name for path in sorted((hand.folder / "spreadsheets/out").iterdir())]
            assert names == [path.name for path in sorted((auto.folder / "spreadsheets/out").iterdir())]
            twin = "nachisleniya-2026-11-v1.txt"
            assert (hand.folder / "spreadsheets/out" / twin).read_bytes() == (
                auto.folder / "spreadsheets/out" / twin
            ).read_bytes()
            again = pipeline.convert(hand.stage.profile, [file], month="2026-11", now=hand.stage.clock.tick())
            assert again.counts["charges"] == 0
            automatic = hand.run(month="2026-11", force_billing=True)
            assert automatic.counts["charges"] == 0, "one register for both routes: nothing is charged twice"


def test_an_export_dropped_into_the_folder_is_charged(tmp_path: Path) -> None:
    """A drop into spreadsheets/in is the same as `obmen24 convert`."""
    with scenario.opened(tmp_path, "video-bp", case=CASE) as running:
        running.at(dt.date(2026, 11, 1))
        (running.folder / "spreadsheets/in").mkdir(parents=True)
        (running.folder / "spreadsheets/in/DEAL.xls").write_bytes(exported(running, "html"))
        report = running.run(flows=("spreadsheet-in",))
        assert report.counts["charges"] == 6
        assert not list((running.folder / "spreadsheets/in").iterdir())


def test_an_export_without_a_needed_column_says_what_it_found(tmp_path: Path) -> None:
    """Missing columns → a clear Russian sentence with the list of captions found; nothing is charged."""
    with scenario.opened(tmp_path, "video-bp", case=CASE) as running:
        file = tmp_path / "deals.csv"
        file.write_bytes(
            exported(running, "csv").replace("Ежемесячный платеж".encode(), "Абонплата".encode())
        )
        report = pipeline.convert(
            running.stage.profile, [file], month="2026-11", now=running.stage.clock.tick()
        )
        assert report.exit_code == 1
        assert "Ежемесячный платеж" in report.text()
        assert "«Абонплата»" in report.text()
        assert report.counts["charges"] == 0


def test_a_table_that_is_no_deal_export_is_set_aside_with_a_reason(tmp_path: Path) -> None:
    """Bad files are refused in one sentence and nothing is lost: a report of 1C dropped by mistake is not archived as if it were read."""
    with scenario.opened(tmp_path, "video-bp", case=CASE) as running:
        running.at(dt.date(2026, 11, 1))
        (running.folder / "spreadsheets/in").mkdir(parents=True)
        (running.folder / "spreadsheets/in/oplaty.csv").write_text(
            "Документ;Номер;Сумма;\nОплата;1;1500,00;\n", encoding="utf-8-sig"
        )
        report = running.run()
        assert report.counts["files_bad"] == 1
        assert report.counts["charges"] == 6, "its neighbours go on"
        text = next((running.folder / "quarantine").glob("oplaty-*.error.txt")).read_text(
            encoding="utf-8-sig"
        )
        assert "Найдены подписи" in text


def paid_by(number: str, amount: str, contract: str, payer: str, **more: Any) -> dict[str, str]:
    return document(
        **{
            "Номер": number,
            "Сумма": amount,
            "Плательщик": payer,
            "Плательщик1": payer,
            "ПлательщикИНН": None,
            "НазначениеПлатежа": f"Оплата по договору № {contract} за видеонаблюдение",
            **more,
        }
    )


def drop(running: scenario.Scenario, name: str, *documents: dict[str, str]) -> None:
    folder = running.folder / "spreadsheets" / "in"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(statement(documents).encode("cp1251"))


def facts_of(running: scenario.Scenario, number: str) -> list[dict[str, Any]]:
    with Store.open(running.stage.profile.state_url, portal=running.stage.profile.bitrix24.name) as store:
        return [row for row in tables.records(store.facts.rows("payment")) if row["target"] == number]


IVANOV, PETROVA = "Иванов Пётр Сергеевич", "Петрова Анна Ильинична"


def test_a_statement_twice_or_overlapping_changes_nothing(tmp_path: Path) -> None:
    """A receipt has one key in all statements."""
    with scenario.opened(tmp_path, "video-bp", case=CASE) as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        running.at(dt.date(2026, 11, 19))
        drop(
            running,
            "kl1.txt",
            paid_by("1", "1500.00", "В-101/26", IVANOV),
            paid_by("2", "400.00", "В-102/26", PETROVA),
        )
        assert running.run().counts["matched"] == 2
        assert running.stages()["101"] == "1-ая оплата менеджеру", (
            "БП: the act counts as accepted when its file is written"
        )
        drop(
            running,
            "kl1-again.txt",
            paid_by("1", "1500.00", "В-101/26", IVANOV),
            paid_by("2", "400.00", "В-102/26", PETROVA),
        )
        drop(
            running,
            "kl2.txt",
            paid_by("2", "400.00", "В-102/26", PETROVA),
            paid_by("3", "599.99", "В-102/26", PETROVA),
        )
        report = running.run()
        assert report.counts["matched"] == 1
        assert running.stages()["102"] == "1-ая оплата менеджеру"
        assert {
            row["UF_CRM_PAID_TOTAL"] for deal, row in running.deals().items() if deal in ("101", "102")
        } == {"1500.00|RUB", "999.99|RUB"}
        assert running.run().quiet


def test_bank_and_1c_and_refund_of_one_charge_give_one_right_sum(tmp_path: Path) -> None:
    """paid(document) = the maximum over sources, never a sum across sources."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        running.stage.session()
        running.run()
        number = running.charge("101 2026-11")
        running.at(dt.date(2026, 11, 19))
        drop(running, "kl1.txt", paid_by("1", "1000.00", "В-101/26", IVANOV))
        running.stage.onec.pay(number, Decimal("1000.00"))
        running.stage.session()
        running.run()
        assert paid.settle(facts_of(running, number), Decimal("1500.00")).amount == Decimal("1000.00")
        assert running.stages()["101"] == "Договор подтвержден"
        drop(running, "kl2.txt", paid_by("2", "500.00", "В-101/26", IVANOV))
        running.run()
        assert running.stages()["101"] == "1-ая оплата клиента"
        drop(
            running,
            "kl3.txt",
            outgoing(
                Номер="9",
                Сумма="500.00",
                Получатель=IVANOV,
                Получатель1=IVANOV,
                ПолучательИНН="",
                НазначениеПлатежа="Возврат по договору № В-101/26",
            ),
        )
        running.run()
        assert paid.settle(facts_of(running, number), Decimal("1500.00")).amount == Decimal("1000.00")


def test_receipts_1c_does_not_know_go_to_it_as_payments(tmp_path: Path) -> None:
    """«необходимо, чтобы в 1С приходило извещение о том, что счет оплачен»"""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        running.stage.session()
        running.run()
        running.at(dt.date(2026, 11, 19))
        drop(running, "kl1.txt", paid_by("1", "1500.00", "В-101/26", IVANOV))
        running.run()
        running.stage.session()
        assert running.stage.onec.debts()["В-101/26"] == 0
        assert [payment.amount for payment in running.stage.onec.payments] == [Decimal("1500.00")]
        for _ in range(4):
            running.stage.session()
            running.run()
        assert [payment.amount for payment in running.stage.onec.payments] == [Decimal("1500.00")]


def test_doubtful_receipts_are_asked_and_the_answer_is_remembered(tmp_path: Path) -> None:
    """Third-party payers never close a charge by themselves: `obmen24 ask` lists, answers, remembers."""
    with scenario.opened(tmp_path, "video-bp", case=CASE) as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        running.at(dt.date(2026, 11, 19))
        drop(running, "kl1.txt", paid_by("1", "1500.00", "В-101/26", "Иванова Мария Павловна"))
        report = running.run()
        assert report.counts["matched"] == 0
        assert report.exit_code == 3
        text = words.questions(people.questions(running.stage.profile))
        assert "Иванова Мария Павловна" in text
        assert "В-101/26" in text
        assert people.answer(running.stage.profile, "1", "1").choice == 1
        assert running.run().counts["matched"] == 1
        assert people.questions(running.stage.profile) == []
        assert running.stages()["101"] == "1-ая оплата менеджеру"


def test_reconciliation_finds_the_kopeck(tmp_path: Path) -> None:
    """Portal against 1C against register against bank: equal, only here, differs by."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        running.stage.session()
        running.run()
        clean = pipeline.reconcile(running.stage.profile, month="2026-11", now=running.stage.clock.tick())
        assert "Расхождений нет" in clean.text()
        assert clean.exit_code == 0
        running.person(102, field="Ежемесячный платеж", value="1000.00|RUB")
        report = pipeline.reconcile(running.stage.profile, month="2026-11", now=running.stage.clock.tick())
        assert "Расхождений: 1" in report.text()
        assert report.exit_code == 1
        assert "Делать ничего не нужно" not in report.text()
        assert "0.01" in report.text() or "0,01" in report.text()
        sheet = openpyxl.load_workbook(running.folder / "spreadsheets/out/sverka-2026-11.xlsx")
        assert sheet.sheetnames[:2] == ["Итоги", "Документы"]


def test_the_accounts_of_the_profile_decide_the_direction() -> None:
    """The fixture's account is the demo's: otherwise the tests above would prove nothing."""
    assert OUR.isdigit()
    assert len(OUR) == 20
