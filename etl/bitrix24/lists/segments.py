"""Which part of a long list is asked next: ranges of ids or groups of owners, planned to fill whole batches.

Each plan learns from what has been read. Method and figures: reference performance §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from etl.bitrix24.calls import BATCH
from etl.bitrix24.lists.listing import PAGE, Row

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
class Part:
    """What one batch read of a segment: rows, the greatest id reached, whether nothing is left."""

    segment: Segment
    rows: list[Row]
    cursor: int
    ended: bool


class IdRanges:
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

    def learn(self, part: Part) -> float:
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


class OwnerGroups:
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

    def learn(self, part: Part) -> float:
        """As for ranges; the place of the cursor says nothing about owners."""
        segment, read = part.segment, len(part.rows)
        if not segment.rest:
            self.parallel = _NO_LIMIT
            self._rows += read
            self._seen += len(segment.condition[self._key])
        return max(1.0, segment.expected - read)
