"""Elements that need more than one column or more than one rule: units, taxes, discounts, stock, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from etl import dialects
from etl.extract import commerceml_values as values
from etl.extract.commerceml_fields import (
    Fields,
    Node,
    Pair,
    Plan,
    Put,
    Report,
    Value,
    date,
    each,
    flag,
    guid,
    joined,
    nested,
    number,
    rate,
    row_of,
    text,
)
from etl.extract.commerceml_pairs import a_pair, keep, paired
from etl.extract.commerceml_scope import Problem, Row, Scope
from etl.extract.commerceml_tokens import attributes
from etl.extract.commerceml_units import Column, Units

UNIT = Fields({"Код": text("unit_code"), "НаименованиеКраткое": text("_short"), "НаименованиеПолное": text("_long")})
ADDRESS = Fields({"Представление": text("_shown"), "АдресноеПоле": a_pair("_fields")})
TAX = {"Наименование": text("_name"), "УчтеноВСумме": flag("vat_included"), "Сумма": number("vat_amount"), "Ставка": rate}
DOCUMENT_TAX = {tag: put for tag, put in TAX.items() if tag != "Ставка"}
DISCOUNT = Fields({"Сумма": number("amount"), "УчтеноВСумме": flag("included")})
STORE = Fields({"Ид": guid("warehouse"), "Количество": number("quantity")})
STORE.add("Склад", nested(STORE))                       # Остаток/Склад of 3.x


@lru_cache(maxsize=1000)
def _unit_told(tag: bytes) -> tuple[str, str]:
    told = attributes(tag)
    return told.get("Код", "").strip(), told.get("НаименованиеПолное", "").strip()


def _unit(row: Row, text: str, tag: bytes) -> None:
    code, row["_unit_full"] = _unit_told(tag)
    if code:
        row["unit_code"] = code
    _unit_name(row, text, tag)


def _unit_without_name(row: Row, _text: str, tag: bytes) -> None:
    _unit(row, "", tag)


def _unit_name(row: Row, text: str, _tag: bytes) -> None:
    if text.isdigit():
        row.setdefault("unit_code", text)
    elif text:
        row.setdefault("unit", text)                    # Единица of the row goes before


def base_unit(node: Node, plan: Plan) -> None:
    """БазоваяЕдиница: attributes and a short name (2.x), or a reference that is the code (3.x). Пересчет stands before the name."""
    plan.handled.append((node.first, _UNIT_EMPTY.take if node.empty else _UNIT.take))
    plan.handled.extend((child.last, _UNIT_NAME.take) for child in node.children)


_UNIT, _UNIT_EMPTY, _UNIT_NAME = Value(_unit), Value(_unit_without_name), Value(_unit_name)


def _line_unit(row: Row, text: str, _tag: bytes) -> None:
    if text.isdigit():
        row.setdefault("unit_code", text)
    elif text:
        row["unit"] = text


def _line_unit_row(row: Row, unit: Row) -> None:
    """A structure in 3.x; its short name holds four characters."""
    short, full = unit.get("_short"), unit.get("_long")
    row["unit_code"] = unit.get("unit_code") or row.get("unit_code")
    _line_unit(row, (full if short and full and len(short) == 4 and full.startswith(short) else short or full) or "", b"")


def line_unit(node: Node, plan: Plan) -> None:
    """Единица of a row or a price: a name or a code, or a structure."""
    (joined(UNIT, _line_unit_row) if node.children else Value(_line_unit))(node, plan)


def tax(table: Mapping[str, Put]) -> Put:
    """Налог: VAT only. Several of them in one document are added up."""
    return joined(Fields(table), _tax)


def _tax(row: Row, found: Row) -> None:
    name = found.pop("_name", "НДС")
    if name != "НДС" and "ндс" not in dialects.plain(name):
        return
    if row.get("vat_amount") is not None and found.get("vat_amount") is not None:
        found["vat_amount"] += row["vat_amount"]
    row.update(found)


def _discount(row: Row, found: Row) -> None:
    if found.get("amount") is not None:
        row["discount"] = row.get("discount", Decimal(0)) + found["amount"]
        if found.get("included") is False:
            row.setdefault("requisites", {})["СкидкаУчтенаВСумме"] = "false"


#: Скидка of a row: their sums; one that Сумма does not reflect is noted
discount = joined(DISCOUNT, _discount)


def _store(rows: list[Row], found: list[Row], units: Units, index: int, scope: Scope) -> None:
    told = attributes(units.shape[index])
    warehouse, raw = told.get("ИдСклада", "").strip() or None, told.get("КоличествоНаСкладе", "").strip()
    for which, (row, store) in enumerate(zip(rows, found, strict=True)):
        store.setdefault("warehouse", warehouse)
        if raw:
            try:
                store.setdefault("quantity", values.number(raw))
            except ValueError:
                scope.problem(Problem("Остаток на складе не число. Предложение пропущено, исправьте его в 1С.", raw), units, which, index)
        row.setdefault("_stock", []).append(store)


#: Stock of one warehouse: attributes of Склад/Склады (2.x) or a structure inside Остаток (3.x)
store = row_of(STORE, _store)


def _group(row: Row, text: str, _tag: bytes) -> None:
    if text:
        row.setdefault("_groups", []).append(text)


#: Группы of a product: the Ид of each
group_ids = each(Value(_group))


def address(column: str) -> Put:
    """An address with its fields, as a note for `records`."""
    def join(row: Row, found: Row) -> None:
        row[f"_{column}"] = found

    return joined(ADDRESS, join)


def told(fact: str, put: Value) -> Value:
    """A requisite of the pairs «Номер … по 1С», «Дата … по 1С»: that it stands there at all is a fact."""
    return _Told(f"_{fact}_pair", put)


class _Told(Value):
    def __init__(self, mark: str, put: Value) -> None:
        super().__init__(self._handle)
        self.mark, self.put = mark, put

    def take(self, rows: list[Row], column: Column, tag: bytes, report: Report) -> None:
        for row in rows:
            row[self.mark] = True
        self.put.take(rows, column, tag, report)

    def _handle(self, row: Row, text: str, tag: bytes) -> Problem | None:
        row[self.mark] = True
        return self.put.handle(row, text, tag)


def _due(row: Row, text: str, tag: bytes) -> Problem | None:
    found: Row = {}
    problem = date("due").handle(found, text, tag)
    if found.get("due"):
        row.setdefault("requisites", {})["СрокПлатежа"] = found["due"].isoformat()
    return problem


#: СрокПлатежа has no column: kept as a requisite unless it is the empty date
due = Value(_due)


def _product_property(row: Row, label: str, text: str, scope: Scope) -> None:
    if label and text and not text.startswith("00000000-0000"):
        known, variants = scope.properties.get(label, (label, _NO_VARIANTS))
        keep(row, "requisites", known, variants.get(text, text))


_NO_VARIANTS: dict[str, str] = {}
#: ЗначенияСвойства of a product: by the name and the words of the classifier where it is in this file
product_property = paired(Pair(_product_property))

_NOTE = re.compile(r"(?:Папка: (?P<folder_path>(?:[^;]|;;)+?))?(?:(?:^|; )Код: (?P<code>(?:[^;]|;;)+?))?"
                   r"(?:(?:^|; )Комментарий: (?P<own>.+))?", re.DOTALL).fullmatch


def _party_note(row: Row, text: str, _tag: bytes) -> None:
    found = _NOTE(text) if text.startswith(("Папка: ", "Код: ", "Комментарий: ")) else None
    told = found.groupdict() if found else {"own": text}
    if own := told.pop("own"):
        row.setdefault("extra", {})["Комментарий"] = own
    row.update({column: value.replace(";;", ";") for column, value in told.items() if value})


#: Комментарий of a party: «Папка: A/B; Код: 1; Комментарий: …» of the extended contract (docs/contract-1c.ru.md), any other text is kept
party_note = Value(_party_note)
