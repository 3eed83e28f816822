"""Records that one side has and the other has not: cards to be created, and records of the portal that 1C is
told for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable

from etl.flows.agreement import Key
from etl.flows.directories.comparison import Comparison, card_of, receives, sends, state_of
from etl.flows.directories.journal import step
from etl.flows.directories.records import Card, Save, onec_id, unlinked
from etl.transform import agreed

_GONE = "Карточку этой записи 1С на портале удалили или объединили с другой, заново она не создаётся."
_BARRED = "Записи 1С нет на портале, а создавать записи профиль не разрешает."


def on_portal(found: Comparison) -> list[Save]:
    """Cards to be created for records of 1C that have none. All that 1C told of them waits in the memory
    until they stand, because 1C does not tell it twice.
    """
    saves: list[Save] = []
    for card in _unmatched(found):
        if card.origin not in found.asked and _is_creatable(found, card):
            saves.append(Save(card.key, card.values, file=card.file, owner=card.owner))
    return saves


def _unmatched(found: Comparison) -> list[Card]:
    """Cards without a pair, those of questions too, companies before their people."""
    free: list[Card] = []
    for entity in found.settings:
        if receives(found, entity):
            free += [card for card in found.cards.values() if card.entity == entity and _is_free(found, card)]
    for card in free:
        _wait(found, card)
    gone = [card for card in free if _is_gone(found, card)]
    found.issues += [unlinked(card, _GONE) for card in gone]
    return [card for card in free if not _is_gone(found, card)]


def _is_gone(found: Comparison, card: Card) -> bool:
    """It had a card once. One of several cards that a question is about is not gone."""
    return state_of(found, card.origin) == "linked" and card.origin not in found.asked


def _wait(found: Comparison, card: Card) -> None:
    """All that 1C told of a record waits in the memory."""
    for column, value in card.values.items():
        found.memory.want(card.key, column, value)
    if card.owner:
        found.memory.want(card.key, "owner", card.owner)


def _is_free(found: Comparison, card: Card) -> bool:
    """A record of 1C without a pair; a deleted one gets no card."""
    return card.origin not in found.pairs and not card.deleted


def _is_creatable(found: Comparison, card: Card) -> bool:
    """Where the profile lets records be created, and 1C gave them a name."""
    if not found.settings[card.entity].create:
        found.issues.append(unlinked(card, _BARRED))
        return False
    return bool(card.values.get("name") or card.values.get("last_name"))


def in_1c(found: Comparison, portals: Iterable[str]) -> dict[Key, set[str]]:
    """Cards (`portals`) that 1C has not been told of: their id there is ours until 1C answers. Out: record ->
    fields handed over.
    """
    told = {card_of(row) for row in found.links.values() if row["state"] in ("proposed", "linked")}
    fresh: dict[Key, set[str]] = {}
    for portal in portals:
        if portal not in told and _is_sendable(found, portal):
            key = portal.partition("_")[0], onec_id(found.run, portal)
            found.pairs[key[1]] = portal
            found.links[key[1]] = _link(key, portal)
            fresh[key] = _hand_over(found, key, portal)
    return fresh


def _is_sendable(found: Comparison, portal: str) -> bool:
    """Where the profile lets records be created in 1C, and it would not take this one for another."""
    entity = portal.partition("_")[0]
    if not sends(found, entity) or not found.settings[entity].create:
        return False
    return found.kind.is_sendable(found, portal)


def _link(key: Key, portal: str) -> dict[str, str]:
    """The pair of a record that 1C has not shown yet."""
    return {
        "entity": key[0],
        "foreign_id": key[1],
        "portal_id": portal.partition("_")[2],
        "state": "proposed",
    }


def _hand_over(found: Comparison, key: Key, portal: str) -> set[str]:
    """Everything the card holds is sent, nothing is agreed yet; what it lacks is known to be empty on both
    sides.
    """
    held = found.held[portal]
    filled = {column: held[column] for column in found.kind.two_way[key[0]] if held.get(column) is not None}
    for column in found.kind.two_way[key[0]]:
        is_filled = column in filled
        known = agreed.published(filled[column], found.moment) if is_filled else agreed.EMPTY
        found.memory.set(key, column, known)
    steps = [
        step(found, key, "to-1c", column, None, value, "записи не было в 1С", found.path)
        for column, value in filled.items()
    ]
    found.run.journal.tell(steps)
    return set(filled)
