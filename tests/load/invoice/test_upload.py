"""`obmen24 init --templates`: the invoice forms reach the portal once, and again over themselves."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etl.bitrix24.client import Client
from etl.bitrix24.secret import Secret
from etl.config.profile import Profile
from etl.errors import ConfigError, TryLater
from etl.load.invoice import upload
from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock

BANK = {
    "ENTITY_TYPE_ID": 8,
    "ENTITY_ID": 1,
    "NAME": "Счёт",
    "RQ_BANK_NAME": "АО «Вымышленный банк»",
    "RQ_BIK": "044525901",
    "RQ_ACC_NUM": "40702810900000000001",
    "RQ_COR_ACC_NUM": "30101810000000000901",
}
SEED: dict[str, Any] = {
    "categories": [
        {"id": 0, "name": "Общая", "sort": 100, "entityTypeId": 2, "isDefault": "Y"},
        {"id": 9, "name": "Опт", "sort": 200, "entityTypeId": 2, "isDefault": "N"},
        {"id": 5, "name": "Счета", "sort": 100, "entityTypeId": 31, "isDefault": "Y"},
    ],
    "companies": [{"ID": 1, "TITLE": "ООО «Ромашка»", "IS_MY_COMPANY": "Y"}],
    "requisites": [
        {
            "ID": 1,
            "ENTITY_TYPE_ID": 4,
            "ENTITY_ID": 1,
            "PRESET_ID": 1,
            "NAME": "Ромашка",
            "RQ_COMPANY_NAME": "ООО «Ромашка»",
            "RQ_INN": "7701000019",
            "RQ_KPP": "770101001",
        }
    ],
    "bankdetails": [{"ID": 1, **BANK}],
    "userfields": [
        {
            "ENTITY_ID": "CRM_DEAL",
            "FIELD_NAME": "UF_CRM_NUMBER_1C",
            "USER_TYPE_ID": "string",
            "EDIT_FORM_LABEL": {"ru": "Номер заказа 1С"},
        }
    ],
}


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with Portal(tmp_path / "portal", seed=SEED, enforce_limits=False, clock=Clock()) as running:
        yield running


@pytest.fixture
def client(portal: Portal) -> Iterator[Client]:
    with Client(Secret(portal.webhook), rate=1000, burst=1000, sleep=lambda _: None) as opened:
        yield opened


def profile(**orders: Any) -> Profile:
    """The smallest profile of one organisation."""
    return Profile.model_validate(
        {
            "path": Path("our.toml"),
            "flows": ["parties"],
            "bitrix24": {"name": "our", "webhook_env": "NONE"},
            "onec": {"dialect": "ut103"},
            "organisations": [{"name": "ООО «Ромашка»", "inn": "7701000019"}],
            **({"orders": orders} if orders else {}),
        }
    )


def held(portal: Portal) -> dict[str, dict[str, Any]]:
    """Templates on the portal by name, with all that a single one shows."""
    listed = portal.call("crm.documentgenerator.template.list", {"select": ["id"]})["templates"]
    found = [
        portal.call("crm.documentgenerator.template.get", {"id": number})["template"] for number in listed
    ]
    return {one["name"]: one for one in found}


def text(portal: Portal, number: str) -> str:
    """The document part of a stored template."""
    [file] = [
        row["file"] for row in portal._gateway.core.store.all("doctemplate") if str(row["id"]) == number
    ]
    return zipfile.ZipFile(io.BytesIO(base64.b64decode(file))).read("word/document.xml").decode()


def test_both_forms_are_loaded_for_their_pipelines(client: Client, portal: Portal) -> None:
    said = upload.upload(client, profile())
    assert (
        said
        == "Шаблон «Счет на оплату (obmen24)» загружен. Шаблон «Счет на оплату по сделке (obmen24)» загружен."
    )
    forms = held(portal)
    assert {name: one["entityTypeId"] for name, one in forms.items()} == {
        "Счет на оплату (obmen24)": ["31_5"],
        "Счет на оплату по сделке (obmen24)": ["2_category_0", "2_category_9"],
    }
    for one in forms.values():
        assert (one["region"], one["active"], one["withStamps"], one["users"]) == (
            "ru",
            "Y",
            "N",
            {"UA": "UA"},
        )
    assert len({one["numeratorId"] for one in forms.values()}) == 1
    assert len(portal.call("crm.documentgenerator.numerator.list")["numerators"]) == 1


def test_a_second_upload_makes_no_second_copy(client: Client, portal: Portal) -> None:
    upload.upload(client, profile())
    before = held(portal)
    said = upload.upload(client, profile())
    assert (
        said
        == "Шаблон «Счет на оплату (obmen24)» обновлён. Шаблон «Счет на оплату по сделке (obmen24)» обновлён."
    )
    assert held(portal) == before


def test_what_a_person_set_stays_and_a_new_pipeline_is_added(client: Client, portal: Portal) -> None:
    upload.upload(client, profile())
    number = held(portal)["Счет на оплату по сделке (obmen24)"]["id"]
    portal.call(
        "crm.documentgenerator.template.update",
        {
            "id": number,
            "fields": {
                "users": ["D4"],
                "sort": 10,
                "withStamps": "Y",
                "active": "N",
                "entityTypeId": ["7", "2_category_0", "2_category_9"],
            },
        },
    )
    new = portal.call("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Монтаж"}})["category"]["id"]
    upload.upload(client, profile())
    now = held(portal)["Счет на оплату по сделке (obmen24)"]
    assert (now["users"], now["sort"], now["withStamps"], now["active"]) == ({"D4": "D4"}, "10", "Y", "N")
    assert set(now["entityTypeId"]) == {"7", "2_category_0", "2_category_9", f"2_category_{new}"}


def test_a_deleted_template_is_loaded_anew(client: Client, portal: Portal) -> None:
    upload.upload(client, profile())
    first = held(portal)["Счет на оплату (obmen24)"]["id"]
    portal.call("crm.documentgenerator.template.delete", {"id": first})
    assert upload.upload(client, profile()).startswith("Шаблон «Счет на оплату (obmen24)» загружен.")
    assert held(portal)["Счет на оплату (obmen24)"]["id"] != first


def test_the_number_is_the_one_1c_knows(client: Client, portal: Portal) -> None:
    upload.upload(client, profile())
    forms = held(portal)
    assert "№ S24-{Id} от {Begindate~d.m.Y}" in text(portal, forms["Счет на оплату (obmen24)"]["id"])
    assert "№ B24-{Id} от {DocumentCreateTime~d.m.Y}" in text(
        portal, forms["Счет на оплату по сделке (obmen24)"]["id"]
    )
    upload.upload(client, profile(fields={"order_number": "Номер заказа 1С"}))
    assert "№ {UfCrmNumber1c} от {DocumentCreateTime~d.m.Y}" in text(
        portal, forms["Счет на оплату по сделке (obmen24)"]["id"]
    )


def test_an_organisation_that_will_have_no_qr_is_named(client: Client, portal: Portal) -> None:
    portal.call("crm.requisite.bankdetail.update", {"id": 1, "fields": {"RQ_BIK": ""}})
    said = upload.upload(client, profile())
    assert "QR-кода в счетах «ООО «Ромашка»» не будет" in said
    assert "не заполнено: БИК" in said
    portal.call("crm.requisite.bankdetail.add", {"fields": {**BANK, "NAME": "Второй"}})
    assert "QR" not in upload.upload(client, profile())


def test_an_organisation_without_requisites_is_named(client: Client, portal: Portal) -> None:
    portal.call("crm.company.update", {"id": 1, "fields": {"IS_MY_COMPANY": "N"}})
    assert "нет её реквизитов" in upload.upload(client, profile())


@pytest.mark.parametrize(
    "method", ["crm.documentgenerator.numerator.add", "crm.documentgenerator.template.add"]
)
def test_an_answer_that_was_lost_makes_no_second_copy(tmp_path: Path, method: str) -> None:
    faults = [{"kind": "cut_after", "method": method}]
    with (
        Portal(tmp_path / "portal", seed=SEED, enforce_limits=False, faults=faults) as running,
        Client(Secret(running.webhook), rate=1000, burst=1000, sleep=lambda _: None) as client,
    ):
        with pytest.raises(TryLater, match="второй копии не появится"):
            upload.upload(client, profile())
        upload.upload(client, profile())
        assert len(running.call("crm.documentgenerator.numerator.list")["numerators"]) == 1
        assert running.call("crm.documentgenerator.template.list")["templates"].keys() == {"1", "2"}


def test_the_portal_refuses_as_documented(portal: Portal) -> None:
    caller = Caller(portal)
    method = "crm.documentgenerator.template"
    assert caller.refusal(f"{method}.add") == (400, "100", "Could not find value for parameter {fields}")
    assert caller.refusal(f"{method}.add", fields={"name": "Х", "numeratorId": 1, "region": "ru"}) == (
        400,
        "0",
        "Empty required fields: entityTypeId",
    )
    whole = {"name": "Х", "numeratorId": 1, "region": "ru", "entityTypeId": ["2"]}
    assert caller.refusal(f"{method}.add", fields=whole)[2] == "Missing file content"
    assert (
        caller.refusal(f"{method}.add", fields={**whole, "file": ["t.docx", "bm90IGEgemlw"]})[2]
        == "Could not save file"
    )
    assert caller.refusal(f"{method}.get", id=41) == (400, "0", "Template not found")
    assert caller.refusal(f"{method}.delete", id=41)[2] == "Template not found"
    assert (
        caller.refusal("crm.documentgenerator.numerator.add", fields={"name": "Х"})[2]
        == "Empty required fields: template"
    )
    caller.close()


def test_lists_have_the_documented_shape(client: Client, portal: Portal) -> None:
    upload.upload(client, profile())
    caller = Caller(portal)
    body = caller.body(
        "crm.documentgenerator.template.list",
        select=["id", "name", "entityTypeId", "users"],
        order={"id": "desc"},
    )
    assert body["total"] == 2
    first = next(iter(body["result"]["templates"].items()))
    assert first[0] == first[1]["id"]
    assert set(first[1]) == {"id", "name", "entityTypeId", "users", "download", "downloadMachine"}
    assert first[1]["users"] == ["UA"]
    named = caller.result("crm.documentgenerator.template.list", filter={"name": "Счет на оплату (obmen24)"})[
        "templates"
    ]
    assert [one["code"] for one in named.values()] == [None]
    assert caller.result("crm.documentgenerator.template.delete", id=first[0]) is None
    assert caller.body("crm.documentgenerator.template.list")["total"] == 1
    assert caller.body("crm.documentgenerator.template.list", filter={"isDeleted": "Y"})["total"] == 1
    caller.close()


def test_a_refusal_says_what_to_do(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "NUMERATOR", "")  # the portal refuses an empty name
    with pytest.raises(ConfigError, match="Empty required fields: name") as refused:
        upload.upload(client, profile())
    assert "право изменять шаблоны документов" in refused.value.advice
