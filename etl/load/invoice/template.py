"""The print form «Счет на оплату» of the portal's document generator, laid out as 1C prints it, and its upload.

Where the placeholders come from (each is named in at least one of them):

* REST documentation of Bitrix24, crm.documentgenerator.template.getfields, «values»: MyCompanyRequisiteRqCompanyName,
  MyCompanyRequisiteRegisteredAddressText, MyCompanyPhone, RequisiteRqCompanyName (here its wider kin ClientName),
  RequisiteRegisteredAddressText, ClientPhone, DocumentCreateTime, ProductsIndex, ProductsProductName, -Quantity, -MeasureName,
  -PriceRaw, -PriceRawSum, TotalRaw, TaxesTaxTitle, TaxesTaxRate, TaxesTaxValue, TotalSum;
* the data providers of the portal itself (module crm, integration/documentgenerator/dataprovider: crmentitydataprovider,
  productsdataprovider, company, requisite, bankdetail; a placeholder is the path of field names in one word, e.g.
  MY_COMPANY.BANK_DETAIL.RQ_BIK is MyCompanyBankDetailRqBik): bank details, ИНН and КПП, ClientName, Title, Id, Begindate,
  TotalRows, TotalSumWords, RqDirector, RqAccountant, the pictures MyCompanyUfStamp, -UfDirectorSign, -UfAccountantSign and
  PaymentQrCode;
* helpdesk.bitrix24.ru, «Модификаторы в шаблонах документов»: what follows «~» (d.m.Y for dates; WZ=Y with kopecks, NS=Y without
  the sign of the currency; Format for names).

How the generator works on the form (module documentgenerator, body/docxxml): the first table row with a placeholder of a list
is repeated for each of its rows; the row of taxes goes away when there are none; a picture is found by its alternative text and
removed when it has no value.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from etl.bitrix24 import directory, fields
from etl.bitrix24.classify import Verdict
from etl.bitrix24.calls import Outcome, rows
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, INVOICE
from etl.bitrix24.lists import Listing, of_owners, paged
from etl.config.profile import Profile
from etl.errors import ConfigError, Rejected, TryLater
from etl.load.invoice import docx
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
from etl.load.invoice.qr import Payee, payment_qr
from etl.values import keys

#: entity -> name of its template on the portal: by it the template is found again
NAMES = {INVOICE: "Счет на оплату (obmen24)", DEAL: "Счет на оплату по сделке (obmen24)"}
NUMERATOR = "Счет на оплату (obmen24)"
_MARGIN = 851  # 15 mm
_WIDTH = 11906 - 2 * _MARGIN
_QR = Picture("{PaymentQrCode}", 30, 30)
_DIRECTOR, _ACCOUNTANT = (
    Picture("{MyCompanyUfDirectorSign}", 36, 12),
    Picture("{MyCompanyUfAccountantSign}", 36, 12),
)
_STAMP = Picture("{MyCompanyUfStamp}", 38, 38, float_at=(42, -26))
_NAME_FORMAT = "Format=#LAST_NAME# #NAME_SHORT# #SECOND_NAME_SHORT#"


def build(number: str, date: str) -> bytes:
    """The template as DOCX, the same bytes for the same words. `number`, `date`: placeholders (with text) of the title."""
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
    return docx.package(body, 4, margins=_MARGIN, title="Счет на оплату")


def _bank() -> Element:
    """The block a payer copies into his payment order; the same places as in 1C."""
    left, label = _WIDTH * 27 // 100, _WIDTH * 8 // 100
    widths = (left, left, label, _WIDTH - 2 * left - label)
    open_below, open_above = {"bottom": 0}, {"top": 0}

    def text(width: int, words: str, size: int = 18, **options: Any) -> Element:
        return cell(width, paragraph(run(words, size=size)), **options)

    return table(
        widths,
        row(
            text(
                2 * left,
                "{MyCompanyBankDetailRqBankName} {MyCompanyBankDetailRqBankAddr}",
                span=2,
                borders=open_below,
            ),
            text(label, "БИК"),
            text(widths[3], "{MyCompanyBankDetailRqBik}", borders=open_below),
            height=340,
        ),
        row(
            text(2 * left, "Банк получателя", 14, span=2, borders=open_above),
            text(label, "Сч. №"),
            text(widths[3], "{MyCompanyBankDetailRqCorAccNum}", borders=open_above),
        ),
        row(
            text(left, "ИНН {MyCompanyRequisiteRqInn}"),
            text(left, "КПП {MyCompanyRequisiteRqKpp}"),
            text(label, "Сч. №", merge="restart"),
            text(widths[3], "{MyCompanyBankDetailRqAccNum}", merge="restart"),
        ),
        row(
            text(2 * left, "{MyCompanyRequisiteRqCompanyName}", span=2, borders=open_below),
            cell(label, merge="continue"),
            cell(widths[3], merge="continue"),
            height=340,
        ),
        row(
            text(2 * left, "Получатель", 14, span=2, borders=open_above),
            cell(label, merge="continue"),
            cell(widths[3], merge="continue"),
        ),
        borders=dict.fromkeys(("top", "left", "bottom", "right", "insideH", "insideV"), THIN),
    )


def _parties() -> Element:
    """«ИНН/КПП» with a stroke: a sole trader has no КПП, and the generator knows no conditions."""
    listed = {
        "Поставщик (Исполнитель):": "{MyCompanyRequisiteRqCompanyName}, ИНН/КПП {MyCompanyRequisiteRqInn}/{MyCompanyRequisiteRqKpp}, "
        "{MyCompanyRequisiteRegisteredAddressText}, тел.: {MyCompanyPhone}",
        "Покупатель (Заказчик):": "{ClientName}, ИНН/КПП {RequisiteRqInn}/{RequisiteRqKpp}, "
        "{RequisiteRegisteredAddressText}, тел.: {ClientPhone}",
        "Основание:": "{Title}",
    }
    label = _WIDTH * 18 // 100
    return table(
        (label, _WIDTH - label),
        *(
            row(
                cell(label, paragraph(run(caption), after=100)),
                cell(_WIDTH - label, paragraph(run(words, bold=True), after=100)),
            )
            for caption, words in listed.items()
        ),
    )


def _goods() -> Element:
    """Price and sum as the row shows them: with the tax or without it, as the portal's row says."""
    columns = [
        ("№", 5, "center", "{ProductsIndex}"),
        ("Товары (работы, услуги)", 45, "left", "{ProductsProductName}"),
        ("Кол-во", 9, "right", "{ProductsProductQuantity}"),
        ("Ед.", 8, "left", "{ProductsProductMeasureName}"),
        ("Цена", 16, "right", "{ProductsProductPriceRaw~WZ=Y,NS=Y}"),
        ("Сумма", 17, "right", "{ProductsProductPriceRawSum~WZ=Y,NS=Y}"),
    ]
    widths = [_WIDTH * share // 100 for _, share, _, _ in columns]
    heading = (
        cell(width, paragraph(run(caption, bold=True), align="center"), vertical="center")
        for width, (caption, _, _, _) in zip(widths, columns, strict=True)
    )
    line = (
        cell(width, paragraph(run(words, size=16), align=align))
        for width, (_, _, align, words) in zip(widths, columns, strict=True)
    )
    outside = dict.fromkeys(("top", "left", "bottom", "right"), THICK)
    return table(
        widths,
        row(*heading, heading=True, height=300),
        row(*line),
        borders={**outside, "insideH": THIN, "insideV": THIN},
    )


def _totals() -> Element:
    """The title of a tax is the portal's: «В том числе НДС» or «НДС», as the rows say; one row for each rate, none without a tax."""
    listed = {
        "Итого:": "{TotalRaw~WZ=Y,NS=Y}",
        "{TaxesTaxTitle} ({TaxesTaxRate}%):": "{TaxesTaxValue~WZ=Y,NS=Y}",
        "Всего к оплате:": "{TotalSum~WZ=Y,NS=Y}",
    }
    widths = (_WIDTH - _WIDTH * 17 // 100, _WIDTH * 17 // 100)
    return table(
        widths,
        *(
            row(
                *(
                    cell(width, paragraph(run(words, bold=True), align="right", before=30, keep=True))
                    for width, words in zip(widths, pair, strict=True)
                )
            )
            for pair in listed.items()
        ),
    )


def _signatures() -> Element:
    """Who signs, with room for the pictures of signatures, and the payment QR code beside."""
    widths = tuple(_WIDTH * share // 100 for share in (16, 26, 30, 28))
    line = {"bottom": THIN}

    def signed(title: str, sign: Picture, number: int, who: str, *right: Element, merge: str) -> Element:
        return row(
            cell(widths[0], paragraph(run(title, bold=True), keep=True), vertical="bottom"),
            cell(
                widths[1],
                paragraph(picture(sign, number), align="center", keep=True),
                borders=line,
                vertical="bottom",
            ),
            cell(
                widths[2],
                paragraph(run(f"{{{who}~{_NAME_FORMAT}}}"), align="right", keep=True),
                borders=line,
                vertical="bottom",
            ),
            cell(widths[3], *right, merge=merge),
            height=880,
        )

    return table(
        widths,
        signed(
            "Руководитель",
            _DIRECTOR,
            1,
            "MyCompanyRequisiteRqDirector",
            paragraph(picture(_QR, 3), align="right"),
            merge="restart",
        ),
        signed("Бухгалтер", _ACCOUNTANT, 2, "MyCompanyRequisiteRqAccountant", merge="continue"),
    )


# ---- upload ---------------------------------------------------------------------------------------------------------


def upload(client: Client, profile: Profile) -> str:
    """Put the form for smart invoices and the one for deals on the portal, over what an earlier upload left there.

    A template is found by its name; what a person set beside the file (name, rights, order, stamps) stays. Returns a Russian
    account, which also says for which organisation the portal will draw no QR code. Raises ConfigError (the portal refuses,
    rights), TryLater (the portal does not answer).
    """
    said = [_upload(client, kind, build(*_title(client, profile, kind))) for kind in NAMES]
    return " ".join([*said, *_without_qr(client, profile)])


def _title(client: Client, profile: Profile, kind: int) -> tuple[str, str]:
    """Number and date as 1C knows them: bank receipts are matched by the number a payer copies from the form.

    1C numbers our documents by `transform.keys`. A deal that the profile tells 1C's own numbers prints those.
    """
    if kind == INVOICE:
        return f"{keys.invoice('1').removesuffix('1')}{{Id}}", "{Begindate~d.m.Y}"
    told = profile.orders.fields if profile.orders else {}
    known = fields.portal_fields(client.read("crm.item.fields", {"entityTypeId": DEAL})) if told else {}
    for document in ("invoice", "order"):
        found = fields.find_field(known, told[f"{document}_number"]) if f"{document}_number" in told else []
        dated = fields.find_field(known, told[f"{document}_date"]) if f"{document}_date" in told else []
        if found:
            return _placeholder(found[0].code), _placeholder(
                dated[0].code, "d.m.Y"
            ) if dated else "{DocumentCreateTime~d.m.Y}"
    return f"{keys.order('1').removesuffix('1')}{{Id}}", "{DocumentCreateTime~d.m.Y}"


def _placeholder(code: str, modifier: str = "") -> str:
    """UF_CRM_17 -> {UfCrm17}, as the portal spells a field in templates."""
    name = "".join(part[:1].upper() + part[1:] for part in code.lower().split("_"))
    return f"{{{name}~{modifier}}}" if modifier else f"{{{name}}}"


def _upload(client: Client, kind: int, file: bytes) -> str:
    name = NAMES[kind]
    bindings = _bindings(client, kind)
    found = sorted(_templates(client, name), key=lambda one: int(one["id"]))
    content = {"file": ["schet-na-oplatu.docx", base64.b64encode(file).decode("ascii")]}
    if found:
        bindings = sorted({*bindings, *(str(code) for code in rows(found[0].get("entityTypeId")))})
        outcome = client.write(
            "crm.documentgenerator.template.update",
            {"id": found[0]["id"], "fields": {**content, "entityTypeId": bindings}},
        )
    else:
        outcome = client.write(
            "crm.documentgenerator.template.add",
            {
                "fields": {
                    **content,
                    "name": name,
                    "numeratorId": _numerator(client),
                    "region": "ru",
                    "entityTypeId": bindings,
                    "users": ["UA"],
                    "active": "Y",
                    "withStamps": "N",
                }
            },
        )
    held = {str(code) for code in rows(_done(outcome, name)["template"].get("entityTypeId"))}
    account = f"Шаблон «{name}» {'обновлён' if found else 'загружен'}."
    if missing := [code for code in bindings if code not in held]:
        account += f" Портал не привязал его к {', '.join(missing)}: отметьте эти воронки в шаблоне на портале (CRM, шаблоны документов)."
    return account


def _templates(client: Client, name: str) -> list[Mapping[str, Any]]:
    """Templates of this very name that are not deleted."""
    asked = {"select": ["id", "name", "entityTypeId"], "filter": {"name": name}, "order": {"id": "asc"}}
    return [
        one
        for one in paged(client, "crm.documentgenerator.template.list", asked, "templates")
        if str(one.get("name")) == name
    ]


def _bindings(client: Client, kind: int) -> list[str]:
    """All pipelines of deals (`2_category_0`) or of smart invoices (`31_5`), as templates name them."""
    listed = paged(client, "crm.category.list", {"entityTypeId": kind}, "categories")
    middle = "_category_" if kind == DEAL else "_"
    return sorted(f"{kind}{middle}{one['id']}" for one in listed)


def _numerator(client: Client) -> str:
    """The generator wants a numerator for its own journal of documents; the form prints the number of 1C."""
    listed = paged(client, "crm.documentgenerator.numerator.list", {}, "numerators")
    own = next((str(one["id"]) for one in listed if str(one.get("name")) == NUMERATOR), None)
    if own is not None:
        return own
    made = _done(
        client.write(
            "crm.documentgenerator.numerator.add", {"fields": {"name": NUMERATOR, "template": "{NUMBER}"}}
        ),
        NUMERATOR,
    )
    return str(made["numerator"]["id"])


def _done(outcome: Outcome, name: str) -> Mapping[str, Any]:
    if outcome.ok:
        result: Mapping[str, Any] = outcome.result
        return result
    if outcome.verdict is Verdict.PERMANENT:
        raise ConfigError(
            f"Портал не принял «{name}»: {outcome.text or outcome.code or 'без объяснения'}.",
            "Владельцу вебхука нужно право изменять шаблоны документов CRM; дайте его и повторите.",
        )
    raise TryLater(
        f"Портал не подтвердил загрузку «{name}».",
        "Повторите obmen24 init --templates: второй копии не появится.",
    )


# ---- the QR code ----------------------------------------------------------------------------------------------------


def _without_qr(client: Client, profile: Profile) -> list[str]:
    """A sentence for each of our organisations whose requisites on the portal are not enough: it then prints no QR code, silently."""
    own = directory.own_requisites(client, profile)
    held = {
        str(one["ID"]): one
        for one in of_owners(client, Listing("crm.requisite.list", select=["*"]), "@ID", own)
    }
    banks = directory.grouped(client, directory.banks(), "ENTITY_ID", own)
    said = []
    for organisation in profile.organisations:
        requisites = [number for number, name in own.items() if name == organisation.name]
        faults = [_fault(held[number], bank) for number in requisites for bank in banks.get(number) or [{}]]
        if not requisites:
            said.append(
                f"QR-кода в счетах «{organisation.name}» не будет: у «Ваших компаний» портала нет её реквизитов."
            )
        elif all(faults):
            said.append(f"QR-кода в счетах «{organisation.name}» не будет. {faults[0]}")
    return said


def _fault(requisite: Mapping[str, Any], bank: Mapping[str, Any]) -> str | None:
    """Why the portal cannot make a QR code of this requisite and bank account, if it cannot."""
    person = " ".join(str(requisite.get(f"RQ_{part}_NAME") or "") for part in ("LAST", "FIRST", "SECOND"))
    payee = Payee(
        requisite.get("RQ_COMPANY_NAME")
        or requisite.get("RQ_COMPANY_FULL_NAME")
        or requisite.get("RQ_NAME")
        or person,
        bank.get("RQ_ACC_NUM"),
        bank.get("RQ_BANK_NAME"),
        bank.get("RQ_BIK"),
        bank.get("RQ_COR_ACC_NUM"),
        requisite.get("RQ_INN"),
        requisite.get("RQ_KPP"),
    )
    try:
        payment_qr(payee)
    except Rejected as refusal:
        return str(refusal)
    return None
