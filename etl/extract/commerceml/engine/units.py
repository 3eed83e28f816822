"""Like elements are read together: those of a series in the window that have the same tags in the same order.

`records` takes a series of records off the window, `documents` their lines as well: documents differ in the
number of lines, lines hardly differ. A series ends where anything else stands, and where the window ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from etl.extract.commerceml.engine.entries import Column, Lines
from etl.extract.commerceml.engine.plan import Plan, Plans, Uneven, plans_of
from etl.extract.commerceml.engine.tags import is_empty, qualified
from etl.extract.commerceml.engine.tokens import Tokens


class Series:
    """Elements of one kind in the order of the file, sorted by shape.

    Holds until the next stretch of the file comes in.

    `starts`: where in the window each begins. `owners`: the records that they belong to, if they are not
    records themselves.
    """

    def __init__(self, source: Tokens, plans: Plans) -> None:
        self.source = source
        self.plans = plans
        self.starts: list[int] = []
        self.owners: list[int] = []
        self.shapes: dict[int, Units] = {}
        self.latest: Units | None = None
        self.tags: list[bytes] = []  # of the latest; those of all would weigh more than what is read

    def like(self, tags: list[bytes]) -> Units:
        """Those of a shape. Raises Uneven."""
        return self.of(self.plans.plan(tags), tags)

    def of(self, plan: Plan, tags: list[bytes], cut: int = 0) -> Units:
        """Those of a shape, whose plan it is."""
        found = self.shapes.get(id(plan))
        if found is None:
            found = Units(self, plan, len(tags), cut)
            self.shapes[id(plan)] = found
        self.latest = found
        self.tags = tags
        return found

    def add(self, units: Units, start: int, left_out: int = 0) -> None:
        """One more, with as many tokens left out behind its cut."""
        units.starts.append(start)
        units.behind.append(start + left_out)
        units.numbers.append(len(self.starts))
        self.starts.append(start)

    def start_of(self, number: int) -> int:
        """The index in the file of the first token of one of them."""
        return self.source.base + self.starts[number]


@dataclass(slots=True)
class Units:
    """Like elements of a series, each from its start tag to its end tag; `numbers` are their places in the
    series.

    Tokens behind the one at `cut` are counted from `behind`, for what stood between was left out. They share
    their tags, but for the attributes in them.
    """

    series: Series
    plan: Plan
    length: int  # in tokens
    cut: int = 0
    starts: list[int] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def column(self, at: int, index: int) -> Column:
        """The texts behind one token, counted from the token `at` of the shape; no token (-1) has none."""
        if index < 0:
            return Column([""] * len(self.starts), True)
        source = self.series.source
        raw = self._each(source.texts, at + index)
        if raw.count(raw[0]) == len(raw):
            same = source.decoded_one(raw[0]).strip()
            return Column([same] * len(raw), True)
        return Column([text.strip() for text in source.decoded(raw)], False)

    def texts(self) -> list[bytes]:
        """The texts behind all tokens of the first of them, as they are written."""
        source = self.series.source
        cut = self.cut + 1
        start = self.starts[0]
        behind = self.behind[0]
        return source.texts[start : start + cut] + source.texts[behind + cut : behind + self.length]

    def tags(self, index: int) -> list[bytes]:
        """The tags that stand at one place of the shape, with their attributes."""
        return self._each(self.series.source.tags, index)

    def _each(self, parts: list[bytes], index: int) -> list[bytes]:
        """The tags or the texts at one place of the shape: a slice, if each stands right behind the other."""
        starts = self._from(index)
        first = starts[0]
        last = starts[-1]
        if not self.cut and last - first == self.length * (len(starts) - 1):
            return parts[first + index : last + index + 1 : self.length]
        return [parts[start + index] for start in starts]

    def at(self, which: int, index: int) -> int:
        """Where in the window a token of one of them stands."""
        return self._from(index)[which] + index

    def _from(self, index: int) -> list[int]:
        """Where the tokens on this side of the cut are counted from."""
        return self.starts if index <= self.cut else self.behind

    def owner(self, which: int) -> int:
        """The number of the record that one of them belongs to."""
        number = self.numbers[which]
        owners = self.series.owners
        return owners[number] if owners else number


def single(source: Tokens, first: int, last: int, plans: Plans) -> Series:
    """One element of the window. Raises Uneven."""
    series = Series(source, plans)
    series.add(series.like(source.tags[first : last + 1]), first)
    return series


def records(source: Tokens, last: int, plans: Plans, most: int) -> Series:
    """The element at hand, which ends at `last`, and those of its name behind it, `most` at the most.

    Raises Uneven, and takes nothing, if that is not its end.
    """
    name = qualified(source.tags[source.at])
    series = single(source, source.at, last, plans)
    start = last + 1
    while len(series.starts) < most:
        units = _next(series, start, name)
        if units is None:
            break
        series.add(units, start)
        start += units.length
    source.at = start
    return series


def _next(series: Series, start: int, name: bytes) -> Units | None:
    """The element of that name that begins there, if all of it is in the window."""
    tags = series.source.tags
    latest = series.latest
    if latest is not None and tags[start : start + latest.length] == series.tags:
        return latest
    last = _end(tags, start, name)
    if not last:
        return None
    try:
        return series.like(tags[start : last + 1])
    except Uneven:
        return None


def _end(tags: list[bytes], start: int, name: bytes) -> int:
    """Where the element of that name ends, or 0."""
    if start >= len(tags) or qualified(tags[start]) != name:
        return 0
    if is_empty(tags[start]):
        return start
    try:
        return tags.index(b"/" + name, start)
    except ValueError:
        return 0


# ---- documents and their lines -----------------------------------------------------------------------------


def documents(source: Tokens, last: int, plans: Plans, lines: Lines, most: int) -> tuple[Series, Series]:
    """As `records`, and the lines of those documents, owned by them: about `most` of both. Raises Uneven.

    Lines in unusual places stay with their document.
    """
    name = qualified(source.tags[source.at])
    apart = _Apart(source, plans, lines)
    start = apart.add(source.at, last)
    while len(apart.heads.starts) + len(apart.lines.starts) < most:
        behind = apart.add_like_the_latest(start) or _add_other(apart, start, name)
        if not behind:
            break
        start = behind
    source.at = start
    return apart.heads, apart.lines


def _add_other(apart: _Apart, start: int, name: bytes) -> int:
    """Add the document of any shape that begins there. Returns where it ends, or 0."""
    last = _end(apart.heads.source.tags, start, name)
    if not last:
        return 0
    try:
        return apart.add(start, last)
    except Uneven:
        return 0


class _Apart:
    """Documents, and their lines apart from them."""

    def __init__(self, source: Tokens, plans: Plans, lines: Lines) -> None:
        self.tags = source.tags
        self.heads = Series(source, plans)
        self.lines = Series(source, plans_of(lines.table))
        self.list = lines.name.encode()
        self.line = lines.line.encode()

    def add(self, start: int, last: int) -> int:
        """Add a document of a shape not met in the last one. Returns where it ends. Raises Uneven."""
        try:
            first = self.tags.index(self.list, start + 1, last) + 1
            found, close = self._lines(first)
        except ValueError:
            return self._add_whole(start, last)
        cut = first - 1 - start
        tags = self.tags[start:first] + self.tags[close : last + 1]
        plan = self._plan(tags) if self.tags[close] == b"/" + self.list else None
        if plan is None or plan.lines != cut:  # the list is another element's, not the document's
            return self._add_whole(start, last)
        self._own(found)
        self.heads.add(self.heads.of(plan, tags, cut), start, close - first)
        return last + 1

    def _plan(self, tags: list[bytes]) -> Plan | None:
        """Its plan, if it is one element."""
        try:
            return self.heads.plans.plan(tags)
        except Uneven:
            return None

    def _add_whole(self, start: int, last: int) -> int:
        self.heads.add(self.heads.like(self.tags[start : last + 1]), start)
        return last + 1

    def add_like_the_latest(self, start: int) -> int:
        """Add a document if all but its lines is as in the one before. Returns where it ends, or 0."""
        latest = self.heads.latest
        if latest is None:
            return 0
        first = start + latest.cut + 1
        if self.tags[start:first] != self.heads.tags[: latest.cut + 1]:
            return 0
        found, close = self._lines(first) if latest.cut else ([], first)
        end = close + latest.length - latest.cut - 1
        if self.tags[close:end] != self.heads.tags[latest.cut + 1 :]:
            return 0
        self._own(found)
        self.heads.add(latest, start, close - first)
        return end

    def _lines(self, start: int) -> tuple[list[tuple[Units, int]], int]:
        """The lines that stand there, not yet added, and where they end."""
        found: list[tuple[Units, int]] = []
        while True:
            units = _next(self.lines, start, self.line)
            if units is None:
                return found, start
            found.append((units, start))
            start += units.length

    def _own(self, found: list[tuple[Units, int]]) -> None:
        """Add the lines of the next document."""
        owner = len(self.heads.starts)
        for units, start in found:
            self.lines.add(units, start)
            self.lines.owners.append(owner)
