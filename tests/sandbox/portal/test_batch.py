"""The batch of the sandbox portal: shapes, references, halting, limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from etl.sandbox.portal.app import Portal
from tests.support.portal_http import Caller, Clock

MAPS = ("result", "result_error", "result_total", "result_next", "result_time")


@pytest.fixture
def call() -> Iterator[Caller]:
    with Portal(
        seed={"deals": [{"ID": n} for n in range(1, 131)]}, enforce_limits=False, clock=Clock()
    ) as portal:
        caller = Caller(portal)
        yield caller
        caller.close()


def batch(call: Caller, cmd: Any, halt: int = 0) -> dict[str, Any]:
    result = call.result("batch", halt=halt, cmd=cmd)
    assert set(result) == set(MAPS)
    return result


def test_documented_shape(call: Caller) -> None:
    cmd = {
        "a": "crm.deal.list?filter[%3EID]=0&select[]=ID&order[ID]=ASC",
        "b": "crm.deal.add?fields[TITLE]=x",
        "c": "crm.deal.get?id=999",
    }
    result = batch(call, cmd)
    assert len(result["result"]["a"]) == 50
    assert isinstance(result["result"]["b"], int)
    assert result["result_error"] == {"c": {"error": "", "error_description": "Not found"}}
    assert (result["result_total"], result["result_next"]) == ({"a": 130}, {"a": 50})
    assert set(result["result_time"]) == {"a", "b"}
    assert {"start", "finish", "duration", "processing", "date_start", "date_finish", "operating"} <= set(
        result["result_time"]["a"]
    )


def test_empty_maps_are_lists_and_numbered_keys_too(call: Caller) -> None:
    result = batch(call, {"0": "server.time", "1": "server.time"})
    assert isinstance(result["result"], list)
    assert result["result_error"] == []
    result = batch(call, {"0": "crm.deal.get?id=999", "1": "server.time"})
    assert list(result["result"]) == ["1"]
    assert isinstance(result["result_error"], list)  # which command failed can no longer be told
    failed = batch(call, {"x": "crm.deal.get?id=999"})
    assert failed["result"] == []


def test_halt_leaves_the_rest_undone(call: Caller) -> None:
    cmd = {"a": "crm.deal.add", "b": "crm.deal.add?fields[TITLE]=x", "c": "crm.deal.add?fields[TITLE]=y"}
    assert set(batch(call, cmd)["result"]) == {"b", "c"}
    result = batch(call, cmd, halt=1)
    assert (result["result"], list(result["result_error"])) == ([], ["a"])


def test_references(call: Caller) -> None:
    cmd = {
        "one": "crm.company.add?fields[TITLE]=A",
        "two": "crm.deal.add?fields[COMPANY_ID]=$result[one]&fields[TITLE]=Сделка $result[one]",
        "all": "crm.deal.list?filter[COMPANY_ID]=$result[one]",
        "total": "crm.deal.list?filter[ID]=$total[all]",
    }
    result = batch(call, cmd)["result"]
    assert result["all"][0]["TITLE"] == f"Сделка {result['one']}"
    assert [row["ID"] for row in result["total"]] == ["1"]


def test_chained_keyset_pages_and_what_happens_past_the_end(call: Caller) -> None:
    """A reference that leads nowhere becomes the deepest node there is: the chain starts over."""
    base = "crm.deal.list?order[ID]=ASC&start=-1&select[]=ID&filter[%3EID]="
    cmd = {"k0": f"{base}0"} | {
        f"k{n}": f"{base}%24result%5Bk{n - 1}%5D%5B49%5D%5BID%5D" for n in range(1, 4)
    }
    result = batch(call, cmd)["result"]
    assert result["k1"][0]["ID"] == "51"
    assert [len(result[f"k{n}"]) for n in range(3)] == [50, 50, 30]
    assert result["k3"][0]["ID"] == "2"


def test_a_failed_write_feeds_rubbish_onwards(call: Caller) -> None:
    cmd = {
        "add": "crm.company.add?fields[X]=1",
        "set": "crm.deal.update?id=$result[add]&fields[TITLE]=Испорчена",
    }
    assert batch(call, cmd)["result"] == []  # with nothing done before, the reference is an empty list
    cmd = {"time": "server.time", **cmd}
    assert batch(call, cmd)["result"]["set"] is True  # (int)array is 1: deal 1 is hit
    assert call.result("crm.deal.get", id=1)["TITLE"] == "Испорчена"
    assert "set" not in batch(call, cmd, halt=1)["result"]


def test_more_than_fifty_and_nested(call: Caller) -> None:
    result = batch(call, {f"k{n}": "server.time" for n in range(53)})
    assert (len(result["result"]), set(result["result_error"])) == (50, {"k50", "k51", "k52"})
    assert {error["error"] for error in result["result_error"].values()} == {"ERROR_BATCH_LENGTH_EXCEEDED"}
    nested = batch(call, {"x": "batch?cmd[a]=server.time"})
    assert nested["result_error"]["x"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


def test_a_raw_hash_cuts_and_non_text_is_skipped(call: Caller) -> None:
    result = batch(call, {"a": "crm.deal.add?fields[TITLE]=до#после", "b": 5, "c": None})
    assert set(result["result"]) == {"a"}
    assert call.result("crm.deal.get", id=result["result"]["a"])["TITLE"] == "до"


def test_batch_in_a_form(call: Caller) -> None:
    body = {"halt": "0", "cmd[a]": "crm.deal.list?filter[ID]=7", "cmd[b]": "server.time"}
    answer = requests.post(f"{call.portal.webhook}batch", data=body, timeout=10).json()
    assert answer["result"]["result"]["a"][0]["ID"] == "7"
