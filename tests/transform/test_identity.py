"""Who is who: GUID first, ИНН proposes, equal candidates are asked with their folders, names prove nothing."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from etl import tables
from etl.transform import identity
from etl.transform.identity import LINK, Matches
from etl.values import keys

ORIGIN = "obmen24"
INN, OTHER_INN = "7707083893", "500100732259"


def company(identifier: str, origin: str | None = None, **values: Any) -> dict[str, Any]:
    extra = {"originator": ORIGIN if origin else None, "origin": origin, "xml_id": None} | values.pop(
        "extra", {}
    )
    return {
        "id": f"company_{identifier}",
        "kind": "legal",
        "name": f"ООО {identifier}",
        "extra": extra,
        **values,
    }


def record(guid: str, **values: Any) -> dict[str, Any]:
    return {"id": guid, "kind": "legal", "name": f"ООО {guid}", **values}


def pairs(rows: list[tuple[str | None, str | None]] | None = None) -> pd.DataFrame:
    return pd.DataFrame(rows or [], columns=LINK, dtype=object)


def match(
    portal: list[dict[str, Any]], onec: list[dict[str, Any]], links: Any = None, answers: Any = None
) -> Matches:
    return identity.match(
        tables.frame("parties", portal),
        tables.frame("parties", onec),
        pairs(links),
        pairs(answers),
        originator=ORIGIN,
    )


def linked(found: Matches) -> list[list[str]]:
    return found.linked.to_numpy().tolist()


def test_guid_decides_even_against_requisites() -> None:
    found = match([company("1", "g1", inn=OTHER_INN), company("2", inn=INN)], [record("g1", inn=INN)])
    assert linked(found) == [["company_1", "g1", "guid"]]
    assert found.new_for_portal == []


def test_foreign_id_of_another_source_is_not_a_guid() -> None:
    found = match([company("1", extra={"originator": "shop", "origin": "g1"})], [record("g1")])
    assert (linked(found), found.new_for_portal, found.new_for_1c) == ([], ["g1"], ["company_1"])


def test_xml_id_of_the_requisite_counts_where_1c_knows_it() -> None:
    assert linked(match([company("1", extra={"xml_id": "g1"})], [record("g1")])) == [
        ["company_1", "g1", "guid"]
    ]
    assert match([company("1", extra={"xml_id": "77"})], [record("g1")]).new_for_1c == ["company_1"]


def test_inn_and_kpp_only_propose() -> None:
    found = match([company("1", inn=INN, kpp="770701001")], [record("g1", inn=INN, kpp="770701001")])
    assert linked(found) == []
    assert found.proposed[LINK].to_numpy().tolist() == [["company_1", "g1"]]
    assert found.proposed["reason"].str.contains("obmen24 link company 1 g1").all()
    assert (found.new_for_portal, found.new_for_1c) == ([], [])


def test_another_kpp_is_another_branch() -> None:
    found = match([company("1", inn=INN, kpp="770701001")], [record("g1", inn=INN, kpp="780101001")])
    assert (found.new_for_portal, found.new_for_1c) == (["g1"], ["company_1"])
    assert len(match([company("1", inn=INN)], [record("g1", inn=INN, kpp="780101001")]).proposed) == 1


def test_seed_001_the_same_buyer_in_several_folders_is_asked_with_folder_paths() -> None:
    """«Поиск по названию контрагента не приемлем: один и тот же покупатель может быть в разных папках в 1С, по виду деятельности.»"""
    onec = [
        record("g1", name="ООО Ромашка", inn=INN, folder_path="Покупатели/Опт", code="0001"),
        record("g2", name="ООО Ромашка", inn=INN, folder_path="Покупатели/Розница", code="0002"),
    ]
    found = match([company("1", name="ООО Ромашка", inn=INN)], onec)
    assert found.ask[LINK].to_numpy().tolist() == [["company_1", "g1"], ["company_1", "g2"]]
    assert found.ask["reason"].iloc[0].count("папка «Покупатели/Опт», код 0001") == 1
    assert "папка «Покупатели/Розница»" in found.ask["reason"].iloc[1]
    assert (linked(found), found.new_for_portal, found.new_for_1c) == ([], [], [])
    answered = match([company("1", name="ООО Ромашка", inn=INN)], onec, answers=[("company_1", "g2")])
    assert linked(answered) == [["company_1", "g2", "answer"]]
    assert answered.new_for_portal == ["g1"]


def test_seed_001_unmatched_buyers_of_all_folders_are_loaded_one_by_one() -> None:
    """«Не выгружены контрагенты из УТ в Б24.»: each record of 1C becomes its own company, even with one ИНН."""
    found = match(
        [], [record("g1", inn=INN, folder_path="Опт"), record("g2", inn=INN, folder_path="Розница")]
    )
    assert found.new_for_portal == ["g1", "g2"]


def test_names_never_match() -> None:
    found = match([company("1", name="ООО Ромашка")], [record("g1", name="ООО Ромашка")])
    assert (linked(found), len(found.proposed), found.new_for_portal, found.new_for_1c) == (
        [],
        0,
        ["g1"],
        ["company_1"],
    )


def test_two_portal_records_with_one_guid_are_asked_not_chosen() -> None:
    found = match([company("1", "g1"), company("2", "g1")], [record("g1")])
    assert linked(found) == []
    assert found.ask["portal"].tolist() == ["company_1", "company_2"]
    assert found.new_for_1c == []
    assert linked(
        match([company("1", "g1"), company("2", "g1")], [record("g1")], answers=[("company_2", "g1")])
    ) == [["company_2", "g1", "answer"]]


def test_memory_is_a_cache_and_contradictions_are_shown() -> None:
    assert linked(match([company("1")], [record("g1")], links=[("company_1", "g1")])) == [
        ["company_1", "g1", "link"]
    ]
    found = match([company("1", "g1")], [record("g1"), record("g2")], links=[("company_1", "g2")])
    assert linked(found) == [["company_1", "g1", "guid"]]
    assert found.issues["severity"].tolist() == ["ask"]
    assert found.new_for_portal == []
    assert linked(match([], [record("g1")], links=[("company_1", "g1")])) == []


def test_a_second_portal_card_of_a_matched_buyer_is_a_question_not_a_new_party() -> None:
    found = match([company("1", "g1", inn=INN), company("2", inn=INN)], [record("g1", inn=INN)])
    assert found.new_for_1c == []
    assert found.ask[LINK].to_numpy().tolist() == [["company_2", "g1"]]
    assert match(
        [company("1", "g1", inn=INN), company("2", inn=INN)],
        [record("g1", inn=INN)],
        answers=[("company_2", None)],
    ).new_for_1c == ["company_2"]


def test_a_person_may_say_that_a_record_stands_alone() -> None:
    found = match([company("1", inn=INN)], [record("g1", inn=INN)], answers=[(None, "g1")])
    assert (found.new_for_portal, found.new_for_1c, len(found.proposed)) == (["g1"], ["company_1"], 0)


def test_deleted_records_of_1c_are_neither_proposed_nor_created() -> None:
    found = match(
        [company("1", "g1"), company("2", inn=INN)],
        [record("g1", deleted=True), record("g2", inn=INN, deleted=True)],
    )
    assert linked(found) == [["company_1", "g1", "guid"]]
    assert (found.new_for_portal, found.new_for_1c) == ([], ["company_2"])


def test_contact_and_company_with_one_inn_are_doubtful() -> None:
    found = match(
        [{"id": "contact_1", "kind": "person", "inn": OTHER_INN}],
        [record("g1", kind="sole_trader", inn=OTHER_INN)],
    )
    assert len(found.proposed) == 0
    assert found.ask["reason"].str.contains("вид записи различается").all()


def test_parties_inside_documents_are_not_the_directory() -> None:
    assert match([], [record("g1", document="order-1")]).new_for_portal == []


@pytest.mark.parametrize(
    ("kind", "company_card"), [("legal", True), ("sole_trader", True), ("person", False), (None, False)]
)
def test_seed_002_sole_trader_is_a_company(kind: str | None, company_card: bool) -> None:
    """«Контрагент с форма юридического лица “Индивидуальный предприниматель” из 1С:Предприятие синхронизируется с сущностью “Компании” в Битрикс24.»"""
    assert identity.is_company(kind) is company_card
    assert identity.is_company(None, INN)


def test_coverage_counts_for_check() -> None:
    portal = [company("1", "g1"), company("2", inn=INN), company("3", inn=OTHER_INN), company("9")]
    onec = [
        record("g1"),
        record("g2", inn=INN),
        record("g3", inn=OTHER_INN),
        record("g4", inn=OTHER_INN),
        record("g5"),
    ]
    assert identity.coverage(match(portal, onec)) == {
        "by_guid": 1,
        "by_inn": 1,
        "doubtful": 2,
        "unmatched_1c": 1,
        "unmatched_portal": 1,
    }


def test_products_by_xml_id_and_article_only_proposes() -> None:
    portal = tables.frame(
        "products",
        [
            {"id": "10", "extra": {"xml_id": "p1"}},
            {"id": "11", "article": "А-1"},
            {"id": "12", "name": "Болт"},
        ],
    )
    onec = tables.frame(
        "products",
        [{"id": "p1"}, {"id": "p2", "article": "а-1", "group_path": "Крепёж"}, {"id": "p3", "name": "Болт"}],
    )
    found = identity.match_products(portal, onec, pairs(), pairs(), originator=ORIGIN)
    assert linked(found) == [["10", "p1", "guid"]]
    assert found.proposed[LINK].to_numpy().tolist() == [["11", "p2"]]
    assert (found.new_for_portal, found.new_for_1c) == (["p3"], ["12"])


def test_two_parties_without_inn_under_one_name_are_not_sent_to_stock_1c() -> None:
    parties = tables.frame(
        "parties",
        [
            company("1", name="Иванов Иван"),
            company("2", name="ИВАНОВ  ИВАН"),
            company("3", name="Пётр"),
            company("4", name="ООО Ромашка", inn=INN),
            company("5", name="ООО Ромашка"),
            company("6"),
        ],
    )
    issues = identity.same_name(parties)
    assert issues["key"].tolist() == ["company_1", "company_2", "company_5"]
    assert identity.same_name(
        tables.frame("parties", [company("1", document="a"), company("1", document="b")])
    ).empty


def test_what_a_document_of_1c_is_to_the_portal() -> None:
    charge = keys.charge("7", "2026-11", 1)
    documents = tables.frame(
        "documents",
        [
            {"id": "d1", "kind": "order", "number": "B24-5"},
            {"id": "d2", "kind": "invoice", "number": "00-17"},
            {"id": "d3", "kind": "invoice", "number": "S24-9"},
            {"id": "d4", "kind": "order", "number": charge},
            {"id": "d5", "kind": "invoice", "number": charge},
            {"id": "d6", "kind": "act", "number": "A1-7"},
            {"id": "d7", "kind": "payment", "number": "B24-5"},
            {"id": "d8", "kind": "order", "number": "УТ-1"},
            {"id": "d9", "kind": "order", "number": "УТ-2"},
            {"id": "d10", "kind": "invoice", "number": "УТ-3"},
            {"id": "d11", "kind": "payment", "number": "4"},
        ],
    )
    found = {
        "d1": "B24-5",
        "d2": "B24-5",
        "d3": "S24-9",
        "d4": charge,
        "d5": charge,
        "d6": "A1-7",
        "d7": "S24-9",
        "d8": "d8",
        "d10": "d8",
        "d11": charge,
    }
    roles = identity.document_deals(documents, found, links={"d8": "40"}, invoices={"9": "5"})
    assert roles.set_index("id").to_numpy().tolist() == [
        ["5", "content"],
        ["5", "content"],
        ["5", "facts"],
        ["7", "facts"],
        ["7", "facts"],
        ["7", "facts"],
        ["5", "facts"],
        ["40", "content"],
        [None, "born"],
        ["40", "content"],
        ["7", "facts"],
    ]


def test_a_contact_person_known_by_one_line_gets_the_parts_of_the_name() -> None:
    """1C often gives a representative only as «Ветрова Анна Львовна»."""
    people = tables.frame("contacts", [{"id": "p1", "party": "g1", "name": "Ветрова Анна Львовна"}])
    _, person = identity.cards(tables.frame("parties", [record("g1")]), people)
    assert (person.values["last_name"], person.values["first_name"], person.values["middle_name"]) == (
        "Ветрова",
        "Анна",
        "Львовна",
    )
