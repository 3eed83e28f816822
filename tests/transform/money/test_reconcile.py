"""Reconciliation of portal, register, 1C and bank to the kopeck, with reasons where they are known."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from etl import tables
from etl.load.spreadsheet import workbooks
from etl.transform.money import entries, reconcile
from tests.support.books import META, charge

D = Decimal


def register(*rows: dict[str, Any]) -> pd.DataFrame:
    return tables.frame("charges", rows or [charge(1), charge(2)])


def onec(*rows: dict[str, Any]) -> pd.DataFrame:
    return tables.frame(
        "documents",
        [
            {"id": f"d{index}", "kind": "order", "date": dt.date(2026, 11, 1), "posted": True, **row}
            for index, row in enumerate(rows)
        ],
    )


def facts(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    return tables.frame(
        "payments",
        [
            {
                "source": source,
                "id": f"p{index}",
                "target": target,
                "date": dt.date(2026, 11, 5),
                "amount": amount and D(amount),
            }
            for index, (source, target, amount) in enumerate(rows)
        ],
    )


FIRST, SECOND = charge(1)["number"], charge(2)["number"]
SUMS = {FIRST: D("1201.50"), SECOND: D("1202.00")}


def row_of(result: reconcile.Result, document: str, kind: str = entries.CHARGED) -> dict[str, Any]:
    return next(
        row for row in tables.records(result.documents) if row["document"] == document and row["kind"] == kind
    )


def test_everything_agrees() -> None:
    result = reconcile.reconcile(
        register(),
        expected=SUMS,
        documents=onec(*({"number": number, "amount": amount} for number, amount in SUMS.items())),
        payments=facts(("1c", FIRST, "1201.50"), ("bank", FIRST, "1201.50")),
        portal_paid={FIRST: D("1201.50")},
        bank=True,
    )
    assert result.clean and set(result.documents["reason"]) == {None}
    assert tables.records(result.summary) == [
        {
            "title": "Начислено",
            "portal": D("2403.50"),
            "register": D("2403.50"),
            "onec": D("2403.50"),
            "bank": None,
            "equal": 2,
            "different": 0,
        },
        {
            "title": "Оплачено",
            "portal": D("1201.50"),
            "register": None,
            "onec": D("1201.50"),
            "bank": D("1201.50"),
            "equal": 1,
            "different": 0,
        },
    ]


@pytest.mark.parametrize(
    ("document", "status", "difference", "reason"),
    [
        ({"number": FIRST, "amount": D("1201.49")}, "расходится на 0,01", "0.01", None),
        (None, "только реестр", "1201.50", "загружен ли файл"),
        (
            {"number": FIRST, "amount": D("1201.50"), "deleted": True},
            "расходится на 1201,50",
            "1201.50",
            "помечен на удаление",
        ),
        (
            {"number": FIRST, "amount": D("1201.50"), "cancelled": True},
            "расходится на 1201,50",
            "1201.50",
            "отменён",
        ),
        (
            {"number": FIRST, "amount": D("1.50"), "posted": False},
            "расходится на 1200,00",
            "1200.00",
            "не проведён",
        ),
    ],
)
def test_differences_with_1c(
    document: dict[str, Any] | None, status: str, difference: str, reason: str | None
) -> None:
    row = row_of(
        reconcile.reconcile(register(charge(1)), documents=onec(*([document] if document else []))), FIRST
    )
    assert (row["status"], row["difference"]) == (status, D(difference))
    assert row["reason"] is None if reason is None else reason in row["reason"]


def test_a_charge_only_in_1c_has_no_contract_and_is_told() -> None:
    result = reconcile.reconcile(
        register(charge(1)),
        documents=onec({"number": FIRST, "amount": D("1201.50")}, {"number": "РУЧ-1", "amount": D("10.00")}),
    )
    row = row_of(result, "РУЧ-1")
    assert (row["status"], row["contract_number"], row["reason"]) == (
        "только 1С",
        None,
        "нет в реестре: начислено не через обмен",
    )
    assert row_of(result, FIRST)["status"] == reconcile.EQUAL and not result.clean


def test_an_order_and_its_invoice_are_one_charge() -> None:
    result = reconcile.reconcile(
        register(charge(1)),
        documents=onec(
            {"number": FIRST, "amount": D("1201.50")},
            {"kind": "invoice", "number": "С-1", "basis_number": FIRST, "amount": D("1201.50")},
        ),
    )
    assert result.clean and len(result.documents) == 1
    alone = reconcile.reconcile(
        register(charge(1)),
        documents=onec({"kind": "invoice", "number": "С-1", "basis_number": FIRST, "amount": D("1201.50")}),
    )
    assert alone.clean


def test_paid_is_the_greatest_of_the_words_of_1c_and_refunds_count() -> None:
    """Bank, report of 1C, a part and a refund of one charge give one right sum (DESIGN §4: never a sum across sources)."""
    result = reconcile.reconcile(
        register(charge(1)),
        payments=facts(
            ("1c", FIRST, "700.00"),
            ("1c", FIRST, "501.50"),
            ("1c", FIRST, "-201.50"),
            ("xlsx", FIRST, "1000.00"),
            ("bank", FIRST, "700.00"),
            ("bank", FIRST, "501.50"),
            ("bank", FIRST, "-201.50"),
            ("1c-seen", FIRST, None),
        ),
        bank=True,
    )
    row = row_of(result, FIRST, entries.PAID)
    assert (row["onec"], row["bank"], row["status"]) == (D("1000.00"), D("1000.00"), reconcile.EQUAL)


def test_payments_known_to_one_side_only() -> None:
    result = reconcile.reconcile(
        register(), payments=facts(("bank", FIRST, "5.00"), ("1c", SECOND, "6.00")), bank=True
    )
    assert "загружена ли выписка в 1С" in row_of(result, FIRST, entries.PAID)["reason"]
    assert "наличные" in row_of(result, SECOND, entries.PAID)["reason"]
    weak = reconcile.reconcile(
        register(charge(1)), payments=facts(("1c-seen", FIRST, None), ("bank", FIRST, "5.00")), bank=True
    )
    assert row_of(weak, FIRST, entries.PAID)["reason"] == "1С сообщила оплату без суммы"


def test_a_side_that_was_not_asked_proves_nothing() -> None:
    result = reconcile.reconcile(register(), payments=facts(("1c", FIRST, "5.00")))
    assert result.clean and tables.records(result.summary)[1]["bank"] is None


def test_a_frozen_charge_explains_a_new_fee() -> None:
    row = row_of(reconcile.reconcile(register(charge(1)), expected={FIRST: D("1500.00")}), FIRST)
    assert row["difference"] == D("298.50") and "заморожено" in row["reason"]


def test_levels_gather_by_contract_and_by_payer() -> None:
    same = {"payer": "ООО «Ромашка»", "payer_inn": "7707083893"}
    rows = [
        charge(1, **same, contract_number="1"),
        charge(2, **same, contract_number="2"),
        charge(3, payer_key="Иванов (дог. № 3)", contract_number="3"),
    ]
    result = reconcile.reconcile(
        register(*rows),
        documents=onec({"number": FIRST, "amount": D("1202.00")}, {"number": SECOND, "amount": D("1201.50")}),
    )
    assert {row["contract_number"]: row["difference"] for row in tables.records(result.contracts)} == {
        "1": D("0.50"),
        "2": D("0.50"),
        "3": D("1203.50"),
    }
    parties = {row["party"]: row for row in tables.records(result.parties)}
    assert (
        parties["ООО «Ромашка» (ИНН 7707083893)"]["status"] == reconcile.EQUAL
        and parties["Иванов (дог. № 3)"]["status"] == "только реестр"
    )
    assert result.documents["difference"].iloc[0] == D("1203.50"), "the largest difference stands on top"


def test_workbook_of_a_reconciliation(tmp_path: Path) -> None:
    result = reconcile.reconcile(
        register(), expected=SUMS, documents=onec({"number": FIRST, "amount": D("1201.49")})
    )
    written = workbooks.write_reconciliation(
        tmp_path / "s.xlsx",
        meta=META,
        summary=result.summary,
        documents=result.documents,
        contracts=result.contracts,
        parties=result.parties,
    )
    assert (
        list(written.rows) == ["Итоги", "Документы", "Договоры", "Плательщики"]
        and written.rows["Документы"] == 2
    )
    texts = {
        cell.value
        for row in openpyxl.load_workbook(tmp_path / "s.xlsx")["Документы"].iter_rows()
        for cell in row
    }
    assert {"расходится на 0,01", FIRST, SECOND} <= texts


def test_nothing_to_reconcile() -> None:
    result = reconcile.reconcile(tables.frame("charges"))
    assert result.clean and len(result.parties) == 0


@pytest.mark.parametrize(
    ("currency", "rate", "amount", "note"),
    [
        ("USD", D(80), "8000.00", ""),
        ("USD", D(1), "0.00", "в 1С в валюте USD без курса"),
        ("RUB", D(1), "100.00", ""),
    ],
)
def test_what_1c_charged_in_dollars_is_compared_in_roubles(
    currency: str, rate: Decimal, amount: str, note: str
) -> None:
    rows = onec({"number": "M1", "amount": D(100), "currency": currency, "rate": rate})
    ((_, _, _, charged, said),) = entries.of_documents(tables.records(rows))
    assert (charged, said) == (D(amount), note)
