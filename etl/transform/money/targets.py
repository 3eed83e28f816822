"""Which document of ours a document of 1C speaks about: a payment pays an order, a shipment ships it, through
the bases that 1C names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from etl.records import Document
from etl.tables import Record, issue
from etl.values import clean, keys


class Meaning(NamedTuple):
    """What a document of one kind is called, what it moves (`money` or `goods`), and which way its sum counts
    with a plus: +1 to us (or to the client, of goods), -1 back. With a minus it is the reversal of its own
    kind and counts the other way; the minus is never lost (DESIGN §4).
    """

    word: str
    moves: str
    sign: int


#: kind -> what its documents mean with a plus and with a minus
MEANINGS = {
    "payment": Meaning("Оплата", "money", 1),
    "refund": Meaning("Возврат денег", "money", -1),
    "shipment": Meaning("Реализация", "goods", 1),
    "return": Meaning("Возврат товара", "goods", -1),
}
MONEY_KINDS = tuple(kind for kind, meaning in MEANINGS.items() if meaning.moves == "money")
GOODS_KINDS = tuple(kind for kind, meaning in MEANINGS.items() if meaning.moves == "goods")
#: kinds of documents that money and goods are about
HEAD_KINDS = ("order", "invoice")
_NUMBERED_BY_1C = (*MEANINGS, "closing")
KIND_WORDS = {
    "order": "Заказ",
    "invoice": "Счёт",
    "act": "Акт",
    "closing": "Закрытие заказа",
    **{kind: meaning.word for kind, meaning in MEANINGS.items()},
}


def said(row: Document) -> str:
    """A document as a person finds it in 1C: «Оплата № ПП-5»."""
    number = clean.text(row["number_1c"]) or clean.text(row["number"])
    return f"{KIND_WORDS[row['kind']]} № {number or row['id']}"


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


def bases(
    documents: Sequence[Document], *, portal: str, known: Collection[str], heads: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """For each order and invoice of ours every order and invoice that it stands upon, nearest first.

    «Заказ покупателя (связанный со Счетом на оплату)» (specification 001): what is paid on the order is paid
    for its invoice, however long the chain. `known` as in `targets`, `heads` = its {document id: target}.
    """
    ways = _Ways({row["id"]: row for row in documents}, frozenset(known), _sent(portal, known), {})
    steps: dict[str, str] = {}
    for row in documents:
        target = heads.get(row["id"])
        basis = ways.basis(row) if target and row["kind"] in HEAD_KINDS else None
        if target and basis and basis != target:
            steps[target] = basis
    return {target: tuple(_upwards(target, steps)) for target in steps}


def _upwards(target: str, steps: Mapping[str, str]) -> Iterator[str]:
    """From basis to basis; a circle ends where it began."""
    passed = {target}
    here = steps.get(target)
    while here and here not in passed:
        yield here
        passed.add(here)
        here = steps.get(here)


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

    def basis(self, row: Document) -> str | None:
        """What a document stands upon, itself left out; a basis that 1C names by number counts as well."""
        number = (row["basis_number"] or "").strip()
        above = self.by_id.get(row["basis"] or "")
        return self._basis(row["basis"]) or (self.target(above) if above else None) or self._number(number)

    def _number(self, number: str) -> str | None:
        return number if number in self.known else None

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
    who = f"{KIND_WORDS[row['kind']]} № {number or row['number_1c'] or row['id']}"
    ours = [name for name in (basis, number) if keys.decode(name)]
    if ours:
        message = (
            f"{who}: номер {ours[0]} выглядит как наш, но в реестре этого портала его нет. "
            "Если память потеряна, выполните obmen24 restore; если документ другого портала, "
            "уберите его из обмена."
        )
    elif row["kind"] in HEAD_KINDS:
        message = (
            f"{who}: такого документа нет на портале, он не загружен. "
            "Если он нужен, свяжите его со сделкой: obmen24 link."
        )
    else:
        message = (
            f"{who}: портал не знает заказа или счёта, к которому он относится. "
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
