"""The scope that records are read in: rows not yet handed out, facts of the file, and the records at hand for their issues."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from etl import tables
from etl.extract.commerceml.engine.tokens import Tokens
from etl.extract.commerceml.engine.units import Series, Units

Row = dict[str, Any]


class Problem(NamedTuple):
    """What is wrong with a value, in Russian. With severity "reject" the whole record is left out."""

    message: str
    value: object = None
    severity: str = "reject"


@dataclass(slots=True)
class _Hand:
    """Records at hand, of which the one with that number is being finished. `top`: first token of the record that they are nested in."""

    entity: str
    series: Series
    top: int | None
    number: int = 0
    rejected: set[int] = field(default_factory=set)
    found: defaultdict[int, list[tuple[int, Problem]]] = field(default_factory=lambda: defaultdict(list))


class Scope:
    """What is being read. `most`: records that are read together."""

    def __init__(self, source: Tokens, most: int = 2000) -> None:
        self.source, self.file, self.most = source, source.name, most
        self.rows: defaultdict[str, list[tables.Record]] = defaultdict(list)
        self.size = 0  # rows not yet handed out
        self.counts: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.groups: dict[str, str] = {}  # Ид of a group -> path
        self.properties: dict[str, tuple[str, dict[str, str]]] = {}
        self.price_types: dict[str, tables.Record] = {}
        self.numbers: dict[str, str] = {}  # Ид of a document -> Номер, the last ones only
        self.seen: set[int] = set()  # accounts and contacts already handed out
        self.above: list[str] = []  # the elements around the outermost records
        self.hand: _Hand  # once `begin` was called

    def add(self, table: str, row: tables.Record) -> None:
        """A finished row of a canonical table."""
        self.rows[table].append(row)
        self.size += 1

    def extend(self, table: str, rows: Sequence[tables.Record]) -> None:
        """Finished rows of a canonical table."""
        self.rows[table] += rows
        self.size += len(rows)

    def take(self) -> dict[str, list[tables.Record]]:
        """The rows collected so far; they are handed out once."""
        taken, self.rows, self.size = self.rows, defaultdict(list), 0
        return taken

    def begin(self, entity: str, series: Series, top: int | None = None) -> None:
        """New records. Nothing is added for one before all its values are read, so a rejected one leaves only issues."""
        self.hand = _Hand(entity, series, top)

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows of the records at hand, each to be finished before the next. Others may be begun and finished in between."""
        hand = self.hand
        for number, row in enumerate(rows):
            self.hand, hand.number = hand, number
            yield row

    @property
    def rejected(self) -> bool:
        """Is the record that is being finished to be left out?"""
        return self.hand.number in self.hand.rejected

    def top(self) -> int:
        """The first token, in the file, of the outermost record around the one that is being finished."""
        hand = self.hand
        return hand.series.start_of(hand.number) if hand.top is None else hand.top

    def problem(self, problem: Problem) -> None:
        """An issue of the record that is being finished, as a whole."""
        self._note(self.hand.number, self.hand.series.starts[self.hand.number], problem)

    def report(self, units: Units, index: int, which: int, problem: Problem) -> None:
        """An issue at an element of one of the units."""
        self._note(units.owner(which), units.at(which, index), problem)

    def _note(self, record: int, place: int, problem: Problem) -> None:
        if problem.severity == "reject":
            self.hand.rejected.add(record)
        self.hand.found[record].append((self.source.base + place, problem))

    def settle(self, key: str | None) -> None:
        """The record is read: its issues get its number or Ид, and their place: path and line."""
        for token, problem in sorted(self.hand.found.pop(self.hand.number, ()), key=itemgetter(0)):
            path, line = self.source.find(self.top(), token)
            place = f"{'/'.join([*self.above, *path])}, строка {line}"
            self.add(
                "issues",
                tables.issue(
                    problem.message,
                    severity=problem.severity,
                    file=self.file,
                    entity=self.hand.entity,
                    key=key,
                    field=path[-1],
                    place=place,
                    value=problem.value,
                ),
            )

    def places(self) -> list[str]:
        """Where the records at hand stand, for people."""
        return [f"строка {line}" for line in self.source.lines(self.hand.series.starts)]
