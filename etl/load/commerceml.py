"""Canonical tables to the CommerceML file that one 1C configuration reads.

`problems` says before writing what this 1C would choke on or misread; `write` makes the bytes and proves them on the way:
every byte is parsed again and checked against our XSD of the dialect, so a file that `write` returned from is good.
The same tables give the same bytes. Rules per dialect: reference/commerceml §6-§9, §13, §15.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy
import pandas as pd
from lxml import etree

from etl import tables as canonical
from etl import xml_safe
from etl.dialects import DIALECTS, Dialect
from etl.errors import Rejected
from etl.load import commerceml_catalogue as catalogue
from etl.load import commerceml_nodes as nodes
from etl.load.commerceml_checks import problems
from etl.load.commerceml_text import ILLEGAL, Node, render
from etl.tables import Record

__all__ = ["problems", "schema_path", "validate", "write", "write_parts"]

ROOT = "КоммерческаяИнформация"
_BLOCK = 1000


def write(target: BinaryIO, tables: Mapping[str, pd.DataFrame], dialect: Dialect, *, generated_at: dt.datetime,
          currency: str = "руб") -> None:
    """Write one file. `generated_at` (local time of 1C, the newest change inside) becomes ДатаФормирования.

    Tables: documents, lines, parties with `document` set; in the extended contract also parties without `document`
    (a directory) with accounts and contacts, products, price_types and prices. `currency` is the name of the rouble in that base.
    Documents keep their order; in the extended contract all documents based on one stand in its container. No documents
    give an empty valid root. Raises Rejected if a value cannot stand in XML or the file breaks the schema (call `problems`
    first), ValueError for tables that the dialect has no place for.
    """
    write_parts(target, [tables], dialect, generated_at=generated_at, currency=currency)


def write_parts(target: BinaryIO, parts: Iterable[Mapping[str, pd.DataFrame]], dialect: Dialect, *, generated_at: dt.datetime,
                currency: str = "руб") -> None:
    """`write` for tables that come part by part, each holding whole business groups: memory is that of one part."""
    proof = _Proof(target, dialect)
    proof.put(_head(dialect, generated_at))
    for tables in parts:
        _refuse_foreign(tables, dialect)
        for text in catalogue.sections(tables, dialect, currency) if dialect.extended else ():
            proof.put(text)
        documents = tables.get("documents", canonical.frame("documents"))
        for text in _containers(documents, tables, dialect, currency) if dialect.extended else _flat(documents, tables, dialect, currency):
            proof.put(text)
    proof.put(f"</{ROOT}>\n")
    proof.close()


def _refuse_foreign(tables: Mapping[str, pd.DataFrame], dialect: Dialect) -> None:
    if dialect.extended:
        return
    parties = tables.get("parties", canonical.frame("parties"))
    extra = [name for name in ("products", "prices", "price_types") if name in tables and len(tables[name])]
    if extra or parties["document"].isna().any():
        raise ValueError(f"{dialect.name}: the order file holds documents only, not {extra or 'a directory of parties'}")


def _head(dialect: Dialect, generated_at: dt.datetime) -> str:
    space = f' xmlns="{dialect.namespace}"' if dialect.namespace else ""
    mark = "\ufeff" if dialect.bom else ""
    return (f'{mark}<?xml version="1.0" encoding="UTF-8"?>\n<{ROOT}{space} ВерсияСхемы="{dialect.version}" '
            f'ДатаФормирования="{generated_at:%Y-%m-%dT%H:%M:%S}">\n')


def _flat(documents: pd.DataFrame, tables: Mapping[str, pd.DataFrame], dialect: Dialect, currency: str) -> Iterator[str]:
    for document, lines, parties in _grouped(documents, tables):
        yield render([("Документ", nodes.document_2(document, lines, parties, dialect, currency))], 1)


def _containers(documents: pd.DataFrame, tables: Mapping[str, pd.DataFrame], dialect: Dialect, currency: str) -> Iterator[str]:
    groups = _business_groups(documents)
    order = numpy.argsort(groups, kind="stable")
    held: list[Node] = []
    group = None
    for position, (document, lines, parties) in zip(order, _grouped(documents.iloc[order], tables), strict=True):
        if held and groups[position] != group:
            yield render([("Контейнер", held)], 1)
            held = []
        group = groups[position]
        held.append(("Документ", nodes.document_3(document, lines, parties, dialect, currency)))
    if held:
        yield render([("Контейнер", held)], 1)


def _business_groups(documents: pd.DataFrame) -> Any:
    """For each document the position of the one that its business begins with, following Основание inside the file."""
    position = {key: number for number, key in enumerate(documents["id"])}
    parent = [position.get(basis, number) for number, basis in enumerate(documents["basis"])]
    groups = []
    for start in range(len(parent)):
        last, seen = start, {start}
        while parent[last] not in seen:
            last = parent[last]
            seen.add(last)
        groups.append(last if parent[last] == last else min(seen))      # a circle belongs to its first document
    return numpy.array(groups, dtype=int)


def _grouped(documents: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[Record, list[Record], list[Record]]]:
    """Each document with its lines by position and its parties, a block of documents at a time."""
    keys = pd.Index(documents["id"])
    details = [_Details(tables.get(name, canonical.frame(name)), keys) for name in ("lines", "parties")]
    for start in range(0, len(documents), _BLOCK):
        block = canonical.records(documents.iloc[start:start + _BLOCK])
        found = [detail.block(start, len(block)) for detail in details]
        for document, lines, parties in zip(block, *found, strict=True):
            yield document, sorted(lines, key=lambda line: line["position"]), parties


class _Details:
    """Rows of a table by the document they belong to."""

    def __init__(self, frame: pd.DataFrame, keys: pd.Index) -> None:
        codes = keys.get_indexer(pd.Index(frame["document"]))
        self.frame, self.rows = frame, numpy.argsort(codes, kind="stable")
        self.starts = numpy.searchsorted(codes[self.rows], numpy.arange(len(keys) + 1))

    def block(self, start: int, count: int) -> list[list[Record]]:
        bounds = self.starts[start:start + count + 1]
        rows = canonical.records(self.frame.iloc[self.rows[bounds[0]:bounds[-1]]])
        return [rows[low - bounds[0]:high - bounds[0]] for low, high in pairwise(bounds)]


class _Proof:
    """Writes the bytes and proves the same bytes: no forbidden character, well formed, valid against our XSD."""

    def __init__(self, target: BinaryIO, dialect: Dialect) -> None:
        self.target, self.dialect = target, dialect
        self.parser = etree.XMLParser(target=cast(Any, _Nothing()), schema=_schema(dialect.schema), **xml_safe.PARSER)

    def put(self, text: str) -> None:
        if found := ILLEGAL.search(text):
            raise Rejected(f"Файл для 1С не записан: в данных есть запрещённый в XML символ U+{ord(found[0]):04X}.",
                           "Уберите его из карточки на портале.", place=_near(text, found.start()))
        data = text.encode("utf-8")
        self.target.write(data)
        with xml_safe.refusing("для 1С"):
            self.parser.feed(data)

    def close(self) -> None:
        with xml_safe.refusing("для 1С"):
            self.parser.close()
        faults = _sentences(self.parser.feed_error_log)
        if faults:
            raise Rejected(f"Файл для 1С не прошёл проверку по схеме {self.dialect.schema}: {'; '.join(faults[:5])}.",
                           "Исправьте эти значения на портале; если они верны, сообщите разработчику.", place=faults[0])


def _near(text: str, position: int) -> str:
    number = text.rfind("<Номер>", 0, position)
    return f"Документ {text[number + 7:text.find('<', number + 7)]}" if number >= 0 else ""


class _Nothing:
    def close(self) -> None:
        return None


# ---- our schemas ---------------------------------------------------------------------------------------------------

def schema_path(name: str) -> Path:
    """A file of `schemas/`: beside the package in the repository, inside it when installed."""
    here = Path(__file__).resolve().parent.parent
    return next(path for path in (here.parent / "schemas" / name, here / "schemas" / name) if path.exists())


def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(schema_path(name).read_bytes()))


def validate(path_or_stream: Path | BinaryIO, dialect_name: str) -> list[str]:
    """What in a file breaks our schema of the dialect, as Russian sentences (at most 100); empty = valid.

    Values are not repeated: a log must not hold personal data. Raises Rejected for a broken file.
    """
    if isinstance(path_or_stream, Path):
        with path_or_stream.open("rb") as stream:
            return _validate(stream, path_or_stream.name, DIALECTS[dialect_name])
    return _validate(path_or_stream, "из потока", DIALECTS[dialect_name])


def _validate(stream: BinaryIO, name: str, dialect: Dialect) -> list[str]:
    xml_safe.check(stream, name)
    encoding = xml_safe.sniff(stream, name)
    parser = etree.XMLParser(target=cast(Any, _Nothing()), schema=_schema(dialect.schema), encoding=encoding.name, **xml_safe.PARSER)
    stream.seek(encoding.bom)
    while chunk := stream.read(xml_safe.CHUNK):
        with xml_safe.refusing(name):
            parser.feed(chunk)
    with xml_safe.refusing(name):
        parser.close()
    return _sentences(parser.feed_error_log)


_KINDS = {"ELEMENT_CONTENT": "стоит не на месте или не хватает соседних элементов",
          "CVC_ELT_1": "корневой элемент не тот (или другое пространство имён)",
          "ATTRIBUTE": "атрибут отсутствует или не подходит", "COMPLEX_TYPE": "содержимое элемента или его атрибуты не подходят"}


def _sentences(log: Any) -> list[str]:
    found: dict[str, int] = {}
    for entry in log:
        _, _, tail = entry.message.partition("'")
        tag = xml_safe.local(tail.partition("'")[0])
        said = next((words for mark, words in _KINDS.items() if mark in entry.type_name), "значение не подходит по длине или виду")
        sentence = f"элемент «{tag}»: {said}"
        found[sentence] = found.get(sentence, 0) + 1
    return [f"{sentence} ({count} раз)" if count > 1 else sentence for sentence, count in list(found.items())[:100]]
