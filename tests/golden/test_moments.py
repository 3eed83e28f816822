"""Days that people keep in fields of date and time: the day is theirs, whatever zone the portal's server has."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support import scenario


def added(running: scenario.Scenario, code: str, caption: str) -> None:
    label = {"ru": caption}
    running.call(
        "crm.deal.userfield.add",
        fields={
            "FIELD_NAME": code,
            "USER_TYPE_ID": "datetime",
            "EDIT_FORM_LABEL": label,
            "LIST_COLUMN_LABEL": label,
        },
    )


@pytest.mark.parametrize(("zone", "charged"), [("Asia/Vladivostok", False), ("Europe/Moscow", True)])
def test_a_contract_of_december_is_not_charged_for_november(
    tmp_path: Path, zone: str, *, charged: bool
) -> None:
    """«дату заключения … договора» (000): half an hour past midnight in Vladivostok is still 30 November in Moscow."""
    edit = {
        'contract_date = "Дата договора"': 'contract_date = "Договор подписан"',
        'paid_on = "Дата последней оплаты"': 'paid_on = "Последняя оплата"',
        'sandbox = "video"': f'sandbox = "video"\ntime_zone = "{zone}"',
    }
    with scenario.opened(tmp_path, "video", case="video/three-months", edit=edit) as running:
        added(running, "SIGNED", "Договор подписан")
        added(running, "LAST_PAID", "Последняя оплата")
        running.person(101, field="Договор подписан", value="2026-12-01T00:30:00+10:00")
        running.person(102, field="Договор подписан", value="2026-10-12T12:00:00+10:00")
        running.at(dt.date(2026, 11, 2))
        report = running.run()
        running.stage.session()
        numbers = [order.requisites["Номер договора"] for order in running.stage.onec.orders]
        assert numbers == (["В-101/26", "В-102/26"] if charged else ["В-102/26"])
        assert ("Дата договора 01.12.2026 позже месяца начисления" in report.text()) is not charged
        running.stage.onec.pay(running.charge("102 2026-11"), Decimal("999.99"), on=dt.date(2026, 11, 12))
        running.stage.session()
        running.run()
        shown = dt.datetime.fromisoformat(running.field(102, "Последняя оплата"))
        assert shown.astimezone(running.stage.profile.portal_zone).isoformat()[:16] == "2026-11-12T00:00"
        running.settle()
