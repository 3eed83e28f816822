"""Rates of the portal's table of currencies (bitrix24 §4.7): what a document in one of them names as Курс."""

from __future__ import annotations

from decimal import Decimal

from etl.bitrix24 import values
from etl.bitrix24.client import Client
from etl.bitrix24.lists.reading import paged
from etl.values import money

Rates = dict[str, Decimal]


def rates(client: Client) -> Rates:
    """Code of a currency -> what one unit of it costs in roubles today, as the portal has it; {} where the
    portal has no roubles. Rates of the portal are to its base currency, AMOUNT for AMOUNT_CNT units.
    """
    found: Rates = {}
    for row in paged(client, "crm.currency.list", {}):
        amount = values.number(row.get("AMOUNT"))
        units = values.number(row.get("AMOUNT_CNT"))
        if amount and units and amount > 0 and units > 0:
            code = str(row["CURRENCY"])
            found[code] = amount / units
    roubles = found.get(money.ROUBLE)
    if roubles is None:
        return {}
    return {code: money.cross(rate, roubles) for code, rate in found.items()}
