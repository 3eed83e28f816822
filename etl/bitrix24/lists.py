"""Big lists with the fewest requests: chains of keyset pages, fifty to a batch, several batches at once.

A page asks `>id` of the last row of the page before it, inside the portal (`$result[…]`), with `start: -1`,
so that the portal never counts. A list is cut into segments of the id space (or into groups of owners) that
are read side by side; every batch is filled to fifty commands, what a segment has left over continues in the
next one. Method and figures: reference performance §4; traps: bitrix24 §2.4, §4.12 (an unresolved reference
drops the condition and starts over).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

from etl.bitrix24.calls import BATCH, Command, Outcome, Refused, rows
from etl.bitrix24.client import Client
from etl.errors import ConfigError

#: Rows of a page (bitrix24 §2.4).
PAGE = 50
#: Owners in one array filter: PHP takes 1,000 variables of a command.
OWNERS = 300
#: A segment is planned too long rather than too short: a rest costs a command, one that ends early wastes
#: commands.
_STRETCH, _FIRST_STRETCH = 1.05, 1.15
#: A group of owners is planned a little too short: it has a few commands only, and one more for a rest is a
#: tenth of it.
_SHRINK = 0.96
#: A list guessed to be longer than this begins with two requests: the guess rests on a hundred ids.
_TRUSTED, _NO_LIMIT = 20_000, 1_000
#: A new part is not started for fewer commands: its last, short page would cost too much.
_SMALLEST_PART = 6

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """How one kind of list is asked.

    `path` leads from `result` to the rows (crm.item.list: "items"); `id` is the key field; `start` -1 spares
    the count (bitrix24 §2.4), None where the method does not document it; `needed` are fields that every
    `select` of this method must hold beside the id.
    """

    method: str
    id: str = "ID"
    path: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    filter: Mapping[str, Any] = field(default_factory=dict)
    select: Sequence[str] = ()
    start: int | None = -1
    needed: Sequence[str] = ()

    @property
    def ids_only(self) -> Listing:
        """The same list with no more fields than its method insists on."""
        return replace(self, select=[self.id, *self.needed])

    def command(self, condition: Mapping[str, Any], *, descending: bool = False) -> Command:
        """One page from the smallest (or greatest) id under the extra conditions."""
        asked = {
            **self.params,
            "filter": {**self.filter, **condition},
            "order": {self.id: "DESC" if descending else "ASC"},
        }
        if self.start is not None:
            asked["start"] = self.start
        if self.select:
            asked["select"] = list(self.select)
        return Command(self.method, asked)

    def rows(self, outcome: Outcome) -> list[Row]:
        """Rows of one page. Raises Refused; a page of a wrong shape is refused too."""
        if not outcome.ok:
            raise Refused(self.method, outcome.code, outcome.text)
        found = _inside(outcome.result, self.path)
        if not all(isinstance(row, Mapping) for row in found):
            raise Refused(self.method, "", "ответ не похож на список записей")
        return found

    def reference(self, key: str) -> str:
        """The id of the last row of an earlier full page, resolved inside the portal (bitrix24 §4.12)."""
        inner = f"[{self.path}]" if self.path else ""
        return f"$result[{key}]{inner}[{PAGE - 1}][{self.id}]"


@dataclass(frozen=True)
class Segment:
    """A part of a list: ids above `after` up to `upto` (None = open), or the owners of `condition`.

    `expected`: rows at a guess; `rest`: what an earlier batch has left over.
    """

    after: int
    upto: int | None
    expected: float
    condition: Mapping[str, Any] = field(default_factory=dict)
    rest: bool = False

    @property
    def commands(self) -> int:
        """Commands of a batch that the expected rows fill, pages of fifty."""
        return max(1, ceil(self.expected / PAGE))


@dataclass(frozen=True)
class _Part:
    """What one batch read of a segment: rows, the greatest id reached, whether nothing is left."""

    segment: Segment
    rows: list[Row]
    cursor: int
    ended: bool


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
    numbers = _checked(listing, head, 0, None)
    tail = [int(row[listing.id]) for row in listing.rows(first["last"])]
    yield from _Reader(client, listing, _IdRanges(numbers, tail)).run()


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
    plan = _Owners(owner, list(unique), expected, width)
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
        yield from _inside(page.result, path)
        following = page.next
        if following is not None and following <= start:
            raise _ignored(method)
        start = following


def _inside(result: Any, path: str | None) -> list[Row]:
    """The list that an answer holds, under `path` where the answer is a map."""
    if path is not None and isinstance(result, Mapping):
        return rows(result.get(path))
    return rows(result)


class _IdRanges:
    """Plans segments over the id space; learns the distance between ids from what has been read.

    Where the ids turn out to lie in heaps, planning would read emptiness: then the rest is read as one plain
    chain.
    """

    def __init__(self, head: list[int], tail: list[int]) -> None:
        """`head`: the first page of ids, ascending, read already; `tail`: the last page, descending, for the
        density.
        """
        self._frontier: int | None = head[-1]
        self._last = tail[0]
        self._span = (head[-1] - head[0] + 1) + (tail[0] - tail[-1] + 1)
        self._rows = len(head) + len(tail)
        self._stretch = _FIRST_STRETCH
        self._plain = False
        guess = (self._last - head[0]) * self._rows / self._span
        self.parallel = 2 if guess > _TRUSTED else _NO_LIMIT

    def next(self, commands: int) -> Segment | None:
        """A segment that should fill so many commands, None at the end of the list."""
        if self._frontier is None:
            return None
        after, self._frontier = self._frontier, None
        full = float(commands * PAGE)
        if self._plain:
            return Segment(after, None, full)
        gap = self._span / self._rows
        upto = after + max(1, int(full * gap * self._stretch))
        expected = min(full, max((self._last - after) / gap, 1.0))
        if upto >= self._last:  # the last segment is open: rows created meanwhile have greater ids
            return Segment(after, None, expected)
        self._frontier = upto
        return Segment(after, upto, expected)

    def learn(self, part: _Part) -> float:
        """Notes what was read of a segment; returns the rows still expected in it."""
        segment = part.segment
        read = len(part.rows)
        end = max(part.cursor, self._last) if segment.upto is None else segment.upto
        reached = end if part.ended else part.cursor
        self._span += max(0, reached - segment.after)
        self._rows += read
        if not segment.rest:
            half_empty = part.ended and segment.upto is not None and read < segment.expected / 2
            self._plain = self._plain or half_empty
            self._stretch, self.parallel = _STRETCH, _NO_LIMIT
        if self._plain and segment.upto is None:
            return float(BATCH * PAGE)
        return max(1.0, (end - part.cursor) * self._rows / self._span)


class _Owners:
    """Plans groups of owners; learns how many rows an owner has."""

    def __init__(self, key: str, owners: list[str], expected: float, width: int) -> None:
        self._key = key
        self._owners = owners
        self._width = width
        self._place = 0
        self._rows = expected
        self._seen = 1.0
        self.parallel = 1  # the first batch goes alone: a wrong guess would be repeated in all of them

    def next(self, commands: int) -> Segment | None:
        """A group of owners that should fill so many commands, None when all are given out."""
        if self._place >= len(self._owners):
            return None
        full = float(commands * PAGE)
        each = self._rows / self._seen
        fitting = max(1, int(full / max(each, 0.01) * _SHRINK))
        count = ceil(fitting / ceil(fitting / self._width))  # equal groups that fill the batch
        group = self._owners[self._place : self._place + count]
        self._place += len(group)
        expected = min(len(group) * each / _SHRINK, full)
        return Segment(0, None, expected, {self._key: group})

    def learn(self, part: _Part) -> float:
        """As for ranges; the place of the cursor says nothing about owners."""
        segment, read = part.segment, len(part.rows)
        if not segment.rest:
            self.parallel = _NO_LIMIT
            self._rows += read
            self._seen += len(segment.condition[self._key])
        return max(1.0, segment.expected - read)


class _Reader:
    """Fills batches with segments, reads them side by side, checks every page."""

    def __init__(self, client: Client, listing: Listing, plan: _IdRanges | _Owners) -> None:
        self._client = client
        self._listing = listing
        self._plan = plan
        self._rest: list[Segment] = []

    def run(self) -> Iterator[Row]:
        running: set[Future[list[_Part]]] = set()
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

    def _start(self, pool: ThreadPoolExecutor, running: set[Future[list[_Part]]]) -> None:
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

    def _read(self, segments: list[Segment]) -> list[_Part]:
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

    def _accepted(self, segment: Segment, pages: list[Outcome]) -> _Part:
        """Rows up to the first short page: what follows it started over and is thrown away (§4.12)."""
        found: list[Row] = []
        cursor = segment.after
        for outcome in pages:
            page = self._listing.rows(outcome)
            numbers = _checked(self._listing, page, cursor, segment.upto)
            found += page
            cursor = numbers[-1] if numbers else cursor
            if len(page) < PAGE or cursor == segment.upto:
                return _Part(segment, found, cursor, ended=True)
        return _Part(segment, found, cursor, ended=False)

    def _after(self, part: _Part) -> None:
        left = self._plan.learn(part)
        if not part.ended:
            segment = part.segment
            self._rest.append(Segment(part.cursor, segment.upto, left, segment.condition, rest=True))


def _checked(listing: Listing, page: list[Row], after: int, upto: int | None) -> list[int]:
    """Ids of a page; they must grow and stay inside the segment, else the portal has dropped the filter
    (§2.4).
    """
    numbers = [int(row[listing.id]) for row in page]
    last = after
    for number in numbers:
        if number <= last or (upto is not None and number > upto):
            raise _ignored(listing.method)
        last = number
    return numbers


def _ignored(method: str) -> ConfigError:
    return ConfigError(
        f"Портал не применил отбор в {method}: список прочитать нельзя.",
        "Обновите портал или обратитесь в поддержку Битрикс24, приложив имя метода.",
    )
