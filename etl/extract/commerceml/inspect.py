"""What a person asks about a file of CommerceML: what it is and what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from etl import tables
from etl.errors import Rejected
from etl.extract.commerceml.engine.scope import Scope
from etl.extract.commerceml.read import walk
from etl.extract.commerceml.verify import FileInfo, content_hash, verify

_COUNTED = ("products", "offers", "prices", "parties")
Progress = Callable[[int], None]


@dataclass(slots=True)
class _Sums:
    """What was found so far; `limit`: the most issues to be listed."""

    limit: int | None
    amount: Decimal = Decimal(0)
    issues_total: int = 0
    issues: list[tables.Record] = field(default_factory=list)

    def take(self, rows: dict[str, list[tables.Record]]) -> None:
        for document in rows.get("documents", ()):
            if document.get("amount") is not None:
                self.amount += document["amount"]
        self.take_issues(rows.get("issues", []))

    def take_issues(self, found: list[tables.Record]) -> None:
        self.issues_total += len(found)
        if self.limit is not None:
            found = found[: max(0, self.limit - len(self.issues))]
        self.issues += found


def inspect(path: Path, *, limit: int | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """What a file is and holds, as the JSON of `obmen24 inspect`; a broken or foreign file is one issue,
    never an exception.

    `counts`: products = every Товар of a Каталог, offers = every Предложение, prices = every Цена of them,
    parties = every Контрагент outside documents, documents = kind -> number (nested and contained ones too),
    lines = every Товар of a document. `amount_total` = sum of Сумма of the documents that could be read. At
    most `limit` issues are listed, `issues_total` counts them all. `progress` gets the number of bytes read.
    """
    sums = _Sums(limit)
    info = None
    with path.open("rb") as stream:
        hashes = {"sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
        scope = Scope(stream, path.name)
        try:
            info = verify(stream, name=path.name)
            hashes["content_hash"] = content_hash(stream)
            _read(scope, sums, progress)
        except Rejected as error:
            broken = tables.issue(str(error), file=path.name, place=error.place or None, entity="file")
            sums.issues_total += 1
            sums.issues.append(broken)
    counts = scope.counts
    return {
        "file": path.name,
        **hashes,
        **_described(info),
        "changes_only": counts["changes_only"] > 0,
        "counts": {
            **{name: counts[name] for name in _COUNTED},
            "documents": dict(scope.kinds),
            "lines": counts["lines"],
        },
        "amount_total": f"{sums.amount:.2f}",
        "issues_total": sums.issues_total,
        "issues": sums.issues,
    }


def _read(scope: Scope, sums: _Sums, progress: Progress | None) -> None:
    for _ in walk(scope):
        if progress:
            progress(scope.position)
        sums.take(scope.take())


def _described(info: FileInfo | None) -> dict[str, Any]:
    if info is None:
        return dict.fromkeys(("size", "version", "namespace", "encoding", "bom", "generated_at"))
    return {
        "size": info.size,
        "version": info.version,
        "namespace": info.namespace,
        "encoding": info.encoding,
        "bom": info.bom,
        "generated_at": info.generated_at.isoformat() if info.generated_at else None,
    }
