"""Directories of the extended contract: Классификатор, Каталог, ПакетПредложений, Контрагенты.

Each stands in the file only where the tables hold rows of it (commerceml §2.1, docs/contract-1c.ru.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import pandas as pd

from etl import tables as canonical
from etl.config import dialects
from etl.config.dialects import Dialect
from etl.load.commerceml import given
from etl.load.commerceml.documents import currency_word
from etl.load.commerceml.given import Tables
from etl.load.commerceml.lines import rates
from etl.load.commerceml.parties import party_3
from etl.load.commerceml.text import NAME, Node, cut, flag, money, opened, render, requisites
from etl.records import Account, Contact, Party, Price, PriceType, Product
from etl.values import clean

#: the catalogue of this product has one identity for all portals: 1C keys products, not catalogues
CATALOGUE = str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:obmen24:catalogue"))


def sections(tables: Tables, dialect: Dialect, currency: str) -> Iterator[str]:
    """The texts of all directories that the tables hold, in portions.

    Tables: products, prices, price_types, parties without `document`, accounts, contacts. `currency` is the
    base's name of the rouble.
    """
    parties = given.table(tables, "parties")
    directory = parties[parties["document"].isna()]
    products, prices, types = (given.table(tables, name) for name in ("products", "prices", "price_types"))
    if len(products) or len(types):
        yield render([("Классификатор", _classifier(products, types, currency))], 1)
    if len(products):
        yield from _products(products)
    if len(prices):
        yield from _offers(prices, currency)
    if len(directory):
        yield from _parties(directory, tables, dialect)


def _opening(tag: str) -> str:
    """The opening tag of a directory. It holds changes only: what is absent must never be deleted in 1C."""
    return f"\t<{opened(tag, {'СодержитТолькоИзменения': 'true'})}>\n"


# ---- Классификатор ----


def _classifier(products: pd.DataFrame, types: pd.DataFrame, currency: str) -> list[Node]:
    """Groups that the paths of products name, and the price types."""
    paths = {path for path in products["group_path"] if path}
    price_types = [_price_type(row, currency) for row in canonical.each(types, PriceType)]
    return [
        ("Ид", CATALOGUE),
        ("Наименование", "Классификатор obmen24"),
        ("Группы", _groups(paths) or None),
        ("ТипыЦен", price_types or None),
    ]


def group_id(path: str) -> str:
    """Ид of a group by its path."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:obmen24:group:{path}"))


def _groups(paths: Iterable[str], above: str = "") -> list[Node]:
    """Nodes of the groups that paths like «А/Б» name, each inside the one before it, by name."""
    below: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition("/")
        inner = below.setdefault(head, [])
        if rest:
            inner.append(rest)
    return [_group(head, below[head], above) for head in sorted(below)]


def _group(name: str, below: Sequence[str], above: str) -> Node:
    """A group with the groups below it; its Ид follows from its path, so it is the same every time."""
    path = f"{above}/{name}" if above else name
    inside = _groups(below, path) or None
    return "Группа", [("Ид", group_id(path)), ("Наименование", name), ("Группы", inside)]


def _price_type(row: PriceType, currency: str) -> Node:
    told: list[Node] = [
        ("Ид", row["id"]),
        ("Наименование", cut(row["name"], NAME)),
        ("Валюта", _currency(row, currency)),
        ("Налог", _price_tax(row)),
    ]
    return ("ТипЦены", told)


def _price_tax(row: PriceType) -> list[Node] | None:
    """Whether VAT is inside the prices of a type; what is not known is not said."""
    if row["vat_included"] is None:
        return None
    return [("Наименование", "НДС"), ("УчтеноВСумме", flag(row["vat_included"]))]


# ---- Каталог ----


def _products(products: pd.DataFrame) -> Iterator[str]:
    head: list[Node] = [
        ("Ид", CATALOGUE),
        ("ИдКлассификатора", CATALOGUE),
        ("Наименование", "Каталог obmen24"),
    ]
    yield _opening("Каталог") + render(head, 2) + "\t\t<Товары>\n"
    for block in given.blocks(products, Product):
        yield render([("Товар", _product(row)) for row in block], 3)
    yield "\t\t</Товары>\n\t</Каталог>\n"


def _product(row: Product) -> list[Node]:
    rate = dialects.rate_text(dialects.DIALECTS["bitrix3"], row["vat_rate"], row["vat_exempt"])
    _, unit_code = clean.unit(row["unit"], row["unit_code"])
    groups: list[Node] | None = [("Ид", group_id(row["group_path"]))] if row["group_path"] else None
    return [
        ("Ид", row["id"]),
        ("НомерВерсии", row["version"]),
        ("ПометкаУдаления", flag(row["deleted"])),
        ("Штрихкод", row["barcode"]),
        ("Артикул", cut(row["article"], NAME)),
        ("Наименование", cut(row["name"], NAME)),
        ("БазоваяЕдиница", unit_code),
        ("Группы", groups),
        ("СтавкиНалогов", rates(rate)),
        ("ЗначенияРеквизитов", _product_requisites(row)),
    ]


def _product_requisites(row: Product) -> list[Node] | None:
    """ТипНоменклатуры, by which 1C tells goods from services, then the product's own requisites."""
    words = {"service": "Услуга", "goods": "Товар"}
    kind = words.get(row["kind"] or "")
    return requisites([("ТипНоменклатуры", kind), *(row["extra"] or {}).items()])


# ---- ПакетПредложений ----


def _offers(prices: pd.DataFrame, currency: str) -> Iterator[str]:
    head: list[Node] = [
        ("Ид", f"{CATALOGUE}#"),
        ("Наименование", "Цены obmen24"),
        ("ИдКаталога", CATALOGUE),
        ("ИдКлассификатора", CATALOGUE),
    ]
    yield _opening("ПакетПредложений") + render(head, 2) + "\t\t<Предложения>\n"
    together = prices.iloc[pd.factorize(prices["product"])[0].argsort(kind="stable")]
    rows = (row for block in given.blocks(together, Price) for row in block)
    for product, own in groupby(rows, key=_product_of):
        yield render([_offer(product, own, currency)], 3)
    yield "\t\t</Предложения>\n\t</ПакетПредложений>\n"


def _product_of(row: Price) -> str:
    return row["product"]


def _offer(product: str, prices: Iterable[Price], currency: str) -> Node:
    nodes: list[Node] = [("Цена", _price(price, currency)) for price in prices]
    return ("Предложение", [("Ид", product), ("Цены", nodes)])


def _price(row: Price, currency: str) -> list[Node]:
    _, unit_code = clean.unit(row["unit"])
    return [
        ("ИдТипаЦены", row["price_type"]),
        ("ИдЕдиницыИзмерения", unit_code),
        ("ЦенаЗаЕдиницу", money(row["price"])),
        ("Валюта", _currency(row, currency)),
    ]


def _currency(row: Price | PriceType, currency: str) -> str | None:
    return None if row["currency"] is None else currency_word(row["currency"], currency)


# ---- Контрагенты ----


def _parties(directory: pd.DataFrame, tables: Tables, dialect: Dialect) -> Iterator[str]:
    accounts = given.grouped(given.table(tables, "accounts"), Account, "party")
    people = given.grouped(given.table(tables, "contacts"), Contact, "party")
    yield _opening("Контрагенты")
    for block in given.blocks(directory, Party):
        nodes: list[Node] = []
        for party in block:
            own_accounts, own_people = accounts.get(party["id"], ()), people.get(party["id"], ())
            nodes.append(("Контрагент", party_3(party, dialect, own_accounts, own_people)))
        yield render(nodes, 2)
    yield "\t</Контрагенты>\n"
