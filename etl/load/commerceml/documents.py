"""A document as a Документ of CommerceML, element by element, in the order of the schema (commerceml §3.1).

`document_2` is the flat document of 2.04-2.08 that stock 1C reads, `document_3` the document of 3.1 in a
container. What goes out to each 1C and why: commerceml §6, §7, §15.
"""

from __future__ import annotations

from collections.abc import Sequence

from etl.config import dialects
from etl.config.dialects import Dialect
from etl.load.commerceml import sums
from etl.load.commerceml.lines import line_2, line_3
from etl.load.commerceml.parties import party_2, party_3
from etl.load.commerceml.text import COMMENT, Node, Pair, cut, day, flag, money, requisites
from etl.records import Document, Line, Party

#: requisites of a document that are elements of the file
_OPERATION, _ROLE = "ХозОперация", "Роль"
#: our kind -> the operation we write: the first of its kind
_OPERATIONS = {kind: operation for operation, kind in reversed(dialects.OPERATIONS.items())}
#: our kind -> requisite «ВидДокумента» of a document «Прочие»
_OTHER_WORDS = {kind: word for word, kind in dialects.OTHER_KINDS.items()}


def document_2(
    document: Document, lines: Sequence[Line], parties: Sequence[Party], dialect: Dialect, currency: str
) -> list[Node]:
    """A document for stock 1C: no discounts, no warehouses, no bank accounts, every row complete.

    `currency` is the base's name of the rouble.
    """
    included = sums.included_in(document, lines)
    goods: list[Node] = [("Товар", line_2(line, included, dialect)) for line in lines]
    return [
        ("Ид", document["id"]),
        ("Номер", document["number"]),
        ("Дата", day(document["date"])),
        ("ХозОперация", _operation(document)),
        ("Роль", _role(document)),
        ("Валюта", currency_word(document["currency"], currency)),
        ("Курс", _rate(document)),
        ("Сумма", money(document["amount"])),
        ("Контрагенты", [("Контрагент", party_2(party, dialect)) for party in parties]),
        ("Время", document["time"]),
        ("Комментарий", cut(document["comment"], COMMENT)),
        ("Налоги", _document_tax(document, lines, included)),
        ("Товары", goods or None),
        ("ЗначенияРеквизитов", requisites(_header_2(document))),
    ]


def document_3(
    document: Document, lines: Sequence[Line], parties: Sequence[Party], dialect: Dialect, currency: str
) -> list[Node]:
    """A document of the extended contract (CommerceML 3.1); `currency` as in `document_2`."""
    included = sums.included_in(document, lines)
    goods: list[Node] = [("Товар", line_3(line, included, dialect)) for line in lines]
    return [
        ("Ид", document["id"]),
        ("НомерВерсии", document["version"]),
        ("ПометкаУдаления", flag(document["deleted"])),
        ("Номер", document["number"]),
        ("Номер1С", document["number_1c"]),
        ("Дата", day(document["date"])),
        ("Дата1С", day(document["date_1c"])),
        ("Время", document["time"]),
        ("ХозОперация", _operation(document)),
        ("Контрагенты", [("Контрагент", party_3(party, dialect)) for party in parties]),
        ("Валюта", currency_word(document["currency"], currency)),
        ("Курс", _rate(document)),
        ("Сумма", money(document["amount"])),
        ("Основание", document["basis"]),
        ("Роль", _role(document)),
        ("Комментарий", cut(document["comment"], COMMENT)),
        ("Налоги", _document_tax(document, lines, included)),
        ("ЗначенияРеквизитов", requisites(_header_3(document))),
        ("Товары", goods or None),
    ]


def _operation(document: Document) -> str:
    """ХозОперация: the one the document came with where it means the same kind, else ours.

    CommerceML has no operation for acts and closings: they are «Прочие» (commerceml §3.2).
    """
    came_with = _operation_it_came_with(document)
    if came_with:
        return came_with
    if document["kind"] in _OTHER_WORDS:
        return dialects.OTHER_OPERATION
    return _OPERATIONS[document["kind"]]


def _other_word(document: Document) -> str | None:
    """«ВидДокумента», which says what a document «Прочие» is."""
    if _operation_it_came_with(document):
        return None
    return _OTHER_WORDS.get(document["kind"])


def _operation_it_came_with(document: Document) -> str | None:
    named = (document["requisites"] or {}).get(_OPERATION)
    return named if named and dialects.OPERATIONS.get(named) == document["kind"] else None


def _role(document: Document) -> str:
    """Роль is that of the sender of a file; towards 1C the site, too, is «Продавец» (commerceml §3.2)."""
    role: str = (document["requisites"] or {}).get(_ROLE, "Продавец")
    return role


def currency_word(code: str | None, currency: str) -> str:
    """A currency as the base names it; `currency` is its name of the rouble, which no code means, too."""
    if code is None or code == dialects.currency_code(currency):
        return currency
    return code


def _rate(document: Document) -> str:
    if document["rate"] is None:
        return "1"
    return format(document["rate"].normalize(), "f")


def _document_tax(document: Document, lines: Sequence[Line], included: bool) -> list[Node] | None:
    """Налоги of a document: without УчтеноВСумме here 1C adds the VAT on top (onec §0.10)."""
    vat = sums.vat_of(document, lines, included)
    if vat is None:
        return None
    tax: list[Node] = [("Наименование", "НДС"), ("УчтеноВСумме", flag(included)), ("Сумма", money(vat))]
    return [("Налог", tax)]


# ---- requisites of the header ----


def _header_2(document: Document) -> list[Pair]:
    """For stock 1C a deleted document is a cancelled one."""
    cancelled = True if document["deleted"] else document["cancelled"]
    return [("Отменен", flag(cancelled)), *_shared(document), *_others(document)]


def _header_3(document: Document) -> list[Pair]:
    """Facts of the extended contract (docs/contract-1c.ru.md); «Оплачено» is said of a payment itself."""
    is_payment = document["kind"] in ("payment", "refund")
    return [
        ("Проведен", flag(document["posted"])),
        ("Отменен", flag(document["cancelled"])),
        ("ВидДокумента", _other_word(document)),
        *_shared(document),
        ("НомерДокументаОснования", document["basis_number"]),
        ("Оплачено" if is_payment else "Оплачен", flag(document["paid"])),
        ("Дата оплаты", day(document["paid_on"])),
        ("Номер платежного документа", document["paid_number"]),
        ("Сумма оплаты", money(document["paid_amount"])),
        ("Отгружен", flag(document["shipped"])),
        ("Номер отгрузки по 1С", document["shipped_number"]),
        ("Дата отгрузки по 1С", day(document["shipped_on"])),
        ("Сумма отгрузки", money(document["shipped_amount"])),
        ("Закрыт", flag(document["closed"])),
        *_others(document),
    ]


def _shared(document: Document) -> list[Pair]:
    return [
        ("Статус заказа", document["status"]),
        ("Менеджер", document["manager"]),
        ("Организация", document["organisation"]),
        ("Сделка", document["deal"]),
    ]


def _others(document: Document) -> list[Pair]:
    """Requisites that the document came with and that are no elements of the file."""
    own = document["requisites"] or {}
    return [(name, value) for name, value in own.items() if name not in (_OPERATION, _ROLE)]
