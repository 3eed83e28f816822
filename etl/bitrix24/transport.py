"""One HTTP exchange with the portal: the only place that sees the webhook.

Callers speak to `b24://portal/<method>`; the adapter swaps the real address in at the last moment, so the secret is in no
URL, exception, log record or response of `requests` that leaves it (the leaks of plain `requests` are measured in
reference reliability §5). Redirects are never followed: a redirected POST becomes an empty GET that creates records.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError, NewConnectionError

from etl.bitrix24.classify import Failure
from etl.bitrix24.secret import MASK, Secret, guard_logging

PUBLIC = "b24://portal/"
CONNECT_SECONDS, READ_SECONDS = 10.0, 65.0
#: The portal cuts a request after 60 s; a little more for the way back.
DEADLINE_SECONDS = 75.0
SIZE_CAP = 32 * 1024 * 1024
_PIECE = 64 * 1024


class Broken(requests.RequestException):
    """The exchange broke. `failure` is a word of `classify`; the text holds the method only."""

    def __init__(self, failure: Failure, url: str) -> None:
        super().__init__(f"{failure}: {url.removeprefix(PUBLIC)}")
        self.failure: Failure = failure


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `status` and parsed `body` (None when it is not JSON), or `failure`; `moved` is the host of a redirect."""

    status: int | None
    body: Any = None
    failure: Failure | None = None
    moved: str | None = None


class SecretPath(HTTPAdapter):
    """Swaps the real base address in for the time of one `send`."""

    def __init__(self, base: Secret) -> None:
        self._base = base
        super().__init__(pool_connections=1, pool_maxsize=1)

    def __getstate__(self) -> NoReturn:
        raise TypeError("holds a secret: not pickled")

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        public = str(request.url)
        failure: Failure | None = None
        request.url = self._base.reveal() + public.removeprefix(PUBLIC)
        try:
            options["proxies"] = get_environ_proxies(request.url)
            response = super().send(request, *args, **options)
        except (requests.RequestException, HTTPError, OSError) as error:
            failure = _failure(error)
        finally:
            request.url = public
        if failure is not None:
            raise Broken(failure, public)  # outside `except`: no __context__ that holds the address
        response.url = public
        if "Location" in response.headers:
            response.headers["Location"] = response.headers["Location"].split("/rest/")[0] + "/" + MASK
        return response


class Transport:
    """Calls of one portal. One HTTP session per thread, kept alive; certificates are always checked."""

    def __init__(
        self,
        base: Secret,
        *,
        deadline: float = DEADLINE_SECONDS,
        cap: int = SIZE_CAP,
        read_timeout: float = READ_SECONDS,
    ) -> None:
        guard_logging()
        self._base, self._deadline, self._cap, self._read_timeout = base, deadline, cap, read_timeout
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def post(self, method: str, params: Any) -> Answer:
        """POST one method with JSON parameters. Never raises for what the network or the portal does."""
        body = json.dumps(params, ensure_ascii=False, default=_plain).encode()
        until = time.monotonic() + self._deadline
        try:
            response = self._session().post(
                PUBLIC + method,
                data=body,
                headers={"Content-Type": "application/json"},
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, self._read_timeout),
            )
        except Broken as broken:
            return Answer(None, failure=broken.failure)
        with response:
            return self._answer(response, until)

    def close(self) -> None:
        """Close the connections of all threads."""
        for session in self._sessions:
            session.close()

    def _answer(self, response: requests.Response, until: float) -> Answer:
        if response.is_redirect or 300 <= response.status_code < 400:
            return Answer(response.status_code, moved=_host(response.headers.get("Location", "")))
        text, failure = self._read(response, until)
        return Answer(response.status_code, _parsed(text), failure)

    def _read(self, response: requests.Response, until: float) -> tuple[bytes, Failure | None]:
        """The body piece by piece: the timeout of `requests` is per read and would let a dripping answer run for ever."""
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                pieces.append(piece)
                size += len(piece)
                if size > self._cap:
                    return b"", "too_big"
                if time.monotonic() > until:
                    return b"", "lost"
        except (HTTPError, OSError):
            return b"", "lost"
        expected = response.headers.get("Content-Length")
        if expected is not None and "Content-Encoding" not in response.headers and size != int(expected):
            return b"", "lost"
        return b"".join(pieces), None

    def _session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.mount(PUBLIC, SecretPath(self._base))
            session.headers.update({"Accept": "application/json", "User-Agent": "obmen24"})
            self._sessions.append(session)
        return session


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return None


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__} is not sent to the portal")


def _host(location: str) -> str:
    return location.split("://", 1)[-1].split("/", 1)[0]


def _failure(error: BaseException) -> Failure:
    """Whether anything was sent before the exchange broke."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "certificate"
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return "unreached"
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NewConnectionError):
            return "unreached"
        seen = next((arg for arg in seen.args if isinstance(arg, BaseException)), None) or getattr(
            seen, "reason", None
        )
    return "lost"
