"""The ledger of open documents: its indexes find what a look at every debt would find."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from etl.transform.money.ledger import OpenDocument, ledger
from etl.transform.money.purpose import Named, fold

NUMBERS = st.sampled_from(["С-1", "С-2", "M2611100001", "0017", "17"])
CONTRACTS = st.none() | st.sampled_from(["ВН-1", "ВН-2"])
DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 3))


def open_document(number: str, printed: str, contract: str | None, day: dt.date) -> OpenDocument:
    return {
        "number": number,
        "printed": (printed,),
        "contract_number": contract,
        "payer": "Иванов И. И.",
        "inn": None,
        "date": day,
        "month": None,
        "amount": Decimal("100.00"),
        "remaining": Decimal("100.00"),
        "deal": None,
    }


@given(
    st.lists(st.tuples(NUMBERS, CONTRACTS, DAYS), max_size=8),
    st.lists(NUMBERS.map(fold), max_size=3),
    st.lists(st.sampled_from(["ВН-1", "ВН-3"]).map(fold), max_size=2),
)
def test_what_a_purpose_names_is_found_as_by_looking_at_every_debt(
    drawn: list[tuple[str, str | None, dt.date]], invoices: list[str], contracts: list[str]
) -> None:
    documents = [open_document(f"M{place}", *row) for place, row in enumerate(drawn)]
    books = ledger(documents, {})
    named = Named(tuple(dict.fromkeys(invoices)), tuple(dict.fromkeys(contracts)))
    looked_at = [
        one.number
        for one in books.debts
        if one.forms & set(named.invoices) or one.contract in named.contracts
    ]
    assert [one.number for one in books.meant(named)] == looked_at
