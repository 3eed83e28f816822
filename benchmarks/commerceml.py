"""CommerceML against the limits of DESIGN §10, each ratio measured in one run.

Reading is measured against pyexpat without handlers, writing against lxml (a tree per document and
`tostring`). Every figure is the median of rounds in turn, in processor time. Memory is the peak of a process
of its own.
"""

from __future__ import annotations

import datetime as dt
import io
import pyexpat
import tempfile
from pathlib import Path
from typing import Any

from lxml import etree

from benchmarks import generate_commerceml as generate
from benchmarks.measuring import Row, apart, at_most, peak, ratio, ratios
from etl import xml_safe
from etl.config.dialects import DIALECTS
from etl.extract.commerceml import read as reader
from etl.extract.commerceml.engine.scope import Scope
from etl.load.commerceml import given
from etl.load.commerceml import write as writer
from etl.load.commerceml.documents import document_2
from etl.load.commerceml.text import Attributed

#: records of a file that is read, and what its rows may cost
READ = {"products": (5_000, 1.5), "offers": (10_000, 1.8), "orders": (2_500, 1.8)}
#: records of a file in which no two are alike
SHUFFLED = {"products": 2_000, "orders": 600}
WRITTEN, SMALL, LARGE = 1_500, 1_650, 50_000
CHECK, FRAMES, SHAPES, WRITING, MEMORY_MIB = 1.1, 3.5, 4.0, 1.0, 16.0
_CHUNK = 1 << 16
_MOMENT = dt.datetime(2026, 11, 2, 10)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows: list[Row] = []
        for kind, (count, limit) in READ.items():
            rows += reading(generate.make(folder, kind, count).read_bytes(), kind, limit)
        for kind, count in SHUFFLED.items():
            rows.append(shapes(generate.make(folder, kind, count, shuffled=True).read_bytes(), kind))
        rows.append(writing(generate.make(folder, "orders", WRITTEN)))
        rows.append(memory(folder))
    return rows


# ---- reading -----------------------------------------------------------------------------------------------


def reading(data: bytes, kind: str, limit: float) -> list[Row]:
    """The pass that proves a file, the pass that makes rows of it, and frames, in units of pyexpat."""
    found = ratios(
        lambda: _expat(data),
        {
            "check": lambda: xml_safe.check(io.BytesIO(data), kind),
            "rows": lambda: _rows(data),
            "frames": lambda: _frames(data),
        },
    )
    return [
        at_most(f"CommerceML {kind}: проверка / pyexpat", found["check"], CHECK),
        at_most(f"CommerceML {kind}: строки / pyexpat", found["rows"], limit),
        at_most(f"CommerceML {kind}: таблицы / pyexpat", found["frames"], FRAMES),
    ]


def shapes(data: bytes, kind: str) -> Row:
    """Rows of a file of ever new shapes: nothing that is learnt of one record helps with the next."""
    found = ratio(lambda: _expat(data), lambda: _rows(data))
    return at_most(f"CommerceML {kind}, все разного строения: строки / pyexpat", found, SHAPES)


def _expat(data: bytes) -> None:
    parser = pyexpat.ParserCreate()
    for start in range(0, len(data), _CHUNK):
        parser.Parse(data[start : start + _CHUNK])
    parser.Parse(b"", True)


def _rows(data: bytes) -> int:
    scope = Scope(io.BytesIO(data), "bench")
    count = 0
    for _ in reader.walk(scope):
        if scope.size >= scope.most:
            count += sum(len(rows) for rows in scope.take().values())
    return count


def _frames(data: bytes) -> int:
    return sum(len(frame) for _, frame in reader.read(io.BytesIO(data), name="bench"))


# ---- writing -----------------------------------------------------------------------------------------------


def writing(path: Path) -> Row:
    source = reader.read_tables(path)
    held = {name: source[name] for name in ("documents", "lines", "parties")}
    found = ratio(lambda: _by_tostring(held), lambda: _by_us(held))
    return at_most("CommerceML запись с проверкой / lxml tostring по документу", found, WRITING)


def _by_us(held: dict[str, Any]) -> None:
    writer.write(io.BytesIO(), held, DIALECTS["unf3"], generated_at=_MOMENT)


def _by_tostring(held: dict[str, Any]) -> None:
    """The same documents from the same frames, a small lxml tree each, not verified."""
    target = io.BytesIO()
    dialect = DIALECTS["unf3"]
    for document, lines, parties in given.each_whole(held["documents"], held):
        root = etree.Element("Документ")
        _grow(root, document_2(document, lines, parties, dialect, "руб"))
        target.write(etree.tostring(root, encoding="utf-8", pretty_print=True))


def _grow(parent: Any, children: list[Any]) -> None:
    for tag, value in children:
        if value is None:
            continue
        child = etree.SubElement(parent, tag)
        inner = value
        if isinstance(value, Attributed):
            inner = value.inner
            for name, word in value.attributes.items():
                child.set(name, word)
        if isinstance(inner, list):
            _grow(child, inner)
        else:
            child.text = inner


# ---- memory ------------------------------------------------------------------------------------------------


def memory(folder: Path) -> Row:
    """Peak memory of reading 212 MB less that of 7 MB: the reader must not know how long the file is."""
    small = apart(_read_whole, generate.make(folder, "products", SMALL))
    large = apart(_read_whole, generate.make(folder, "products", LARGE))
    return at_most("CommerceML: память на 212 МБ минус память на 7 МБ, МиБ", large - small, MEMORY_MIB)


def _read_whole(path: Path) -> float:
    """Peak memory of both passes over a file, MiB."""
    with path.open("rb") as stream:
        reader.verify(stream, name=path.name)
        for _ in reader.read(stream, name=path.name):
            pass
    return peak()
