"""All real and example files of the shared collection: counts equal a count made another way, order files survive a round trip."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from etl import tables
from etl.config.dialects import DIALECTS
from etl.errors import Rejected
from etl.extract.commerceml import read as reader
from etl.extract.commerceml.inspect import inspect
from etl.load.commerceml import write as writer
from tests.support.paths import SHARED

FOLDER = SHARED / "commerceml" / "samples"
FILES = sorted(FOLDER.rglob("*.xml"))
pytestmark = pytest.mark.skipif(not FILES, reason="общая коллекция CommerceML не подключена")

KINDS = {"Заказ товара": "order", "Эквайринговая операция": "payment"}


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def counted(path: Path) -> tuple[dict[str, object], Decimal]:
    """The counts of the issue by a whole-tree walk that knows each element's ancestors."""
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    total = Decimal(0)
    waiting = [(ET.fromstring(path.read_bytes()), ())]
    while waiting:
        element, above = waiting.pop()
        name, in_document = local(element), {"Документ", "ПодчиненныйДокумент"} & set(above)
        if name in ("Документ", "ПодчиненныйДокумент"):
            values = {local(child): child.text for child in element}
            kinds[KINDS[(values["ХозОперация"] or "").strip()]] += 1
            total += Decimal(values.get("Сумма") or 0)
        counts["lines"] += name == "Товар" and bool(in_document)
        counts["products"] += name == "Товар" and "Каталог" in above
        counts["offers"] += name == "Предложение"
        counts["prices"] += name == "Цена" and "Цены" in above
        counts["parties"] += name == "Контрагент" and not in_document
        waiting += [(child, (*above, name)) for child in element]
    names = ("products", "offers", "prices", "parties", "lines")
    return {**{key: counts[key] for key in names}, "documents": dict(kinds)}, total


def broken(path: Path) -> bool:
    return "MALFORMED" in path.name


def test_the_collection_is_complete() -> None:
    assert len(FILES) == 97


@pytest.mark.parametrize(
    "path", [path for path in FILES if not broken(path)], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_counts_and_rows_equal_an_independent_count(path: Path) -> None:
    found = inspect(path)
    counts, total = counted(path)
    assert found["counts"] == counts
    assert Decimal(found["amount_total"]) == total
    assert found["issues"] == []
    read = reader.read_tables(path)
    assert len(read["products"]) == counts["products"]
    assert len(read["lines"]) == counts["lines"]
    assert len(read["documents"]) == sum(counts["documents"].values())
    assert len(read["prices"]) <= counts["prices"]
    for name in ("products", "documents", "lines", "parties", "prices", "stock", "price_types"):
        assert tables.check(name, read[name])[1].empty, name


@pytest.mark.parametrize("path", [path for path in FILES if broken(path)], ids=lambda path: path.name)
def test_malformed_samples_are_one_issue(path: Path) -> None:
    found = inspect(path)
    assert found["issues_total"] == 1
    assert found["issues"][0]["place"].startswith("строка ")
    with pytest.raises(Rejected):
        reader.read_tables(path)


# ---- round trip of the order files ---------------------------------------------------------------------------------

#: what only 1C may say: our order file for stock 1C does not carry it (CONTRACT of docs/contract-1c.ru.md)
ONLY_1C_SAYS = [
    "number_1c",
    "date_1c",
    "posted",
    "deleted",
    "version",
    "closed",
    "paid",
    "paid_number",
    "paid_on",
    "shipped",
    "shipped_number",
    "shipped_on",
    "basis",
    "basis_number",
]
#: fields of an order party that a stock order file has no element for or that 1C derives itself
ELSEWHERE = ["version", "deleted", "extra"]


#: samples that hold a document without a client, or whose client has no name
UNFIT = ("bitrix-query-response-full.xml", "off-doc-1c_orders_3docs.xml", "bitrix-module-6_documents_2.xml")


def orders(path: Path) -> bool:
    return (
        not broken(path)
        and "<ХозОперация>".encode(
            "cp1251" if "cp1251" in path.name or "bitrix-query" in path.name else "utf-8"
        )
        in path.read_bytes()
    )


def dialect_of(path: Path) -> str:
    version = inspect(path)["version"] or ""
    return "bitrix3" if version.startswith("3") else "ut103" if version in ("2.03", "2.04") else "ut11"


@pytest.mark.parametrize(
    "path", [path for path in FILES if orders(path)], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_order_samples_survive_their_own_dialect(path: Path, tmp_path: Path) -> None:
    dialect = DIALECTS[dialect_of(path)]
    first = writable(reader.read_tables(path), path)
    target = tmp_path / "again.xml"
    with target.open("wb") as stream:
        writer.write(stream, first, dialect, generated_at=datetime(2026, 11, 2))
    again = reader.read_tables(target)
    for name, dropped in (("documents", ONLY_1C_SAYS), ("lines", []), ("parties", ELSEWHERE)):
        skipped = ["file", "place", *(dropped if not dialect.extended or name == "parties" else ())]
        assert same(tables.records(first[name]), tables.records(again[name]), skipped), name


#: what a source may leave out and 1C needs: the writer fills it in
DEFAULTS = {"vat_included", "vat_amount", "kind", "unit", "unit_code", "role", "full_name"}


def same(first: list[dict[str, object]], again: list[dict[str, object]], skipped: list[str]) -> bool:
    changed = [
        (key, before[key], after[key])
        for before, after in zip(first, again, strict=True)
        for key in before
        if before[key] != after[key] and key not in skipped and not (before[key] is None and key in DEFAULTS)
    ]
    return changed == []


def writable(read: dict[str, pd.DataFrame], path: Path) -> dict[str, pd.DataFrame]:
    """Documents that 1C could take: examples of sites have documents without a client or without its name, `problems` names them."""
    found = writer.problems(read, DIALECTS["bitrix3"], day=datetime(2026, 11, 2).date())
    unfit = set(found[found["field"] == "party"]["key"])
    assert bool(unfit) == (path.name in UNFIT), unfit
    documents = read["documents"][~read["documents"]["id"].isin(unfit)]
    keep = set(documents["id"])
    return {
        "documents": documents,
        **{name: read[name][read[name]["document"].isin(keep)] for name in ("lines", "parties")},
    }


def test_the_same_content_has_one_hash() -> None:
    """The folder of one shop held 5223 files with five contents: ДатаФормирования must not count."""
    data = (FOLDER / "RBDI__epc" / "orders-1doc.xml").read_bytes()
    later = data.replace('ДатаФормирования="'.encode(), 'ДатаФормирования="1'.encode(), 1)
    assert reader.content_hash(io.BytesIO(data)) == reader.content_hash(io.BytesIO(later))
    assert reader.content_hash(io.BytesIO(data)) != reader.content_hash(
        io.BytesIO(data.replace(b"4512", b"4513"))
    )
