"""Товар, Предложение, ТипЦены and the classifier as they were read become rows of products, prices, price
types and stock.

A row becomes the canonical row in place. Keys that start with `_` are notes of `elements`: each is taken out
here. Nothing of a record is added before all its values are read. Rules: reference/commerceml §3-§5, §14.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from etl.config import dialects
from etl.extract.commerceml.engine.scope import Problem, Row, Scope

PRICE = Decimal("0.0001")  # to what prices are rounded
_NONE = Decimal(0)
_PURCHASING = ("закуп", "покупн", "приобретени", "себестоим", "входн")
_SERVICES = ("услуг", "работ")
_NO_UNIT = ("", "", "")
_CODE = 3  # digits of an ОКЕИ code; some 1C write «6» for «006»
_REMEMBERED = 1000


# ---- classifier --------------------------------------------------------------------------------------------


def finish_group(row: Row, scope: Scope, above: str | None) -> str:
    """A Группа: its path, which the groups in it are told."""
    name = row.get("name", "").replace("/", "∕")
    parts = [part for part in (above, name) if part]
    path = "/".join(parts)
    if row.get("id"):
        scope.facts.groups[row["id"]] = path
    return path


def finish_property(row: Row, scope: Scope, _told: str | None) -> None:
    """A Свойство: its name and the words of its values."""
    identifier = row.get("id")
    if not identifier:
        return
    words = {}
    for variant in row.get("_variants", ()):
        if variant.get("id") and variant.get("value"):
            words[variant["id"]] = variant["value"]
    scope.facts.properties[identifier] = (row.get("name") or identifier, words)


def finish_price_type(row: Row, scope: Scope, _told: str | None) -> None:
    """A ТипЦены of a package or a classifier. Purchasing prices are known by their name."""
    _price_type(row, scope)
    scope.settle(None)


def _price_type(row: Row, scope: Scope) -> None:
    if row.get("id") is None:
        said = "Вид цены без Ид пропущен. Выгрузите его из 1С с идентификатором."
        scope.problem(Problem(said, row.get("name"), "warn"))
        return
    name = (row.get("name") or "").lower()
    row.setdefault("currency", None)
    row["purchasing"] = any(word in name for word in _PURCHASING)
    row["file"] = scope.file
    scope.facts.price_types[row["id"]] = row
    scope.add("price_types", row)


# ---- products, offers --------------------------------------------------------------------------------------


def finish_product(row: Row, scope: Scope, _told: str | None) -> None:
    """A Товар of a Каталог."""
    scope.counts["prices"] += len(row.get("_prices", ()))
    if not scope.rejected:
        _product(row, scope)
    scope.settle(row.get("id") or row.get("article"))


def _product(row: Row, scope: Scope) -> None:
    if row.get("id") is None:
        said = "Товар без Ид пропущен. Выгрузите его из 1С с идентификатором."
        scope.problem(Problem(said, row.get("name")))
        return
    extra = row.pop("requisites", None) or {}
    groups = row.pop("_groups", ())
    path = _first_path(groups, scope.facts.groups)
    if groups and path is None:
        extra["Группы"] = "; ".join(groups)
    row["group_path"] = path
    row["extra"] = extra or None
    row["kind"] = kind_of(row.pop("_type", None) or extra.get("ВидНоменклатуры"))
    set_unit(row)
    row["file"] = scope.file
    _prices(row.pop("_prices", ()), row["id"], row["place"], scope)
    scope.add("products", row)


def _first_path(groups: Sequence[str], paths: dict[str, str]) -> str | None:
    """The path of the first group that the classifier of this file names."""
    for group in groups:
        if group in paths:
            return paths[group]
    return None


def finish_offer(row: Row, scope: Scope, _told: str | None) -> None:
    """A Предложение; a deleted one has no prices and no stock."""
    scope.counts["prices"] += len(row.get("_prices", ()))
    if not scope.rejected and not row.get("deleted"):
        _offer(row, scope)
    scope.settle(row.get("id"))


def _offer(row: Row, scope: Scope) -> None:
    """Prices and stock, keyed by Ид, or Ид#characteristic where that stands in its own element (§4)."""
    key = row.get("id")
    if key is None:
        said = "Предложение без Ид пропущено. Выгрузите его из 1С с идентификатором."
        scope.problem(Problem(said, row.get("name")))
        return
    characteristic = row.get("_characteristic")
    if characteristic and "#" not in key:
        key = f"{key}#{characteristic}"
    place = row["place"]
    _prices(row.get("_prices", ()), key, place, scope)
    stores = row.get("_stock", ())
    if not stores and row.get("_quantity") is not None:
        stores = ({"quantity": row["_quantity"]},)
    for store in stores:
        if store.get("quantity") is not None:
            store["product"] = key
            store["file"] = scope.file
            store["place"] = place
            scope.add("stock", store)


def _prices(rows: Sequence[Row], product: str, place: str, scope: Scope) -> None:
    """The price of each type; that of a larger lot (МинКоличество) is not the price, that of a pack is
    divided.

    One loop: most rows of an unloading are prices, and a call for each would be felt.
    """
    found: dict[str, Row] = {}
    lots: dict[str, Decimal] = {}
    price_types = scope.facts.price_types
    for row in rows:
        price_type = row.get("price_type")
        lot = row.pop("_from", None) or _NONE
        if row.get("price") is None:
            continue
        if price_type is None:
            said = "Цена без вида цены пропущена. Выгрузите цены из 1С с видами цен."
            scope.problem(Problem(said, row["price"], "warn"))
            continue
        if price_type in found and lot >= lots[price_type]:
            continue
        lots[price_type] = lot
        unit = row.pop("_unit", _NO_UNIT)
        factor = row.pop("_factor", None)
        if factor is None:
            row["unit"] = unit[1] or unit[0] or None
        else:  # the price of a pack
            row["price"] = (row["price"] / factor).quantize(PRICE, ROUND_HALF_UP)
        known = price_types.get(price_type)
        if known is not None:
            row.setdefault("currency", known["currency"])
            row["purchasing"] = known["purchasing"]
        row["product"] = product
        row["file"] = scope.file
        row["place"] = place
        found[price_type] = row
    scope.extend("prices", list(found.values()))


# ---- of products and lines ---------------------------------------------------------------------------------


@lru_cache(maxsize=_REMEMBERED)
def kind_of(word: str | None) -> str | None:
    """goods or service, by ТипНоменклатуры or ВидНоменклатуры."""
    if word is None:
        return None
    word = word.lower()
    return "service" if any(service in word for service in _SERVICES) else "goods"


def set_unit(row: Row) -> None:
    """The notes of a row's units become `unit_code` and `unit`."""
    base = row.pop("_base_unit", _NO_UNIT)
    own = row.pop("_unit", _NO_UNIT)
    row["unit_code"], row["unit"] = _unit(base, own)


@lru_cache(maxsize=_REMEMBERED)
def _unit(base: tuple[str, str, str], own: tuple[str, str, str]) -> tuple[str | None, str | None]:
    """(code, name) of БазоваяЕдиница and Единица, each (code, name, full name).

    Единица goes before, for price and quantity are per Единица; the base unit's code is its own only if both
    mean the same. 3.x refers to a unit by its code only, others may leave the short name out.
    """
    code, name, full = own
    base_code = base[0]
    if not code and not name:
        code, name, full = base
    elif not code and _same_unit(name, base):
        code = base_code
    if not name and _padded(code) == _padded(base_code):
        name = base[1]
    code = _padded(code)
    name = name or dialects.UNIT_NAMES.get(code, "") or full
    return code or None, name or None


def _padded(code: str) -> str:
    return code.zfill(_CODE) if code.isdigit() else code


def _same_unit(name: str, base: tuple[str, str, str]) -> bool:
    """Does the name of a unit mean the base unit?"""
    code, short, full = base
    known = dialects.UNIT_NAMES.get(_padded(code), "")
    return dialects.plain(name) in [dialects.plain(word) for word in (short, full, known)]
