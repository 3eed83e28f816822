"""Like elements are read together: those of a series in the window that have the same tags in the same order.

`records` takes a series of records off the window, `documents` their lines as well: documents differ in the number of lines,
lines hardly differ. A series ends where anything else stands, and where the window ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from etl.extract.commerceml.engine.tokens import Tokens, is_empty, qualified

if TYPE_CHECKING:
    from etl.extract.commerceml.engine.columns import Plan
    from etl.extract.commerceml.engine.fields import Fields

_LIST, _LINE = "Товары".encode(), "Товар".encode()


class Uneven(Exception):
    """The tokens are not one element from its start to its end."""


class Series:
    """Elements of one kind in the order of the file, sorted by shape. Holds until the next stretch of the file comes in.

    `starts`: where in the window each begins. `owners`: the records that they belong to, if they are not records themselves.
    """

    def __init__(self, source: Tokens, fields: Fields) -> None:
        self.source, self.fields = source, fields
        self.starts: list[int] = []
        self.owners: list[int] = []
        self.shapes: dict[int, Units] = {}
        self.latest: Units | None = None

    def like(self, shape: list[bytes], cut: int = 0) -> Units:
        """Those of a shape. Raises Uneven."""
        plan = self.fields.plan(shape)
        self.latest = self.shapes.get(id(plan))
        if self.latest is None:
            self.latest = self.shapes[id(plan)] = Units(self, plan, shape, cut)
        return self.latest

    def add(self, units: Units, start: int, left_out: int = 0) -> None:
        """One more, with as many tokens left out behind its cut."""
        units.starts.append(start)
        units.behind.append(start + left_out)
        units.numbers.append(len(self.starts))
        self.starts.append(start)

    def start_of(self, number: int) -> int:
        """The index in the file of the first token of one of them."""
        return self.source.base + self.starts[number]


class Column(NamedTuple):
    """A text of each of some elements, without the blanks around it; with `same` they are all equal."""

    texts: list[str]
    same: bool


@dataclass(slots=True)
class Units:
    """Like elements of a series, each from its start tag to its end tag; `numbers` are their places in the series.

    Tokens behind the one at `cut` are counted from `behind`, for what stood between was left out. They share their tags,
    but for the attributes in them.
    """

    series: Series
    plan: Plan
    shape: list[bytes]
    cut: int = 0
    starts: list[int] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def column(self, index: int) -> Column:
        """The texts behind one token of the shape; of no token (-1) they are empty."""
        if index < 0:
            return Column([""] * len(self.starts), True)
        source, starts = self.series.source, self.starts if index <= self.cut else self.behind
        texts = source.texts
        raw = [texts[start + index] for start in starts]
        if raw.count(raw[0]) == len(raw):
            return Column([source.decoded_one(raw[0]).strip()] * len(raw), True)
        return Column([text.strip() for text in source.decoded(raw)], False)

    def text(self, index: int) -> str:
        """The only text of such a column."""
        if index < 0:
            return ""
        source = self.series.source
        return source.decoded_one(source.texts[self.at(0, index)]).strip()

    def tags(self, index: int) -> list[bytes]:
        """The tags that stand at one place of the shape, with their attributes."""
        tags = self.series.source.tags
        return [tags[start + index] for start in (self.starts if index <= self.cut else self.behind)]

    def at(self, which: int, index: int) -> int:
        """Where in the window a token of one of them stands."""
        return (self.starts if index <= self.cut else self.behind)[which] + index

    def owner(self, which: int) -> int:
        """The number of the record that one of them belongs to."""
        number = self.numbers[which]
        return self.series.owners[number] if self.series.owners else number


def single(source: Tokens, first: int, last: int, fields: Fields) -> Series:
    """One element of the window."""
    series = Series(source, fields)
    series.add(series.like(source.tags[first : last + 1]), first)
    return series


def records(source: Tokens, last: int, fields: Fields, most: int) -> Series:
    """The element at hand, which ends at `last`, and those of its name behind it, `most` at the most.

    Raises Uneven, and takes nothing, if that is not its end.
    """
    name, series = qualified(source.tags[source.at]), single(source, source.at, last, fields)
    start = last + 1
    while len(series.starts) < most and (units := _next(series, start, name)) is not None:
        series.add(units, start)
        start += len(units.shape)
    source.at = start
    return series


def _next(series: Series, start: int, name: bytes) -> Units | None:
    """The element of that name that begins there, if all of it is in the window."""
    tags, latest = series.source.tags, series.latest
    if latest is not None and tags[start : start + len(latest.shape)] == latest.shape:
        return latest
    last = _end(tags, start, name)
    try:
        return series.like(tags[start : last + 1]) if last else None
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


def documents(
    source: Tokens, last: int, fields: Fields, line_fields: Fields, most: int
) -> tuple[Series, Series]:
    """As `records`, and the lines of those documents, owned by them: about `most` of both. Raises Uneven.

    Lines in unusual places stay with their document.
    """
    name, heads, lines = (
        qualified(source.tags[source.at]),
        Series(source, fields),
        Series(source, line_fields),
    )
    start = _document(heads, lines, source.at, last)
    while len(heads.starts) + len(lines.starts) < most and (
        behind := _like_the_latest(heads, lines, start) or _other(heads, lines, start, name)
    ):
        start = behind
    source.at = start
    return heads, lines


def _other(heads: Series, lines: Series, start: int, name: bytes) -> int:
    last = _end(heads.source.tags, start, name)
    try:
        return _document(heads, lines, start, last) if last else 0
    except Uneven:
        return 0


def _document(heads: Series, lines: Series, start: int, last: int) -> int:
    """Add a document of a shape not met in the last one. Returns where it ends. Raises Uneven."""
    tags = heads.source.tags
    try:
        first = tags.index(_LIST, start + 1, last) + 1
        found, close = _lines(lines, first)
        shape = tags[start:first] + tags[close : last + 1]
        whole = (
            tags[close] != b"/" + _LIST or heads.fields.plan(shape).lines != first - 1 - start
        )  # the list of another element
    except ValueError:
        whole = True
    if whole:
        heads.add(heads.like(tags[start : last + 1]), start)
    else:
        _own(lines, found, len(heads.starts))
        heads.add(heads.like(shape, first - 1 - start), start, close - first)
    return last + 1


def _like_the_latest(heads: Series, lines: Series, start: int) -> int:
    """Add a document if all but its lines is as in the one before. Returns where it ends, or 0."""
    tags, latest = heads.source.tags, heads.latest
    if latest is None:
        return 0
    first = start + latest.cut + 1
    if tags[start:first] != latest.shape[: latest.cut + 1]:
        return 0
    found, close = _lines(lines, first) if latest.cut else ([], first)
    end = close + len(latest.shape) - latest.cut - 1
    if tags[close:end] != latest.shape[latest.cut + 1 :]:
        return 0
    _own(lines, found, len(heads.starts))
    heads.add(latest, start, close - first)
    return end


def _lines(lines: Series, start: int) -> tuple[list[tuple[Units, int]], int]:
    """The lines that stand there, not yet added, and where they end."""
    found = []
    while (units := _next(lines, start, _LINE)) is not None:
        found.append((units, start))
        start += len(units.shape)
    return found, start


def _own(lines: Series, found: list[tuple[Units, int]], owner: int) -> None:
    for units, start in found:
        lines.add(units, start)
        lines.owners.append(owner)
