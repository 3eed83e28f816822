"""Bitrix24: requests and seconds for big lists, product rows and updates; ours and three other clients on the same portal.

The portal is the sandbox in another process: 2 requests a second, burst 50, 50 ms a request and 10 ms a command in it.
"""

from __future__ import annotations

from math import ceil

from benchmarks.bitrix24_clients import PEERS, Job, Measured, measure, ours_list, ours_rows, ours_update

Row = tuple[str, float, float, bool]

DEALS, MANY = 10_000, 50_000
UPDATES = 5_000
#: Peers ask rows deal by deal and update one after another: fewer, or the benchmark takes a quarter of an hour.
PEER_ROWS, PEER_UPDATES = 2_000, 3_000
FULL, BURST, RATE = 2_500, 50, 2.0


def run() -> list[Row]:
    """Rows (name, measured, limit, ok)."""
    return [*lists(), *rows(), *updates()]


def lists(deals: int = DEALS, many: int = MANY) -> list[Row]:
    ours = measure(ours_list, deals, deals)
    best = _fastest("list", deals, deals)
    large = measure(ours_list, many, many)
    return [
        _at_most(f"list of {deals:,} deals, all fields: requests", ours.requests, ceil(deals / FULL) + 2),
        _at_most("list: of the seconds of the fastest peer", ours.seconds / best.seconds, 1.2),
        _at_most("list: commands that make the portal count", ours.counted, 0),
        _at_most("list: refusals", ours.refusals + large.refusals, 0),
        _at_least("list: deals", ours.seen, deals),
        _at_most(f"list of {many:,} deals: requests", large.requests, ceil(many / FULL) + 2),
        _at_least(f"list of {many:,}: deals", large.seen, many)]


def rows(deals: int = DEALS, few: int = PEER_ROWS) -> list[Row]:
    ours, small = measure(ours_rows, deals, deals), measure(ours_rows, few, few)
    best = _fastest("rows", few, few)
    allowed = ceil(ours.seen / FULL) + ceil(deals / 10_000) + 2
    return [
        _at_most(f"product rows of {deals:,} deals ({ours.seen:,} rows): requests", ours.requests, allowed),
        _at_most(f"product rows of {few:,} deals: of the requests of the fastest peer", small.requests / best.requests, 0.1),
        _at_least("product rows: as many as the fastest peer", small.seen, best.seen),
        _at_most("product rows: refusals", ours.refusals, 0)]


def updates(deals: int = UPDATES, few: int = PEER_UPDATES) -> list[Row]:
    ours, small = measure(ours_update, deals, deals), measure(ours_update, few, few)
    best = _fastest("update", few, few)
    bucket = max(1.0, (ceil(deals / 50) - BURST) / RATE)
    return [
        _at_most(f"{deals:,} updates: of the time the bucket allows", ours.seconds / bucket, 1.1),
        _at_most(f"{deals:,} updates: refusals", ours.refusals, 0),
        _at_least(f"{deals:,} updates: known outcomes", ours.seen, deals),
        _at_most(f"{few:,} updates: of the seconds of the fastest peer that ends", small.seconds / best.seconds, 1.1)]


def _fastest(work: str, portal_deals: int, deals: int) -> Measured:
    """The quickest of the other clients that came to an end."""
    measured = [_shown(f"{work} by {name}", measure(job, portal_deals, deals)) for name, job in PEERS[work].items()]
    return min((one for one in measured if not one.error), key=lambda one: one.seconds)


def _shown(name: str, one: Measured) -> Measured:
    print(f"  {name}: {one.requests} requests, {one.seconds:.1f} s, {one.megabytes:.0f} MiB, "
          f"{one.refusals} refusals, {one.counted} counts{', ' + one.error if one.error else ''}")
    return one


def _at_most(name: str, measured: float, limit: float) -> Row:
    return name, measured, limit, measured <= limit


def _at_least(name: str, measured: float, limit: float) -> Row:
    return name, measured, limit, measured >= limit


def show(job: Job, deals: int) -> None:
    """One measurement, for people who tune the client."""
    _shown(job.__name__, measure(job, deals, deals))


if __name__ == "__main__":
    for row in run():
        print(row)
