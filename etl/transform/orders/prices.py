"""Prices of an order for 1C («как решается вопрос со скидками?», specification 003), and which price of 1C is
that of the catalogue (002/004).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from etl.records import Line, Price, PriceType
from etl.tables import Record, issue
from etl.transform.orders.lines import TOLERANCE, ZERO, gross, tax_inside
from etl.values import clean

#: requisites by which the extended contract tells the discount of a buyer
PRICE_TYPE, PERCENT = "Вид цен", "Процент скидки"
#: terms of a buyer by those names
Terms = Mapping[str, str]
#: product -> prices per unit
Held = Mapping[str, Collection[Decimal]]


def net_lines(rows: Iterable[Line], products: Mapping[str, str]) -> list[Line]:
    """Product rows of the portal as lines for 1C, the portal owning the discounts: net price, no discount,
    VAT inside.

    `products` = product of the portal -> Ид of 1C; another product keeps its name only.
    """
    return [_net(row, products) for row in rows]


def _net(row: Line, products: Mapping[str, str]) -> Line:
    return {
        **row,
        "product": products.get(row["product"] or ""),
        "discount": None,
        "vat_included": True,
        "vat_amount": tax_inside(row["amount"] or ZERO, row["vat_rate"]),
    }


def priced_by_1c(
    lines: Iterable[Line],
    buyers: Mapping[str, Terms],
    prices: Iterable[Price],
    price_types: Iterable[PriceType],
    held: Mapping[str, Held],
) -> tuple[list[Line], list[Record]]:
    """Lines for 1C at the buyer's own prices, 1C owning the discounts, and issues for documents that cannot
    be priced.

    `buyers` = document -> terms of its party: the «Вид цен» (name or Ид of a price type; wins) or «Процент
    скидки». `prices`, `price_types`: of the catalogue. A buyer with neither has the portal's price; a
    product without a price of the buyer's type, or a percent that is no number, stops the document. `held` =
    document -> what 1C holds of its order: a price that came from there has its discount inside already.
    """
    types = _types(price_types)
    of = {(row["product"], row["price_type"]): row["price"] for row in prices}
    good: list[Line] = []
    issues: list[Record] = []
    for line in lines:
        try:
            terms = buyers.get(line["document"]) or {}
            price = _own_price(line, terms, types, of, held.get(line["document"]) or {})
        except ValueError as error:
            issues.append(_without_price(line, error))
        else:
            good.append(_priced(line, price))
    stopped = {row["key"] for row in issues}
    kept = [line for line in good if line["document"] not in stopped]
    return kept, issues


def _types(price_types: Iterable[PriceType]) -> dict[str, str]:
    """Name or Ид of a price type, folded -> its Ид."""
    found: dict[str, str] = {}
    for row in price_types:
        found[clean.fold(row["id"])] = row["id"]
        if row["name"]:
            found[clean.fold(row["name"])] = row["id"]
    return found


def _priced(line: Line, price: Decimal) -> Line:
    amount = clean.kopecks(price * (line["quantity"] or ZERO))
    tax = tax_inside(amount, line["vat_rate"])
    return {**line, "price": price, "amount": amount, "discount": None, "vat_amount": tax}


def _without_price(line: Line, error: ValueError) -> Record:
    return issue(
        f"Строка «{line['name']}»: {error}. Документ не отправлен: исправьте скидку или цену в 1С и "
        "повторите выгрузку каталога.",
        entity="documents",
        key=line["document"],
        field="price",
        value=line["price"],
    )


def _own_price(
    line: Line,
    terms: Terms,
    types: Mapping[str, str],
    prices: Mapping[tuple[str, str], Decimal | None],
    held: Held,
) -> Decimal:
    """The price of this buyer. Raises ValueError with the reason there is none."""
    name = clean.text(terms.get(PRICE_TYPE))
    if name:
        price = prices.get((line["product"] or "", types.get(clean.fold(name), "")))
        if price is None:
            raise ValueError(f"нет цены вида «{name}»")
        return price
    told = line["price"] or ZERO
    if any(abs(told - price) <= TOLERANCE for price in held.get(line["product"] or "", ())):
        return told
    percent = clean.number(str(terms.get(PERCENT) or "0").rstrip("% ")) or ZERO
    if not 0 <= percent <= 100:
        raise ValueError(f"скидка {percent} % невозможна")
    return clean.kopecks(told * (100 - percent) / 100)


def held_prices(lines: Iterable[Line], included: Mapping[str, bool | None]) -> dict[str, Held]:
    """Document -> prices per unit, with VAT, of the products in lines of 1C. `included` = document -> VAT is
    inside the sums.
    """
    found: dict[str, dict[str, set[Decimal]]] = {}
    for line in lines:
        quantity = line["quantity"] or Decimal(1)
        price = gross(line, vat_included=included.get(line["document"])) / quantity
        found.setdefault(line["document"], {}).setdefault(line["product"] or "", set()).add(price)
    return dict(found)


# ---- the catalogue ----
def of_kind(
    rows: Iterable[Price], types: Mapping[str, Mapping[str, Any]], *, purchasing: bool, wanted: str | None
) -> dict[str, Price]:
    """{price type: price} of the prices of one product that may be its sale price («Цена продажи», 002) or,
    with `purchasing`, its purchasing price («Закупочная стоимость»).

    In: `types` = Ид of a price type -> its name and whether it is a purchasing one; `wanted` = name or Ид
    that the profile gives ([entities.products.fields]). Without it the purchasing mark decides, and several
    found are a question: none is the price then. Prices in other currencies than roubles are no prices of the
    catalogue.
    """
    found: dict[str, Price] = {}
    for row in rows:
        known = types.get(row["price_type"], {})
        if row["currency"] in (None, "RUB") and _is_kind(row, known, purchasing=purchasing, wanted=wanted):
            found[row["price_type"]] = row
    return found


def _is_kind(row: Price, known: Mapping[str, Any], *, purchasing: bool, wanted: str | None) -> bool:
    if wanted is None:
        return bool(row["purchasing"] or known.get("purchasing")) == purchasing
    return wanted == row["price_type"] or clean.fold(wanted) == clean.fold(known.get("name"))
