"""Canonical tables to the CommerceML file that one 1C configuration reads.

`problems` says before writing what this 1C would choke on or misread, and which documents would not pass the
proof; `write` makes the bytes and proves them on the way: every byte is parsed again and checked against our
XSD of the dialect, so a file that `write` returned from is good, and what `problems` has nothing against is
written. The same tables give the same bytes. Rules per dialect: commerceml §6-§9, §13, §15.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Collection, Iterable, Iterator
from typing import Any, BinaryIO

import pandas as pd

from etl import tables as canonical
from etl.config.dialects import Dialect
from etl.errors import Rejected
from etl.load.commerceml import catalogue, checks, given
from etl.load.commerceml.documents import document_2, document_3
from etl.load.commerceml.given import Tables, Whole
from etl.load.commerceml.proof import Proof, schema_path, validate
from etl.load.commerceml.text import Node, render

__all__ = ["problems", "schema_path", "unfit", "validate", "write", "write_parts"]

ROOT = "КоммерческаяИнформация"
_TAIL = f"</{ROOT}>\n"
_SOME_MOMENT = dt.datetime.fromisoformat("2000-01-01T00:00:00")


# ---- what would not be a file ----


def problems(
    tables: Tables,
    dialect: Dialect,
    *,
    day: dt.date,
    vat_rates: Collection[str] | None = None,
    currency: str = "руб",
    organisation: str | None = None,
) -> pd.DataFrame:
    """`issues` of documents (key = documents.id): reject must not be written, warn deserves a look.

    Documents that break none of the rules of `checks` are proved together as `write` does it; only where
    that fails they are tried one by one, so that a value no rule thinks of costs its own document and no
    other. `day` is today: a rate that the law did not have on a document's date is a warning, a document
    without a date is judged by `day`. `vat_rates`: rates the customer's base knows, if it differs from the
    dialect. `currency`: its name of the rouble. `organisation`: that of the exchange node.
    """
    found = checks.problems(
        tables, dialect, day=day, vat_rates=vat_rates, currency=currency, organisation=organisation
    )
    documents = given.table(tables, "documents")
    rejected = set(found[found["severity"] == "reject"]["key"])
    sound = documents[~documents["id"].isin(rejected)]
    if not len(sound) or not _fault(_texts(sound, tables, dialect, currency), dialect):
        return found
    faults = []
    for whole in given.each_whole(sound, tables):
        fault = _fault(_alone(whole, dialect, currency), dialect)
        if fault:
            faults.append(checks.unprovable(whole.document, fault))
    return canonical.concat("issues", [found, canonical.frame("issues", faults)])


def _alone(whole: Whole, dialect: Dialect, currency: str) -> Iterator[str]:
    """The text of one document, made only when it is asked for: a number may be too large to be written."""
    yield _text([whole], dialect, currency)


def unfit(tables: Tables, dialect: Dialect, *, currency: str = "руб") -> str | None:
    """What keeps the directories of the tables from being a file; None: nothing does.

    In Russian, without a full stop.
    """
    return _fault(catalogue.sections(tables, dialect, currency), dialect)


def _fault(texts: Iterable[str], dialect: Dialect) -> str | None:
    """What keeps these texts from being a file, or None."""
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
    """A target that keeps nothing: the bytes are only proved."""

    def write(self, data: Any) -> int:
        return len(data)


# ---- the file ----


def write(
    target: BinaryIO,
    tables: Tables,
    dialect: Dialect,
    *,
    generated_at: dt.datetime,
    currency: str = "руб",
) -> None:
    """Write one file. `generated_at` (local time of 1C, the newest change inside) becomes ДатаФормирования.

    Tables: documents, lines, parties with `document` set; in the extended contract also parties without
    `document` (a directory) with accounts and contacts, products, price_types and prices. `currency` is the
    name of the rouble in that base. Documents keep their order; in the extended contract all documents based
    on one stand in its container. No documents give an empty valid root. Raises Rejected if a value cannot
    stand in XML or the file breaks the schema (call `problems` first), ValueError for tables the dialect has
    no place for.
    """
    write_parts(target, [tables], dialect, generated_at=generated_at, currency=currency)


def write_parts(
    target: BinaryIO,
    parts: Iterable[Tables],
    dialect: Dialect,
    *,
    generated_at: dt.datetime,
    currency: str = "руб",
) -> None:
    """`write` for tables that come in parts, each of whole business groups: memory is that of one part."""
    proof = Proof(target, dialect)
    proof.put(_head(dialect, generated_at))
    for tables in parts:
        for text in _part(tables, dialect, currency):
            proof.put(text)
    proof.put(_TAIL)
    proof.close()


def _part(tables: Tables, dialect: Dialect, currency: str) -> Iterator[str]:
    """Directories of one part of tables, then its documents."""
    if dialect.extended:
        yield from catalogue.sections(tables, dialect, currency)
    else:
        _refuse_directories(tables, dialect)
    yield from _texts(given.table(tables, "documents"), tables, dialect, currency)


def _refuse_directories(tables: Tables, dialect: Dialect) -> None:
    """The file that stock 1C reads holds «Заказ товара» and nothing else (commerceml §0.10, §7)."""
    parties = given.table(tables, "parties")
    extra = [name for name in ("products", "prices", "price_types") if name in tables and len(tables[name])]
    if extra or parties["document"].isna().any():
        raise ValueError(
            f"{dialect.name}: the order file holds documents only, not {extra or 'a directory of parties'}"
        )


def _head(dialect: Dialect, generated_at: dt.datetime) -> str:
    """Byte order mark, declaration and root as the dialect wants them (commerceml §0.11, §0.12)."""
    mark = "\ufeff" if dialect.bom else ""
    space = f' xmlns="{dialect.namespace}"' if dialect.namespace else ""
    version = f'ВерсияСхемы="{dialect.version}"'
    formed = f'ДатаФормирования="{generated_at:%Y-%m-%dT%H:%M:%S}"'
    return f'{mark}<?xml version="1.0" encoding="UTF-8"?>\n<{ROOT}{space} {version} {formed}>\n'


def _texts(documents: pd.DataFrame, tables: Tables, dialect: Dialect, currency: str) -> Iterator[str]:
    """The documents as the dialect holds them: business by business in containers, or one after another."""
    if dialect.extended:
        for business in given.by_business(documents, tables):
            yield _text(business, dialect, currency)
    else:
        for whole in given.each_whole(documents, tables):
            yield _text([whole], dialect, currency)


def _text(business: Iterable[Whole], dialect: Dialect, currency: str) -> str:
    """Documents of one business: a container in the extended contract, flat documents for stock 1C."""
    build = document_3 if dialect.extended else document_2
    nodes: list[Node] = [("Документ", build(*whole, dialect, currency)) for whole in business]
    return render([("Контейнер", nodes)] if dialect.extended else nodes, 1)
