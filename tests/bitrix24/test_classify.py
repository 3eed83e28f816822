"""What every documented answer of the portal means (reliability §3), as data."""

from __future__ import annotations

import pytest

from etl.bitrix24.classify import Verdict, classify, is_write

OK, RETRY, UNKNOWN, PERMANENT, STOP = (
    Verdict.OK,
    Verdict.RETRY,
    Verdict.UNKNOWN,
    Verdict.PERMANENT,
    Verdict.STOP,
)


def error(code: object) -> dict[str, object]:
    return {"error": code, "error_description": "..."}


#: status, body, failure -> verdict of a read, verdict of a write
TABLE = [
    (200, {"result": []}, None, OK, OK),
    (200, {"result": None}, None, OK, OK),
    (None, None, "unreached", RETRY, RETRY),
    (None, None, "lost", RETRY, UNKNOWN),
    (200, None, "lost", RETRY, UNKNOWN),
    (200, None, "too_big", RETRY, UNKNOWN),
    (None, None, "certificate", STOP, STOP),
    (200, None, None, RETRY, UNKNOWN),
    (200, {"time": {}}, None, RETRY, UNKNOWN),
    (200, [], None, RETRY, UNKNOWN),
    (502, None, None, RETRY, UNKNOWN),
    (504, None, None, RETRY, UNKNOWN),
    (500, error("INTERNAL_SERVER_ERROR"), None, RETRY, UNKNOWN),
    (500, error("ERROR_UNEXPECTED_ANSWER"), None, RETRY, UNKNOWN),
    (503, error("QUERY_LIMIT_EXCEEDED"), None, RETRY, RETRY),
    (503, error("query_limit_exceeded"), None, RETRY, RETRY),
    (429, error("OPERATION_TIME_LIMIT"), None, RETRY, RETRY),
    (None, error("OPERATION_TIME_LIMIT"), None, RETRY, RETRY),
    (429, None, None, RETRY, RETRY),
    (503, error("OVERLOAD_LIMIT"), None, STOP, STOP),
    (401, error("expired_token"), None, STOP, STOP),
    (401, error("NO_AUTH_FOUND"), None, STOP, STOP),
    (401, error("something new"), None, STOP, STOP),
    (403, error("INVALID_CREDENTIALS"), None, STOP, STOP),
    (403, error("insufficient_scope"), None, STOP, STOP),
    (None, error("insufficient_scope"), None, STOP, STOP),
    (403, error("ACCESS_DENIED"), None, STOP, STOP),
    (400, error("ACCESS_DENIED"), None, PERMANENT, PERMANENT),
    (None, error("ACCESS_DENIED"), None, PERMANENT, PERMANENT),
    (404, error("ERROR_METHOD_NOT_FOUND"), None, STOP, STOP),
    (401, error("PAYMENT_REQUIRED"), None, STOP, STOP),
    (410, error("PORTAL_DELETED"), None, STOP, STOP),
    (500, error("PORTAL_DELETED"), None, STOP, STOP),
    (302, None, None, STOP, STOP),
    (308, None, None, STOP, STOP),
    (400, error(""), None, PERMANENT, PERMANENT),
    (200, error(""), None, PERMANENT, PERMANENT),
    (400, error(0), None, PERMANENT, PERMANENT),
    (400, error(200040300010), None, PERMANENT, PERMANENT),
    (400, error("NOT_FOUND"), None, PERMANENT, PERMANENT),
]


@pytest.mark.parametrize(("status", "body", "failure", "read", "write"), TABLE)
def test_verdicts(status: int | None, body: object, failure: object, read: Verdict, write: Verdict) -> None:
    assert classify("crm.item.list", status, body, failure) is read  # type: ignore[arg-type]
    assert classify("crm.item.add", status, body, failure) is write  # type: ignore[arg-type]


def test_a_read_is_never_unknown() -> None:
    assert all(read is not UNKNOWN for *_, read, _ in TABLE)


@pytest.mark.parametrize(
    "method",
    [
        "crm.deal.List",
        "crm.item.get",
        "crm.item.fields",
        "profile",
        "server.time",
        "crm.duplicate.findbycomm",
        "crm.deal.productrows.get",
        "user.current",
    ],
)
def test_reading_methods(method: str) -> None:
    assert not is_write(method)


@pytest.mark.parametrize(
    "method",
    [
        "crm.item.add",
        "crm.item.update",
        "crm.item.productrow.set",
        "im.notify.personal.add",
        "batch",
        "crm.requisite.link.register",
        "bizproc.workflow.start",
        "catalog.price.modify",
        "crm.item.delete",
    ],
)
def test_writing_methods(method: str) -> None:
    assert is_write(method)
