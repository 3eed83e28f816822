"""Payers of one ФИО: who they are to 1C (DESIGN §5: «ФИО (дог. № N)», frozen at first export)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from etl import tables
from tests.support.deals000 import bill, deal, deals

NAME = "Иванов Иван Иванович"
ONE, OTHER, THIRD = "500100732259", "770303580308", "7707083893"


def told(*rows: dict[str, Any], register: Any = None, month: str = "2026-11") -> dict[str, tuple[str, Any]]:
    """Deal -> (name in 1C, ИНН) of the charges of a month."""
    plan = bill(deals(*rows), register, month)
    return {row["deal"]: (row["payer_key"], row["payer_inn"]) for row in tables.records(plan.charges)}


def charged(*rows: dict[str, Any]) -> Any:
    """The register after October."""
    return bill(deals(*rows), month="2026-10").charges


def test_two_people_of_one_name_are_both_charged() -> None:
    plan = bill(deals(deal(1, payer=NAME, payer_inn=ONE), deal(2, payer=NAME, payer_inn=OTHER)))
    assert not len(plan.exceptions)
    rows = tables.records(plan.charges)
    assert [(row["payer_key"], row["payer_inn"]) for row in rows] == [
        (f"{NAME} (дог. № ВН-1)", ONE),
        (f"{NAME} (дог. № ВН-2)", OTHER),
    ]
    assert [row["payer"] for row in rows] == [NAME, NAME]
    assert all("другого плательщика" in row["note"] for row in rows)


def test_one_person_stays_one_debtor() -> None:
    """All contracts of an ИНН go under one name, also where a namesake forces a suffix on it."""
    same = told(deal(1, payer=NAME, payer_inn=ONE), deal(2, payer=NAME, payer_inn=ONE))
    assert set(same.values()) == {(NAME, ONE)}
    apart = told(
        deal(3, payer=NAME, payer_inn=ONE),
        deal(12, payer=NAME, payer_inn=ONE),
        deal(4, payer=NAME, payer_inn=OTHER),
    )
    assert apart["3"] == apart["12"] == (f"{NAME} (дог. № ВН-3)", ONE)
    assert apart["4"] == (f"{NAME} (дог. № ВН-4)", OTHER)


def test_whom_1c_knows_keeps_his_name_and_the_new_namesake_is_told_apart() -> None:
    first = charged(deal(1, payer=NAME, payer_inn=ONE))
    found = told(
        deal(1, payer=NAME, payer_inn=ONE),
        deal(2, payer=NAME, payer_inn=OTHER),
        deal(3, payer=NAME, payer_inn=ONE),
        register=first,
    )
    assert found == {"1": (NAME, ONE), "2": (f"{NAME} (дог. № ВН-2)", OTHER), "3": (NAME, ONE)}


def test_a_suffix_is_frozen_as_any_name_and_holds_for_later_contracts() -> None:
    first = charged(deal(1, payer=NAME, payer_inn=ONE), deal(2, payer=NAME, payer_inn=OTHER))
    later = told(
        deal(1, payer=NAME, payer_inn=ONE, contract_number="новый"),
        deal(9, payer=NAME, payer_inn=ONE),
        register=first,
    )
    assert set(later.values()) == {(f"{NAME} (дог. № ВН-1)", ONE)}


@pytest.mark.parametrize("spelt", ["ИВАНОВ ИВАН ИВАНОВИЧ", " Иванов  Иван Иванович", "иванов иван иванович"])
def test_1c_compares_names_without_case_and_blanks(spelt: str) -> None:
    found = told(deal(1, payer=NAME, payer_inn=ONE), deal(2, payer=spelt, payer_inn=OTHER))
    assert {name for name, _ in found.values()} == {
        f"{NAME} (дог. № ВН-1)",
        f"{' '.join(spelt.split())} (дог. № ВН-2)",
    }


def test_a_firm_and_a_person_and_a_payer_without_inn() -> None:
    found = told(
        deal(1, payer=NAME, payer_inn=ONE), deal(2, payer=NAME, payer_inn=THIRD), deal(3, payer=NAME)
    )
    assert len({name for name, _ in found.values()}) == 3


def test_a_suffix_that_is_taken_is_given_to_nobody_else() -> None:
    """Two people, one contract number: nothing is left by which 1C could tell them apart."""
    plan = bill(
        deals(
            deal(1, payer=NAME, payer_inn=ONE, contract_number="5"),
            deal(2, payer=NAME, payer_inn=OTHER, contract_number="5", contract_date=date(2026, 1, 1)),
        )
    )
    assert not len(plan.charges) and len(plan.exceptions) == 2


@pytest.mark.parametrize("filler", ["0", "-", "000000000000", " ", "нет", "—"])
def test_a_filler_is_no_inn(filler: str) -> None:
    assert told(deal(1, payer=NAME, payer_inn=filler)) == {"1": (f"{NAME} (дог. № ВН-1)", None)}
