"""A plain HTTP caller for the sandbox portal: what any client would send, nothing clever."""

from __future__ import annotations

from typing import Any

import requests

from etl.sandbox.portal.app import Portal

MOSCOW = "+03:00"
NOON = 1_772_701_200.0  # 2026-03-05T12:00:00+03:00


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Caller:
    """Calls methods over HTTP; `result` insists on success, `refusal` on a refusal."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.session = requests.Session()

    def post(self, method: str, **params: Any) -> requests.Response:
        return self.session.post(self.portal.webhook + method, json=params, timeout=30, allow_redirects=False)

    def body(self, method: str, **params: Any) -> dict[str, Any]:
        response = self.post(method, **params)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def result(self, method: str, **params: Any) -> Any:
        return self.body(method, **params)["result"]

    def refusal(self, method: str, **params: Any) -> tuple[int, Any, str]:
        response = self.post(method, **params)
        body = response.json()
        assert "result" not in body
        assert "time" not in body
        return response.status_code, body["error"], body["error_description"]

    def close(self) -> None:
        self.session.close()
