"""Writes of the sandbox portal: deals, companies, contacts, leads, invoices, their stages and multifields."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock

DAY = 86_400
DEAL_FIELDS = ["UF_CRM_10_DIGIT", "UF_CRM_1747309879", "UF_CRM_3_1747309727", "UF_CRM_10_DIGIT10"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def call(clock: Clock) -> Iterator[Caller]:
    seed = {
        "userfields": [
            *(
                {"ENTITY_ID": "CRM_DEAL", "FIELD_NAME": name, "USER_TYPE_ID": "double"}
                for name in DEAL_FIELDS
            ),
            {"ENTITY_ID": "CRM_DEAL", "FIELD_NAME": "UF_CRM_MANY", "USER_TYPE_ID": "string", "MULTIPLE": "Y"},
        ],
        "categories": [
            {"id": 0, "name": "Общая", "entityTypeId": 2, "isDefault": "Y"},
            {"id": 9, "name": "Вторая", "entityTypeId": 2},
            {"id": 5, "name": "Счета", "entityTypeId": 31, "isDefault": "Y"},
        ],
        "companies": [{"ID": 5, "TITLE": "ООО Бета"}, {"ID": 6, "TITLE": "Мы", "IS_MY_COMPANY": "Y"}],
        "contacts": [{"ID": 4, "NAME": "Иван"}, {"ID": 5, "NAME": "Пётр"}],
    }
    with Portal(seed=seed, enforce_limits=False, clock=clock) as portal:
        portal.call(
            "crm.status.add",
            {"fields": {"ENTITY_ID": "DEAL_STAGE_9", "STATUS_ID": "UC_KN8KFI", "NAME": "Ждём"}},
        )
        won = {"ENTITY_ID": "DEAL_STAGE_9", "STATUS_ID": "WON", "NAME": "Успех", "SEMANTICS": "S", "SORT": 90}
        portal.call("crm.status.add", {"fields": won})
        caller = Caller(portal)
        yield caller
        caller.close()


def test_a_new_deal_gets_the_defaults(call: Caller) -> None:
    number = call.result("crm.deal.add", fields={"TITLE": "", "UNKNOWN": 1})
    assert isinstance(number, int)
    deal = call.result("crm.deal.get", id=number)
    assert deal["TITLE"] == f"Deal #{number}"
    assert (deal["CATEGORY_ID"], deal["STAGE_ID"], deal["STAGE_SEMANTIC_ID"]) == ("0", "NEW", "P")
    assert (deal["BEGINDATE"], deal["CLOSEDATE"]) == (
        "2026-03-05T00:00:00+03:00",
        "2026-03-12T00:00:00+03:00",
    )
    assert (deal["OPENED"], deal["CLOSED"], deal["ASSIGNED_BY_ID"]) == ("Y", "N", "1")
    assert (deal["OPPORTUNITY"], deal["CURRENCY_ID"]) == ("0.00", "RUB")
    assert deal["DATE_CREATE"] == "2026-03-05T12:00:00+03:00"


def test_documented_answer_of_item_add(call: Caller) -> None:
    """The sample of the reference: names, types and shapes of one deal of a second pipeline."""
    fields = {
        "title": "Сделка",
        "categoryId": 9,
        "stageId": "C9:UC_KN8KFI",
        "opportunity": 999.99,
        "isManualOpportunity": "Y",
        "companyId": 5,
        "contactIds": [4, 5],
        "begindate": "2024-06-18",
        "ufCrm10Digit": 1111.1,
    }
    item = call.result("crm.item.add", entityTypeId=2, fields=fields)["item"]
    expected = {
        "createdTime": "2026-03-05T12:00:00+03:00",
        "updatedTime": "2026-03-05T12:00:00+03:00",
        "createdBy": 1,
        "assignedById": 1,
        "companyId": 5,
        "contactId": 4,
        "contactIds": [4, 5],
        "categoryId": 9,
        "stageId": "C9:UC_KN8KFI",
        "stageSemanticId": "P",
        "opportunity": 999.99,
        "isManualOpportunity": "Y",
        "taxValue": 0,
        "currencyId": "RUB",
        "begindate": "2024-06-18T00:00:00+03:00",
        "originatorId": None,
        "originId": None,
        "ufCrm10Digit": 1111.1,
        "entityTypeId": 2,
    }
    assert {name: item[name] for name in expected} == expected


def test_camel_names_of_user_fields(call: Caller) -> None:
    fields = call.result("crm.item.fields", entityTypeId=2)["fields"]
    names = {"ufCrm10Digit", "ufCrm_1747309879", "ufCrm3_1747309727", "ufCrm_10_DIGIT10"}
    assert {info["upperName"] for name, info in fields.items() if name in names} == set(DEAL_FIELDS)
    assert fields["createdTime"]["isReadOnly"] is True
    assert "UF_CRM_10_DIGIT" in call.result("crm.deal.fields")


def test_update_changes_the_given_fields_only(call: Caller, clock: Clock) -> None:
    number = call.result("crm.deal.add", fields={"TITLE": "Было", "COMMENTS": "Остаётся"})
    clock.now += 60
    assert (
        call.result(
            "crm.deal.update", id=number, fields={"TITLE": "Стало", "ID": 99, "DATE_CREATE": "2001-01-01"}
        )
        is True
    )
    deal = call.result("crm.deal.get", id=number)
    assert (deal["TITLE"], deal["COMMENTS"], deal["DATE_CREATE"]) == (
        "Стало",
        "Остаётся",
        "2026-03-05T12:00:00+03:00",
    )
    assert deal["DATE_MODIFY"] == "2026-03-05T12:01:00+03:00"
    clock.now += 60
    call.result("crm.deal.update", id=number, fields={"TITLE": "Стало"})
    assert call.result("crm.deal.get", id=number)["DATE_MODIFY"] == "2026-03-05T12:01:00+03:00"


def test_clearing_and_dates_in_other_zones(call: Caller) -> None:
    number = call.result("crm.deal.add", fields={"COMMENTS": "x", "CLOSEDATE": "2026-05-01T22:30:00+00:00"})
    assert call.result("crm.deal.get", id=number)["CLOSEDATE"].startswith("2026-05-02")
    call.result(
        "crm.deal.update", id=number, fields={"COMMENTS": "", "CLOSEDATE": "", "UF_CRM_MANY": ["a", "b"]}
    )
    item = call.result("crm.item.get", entityTypeId=2, id=number)["item"]
    assert (item["comments"], item["closedate"], item["ufCrmMany"]) == (None, None, ["a", "b"])
    refusal = call.refusal("crm.item.update", entityTypeId=2, id=number, fields={"ufCrmMany": "a"})
    assert refusal[1] == "100"


def test_only_the_new_family_moves_a_deal_between_pipelines(call: Caller) -> None:
    number = call.result("crm.deal.add", fields={})
    call.result("crm.deal.update", id=number, fields={"CATEGORY_ID": 9})
    assert call.result("crm.deal.get", id=number)["CATEGORY_ID"] == "0"
    call.result("crm.item.update", entityTypeId=2, id=number, fields={"categoryId": 9})
    item = call.result("crm.item.get", entityTypeId=2, id=number)["item"]
    assert (item["categoryId"], item["stageId"]) == (9, "C9:UC_KN8KFI")


def test_stages_carry_their_meaning_and_history(call: Caller, clock: Clock) -> None:
    number = call.result("crm.deal.add", fields={"CATEGORY_ID": 9})
    clock.now += DAY
    call.result("crm.deal.update", id=number, fields={"STAGE_ID": "C9:WON"})
    deal = call.result("crm.deal.get", id=number)
    assert (deal["STAGE_SEMANTIC_ID"], deal["CLOSED"], deal["CLOSEDATE"][:10]) == ("S", "Y", "2026-03-06")
    assert deal["MOVED_TIME"] == "2026-03-06T12:00:00+03:00"
    history = call.result("crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": number})["items"]
    assert [(row["TYPE_ID"], row["STAGE_ID"]) for row in history] == [(1, "C9:UC_KN8KFI"), (3, "C9:WON")]
    refusal = call.refusal("crm.item.update", entityTypeId=2, id=number, fields={"stageId": "C9:NOTHING"})
    assert refusal[:2] == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")


def test_external_ids_are_not_unique(call: Caller) -> None:
    fields = {"TITLE": "Двойник", "ORIGINATOR_ID": "1c", "ORIGIN_ID": "g-1"}
    first, second = (call.result("crm.company.add", fields=fields) for _ in range(2))
    found = call.result(
        "crm.company.list", filter={"ORIGINATOR_ID": "1c", "ORIGIN_ID": "g-1"}, order={"ID": "ASC"}
    )
    assert [int(row["ID"]) for row in found] == [first, second]
    new = {"=originatorId": "1c", "=originId": "g-1"}
    assert len(call.result("crm.item.list", entityTypeId=4, filter=new)["items"]) == 2


def test_multifields_by_element_id(call: Caller) -> None:
    phones = [{"VALUE": "+7001", "VALUE_TYPE": "WORK"}, {"VALUE": "+7002", "VALUE_TYPE": "MOBILE"}]
    number = call.result("crm.contact.add", fields={"NAME": "Анна", "PHONE": phones})
    first, second = call.result("crm.contact.get", id=number)["PHONE"]
    change = {
        "PHONE": [
            {"ID": first["ID"], "VALUE": "+7111"},
            {"VALUE": "+7003"},
            {"ID": second["ID"], "VALUE": ""},
        ]
    }
    call.result("crm.contact.update", id=number, fields=change)
    call.result("crm.contact.update", id=number, fields={"PHONE": [{"VALUE": "+7003"}]})
    call.result("crm.contact.update", id=number, fields={"PHONE": []})
    values = [item["VALUE"] for item in call.result("crm.contact.get", id=number)["PHONE"]]
    assert values == ["+7111", "+7003", "+7003"]  # an element without an id piles up
    call.result("crm.contact.update", id=number, fields={"PHONE": [{"ID": first["ID"], "DELETE": "Y"}]})
    assert len(call.result("crm.contact.get", id=number)["PHONE"]) == 2


def test_multifields_of_the_new_family(call: Caller) -> None:
    fields = {"title": "ООО", "fm": [{"typeId": "EMAIL", "valueType": "WORK", "value": "a@example.ru"}]}
    item = call.result("crm.item.add", entityTypeId=4, fields=fields)["item"]
    assert (item["emailWork"], item["hasEmail"], item["hasPhone"]) == ("a@example.ru", "Y", "N")
    element = item["fm"][0]["id"]
    change = {
        "n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+7001"},
        "n1": {"valueType": "WORK", "value": "+7002"},  # no kind: nothing happens
        str(element): {"typeId": "EMAIL", "valueType": "WORK", "value": ""},
    }
    item = call.result("crm.item.update", entityTypeId=4, id=item["id"], fields={"fm": change})["item"]
    assert [one["value"] for one in item["fm"]] == ["+7001"]


def test_a_bad_email_fails_the_whole_write(call: Caller) -> None:
    fields = {"TITLE": "ООО", "EMAIL": [{"VALUE": "не адрес", "VALUE_TYPE": "WORK"}]}
    assert call.refusal("crm.company.add", fields=fields)[:2] == (400, "ERROR_CORE")
    assert call.portal.counts["companies"] == 2


def test_refused_writes(call: Caller) -> None:
    assert call.refusal("crm.deal.add", fields={"CURRENCY_ID": "XXX"})[:2] == (400, "")
    assert call.refusal("crm.deal.update", id=999, fields={"TITLE": "x"}) == (400, "", "Not found")
    assert call.refusal("crm.company.get", id=999)[2] == "Company is not found"
    assert call.portal.counts["deals"] == 0


def test_smart_invoice_defaults(call: Caller) -> None:
    deal = call.result("crm.deal.add", fields={})
    item = call.result("crm.item.add", entityTypeId=31, fields={"parentId2": deal, "xmlId": "guid-1"})["item"]
    assert (item["title"], item["mycompanyId"]) == (f"Invoice #{item['id']}", 6)
    assert (item["stageId"], item["categoryId"], item["accountNumber"]) == ("DT31_5:N", 5, str(item["id"]))
    assert item["closedate"] == "2026-03-12T00:00:00+03:00"
    found = call.result("crm.item.list", entityTypeId=31, filter={"parentId2": deal})["items"]
    assert [row["xmlId"] for row in found] == ["guid-1"]
    paid = call.result("crm.item.update", entityTypeId=31, id=item["id"], fields={"stageId": "DT31_5:P"})[
        "item"
    ]
    assert (paid["stageId"], paid["previousStageId"]) == ("DT31_5:P", "DT31_5:N")


def test_import_sets_stamps_and_limits_its_size(call: Caller) -> None:
    fields = {"title": "Старая", "createdTime": "2020-01-01T10:00:00+03:00"}
    number = call.result("crm.item.import", entityTypeId=2, fields=fields)["item"]["id"]
    assert call.result("crm.deal.get", id=number)["DATE_CREATE"] == "2020-01-01T10:00:00+03:00"
    rows = call.result("crm.item.batchImport", entityTypeId=2, data=[fields, {"stageId": "NO"}])["items"]
    assert rows[0]["item"]["id"] == number + 1
    assert rows[1]["error"] == "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    assert (
        call.refusal("crm.item.batchImport", entityTypeId=2, data=[fields] * 21)[1]
        == "MAX_IMPORT_BATCH_SIZE_EXCEEDED"
    )


def test_contacts_of_a_deal(call: Caller) -> None:
    deal = call.result("crm.deal.add", fields={"CONTACT_ID": 4})
    one = [{"CONTACT_ID": 4, "SORT": 10, "ROLE_ID": 0, "IS_PRIMARY": "Y"}]
    assert call.result("crm.deal.contact.items.get", id=deal) == one
    call.result("crm.deal.contact.items.set", id=deal, items=[{"CONTACT_ID": 5}, {"CONTACT_ID": 4}])
    assert call.result("crm.deal.get", id=deal)["CONTACT_ID"] == "5"
    assert call.result("crm.deal.contact.add", id=deal, fields={"CONTACT_ID": 4}) is False
    assert call.result("crm.deal.contact.delete", id=deal, fields={"CONTACT_ID": 5}) is True
    assert call.result("crm.item.get", entityTypeId=2, id=deal)["item"]["contactIds"] == [4]


def test_deletion(call: Caller) -> None:
    deal = call.result("crm.deal.add", fields={})
    call.result("crm.deal.productrows.set", id=deal, rows=[{"PRODUCT_NAME": "x", "PRICE": 1}])
    assert call.result("crm.item.delete", entityTypeId=2, id=deal) == []
    assert call.refusal("crm.deal.get", id=deal) == (400, "", "Not found")
    assert call.portal.counts["productrows"] == 0


def test_leads(call: Caller) -> None:
    lead = call.result("crm.lead.add", fields={"TITLE": "Заявка", "NAME": "Олег", "SOURCE_ID": "WEB"})
    assert call.result("crm.lead.get", id=lead)["STATUS_ID"] == "NEW"
    call.result("crm.lead.update", id=lead, fields={"STATUS_ID": "CONVERTED"})
    assert call.result("crm.item.get", entityTypeId=1, id=lead)["item"]["stageSemanticId"] == "S"
