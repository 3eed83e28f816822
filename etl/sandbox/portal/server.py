"""The network side of the portal: a server that starts and stops fast, answers that go wrong on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from etl.sandbox.portal.faults import HTML, Fault
from etl.sandbox.portal.gateway import Answer

SPOILT = ("cut", "hang", "short", "drip", "slow")


HOST = "127.0.0.1"
JSON = "application/json; charset=utf-8"

Connections = dict[Any, asyncio.BaseTransport]


class BackgroundServer(uvicorn.Server):
    """A server in a thread that stops at once: whoever rehearses does not wait for open lines."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    def start(self, listener: socket.socket) -> None:
        """Serves in a thread; comes back once it listens or has failed."""
        self._thread = threading.Thread(target=self.run, args=([listener],), daemon=True)
        self._thread.start()
        while self._loop is None and self._thread.is_alive():
            time.sleep(0.002)

    def stop(self) -> None:
        """Comes back once the thread has ended."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    async def main_loop(self) -> None:
        """In place of uvicorn's loop, which looks for an end only every tenth of a second."""
        await self.on_tick(0)
        self._loop = asyncio.get_running_loop()
        await self._stopped.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cuts what is still open instead of waiting for it."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, H11Protocol):
                connection.transport.abort()


def tracked_protocol(connections: Connections) -> type[H11Protocol]:
    """A protocol that remembers its transports, so that a planned fault can cut the line."""

    class Tracked(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            peer = transport.get_extra_info("peername")
            connections[peer] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            """A line that is gone is not cut again."""
            peer = self.transport.get_extra_info("peername")
            connections.pop(peer, None)
            super().connection_lost(exc)

    return Tracked


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; asyncio turns Nagle's delay off only where TCP is named."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    return listener


def respond(answer: Answer, request: Request, connections: Connections) -> Response:
    """The HTTP answer, spoilt as the fault of this request wants it (bitrix24 §10.3, 12)."""
    fault = answer.fault
    if fault is None or fault.view in ("answer", "refusal"):
        return Response(answer.body, answer.status, media_type=JSON)
    if fault.view in SPOILT:
        caller = tuple(request.client or ())
        return BrokenAnswer(answer, fault, connections.get(caller))
    return spoilt(answer, fault, str(request.url))


def spoilt(answer: Answer, fault: Fault, url: str) -> Response:
    """A complete HTTP answer that is not the one the method gave."""
    if fault.view == "half":
        return Response(_first_half(answer.body), answer.status, media_type=JSON)
    if fault.view == "empty":
        return Response(b"", 200, media_type=JSON)
    if fault.view == "no_result":
        return Response(b'{"time":{}}', 200, media_type=JSON)
    kind, status = fault.view.split("_")
    if kind == "redirect":
        return Response(b"", int(status), headers={"Location": fault.location or url})
    return Response(HTML, int(status), media_type="text/html")


def _first_half(body: bytes | memoryview) -> bytes:
    """What arrives before the line is cut."""
    return bytes(body)[: len(body) // 2]


class BrokenAnswer(Response):
    """An answer that never arrives, arrives in part, or drop by drop."""

    def __init__(self, answer: Answer, fault: Fault, transport: Any) -> None:
        super().__init__(answer.body, answer.status, media_type=JSON)
        self.fault = fault
        self.transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Faults that were asked for happen before the portal sees the request."""
        with contextlib.suppress(asyncio.CancelledError):  # when the portal closes, so does the line
            await self._misbehave(scope, receive, send)

    async def _misbehave(self, scope: Scope, receive: Receive, send: Send) -> None:
        view = self.fault.view
        if view in ("hang", "slow"):
            await asyncio.sleep(self.fault.seconds)
        if view == "slow":
            await super().__call__(scope, receive, send)
            return
        if view in ("short", "drip"):
            await self._begin(send)
        if view == "short":
            await self._send(send, _first_half(self.body))
            await asyncio.sleep(0.05)  # let the half leave before the line is cut
        if view == "drip":
            await self._drip(send)
            return
        await self._cut()

    async def _begin(self, send: Send) -> None:
        """Status and headers."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)

    async def _send(self, send: Send, part: bytes | memoryview) -> None:
        """A part of the body; more follows."""
        await send({"type": "http.response.body", "body": part, "more_body": True})

    async def _drip(self, send: Send) -> None:
        """The body byte by byte, in as many seconds as the fault says."""
        pause = self.fault.seconds / max(len(self.body), 1)
        for index in range(len(self.body)):
            await self._send(send, self.body[index : index + 1])
            await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": b""})

    async def _cut(self) -> None:
        """A reset rather than an orderly end, as when a connection is lost."""
        if self.transport is not None:
            line = self.transport.get_extra_info("socket")
            if line is not None:
                reset_on_close = struct.pack("ii", 1, 0)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_on_close)
            self.transport.abort()
        await asyncio.sleep(0.01)
