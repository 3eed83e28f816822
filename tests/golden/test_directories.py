"""Parties and products between 1C and the portal (specifications 001, 002/004, 003), sentence by sentence, over real HTTP and real files."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.cli.words import check as check_words
from etl.cli.words import people as words
from etl.commands import check, journal, linking, people
from etl.errors import EtlError, NeedsPerson
from etl.sandbox.onec.records import Account
from tests.support import directories
from tests.support.directories import FIELDS, INN, INN_SOLE, TWO_WAY, company, opened, seed

TO_PORTAL = "[entities.parties]\n" + FIELDS
BOTH = "[entities.parties]\n" + TWO_WAY + FIELDS
PRODUCTS = "[entities.products]\n"
ACCOUNT = Account("40702810000000000001", "АО «Вымышленный банк»", "044525225", "30101810000000000901")
PERSON = "11111111-1111-4111-8111-111111111111"
DAISY: dict[str, Any] = {
    "full_name": "Общество с ограниченной ответственностью «Ромашка»",
    "inn": INN,
    "kpp": "770701001",
    "phones": ["8 (495) 000-11-22"],
    "emails": ["info@romashka.example"],
    "city": "Энск",
    "legal_address": "г. Энск, ул. Первая, д. 1",
    "actual_address": "г. Энск, ул. Вторая, д. 2",
    "folder": "Покупатели/Опт",
    "accounts": [ACCOUNT],
    "contacts": {PERSON: "Ветрова Анна Львовна"},
}


def daisy(scene: directories.Scene, **values: Any) -> str:
    return scene.onec.new_party("ООО «Ромашка»", **{**DAISY, **values}).guid


# ---- 002/004: 1C -> portal ----


def test_a_contractor_becomes_a_company_and_a_contact_with_everything_1c_has(tmp_path: Path) -> None:
    """«При заведении нового контрагента в 1С: Предприятие в Битрикс24 должна создаваться карточки “Компания” и “Контакт”, соответствующие
    контрагенту из 1С.» «Синхронизируемая информация для сущности “Компания”: 1. Наименование компании 2. Телефон 3. E-mail 4. Город
    5. Реквизиты (Сокращенное наименование организации, полное наименование организации, ИНН, КПП, юридические адрес, фактический адрес
    Банковские реквизиты: наименование банка, БИК, расчетный счет, Корр. счет, валюта счета).»
    """
    with opened(tmp_path, TO_PORTAL) as scene:
        daisy(scene)
        scene.exchange()
        card = scene.companies()["ООО «Ромашка»"]
        assert (card["PHONE"], card["EMAIL"]) == (["+74950001122"], ["info@romashka.example"])
        (requisite,) = scene.rows("crm.requisite.list")
        assert [
            requisite[name] for name in ("RQ_COMPANY_NAME", "RQ_COMPANY_FULL_NAME", "RQ_INN", "RQ_KPP")
        ] == ["ООО «Ромашка»", DAISY["full_name"], INN, "770701001"]
        (bank,) = scene.rows("crm.requisite.bankdetail.list")
        assert [
            bank[name]
            for name in ("RQ_BANK_NAME", "RQ_BIK", "RQ_ACC_NUM", "RQ_COR_ACC_NUM", "RQ_ACC_CURRENCY")
        ] == [ACCOUNT.bank_name, ACCOUNT.bik, ACCOUNT.number, ACCOUNT.corr_account, "RUB"]
        places = {row["TYPE_ID"]: row for row in scene.rows("crm.address.list")}
        assert (places["6"]["ADDRESS_1"], places["1"]["ADDRESS_1"], places["1"]["CITY"]) == (
            "г. Энск, ул. Первая, д. 1",
            "г. Энск, ул. Вторая, д. 2",
            "Энск",
        )
        (contact,) = scene.items(3)
        assert (contact["lastName"], contact["name"], contact["secondName"], contact["companyId"]) == (
            "Ветрова",
            "Анна",
            "Львовна",
            card["id"],
        )


def test_only_what_1c_has_is_written(tmp_path: Path) -> None:
    """«Данная информация синхронизируется только при наличии указанных данных в 1С»"""
    with opened(tmp_path, TO_PORTAL) as scene:
        scene.onec.new_party("ООО «Краткость»", full_name="ООО «Краткость»")
        scene.exchange()
        card = scene.companies()["ООО «Краткость»"]
        assert (card["PHONE"], card["EMAIL"]) == ([], [])
        assert not scene.rows("crm.address.list")
        assert not scene.rows("crm.requisite.bankdetail.list")


def test_a_sole_trader_is_a_company_and_a_person_is_a_contact(tmp_path: Path) -> None:
    """«Контрагент с форма юридического лица “Индивидуальный предприниматель” из 1С:Предприятие синхронизируется с сущностью “Компании” в
    Битрикс24.» «Синхронизируемая информация для сущности “Контакт”: 1. ФИО 2. Телефон 3. E-mail 4. Город»
    """
    with opened(tmp_path, TO_PORTAL) as scene:
        scene.onec.new_party(
            "ИП Сидорова А. А.", kind="sole_trader", full_name="ИП Сидорова Алла Артёмовна", inn=INN_SOLE
        )
        scene.onec.new_party(
            "Кузнецов Пётр Ильич",
            kind="person",
            full_name="Кузнецов Пётр Ильич",
            phones=["+7 (495) 000-33-44"],
            emails=["petr@mail.example"],
            city="Энск",
            actual_address="г. Энск, ул. Третья, д. 3",
        )
        scene.exchange()
        assert list(scene.companies()) == ["ИП Сидорова А. А."]
        sole, own = scene.items(3)
        assert (sole["lastName"], sole["companyId"]) == ("Сидорова", 1)
        assert (own["lastName"], own["name"], own["secondName"], own["companyId"]) == (
            "Кузнецов",
            "Пётр",
            "Ильич",
            0,
        )
        assert sorted(one["value"] for one in own["fm"]) == ["+74950003344", "petr@mail.example"]
        assert [row["CITY"] for row in scene.rows("crm.address.list")] == ["Энск"]


def test_the_second_exchange_of_the_same_changes_nothing(tmp_path: Path) -> None:
    """The same records told again, in a new file, cause not one write."""
    with opened(tmp_path, TO_PORTAL + PRODUCTS) as scene:
        daisy(scene)
        scene.onec.new_product("Датчик", price=Decimal("100.50"), purchase=Decimal("70.10"))
        scene.exchange()
        before = scene.writes
        scene.onec.full_export()
        assert scene.run().quiet
        assert scene.run().quiet
        assert scene.writes == before


def test_an_edit_of_1c_changes_only_its_field(tmp_path: Path) -> None:
    """1C is the owner: its new address replaces the old one, a phone is added, and what people wrote beside it stays."""
    with opened(tmp_path, TO_PORTAL) as scene:
        guid = daisy(scene)
        scene.exchange()
        scene.edit(
            1,
            comments="Звонить утром",
            fm={"n0": {"typeId": "PHONE", "valueType": "MOBILE", "value": "+79990000001"}},
        )
        scene.onec.edit_party(
            guid, legal_address="г. Энск, ул. Пятая, д. 5", phones=["8 (495) 000-11-22", "8 (495) 000-11-99"]
        )
        report = scene.exchange()
        assert report.counts["updated"] == 1
        card = scene.companies()["ООО «Ромашка»"]
        assert card["PHONE"] == ["+74950001122", "+79990000001", "+74950001199"]
        assert card["comments"] == "Звонить утром"
        assert {row["TYPE_ID"]: row["ADDRESS_1"] for row in scene.rows("crm.address.list")} == {
            "6": "г. Энск, ул. Пятая, д. 5",
            "1": "г. Энск, ул. Вторая, д. 2",
        }
        assert scene.exchange().quiet


def test_products_get_name_sale_price_and_purchasing_price(tmp_path: Path) -> None:
    """«При синхронизации справочника “Номенклатура” в 1С:Предприятие и разделом “Товары” Битрикс24 должна передаваться следующая информация:
    1. Наименование товара 2. Цена продажи 3. Закупочная стоимость»
    """
    with opened(tmp_path, PRODUCTS) as scene:
        item = scene.onec.new_product("Датчик", price=Decimal("100.50"), purchase=Decimal("70.10"))
        scene.onec.new_product("Монтаж", service=True, price=Decimal("2500.00"))
        scene.exchange()
        held = scene.products()
        assert (Decimal(str(held["Датчик"]["price"])), Decimal(str(held["Датчик"]["purchasingPrice"]))) == (
            Decimal("100.5"),
            Decimal("70.1"),
        )
        assert held["Монтаж"]["type"] == 7
        scene.onec.edit_product(item.guid, name="Датчик движения", price=Decimal("110.00"))
        scene.exchange()
        held = scene.products()
        assert sorted(held) == ["Датчик движения", "Монтаж"]
        assert Decimal(str(held["Датчик движения"]["price"])) == Decimal("110")


def test_the_portal_s_price_is_corrected_by_its_owner(tmp_path: Path) -> None:
    """003, III: «Цены на товар» come from 1C, also where both sides edit the directory."""
    with opened(tmp_path, PRODUCTS + TWO_WAY) as scene:
        item = scene.onec.new_product("Датчик", price=Decimal("100.50"))
        scene.settle()
        scene.portal.call("catalog.price.update", {"id": 1, "fields": {"price": 1, "currency": "RUB"}})
        scene.onec.edit_product(item.guid, article="D-2")
        scene.settle()
        assert Decimal(str(scene.products()["Датчик"]["price"])) == Decimal("100.5")
        assert scene.onec.products[0].price == Decimal("100.50")


def test_several_price_types_wait_for_the_profile(tmp_path: Path) -> None:
    """Two sale prices and no word which of them it is: none is written, the report names both."""
    with opened(tmp_path, PRODUCTS) as scene:
        scene.onec.new_product("Датчик", price=Decimal("100.50"), purchase=Decimal("70.10"))
        scene.session()
        file = next((scene.profile.folder / "from_1c").glob("catalog-*.xml"))
        file.write_text(
            file.read_text(encoding="utf-8-sig").replace("Закупочная", "Дилерская"), encoding="utf-8-sig"
        )
        report = scene.run()
        assert "entities.products.fields.price" in report.text()
        assert scene.products()["Датчик"]["price"] is None
    with opened(tmp_path / "named", PRODUCTS + 'fields = { price = "Дилерская" }\n') as scene:
        shutil.copy(
            next((tmp_path / "exchange" / "archive").glob("*/*catalog-1*")),
            scene.profile.folder / "from_1c" / "catalog-1.xml",
        )
        scene.run()
        assert Decimal(str(scene.products()["Датчик"]["price"])) == Decimal("70.1")


# ---- 001: one buyer in several folders ----


def test_one_buyer_in_several_folders_is_told_apart_by_folder_and_code(tmp_path: Path) -> None:
    """«Не выгружены контрагенты из УТ в Б24. Поиск по названию контрагента не приемлем: один и тот же покупатель может быть в разных папках в
    1С, по виду деятельности.»
    """
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(9, "ООО «Ромашка»"))) as scene:
        daisy(scene, contacts={})
        daisy(scene, folder="Покупатели/Розница", contacts={})
        scene.exchange()
        cards = [row for row in scene.items(4) if row["id"] != 9]
        assert [(row["title"], row["ufCrm_1C_FOLDER"], row["ufCrm_1C_CODE"]) for row in cards] == [
            ("ООО «Ромашка»", "Покупатели/Опт", "000000001"),
            ("ООО «Ромашка»", "Покупатели/Розница", "000000002"),
        ]
        assert [row["originId"] for row in scene.items(4) if row["id"] == 9] == [None], (
            "a card of the same name without ИНН is nobody's pair"
        )


def test_equal_candidates_are_asked_with_their_folders_and_the_answer_is_kept(tmp_path: Path) -> None:
    """One card of the portal, two records of 1C with its ИНН: a person decides, the other record becomes a card of its own."""
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(9, "Ромашка", INN, "770701001"))) as scene:
        daisy(scene, contacts={})
        retail = daisy(scene, folder="Покупатели/Розница", contacts={}, phones=["8 (495) 000-77-77"])
        report = scene.exchange()
        assert report.exit_code == 3
        assert list(scene.companies()) == ["Ромашка"]
        text = words.questions(people.questions(scene.profile))
        assert "папка Покупатели/Опт" in text
        assert "папка Покупатели/Розница" in text
        assert scene.run().exit_code == 3, "a question stays until it is answered"
        people.answer(scene.profile, f"record:{retail}", "1")
        scene.run()
        card = next(row for row in scene.items(4) if row["id"] == 9)
        assert (card["title"], card["ufCrm_1C_FOLDER"], card["originId"]) == (
            "ООО «Ромашка»",
            "Покупатели/Розница",
            retail,
        )
        assert sorted(row["ufCrm_1C_FOLDER"] for row in scene.items(4)) == [
            "Покупатели/Опт",
            "Покупатели/Розница",
        ]
        assert people.questions(scene.profile) == []
        assert scene.run().exit_code == 0


def test_inn_and_kpp_only_propose_and_a_link_decides(tmp_path: Path) -> None:
    """`obmen24 link` ties the pair; what 1C told before the link is not lost."""
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(9, "Ромашка", INN, "770701001"))) as scene:
        guid = daisy(scene)
        scene.exchange()
        assert "obmen24 link company 9" in words.questions(people.questions(scene.profile))
        linking.link(scene.profile, "company", "9", guid)
        scene.run()
        (card,) = scene.items(4)
        assert (card["title"], card["originId"]) == ("ООО «Ромашка»", guid)
        assert people.questions(scene.profile) == []
        assert [row["companyId"] for row in scene.items(3)] == [9]
        assert scene.run().quiet


def test_none_of_them_is_an_answer_too(tmp_path: Path) -> None:
    """Answer 0: a record of its own, with the same ИНН."""
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(9, "Ромашка", INN, "770701001"))) as scene:
        guid = daisy(scene, contacts={})
        scene.exchange()
        people.answer(scene.profile, f"record:{guid}", "0")
        scene.run()
        assert sorted((row["id"], row["originId"]) for row in scene.items(4)) == [(9, None), (10, guid)]


def test_the_coverage_report_counts(tmp_path: Path) -> None:
    """`obmen24 check`: parties matched by GUID, by ИНН, doubtful, unmatched, before anything is exchanged and after."""
    with opened(tmp_path, TO_PORTAL, portal=seed(**company(9, "Ромашка", INN, "770701001"))) as scene:
        guid = daisy(scene, contacts={})
        scene.onec.new_party("ООО «Новичок»", full_name="ООО «Новичок»")
        scene.session()
        assert check.coverage(scene.profile) == check.Coverage(
            by_guid=0,
            by_inn=1,
            doubtful=0,
            unmatched_1c=1,
            unmatched_portal=0,
        )
        assert "предложены по ИНН: 1" in check_words.text(check.check(scene.profile))
        scene.run()
        linking.link(scene.profile, "company", "9", guid)
        scene.run()
        assert check.coverage(scene.profile) == check.Coverage(
            by_guid=2,
            by_inn=0,
            doubtful=0,
            unmatched_1c=0,
            unmatched_portal=0,
        )


def test_a_stock_base_tells_its_buyers_with_the_orders_born_there(tmp_path: Path) -> None:
    """1С:УНФ has no directory file: the buyer of its own order becomes a card, the buyer of an order of ours does not come back."""
    with opened(tmp_path, TO_PORTAL, dialect="unf3") as scene:
        guid = scene.onec.new_party("ООО «Покупатель»", full_name="ООО «Покупатель»", inn=INN).guid
        scene.onec.new_order(
            scene.onec.parties[0], [{"name": "Датчик", "quantity": 1, "price": Decimal("10.00")}]
        )
        scene.onec.session()
        scene.run()
        assert [(row["title"], row["originId"]) for row in scene.items(4)] == [("ООО «Покупатель»", guid)]


# ---- 003: both ways ----


def test_the_directories_of_the_portal_reach_1c_once(tmp_path: Path) -> None:
    """«Какие данные переносятся из б24 в 1с - Компания и контакт (Сами справочники …) - Товары (Сами справочники …)»"""
    with opened(
        tmp_path,
        BOTH + PRODUCTS + TWO_WAY,
        portal=seed(**company(9, "ООО «Портал»", INN, "770701001", PHONE=["+74950002233"])),
    ) as scene:
        scene.portal.call(
            "crm.contact.add", {"fields": {"NAME": "Олег", "LAST_NAME": "Дымов", "COMPANY_ID": 9}}
        )
        scene.portal.call("catalog.product.add", {"fields": {"iblockId": 23, "name": "Кабель"}})
        scene.settle()
        (party,) = scene.onec.parties
        assert (party.name, party.inn, party.kpp, party.phones) == (
            "ООО «Портал»",
            INN,
            "770701001",
            ["+74950002233"],
        )
        assert list(party.contacts.values()) == ["Дымов Олег"]
        assert [item.name for item in scene.onec.products] == ["Кабель"]
        assert scene.items(4)[0]["originId"] == party.guid
        assert (len(scene.items(4)), len(scene.items(3)), len(scene.products())) == (1, 1, 1)


def test_disjoint_edits_of_both_sides_survive(tmp_path: Path) -> None:
    """Each side edits another field of the same record between two exchanges."""
    with opened(tmp_path, BOTH + PRODUCTS + TWO_WAY) as scene:
        guid, item = (
            daisy(scene),
            scene.onec.new_product("Датчик", price=Decimal("100.50"), article="D-1", vat="22").guid,
        )
        scene.settle()
        scene.edit(1, fm={"n0": {"typeId": "EMAIL", "valueType": "WORK", "value": "new@romashka.example"}})
        scene.onec.edit_party(guid, phones=["8 (495) 000-99-99"], legal_address="г. Энск, ул. Новая, д. 9")
        scene.portal.call("catalog.product.update", {"id": 1, "fields": {"name": "Датчик портала"}})
        scene.onec.edit_product(item, price=Decimal("99.00"))
        scene.settle()
        party, card = scene.onec.party(guid), scene.companies()["ООО «Ромашка»"]
        assert party is not None
        assert (party.emails, party.phones) == (
            ["info@romashka.example", "new@romashka.example"],
            ["8 (495) 000-99-99"],
        )
        assert (card["EMAIL"], card["PHONE"]) == (
            ["info@romashka.example", "new@romashka.example"],
            ["+74950009999"],
        )
        assert "г. Энск, ул. Новая, д. 9" in [row["ADDRESS_1"] for row in scene.rows("crm.address.list")]
        held = scene.onec.products[0]
        assert (held.name, held.price, held.article, held.vat) == (
            "Датчик портала",
            Decimal("99.00"),
            "D-1",
            "22",
        )
        assert Decimal(str(scene.products()["Датчик портала"]["price"])) == Decimal("99")


@pytest.mark.parametrize(("owner", "wins"), [("1c", "ООО «Имя из 1С»"), ("portal", "ООО «Имя с портала»")])
def test_a_conflict_is_won_by_the_field_s_owner(tmp_path: Path, owner: str, wins: str) -> None:
    """Both sides renamed the company: the profile says who is right, the journal says that it was a conflict."""
    with opened(tmp_path, BOTH + f'owners = {{ name = "{owner}" }}\n') as scene:
        guid = daisy(scene, contacts={})
        scene.settle()
        scene.edit(1, title="ООО «Имя с портала»")
        scene.onec.edit_party(guid, name="ООО «Имя из 1С»")
        scene.onec.full_export()
        scene.settle()
        party = scene.onec.party(guid)
        assert party is not None
        assert (party.name, list(scene.companies())) == (wins, [wins])
        assert "изменено с обеих сторон" in words.journal(
            journal.why(scene.profile, "company", "1"), "company", "1"
        )


def test_an_owner_that_asks_touches_neither_side_until_a_person_answers(tmp_path: Path) -> None:
    with opened(tmp_path, BOTH + 'owners = { name = "ask" }\n') as scene:
        guid = daisy(scene, contacts={})
        scene.settle()
        scene.edit(1, title="ООО «Имя с портала»")
        scene.onec.edit_party(guid, name="ООО «Имя из 1С»")
        scene.onec.full_export()
        assert scene.run().exit_code == 3
        assert scene.run().exit_code == 3
        assert list(scene.companies()) == ["ООО «Имя с портала»"]
        assert "значение 1С: ООО «Имя из 1С»" in words.questions(people.questions(scene.profile))
        people.answer(scene.profile, "1", "2")
        scene.settle()
        party = scene.onec.party(guid)
        assert party is not None
        assert (party.name, list(scene.companies())) == ("ООО «Имя из 1С»", ["ООО «Имя из 1С»"])


def test_1c_answering_with_a_record_of_its_own_is_a_question_not_a_double(tmp_path: Path) -> None:
    """1C takes our card for a counterparty it already has and answers under its own Ид."""
    with opened(tmp_path, BOTH, portal=seed(**company(9, "Ромашка", INN, "770701001"))) as scene:
        scene.run()
        guid = daisy(scene, contacts={})
        report = scene.exchange()
        assert report.exit_code == 3
        assert len(scene.items(4)) == 1
        people.answer(scene.profile, f"record:{guid}", "1")
        scene.settle()
        assert [row["originId"] for row in scene.items(4)] == [guid]
        assert len(scene.onec.parties) == 1


def test_namesakes_without_inn_are_not_sent(tmp_path: Path) -> None:
    """1C would take two of one name for one party: neither is sent, the report says why."""
    two = {
        "companies": [
            {"ID": 8, "TITLE": "ООО «Двойник»"},
            {"ID": 9, "TITLE": "ООО «Двойник»"},
            {"ID": 10, "TITLE": "ООО «Один»"},
        ]
    }
    with opened(tmp_path, BOTH, portal=seed(**two)) as scene:
        report = scene.run()
        assert "называется так же" in report.text()
        scene.settle()
        assert [party.name for party in scene.onec.parties] == ["ООО «Один»"]


@pytest.mark.parametrize("wrong", [{"TITLE": "ООО «Сбой\x0b»"}, {"RQ_OKPO": "1" * 20}])
def test_a_card_that_cannot_stand_in_the_file_costs_only_itself(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    """One bad card must not keep the directory from 1C; mended on the portal, it goes."""
    both = company(8, "ООО «Сбой»", INN, "770701001")
    both["companies"][0].update({key: value for key, value in wrong.items() if key == "TITLE"})
    both["requisites"][0].update({key: value for key, value in wrong.items() if key != "TITLE"})
    both["companies"].append({"ID": 9, "TITLE": "ООО «Цел»"})
    with opened(tmp_path, BOTH, portal=seed(**both)) as scene:
        report = scene.run()
        assert "Карточку нельзя передать в 1С" in report.text()
        scene.settle()
        assert [party.name for party in scene.onec.parties] == ["ООО «Цел»"]
        scene.portal.call("crm.company.update", {"id": 8, "fields": {"TITLE": "ООО «Исправлен»"}})
        if "RQ_OKPO" in wrong:
            scene.portal.call("crm.requisite.update", {"id": 8, "fields": {"RQ_OKPO": "12345678"}})
        scene.settle()
        assert sorted(party.name for party in scene.onec.parties) == ["ООО «Исправлен»", "ООО «Цел»"]


# ---- what goes wrong ----


def test_late_repeated_and_split_files_end_in_the_same_state(tmp_path: Path) -> None:
    """Files in another order, twice, and an old one long after: the newest text of each record wins, nothing is doubled."""
    with opened(tmp_path / "calm", TO_PORTAL + PRODUCTS) as calm:
        _story(calm)
        for _ in range(2):
            calm.run()
        wanted, files = _state(calm), sorted((calm.profile.folder / "archive").glob("*/*.xml"))
    with opened(tmp_path / "rough", TO_PORTAL + PRODUCTS) as rough:
        for file in (*reversed(files), *files, files[0]):
            shutil.copy(file, rough.profile.folder / "from_1c" / f"{len(list(rough.reports))}-{file.name}")
            rough.run()
        assert _state(rough) == wanted
        assert (len(rough.items(4)), len(rough.items(3)), len(rough.products())) == (2, 1, 1)


def _story(scene: directories.Scene) -> None:
    guid, item = daisy(scene), scene.onec.new_product("Датчик", price=Decimal("100.50")).guid
    scene.exchange()
    scene.onec.edit_party(guid, name="ООО «Ромашка плюс»", legal_address="г. Энск, ул. Новая, д. 9")
    scene.onec.new_party("ООО «Второе»", full_name="ООО «Второе»")
    scene.exchange()
    scene.onec.edit_party(guid, name="ООО «Ромашка навсегда»")
    scene.onec.edit_product(item, price=Decimal("120.00"), name="Датчик движения")
    scene.exchange()


def _state(scene: directories.Scene) -> Any:
    cards = sorted((row["originId"], row["title"], row["ufCrm_1C_FOLDER"] or "") for row in scene.items(4))
    places = sorted((row["TYPE_ID"], row["ADDRESS_1"]) for row in scene.rows("crm.address.list"))
    items = sorted((row["xmlId"], row["name"], str(row["price"])) for row in scene.products().values())
    return cards, places, items


FAULTS = [
    {"kind": "cut_after", "method": "crm.item.add"},
    {"kind": "500", "method": "crm.requisite.add"},
    {"kind": "batch_cut", "method": "crm.address.add"},
    {"kind": "401", "method": "crm.requisite.bankdetail.add"},
    {"kind": "cut_after", "method": "catalog.product.add"},
    {"kind": "html_502", "method": "crm.item.add", "nth": 2},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']} {fault['method']}")
def test_a_stop_in_the_middle_is_continued_without_doubles(tmp_path: Path, fault: dict[str, Any]) -> None:
    """The portal loses an answer, refuses or goes away in the middle of the first load; the next runs finish it."""
    with opened(tmp_path, TO_PORTAL + PRODUCTS, faults=[fault]) as scene:
        daisy(scene)
        scene.onec.new_product("Датчик", price=Decimal("100.50"), purchase=Decimal("70.10"))
        scene.session()
        for _ in range(4):
            try:
                scene.run()
            except EtlError:
                continue
        assert (len(scene.items(4)), len(scene.items(3)), len(scene.products())) == (1, 1, 1)
        assert (
            len(scene.rows("crm.requisite.list")),
            len(scene.rows("crm.requisite.bankdetail.list")),
            len(scene.rows("crm.address.list")),
        ) == (1, 1, 2)
        assert Decimal(str(scene.products()["Датчик"]["price"])) == Decimal("100.5")
        assert scene.run().quiet


def test_a_kill_after_the_commit_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies between its memory and the portal, and between the portal and its memory."""
    from etl.flows.directories import writing

    with opened(tmp_path, BOTH) as scene:
        guid = daisy(scene)
        scene.settle()
        for place in ("write", "_done"):
            scene.onec.edit_party(
                guid, phones=[f"8 (495) 000-88-{len(place):02}"], name=f"ООО «Ромашка {place}»"
            )
            scene.edit(
                1,
                fm={"n0": {"typeId": "EMAIL", "valueType": "WORK", "value": f"kill{place}@romashka.example"}},
            )
            scene.session()
            with monkeypatch.context() as patch:
                patch.setattr(writing, place, _killed)
                with pytest.raises(KeyboardInterrupt):
                    scene.run()
            scene.settle()
            party, card = scene.onec.party(guid), scene.companies()[f"ООО «Ромашка {place}»"]
            assert party is not None
            assert party.name == f"ООО «Ромашка {place}»"
            assert party.emails == card["EMAIL"]
            assert card["PHONE"] == [f"+749500088{len(place):02}"]
            assert f"kill{place}@romashka.example" in card["EMAIL"]


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_more_overwrites_than_the_guard_allows_stop_before_the_first(tmp_path: Path) -> None:
    """A wrong file would replace the names of everybody: nothing is written until a person has accepted it."""
    with opened(tmp_path, TO_PORTAL, more="[guard]\noverwrites = 2\n") as scene:
        guids = [
            scene.onec.new_party(f"ООО «Номер {number}»", full_name=f"ООО «Номер {number}»").guid
            for number in range(3)
        ]
        scene.exchange()
        for guid in guids:
            scene.onec.edit_party(guid, name="ООО «Одинаковое»", full_name="ООО «Одинаковое»")
        scene.session()
        before = scene.writes
        with pytest.raises(NeedsPerson, match="ограничитель разрешает 2"):
            scene.run()
        assert scene.writes == before
        assert scene.run(dry=True).counts["updated"] == 3, "the plan shows what is to be accepted"
        scene.run(accept=True)
        assert [row["title"] for row in scene.items(4)] == ["ООО «Одинаковое»"] * 3


def test_a_plan_shows_what_the_run_does_and_writes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, BOTH + PRODUCTS, portal=seed(**company(9, "ООО «Портал»", INN_SOLE[:10]))) as scene:
        daisy(scene)
        scene.onec.new_product("Датчик", price=Decimal("100.50"))
        scene.session()
        before = scene.writes
        planned = scene.run(dry=True)
        assert scene.writes == before
        assert not (scene.profile.folder / "to_1c" / "parties.xml").exists()
        assert "ООО «Ромашка»" in planned.text()
        done = scene.run()
        assert {name: count for name, count in planned.counts.items() if count} == {
            name: count for name, count in done.counts.items() if count
        }


def test_an_edit_of_1c_is_not_undone_by_our_own_file(tmp_path: Path) -> None:
    """1C renames, the portal gets an e-mail: the file for 1C repeats the name as 1C gave it, not as the portal still had it."""
    with opened(tmp_path, BOTH) as scene:
        guid = daisy(scene, contacts={})
        scene.settle()
        scene.onec.edit_party(guid, name="ООО «Ромашка плюс»", full_name="ООО «Ромашка плюс»")
        scene.edit(1, fm={"n0": {"typeId": "EMAIL", "valueType": "WORK", "value": "new@romashka.example"}})
        scene.settle()
        party = scene.onec.party(guid)
        assert party is not None
        assert (party.name, party.full_name, list(scene.companies())) == (
            "ООО «Ромашка плюс»",
            "ООО «Ромашка плюс»",
            ["ООО «Ромашка плюс»"],
        )


def test_a_value_put_back_reaches_1c_again(tmp_path: Path) -> None:
    """The portal gives a name, 1C another one, the portal the first one again: the same text goes out twice."""
    with opened(tmp_path, BOTH) as scene:
        guid = daisy(scene, contacts={})
        scene.settle()
        scene.edit(1, title="ООО «Имя с портала»")
        scene.settle()
        scene.onec.edit_party(guid, name="ООО «Имя из 1С»")
        scene.settle()
        assert list(scene.companies()) == ["ООО «Имя из 1С»"]
        scene.edit(1, title="ООО «Имя с портала»")
        scene.settle()
        party = scene.onec.party(guid)
        assert party is not None
        assert (party.name, list(scene.companies())) == ("ООО «Имя с портала»", ["ООО «Имя с портала»"])


def test_a_deletion_mark_hides_and_never_deletes(tmp_path: Path) -> None:
    """A product marked in 1C leaves the catalogue's shop window; a company stays and the report says so."""
    with opened(tmp_path, TO_PORTAL + PRODUCTS) as scene:
        guid, item = daisy(scene), scene.onec.new_product("Датчик", price=Decimal("100.50")).guid
        scene.exchange()
        scene.onec.edit_product(item, deleted=True)
        scene.onec.edit_party(guid, deleted=True)
        report = scene.exchange()
        assert scene.products()["Датчик"]["active"] == "N"
        assert list(scene.companies()) == ["ООО «Ромашка»"]
        assert "на удаление" in report.text()
        scene.onec.edit_product(item, deleted=False)
        scene.exchange()
        assert scene.products()["Датчик"]["active"] == "Y"


def test_a_card_that_people_deleted_is_not_created_again(tmp_path: Path) -> None:
    """Absence proves nothing: the record of 1C waits for a person."""
    with opened(tmp_path, TO_PORTAL) as scene:
        guid = daisy(scene, contacts={})
        scene.exchange()
        scene.portal.call("crm.company.delete", {"id": 1})
        scene.onec.edit_party(guid, phones=["8 (495) 000-55-55"])
        report = scene.exchange()
        assert scene.items(4) == []
        assert "obmen24 link company" in report.text()


def test_an_edit_that_1c_does_not_take_is_told_and_not_repeated(tmp_path: Path) -> None:
    """«1С не приняла правку»: 1C shows the old value in a file made after our publication."""
    with opened(tmp_path, BOTH) as scene:
        guid = daisy(scene, contacts={})
        scene.settle()
        scene.edit(1, title="ООО «Новое имя»")
        scene.run()
        (scene.profile.folder / "to_1c" / "parties.xml").rename(tmp_path / "lost.xml")
        scene.onec.edit_party(guid, okpo="00000019")
        report = scene.exchange()
        assert "1С не приняла правку" in report.text()
        assert list(scene.companies()) == ["ООО «Новое имя»"]
        assert scene.run().quiet


def test_the_journal_explains_each_field(tmp_path: Path) -> None:
    """`obmen24 why company 1` names file, document and rule."""
    with opened(tmp_path, BOTH) as scene:
        guid = daisy(scene, contacts={})
        scene.settle()
        scene.edit(1, title="ООО «Ромашка и Ко»")
        scene.onec.edit_party(guid, phones=["8 (495) 000-66-66"])
        scene.settle()
        text = words.journal(journal.why(scene.profile, "company", "1"), "company", "1")
        for expected in (
            "Создано из 1С: ИНН",
            "from_1c/parties-1.xml",
            guid,
            "Записано из 1С: телефоны",
            "изменено в 1С",
            "Передано в 1С: наименование",
            "изменено на портале",
            "to_1c/parties.xml",
        ):
            assert expected in text, text
