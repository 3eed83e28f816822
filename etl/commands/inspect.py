"""`obmen24 inspect`: what lies in an exchange file. No file is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from etl import tables
from etl.commands.files import Tell, Watched, readable, size_of
from etl.errors import Rejected
from etl.extract.commerceml import inspect as commerceml

_PROVING = 0.15  # part of the time that goes into hashing and proving a file before its records are read


@dataclass(frozen=True)
class Counts:
    """How much of what a file holds; `documents` by kind, `lines` are the rows of documents."""

    products: int = 0
    offers: int = 0
    prices: int = 0
    parties: int = 0
    documents: Mapping[str, int] = field(default_factory=dict)
    lines: int = 0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The account of one file; what only a readable file has is None elsewhere.

    `amount_total` is the sum of the documents, two decimals. `issues` are the first of `issues_total`. `file`
    is the name alone, `path` is as given. `refused` is true for what is no usable CommerceML or no file at
    all.
    """

    file: str
    sha256: str | None = None
    content_hash: str | None = None
    size: int | None = None
    version: str | None = None
    namespace: str | None = None
    encoding: str | None = None
    bom: bool | None = None
    generated_at: str | None = None
    changes_only: bool = False
    counts: Counts
    amount_total: str = "0.00"
    issues_total: int
    issues: list[tables.Record]
    path: str
    refused: bool


def inspect(path: Path, *, limit: int, tell: Tell | None = None) -> Finding:
    """The account of one file with at most `limit` issues; `tell` follows the reading."""
    try:
        account = _read(path, limit, tell)
    except Rejected as error:
        return _unread(path, str(error))
    account["counts"] = Counts(**account["counts"])
    refused = any(issue["entity"] == "file" for issue in account["issues"])
    return Finding(
        **account,
        path=str(path),
        refused=refused,
    )


def _read(path: Path, limit: int, tell: Tell | None) -> dict[str, Any]:
    """The account as the reader of CommerceML gives it.

    A file is passed three times before its records are read.
    """
    size = size_of(path)
    if tell is None:
        with readable(path):
            return commerceml.inspect(path, limit=limit)
    report = tell

    def proving(read: int) -> None:
        """The three passes are the first part; the reading of records goes through the file once more."""
        proven = _PROVING * read / (3 * size)
        report(min(_PROVING, proven))

    def reading(position: int) -> None:
        rest = 1 - _PROVING
        report(_PROVING + rest * position / size)

    watched = cast(Path, Watched(path, proving))
    with readable(path):
        return commerceml.inspect(watched, limit=limit, progress=reading)


def _unread(path: Path, message: str) -> Finding:
    """The account of what could not be opened: nothing counted, one issue."""
    return Finding(
        file=path.name,
        counts=Counts(),
        issues_total=1,
        issues=[dict(tables.issue(message, file=path.name, entity="file"))],
        path=str(path),
        refused=True,
    )
