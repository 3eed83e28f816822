"""Who is who: records of 1C and cards of the portal in pairs, and questions about those that only a person
can tie.

Parties match by GUID; ИНН only proposes; equal candidates go to the ask-list; never by name (DESIGN §5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from etl import tables
from etl.flows.directories.comparison import Comparison, card_of, is_outward, proposed
from etl.flows.directories.records import Card
from etl.flows.run import Record
from etl.transform.comparison import told
from etl.transform.identity import Answer, Matches

_STUB = ("kind", "inn", "kpp", "name", "article")


def pair(found: Comparison) -> Matches:
    """Fill `pairs`, `asked` and `issues`; what is new on either side is in the result."""
    links = [(card_of(row), origin) for origin, row in found.links.items() if _ties(row)]
    onec = [_of_card(card) for card in found.cards.values()]
    shown = {row["id"] for row in onec}
    onec += [_stub(found, portal, origin) for portal, origin in _known(found) if origin not in shown]
    matches = found.kind.matches(found, onec, links, _answered(found.answers))
    found.pairs |= {pair.onec: pair.portal for pair in matches.linked}
    found.issues += matches.issues
    _ask(found, matches)
    taken = _candidates(found) | set(found.pairs.values())
    found.pairs |= {origin: portal for origin, portal in proposed(found) if portal not in taken}
    return matches


def _ties(link: Record) -> bool:
    """A link that a person parted, or that only asks, ties nothing."""
    return link["state"] in ("linked", "proposed") and bool(link["portal_id"])


def _of_card(card: Card) -> Record:
    """A record of 1C as matching takes it: one that does not say what it is counts as a person."""
    kind = card.values.get("kind") or "person"
    return {"id": card.origin, "deleted": card.deleted or None, "kind": kind, **card.values}


def _stub(found: Comparison, portal: str, origin: str) -> Record:
    """A record that 1C has although this run's files do not hold it, as the portal knows it."""
    held = found.held[portal]
    return {"id": origin, **{column: held.get(column) for column in _STUB}}


def _known(found: Comparison) -> Iterator[tuple[str, str]]:
    """Pairs told by the portal itself or remembered."""
    originator = found.run.profile.bitrix24.originator
    own = {
        portal: row["origin"]
        for portal, row in found.held.items()
        if row.get("origin") and row.get("originator") == originator
    }
    yield from own.items()
    for origin, row in found.links.items():
        portal = card_of(row)
        if row["state"] == "linked" and portal in found.held and portal not in own:
            yield portal, origin


# ---- questions
def _answered(answers: Mapping[str, Any]) -> list[Answer]:
    """What people said: (card, record of 1C); None beside one of them = it is a record of its own."""
    rows: list[Answer] = []
    for key, answer in answers.items():
        kind, _, subject = key.partition(":")
        if kind == "record":
            rows.append((answer.get("id"), subject))
        elif kind == "twin" and answer.get("id") is None:
            rows.append((subject, None))
    return rows


def _ask(found: Comparison, matches: Matches) -> None:
    """Candidates of records without a pair, and cards that look like a record that has one."""
    for portal, origin, reason in (*matches.proposed, *matches.ask):
        if origin not in found.pairs:
            _candidate(found, origin, portal, reason)
        elif is_outward(found):
            ask(found, f"twin:{portal}", f"{reason} Отдельная запись: ответьте 0.", [])
    apart = {key.partition(":")[2] for key, answer in found.answers.items() if answer.get("id") is None}
    settled = found.pairs.keys() | found.asked.keys() | apart
    free = [card for card in found.cards.values() if card.origin not in settled]
    for rival in found.kind.rivals(found, free):
        _candidate(found, *rival)


def _candidate(found: Comparison, origin: str, portal: str, reason: str) -> None:
    """One more card that a record of 1C may be."""
    if origin not in found.asked:
        text = (
            f"Запись 1С {told(_told_by_1c(found, origin, portal), origin)}: какая карточка портала ей "
            "соответствует? 0 = никакая, это отдельная запись."
        )
        found.asked[origin] = {"text": text, "candidates": []}
    row = found.asked[origin]
    row["candidates"].append({"id": portal, "text": reason})
    ask(found, f"record:{origin}", row["text"], row["candidates"])


def _told_by_1c(found: Comparison, origin: str, portal: str) -> Record:
    """What 1C told of a record in this run, else what a card that carries its Ид holds."""
    told = [found.cards[entity, origin] for entity in found.settings if (entity, origin) in found.cards]
    return told[0].values if told else found.held[portal]


def _candidates(found: Comparison) -> set[str]:
    """Cards that some question names: they wait for its answer."""
    return {one["id"] for row in found.asked.values() for one in row.get("candidates", ())}


def ask(found: Comparison, key: str, text: str, candidates: list[Record]) -> None:
    """Something only a person can answer."""
    question = {"key": key, "entity": found.kind.scope, "text": text, "candidates": candidates}
    found.run.state.questions.ask([question], found.run.number)
    found.asked.setdefault(key, {})


def settle_questions(found: Comparison) -> None:
    """Questions that nobody needs any more are withdrawn; open ones are told in the account of the run."""
    scope = found.kind.scope
    mine = [row for row in found.run.state.questions.open() if row["entity"] == scope]
    found.run.state.questions.withdraw(row["key"] for row in mine if row["key"] not in found.asked)
    for row in mine:
        if row["key"] in found.asked:
            subject = row["key"].partition(":")[2]
            found.issues.append(tables.issue(row["text"], severity="ask", entity=scope, key=subject))
