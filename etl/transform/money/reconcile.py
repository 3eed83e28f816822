"""Reconciliation of a month: portal against register against 1C against bank, per document, contract and
payer. Pure.

Each side is a list of entries (what it charged, what it says was paid). A side that was not given is left out
of the comparison: silence of a source that nobody asked proves nothing. Amounts are roubles, compared to the
kopeck."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from etl.tables import Record, records
from etl.values import clean

if TYPE_CHECKING:
    import pandas as pd

SIDES = {"portal": "портал", "register": "реестр", "onec": "1С", "bank": "банк"}
CHARGED, PAID = "Начислено", "Оплачено"
#: columns of the levels and of the summary
LEVEL = ("kind", "document", "contract_number", "party", *SIDES, "difference", "status", "reason")
SUMMARY = ("title", *SIDES, "equal", "different")
EQUAL = "совпадает"

_ZERO = Decimal("0.00")


class Result(NamedTuple):
    """Frames for the workbook and the terminal: `summary` (`SUMMARY`), then one row per document, contract,
    payer (`LEVEL`)."""

    summary: pd.DataFrame
    documents: pd.DataFrame
    contracts: pd.DataFrame
    parties: pd.DataFrame

    @property
    def clean(self) -> bool:
        """Whether every document agrees on every side."""
        return bool((self.documents["status"] == EQUAL).all())


@dataclass(frozen=True, slots=True)
class _Entry:
    side: str
    kind: str
    document: str
    amount: Decimal
    note: str = ""


@dataclass(slots=True)
class _Cell:
    """Amounts of one key on each side, and what is known about it."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def reconcile(
    charges: pd.DataFrame,
    *,
    expected: Mapping[str, Decimal] | None = None,
    documents: pd.DataFrame | None = None,
    payments: pd.DataFrame | None = None,
    portal_paid: Mapping[str, Decimal] | None = None,
    bank: bool = False,
) -> Result:
    """Compare the four sides.

    charges      register: table `charges`, one row per charge as it stands (`billing.current`)
    expected     portal: charge number -> monthly fee by the deal; None = the portal was not asked
    documents    1C: table `documents`; orders and invoices are matched by our number (an invoice by `basis_number` too)
    payments     table `payments`: sources "1c", "1c-flag", "xlsx" are 1C's word, "bank" the bank's
    portal_paid  portal: charge number -> amount that the deal's field says was paid; None = not compared
    bank         whether statements of the month were loaded, so that silence of the bank means something
    """
    rows = {row["number"]: row for row in records(charges)}
    entries = [_Entry("register", CHARGED, number, row["amount"]) for number, row in rows.items()]
    entries += [
        _Entry("portal", CHARGED, number, amount, _fee_note(rows.get(number), amount))
        for number, amount in (expected or {}).items()
    ]
    entries += [_Entry("portal", PAID, number, amount) for number, amount in (portal_paid or {}).items()]
    charged, paid = {"register"}, set()
    if expected is not None:
        charged.add("portal")
    if portal_paid is not None:
        paid.add("portal")
    if documents is not None:
        charged.add("onec")
        entries += _charged_in_1c(documents)
    if payments is not None:
        paid.add("onec")
        entries += _payments(payments)
    if bank:
        paid.add("bank")
    asked = {CHARGED: charged, PAID: paid}
    entries = [one for one in entries if one.side in asked[one.kind]]
    return _result(entries, asked, rows)


def _fee_note(row: Record | None, fee: Decimal) -> str:
    if row is None or row["amount"] == fee:
        return ""
    return row["note"] or "начисление заморожено при выгрузке, новая сумма действует со следующего месяца"


def _charged_in_1c(documents: pd.DataFrame) -> list[_Entry]:
    """One amount per our number: of the order, or of the invoice where 1C keeps no orders; what 1C cancelled
    counts as zero."""
    best: dict[str, Record] = {}
    for row in records(documents):
        number = row["number"] if row["kind"] == "order" else row["basis_number"] or row["number"]
        if row["kind"] in ("order", "invoice") and number and (number not in best or row["kind"] == "order"):
            best[number] = row
    return [
        _Entry(
            "onec",
            CHARGED,
            number,
            _ZERO if _dead(row) else row["amount"] or _ZERO,
            _dead(row) or _unposted(row),
        )
        for number, row in best.items()
    ]


def _dead(row: Record) -> str:
    if row["deleted"]:
        return "в 1С помечен на удаление"
    return "в 1С отменён" if row["cancelled"] else ""


def _unposted(row: Record) -> str:
    return "в 1С не проведён" if row["posted"] is False else ""


def _payments(payments: pd.DataFrame) -> list[_Entry]:
    """Paid per side and document: the sum of one source, the greatest of 1C's sources (never a sum across
    sources)."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    weak = set()
    for row in records(payments):
        if row["amount"] is None:
            weak.add(row["target"])
        else:
            sums[row["source"], row["target"]] += row["amount"]
    found: dict[tuple[str, str], Decimal] = {}
    for (source, target), amount in sums.items():
        side = "bank" if source == "bank" else "onec"
        found[side, target] = max(amount, found.get((side, target), amount))
    entries = [_Entry(side, PAID, target, amount) for (side, target), amount in found.items()]
    return entries + [
        _Entry("onec", PAID, target, _ZERO, "1С сообщила оплату без суммы")
        for target in sorted(weak)
        if ("onec", target) not in found
    ]


# ---- levels ----


def _result(entries: Sequence[_Entry], asked: Mapping[str, set[str]], rows: Mapping[str, Record]) -> Result:
    documents = _cells(entries, lambda one: (one.document,))
    listed = [
        _row(kind, cell, asked[kind], rows.get(key[0]), key[0]) for (kind, *key), cell in documents.items()
    ]
    by_contract = _level(
        entries, asked, rows, lambda row: (row["contract_number"], _party(row)), ("contract_number", "party")
    )
    by_party = _level(entries, asked, rows, lambda row: (_party(row),), ("party",))
    summary = [_totals(kind, entries, asked[kind], listed) for kind in (CHARGED, PAID) if asked[kind]]
    levels = (_frame(_ordered(level), LEVEL) for level in (listed, by_contract, by_party))
    return Result(_frame(summary, SUMMARY), *levels)


def _cells(
    entries: Iterable[_Entry], key: Callable[[_Entry], tuple[str, ...]]
) -> dict[tuple[str, ...], _Cell]:
    cells: dict[tuple[str, ...], _Cell] = defaultdict(_Cell)
    for one in entries:
        cell = cells[one.kind, *key(one)]
        cell.amounts[one.side] = cell.amounts.get(one.side, _ZERO) + one.amount
        if one.note and one.note not in cell.notes:
            cell.notes.append(one.note)
    return cells


def _level(
    entries: Sequence[_Entry],
    asked: Mapping[str, set[str]],
    rows: Mapping[str, Record],
    key: Callable[[Record], tuple[str | None, ...]],
    names: Sequence[str],
) -> list[Record]:
    """Entries of known charges gathered by a property of the charge; unknown documents have no contract and
    stay on their level."""
    known = [one for one in entries if one.document in rows]
    cells = _cells(known, lambda one: tuple(part or "" for part in key(rows[one.document])))
    return [
        {**_row(kind, cell, asked[kind]), **dict(zip(names, (part or None for part in parts), strict=True))}
        for (kind, *parts), cell in cells.items()
    ]


def _row(
    kind: str, cell: _Cell, asked: set[str], charge: Record | None = None, document: str | None = None
) -> Record:
    amounts = {side: cell.amounts.get(side) for side in SIDES}
    present = {side: amount for side, amount in amounts.items() if amount is not None and side in asked}
    compared = [present.get(side, _ZERO) for side in SIDES if side in asked]
    difference = max(compared) - min(compared) if compared else _ZERO
    named = (
        {"contract_number": charge["contract_number"], "party": _party(charge)}
        if charge
        else {"contract_number": None, "party": None}
    )
    return {
        "kind": kind,
        "document": document,
        **named,
        **amounts,
        "difference": difference,
        "status": _status(present, asked, difference),
        "reason": _reason(kind, cell, present, asked, difference),
    }


def _status(present: Mapping[str, Decimal], asked: set[str], difference: Decimal) -> str:
    if difference == 0:
        return EQUAL
    if len(present) == 1 and len(asked) > 1:
        return f"только {SIDES[next(iter(present))]}"
    absent = [SIDES[side] for side in SIDES if side in asked and side not in present]
    return f"нет: {', '.join(absent)}" if absent else "расходится на " + f"{difference:.2f}".replace(".", ",")


def _reason(
    kind: str, cell: _Cell, present: Mapping[str, Decimal], asked: set[str], difference: Decimal
) -> str | None:
    """What is known about a difference; None where nobody knows and a person must look."""
    if difference == 0:
        return None
    if cell.notes:
        return "; ".join(cell.notes)
    if kind == CHARGED and "onec" in asked and "onec" not in present:
        return "1С ещё не сообщила об этом начислении: загружен ли файл?"
    if kind == CHARGED and "register" not in present:
        return "нет в реестре: начислено не через обмен"
    if kind == PAID and "bank" in present and "onec" in asked and "onec" not in present:
        return "платёж есть в банке, 1С о нём не сообщила: загружена ли выписка в 1С?"
    if kind == PAID and "onec" in present and "bank" in asked and "bank" not in present:
        return "в выписках платежа нет: наличные или выписка не загружена"
    return None


def _totals(kind: str, entries: Sequence[_Entry], asked: set[str], listed: Sequence[Record]) -> Record:
    sums = {
        side: sum((one.amount for one in entries if (one.side, one.kind) == (side, kind)), _ZERO)
        if side in asked
        else None
        for side in SIDES
    }
    equal = sum(row["kind"] == kind and row["status"] == EQUAL for row in listed)
    return {
        "title": kind,
        **sums,
        "equal": equal,
        "different": sum(row["kind"] == kind for row in listed) - equal,
    }


def _party(row: Record) -> str:
    return f"{row['payer']} (ИНН {row['payer_inn']})" if row["payer_inn"] else str(row["payer_key"])


def _ordered(rows: Iterable[Record]) -> list[Record]:
    """Differences first, the largest on top; then by payer, contract, document."""
    return sorted(
        rows,
        key=lambda row: (
            row["status"] == EQUAL,
            -row["difference"],
            clean.fold(row["party"]),
            row["contract_number"] or "",
            row["document"] or "",
            row["kind"],
        ),
    )


def _frame(rows: Sequence[Record], names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in names})
