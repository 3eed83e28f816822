"""Open documents as receipts are matched with them: by whom, under which names and numbers, and what is still
owed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TypedDict

from etl.records import Receipt
from etl.transform.money import purpose
from etl.transform.money.purpose import Named
from etl.values import clean

_SOLE_TRADER = re.compile(r"^(?:ип|индивидуальный предприниматель)\s+|\s*\(ип\)$")
_PUNCTUATION = re.compile(r'["().,]')


class OpenDocument(TypedDict):
    """A document that may be paid. `printed`: numbers as 1C prints them; `month` as 2026-11; `remaining`:
    amount less payments of source «bank». Roubles.
    """

    number: str
    printed: tuple[str, ...]
    contract_number: str | None
    payer: str | None
    inn: str | None
    date: dt.date
    month: str | None
    amount: Decimal
    remaining: Decimal
    deal: str | None


@dataclass(slots=True)
class Debt:
    """An open document; `remaining` falls as receipts of the same run are accepted."""

    number: str
    forms: frozenset[str]
    contract: str
    shown_contract: str | None
    payer: str | None
    inn: str | None
    date: dt.date
    month: tuple[int, int]
    amount: Decimal
    remaining: Decimal

    @property
    def paid(self) -> Decimal:
        """What was received for it, roubles."""
        return self.amount - self.remaining

    def __str__(self) -> str:
        """«M261110003F · договор ВН-1 · Иванов И. И. · остаток 1500.00», as a person is asked."""
        contract = f"договор {self.shown_contract}" if self.shown_contract else None
        parts = (self.number, contract, self.payer, f"остаток {self.remaining:.2f}")
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Debts in the order of their dates, and indexed by number, ИНН and name of the payer, by the numbers as
    a purpose may name them and by contract.
    """

    debts: Sequence[Debt]
    by_number: Mapping[str, Debt]
    by_inn: Mapping[str, Sequence[Debt]]
    by_name: Mapping[str, Sequence[Debt]]
    by_form: Mapping[str, Sequence[Debt]]
    by_contract: Mapping[str, Sequence[Debt]]

    def meant(self, named: Named) -> list[Debt]:
        """Debts whose number or contract a purpose names, whoever owes them; the oldest first."""
        found: dict[str, Debt] = {}
        for form in named.invoices:
            found |= {one.number: one for one in self.by_form.get(form, ())}
        for contract in named.contracts:
            found |= {one.number: one for one in self.by_contract.get(contract, ())}
        return sorted(found.values(), key=_by_date)

    def own(self, receipt: Receipt) -> tuple[str, Sequence[Debt]]:
        """(how the payer was found: inn, name or foreign; its debts). A name counts only where the ИНН of one
        side is unknown: namesakes are different people (reference onec §3.3).
        """
        inn = receipt["payer_inn"]
        if inn and inn in self.by_inn:
            return "inn", self.by_inn[inn]
        named: list[Debt] = []
        for name in names(receipt["payer_name"]):
            named += [one for one in self.by_name.get(name, ()) if not (inn and one.inn)]
        return ("name", named) if named else ("foreign", ())


def ledger(documents: Iterable[OpenDocument], payers: Mapping[str, Sequence[str]]) -> Ledger:
    """Index open documents. `payers` (`[bank.payers]`): ИНН of a party -> ИНН of those who may pay for it."""
    debts = sorted((_debt(row) for row in documents), key=_by_date)
    by_inn: defaultdict[str, list[Debt]] = defaultdict(list)
    by_name: defaultdict[str, list[Debt]] = defaultdict(list)
    by_form: defaultdict[str, list[Debt]] = defaultdict(list)
    by_contract: defaultdict[str, list[Debt]] = defaultdict(list)
    for one in debts:
        by_contract[one.contract].append(one)
        for form in one.forms:
            by_form[form].append(one)
        if one.inn:
            for inn in (one.inn, *payers.get(one.inn, ())):
                by_inn[inn].append(one)
        if said := name_of(one.payer):
            by_name[said].append(one)
    numbers = {one.number: one for one in debts}
    return Ledger(debts, numbers, by_inn, by_name, by_form, by_contract)


def _by_date(one: Debt) -> tuple[dt.date, str]:
    """The oldest debt first."""
    return one.date, one.number


def _debt(row: OpenDocument) -> Debt:
    """An open document in the forms in which it is compared."""
    numbers = (row["number"], *(row["printed"] or ()))
    month = row["month"] or f"{row['date']:%Y-%m}"
    return Debt(
        number=row["number"],
        forms=frozenset(purpose.fold(number) for number in numbers if number),
        contract=purpose.fold(row["contract_number"] or ""),
        shown_contract=row["contract_number"],
        payer=row["payer"],
        inn=row["inn"],
        date=row["date"],
        month=(int(month[:4]), int(month[5:7])),
        amount=row["amount"],
        remaining=row["remaining"],
    )


# ---- names
@lru_cache(maxsize=50_000)
def name_of(said: str | None) -> str:
    """A name in the form in which names are compared: no legal form quotes, no ИП, one case."""
    words = _SOLE_TRADER.sub("", clean.fold(clean.short_company(said)))
    return " ".join(_PUNCTUATION.sub(" ", words).split())


def names(said: str | None) -> set[str]:
    """Names a bank may mean: «СБЕРБАНК//Иванов Иван Иванович//адрес//» carries the person between slashes."""
    text = said or ""
    folded = {name_of(part) for part in (text, *text.split("//"))}
    return folded - {""}
