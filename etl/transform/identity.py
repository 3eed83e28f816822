"""Which record of the portal is which record of 1C (DESIGN §5).

Identity is carried by the records themselves: ORIGIN_ID / XML_ID on the portal, Ид in 1C; what the store
remembers (`links`) is a cache of it. ИНН+КПП (for products the article) only *proposes* a pair, equal
candidates are a question to a person, and a name proves nothing: 1C keeps one buyer in several folders, and
two buyers under one name.

A party of the portal is `company_5` or `contact_7`, its foreign id stands in `extra` (originator, origin,
xml_id).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from etl.records import Party, Product
from etl.tables import Record, issue
from etl.transform import cards
from etl.transform.likeness import PARTIES, PRODUCTS, Likeness

#: (portal, onec): a pair that is remembered
Link = tuple[str, str]
#: (portal, onec): what a person said; None beside one = a record of its own
Answer = tuple[str | None, str | None]


class Pair(NamedTuple):
    """A record of the portal and one of 1C. `why`: guid, link or answer of a pair that is known, else the
    reason in Russian.
    """

    portal: str
    onec: str
    why: str


@dataclass(frozen=True, slots=True)
class Matches:
    """What is known of the pairs. `proposed`: one candidate, a person confirms; `ask`: one row per candidate;
    `new_for_portal`, `new_for_1c`: ids without any candidate.
    """

    linked: list[Pair]
    proposed: list[Pair]
    ask: list[Pair]
    new_for_portal: list[str]
    new_for_1c: list[str]
    issues: list[Record]


@dataclass(slots=True)
class _Matching:
    """One matching: records by id on each side, and the pairs made so far (`pairs`: 1C -> pair, `paired`:
    portal -> 1C). `guids`: portal -> Ид of 1C that the record carries; `apart`: told by a person to be
    records of their own; `held`: waiting for an answer, neither matched nor new.
    """

    likeness: Likeness
    portal: Mapping[str, Mapping[str, Any]]
    onec: Mapping[str, Mapping[str, Any]]
    guids: Mapping[str, str]
    pairs: dict[str, Pair] = field(default_factory=dict)
    paired: dict[str, str] = field(default_factory=dict)
    apart: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    asked: list[Pair] = field(default_factory=list)
    proposed: list[Pair] = field(default_factory=list)
    issues: list[Record] = field(default_factory=list)


def match(
    portal: Iterable[Party],
    onec: Iterable[Party],
    links: Iterable[Link],
    answers: Iterable[Answer],
    *,
    originator: str,
) -> Matches:
    """Pairs of parties: by a person's answer, by GUID, by the remembered link; ИНН+КПП proposes; a name
    never.

    Parties inside documents are not looked at. An answer with portal None means "a record of its own, create
    it". `originator` = ORIGINATOR_ID of this 1C base.
    """
    found = _opened(cards.directory(portal), cards.directory(onec), PARTIES, originator)
    return _matched(found, links, answers)


def match_products(
    portal: Iterable[Product],
    onec: Iterable[Product],
    links: Iterable[Link],
    answers: Iterable[Answer],
    *,
    originator: str,
) -> Matches:
    """Pairs of products: xmlId of the portal (`extra`) is Ид of 1C; an equal article only proposes. Else as
    `match`.
    """
    return _matched(_opened(portal, onec, PRODUCTS, originator), links, answers)


def coverage(matches: Matches) -> dict[str, int]:
    """Counts for `obmen24 check`: records of 1C matched by GUID (or an answer), by ИНН, doubtful, unmatched;
    of the portal unmatched.
    """
    return {
        "by_guid": len(matches.linked),
        "by_inn": len(matches.proposed),
        "doubtful": len({pair.onec for pair in matches.ask}),
        "unmatched_1c": len(matches.new_for_portal),
        "unmatched_portal": len(matches.new_for_1c),
    }


def _opened(
    portal: Iterable[Party | Product],
    onec: Iterable[Party | Product],
    likeness: Likeness,
    originator: str,
) -> _Matching:
    """Both sides before the first proof."""
    theirs = {row["id"]: row for row in onec}
    ours = {row["id"]: row for row in portal}
    carried = {key: _carried(row.get("extra") or {}, originator, theirs) for key, row in ours.items()}
    guids = {key: guid for key, guid in carried.items() if guid}
    return _Matching(likeness, ours, theirs, guids)


def _carried(extra: Mapping[str, Any], originator: str, onec: Collection[str]) -> str | None:
    """Ид of 1C that a portal record carries: ORIGIN_ID under our ORIGINATOR_ID, else an XML_ID that 1C
    knows.
    """
    if extra.get("origin") and extra.get("originator") == originator:
        return str(extra["origin"])
    return str(extra["xml_id"]) if extra.get("xml_id") in onec else None


def _matched(found: _Matching, links: Iterable[Link], answers: Iterable[Answer]) -> Matches:
    """The surest proof first: each later one only looks at what is left."""
    for portal, onec in answers:
        _answer(found, portal, onec)
    _by_guid(found)
    for portal, onec in links:
        _link(found, portal, onec)
    _propose(found)
    _ask_about_twins(found)
    return Matches(
        list(found.pairs.values()),
        found.proposed,
        found.asked,
        _left(found, found.onec, found.pairs),
        _left(found, found.portal, found.paired),
        found.issues,
    )


def _pair(found: _Matching, portal: str, onec: str, why: str) -> None:
    """Two records are one."""
    found.pairs[onec] = Pair(portal, onec, why)
    found.paired[portal] = onec


def _ask(found: _Matching, portal: str, onec: str, reason: str) -> None:
    """A person must say whether two records are one: until then neither is matched nor new."""
    found.asked.append(Pair(portal, onec, reason))
    found.held |= {portal, onec}


def _left(found: _Matching, rows: Mapping[str, Mapping[str, Any]], done: Collection[str]) -> list[str]:
    """Records that are neither matched nor waiting; a deleted one is nobody's."""
    free = [key for key in rows if key not in done and key not in found.held]
    return [key for key in free if not rows[key].get("deleted")]


# ---- what proves a pair
def _answer(found: _Matching, portal: str | None, onec: str | None) -> None:
    """What a person said."""
    if portal is None or onec is None:
        found.apart |= {key for key in (portal, onec) if key is not None}
        return
    is_known = portal in found.portal and onec in found.onec
    is_free = portal not in found.paired and onec not in found.pairs
    if is_known and is_free:
        _pair(found, portal, onec, "answer")


def _by_guid(found: _Matching) -> None:
    """The Ид that a card carries; of two cards with one Ид a person must choose, and what becomes of the
    other is a question of its own.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for portal, guid in found.guids.items():
        if guid in found.onec and portal not in found.paired:
            holders[guid].append(portal)
    for guid, portals in holders.items():
        chosen = found.pairs.get(guid)
        if chosen is None and len(portals) == 1:
            _pair(found, portals[0], guid, "guid")
            continue
        for portal in portals:
            if portal not in found.apart:
                _ask(found, portal, guid, _copy(found, portal, chosen, len(portals)))


def _copy(found: _Matching, portal: str, chosen: Pair | None, holders: int) -> str:
    """The words of the question about a card that carries the Ид of another one, too."""
    told = found.likeness.told(found.portal[portal])
    if chosen:
        return f"Карточка носит идентификатор записи 1С, у которой уже есть пара {chosen.portal}: {told}."
    return f"Одна из {holders} карточек портала с одним идентификатором 1С: {told}."


def _link(found: _Matching, portal: str, onec: str) -> None:
    """A remembered pair of two records that are there; where the records themselves say otherwise, it is
    not used and a person is told.
    """
    if portal not in found.portal or onec not in found.onec:
        return
    held = found.pairs.get(onec)
    if (held and held.portal == portal) or {portal, onec} & found.held:
        return
    rival = found.paired.get(portal) or (held.portal if held else None)
    if rival is None:
        _pair(found, portal, onec, "link")
        return
    found.held |= {key for key in (portal, onec) if key not in found.paired and key not in found.pairs}
    found.issues.append(
        issue(
            f"Память связывает {portal} с {onec}, а сами записи с {rival}: связь не использована. "
            "Проверьте обе карточки и ответьте командой obmen24 link.",
            severity="ask",
            key=onec,
            value=portal,
        )
    )


# ---- what only proposes one
def _propose(found: _Matching) -> None:
    """One candidate on both sides is a proposal; several, or doubtful ones, are a question."""
    free = _standing(found, found.portal, found.paired)
    by_key = _grouped(found.likeness, [found.portal[key] for key in free])
    candidates: dict[str, list[str]] = {}
    rivals: dict[str, list[str]] = defaultdict(list)
    for onec in _standing(found, found.onec, found.pairs):
        candidates[onec] = _candidates(found.likeness, by_key, found.onec[onec])
        for portal in candidates[onec]:
            rivals[portal].append(onec)
    for onec, portals in candidates.items():
        for portal in portals:
            is_alone = len(portals) == 1 and len(rivals[portal]) == 1
            _judge(found, portal, onec, is_alone=is_alone)


def _standing(found: _Matching, rows: Mapping[str, Mapping[str, Any]], done: Collection[str]) -> list[str]:
    """What is left and may have a pair."""
    return [key for key in _left(found, rows, done) if key not in found.apart]


def _candidates(
    likeness: Likeness, by_key: Mapping[str, list[Mapping[str, Any]]], own: Mapping[str, Any]
) -> list[str]:
    """Records of the portal that may be this one of 1C."""
    key = likeness.key(own)
    return [row["id"] for row in by_key.get(key or "", ()) if likeness.fits(row, own)]


def _judge(found: _Matching, portal: str, onec: str, *, is_alone: bool) -> None:
    """A candidate becomes a proposal or a question."""
    likeness, mine, theirs = found.likeness, found.portal[portal], found.onec[onec]
    told = f"на портале {likeness.told(mine)}, в 1С {likeness.told(theirs)}"
    command = f"obmen24 link {portal.replace('_', ' ', 1)} {onec}"
    if is_alone and likeness.sure(mine, theirs):
        reason = f"Совпадает {likeness.by}: {told}. Подтвердите: {command}."
        found.proposed.append(Pair(portal, onec, reason))
        found.held |= {portal, onec}
        return
    why = "вид записи различается" if is_alone else "несколько равных кандидатов"
    reason = f"Совпадает {likeness.by}, но {why}: {told}. Укажите верную пару: {command}."
    _ask(found, portal, onec, reason)


def _ask_about_twins(found: _Matching) -> None:
    """A portal record whose key belongs to a matched record of 1C may be a double: sent, it would double or
    join there.
    """
    likeness = found.likeness
    by_key = _grouped(likeness, [found.onec[key] for key in found.pairs])
    for portal in _standing(found, found.portal, found.paired):
        mine = found.portal[portal]
        for theirs in by_key.get(likeness.key(mine) or "", ()):
            if likeness.fits(mine, theirs):
                _ask(found, portal, theirs["id"], _twin(found, mine, theirs))


def _twin(found: _Matching, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """The words of the question about a double."""
    likeness = found.likeness
    return (
        f"Совпадает {likeness.by}, но у записи 1С уже есть пара {found.pairs[theirs['id']].portal}: "
        f"на портале {likeness.told(mine)}, в 1С {likeness.told(theirs)}. "
        "Объедините карточки портала, если это одна и та же запись."
    )


def _grouped(likeness: Likeness, rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Records by what they may be recognised by."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if key := likeness.key(row):
            groups[key].append(row)
    return groups
