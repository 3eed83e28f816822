"""Canonical tables to the CommerceML file that one 1C configuration reads.

`problems` says before writing what this 1C would choke on or misread, and which documents would not pass the proof; `write`
makes the bytes and proves them on the way: every byte is parsed again and checked against our XSD of the dialect, so a file
that `write` returned from is good, and what `problems` has nothing against is written.
The same tables give the same bytes. Rules per dialect: reference/commerceml §6-§9, §13, §15.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, BinaryIO

import numpy
import pandas as pd

from etl import tables as canonical
from etl.config.dialects import Dialect
from etl.errors import Rejected
from etl.load.commerceml import catalogue, checks, nodes
from etl.load.commerceml.proof import Proof, schema_path, validate
from etl.load.commerceml.text import Node, render
from etl.tables import Record

__all__ = ["problems", "schema_path", "unfit", "validate", "write", "write_parts"]

ROOT = "КоммерческаяИнформация"
_TAIL = f"</{ROOT}>\n"
_BLOCK = 1000
_SOME_MOMENT = dt.datetime.fromisoformat("2000-01-01T00:00:00")


def problems(
    tables: Mapping[str, pd.DataFrame],
    dialect: Dialect,
    *,
    day: dt.date,
    vat_rates: Collection[str] | None = None,
    currency: str = "руб",
) -> pd.DataFrame:
    """`issues` of the documents that must not be written (severity reject, key = documents.id) or deserve a look (warn).

    Documents that break none of the rules of `commerceml_checks` are proved together as `write` does it; only where that
    fails they are tried one by one, so that a value no rule thinks of costs its own document and no other. `day` is
    today: a rate that the law did not have on a document's date is a warning, a document without a date is judged by `day`.
    `vat_rates` = rates the customer's base knows, if it differs from the dialect. `currency` = its name of the rouble.
    """
    found = checks.problems(tables, dialect, day=day, vat_rates=vat_rates, currency=currency)
    documents = tables.get("documents", canonical.frame("documents"))
    bad = set(found[found["severity"] == "reject"]["key"])
    sound = documents[[key not in bad for key in documents["id"]]]
    if not len(sound) or not _fault(_texts(sound, tables, dialect, currency), dialect):
        return found
    faults = [
        checks.unprovable(document, fault)
        for document, lines, parties in _grouped(sound, tables)
        if (fault := _fault(_texts_of(document, lines, parties, dialect, currency), dialect))
    ]
    return canonical.concat("issues", [found, canonical.frame("issues", faults)])


def unfit(tables: Mapping[str, pd.DataFrame], dialect: Dialect, *, currency: str = "руб") -> str | None:
    """What keeps the directories among the tables from being a file, in Russian without a full stop; None: nothing does."""
    return _fault(catalogue.sections(tables, dialect, currency), dialect)


def _fault(texts: Iterable[str], dialect: Dialect) -> str | None:
    """What keeps these documents from being a file, or None."""
    proof = Proof(_Nowhere(), dialect)
    try:
        proof.put(_head(dialect, _SOME_MOMENT))
        for text in texts:
            proof.put(text)
        proof.put(_TAIL)
        proof.close()
    except Rejected as refused:
        return (refused.place or refused.message).rstrip(".")
    except ArithmeticError:
        return "число больше, чем помещается в файл"
    return None


class _Nowhere(io.BytesIO):
    def write(self, data: Any) -> int:
        return len(data)


def write(
    target: BinaryIO,
    tables: Mapping[str, pd.DataFrame],
    dialect: Dialect,
    *,
    generated_at: dt.datetime,
    currency: str = "руб",
) -> None:
    """Write one file. `generated_at` (local time of 1C, the newest change inside) becomes ДатаФормирования.

    Tables: documents, lines, parties with `document` set; in the extended contract also parties without `document`
    (a directory) with accounts and contacts, products, price_types and prices. `currency` is the name of the rouble in that base.
    Documents keep their order; in the extended contract all documents based on one stand in its container. No documents
    give an empty valid root. Raises Rejected if a value cannot stand in XML or the file breaks the schema (call `problems`
    first), ValueError for tables that the dialect has no place for.
    """
    write_parts(target, [tables], dialect, generated_at=generated_at, currency=currency)


def write_parts(
    target: BinaryIO,
    parts: Iterable[Mapping[str, pd.DataFrame]],
    dialect: Dialect,
    *,
    generated_at: dt.datetime,
    currency: str = "руб",
) -> None:
    """`write` for tables that come part by part, each holding whole business groups: memory is that of one part."""
    proof = Proof(target, dialect)
    proof.put(_head(dialect, generated_at))
    for tables in parts:
        _refuse_foreign(tables, dialect)
        for text in catalogue.sections(tables, dialect, currency) if dialect.extended else ():
            proof.put(text)
        documents = tables.get("documents", canonical.frame("documents"))
        for text in _texts(documents, tables, dialect, currency):
            proof.put(text)
    proof.put(_TAIL)
    proof.close()


def _refuse_foreign(tables: Mapping[str, pd.DataFrame], dialect: Dialect) -> None:
    if dialect.extended:
        return
    parties = tables.get("parties", canonical.frame("parties"))
    extra = [name for name in ("products", "prices", "price_types") if name in tables and len(tables[name])]
    if extra or parties["document"].isna().any():
        raise ValueError(
            f"{dialect.name}: the order file holds documents only, not {extra or 'a directory of parties'}"
        )


def _head(dialect: Dialect, generated_at: dt.datetime) -> str:
    space = f' xmlns="{dialect.namespace}"' if dialect.namespace else ""
    mark = "\ufeff" if dialect.bom else ""
    return (
        f'{mark}<?xml version="1.0" encoding="UTF-8"?>\n<{ROOT}{space} ВерсияСхемы="{dialect.version}" '
        f'ДатаФормирования="{generated_at:%Y-%m-%dT%H:%M:%S}">\n'
    )


def _texts(
    documents: pd.DataFrame, tables: Mapping[str, pd.DataFrame], dialect: Dialect, currency: str
) -> Iterator[str]:
    if dialect.extended:
        yield from _containers(documents, tables, dialect, currency)
        return
    for document, lines, parties in _grouped(documents, tables):
        yield from _texts_of(document, lines, parties, dialect, currency)


def _texts_of(
    document: Record, lines: list[Record], parties: list[Record], dialect: Dialect, currency: str
) -> Iterator[str]:
    """One document alone."""
    if dialect.extended:
        yield render(
            [("Контейнер", [("Документ", nodes.document_3(document, lines, parties, dialect, currency))])], 1
        )
    else:
        yield render([("Документ", nodes.document_2(document, lines, parties, dialect, currency))], 1)


def _containers(
    documents: pd.DataFrame, tables: Mapping[str, pd.DataFrame], dialect: Dialect, currency: str
) -> Iterator[str]:
    groups = _business_groups(documents)
    order = numpy.argsort(groups, kind="stable")
    held: list[Node] = []
    group = None
    for position, (document, lines, parties) in zip(
        order, _grouped(documents.iloc[order], tables), strict=True
    ):
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
        groups.append(last if parent[last] == last else min(seen))  # a circle belongs to its first document
    return numpy.array(groups, dtype=int)


def _grouped(
    documents: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[Record, list[Record], list[Record]]]:
    """Each document with its lines by position and its parties, a block of documents at a time."""
    keys = pd.Index(documents["id"])
    details = [_Details(tables.get(name, canonical.frame(name)), keys) for name in ("lines", "parties")]
    for start in range(0, len(documents), _BLOCK):
        block = canonical.records(documents.iloc[start : start + _BLOCK])
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
        bounds = self.starts[start : start + count + 1]
        rows = canonical.records(self.frame.iloc[self.rows[bounds[0] : bounds[-1]]])
        return [rows[low - bounds[0] : high - bounds[0]] for low, high in pairwise(bounds)]
