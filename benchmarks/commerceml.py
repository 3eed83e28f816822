"""CommerceML against the limits of DESIGN §10, each ratio measured in one run: `python -m
benchmarks.commerceml`.

Reading is measured against pyexpat without handlers, writing against lxml (a tree per document and
`tostring`). Every figure is the median of alternating rounds in processor time. Memory is the peak of a
process of its own.
"""

from __future__ import annotations

import datetime as dt
import io
import pyexpat
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lxml import etree

from benchmarks import generate_commerceml as generate
from etl import xml_safe
from etl.config.dialects import DIALECTS
from etl.extract.commerceml import read as reader
from etl.extract.commerceml.engine.scope import Scope
from etl.load.commerceml import given
from etl.load.commerceml import write as writer
from etl.load.commerceml.documents import document_2
from etl.load.commerceml.text import Attributed

Result = tuple[str, float, float, bool]
_ROUNDS, _CHUNK = 9, 1 << 16
_MOMENT = dt.datetime(2026, 11, 2, 10)


def run() -> list[Result]:
    """(name, measured ratio or MiB, limit, ok) of each target."""
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for kind, count in (("products", 5_000), ("offers", 10_000), ("orders", 2_500)):
            results += _reading(generate.make(Path(folder), kind, count), kind)
        results += _writing(generate.make(Path(folder), "orders", 1_500))
        results += _memory(Path(folder))
    return results


# ---- reading ----


def _reading(path: Path, kind: str) -> list[Result]:
    data = path.read_bytes()
    ratios = _ratios(
        lambda: _expat(data),
        {
            "проверка": lambda: xml_safe.check(io.BytesIO(data), kind),
            "строки": lambda: _rows(data),
            "таблицы": lambda: _frames(data),
        },
    )
    limits = {"проверка": 1.1, "строки": 2.5, "таблицы": 3.5}
    return [
        (f"CommerceML {kind}: {name} / pyexpat", value, limits[name], value <= limits[name])
        for name, value in ratios.items()
    ]


def _expat(data: bytes) -> None:
    parser = pyexpat.ParserCreate()
    for start in range(0, len(data), _CHUNK):
        parser.Parse(data[start : start + _CHUNK])
    parser.Parse(b"", True)


def _rows(data: bytes) -> int:
    scope, count = Scope(io.BytesIO(data), "bench"), 0
    for _ in reader.walk(scope):
        if scope.size >= 2000:
            count += sum(len(rows) for rows in scope.take().values())
    return count


def _frames(data: bytes) -> int:
    return sum(len(frame) for _, frame in reader.read(io.BytesIO(data), name="bench"))


def _ratios(base: Callable[[], object], variants: dict[str, Callable[[], object]]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(_ROUNDS):
        limit = _timed(base)
        for name, variant in variants.items():
            found[name].append(_timed(variant) / limit)
    return {name: statistics.median(values) for name, values in found.items()}


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


# ---- writing ----


def _writing(path: Path) -> list[Result]:
    source = reader.read_tables(path)
    held = {name: source[name] for name in ("documents", "lines", "parties")}
    ratio = _ratios(lambda: _by_tostring(held), {"запись": lambda: _by_us(held)})["запись"]
    return [("CommerceML запись с проверкой / lxml tostring по документу", ratio, 1.0, ratio <= 1.0)]


def _by_us(held: dict[str, Any]) -> None:
    writer.write(io.BytesIO(), held, DIALECTS["unf3"], generated_at=_MOMENT)


def _by_tostring(held: dict[str, Any]) -> None:
    """The same documents from the same frames, a small lxml tree each, not verified."""
    target, dialect = io.BytesIO(), DIALECTS["unf3"]
    for document, lines, parties in given.each_whole(held["documents"], held):
        root = etree.Element("Документ")
        _grow(root, document_2(document, lines, parties, dialect, "руб"))
        target.write(etree.tostring(root, encoding="utf-8", pretty_print=True))


def _grow(parent: Any, children: list[Any]) -> None:
    for tag, value in children:
        if value is None:
            continue
        child = etree.SubElement(parent, tag)
        inner = value.inner if isinstance(value, Attributed) else value
        if inner is not value:
            child.attrib.update(value.attributes)
        if isinstance(inner, list):
            _grow(child, inner)
        else:
            child.text = inner


# ---- memory ----


def _memory(folder: Path) -> list[Result]:
    """Peak memory of reading 212 MB less that of 7 MB: the reader must not know how long the file is."""
    small, large = (_peak(generate.make(folder, "products", count)) for count in (1_650, 50_000))
    growth = large - small
    return [("CommerceML: память на 212 МБ минус память на 7 МБ, МиБ", growth, 16.0, growth <= 16.0)]


#: not ru_maxrss: a child inherits the peak of the process that started it
_PEAK = """
import sys
from pathlib import Path
from etl.extract.commerceml import read as reader
path = Path(sys.argv[1])
with path.open("rb") as stream:
    reader.verify(stream, name=path.name)
    for _ in reader.read(stream, name=path.name):
        pass
print(int(Path("/proc/self/status").read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1024)
"""


def _peak(path: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    for name, measured, limit, good in run():
        print(f"{'ok ' if good else 'BAD'} {name}: {measured:.2f} (цель {limit})")
