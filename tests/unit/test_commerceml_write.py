"""Writer of CommerceML: what each 1C needs to find (reference/commerceml §15) and what `problems` keeps out of the file."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from lxml import etree

from etl import tables
from etl.dialects import DIALECTS
from etl.errors import Rejected
from etl.extract import commerceml as reader
from etl.load import commerceml as writer
from tests.paths import SHARED

MOMENT, DAY = dt.datetime(2026, 11, 2, 10, 30), dt.date(2026, 11, 2)
STOCK = ("ut103", "ut11", "unf3")
XSD = {"ut103": "2.04", "ut11": "2.05-nsfixed", "unf3": "2.08", "bitrix3": "3.1-restated"}

Tables = dict[str, pd.DataFrame]


def order(**changes: Any) -> dict[str, Any]:
    row = {"id": "11111111-1111-4111-8111-111111111111", "kind": "order", "number": "B24-1", "date": DAY, "amount": Decimal("120.00"), "currency": "RUB",
           "vat_included": True, "party": "p1", "deal": "1", "status": "Новый", "requisites": {"Номер договора": "7"}, "comment": "Позвонить & <уточнить>"}
    return {**row, **changes}


def line(**changes: Any) -> dict[str, Any]:
    row = {"document": order()["id"], "position": 1, "product": "g1", "name": "Насос", "article": "Н-1", "kind": "goods", "quantity": Decimal(1),
           "unit": "шт", "unit_code": "796", "price": Decimal("120.00"), "amount": Decimal("120.00"), "vat_rate": Decimal(20), "vat_exempt": False}
    return {**row, **changes}


def party(**changes: Any) -> dict[str, Any]:
    row = {"id": "p1", "document": order()["id"], "role": "Покупатель", "kind": "legal", "name": "Луч", "full_name": "ООО «Луч»", "inn": "7701234567",
           "kpp": "770101001", "phones": ("+74950000000",), "emails": ("luch@example.com",), "city": "Тула", "legal_address": "г. Тула, ул. Мира, 1"}
    return {**row, **changes}


def made(documents: list[dict[str, Any]] | None = None, lines: list[dict[str, Any]] | None = None, parties: list[dict[str, Any]] | None = None) -> Tables:
    return {"documents": tables.frame("documents", [order()] if documents is None else documents),
            "lines": tables.frame("lines", [line()] if lines is None else lines),
            "parties": tables.frame("parties", [party()] if parties is None else parties)}


def written(source: Tables, name: str, **options: Any) -> bytes:
    target = io.BytesIO()
    writer.write(target, source, DIALECTS[name], generated_at=MOMENT, **options)
    return target.getvalue()


def rejected(source: Tables, name: str, **options: Any) -> set[str]:
    found = writer.problems(source, DIALECTS[name], day=DAY, **options)
    return set(found[found["severity"] == "reject"]["field"])


# ---- the file as 1C meets it ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", STOCK)
def test_a_stock_order_has_what_1c_looks_for(name: str) -> None:
    data = written(made(), name)
    text = data.decode("utf-8-sig")
    assert data.startswith(b"\xef\xbb\xbf<?xml")
    assert ("xmlns=" in text) == (name == "unf3")
    assert f'ВерсияСхемы="{DIALECTS[name].version}" ДатаФормирования="2026-11-02T10:30:00"' in text
    for expected in ("<Номер>B24-1</Номер>", "<Дата>2026-11-02</Дата>", "<ХозОперация>Заказ товара</ХозОперация>", "<Валюта>руб</Валюта>", "<Курс>1</Курс>",
                     "<УчтеноВСумме>true</УчтеноВСумме>", "<Коэффициент>1</Коэффициент>", "<Ставка>20</Ставка>", "<Сумма>20.00</Сумма>", "<Сумма>120.00</Сумма>",
                     "Позвонить &amp; &lt;уточнить&gt;", "<Роль>Покупатель</Роль>", "<ОфициальноеНаименование>ООО «Луч»</ОфициальноеНаименование>"):
        assert expected in text, expected
    for absent in ("<Скидки>", "<Склады>", "<РасчетныеСчета>", "Проведен", "Контейнер", "<ПолноеНаименование>"):
        assert absent not in text, absent
    # 10.3 reads a stream: the number must stand before the comment, the date before the time
    assert text.index("<Номер>") < text.index("<Комментарий>")


def test_each_configuration_gets_its_own_words() -> None:
    ut103, ut11 = (written(made(), name).decode("utf-8-sig") for name in ("ut103", "ut11"))
    assert "<Тип>ТелефонРабочий</Тип>" in ut103
    assert "<Тип>Телефон рабочий</Тип>" in ut11
    assert "<Единица>шт</Единица>" in ut103
    assert "<Единица>796</Единица>" in ut11          # УТ 11 looks the unit up by its code
    assert "Комментарии покупателя" in ut11
    assert "Комментарии покупателя" not in ut103


def test_a_person_has_a_full_name_and_never_the_official_one() -> None:
    text = written(made(parties=[party(kind="person", name="Иванов И. И. (дог. № 7)", full_name="Иванов Иван Иванович", inn=None, kpp=None)]), "ut103").decode()
    assert "<ПолноеНаименование>Иванов Иван Иванович</ПолноеНаименование>" in text
    assert "ОфициальноеНаименование" not in text


def test_without_vat_is_written_as_words_and_never_as_zero() -> None:
    text = written(made(lines=[line(vat_rate=None, vat_exempt=True)]), "ut11").decode()
    assert re.findall(r"<Ставка>(.*?)</Ставка>", text) == ["Без НДС", "Без НДС"]


def test_a_discount_becomes_a_net_price_for_stock_1c_and_a_discount_in_the_contract() -> None:
    source = made(lines=[line(quantity=Decimal(3), price=Decimal("50.00"), discount=Decimal("50.00"), amount=Decimal("100.00"))])
    assert "<ЦенаЗаЕдиницу>33.33</ЦенаЗаЕдиницу>" in written(source, "ut11").decode()
    extended = written(source, "bitrix3").decode()
    assert "<ЦенаЗаЕдиницу>50.00</ЦенаЗаЕдиницу>" in extended
    assert "<Сумма>50.00</Сумма>" in extended


def test_the_currency_word_is_that_of_the_base() -> None:
    assert "<Валюта>RUB</Валюта>" in written(made(), "ut103", currency="RUB").decode()


@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - {"bp3"}))
def test_nothing_to_send_is_an_empty_valid_root(name: str) -> None:
    data = written({}, name)
    assert reader.verify(io.BytesIO(data), name="empty").version == DIALECTS[name].version
    assert list(reader.read(io.BytesIO(data), name="empty")) == []
    assert writer.validate(io.BytesIO(data), name) == []


@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - {"bp3"}))
def test_the_same_input_gives_the_same_bytes(name: str) -> None:
    assert written(made(), name) == written(made(), name)


def test_containers_hold_one_business_each_in_the_given_order() -> None:
    documents = [order(), order(id="22222222-2222-4222-8222-222222222222", number="B24-2"),
                 order(id="a", kind="invoice", number="S24-1", basis=order()["id"]), order(id="b", kind="payment", number="П-1", basis="a"),
                 order(id="c", kind="closing", number="З-1", basis="22222222-2222-4222-8222-222222222222"), order(id="d", kind="act", number="A1-1", basis="elsewhere")]
    source = made(documents, [], [party(document=row["id"]) for row in documents])
    root = etree.fromstring(written(source, "bitrix3"))
    numbers = [[number.text for number in container.iter("{*}Номер")] for container in root.iter("{*}Контейнер")]
    assert numbers == [["B24-1", "S24-1", "П-1"], ["B24-2", "З-1"], ["A1-1"]]
    read = dict(reader.read(io.BytesIO(written(source, "bitrix3")), name="x"))["documents"]
    assert dict(zip(read["number"], read["kind"], strict=True)) == {
        "B24-1": "order", "S24-1": "invoice", "П-1": "payment", "B24-2": "order", "З-1": "closing", "A1-1": "act"}


def test_a_circle_of_bases_does_not_hang_the_writer() -> None:
    documents = [order(id="a", basis="b"), order(id="b", number="B24-2", basis="a")]
    assert written(made(documents, [], [party(document="a"), party(document="b")]), "bitrix3").count(b"<\xd0\x9a\xd0\xbe\xd0\xbd\xd1\x82\xd0\xb5\xd0\xb9\xd0\xbd\xd0\xb5\xd1\x80>") == 1


def test_a_stock_file_has_no_place_for_directories() -> None:
    with pytest.raises(ValueError, match="order file"):
        written({**made(), "products": tables.frame("products", [{"id": "1", "name": "Насос"}])}, "ut11")
    with pytest.raises(ValueError, match="order file"):
        written(made(parties=[party(document=None)]), "ut11")


# ---- proof ---------------------------------------------------------------------------------------------------------

def test_a_forbidden_character_stops_the_file_and_names_the_document() -> None:
    with pytest.raises(Rejected, match=r"U\+000B") as caught:
        written(made([order(comment="а\x0bб")]), "ut103")
    assert caught.value.place == "Документ B24-1"


def test_a_file_that_breaks_our_schema_is_never_returned_from() -> None:
    with pytest.raises(Rejected, match=r"commerceml-ut11\.xsd"):
        written(made([order(number="B24-1234567890")]), "ut11")
    with pytest.raises(Rejected, match="Контрагенты"):
        written(made(parties=[]), "ut11")


def test_validate_speaks_of_elements_not_of_values() -> None:
    data = written(made(), "ut11").decode().replace("<Номер>B24-1</Номер>", "<Номер>секретный-номер-договора</Номер>").encode()
    said = writer.validate(io.BytesIO(data), "ut11")
    assert said == ["элемент «Номер»: значение не подходит по длине или виду"]
    assert writer.validate(io.BytesIO(written(made(), "ut103")), "ut11")
    with pytest.raises(Rejected):
        writer.validate(io.BytesIO(data[:-30]), "ut11")


@pytest.mark.parametrize("name", XSD)
def test_what_we_write_is_valid_against_the_official_schema(name: str) -> None:
    folder = SHARED / "commerceml" / "xsd"
    if not folder.is_dir():
        pytest.skip("официальные схемы не подключены")
    extra = {} if name in STOCK else {"discount": Decimal("10.00")}
    source = made([order(time="10:30:00", cancelled=False), order(id="2", number="B24-2", comment=None)],
                  [line(**extra), line(document="2", vat_rate=None, vat_exempt=True, kind="service", unit="мес", unit_code="362")],
                  [party(), party(document="2", id="p2", kind="person", name="Иванов", full_name="Иванов Иван", inn=None, kpp=None, actual_address="г. Тула, 2")])
    if name == "bitrix3":
        source |= directories()
    data = official_words(written(source, name), name)
    schema = etree.XMLSchema(etree.fromstring(loose((folder / f"commerceml-{XSD[name]}.xsd").read_bytes(), name)))
    schema.assertValid(etree.fromstring(data))


def directories() -> Tables:
    return {"parties": tables.frame("parties", [party(), party(document="2"), party(document=None, folder_path="Оптовые/Тула", code="00042", version="AAAB")]),
            "accounts": tables.frame("accounts", [{"party": "p1", "number": "40702810000000000001", "bank_name": "Банк", "bik": "044525000", "corr_account": "30101810000000000000"}]),
            "contacts": tables.frame("contacts", [{"id": "r1", "party": "p1", "name": "Сидоров С. С.", "phones": ("+74951111111",)}]),
            "products": tables.frame("products", [{"id": "g1", "name": "Насос", "article": "Н-1", "barcode": "4600000000001", "unit": "шт", "unit_code": "796", "vat_rate": Decimal(22),
                                                   "vat_exempt": False, "group_path": "Насосы/Бытовые", "kind": "goods", "deleted": False, "extra": {"Вес": "0.5"}},
                                                  {"id": "g2", "name": "Монтаж", "kind": "service", "vat_exempt": True, "group_path": "Услуги"}]),
            "price_types": tables.frame("price_types", [{"id": "t1", "name": "Розничная", "currency": "RUB", "vat_included": True, "purchasing": False}]),
            "prices": tables.frame("prices", [{"product": "g1", "price_type": "t1", "price": Decimal("120.50"), "currency": "RUB", "unit": "796", "purchasing": False}])}


def official_words(data: bytes, name: str) -> bytes:
    """The schema of 2.04 has another namespace (its copy says `cml`) and does not know the contact type that 10.3 reads."""
    text = data.decode("utf-8-sig").partition("?>")[2].replace("ТелефонРабочий", "Телефон рабочий")
    space = {"ut103": "cml", "ut11": "urn:1C.ru:commerceml_2", "unf3": "urn:1C.ru:commerceml_2"}.get(name)
    if space:
        text = re.sub(r'<КоммерческаяИнформация( xmlns="[^"]*")?', f'<КоммерческаяИнформация xmlns="{space}"', text)
    return text.encode()


def loose(schema: bytes, name: str) -> bytes:
    """Single choices that no file of 1C itself keeps (xsd/SOURCES.md): Контрагент in the copy of 2.04, Банк and Представитель in 3.1."""
    text = schema.decode("utf-8-sig")
    if name == "ut103":
        return re.sub(r'(<xsd?:complexType name="Контрагент">\s*<xsd?:choice)>', r'\1 maxOccurs="unbounded">', text).encode()
    for kind in ("Банк", "Представитель"):
        text = text.replace(f'<xs:complexType name="{kind}"><xs:choice>', f'<xs:complexType name="{kind}"><xs:choice maxOccurs="unbounded">')
    return text.encode()


def test_directories_come_back_as_they_were_sent() -> None:
    source = {**directories(), "parties": tables.frame("parties", [party(document=None, folder_path="Оптовые/Тула", code="00042")])}
    read = {name: tables.records(frame) for name, frame in reader.read(io.BytesIO(written(source, "bitrix3")), name="x")}
    for name in ("accounts", "contacts", "products", "price_types", "prices", "parties"):
        sent = [{key: value for key, value in row.items() if key not in ("file", "place")} for row in tables.records(source[name])]
        back = [{key: value for key, value in row.items() if key not in ("file", "place")} for row in read[name]]
        assert back == sent, name


# ---- problems ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["ut103", "ut11", "unf3", "bitrix3"])
def test_a_good_order_has_no_problems(name: str) -> None:
    assert writer.problems(made(), DIALECTS[name], day=dt.date(2025, 11, 2))["severity"].tolist() == ["warn"]      # 20 % in November 2026
    assert writer.problems(made([order(date=dt.date(2025, 11, 2))]), DIALECTS[name], day=DAY).empty


@pytest.mark.parametrize(("field", "source"), [
    ("number", made([order(number="B24-12345678")])), ("number", made([order(number=None)])), ("date", made([order(date=None)])),
    ("amount", made([order(amount=None)])), ("amount", made([order(amount=Decimal("1.005"))])), ("currency", made([order(currency="KZT")])),
    ("kind", made([order(kind="invoice")])), ("party", made(parties=[])), ("party", made(parties=[party(name=" ")])), ("party", made(parties=[party(id="x" * 41)])),
    ("inn", made(parties=[party(inn="77012")])), ("kpp", made(parties=[party(kpp="1")])), ("id", made([order(id="x" * 41)], [], [party(document="x" * 41)])),
    ("lines[1].name", made(lines=[line(name="")])), ("lines[1].quantity", made(lines=[line(quantity=Decimal(0))])),
    ("lines[1].amount", made(lines=[line(amount=None)])), ("lines[1].vat_rate", made(lines=[line(vat_rate=None, vat_exempt=None)])),
    ("lines[1].vat_rate", made(lines=[line(vat_rate=Decimal(22))])), ("lines[1].product", made(lines=[line(product="x" * 81)])),
    ("documents.comment", made([order(comment="\x0b")])), ("documents.requisites", made([order(requisites={"а": "\x00"})])), ("lines.name", made(lines=[line(name="а\ufffe")]))])
def test_what_stock_1c_would_choke_on_is_an_issue_with_its_field(field: str, source: Tables) -> None:
    assert rejected(source, "ut11") == {field}


def test_a_rate_the_base_does_not_know_is_never_a_silent_zero() -> None:
    source = made([order(date=dt.date(2026, 1, 15))], [line(vat_rate=Decimal(22))])
    assert rejected(source, "ut103") == {"lines[1].vat_rate"}
    assert rejected(source, "ut103", vat_rates=["20", "22 %", "Без НДС"]) == set()
    assert rejected(source, "bitrix3") == rejected(source, "unf3") == set()


def test_two_clients_with_one_name_and_no_inn_are_both_kept_back() -> None:
    documents = [order(), order(id="2", number="B24-2")]
    same = [party(inn=None, kpp=None, kind="person"), party(id="p2", document="2", inn=None, kpp=None, kind="person")]
    found = writer.problems(made(documents, [], same), DIALECTS["ut103"], day=DAY)
    assert set(found["key"]) == {order()["id"], "2"}
    assert writer.problems(made(documents, [], same), DIALECTS["bitrix3"], day=DAY).empty
    assert writer.problems(made(documents, [], [same[0], {**same[1], "id": "p1"}]), DIALECTS["ut103"], day=DAY).empty


def test_two_documents_with_one_number_would_overwrite_each_other() -> None:
    documents = [order(), order(id="2")]
    found = writer.problems(made(documents, [], [party(), party(document="2")]), DIALECTS["ut11"], day=DAY)
    assert found["field"].tolist() == ["number", "number"]


def test_texts_that_will_be_cut_are_said() -> None:
    found = writer.problems(made([order(comment="а" * 3001, date=dt.date(2025, 1, 1))], [line(name="б" * 251)]), DIALECTS["ut11"], day=DAY)
    assert found[["severity", "field"]].values.tolist() == [["warn", "comment"], ["warn", "lines.name"]]
    assert len(dict(reader.read(io.BytesIO(written(made([order(comment="а" * 3001)]), "ut103")), name="x"))["documents"].loc[0, "comment"]) == 3000
