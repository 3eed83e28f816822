"""Rates of the portal, over real HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from etl.extract.bitrix24 import currencies
from etl.sandbox.portal.app import Portal
from tests.support import bitrix24_bench as bench


def currency(code: str, amount: str, units: str = "1", base: str = "N") -> dict[str, Any]:
    return {"CURRENCY": code, "AMOUNT": amount, "AMOUNT_CNT": units, "BASE": base}


ROUBLE = currency("RUB", "1.0000", base="Y")


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([ROUBLE, currency("USD", "80.1500")], {"RUB": "1", "USD": "80.15"}),
        ([ROUBLE, currency("KZT", "16.1234", "100")], {"RUB": "1", "KZT": "0.161234"}),
        (
            [currency("BYN", "1", base="Y"), currency("RUB", "3.6", "100"), currency("USD", "3.24")],
            {"RUB": "1", "USD": "90", "BYN": "27.77777778"},
        ),
        ([ROUBLE, currency("USD", "0"), currency("EUR", "")], {"RUB": "1"}),
        ([ROUBLE, currency("USD", "-80"), currency("EUR", "90", "0")], {"RUB": "1"}),
        ([currency("USD", "1", base="Y"), currency("EUR", "1.1")], {}),
    ],
)
def test_a_rate_is_roubles_for_one_unit(rows: list[dict[str, Any]], found: dict[str, str]) -> None:
    with (
        Portal(seed={"currencies": rows}, enforce_limits=False) as portal,
        bench.client(portal.webhook, rate=500) as client,
    ):
        assert currencies.rates(client) == {code: Decimal(rate) for code, rate in found.items()}
