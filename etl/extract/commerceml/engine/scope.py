"""What is being read: rows not yet handed out, what the file told so far, the record being finished."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, Protocol

from etl import tables, xml_safe
from etl.values import keys

Row = dict[str, Any]


class Problem(NamedTuple):
    """What is wrong with a value, in Russian. With severity "reject" the whole record is left out."""

    message: str
    value: object = None
    severity: str = "reject"


class Found(NamedTuple):
    """A problem and where it is: the names of the elements down to it, and its line."""

    path: list[str]
    line: int
    problem: Problem


class Hand(Protocol):
    """The record that is being finished, as an engine holds it."""

    entity: str

    @property
    def rejected(self) -> bool:
        """Is the record to be left out?"""
        ...

    def note(self, problem: Problem) -> None:
        """A problem of the record as a whole."""
        ...

    def found(self) -> list[Found]:
        """Its problems in the order of the file, once."""
        ...


@dataclass(slots=True)
class Facts:
    """What a file has told so far that later records refer to."""

    groups: dict[str, str] = field(default_factory=dict)  # Ид of a group -> path
    properties: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)  # Ид -> name, words
    price_types: dict[str, tables.Record] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)  # Ид of a document -> Номер, the last ones only
    ids: set[int] = field(default_factory=set)  # hashes of the ids of documents: a file may hold very many
    repeated: Counter[str] = field(default_factory=Counter)  # id -> further documents that bear it
    seen: set[int] = field(default_factory=set)  # accounts and contacts already handed out


class Scope:
    """One reading of one file.

    `most`: records that are read together; `position`: bytes read, for progress bars.
    """

    def __init__(self, stream: BinaryIO, file: str, most: int = 2000) -> None:
        self.stream = stream
        self.file = file
        self.most = most
        self.handed: Counter[str] = Counter()  # rows that were handed out, by table
        self.hand: Hand  # once a record is begun
        self.start()

    def start(self) -> None:
        """From the beginning of the file. Rows that were handed out before are not handed out again."""
        self.position = 0
        self.rows: defaultdict[str, list[tables.Record]] = defaultdict(list)
        self.size = 0  # rows not yet handed out
        self.counts: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.facts = Facts()
        self.repeated = self.handed.copy()
        self.handed.clear()

    def add(self, table: str, row: tables.Record) -> None:
        """A finished row of a canonical table."""
        self.rows[table].append(row)
        self.size += 1

    def extend(self, table: str, rows: Sequence[tables.Record]) -> None:
        """Finished rows of a canonical table."""
        self.rows[table] += rows
        self.size += len(rows)

    def named(self, identifier: str) -> str:
        """The id of a document: each of a file has one of its own, whatever Ид it bears."""
        mark = hash(identifier)
        if mark not in self.facts.ids:
            self.facts.ids.add(mark)
            return identifier
        repeated = self.facts.repeated
        repeated[identifier] += 1
        place = repeated[identifier] + 1
        return keys.repeated(identifier, place)

    def take(self) -> dict[str, list[tables.Record]]:
        """The rows collected so far; they are handed out once."""
        taken = self.rows
        self.rows = defaultdict(list)
        self.size = 0
        for table, rows in taken.items():
            self.handed[table] += len(rows)
            repeated = min(len(rows), self.repeated[table])
            self.repeated[table] -= repeated
            del rows[:repeated]
        return taken

    @property
    def rejected(self) -> bool:
        """Is the record that is being finished to be left out?"""
        return self.hand.rejected

    def problem(self, problem: Problem) -> None:
        """An issue of the record that is being finished, as a whole."""
        self.hand.note(problem)

    def settle(self, key: str | None) -> None:
        """The record is read: its issues get its number or Ид, and their place: path and line."""
        for path, line, problem in self.hand.found():
            issue = tables.issue(
                problem.message,
                severity=problem.severity,
                file=self.file,
                entity=self.hand.entity,
                key=key,
                field=path[-1],
                place=f"{'/'.join(path)}, строка {line}",
                value=problem.value,
            )
            self.add("issues", issue)

    def leave_out(self, path: list[str], counted: str, line: int) -> None:
        """A record, the last on that path, that may not stand in memory (`xml_safe.MAX_RECORD`): an issue."""
        limit = xml_safe.MAX_RECORD >> 20
        self.counts[counted or "too_long"] += 1
        issue = tables.issue(
            f"Запись длиннее {limit} МБ пропущена. Сократите её в 1С и выгрузите файл заново.",
            file=self.file,
            field=path[-1],
            place=f"{'/'.join(path)}, строка {line}",
            entity=counted or "documents",
        )
        self.add("issues", issue)
