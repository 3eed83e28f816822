"""Elements that need more than one column or more than one rule: units, taxes, discounts, stock, addresses."""

from __future__ import annotations

import re
from decimal import Decimal

from etl import dialects
from etl.extract import commerceml_values as values
from etl.extract.commerceml_fields import (
    Fields,
    Put,
    Row,
    Scope,
    a_pair,
    aside,
    date,
    fill,
    flag,
    guid,
    keep,
    nested,
    nothing,
    number,
    of_value,
    pair,
    rate,
    skip,
    text,
)
from etl.extract.commerceml_tokens import attributes

UNIT = Fields({"Код": text("unit_code"), "НаименованиеКраткое": text("_short"), "НаименованиеПолное": text("_long")})
ADDRESS = Fields({"Представление": text("_shown"), "АдресноеПоле": a_pair("_fields")})
TAX = {"Наименование": text("_name"), "УчтеноВСумме": flag("vat_included"), "Сумма": number("vat_amount"), "Ставка": rate}
DOCUMENT_TAX = {tag: put for tag, put in TAX.items() if tag != "Ставка"}
DISCOUNT = Fields({"Сумма": number("amount"), "УчтеноВСумме": flag("included")})
STORE = Fields({"Ид": guid("warehouse"), "Количество": number("quantity")})
STORE.add("Склад", nested(STORE))                       # Остаток/Склад of 3.x


def _unit_of(row: Row, tag: str, name: str) -> None:
    told = attributes(tag)
    if code := told.get("Код", "").strip():
        row["unit_code"] = code
    row["_unit_full"] = told.get("НаименованиеПолное", "").strip()
    if name.isdigit():
        row.setdefault("unit_code", name)
    elif name:
        row.setdefault("unit", name)                    # Единица of the row goes before


def _base_unit(row: Row, text: str, tag: str, _scope: Scope) -> None:
    _unit_of(row, tag, text.strip())


def _base_unit_with_children(row: Row, text: str, tag: str, scope: Scope) -> None:
    """Пересчет stands before the name: the text behind it."""
    behind, depth = [text], 1
    for inner, words, leaf in scope.tokens:
        if leaf:
            continue
        depth += -1 if inner[0] == "/" else 1
        if not depth:
            break
        if depth == 1:
            behind.append(words)
    _unit_of(row, tag, next((words.strip() for words in behind if words.strip()), ""))


#: БазоваяЕдиница: attributes and a short name (2.x), or a reference that is the code (3.x)
base_unit = Put(_base_unit, _base_unit_with_children)


def _line_unit(row: Row, text: str, _tag: str, _scope: Scope) -> None:
    name = text.strip()
    if name.isdigit():
        row.setdefault("unit_code", name)
    elif name:
        row["unit"] = name


def _line_unit_with_children(row: Row, text: str, tag: str, scope: Scope) -> None:
    """A structure in 3.x; its short name holds four characters."""
    unit = fill(UNIT, scope, {})
    short, full = unit.get("_short"), unit.get("_long")
    row["unit_code"] = unit.get("unit_code") or row.get("unit_code")
    _line_unit(row, (full if short and full and len(short) == 4 and full.startswith(short) else short or full) or "", tag, scope)


#: Единица of a row or a price: a name or a code, or a structure
line_unit = Put(_line_unit, _line_unit_with_children)


def tax(table: dict[str, Put]) -> Put:
    """Налог: VAT only. Several of them in one document are added up."""
    fields = Fields(table)

    def inner(row: Row, text: str, tag: str, scope: Scope) -> None:
        found = fill(fields, scope, {})
        name = found.pop("_name", "НДС")
        if name != "НДС" and "ндс" not in dialects.plain(name):
            return
        if row.get("vat_amount") is not None and found.get("vat_amount") is not None:
            found["vat_amount"] += row["vat_amount"]
        row.update(found)

    return Put(nothing, inner)


def _discount(row: Row, _text: str, _tag: str, scope: Scope) -> None:
    found = fill(DISCOUNT, scope, {})
    if found.get("amount") is not None:
        row["discount"] = row.get("discount", Decimal(0)) + found["amount"]
        if found.get("included") is False:
            row.setdefault("requisites", {})["СкидкаУчтенаВСумме"] = "false"


#: Скидка of a row: their sums; one that Сумма does not reflect is noted
discount = Put(nothing, _discount)


def _store(row: Row, _text: str, tag: str, scope: Scope) -> None:
    told = attributes(tag)
    found: Row = {"warehouse": told.get("ИдСклада", "").strip() or None}
    raw = told.get("КоличествоНаСкладе", "").strip()
    if raw:
        try:
            found["quantity"] = values.number(raw)
        except ValueError:
            scope.problem("Остаток на складе не число. Предложение пропущено, исправьте его в 1С.", value=raw)
    row.setdefault("_stock", []).append(found)


def _store_with_children(row: Row, text: str, tag: str, scope: Scope) -> None:
    _store(row, text, tag, scope)
    fill(STORE, scope, row["_stock"][-1])


#: Stock of one warehouse: attributes of Склад/Склады (2.x) or a structure inside Остаток (3.x)
store = Put(_store, _store_with_children)


def _group_ids(row: Row, _text: str, _tag: str, scope: Scope) -> None:
    found = row["_groups"] = []
    for tag, text, leaf in scope.tokens:
        if not leaf:
            if tag[0] == "/":
                return
            skip(row, text, tag, scope)
        if identifier := text.strip():
            found.append(identifier)


#: Группы of a product: the Ид of each
group_ids = Put(nothing, _group_ids)


def address(column: str) -> Put:
    """An address with its fields, as a note for `records`."""
    def inner(row: Row, _text: str, _tag: str, scope: Scope) -> None:
        row[f"_{column}"] = fill(ADDRESS, scope, {})

    return Put(nothing, inner)


def told(fact: str, put: Put) -> Put:
    """A requisite of the pairs «Номер … по 1С», «Дата … по 1С»: that it stands there at all is a fact."""
    mark = f"_{fact}_pair"

    def value(row: Row, text: str, tag: str, scope: Scope) -> None:
        row[mark] = True
        put.value(row, text, tag, scope)

    return of_value(value)


def _due(row: Row, text: str, tag: str, scope: Scope) -> None:
    found: Row = {}
    date("due").value(found, text, tag, scope)
    if found.get("due"):
        row.setdefault("requisites", {})["СрокПлатежа"] = found["due"].isoformat()


#: СрокПлатежа has no column: kept as a requisite unless it is the empty date
due = of_value(_due)


def _children(row: Row, _text: str, _tag: str, scope: Scope) -> None:
    found = row["_children"] = []
    for tag, _, leaf in scope.tokens:
        if not leaf and tag[0] == "/":
            return
        found.append(aside(tag, leaf, scope))


#: Nested groups or documents: set aside for their own record reader
children = Put(nothing, _children)


def _product_property(row: Row, label: str, text: str, scope: Scope) -> None:
    value = text.strip()
    if label and value and not value.startswith("00000000-0000"):
        known, variants = scope.properties.get(label, (label, _NO_VARIANTS))
        keep(row, "requisites", known, variants.get(value, value))


_NO_VARIANTS: dict[str, str] = {}
#: ЗначенияСвойства of a product: by the name and the words of the classifier where it is in this file
product_property = pair(_product_property)

_NOTE = re.compile(r"^(?:Папка: (?P<folder_path>[^;]+))?(?:; )?(?:Код: (?P<code>[^;]+))?$").match


def _party_note(row: Row, text: str, _tag: str, _scope: Scope) -> None:
    note = text.strip()
    found = _NOTE(note)
    if found and note:
        row.update({column: value for column, value in found.groupdict().items() if value})
    elif note:
        row.setdefault("extra", {})["Комментарий"] = note


#: Комментарий of a party: «Папка: A/B; Код: 1» of the extended contract, any other text is kept
party_note = of_value(_party_note)
