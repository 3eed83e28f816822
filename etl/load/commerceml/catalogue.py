"""Directories of the extended contract: Классификатор with groups and price types, Каталог, ПакетПредложений, Контрагенты."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

import pandas as pd

from etl import tables as canonical
from etl.config import dialects
from etl.config.dialects import Dialect
from etl.load.commerceml.nodes import currency_word, party_3
from etl.load.commerceml.text import Attributed, Node, cut, flag, money, render
from etl.tables import Record
from etl.values import clean

#: the catalogue of this product has one identity for all portals: 1C keys products, not catalogues
CATALOGUE = str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:obmen24:catalogue"))
_BLOCK = 1000
_CHANGES = {"СодержитТолькоИзменения": "true"}  # absence must never delete


def sections(tables: Mapping[str, pd.DataFrame], dialect: Dialect, currency: str) -> Iterator[str]:
    """The texts of all directories that the tables hold, in portions. `currency` is the base's name of the rouble."""
    parties = tables.get("parties", canonical.frame("parties"))
    directory = parties[parties["document"].isna()]
    products, prices, types = (
        tables.get(name, canonical.frame(name)) for name in ("products", "prices", "price_types")
    )
    if len(products) or len(types):
        yield render([("Классификатор", _classifier(products, types, currency))], 1)
    if len(products):
        yield from _products(products)
    if len(prices):
        yield from _offers(prices, currency)
    if len(directory):
        yield from _parties(directory, tables, dialect)


def _classifier(products: pd.DataFrame, types: pd.DataFrame, currency: str) -> list[Node]:
    paths = sorted({path for path in products["group_path"] if path})
    price_types = [("ТипЦены", _price_type(row, currency)) for row in canonical.records(types)]
    return [
        ("Ид", CATALOGUE),
        ("Наименование", "Классификатор obmen24"),
        ("Группы", _groups(paths) or None),
        ("ТипыЦен", price_types or None),
    ]


def group_id(path: str) -> str:
    """Ид of a group by its path."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:obmen24:group:{path}"))


def _groups(paths: list[str], above: str = "") -> list[Node]:
    heads = sorted({path.partition("/")[0] for path in paths})
    nodes: list[Node] = []
    for head in heads:
        full = f"{above}/{head}" if above else head
        below = _groups(
            [rest for path in paths for first, _, rest in [path.partition("/")] if first == head and rest],
            full,
        )
        nodes.append(("Группа", [("Ид", group_id(full)), ("Наименование", head), ("Группы", below or None)]))
    return nodes


def _price_type(row: Record, currency: str) -> list[Node]:
    tax = (
        None
        if row["vat_included"] is None
        else [("Наименование", "НДС"), ("УчтеноВСумме", flag(row["vat_included"]))]
    )
    return [
        ("Ид", row["id"]),
        ("Наименование", cut(row["name"], 250)),
        ("Валюта", _currency(row, currency)),
        ("Налог", tax),
    ]


def _products(products: pd.DataFrame) -> Iterator[str]:
    head = [("Ид", CATALOGUE), ("ИдКлассификатора", CATALOGUE), ("Наименование", "Каталог obmen24")]
    yield _open("Каталог", _CHANGES) + render(head, 2) + "\t\t<Товары>\n"
    for block in _blocks(products):
        yield render([("Товар", _product(row)) for row in block], 3)
    yield "\t\t</Товары>\n\t</Каталог>\n"


def _product(row: Record) -> list[Node]:
    rate = dialects.rate_text(dialects.DIALECTS["bitrix3"], row["vat_rate"], row["vat_exempt"])
    kind = "Услуга" if row["kind"] == "service" else "Товар"
    pairs = [("ТипНоменклатуры", kind if row["kind"] else None), *(row["extra"] or {}).items()]
    requisites = [
        ("ЗначениеРеквизита", [("Наименование", name), ("Значение", cut(value, 1000))])
        for name, value in pairs
        if value
    ]
    return [
        ("Ид", row["id"]),
        ("НомерВерсии", row["version"]),
        ("ПометкаУдаления", flag(row["deleted"])),
        ("Штрихкод", row["barcode"]),
        ("Артикул", cut(row["article"], 250)),
        ("Наименование", cut(row["name"], 250)),
        ("БазоваяЕдиница", clean.unit(row["unit"], row["unit_code"])[1]),
        ("Группы", [("Ид", group_id(row["group_path"]))] if row["group_path"] else None),
        ("СтавкиНалогов", [("СтавкаНалога", [("Наименование", "НДС"), ("Ставка", rate)])] if rate else None),
        ("ЗначенияРеквизитов", requisites or None),
    ]


def _offers(prices: pd.DataFrame, currency: str) -> Iterator[str]:
    head = [
        ("Ид", f"{CATALOGUE}#"),
        ("Наименование", "Цены obmen24"),
        ("ИдКаталога", CATALOGUE),
        ("ИдКлассификатора", CATALOGUE),
    ]
    yield _open("ПакетПредложений", _CHANGES) + render(head, 2) + "\t\t<Предложения>\n"
    ordered = prices.iloc[pd.factorize(prices["product"])[0].argsort(kind="stable")]
    product: str | None = None
    held: list[Record] = []
    for block in _blocks(ordered):
        for row in block:
            if held and row["product"] != product:
                yield _offer(product, held, currency)
                held = []
            product = row["product"]
            held.append(row)
    yield _offer(product, held, currency) + "\t\t</Предложения>\n\t</ПакетПредложений>\n"


def _offer(product: str | None, prices: list[Record], currency: str) -> str:
    nodes = [
        (
            "Цена",
            [
                ("ИдТипаЦены", price["price_type"]),
                ("ИдЕдиницыИзмерения", _unit_code(price["unit"])),
                ("ЦенаЗаЕдиницу", money(price["price"])),
                ("Валюта", _currency(price, currency)),
            ],
        )
        for price in prices
    ]
    return render([("Предложение", [("Ид", product), ("Цены", nodes)])], 3)


def _currency(row: Record, currency: str) -> str | None:
    return None if row["currency"] is None else currency_word(row["currency"], currency)


def _unit_code(unit: str | None) -> str | None:
    return clean.unit(unit)[1]


def _parties(directory: pd.DataFrame, tables: Mapping[str, pd.DataFrame], dialect: Dialect) -> Iterator[str]:
    accounts, people = (
        _by_party(tables.get(name, canonical.frame(name))) for name in ("accounts", "contacts")
    )
    yield _open("Контрагенты", _CHANGES)
    for block in _blocks(directory):
        yield render(
            [
                ("Контрагент", party_3(row, dialect, accounts.get(row["id"], ()), people.get(row["id"], ())))
                for row in block
            ],
            2,
        )
    yield "\t</Контрагенты>\n"


def _by_party(frame: pd.DataFrame) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = {}
    for row in canonical.records(frame):
        grouped.setdefault(row["party"], []).append(row)
    return grouped


def _blocks(frame: pd.DataFrame) -> Iterator[list[Record]]:
    for start in range(0, len(frame), _BLOCK):
        yield canonical.records(frame.iloc[start : start + _BLOCK])


def _open(tag: str, attributes: dict[str, str]) -> str:
    return render([(tag, Attributed(attributes, None))], 1).replace("/>", ">")
