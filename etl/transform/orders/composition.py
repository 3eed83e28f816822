"""The composition of an order between the lines of 1C and the product rows of the portal, to the kopeck.

The portal multiplies: total of a row = unit price (2 digits, with VAT, after discount) × quantity, half up,
and the sum of a deal is the sum of its rows (reference bitrix24 §7.3). 1C gives the sum of a line and a price
that need not multiply to it. So a line whose sum does not divide becomes rows of neighbouring prices
(«split»), and both sides are compared in one form: neighbouring lines of one product and VAT rate added up. A
discount is inside the price there, never beside it. VAT: rate None is «без НДС», 0 is the rate 0 %."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final, NamedTuple

import pandas as pd

from etl.tables import Record, frame, issue, records
from etl.values import clean

TOLERANCE: Final = Decimal("0.01")
#: requisites by which the extended contract tells the discount of a buyer
PRICE_TYPE, PERCENT = "Вид цен", "Процент скидки"
_CENT, _QUANTITY, _ZERO = Decimal("0.01"), Decimal("0.0001"), Decimal("0.00")


class Position(NamedTuple):
    """One position in the form both sides are compared in: product (Ид of 1C or a name), quantity, sum with
    VAT, VAT rate."""

    product: str
    quantity: Decimal
    amount: Decimal
    vat_rate: Decimal | None


# ---- one line ----


def gross(line: Record, *, vat_included: bool | None = None) -> Decimal:
    """Sum of a 1C line with VAT, after its discount. `vat_included` of the document counts where the line
    tells nothing."""
    amount = (
        line["amount"]
        if line["amount"] is not None
        else clean.kopecks((line["price"] or _ZERO) * (line["quantity"] or _ZERO))
    )
    if (line["requisites"] or {}).get("СкидкаУчтенаВСумме") == "false":
        amount -= line["discount"] or _ZERO
    included = vat_included if line["vat_included"] is None else line["vat_included"]
    return clean.kopecks(amount + (_tax_on_top(line, amount) if included is False else _ZERO))


def _tax_on_top(line: Record, amount: Decimal) -> Decimal:
    told: Decimal | None = line["vat_amount"]
    return told if told is not None else amount * (line["vat_rate"] or _ZERO) / 100


def tax_inside(amount: Decimal, rate: Decimal | None) -> Decimal | None:
    """VAT inside a sum with VAT, in roubles; None for «без НДС»."""
    return None if rate is None else clean.kopecks(amount * rate / (100 + rate))


def split(quantity: Decimal, amount: Decimal) -> list[tuple[Decimal, Decimal]]:
    """(quantity, unit price) of the rows whose products, each rounded to the kopeck, add up to `amount`
    exactly.

    One row where the sum divides; else whole units at two neighbouring prices, and a fraction of a unit on
    its own. Raises ValueError for what the portal cannot hold: quantity not positive or finer than 4 digits,
    a negative sum."""
    if quantity <= 0 or quantity != quantity.quantize(_QUANTITY) or amount < 0:
        raise ValueError(f"количество {quantity:f} и сумма {amount:f}")
    price = clean.kopecks(amount / quantity)
    if clean.kopecks(price * quantity) == amount:
        return [(quantity, price)]
    low, whole = (
        (amount / quantity).quantize(_CENT, rounding=ROUND_DOWN),
        quantity.to_integral_value(rounding=ROUND_DOWN),
    )
    dearer = min((amount - low * quantity) // _CENT, whole)
    rows = [(whole - dearer, low), (dearer, low + _CENT)]
    if fraction := quantity - whole:
        rest = amount - sum((units * price for units, price in rows), _ZERO)
        rows.append((fraction, clean.kopecks(rest / fraction)))
    return [(units, price) for units, price in rows if units]


# ---- whole compositions ----


def positions(
    lines: pd.DataFrame, known: Mapping[str, str], included: Mapping[str, bool | None] | None = None
) -> dict[str, tuple[Position, ...]]:
    """{document: composition} as one comparable value: the field that the merge treats as a whole.

    In: table `lines` of either side; `known` = product of that side -> Ид of 1C (for 1C: Ид -> itself of the
    matched ones); a product that is not matched goes by its name. `included` = document -> VAT is inside the
    sums, for 1C lines; without it the lines are rows of the portal, whose sums always hold the VAT."""
    found: dict[str, list[Position]] = defaultdict(list)
    for line in sorted(records(lines), key=lambda line: line["position"]):
        amount = (
            line["amount"] if included is None else gross(line, vat_included=included.get(line["document"]))
        )
        product = known.get(line["product"] or "") or named(line["name"])
        one = Position(product, line["quantity"] or Decimal(1), amount, line["vat_rate"])
        held = found[line["document"]]
        if held and (held[-1].product, held[-1].vat_rate) == (one.product, one.vat_rate):
            last = held.pop()
            one = one._replace(quantity=last.quantity + one.quantity, amount=last.amount + one.amount)
        held.append(one)
    return {document: tuple(held) for document, held in found.items()}


def named(name: str | None) -> str:
    """How a product without a pair stands in a position."""
    return f"название: {clean.fold(name)}"


def portal_rows(
    documents: pd.DataFrame, lines: pd.DataFrame, products: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines of 1C as product rows of the portal (table `lines`, same `document`), and issues.

    `products` = Ид of 1C -> product of the portal; a line of another product becomes a row with a name only.
    A document of which a line cannot become a row is left out whole. Per row: price = unit price with VAT
    after discount, amount = price × quantity; the rows of a document add up to the sum of its lines exactly.
    """
    heads = {row["id"]: row for row in records(documents)}
    rows: dict[str, list[Record]] = defaultdict(list)
    issues: dict[str, Record] = {}
    for line in sorted(records(lines), key=lambda line: line["position"]):
        head = heads.get(line["document"])
        if head is None:
            continue
        try:
            rows[head["id"]] += _rows(line, head, products)
        except ValueError as error:
            issues.setdefault(
                head["id"],
                issue(
                    f"Строка {line['position']} «{line['name']}» не переносится в сделку: {error}. Исправьте строку в 1С.",
                    file=line["file"],
                    place=line["place"],
                    entity="documents",
                    key=head["number"] or head["id"],
                    field="lines",
                    value=line["amount"],
                ),
            )
    whole = [
        row | {"position": position}
        for document, kept in rows.items()
        if document not in issues
        for position, row in enumerate(kept, 1)
    ]
    return frame("lines", whole), frame("issues", list(issues.values()))


def _rows(line: Record, head: Record, products: Mapping[str, str]) -> list[Record]:
    pieces = split(
        line["quantity"] if line["quantity"] is not None else Decimal(1),
        gross(line, vat_included=head["vat_included"]),
    )
    common = line | {"product": products.get(line["product"] or ""), "discount": None, "vat_included": True}
    return [
        common
        | {
            "quantity": quantity,
            "price": price,
            "amount": (total := clean.kopecks(price * quantity)),
            "vat_amount": tax_inside(total, line["vat_rate"]),
        }
        for quantity, price in pieces
    ]


def net_lines(rows: pd.DataFrame, products: Mapping[str, str]) -> pd.DataFrame:
    """Product rows of the portal as lines for 1C, the portal owning the discounts: net price, no discount,
    VAT inside.

    `products` = product of the portal -> Ид of 1C; another product keeps its name only.
    """
    return frame(
        "lines",
        [
            row
            | {
                "product": products.get(row["product"] or ""),
                "discount": None,
                "vat_included": True,
                "vat_amount": tax_inside(row["amount"], row["vat_rate"]),
            }
            for row in records(rows)
        ],
    )


def priced_by_1c(
    lines: pd.DataFrame, buyers: Mapping[str, Record], prices: pd.DataFrame, price_types: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines for 1C at the buyer's own prices, 1C owning the discounts, and issues for documents that cannot
    be priced.

    `buyers` = document -> its party; 1C tells in `extra` the «Вид цен» (name or Ид of a price type; wins) or
    «Процент скидки». `prices`, `price_types`: tables of the catalogue. A buyer with neither has the portal's
    price; a product without a price of the buyer's type, or a percent that is no number, stops the document.
    """
    types = {
        clean.fold(name): row["id"]
        for row in records(price_types)
        for name in (row["id"], row["name"])
        if name
    }
    of = {(row["product"], row["price_type"]): row["price"] for row in records(prices)}
    good, issues, stopped = [], [], set()
    for line in records(lines):
        extra = (buyers.get(line["document"]) or {}).get("extra") or {}
        try:
            price = _own_price(line, extra, types, of)
        except ValueError as error:
            stopped.add(line["document"])
            issues.append(
                issue(
                    f"Строка «{line['name']}»: {error}. Документ не отправлен: исправьте скидку или цену в 1С и повторите выгрузку каталога.",
                    entity="documents",
                    key=line["document"],
                    field="price",
                    value=line["price"],
                )
            )
            continue
        amount = clean.kopecks(price * (line["quantity"] or _ZERO))
        good.append(
            line
            | {
                "price": price,
                "amount": amount,
                "discount": None,
                "vat_amount": tax_inside(amount, line["vat_rate"]),
            }
        )
    return frame("lines", [line for line in good if line["document"] not in stopped]), frame("issues", issues)


def _own_price(
    line: Record,
    extra: Mapping[str, str],
    types: Mapping[str, str],
    prices: Mapping[tuple[str, str], Decimal | None],
) -> Decimal:
    if name := clean.text(extra.get(PRICE_TYPE)):
        price = prices.get((line["product"], types.get(clean.fold(name), "")))
        if price is None:
            raise ValueError(f"нет цены вида «{name}»")
        return price
    percent = clean.number(str(extra.get(PERCENT) or "0").rstrip("% ")) or _ZERO
    if not 0 <= percent <= 100:
        raise ValueError(f"скидка {percent} % невозможна")
    return clean.kopecks((line["price"] or _ZERO) * (100 - percent) / 100)


def catalogue_prices(
    prices: pd.DataFrame, price_types: pd.DataFrame, sale: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sale price and the purchasing price of each product (columns product, sale, purchasing, currency),
    and issues.

    `sale` = name or Ид of the price type that is the sale price; needed only where 1C has several that are
    not purchasing ones."""
    purchasing = {row["id"] for row in records(price_types) if row["purchasing"]}
    selling = {row["id"]: row["name"] for row in records(price_types) if row["id"] not in purchasing}
    chosen = [
        name
        for name, said in selling.items()
        if sale is None or clean.fold(sale) in (clean.fold(name), clean.fold(said))
    ]
    found: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"sale": None, "purchasing": None, "currency": None}
    )
    for row in records(prices):
        role = (
            "purchasing"
            if row["purchasing"] or row["price_type"] in purchasing
            else "sale"
            if row["price_type"] in chosen[:1]
            else None
        )
        if role and (role == "purchasing" or len(chosen) == 1):
            found[row["product"]] |= {role: row["price"], "currency": row["currency"]}
    table = pd.DataFrame(
        [{"product": product, **values} for product, values in found.items()],
        columns=["product", "sale", "purchasing", "currency"],
        dtype=object,
    )
    if len(chosen) == 1 or not selling:
        return table, frame("issues")
    return table, frame(
        "issues",
        [
            issue(
                f"Неясно, какая цена 1С цена продажи: {', '.join(f'«{said}»' for said in selling.values())}. "
                "Цены продажи не изменены. Назовите вид цен в профиле.",
                severity="ask",
                entity="prices",
                key="price_type",
                value=sale,
            )
        ],
    )


# ---- comparison ----


def wrong_totals(documents: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Issues for documents of 1C whose lines do not add up to their sum within 0.01: both computations shown,
    line by line."""
    by_document: dict[str, list[Record]] = defaultdict(list)
    for line in sorted(records(lines), key=lambda line: line["position"]):
        by_document[line["document"]].append(line)
    return frame(
        "issues",
        [
            _wrong(row, by_document[row["id"]])
            for row in records(documents)
            if row["amount"] is not None
            and by_document[row["id"]]
            and abs(_total(row, by_document[row["id"]]) - row["amount"]) > TOLERANCE
        ],
    )


def _total(document: Record, lines: Iterable[Record]) -> Decimal:
    return sum((gross(line, vat_included=document["vat_included"]) for line in lines), _ZERO)


def _wrong(document: Record, lines: Collection[Record]) -> Record:
    told = "; ".join(
        f"{line['position']}) «{line['name']}» {_number(line['quantity'])} × {_number(line['price'])}"
        f"{' − скидка ' + _number(line['discount']) if line['discount'] else ''} = {_number(_computed(line))}, "
        f"в строке {_number(gross(line, vat_included=document['vat_included']))}"
        for line in lines
    )
    return issue(
        f"Документ {document['number']}: сумма {_number(document['amount'])}, а строки дают "
        f"{_number(_total(document, lines))} ({told}). Сделка не изменена. Перепроведите документ в 1С и повторите выгрузку.",
        file=document["file"],
        place=document["place"],
        entity="documents",
        key=document["number"] or document["id"],
        field="amount",
        value=document["amount"],
    )


def _computed(line: Record) -> Decimal:
    return clean.kopecks((line["price"] or _ZERO) * (line["quantity"] or _ZERO) - (line["discount"] or _ZERO))


def different_totals(
    ours: Mapping[str, tuple[Position, ...]], theirs: Mapping[str, tuple[Position, ...]]
) -> pd.DataFrame:
    """Issues for orders of which portal and 1C compute different totals for the same goods (by more than
    0.01).

    In: compositions of both sides under one key. Where products or quantities differ it is an edit, which the
    merge decides; where they are the same and the sums are not, somebody's discount is at work and a person
    must look."""
    return frame(
        "issues",
        [
            _different(key, ours[key], theirs[key])
            for key in sorted(ours.keys() & theirs.keys())
            if _goods(ours[key]) == _goods(theirs[key])
            and abs(_sum(ours[key]) - _sum(theirs[key])) > TOLERANCE
        ],
    )


def _goods(rows: Iterable[Position]) -> list[tuple[str, Decimal]]:
    return [(row.product, row.quantity) for row in rows]


def _sum(rows: Iterable[Position]) -> Decimal:
    return sum((row.amount for row in rows), _ZERO)


def _different(key: str, ours: tuple[Position, ...], theirs: tuple[Position, ...]) -> Record:
    told = "; ".join(
        f"{place}) портал {_number(mine.quantity)} × {_number(mine.amount / mine.quantity)} = {_number(mine.amount)}, "
        f"1С {_number(other.quantity)} × {_number(other.amount / other.quantity)} = {_number(other.amount)}"
        for place, (mine, other) in enumerate(zip(ours, theirs, strict=True), 1)
        if mine.amount != other.amount
    )
    return issue(
        f"Заказ {key}: портал считает {_number(_sum(ours))}, 1С считает {_number(_sum(theirs))} за тот же товар ({told}). "
        "Состав не изменён. Проверьте, чья скидка верна, и исправьте цены на одной из сторон.",
        severity="ask",
        entity="deal",
        key=key,
        field="rows",
        value=_sum(theirs),
    )


def _number(value: Decimal | None) -> str:
    if value is None:
        return "нет"
    text = f"{value:.4f}".rstrip("0") if value != clean.kopecks(value) else f"{value:.2f}"
    return text.replace(".", ",")
