"""Elements that need more than one column or more than one rule: units, taxes, discounts, stock, addresses.

A note that starts with `_` is for the modules that finish a row: `parties`, `goods`, `documents`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from etl.config import dialects
from etl.extract.commerceml import values
from etl.extract.commerceml.columns import a_pair, date, flag, guid, keep, number, text
from etl.extract.commerceml.engine.entries import (
    Attributed,
    Attributes,
    Column,
    Each,
    Either,
    Entry,
    Nested,
    Own,
    Pair,
    Report,
    Table,
    Value,
    Worded,
)
from etl.extract.commerceml.engine.scope import Facts, Problem, Row

# ---- marks of a record -------------------------------------------------------------------------------------

_MARK = flag("deleted")


def _deletion(row: Row, words: str) -> Problem | None:
    found: Row = {}
    problem = _MARK.handle(found, words)
    if found:
        row["deleted"] = found["deleted"] or row.get("deleted", False)
    return problem


#: ПометкаУдаления, in any of its places: one that says so is enough (commerceml §14.4)
deletion = Value(_deletion)


def _status(row: Row, words: str) -> None:
    if dialects.plain(words) == "удален":
        row["deleted"] = True


#: Статус of a record: an element in УТ 10.3, an attribute in УТ 11
status = Value(_status, plain=True)


# ---- units of measure: notes (code, name, full name) -------------------------------------------------------

_UNIT = Table(
    {
        "Код": text("unit_code"),
        "НаименованиеКраткое": text("_short"),
        "НаименованиеПолное": text("_long"),
    }
)
_SHORT_NAME = 4  # characters that a short name of 3.x holds


def _base_unit(row: Row, attributes: Attributes, name: str) -> None:
    """Код, name and full name of a unit; some 1C write the code where the name belongs."""
    code = attributes.get("Код", "").strip()
    full = attributes.get("НаименованиеПолное", "").strip()
    if name.isdigit():
        row["_base_unit"] = (code or name, "", full)
    else:
        row["_base_unit"] = (code, name, full)


#: БазоваяЕдиница: attributes and a short name (2.x), or a reference that is the code (3.x). Пересчет stands
#: before the name.
base_unit = Worded(_base_unit)


def _own_unit(row: Row, words: str) -> None:
    """The unit of a line is a code or a name; digits are a code."""
    if words:
        row["_unit"] = (words, "", "") if words.isdigit() else ("", words, "")


def _own_unit_row(row: Row, unit: Row) -> None:
    short = unit.get("_short", "")
    full = unit.get("_long", "")
    name = short or full
    if len(short) == _SHORT_NAME and full.startswith(short):
        name = full
    row["_unit"] = (unit.get("unit_code", ""), name, full)


#: Единица of a row or a price: a name or a code; a structure in 3.x, where a short name may be cut off
own_unit = Either(Value(_own_unit, plain=True), Own(_UNIT, _own_unit_row))


# ---- taxes, discounts --------------------------------------------------------------------------------------


def _rate(row: Row, words: str) -> Problem | None:
    if not words:
        return None
    try:
        row["vat_rate"], row["vat_exempt"] = values.rate(words)
    except ValueError:
        row.setdefault("requisites", {})["Ставка"] = words
        said = f"Ставка НДС «{words[:60]}» неизвестна и не учтена. Проверьте ставку в 1С."
        return Problem(said, words, "warn")
    return None


#: Ставка of VAT into vat_rate or vat_exempt. One that cannot be read stays in the requisites as it was.
rate = Value(_rate, plain=True)

DOCUMENT_TAX = {
    "Наименование": text("_name"),
    "УчтеноВСумме": flag("vat_included"),
    "Сумма": number("vat_amount"),
}
TAX = {**DOCUMENT_TAX, "Ставка": rate}
RATES = {"Наименование": text("_name"), "Ставка": rate}


def tax(entries: Mapping[str, Entry]) -> Own:
    """Налог: VAT only. Several of them in one document are added up."""
    return Own(Table(entries), _tax)


def _tax(row: Row, found: Row) -> None:
    """Only НДС is VAT; several entries of it are parts of one sum."""
    name = found.pop("_name", "НДС")
    if name != "НДС" and "ндс" not in dialects.plain(name):
        return
    before = row.get("vat_amount")
    if before is not None and found.get("vat_amount") is not None:
        found["vat_amount"] += before
    if "requisites" in found:
        row.setdefault("requisites", {}).update(found.pop("requisites"))
    row.update(found)


_DISCOUNT = Table(
    {
        "Наименование": text("name"),
        "Процент": text("percent"),
        "Сумма": number("amount"),
        "УчтеноВСумме": flag("included"),
    }
)


def _discount(row: Row, found: Row) -> None:
    if found.get("amount") is not None:
        row["discount"] = row.get("discount", Decimal(0)) + found["amount"]
        if found.get("included") is False:
            row.setdefault("requisites", {})["СкидкаУчтенаВСумме"] = "false"
    elif found.get("percent"):
        row.setdefault("requisites", {})["СкидкаПроцент"] = found["percent"]


#: Скидка of a row: their sums; one that Сумма does not reflect is noted
discount = Own(_DISCOUNT, _discount)


def _outside(row: Row, found: Row) -> None:
    if found.get("amount") and not found.get("included"):
        row.setdefault("_outside", []).append((found.get("name", ""), found["amount"]))


#: Скидка or ДопРасход of a whole document, Оплата of 2.09: noted, for what Сумма does not reflect must be
#: said
outside = Own(_DISCOUNT, _outside)


# ---- stock, groups, properties -----------------------------------------------------------------------------

_STORE = Table({"Ид": guid("warehouse"), "Количество": number("quantity")})
_STORE.add("Склад", Nested(_STORE))  # Остаток/Склад of 3.x


def _store(row: Row, store: Row, attributes: Attributes) -> Problem | None:
    warehouse = values.reference(attributes.get("ИдСклада", "").strip())
    store.setdefault("warehouse", warehouse or None)
    row.setdefault("_stock", []).append(store)
    quantity = attributes.get("КоличествоНаСкладе", "").strip()
    if not quantity:
        return None
    try:
        store.setdefault("quantity", values.number(quantity))
    except ValueError:
        said = "Остаток на складе не число. Предложение пропущено, исправьте его в 1С."
        return Problem(said, quantity)
    return None


#: Stock of one warehouse: attributes of Склад/Склады (2.x) or a structure inside Остаток (3.x)
store = Attributed(_STORE, _store)


def _group(row: Row, words: str) -> None:
    """A product may stand in several groups."""
    identifier = values.reference(words) if words else None
    if identifier:
        row.setdefault("_groups", []).append(identifier)


#: Группы of a product: the Ид of each
group_ids = Each(Value(_group))

_NO_VARIANTS: dict[str, str] = {}
_UNSET = "00000000-0000"


class _Properties(Pair):
    """ЗначенияСвойства of a product: by the name and the words of the classifier where it is in this file."""

    def __init__(self) -> None:
        super().__init__(self._give)

    def take(self, rows: list[Row], name: str, values: Column, facts: Facts, report: Report) -> None:
        """Values of many records at once, and the mark that each of them had one."""
        del report
        known, variants = _property(name, facts)
        if known:
            for row, words in zip(rows, values.texts, strict=True):
                _keep_property(row, known, variants, words)

    def _give(self, row: Row, name: str, words: str, facts: Facts) -> None:
        """A property counts where the classifier has named it."""
        known, variants = _property(name, facts)
        if known:
            _keep_property(row, known, variants, words)


def _property(label: str, facts: Facts) -> tuple[str, dict[str, str]]:
    """The name of a property and the words of its values, by its Ид."""
    identifier = values.reference(label) or ""
    return facts.properties.get(identifier, (identifier, _NO_VARIANTS))


def _keep_property(row: Row, known: str, variants: dict[str, str], words: str) -> None:
    if not words or words.startswith(_UNSET):
        return
    if variants:
        identifier = values.guid(words) or words
        words = variants.get(identifier, words)
    keep(row, "requisites", known, words)


product_property = _Properties()


# ---- addresses, remarks, facts -----------------------------------------------------------------------------

_ADDRESS = Table({"Представление": text("_shown"), "АдресноеПоле": a_pair("_fields")})


def address(column: str) -> Own:
    """An address with its fields, as a note."""

    def join(row: Row, found: Row) -> None:
        """The parts of an address or a name stay apart until the record is closed."""
        row[f"_{column}"] = found

    return Own(_ADDRESS, join)


def told(fact: str, value: Value) -> Value:
    """A requisite of the pairs «Номер … по 1С», «Дата … по 1С»: that it stands there at all is a fact."""
    return _Told(f"_{fact}_pair", value)


class _Told(Value):
    def __init__(self, mark: str, value: Value) -> None:
        super().__init__(self._handle)
        self.mark = mark
        self.value = value

    def take(self, rows: list[Row], column: Column, report: Report) -> None:
        for row in rows:
            row[self.mark] = True
        self.value.take(rows, column, report)

    def _handle(self, row: Row, words: str) -> Problem | None:
        """The value of one record, and the mark that it had one."""
        row[self.mark] = True
        return self.value.handle(row, words)


_DUE = date("due")


def _due(row: Row, words: str) -> Problem | None:
    """The day a payment is due; it travels as a requisite, as the portal shows it."""
    found: Row = {}
    problem = _DUE.handle(found, words)
    if found.get("due"):
        row.setdefault("requisites", {})["СрокПлатежа"] = found["due"].isoformat()
    return problem


#: СрокПлатежа has no column: kept as a requisite unless it is the empty date
due = Value(_due)

_NOTE = re.compile(
    r"(?:Папка: (?P<folder_path>(?:[^;]|;;)+?))?(?:(?:^|; )Код: (?P<code>(?:[^;]|;;)+?))?"
    r"(?:(?:^|; )Комментарий: (?P<own>.+))?",
    re.DOTALL,
).fullmatch
_NOTED = ("Папка: ", "Код: ", "Комментарий: ")


def _party_note(row: Row, words: str) -> None:
    """The comment of a counterparty, apart from what our own exchange noted inside it."""
    found = _NOTE(words) if words.startswith(_NOTED) else None
    noted = found.groupdict() if found else {"own": words}
    own = noted.pop("own")
    if own:
        row.setdefault("extra", {})["Комментарий"] = own
    for column, value in noted.items():
        if value:
            row[column] = value.replace(";;", ";")


#: Комментарий of a party: «Папка: A/B; Код: 1; Комментарий: …» of the extended contract
#: (docs/contract-1c.ru.md); any
#: other text is kept
party_note = Value(_party_note)
