"""The same three jobs by us and by other people's clients, each in a process of its own against a portal in
another.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.measuring import peak
from etl.bitrix24 import writes
from etl.bitrix24.calls import Command
from etl.bitrix24.client import Client
from etl.bitrix24.lists import rowlists
from etl.bitrix24.lists.listing import Listing
from etl.bitrix24.lists.reading import every
from etl.bitrix24.secret import Secret
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene.demo import generate

LATENCY = (0.05, 0.01)  # seconds of a request, seconds more of each command in it
PROCESSES = get_context("spawn")


@dataclass(frozen=True)
class Measured:
    """What one job cost: `seen` is the number of records it got or changed by its own account."""

    seconds: float
    megabytes: float
    requests: int
    refusals: int
    seen: int
    error: str = ""
    counted: int = 0


# ---- the jobs ----------------------------------------------------------------------------------------------


def ours_list(webhook: str, _: list[int]) -> int:
    listing = Listing("crm.item.list", "id", "items", {"entityTypeId": 2}, select=["*"])
    return len({int(row["id"]) for row in every(Client(Secret(webhook)), listing)})


def ours_rows(webhook: str, deals: list[int]) -> int:
    return sum(1 for _ in rowlists.product_rows(Client(Secret(webhook)), map(str, deals)))


def ours_update(webhook: str, deals: list[int]) -> int:
    """Every intent is on the disk before it leaves, as in a run."""
    # here, so that the memory of the other jobs is theirs alone
    from etl.flows.portal.outbox import StoreOutbox
    from etl.state.store import Store

    items = (writes.Write(str(number), str(number), _remark(number)) for number in deals)
    with (
        TemporaryDirectory() as folder,
        Store.open(f"sqlite:///{folder}/state.sqlite", portal="bench") as state,
    ):
        results = writes.absolute(Client(Secret(webhook)), StoreOutbox(state, 1), items)
        return sum(result.status == "done" for result in results)


def _remark(number: int) -> Command:
    return Command("crm.deal.update", {"id": number, "fields": {"COMMENTS": "проверено"}})


def fast_list(webhook: str, _: list[int]) -> int:
    return len(_fast(webhook).get_all("crm.deal.list", {"select": ["*", "UF_*"]}))


def fast_rows(webhook: str, deals: list[int]) -> int:
    found = _fast(webhook).get_by_ID("crm.deal.productrows.get", deals)
    return sum(len(rows) for rows in found.values())


def fast_update(webhook: str, deals: list[int]) -> int:
    changes = [{"ID": number, "fields": {"COMMENTS": "проверено"}} for number in deals]
    return len(_fast(webhook).call("crm.deal.update", changes))


def _fast(webhook: str) -> Any:
    from fast_bitrix24 import Bitrix

    return Bitrix(webhook, verbose=False)


def b24api_list(webhook: str, _: list[int]) -> int:
    request = {"method": "crm.deal.list", "parameters": {"select": ["*", "UF_*"]}}
    return sum(1 for _ in _b24api(webhook).list_batched_no_count(request))


def b24api_rows(webhook: str, deals: list[int]) -> int:
    requests = ({"method": "crm.deal.productrows.get", "parameters": {"id": number}} for number in deals)
    return sum(len(rows) for rows in _b24api(webhook).batch(requests))


def b24api_update(webhook: str, deals: list[int]) -> int:
    requests = (
        {"method": "crm.deal.update", "parameters": {"id": n, "fields": {"COMMENTS": "проверено"}}}
        for n in deals
    )
    return sum(bool(done) for done in _b24api(webhook).batch(requests))


def _b24api(webhook: str) -> Any:
    os.environ["BITRIX24_API_WEBHOOK_URL"] = webhook
    from b24api import Bitrix24

    return Bitrix24()


def sdk_list(webhook: str, _: list[int]) -> int:
    return sum(1 for _ in _sdk(webhook).crm.deal.list(select=["*", "UF_*"]).as_list_fast().result)


def sdk_rows(webhook: str, deals: list[int]) -> int:
    client = _sdk(webhook)
    answer = client.call_batches([client.crm.deal.productrows.get(number) for number in deals])
    found = answer.result.result
    lists = found.values() if isinstance(found, dict) else found
    return sum(len(rows) for rows in lists)


def sdk_update(webhook: str, deals: list[int]) -> int:
    client = _sdk(webhook)
    changes = [client.crm.deal.update(number, {"COMMENTS": "проверено"}) for number in deals]
    return len(client.call_batches(changes).result.result)


def _sdk(webhook: str) -> Any:
    """b24pysdk speaks https only; here it is spared the TLS, which is in its favour."""
    from b24pysdk import BitrixWebhook
    from b24pysdk import Client as Sdk

    callers: Any = import_module("b24pysdk.api.callers.call_method")
    for item in vars(callers).values():
        if isinstance(item, type) and "_base_url" in vars(item):
            item._base_url = property(lambda self: f"http://{self._domain}/rest")  # type: ignore[attr-defined]
    _, _, domain, _, user, code, *_ = webhook.split("/")
    return Sdk(BitrixWebhook(domain=domain, webhook_token=f"{user}/{code}"))


Job = Callable[[str, list[int]], int]
PEERS: dict[str, dict[str, Job]] = {
    "list": {"fast_bitrix24": fast_list, "b24api": b24api_list, "b24pysdk": sdk_list},
    "rows": {"fast_bitrix24": fast_rows, "b24api": b24api_rows, "b24pysdk": sdk_rows},
    "update": {"fast_bitrix24": fast_update, "b24api": b24api_update, "b24pysdk": sdk_update},
}


# ---- measuring ---------------------------------------------------------------------------------------------


def measure(job: Job, portal_deals: int, deals: int) -> Measured:
    """One job in a fresh process against a fresh portal of `portal_deals` deals with the usual limits (2 a
    second, burst 50).
    """
    with _portal(portal_deals) as (webhook, ask):
        ours, theirs = PROCESSES.Pipe()
        worker = PROCESSES.Process(target=_work, args=(theirs, job, webhook, ask("ids")[:deals]))
        worker.start()
        theirs.close()
        seconds, megabytes, seen, error = ours.recv()
        worker.join()
        requests, refusals = ask("requests")
        return Measured(seconds, megabytes, requests, refusals, seen, error, ask("counted"))


def _work(pipe: Connection, job: Job, webhook: str, deals: list[int]) -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - progress bars and warnings of other people's clients
    seen = 0
    error = ""
    started = perf_counter()
    try:
        seen = job(webhook, deals)
    except Exception as problem:  # noqa: BLE001 - a client that gives up is a result, not our failure
        error = type(problem).__name__
    pipe.send((perf_counter() - started, peak(), seen, error))


@contextmanager
def _portal(deals: int) -> Any:
    ours, theirs = PROCESSES.Pipe()
    server = PROCESSES.Process(target=_serve, args=(theirs, deals))
    server.start()
    webhook = ours.recv()

    def ask(question: str) -> Any:
        ours.send(question)
        return ours.recv()

    try:
        yield webhook, ask
    finally:
        ours.send("stop")
        server.join()


def _serve(pipe: Connection, deals: int) -> None:
    seed = generate(deals)
    with Portal(seed=seed, latency=LATENCY, operating_limit=0, operating_style="absent") as portal:
        pipe.send(portal.webhook)
        while (question := pipe.recv()) != "stop":
            rows = portal.requests
            if question == "requests":
                refusals = sum(row.status == 503 for row in rows)
                pipe.send((len(rows), refusals))
            elif question == "ids":
                pipe.send([deal["ID"] for deal in seed["deals"]])
            else:
                pipe.send(sum(_counts(row.params) for row in rows))


def _counts(params: dict[str, Any]) -> int:
    """The list commands of a batch that make the portal count all records."""
    commands = params.get("cmd") or {}
    if isinstance(commands, dict):
        commands = commands.values()
    return sum(".list?" in command and "start=-1" not in command for command in commands)
