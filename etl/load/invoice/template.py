"""The print form «Счет на оплату» of the portal's document generator, laid out as 1C prints it.

Where the placeholders come from (each is named in at least one of them):

* REST documentation of Bitrix24, crm.documentgenerator.template.getfields, «values»:
MyCompanyRequisiteRqCompanyName,
MyCompanyRequisiteRegisteredAddressText, MyCompanyPhone, RequisiteRqCompanyName (here its wider kin
ClientName), RequisiteRegisteredAddressText, ClientPhone, DocumentCreateTime, ProductsIndex,
ProductsProductName, -Quantity, -MeasureName, -PriceRaw, -PriceRawSum, TotalRaw, TaxesTaxTitle,
TaxesTaxRate, TaxesTaxValue, TotalSum;
* the data providers of the portal itself (module crm, integration/documentgenerator/dataprovider:
crmentitydataprovider,
productsdataprovider, company, requisite, bankdetail; a placeholder is the path of field names in one word,
e.g. MY_COMPANY.BANK_DETAIL.RQ_BIK is MyCompanyBankDetailRqBik): bank details, ИНН and КПП, ClientName,
Title, Id, Begindate, TotalRows, TotalSumWords, RqDirector, RqAccountant, the pictures MyCompanyUfStamp,
-UfDirectorSign, -UfAccountantSign and PaymentQrCode;
* helpdesk.bitrix24.ru, «Модификаторы в шаблонах документов»: what follows «~» (d.m.Y for dates; WZ=Y with
kopecks, NS=Y without
  the sign of the currency; Format for names).

How the generator works on the form (module documentgenerator, body/docxxml): the first table row with a
placeholder of a list is repeated for each of its rows; the row of taxes goes away when there are none; a
picture is found by its alternative text and removed when it has no value.
"""

from __future__ import annotations

from typing import Any

from etl.load.invoice.docx import (
    THICK,
    THIN,
    Element,
    Picture,
    cell,
    paragraph,
    picture,
    row,
    run,
    table,
)
from etl.load.invoice.package import package

_MARGIN = 851  # 15 mm
_WIDTH = 11906 - 2 * _MARGIN
_QR = Picture("{PaymentQrCode}", 30, 30)
_DIRECTOR = Picture("{MyCompanyUfDirectorSign}", 36, 12)
_ACCOUNTANT = Picture("{MyCompanyUfAccountantSign}", 36, 12)
_STAMP = Picture("{MyCompanyUfStamp}", 38, 38, float_at=(42, -26))
_NAME_FORMAT = "Format=#LAST_NAME# #NAME_SHORT# #SECOND_NAME_SHORT#"
#: a sum with kopecks and without the sign of the currency
_SUM = "~WZ=Y,NS=Y"


def build(number: str, date: str) -> bytes:
    """The template as DOCX, the same bytes for the same words.

    `number`, `date`: placeholders (with text) of the title.
    """
    title = f"Счет на оплату № {number} от {date}"
    body = [
        _bank(),
        paragraph(run(title, size=28, bold=True), before=240, after=120, rule=18),
        _parties(),
        paragraph(after=60),
        _goods(),
        paragraph(run("", size=4), keep=True),
        _totals(),
        paragraph(run("Всего наименований {TotalRows}, на сумму {TotalSum}"), before=60, keep=True),
        paragraph(run("{TotalSumWords}", bold=True), rule=18, after=200, keep=True),
        _signatures(),
        paragraph(run("М. П.", size=16), picture(_STAMP, 4), before=60),
    ]
    return package(body, 4, margins=_MARGIN, title="Счет на оплату")


def _share(percent: int) -> int:
    """A part of the width between the margins."""
    return _WIDTH * percent // 100


# ---- the bank ----

_LEFT, _LABEL = _share(27), _share(8)
_RIGHT = _WIDTH - 2 * _LEFT - _LABEL
_OPEN_BELOW, _OPEN_ABOVE = {"bottom": 0}, {"top": 0}


def _bank() -> Element:
    """The block a payer copies into his payment order; the same places as in 1C."""
    return table(
        (_LEFT, _LEFT, _LABEL, _RIGHT),
        *_bank_rows(),
        *_payee_rows(),
        borders=dict.fromkeys(("top", "left", "bottom", "right", "insideH", "insideV"), THIN),
    )


def _bank_rows() -> list[Element]:
    """Name and place of the bank with its БИК and correspondent account; what it is called stands below."""
    name = "{MyCompanyBankDetailRqBankName} {MyCompanyBankDetailRqBankAddr}"
    return [
        row(
            _words(2 * _LEFT, name, span=2, borders=_OPEN_BELOW),
            _words(_LABEL, "БИК"),
            _words(_RIGHT, "{MyCompanyBankDetailRqBik}", borders=_OPEN_BELOW),
            height=340,
        ),
        row(
            _words(2 * _LEFT, "Банк получателя", 14, span=2, borders=_OPEN_ABOVE),
            _words(_LABEL, "Сч. №"),
            _words(_RIGHT, "{MyCompanyBankDetailRqCorAccNum}", borders=_OPEN_ABOVE),
        ),
    ]


def _payee_rows() -> list[Element]:
    """ИНН, КПП and name of who is paid; his account is one cell over the three rows."""
    return [
        row(
            _words(_LEFT, "ИНН {MyCompanyRequisiteRqInn}"),
            _words(_LEFT, "КПП {MyCompanyRequisiteRqKpp}"),
            _words(_LABEL, "Сч. №", merge="restart"),
            _words(_RIGHT, "{MyCompanyBankDetailRqAccNum}", merge="restart"),
        ),
        row(
            _words(2 * _LEFT, "{MyCompanyRequisiteRqCompanyName}", span=2, borders=_OPEN_BELOW),
            cell(_LABEL, merge="continue"),
            cell(_RIGHT, merge="continue"),
            height=340,
        ),
        row(
            _words(2 * _LEFT, "Получатель", 14, span=2, borders=_OPEN_ABOVE),
            cell(_LABEL, merge="continue"),
            cell(_RIGHT, merge="continue"),
        ),
    ]


def _words(width: int, text: str, size: int = 18, **options: Any) -> Element:
    """A cell of one line; `options` are those of `cell`."""
    line = paragraph(run(text, size=size))
    return cell(width, line, **options)


# ---- who and what for ----

_CAPTION = _share(18)
_SAID = _WIDTH - _CAPTION
_AMOUNT = _share(17)
_BEFORE_AMOUNT = _WIDTH - _AMOUNT


def _parties() -> Element:
    """«ИНН/КПП» with a stroke: a sole trader has no КПП, and the generator knows no conditions."""
    seller = (
        "{MyCompanyRequisiteRqCompanyName}, ИНН/КПП {MyCompanyRequisiteRqInn}/{MyCompanyRequisiteRqKpp}, "
        "{MyCompanyRequisiteRegisteredAddressText}, тел.: {MyCompanyPhone}"
    )
    buyer = (
        "{ClientName}, ИНН/КПП {RequisiteRqInn}/{RequisiteRqKpp}, "
        "{RequisiteRegisteredAddressText}, тел.: {ClientPhone}"
    )
    return table(
        (_CAPTION, _SAID),
        _captioned("Поставщик (Исполнитель):", seller),
        _captioned("Покупатель (Заказчик):", buyer),
        _captioned("Основание:", "{Title}"),
    )


def _captioned(caption: str, words: str) -> Element:
    """A row of the table of parties: what it is about, and the words in bold."""
    about = paragraph(run(caption), after=100)
    said = paragraph(run(words, bold=True), after=100)
    return row(cell(_CAPTION, about), cell(_SAID, said))


def _goods() -> Element:
    """Price and sum as the row shows them: with the tax or without it, as the portal's row says."""
    columns = [
        ("№", 5, "center", "{ProductsIndex}"),
        ("Товары (работы, услуги)", 45, "left", "{ProductsProductName}"),
        ("Кол-во", 9, "right", "{ProductsProductQuantity}"),
        ("Ед.", 8, "left", "{ProductsProductMeasureName}"),
        ("Цена", 16, "right", f"{{ProductsProductPriceRaw{_SUM}}}"),
        ("Сумма", 17, "right", f"{{ProductsProductPriceRawSum{_SUM}}}"),
    ]
    widths, captions, line = [], [], []
    for caption, percent, align, words in columns:
        width = _share(percent)
        widths.append(width)
        heading = paragraph(run(caption, bold=True), align="center")
        captions.append(cell(width, heading, vertical="center"))
        value = paragraph(run(words, size=16), align=align)
        line.append(cell(width, value))
    outside = dict.fromkeys(("top", "left", "bottom", "right"), THICK)
    return table(
        widths,
        row(*captions, heading=True, height=300),
        row(*line),
        borders={**outside, "insideH": THIN, "insideV": THIN},
    )


def _totals() -> Element:
    """The title of a tax is the portal's: «В том числе НДС» or «НДС», as the rows say.

    One row for each rate, none without a tax.
    """
    return table(
        (_BEFORE_AMOUNT, _AMOUNT),
        _total("Итого:", f"{{TotalRaw{_SUM}}}"),
        _total("{TaxesTaxTitle} ({TaxesTaxRate}%):", f"{{TaxesTaxValue{_SUM}}}"),
        _total("Всего к оплате:", f"{{TotalSum{_SUM}}}"),
    )


def _total(title: str, amount: str) -> Element:
    """A row under the goods: the amount stands below their sums."""
    return row(_bold(_BEFORE_AMOUNT, title), _bold(_AMOUNT, amount))


def _bold(width: int, words: str) -> Element:
    """A cell of bold words at the right, never parted from what follows."""
    line = paragraph(run(words, bold=True), align="right", before=30, keep=True)
    return cell(width, line)


# ---- who signs ----


def _signatures() -> Element:
    """Who signs, with room for the pictures of signatures, and the payment QR code beside."""
    code = paragraph(picture(_QR, 3), align="right")
    beside = _share(28)
    return table(
        (_share(16), _share(26), _share(30), beside),
        row(
            *_signed("Руководитель", _DIRECTOR, 1, "MyCompanyRequisiteRqDirector"),
            cell(beside, code, merge="restart"),
            height=880,
        ),
        row(
            *_signed("Бухгалтер", _ACCOUNTANT, 2, "MyCompanyRequisiteRqAccountant"),
            cell(beside, merge="continue"),
            height=880,
        ),
    )


def _signed(title: str, sign: Picture, number: int, who: str) -> list[Element]:
    """Title, picture of the signature (`number` of the document) over a line, name."""
    called = paragraph(run(title, bold=True), keep=True)
    shown = paragraph(picture(sign, number), align="center", keep=True)
    name = paragraph(run(f"{{{who}~{_NAME_FORMAT}}}"), align="right", keep=True)
    line = {"bottom": THIN}
    return [
        cell(_share(16), called, vertical="bottom"),
        cell(_share(26), shown, borders=line, vertical="bottom"),
        cell(_share(30), name, borders=line, vertical="bottom"),
    ]
