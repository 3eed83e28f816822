"""Product rows of deals and smart invoices -> Bitrix24, as a whole, read back and compared.

Facts: reference bitrix24 §7.1 (fields), §7.2 (methods), §7.3 (arithmetic).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from etl.bitrix24 import values, writes
from etl.bitrix24.calls import Command
from etl.bitrix24.classify import Verdict
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, INVOICE
from etl.bitrix24.lists import rowlists
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.writes import Outbox, Result, Write
from etl.records import Line
from etl.values import clean

#: Short codes of owners of product rows (bitrix24 §7.2).
_CODES = {DEAL: "D", INVOICE: "SI"}
_TOLERANCE = Decimal("0.01")
_ZERO = Decimal(0)
#: discountTypeId of a sum (1) beside that of a share (2).
_BY_SUM = 1


@dataclass(frozen=True)
class Composition:
    """All product rows of a deal or invoice, in order, as records of the table `lines`. `empty` allows none
    at all.
    """

    key: str
    id: str
    lines: Sequence[Line]
    kind: int = DEAL
    empty: bool = field(default=False)


class _Priced(NamedTuple):
    """A row as the portal multiplies it: quantity × price is exactly the amount."""

    quantity: Decimal
    amount: Decimal
    price: Decimal


def set_rows(client: Client, compositions: Iterable[Composition], outbox: Outbox) -> Iterator[Result]:
    """Replace the product rows of deals or invoices, then compare count and sum with what the portal holds.

    An empty list is refused unless the document is really empty (`empty`): it would wipe the deal's rows
    (§7.2: the method replaces everything).
    """
    for one in compositions:
        if not one.lines and not one.empty:
            yield Result(one.key, "skipped", one.id, "состав пуст: строки сделки не заменены")
            continue
        command = _setting(one)
        outcome = writes.once(client, outbox, one.key, command)
        if outcome.verdict in (Verdict.OK, Verdict.UNKNOWN):
            yield _compared(client, one, outbox, sure=outcome.ok)
        else:
            yield writes.noted(outbox, Write(one.key, one.id, command), outcome)


def _setting(one: Composition) -> Command:
    """The call that replaces all product rows of the owner (§7.2)."""
    rows = [product_row(line, position) for position, line in enumerate(one.lines, 1)]
    params = {"ownerType": _CODES[one.kind], "ownerId": one.id, "productRows": rows}
    return Command("crm.item.productrow.set", params)


def product_row(line: Line, position: int) -> dict[str, Any]:
    """A row for crm.item.productrow.set from a record of `lines`.

    The portal's price is final, per unit, with tax, after the discount (§7.3): amount / quantity. Where that
    is not exact to the kopeck the row is sent as one piece of the whole amount, with the quantity in its
    name, so that sums agree.
    """
    priced = _priced(line)
    rate = line.get("vat_rate")
    row: dict[str, Any] = {
        "productName": _name(line, priced),
        "price": _text(priced.price),
        "quantity": _text(priced.quantity),
        "sort": position * 10,
        "taxIncluded": "N" if line.get("vat_included") is False else "Y",
        "taxRate": None if rate is None else _text(rate),
    }
    if line.get("product"):
        row["productId"] = line["product"]
    unit = clean.unit_number(line.get("unit_code"))
    if unit is not None:
        row["measureCode"] = unit
    discount = _discount(line, priced)
    if discount:
        row["discountTypeId"] = _BY_SUM
        row["discountSum"] = _text(clean.kopecks(discount))
    return row


def _name(line: Line, priced: _Priced) -> str:
    """The name; of a row sent as one piece with the quantity it stands for."""
    name = line.get("name") or ""
    quantity = line.get("quantity")
    if quantity is None or quantity == priced.quantity:
        return name
    number = values.number(quantity)
    unit = line.get("unit") or "шт"
    return f"{name} ({number:f} {unit})"


def _discount(line: Line, priced: _Priced) -> Decimal:
    """Discount of one unit without tax, as the portal counts it (§7.3)."""
    of_line = line.get("discount") or _ZERO
    of_unit = of_line / priced.quantity
    rate = line.get("vat_rate") or _ZERO
    with_tax = 1 + rate / 100
    return of_unit / with_tax


def _priced(line: Line) -> _Priced:
    """The line as it is sent: by the piece where that is exact to the kopeck, else one piece of the whole
    amount.
    """
    quantity = line.get("quantity") or Decimal(1)
    amount = line.get("amount")
    if amount is None:
        of_unit = line.get("price") or _ZERO
        amount = of_unit * quantity
    amount = clean.kopecks(amount)
    price = clean.kopecks(amount / quantity)
    exact = clean.kopecks(price * quantity) == amount
    if exact:
        return _Priced(quantity, amount, price)
    return _Priced(Decimal(1), amount, amount)


def _compared(client: Client, one: Composition, outbox: Outbox, *, sure: bool) -> Result:
    """Read the rows back: the same count and sum as sent, or the write has not worked."""
    held = list(rowlists.product_rows(client, [one.id], _CODES[one.kind]))
    total = sum(map(_amount, held), _ZERO)
    wanted = sum((_priced(line).amount for line in one.lines), _ZERO)
    same_count = len(held) == len(one.lines)
    same_sum = abs(total - wanted) < _TOLERANCE
    if same_count and same_sum:
        outbox.done(one.key, one.id)
        return Result(one.key, "done", one.id)
    if not sure:
        outbox.doubt(one.key)
        return Result(one.key, "doubt", one.id, writes.UNSURE)
    reason = (
        f"после записи в составе {len(held)} строк на {total:.2f} "
        f"вместо {len(one.lines)} на {wanted:.2f}; проверьте сделку"
    )
    outbox.failed(one.key, reason)
    return Result(one.key, "failed", one.id, reason)


def _amount(row: Row) -> Decimal:
    """Sum of a row of the portal: its price is final, with tax and discount (§7.3)."""
    price = values.money(row.get("price")) or _ZERO
    quantity = values.number(row.get("quantity")) or _ZERO
    return clean.kopecks(price * quantity)


def _text(value: Decimal) -> str:
    return format(value, "f")
