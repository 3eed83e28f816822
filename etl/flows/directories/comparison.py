"""One directory in one run, as data: what 1C told, what the portal holds, who is who, what a person said.

`Kind` says what differs between parties and products; everything else in this package is functions on a
`Comparison`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from etl.bitrix24.writes import Result
from etl.config.profile import Entity
from etl.flows.agreement import Key, Memory
from etl.flows.directories.records import Card, Save
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.transform.identity import Answer, Link, Matches
from etl.values import clean

Fields = Mapping[str, tuple[str, ...]]
#: the mark for deletion: remembered once it is set, for 1C may take it back without a word
MARK = "deleted"


class Rival(NamedTuple):
    """A card of the portal (`portal`) that may be the record of 1C `origin`, and why only a person can say
    so.
    """

    origin: str
    portal: str
    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What a directory is. Fields by entity: `two_way` both sides may edit, `one_way` only 1C owns, `kept` of
    1C are only remembered, for publications that must repeat them. `heard`: records of 1C read in this run,
    each with its table row (file, version); `read`: the portal's directory, id -> values with `originator`
    and `origin`; `matches`: its pairs with records of 1C; `rivals`: cards of the portal that records without
    a pair may be; `save`: writes, results by `intent(save.key)`;
    `payloads`: changed records -> id in 1C of what is published -> payload.
    """

    scope: str
    two_way: Fields
    one_way: Fields
    kept: Fields
    heard: Callable[[Comparison], Iterator[tuple[Card, Record]]]
    read: Callable[[Comparison], dict[str, Record]]
    matches: Callable[[Comparison, Sequence[Record], Sequence[Link], Sequence[Answer]], Matches]
    rivals: Callable[[Comparison, Sequence[Card]], Iterable[Rival]]
    is_sendable: Callable[[Comparison, str], bool]
    save: Callable[[Comparison, Sequence[Save]], Iterator[Result]]
    payloads: Callable[[Comparison, Mapping[Key, set[str]]], dict[str, Record]]


@dataclass(slots=True)
class Comparison:
    """The state of one exchange of a directory. `path`: the file 1C reads its records from, None where it
    reads none. By id in 1C: `links` of earlier runs, `pairs` of this one (id -> card of the portal), `asked`
    questions. `cards`: what 1C told, by record; `held`: cards of the portal; `people`: company -> its
    contacts; `seen`: what the state remembers of each record told anew; `namesakes`: cards that 1C would take
    for another one, once they were looked for.
    """

    run: Run
    reading: Reading
    kind: Kind
    settings: Mapping[str, Entity]
    path: str | None
    memory: Memory
    links: dict[str, Record]
    answers: Mapping[str, Any]
    cards: dict[Key, Card] = field(default_factory=dict)
    held: dict[str, Record] = field(default_factory=dict)
    people: dict[str, list[str]] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Record] = field(default_factory=dict)
    issues: list[Record] = field(default_factory=list)
    seen: list[Record] = field(default_factory=list)
    namesakes: dict[str, Record] | None = None

    @property
    def moment(self) -> int:
        """The moment of the run in seconds: that of its publications."""
        return int(self.run.clock.now.timestamp())


def opened(
    run: Run, reading: Reading, kind: Kind, settings: Mapping[str, Entity], path: str | None
) -> Comparison:
    """What earlier runs know of a directory, before anything is compared."""
    links: dict[str, Record] = {}
    for entity in settings:
        links |= {row["foreign_id"]: row | {"entity": entity} for row in run.state.links.all(entity)}
    memory = Memory(run.state, settings)
    return Comparison(
        run, reading, kind, settings, path, memory, links, run.state.questions.answers(kind.scope)
    )


# ---- directions
def sends(found: Comparison, entity: str) -> bool:
    """Whether edits of the portal go to 1C in a file of their own."""
    return found.path is not None and found.settings[entity].direction != "to-portal"


def receives(found: Comparison, entity: str) -> bool:
    """Whether edits of 1C go to the portal."""
    return found.settings[entity].direction != "to-1c"


def is_outward(found: Comparison) -> bool:
    """Whether anything of the directory goes to 1C."""
    return any(sends(found, entity) for entity in found.settings)


def remembered(found: Comparison, entity: str) -> tuple[str, ...]:
    """Fields whose agreed value stays in the memory."""
    marks = tuple(column for column in found.kind.one_way[entity] if column == MARK)
    if not sends(found, entity):
        return marks
    return (*found.kind.two_way[entity], *found.kind.kept.get(entity, ()), *marks)


# ---- records
def state_of(found: Comparison, origin: str) -> str | None:
    """The state of the link of a record of 1C: linked, proposed, gone."""
    link = found.links.get(origin)
    return str(link["state"]) if link else None


def is_unconfirmed(found: Comparison, origin: str) -> bool:
    """A record of ours that 1C has not shown yet: its id there may become another."""
    shown = any((entity, origin) in found.cards for entity in found.settings)
    return state_of(found, origin) == "proposed" and not shown


def proposed(found: Comparison) -> list[tuple[str, str]]:
    """Our records that 1C has not shown yet: (the id we gave, card of the portal)."""
    ours = [(origin, card_of(row)) for origin, row in found.links.items() if row["state"] == "proposed"]
    return [(origin, portal) for origin, portal in ours if portal in found.held]


def card_of(link: Record) -> str:
    """The card that a link names, as `company_5`."""
    return f"{link['entity']}_{link['portal_id']}"


def named_alike(found: Comparison, free: Sequence[Card]) -> Iterator[Rival]:
    """We sent a record of that name, and 1C may have answered it with a record of its own: reason enough to
    ask, never to tie (specification 001: «Поиск по названию контрагента не приемлем»). `free`: records of 1C
    without a pair.
    """
    sent: defaultdict[str, list[str]] = defaultdict(list)
    for _, portal in proposed(found):
        sent[clean.fold(found.held[portal].get("name"))].append(portal)
    for card in free:
        name = clean.fold(card.values.get("name"))
        for portal in sent[name] if name else ():
            reason = f"Мы передали в 1С запись с таким же наименованием: {portal}."
            yield Rival(card.origin, portal, reason)


def has_name(found: Comparison, portal: str) -> bool:
    """1C would take a record without a name for another one."""
    return bool(found.held[portal].get("name"))
