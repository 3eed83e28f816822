"""The 1C model as stock УТ 10.3, УТ 11 and УНФ 3: strictness, silence and weak answers. Each test quotes the fact it holds to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from etl.sandbox.onec.base import OneC, Session
from tests.support.onec_files import BOM, Answer, order, put, ref, row, stock

FILES = {"ut103": "order.xml", "ut11": "to_1c/orders.xml", "unf3": "to_1c/orders.xml"}
EVENING = dt.datetime(2026, 11, 3, 9, 5, 7)


def base_of(tmp_path: Path, dialect: str, **settings: object) -> OneC:
    return OneC(dialect, tmp_path / "folder", data=tmp_path / "data", now=lambda: EVENING, **settings)  # type: ignore[arg-type]


@pytest.fixture(params=["ut103", "ut11", "unf3"])
def any_base(request: pytest.FixtureRequest, tmp_path: Path) -> OneC:
    return base_of(tmp_path, request.param)


@pytest.fixture
def ut103(tmp_path: Path) -> OneC:
    return base_of(tmp_path, "ut103")


@pytest.fixture
def ut11(tmp_path: Path) -> OneC:
    return base_of(tmp_path, "ut11")


@pytest.fixture
def unf3(tmp_path: Path) -> OneC:
    return base_of(tmp_path, "unf3")


def send(base: OneC, *documents: str, bom: bool = True) -> Session:
    put(base.folder, FILES[base.settings.dialect], stock(*documents), bom=bom)
    return base.session()


def quiet(base: OneC) -> Session:
    """A session without our file."""
    (base.folder / FILES[base.settings.dialect]).unlink()
    return base.session()


def told(base: OneC, session: Session) -> Answer:
    return Answer(
        base.folder / next(name for name in session.files if "import" not in name and "offers" not in name)
    )


# ---- what all stock configurations share ----
def test_order_is_loaded_and_not_exported_in_the_same_session(any_base: OneC) -> None:
    """Fact §12: «both configurations cancel the change registration of an order they have just loaded»."""
    session = send(any_base, order())
    assert session.created == ("B24-1",) and session.exported == ()
    assert quiet(any_base).exported == ()


def test_the_same_file_is_read_every_session_and_never_removed(any_base: OneC) -> None:
    """Fact 2: «the incoming file is never consumed»."""
    send(any_base, order())
    session = any_base.session()
    assert session.same == ("B24-1",) and len(any_base.orders) == 1
    assert (any_base.folder / FILES[any_base.settings.dialect]).exists()


def test_unchanged_file_overwrites_a_persons_edit(any_base: OneC) -> None:
    """Fact §7: «our file wins over manual edits»; the edit is never even exported, because loading goes first."""
    send(any_base, order())
    any_base.edit_order("B24-1", lines=[{"name": "Камера", "price": 900}])
    session = any_base.session()
    assert session.updated == ("B24-1",) and session.exported == ()
    assert any_base.document("B24-1").amount == Decimal("1000.00")
    assert quiet(any_base).exported == ()


def test_a_persons_edit_is_exported_when_our_file_is_gone(any_base: OneC) -> None:
    send(any_base, order())
    any_base.edit_order("B24-1", lines=[{"name": "Камера", "price": 900}])
    session = quiet(any_base)
    assert session.exported == ("B24-1",) and told(any_base, session).one("B24-1")["Сумма"] == "900"


def test_other_operations_fail_the_whole_file(any_base: OneC) -> None:
    """Fact 10: «both stop at a ХозОперация other than «Заказ товара»»; nothing of the file is loaded."""
    session = send(any_base, order(), order("S24-1", operation="Счет на оплату"))
    assert len(session.errors) == 1 and "Счет на оплату" in session.errors[0]
    assert any_base.orders == [] and any_base.parties == []


def test_clients_by_inn_when_given_else_by_exact_name(any_base: OneC) -> None:
    """Fact 16: «the same client under two spellings becomes two»."""
    named = "<Наименование>{}</Наименование><ПолноеНаименование>{}</ПолноеНаименование>{}"
    buyers = [
        ("Иванов И. И.", ""),
        ("Иванов И.И.", ""),
        ("Иванов И. И.", "<ИНН>500100732259</ИНН>"),
        ("ИП Иванов", "<ИНН>500100732259</ИНН>"),
    ]
    send(
        any_base,
        *(order(f"B24-{at}", buyer=named.format(name, name, inn)) for at, (name, inn) in enumerate(buyers)),
    )
    parties = [any_base.document(f"B24-{at}").party for at in range(4)]
    assert len(set(parties)) == 3 and parties[2] == parties[3]


def test_files_are_bom_versioned_and_never_removed(any_base: OneC) -> None:
    """Facts 1, 3: fixed places and names per configuration; outgoing order files accumulate."""
    version, space = {
        "ut103": ("2.04", None),
        "ut11": ("2.07", "urn:1C.ru:commerceml_2"),
        "unf3": ("2.10", "urn:1C.ru:commerceml_210"),
    }[any_base.settings.dialect]
    send(any_base, order())
    any_base.edit_order("B24-1", comment="раз")
    first = quiet(any_base)
    any_base.edit_order("B24-1", comment="два")
    second = any_base.session()
    answer = told(any_base, first)
    assert answer.raw.startswith(BOM) and answer.root.get("ВерсияСхемы") == version and answer.space == space
    assert told(any_base, second).raw != answer.raw


def test_orders_born_in_1c_are_told_by_unf_only(any_base: OneC) -> None:
    """Fact 4: «an order typed into 1C by a manager never appears» (УНФ: «with node setting»)."""
    born = any_base.new_order("ООО Лютик", [{"name": "Камера", "price": 100}])
    session = any_base.session()
    assert (born.number in session.exported) == (any_base.settings.dialect == "unf3")


def test_stale_export_of_a_stock_order_keeps_old_registers(any_base: OneC) -> None:
    send(any_base, order())
    any_base.edit_order("B24-1", comment="старый")
    old = told(any_base, quiet(any_base))
    any_base.pay("B24-1", Decimal("1000"))
    any_base.ship("B24-1")
    assert any(
        "оплаты" in name or name == "#Оплачен" for name in told(any_base, any_base.session()).one("B24-1")
    )
    again = Answer(any_base.folder / any_base.export_stale("B24-1")).one("B24-1")
    assert again == old.one("B24-1")


# ---- УТ 10.3 ----
def test_ut103_needs_the_bom(ut103: OneC) -> None:
    """Fact 11: «without BOM nothing loads»."""
    assert "BOM" in send(ut103, order(), bom=False).errors[0] and ut103.orders == []


def test_ut103_is_silent_when_order_xml_is_missing_and_ut11_is_not(ut103: OneC, ut11: OneC) -> None:
    """Fact 2: «10.3 silently succeeds if it is missing, УТ 11 fails»."""
    assert ut103.session().errors == ()
    assert "не найден" in ut11.session().errors[0]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (order(currency="RUB"), "нет валюты «RUB»"),
        (order(day="02.11.2026"), "ГГГГ-ММ-ДД"),
        (order(day="2026-11-02+03:00"), "ГГГГ-ММ-ДД"),
        (order(clock="9:00:00"), "ЧЧ:ММ:СС"),
        (order(clock="10:00:00.5"), "ЧЧ:ММ:СС"),
        (order(rows=row(price="1 000,00")), "не число"),
        (order(operation="заказ товара"), "ХозОперация"),
        (order(operation=""), "ХозОперация"),
    ],
)
def test_ut103_stops_at(ut103: OneC, document: str, said: str) -> None:
    """Fact 10 and §7: unknown currency, date not exactly yyyy-MM-dd, one-digit hour, a number with a comma: the file fails."""
    session = send(ut103, order("B24-9"), document)
    assert said in session.errors[0] and ut103.orders == []


def test_ut103_wants_date_before_time_and_number_before_comment(ut103: OneC) -> None:
    """§3.1: «10.3's reader is a stream by path: Номер must come before Комментарий and Дата before Время»."""
    early = order().replace("<Время>10:00:00</Время>", "").replace("<Дата>", "<Время>10:00:00</Время><Дата>")
    assert "раньше" in send(ut103, early).errors[0]
    send(
        ut103,
        order(comment="к вечеру"),
        order("B24-2").replace("<Номер>", "<Комментарий>к утру</Комментарий><Номер>"),
    )
    assert ut103.document("B24-1").comment == "№ B24-1 bitrix24: к вечеру"
    assert ut103.document("B24-2").comment == "№  bitrix24: к утру"


def test_ut103_does_not_see_a_container(ut103: OneC) -> None:
    """§7: «a Контейнер is not seen»."""
    put(ut103.folder, "order.xml", stock(f"<Контейнер>{order()}</Контейнер>"))
    session = ut103.session()
    assert session.errors == () and ut103.orders == []


def test_ut103_skips_an_order_other_documents_refer_to(ut103: OneC) -> None:
    """Fact 9: «10.3 skips silently an order to which any other document refers»; it keeps its registration and is exported."""
    send(ut103, order())
    ut103.pay("B24-1", Decimal("100"))
    session = send(ut103, order(rows=row(price="2000.00")))
    assert session.skipped == ("B24-1",) and session.errors == () and session.exported == ("B24-1",)
    assert ut103.document("B24-1").amount == Decimal("1000.00")


def test_ut103_looks_paid_after_a_prepayment_and_not_after_shipment(ut103: OneC) -> None:
    """Fact 5: «a partial prepayment before shipment already counts as paid»; zero values when there is no settlement at all."""
    send(ut103, order())
    ut103.edit_order("B24-1", comment="x")
    bare = told(ut103, quiet(ut103)).one("B24-1")
    assert (bare["#Номер оплаты по 1С"], bare["#Дата оплаты по 1С"]) == (
        "0",
        "0001-01-01",
    ) and "#Номер отгрузки по 1С" not in bare
    ut103.pay("B24-1", Decimal("100"), dt.date(2026, 11, 4))
    early = told(ut103, ut103.session()).one("B24-1")
    assert early["#Дата оплаты по 1С"] == "2026-11-04" and early["#Номер оплаты по 1С"].endswith(" ")
    ut103.ship("B24-1")
    late = told(ut103, ut103.session()).one("B24-1")
    assert "#Номер оплаты по 1С" not in late and late["#Дата отгрузки по 1С"] == "2026-11-03"


def test_ut103_takes_the_largest_number_and_the_latest_date_of_different_payments(ut103: OneC) -> None:
    """Fact 5: «maximum number and maximum date over all documents, possibly of different documents»."""
    send(ut103, order())
    ut103.pay("B24-1", Decimal("600"), dt.date(2026, 11, 20))
    second = ut103.pay("B24-1", Decimal("400"), dt.date(2026, 11, 10))
    seen = told(ut103, quiet(ut103)).one("B24-1")
    assert (
        seen["#Номер оплаты по 1С"].strip() == second.number_1c and seen["#Дата оплаты по 1С"] == "2026-11-20"
    )


def test_ut103_a_closed_order_looks_shipped(ut103: OneC) -> None:
    """Fact 5: «"shipped" … also unposted orders and orders closed without shipment»."""
    send(ut103, order())
    closing = ut103.close("B24-1")
    seen = told(ut103, quiet(ut103)).one("B24-1")
    assert seen["#Номер отгрузки по 1С"].strip() == closing.number_1c and ut103.shipments == []


def test_ut103_cancellation_marks_for_deletion(ut103: OneC) -> None:
    """§4: «site->1C: 10.3 marks for deletion and unposts»; §5: «order cancelled: ПометкаУдаления»."""
    send(ut103, order(values={"Отменен": "true"}))
    assert ut103.document("B24-1").deleted and not ut103.document("B24-1").posted
    ut103.edit_order("B24-1", comment="x")
    seen = told(ut103, quiet(ut103)).one("B24-1")
    assert (seen["#ПометкаУдаления"], seen["#Проведен"]) == ("true", "false") and "#Отменен" not in seen


def test_ut103_services_lose_quantity_and_new_clients_get_brackets(ut103: OneC) -> None:
    """§3.4: «in 10.3 a service row is stored with Количество=1 and Цена=Сумма»; §7: «full name in brackets»."""
    service = row("Монтаж", price="500.00", quantity="3", amount="1500.00").replace(
        "<Значение>Товар</Значение>", "<Значение>Услуга</Значение>"
    )
    send(ut103, order(rows=service, amount="1500.00"))
    line = ut103.document("B24-1").lines[0]
    assert (line.quantity, line.price, line.amount) == (Decimal(1), Decimal("1500.00"), Decimal("1500.00"))
    assert ut103.parties[0].full_name == "ООО Ромашка [ООО «Ромашка»]"


def test_ut103_keeps_unknown_requisites_and_wipes_its_catalogue_folder(ut103: OneC) -> None:
    """§4: «10.3 on load turns every other requisite into a property»; §12: «10.3 wipes 1cbitrix\\ at every run»."""
    put(ut103.folder, "1cbitrix/old.xml", "<x/>")
    ut103.new_product("Лампа", price=Decimal(5))
    session = send(ut103, order(values={"Сделка": "42"}))
    assert ut103.document("B24-1").requisites["Сделка"] == "42"
    assert sorted(path.name for path in (ut103.folder / "1cbitrix").iterdir()) == ["import.xml", "offers.xml"]
    assert session.files[0].startswith("1cbitrix-")


def test_ut103_full_order_export_leaves_out_only_the_just_loaded(tmp_path: Path) -> None:
    """§7: «with "changes only" off, every run writes all web orders except those loaded in the same run»."""
    base = base_of(tmp_path, "ut103", changes_only=False)
    send(base, order("B24-1"), order("B24-2"))
    assert send(base, order("B24-2")).exported == ("B24-1",)


def test_ut103_single_shipment_by_hand(ut103: OneC) -> None:
    """§8: Отпуск товара with 1C's own number, two counterparties, a link by НомерДокументаОснования, services missing."""
    send(ut103, order())
    shipment = ut103.ship(
        "B24-1", lines=[{"name": "Камера", "price": 400}, {"name": "Монтаж", "price": 600, "service": True}]
    )
    name = ut103.export_single(shipment.number)
    single = Answer(ut103.folder / name)
    assert name == "from_1c/ООО Ромашка_Отпуск товара_2026-11-03.xml"
    assert single.one(shipment.number_1c, "Отпуск товара")["#НомерДокументаОснования"] == "B24-1"
    assert single.count("Контрагент") == 2 and single.texts("ЦенаЗаЕдиницу") == ["400"]


# ---- УТ 11 ----
def test_ut11_cuts_the_number_at_eleven(ut11: OneC) -> None:
    """Fact 8: «УТ 11 keeps only 11 characters of the number»: two long numbers become one order."""
    session = send(ut11, order("B24-12345678901"), order("B24-12345678902"))
    assert session.created == ("B24-1234567",) and len(ut11.orders) == 1


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (order(currency=""), "не указана валюта"),
        (order(buyer=None), "контрагент"),
        (order(buyer="<ИНН>7707083893</ИНН>"), "контрагент"),
        (order(extra="<Склады><Склад><Ид>1</Ид></Склад></Склады>"), "Склад"),
        (order(rows=row(tail="<Скидки><Скидка/></Скидки>")), "Скидки"),
    ],
)
def test_ut11_stops_at(ut11: OneC, document: str, said: str) -> None:
    """Fact 10: «УТ 11 at a missing Контрагент or Валюта … one transaction»; fact 15; §6 Склады."""
    session = send(ut11, order("B24-9"), document)
    assert said in session.errors[0] and ut11.orders == []


def test_ut11_takes_an_unknown_currency_for_its_own_and_words_for_zero(ut11: OneC) -> None:
    """§6: «unknown -> accounting currency»; «text that is not a number becomes 0 without an error»; rows with quantity 0 are dropped."""
    session = send(
        ut11, order(currency="643", rows=row() + row("Лампа", price="сто") + row("Шнур", quantity="много"))
    )
    assert session.errors == () and ut11.document("B24-1").currency == "руб"
    assert [(line.name, line.amount) for line in ut11.document("B24-1").lines] == [
        ("Камера", Decimal("1000.00")),
        ("Лампа", Decimal(0)),
    ]


@pytest.mark.parametrize("rate", ["22", "5", "7"])
def test_ut11_turns_new_vat_rates_into_none(ut11: OneC, rate: str) -> None:
    """Fact 13: «22, 5, 7 become 0 silently»."""
    session = send(ut11, order(rows=row(rate=rate)))
    line = ut11.document("B24-1").lines[0]
    assert session.errors == () and line.vat is None and line.vat_amount == 0


def test_ut11_with_a_patched_table_knows_22(tmp_path: Path) -> None:
    """Fact 13: «or agree a patched base»; included VAT = total × r / (100 + r), HALF_UP (onec §5)."""
    base = base_of(tmp_path, "ut11", vat_rates=("0", "10", "22"))
    send(base, order(rows=row(price="270.00", rate="22"), amount="270.00"))
    assert base.document("B24-1").lines[0].vat_amount == Decimal("48.69")


def test_ut11_rows_inherit_rate_unit_and_factor(ut11: OneC) -> None:
    """Fact 14: «a row without them inherits the previous row's»."""
    poor = (
        f"<Товар><Ид>{ref('Шнур')}</Ид><Наименование>Шнур</Наименование><ЦенаЗаЕдиницу>10</ЦенаЗаЕдиницу><Количество>2</Количество>"
        "<Сумма>20</Сумма></Товар>"
    )
    rich = row(rate="10").replace("<Единица>шт", "<Единица>упак").replace("<Коэффициент>1", "<Коэффициент>12")
    send(ut11, order(rows=rich + poor))
    line = ut11.document("B24-1").lines[1]
    assert (line.vat, line.unit, line.factor) == ("10", "упак", Decimal(12))


def test_ut11_adds_vat_on_top_without_the_document_flag(ut11: OneC) -> None:
    """Onec fact 10: «without it 1C adds VAT on top»."""
    send(ut11, order(included=None))
    assert ut11.document("B24-1").amount == Decimal("1200.00")


def test_ut11_touches_only_orders_awaiting_approval(ut11: OneC) -> None:
    """Fact 9: «УТ 11 touches only orders still in state «Ожидается согласование»», counted as skipped, without an error."""
    send(ut11, order())
    assert send(ut11, order(rows=row(price="1100.00"))).updated == ("B24-1",)
    ut11.approve("B24-1")
    session = send(ut11, order(rows=row(price="1200.00")))
    assert (session.skipped, session.errors) == (("B24-1",), ()) and ut11.document("B24-1").amount == Decimal(
        "1100.00"
    )


def test_ut11_a_paid_order_is_no_longer_awaiting_approval(ut11: OneC) -> None:
    """Onec §1.5: an order with money on it has left «Ожидается согласование»."""
    send(ut11, order())
    ut11.pay("B24-1", Decimal("100"))
    assert send(ut11, order(rows=row(price="1200.00"))).skipped == ("B24-1",)


def test_ut11_checks_a_namespaced_file_against_its_package(ut11: OneC) -> None:
    """Fact 12: «УТ 11 validates namespaced roots … and fails on unknown elements; without a namespace it reads an open structure»."""
    odd = order(extra="<НомерВерсии>1</НомерВерсии>")
    put(ut11.folder, "to_1c/orders.xml", stock(odd, space="urn:1C.ru:commerceml_2"))
    assert "НомерВерсии" in ut11.session().errors[0]
    assert send(ut11, odd).errors == ()


def test_ut11_tells_only_full_payment_and_full_shipment(ut11: OneC) -> None:
    """Fact 5: «УТ 11: set when sum of order - paid <= 0, i.e. truly full»; §5: «paid in part: nothing»; one-digit hour."""
    send(ut11, order())
    ut11.pay("B24-1", Decimal("400"))
    ut11.ship("B24-1", Decimal("1000"))
    part = told(ut11, quiet(ut11)).one("B24-1")
    assert "#Номер оплаты по 1С" not in part and part["#Дата отгрузки по 1С"] == "2026-11-03T9:05:07"
    ut11.pay("B24-1", Decimal("600"), dt.date(2026, 11, 9))
    full = told(ut11, ut11.session()).one("B24-1")
    assert (
        full["#Дата оплаты по 1С"] == "2026-11-09T9:05:07"
        and "#Отменен" not in full
        and "#ПометкаУдаления" not in full
    )


def test_ut11_drops_unknown_requisites_and_cancels_rows(ut11: OneC) -> None:
    """§4: «УТ 11 ignores unknown names»; «11 cancels all rows»."""
    send(
        ut11,
        order(values={"Сделка": "42", "Комментарии покупателя": "позвонить"}),
        order("B24-2", values={"Отменен": "true"}),
    )
    assert ut11.document("B24-1").requisites == {} and ut11.document("B24-1").comment == "позвонить"
    assert ut11.document("B24-2").lines == [] and ut11.document("B24-2").amount == 0


def test_ut11_creates_items_with_our_reference_and_10_3_with_its_own(ut11: OneC, tmp_path: Path) -> None:
    """§6: «else created with our GUID as reference»."""
    send(ut11, order())
    old = base_of(tmp_path / "old", "ut103")
    send(old, order())
    assert ut11.products[0].guid == ref("Камера") != old.products[0].guid


def test_ut11_writes_no_file_when_nothing_changed(ut11: OneC) -> None:
    """§6: «registered changes only»."""
    send(ut11, order(rows=""))
    assert quiet(ut11).files == ()


# ---- УНФ ----
def test_unf_tells_every_payment_and_shipment_without_own_numbers(unf3: OneC) -> None:
    """§9: ПодчиненныйДокумент per payment and per shipment; «Номер/Дата only if it came from the site»; Оплачен/Отгружен."""
    send(unf3, order())
    unf3.pay("B24-1", Decimal("400"))
    unf3.pay("B24-1", Decimal("600"))
    unf3.ship("B24-1", lines=[{"name": "Камера", "price": 300}])
    session = quiet(unf3)
    assert session.files[0].startswith("webdata - ")
    seen = told(unf3, session)
    payments = seen.documents("Выплата безналичных денег")
    assert [item["Сумма"] for item in payments] == ["400", "600"] and all(
        "Номер" not in item for item in payments
    )
    assert seen.documents("Отпуск товара")[0]["#Отгружен"] == "true"
    assert (seen.one("B24-1")["#Оплачен"], seen.one("B24-1")["#Отгружен"]) == ("true", "false")


def test_unf_takes_an_acquiring_operation_of_the_site_only(unf3: OneC) -> None:
    """§9: «from the site it accepts only subordinate «Эквайринговая операция» with Оплачено<>false»."""

    def part(operation: str, number: str) -> str:
        return (
            f"<ПодчиненныйДокумент><Номер>{number}</Номер><Дата>2026-11-02</Дата><ХозОперация>{operation}</ХозОперация>"
            f"<Сумма>1000.00</Сумма></ПодчиненныйДокумент>"
        )

    nested = f"<ПодчиненныеДокументы>{part('Эквайринговая операция', 'P-1')}{part('Выплата безналичных денег', 'P-2')}</ПодчиненныеДокументы>"
    send(unf3, order(extra=nested))
    assert [payment.number for payment in unf3.payments] == ["P-1"]


def test_unf_tells_status_and_cancellation(unf3: OneC) -> None:
    """§4: «Отменен … УНФ and 3.x do»; «Статус заказа: УНФ/3.x -> site»."""
    send(unf3, order())
    unf3.edit_order("B24-1", status="Согласован", cancelled=True)
    seen = told(unf3, quiet(unf3)).one("B24-1")
    assert (seen["#Статус заказа"], seen["#Отменен"]) == ("Согласован", "true")


# ---- the handler beside a stock exchange ----
def test_handler_beside_stock_links_by_number_of_the_basis(tmp_path: Path) -> None:
    """Fact 8: Ид of our order is ignored by the stock exchange, so a linked invoice is found by НомерДокументаОснования."""
    from tests.support.onec_files import contract, paper

    base = base_of(tmp_path, "ut103", extended=True)
    put(base.folder, "order.xml", stock(order()))
    base.session()
    linked = paper(
        "Счет на оплату",
        "S24-1",
        amount="1000.00",
        basis=ref("B24-1"),
        values={"НомерДокументаОснования": "B24-1"},
        name="ООО Ромашка",
    )
    put(base.folder, "to_1c/documents.xml", contract(linked))
    session = base.session()
    assert session.errors == () and base.invoices[0].basis == base.document("B24-1", "order").guid


def test_bookkeeping_exchanges_no_commerceml(tmp_path: Path) -> None:
    """Onec §2.2: Бухгалтерия has no site exchange."""
    base = base_of(tmp_path, "bp3")
    put(base.folder, "order.xml", stock(order()))
    session = base.session()
    assert (session.loaded, session.files, session.errors) == (0, (), ())
