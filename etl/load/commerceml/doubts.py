"""What does not keep a document from being written and still deserves a look: odd VAT rates, long texts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from etl.config import dialects
from etl.load.commerceml import parties
from etl.load.commerceml.findings import Finding, Findings, fits
from etl.load.commerceml.text import COMMENT, NAME, VALUE
from etl.records import Document, Line, Party

_STANDARD_RATES = frozenset(rate for _, rate in dialects.VAT_STANDARD)


def of_document(document: Document, lines: Sequence[Line], people: Sequence[Party], day: dt.date) -> Findings:
    """Doubts about a document; `people` are its parties, `day` is today."""
    yield from _rates(document, lines, day)
    yield from _comment(document)
    yield from _names(lines, people)
    yield from _requisites(document)
    yield from _prices(lines)
    yield from _kpp(people)


def _rates(document: Document, lines: Sequence[Line], day: dt.date) -> Findings:
    """A standard rate that the law did not have on the document's date: Tax Code art. 164, onec §5."""
    right = dialects.standard_vat(document["date"] or day)
    for line in lines:
        rate = line["vat_rate"]
        if rate in _STANDARD_RATES and rate != right:
            yield Finding(
                "vat_rate",
                f"Ставка НДС {rate} % не подходит к дате документа (действует {right} %). "
                "Проверьте ставку в сделке.",
                rate,
            )
            return


def _comment(document: Document) -> Findings:
    if _is_longer(document["comment"], COMMENT):
        yield Finding(
            "comment",
            f"Комментарий длиннее {COMMENT} знаков, 1С получит его начало. Сократите комментарий.",
        )


def _names(lines: Sequence[Line], people: Sequence[Party]) -> Findings:
    if any(_is_longer(line["name"], NAME) for line in lines):
        yield Finding(
            "lines.name",
            f"Наименование товара длиннее {NAME} знаков, 1С получит его начало. Сократите название.",
        )
    if any(_has_long_name(party) for party in people):
        yield Finding(
            "party",
            f"Наименование или адрес клиента длиннее {NAME} знаков, 1С получит начало. "
            "Сократите его на портале.",
        )


def _has_long_name(party: Party) -> bool:
    texts = (party["name"], party["full_name"], party["legal_address"], party["actual_address"])
    return any(_is_longer(text, NAME) for text in texts)


def _requisites(document: Document) -> Findings:
    values = (document["requisites"] or {}).values()
    if any(_is_longer(value, VALUE) for value in values):
        yield Finding(
            "requisites",
            f"Реквизит длиннее {VALUE} знаков, 1С получит его начало. Сократите его.",
        )


def _prices(lines: Sequence[Line]) -> Findings:
    """The sum of a row counts, and the price need not multiply to it (commerceml §3.4)."""
    for line in lines:
        price = line["price"]
        if price is not None and not fits(price):
            yield Finding(
                "lines.price",
                "Цена точнее копейки: 1С получит округлённую, сумма строки останется верной. "
                "Проверьте цену в сделке.",
                price,
            )
            return


def _kpp(people: Sequence[Party]) -> Findings:
    """Persons and sole traders have no КПП (onec §4.1), their Контрагент no place for one."""
    if any(party["kpp"] and parties.kind_of(party) != "legal" for party in people):
        yield Finding(
            "kpp",
            "КПП бывает только у юридического лица и в 1С не передан. "
            "Исправьте реквизиты клиента на портале.",
        )


def _is_longer(text: str | None, limit: int) -> bool:
    """1C cuts longer texts off without a word."""
    return len(text or "") > limit
