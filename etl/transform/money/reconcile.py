"""Reconciliation of a month: portal against register against 1C against bank, per document, contract and
payer. Pure.

Each side is a list of entries (what it charged, what it says was paid). A side that was not given is left out
of the comparison: silence of a source that nobody asked proves nothing. Amounts are roubles, compared to the
kopeck.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from etl import tables
from etl.records import Charge, Document
from etl.transform.money import entries
from etl.transform.money.entries import BANK, CHARGED, ONEC, PAID, PORTAL, REGISTER
from etl.values import clean

if TYPE_CHECKING:
    import pandas as pd

SIDES = {PORTAL: "портал", REGISTER: "реестр", ONEC: "1С", BANK: "банк"}
#: columns of the levels and of the summary
LEVEL = ("kind", "document", "contract_number", "party", *SIDES, "difference", "status", "reason")
SUMMARY = ("title", *SIDES, "equal", "different")
EQUAL = "совпадает"
_ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Result:
    """Frames for the workbook and the terminal: `summary` (`SUMMARY`), then one row per document, contract,
    payer (`LEVEL`).
    """

    summary: pd.DataFrame
    documents: pd.DataFrame
    contracts: pd.DataFrame
    parties: pd.DataFrame

    @property
    def clean(self) -> bool:
        """Whether every document agrees on every side."""
        return bool((self.documents["status"] == EQUAL).all())


def reconcile(
    charges: pd.DataFrame,
    *,
    expected: Mapping[str, Decimal] | None = None,
    documents: pd.DataFrame | None = None,
    payments: pd.DataFrame | None = None,
    onec_pays: bool = True,
    portal_paid: Mapping[str, Decimal] | None = None,
    bank: bool = False,
) -> Result:
    """Compare the four sides.

    charges      register: table `charges`, one row per charge as it stands (`register.current`)
    expected     portal: charge number -> monthly fee by the deal; None = the portal was not asked
    documents    1C: table `documents`; orders and invoices are matched by our number (invoices by basis too)
    payments     table `payments`: sources "1c", "1c-flag", "xlsx" are 1C's word, "bank" the bank's
    onec_pays    whether 1C tells of payments at all, so that its silence about one means something
    portal_paid  portal: charge number -> amount that the deal's field says was paid; None = not compared
    bank         whether statements of the month were loaded, so that silence of the bank means something
    """
    rows = {row["number"]: row for row in tables.records(charges, Charge)}
    told = entries.of_register(rows.values())
    asked: dict[str, set[str]] = {CHARGED: {REGISTER}, PAID: set()}
    if expected is not None:
        asked[CHARGED].add(PORTAL)
        told += entries.of_fees(expected, rows)
    if portal_paid is not None:
        asked[PAID].add(PORTAL)
        told += entries.of_paid_fields(portal_paid)
    if documents is not None:
        asked[CHARGED].add(ONEC)
        told += entries.of_documents(tables.records(documents, Document))
    if payments is not None:
        if onec_pays:
            asked[PAID].add(ONEC)
        told += entries.of_payments(payments)
    if bank:
        asked[PAID].add(BANK)
    return _result(_frame(told, entries.COLUMNS), asked, rows)


def _result(told: pd.DataFrame, asked: Mapping[str, set[str]], rows: Mapping[str, Charge]) -> Result:
    """The three levels and the totals. A document that no charge knows has no contract and stays on its
    level.
    """
    compared = [side in asked[kind] for side, kind in zip(told["side"], told["kind"], strict=True)]
    told = told.loc[compared]
    told = told.assign(
        contract_number=[_contract(rows.get(number)) for number in told["document"]],
        party=[_party(rows.get(number)) for number in told["document"]],
    )
    known = told[told["document"].isin(rows.keys())]
    documents = _level(told, asked, ["document", "contract_number", "party"])
    contracts = _level(known, asked, ["contract_number", "party"])
    parties = _level(known, asked, ["party"])
    summary = [_totals(kind, told, asked[kind], documents) for kind in (CHARGED, PAID) if asked[kind]]
    return Result(
        _frame(summary, SUMMARY), *(_frame(level, LEVEL) for level in (documents, contracts, parties))
    )


def _contract(row: Charge | None) -> str:
    """The contract of a charge; none where no charge is known."""
    return row["contract_number"] or "" if row else ""


def _party(row: Charge | None) -> str:
    """The payer as the workbook names him."""
    if row is None:
        return ""
    return f"{row['payer']} (ИНН {row['payer_inn']})" if row["payer_inn"] else row["payer_key"]


# ---- levels
def _level(told: pd.DataFrame, asked: Mapping[str, set[str]], names: list[str]) -> list[tuple[Any, ...]]:
    """One row (`LEVEL`) per kind and key: the sum of each side, the difference, what it means; differences
    first.
    """
    keys = ["kind", *names]
    sums = told.groupby([*keys, "side"], sort=False)["amount"].agg(_total)
    notes = told.groupby(keys, sort=False)["note"].agg(_joined)
    cells: dict[tuple[str, ...], dict[str, Decimal]] = {}
    for (*key, side), amount in zip(sums.index.tolist(), sums, strict=True):
        cells.setdefault(tuple(key), {})[side] = amount
    found = []
    for key, amounts in cells.items():
        kind, named = key[0], dict(zip(names, key[1:], strict=True))
        found.append(_row(kind, named, amounts, asked[kind], notes[key]))
    found.sort(key=_differences_first)
    return [tuple(row[name] for name in LEVEL) for row in found]


def _total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of one side."""
    return sum(amounts, _ZERO)


def _joined(notes: Iterable[str]) -> str:
    """What is known about a key, each remark once."""
    return "; ".join(dict.fromkeys(note for note in notes if note))


def _row(
    kind: str, named: Mapping[str, str], amounts: Mapping[str, Decimal], asked: Collection[str], note: str
) -> dict[str, Any]:
    """One row of a level: what each side says, the difference and what it means."""
    compared = [amounts.get(side, _ZERO) for side in asked]
    difference = max(compared) - min(compared)
    differs = difference != 0
    return {
        "kind": kind,
        "document": named.get("document"),
        "contract_number": named.get("contract_number") or None,
        "party": named.get("party") or None,
        **{side: amounts.get(side) for side in SIDES},
        "difference": difference,
        "status": _status(amounts, asked, difference) if differs else EQUAL,
        "reason": _reason(kind, amounts, asked, note) if differs else None,
    }


def _differences_first(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The largest difference on top; then by payer, contract, document."""
    return (
        row["status"] == EQUAL,
        -row["difference"],
        clean.fold(row["party"]),
        row["contract_number"] or "",
        row["document"] or "",
        row["kind"],
    )


def _status(amounts: Mapping[str, Decimal], asked: Collection[str], difference: Decimal) -> str:
    """In what way the sides that were asked differ."""
    if len(amounts) == 1 and len(asked) > 1:
        return f"только {SIDES[next(iter(amounts))]}"
    absent = [words for side, words in SIDES.items() if side in asked and side not in amounts]
    if absent:
        return f"нет: {', '.join(absent)}"
    return "расходится на " + f"{difference:.2f}".replace(".", ",")


def _reason(kind: str, amounts: Mapping[str, Decimal], asked: Collection[str], note: str) -> str | None:
    """What is known about a difference; None where nobody knows and a person must look."""
    if note:
        return note
    silent = {side for side in asked if side not in amounts}
    if kind == CHARGED and ONEC in silent:
        return "1С ещё не сообщила об этом начислении: загружен ли файл?"
    if kind == CHARGED and REGISTER in silent:
        return "нет в реестре: начислено не через обмен"
    if kind == PAID and BANK in amounts and ONEC in silent:
        return "платёж есть в банке, 1С о нём не сообщила: загружена ли выписка в 1С?"
    if kind == PAID and ONEC in amounts and BANK in silent:
        return "в выписках платежа нет: наличные или выписка не загружена"
    return None


def _totals(
    kind: str, told: pd.DataFrame, asked: Collection[str], documents: list[tuple[Any, ...]]
) -> tuple[Any, ...]:
    """One row (`SUMMARY`): the sum of each side that was asked, how many documents agree and how many do
    not.
    """
    of_kind = told[told["kind"] == kind]
    sums = [
        _total(of_kind.loc[of_kind["side"] == side, "amount"]) if side in asked else None for side in SIDES
    ]
    status = LEVEL.index("status")
    listed = [row[status] for row in documents if row[0] == kind]
    equal = listed.count(EQUAL)
    return (kind, *sums, equal, len(listed) - equal)


def _frame(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> pd.DataFrame:
    """Rows as a frame of objects, so that money stays Decimal."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(names), dtype=object)
