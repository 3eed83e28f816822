"""The register of charges as the rules see it, and what it says of a month (specification 000).

The register holds every version of every charge and is never rewritten: the state of a charge is its row with
the highest version, `delta` of all its rows sums to its present amount. Money is roubles with VAT, Decimal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from etl import tables
from etl.records import Charge
from etl.values import clean

if TYPE_CHECKING:
    import pandas as pd

ZERO = Decimal("0.00")
_COMPARED = ["change", "deal", "payer", "contract_number", "before", "after"]


class Totals(NamedTuple):
    """Control totals: charges that are not cancelled, roubles with VAT, the VAT in them."""

    charges: int
    amount: Decimal
    vat_amount: Decimal


@dataclass(frozen=True, slots=True)
class Register:
    """The register indexed. `first` and `last`: deal -> month -> first and last version of its charge;
    `versions`: month -> highest version; `parties` and `deals`: folded name of a payer in 1C -> who owes
    under it, and for which deals; `names`: who owes -> the name he was first sent under.
    """

    first: Mapping[str, Mapping[str, Charge]]
    last: Mapping[str, Mapping[str, Charge]]
    versions: Mapping[str, int]
    parties: Mapping[str, Collection[str]]
    deals: Mapping[str, Collection[str]]
    names: Mapping[str, str]

    def oldest(self, deal: str) -> Charge | None:
        """The first charge of a deal: it froze how 1C knows the payer."""
        months = self.first.get(deal)
        return months[min(months)] if months else None

    def charge(self, deal: str, month: str) -> Charge | None:
        """The charge of a deal for a month as it stands."""
        return self.last.get(deal, {}).get(month)


def indexed(register: pd.DataFrame, kind: str) -> Register:
    """The register (table `charges`, every version of every month) for the charges of one kind."""
    first: defaultdict[str, dict[str, Charge]] = defaultdict(dict)
    last: defaultdict[str, dict[str, Charge]] = defaultdict(dict)
    versions: dict[str, int] = {}
    parties: defaultdict[str, set[str]] = defaultdict(set)
    deals: defaultdict[str, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    for row in sorted(tables.records(register, Charge), key=_version):
        versions[row["month"]] = row["version"]  # they come in order: the last one is the highest
        if row["kind"] == kind:
            first[row["deal"]].setdefault(row["month"], row)
            last[row["deal"]][row["month"]] = row
        name = clean.fold(row["payer_key"])
        parties[name].add(party(row))
        deals[name].add(row["deal"])
        names.setdefault(party(row), row["payer_key"])
    return Register(first, last, versions, parties, deals, names)


def party(row: Charge) -> str:
    """Who owes a charge: the ИНН where it is known, else the contract."""
    if row["payer_inn"]:
        return by_inn(row["payer_inn"])
    return f"договор {clean.fold(row['contract_number'])} от {row['contract_date']}"


def by_inn(inn: str) -> str:
    """Who owes, where the ИНН is known."""
    return f"ИНН {inn}"


def rank(deal: str) -> tuple[int, str]:
    """The order of deals in every list: as numbers, though they are texts."""
    return len(deal), deal


def _version(row: Charge) -> int:
    """The register in the order in which it was written."""
    return row["version"]


# ---- what the register says
def current(register: pd.DataFrame, month: str | None = None) -> pd.DataFrame:
    """The register as it stands: the last version of each charge, of one month or of all. Cancelled charges
    have amount 0.
    """
    chosen = register if month is None else register[register["month"] == month]
    newest = chosen.sort_values("version", kind="stable").drop_duplicates(
        ["deal", "month", "kind"], keep="last"
    )
    order = newest.assign(length=newest["deal"].map(len))
    order = order.sort_values(["month", "length", "deal", "kind"], kind="stable")
    return newest.loc[order.index].reset_index(drop=True)


def totals(charges: pd.DataFrame) -> Totals:
    """Control totals of charges (table `charges`, one row per charge)."""
    billed = charges[charges["amount"] != 0]
    with_vat = billed["vat_amount"].dropna()
    return Totals(len(billed), sum(billed["amount"], ZERO), sum(with_vat, ZERO))


def compare(last_month: pd.DataFrame, this_month: pd.DataFrame) -> pd.DataFrame:
    """Sheet «Сверка»: one row per deal charged in either month (`current` of each), in the order of deals.

    Out: change (added, ended, changed, same), deal, payer, contract_number, before, after (roubles, None =
    not charged). The sums of `before` and `after` are the totals of the two months.
    """
    before, after = _billed(last_month, "before"), _billed(this_month, "after")
    both = after.merge(before, on="deal", how="outer", suffixes=("", "_then"))
    both["payer"] = both["payer"].where(both["after"].notna(), both["payer_then"])
    both["contract_number"] = both["contract_number"].where(
        both["after"].notna(), both["contract_number_then"]
    )
    both["change"] = "changed"
    both.loc[both["before"] == both["after"], "change"] = "same"
    both.loc[both["before"].isna(), "change"] = "added"
    both.loc[both["after"].isna(), "change"] = "ended"
    both["length"] = both["deal"].map(len)
    ordered = both.sort_values(["length", "deal"], kind="stable")[_COMPARED].astype(object)
    return ordered.where(ordered.notna(), None).reset_index(drop=True)


def _billed(month: pd.DataFrame, name: str) -> pd.DataFrame:
    """Charges that are not cancelled, their sum under the name of the month's column."""
    billed = month[month["amount"] != 0]
    return billed[["deal", "payer", "contract_number", "amount"]].rename(columns={"amount": name})


# ---- when a month is charged, and how a correction goes
def was_missed(month: str, charged: Collection[str]) -> bool:
    """Whether a month was skipped: it was never charged, though an earlier one was. «Данные объекты должны
    обновляться ежемесячно»: a month without a run between `billing.day` and its end is made up for.
    """
    return month not in charged and any(before < month for before in charged)


def by_route(
    rows: pd.DataFrame, delivery: str, routes: Mapping[str, str], referred: Collection[str]
) -> pd.DataFrame:
    """The rows of a register version (table `charges`) that go to 1C by `delivery`.

    A new charge goes the way of the profile. A correction goes only the way its charge went, or 1C would hold
    two documents; one to which documents of 1C already refer (`referred`: numbers) is a person's, because 1C
    no longer takes it (reference commerceml §0). `routes`: number of a charge -> how it went.
    """
    chosen = [_goes(row, delivery, routes, referred) for row in tables.each(rows, Charge)]
    return rows.loc[chosen]


def _goes(row: Charge, delivery: str, routes: Mapping[str, str], referred: Collection[str]) -> bool:
    """Whether one row goes this way, see `by_route`."""
    if row["action"] == "new":
        return True
    if row["action"] == "amend" and row["number"] in referred:
        return False
    return routes[row["number"]] == delivery


def by_organisation(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows (charges, accruals or payments with a column `organisation`) apart by our organisation, in the
    order of names: each has books of its own.
    """
    names = rows["organisation"].fillna("")
    return [rows[names == name].reset_index(drop=True) for name in sorted(names.unique())]


def known_names(rows: Iterable[Charge]) -> dict[str, list[Charge]]:
    """Folded name by which 1C finds the payer -> charges that would go under it."""
    found: defaultdict[str, list[Charge]] = defaultdict(list)
    for row in rows:
        found[clean.fold(row["payer_key"])].append(row)
    return found
