"""Bitrix24: requests and seconds for big lists, product rows and updates; ours and three other clients on
one portal.

The portal is the sandbox in another process: 2 requests a second, burst 50, 50 ms a request and 10 ms a
command in it. The budget of execution time (`operating`) is off, since it would stop every client at 4,800
updates in ten minutes. About a quarter of an hour.
"""

from __future__ import annotations

from math import ceil
from operator import attrgetter

from benchmarks.bitrix24_clients import PEERS, Job, Measured, measure, ours_list, ours_rows, ours_update
from benchmarks.measuring import Row, at_least, at_most

DEALS, MANY, UPDATES = 10_000, 50_000, 5_000
FULL, BURST, RATE = 2_500, 50, 2.0


def run() -> list[Row]:
    """Rows (name, measured, limit, ok)."""
    return [*lists(DEALS), *lists(MANY), *rows(DEALS), *rows_alone(MANY), *updates(UPDATES)]


def lists(deals: int) -> list[Row]:
    ours, best = _ours("list", ours_list, deals), _fastest("list", deals)
    return [
        at_most(f"list of {deals:,} deals, all fields: requests", ours.requests, ceil(deals / FULL) + 2),
        at_most(f"list of {deals:,}: of the seconds of the fastest peer", ours.seconds / best.seconds, 1.2),
        at_most(f"list of {deals:,}: commands that make the portal count", ours.counted, 0),
        at_most(f"list of {deals:,}: refusals", ours.refusals, 0),
        at_least(f"list of {deals:,}: deals", ours.seen, deals),
    ]


def rows(deals: int) -> list[Row]:
    ours, best = _ours("rows", ours_rows, deals), _fastest("rows", deals)
    return [
        *_rows_alone(deals, ours),
        at_most(
            f"product rows of {deals:,} deals: of the requests of the fastest peer",
            ours.requests / best.requests,
            0.1,
        ),
        at_least("product rows: as many as the fastest peer", ours.seen, best.seen),
    ]


def rows_alone(deals: int) -> list[Row]:
    return _rows_alone(deals, _ours("rows", ours_rows, deals))


def _rows_alone(deals: int, ours: Measured) -> list[Row]:
    allowed = ceil(ours.seen / FULL) + ceil(deals / 10_000) + 2
    return [
        at_most(f"product rows of {deals:,} deals ({ours.seen:,} rows): requests", ours.requests, allowed),
        at_most(f"product rows of {deals:,} deals: refusals", ours.refusals, 0),
    ]


def updates(deals: int) -> list[Row]:
    ours, best = _ours("update", ours_update, deals), _fastest("update", deals)
    bucket = max(1.0, (ceil(deals / 50) - BURST) / RATE)
    return [
        at_most(f"{deals:,} updates: of the time the bucket allows", ours.seconds / bucket, 1.1),
        at_most(f"{deals:,} updates: refusals", ours.refusals, 0),
        at_least(f"{deals:,} updates: known outcomes", ours.seen, deals),
        at_most(
            f"{deals:,} updates: of the seconds of the fastest peer that ends",
            ours.seconds / best.seconds,
            1.1,
        ),
    ]


def _ours(work: str, job: Job, deals: int) -> Measured:
    return _shown(f"{work} of {deals:,} by obmen24", measure(job, deals, deals))


def _fastest(work: str, deals: int) -> Measured:
    """The quickest of the other clients that came to an end."""
    ended = []
    for name, job in PEERS[work].items():
        one = _shown(f"{work} of {deals:,} by {name}", measure(job, deals, deals))
        if not one.error:
            ended.append(one)
    return min(ended, key=attrgetter("seconds"))


def _shown(name: str, one: Measured) -> Measured:
    said = (
        f"  {name}: {one.requests} requests, {one.seconds:.1f} s, {one.megabytes:.0f} MiB, "
        f"{one.refusals} refusals, {one.counted} counts"
    )
    print(f"{said}, {one.error}" if one.error else said, flush=True)
    return one
