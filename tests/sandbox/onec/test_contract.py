"""The 1C model under the extended contract: documents, parties and the catalogue of CommerceML 3.1, both ways."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from etl.errors import Rejected
from etl.sandbox.onec.base import OneC
from tests.support.onec_files import BOM, SPACE, Answer, charge, contract, paper, put, ref

DOCUMENTS = "to_1c/documents.xml"


@pytest.fixture
def base(tmp_path: Path) -> OneC:
    return OneC("bitrix3", tmp_path / "folder", data=tmp_path / "data")


def answer(base: OneC, files: tuple[str, ...]) -> Answer:
    return Answer(base.folder / next(name for name in files if "documents" in name))


def test_charge_becomes_a_posted_order_and_invoice_and_one_debt(base: OneC) -> None:
    put(
        base.folder,
        DOCUMENTS,
        contract(
            charge(amount="1500.00"),
            charge("M2611100002", amount="99.99", agreement="18", name="Петров П. П."),
        ),
    )
    session = base.session()
    assert session.errors == () and len(session.created) == 4
    assert base.debts() == {"17": Decimal("1500.00"), "18": Decimal("99.99")}
    assert all(document.posted for document in base.orders + base.invoices)


def test_handler_echoes_what_it_has_just_loaded_every_session(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(charge()))
    first, second = base.session(), base.session()
    assert first.exported == second.exported == ("M2611100001", "M2611100001")
    assert second.created == second.updated == () and len(second.same) == 2
    told = answer(base, second.files)
    assert told.raw.startswith(BOM) and told.space == SPACE and told.root.get("ВерсияСхемы") == "3.1"
    assert told.count("Контейнер") == 1
    assert (
        told.one("M2611100001", "Счет на оплату")["Основание"]
        == told.one("M2611100001")["Ид"]
        == ref("Заказ товараM2611100001")
    )


def test_same_history_writes_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        base = OneC("bitrix3", tmp_path / name / "folder", data=tmp_path / name / "data")
        put(base.folder, DOCUMENTS, contract(charge()))
        base.session()
        base.pay("M2611100001", Decimal("700"), dt.date(2026, 11, 5))
        files = base.session().files
        written.append([(file, (base.folder / file).read_bytes()) for file in files])
    assert written[0] == written[1]


def test_a_second_process_continues(tmp_path: Path) -> None:
    base = OneC("bitrix3", tmp_path / "folder", data=tmp_path / "data")
    put(base.folder, DOCUMENTS, contract(charge()))
    base.session()
    other = OneC("bitrix3", tmp_path / "folder", data=tmp_path / "data")
    other.pay("M2611100001", Decimal("500.50"), dt.date(2026, 11, 5))
    assert base.debts() == {"17": Decimal("999.50")}
    assert base.session().number == 2


def test_two_payments_and_a_refund_are_three_documents_with_sums(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(charge()))
    base.session()
    base.pay("M2611100001", Decimal("700"), dt.date(2026, 11, 5))
    base.pay("M2611100001", Decimal("800"), dt.date(2026, 11, 9))
    base.pay("M2611100001", Decimal("100"), dt.date(2026, 11, 10), refund=True)
    (base.folder / DOCUMENTS).unlink()
    told = answer(base, base.session().files)
    assert [item["Сумма"] for item in told.documents("Выплата безналичных денег")] == ["700", "800"]
    assert [item["Сумма"] for item in told.documents("Возврат безналичных денег")] == ["100"]
    assert told.documents("Выплата безналичных денег")[0]["#Дата оплаты"] == "2026-11-05T9:01:00"
    assert told.one("M2611100001")["#Оплачен"] == "false"
    assert base.debts() == {"17": Decimal("100.00")}


def test_our_payment_document_is_taken_once(base: OneC) -> None:
    invoice = ref("Счет на оплатуM2611100001")
    pay = paper(
        "Выплата безналичных денег",
        "P-1",
        amount="1500.00",
        basis=invoice,
        rows=False,
        values={"Оплачено": "true"},
    )
    put(base.folder, DOCUMENTS, contract(charge() + pay))
    base.session()
    base.session()
    assert [payment.amount for payment in base.payments] == [Decimal("1500.00")]
    assert base.debts() == {"17": Decimal(0)}


def test_two_shipments_and_a_closing(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(paper("Заказ товара", "B24-7", amount="1000.00")))
    base.session()
    base.ship("B24-7", Decimal("400"))
    assert answer(base, base.session().files).one("B24-7")["#Статус заказа"] == "В процессе отгрузки"
    base.ship("B24-7")
    told = answer(base, base.session().files)
    assert [item["Сумма"] for item in told.documents("Отпуск товара")] == ["400", "600"]
    assert told.one("B24-7")["#Статус заказа"] == "Ожидается оплата (после отгрузки)"
    base.close("B24-7")
    closing = answer(base, base.session().files).documents("Прочие")[0]
    assert closing["#ВидДокумента"] == "Закрытие заказа" and closing["Основание"] == told.one("B24-7")["Ид"]


@pytest.mark.parametrize(
    ("paid", "shipped", "state"),
    [
        ("0", "0", "Ожидается предоплата (до отгрузки)"),
        ("1500", "0", "Готов к отгрузке"),
        ("1500", "1500", "Готов к закрытию"),
        ("0", "1500", "Ожидается оплата (после отгрузки)"),
    ],
)
def test_state_is_computed_as_in_ut11(base: OneC, paid: str, shipped: str, state: str) -> None:
    put(base.folder, DOCUMENTS, contract(paper("Заказ товара", "B24-7")))
    base.session()
    if paid != "0":
        base.pay("B24-7", Decimal(paid))
    if shipped != "0":
        base.ship("B24-7", Decimal(shipped))
    assert answer(base, base.session().files).one("B24-7")["#Статус заказа"] == state


def test_unchanged_file_overwrites_an_edit_until_the_order_is_in_use(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(paper("Заказ товара", "B24-7", amount="1000.00")))
    base.session()
    base.edit_order("B24-7", lines=[{"name": "Услуги видеонаблюдения", "price": 900}])
    assert base.session().updated == ("B24-7",) and base.document("B24-7").amount == Decimal("1000.00")
    base.edit_order("B24-7", lines=[{"name": "Услуги видеонаблюдения", "price": 900}])
    base.pay("B24-7", Decimal("900"))
    session = base.session()
    assert session.skipped == ("B24-7",) and session.errors == ()
    assert answer(base, session.files).one("B24-7")["Сумма"] == "900"


def test_orders_parties_and_items_born_in_1c_are_told_with_numbers_of_1c(base: OneC) -> None:
    party = base.new_party(
        "ООО Лютик",
        inn="7707083893",
        kpp="770701001",
        folder="Покупатели/Розница",
        phones=["+7 495 000-00-00"],
    )
    base.new_product("Камера", article="K-1", price=Decimal("1200.5"), purchase=Decimal(800), group="Камеры")
    born = base.new_order(
        party, [{"name": "Камера", "price": 1200, "quantity": 2, "vat": "22"}], manager="Мария"
    )
    session = base.session()
    told = answer(base, session.files).one(born.number)
    assert told["Ид"] == born.guid and told["Номер1С"].rstrip() == born.number != told["Номер1С"]
    assert told["#Менеджер"] == "Мария" and told["Сумма"] == "2400"
    parties = Answer(base.folder / next(name for name in session.files if "parties" in name))
    assert "7707083893" in parties.texts("ИНН") and parties.texts("Комментарий")[-1].startswith(
        "Папка: Покупатели/Розница; Код: "
    )
    goods = Answer(base.folder / next(name for name in session.files if "catalog" in name))
    assert goods.texts("ЦенаЗаЕдиницу") == ["1200.5", "800"]
    assert base.session().files == ()


def test_edit_of_an_order_born_in_1c_is_matched_by_ident(base: OneC) -> None:
    born = base.new_order("ООО Лютик", [{"name": "Камера", "price": 100}], on=dt.date(2026, 11, 1))
    put(
        base.folder,
        DOCUMENTS,
        contract(paper("Заказ товара", born.number, ident=born.guid, amount="150.00", name="ООО Лютик")),
    )
    assert base.session().updated == (born.number,)
    assert [document.amount for document in base.orders] == [Decimal("150.00")]


def test_two_payers_with_one_name_are_told_apart_by_inn_only(base: OneC) -> None:
    put(
        base.folder,
        DOCUMENTS,
        contract(
            paper("Заказ товара", "B24-1", name="Иванов И. И.", inn="500100732259"),
            paper("Заказ товара", "B24-2", name="Иванов И. И.", inn="500100732260"),
            paper("Заказ товара", "B24-3", name="Сидоров С. С."),
        ),
    )
    base.session()
    put(base.folder, DOCUMENTS, contract(paper("Заказ товара", "B24-4", name="Сидоров С. С.")))
    base.session()
    assert [party.name for party in base.parties].count("Иванов И. И.") == 2
    assert [party.name for party in base.parties].count("Сидоров С. С.") == 1


def test_act_is_echoed_and_confirmed(base: OneC) -> None:
    act = paper(
        "Прочие",
        "A1-17",
        amount="500.00",
        name="Мария",
        role="Исполнитель",
        values={"ВидДокумента": "Акт выполненных работ"},
    )
    put(base.folder, DOCUMENTS, contract(act))
    told = answer(base, base.session().files).documents("Прочие")[0]
    assert told["Номер"] == "A1-17" and "#Подтвержден" not in told
    (base.folder / DOCUMENTS).unlink()
    base.confirm_act("A1-17")
    assert answer(base, base.session().files).documents("Прочие")[0]["#Подтвержден"] == "true"
    assert base.debts() == {}


def test_prepaid_invoice_gets_its_order_later_even_when_paid(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(paper("Счет на оплату", "S24-1")))
    base.session()
    base.pay("S24-1", Decimal("1500"))
    linked = paper("Заказ товара", "B24-1") + paper("Счет на оплату", "S24-1", basis=ref("Заказ товараB24-1"))
    put(base.folder, DOCUMENTS, contract(linked))
    told = answer(base, base.session().files)
    assert told.count("Контейнер") == 1 and told.one("B24-1")["#Оплачен"] == "true"


def test_stale_export_repeats_an_old_state_with_the_old_date(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(paper("Заказ товара", "B24-7", amount="1000.00")))
    first = answer(base, base.session().files)
    (base.folder / DOCUMENTS).unlink()
    base.edit_order("B24-7", lines=[{"name": "Услуги видеонаблюдения", "price": 900}])
    assert answer(base, base.session().files).one("B24-7")["Сумма"] == "900"
    old = Answer(base.folder / base.export_stale("B24-7"))
    assert old.one("B24-7")["Сумма"] == "1000" and old.root.get("ДатаФормирования") == first.root.get(
        "ДатаФормирования"
    )
    with pytest.raises(Rejected):
        base.export_stale("B24-8")


def test_delayed_files_arrive_when_delivered(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(charge()))
    session = base.session_delayed()
    assert session.files and not any((base.folder / name).exists() for name in session.files)
    assert sorted(base.deliver()) == sorted(session.files) and all(
        (base.folder / name).exists() for name in session.files
    )


def test_full_export_tells_everything_without_loading(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(charge()))
    base.session()
    put(base.folder, DOCUMENTS, contract(charge("M2611100009")))
    assert base.full_export().exported == ("M2611100001", "M2611100001")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            charge().replace("<Сумма>1500.00</Сумма><Роль>", "<Сумма>1500.01</Сумма><Роль>"),
            "не равна сумме строк",
        ),
        (paper("Заказ товара", "B24-1").replace("руб", "RUB"), "нет валюты"),
        (paper("Акт", "A1-1"), "не предусмотрена"),
        (paper("Заказ товара", "M26111000012345"), "длиннее 11"),
        (paper("Выплата безналичных денег", "P-1", basis=ref("нигде"), rows=False), "не найдено"),
        (paper("Заказ товара", "B24-1", day="01.11.2026"), "ГГГГ-ММ-ДД"),
        (paper("Заказ товара", "B24-1", rate="19"), "базе неизвестна"),
        (paper("Возврат безналичных денег", "P-1", amount="-5.00", rows=False), "больше нуля"),
    ],
)
def test_one_bad_document_fails_the_file_and_names_the_fault(base: OneC, bad: str, said: str) -> None:
    put(base.folder, DOCUMENTS, contract(charge("M2611100005"), bad))
    session = base.session()
    assert len(session.errors) == 1 and said in session.errors[0]
    assert base.orders == [] and base.parties == []


def test_vat_that_does_not_follow_from_the_rate_is_a_warning(base: OneC) -> None:
    body = paper("Заказ товара", "B24-1", amount="270.00", rate="22").replace(
        "<Ставка>22", "<Сумма>59.40</Сумма><Ставка>22"
    )
    put(base.folder, DOCUMENTS, contract(body))
    assert "48.69" in base.session().warnings[0]


def test_parties_file_creates_updates_and_echoes(base: OneC) -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" ВерсияСхемы="3.1" '
        f'ДатаФормирования="2026-11-02T10:00:00"><Контрагенты><Контрагент><Ид>{ref("Лютик")}</Ид><Наименование>Лютик</Наименование>'
        "<ОфициальноеНаименование>ООО «Лютик»</ОфициальноеНаименование><ИНН>7707083893</ИНН><Контакты><Контакт><Тип>Почта</Тип>"
        "<Значение>a@example.com</Значение></Контакт></Контакты><Комментарий>Папка: Опт/Юг; Код: 77</Комментарий></Контрагент></Контрагенты></КоммерческаяИнформация>"
    )
    put(base.folder, "to_1c/parties.xml", body)
    assert base.session().created == ("Лютик",)
    base.edit_party(ref("Лютик"), name="Лютик и Ко")
    session = base.session()
    assert session.updated == ("Лютик",) and base.parties[0].emails == ["a@example.com"]
    assert (base.parties[0].folder, base.parties[0].code) == ("Опт/Юг", "77")
    assert any("parties" in name for name in session.files)


def test_catalog_file_sets_items_and_both_prices(base: OneC) -> None:
    kinds = "".join(
        f"<ТипЦены><Ид>{ident}</Ид><Наименование>{name}</Наименование></ТипЦены>"
        for ident, name in (("1", "Розничная"), ("2", "Закупочная"))
    )
    prices = "".join(
        f"<Цена><ИдТипаЦены>{ident}</ИдТипаЦены><ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу></Цена>"
        for ident, price in (("1", "10.50"), ("2", "7"))
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" ВерсияСхемы="3.1" '
        f'ДатаФормирования="2026-11-02T10:00:00"><Каталог><Товары><Товар><Ид>{ref("Камера")}</Ид><Наименование>Камера</Наименование></Товар></Товары></Каталог>'
        f"<ПакетПредложений><ТипыЦен>{kinds}</ТипыЦен><Предложения><Предложение><Ид>{ref('Камера')}</Ид><Цены>{prices}</Цены></Предложение></Предложения>"
        "</ПакетПредложений></КоммерческаяИнформация>"
    )
    put(base.folder, "to_1c/catalog.xml", body)
    assert base.session().errors == ()
    assert [(item.name, item.price, item.purchase) for item in base.products] == [
        ("Камера", Decimal("10.50"), Decimal("7"))
    ]


def test_deletion_mark_and_cancellation_are_told(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(charge(), paper("Заказ товара", "B24-1")))
    base.session()
    (base.folder / DOCUMENTS).unlink()
    base.delete_mark("M2611100001")
    base.cancel("B24-1")
    told = answer(base, base.session().files)
    assert (
        told.one("M2611100001")["ПометкаУдаления"] == "true"
        and told.one("M2611100001")["#Проведен"] == "false"
    )
    assert told.one("B24-1")["#Отменен"] == "true"


def test_closed_order_is_owed_as_far_as_it_was_shipped(base: OneC) -> None:
    put(
        base.folder,
        DOCUMENTS,
        contract(paper("Заказ товара", "B24-7", amount="1000.00", values={"Номер договора": "5"})),
    )
    base.session()
    base.ship("B24-7", Decimal("400"))
    base.close("B24-7")
    assert base.debts() == {"5": Decimal("400.00")}


def test_an_order_upon_a_posted_invoice_is_not_owed_twice(base: OneC) -> None:
    first = paper("Счет на оплату", "S24-1", values={"Номер договора": "5"})
    upon = paper("Заказ товара", "B24-1", basis=ref("Счет на оплатуS24-1"))
    put(base.folder, DOCUMENTS, contract(first + upon))
    base.session()
    assert base.debts() == {"5": Decimal("1500.00")} and base.debtors()[0].charged == Decimal("1500.00")


def test_a_document_moved_to_another_basis_leaves_the_first(base: OneC) -> None:
    orders = [paper("Заказ товара", f"B24-{at}") for at in (1, 2)]
    for at in (1, 2):
        put(
            base.folder,
            DOCUMENTS,
            contract(*orders, paper("Счет на оплату", "S24-1", basis=ref(f"Заказ товараB24-{at}"))),
        )
        base.session()
    told = answer(base, base.session().files)
    assert (
        told.one("S24-1", "Счет на оплату")["#НомерДокументаОснования"] == "B24-2"
        and told.count("Контейнер") == 2
    )
    assert len(told.documents()) == 3


def test_equal_inn_is_told_apart_by_kpp(base: OneC) -> None:
    for kpp in ("770701001", "780701001"):
        base.new_party("ПАО Ромашка", inn="7707083893", kpp=kpp)
    known = paper("Заказ товара", "B24-1", name="ПАО Ромашка", inn="7707083893").replace(
        "</ИНН>", "</ИНН><КПП>780701001</КПП>"
    )
    put(base.folder, DOCUMENTS, contract(known))
    base.session()
    assert base.document("B24-1").party == base.parties[1].guid


def test_a_failed_file_leaves_no_trace(base: OneC) -> None:
    bare = "<Контрагент><Ид>{}</Ид>{}</Контрагент>"
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" ВерсияСхемы="3.1" '
        f'ДатаФормирования="2026-11-02T10:00:00"><Контрагенты>{bare.format(ref("а"), "<Наименование>А</Наименование>")}'
        f"{bare.format(ref('б'), '')}</Контрагенты></КоммерческаяИнформация>"
    )
    put(base.folder, "to_1c/parties.xml", body)
    session = base.session()
    assert "нет Наименования" in session.errors[0] and session.files == () and base.parties == []


def test_a_status_set_by_a_person_goes_before_the_computed_one(base: OneC) -> None:
    put(base.folder, DOCUMENTS, contract(paper("Заказ товара", "B24-1")))
    base.session()
    (base.folder / DOCUMENTS).unlink()
    base.edit_order("B24-1", status="На согласовании")
    assert answer(base, base.session().files).one("B24-1")["#Статус заказа"] == "На согласовании"


def test_an_unknown_number_is_refused_and_nothing_changes(base: OneC) -> None:
    with pytest.raises(Rejected, match="B24-404"):
        base.pay("B24-404", Decimal(1))
    assert base.session().files == ()


def test_broken_and_foreign_files_fail_alone(base: OneC) -> None:
    put(base.folder, "to_1c/parties.xml", "<КоммерческаяИнформация>")
    put(base.folder, "to_1c/catalog.xml", '<!DOCTYPE a [<!ENTITY b "c">]><КоммерческаяИнформация/>')
    put(base.folder, DOCUMENTS, contract(charge()))
    session = base.session()
    assert len(session.errors) == 2 and len(base.orders) == 1
