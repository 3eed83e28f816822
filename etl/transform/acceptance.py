"""Whether 1C took a document that was sent to it: the comparison of what was published with what 1C shows.

1C acknowledges nothing (DESIGN §7). What it exports afterwards is the only answer: the same document
confirms, another one in a file written after our publication says «1С не приняла правку».
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from etl.records import Document, Line
from etl.values import keys

Verdict = Literal["echoed", "refused"]
#: sums of the lines of one document, each with how often it occurs
Sums = Counter[Decimal | None]
#: the requisite a charge is sent again for with the same sum
_TERMINATED = "Дата расторжения"


@dataclass(frozen=True, slots=True)
class Sent:
    """A document as it was published: its lines, and when its file was in place (aware; None: not known)."""

    document: Document
    lines: Sequence[Line]
    published_at: dt.datetime | None


def verdict(sent: Sent, told: Document, sums: Sums, written: dt.datetime | None) -> Verdict | None:
    """Whether 1C took the document, or None where its export proves nothing.

    In: `told` = the document as 1C shows it, `sums` of its lines, `written` = moment of 1C's file (aware;
    None for what 1C told earlier). An export older than our publication proves nothing where the texts may
    differ with reason (DESIGN §7, `published -> echoed | refused`).
    """
    same = _same_money(sent.document, told)
    if same and is_edited_again(sent.document):
        same = _same_lines(sent, sums)
    if _is_older(written, sent.published_at) and not (same and _is_proof_though_old(sent.document, told)):
        return None
    return "echoed" if same else "refused"


def is_edited_again(document: Document) -> bool:
    """True for an order or invoice of a deal: it goes again with any edit, so an export made before our
    publication may tell the former text of the same sum. Other documents go again with another sum only, and
    1C's clock may be behind ours.
    """
    key = keys.decode(document["number"])
    return key is None or key.kind in ("order", "invoice")


def line_sums(lines: Iterable[Line]) -> dict[str, Sums]:
    """Id of a document -> the sums of its lines; a line may be told without a sum."""
    found: dict[str, Sums] = {}
    for line in lines:
        found.setdefault(line["document"], Counter())[line["amount"]] += 1
    return found


def _same_money(sent: Document, told: Document) -> bool:
    """The same amount, or a cancellation we asked for."""
    if told["amount"] == sent.get("amount"):
        return True
    return bool(sent.get("cancelled")) and bool(told["cancelled"] or told["deleted"])


def _same_lines(sent: Sent, sums: Sums) -> bool:
    """Whether 1C shows the line sums we sent; a document told without lines says nothing about them."""
    if not sums:
        return True
    own = [line for line in sent.lines if line["document"] == sent.document["id"]]
    return sums == Counter(line.get("amount") for line in own)


def _is_older(written: dt.datetime | None, published_at: dt.datetime | None) -> bool:
    return written is not None and published_at is not None and written < published_at


def _is_proof_though_old(sent: Document, told: Document) -> bool:
    """A charge or an act with the same sum and the same date of termination is the text we sent."""
    return not is_edited_again(sent) and _termination(sent) == _termination(told)


def _termination(document: Document) -> str | None:
    requisites: Mapping[str, str] = document.get("requisites") or {}
    return requisites.get(_TERMINATED)
