"""Reader of CommerceML: the rules of reference/commerceml §3-§5 and §14, each on the smallest file that shows it."""

from __future__ import annotations

import datetime as dt
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from etl import tables, xml_safe
from etl.errors import Rejected
from etl.extract.commerceml import read as reader
from etl.extract.commerceml import values
from etl.extract.commerceml.inspect import inspect

DAY = "<Дата>2026-11-02</Дата>"
ORDER = f"<Ид>D1</Ид><Номер>B24-1</Номер>{DAY}<ХозОперация>Заказ товара</ХозОперация><Сумма>122</Сумма>"


def wrap(inner: str, *, root: str = 'ВерсияСхемы="2.05" ДатаФормирования="2026-11-02T10:00:00"') -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация {root}>{inner}</КоммерческаяИнформация>'


def read(inner: str, **options: str) -> dict[str, list[tables.Record]]:
    stream = io.BytesIO(wrap(inner, **options).encode())
    reader.verify(stream, name="orders.xml")
    found: dict[str, list[tables.Record]] = {name: [] for name in reader.READS}
    for name, frame in reader.read(stream, name="orders.xml"):
        found[name] += tables.records(frame)
    return found


def document(inner: str = "", *, base: str = ORDER) -> dict[str, list[tables.Record]]:
    return read(f"<Документ>{base}{inner}</Документ>")


def requisites(**pairs: str) -> str:
    items = "".join(
        f"<ЗначениеРеквизита><Наименование>{name.replace('_', ' ')}</Наименование><Значение>{value}</Значение></ЗначениеРеквизита>"
        for name, value in pairs.items()
    )
    return f"<ЗначенияРеквизитов>{items}</ЗначенияРеквизитов>"


# ---- facts that were once lost -------------------------------------------------------------------------------------


def catalogue(inner: str) -> dict[str, list[tables.Record]]:
    return read(f"<Каталог><Товары>{inner}</Товары></Каталог>")


def offers(inner: str) -> dict[str, list[tables.Record]]:
    return read(f"<ПакетПредложений><Предложения>{inner}</Предложения></ПакетПредложений>")


def price(text: str, inner: str = "") -> str:
    return f"<Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{text}</ЦенаЗаЕдиницу>{inner}</Цена>"


def test_only_vat_is_vat_in_the_rates_of_a_product() -> None:
    rates = "<СтавкиНалогов>{}</СтавкиНалогов>".format
    excise = "<СтавкаНалога><Наименование>Акциз</Наименование><Ставка>5</Ставка></СтавкаНалога>"
    vat = "<СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога>"
    for inner in (rates(vat + excise), rates(excise + vat)):
        assert lines(f"<Товар><Ид>1</Ид>{inner}</Товар>")[0]["vat_rate"] == 20
        assert catalogue(f"<Товар><Ид>1</Ид>{inner}</Товар>")["products"][0]["vat_rate"] == 20


def test_an_unknown_rate_keeps_the_other_requisites() -> None:
    row = lines(
        f"<Товар><Ид>1</Ид>{requisites(Цвет='Красный')}<Налоги><Налог><Ставка>ерунда</Ставка></Налог></Налоги></Товар>"
    )[0]
    assert row["requisites"] == {"Цвет": "Красный", "Ставка": "ерунда"}


def test_the_price_is_that_of_one_base_unit_and_of_the_smallest_lot() -> None:
    found = offers(
        f"<Предложение><Ид>1</Ид><Цены>{price('100')}{price('80', '<МинКоличество>1000</МинКоличество>')}</Цены></Предложение>"
        f"<Предложение><Ид>2</Ид><Цены>{price('80', '<МинКоличество>1000</МинКоличество>')}{price('100', '<МинКоличество>1</МинКоличество>')}</Цены></Предложение>"
        f"<Предложение><Ид>3</Ид><Цены>{price('900', '<Единица>упак</Единица><Коэффициент>10</Коэффициент>')}</Цены></Предложение>"
    )
    assert [(row["product"], row["price"], row["unit"]) for row in found["prices"]] == [
        ("1", 100, None),
        ("2", 100, None),
        ("3", 90, None),
    ]


def test_a_price_that_is_no_number_costs_only_itself() -> None:
    found = offers(
        f"<Предложение><Ид>1</Ид><Цены>{price('по запросу')}<Цена><ИдТипаЦены>b</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
        "<Количество>3</Количество></Предложение>"
    )
    assert [(row["price_type"], row["price"]) for row in found["prices"]] == [("b", 5)]
    assert [row["quantity"] for row in found["stock"]] == [3]
    assert [row["severity"] for row in found["issues"]] == ["warn"]


@pytest.mark.parametrize(
    "mark", ["<ПометкаУдаления>true</ПометкаУдаления>", "<Статус>Удален</Статус>", "<Статус>Удалён</Статус>"]
)
def test_a_deleted_offer_gives_no_price_and_no_stock(mark: str) -> None:
    for start in (f"<Предложение>{mark}", '<Предложение Статус="Удален">'):
        found = offers(f"{start}<Ид>1</Ид><Цены>{price('7')}</Цены><Количество>3</Количество></Предложение>")
        assert (found["prices"], found["stock"], found["issues"]) == ([], [], [])


def test_one_of_the_spellings_of_deletion_is_enough() -> None:
    said, denied = "<ПометкаУдаления>true</ПометкаУдаления>", requisites(ПометкаУдаления="false")
    assert document(said + denied)["documents"][0]["deleted"] is True
    assert (
        document(f"<ПометкаУдаления>false</ПометкаУдаления>{requisites(ПометкаУдаления='true')}")[
            "documents"
        ][0]["deleted"]
        is True
    )
    assert document(denied)["documents"][0]["deleted"] is False
    assert read(f'<Документ Статус="Удален">{ORDER}</Документ>')["documents"][0]["deleted"] is True
    assert (
        read('<Контрагенты><Контрагент Статус="Удален"><Ид>1</Ид></Контрагент></Контрагенты>')["parties"][0][
            "deleted"
        ]
        is True
    )
    assert (
        catalogue('<Товар Статус="Удален"><Ид>1</Ид><Статус>Новый</Статус></Товар>')["products"][0]["deleted"]
        is True
    )


def test_a_shipment_of_unf_has_date_and_number_in_its_requisites() -> None:
    told = requisites(Номер_документа_отгрузки="РН-7", Дата_документа_отгрузки="2026-11-03", Отгружен="true")
    paid = requisites(Номер_оплаты_по_1С="ПП-9", Дата_оплаты_по_1С="2026-11-04")
    inner = (
        f"<ПодчиненныйДокумент><Ид>S</Ид><ХозОперация>Отпуск товара</ХозОперация><Сумма>9</Сумма>{told}</ПодчиненныйДокумент>"
        f"<ПодчиненныйДокумент><Ид>P</Ид><ХозОперация>Выплата безналичных денег</ХозОперация><Сумма>9</Сумма>{paid}</ПодчиненныйДокумент>"
    )
    found = document(f"<ПодчиненныеДокументы>{inner}</ПодчиненныеДокументы>")
    assert [(row["id"], row["date"], row["number_1c"]) for row in found["documents"][1:]] == [
        ("S", dt.date(2026, 11, 3), "РН-7"),
        ("P", dt.date(2026, 11, 4), "ПП-9"),
    ]
    assert (found["documents"][1]["shipped_on"], found["documents"][1]["shipped_number"]) == (
        dt.date(2026, 11, 3),
        "РН-7",
    )
    assert not found["issues"]


def test_number_0_is_no_payment_and_the_echo_of_a_site_is_none_either() -> None:
    zero = document(requisites(Номер_оплаты_по_1С="0", Дата_оплаты_по_1С="2026-11-02"))["documents"][0]
    assert (zero["paid"], zero["paid_on"], zero["paid_number"]) == (False, None, None)
    echo = document(
        requisites(Номер_оплаты_по_1С="0", Дата_оплаты_по_1С="0001-01-01", Дата_оплаты="02.11.2026 10:00:00")
    )["documents"][0]
    assert (echo["paid"], echo["paid_on"]) == (False, None)


def test_the_factor_of_a_pack_is_kept() -> None:
    row = lines(
        '<Товар><Ид>1</Ид><БазоваяЕдиница Код="796">шт</БазоваяЕдиница><Количество>2</Количество><Единица>упак</Единица>'
        "<Коэффициент>10</Коэффициент></Товар>"
    )[0]
    assert (row["unit"], row["unit_code"], row["quantity"], row["requisites"]) == (
        "упак",
        None,
        2,
        {"Коэффициент": "10"},
    )
    assert lines("<Товар><Ид>1</Ид><Коэффициент>1.000</Коэффициент></Товар>")[0]["requisites"] is None


def test_what_a_document_has_outside_its_lines_is_said() -> None:
    off = "<Скидки><Скидка><Наименование>Промо</Наименование><Сумма>10</Сумма><УчтеноВСумме>{}</УчтеноВСумме></Скидка></Скидки>".format
    assert [(row["severity"], row["value"]) for row in document(off("false"))["issues"]] == [("warn", "10")]
    assert "Промо" in document(off("false"))["issues"][0]["message"]
    assert not document(off("true"))["issues"]
    assert [
        row["value"] for row in document("<Оплаты><Оплата><Сумма>50</Сумма></Оплата></Оплаты>")["issues"]
    ] == ["50"]
    assert lines("<Товар><Ид>1</Ид><Скидки><Скидка><Процент>5</Процент></Скидка></Скидки></Товар>")[0][
        "requisites"
    ] == {"СкидкаПроцент": "5"}


def test_a_child_keeps_its_basis_whatever_happens_to_the_parent() -> None:
    child = (
        f"<ПодчиненныйДокумент><Ид>P1</Ид><Номер>7</Номер>{DAY}<ХозОперация>Выплата безналичных денег</ХозОперация>"
        "<Основание>00000000-0000-0000-0000-000000000000</Основание></ПодчиненныйДокумент>"
    )
    inner = f"<ПодчиненныеДокументы>{child}</ПодчиненныеДокументы>"
    assert document(inner)["documents"][1]["basis"] == "D1"
    found = read(f"<Документ>{ORDER.replace('122', 'много')}{inner}</Документ>")
    assert [(row["id"], row["basis"]) for row in found["documents"]] == [("P1", "D1")]


def test_an_unreadable_rate_of_exchange_does_not_cost_the_order() -> None:
    found = document("<Курс>по договору</Курс>")
    assert [row["id"] for row in found["documents"]] == ["D1"]
    assert [row["severity"] for row in found["issues"]] == ["warn"]


def test_identifiers_match_in_either_case() -> None:
    group, feature, store = (f"AAAAAAAA-0000-0000-0000-00000000000{number}" for number in range(3))
    found = read(
        f"<Классификатор><Группы><Группа><Ид>{group.lower()}</Ид><Наименование>Насосы</Наименование></Группа></Группы>"
        f"<Свойства><Свойство><Ид>{feature}</Ид><Наименование>Цвет</Наименование></Свойство></Свойства></Классификатор>"
        f"<Каталог><Товары><Товар><Ид>1</Ид><Группы><Ид>{group}</Ид></Группы><ЗначенияСвойств><ЗначенияСвойства><Ид>{feature.lower()}</Ид>"
        "<Значение>Красный</Значение></ЗначенияСвойства></ЗначенияСвойств></Товар></Товары></Каталог>"
        f'<ПакетПредложений><Предложения><Предложение><Ид>1</Ид><Склад ИдСклада="{store}" КоличествоНаСкладе="5"/></Предложение></Предложения></ПакетПредложений>'
    )
    assert (found["products"][0]["group_path"], found["products"][0]["extra"]) == (
        "Насосы",
        {"Цвет": "Красный"},
    )
    assert found["stock"][0]["warehouse"] == store.lower()


def test_properties_of_goods_are_kept_by_name() -> None:
    marks = "<ХарактеристикиТовара><ХарактеристикаТовара><Ид>7</Ид><Наименование>Размер</Наименование><Значение>39</Значение></ХарактеристикаТовара></ХарактеристикиТовара>"
    assert lines(f"<Товар><Ид>1</Ид>{marks}</Товар>")[0]["requisites"] == {"Размер": "39"}
    row = catalogue(f"<Товар><Ид>1</Ид><ШтрихКод> 460 </ШтрихКод><Код>НФ-1</Код>{marks}</Товар>")["products"][
        0
    ]
    assert (row["barcode"], row["extra"]) == ("460", {"Код": "НФ-1", "Размер": "39"})
    assert document("<Склады><Склад><Ид>1</Ид><Наименование>Главный</Наименование></Склад></Склады>")[
        "documents"
    ][0]["requisites"] == {"Склад": "Главный"}


def test_a_person_without_a_name_is_called_by_its_parts() -> None:
    found = read(
        "<Контрагенты><Контрагент><Ид>1</Ид><Фамилия>Ким</Фамилия><Имя>Ирина</Имя></Контрагент></Контрагенты>"
    )["parties"]
    assert [(row["name"], row["kind"]) for row in found] == [("Ким Ирина", "person")]


def test_a_bad_requisite_is_called_by_its_name() -> None:
    for other in ("", requisites(Прочее="1")):
        found = read(
            f"<Документ>{ORDER}{requisites(Проведен='возможно')}</Документ><Документ>{ORDER}{other}</Документ>"
        )
        assert "«Проведен»" in found["issues"][0]["message"]


def test_an_unknown_currency_is_said_and_does_not_pass_for_roubles() -> None:
    found = document("<Валюта>у.е.</Валюта>")
    assert (found["documents"][0]["currency"], [row["severity"] for row in found["issues"]]) == (
        "У.Е.",
        ["warn"],
    )
    assert document("<Валюта>р.</Валюта>")["documents"][0]["currency"] == "RUB"


@pytest.mark.parametrize(
    ("text", "value"), [(".5", "0.5"), ("5.", "5"), ("231.74000000000001", "231.74"), ("-12,3", "-12.3")]
)
def test_numbers_as_sites_write_them(text: str, value: str) -> None:
    assert values.number(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", ".", "-", "1e3", "Infinity", "1.2.3", "12345678901234567.1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="число"):
        values.number(text)


@pytest.mark.parametrize(("text", "rate"), [("НДС 20%", 20), ("20/120%", 20), ("22 %", 22), ("ндс 10", 10)])
def test_rates_in_words(text: str, rate: int) -> None:
    assert values.rate(text) == (rate, False)


@pytest.mark.parametrize(
    ("inner", "changes"),
    [
        ("<СодержитТолькоИзменения>true</СодержитТолькоИзменения>", True),
        ("<СодержитТолькоИзменения>false</СодержитТолькоИзменения>", False),
    ],
)
def test_changes_only_may_be_an_element(tmp_path: Path, inner: str, changes: bool) -> None:
    path = tmp_path / "import.xml"
    path.write_text(wrap(f"<Каталог>{inner}<Товары/></Каталог>"), encoding="utf-8")
    assert inspect(path)["changes_only"] is changes


def test_end_tags_may_have_a_blank() -> None:
    found = read(
        f"<Документ>{ORDER}<Товары><Товар><Ид>1</Ид></Товар ></Товары\n></Документ ><Документ>{ORDER.replace('D1', 'D2')}</Документ\t>"
    )
    assert ([row["id"] for row in found["documents"]], [row["document"] for row in found["lines"]]) == (
        ["D1", "D2"],
        ["D1"],
    )


def test_a_record_too_long_for_memory_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_safe, "MAX_RECORD", 200_000)
    long = f"<Документ>{ORDER}{'<Прочее>1</Прочее>' * 40_000}</Документ>"
    found = read(f"<Документ>{ORDER}</Документ>{long}<Документ>{ORDER.replace('D1', 'D3')}</Документ>")
    assert [row["id"] for row in found["documents"]] == ["D1", "D3"]
    assert [(row["severity"], row["place"]) for row in found["issues"]] == [
        ("reject", "КоммерческаяИнформация/Документ, строка 2")
    ]
    remark = f"<!-- {'x' * 150_000} -->"
    assert len(read(remark * 5 + f"<Документ>{ORDER}</Документ>")["documents"]) == 1


# ---- where documents may stand -------------------------------------------------------------------------------------


def test_documents_under_the_root_in_containers_and_nested_have_their_basis() -> None:
    child = f"<ПодчиненныйДокумент><Ид>P1</Ид><Номер>7</Номер>{DAY}<ХозОперация>Выплата безналичных денег</ХозОперация><Сумма>50</Сумма></ПодчиненныйДокумент>"
    flat = f"<Документ><Ид>S1</Ид><Номер>8</Номер>{DAY}<ХозОперация>Отпуск товара</ХозОперация><Сумма>9</Сумма><Основание>D1</Основание></Документ>"
    found = read(
        f"<Контейнер><Документ>{ORDER}<ПодчиненныеДокументы>{child}</ПодчиненныеДокументы></Документ></Контейнер>{flat}"
    )["documents"]
    assert [(row["id"], row["kind"], row["basis"], row["basis_number"]) for row in found] == [
        ("D1", "order", None, None),
        ("P1", "payment", "D1", "B24-1"),
        ("S1", "shipment", "D1", "B24-1"),
    ]


@pytest.mark.parametrize(
    ("operation", "extra", "kind"),
    [
        ("Заказ товара", "", "order"),
        ("Счет на оплату", "", "invoice"),
        ("Выплата наличных денег", "", "payment"),
        ("Эквайринговая операция", "", "payment"),
        ("Возврат безналичных денег", "", "refund"),
        ("Отпуск товара", "", "shipment"),
        ("Возврат товара", "", "return"),
        ("Акт об оказании услуг", "", "act"),
        ("Передача прав", "", "other"),
        ("Прочие", requisites(ВидДокумента="Закрытие заказа"), "closing"),
        ("Прочие", requisites(ВидДокумента="Акт выполненных работ"), "act"),
        ("Прочие", "", "other"),
        ("Выплата безналичных денег", requisites(Признак_возврата="true"), "refund"),
    ],
)
def test_operation_gives_the_kind(operation: str, extra: str, kind: str) -> None:
    base = f"<Ид>D1</Ид><Номер>1</Номер>{DAY}<ХозОперация>{operation}</ХозОперация>"
    assert document(extra, base=base)["documents"][0]["kind"] == kind


@pytest.mark.parametrize(
    "identifier", ["", "<Ид/>", "<Ид> </Ид>", "<Ид>00000000-0000-0000-0000-000000000000</Ид>"]
)
def test_without_an_identifier_kind_number_and_year_are_the_key(identifier: str) -> None:
    base = f"{identifier}<Номер>НФ-7 </Номер>{DAY}<ХозОперация>Заказ товара</ХозОперация>"
    assert document(base=base)["documents"][0]["id"] == "order|НФ-7|2026"


def test_any_namespace_prefix_and_order_of_elements_will_do() -> None:
    text = (
        '<c:КоммерческаяИнформация xmlns:c="urn:1C.ru:commerceml_210" ВерсияСхемы="2.08"><c:Документ><c:Сумма>1,5</c:Сумма>'
        "<c:ХозОперация>Заказ товара</c:ХозОперация><c:Номер>1</c:Номер><c:Ид>X</c:Ид></c:Документ></c:КоммерческаяИнформация>"
    )
    found = dict(reader.read(io.BytesIO(text.encode()), name="x.xml"))
    assert found["documents"].loc[0, "amount"] == Decimal("1.5")
    assert reader.verify(io.BytesIO(text.encode()), name="x.xml").namespace == "urn:1C.ru:commerceml_210"


# ---- header, requisites, facts -------------------------------------------------------------------------------------


def test_requisites_are_known_without_blanks_case_and_yo_and_unknown_ones_stay() -> None:
    row = document(
        requisites(
            **{
                "Номер_по_1С": "НФ00-000319   ",
                "дата по 1с": "2026-11-02T9:51:39",
                "СтатусЗаказа": "[N] Принят",
                "Отменён": "false",
                "ФИО плательщика": "Иванов И. И.",
                "Дата оплаты": "0001-01-01",
            }
        )
    )["documents"][0]
    assert (row["number_1c"], row["date_1c"], row["status"], row["cancelled"]) == (
        "НФ00-000319",
        dt.date(2026, 11, 2),
        "[N] Принят",
        False,
    )
    assert row["requisites"] == {"ФИО плательщика": "Иванов И. И."}
    assert row["paid_on"] is None


@pytest.mark.parametrize(
    ("number", "day", "paid"),
    [("12", "2026-11-02", True), ("0", "0001-01-01", False), ("0", "0001-01-01T00:00:00", False)],
)
def test_a_paid_flag_counts_only_with_a_real_date(number: str, day: str, paid: bool) -> None:
    row = document(requisites(Номер_оплаты_по_1С=number, Дата_оплаты_по_1С=day))["documents"][0]
    assert row["paid"] is paid
    assert row["paid_number"] == ("12" if paid else None)


def test_absent_flags_stay_unknown() -> None:
    row = document()["documents"][0]
    assert [row[name] for name in ("paid", "shipped", "posted", "deleted", "cancelled", "closed")] == [
        None
    ] * 6


@pytest.mark.parametrize(
    "mark",
    [
        "<ПометкаУдаления>true</ПометкаУдаления>",
        "<Статус>Удален</Статус>",
        requisites(ПометкаУдаления="true"),
    ],
)
def test_a_document_is_deleted_in_each_spelling(mark: str) -> None:
    assert document(mark)["documents"][0]["deleted"] is True


@pytest.mark.parametrize(
    "product",
    [
        '<Товар Статус="Удален"><Ид>1</Ид></Товар>',
        "<Товар><Ид>1</Ид><Статус>Удален</Статус></Товар>",
        "<Товар><Ид>1</Ид><ПометкаУдаления>true</ПометкаУдаления></Товар>",
    ],
)
def test_a_product_is_deleted_in_each_spelling(product: str) -> None:
    assert read(f"<Каталог><Товары>{product}</Товары></Каталог>")["products"][0]["deleted"] is True


def test_the_buyer_is_the_party_and_our_side_the_organisation() -> None:
    both = (
        "<Роль>Продавец</Роль><Контрагенты><Контрагент><Ид>A</Ид><Наименование>ООО Мы</Наименование><Роль>Продавец</Роль></Контрагент>"
        "<Контрагент><Ид>B</Ид><Наименование>ООО Они</Наименование><Роль>Покупатель</Роль></Контрагент></Контрагенты>"
    )
    row = document(both)["documents"][0]
    assert (row["party"], row["organisation"]) == ("B", "ООО Мы")
    reverse = document(both.replace("<Роль>Продавец</Роль><Конт", "<Роль>Покупатель</Роль><Конт"))[
        "documents"
    ][0]
    assert (reverse["party"], reverse["organisation"]) == ("A", "ООО Они")


# ---- parties -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        ("<ОфициальноеНаименование>ООО «Луч»</ОфициальноеНаименование>", "legal"),
        ("<ПолноеНаименование>ИП Петров П. П.</ПолноеНаименование><ИНН>123456789012</ИНН>", "sole_trader"),
        ("<ПолноеНаименование>Петров Пётр</ПолноеНаименование><ИНН>123456789012</ИНН>", "person"),
        ("<ПолноеНаименование>ООО «Луч»</ПолноеНаименование><ИНН>1234567890</ИНН>", "legal"),
        ("", None),
    ],
)
def test_kind_of_a_party(inner: str, kind: str | None) -> None:
    found = read(
        f"<Контрагенты><Контрагент><Ид>1</Ид><Наименование>Луч</Наименование>{inner}</Контрагент></Контрагенты>"
    )
    assert found["parties"][0]["kind"] == kind


def test_a_party_brings_contacts_accounts_people_folder_and_code() -> None:
    inner = (
        "<Ид>1</Ид><Наименование>Луч</Наименование><КодПоОКПО>00012345</КодПоОКПО><Комментарий>Папка: Оптовые/Москва; Код: 000000042</Комментарий>"
        "<Контакты><Контакт><Тип>ТелефонРабочий</Тип><Значение>+7 495 1</Значение></Контакт>"
        "<Контакт><Значение>a@example.com</Значение><Тип>Электронная почта</Тип></Контакт>"
        "<Контакт><Тип>ВебСайт</Тип><Значение>example.com</Значение></Контакт></Контакты>"
        "<РасчетныеСчета><РасчетныйСчет><НомерСчета>40702810000000000001</НомерСчета><Банк><Наименование>Банк</Наименование><БИК>044525000</БИК></Банк></РасчетныйСчет></РасчетныеСчета>"
        "<Представители><Представитель><Отношение>Директор</Отношение><Ид>R1</Ид><Наименование>Сидоров С. С.</Наименование></Представитель></Представители>"
        "<ЮридическийАдрес><Представление>г. Тула, 1</Представление><АдресноеПоле><Тип>Город</Тип><Значение>Тула</Значение></АдресноеПоле></ЮридическийАдрес>"
    )
    found = read(f"<Контрагенты><Контрагент>{inner}</Контрагент></Контрагенты>")
    party = found["parties"][0]
    assert (party["folder_path"], party["code"], party["okpo"], party["legal_city"]) == (
        "Оптовые/Москва",
        "000000042",
        "00012345",
        "Тула",
    )
    assert (party["phones"], party["emails"], party["extra"]) == (
        ("+7 495 1",),
        ("a@example.com",),
        {"ВебСайт": "example.com"},
    )
    assert (found["accounts"][0]["number"], found["accounts"][0]["bik"]) == (
        "40702810000000000001",
        "044525000",
    )
    assert (found["contacts"][0]["id"], found["contacts"][0]["party"], found["contacts"][0]["name"]) == (
        "R1",
        "1",
        "Сидоров С. С.",
    )


def test_a_representative_nested_in_a_party_of_2x_is_a_contact() -> None:
    inner = "<Ид>1</Ид><Наименование>Луч</Наименование><Представители><Представитель><Контрагент><Ид>R</Ид><Наименование>Ким</Наименование></Контрагент></Представитель></Представители>"
    found = read(f"<Контрагенты><Контрагент>{inner}</Контрагент></Контрагенты>")
    assert [row["name"] for row in found["contacts"]] == ["Ким"]
    assert len(found["parties"]) == 1


def test_a_directory_party_without_an_identifier_is_refused_a_document_party_is_not() -> None:
    found = read(
        f"<Контрагенты><Контрагент><Наименование>Луч</Наименование></Контрагент></Контрагенты><Документ>{ORDER}"
        "<Контрагенты><Контрагент><Наименование>Луч</Наименование></Контрагент></Контрагенты></Документ>"
    )
    assert [(row["id"], row["document"]) for row in found["parties"]] == [("D1/1", "D1")]
    assert [row["severity"] for row in found["issues"]] == ["reject"]


# ---- lines ---------------------------------------------------------------------------------------------------------


def lines(inner: str) -> list[tables.Record]:
    return document(f"<Товары>{inner}</Товары>")["lines"]


@pytest.mark.parametrize(
    ("inner", "price", "amount"),
    [
        ("<ЦенаЗаЕдиницу>10</ЦенаЗаЕдиницу><Количество>2</Количество><Сумма>19.99</Сумма>", "10", "19.99"),
        ("<Цена>10</Цена><Количество>2</Количество><Сумма>20</Сумма>", "10", "20"),
        ("<Количество>3</Количество><Сумма>10</Сумма>", "3.3333", "10"),
        ("<Цена>3.335</Цена><Количество>1</Количество>", "3.335", "3.34"),
    ],
)
def test_price_and_amount_of_a_line(inner: str, price: str, amount: str) -> None:
    row = lines(f"<Товар><Ид>1</Ид>{inner}</Товар>")[0]
    assert (row["price"], row["amount"]) == (Decimal(price), Decimal(amount))


@pytest.mark.parametrize(
    ("inner", "rate", "exempt"),
    [
        ("<Ставка>22</Ставка>", Decimal(22), False),
        ("<Ставка>20.00</Ставка>", Decimal(20), False),
        ("<Ставка>18%</Ставка>", Decimal(18), False),
        ("<Ставка>20/120</Ставка>", Decimal(20), False),
        ("<Ставка>Без НДС</Ставка>", None, True),
        ("<Ставка>Без налога</Ставка>", None, True),
        ("<Ставка>0</Ставка>", Decimal(0), False),
        ("", None, None),
    ],
)
def test_without_vat_is_not_zero_percent(inner: str, rate: Decimal | None, exempt: bool | None) -> None:
    row = lines(
        f"<Товар><Ид>1</Ид><СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование>{inner}</СтавкаНалога></СтавкиНалогов></Товар>"
    )[0]
    assert (row["vat_rate"], row["vat_exempt"]) == (rate, exempt)


def test_the_rate_of_the_line_tax_wins_and_an_excise_is_not_vat() -> None:
    row = lines(
        "<Товар><Ид>1</Ид><СтавкиНалогов><СтавкаНалога><Ставка>10</Ставка></СтавкаНалога></СтавкиНалогов><Налоги><Налог><Наименование>НДС</Наименование>"
        "<УчтеноВСумме>true</УчтеноВСумме><Сумма>22</Сумма><Ставка>22</Ставка></Налог><Налог><Наименование>Акциз</Наименование><Сумма>5</Сумма></Налог></Налоги></Товар>"
    )[0]
    assert (row["vat_rate"], row["vat_amount"], row["vat_included"]) == (Decimal(22), Decimal(22), True)


@pytest.mark.parametrize(
    ("inner", "unit", "code"),
    [
        (
            '<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука">шт</БазоваяЕдиница><Единица>упак</Единица>',
            "упак",
            None,
        ),
        (
            '<БазоваяЕдиница Код="796" НаименованиеПолное="Штука">шт</БазоваяЕдиница><Единица>Штука</Единица>',
            "Штука",
            "796",
        ),
        ('<БазоваяЕдиница Код="796"/><Единица>шт</Единица>', "шт", "796"),
        ('<Единица>796</Единица><БазоваяЕдиница Код="166">кг</БазоваяЕдиница>', "шт", "796"),
        ('<БазоваяЕдиница Код="796" НаименованиеПолное="Штука"/>', "шт", "796"),
        ("<БазоваяЕдиница>796 </БазоваяЕдиница>", "шт", "796"),
        ('<БазоваяЕдиница Код="9999" НаименованиеПолное="Бухта"/>', "Бухта", "9999"),
        ("<БазоваяЕдиница>9999</БазоваяЕдиница>", None, "9999"),
        (
            "<БазоваяЕдиница Код='796'><Пересчет><Единица>шт</Единица></Пересчет>шт</БазоваяЕдиница>",
            "шт",
            "796",
        ),
        (
            "<Единица><Ид>796 </Ид><НаименованиеКраткое>шт</НаименованиеКраткое><Код>796</Код><НаименованиеПолное>штука  </НаименованиеПолное></Единица>",
            "шт",
            "796",
        ),
        (
            "<Единица><НаименованиеКраткое>компл</НаименованиеКраткое></Единица>".replace(
                "компл", "комп"
            ).replace("</Единица>", "<НаименованиеПолное>компл</НаименованиеПолное></Единица>"),
            "компл",
            None,
        ),
    ],
)
def test_units_of_every_version(inner: str, unit: str | None, code: str | None) -> None:
    row = lines(f"<Товар><Ид>1</Ид>{inner}</Товар>")[0]
    assert (row["unit"], row["unit_code"]) == (unit, code)


def test_discounts_are_added_and_one_outside_the_sum_is_noted() -> None:
    row = lines(
        "<Товар><Ид>1</Ид><Скидки><Скидка><Сумма>5</Сумма><УчтеноВСумме>true</УчтеноВСумме></Скидка><Скидка><Сумма>1.50</Сумма><УчтеноВСумме>false</УчтеноВСумме></Скидка></Скидки></Товар>"
    )[0]
    assert row["discount"] == Decimal("6.50")
    assert row["requisites"] == {"СкидкаУчтенаВСумме": "false"}


def test_a_rate_that_does_not_fit_the_date_is_doubted_once_per_document() -> None:
    line = "<Товар><Ид>1</Ид><СтавкиНалогов><СтавкаНалога><Ставка>20</Ставка></СтавкаНалога></СтавкиНалогов></Товар>"
    found = document(f"<Товары>{line}{line}</Товары>")
    assert [(row["severity"], row["value"]) for row in found["issues"]] == [("warn", "20")]
    assert len(found["lines"]) == 2


# ---- catalogue, offers ---------------------------------------------------------------------------------------------

CLASSIFIER = (
    "<Классификатор><Группы><Группа><Ид>G1</Ид><Наименование>Насосы</Наименование><Группы><Группа><Ид>G2</Ид><Наименование>Бытовые</Наименование></Группа></Группы></Группа></Группы>"
    "<Свойства><Свойство><Ид>P1</Ид><Наименование>Цвет</Наименование><ВариантыЗначений><Справочник><ИдЗначения>V1</ИдЗначения><Значение>Синий</Значение></Справочник></ВариантыЗначений></Свойство></Свойства></Классификатор>"
)


def test_a_product_has_its_group_path_and_its_properties_in_words() -> None:
    row = read(
        f"{CLASSIFIER}<Каталог><Товары><Товар><Ид>1</Ид><Группы><Ид>G2</Ид></Группы><ЗначенияСвойств><ЗначенияСвойства><Ид>P1</Ид><Значение>V1</Значение></ЗначенияСвойства></ЗначенияСвойств>"
        f"{requisites(ТипНоменклатуры='Услуга', Вес='0.5')}</Товар></Товары></Каталог>"
    )["products"][0]
    assert (row["group_path"], row["kind"], row["extra"]) == (
        "Насосы/Бытовые",
        "service",
        {"Цвет": "Синий", "Вес": "0.5"},
    )


def test_an_unknown_group_stays_as_an_identifier() -> None:
    row = read("<Каталог><Товары><Товар><Ид>1</Ид><Группы><Ид>G9</Ид></Группы></Товар></Товары></Каталог>")[
        "products"
    ][0]
    assert (row["group_path"], row["extra"]) == (None, {"Группы": "G9"})


def test_prices_know_their_type_and_stock_comes_in_every_spelling() -> None:
    found = read(
        "<ПакетПредложений><ТипыЦен><ТипЦены><Ид>T1</Ид><Наименование>Закупочная</Наименование><Валюта>руб.</Валюта></ТипЦены></ТипыЦен><Предложения>"
        "<Предложение><Ид>1</Ид><Цены><Цена><ИдТипаЦены>T1</ИдТипаЦены><ЦенаЗаЕдиницу>1 234,50</ЦенаЗаЕдиницу></Цена><Цена><ИдТипаЦены>T1</ИдТипаЦены><ЦенаЗаЕдиницу/></Цена></Цены><Количество>-5</Количество></Предложение>"
        '<Предложение><Ид>2</Ид><ИдХарактеристики>H</ИдХарактеристики><Склад ИдСклада="W" КоличествоНаСкладе="3"/></Предложение>'
        "<Предложение><Ид>3</Ид><Остатки><Остаток><Склад><Ид>W</Ид><Количество>4</Количество></Склад></Остаток><Остаток><Количество>1</Количество></Остаток></Остатки></Предложение>"
        "</Предложения></ПакетПредложений>"
    )
    assert [(row["price"], row["currency"], row["purchasing"]) for row in found["prices"]] == [
        (Decimal("1234.50"), "RUB", True)
    ]
    assert [(row["product"], row["warehouse"], row["quantity"]) for row in found["stock"]] == [
        ("1", None, Decimal(-5)),
        ("2#H", "W", Decimal(3)),
        ("3", "W", Decimal(4)),
        ("3", None, Decimal(1)),
    ]


# ---- bad records and files -----------------------------------------------------------------------------------------


def test_a_bad_record_costs_only_itself_and_is_located() -> None:
    bad = f"<Документ><Ид>D2</Ид><Номер>B24-2</Номер>{DAY}<ХозОперация>Заказ товара</ХозОперация>\n<Сумма>много</Сумма><Товары><Товар><Ид>1</Ид></Товар></Товары></Документ>"
    found = read(f"<Документ>{ORDER}</Документ>\n{bad}\n<Документ>{ORDER.replace('D1', 'D3')}</Документ>")
    assert [row["id"] for row in found["documents"]] == ["D1", "D3"]
    assert found["lines"] == []
    issue = found["issues"][0]
    assert (issue["file"], issue["key"], issue["field"], issue["value"]) == (
        "orders.xml",
        "B24-2",
        "Сумма",
        "много",
    )
    assert issue["place"] == "КоммерческаяИнформация/Документ/Сумма, строка 4"


@pytest.mark.parametrize("word", ["Infinity", "NaN", "1e400", "1E5", "0x10", "12.34.56", "٣"])
def test_only_plain_numbers_are_money(word: str) -> None:
    with pytest.raises(ValueError, match="число"):
        values.number(word)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-02", dt.date(2026, 11, 2)),
        ("2026-11-02+03:00", dt.date(2026, 11, 2)),
        ("2026-11-02T9:51:39", dt.date(2026, 11, 2)),
        ("02.11.2026", dt.date(2026, 11, 2)),
        ("02.11.2026 18:45:21", dt.date(2026, 11, 2)),
        ("0001-01-01", None),
    ],
)
def test_dates_in_every_spelling(text: str, expected: dt.date | None) -> None:
    assert values.date(text) == expected


def test_the_moment_of_generation_survives_a_bad_zone() -> None:
    assert values.moment("2022-10-31UTC02:25:50") == dt.datetime(2022, 10, 31, 2, 25, 50)
    assert values.moment("2016-07-07T10:45:15.950+03:00") == dt.datetime(2016, 7, 7, 10, 45, 15)
    assert (
        reader.verify(io.BytesIO(wrap("", root='ДатаФормирования="вчера"').encode()), name="x").generated_at
        is None
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "файл пуст"),
        ("<?xml version='1.0'?>", "файл обрывается"),
        ("<html/>", "это не CommerceML"),
        ("товар", "файл начинается не с XML"),
        (wrap("") + "<a/>", "после конца XML"),
        (wrap("")[:-5], "файл обрывается"),
        ('<КоммерческаяИнформация ВерсияСхемы="1.1"/>', "CommerceML 1"),
        (
            '<КоммерческаяИнформация><Каталог Идентификатор="1"><Товар ИдентификаторВКаталоге="2"/></Каталог></КоммерческаяИнформация>',
            "CommerceML 1",
        ),
    ],
)
def test_a_foreign_or_broken_file_is_refused_in_one_sentence(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.xml"
    path.write_text(content, encoding="utf-8")
    found = inspect(path)
    assert found["issues_total"] == 1
    assert said in found["issues"][0]["message"]
    assert found["counts"]["documents"] == {}
    json.dumps(found)


@pytest.mark.parametrize(
    ("encoding", "mark", "declared"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", b"\xef\xbb\xbf", "windows-1251"),
        ("cp1251", b"", "windows-1251"),
        ("utf-8", b"", "windows-1251"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
    ],
)
def test_encodings_by_mark_then_bytes_then_declaration(encoding: str, mark: bytes, declared: str) -> None:
    text = wrap(f"<Документ>{ORDER}<Комментарий>Привет</Комментарий></Документ>").replace("UTF-8", declared)
    stream = io.BytesIO(mark + text.encode(encoding))
    reader.verify(stream, name="x")
    assert dict(reader.read(stream, name="x"))["documents"].loc[0, "comment"] == "Привет"


def test_a_control_character_is_refused_with_its_line_and_can_be_repaired() -> None:
    text = wrap(f"<Документ>{ORDER}<Комментарий>а\x0bб&#11;в&#x1F;г&#10;д</Комментарий></Документ>")
    with pytest.raises(Rejected, match="строке 2 есть управляющий символ") as caught:
        reader.verify(io.BytesIO(text.encode()), name="x")
    assert "--repair" in caught.value.advice
    repaired = io.BytesIO()
    assert xml_safe.repair(io.BytesIO(text.encode()), repaired, "x") == 3
    reader.verify(repaired, name="x")
    assert dict(reader.read(repaired, name="x"))["documents"].loc[0, "comment"] == "абвг\nд"


def test_a_reference_cut_by_a_chunk_is_repaired_too() -> None:
    text = wrap(
        "<Документ>" + ORDER + "<Комментарий>" + "я" * 40_000 + "&#11;" * 9_000 + "</Комментарий></Документ>"
    )
    repaired = io.BytesIO()
    assert xml_safe.repair(io.BytesIO(text.encode()), repaired, "x") == 9_000
    reader.verify(repaired, name="x")


def test_changes_only_is_told_by_attribute_and_by_the_root_of_deltas(tmp_path: Path) -> None:
    for inner, expected in (
        ('<Каталог СодержитТолькоИзменения="true"/>', True),
        ("<ИзмененияПакетаПредложений/>", True),
        ("<Каталог/>", False),
    ):
        path = tmp_path / "x.xml"
        path.write_text(wrap(inner), encoding="utf-8")
        assert inspect(path)["changes_only"] is expected


def test_chunks_keep_a_document_with_its_lines(tmp_path: Path) -> None:
    one = f"<Документ>{ORDER}<Товары>{'<Товар><Ид>1</Ид></Товар>' * 3}</Товары></Документ>"
    text = wrap("".join(one.replace("D1", f"D{number}") for number in range(50)))
    pieces: list[tuple[set[str], set[str]]] = []
    held: dict[str, set[str]] = {}
    for name, frame in reader.read(io.BytesIO(text.encode()), name="x", chunk=10):
        if name == "documents" and held:
            pieces.append((held["documents"], held["lines"]))
        held[name] = set(frame["id" if name == "documents" else "document"])
    assert len(pieces) > 5
    assert all(documents == of_lines for documents, of_lines in pieces)


def test_inspect_limits_the_listed_issues_not_the_count(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(wrap("<Документ><Номер>1</Номер></Документ>" * 5), encoding="utf-8")
    found = inspect(path, limit=2)
    assert (len(found["issues"]), found["issues_total"], found["counts"]["documents"]) == (2, 5, {"other": 5})
