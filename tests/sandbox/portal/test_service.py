"""Dictionaries, user fields, users, messages and what the sandbox portal tells about itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock


@pytest.fixture
def call() -> Iterator[Caller]:
    users = [
        {"ID": 1, "NAME": "Ирина", "LAST_NAME": "Орлова", "EMAIL": "admin@example.ru"},
        {"ID": 6, "NAME": "Илья", "LAST_NAME": "Соколов", "EMAIL": "sokolov@example.ru", "ACTIVE": "N"},
    ]
    contacts = [
        {"ID": 275, "NAME": "А", "PHONE": ["8 (000) 111-22-33"]},
        {"ID": 2297, "NAME": "Б", "PHONE": ["+70001112233"]},
    ]
    seed = {"users": users, "contacts": contacts, "deals": [{"ID": 17}]}
    with Portal(seed=seed, enforce_limits=False, clock=Clock()) as portal:
        caller = Caller(portal)
        yield caller
        caller.close()


def test_about_itself(call: Caller) -> None:
    assert call.result("server.time") == "2026-03-05T12:00:00+03:00"
    assert {"crm", "catalog", "im", "user"} <= set(call.result("scope"))
    profile = call.result("profile")
    assert (profile["ID"], profile["ADMIN"], profile["TIME_ZONE"]) == ("1", True, "Europe/Moscow")
    assert call.result("method.get", name="crm.deal.list") == {"isExisting": True, "isAvailable": True}
    assert call.result("method.get", name="no.such") == {"isExisting": False, "isAvailable": False}


def test_users(call: Caller) -> None:
    body = call.body("user.get", FILTER={"EMAIL": "sokolov@example.ru"})
    assert body["total"] == 1
    user = body["result"][0]
    assert (user["ID"], user["ACTIVE"], user["UF_DEPARTMENT"]) == ("6", False, [1])
    assert [row["ID"] for row in call.result("user.get", FILTER={"ACTIVE": True})] == ["1"]


def test_pipelines(call: Caller) -> None:
    default = call.result("crm.category.list", entityTypeId=2)["categories"][0]
    assert default == {"id": 0, "name": "Общая", "sort": 100, "entityTypeId": 2, "isDefault": "Y"}
    new = call.result("crm.category.add", entityTypeId=2, fields={"name": "Монтаж"})["category"]
    assert {"originId", "originatorId"} <= set(new)
    stages = call.result(
        "crm.status.list", filter={"ENTITY_ID": f"DEAL_STAGE_{new['id']}"}, order={"SORT": "ASC"}
    )
    assert stages[0]["STATUS_ID"] == f"C{new['id']}:NEW"
    number = call.result("crm.deal.add", fields={"CATEGORY_ID": new["id"]})
    assert call.result("crm.deal.get", id=number)["STAGE_ID"] == f"C{new['id']}:NEW"
    assert [row["NAME"] for row in call.result("crm.dealcategory.list")] == ["Монтаж"]


def test_statuses(call: Caller) -> None:
    body = call.body("crm.status.list")
    assert len(body["result"]) > 30  # everything at once
    assert "next" not in body
    rows = {
        row["STATUS_ID"]: row for row in call.result("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE"})
    }
    assert [rows[code]["SEMANTICS"] for code in ("NEW", "WON", "LOSE")] == [None, "S", "F"]
    assert (rows["WON"]["EXTRA"]["SEMANTICS"], rows["NEW"]["EXTRA"]["SEMANTICS"]) == ("success", "process")
    kinds = {row["ID"]: row for row in call.result("crm.status.entity.types")}
    assert kinds["SMART_INVOICE_STAGE_5"]["PREFIX"] == "DT31_5"
    assert kinds["DEAL_STAGE"]["SEMANTIC_INFO"]["FINAL_SUCCESS_FIELD"] == "WON"
    assert call.result("crm.currency.list")[0]["CURRENCY"] == "RUB"


def test_currencies_with_their_rates(call: Caller) -> None:
    assert call.result("crm.currency.add", fields={"CURRENCY": "KZT", "AMOUNT": "16.5", "AMOUNT_CNT": "100"})
    assert call.result("crm.currency.update", id="KZT", fields={"AMOUNT": "17.5"}) is True
    row = call.result("crm.currency.get", id="KZT")
    assert (row["AMOUNT"], row["AMOUNT_CNT"], row["BASE"]) == ("17.5", "100", "N")
    for fields in ({"CURRENCY": "KZT"}, {}):
        assert call.refusal("crm.currency.add", fields=fields)[0] == 400
    assert call.refusal("crm.currency.update", id="XXX", fields={"AMOUNT": "1"})[0] == 400


def test_user_fields(call: Caller) -> None:
    fields = {
        "USER_TYPE_ID": "enumeration",
        "FIELD_NAME": "KIND",
        "EDIT_FORM_LABEL": {"ru": "Вид", "en": "Kind"},
        "LIST": [{"VALUE": "Да", "XML_ID": "yes"}, {"VALUE": "Нет", "XML_ID": "no"}],
    }
    number = call.result("crm.deal.userfield.add", fields=fields)
    full = call.result("crm.deal.userfield.get", id=number)
    assert (full["FIELD_NAME"], full["EDIT_FORM_LABEL"]["ru"]) == ("UF_CRM_KIND", "Вид")
    options = {option["XML_ID"]: option["ID"] for option in full["LIST"]}
    deal = call.result("crm.deal.add", fields={"UF_CRM_KIND": options["yes"]})
    assert call.result("crm.deal.get", id=deal)["UF_CRM_KIND"] == options["yes"]
    assert call.result("crm.item.get", entityTypeId=2, id=deal)["item"]["ufCrmKind"] == int(options["yes"])
    assert "EDIT_FORM_LABEL" not in call.result("crm.deal.userfield.list")[0]
    assert call.result("crm.deal.userfield.list", filter={"LANG": "ru"})[0]["EDIT_FORM_LABEL"] == "Вид"
    described = call.result("crm.deal.fields")["UF_CRM_KIND"]
    assert (described["formLabel"], [item["VALUE"] for item in described["items"]]) == ("Вид", ["Да", "Нет"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"USER_TYPE_ID": "string"}, ""),
        ({"FIELD_NAME": "X"}, ""),
        ({"FIELD_NAME": "X" * 60, "USER_TYPE_ID": "string"}, "ERROR_CORE"),
        ({"FIELD_NAME": "ПОЛЕ", "USER_TYPE_ID": "string"}, "ERROR_CORE"),
        ({"FIELD_NAME": "X", "USER_TYPE_ID": "nothing"}, "ERROR_CORE"),
    ],
)
def test_refused_user_fields(call: Caller, fields: dict[str, str], code: str) -> None:
    assert call.refusal("crm.deal.userfield.add", fields=fields)[:2] == (400, code)


def test_user_fields_of_smart_invoices(call: Caller) -> None:
    field = {"entityId": "CRM_SMART_INVOICE", "fieldName": "UF_CRM_7_PAID", "userTypeId": "date"}
    assert (
        call.result("userfieldconfig.add", moduleId="crm", field=field)["field"]["fieldName"]
        == "UF_CRM_7_PAID"
    )
    item = call.result("crm.item.add", entityTypeId=31, fields={"ufCrm7Paid": "2026-01-02"})["item"]
    assert item["ufCrm7Paid"] == "2026-01-02T00:00:00+03:00"


def test_notifications_replace_by_tag(call: Caller) -> None:
    first = call.result("im.notify.personal.add", USER_ID=6, MESSAGE="раз", TAG="t-17")
    second = call.result("im.notify.system.add", USER_ID=6, MESSAGE="два", TAG="t-17")
    assert second > first
    assert call.portal.counts["notifications"] == 1
    assert call.refusal("im.notify.personal.add", MESSAGE="x")[1] == "USER_ID_EMPTY"
    assert call.refusal("im.notify.personal.add", USER_ID=6)[1] == "MESSAGE_EMPTY"


def test_timeline_comments(call: Caller) -> None:
    fields = {"ENTITY_ID": 17, "ENTITY_TYPE": "deal", "COMMENT": "Оплачено"}
    number = call.result("crm.timeline.comment.add", fields=fields)
    assert call.result("crm.timeline.comment.get", id=number)["COMMENT"] == "Оплачено"
    found = call.result("crm.timeline.comment.list", filter={"ENTITY_ID": 17, "ENTITY_TYPE": "deal"})
    assert [row["ID"] for row in found] == [str(number)]
    assert call.refusal("crm.timeline.comment.add", FIELDS=fields)[1] == "100"
    assert (
        call.refusal("crm.timeline.comment.add", fields={**fields, "ENTITY_ID": 99})[1] == "OWNER_NOT_FOUND"
    )


def test_duplicates(call: Caller) -> None:
    found = call.result(
        "crm.duplicate.findbycomm", type="PHONE", values=["+7 000 111 22 33"], entity_type="CONTACT"
    )
    assert found == {"CONTACT": [275, 2297]}
    assert call.result("crm.duplicate.findbycomm", type="PHONE", values=["+7999"]) == []
    assert call.refusal("crm.duplicate.findbycomm", values=["1"])[1] == "Communication type is not defined"


def test_workflows(call: Caller) -> None:
    document = ["crm", "CCrmDocumentDeal", "DEAL_17"]
    assert isinstance(call.result("bizproc.workflow.start", TEMPLATE_ID=3, DOCUMENT_ID=document), str)
    assert (
        call.refusal("bizproc.workflow.start", TEMPLATE_ID=3, DOCUMENT_ID=["crm"])[2] == "Wrong DOCUMENT_ID!"
    )
