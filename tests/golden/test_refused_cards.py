"""Companies, contacts, requisites, addresses, products and prices that the portal refuses: the same remark as for deals, and every part is
written once the portal takes it. Also smart invoices, links of our organisation, and a register that is lost.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.cli.words import people as words
from etl.commands import journal
from etl.errors import NeedsPerson
from etl.report import RunReport
from tests.golden import test_specification_000 as video
from tests.golden.test_directories import ACCOUNT, DAISY, PRODUCTS, TO_PORTAL, daisy
from tests.golden.test_refusals import refused, why
from tests.support import directories, scenario


def stands(scene: directories.Scene, report: RunReport) -> None:
    """One line with the portal's words in each run and in the plan, also when 1C has nothing new to say."""
    for account in (report, scene.run(), scene.run(dry=True)):
        said = [row["message"] for row in account.issues if "портал отклонил запись" in row["message"]]
        assert len(said) == 1, account.text()
        assert account.exit_code == 1


@pytest.mark.parametrize("kind", ["error_200", "false"])
@pytest.mark.parametrize(
    "method",
    [
        "crm.item.add",
        "crm.requisite.add",
        "crm.requisite.bankdetail.add",
        "crm.address.add",
    ],
)
def test_every_refused_part_of_a_party_stands_and_is_written_later(
    tmp_path: Path, method: str, kind: str
) -> None:
    with directories.opened(tmp_path, TO_PORTAL) as scene:
        daisy(scene, contacts={})
        scene.portal.strike(refused(method, kind))
        stands(scene, scene.exchange())
        scene.portal.strike([])
        report = scene.run()
        assert report.exit_code == 0, report.text()
        assert list(scene.companies()) == ["ООО «Ромашка»"]
        (requisite,) = scene.rows("crm.requisite.list")
        assert requisite["RQ_INN"] == DAISY["inn"]
        assert [row["RQ_ACC_NUM"] for row in scene.rows("crm.requisite.bankdetail.list")] == [ACCOUNT.number]
        assert {row["TYPE_ID"] for row in scene.rows("crm.address.list")} == {"6", "1"}
        scene.settle()


@pytest.mark.parametrize(
    ("method", "edit"),
    [
        ("crm.item.update", {"phones": ["+7 495 000-99-88"]}),
        ("crm.requisite.update", {"kpp": "770701002"}),
        ("crm.address.update", {"legal_address": "г. Энск, ул. Новая, д. 3"}),
    ],
)
def test_a_refused_edit_of_a_card_stands_under_its_number(
    tmp_path: Path, method: str, edit: dict[str, Any]
) -> None:
    with directories.opened(tmp_path, TO_PORTAL) as scene:
        guid = daisy(scene, contacts={})
        scene.settle()
        scene.onec.edit_party(guid, **edit)
        scene.portal.strike(refused(method, "false"))
        stands(scene, scene.exchange())
        card = str(scene.companies()["ООО «Ромашка»"]["id"])
        text = words.journal(journal.why(scene.profile, "company", card), "company", card)
        assert "Замечание: Запись 1С" in text
        scene.portal.strike([])
        assert scene.run().exit_code == 0
        scene.settle()


@pytest.mark.parametrize("kind", ["error_200", "false"])
@pytest.mark.parametrize("method", ["catalog.product.add", "catalog.product.update", "catalog.price.add"])
def test_every_refused_part_of_a_product_stands_and_is_written_later(
    tmp_path: Path, method: str, kind: str
) -> None:
    with directories.opened(tmp_path, PRODUCTS) as scene:
        scene.onec.new_product("Болт", price=Decimal("12.50"), purchase=Decimal("7.00"))
        scene.portal.strike(refused(method, kind))
        stands(scene, scene.exchange())
        scene.portal.strike([])
        report = scene.run()
        assert report.exit_code == 0, report.text()
        product = scene.products()["Болт"]
        assert Decimal(str(product["price"])) == Decimal("12.50")
        assert Decimal(str(product["purchasingPrice"])) == Decimal("7.00")


# ---- smart invoices, links ----
def test_an_invoice_without_its_rows_waits_and_is_filled_later(tmp_path: Path) -> None:
    """A smart invoice of nothing never goes to 1C; once the portal takes the rows, it does."""
    edit = {"create_invoices = false": "create_invoices = true "}
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants", edit=edit) as running:
        running.at(dt.date(2026, 11, 2))
        running.call("crm.item.delete", entityTypeId=31, id=502)
        running.stage.portal.strike(refused("crm.item.productrow.set"))
        for _ in range(2):
            report = running.run()
            assert report.exit_code == 1
            assert "Состав не записан" in report.text()
        other = running.run(flows=("documents-in",))
        assert "Состав не записан" in other.text(), "a run of another flow knows of it too"
        (made,) = [key for key, row in running.invoices().items() if str(row["parentId2"]) == "2"]
        assert f"S24-{made}" not in {row["number"] for row in running.sent()}
        running.stage.portal.strike([])
        assert "Состав не записан" not in running.run().text()
        assert f"S24-{made}" in {row["number"] for row in running.sent()}
        assert Decimal(str(running.invoices()[made]["opportunity"])) == Decimal("7236.9")


def test_a_refused_stage_of_an_invoice_stands(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants") as running:
        running.at(dt.date(2026, 11, 2))
        running.run()
        running.stage.session()
        running.run()
        running.stage.onec.pay("S24-502", Decimal("7236.90"))
        running.stage.session()
        running.stage.portal.strike(refused("crm.item.update"))
        for report in (running.run(), running.run()):
            assert "Стадия «Оплачен» не поставлена" in report.text()
            assert report.exit_code == 1
        assert "не поставлена" in why(running, "invoice", "502")
        running.stage.portal.strike([])
        assert "не поставлена" not in running.run().text()
        assert running.invoices()["502"]["stage"] == "Оплачен"


def test_a_refused_comment_is_added_later_and_once(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants") as running:
        running.at(dt.date(2026, 11, 2))
        running.run()
        running.stage.session()
        running.run()
        running.stage.onec.pay("S24-502", Decimal("100.00"))
        running.stage.session()
        running.stage.portal.strike(refused("crm.timeline.comment.add"))
        for report in (running.run(), running.run()):
            assert "Комментарий" in report.text()
            assert report.exit_code == 1
        running.stage.portal.strike([])
        running.run()
        running.run()
        comments = running.stage.portal.dump()["comments"]
        assert len([row for row in comments if str(row["ENTITY_ID"]) == "2"]) == 1


# ---- a register that is lost ----
@pytest.mark.parametrize("flows", [(), ("documents-in",), ("commission",), ("bank",)])
def test_a_lost_register_stops_every_flow_that_writes(tmp_path: Path, flows: tuple[str, ...]) -> None:
    """Results of a register that is lost would be shown as 0.00: nothing is read, written or archived until it is restored."""
    with scenario.opened(tmp_path, "video", case=video.CASE) as running:
        video.billed(running)
        video.pay_month(running, "2026-11", (101,), video.PAID)
        video.settle(running)
        shown = running.field(101, "Оплачено всего")
        assert shown not in (None, "", "0.00|RUB")
        video.lose_the_state(running)
        running.stage.session()
        waiting = sorted(path.name for path in (running.folder / "from_1c").iterdir())
        with pytest.raises(NeedsPerson, match="restore"):
            running.run(flows=flows)
        assert running.field(101, "Оплачено всего") == shown
        assert sorted(path.name for path in (running.folder / "from_1c").iterdir()) == waiting


def test_a_payment_of_a_deleted_contract_is_told(tmp_path: Path) -> None:
    """The charge is ours and stays in the register; its deal cannot move, and that is said."""
    with scenario.opened(tmp_path, "video", case=video.CASE) as running:
        video.billed(running)
        running.call("crm.deal.delete", id=101)
        video.pay_month(running, "2026-11", (101,), video.PAID)
        report = running.run()
        assert "относится к сделке 101, а она удалена на портале" in report.text()
        assert report.exit_code == 1
