"""Elements that need more than one column or more than one rule: units, taxes, discounts, stock, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from etl.config import dialects
from etl.extract.commerceml import values
from etl.extract.commerceml.engine.columns import (
    Node,
    Pair,
    Plan,
    Put,
    Report,
    Value,
    date,
    flag,
    guid,
    number,
    rate,
    text,
)
from etl.extract.commerceml.engine.fields import Fields, each, joined, nested, row_of
from etl.extract.commerceml.engine.pairs import a_pair, keep, paired
from etl.extract.commerceml.engine.scope import Problem, Row, Scope
from etl.extract.commerceml.engine.tokens import attributes
from etl.extract.commerceml.engine.units import Column, Units

_USUAL = 300  # longer ones are not remembered: a file must not fill the memory
UNIT = Fields(
    {"Код": text("unit_code"), "НаименованиеКраткое": text("_short"), "НаименованиеПолное": text("_long")}
)
ADDRESS = Fields({"Представление": text("_shown"), "АдресноеПоле": a_pair("_fields")})
TAX = {
    "Наименование": text("_name"),
    "УчтеноВСумме": flag("vat_included"),
    "Сумма": number("vat_amount"),
    "Ставка": rate,
}
RATES = {"Наименование": text("_name"), "Ставка": rate}
DOCUMENT_TAX = {tag: put for tag, put in TAX.items() if tag != "Ставка"}
DISCOUNT = Fields(
    {
        "Наименование": text("name"),
        "Процент": text("percent"),
        "Сумма": number("amount"),
        "УчтеноВСумме": flag("included"),
    }
)
STORE = Fields({"Ид": guid("warehouse"), "Количество": number("quantity")})
STORE.add("Склад", nested(STORE))  # Остаток/Склад of 3.x


# ---- units of measure: notes for `records`, (code, name, full name) ------------------------------------------------


def base_unit(node: Node, plan: Plan) -> None:
    """БазоваяЕдиница: attributes and a short name (2.x), or a reference that is the code (3.x). Пересчет stands before the name."""
    places = [-1 if node.empty else node.first, *(child.last for child in node.children)]

    def attach(rows: list[Row], _found: list[Row], units: Units, index: int, _scope: Scope) -> None:
        names = zip(*(units.column(place).texts for place in places), strict=True)
        for row, tag, words in zip(rows, units.tags(index), names, strict=True):
            row["_base_unit"] = _base_unit(tag, next(filter(None, words), ""))

    plan.rows.append((attach, node.first, Plan()))


def _base_unit(tag: bytes, name: str) -> tuple[str, str, str]:
    return _usual_base_unit(tag, name) if len(tag) + len(name) < _USUAL else _read_base_unit(tag, name)


def _read_base_unit(tag: bytes, name: str) -> tuple[str, str, str]:
    told = attributes(tag)
    code, full = told.get("Код", "").strip(), told.get("НаименованиеПолное", "").strip()
    return (code or name, "", full) if name.isdigit() else (code, name, full)


_usual_base_unit = lru_cache(maxsize=1000)(_read_base_unit)


def _own_unit(row: Row, text: str) -> None:
    row["_unit"] = (text, "", "") if text.isdigit() else ("", text, "")


def _own_unit_row(row: Row, unit: Row) -> None:
    """A structure in 3.x; its short name holds four characters."""
    short, full = unit.get("_short", ""), unit.get("_long", "")
    row["_unit"] = (
        unit.get("unit_code", ""),
        full if len(short) == 4 and full.startswith(short) else short or full,
        full,
    )


def own_unit(node: Node, plan: Plan) -> None:
    """Единица of a row or a price: a name or a code, or a structure."""
    (joined(UNIT, _own_unit_row) if node.children else Value(_own_unit, plain=True))(node, plan)


def tax(table: Mapping[str, Put]) -> Put:
    """Налог: VAT only. Several of them in one document are added up."""
    return joined(Fields(table), _tax)


def _tax(row: Row, found: Row) -> None:
    name = found.pop("_name", "НДС")
    if name != "НДС" and "ндс" not in dialects.plain(name):
        return
    if row.get("vat_amount") is not None and found.get("vat_amount") is not None:
        found["vat_amount"] += row["vat_amount"]
    if "requisites" in found:
        row.setdefault("requisites", {}).update(found.pop("requisites"))
    row.update(found)


def _discount(row: Row, found: Row) -> None:
    if found.get("amount") is not None:
        row["discount"] = row.get("discount", Decimal(0)) + found["amount"]
        if found.get("included") is False:
            row.setdefault("requisites", {})["СкидкаУчтенаВСумме"] = "false"
    elif found.get("percent"):
        row.setdefault("requisites", {})["СкидкаПроцент"] = found["percent"]


#: Скидка of a row: their sums; one that Сумма does not reflect is noted
discount = joined(DISCOUNT, _discount)


def _outside(row: Row, found: Row) -> None:
    if found.get("amount") and not found.get("included"):
        row.setdefault("_outside", []).append((found.get("name", ""), found["amount"]))


#: Скидка or ДопРасход of a whole document, Оплата of 2.09: noted, for what Сумма does not reflect must be said
outside = joined(DISCOUNT, _outside)


def _store(rows: list[Row], found: list[Row], units: Units, index: int, scope: Scope) -> None:
    for which, (row, store, tag) in enumerate(zip(rows, found, units.tags(index), strict=True)):
        told = attributes(tag)
        raw = told.get("КоличествоНаСкладе", "").strip()
        store.setdefault("warehouse", values.reference(told.get("ИдСклада", "").strip()) or None)
        if raw:
            try:
                store.setdefault("quantity", values.number(raw))
            except ValueError:
                scope.report(
                    units,
                    index,
                    which,
                    Problem("Остаток на складе не число. Предложение пропущено, исправьте его в 1С.", raw),
                )
        row.setdefault("_stock", []).append(store)


#: Stock of one warehouse: attributes of Склад/Склады (2.x) or a structure inside Остаток (3.x)
store = row_of(STORE, _store)


def _group(row: Row, text: str) -> None:
    if text and (identifier := values.reference(text)):
        row.setdefault("_groups", []).append(identifier)


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

    def take(self, rows: list[Row], column: Column, report: Report) -> None:
        for row in rows:
            row[self.mark] = True
        self.put.take(rows, column, report)

    def _handle(self, row: Row, text: str) -> Problem | None:
        row[self.mark] = True
        return self.put.handle(row, text)


def _due(row: Row, text: str) -> Problem | None:
    found: Row = {}
    problem = date("due").handle(found, text)
    if found.get("due"):
        row.setdefault("requisites", {})["СрокПлатежа"] = found["due"].isoformat()
    return problem


#: СрокПлатежа has no column: kept as a requisite unless it is the empty date
due = Value(_due)


class _Properties(Pair):
    """ЗначенияСвойства of a product: by the name and the words of the classifier where it is in this file."""

    def __init__(self) -> None:
        super().__init__(self._give)

    def take(self, rows: list[Row], name: str, column: Column, scope: Scope, report: Report) -> None:
        del report
        known, variants = _property(name, scope)
        if known:
            for row, text in zip(rows, column.texts, strict=True):
                _keep_property(row, known, variants, text)

    def _give(self, row: Row, name: str, text: str, scope: Scope) -> None:
        known, variants = _property(name, scope)
        if known:
            _keep_property(row, known, variants, text)


def _property(label: str, scope: Scope) -> tuple[str, dict[str, str]]:
    identifier = values.reference(label) or ""
    return scope.properties.get(identifier, (identifier, _NO_VARIANTS))


def _keep_property(row: Row, known: str, variants: dict[str, str], text: str) -> None:
    if text and not text.startswith(_UNSET):
        keep(row, "requisites", known, variants.get(values.guid(text) or text, text) if variants else text)


_NO_VARIANTS: dict[str, str] = {}
_UNSET = "00000000-0000"
product_property = paired(_Properties())

_NOTE = re.compile(
    r"(?:Папка: (?P<folder_path>(?:[^;]|;;)+?))?(?:(?:^|; )Код: (?P<code>(?:[^;]|;;)+?))?"
    r"(?:(?:^|; )Комментарий: (?P<own>.+))?",
    re.DOTALL,
).fullmatch


def _party_note(row: Row, text: str) -> None:
    found = _NOTE(text) if text.startswith(("Папка: ", "Код: ", "Комментарий: ")) else None
    told = found.groupdict() if found else {"own": text}
    if own := told.pop("own"):
        row.setdefault("extra", {})["Комментарий"] = own
    row.update({column: value.replace(";;", ";") for column, value in told.items() if value})


#: Комментарий of a party: «Папка: A/B; Код: 1; Комментарий: …» of the extended contract (docs/contract-1c.ru.md), any other text is kept
party_note = Value(_party_note)


def _status(row: Row, text: str) -> None:
    if dialects.plain(text) == "удален":
        row["deleted"] = True


#: Статус of a record: as an element (УТ 10.3) here, as an attribute (УТ 11) in `commerceml`
status = Value(_status, plain=True)
