"""The door of the sandbox portal: addresses, codes, encodings, PHP shapes, refusals."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from etl.sandbox.portal.app import Portal
from etl.sandbox.portal.wire import as_map, parse_query, php_int, php_shape
from tests.support.portal_http import NOON, Caller, Clock


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    seed = {
        "deals": [{"ID": 37, "TITLE": "a/b & <c>", "OPPORTUNITY": "19999.99"}, {"ID": 38}],
        "settings": {"scope": ["crm"]},
    }
    with Portal(seed=seed, enforce_limits=False, clock=Clock()) as running:
        yield running


@pytest.fixture(scope="module")
def call(portal: Portal) -> Iterator[Caller]:
    caller = Caller(portal)
    yield caller
    caller.close()


def get(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=10, **options)


def test_every_spelling_of_the_address(portal: Portal) -> None:
    code = portal.webhook.split("/")[-2]
    base = portal.webhook.split("/rest/")[0]
    addresses = (
        f"{portal.webhook}profile",
        f"{portal.webhook}profile.json",
        f"{portal.webhook}PROFILE",
        f"{base}/rest/profile?auth={code}",
    )
    for address in addresses:
        assert get(address).json()["result"]["ID"] == "1"


def test_any_other_code_is_refused(portal: Portal) -> None:
    base = portal.webhook.split("/rest/")[0]
    code = portal.webhook.split("/")[-2]
    wrong = get(f"{base}/rest/1/{code}x/profile")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "NO_AUTH_FOUND")
    stranger = get(f"{base}/rest/2/{code}/profile")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "INVALID_CREDENTIALS")
    nobody = get(f"{base}/rest/profile")
    assert (nobody.status_code, nobody.json()["error"]) == (401, "NO_AUTH_FOUND")
    assert get(f"{base}/").status_code == 404


def test_loopback_only(portal: Portal) -> None:
    assert portal.webhook.startswith("http://127.0.0.1:")
    with socket.socket() as other, pytest.raises(OSError):
        other.connect(("127.0.0.2", portal.port))


def test_unknown_method_and_missing_scope(call: Caller) -> None:
    assert call.refusal("crm.deal.nothing") == (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    assert call.refusal("user.get")[:2] == (403, "insufficient_scope")
    assert call.refusal("event.bind", event="ONCRMDEALADD")[:2] == (403, "ACCESS_DENIED")


@pytest.mark.parametrize(
    "options",
    [
        {"json": {"filter": {">ID": 37}, "select": ["ID"]}},
        {
            "data": "filter[%3EID]=37&select[]=ID&",
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        {"data": "filter[>ID]=37&select[0]=ID", "headers": {"Content-Type": "text/plain"}},
        {"params": {"filter[>ID]": "37", "select[]": "ID"}},
        {"files": {"filter[>ID]": (None, "37"), "select[]": (None, "ID")}},
        {"json": {"FILTER": {">ID": 37}, "Select": ["ID"]}},
    ],
    ids=["json", "form", "no content type", "query", "multipart", "upper case"],
)
def test_encodings(portal: Portal, options: dict[str, Any]) -> None:
    answer = requests.post(f"{portal.webhook}crm.deal.list", timeout=10, **options).json()
    assert answer["result"] == [{"ID": "38"}]


def test_body_wins_over_query(portal: Portal) -> None:
    answer = requests.post(f"{portal.webhook}crm.deal.get?id=38", json={"id": 37}, timeout=10).json()
    assert answer["result"]["ID"] == "37"


def test_broken_json_counts_as_no_parameters(portal: Portal) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(
        f"{portal.webhook}crm.deal.list", data='{"filter": {"ID": 37}', headers=headers, timeout=10
    )
    assert len(answer.json()["result"]) == 2


def test_escapes_and_content_type(call: Caller) -> None:
    answer = call.post("crm.deal.get", id=37)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert r"a\/b \u0026 \u003Cc\u003E" in answer.text
    assert answer.text.isascii()
    assert answer.json()["result"]["TITLE"] == "a/b & <c>"


def test_time_is_last_and_only_on_success(call: Caller) -> None:
    body = call.body("profile")
    assert list(body)[-1] == "time"
    assert body["time"]["start"] == NOON
    assert body["time"]["date_start"] == "2026-03-05T12:00:00+03:00"
    assert {"finish", "duration", "processing", "date_finish"} <= set(body["time"])
    call.refusal("crm.deal.get", id=99)


def test_old_refusals_have_an_empty_code(call: Caller) -> None:
    assert call.refusal("crm.deal.get", id=99) == (400, "", "Not found")
    assert call.refusal("crm.deal.get") == (400, "", "ID is not defined or invalid")
    assert call.refusal("crm.deal.add", fields="x") == (400, "", "Parameter 'fields' must be array.")
    assert call.refusal("crm.deal.list", filter="x") == (400, "", "Parameter 'filter' must be array.")


def test_new_refusals_have_codes(call: Caller) -> None:
    assert call.refusal("crm.item.get", entityTypeId=2, id=99)[:2] == (400, "NOT_FOUND")
    assert call.refusal("crm.item.list", entityTypeId=5)[:2] == (400, "ENTITY_TYPE_NOT_SUPPORTED")
    assert call.refusal("crm.item.list", entitytypeid=2)[:2] == (400, "100")
    code = call.refusal("crm.item.list", entityTypeId=2, filter={"nothing": 1})
    assert code[1:] == ("INVALID_ARG_VALUE", "Invalid filter: field 'nothing' is not allowed in filter")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a[b][]=1&a[b][]=2", {"a": {"b": ["1", "2"]}}),
        ("a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        ("a[1]=x&a[3]=y", {"a": {"1": "x", "3": "y"}}),
        ("fields[PHONE][0][VALUE]=%2B7&x=", {"fields": {"PHONE": [{"VALUE": "+7"}]}, "x": ""}),
        ("filter[=ownerType]=D", {"filter_": "ownerType]=D"}),  # PHP cuts the name at the first "="
        ("filter[%3DownerType]=D", {"filter": {"=ownerType": "D"}}),
        ("a.b=1&", {"a_b": "1"}),
    ],
)
def test_parameters_as_php_reads_them(query: str, expected: dict[str, Any]) -> None:
    assert parse_query(query) == expected


def test_form_variables_beyond_a_thousand_are_dropped() -> None:
    parsed = parse_query("&".join(f"filter[%3DownerId][]={n}" for n in range(1500)))
    assert len(parsed["filter"]["=ownerId"]) == 1000


def test_php_shapes_and_casts() -> None:
    assert php_shape({"a": {}, "b": {"0": 1, "1": 2}, "c": {"1": 1}, "d": [{}]}) == {
        "a": [],
        "b": [1, 2],
        "c": {"1": 1},
        "d": [[]],
    }
    assert as_map(["x"]) == {"0": "x"}
    assert [php_int(value) for value in ("12abc", "-3", "", None, [5], {}, True, "٣")] == [
        12,
        -3,
        0,
        0,
        1,
        0,
        1,
        0,
    ]
