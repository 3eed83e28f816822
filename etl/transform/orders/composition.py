"""The composition of an order: one value for both sides, rows of the portal made of lines of 1C.

Both sides are compared in one form: neighbouring lines of one product and VAT rate added up. A discount is
inside the price there, never beside it. The composition is one field for the merge (DESIGN §5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from etl.records import Change, Document, Line
from etl.tables import Record, issue
from etl.transform.documents import given_up, is_reversal
from etl.transform.orders.lines import ZERO, gross, split, tax_inside
from etl.values import clean
from etl.values.changes import change


class Position(NamedTuple):
    """One position in the form both sides are compared in: product (Ид of 1C or a name), quantity, sum with
    VAT, VAT rate.
    """

    product: str
    quantity: Decimal
    amount: Decimal
    vat_rate: Decimal | None


# ---- compared ----
def positions(
    lines: Iterable[Line], known: Mapping[str, str], included: Mapping[str, bool | None] | None = None
) -> dict[str, tuple[Position, ...]]:
    """{document: composition} as one comparable value: the field that the merge treats as a whole.

    In: `lines` of either side; `known` = product of that side -> Ид of 1C (for 1C: Ид -> itself of the
    matched ones); a product that is not matched goes by its name. `included` = document -> VAT is inside the
    sums, for 1C lines; without it the lines are rows of the portal, whose sums always hold the VAT.
    """
    found: dict[str, list[Position]] = defaultdict(list)
    for line in sorted(lines, key=_place):
        if included is None:
            amount = line["amount"] or ZERO
        else:
            amount = gross(line, vat_included=included.get(line["document"]))
        one = Position(product(line, known), line["quantity"] or Decimal(1), amount, line["vat_rate"])
        _append(found[line["document"]], one)
    return {document: tuple(held) for document, held in found.items()}


def _append(held: list[Position], one: Position) -> None:
    """The next position; what follows the same product at the same VAT rate is added to it."""
    last = held[-1] if held else None
    if last is None or (last.product, last.vat_rate) != (one.product, one.vat_rate):
        held.append(one)
        return
    quantity, amount = last.quantity + one.quantity, last.amount + one.amount
    held[-1] = one._replace(quantity=quantity, amount=amount)


def _place(line: Line) -> int:
    return line["position"]


def product(line: Line, known: Mapping[str, str]) -> str:
    """The product of a line as it stands in a position: its id in 1C, without a pair its name."""
    return known.get(line["product"] or "") or named(line["name"])


def goods(rows: Iterable[Position]) -> list[tuple[str, Decimal]]:
    """Which products and how many of them, whatever they cost."""
    return [(row[0], row[1]) for row in rows]


def named(name: str | None) -> str:
    """How a product without a pair stands in a position."""
    return f"название: {clean.fold(name)}"


def summary(rows: Iterable[Position]) -> str:
    """A composition in short for people: how many positions, and their sum."""
    held = list(rows)
    return f"позиций {len(held)} на {sum(row.amount for row in held):.2f}"


# ---- which lines make a deal ----
def deal_lines(documents: Iterable[Document], lines: Iterable[Line]) -> tuple[list[Document], list[Line]]:
    """The documents (one per deal, `id` = deal) and lines (`document` = deal) that make the composition of
    each deal.

    In: `attached` documents and their lines. The only invoice of a deal wins over its order («сумма
    выставленного счета»); of several invoices, each for a part, the order tells the whole, and without an
    order they are one after another. A document that tells no lines is silent, unless it is an emptied
    order; an emptied invoice is none.
    """
    bodies: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=_place):
        bodies[line["document"]].append(line)
    heads: list[Document] = []
    kept: list[Line] = []
    for deal, rows in _standing(documents).items():
        counted = [row for row in rows if row["kind"] == "order" or bodies[row["id"]] or row["amount"] != 0]
        chosen = [row for row in _telling(counted) if bodies[row["id"]] or is_worth_nothing(row)]
        if chosen:
            heads.append({**chosen[-1], "id": deal, "amount": _sum_of(chosen)})
            kept += _renumbered(deal, [line for row in chosen for line in bodies[row["id"]]])
    return heads, kept


def is_worth_nothing(row: Document) -> bool:
    """A document without a sum of its own is emptied where it has no lines either; one that tells its sum
    alone says nothing of its composition.
    """
    return row["amount"] == 0


def _standing(documents: Iterable[Document]) -> dict[str, list[Document]]:
    """Orders and invoices of each deal that 1C has not given up; a reversal fills no deal."""
    groups: dict[str, list[Document]] = defaultdict(list)
    for row in documents:
        tells = row["kind"] in ("order", "invoice") and not (given_up(row) or is_reversal(row))
        if row["deal"] and tells:
            groups[row["deal"]].append(row)
    return groups


def _telling(rows: Sequence[Document]) -> list[Document]:
    invoices = [row for row in rows if row["kind"] == "invoice"]
    orders = [row for row in rows if row["kind"] == "order"]
    if len(invoices) == 1 or not orders:
        return invoices
    return orders[-1:]


def _sum_of(rows: Iterable[Document]) -> Decimal:
    return sum((row["amount"] or Decimal(0) for row in rows), Decimal(0))


def _renumbered(deal: str, lines: Sequence[Line]) -> list[Line]:
    return [{**line, "document": deal, "position": place} for place, line in enumerate(lines, 1)]


def row_changes(
    ours: Mapping[str, tuple[Any, ...]], theirs: Mapping[str, tuple[Any, ...]], deals: Collection[str]
) -> list[Change]:
    """Changes of compositions (action rows) led by 1C: `after` replaces the rows of the deal as a whole.

    In: `composition.positions` of both sides by deal; only `deals` known to the portal. A deal that 1C says
    nothing of keeps its rows.
    """
    rows = [
        change(deal, "rows", "rows", ours.get(deal, ()), said, "состав заказа")
        for deal, said in theirs.items()
        if deal in deals and said != ours.get(deal, ())
    ]
    return [{**row, "seq": number} for number, row in enumerate(rows, 1)]


# ---- rows of the portal ----
def portal_rows(
    documents: Iterable[Document], lines: Iterable[Line], products: Mapping[str, str]
) -> tuple[list[Line], list[Record]]:
    """Lines of 1C as product rows of the portal (records of `lines`, same `document`), and issues.

    `products` = Ид of 1C -> product of the portal; a line of another product becomes a row with a name only.
    A document of which a line cannot become a row is left out whole. Per row: price = unit price with VAT
    after discount, amount = price × quantity; the rows of a document add up to the sum of its lines exactly.
    """
    heads = {row["id"]: row for row in documents}
    rows: dict[str, list[Line]] = defaultdict(list)
    issues: dict[str, Record] = {}
    for line in sorted(lines, key=_place):
        head = heads.get(line["document"])
        if head is None:
            continue
        try:
            rows[head["id"]] += _rows(line, head, products)
        except ValueError as error:
            issues.setdefault(head["id"], _impossible(line, head, error))
    whole: list[Line] = []
    for document, kept in rows.items():
        if document not in issues:
            whole += _renumbered(document, kept)
    return whole, list(issues.values())


def _impossible(line: Line, head: Document, error: ValueError) -> Record:
    return issue(
        f"Строка {line['position']} «{line['name']}» не переносится в сделку: {error}. "
        "Исправьте строку в 1С.",
        file=line["file"],
        place=line["place"],
        entity="documents",
        key=head["number"] or head["id"],
        field="lines",
        value=line["amount"],
    )


def _rows(line: Line, head: Document, products: Mapping[str, str]) -> list[Line]:
    """Rows of one line. Raises ValueError for what the portal cannot hold."""
    quantity = Decimal(1) if line["quantity"] is None else line["quantity"]
    pieces = split(quantity, gross(line, vat_included=head["vat_included"]))
    return [_row(line, piece, price, products) for piece, price in pieces]


def _row(line: Line, quantity: Decimal, price: Decimal, products: Mapping[str, str]) -> Line:
    amount = clean.kopecks(price * quantity)
    return {
        **line,
        "product": products.get(line["product"] or ""),
        "discount": None,
        "vat_included": True,
        "quantity": quantity,
        "price": price,
        "amount": amount,
        "vat_amount": tax_inside(amount, line["vat_rate"]),
    }
