"""Elements that need more than one column or more than one rule: units, taxes, discounts, stock, addresses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from etl import dialects
from etl.extract import commerceml_values as values
from etl.extract.commerceml_fields import Fields, Put, Row, Scope, a_pair, date, fill, flag, guid, nested, number, rate, text

UNIT = Fields({"Код": text("unit_code"), "НаименованиеКраткое": text("_short"), "НаименованиеПолное": text("_long")})
ADDRESS = Fields({"Представление": text("_shown"), "АдресноеПоле": a_pair("_fields")})
TAX = Fields({"Наименование": text("_name"), "УчтеноВСумме": flag("vat_included"), "Сумма": number("vat_amount"), "Ставка": rate})
DOCUMENT_TAX = Fields({tag: put for tag, put in TAX.items() if tag != "Ставка"})
DISCOUNT = Fields({"Сумма": number("amount"), "УчтеноВСумме": flag("included")})
STORE = Fields({"Ид": guid("warehouse"), "Количество": number("quantity")})
STORE["Склад"] = nested(STORE)                          # Остаток/Склад of 3.x


def base_unit(row: Row, element: Any, _scope: Scope) -> None:
    """БазоваяЕдиница: attributes and a short name (2.x), or a reference that is the code (3.x)."""
    if code := (element.get("Код") or "").strip():
        row["unit_code"] = code
    row["_unit_full"] = (element.get("НаименованиеПолное") or "").strip()
    name = (element.text or "").strip()
    if len(element):                                    # Пересчет stands before the name
        name = name or "".join(child.tail or "" for child in element).strip()
    if name.isdigit():
        row.setdefault("unit_code", name)
    elif name:
        row.setdefault("unit", name)                    # Единица of the row goes before


def line_unit(row: Row, element: Any, scope: Scope) -> None:
    """Единица of a row or a price: a name or a code, or a structure in 3.x whose short name holds four characters."""
    name = (element.text or "").strip()
    if len(element):
        unit = fill(UNIT, element, scope)
        short, full = unit.get("_short"), unit.get("_long")
        name = (full if short and full and len(short) == 4 and full.startswith(short) else short or full) or ""
        row["unit_code"] = unit.get("unit_code") or row.get("unit_code")
    if name.isdigit():
        row.setdefault("unit_code", name)
    elif name:
        row["unit"] = name


def tax(fields: Fields) -> Put:
    """Налог: VAT only. Several of them in one document are added up."""
    def put(row: Row, element: Any, scope: Scope) -> None:
        found = fill(fields, element, scope)
        name = found.pop("_name", "НДС")
        if name != "НДС" and "ндс" not in dialects.plain(name):
            return
        if row.get("vat_amount") is not None and found.get("vat_amount") is not None:
            found["vat_amount"] += row["vat_amount"]
        row.update(found)

    return put


def discount(row: Row, element: Any, scope: Scope) -> None:
    """Скидка of a row: their sums; one that Сумма does not reflect is noted."""
    found = fill(DISCOUNT, element, scope)
    if found.get("amount") is not None:
        row["discount"] = row.get("discount", Decimal(0)) + found["amount"]
        if found.get("included") is False:
            row.setdefault("requisites", {})["СкидкаУчтенаВСумме"] = "false"


def store(row: Row, element: Any, scope: Scope) -> None:
    """Stock of one warehouse: attributes of Склад/Склады (2.x) or a structure inside Остаток (3.x)."""
    found: Row = {"warehouse": (element.get("ИдСклада") or "").strip() or None}
    raw = (element.get("КоличествоНаСкладе") or "").strip()
    if raw:
        try:
            found["quantity"] = values.number(raw)
        except ValueError:
            scope.problem(element, "Остаток на складе не число. Предложение пропущено, исправьте его в 1С.", value=raw)
    row.setdefault("_stock", []).append(fill(STORE, element, scope, found))


def group_ids(row: Row, element: Any, _scope: Scope) -> None:
    """Группы of a product: the Ид of each."""
    row["_groups"] = [child.text.strip() for child in element if child.text and child.text.strip()]


def address(column: str) -> Put:
    """An address with its fields, as a note for `records`."""
    def put(row: Row, element: Any, scope: Scope) -> None:
        row[f"_{column}"] = fill(ADDRESS, element, scope)

    return put


def told(fact: str, put: Put) -> Put:
    """A requisite of the pairs «Номер … по 1С», «Дата … по 1С»: that it stands there at all is a fact."""
    def put_told(row: Row, element: Any, scope: Scope) -> None:
        row[f"_{fact}_pair"] = True
        put(row, element, scope)

    return put_told


def due(row: Row, element: Any, scope: Scope) -> None:
    """СрокПлатежа has no column: kept as a requisite unless it is the empty date."""
    found: Row = {}
    date("due")(found, element, scope)
    if found.get("due"):
        row.setdefault("requisites", {})["СрокПлатежа"] = found["due"].isoformat()


def children(row: Row, element: Any, _scope: Scope) -> None:
    """Nested groups or documents: read by their own record reader, one after another."""
    row["_children"] = list(element)
