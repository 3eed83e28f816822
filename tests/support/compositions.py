"""Compositions of orders on both sides: rows as people type them, edits of every kind, what stands where.

A row is a plain dict: name, product of the portal, quantity, price, VAT rate, unit code; `less` is a discount
of the whole row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from tests.support.scenario import Scenario

Row = dict[str, Any]
Rows = list[Row]
#: (name, quantity, sum, VAT rate, unit code)
Shown = list[tuple[str, Decimal, Decimal, str | None, str]]

LOCK: Row = {"name": "Замок врезной", "product": 2, "quantity": "2", "price": "3150.50", "vat": "22"}
HINGE: Row = {"name": "Петля накладная", "product": 3, "quantity": "3", "price": "412.30", "vat": "22"}
DOOR: Row = {"name": "Дверь входная «Кедр»", "product": 1, "quantity": "1", "price": "25100.00", "vat": "22"}
ROWS: Rows = [LOCK, HINGE]
PIECE = "796"
_UNITS = {"796": "шт", "166": "кг"}


def _first(**values: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [rows[0] | values, *rows[1:]]


#: what people do with a composition
EDITS: dict[str, Callable[[Rows], Rows]] = {
    "price": _first(price="2999.90"),
    "quantity": _first(quantity="5"),
    "discount": _first(less="630.10"),
    "vat": _first(vat="10"),
    "exempt": _first(vat=None),
    "unit": _first(unit="166"),
    "order": lambda rows: rows[::-1],
    "added": lambda rows: [*rows, DOOR],
    "removed": lambda rows: rows[:1],
    "replaced": lambda rows: [DOOR],
    "emptied": lambda rows: [],
}


def _unit(row: Row) -> str:
    return str(row.get("unit", PIECE))


def _sum(row: Row) -> Decimal:
    return Decimal(row["price"]) * Decimal(row["quantity"]) - Decimal(row.get("less", "0"))


def wanted(rows: Sequence[Row]) -> Shown:
    """What both sides must show of these rows."""
    return [(row["name"], Decimal(row["quantity"]), _sum(row), row["vat"], _unit(row)) for row in rows]


def on_portal(running: Scenario, deal: int | str, rows: Sequence[Row], kind: str = "D") -> None:
    """Somebody types the rows into a deal."""
    given = [_portal_row(row) for row in rows]
    running.call("crm.item.productrow.set", ownerType=kind, ownerId=int(deal), productRows=given)


def _portal_row(row: Row) -> Row:
    net = _sum(row) / Decimal(row["quantity"])
    return {
        "productId": row["product"],
        "productName": row["name"],
        "quantity": row["quantity"],
        "price": f"{net:.2f}",
        "taxRate": row["vat"],
        "taxIncluded": "Y",
        "measureCode": _unit(row),
    }


def of_1c(rows: Sequence[Row]) -> Rows:
    """The same rows as the model of 1C takes them."""
    return [_line(row) for row in rows]


def _line(row: Row) -> Row:
    return {
        "name": row["name"],
        "quantity": row["quantity"],
        "price": row["price"],
        "amount": str(_sum(row)),
        "vat": row["vat"],
        "unit": _UNITS[_unit(row)],
        "unit_code": _unit(row),
    }


def in_deal(running: Scenario, deal: int | str, kind: str = "D") -> Shown:
    """The rows that a person sees in the deal."""
    found = running.call(
        "crm.item.productrow.list", filter={"=ownerType": kind, "=ownerId": int(deal)}, order={"sort": "ASC"}
    )["productRows"]
    return [
        (
            row["productName"],
            Decimal(str(row["quantity"])),
            Decimal(str(row["price"])) * Decimal(str(row["quantity"])),
            None if row["taxRate"] is None else f"{row['taxRate']:g}",
            str(row["measureCode"]),
        )
        for row in found
    ]


def in_1c(running: Scenario, number: str) -> Shown:
    """The rows that a person sees in the order."""
    order = running.stage.onec.document(number, "order")
    return [(row.name, row.quantity, row.amount, row.vat, row.unit_code) for row in order.lines]
