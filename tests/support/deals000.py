"""Invented contracts of specification 000 for tests of billing, facts, commission and documents."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from etl import tables
from etl.config.ends import Organisation
from etl.config.profile import Billing, Commission
from etl.transform.contracts import billing
from etl.transform.contracts.facts import ContractFacts, PaidCharge

CONFIRMED, FIRST_PAID, FIRST_ACT = "Договор подтвержден", "1-ая оплата клиента", "1-ая оплата менеджеру"
SECOND_PAID, SECOND_ACT, TERMINATED = "2-ая оплата клиента", "2-ая оплата менеджеру", "Договор расторгнут"
STAGES = (CONFIRMED, FIRST_PAID, FIRST_ACT, SECOND_PAID, SECOND_ACT)
OWN = Organisation(name="ООО «Око»", inn="7707083893", vat="general")
EXEMPT = Organisation(name="ИП Светлова А. А.", vat="exempt")
COMMISSION = Commission(agreed="Вознаграждение", confirm="seen")


def settings(**changes: Any) -> Billing:
    return Billing(**{"stages": STAGES, "terminated_stage": TERMINATED} | changes)


def deal(number: int | str = 123, **changes: Any) -> dict[str, Any]:
    row = {
        "id": str(number),
        "title": f"Видеонаблюдение {number}",
        "stage": CONFIRMED,
        "contract_number": f"ВН-{number}",
        "contract_date": date(2026, 9, 10),
        "payer": f"Плательщиков Пётр {number}-й",
        "address": f"г. Тула, ул. Мира, {number}",
        "monthly_fee": Decimal("1500.00"),
        "amount": Decimal("34567000.00"),
        "currency": "RUB",
        "manager": "7",
        "manager_name": "Менеджерова Мария",
        "commission": Decimal("1000.01"),
        "organisation": OWN.name,
    }
    return row | changes


def contract(paid: tuple[PaidCharge, ...] = (), ended: date | None = None) -> ContractFacts:
    """Facts of a contract of which these charges are paid."""
    last = paid[-1] if paid else None
    return ContractFacts(
        paid_charges=len(paid),
        paid=paid,
        act1=False,
        act2=False,
        paid_total=sum((charge.amount or Decimal(0) for charge in paid), Decimal(0)),
        paid_on=last.on if last else None,
        number=last.number if last else None,
        amount=last.amount if last else None,
        date=last.on if last else None,
        terminated=ended is not None,
        terminated_on=ended,
    )


def deals(*rows: dict[str, Any]) -> Any:
    return tables.frame("deals", rows or [deal()])


def bill(rows: Any, register: Any = None, month: str = "2026-11", **changes: Any) -> billing.BillingPlan:
    own = changes.pop("organisations", [OWN, EXEMPT])
    sent: dict[str, Any] = {"today": date(2026, 12, 15), "referred": frozenset()}
    sent |= {name: changes.pop(name) for name in ("today", "referred", "version") if name in changes}
    return billing.plan(
        rows,
        tables.frame("charges") if register is None else register,
        month=month,
        settings=settings(**changes),
        organisations=own,
        **sent,
    )


def register(*parts: Any) -> Any:
    """The register after these plans (or charges) were exported."""
    return tables.concat(
        "charges", [part.charges if isinstance(part, billing.BillingPlan) else part for part in parts]
    )


def payment(
    target: str,
    amount: str | None,
    on: date | None = date(2026, 11, 12),
    *,
    source: str = "1c",
    number: str = "1",
) -> dict[str, Any]:
    return {
        "source": source,
        "id": f"{source}-{target}-{number}",
        "target": target,
        "date": on,
        "number": number,
        "amount": None if amount is None else Decimal(amount),
    }
