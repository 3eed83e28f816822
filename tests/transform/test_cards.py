"""Cards of 1C's directory, and those that stock 1C would take for another one."""

from __future__ import annotations

from typing import Any

import pytest

from etl.records import Contact, Party
from etl.transform import cards

INN = "7707083893"


def company(identifier: str, **values: Any) -> Party:
    return {"id": f"company_{identifier}", "kind": "legal", "name": f"ООО {identifier}", **values}


def record(guid: str) -> Party:
    return {"id": guid, "kind": "legal", "name": f"ООО {guid}"}


@pytest.mark.parametrize(
    ("kind", "company_card"), [("legal", True), ("sole_trader", True), ("person", False), (None, False)]
)
def test_seed_002_sole_trader_is_a_company(kind: str | None, company_card: bool) -> None:
    """«Контрагент с форма юридического лица “Индивидуальный предприниматель” из 1С:Предприятие синхронизируется с сущностью “Компании” в Битрикс24.»"""
    assert cards.is_company(kind) is company_card
    assert cards.is_company(None, INN)


def test_two_parties_without_inn_under_one_name_are_not_sent_to_stock_1c() -> None:
    parties: list[Party] = [
        company("1", name="Иванов Иван"),
        company("2", name="ИВАНОВ  ИВАН"),
        company("3", name="Пётр"),
        company("4", name="ООО Ромашка", inn=INN),
        company("5", name="ООО Ромашка"),
        company("6"),
    ]
    issues = cards.namesakes(parties)
    assert [row["key"] for row in issues] == ["company_1", "company_2", "company_5"]
    assert cards.namesakes([company("1", document="a"), company("1", document="b")]) == []


def test_a_contact_person_known_by_one_line_gets_the_parts_of_the_name() -> None:
    """1C often gives a representative only as «Ветрова Анна Львовна»."""
    people: list[Contact] = [{"id": "p1", "party": "g1", "name": "Ветрова Анна Львовна"}]
    _, person = cards.cards([record("g1")], people)
    assert (person.values["last_name"], person.values["first_name"], person.values["middle_name"]) == (
        "Ветрова",
        "Анна",
        "Львовна",
    )
