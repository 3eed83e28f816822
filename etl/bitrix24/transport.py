"""One HTTP exchange with the portal: the only place that sees the webhook.

Callers speak to `b24://portal/<method>`; the adapter swaps the real address in at the last moment, so the
secret is in no URL, exception, log record or response of `requests` that leaves it (the leaks of plain
`requests` are measured in reference reliability §5). Redirects are never followed: a redirected POST becomes
an empty GET that creates records (reliability §3).
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
    """What came back: `status` and parsed `body` (None when it is not JSON), or `failure`.

    `moved` is the host of a redirect.
    """

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
        """Send to the real address; nothing that comes out of here knows it. Raises Broken."""
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
        location = response.headers.get("Location")
        if location is not None:
            before, _, _ = location.partition("/rest/")
            response.headers["Location"] = f"{before}/{MASK}"
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
        self._base = base
        self._deadline, self._cap, self._read_timeout = deadline, cap, read_timeout
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
        """What the portal said. A renamed portal sends elsewhere (bitrix24 §1.3): a person looks where."""
        status = response.status_code
        if response.is_redirect or 300 <= status < 400:
            location = response.headers.get("Location", "")
            return Answer(status, moved=_host(location))
        text, failure = self._read(response, until)
        return Answer(status, _parsed(text), failure)

    def _read(self, response: requests.Response, until: float) -> tuple[bytes, Failure | None]:
        """The body piece by piece, up to the cap and the deadline.

        The timeout of `requests` is per read: a dripping answer would run for ever (reliability §3).
        """
        body = bytearray()
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > self._cap:
                    return b"", "too_big"
                if time.monotonic() > until:
                    return b"", "lost"
        except (HTTPError, OSError):
            return b"", "lost"
        if _shorter(response, len(body)):
            return b"", "lost"
        return bytes(body), None

    def _session(self) -> requests.Session:
        """The session of this thread."""
        held: requests.Session | None = getattr(self._local, "session", None)
        if held is not None:
            return held
        session = requests.Session()
        session.mount(PUBLIC, SecretPath(self._base))
        session.headers.update({"Accept": "application/json", "User-Agent": "obmen24"})
        self._local.session = session
        self._sessions.append(session)
        return session


def _shorter(response: requests.Response, size: int) -> bool:
    """Whether a body that is not packed has another size than was promised."""
    promised = response.headers.get("Content-Length")
    packed = "Content-Encoding" in response.headers
    return promised is not None and not packed and size != int(promised)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return None


def _plain(value: Any) -> str:
    """What JSON has no word for: dot decimals, ISO dates (bitrix24 §3.4)."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__} is not sent to the portal")


def _host(location: str) -> str:
    """The host of an address: what follows it may hold the secret."""
    without_scheme = location.split("://", 1)[-1]
    host, _, _ = without_scheme.partition("/")
    return host


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
        seen = _inner(seen)
    return "lost"


def _inner(error: BaseException) -> BaseException | None:
    """The error that this one carries, as `requests` and urllib3 wrap them."""
    for carried in error.args:
        if isinstance(carried, BaseException):
            return carried
    reason: BaseException | None = getattr(error, "reason", None)
    return reason
