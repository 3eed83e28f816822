"""What each side of a reconciliation says, as entries: side, kind, document (our number), amount in roubles,
note.

Sides: the portal, our register, 1C, the bank. Kinds: what was charged, what was paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from etl.records import Charge, Document
from etl.values import money
from etl.values.money import ROUBLES

if TYPE_CHECKING:
    import pandas as pd

PORTAL, REGISTER, ONEC, BANK = "portal", "register", "onec", "bank"
CHARGED, PAID = "Начислено", "Оплачено"
COLUMNS = ("side", "kind", "document", "amount", "note")
_ZERO = Decimal("0.00")
_FROZEN = "начисление заморожено при выгрузке, новая сумма действует со следующего месяца"

Entry = tuple[str, str, str, Decimal, str]


def of_register(charges: Iterable[Charge]) -> list[Entry]:
    """What our register charged."""
    return [(REGISTER, CHARGED, row["number"], row["amount"], "") for row in charges]


def of_fees(expected: Mapping[str, Decimal], charges: Mapping[str, Charge]) -> list[Entry]:
    """What the deals of the portal say now: charge number -> monthly fee."""
    return [
        (PORTAL, CHARGED, number, fee, _fee_note(charges.get(number), fee))
        for number, fee in expected.items()
    ]


def _fee_note(charge: Charge | None, fee: Decimal) -> str:
    """Why a frozen charge may rightly differ from the deal (DESIGN §4: a new fee counts from the next
    month).
    """
    if charge is None or charge["amount"] == fee:
        return ""
    return charge["note"] or _FROZEN


def of_paid_fields(portal_paid: Mapping[str, Decimal]) -> list[Entry]:
    """What the fields of the deals say was paid."""
    return [(PORTAL, PAID, number, amount, "") for number, amount in portal_paid.items()]


def of_documents(documents: Iterable[Document]) -> list[Entry]:
    """What 1C charged: one amount per our number, of the order, or of the invoice where 1C keeps no orders.
    What 1C cancelled counts as zero.
    """
    best: dict[str, Document] = {}
    for row in documents:
        number = row["number"] if row["kind"] == "order" else row["basis_number"] or row["number"]
        if number and (row["kind"] == "order" or (row["kind"] == "invoice" and number not in best)):
            best[number] = row
    return [(ONEC, CHARGED, number, *_standing(row)) for number, row in best.items()]


def _standing(row: Document) -> tuple[Decimal, str]:
    """(amount, note) of a document of 1C."""
    if row["deleted"]:
        return _ZERO, "в 1С помечен на удаление"
    if row["cancelled"]:
        return _ZERO, "в 1С отменён"
    amount = money.converted(row["amount"] or _ZERO, money.measure(row["currency"], row["rate"]), ROUBLES)
    if amount is None:
        return _ZERO, f"в 1С в валюте {row['currency']} без курса"
    return amount, "в 1С не проведён" if row["posted"] is False else ""


def of_payments(payments: pd.DataFrame) -> list[Entry]:
    """What 1C and the bank say was paid (table `payments`): per side and document the sum of one source, the
    greatest of 1C's sources, never a sum across sources (DESIGN §4).
    """
    counted = payments[payments["amount"].notna()]
    sums = counted.groupby(["source", "target"], sort=False)["amount"].agg(_total).reset_index()
    sums["side"] = ONEC
    sums.loc[sums["source"] == BANK, "side"] = BANK
    greatest = sums.groupby(["side", "target"], sort=False)["amount"].agg(max).reset_index()
    told = greatest[["side", "target", "amount"]].itertuples(index=False)
    entries: list[Entry] = [(side, PAID, target, amount, "") for side, target, amount in told]
    known = set(greatest.loc[greatest["side"] == ONEC, "target"])
    weak = set(payments.loc[payments["amount"].isna(), "target"]) - known
    return entries + [(ONEC, PAID, target, _ZERO, "1С сообщила оплату без суммы") for target in sorted(weak)]


def _total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of one source."""
    return sum(amounts, _ZERO)
