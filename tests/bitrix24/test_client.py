"""Single calls and batches over real HTTP: what is repeated, what stops, what is judged by its own key."""

from __future__ import annotations

import gzip
import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from etl.bitrix24.calls import Command, Refused
from etl.bitrix24.classify import Verdict
from etl.errors import ConfigError, EtlError, NeedsPerson, TryLater
from etl.sandbox.portal.app import Portal
from tests.support import bitrix24_bench as bench

CODE = "abcdefgh12345678"


@pytest.mark.parametrize(
    "kind",
    [
        "cut_before",
        "cut_after",
        "half_json",
        "truncated",
        "html_200",
        "html_502",
        "empty_200",
        "no_result",
        "503",
        "500",
    ],
)
def test_a_read_is_repeated(kind: str) -> None:
    clock = bench.Clock()
    with (
        Portal(seed=bench.video(), clock=clock.time, faults=[{"kind": kind, "times": 3}]) as portal,
        bench.client(portal.webhook, clock) as client,
    ):
        assert client.read("crm.item.get", {"entityTypeId": 2, "id": 1})["item"]["id"] == 1
        assert client.requests == 4
        assert len(clock.slept) >= 3


@pytest.mark.parametrize("kind", ["cut_before", "half_json", "html_502", "503", "500"])
def test_a_portal_that_stays_away_is_for_later(kind: str) -> None:
    clock = bench.Clock()
    with (
        Portal(clock=clock.time, faults=[{"kind": kind, "times": 99}]) as portal,
        bench.client(portal.webhook, clock) as client,
    ):
        for call in (
            lambda: client.read("profile"),
            lambda: client.read_batch({"a": Command("profile", {})}),
        ):
            with pytest.raises(TryLater) as caught:
                call()
            assert "rest" not in str(caught.value) and "127.0.0.1" not in str(caught.value)


def test_nobody_listens() -> None:
    clock = bench.Clock()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with bench.client(f"http://127.0.0.1:{port}/rest/1/{CODE}/", clock) as client:
        for call in (lambda: client.read("profile"), lambda: client.write("crm.item.add", {})):
            with pytest.raises(TryLater, match="не отвечает"):
                call()


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("401", ConfigError, "не принимает вебхук"),
        ("403", ConfigError, "отказал в доступе"),
        ("overload", NeedsPerson, "нагрузки"),
        ("payment", NeedsPerson, "тариф"),
        ("deleted", NeedsPerson, "закрыт"),
        ("redirect", ConfigError, "переехал"),
        ("redirect_308", ConfigError, "переехал"),
        ("expired", ConfigError, "отказал"),
    ],
)
def test_what_only_a_person_can_mend(kind: str, error: type[EtlError], text: str) -> None:
    clock = bench.Clock()
    faults = [{"kind": kind, "location": "https://new.bitrix24.ru/rest/1/otherothercode/"}]
    with Portal(clock=clock.time, faults=faults) as portal, bench.client(portal.webhook, clock) as client:
        with pytest.raises(error, match=text) as caught:
            client.write("crm.item.add", {"entityTypeId": 2, "fields": {"title": "x"}})
        assert client.requests == 1, "neither followed nor repeated"
        assert portal.counts["deals"] == 0
        assert "otherothercode" not in str(caught.value)
        assert caught.value.advice


def test_a_refusal_names_the_method_and_the_reason() -> None:
    with (
        Portal() as portal,
        bench.client(portal.webhook) as client,
        pytest.raises(Refused, match=r"crm\.item\.get"),
    ):
        client.read("crm.item.get", {"entityTypeId": 2, "id": 404})


def test_the_operating_limit_is_waited_out() -> None:
    clock = bench.Clock()
    with (
        Portal(clock=clock.time, operating_limit=1.0, operating_floor=0.3) as portal,
        bench.client(portal.webhook, clock) as client,
    ):
        for _ in range(12):
            client.read("crm.status.list")
        assert sum(clock.slept) > 30
        assert sum(row.status == 429 for row in portal.requests) <= 4


def test_each_key_of_a_batch_is_judged_by_itself() -> None:
    clock = bench.Clock()
    faults = [
        {"kind": "429", "method": "crm.item.update", "nth": 2, "inside": True},
        {"kind": "500", "method": "crm.item.update", "nth": 3, "inside": True},
    ]
    with (
        Portal(seed=bench.video(), clock=clock.time, faults=faults) as portal,
        bench.client(portal.webhook, clock) as client,
    ):
        commands = {
            f"k{n}": Command("crm.item.update", {"entityTypeId": 2, "id": n, "fields": {"title": f"т{n}"}})
            for n in (1, 2, 3, 9999)
        }
        outcomes = client.write_batch(commands)
        assert {key: outcome.verdict for key, outcome in outcomes.items()} == {
            "k1": Verdict.OK,
            "k2": Verdict.OK,
            "k3": Verdict.UNKNOWN,
            "k9999": Verdict.PERMANENT,
        }
        assert [portal.call("crm.deal.get", {"id": n})["TITLE"] for n in (1, 2)] == ["т1", "т2"]


def test_a_cut_batch_of_writes_is_unknown_for_every_key() -> None:
    with (
        Portal(seed=bench.video(), faults=[{"kind": "batch_cut", "commands": 2}]) as portal,
        bench.client(portal.webhook) as client,
    ):
        outcomes = client.write_batch(
            {
                f"k{n}": Command("crm.item.add", {"entityTypeId": 2, "fields": {"title": "x"}})
                for n in range(4)
            }
        )
        assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.UNKNOWN}


def test_two_clients_share_the_pace_of_one_state_folder(tmp_path: Path) -> None:
    clock = bench.Clock()
    with Portal(clock=clock.time, rate=2.0, burst=10) as portal:
        clients = [bench.client(portal.webhook, clock, tmp_path, burst=10) for _ in range(2)]
        for turn in range(30):
            clients[turn % 2].read("profile")
        assert sum(row.status == 503 for row in portal.requests) == 0


def test_a_slow_portal_gets_smaller_batches() -> None:
    clock = bench.Clock()
    with (
        Portal(seed=bench.video(), clock=clock.time) as portal,
        bench.client(portal.webhook, clock) as client,
    ):
        client._pace({"a": Command("profile", {})}, {"time": {"duration": 30}, "result": {"result_time": []}})
        assert client.batch_size < 50


# ---- a server that misbehaves below HTTP's level of good manners


class Rude(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    body, headers_sent = b"", ()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        for name, value in self.headers_sent:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def rude(body: bytes, *headers: tuple[str, str]) -> Iterator[str]:
    handler = type("Handler", (Rude,), {"body": body, "headers_sent": headers})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/rest/1/{CODE}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_compressed_bomb_stops_at_the_cap() -> None:
    bomb = gzip.compress(b" " * 50_000_000 + b'{"result": 1}', 9)
    with (
        rude(bomb, ("Content-Encoding", "gzip")) as url,
        bench.client(url, bench.Clock(), cap=1_000_000) as client,
    ):
        assert client.write("crm.item.add", {}).verdict is Verdict.UNKNOWN


def test_a_compressed_answer_is_read_and_numbers_stay_exact() -> None:
    with (
        rude(gzip.compress(b'{"result": {"sum": 0.1}}'), ("Content-Encoding", "gzip")) as url,
        bench.client(url, bench.Clock()) as client,
    ):
        assert str(client.read("x.get")["sum"]) == "0.1"


def test_a_dripping_answer_ends_at_the_deadline() -> None:
    clock = bench.Clock()
    with (
        Portal(clock=clock.time, faults=[{"kind": "drip", "seconds": 30}]) as portal,
        bench.client(portal.webhook, clock, deadline=0.2) as client,
    ):
        assert (
            client.write("crm.item.add", {"entityTypeId": 2, "fields": {"title": "x"}}).verdict
            is Verdict.UNKNOWN
        )
