"""A Документ as it was read becomes rows of documents, lines and parties: what is derived, defaulted,
refused.

A row becomes the canonical row in place. Keys that start with `_` are notes of `elements`: each is taken out
here. Nothing of a record is added before all its values are read. Rules: reference/commerceml §3-§5, §9, §14.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from etl.config import dialects
from etl.extract.commerceml import goods, parties
from etl.extract.commerceml.engine.scope import Problem, Row, Scope
from etl.values import clean, keys

_REMEMBERED = 10_000
_BUYERS = ("Покупатель", "Плательщик", "Получатель")
_SELLER = "Продавец"

_KINDS = {dialects.plain(operation): kind for operation, kind in dialects.OPERATIONS.items()}
_OTHERS = {dialects.plain(word): kind for word, kind in dialects.OTHER_KINDS.items()}
_OTHER = dialects.plain(dialects.OTHER_OPERATION)
#: the first ХозОперация of each kind: the one that is written back
_WRITTEN = frozenset({kind: operation for operation, kind in reversed(dialects.OPERATIONS.items())}.values())
#: fact, its note that the pair stands there, columns of number and date, notes of them
_FACTS = (
    ("paid", "_paid_pair", "paid_number", "paid_on", "_paid_number", "_paid_on"),
    ("shipped", "_shipped_pair", "shipped_number", "shipped_on", "_shipped_number", "_shipped_on"),
)
_OWN_FACTS = {"payment": "paid", "refund": "paid", "shipment": "shipped", "return": "shipped"}
#: ВидНоменклатуры is a folder of the customer's base, unless it only repeats the type
_FAMILIES = ("Товар", "Услуга")


def finish(row: Row, scope: Scope, basis: str | None) -> str | None:
    """A Документ: header, parties, lines. `basis` is the Ид of the document it is nested in.

    Returns the Ид that documents nested in this one are based on.
    """
    number = row.get("number")
    scope.counts["lines"] += len(row.get("_lines", ()))
    operation = row.pop("_operation", None)
    kind = _kind(row, operation)
    row["kind"] = kind
    scope.kinds[kind] += 1
    identifier = _identifier(row, operation, basis)
    if identifier is None or operation is None:
        lacks = "ХозОперация" if identifier else "Номер и Ид"
        scope.problem(Problem(f"Документ без элемента {lacks} отклонён. Исправьте выгрузку 1С.", operation))
    if scope.rejected or identifier is None:
        own: str | None = row.get("id")
        scope.settle(number or own)
        return own or basis
    row["id"] = scope.named(identifier)
    _document(row, scope, basis)
    _remember(scope, identifier, number)
    scope.settle(number or identifier)
    return identifier


def _identifier(row: Row, operation: str | None, basis: str | None) -> str | None:
    """Ид; without it what the number is unique for."""
    own: str | None = row.get("id")
    number = row.get("number")
    if own or not number:
        return own
    word, organisation = dialects.plain(operation or ""), clean.fold(_own_side(row))
    about = row.get("basis") or basis or row.get("basis_number") or ""
    return keys.numbered(row["kind"], word, number, row.get("date"), organisation, about)


def _own_side(row: Row) -> str | None:
    """Our organisation: said so, or the party in the role of 1C itself where there is another one."""
    parties = row.get("_parties", ())
    own = [party.get("name") for party in parties if party.get("role") == row.get("_role")]
    said: str | None = row.get("organisation")
    return said or (own[0] if own and len(parties) > 1 else None)


def _document(row: Row, scope: Scope, basis: str | None) -> None:
    """A document that can be read, to the tables."""
    day = row.get("date")
    row["file"] = scope.file
    row["basis"] = row.get("basis") or basis
    row.setdefault("basis_number", scope.facts.numbers.get(row["basis"] or ""))
    _facts(row)
    _comment(row)
    _own_facts(row)
    _warn(row, scope)
    lines = row.pop("_lines", ())
    _parties(row, scope)
    row["requisites"] = row.get("requisites") or None
    scope.add("documents", row)
    _lines(lines, row, scope)
    _suspect_rate(lines, day, scope)


def _kind(row: Row, operation: str | None) -> str:
    """By ХозОперация, for «Прочие» by the requisite ВидДокумента.

    A ХозОперация that cannot be told from the kind stays a requisite.
    """
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


def _facts(row: Row) -> None:
    """Paid and shipped: a pair counts only with a real date and a number that is not 0 (§0.5, §5).

    What 1C says of itself goes before what a site had told it: «Дата оплаты» may be only an echo of that.
    """
    for fact, pair, number, day, number_note, day_note in _FACTS:
        if not row.pop(pair, False):
            if row.get(number) == "0":
                row[number] = None
            continue
        told = row.pop(number_note, None)
        on = row.pop(day_note, None)
        real = on is not None and told != "0"
        row[number] = None if told == "0" else told
        row[day] = on if real else None
        row.setdefault(fact, real)
    final = row.pop("_final", None)
    if final is not None:
        row.setdefault("closed", final)


def _comment(row: Row) -> None:
    """The buyer's remark is the comment, unless the document has another one."""
    words = row.pop("_comment", None)
    if words is not None and row.setdefault("comment", words) != words:
        row.setdefault("requisites", {})["Комментарии покупателя"] = words


def _own_facts(row: Row) -> None:
    """A payment or shipment born in УНФ has its number and date only among its requisites (§9)."""
    fact = _OWN_FACTS.get(row["kind"])
    if fact is not None and row.get("date") is None:
        row["date"] = row.get(f"{fact}_on")
        row["number_1c"] = row.get("number_1c") or row.get(f"{fact}_number")


def _warn(row: Row, scope: Scope) -> None:
    """What a person has to look at in a document that is read all the same."""
    if row.get("date") is None:
        scope.problem(Problem("В документе нет даты. Проверьте документ в 1С.", severity="warn"))
    currency = row.get("currency")
    if currency and not dialects.is_currency(currency):
        said = f"Валюта «{currency[:60]}» программе неизвестна: рублями она не считается. Исправьте её в 1С."
        scope.problem(Problem(said, currency, "warn"))
    for name, amount in row.pop("_outside", ()):
        said = (
            f"«{name or 'скидка, расход или оплата'}» на {amount} — у документа целиком и не в его строках: "
            "не учтено. Проверьте сумму документа в 1С."
        )
        scope.problem(Problem(said, amount, "warn"))


def _remember(scope: Scope, identifier: str, number: str | None) -> None:
    """For documents that are based on this one."""
    numbers = scope.facts.numbers
    if not number:
        return
    if len(numbers) >= _REMEMBERED:
        del numbers[next(iter(numbers))]
    numbers[identifier] = number


# ---- lines -------------------------------------------------------------------------------------------------


def _lines(lines: Sequence[Row], document: Row, scope: Scope) -> None:
    for position, line in enumerate(lines, start=1):
        line["document"] = document["id"]
        line["position"] = position
        line["file"] = scope.file
        line["place"] = f"{document['place']}, позиция {position}"
        _line(line)
    scope.extend("lines", lines)


def _line(row: Row) -> None:
    other_price = row.pop("_price", None)
    if row.get("price") is None or row.get("amount") is None:
        _missing_money(row, other_price)
    requisites = row.get("requisites")
    family = requisites.get("ВидНоменклатуры") if requisites else None
    row["kind"] = goods.kind_of(row.pop("_type", None) or family)
    if requisites is not None and family in _FAMILIES:
        del requisites["ВидНоменклатуры"]
        row["requisites"] = requisites or None
    goods.set_unit(row)
    factor = row.pop("_factor", None)
    if factor is not None:
        requisites = row.get("requisites") or {}
        row["requisites"] = {**requisites, "Коэффициент": f"{factor.normalize():f}"}


def _missing_money(row: Row, other_price: Decimal | None) -> None:
    """The price is ЦенаЗаЕдиницу, else Цена, else Сумма / Количество (§14.7); the amount follows from it."""
    quantity = row.get("quantity")
    amount = row.get("amount")
    price = row.get("price")
    if price is None:
        price = other_price
    if price is None and amount is not None and quantity:
        price = (amount / quantity).quantize(goods.PRICE, ROUND_HALF_UP)
    if amount is None and price is not None and quantity is not None:
        amount = clean.kopecks(price * quantity)
    row["price"] = price
    row["amount"] = amount


def _suspect_rate(lines: Sequence[Row], day: dt.date | None, scope: Scope) -> None:
    """Old bases go on sending the rate of yesterday: said once per document (onec §5)."""
    if day is None:
        return
    right, others = _rates(day)
    for line in lines:
        rate = line.get("vat_rate")
        if rate in others:
            said = (
                f"Ставка НДС {rate} % не подходит к дате {day:%d.%m.%Y} (действует {right} %). "
                "Проверьте документ в 1С."
            )
            scope.problem(Problem(said, rate, "warn"))
            return


@lru_cache(maxsize=1000)
def _rates(day: dt.date) -> tuple[Decimal, frozenset[Decimal]]:
    """The standard rate of a day, and those of other times."""
    right = dialects.standard_vat(day)
    rates = {rate for _, rate in dialects.VAT_STANDARD}
    return right, frozenset(rates - {right})


# ---- parties -----------------------------------------------------------------------------------------------


def _parties(row: Row, scope: Scope) -> None:
    """Parties of a document, each once. Роль of the document is the role of 1C itself (§3.2, §3.3)."""
    own_role = row.pop("_role", None)
    if own_role not in (None, _SELLER):
        row.setdefault("requisites", {})["Роль"] = own_role
    taken = set()
    found = []
    for number, party in enumerate(row.pop("_parties", ()), start=1):
        mark = party.get("id", number)
        if mark in taken:
            continue
        taken.add(mark)
        party["place"] = row["place"]
        party["id"] = party.get("id") or f"{row['id']}/{number}"
        parties.add(party, scope, row["id"])
        found.append(party)
    if found:
        buyer = _buyer(found, own_role)
        row["party"] = buyer["id"]
        _organisation(row, found, own_role, buyer)


def _buyer(found: list[Row], own_role: str | None) -> Row:
    """The other side: the party that does not play the role of 1C itself, a buyer before others."""
    others = [party for party in found if party.get("role") != own_role] or found
    for role in _BUYERS:
        for party in others:
            if party.get("role") == role:
                return party
    return others[0]


def _organisation(row: Row, found: list[Row], own_role: str | None, buyer: Row) -> None:
    """The side that plays the role of 1C itself is our organisation (§3.3)."""
    for party in found:
        if party.get("role") == own_role and party is not buyer:
            row.setdefault("organisation", party["name"])
            return
