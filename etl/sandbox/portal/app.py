"""A Bitrix24 portal on this machine: for rehearsing a profile and for tests over real HTTP.

It answers as the documented REST interface does and enforces no more than the real portal enforces (bitrix24
§10). It listens on loopback only and accepts nothing without the right code. State lives in one SQLite file
of its folder.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.faults import FaultPlan
from etl.sandbox.portal.gateway import Gateway, JournalRow
from etl.sandbox.portal.limits import Bucket, Operating
from etl.sandbox.portal.methods import (  # noqa: F401  (importing a module registers its methods)
    addresses,
    bindings,
    catalog,
    crm,
    crm_items,
    dictionaries,
    documents,
    flat_products,
    products,
    requisites,
    rows,
    service,
    userfields,
)
from etl.sandbox.portal.seeds.document import COUNTED, SEED_TABLES, dump, load
from etl.sandbox.portal.server import HOST, BackgroundServer, listen, respond, tracked_protocol
from etl.sandbox.portal.store import Store
from etl.sandbox.portal.wire import decode_request

FILE = "portal.sqlite"
WEBHOOK_USER = 1


class Portal:
    """A running portal as a context manager; `webhook` is the URL it accepts (a password: do not log it).

    data: folder of the state, None for a portal that is forgotten at the end; a folder with a state wins over
    `seed`. rate, burst: the leaky bucket. operating_limit: seconds of execution one method may use in ten
    minutes, each call counting at least operating_floor; operating_style: `real`, `zero` or `absent` numbers
    in replies; bill_batch: the budget of `batch` itself is charged too. enforce_limits=False switches all of
    it off. faults: a plan as described in `faults`. latency: seconds added to every request, and to every
    command of a batch. clock: seconds since 1970.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        port: int = 0,
        seed: dict[str, Any] | None = None,
        rate: float = 2.0,
        burst: int = 50,
        enforce_limits: bool = True,
        faults: list[dict[str, Any]] | None = None,
        tls_cert: Path | None = None,
        tls_key: Path | None = None,
        code: str | None = None,
        clock: Callable[[], float] | None = None,
        operating_limit: float = 480.0,
        operating_floor: float = 0.1,
        operating_style: str = "real",
        bill_batch: bool = False,
        latency: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        clock = clock or time.time
        if not enforce_limits:
            operating_limit = 0
        plan = FaultPlan(faults)
        core = _open(data, seed or {}, clock)
        self._gateway = Gateway(
            core,
            _code(core.store, code),
            WEBHOOK_USER,
            Bucket(rate, burst, clock) if enforce_limits else None,
            Operating(operating_limit, operating_floor, operating_style, clock),
            plan,
            bill_batch,
            first_seq=core.store.journal_size(),
        )
        self._latency = latency
        self._tls = (tls_cert, tls_key)
        self._socket = listen(port)
        self.port = int(self._socket.getsockname()[1])
        self._connections: dict[Any, asyncio.BaseTransport] = {}
        self._server: BackgroundServer | None = None

    @property
    def webhook(self) -> str:
        """The URL the portal accepts, its secret code included."""
        certificate, _ = self._tls
        scheme = "https" if certificate else "http"
        return f"{scheme}://{HOST}:{self.port}/rest/{WEBHOOK_USER}/{self._gateway.code}/"

    def strike(self, faults: list[dict[str, Any]]) -> None:
        """A new plan of misfortune from now on; an empty one ends it. Raises ValueError as `faults`."""
        plan = FaultPlan(faults)
        with self._gateway.lock:
            self._gateway.plan = plan

    @property
    def counts(self) -> dict[str, int]:
        """How many records of each kind the portal holds."""
        with self._gateway.lock:
            store = self._gateway.core.store
            return {name: store.count(SEED_TABLES[name]) for name in COUNTED}

    @property
    def requests(self) -> list[JournalRow]:
        """The journal of this run: every HTTP request with its parameters, without credentials."""
        with self._gateway.lock:
            return list(self._gateway.journal)

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Runs a method in this process as a person would by hand: no limits, no faults, no journal.

        Raises RestError where the portal refuses.
        """
        return self._gateway.call(method, dict(params or {}))

    def dump(self) -> dict[str, Any]:
        """Everything in the portal, in the shape of a seed and in a fixed order."""
        with self._gateway.lock:
            seed = dump(self._gateway.core)
            copied: dict[str, Any] = json.loads(json.dumps(seed))
        return copied

    def __enter__(self) -> Portal:
        config = self._config()
        config.load()  # a bad certificate is reported here and not in the thread
        self._server = BackgroundServer(config)
        self._server.start(self._socket)
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.stop()
        self.close()

    def serve_forever(self) -> None:
        """Serves in the foreground until the process is asked to stop."""
        try:
            uvicorn.Server(self._config()).run([self._socket])
        finally:
            self.close()

    def close(self) -> None:
        """Writes the state and gives the port back."""
        self._socket.close()
        self._gateway.core.store.close()

    def _config(self) -> uvicorn.Config:
        certificate, key = self._tls
        return uvicorn.Config(
            self._app(),
            http=tracked_protocol(self._connections),
            log_config=None,
            log_level=logging.ERROR,
            access_log=False,  # the path holds the code
            lifespan="off",
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )

    def _app(self) -> Starlette:
        methods = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/rest/{uid}/{code}/{method}", self._serve, methods=methods),
                Route("/rest/{method}", self._serve, methods=methods),
            ]
        )

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        content_type = request.headers.get("content-type", "")
        params = decode_request(request.url.query, content_type, body)
        path = request.path_params
        code = path.get("code") or str(params.get("auth") or "")
        answer = self._gateway.answer(path.get("uid", ""), code, path["method"], params)
        await asyncio.sleep(self._delay())
        return respond(answer, request, self._connections)

    def _delay(self) -> float:
        """Seconds the last request takes longer: some for itself, some for every command of a batch."""
        journal = self._gateway.journal
        commands = journal[-1].commands if journal else 0
        request, command = self._latency
        return request + command * commands


def _open(data: Path | None, seed: dict[str, Any], clock: Callable[[], float]) -> Core:
    """The portal with its stored state, else with the seed. Raises ValueError for a bad seed."""
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    store = Store(None if data is None else data / FILE)
    core = Core(store, clock, WEBHOOK_USER)
    stored = store.meta("settings")
    if stored is not None:
        core.settings.update(json.loads(stored))
        return core
    try:
        load(core, seed)
    except ValueError:
        store.close()
        raise
    store.flush()
    store.set_meta("settings", json.dumps(core.settings, ensure_ascii=False))
    return core


def _code(store: Store, given: str | None) -> str:
    """The secret of the webhook: given, or made once per data folder."""
    code = given or store.meta("code") or secrets.token_hex(8)
    store.set_meta("code", code)
    return code


def load_seed(path: Path) -> dict[str, Any]:
    """A seed from a JSON file; what it holds is checked when a portal is opened with it."""
    seed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return seed
