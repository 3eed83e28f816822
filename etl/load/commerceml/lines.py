"""A row of a document as a Товар of CommerceML (commerceml §3.4).

`line_2` is the row that stock 1C reads, `line_3` that of the extended contract.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from etl.config import dialects
from etl.config.dialects import Dialect
from etl.load.commerceml import sums
from etl.load.commerceml.text import NAME, Attributed, Node, cut, flag, money, quantity, requisites
from etl.records import Line
from etl.values import clean

#: requisite of a row that is an element of the file: how many base units the unit holds
FACTOR = "Коэффициент"


def line_2(line: Line, included: bool, dialect: Dialect) -> list[Node]:
    """A row for stock 1C: the price is net of the discount (commerceml §0.15).

    Unit, factor and rate stand in every row: УТ 11 takes missing ones from the row before (commerceml §0.14).
    None of the three reads a factor (onec-code D9), so packs go as pieces; the sum counts, not the price.
    """
    line = in_pieces(line)
    unit, code = unit_of(line)
    factor = _factor(line)
    rate = dialects.rate_text(dialect, line["vat_rate"], line["vat_exempt"])
    return [
        ("Ид", line["product"]),
        ("Артикул", cut(line["article"], NAME)),
        ("Наименование", cut(line["name"], NAME)),
        ("БазоваяЕдиница", _base_unit(unit, code, factor)),
        ("СтавкиНалогов", rates(rate)),
        ("ЗначенияРеквизитов", _line_requisites(line)),
        ("ЦенаЗаЕдиницу", money(sums.net_price(line))),
        ("Количество", quantity(line["quantity"])),
        ("Сумма", money(sums.net_amount(line))),
        ("Единица", code if dialect.unit_by_code else unit),
        ("Коэффициент", factor),
        ("Налоги", _line_tax(line, included, rate)),
    ]


def line_3(line: Line, included: bool, dialect: Dialect) -> list[Node]:
    """A row of the extended contract, with its discount."""
    unit, code = unit_of(line)
    factor = _factor(line)
    rate = dialects.rate_text(dialect, line["vat_rate"], line["vat_exempt"])
    return [
        ("Ид", line["product"]),
        ("Артикул", cut(line["article"], NAME)),
        ("Наименование", cut(line["name"], NAME)),
        ("БазоваяЕдиница", code if factor == "1" else None),
        ("СтавкиНалогов", rates(rate)),
        ("ЗначенияРеквизитов", _line_requisites(line)),
        ("Единица", [("НаименованиеКраткое", unit[:4]), ("Код", code), ("НаименованиеПолное", unit)]),
        ("Коэффициент", factor),
        ("Количество", quantity(line["quantity"])),
        ("ЦенаЗаЕдиницу", money(line["price"])),
        ("Сумма", money(line["amount"])),
        ("Налоги", _line_tax(line, included, rate)),
        ("Скидки", _discount(line)),
    ]


def unit_of(row: Line) -> tuple[str, str]:
    """(name, code) of a unit: 1C needs both, so the missing one is looked up.

    No unit at all is a piece; a name that no list knows has no code («»).
    """
    return _unit(row["unit"], row["unit_code"])


@lru_cache(maxsize=1000)
def _unit(said_name: str | None, said_code: str | None) -> tuple[str, str]:
    name, code = clean.unit(said_name, said_code)
    if name is None and code is None:
        return dialects.UNIT, dialects.UNIT_CODE
    return name or code or "", code or ""


def _base_unit(unit: str, code: str, factor: str) -> Attributed:
    """The base unit, which 1C reads when it makes a new item: the row's own, pieces for a package."""
    if factor != "1":
        unit, code = dialects.UNIT, dialects.UNIT_CODE
    return Attributed({"Код": code, "НаименованиеПолное": unit}, unit)


def _factor(line: Line) -> str:
    """How many base units the unit of the line holds, as 1C told it; else one."""
    told = (line["requisites"] or {}).get(FACTOR)
    return told.strip().replace(",", ".") if told else "1"


def in_pieces(line: Line) -> Line:
    """The row in base units, as stock 1C reads it; one whose unit is the base unit as it is."""
    factor = _number_of(_factor(line))
    count, price = line["quantity"], line["price"]
    if not factor or factor == 1 or count is None or price is None:
        return line
    own = {name: value for name, value in (line["requisites"] or {}).items() if name != FACTOR}
    pieces: Line = {
        **line,
        "quantity": count * factor,
        "price": price / factor,
        "unit": dialects.UNIT,
        "unit_code": dialects.UNIT_CODE,
        "requisites": own,
    }
    return pieces


def _number_of(factor: str) -> Decimal | None:
    """None for a text that is no number: the proof of the file says so."""
    try:
        return Decimal(factor)
    except InvalidOperation:
        return None


def _discount(line: Line) -> list[Node] | None:
    if line["discount"] is None:
        return None
    told: list[Node] = [
        ("Наименование", "Скидка"),
        ("Сумма", money(line["discount"])),
        ("УчтеноВСумме", flag(not sums.apart(line))),
    ]
    return [("Скидка", told)]


def _line_requisites(line: Line) -> list[Node] | None:
    """The kinds by which 1C tells goods from services, then the row's own requisites."""
    kind = "Услуга" if line["kind"] == "service" else "Товар"
    own = dict(line["requisites"] or {})
    own.pop(FACTOR, None)
    own.pop(sums.DISCOUNT_APART, None)
    named = own.pop("ВидНоменклатуры", kind)
    return requisites([("ВидНоменклатуры", named), ("ТипНоменклатуры", kind), *own.items()])


def rates(rate: str | None) -> list[Node] | None:
    """СтавкиНалогов of a row or a product; `rate` is Ставка as the dialect spells it."""
    if not rate:
        return None
    return [("СтавкаНалога", [("Наименование", "НДС"), ("Ставка", rate)])]


def _line_tax(line: Line, included: bool, rate: str | None) -> list[Node] | None:
    """The VAT of a line: its sum, whether it is inside, its rate; nothing where nothing is known."""
    own = line["vat_included"]
    if rate is None and own is None and line["vat_amount"] is None:
        return None
    inside = included if own is None else own
    tax: list[Node] = [
        ("Наименование", "НДС"),
        ("УчтеноВСумме", flag(inside)),
        ("Сумма", money(sums.line_vat(line, included))),
        ("Ставка", rate),
    ]
    return [("Налог", tax)]
