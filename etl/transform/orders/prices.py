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
from etl.values import clean, money
from etl.values.money import ROUBLE, ROUBLES, Measure

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
    *,
    foreign: Collection[str] = (),
) -> tuple[list[Line], list[Record]]:
    """Lines for 1C at the buyer's own prices, 1C owning the discounts, and issues for documents that cannot
    be priced.

    `buyers` = document -> terms of its party: the «Вид цен» (name or Ид of a price type; wins) or «Процент
    скидки». `prices`, `price_types`: of the catalogue. A buyer with neither has the portal's price; a
    product without a price of the buyer's type, or a percent that is no number, stops the document. `held` =
    document -> what 1C holds of its order: a price that came from there has its discount inside already.
    Prices are roubles, so they price no document that is not (`foreign`).
    """
    types = _types(price_types)
    of = {(row["product"], row["price_type"]): row["price"] for row in prices}
    good: list[Line] = []
    issues: list[Record] = []
    for line in lines:
        terms = buyers.get(line["document"]) or {}
        known = {} if line["document"] in foreign else of
        try:
            price = _own_price(line, terms, types, known, held.get(line["document"]) or {})
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
            raise ValueError(f"нет цены вида «{name}» в валюте документа")
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


# ---- the currency ----
def currency(code: str | None, rates: Mapping[str, Decimal], rows: str | None) -> Measure:
    """The currency of a document for 1C with the portal's rate of the day; 1 would make a rouble of a dollar.

    `rates` = currency -> roubles for one unit, `rows` = the currency of the rows that it takes from its deal.
    Raises ValueError with the Russian reason why there is none.
    """
    own = code or ROUBLE
    if rows and rows != own:
        raise ValueError(
            f"Счёт в валюте {own}, а товары есть только в сделке, в валюте {rows}. "
            "Добавьте товары в счёт или исправьте его валюту."
        )
    if own == ROUBLE:
        return ROUBLES
    measure = money.measure(own, rates.get(own))
    if measure.rate is None:
        raise ValueError(
            f"На портале нет курса валюты {own} к рублю, документ не отправлен. Задайте курс "
            "(CRM, Настройки, Валюты) или переведите сделку в рубли."
        )
    return measure


# ---- the catalogue ----
def of_kind(
    rows: Iterable[Price], types: Mapping[str, Mapping[str, Any]], *, purchasing: bool, wanted: str | None
) -> dict[str, Price]:
    """{price type: price} of the prices of one product that may be its sale price («Цена продажи», 002) or,
    with `purchasing`, its purchasing price («Закупочная стоимость»).

    In: `types` = Ид of a price type -> its name and whether it is a purchasing one; `wanted` = name or Ид
    that the profile gives ([entities.products.fields]). Without it the purchasing mark decides, and several
    found are a question: none is the price then.
    """
    found: dict[str, Price] = {}
    for row in rows:
        known = types.get(row["price_type"], {})
        if _is_kind(row, known, purchasing=purchasing, wanted=wanted):
            found[row["price_type"]] = row
    return found


def in_roubles(price: Price) -> bool:
    """Whether it is a price of the catalogue, which is kept in roubles."""
    return price["currency"] in (None, "RUB")


def of_product(own: Iterable[Price], of_characteristics: Iterable[Price]) -> list[Price]:
    """Prices of one product: its own and, of the kinds it has none of, the lowest of its characteristics
    (CommerceML keys them `Ид#characteristic`). A price in roubles goes before one in another currency.
    """
    found = {row["price_type"]: row for row in own}
    lowest: dict[str, Price] = {}
    for row in of_characteristics:
        kind = row["price_type"]
        if kind not in found and (kind not in lowest or _rank(row) < _rank(lowest[kind])):
            lowest[kind] = row
    return [*found.values(), *lowest.values()]


def are_apart(prices: Iterable[Price], of_characteristics: Iterable[Price]) -> bool:
    """Whether one of the prices that were chosen is not that of each characteristic."""
    chosen: dict[str, Decimal | None] = {}
    for row in prices:
        if "#" in row["product"]:
            chosen[row["price_type"]] = row["price"]
    for row in of_characteristics:
        kind, price = row["price_type"], row["price"]
        if chosen.get(kind, price) != price:
            return True
    return False


def _rank(price: Price) -> tuple[bool, Decimal]:
    return not in_roubles(price), price["price"] or ZERO


def _is_kind(row: Price, known: Mapping[str, Any], *, purchasing: bool, wanted: str | None) -> bool:
    if wanted is None:
        return bool(row["purchasing"] or known.get("purchasing")) == purchasing
    return wanted == row["price_type"] or clean.fold(wanted) == clean.fold(known.get("name"))
