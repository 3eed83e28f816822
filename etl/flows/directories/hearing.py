"""What 1C told of a directory: the newest text of each record, of this run's files, else what waits in the
memory.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from etl.flows.agreement import Key
from etl.flows.directories.comparison import MARK, Comparison, card_of, state_of
from etl.flows.directories.records import Card
from etl.flows.run import Record
from etl.state.columns import encode
from etl.state.files import StoredFile, newer
from etl.transform.agreed import ABSENT


@dataclass(frozen=True, slots=True)
class _Heard:
    """A record of 1C with its place in the memory of documents (`mark`) and its table row."""

    mark: str
    card: Card
    row: Record


def hear(found: Comparison) -> None:
    """Fill `cards` and `seen`. A late file is read, but a record that was told anew since is left out (DESIGN
    §5: staleness is judged per document).
    """
    _recall(found)
    told = [_Heard(_mark(card, row), card, row) for card, row in found.kind.heard(found)]
    ours = [one for one in told if one.card.entity in found.settings]
    known = found.run.state.files.document_versions({one.mark for one in ours})
    files = _files(found)
    for one in ours:
        file = files.get(one.row["file"] or "")
        seen = _seen(one, file, found.run.clock.now)
        if one.mark in known and newer(known[one.mark], seen):
            continue
        known[one.mark] = seen
        found.seen.append(seen | {"hash": _hash(seen)})
        _take(found, one, seen["generated_at"])


def _recall(found: Comparison) -> None:
    """Records without a pair, and those of which nothing is agreed with their card yet, wait whole in the
    memory, because 1C does not tell them twice.
    """
    for key in found.memory:
        is_agreed = any(one.base is not ABSENT for one in found.memory.of(key).values())
        if state_of(found, key[1]) != "linked" or not is_agreed:
            _recall_card(found, key)


def _recall_card(found: Comparison, key: Key) -> None:
    """A record as 1C told it, of what the portal does not hold yet."""
    values = found.memory.wanted(key)
    if values:
        found.cards[key] = Card(*key, values, owner=values.get("owner"))


def recall_lost(found: Comparison) -> None:
    """Records whose card the portal does not show: what 1C told of them stays wanted, and is asked about,
    until the card is there again or a person ties another one. One that 1C has deleted is wanted no more.
    """
    for key in found.memory:
        link = found.links.get(key[1])
        is_lost = link is not None and link["state"] == "linked" and card_of(link) not in found.held
        if not is_lost:
            continue
        if key not in found.cards:
            _recall_card(found, key)
        elif found.cards[key].deleted:
            found.memory.forget(key, found.memory.of(key).keys())


def _mark(card: Card, row: Record) -> str:
    """A record may be told in parts: an item and its prices."""
    return f"{card.entity}:{card.origin}:{row.get('part') or ''}"


def _files(found: Comparison) -> Mapping[str, StoredFile]:
    """The files of this run by name, as the intake noted them."""
    spooled = found.run.state.files.listed("spooled", direction="in")
    return {file.name: file for file in spooled if file.run == found.run.number}


def _seen(one: _Heard, file: StoredFile | None, now: dt.datetime) -> Record:
    """What the state is to remember of the text: a file that does not say when it was made is as young as
    the run.
    """
    made = file.generated_at if file and file.generated_at else now
    return {
        "id": one.mark,
        "version": one.row["version"],
        "generated_at": made,
        "seq": file.seq if file else 0,
        "hash": None,
    }


def _hash(seen: Record) -> str:
    """The same version told at the same moment is the same text."""
    return hashlib.sha256(encode([seen["generated_at"], seen["version"]]).encode()).hexdigest()


def _with_mark(found: Comparison, one: _Heard) -> Record:
    """A record that 1C had marked for deletion and tells again without a mark is no longer marked."""
    card = one.card
    known = found.memory.get(card.key, MARK)
    was_marked = known.base is True
    part = one.row.get("part")
    if part is not None or card.deleted or not was_marked:
        return card.values
    taken_back: Record = {MARK: False}
    return taken_back | card.values


def _take(found: Comparison, one: _Heard, made: dt.datetime) -> None:
    """The parts of a record that one run brings are one card."""
    card = one.card
    if card.deleted and card.origin not in found.links:
        found.memory.forget(card.key, found.memory.of(card.key).keys())
    before = found.cards.get(card.key)
    told = _with_mark(found, one)
    values = before.values | told if before else told
    moment = int(made.timestamp())
    found.cards[card.key] = Card(
        card.entity, card.origin, values, card.owner, moment, one.row["file"], card.deleted
    )
