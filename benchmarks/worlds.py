"""A world to measure a profile in: a portal and, where orders come from 1C, its model, in a process of their
own, so that the seconds and the memory of the product are its own.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from etl.config import profile
from etl.config.profile import Profile

ROOT = Path(__file__).resolve().parent.parent
_PROCESSES = get_context("spawn")
_WIDE = 1000  # requests a second of the portal and their reserve: it refuses nobody


class Pace(NamedTuple):
    """Requests a second and the reserve above them (bitrix24 §2.1) that the product keeps to."""

    rate: float
    burst: int


#: Nobody waits.
UNHURRIED = Pace(float(_WIDE), _WIDE)
#: The pace of a portal, without a reserve: every request waits its half second.
AT_TWO = Pace(2.0, 1)


class World(NamedTuple):
    """The profile of a world, its webhook, and how many requests its portal has answered so far."""

    profile: Path
    webhook: Path
    requests: Callable[[], int]


def pointed(path: Path, webhook: Path, pace: Pace) -> Profile:
    """A profile that speaks to the portal of this webhook at this pace."""
    found = profile.load(path)
    changes = {"sandbox": None, "webhook_file": webhook, "rate": pace.rate, "burst": pace.burst}
    return found.model_copy(update={"bitrix24": found.bitrix24.model_copy(update=changes)})


@contextmanager
def world(name: str, deals: int, buyers: int = 50, day: dt.date | None = None) -> Iterator[World]:
    """A portal with that many deals (for `leads`: 1C with that many orders) of so many buyers.

    `day`: the day of the scene, today unless given.
    """
    with TemporaryDirectory() as place:
        path, secret = Path(place) / f"{name}.toml", Path(place) / "webhook"
        text = (ROOT / "samples" / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
        path.write_text(text.replace("../../exchange_dir", "exchange"), encoding="utf-8")
        (Path(place) / "exchange" / name).mkdir(parents=True)
        ours, theirs = _PROCESSES.Pipe()
        server = _PROCESSES.Process(target=_serve, args=(theirs, path, deals, buyers, day))
        server.start()
        theirs.close()

        def requests() -> int:
            ours.send("requests")
            return int(ours.recv())

        try:
            with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(ours.recv())
            yield World(path, secret, requests)
        finally:
            ours.send("stop")
            server.join()


def _serve(pipe: Connection, path: Path, deals: int, buyers: int, day: dt.date | None) -> None:
    """The portal, until it is told to stop. Methods cost it no time: nobody waits for their budget."""
    from etl.sandbox.portal.app import Portal

    seed = _seed(path, deals, buyers, day or dt.date.today())
    with Portal(seed=seed, rate=_WIDE, burst=_WIDE, operating_limit=0, operating_style="zero") as portal:
        pipe.send(portal.webhook)
        while pipe.recv() != "stop":
            pipe.send(len(portal.requests))


def _seed(path: Path, deals: int, buyers: int, day: dt.date) -> Any:
    """What the portal holds at first, by the world that the profile rehearses in."""
    from etl.sandbox.scene import surveillance, trades

    loaded = profile.load(path)
    match loaded.bitrix24.sandbox:
        case "video":
            return surveillance.video(day, deals)
        case "prepaid":
            return trades.prepaid(day, deals)
        case "twoway":
            return trades.twoway(day, deals, buyers)
    _orders_of_1c(loaded, path.parent / "onec", deals, buyers)
    return trades.leads(day)


def _orders_of_1c(loaded: Profile, data: Path, orders: int, buyers: int) -> None:
    """A session of 1C that writes so many orders into the folder."""
    from etl.sandbox.onec.base import OneC

    onec = OneC(
        loaded.onec.dialect,
        loaded.folder,
        data=data,
        extended=True,
        now=lambda: dt.datetime.now().replace(microsecond=0),
        organisation=loaded.organisation.name,
    )
    parties: list[str] = []
    for number in range(buyers):
        name = f"ООО «Покупатель {number}»"
        parties.append(onec.new_party(name, full_name=name))
    for number in range(orders):
        lines = [{"name": "Замок врезной", "quantity": 1 + number % 3, "price": "3150.50"}]
        onec.new_order(parties[number % buyers], lines, manager="Соколов И. А.")
    onec.session()
