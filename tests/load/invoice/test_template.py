"""The print form of an invoice: what it says after the portal's generator has filled it, and the text of its payment QR code."""

from __future__ import annotations

import copy
import io
import re
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from etl.errors import Rejected
from etl.load.invoice.qr import Payee, payment_qr
from etl.load.invoice.template import build

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
#: the pattern by which the generator itself finds placeholders (module documentgenerator, body.php)
PLACEHOLDER = re.compile(r"\{([a-zA-Z0-9._-]*)~?([^~\r\t\n<]*?)\}")

OURS = {
    "MyCompanyRequisiteRqCompanyName": "ООО «Ромашка»",
    "MyCompanyRequisiteRqInn": "7701000019",
    "MyCompanyRequisiteRqKpp": "770101001",
    "MyCompanyRequisiteRegisteredAddressText": "101000, г. Москва, ул. Вымышленная, д. 1, оф. 20",
    "MyCompanyPhone": "+7 000 111-22-33",
    "MyCompanyBankDetailRqBankName": "АО «Вымышленный банк»",
    "MyCompanyBankDetailRqBankAddr": "г. Москва",
    "MyCompanyBankDetailRqBik": "044525901",
    "MyCompanyBankDetailRqAccNum": "40702810900000000001",
    "MyCompanyBankDetailRqCorAccNum": "30101810000000000901",
    "MyCompanyRequisiteRqDirector": "Орлова И. П.",
    "MyCompanyRequisiteRqAccountant": "Соколова А. В.",
}
BUYER = {
    "ClientName": "ООО «Василёк»",
    "RequisiteRqInn": "5001000014",
    "RequisiteRqKpp": "500101001",
    "ClientPhone": "+7 000 444-55-66",
    "RequisiteRegisteredAddressText": "140000, Московская обл., г. Выдуманск, пр. Мира, д. 5",
}
DEAL = {
    "Id": "17",
    "Title": "Договор поставки № 4 от 01.02.2026",
    "Begindate": "05.03.2026",
    "TotalRows": "2",
    "TotalSum": Decimal("14640.00"),
    "TotalRaw": Decimal("14640.00"),
    "TotalSumWords": "Четырнадцать тысяч шестьсот сорок рублей 00 копеек",
}
PRODUCTS = [
    {
        "ProductsIndex": "1",
        "ProductsProductName": "Камера купольная уличная",
        "ProductsProductQuantity": "4",
        "ProductsProductMeasureName": "шт",
        "ProductsProductPriceRaw": Decimal("3050"),
        "ProductsProductPriceRawSum": Decimal("12200"),
    },
    {
        "ProductsIndex": "2",
        "ProductsProductName": "Монтаж",
        "ProductsProductQuantity": "1",
        "ProductsProductMeasureName": "усл",
        "ProductsProductPriceRaw": Decimal("2440"),
        "ProductsProductPriceRawSum": Decimal("2440"),
    },
]
TAXES = [{"TaxesTaxTitle": "В том числе НДС", "TaxesTaxRate": "22", "TaxesTaxValue": Decimal("2640")}]

PICTURES = ("PaymentQrCode", "MyCompanyUfStamp", "MyCompanyUfDirectorSign", "MyCompanyUfAccountantSign")


def fill(
    template: bytes,
    values: Mapping[str, Any],
    lists: Mapping[str, list[dict[str, Any]]],
    pictures: Mapping[str, bytes] | None = None,
) -> bytes:
    """A document as the portal's generator makes it: rows of lists repeated, pictures by their alternative text, then the words."""
    parts = {
        name: zipfile.ZipFile(io.BytesIO(template)).read(name)
        for name in zipfile.ZipFile(io.BytesIO(template)).namelist()
    }
    document = etree.fromstring(parts["word/document.xml"])
    for prefix, listed in lists.items():
        _repeat(document, prefix, listed)
    for described in document.iter(f"{WP}docPr"):
        _show(parts, described, pictures or {})
    for words in document.iter(f"{W}t"):
        words.text = PLACEHOLDER.sub(lambda found: _print(values.get(found[1]), found[2]), words.text or "")
    parts["word/document.xml"] = etree.tostring(document)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def _repeat(document: etree._Element, prefix: str, listed: list[dict[str, Any]]) -> None:
    row = next(row for row in document.iter(f"{W}tr") if f"{{{prefix}" in "".join(row.itertext()))
    for one in listed:
        filled = copy.deepcopy(row)
        for words in filled.iter(f"{W}t"):
            words.text = PLACEHOLDER.sub(
                lambda found, one=one: _print(one.get(found[1]), found[2]), words.text or ""
            )
        row.addprevious(filled)
    row.getparent().remove(row)


def _show(parts: dict[str, bytes], described: etree._Element, pictures: Mapping[str, bytes]) -> None:
    drawing = described.getparent().getparent()
    assert drawing.tag == f"{W}drawing", "the generator takes the parent of the parent of docPr"
    image = pictures.get(PLACEHOLDER.fullmatch(described.get("descr"))[1])
    if image is None:
        drawing.getparent().remove(drawing)
        return
    number = drawing.find(".//{*}blip").get(
        "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}embed"
    )
    target = re.search(rf'Id="{number}"[^>]*Target="([^"]+)"', parts["word/_rels/document.xml.rels"].decode())
    parts[f"word/{target[1]}"] = image


def _print(value: Any, modifier: str) -> str:
    if not isinstance(value, Decimal):
        return str(value or "")
    amount = f"{value:,.2f}".replace(",", " ").replace(".", ",")
    return amount if "NS=Y" in modifier else f"{amount} ₽"


def lines(document: bytes) -> list[str]:
    """The text of a document: a row of a table as one line, cells joined by « | »."""
    body = etree.fromstring(zipfile.ZipFile(io.BytesIO(document)).read("word/document.xml"))[0]
    said = []
    for block in body:
        if block.tag == f"{W}tbl":
            said += [
                " | ".join("".join(cell.itertext()) for cell in row.iter(f"{W}tc"))
                for row in block.iter(f"{W}tr")
            ]
        elif text := "".join(block.itertext()):
            said.append(text)
    return said


@pytest.fixture(scope="module")
def template() -> bytes:
    return build("S24-{Id}", "{Begindate~d.m.Y}")


def test_the_form_says_what_1c_prints(template: bytes) -> None:
    """«Доработать печатную форму счета в Б24» (specification 001): the places of 1C's own form, from the first line to the last."""
    assert lines(fill(template, OURS | BUYER | DEAL, {"Products": PRODUCTS, "Taxes": TAXES})) == [
        "АО «Вымышленный банк» г. Москва | БИК | 044525901",
        "Банк получателя | Сч. № | 30101810000000000901",
        "ИНН 7701000019 | КПП 770101001 | Сч. № | 40702810900000000001",
        "ООО «Ромашка» |  | ",
        "Получатель |  | ",
        "Счет на оплату № S24-17 от 05.03.2026",
        "Поставщик (Исполнитель): | ООО «Ромашка», ИНН/КПП 7701000019/770101001, 101000, г. Москва, ул. Вымышленная, д. 1, оф. 20, тел.: +7 000 111-22-33",
        "Покупатель (Заказчик): | ООО «Василёк», ИНН/КПП 5001000014/500101001, 140000, Московская обл., г. Выдуманск, пр. Мира, д. 5, тел.: +7 000 444-55-66",
        "Основание: | Договор поставки № 4 от 01.02.2026",
        "№ | Товары (работы, услуги) | Кол-во | Ед. | Цена | Сумма",
        "1 | Камера купольная уличная | 4 | шт | 3 050,00 | 12 200,00",
        "2 | Монтаж | 1 | усл | 2 440,00 | 2 440,00",
        "Итого: | 14 640,00",
        "В том числе НДС (22%): | 2 640,00",
        "Всего к оплате: | 14 640,00",
        "Всего наименований 2, на сумму 14 640,00 ₽",
        "Четырнадцать тысяч шестьсот сорок рублей 00 копеек",
        "Руководитель |  | Орлова И. П. | ",
        "Бухгалтер |  | Соколова А. В. | ",
        "М. П.",
    ]


def test_without_tax_no_row_speaks_of_it(template: bytes) -> None:
    said = lines(fill(template, OURS | BUYER | DEAL, {"Products": PRODUCTS, "Taxes": []}))
    assert not [line for line in said if "НДС" in line]
    assert "Всего к оплате: | 14 640,00" in said


def test_each_rate_has_its_row(template: bytes) -> None:
    two = [*TAXES, {"TaxesTaxTitle": "В том числе НДС", "TaxesTaxRate": "10", "TaxesTaxValue": Decimal("1")}]
    said = lines(fill(template, OURS | BUYER | DEAL, {"Products": PRODUCTS, "Taxes": two}))
    assert [line for line in said if "НДС" in line] == [
        "В том числе НДС (22%): | 2 640,00",
        "В том числе НДС (10%): | 1,00",
    ]


def test_nothing_of_the_template_is_left(template: bytes) -> None:
    pictures = dict.fromkeys(PICTURES, b"png")
    for given in ({}, pictures):
        document = fill(template, OURS | BUYER | DEAL, {"Products": PRODUCTS, "Taxes": TAXES}, given)
        archive = zipfile.ZipFile(io.BytesIO(document))
        assert "{" not in " ".join(lines(document))
        assert archive.read("word/document.xml").count(b"<w:drawing>") == len(given)
        assert [archive.read(name) for name in archive.namelist() if name.endswith(".png")].count(
            b"png"
        ) == len(given)


def test_every_placeholder_is_known_and_whole(template: bytes) -> None:
    """A placeholder torn over two runs, or misspelt, prints nothing and nobody is told."""
    xml = zipfile.ZipFile(io.BytesIO(template)).read("word/document.xml").decode()
    found = {name for name, _ in PLACEHOLDER.findall(xml)}
    known = {*OURS, *BUYER, *DEAL, *PRODUCTS[0], *TAXES[0], *PICTURES}
    assert found == known
    assert xml.count("{") == xml.count("}") == len(PLACEHOLDER.findall(xml))
    rows = [
        row for row in etree.fromstring(xml.encode()).iter(f"{W}tr") if "{Products" in "".join(row.itertext())
    ]
    assert len(rows) == 1, "the generator repeats the first row that names a product"


def test_the_package_is_whole_and_the_same_every_time(template: bytes) -> None:
    assert template == build("S24-{Id}", "{Begindate~d.m.Y}")
    archive = zipfile.ZipFile(io.BytesIO(template))
    assert archive.testzip() is None
    assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    relations = etree.fromstring(archive.read("word/_rels/document.xml.rels"))
    assert {f"word/{one.get('Target')}" for one in relations} <= set(archive.namelist())
    embedded = re.findall(r'r:embed="([^"]+)"', archive.read("word/document.xml").decode())
    assert len(embedded) == len(set(embedded)) == 4, "the generator deletes the part of a picture it replaces"
    assert set(embedded) <= {one.get("Id") for one in relations}


PAYEE = Payee(
    "ООО «Три кита»",
    "40702810138250123017",
    'ОАО "БАНК"',
    "044525225",
    "30101810400000000225",
    "6200098765",
    "620001001",
)


def test_qr_as_in_the_standard() -> None:
    """ГОСТ Р 56042-2014: service block ST00012, the five required fields first, the sum in kopecks."""
    assert payment_qr(PAYEE, "Оплата по счету № S24-17 от 05.03.2026", Decimal("1000.00")) == (
        'ST00012|Name=ООО «Три кита»|PersonalAcc=40702810138250123017|BankName=ОАО "БАНК"|BIC=044525225|CorrespAcc=30101810400000000225'
        "|PayeeINN=6200098765|KPP=620001001|Purpose=Оплата по счету № S24-17 от 05.03.2026|Sum=100000"
    )


@pytest.mark.parametrize(
    ("amount", "kopecks"),
    [("0.01", "1"), ("1.15", "115"), ("4.35", "435"), ("99999999999.99", "9999999999999")],
)
def test_qr_keeps_every_kopeck(amount: str, kopecks: str) -> None:
    assert payment_qr(PAYEE, None, Decimal(amount)).endswith(f"|KPP=620001001|Sum={kopecks}")


def test_qr_leaves_out_what_is_not_known() -> None:
    sole = Payee(
        "ИП Вымышленный Пётр Петрович",
        "40802810138250123017",
        "АО «Банк»",
        "044525225",
        "30101810400000000225",
        "500100732259",
    )
    assert payment_qr(sole).endswith("|CorrespAcc=30101810400000000225|PayeeINN=500100732259")


def test_qr_takes_another_separator_when_a_value_holds_it() -> None:
    payee = Payee("ООО «А|Б»", PAYEE.account, PAYEE.bank, PAYEE.bik, PAYEE.corr_account)
    said = payment_qr(payee)
    assert said[7] == "~"
    assert said.split("~")[1] == "Name=ООО «А|Б»"


def test_qr_cuts_only_the_name_of_the_bank() -> None:
    payee = Payee(PAYEE.name, PAYEE.account, "Б" * 60, PAYEE.bik, PAYEE.corr_account)
    assert f"|BankName={'Б' * 45}|" in payment_qr(payee)
    with pytest.raises(Rejected, match="наименование получателя длиннее 160"):
        payment_qr(Payee("И" * 161, PAYEE.account, PAYEE.bank, PAYEE.bik, PAYEE.corr_account))
    with pytest.raises(Rejected, match="назначение платежа длиннее 210"):
        payment_qr(PAYEE, "п" * 211)


def test_qr_names_every_fault_at_once() -> None:
    with pytest.raises(Rejected) as refused:
        payment_qr(Payee("ООО «Х»", "4070281", None, "04452522", "", "12"), None, Decimal("10.005"))
    for fault in (
        "не заполнено: название банка",
        "не заполнено: корр. счёт",
        "расчётный счёт «4070281»",
        "БИК «04452522»",
        "ИНН «12»",
        "сумма 10.005",
    ):
        assert fault in str(refused.value)
