"""What a rule finds in a document, and the row of `issues` that it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from etl import tables as canonical
from etl.records import Document
from etl.tables import Record

KOPECK, GRAM = Decimal("0.01"), Decimal("0.001")
#: numbers from here on do not fit the format
LIMIT = Decimal(10) ** 16


class Finding(NamedTuple):
    """What is wrong with a field of a document: field, sentence in Russian, value where one is shown."""

    field: str
    message: str
    value: object = None


Findings = Iterator[Finding]


def issue(document: Document, severity: str, finding: Finding) -> Record:
    """The row of `issues` that a finding becomes; `severity` is reject or warn."""
    return canonical.issue(
        finding.message,
        severity=severity,
        entity="documents",
        key=document["id"],
        field=finding.field,
        value=finding.value,
        place=f"Документ № {document['number'] or document['id']}",
    )


def fits(value: Decimal, unit: Decimal = KOPECK) -> bool:
    """Whether a number is written as it is: no finer than `unit`, not longer than the format holds."""
    return value.is_finite() and abs(value) < LIMIT and value == value.quantize(unit)
