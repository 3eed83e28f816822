"""From what the dispatch tables collected to rows of the canonical tables: what is derived, defaulted or refused.

A row arrives as its plan filled it and becomes the canonical row in place. Keys that start with `_` are notes of the reader: each is
taken out here. Nothing of a record is added before all its values are read. Rules: reference/commerceml §3-§5, §14.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from etl.config import dialects
from etl.extract.commerceml.engine.scope import Problem, Row, Scope

_KOPECK, _PRICE, _NONE = Decimal("0.01"), Decimal("0.0001"), Decimal(0)
_REMEMBERED = 10_000
_SOLE_TRADER = re.compile(r"\s*(ИП\b|индивидуальный\s+предприниматель)", re.IGNORECASE).match
_PHONES = frozenset({"телефонвнутренний", "телефонрабочий", "телефонмобильный", "телефондомашний", "телефон"})
_EMAILS = frozenset({"почта", "электроннаяпочта", "email", "e-mail"})
_BUYERS = ("Покупатель", "Плательщик", "Получатель")
_NAME_NOTES = frozenset({"_last_name", "_first_name", "_middle_name"})
_PURCHASING = ("закуп", "покупн", "приобретени", "себестоим", "входн")


# ---- parties -------------------------------------------------------------------------------------------------------


def party(row: Row, scope: Scope, document: str | None = None, number: int = 0) -> Row | None:
    """A Контрагент with its accounts and representatives. Without Ид it is keyed by its document, else it is refused."""
    identifier = row.get("id") or (f"{document}/{number}" if document else None)
    if identifier is None:
        scope.problem(
            Problem("Контрагент без Ид пропущен. Выгрузите его из 1С с идентификатором.", row.get("name"))
        )
        return None
    row["id"], row["document"], row["file"] = identifier, document, scope.file
    _contacts(row)
    _address(row)
    official, person = row.pop("_official", None), row.pop("_person", None)
    row["kind"] = _party_kind(row, official, person)
    row["full_name"] = official or person
    row.setdefault("name", row["full_name"] or _full_name(row))
    _accounts(row, scope)
    _representatives(row, scope)
    for note in row.keys() & _NAME_NOTES:
        del row[note]
    scope.add("parties", row)
    return row


def _party_kind(row: Row, official: str | None, person: str | None) -> str | None:
    if official or row.get("kpp") or len(row.get("inn") or "") == 10:
        return "legal"
    if _SOLE_TRADER(person or row.get("name") or ""):
        return "sole_trader"
    return "person" if person or row.get("_last_name") else None


def _contacts(row: Row) -> None:
    phones, emails, rest = [], [], {}
    for kind, value in row.pop("_contacts", ()):
        word = dialects.plain(kind)
        if word in _PHONES:
            phones.append(value)
        elif word in _EMAILS:
            emails.append(value)
        else:
            rest[kind] = value
    if phones:
        row["phones"] = tuple(dict.fromkeys(phones))
    if emails:
        row["emails"] = tuple(dict.fromkeys(emails))
    if rest:
        row.setdefault("extra", {}).update(rest)


def _full_name(row: Row) -> str | None:
    return (
        " ".join(row[note] for note in ("_last_name", "_first_name", "_middle_name") if row.get(note)) or None
    )


_ADDRESSES = (("legal_address", "_legal_address"), ("actual_address", "_actual_address"))


def _address(row: Row) -> None:
    for column, note in _ADDRESSES:
        address = row.pop(note, None)
        if address:
            fields = dict(address.get("_fields", ()))
            row[column] = address.get("_shown") or ", ".join(fields.values()) or None
            row["city"] = row.get("city") or fields.get("Город") or fields.get("Населенный пункт")


def _accounts(row: Row, scope: Scope) -> None:
    for account in row.pop("_accounts", ()):
        if account.get("number") and _first(scope, ("account", row["id"], account["number"])):
            scope.add("accounts", {**account, "party": row["id"], "file": scope.file, "place": row["place"]})


def _representatives(row: Row, scope: Scope) -> None:
    for order, person in enumerate(row.pop("_people", ()), start=1):
        _contacts(person)
        _address(person)
        name = person.get("name") or person.get("_official") or person.get("_person") or _full_name(person)
        key = person.get("id") or f"{row['id']}/{order}"
        if name and _first(scope, ("contact", key)):
            scope.add(
                "contacts",
                {
                    "id": key,
                    "party": row["id"],
                    "name": name,
                    "last_name": person.get("_last_name"),
                    "first_name": person.get("_first_name"),
                    "middle_name": person.get("_middle_name"),
                    "phones": person.get("phones"),
                    "emails": person.get("emails"),
                    "city": person.get("city"),
                    "file": scope.file,
                    "place": row["place"],
                },
            )


def _first(scope: Scope, key: tuple[str, ...]) -> bool:
    """Accounts and people of one party come with each of its documents: handed out once per file."""
    mark = hash(key)
    if mark in scope.seen:
        return False
    if len(scope.seen) < 20 * _REMEMBERED:
        scope.seen.add(mark)
    return True


# ---- products, offers ----------------------------------------------------------------------------------------------


def product(row: Row, scope: Scope) -> None:
    """A Товар of a Каталог."""
    if row.get("id") is None:
        scope.problem(
            Problem("Товар без Ид пропущен. Выгрузите его из 1С с идентификатором.", row.get("name"))
        )
        return
    extra = row.pop("requisites", None) or {}
    groups = row.pop("_groups", ())
    path = next((scope.groups[group] for group in groups if group in scope.groups), None)
    if groups and path is None:
        extra["Группы"] = "; ".join(groups)
    row["group_path"], row["extra"] = path, extra or None
    row["kind"] = _kind(row.pop("_type", None) or extra.get("ВидНоменклатуры"))
    _unit(row)
    row["file"] = scope.file
    _prices(row.pop("_prices", ()), row["id"], row["place"], scope)
    scope.add("products", row)


def _unit(row: Row) -> None:
    """Единица goes before БазоваяЕдиница, whose code is then the unit's only if it means the same (price and quantity are per Единица)."""
    row["unit_code"], row["unit"] = _unit_of(row.pop("_base_unit", _NO_UNIT), row.pop("_unit", _NO_UNIT))


_NO_UNIT = ("", "", "")


@lru_cache(maxsize=1000)
def _unit_of(base: tuple[str, str, str], own: tuple[str, str, str]) -> tuple[str | None, str | None]:
    """(code, name) of two units, each (code, name, full name). 3.x refers to a unit by its code only, others may leave the short name out."""
    code, name, full = own
    if not code and not name:
        code, name, full = base
    elif not code:
        same = dialects.plain(name) in {
            dialects.plain(word) for word in (*base[1:], dialects.UNIT_NAMES.get(base[0], ""))
        }
        code = base[0] if same else ""
    return code or None, name or (base[1] if code == base[0] else "") or dialects.UNIT_NAMES.get(
        code
    ) or full or None


@lru_cache(maxsize=1000)
def _kind(word: str | None) -> str | None:
    if word is None:
        return None
    word = word.lower()
    return "service" if "услуг" in word or "работ" in word else "goods"


def offer(row: Row, scope: Scope) -> None:
    """A Предложение: its prices and stock, keyed by Ид, or Ид#characteristic where that stands in its own element."""
    identifier, characteristic = row.get("id"), row.get("_characteristic")
    if identifier is None:
        scope.problem(
            Problem("Предложение без Ид пропущено. Выгрузите его из 1С с идентификатором.", row.get("name"))
        )
        return
    key = f"{identifier}#{characteristic}" if characteristic and "#" not in identifier else identifier
    where = row["place"]
    _prices(row.get("_prices", ()), key, where, scope)
    stores = row.get("_stock", ())
    if not stores and row.get("_quantity") is not None:
        stores = ({"quantity": row["_quantity"]},)
    for store in stores:
        if store.get("quantity") is not None:
            store["product"], store["file"], store["place"] = key, scope.file, where
            scope.add("stock", store)


def _prices(rows: Sequence[Row], key: str, where: str, scope: Scope) -> None:
    found: dict[str, Row] = {}
    lots: dict[str, Decimal] = {}
    for row in rows:
        kind, least, factor, unit = (
            row.get("price_type"),
            row.pop("_from", None),
            row.pop("_factor", None),
            row.pop("_unit", _NO_UNIT),
        )
        if row.get("price") is None:
            continue
        if kind is None:
            scope.problem(
                Problem(
                    "Цена без вида цены пропущена. Выгрузите цены из 1С с видами цен.", row["price"], "warn"
                )
            )
            continue
        if kind in found and (least or _NONE) >= lots.get(
            kind, _NONE
        ):  # МинКоличество: the price of a larger lot is not the price
            continue
        if least or lots:
            lots[kind] = least or _NONE
        if factor is None:
            row["unit"] = unit[1] or unit[0] or None
        else:  # the price of a pack
            row["price"] = (row["price"] / factor).quantize(_PRICE, ROUND_HALF_UP)
        known = scope.price_types.get(kind)
        if known:
            row.setdefault("currency", known["currency"])
            row["purchasing"] = known["purchasing"]
        row["product"], row["file"], row["place"] = key, scope.file, where
        found[kind] = row
    scope.extend("prices", list(found.values()))


def price_type(row: Row, scope: Scope) -> None:
    """A ТипЦены of a package or a classifier. Purchasing prices are known by their name."""
    if row.get("id") is None:
        scope.problem(
            Problem(
                "Вид цены без Ид пропущен. Выгрузите его из 1С с идентификатором.", row.get("name"), "warn"
            )
        )
        return
    name = (row.get("name") or "").lower()
    row.setdefault("currency", None)
    row["purchasing"] = any(word in name for word in _PURCHASING)
    row["file"] = scope.file
    scope.price_types[row["id"]] = row
    scope.add("price_types", row)


# ---- documents -----------------------------------------------------------------------------------------------------


def document(row: Row, scope: Scope, basis: str | None) -> Row | None:
    """A Документ: header, parties, lines. `basis` is the Ид of the document it is nested in. None = rejected."""
    operation, number, day = row.pop("_operation", None), row.get("number"), row.get("date")
    kind = row["kind"] = _document_kind(row, operation)
    identifier = row.get("id") or (f"{kind}|{number}|{day.year if day else ''}" if number else None)
    if identifier is None or operation is None:
        lacks = "ХозОперация" if identifier else "Номер и Ид"
        scope.problem(Problem(f"Документ без элемента {lacks} отклонён. Исправьте выгрузку 1С.", operation))
    if scope.rejected or identifier is None:
        return None
    row["id"], row["file"] = identifier, scope.file
    row["basis"] = row.get("basis") or basis
    row.setdefault("basis_number", scope.numbers.get(row["basis"] or ""))
    _facts(row)
    _own_document(row)
    if row.get("date") is None:
        scope.problem(Problem("В документе нет даты. Проверьте документ в 1С.", severity="warn"))
    for name, amount in row.pop("_outside", ()):
        scope.problem(
            Problem(
                f"«{name or 'скидка, расход или оплата'}» на {amount} — у документа целиком и не в его строках: не учтено. "
                "Проверьте сумму документа в 1С.",
                amount,
                "warn",
            )
        )
    lines = row.pop("_lines", ())
    _parties(row, scope)
    _remember(scope, identifier, number)
    row["requisites"] = row.get("requisites") or None
    scope.add("documents", row)
    for position, item in enumerate(lines, start=1):
        item["document"], item["position"], item["file"] = identifier, position, scope.file
        item["place"] = f"{row['place']}, позиция {position}"
        _document_line(item)
    scope.extend("lines", lines)
    _suspect_rate(lines, day, scope)
    return row


def _document_kind(row: Row, operation: str | None) -> str:
    word = dialects.plain(operation or "")
    kind = _KINDS.get(word)
    if kind is None and word == _OTHER:
        requisites = row.get("requisites") or {}
        kind = _OTHERS.get(dialects.plain(requisites.get("ВидДокумента", "")))
        if kind is not None:
            del requisites["ВидДокумента"]
    if row.pop("_returned", None) and kind == "payment":
        kind = "refund"
    if operation and operation not in _WRITTEN and kind not in ("act", "closing"):
        row.setdefault("requisites", {})["ХозОперация"] = operation
    return kind or "other"


_KINDS = {dialects.plain(operation): kind for operation, kind in dialects.OPERATIONS.items()}
_OTHERS = {dialects.plain(word): kind for word, kind in dialects.OTHER_KINDS.items()}
_OTHER = dialects.plain(dialects.OTHER_OPERATION)
_WRITTEN = frozenset({kind: operation for operation, kind in reversed(dialects.OPERATIONS.items())}.values())


_FACTS = tuple((fact, f"_{fact}_pair", f"{fact}_number", f"{fact}_on") for fact in ("paid", "shipped"))


def _facts(row: Row) -> None:
    """Paid and shipped from number and date: a pair counts only with a real date and a number that is not 0 (§0.5, §5).

    What 1C says of itself goes before what a site had told it: «Дата оплаты» may be only an echo of that.
    """
    for fact, pair, number, day in _FACTS:
        if row.pop(pair, False):
            told, on = row.pop(f"_{number}", None), row.pop(f"_{day}", None)
            real = on is not None and told != "0"
            row[number], row[day] = None if told == "0" else told, on if real else None
            row.setdefault(fact, real)
        elif row.get(number) == "0":
            row[number] = None
    words = row.pop("_comment", None)
    if words is not None and row.setdefault("comment", words) != words:
        row.setdefault("requisites", {})["Комментарии покупателя"] = words
    final = row.pop("_final", None)
    if final is not None:
        row.setdefault("closed", final)


_OWN = {"payment": "paid", "refund": "paid", "shipment": "shipped", "return": "shipped"}


def _own_document(row: Row) -> None:
    """УНФ gives number and date of a payment or a shipment that was born there only as its requisites (§9)."""
    fact = _OWN.get(row["kind"])
    if fact is not None and row.get("date") is None:
        row["date"] = row.get(f"{fact}_on")
        row["number_1c"] = row.get("number_1c") or row.get(f"{fact}_number")


def _document_line(row: Row) -> None:
    other = row.pop("_price", None)
    if row.get("price") is None or row.get("amount") is None:
        _missing_money(row, other)
    requisites = row.get("requisites")
    family = requisites.get("ВидНоменклатуры") if requisites else None
    row["kind"] = _kind(row.pop("_type", None) or family)
    if requisites is not None and family in _FAMILIES:
        del requisites["ВидНоменклатуры"]
        row["requisites"] = requisites or None
    _unit(row)
    factor = row.pop("_factor", None)
    if factor is not None:
        row["requisites"] = {**(row.get("requisites") or {}), "Коэффициент": f"{factor.normalize():f}"}


#: ВидНоменклатуры is a folder of the customer's base, unless it only repeats the type
_FAMILIES = ("Товар", "Услуга")


def _missing_money(row: Row, other: Decimal | None) -> None:
    """The price is ЦенаЗаЕдиницу, else Цена, else Сумма / Количество (§14.7); the amount the other way round."""
    quantity, amount = row.get("quantity"), row.get("amount")
    price = row["price"] if row.get("price") is not None else other
    if price is None and amount is not None and quantity:
        price = (amount / quantity).quantize(_PRICE, ROUND_HALF_UP)
    if amount is None and price is not None and quantity is not None:
        amount = (price * quantity).quantize(_KOPECK, ROUND_HALF_UP)
    row["price"], row["amount"] = price, amount


def _suspect_rate(lines: Sequence[Row], day: dt.date | None, scope: Scope) -> None:
    """Old bases go on sending the rate of yesterday: said once per document (onec §5)."""
    if day is None:
        return
    right, others = _rates(day)
    wrong = next((rate for item in lines if (rate := item.get("vat_rate")) in others), None)
    if wrong is not None:
        scope.problem(
            Problem(
                f"Ставка НДС {wrong} % не подходит к дате {day:%d.%m.%Y} (действует {right} %). Проверьте документ в 1С.",
                wrong,
                "warn",
            )
        )


@lru_cache(maxsize=1000)
def _rates(day: dt.date) -> tuple[Decimal, frozenset[Decimal]]:
    """The standard rate of a day, and those of other times."""
    right = dialects.standard_vat(day)
    return right, frozenset(rate for _, rate in dialects.VAT_STANDARD if rate != right)


def _parties(row: Row, scope: Scope) -> None:
    """Parties of a document. Роль of the document is the role of 1C itself: that side is our organisation (§3.2, §3.3)."""
    own, taken, rows = row.pop("_role", None), set(), []
    if own not in (None, "Продавец"):
        row.setdefault("requisites", {})["Роль"] = own
    for number, found in enumerate(row.pop("_parties", ()), start=1):
        mark = found.get("id", number)
        if mark not in taken:
            taken.add(mark)
            found["place"] = row["place"]
            rows.append(party(found, scope, row["id"], number) or found)
    if len(rows) > 1:
        _tell_apart(row, rows, own)
    elif rows:
        row["party"] = rows[0]["id"]


def _tell_apart(row: Row, rows: list[Row], own: str | None) -> None:
    others = [found for found in rows if found.get("role") != own] or rows
    buyer = next((found for role in _BUYERS for found in others if found.get("role") == role), others[0])
    row["party"] = buyer["id"]
    ours = next((found for found in rows if found.get("role") == own and found is not buyer), None)
    if ours:
        row.setdefault("organisation", ours["name"])


def _remember(scope: Scope, identifier: str, number: str | None) -> None:
    if number:
        if len(scope.numbers) >= _REMEMBERED:
            del scope.numbers[next(iter(scope.numbers))]
        scope.numbers[identifier] = number
