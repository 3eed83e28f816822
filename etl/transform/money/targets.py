"""Which document of ours a document of 1C speaks about: a payment pays an order, a shipment ships it, through
the bases that 1C names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from etl.records import Document
from etl.tables import Record, issue
from etl.values import clean, keys

#: kinds of documents that move money or goods, with the sign of what they move
MONEY_KINDS = {"payment": 1, "refund": -1}
GOODS_KINDS = {"shipment": 1, "return": -1}
#: kinds of documents that money and goods are about
HEAD_KINDS = ("order", "invoice")
_NUMBERED_BY_1C = (*MONEY_KINDS, *GOODS_KINDS, "closing")
KIND_WORDS = {
    "order": "Заказ",
    "invoice": "Счёт",
    "payment": "Оплата",
    "refund": "Возврат денег",
    "shipment": "Реализация",
    "return": "Возврат товара",
    "act": "Акт",
    "closing": "Закрытие заказа",
}


def targets(
    documents: Sequence[Document],
    *,
    portal: str,
    known: Collection[str],
    remembered: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], list[Record]]:
    """For each document of 1C the number or id of ours it speaks about, following `basis` and `basis_number`
    upwards.

    In: `known` = every number sent to 1C (charges, orders, invoices, acts) and ids of documents born in 1C
    that are linked to deals; `remembered` = {document id: target} of earlier runs, since 1C need not tell a
    basis again. Out: {document id: target} and issues for documents that lead to nothing known.
    """
    ways = _Ways(
        {row["id"]: row for row in documents}, frozenset(known), _sent(portal, known), remembered or {}
    )
    found: dict[str, str] = {}
    unknown: list[Record] = []
    for row in documents:
        target = ways.target(row)
        if target:
            found[row["id"]] = target
        elif row["kind"] != "other":
            unknown.append(_unknown(row))
    return found, unknown


def _sent(portal: str, known: Collection[str]) -> dict[str, str]:
    """Id of a document that we sent -> its number: 1C may give back the id alone."""
    ours = [number for number in known if keys.decode(number)]
    return {keys.document_id(portal, kind, number): number for number in ours for kind in HEAD_KINDS}


@dataclass(frozen=True, slots=True)
class _Ways:
    """What leads from a document up to what we know."""

    by_id: Mapping[str, Document]
    known: Collection[str]
    sent: Mapping[str, str]
    remembered: Mapping[str, str]

    def target(self, row: Document) -> str | None:
        """Walk from basis to basis; a circle of bases leads nowhere."""
        passed: set[str] = set()
        here: Document | None = row
        while here and here["id"] not in passed:
            passed.add(here["id"])
            if found := self._own(here) or self._basis(here["basis"]):
                return found
            here = self.by_id.get(here["basis"] or "")
        return None

    def _own(self, row: Document) -> str | None:
        """What the document itself names. The number of a payment or shipment is 1C's own and says nothing,
        even where it looks like one of ours.
        """
        number = None if row["kind"] in _NUMBERED_BY_1C else row["number"]
        for name in (row["id"], number, row["basis_number"]):
            if name and name.strip() in self.known:
                return name.strip()
        return self.sent.get(row["id"])

    def _basis(self, basis: str | None) -> str | None:
        """What a basis is known as; one that was not told now may have been told earlier."""
        if basis is None:
            return None
        if basis in self.sent:
            return self.sent[basis]
        if basis in self.known:
            return basis
        return None if basis in self.by_id else self.remembered.get(basis)


def _unknown(row: Document) -> Record:
    """The issue of a document that leads to nothing known (000 creates no deals from files of 1C, DESIGN
    §4).
    """
    number, basis = clean.text(row["number"]), clean.text(row["basis_number"])
    said = f"{KIND_WORDS[row['kind']]} № {number or row['number_1c'] or row['id']}"
    ours = [name for name in (basis, number) if keys.decode(name)]
    if ours:
        message = (
            f"{said}: номер {ours[0]} выглядит как наш, но в реестре этого портала его нет. "
            "Если память потеряна, выполните obmen24 restore; если документ другого портала, "
            "уберите его из обмена."
        )
    elif row["kind"] in HEAD_KINDS:
        message = (
            f"{said}: такого документа нет на портале, он не загружен. "
            "Если он нужен, свяжите его со сделкой: obmen24 link."
        )
    else:
        message = (
            f"{said}: портал не знает заказа или счёта, к которому он относится. "
            "Проверьте в 1С документ-основание."
        )
    return issue(
        message,
        severity="reject" if ours else "warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["id"],
        field="number" if row["kind"] in HEAD_KINDS else "basis",
        value=number,
    )
