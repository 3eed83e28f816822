"""In which currency facts of money and goods are counted: that of what they pay or ship."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from etl.records import Document
from etl.values import money
from etl.values.money import ROUBLE, ROUBLES, Measure


class Due(NamedTuple):
    """What facts about one document of ours are counted in, and its whole sum where it is known."""

    measure: Measure = ROUBLES
    amount: Decimal | None = None


#: target -> what its facts are counted in; roubles where it names none
Dues = Mapping[str, Due]


def brought(row: Document, amount: Decimal | None, due: Due) -> Decimal | None:
    """A sum of a document in the currency of its target; None where 1C gives none or no rate."""
    if amount is None:
        return None
    return money.converted(amount, _own(row, due), due.measure, due.amount)


def _own(row: Document, due: Due) -> Measure:
    """The currency of a document with its rate. One that names none is in roubles, and says too little to pay
    in another currency.
    """
    if row["currency"] is None and due.measure.currency != ROUBLE:
        return Measure(ROUBLE, None)
    return money.measure(row["currency"], row["rate"])
