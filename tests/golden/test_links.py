"""What a person ties, and what waits for it: `obmen24 link`, cards that are gone, values that 1C tells once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.commands import linking, people
from etl.errors import ConfigError
from tests.support import scenario
from tests.support.directories import FIELDS, INN, TWO_WAY, Scene, company, opened, seed

TO_PORTAL = "[entities.parties]\n" + FIELDS
BOTH = "[entities.parties]\n" + TWO_WAY + FIELDS
DIRECTIONS = pytest.mark.parametrize("entities", [TO_PORTAL, BOTH], ids=["to-portal", "both"])


def daisy(scene: Scene, name: str = "ООО «Ромашка»", **values: Any) -> str:
    """A record of 1C. Out: its Ид."""
    return scene.onec.new_party(name, full_name=name, **values).guid


def refusal(scene: Scene, *said: str, **options: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        linking.link(scene.profile, *said, **options)
    return str(refused.value)


# ---- what is no pair
def test_a_link_is_checked_before_it_is_made(tmp_path: Path) -> None:
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(9, "Ромашка", INN, "770701001"))) as scene:
        guid = daisy(scene, inn=INN, kpp="770701001")
        scene.exchange()
        assert "Вид «слон» неизвестен" in refusal(scene, "слон", "1", "2")
        for empty in ("", "  ", "0", "нет такого"):
            assert "1С не сообщала" in refusal(scene, "company", "9", empty)
        for number in ("", "x", "-9", "9.0"):
            assert "не номер записи портала" in refusal(scene, "company", number, guid)
        assert "На портале нет записи: компания 999" in refusal(scene, "company", "999", guid)
        assert "На портале нет записи: контакт 9" in refusal(scene, "contact", "9", guid)
        assert "1С не сообщала" in refusal(scene, "product", "9", guid)
        assert "1С не сообщала" in refusal(scene, "deal", "9", guid)
        assert people.questions(scene.profile), "nothing was tied"
        linking.link(scene.profile, "company", "9", guid)
        assert linking.link(scene.profile, "company", "9", guid).parted == (), "the same pair again"
        scene.run()
        assert [row["originId"] for row in scene.items(4)] == [guid]


def test_our_own_company_is_no_buyer(tmp_path: Path) -> None:
    own = company(9, "ООО «Мы»", INN, "770701001", IS_MY_COMPANY="Y")
    with opened(tmp_path, TO_PORTAL, portal=seed(**own)) as scene:
        guid = daisy(scene)
        scene.exchange()
        assert "наша организация" in refusal(scene, "company", "9", guid)


@DIRECTIONS
def test_one_id_is_never_tied_twice_and_one_card_never_to_two(tmp_path: Path, entities: str) -> None:
    with opened(tmp_path, entities) as scene:
        first, second = daisy(scene), daisy(scene, "ООО «Василёк»")
        scene.exchange()
        one, two = (row["id"] for row in scene.items(4))
        assert "Уже связаны" in refusal(scene, "company", str(two), first)
        assert "Уже связаны" in refusal(scene, "company", str(one), second)
        assert scene.run().quiet, "nothing was tied"
        assert [row["originId"] for row in scene.items(4)] == [first, second]


def test_a_wrong_pair_is_parted_when_a_person_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(50, "Ромашка Тула"))) as scene:
        guid = daisy(scene)
        scene.exchange()
        made = next(row["id"] for row in scene.items(4) if row["originId"] == guid)
        assert "Уже связаны" in refusal(scene, "company", "50", guid)
        done = linking.link(scene.profile, "company", "50", guid, replace=True)
        assert done.parted == (f"компания {made}",)


# ---- cards that are gone
@DIRECTIONS
def test_what_1c_told_of_a_card_that_is_gone_waits_for_another(tmp_path: Path, entities: str) -> None:
    """A company deleted on the portal; 1C renames it; a person ties it as the remark says, and 1C tells nothing more."""
    with opened(tmp_path, entities) as scene:
        guid = daisy(scene, inn=INN, kpp="770701001", okpo="00012345")
        scene.exchange()
        scene.settle()
        (card,) = scene.items(4)
        scene.portal.call("crm.item.delete", {"entityTypeId": 4, "id": card["id"]})
        scene.onec.edit_party(guid, name="ООО «Ромашка плюс»", phones=["8 (495) 000-33-44"])
        report = scene.exchange()
        for _ in range(3):
            assert "удалили или объединили" in report.text(), "the remark stands until it is written"
            report = scene.exchange()
        assert f"obmen24 link company НОМЕР {guid}" in report.text()
        number = scene.portal.call("crm.item.add", {"entityTypeId": 4, "fields": {"title": "Ромашка новая"}})[
            "item"
        ]["id"]
        linking.link(scene.profile, "company", str(number), guid)
        report = scene.run()
        assert "удалили или объединили" not in report.text()
        (card,) = scene.companies().values()
        assert (card["title"], card["originId"], card["PHONE"]) == (
            "ООО «Ромашка плюс»",
            guid,
            ["+74950003344"],
        )
        (requisite,) = scene.rows("crm.requisite.list", ENTITY_ID=number)
        assert (requisite["RQ_INN"], requisite["RQ_KPP"], requisite["RQ_OKPO"]) == (
            INN,
            "770701001",
            "00012345",
        )
        scene.settle()


@DIRECTIONS
def test_a_card_that_was_hidden_once_gets_what_1c_told_meanwhile(tmp_path: Path, entities: str) -> None:
    with opened(tmp_path, entities) as scene:
        guid = daisy(scene, inn=INN)
        scene.exchange()
        scene.settle()
        (card,) = scene.items(4)
        scene.edit(card["id"], isMyCompany="Y")  # our own companies are not read: the card is not shown
        scene.onec.edit_party(guid, name="ООО «Ромашка плюс»")
        assert "удалили или объединили" in scene.exchange().text()
        scene.edit(card["id"], isMyCompany="N")
        scene.run()
        assert list(scene.companies()) == ["ООО «Ромашка плюс»"]
        scene.settle()


def test_a_record_that_1c_deletes_meanwhile_is_wanted_no_more(tmp_path: Path) -> None:
    with opened(tmp_path, TO_PORTAL) as scene:
        guid = daisy(scene)
        scene.exchange()
        (card,) = scene.items(4)
        scene.portal.call("crm.item.delete", {"entityTypeId": 4, "id": card["id"]})
        scene.onec.edit_party(guid, name="ООО «Ромашка плюс»")
        scene.exchange()
        scene.onec.edit_party(guid, deleted=True)
        scene.exchange()
        assert "удалили или объединили" not in scene.run().text()


# ---- requisites as people fill them
def test_a_sole_trader_fills_an_empty_card_by_his_own_template(tmp_path: Path) -> None:
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(9, "Иванов"))) as scene:
        guid = scene.onec.new_party(
            "Иванов И. И.", kind="sole_trader", full_name="ИП Иванов И. И.", inn="500100732259"
        ).guid
        scene.session()
        for path in (tmp_path / "exchange" / "from_1c").glob("parties-*.xml"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("ПолноеНаименование", "ОфициальноеНаименование"), encoding="utf-8")
        scene.run()
        (requisite,) = scene.rows("crm.requisite.list")
        presets = {row["ID"]: row["NAME"] for row in scene.rows("crm.requisite.preset.list")}
        assert presets[requisite["PRESET_ID"]] == "ИП"
        assert guid in {row["originId"] for row in scene.items(4)}


def test_fillers_of_1c_do_not_reach_the_portal_and_those_of_the_portal_are_empty(tmp_path: Path) -> None:
    with opened(tmp_path, TO_PORTAL) as scene:
        guid = daisy(scene, inn="0", kpp="-", okpo="000")
        scene.exchange()
        held = scene.rows("crm.requisite.list")
        assert not any(row.get(name) for row in held for name in ("RQ_INN", "RQ_KPP", "RQ_OKPO", "RQ_OGRN"))
        assert guid in {row["originId"] for row in scene.items(4)}
        scene.settle()


def test_each_address_of_the_portal_has_its_own_city(tmp_path: Path) -> None:
    with opened(tmp_path, TO_PORTAL) as scene:
        daisy(scene, legal_address="г. Москва, ул. Первая, 1", legal_city="Москва")
        scene.exchange()
        (place,) = scene.rows("crm.address.list")
        assert (place["TYPE_ID"], place["CITY"], place["ADDRESS_1"]) == (
            "6",
            "Москва",
            "г. Москва, ул. Первая, 1",
        )


def test_a_product_that_is_gone_waits_for_another_too(tmp_path: Path) -> None:
    with opened(tmp_path, "[entities.products]\n") as scene:
        guid = scene.onec.new_product("Датчик", price=Decimal("10.00")).guid
        scene.exchange()
        (product,) = scene.products().values()
        scene.portal.call("catalog.product.delete", {"id": product["id"]})
        scene.onec.edit_product(guid, name="Датчик новый")
        for _ in range(3):
            assert f"obmen24 link product НОМЕР {guid}" in scene.exchange().text()
        fields = {"iblockId": 23, "name": "Ручной"}
        number = scene.portal.call("catalog.product.add", {"fields": fields})["element"]["id"]
        assert "На портале нет записи: товар 999" in refusal(scene, "product", "999", guid)
        linking.link(scene.profile, "product", str(number), guid)
        scene.run()
        assert list(scene.products()) == ["Датчик новый"]


def test_an_order_of_1c_is_tied_to_a_deal_by_its_number(tmp_path: Path) -> None:
    edit = {"create_deals = true ": "create_deals = false "}
    with scenario.opened(tmp_path, "twoway", case="twoway/both-sides", edit=edit) as running:
        row = {"name": "Замок врезной", "quantity": "1", "price": "3150.50", "vat": "22"}
        order = running.stage.onec.new_order("ТСЖ «Маяк-2»", [row])
        running.stage.session()
        running.run()
        with pytest.raises(ConfigError, match="На портале нет записи: сделка 999"):
            linking.link(running.stage.profile, "deal", "999", order.number)
        done = linking.link(running.stage.profile, "deal", "4", order.number)
        assert (done.entity, done.onec_id) == ("document", order.guid)
        with pytest.raises(ConfigError, match="Уже связаны"):
            linking.link(running.stage.profile, "deal", "3", order.guid)
