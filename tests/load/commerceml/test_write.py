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
from etl.config.dialects import DIALECTS
from etl.errors import Rejected
from etl.extract.commerceml import read as reader
from etl.load.commerceml import write as writer
from tests.support.paths import SHARED

MOMENT, DAY = dt.datetime(2026, 11, 2, 10, 30), dt.date(2026, 11, 2)
STOCK = ("ut103", "ut11", "unf3")
XSD = {"ut103": "2.04", "ut11": "2.05-nsfixed", "unf3": "2.08", "bitrix3": "3.1-restated"}

Tables = dict[str, pd.DataFrame]


def order(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "11111111-1111-4111-8111-111111111111",
        "kind": "order",
        "number": "B24-1",
        "date": DAY,
        "amount": Decimal("120.00"),
        "currency": "RUB",
        "vat_included": True,
        "party": "p1",
        "deal": "1",
        "status": "Новый",
        "requisites": {"Номер договора": "7"},
        "comment": "Позвонить & <уточнить>",
    }
    return {**row, **changes}


def line(**changes: Any) -> dict[str, Any]:
    row = {
        "document": order()["id"],
        "position": 1,
        "product": "g1",
        "name": "Насос",
        "article": "Н-1",
        "kind": "goods",
        "quantity": Decimal(1),
        "unit": "шт",
        "unit_code": "796",
        "price": Decimal("120.00"),
        "amount": Decimal("120.00"),
        "vat_rate": Decimal(20),
        "vat_exempt": False,
    }
    return {**row, **changes}


def party(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "p1",
        "document": order()["id"],
        "role": "Покупатель",
        "kind": "legal",
        "name": "Луч",
        "full_name": "ООО «Луч»",
        "inn": "7701234567",
        "kpp": "770101001",
        "phones": ("+74950000000",),
        "emails": ("luch@example.com",),
        "legal_city": "Тула",
        "legal_address": "г. Тула, ул. Мира, 1",
    }
    return {**row, **changes}


def made(
    documents: list[dict[str, Any]] | None = None,
    lines: list[dict[str, Any]] | None = None,
    parties: list[dict[str, Any]] | None = None,
) -> Tables:
    return {
        "documents": tables.frame("documents", [order()] if documents is None else documents),
        "lines": tables.frame("lines", [line()] if lines is None else lines),
        "parties": tables.frame("parties", [party()] if parties is None else parties),
    }


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
    for expected in (
        "<Номер>B24-1</Номер>",
        "<Дата>2026-11-02</Дата>",
        "<ХозОперация>Заказ товара</ХозОперация>",
        "<Валюта>руб</Валюта>",
        "<Курс>1</Курс>",
        "<УчтеноВСумме>true</УчтеноВСумме>",
        "<Коэффициент>1</Коэффициент>",
        "<Ставка>20</Ставка>",
        "<Сумма>20.00</Сумма>",
        "<Сумма>120.00</Сумма>",
        "Позвонить &amp; &lt;уточнить&gt;",
        "<Роль>Покупатель</Роль>",
        "<ОфициальноеНаименование>ООО «Луч»</ОфициальноеНаименование>",
    ):
        assert expected in text, expected
    for absent in (
        "<Скидки>",
        "<Склады>",
        "<РасчетныеСчета>",
        "Проведен",
        "Контейнер",
        "<ПолноеНаименование>",
    ):
        assert absent not in text, absent
    # 10.3 reads a stream: the number must stand before the comment, the date before the time
    assert text.index("<Номер>") < text.index("<Комментарий>")


def test_each_configuration_gets_its_own_words() -> None:
    ut103, ut11 = (written(made(), name).decode("utf-8-sig") for name in ("ut103", "ut11"))
    assert "<Тип>ТелефонРабочий</Тип>" in ut103
    assert "<Тип>Телефон рабочий</Тип>" in ut11
    assert "<Единица>шт</Единица>" in ut103
    assert "<Единица>796</Единица>" in ut11  # УТ 11 looks the unit up by its code
    for text in (ut103, ut11):  # УТ 11 takes the element and the requisite, and would show the text twice
        assert "Комментарии покупателя" not in text


def test_a_person_has_a_full_name_and_never_the_official_one() -> None:
    text = written(
        made(
            parties=[
                party(
                    kind="person",
                    name="Иванов И. И. (дог. № 7)",
                    full_name="Иванов Иван Иванович",
                    inn=None,
                    kpp=None,
                )
            ]
        ),
        "ut103",
    ).decode()
    assert "<ПолноеНаименование>Иванов Иван Иванович</ПолноеНаименование>" in text
    assert "ОфициальноеНаименование" not in text


def test_without_vat_is_written_as_words_and_never_as_zero() -> None:
    text = written(made(lines=[line(vat_rate=None, vat_exempt=True)]), "ut11").decode()
    assert re.findall(r"<Ставка>(.*?)</Ставка>", text) == ["Без НДС", "Без НДС"]


def test_a_discount_becomes_a_net_price_for_stock_1c_and_a_discount_in_the_contract() -> None:
    source = made(
        lines=[
            line(
                quantity=Decimal(3),
                price=Decimal("50.00"),
                discount=Decimal("50.00"),
                amount=Decimal("100.00"),
            )
        ]
    )
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
    documents = [
        order(),
        order(id="22222222-2222-4222-8222-222222222222", number="B24-2"),
        order(id="a", kind="invoice", number="S24-1", basis=order()["id"]),
        order(id="b", kind="payment", number="П-1", basis="a"),
        order(id="c", kind="closing", number="З-1", basis="22222222-2222-4222-8222-222222222222"),
        order(id="d", kind="act", number="A1-1", basis="elsewhere"),
    ]
    source = made(documents, [], [party(document=row["id"]) for row in documents])
    root = etree.fromstring(written(source, "bitrix3"))
    numbers = [
        [number.text for number in container.iter("{*}Номер")] for container in root.iter("{*}Контейнер")
    ]
    assert numbers == [["B24-1", "S24-1", "П-1"], ["B24-2", "З-1"], ["A1-1"]]
    read = dict(reader.read(io.BytesIO(written(source, "bitrix3")), name="x"))["documents"]
    assert dict(zip(read["number"], read["kind"], strict=True)) == {
        "B24-1": "order",
        "S24-1": "invoice",
        "П-1": "payment",
        "B24-2": "order",
        "З-1": "closing",
        "A1-1": "act",
    }


def test_a_circle_of_bases_does_not_hang_the_writer() -> None:
    documents = [order(id="a", basis="b"), order(id="b", number="B24-2", basis="a")]
    assert (
        written(made(documents, [], [party(document="a"), party(document="b")]), "bitrix3").count(
            b"<\xd0\x9a\xd0\xbe\xd0\xbd\xd1\x82\xd0\xb5\xd0\xb9\xd0\xbd\xd0\xb5\xd1\x80>"
        )
        == 1
    )


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
    data = (
        written(made(), "ut11")
        .decode()
        .replace("<Номер>B24-1</Номер>", "<Номер>секретный-номер-договора</Номер>")
        .encode()
    )
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
    source = made(
        [order(time="10:30:00", cancelled=False), order(id="2", number="B24-2", comment=None)],
        [
            line(**extra),
            line(document="2", vat_rate=None, vat_exempt=True, kind="service", unit="мес", unit_code="362"),
        ],
        [
            party(),
            party(
                document="2",
                id="p2",
                kind="person",
                name="Иванов",
                full_name="Иванов Иван",
                inn=None,
                kpp=None,
                actual_address="г. Тула, 2",
            ),
        ],
    )
    if name == "bitrix3":
        source |= directories()
    data = official_words(written(source, name), name)
    schema = etree.XMLSchema(
        etree.fromstring(loose((folder / f"commerceml-{XSD[name]}.xsd").read_bytes(), name))
    )
    schema.assertValid(etree.fromstring(data))


def directories() -> Tables:
    return {
        "parties": tables.frame(
            "parties",
            [
                party(),
                party(document="2"),
                party(document=None, folder_path="Оптовые/Тула", code="00042", version="AAAB"),
            ],
        ),
        "accounts": tables.frame(
            "accounts",
            [
                {
                    "party": "p1",
                    "number": "40702810000000000001",
                    "bank_name": "Банк",
                    "bik": "044525000",
                    "corr_account": "30101810000000000000",
                }
            ],
        ),
        "contacts": tables.frame(
            "contacts", [{"id": "r1", "party": "p1", "name": "Сидоров С. С.", "phones": ("+74951111111",)}]
        ),
        "products": tables.frame(
            "products",
            [
                {
                    "id": "g1",
                    "name": "Насос",
                    "article": "Н-1",
                    "barcode": "4600000000001",
                    "unit": "шт",
                    "unit_code": "796",
                    "vat_rate": Decimal(22),
                    "vat_exempt": False,
                    "group_path": "Насосы/Бытовые",
                    "kind": "goods",
                    "deleted": False,
                    "extra": {"Вес": "0.5"},
                },
                {"id": "g2", "name": "Монтаж", "kind": "service", "vat_exempt": True, "group_path": "Услуги"},
            ],
        ),
        "price_types": tables.frame(
            "price_types",
            [{"id": "t1", "name": "Розничная", "currency": "RUB", "vat_included": True, "purchasing": False}],
        ),
        "prices": tables.frame(
            "prices",
            [
                {
                    "product": "g1",
                    "price_type": "t1",
                    "price": Decimal("120.50"),
                    "currency": "RUB",
                    "unit": "796",
                    "purchasing": False,
                }
            ],
        ),
    }


def official_words(data: bytes, name: str) -> bytes:
    """The schema of 2.04 has another namespace (its copy says `cml`) and does not know the contact type that 10.3 reads."""
    text = data.decode("utf-8-sig").partition("?>")[2].replace("ТелефонРабочий", "Телефон рабочий")
    space = {"ut103": "cml", "ut11": "urn:1C.ru:commerceml_2", "unf3": "urn:1C.ru:commerceml_2"}.get(name)
    if space:
        text = re.sub(
            r'<КоммерческаяИнформация( xmlns="[^"]*")?', f'<КоммерческаяИнформация xmlns="{space}"', text
        )
    return text.encode()


def loose(schema: bytes, name: str) -> bytes:
    """Single choices that no file of 1C itself keeps (xsd/SOURCES.md): Контрагент in the copy of 2.04, Банк and Представитель in 3.1."""
    text = schema.decode("utf-8-sig")
    if name == "ut103":
        return re.sub(
            r'(<xsd?:complexType name="Контрагент">\s*<xsd?:choice)>', r'\1 maxOccurs="unbounded">', text
        ).encode()
    for kind in ("Банк", "Представитель"):
        text = text.replace(
            f'<xs:complexType name="{kind}"><xs:choice>',
            f'<xs:complexType name="{kind}"><xs:choice maxOccurs="unbounded">',
        )
    return text.encode()


def test_directories_come_back_as_they_were_sent() -> None:
    source = {
        **directories(),
        "parties": tables.frame("parties", [party(document=None, folder_path="Оптовые/Тула", code="00042")]),
    }
    read = {
        name: tables.records(frame)
        for name, frame in reader.read(io.BytesIO(written(source, "bitrix3")), name="x")
    }
    for name in ("accounts", "contacts", "products", "price_types", "prices", "parties"):
        sent = [
            {key: value for key, value in row.items() if key not in ("file", "place")}
            for row in tables.records(source[name])
        ]
        back = [
            {key: value for key, value in row.items() if key not in ("file", "place")} for row in read[name]
        ]
        assert back == sent, name


# ---- problems ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ut103", "ut11", "unf3", "bitrix3"])
def test_a_good_order_has_no_problems(name: str) -> None:
    assert writer.problems(made(), DIALECTS[name], day=dt.date(2025, 11, 2))["severity"].tolist() == [
        "warn"
    ]  # 20 % in November 2026
    assert writer.problems(made([order(date=dt.date(2025, 11, 2))]), DIALECTS[name], day=DAY).empty


@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("number", made([order(number="B24-12345678")])),
        ("number", made([order(number=None)])),
        ("date", made([order(date=None)])),
        ("amount", made([order(amount=None)])),
        ("amount", made([order(amount=Decimal("1.005"))])),
        ("currency", made([order(currency="KZT")])),
        ("kind", made([order(kind="invoice")])),
        ("party", made(parties=[])),
        ("party", made(parties=[party(name=" ")])),
        ("party", made(parties=[party(id="x" * 41)])),
        ("inn", made(parties=[party(inn="77012")])),
        ("kpp", made(parties=[party(kpp="1")])),
        ("id", made([order(id="x" * 41)], [line(document="x" * 41)], [party(document="x" * 41)])),
        ("lines[1].name", made(lines=[line(name="")])),
        ("lines[1].quantity", made(lines=[line(quantity=Decimal(0))])),
        ("lines[1].amount", made(lines=[line(amount=None)])),
        ("lines[1].vat_rate", made(lines=[line(vat_rate=None, vat_exempt=None)])),
        ("lines[1].vat_rate", made(lines=[line(vat_rate=Decimal(22))])),
        ("lines[1].product", made(lines=[line(product="x" * 81)])),
        ("documents.comment", made([order(comment="\x0b")])),
        ("documents.requisites", made([order(requisites={"а": "\x00"})])),
        ("lines.name", made(lines=[line(name="а\ufffe")])),
    ],
)
def test_what_stock_1c_would_choke_on_is_an_issue_with_its_field(field: str, source: Tables) -> None:
    assert rejected(source, "ut11") == {field}


def test_a_rate_the_base_does_not_know_is_never_a_silent_zero() -> None:
    source = made([order(date=dt.date(2026, 1, 15))], [line(vat_rate=Decimal(22))])
    assert rejected(source, "ut103") == {"lines[1].vat_rate"}
    assert rejected(source, "ut103", vat_rates=["20", "22 %", "Без НДС"]) == set()
    assert rejected(source, "unf3") == {"lines[1].vat_rate"}
    assert rejected(source, "bitrix3") == rejected(source, "unf3", vat_rates=["22"]) == set()


@pytest.mark.parametrize(
    ("code", "rate", "found"),
    [
        ("USD", "80", set()),
        ("USD", "1", {"rate"}),
        ("USD", None, {"rate"}),
        ("RUB", None, set()),
        ("RUB", "1", set()),
    ],
)
def test_a_foreign_document_without_a_rate_would_be_roubles(
    code: str, rate: str | None, found: set[str]
) -> None:
    source = made([order(currency=code, rate=rate and Decimal(rate))], [line(vat_rate=Decimal(20))])
    assert rejected(source, "bitrix3") == found


def test_two_clients_with_one_name_and_no_inn_are_both_kept_back() -> None:
    documents = [order(), order(id="2", number="B24-2")]
    rows = [line(vat_rate=Decimal(10)), line(document="2", vat_rate=Decimal(10))]
    same = [
        party(inn=None, kpp=None, kind="person"),
        party(id="p2", document="2", inn=None, kpp=None, kind="person"),
    ]
    found = writer.problems(made(documents, rows, same), DIALECTS["ut103"], day=DAY)
    assert set(found["key"]) == {order()["id"], "2"}
    assert writer.problems(made(documents, rows, same), DIALECTS["bitrix3"], day=DAY).empty
    assert writer.problems(
        made(documents, rows, [same[0], {**same[1], "id": "p1"}]), DIALECTS["ut103"], day=DAY
    ).empty


def test_two_documents_with_one_number_would_overwrite_each_other() -> None:
    documents = [order(), order(id="2")]
    rows = [line(vat_rate=Decimal(10)), line(document="2", vat_rate=Decimal(10))]
    found = writer.problems(made(documents, rows, [party(), party(document="2")]), DIALECTS["ut11"], day=DAY)
    assert found["field"].tolist() == ["number", "number"]


def test_texts_that_will_be_cut_are_said() -> None:
    found = writer.problems(
        made([order(comment="а" * 3001, date=dt.date(2025, 1, 1))], [line(name="б" * 251)]),
        DIALECTS["ut11"],
        day=DAY,
    )
    assert found[["severity", "field"]].values.tolist() == [["warn", "comment"], ["warn", "lines.name"]]
    assert (
        len(
            dict(reader.read(io.BytesIO(written(made([order(comment="а" * 3001)]), "ut103")), name="x"))[
                "documents"
            ].loc[0, "comment"]
        )
        == 3000
    )


# ---- money and goods as 1C would book them -------------------------------------------------------------------------

ALL = (*STOCK, "bitrix3")
THEN = dt.date(2025, 5, 5)  # 20 % was the rate of that day


def dated(**changes: Any) -> dict[str, Any]:
    return order(date=THEN, **changes)


@pytest.mark.parametrize("name", ALL)
def test_vat_is_inside_all_sums_of_a_document_or_on_top_of_all(name: str) -> None:
    mixed = [line(vat_included=True), line(position=2, vat_included=False)]
    assert rejected(made([dated(amount=Decimal(264))], mixed), name) == {"vat_included"}
    assert rejected(made([dated()], [line(vat_included=False)]), name) == {"vat_included"}
    on_top = [line(vat_included=False), line(position=2, vat_included=False)]
    assert rejected(made([dated(amount=Decimal(288), vat_included=False)], on_top), name) == set()


@pytest.mark.parametrize("name", ALL)
def test_a_document_has_the_sum_of_its_rows_to_a_kopeck_each(name: str) -> None:
    assert rejected(made([dated(amount=Decimal("999.00"))]), name) == {"amount"}
    assert rejected(made([dated(amount=Decimal("120.01"))]), name) == set()
    assert rejected(made([dated(amount=Decimal("120.02"))]), name) == {"amount"}
    apart = line(
        amount=Decimal("150.00"),
        price=Decimal("150.00"),
        discount=Decimal("30.00"),
        requisites={"СкидкаУчтенаВСумме": "false"},
    )
    assert rejected(made([dated()], [apart]), name) == set()


def test_a_document_of_goods_has_rows() -> None:
    for kind in ("shipment", "return"):
        assert rejected(made([dated(kind=kind)], []), "bitrix3") == {"lines"}
        assert rejected(made([dated(kind=kind, cancelled=True)], []), "bitrix3") == set()
    for kind in (
        "order",
        "invoice",
        "payment",
        "refund",
        "closing",
        "act",
    ):  # by their sum: [orders] rows = false
        assert rejected(made([dated(kind=kind)], []), "bitrix3") == set()
    assert rejected(made([dated()], []), "ut11") == {"lines"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("quantity", line(quantity=Decimal("0.0004"))),
        ("quantity", line(quantity=Decimal("1.2345"))),
        ("discount", line(discount=Decimal("0.005"))),
    ],
)
def test_numbers_finer_than_the_file_are_never_rounded_in_silence(
    name: str, field: str, row: dict[str, Any]
) -> None:
    assert rejected(made([dated()], [row]), name) == {f"lines[1].{field}"}


@pytest.mark.parametrize("name", ALL)
def test_a_price_finer_than_the_file_is_rounded_with_a_word_since_the_sum_counts(name: str) -> None:
    source = made(
        [dated()], [line(price=Decimal("0.1234"), quantity=Decimal(1000), amount=Decimal("120.00"))]
    )
    found = writer.problems(source, DIALECTS[name], day=DAY)
    assert list(zip(found["severity"], found["field"], strict=True)) == [("warn", "lines.price")]
    assert "<ЦенаЗаЕдиницу>0.12</ЦенаЗаЕдиницу>" in written(source, name).decode()
    assert "<Сумма>120.00</Сумма>" in written(source, name).decode()


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("рулон", "736"),
        ("м²", "055"),
        ("пог. м", "018"),
        ("Кг", "166"),
        ("упаковка", "778"),
        ("ШТ.", "796"),
        ("Куб.м", "113"),
        (None, "796"),
    ],
)
def test_units_are_known_by_the_names_people_write(unit: str | None, code: str) -> None:
    source = made([dated()], [line(unit=unit, unit_code=None)])
    for name in ALL:
        assert rejected(source, name) == set()
    assert f'Код="{code}"' in written(source, "ut103").decode()
    assert f"<Единица>{code}</Единица>" in written(source, "ut11").decode()
    assert f"<Код>{code}</Код>" in written(source, "bitrix3").decode()


@pytest.mark.parametrize("name", ALL)
def test_a_unit_nobody_knows_is_never_a_piece(name: str) -> None:
    assert rejected(made([dated()], [line(unit="ведро", unit_code=None)]), name) == {"lines[1].unit"}
    assert rejected(made([dated()], [line(unit="ведро", unit_code="9998")]), name) == set()
    assert rejected(made([dated()], [line(unit="м", unit_code="6")]), name) == set()
    assert 'Код="006"' in written(made(lines=[line(unit="м", unit_code="6")]), "ut11").decode()


def test_a_unit_nobody_knows_stays_out_of_the_catalogue() -> None:
    products = tables.frame(
        "products",
        [{"id": "g1", "name": "Вода", "unit": "ведро"}, {"id": "g2", "name": "Плёнка", "unit": "Рулон"}],
    )
    text = written({"products": products}, "bitrix3").decode()
    assert re.findall("<БазоваяЕдиница>(.*?)</БазоваяЕдиница>", text) == ["736"]


def test_a_pack_goes_with_its_factor() -> None:
    source = made(
        [dated()], [line(unit="упак", unit_code=None, requisites={"Коэффициент": "10", "Цвет": "синий"})]
    )
    stock, extended = written(source, "ut103").decode(), written(source, "bitrix3").decode()
    for text in (stock, extended):
        assert "<Наименование>Коэффициент</Наименование>" not in text
        assert "<Наименование>Цвет</Наименование>" in text
    assert "<Коэффициент>10</Коэффициент>" in extended
    assert "<Код>778</Код>" in extended
    assert "БазоваяЕдиница" not in extended
    assert rejected(made([dated()], [line(requisites={"Коэффициент": "десять"})]), "ut11") == {"xml"}


@pytest.mark.parametrize("name", STOCK)
def test_packs_go_to_stock_1c_as_pieces(name: str) -> None:
    """None of the three reads the factor of a row (onec-code D9): 2 packs of 6 would be 2 pieces."""
    pack = line(
        unit="упак",
        quantity=Decimal(2),
        price=Decimal(600),
        amount=Decimal(1200),
        requisites={"Коэффициент": "6"},
    )
    (row,) = back(made([dated(amount=Decimal(1200))], [pack]), name, "lines")
    assert (row["quantity"], row["price"], row["amount"]) == (12, 100, 1200)
    assert row["unit_code"] == "796"


def test_the_rate_0_is_not_without_vat() -> None:
    """УТ 11 reads 0 as no rate at all and falls back to «Без НДС» (commerceml §3.4), unless the base was mended."""
    source = made([dated()], [line(vat_rate=Decimal(0))])
    assert rejected(source, "ut11") == {"lines[1].vat_rate"}
    assert rejected(source, "ut11", vat_rates=["0", "20"]) == set()
    assert rejected(source, "ut103") == rejected(source, "bitrix3") == set()


@pytest.mark.parametrize(
    ("one", "two", "held"),
    [
        ({"inn": "770123456789"}, {"inn": None}, True),
        ({"inn": "770123456789"}, {"inn": "770123456790"}, True),
        ({"inn": "770123456789"}, {"inn": "770123456789"}, False),
        ({"inn": None}, {"inn": None, "name": " ЛУЧ "}, True),
        ({"inn": None}, {"inn": None, "name": "Луч-2"}, False),
    ],
)
def test_two_parties_of_one_name_are_one_for_stock_1c(
    one: dict[str, Any], two: dict[str, Any], held: bool
) -> None:
    people = [
        party(kind="person", kpp=None, phones=None, emails=None, **one),
        party(kind="person", kpp=None, phones=None, emails=None, id="p2", document="2", **two),
    ]
    source = made([dated(), dated(id="2", number="B24-2")], [line(), line(document="2")], people)
    for name in STOCK:
        found = writer.problems(source, DIALECTS[name], day=DAY)
        assert set(found["key"]) == ({order()["id"], "2"} if held else set())
    assert writer.problems(source, DIALECTS["bitrix3"], day=DAY).empty


# ---- one bad document costs no other -------------------------------------------------------------------------------

BAD = [
    *(({}, {"unit_code": code}, {}) for code in ("12345", "шт шт")),
    ({}, {"unit": "о" * 51}, {}),
    ({}, {}, {"okpo": "1" * 15}),
    ({}, {}, {"role": "Гость"}),
    ({}, {}, {"id": None}),
    ({}, {}, {"role": " "}),
    ({"requisites": {"Роль": "Гость"}}, {}, {}),
    ({"requisites": {"": "а"}}, {}, {}),
    ({"time": "9:00"}, {}, {}),
    ({"time": "25:00:00"}, {}, {}),
    ({}, {"vat_rate": Decimal("5.125")}, {}),
    ({"amount": Decimal("1E+30")}, {}, {}),
    ({"amount": Decimal("1E+17")}, {"amount": Decimal("1E+17")}, {}),
    ({"vat_amount": Decimal("1E+40")}, {}, {}),
    ({}, {"vat_amount": Decimal("1E+30")}, {}),
    ({}, {"price": Decimal("Infinity")}, {}),
    ({"rate": Decimal("Infinity")}, {}, {}),
    ({"date": dt.date(900, 1, 1)}, {}, {}),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("document", "row", "buyer"), BAD)
def test_what_no_rule_thinks_of_costs_its_own_document_only(
    name: str, document: dict[str, Any], row: dict[str, Any], buyer: dict[str, Any]
) -> None:
    good, bad = dated(), order(**{"date": THEN, "id": "2", "number": "B24-2", **document})
    source = made(
        [good, bad], [line(), line(**{"document": "2", **row})], [party(), party(document="2", **buyer)]
    )
    found = writer.problems(source, DIALECTS[name], day=DAY)
    assert set(found[found["severity"] == "reject"]["key"]) == {"2"}
    assert found["message"].str.endswith((".", "разработчику.")).all()
    kept = {
        table: frame[frame["id" if table == "documents" else "document"] != "2"]
        for table, frame in source.items()
    }
    assert writer.validate(io.BytesIO(written(kept, name)), name) == []


def test_a_long_basis_costs_its_own_document_only() -> None:
    assert rejected(made([dated(basis="о" * 41)]), "bitrix3") == {"xml"}


def test_two_documents_with_one_id_are_both_kept_back() -> None:
    assert rejected(made([dated(), dated(number="B24-2")]), "ut11") == {"id"}


# ---- what comes back -----------------------------------------------------------------------------------------------


def back(source: Tables, name: str, table: str, **options: Any) -> list[dict[str, Any]]:
    read = dict(reader.read(io.BytesIO(written(source, name, **options)), name="x"))
    return tables.records(read[table])


def test_prices_have_the_currency_of_the_base() -> None:
    text = written(
        {name: directories()[name] for name in ("products", "prices", "price_types")}, "bitrix3"
    ).decode()
    assert re.findall("<Валюта>(.*?)</Валюта>", text) == ["руб", "руб"]
    dollars = tables.frame(
        "prices",
        [
            {"product": "g1", "price_type": "t1", "price": Decimal(1), "currency": "USD"},
            {"product": "g2", "price_type": "t1", "price": Decimal(1)},
        ],
    )
    assert re.findall("<Валюта>(.*?)</Валюта>", written({"prices": dollars}, "bitrix3").decode()) == ["USD"]


@pytest.mark.parametrize("name", ALL)
def test_line_ends_are_those_of_xml(name: str) -> None:
    assert (
        back(made([dated(comment="раз\r\nдва\rтри\nчетыре")]), name, "documents")[0]["comment"]
        == "раз\nдва\nтри\nчетыре"
    )
    assert b"\r" not in written(made([dated(comment="раз\r\nдва")]), name)


def test_a_comment_ut11_will_cut_is_said() -> None:
    source = made([dated(comment="а" * 3001)])
    assert writer.problems(source, DIALECTS["ut11"], day=DAY)[["severity", "field"]].values.tolist() == [
        ["warn", "comment"]
    ]


@pytest.mark.parametrize(
    "note",
    [
        {"folder_path": "А; Б", "code": "1;2"},
        {"folder_path": ";", "code": ";;"},
        {"code": "Папка: А"},
        {"folder_path": "А; Код: 7"},
        {"folder_path": "А", "extra": {"Комментарий": "звонить; после 18"}},
        {"extra": {"Комментарий": "Папка: не папка"}},
        {"code": "1", "extra": {"Комментарий": "две\nстроки"}},
        {"extra": {"Комментарий": "Комментарий: свой"}},
        {"extra": {"Комментарий": "просто; так"}},
    ],
)
def test_folder_code_and_comment_of_a_party_survive(note: dict[str, Any]) -> None:
    found = back({"parties": tables.frame("parties", [party(document=None, **note)])}, "bitrix3", "parties")[
        0
    ]
    assert {key: found[key] for key in ("folder_path", "code", "extra")} == {
        "folder_path": None,
        "code": None,
        "extra": None,
    } | note


def test_a_discount_beside_the_sum_stays_beside_it() -> None:
    row = line(
        price=Decimal("150.00"),
        amount=Decimal("150.00"),
        discount=Decimal("30.00"),
        vat_amount=Decimal("20.00"),
        vat_included=True,
        requisites={"СкидкаУчтенаВСумме": "false"},
    )
    assert "<УчтеноВСумме>false</УчтеноВСумме>" in written(made([dated()], [row]), "bitrix3").decode()
    assert back(made([dated()], [row]), "bitrix3", "lines")[0]["requisites"] == {
        "СкидкаУчтенаВСумме": "false"
    }
    stock = back(made([dated()], [row]), "ut11", "lines")[0]
    assert (stock["price"], stock["amount"], stock["requisites"]) == (
        120,
        120,
        None,
    )  # stock 1C gets the net sum


@pytest.mark.parametrize("name", ALL)
def test_the_kind_of_a_party_survives(name: str) -> None:
    def kind(**changes: Any) -> tuple[str, str, str]:
        row = back(made([dated()], None, [party(**changes)]), name, "parties")[0]
        return row["kind"], row["full_name"], row["kpp"]

    assert kind(kind="sole_trader", full_name="Иванов Иван", inn="770123456789", kpp=None) == (
        "sole_trader",
        "ИП Иванов Иван",
        None,
    )
    assert kind(kind="sole_trader", full_name="ИП Иванов Иван", inn=None, kpp=None) == (
        "sole_trader",
        "ИП Иванов Иван",
        None,
    )
    kpp = None if name == "unf3" else "770101001"  # УНФ would take any client with it for this one
    assert kind(kind=None, full_name="Луч") == ("legal", "Луч", kpp)
    assert kind(kind="person", full_name="Иванов Иван", inn="770123456789") == ("person", "Иванов Иван", None)
    assert rejected(made([dated()], None, [party(kind="person", kpp=None)]), name) == {"inn"}
    warned = writer.problems(
        made([dated()], None, [party(kind="person", inn="770123456789")]), DIALECTS[name], day=DAY
    )
    assert warned[["severity", "field"]].values.tolist() == [["warn", "kpp"]]


def test_a_blank_address_is_none() -> None:
    source = made([dated()], None, [party(legal_address=" ", legal_city="Г" * 300)])
    assert rejected(source, "ut11") == set()
    assert (
        rejected(
            made([dated()], None, [party(legal_address=" ", legal_city=" ", actual_address="\u00a0")]),
            "bitrix3",
        )
        == set()
    )
