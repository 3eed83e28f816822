"""The limits of the sandbox portal, on a clock that stands still: requests, execution time, planned faults."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock

ADD = {"fields": {"TITLE": "Новая", "ORIGIN_ID": "g-1"}}


@contextlib.contextmanager
def opened(**options: Any) -> Iterator[Caller]:
    with Portal(**{"clock": Clock(), **options}) as portal:
        caller = Caller(portal)
        try:
            yield caller
        finally:
            caller.close()


def test_leaky_bucket() -> None:
    clock = Clock()
    with opened(clock=clock) as call:
        statuses = [call.post("server.time").status_code for _ in range(52)]
        assert statuses == [200] * 50 + [503] * 2
        assert call.refusal("server.time")[1] == "QUERY_LIMIT_EXCEEDED"
        clock.now += 1
        assert [call.post("server.time").status_code for _ in range(3)] == [200, 200, 503]
        clock.now += 60
        assert call.post("batch", cmd={f"k{n}": "server.time" for n in range(50)}).status_code == 200
        assert call.post("server.time").status_code == 200  # a batch counts once


def test_operating_budget_is_per_method() -> None:
    clock = Clock()
    with opened(clock=clock, rate=1000, burst=1000, operating_limit=1.0) as call:
        for _ in range(10):
            time = call.body("crm.deal.list")["time"]
        assert time["operating"] == pytest.approx(1.0, abs=0.2)
        assert call.refusal("crm.deal.list")[:2] == (429, "OPERATION_TIME_LIMIT")
        assert call.post("crm.company.list").status_code == 200
        inner = call.result("batch", halt=0, cmd={"a": "crm.deal.list", "b": "server.time"})
        assert inner["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
        assert "b" in inner["result"]
        clock.now = time["operating_reset_at"]
        assert call.post("crm.deal.list").status_code == 200


@pytest.mark.parametrize(("style", "expected"), [("absent", None), ("zero", 0)])
def test_portals_that_tell_nothing(style: str, expected: int | None) -> None:
    with opened(operating_style=style) as call:
        assert call.body("server.time")["time"].get("operating") == expected


def test_batch_may_be_billed_itself() -> None:
    with opened(bill_batch=True, operating_limit=0.05) as call:
        assert "a" in call.result("batch", cmd={"a": "server.time"})["result"]
        assert call.body("batch", cmd={"a": "crm.deal.list"})["time"]["operating"] > 0.1


def test_no_limits_for_people_at_the_portal() -> None:
    with opened(burst=1) as call:
        for number in range(60):
            call.portal.call("crm.deal.add", {"fields": {"TITLE": str(number)}})
        assert call.portal.counts["deals"] == 60
        assert call.portal.requests == []


@pytest.mark.parametrize(
    ("kind", "deals"),
    [("cut_before", 0), ("cut_after", 1), ("truncated", 1)],
    ids=["before", "after", "short body"],
)
def test_lines_that_break(kind: str, deals: int) -> None:
    with opened(faults=[{"kind": kind, "method": "crm.deal.add"}]) as call:
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            call.post("crm.deal.add", **ADD)
        assert call.portal.counts["deals"] == deals
        assert call.post("crm.deal.add", **ADD).status_code == 200  # once only


@pytest.mark.parametrize(("kind", "deals"), [("timeout", 1), ("timeout_before", 0)])
def test_answers_that_never_come(kind: str, deals: int) -> None:
    with opened(faults=[{"kind": kind, "method": "crm.deal.add", "seconds": 60}]) as call:
        with pytest.raises(requests.exceptions.ReadTimeout):
            call.session.post(f"{call.portal.webhook}crm.deal.add", json=ADD, timeout=0.3)
        assert call.portal.counts["deals"] == deals


def test_late_effect() -> None:
    clock = Clock()
    with opened(
        clock=clock, faults=[{"kind": "late_apply", "method": "crm.deal.add", "seconds": 50}]
    ) as call:
        with pytest.raises(requests.ConnectionError):
            call.post("crm.deal.add", **ADD)
        assert call.result("crm.deal.list", filter={"ORIGIN_ID": "g-1"}) == []
        clock.now += 51
        assert len(call.result("crm.deal.list", filter={"ORIGIN_ID": "g-1"})) == 1


def test_a_middle_box_that_repeats() -> None:
    with opened(faults=[{"kind": "duplicate", "method": "crm.deal.add"}]) as call:
        assert call.result("crm.deal.add", **ADD) == 2
        assert call.portal.counts["deals"] == 2


@pytest.mark.parametrize(
    ("kind", "status", "code", "deals"),
    [
        ("503", 503, "QUERY_LIMIT_EXCEEDED", 0),
        ("overload", 503, "OVERLOAD_LIMIT", 0),
        ("429", 429, "OPERATION_TIME_LIMIT", 0),
        ("500", 500, "INTERNAL_SERVER_ERROR", 0),
        ("expired", 401, "expired_token", 0),
        ("error_200", 200, "", 0),
    ],
)
def test_planned_refusals(kind: str, status: int, code: str, deals: int) -> None:
    with opened(faults=[{"kind": kind, "method": "crm.deal.*", "nth": 2}]) as call:
        call.result("crm.deal.list")
        assert call.refusal("crm.deal.add", **ADD)[:2] == (status, code)
        assert call.portal.counts["deals"] == deals


def test_a_refusal_may_come_after_the_deed() -> None:
    with opened(faults=[{"kind": "500", "method": "crm.deal.add", "apply": True}]) as call:
        assert call.post("crm.deal.add", **ADD).status_code == 500
        assert call.portal.counts["deals"] == 1


@pytest.mark.parametrize(
    ("kind", "status", "body", "deals"),
    [
        ("html_200", 200, b"<html>", 0),
        ("html_502", 502, b"<html>", 0),
        ("html_504", 504, b"<html>", 1),
        ("empty_200", 200, b"", 1),
        ("no_result", 200, b'{"time":{}}', 1),
        ("half_json", 200, b'{"result":', 1),
    ],
)
def test_answers_that_are_none(kind: str, status: int, body: bytes, deals: int) -> None:
    with opened(faults=[{"kind": kind}]) as call:
        answer = call.post("crm.deal.add", **ADD)
        assert answer.status_code == status
        assert answer.content.startswith(body)
        with pytest.raises((ValueError, KeyError)):
            _ = answer.json()["result"]
        assert call.portal.counts["deals"] == deals


def test_redirects() -> None:
    faults = [
        {"kind": "redirect", "location": "http://127.0.0.1:9/rest/"},
        {"kind": "redirect_308", "nth": 2},
    ]
    with opened(faults=faults) as call:
        first, second = call.post("crm.deal.add", **ADD), call.post("crm.deal.add", **ADD)
        assert (first.status_code, first.headers["Location"]) == (302, "http://127.0.0.1:9/rest/")
        assert second.status_code == 308
        assert call.portal.counts["deals"] == 0


def test_slow_bodies_arrive_whole() -> None:
    with opened(
        faults=[{"kind": "drip", "seconds": 0.2}, {"kind": "slow", "nth": 2, "seconds": 0.05}]
    ) as call:
        assert call.result("server.time").startswith("2026-03-05")
        assert call.result("server.time").startswith("2026-03-05")


def test_a_refusal_may_be_slow_or_halved_too() -> None:
    with opened(faults=[{"kind": "slow", "seconds": 0.05}, {"kind": "half_json", "nth": 2}]) as call:
        assert call.refusal("crm.deal.get", id=99) == (400, "", "Not found")
        answer = call.post("crm.deal.get", id=99)
        assert (answer.status_code, answer.content[:8]) == (400, b'{"error"')


def test_a_batch_cut_in_the_middle() -> None:
    with opened(faults=[{"kind": "batch_cut", "method": "batch", "commands": 2}]) as call:
        with pytest.raises(requests.ConnectionError):
            call.post("batch", cmd={f"k{n}": f"crm.deal.add?fields[TITLE]={n}" for n in range(5)})
        assert call.portal.counts["deals"] == 2


def test_single_commands_of_a_batch_may_fail() -> None:
    with opened(faults=[{"kind": "429", "method": "crm.deal.add", "nth": 2, "inside": True}]) as call:
        result = call.result("batch", cmd={f"k{n}": f"crm.deal.add?fields[TITLE]={n}" for n in range(3)})
        assert set(result["result"]) == {"k0", "k2"}
        assert result["result_error"]["k1"]["error"] == "OPERATION_TIME_LIMIT"


def test_a_plan_with_mistakes_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind of fault: typo"):
        Portal(faults=[{"kind": "typo"}])
    with pytest.raises(ValueError, match="unknown keys in a fault: methd"):
        Portal(faults=[{"kind": "503", "methd": "x"}])
