"""What a person asks about a file of CommerceML: what it is and what it holds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from etl import tables
from etl.errors import Rejected
from etl.extract.commerceml.engine.scope import Scope
from etl.extract.commerceml.engine.tokens import Tokens
from etl.extract.commerceml.read import walk
from etl.extract.commerceml.verify import FileInfo, content_hash, verify


def inspect(
    path: Path, *, limit: int | None = None, progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """What a file is and holds, as the JSON of `obmen24 inspect`; a broken or foreign file is one issue, never an exception.

    `counts`: products = every Товар of a Каталог, offers = every Предложение, prices = every Цена of them, parties =
    every Контрагент outside documents, documents = kind -> number (nested and contained ones too), lines = every Товар of a
    document. `amount_total` = sum of Сумма of the documents that could be read. At most `limit` issues are listed,
    `issues_total` counts them all. `progress` gets the number of bytes read.
    """
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    total, issue_count, info = Decimal(0), 0, None
    listed_issues: list[tables.Record] = []
    with path.open("rb") as stream:
        hashes = {"sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
        try:
            info = verify(stream, name=path.name)
            hashes["content_hash"] = content_hash(stream)
            scope = Scope(Tokens(stream, path.name))
            counts, kinds = scope.counts, scope.kinds
            for _ in walk(scope):
                if progress:
                    progress(scope.source.position)
                taken = scope.take()
                total += sum(
                    (row["amount"] for row in taken.get("documents", ()) if row.get("amount") is not None),
                    Decimal(0),
                )
                found = taken.get("issues", [])
                issue_count += len(found)
                listed_issues += found if limit is None else found[: max(0, limit - len(listed_issues))]
        except Rejected as error:
            issue_count += 1
            listed_issues.append(
                tables.issue(str(error), file=path.name, place=error.place or None, entity="file")
            )
    return {
        "file": path.name,
        **hashes,
        **_described(info),
        "changes_only": counts["changes_only"] > 0,
        "counts": {
            **{name: counts[name] for name in ("products", "offers", "prices", "parties")},
            "documents": dict(kinds),
            "lines": counts["lines"],
        },
        "amount_total": f"{total:.2f}",
        "issues_total": issue_count,
        "issues": listed_issues,
    }


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
