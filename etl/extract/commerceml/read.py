"""CommerceML files into the canonical tables, in two passes: `verify` proves a file, `read` streams it with
flat memory.

What goes where: `elements`. How it is read: `engine`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from etl import tables
from etl.extract.commerceml.elements import COMMERCEML
from etl.extract.commerceml.engine import fast, tree
from etl.extract.commerceml.engine.entries import Vocabulary
from etl.extract.commerceml.engine.scope import Scope
from etl.extract.commerceml.verify import FileInfo, content_hash, verify

__all__ = ["READS", "FileInfo", "content_hash", "read", "read_tables", "verify", "walk"]

log = logging.getLogger(__name__)

Engine = Callable[[Scope, Vocabulary], Iterator[None]]
#: the second reads what the first stumbles over
ENGINES: Sequence[Engine] = (fast.walk, tree.walk)
#: what a program raises that did not expect its input; a broken file is Rejected, a broken disk an OSError
_STUMBLED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)

#: the tables that this reader fills
READS = (
    "parties",
    "accounts",
    "contacts",
    "products",
    "price_types",
    "prices",
    "stock",
    "documents",
    "lines",
    "issues",
)


def read(stream: BinaryIO, *, name: str, chunk: int = 2000) -> Iterator[tuple[str, pd.DataFrame]]:
    """Pass 2: (table, frame) in chunks of about `chunk` rows; a document comes with its lines and parties in
    one chunk.

    Tables: parties, accounts, contacts, products, price_types, prices, stock, documents, lines, issues.
    Amounts are Decimal in the currency of the row. A record that cannot be read is an issue (severity reject)
    and nothing else. `documents.basis_number` is resolved when the basis stands before within the last 10,000
    documents. Memory does not grow with the file. Raises Rejected if the file is broken after all.
    """
    scope = Scope(stream, name, chunk)
    for _ in walk(scope):
        if scope.size >= chunk:
            yield from _frames(scope)
    yield from _frames(scope)


def _frames(scope: Scope) -> Iterator[tuple[str, pd.DataFrame]]:
    for table, rows in scope.take().items():
        if rows:
            yield table, tables.frame(table, rows)


def walk(scope: Scope, engines: Sequence[Engine] = ENGINES) -> Iterator[None]:
    """Read record after record into the scope; yields after each or some of them. Raises Rejected.

    If an engine stumbles, the next one begins anew: rows that the scope has handed out by then are not handed
    out twice.
    """
    engine, *others = engines
    try:
        yield from engine(scope, COMMERCEML)
    except _STUMBLED as error:
        if not others:
            raise
        log.warning("%s: %s in the fast reading, the plain one begins anew", scope.file, type(error).__name__)
        scope.start()
        yield from walk(scope, others)


def read_tables(path: Path, *, name: str | None = None) -> dict[str, pd.DataFrame]:
    """Both passes over one file, all tables whole: for files that fit into memory. Raises Rejected."""
    name = name or path.name
    parts: dict[str, list[pd.DataFrame]] = {table: [] for table in READS}
    with path.open("rb") as stream:
        verify(stream, name=name)
        for table, part in read(stream, name=name):
            parts[table].append(part)
    return {table: tables.concat(table, parts[table]) for table in READS}
