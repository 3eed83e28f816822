"""What the sandbox portal remembers: restarts, seeds, dumps, the journal, demonstration data."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import requests

from etl.sandbox.portal.app import Portal, load_seed
from etl.sandbox.scene.demo import generate
from etl.sandbox.scene.surveillance import VIDEO_FIELDS, VIDEO_STAGES, video
from tests.support.portal_http import Caller, Clock

TODAY = date(2026, 11, 22)


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    with Portal(tmp_path, seed={"deals": [{"ID": 5, "TITLE": "Старая"}]}, clock=Clock()) as first:
        call = Caller(first)
        call.result("crm.deal.add", fields={"TITLE": "Новая"})
        call.result("crm.deal.delete", id=5)
        call.close()
        code, whole = first.webhook.split("/")[-2], first.dump()
    with Portal(tmp_path, seed={"deals": [{"ID": 1}, {"ID": 2}]}, clock=Clock()) as second:
        assert second.webhook.split("/")[-2] == code
        assert second.dump() == whole
        assert second.call("crm.deal.add", {"fields": {}}) == 7  # ids are never given twice


def test_the_port_and_the_code_may_be_chosen(tmp_path: Path) -> None:
    with Portal(tmp_path, code="geheim") as first:
        port = first.port
        assert requests.get(f"http://127.0.0.1:{port}/rest/1/geheim/profile", timeout=10).status_code == 200
    with Portal(tmp_path, port=port) as second:
        assert second.webhook == f"http://127.0.0.1:{port}/rest/1/geheim/"


def test_dump_and_seed_are_one_shape(tmp_path: Path) -> None:
    file = tmp_path / "portal.json"
    with Portal(seed=video(TODAY)) as first:
        whole = first.dump()
    file.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    with Portal(seed=load_seed(file)) as second:
        assert second.dump() == whole


def test_seeds_take_both_spellings_and_refuse_unknown_ones() -> None:
    seed = {
        "deals": [{"title": "Сделка", "companyId": 2}],
        "companies": [{"ID": 2, "TITLE": "ООО"}],
        "productrows": [{"ownerType": "D", "ownerId": 1, "productName": "A", "price": 10, "quantity": 3}],
    }
    with Portal(seed=seed) as portal:
        deal = portal.call("crm.deal.get", {"id": 1})
        assert (deal["TITLE"], deal["COMPANY_ID"], deal["OPPORTUNITY"]) == ("Сделка", "2", "30.00")
    with pytest.raises(ValueError, match="unknown parts of the seed: dealz"):
        Portal(seed={"dealz": []})
    with pytest.raises(ValueError, match="unknown field TITEL of deal"):
        Portal(seed={"deals": [{"ID": 1, "TITEL": "x"}]})


def test_journal_without_secrets(tmp_path: Path) -> None:
    with Portal(tmp_path, clock=Clock(), faults=[{"kind": "cut_after", "method": "crm.deal.add"}]) as portal:
        call = Caller(portal)
        call.result("crm.deal.list", filter={">ID": 5}, auth="x")
        call.post("batch", halt=0, cmd={"a": "server.time", "b": "crm.deal.list?start=-1"})
        call.post("crm.nothing")
        with pytest.raises(requests.ConnectionError):
            call.post("crm.deal.add", fields={})
        call.close()
        rows = portal.requests
        code = portal.webhook.split("/")[-2]
    assert [(row.method, row.status, row.commands) for row in rows] == [
        ("crm.deal.list", 200, 0),
        ("batch", 200, 2),
        ("crm.nothing", 404, 0),
        ("crm.deal.add", 0, 0),
    ]
    assert rows[0].params == {"filter": {">ID": 5}}
    assert rows[1].methods == ("server.time", "crm.deal.list")
    assert rows[3].fault == "cut_after"
    with sqlite3.connect(tmp_path / "portal.sqlite") as database:
        stored = database.execute("SELECT method, status, params FROM journal ORDER BY seq").fetchall()
    database.close()
    assert [row[:2] for row in stored] == [(row.method, row.status) for row in rows]
    assert code not in str(stored)


def test_generated_portals_depend_on_their_arguments_only() -> None:
    first = generate(200)
    assert first == generate(200)
    assert first != generate(200, seed=2)
    assert len(first["deals"]) == 200
    rows = Counter(row["OWNER_ID"] for row in first["productrows"])
    assert set(rows.values()) <= {1, 2, 3, 4}
    assert len(rows) < 200  # some deals have none
    with Portal(seed=first) as portal:
        assert portal.counts["deals"] == 200


def test_video_portal_tells_the_specification() -> None:
    with Portal(seed=video(TODAY)) as portal:
        assert portal.counts["deals"] >= 200
        categories = portal.call("crm.category.list", {"entityTypeId": 2})["categories"]
        assert [row["name"] for row in categories] == ["Продажи", "Видеонаблюдение", "Монтаж"]
        stages = portal.call(
            "crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE_1"}, "order": {"SORT": "ASC"}}
        )
        assert [row["NAME"] for row in stages] == [name for _, name, _ in VIDEO_STAGES]
        labels = {
            row["formLabel"]: name for name, row in portal.call("crm.deal.fields").items() if row["isDynamic"]
        }
        assert labels == {caption: name for name, _, caption in VIDEO_FIELDS}
        users = portal.call("user.get")
        assert all(user["EMAIL"].endswith("@example.ru") for user in users)


def test_video_contracts_hold_every_awkward_case() -> None:
    deals = {deal["ID"]: deal for deal in video(TODAY)["deals"] if deal["CATEGORY_ID"] == 1}
    assert {deal["STAGE_ID"] for deal in deals.values()} == {
        "C1:NEW",
        "C1:AGREEMENT",
        "C1:CONFIRMED",
        "C1:LOSE",
    }
    confirmed = [deal for deal in deals.values() if deal["STAGE_ID"] == "C1:CONFIRMED"]
    assert len(confirmed) > len(deals) / 2
    payers = Counter(deal.get("UF_CRM_PAYER") for deal in deals.values())
    assert payers["Кузнецов Сергей Иванович"] == 2
    ends = [deal.get("UF_CRM_TERMINATED_ON") for deal in deals.values() if deal["STAGE_ID"] == "C1:LOSE"]
    assert None in ends
    assert "2026-11-01" in ends
    assert "2026-10-29" in ends
    assert any((deal.get("UF_CRM_TERMINATED_ON") or "") > "2026-12" for deal in confirmed)
    assert any((deal.get("UF_CRM_CONTRACT_DATE") or "") > "2026-12" for deal in confirmed)
    for name in ("UF_CRM_CONTRACT_NUMBER", "UF_CRM_MONTHLY_FEE", "UF_CRM_PAYER"):
        assert any(name not in deal for deal in confirmed)
    assert any(deal.get("UF_CRM_MONTHLY_FEE") == "1234.56|RUB" for deal in confirmed)
