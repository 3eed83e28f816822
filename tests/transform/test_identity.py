"""Who is who: GUID first, ИНН proposes, equal candidates are asked with their folders, names prove nothing."""

from __future__ import annotations

from typing import Any

from etl.records import Product
from etl.transform import identity
from etl.transform.identity import Matches, Pair

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


def match(
    portal: list[dict[str, Any]], onec: list[dict[str, Any]], links: Any = (), answers: Any = ()
) -> Matches:
    return identity.match(portal, onec, links, answers, originator=ORIGIN)


def pairs(found: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.portal, pair.onec) for pair in found]


def test_guid_decides_even_against_requisites() -> None:
    found = match([company("1", "g1", inn=OTHER_INN), company("2", inn=INN)], [record("g1", inn=INN)])
    assert found.linked == [("company_1", "g1", "guid")]
    assert found.new_for_portal == []


def test_foreign_id_of_another_source_is_not_a_guid() -> None:
    found = match([company("1", extra={"originator": "shop", "origin": "g1"})], [record("g1")])
    assert (found.linked, found.new_for_portal, found.new_for_1c) == ([], ["g1"], ["company_1"])


def test_xml_id_of_the_requisite_counts_where_1c_knows_it() -> None:
    assert match([company("1", extra={"xml_id": "g1"})], [record("g1")]).linked == [
        ("company_1", "g1", "guid")
    ]
    assert match([company("1", extra={"xml_id": "77"})], [record("g1")]).new_for_1c == ["company_1"]


def test_inn_and_kpp_only_propose() -> None:
    found = match([company("1", inn=INN, kpp="770701001")], [record("g1", inn=INN, kpp="770701001")])
    assert found.linked == []
    assert pairs(found.proposed) == [("company_1", "g1")]
    assert "obmen24 link company 1 g1" in found.proposed[0].why
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
    assert pairs(found.ask) == [("company_1", "g1"), ("company_1", "g2")]
    assert found.ask[0].why.count("папка «Покупатели/Опт», код 0001") == 1
    assert "папка «Покупатели/Розница»" in found.ask[1].why
    assert (found.linked, found.new_for_portal, found.new_for_1c) == ([], [], [])
    answered = match([company("1", name="ООО Ромашка", inn=INN)], onec, answers=[("company_1", "g2")])
    assert answered.linked == [("company_1", "g2", "answer")]
    assert answered.new_for_portal == ["g1"]


def test_seed_001_unmatched_buyers_of_all_folders_are_loaded_one_by_one() -> None:
    """«Не выгружены контрагенты из УТ в Б24.»: each record of 1C becomes its own company, even with one ИНН."""
    found = match(
        [], [record("g1", inn=INN, folder_path="Опт"), record("g2", inn=INN, folder_path="Розница")]
    )
    assert found.new_for_portal == ["g1", "g2"]


def test_names_never_match() -> None:
    found = match([company("1", name="ООО Ромашка")], [record("g1", name="ООО Ромашка")])
    assert (found.linked, len(found.proposed), found.new_for_portal, found.new_for_1c) == (
        [],
        0,
        ["g1"],
        ["company_1"],
    )


def test_two_portal_records_with_one_guid_are_asked_not_chosen() -> None:
    found = match([company("1", "g1"), company("2", "g1")], [record("g1")])
    assert found.linked == []
    assert [pair.portal for pair in found.ask] == ["company_1", "company_2"]
    assert found.new_for_1c == []
    answered = match([company("1", "g1"), company("2", "g1")], [record("g1")], answers=[("company_2", "g1")])
    assert answered.linked == [("company_2", "g1", "answer")]


def test_memory_is_a_cache_and_contradictions_are_shown() -> None:
    assert match([company("1")], [record("g1")], links=[("company_1", "g1")]).linked == [
        ("company_1", "g1", "link")
    ]
    found = match([company("1", "g1")], [record("g1"), record("g2")], links=[("company_1", "g2")])
    assert found.linked == [("company_1", "g1", "guid")]
    assert [row["severity"] for row in found.issues] == ["ask"]
    assert found.new_for_portal == []
    assert match([], [record("g1")], links=[("company_1", "g1")]).linked == []


def test_a_second_portal_card_of_a_matched_buyer_is_a_question_not_a_new_party() -> None:
    found = match([company("1", "g1", inn=INN), company("2", inn=INN)], [record("g1", inn=INN)])
    assert found.new_for_1c == []
    assert pairs(found.ask) == [("company_2", "g1")]
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
    assert found.linked == [("company_1", "g1", "guid")]
    assert (found.new_for_portal, found.new_for_1c) == ([], ["company_2"])


def test_contact_and_company_with_one_inn_are_doubtful() -> None:
    found = match(
        [{"id": "contact_1", "kind": "person", "inn": OTHER_INN}],
        [record("g1", kind="sole_trader", inn=OTHER_INN)],
    )
    assert len(found.proposed) == 0
    assert [pair.onec for pair in found.ask if "вид записи различается" in pair.why] == ["g1"]


def test_parties_inside_documents_are_not_the_directory() -> None:
    assert match([], [record("g1", document="order-1")]).new_for_portal == []


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
    portal: list[Product] = [
        {"id": "10", "extra": {"xml_id": "p1"}},
        {"id": "11", "article": "А-1"},
        {"id": "12", "name": "Болт"},
    ]
    onec: list[Product] = [
        {"id": "p1"},
        {"id": "p2", "article": "а-1", "group_path": "Крепёж"},
        {"id": "p3", "name": "Болт"},
    ]
    found = identity.match_products(portal, onec, [], [], originator=ORIGIN)
    assert found.linked == [("10", "p1", "guid")]
    assert pairs(found.proposed) == [("11", "p2")]
    assert (found.new_for_portal, found.new_for_1c) == (["p3"], ["12"])
