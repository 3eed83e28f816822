"""From what the dispatch tables collected to rows of the canonical tables: what is derived, defaulted or refused.

Keys that start with `_` are notes of the reader and never leave this module. Rules: reference/commerceml §3-§5, §14.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from etl import dialects
from etl.extract.commerceml_fields import Row, Scope, keep, line, pair

_KOPECK = Decimal("0.0001")
_REMEMBERED = 10_000
_SOLE_TRADER = re.compile(r"\s*(ИП\b|индивидуальный\s+предприниматель)", re.IGNORECASE).match
_NOTE = re.compile(r"^(?:Папка: (?P<folder_path>[^;]+))?(?:; )?(?:Код: (?P<code>[^;]+))?$").match
_PHONES = frozenset({"телефонвнутренний", "телефонрабочий", "телефонмобильный", "телефондомашний", "телефон"})
_EMAILS = frozenset({"почта", "электроннаяпочта", "email", "e-mail"})
_BUYERS, _SERVICE = ("Покупатель", "Плательщик", "Получатель"), ("услуг", "работ")


# ---- parties -------------------------------------------------------------------------------------------------------

def party(row: Row, element: Any, scope: Scope, document: str | None = None, number: int = 0) -> Row | None:
    """A Контрагент with its accounts and representatives. Without Ид it is keyed by its document, else it is refused."""
    identifier = row.get("id") or (f"{document}/{number}" if document else None)
    if identifier is None:
        scope.problem(element, "Контрагент без Ид пропущен. Выгрузите его из 1С с идентификатором.", value=row.get("name"))
        return None
    _contacts(row)
    _address(row)
    finished = {
        "id": identifier, "document": document, "kind": _party_kind(row), "name": row.get("name") or row.get("_official") or row.get("_person"),
        "full_name": row.get("_official") or row.get("_person"), "deleted": _deleted(row),
        **{column: row.get(column) for column in ("role", "inn", "kpp", "ogrn", "okpo", "folder_path", "code", "phones", "emails",
                                                  "city", "legal_address", "actual_address", "version")},
        "extra": row.get("extra"), "file": scope.file, "place": line(element)}
    scope.add("parties", finished)
    _accounts(row, identifier, scope, element)
    _representatives(row, identifier, scope, element)
    return finished


def _party_kind(row: Row) -> str | None:
    inn = row.get("inn") or ""
    if row.get("_official") or row.get("kpp") or len(inn) == 10:
        return "legal"
    full = row.get("_person")
    if _SOLE_TRADER(full or row.get("name") or ""):
        return "sole_trader"
    return "person" if full or row.get("_last_name") else None


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
    row["phones"], row["emails"] = tuple(dict.fromkeys(phones)) or None, tuple(dict.fromkeys(emails)) or None
    if rest:
        row.setdefault("extra", {}).update(rest)


def _address(row: Row) -> None:
    for column in ("legal_address", "actual_address"):
        address = row.pop(f"_{column}", None)
        if address:
            fields = dict(address.get("_fields", ()))
            row[column] = address.get("_shown") or ", ".join(fields.values()) or None
            row["city"] = row.get("city") or fields.get("Город") or fields.get("Населенный пункт")


def party_note(row: Row, element: Any, _scope: Scope) -> None:
    """Комментарий of a party: «Папка: A/B; Код: 1» of the extended contract, any other text is kept."""
    note = (element.text or "").strip()
    found = _NOTE(note)
    if found and note:
        row.update({column: value for column, value in found.groupdict().items() if value})
    elif note:
        row.setdefault("extra", {})["Комментарий"] = note


def _accounts(row: Row, identifier: str, scope: Scope, element: Any) -> None:
    for account in row.pop("_accounts", ()):
        number = account.get("number")
        if number and _first(scope, ("account", identifier, number)):
            scope.add("accounts", {
                "party": identifier, "number": number, "file": scope.file, "place": line(element),
                **{column: account.get(column) for column in ("bank_name", "bik", "corr_account", "currency")}})


def _representatives(row: Row, identifier: str, scope: Scope, element: Any) -> None:
    for order, person in enumerate(row.pop("_people", ()), start=1):
        _contacts(person)
        _address(person)
        name = person.get("name") or person.get("_official") or person.get("_person")
        key = person.get("id") or f"{identifier}/{order}"
        if name and _first(scope, ("contact", key)):
            scope.add("contacts", {
                "id": key, "party": identifier, "name": name, "last_name": person.get("_last_name"),
                "first_name": person.get("_first_name"), "middle_name": person.get("_middle_name"), "phones": person["phones"],
                "emails": person["emails"], "city": person.get("city"), "file": scope.file, "place": line(element)})


def _first(scope: Scope, key: tuple[str, ...]) -> bool:
    """Accounts and people of one party come with each of its documents: handed out once per file."""
    mark = hash(key)
    if mark in scope.seen:
        return False
    if len(scope.seen) < 20 * _REMEMBERED:
        scope.seen.add(mark)
    return True


def _deleted(row: Row) -> bool | None:
    status = row.pop("_status", None)
    return True if status == "Удален" else row.get("deleted")


# ---- products, offers ----------------------------------------------------------------------------------------------

def product(row: Row, element: Any, scope: Scope) -> None:
    """A Товар of a Каталог."""
    identifier = row.get("id")
    scope.key = identifier or row.get("article") or row.get("name") or ""
    if identifier is None:
        scope.problem(element, "Товар без Ид пропущен. Выгрузите его из 1С с идентификатором.", value=row.get("name"))
        return
    row.setdefault("_status", element.get("Статус"))
    extra = row.pop("requisites", None) or {}
    groups = row.pop("_groups", ())
    path = next((scope.groups[group] for group in groups if group in scope.groups), None)
    if groups and path is None:
        extra["Группы"] = "; ".join(groups)
    kind = _kind(row.pop("_type", None) or extra.get("ВидНоменклатуры"))
    scope.add("products", {
        "id": identifier, "group_path": path, "kind": kind, "deleted": _deleted(row), "extra": extra or None,
        "unit": row.get("unit") or row.get("_unit_full"), "file": scope.file, "place": line(element),
        **{column: row.get(column) for column in ("name", "article", "barcode", "unit_code", "vat_rate", "vat_exempt", "version")}})


def _kind(word: str | None) -> str | None:
    if word is None:
        return None
    return "service" if any(part in word.lower() for part in _SERVICE) else "goods"


def product_property(row: Row, element: Any, scope: Scope) -> None:
    """ЗначенияСвойства of a product: by the name and the words of the classifier where it is in this file."""
    label, found = pair(element)
    if label is None:
        return
    known, variants = scope.properties.get(label, (label, _NO_VARIANTS))
    for item in found:
        value = (item.text or "").strip()
        if value and not value.startswith("00000000-0000"):
            keep(row, "requisites", known, variants.get(value, value))


_NO_VARIANTS: dict[str, str] = {}


def offer(row: Row, element: Any, scope: Scope) -> None:
    """A Предложение: its prices and stock, keyed by Ид, or Ид#characteristic where that stands in its own element."""
    identifier = row.get("id")
    if identifier is None:
        scope.problem(element, "Предложение без Ид пропущено. Выгрузите его из 1С с идентификатором.", value=row.get("name"))
        return
    characteristic = row.get("_characteristic")
    key = f"{identifier}#{characteristic}" if characteristic and "#" not in identifier else identifier
    where = line(element)
    for price in row.get("_prices", ()):
        _price(price, key, where, element, scope)
    stores = row.get("_stock", ())
    if not stores and row.get("_quantity") is not None:
        stores = ({"quantity": row["_quantity"]},)
    for store in stores:
        if store.get("quantity") is not None:
            scope.add("stock", {"product": key, "warehouse": store.get("warehouse"), "quantity": store["quantity"],
                                "file": scope.file, "place": where})


def _price(price: Row, key: str, where: str, element: Any, scope: Scope) -> None:
    kind = price.get("price_type")
    if price.get("price") is None:
        return
    if kind is None:
        scope.problem(element, "Цена без вида цены пропущена. Выгрузите цены из 1С с видами цен.", value=price["price"], severity="warn")
        return
    known = scope.price_types.get(kind, {})
    scope.add("prices", {
        "product": key, "price_type": kind, "price": price["price"], "currency": price.get("currency") or known.get("currency"),
        "unit": price.get("unit") or price.get("unit_code"), "purchasing": known.get("purchasing"), "file": scope.file,
        "place": where})


def price_type(row: Row, element: Any, scope: Scope) -> None:
    """A ТипЦены of a package or a classifier. Purchasing prices are known by their name."""
    identifier = row.get("id")
    if identifier is None:
        scope.problem(element, "Вид цены без Ид пропущен. Выгрузите его из 1С с идентификатором.", value=row.get("name"), severity="warn")
        return
    name = (row.get("name") or "").lower()
    finished = {"id": identifier, "name": row.get("name"), "currency": row.get("currency"), "vat_included": row.get("vat_included"),
                "purchasing": any(word in name for word in ("закуп", "покупн", "приобретени", "себестоим", "входн")),
                "file": scope.file, "place": line(element)}
    scope.price_types[identifier] = finished
    scope.add("price_types", finished)


# ---- documents -----------------------------------------------------------------------------------------------------

def document(row: Row, element: Any, scope: Scope, basis: str | None) -> Row | None:
    """A Документ: header, parties, lines. `basis` is the Ид of the document it is nested in."""
    kind, requisites = _document_kind(row), row.setdefault("requisites", {})
    day, number = row.get("date"), row.get("number")
    scope.key = number or row.get("id") or ""
    identifier = row.get("id") or (f"{kind}|{number}|{day.year if day else ''}" if number else None)
    if identifier is None or row.get("_operation") is None:
        lacks = "ХозОперация" if identifier else "Номер и Ид"
        scope.problem(element, f"Документ без элемента {lacks} отклонён. Исправьте выгрузку 1С.", value=row.get("_operation"))
        return None
    if day is None:
        scope.problem(element, "В документе нет даты. Проверьте документ в 1С.", severity="warn")
    _facts(row)
    lines = [_document_line(item, position, identifier, element, scope) for position, item in enumerate(row.pop("_lines", ()), start=1)]
    _suspect_rate(lines, day, element, scope)
    finished = {
        "id": identifier, "kind": kind, "basis": row.get("basis") or basis, "deleted": _deleted(row),
        **{column: row.get(column) for column in _DOCUMENT_COLUMNS},
        "requisites": requisites or None, "file": scope.file, "place": line(element)}
    finished["basis_number"] = finished["basis_number"] or scope.numbers.get(finished["basis"] or "")
    _parties(row.pop("_parties", ()), finished, row.get("_role"), scope)
    _remember(scope, identifier, number)
    scope.add("documents", finished)
    for item in lines:
        scope.add("lines", item)
    return finished


_DOCUMENT_COLUMNS = (
    "number", "number_1c", "date", "date_1c", "time", "basis_number", "organisation", "manager", "amount", "currency", "rate",
    "vat_included", "vat_amount", "posted", "cancelled", "status", "comment", "paid", "paid_number", "paid_on", "paid_amount",
    "shipped", "shipped_number", "shipped_on", "shipped_amount", "closed", "version", "deal")


def _document_kind(row: Row) -> str:
    operation = row.get("_operation") or ""
    requisites = row.setdefault("requisites", {})
    kind = _KINDS.get(dialects.plain(operation))
    if kind is None and dialects.plain(operation) == dialects.plain(dialects.OTHER_OPERATION):
        kind = _OTHERS.get(dialects.plain(requisites.get("ВидДокумента", "")))
        if kind is not None:
            del requisites["ВидДокумента"]
    if kind == "payment" and row.pop("_returned", None):
        kind = "refund"
    if operation and operation not in _WRITTEN and kind not in ("act", "closing"):
        requisites["ХозОперация"] = operation
    return kind or "other"


_KINDS = {dialects.plain(operation): kind for operation, kind in dialects.OPERATIONS.items()}
_OTHERS = {dialects.plain(word): kind for word, kind in dialects.OTHER_KINDS.items()}
_WRITTEN = {kind: operation for operation, kind in reversed(dialects.OPERATIONS.items())}.values()


def _facts(row: Row) -> None:
    """Paid and shipped from number and date: a flag counts only with a real date, number 0 means none (§0.5, §5)."""
    for fact in ("paid", "shipped"):
        pair = row.pop(f"_{fact}_pair", False)
        if row.get(f"{fact}_number") == "0":
            row[f"{fact}_number"] = None
        if pair and row.get(fact) is None:
            row[fact] = row.get(f"{fact}_on") is not None
    comment = row["requisites"].get("Комментарии покупателя")
    if comment is not None and row.get("comment") in (None, comment):
        row["comment"] = row["requisites"].pop("Комментарии покупателя")
    final = row.pop("_final", None)
    if row.get("closed") is None and final is not None:
        row["closed"] = final


def _document_line(row: Row, position: int, identifier: str, element: Any, scope: Scope) -> Row:
    quantity, price, amount = row.get("quantity"), row.get("price"), row.get("amount")
    if price is None:
        price = row.get("_price")
    if price is None and amount is not None and quantity:
        price = (amount / quantity).quantize(_KOPECK, ROUND_HALF_UP)
    if amount is None and price is not None and quantity is not None:
        amount = (price * quantity).quantize(Decimal("0.01"), ROUND_HALF_UP)
    requisites, kind = row.get("requisites") or {}, row.get("_type")
    if kind is not None and requisites.get("ВидНоменклатуры") == kind:
        del requisites["ВидНоменклатуры"]
    return {
        "document": identifier, "position": position, "product": row.get("id"), "kind": _kind(kind or requisites.get("ВидНоменклатуры")),
        "price": price, "amount": amount, "unit": row.get("_line_unit") or row.get("unit") or row.get("_unit_full"),
        **{column: row.get(column) for column in ("name", "article", "quantity", "unit_code", "discount", "vat_rate", "vat_exempt",
                                                  "vat_amount", "vat_included")},
        "requisites": requisites or None, "file": scope.file, "place": row["place"]}


def _suspect_rate(lines: list[Row], day: dt.date | None, element: Any, scope: Scope) -> None:
    """Old bases go on sending the rate of yesterday: said once per document (onec §5)."""
    known = {rate for _, rate in dialects.VAT_STANDARD}
    if day is None:
        return
    right = dialects.standard_vat(day)
    wrong = next((item["vat_rate"] for item in lines if item["vat_rate"] in known and item["vat_rate"] != right), None)
    if wrong is not None:
        scope.problem(element, f"Ставка НДС {wrong} % не подходит к дате {day:%d.%m.%Y} (действует {right} %). Проверьте документ в 1С.",
                      value=wrong, severity="warn")


def _parties(found: Any, finished: Row, own: str | None, scope: Scope) -> None:
    """Parties of a document. Роль of the document is the role of 1C itself: that side is our organisation (§3.2, §3.3)."""
    rows, taken = [], set()
    for number, (child, row) in enumerate(found, start=1):
        if row.get("id") in taken:
            continue
        taken.add(row.get("id") or number)
        added = party(row, child, scope, finished["id"], number)
        if added:
            rows.append(added)
    others = [row for row in rows if row["role"] != own] or rows
    buyer = next((row for role in _BUYERS for row in others if row["role"] == role), None) or next(iter(others), None)
    finished["party"] = buyer["id"] if buyer else None
    ours = next((row for row in rows if row["role"] == own and row is not buyer), None)
    if ours and not finished["organisation"]:
        finished["organisation"] = ours["name"]


def _remember(scope: Scope, identifier: str, number: str | None) -> None:
    if number:
        if len(scope.numbers) >= _REMEMBERED:
            del scope.numbers[next(iter(scope.numbers))]
        scope.numbers[identifier] = number
