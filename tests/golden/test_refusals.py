"""Writes that the portal refuses, as people meet them: one remark with the portal's words for as long as the refusal stands, and nothing
told that did not happen. The misfortunes are those of `obmen24 sandbox --faults`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from etl.cli.words import people as words
from etl.commands import journal
from etl.report import RunReport
from etl.state import quick
from tests.support import scenario

CASE = "leads/orders-of-1c"
DAY = dt.date(2026, 11, 2)
NEW, PAID = "Заявка получена, подготовка счета", "Оплата получена"
LOCK = {"name": "Замок врезной", "quantity": "2", "price": "3150.50"}
BY_HAND = "сделку перенесли вручную, 1С этого ещё не подтвердила"


@contextmanager
def opened(tmp_path: Path) -> Iterator[scenario.Scenario]:
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        running.at(DAY)
        yield running


def refused(method: str, kind: str = "error_200") -> list[dict[str, Any]]:
    return [{"kind": kind, "method": method, "times": 9999, "inside": True}]


def told(running: scenario.Scenario) -> RunReport:
    running.stage.session()
    return running.run()


def order(running: scenario.Scenario, **values: Any) -> str:
    number: str = running.stage.onec.new_order("ООО «Причал»", [LOCK], **values).number
    return number


def why(running: scenario.Scenario, entity: str, key: str) -> str:
    return words.journal(journal.why(running.stage.profile, entity, key), entity, key)


def notices(running: scenario.Scenario) -> list[tuple[str, str]]:
    rows = running.stage.portal.dump().get("notifications", [])
    return [(str(row["USER_ID"]), row["MESSAGE"]) for row in rows]


def stands(running: scenario.Scenario, report: RunReport, said: str, entity: str, key: str) -> None:
    """The remark is in the account, in the plan, in `why` and counted by `status`; the run is not clean."""
    plan = running.run(dry=True)
    for account in (report, plan, running.run()):
        lines = [row["message"] for row in account.issues if said in row["message"]]
        assert len(lines) == 1, account.text()
        assert account.exit_code == 1
    assert said in why(running, entity, key)
    account = quick.quick_status(running.stage.profile.state_url)
    assert account is not None
    assert (account["open_issues"], account["last_run"]["status"]) == (1, "attention")


def gone(running: scenario.Scenario, report: RunReport, entity: str, key: str, said: str) -> None:
    assert report.exit_code == 0, report.text()
    assert running.run(dry=True).exit_code == 0
    assert "Замечание" not in why(running, entity, key)
    assert said not in running.run().text()


# ---- each kind of write ----
@pytest.mark.parametrize("kind", ["error_200", "false"])
@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("crm.item.productrow.set", "Состав не записан"),
        ("crm.item.update", "не записан"),
        ("crm.item.add", "не создана"),
    ],
)
def test_a_refused_write_of_a_deal_stands_until_it_succeeds(
    tmp_path: Path, method: str, said: str, kind: str
) -> None:
    """«Every refused write of the portal … is one line with its cause in the account of each run (exit 1) for as long as it stands, in `why`.»"""
    with opened(tmp_path) as running:
        told(running)  # directories first: the misfortune is the deal's alone
        number = order(running)
        running.stage.portal.strike(refused(method, kind))
        report = told(running)
        assert said in report.text(), report.text()
