"""Big lists with the fewest requests: chains of keyset pages, fifty to a batch, several batches at once.

A page asks `>id` of the last row of the page before it, inside the portal (`$result[…]`), with `start: -1`,
so that the portal never counts. A list is cut into segments of the id space (or into groups of owners) that
are read side by side; every batch is filled to fifty commands, what a segment has left over continues in the
next one. Method and figures: reference performance §4; traps: bitrix24 §2.4, §4.12 (an unresolved reference
drops the condition and starts over).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from etl.bitrix24.calls import Command, Outcome
from etl.bitrix24.client import Client
from etl.bitrix24.lists.listing import PAGE, Listing, Row, checked, filter_ignored, rows_inside
from etl.bitrix24.lists.segments import OWNERS, IdRanges, OwnerGroups, Part, Segment

#: A new part is not started for fewer commands: its last, short page would cost too much.
_SMALLEST_PART = 6


def every(client: Client, listing: Listing) -> Iterator[Row]:
    """All rows of a list, each once, in the order of ids within what comes together (not over the whole
    list).

    Rows that appear or change while the list is read are read once or not at all (those below the cursor),
    never twice. Raises ConfigError when the portal ignores the filter, Refused, TryLater.
    """
    last = listing.ids_only.command({}, descending=True)
    first = client.chain({"first": listing.command({}), "last": last})
    head = listing.rows(first["first"])
    yield from head
    if len(head) < PAGE:
        return
    numbers = checked(listing, head, 0, None)
    tail = [int(row[listing.id]) for row in listing.rows(first["last"])]
    yield from _Reader(client, listing, IdRanges(numbers, tail)).run()


def of_owners(
    client: Client,
    listing: Listing,
    owner: str,
    owners: Iterable[str | int],
    *,
    expected: float = 1.0,
    width: int = OWNERS,
) -> Iterator[Row]:
    """All rows that belong to the given owners; `owner` is the filter key that takes an array, e.g.
    "=ownerId".

    `expected`: rows per owner at first guess. The portal must be known to honour the array (`owner_arrays`).
    """
    unique = dict.fromkeys(str(one) for one in owners)
    plan = OwnerGroups(owner, list(unique), expected, width)
    yield from _Reader(client, listing, plan).run()


def ids(client: Client, listing: Listing) -> set[int]:
    """The set of ids of a list: what is missing in it has been deleted (or hidden by rights)."""
    rows_of = every(client, listing.ids_only)
    return {int(row[listing.id]) for row in rows_of}


def paged(client: Client, method: str, params: Mapping[str, Any], path: str | None = None) -> Iterator[Row]:
    """A list by `next`, for methods that document no keyset (bitrix24 §2.4): dictionaries, catalogue,
    users.
    """
    start: int | None = 0
    while start is not None:
        page = client.page(method, {**params, "start": start})
        yield from rows_inside(page.result, path)
        following = page.next
        if following is not None and following <= start:
            raise filter_ignored(method)
        start = following


class _Reader:
    """Fills batches with segments, reads them side by side, checks every page."""

    def __init__(self, client: Client, listing: Listing, plan: IdRanges | OwnerGroups) -> None:
        self._client = client
        self._listing = listing
        self._plan = plan
        self._rest: list[Segment] = []

    def run(self) -> Iterator[Row]:
        running: set[Future[list[Part]]] = set()
        with ThreadPoolExecutor(self._client.workers) as pool:
            while True:
                self._start(pool, running)
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    for part in future.result():
                        yield from part.rows
                        self._after(part)

    def _start(self, pool: ThreadPoolExecutor, running: set[Future[list[Part]]]) -> None:
        """Requests, up to as many as may run at once."""
        while len(running) < min(self._client.workers, self._plan.parallel):
            segments = self._fill(waiting=bool(running))
            if not segments:
                return
            running.add(pool.submit(self._read, segments))

    def _fill(self, *, waiting: bool) -> list[Segment]:
        """Segments for one batch: a new part of the list; rests when they fill a batch or nothing new is
        left.

        `waiting`: other batches are under way, so a batch of few rests is better left until they have come.
        """
        size = room = self._client.batch_size
        ready = sum(segment.commands for segment in self._rest)
        few = ready < size
        fresh = self._plan.next(room) if few else None
        if fresh is None and waiting and few:
            return []
        taken: list[Segment] = []
        while fresh is not None:
            taken.append(fresh)
            room -= min(room, fresh.commands)
            fresh = self._plan.next(room) if room >= _SMALLEST_PART else None
        self._rest.sort(key=lambda segment: segment.commands)
        while self._rest and room > 0:
            taken.append(self._rest.pop())
            room -= min(room, taken[-1].commands)
        return taken

    def _read(self, segments: list[Segment]) -> list[Part]:
        commands: dict[str, Command] = {}
        keys_of: list[list[str]] = []
        for number, count in enumerate(self._allotted(segments)):
            keys = [f"s{number:02d}p{page:02d}" for page in range(count)]
            commands |= dict(zip(keys, self._pages(segments[number], keys), strict=True))
            keys_of.append(keys)
        outcomes = self._client.chain(commands)
        return [
            self._accepted(segment, [outcomes[key] for key in keys])
            for segment, keys in zip(segments, keys_of, strict=True)
        ]

    def _allotted(self, segments: list[Segment]) -> list[int]:
        """Commands of each segment in one batch. A rest gets some of the spare ones: a guess too low costs a
        request.
        """
        room = self._client.batch_size
        spare = max(0, room - sum(segment.commands for segment in segments))
        counts: list[int] = []
        for place, segment in enumerate(segments):
            following = len(segments) - place - 1  # each of them needs one command at least
            more = min(spare, 1 + segment.commands // 4) if segment.rest else 0
            count = max(1, min(segment.commands + more, room - following))
            spare -= more
            room -= count
            counts.append(count)
        return counts

    def _pages(self, segment: Segment, keys: list[str]) -> Iterator[Command]:
        """A chain of pages: each goes on where the one before it ended (bitrix24 §4.12)."""
        name = self._listing.id
        fixed = dict(segment.condition)
        if segment.upto is not None:
            fixed[f"<={name}"] = segment.upto
        yield self._listing.command({**fixed, f">{name}": segment.after})
        # the literal bound keeps a page inside its segment even if the reference is lost
        fixed[f">={name}"] = segment.after + 1
        for before in keys[:-1]:
            yield self._listing.command({**fixed, f">{name}": self._listing.reference(before)})

    def _accepted(self, segment: Segment, pages: list[Outcome]) -> Part:
        """Rows up to the first short page: what follows it started over and is thrown away (§4.12)."""
        found: list[Row] = []
        cursor = segment.after
        for outcome in pages:
            page = self._listing.rows(outcome)
            numbers = checked(self._listing, page, cursor, segment.upto)
            found += page
            cursor = numbers[-1] if numbers else cursor
            if len(page) < PAGE or cursor == segment.upto:
                return Part(segment, found, cursor, ended=True)
        return Part(segment, found, cursor, ended=False)

    def _after(self, part: Part) -> None:
        left = self._plan.learn(part)
        if not part.ended:
            segment = part.segment
            self._rest.append(Segment(part.cursor, segment.upto, left, segment.condition, rest=True))
