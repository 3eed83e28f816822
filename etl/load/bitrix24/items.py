"""Changes of deals and smart invoices -> Bitrix24: stages, fields, product rows, creation.

Every function takes intents with the caller's keys and gives one `Result` per key, so that the caller journals each; the
outbox is the caller's memory (see `etl.bitrix24.writes`). Facts: reference bitrix24 §4.2, §6, §7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from etl.bitrix24 import rowlists, values, writes
from etl.bitrix24.classify import Verdict
from etl.bitrix24.client import BATCH, Client, Command
from etl.bitrix24.fields import DEAL, INVOICE, Names, PortalField, category_of, find_field, normal
from etl.bitrix24.lists import Listing, of_owners
from etl.bitrix24.writes import New, Outbox, Result, Write

#: Short codes of owners of product rows.
_CODES = {DEAL: "D", INVOICE: "SI"}
_TOLERANCE = Decimal("0.01")


@dataclass(frozen=True)
class Move:
    """A deal (or smart invoice) goes to the stage `to`, but only from one of `origins` (names as in the profile)."""

    key: str
    id: str
    to: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Update:
    """New values of a record: name or code of the field -> value of ours (Decimal, date, text, None to clear)."""

    key: str
    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class NewItem:
    """A deal or smart invoice to be created once: `origin` is the document's external id, `values` as in `Update`."""

    key: str
    origin: str
    values: Mapping[str, Any]
    stage: str | None = None
    party: str | None = None
    category: int | None = None


@dataclass(frozen=True)
class Composition:
    """All product rows of a deal or invoice, in order, as records of the table `lines`. `empty` allows none at all."""

    key: str
    id: str
    lines: Sequence[Mapping[str, Any]]
    kind: int = DEAL
    empty: bool = field(default=False)


def move_stages(
    client: Client, names: Names, moves: Iterable[Move], outbox: Outbox, kind: int = DEAL
) -> Iterator[Result]:
    """Move deals. The stage is read right before the write; a deal that stands elsewhere is «не перемещена» (skipped).

    After a lost answer the stage is read again, so that a person's move in between is not undone.
    """
    known = {move.key: move for move in moves}

    def plan(keys: Sequence[str]) -> list[Write | Result]:
        now = _standing(client, kind, [known[key].id for key in keys])
        return [_judged(names, known[key], now.get(known[key].id), kind) for key in keys]

    yield from writes.converge(client, outbox, list(known), plan, BATCH)


def update_items(
    client: Client, names: Names, updates: Iterable[Update], outbox: Outbox, kind: int = DEAL
) -> Iterator[Result]:
    """Write field values, fifty records to a request. A value a field cannot hold is `failed`, its neighbours go on."""
    refused: list[Result] = []

    def ready() -> Iterator[Write]:
        for update in updates:
            try:
                written = _fields(names, update.values, kind)
            except ValueError as error:
                refused.append(_refused(outbox, update.key, update.id, error))
                continue
            yield Write(update.key, update.id, _update(kind, update.id, written))

    yield from writes.absolute(client, outbox, ready())
    yield from refused


def create_deals(
    client: Client, names: Names, originator: str, news: Iterable[NewItem], outbox: Outbox
) -> list[Result]:
    """Create deals known by (originator, origin); one that is there already is adopted, not changed."""
    prepared, refused = _prepared(
        names, news, DEAL, outbox, lambda new: {"originatorId": originator, "originId": new.origin}
    )
    return refused + writes.create(
        client, outbox, prepared, lambda origins: by_origin(client, DEAL, originator, origins)
    )


def create_invoices(client: Client, names: Names, news: Iterable[NewItem], outbox: Outbox) -> list[Result]:
    """Create smart invoices known by xmlId; `values` hold parentId2 (deal), mycompanyId, currencyId and the like."""
    prepared, refused = _prepared(names, news, INVOICE, outbox, lambda new: {"xmlId": new.origin})
    return refused + writes.create(client, outbox, prepared, lambda origins: by_xml_id(client, origins))


def set_rows(client: Client, compositions: Iterable[Composition], outbox: Outbox) -> Iterator[Result]:
    """Replace the product rows of deals or invoices, then compare count and sum with what the portal holds.

    An empty list is refused unless the document is really empty (`empty`): it would wipe the deal's rows.
    """
    for one in compositions:
        if not one.lines and not one.empty:
            yield Result(one.key, "skipped", one.id, "состав пуст: строки сделки не заменены")
            continue
        rows = [product_row(line, position) for position, line in enumerate(one.lines, 1)]
        params = {"ownerType": _CODES[one.kind], "ownerId": one.id, "productRows": rows}
        outcome = writes.once(client, outbox, one.key, Command("crm.item.productrow.set", params))
        if outcome.verdict in (Verdict.OK, Verdict.UNKNOWN):
            yield _compared(client, one, outbox, sure=outcome.ok)
        else:
            yield writes.noted(outbox, Write(one.key, one.id, Command("", {})), outcome)


def product_row(line: Mapping[str, Any], position: int) -> dict[str, Any]:
    """A row for crm.item.productrow.set from a record of `lines`.

    The portal's price is final, per unit, with tax, after the discount: amount / quantity. Where that is not exact to
    the kopeck the row is sent as one piece of the whole amount, with the quantity in its name, so that sums agree.
    """
    quantity, _, price = _priced(line)
    name = str(line.get("name") or "")
    if quantity != line.get("quantity") and line.get("quantity") is not None:
        name = f"{name} ({values.number(line['quantity']):f} {line.get('unit') or 'шт'})"
    discount = (line.get("discount") or Decimal(0)) / quantity
    rate = line.get("vat_rate")
    untaxed = discount / (1 + (rate or Decimal(0)) / 100)
    row = {
        "productName": name,
        "price": _text(price),
        "quantity": _text(quantity),
        "sort": position * 10,
        "taxIncluded": "N" if line.get("vat_included") is False else "Y",
        "taxRate": None if rate is None else _text(rate),
    }
    if line.get("product"):
        row["productId"] = line["product"]
    if line.get("unit_code"):
        row["measureCode"] = str(line["unit_code"]).strip()
    if discount:
        row |= {"discountTypeId": 1, "discountSum": _text(untaxed.quantize(values.KOPECK, ROUND_HALF_UP))}
    return row


def by_origin(client: Client, kind: int, originator: str, origins: Sequence[str]) -> dict[str, list[str]]:
    """External id -> ids of the portal's deals, contacts or companies with it, oldest first."""
    listing = Listing(
        "crm.item.list",
        "id",
        "items",
        {"entityTypeId": kind},
        {"=originatorId": originator},
        ["id", "originId"],
    )
    return _ids_by(client, listing, "@originId", "originId", origins)


def by_xml_id(client: Client, origins: Sequence[str]) -> dict[str, list[str]]:
    """xmlId -> ids of smart invoices with it, oldest first."""
    listing = Listing("crm.item.list", "id", "items", {"entityTypeId": INVOICE}, select=["id", "xmlId"])
    return _ids_by(client, listing, "@xmlId", "xmlId", origins)


def _ids_by(
    client: Client, listing: Listing, key: str, name: str, origins: Sequence[str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in sorted(of_owners(client, listing, key, origins), key=lambda row: int(row["id"])):
        found.setdefault(str(row[name]), []).append(str(row["id"]))
    return found


# ---- stages and fields ----------------------------------------------------------------------------------------------


def _standing(client: Client, kind: int, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    listing = Listing(
        "crm.item.list", "id", "items", {"entityTypeId": kind}, select=["id", "stageId", "categoryId"]
    )
    return {str(row["id"]): row for row in of_owners(client, listing, "@id", ids)}


def _judged(names: Names, move: Move, row: Mapping[str, Any] | None, kind: int) -> Write | Result:
    if row is None:
        return Result(
            move.key, "failed", move.id, "записи на портале нет: её удалили или объединили с другой"
        )
    stage = str(row["stageId"])
    standing = names.stage(stage) if kind == DEAL else names.invoice_stages.get(stage, stage)
    if normal(standing or "") == normal(move.to):
        return Result(move.key, "done", move.id, "уже на этой стадии")
    if normal(standing or "") not in {normal(name) for name in move.origins}:
        listed = ", ".join(f"«{name}»" for name in move.origins)
        return Result(
            move.key,
            "skipped",
            move.id,
            f"не перемещена: стоит на стадии «{standing}», а переносится только с {listed}",
        )
    if kind == DEAL:
        wanted = names.stage_id(move.to, category_of(stage))
    else:
        wanted = names.invoice_stage_id(move.to, int(row.get("categoryId") or 0))
    if wanted is None:
        return Result(move.key, "failed", move.id, f"в воронке этой записи нет стадии «{move.to}»")
    command = _update(kind, move.id, {"stageId": wanted})
    return Write(move.key, move.id, command, accepted=lambda answer: _kept(answer, wanted, move.to))


def _kept(answer: Any, wanted: str, name: str) -> str:
    item = answer.get("item", {}) if isinstance(answer, Mapping) else {}
    kept = item.get("stageId", wanted)
    return (
        ""
        if kept == wanted
        else f"портал не перенёс запись на стадию «{name}»: проверьте обязательные поля и права"
    )


def _update(kind: int, identifier: str, written: Mapping[str, Any]) -> Command:
    return Command("crm.item.update", {"entityTypeId": kind, "id": identifier, "fields": dict(written)})


def _fields(names: Names, given: Mapping[str, Any], kind: int) -> dict[str, Any]:
    """Portal field -> value in the portal's form. ValueError names the field."""
    return {
        found.name: values.write(found, value)
        for text, value in given.items()
        for found in [_field(names, text, kind)]
    }


def _field(names: Names, text: str, kind: int) -> PortalField:
    known = names.fields.get((kind, text))
    found = [known] if known else find_field(names.known.get(kind, {}), text)
    if len(found) != 1:
        raise ValueError(
            f"поля «{text}» на портале нет" if not found else f"поле «{text}» на портале не одно, укажите код"
        )
    if found[0].read_only:
        raise ValueError(f"поле «{text}» портал заполняет сам")
    return found[0]


def _refused(outbox: Outbox, key: str, identifier: str | None, error: ValueError) -> Result:
    """A change that cannot be put in the portal's form: never sent, closed at once."""
    reason = f"{error}; исправьте профиль или значение"
    if outbox.unsure(key) is not None:
        outbox.again(key)
    outbox.failed(key, reason)
    return Result(key, "failed", identifier, reason)


def _prepared(
    names: Names,
    news: Iterable[NewItem],
    kind: int,
    outbox: Outbox,
    keyed: Callable[[NewItem], dict[str, Any]],
) -> tuple[list[New], list[Result]]:
    prepared, refused = [], []
    for new in news:
        try:
            written = {**_fields(names, new.values, kind), **_placed(names, new, kind), **keyed(new)}
        except ValueError as error:
            refused.append(_refused(outbox, new.key, None, error))
            continue
        command = Command("crm.item.add", {"entityTypeId": kind, "fields": written})
        prepared.append(New(new.key, new.origin, command, lambda answer: str(answer["item"]["id"])))
    return prepared, refused


def _placed(names: Names, new: NewItem, kind: int) -> dict[str, Any]:
    placed: dict[str, Any] = {}
    category = new.category if new.category is not None else names.category if kind == DEAL else None
    if category is not None:
        placed["categoryId"] = category
    if new.stage is not None:
        stage = (
            names.stage_id(new.stage, category or 0)
            if kind == DEAL
            else names.invoice_stage_id(new.stage, category)
        )
        if stage is None:
            raise ValueError(f"стадии «{new.stage}» в воронке нет")
        placed["stageId"] = stage
    if new.party:
        entity, _, number = new.party.partition("_")
        placed |= {"companyId": number} if entity == "company" else {"contactIds": [number]}
    return placed


# ---- product rows ---------------------------------------------------------------------------------------------------


def _priced(line: Mapping[str, Any]) -> tuple[Decimal, Decimal, Decimal]:
    """(quantity, amount, unit price) whose product is exactly the amount."""
    quantity = line.get("quantity") or Decimal(1)
    amount = (
        line["amount"] if line.get("amount") is not None else (line.get("price") or Decimal(0)) * quantity
    )
    amount = amount.quantize(values.KOPECK, ROUND_HALF_UP)
    price = (amount / quantity).quantize(values.KOPECK, ROUND_HALF_UP)
    if (price * quantity).quantize(values.KOPECK, ROUND_HALF_UP) == amount:
        return quantity, amount, price
    return Decimal(1), amount, amount


def _compared(client: Client, one: Composition, outbox: Outbox, *, sure: bool) -> Result:
    """Read the rows back: the same count and sum as sent, or the write has not worked."""
    held = list(rowlists.product_rows(client, [one.id], _CODES[one.kind]))
    total = sum((_amount(row) for row in held), Decimal(0))
    wanted = sum((_priced(line)[1] for line in one.lines), Decimal(0))
    if len(held) == len(one.lines) and abs(total - wanted) < _TOLERANCE:
        outbox.done(one.key, one.id)
        return Result(one.key, "done", one.id)
    if not sure:
        outbox.doubt(one.key)
        return Result(one.key, "doubt", one.id, writes.UNSURE)
    reason = f"после записи в составе {len(held)} строк на {total:.2f} вместо {len(one.lines)} на {wanted:.2f}; проверьте сделку"
    outbox.failed(one.key, reason)
    return Result(one.key, "failed", one.id, reason)


def _amount(row: Mapping[str, Any]) -> Decimal:
    price, quantity = values.money(row.get("price")), values.number(row.get("quantity"))
    return ((price or Decimal(0)) * (quantity or Decimal(0))).quantize(values.KOPECK, ROUND_HALF_UP)


def _text(value: Decimal) -> str:
    return format(value, "f")
