"""`obmen24 link`: a person ties a record of the portal to one of 1C, after everything about the pair was
checked.

One Ид is never tied twice and one card never to two: a pair that stands is parted only when the person says
so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from etl.bitrix24 import client as rest
from etl.bitrix24 import values
from etl.bitrix24.calls import Command
from etl.bitrix24.fields import COMPANY, CONTACT, DEAL
from etl.commands.reach import reachable
from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.state.store import Store

#: Kind as a person names it -> as the state names its links: an order of 1C is tied to a deal.
_KINDS = {
    "company": "company",
    "contact": "contact",
    "product": "product",
    "deal": "document",
    "document": "document",
}
_TYPES = {"company": COMPANY, "contact": CONTACT, "document": DEAL}
_WORDS = {"company": "компания", "contact": "контакт", "product": "товар", "document": "сделка"}
#: Companies and contacts are both контрагенты of 1C: an Ид of one is no Ид of the other.
_ALIKE = {"company": ("company", "contact"), "contact": ("company", "contact")}
_LIVING = ("linked", "proposed")
_REPLACE = "Если новая пара верная, добавьте --replace: прежняя будет разорвана."


@dataclass(frozen=True)
class Linked:
    """A pair that a person has tied; `parted` = records of 1C or the portal that were parted for it."""

    entity: str
    portal_id: str
    onec_id: str
    parted: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Pair:
    """What a person asks to tie."""

    entity: str
    portal_id: str
    onec_id: str

    @property
    def told(self) -> str:
        """The record of the portal as people call it."""
        return f"{_WORDS[self.entity]} {self.portal_id}"


def link(profile: Profile, entity: str, portal_id: str, onec_id: str, *, replace: bool = False) -> Linked:
    """Tie a record of the portal to one of 1C. `entity`: company, contact, product, deal; an order may be
    named by its number. `replace`: part the pairs in which either stands already.

    Raises ConfigError for what is not there or stands in another pair, TryLater while the portal is away or a
    run is under way.
    """
    kind = _kind(entity)
    if not portal_id.isdigit():
        raise ConfigError(f"«{portal_id}» не номер записи портала.", "Номер стоит в адресе её карточки.")
    with (
        reachable(profile) as reached,
        rest.connect(reached.bitrix24, reached.path.parent, None) as client,
        Store.open(reached.state_url, portal=reached.bitrix24.name) as store,
        store.lock(),
    ):
        pair = _Pair(kind, portal_id, _known(store, kind, onec_id.strip()))
        card = _card(client, pair)
        if card is None:
            raise ConfigError(f"На портале нет записи: {pair.told}.", "Проверьте номер в адресе карточки.")
        rivals = list(_rivals(client, store, pair))
        carried = _carried(card, pair, profile.bitrix24.originator)
        if (rivals or carried) and not replace:
            raise ConfigError(_standing(pair, rivals, carried), _REPLACE)
        if carried:
            _mark(client, pair, profile.bitrix24.originator)
        _tie(store, pair, rivals)
    parted = [_other(pair, row) for row in rivals]
    if carried:
        parted.append(carried)
    once = dict.fromkeys(parted)
    return Linked(kind, portal_id, pair.onec_id, tuple(once))


def _kind(entity: str) -> str:
    """The kind of record as the state names it. Raises ConfigError for one that is not exchanged."""
    if entity not in _KINDS:
        known = "company, contact, product, deal (компания, контакт, товар, сделка)"
        raise ConfigError(f"Вид «{entity}» неизвестен.", f"Укажите один из видов: {known}.")
    return _KINDS[entity]


# ---- what 1C has told
def _known(store: Store, kind: str, onec_id: str) -> str:
    """Ид of a record that 1C has told. Raises ConfigError for any other."""
    if onec_id:
        if kind == "document":
            found = _order(store, onec_id)
        else:
            found = onec_id if _is_told(store, kind, onec_id) else None
        if found:
            return found
    raise ConfigError(
        f"1С не сообщала записи с Ид «{onec_id}».",
        "Возьмите Ид из замечания или вопроса обмена (obmen24 ask); новой записи дождитесь из 1С.",
    )


def _order(store: Store, said: str) -> str | None:
    """Ид of an order by itself, or by a number that only one order bears."""
    heads = [row["payload"]["row"] for row in store.files.told_documents()]
    if any(row["id"] == said for row in heads):
        return said
    numbered = [row["id"] for row in heads if said in (row["number"], row["number_1c"])]
    return numbered[0] if len(numbered) == 1 else None


def _is_told(store: Store, kind: str, onec_id: str) -> bool:
    """Whether 1C told a card: in a directory, as a buyer of its documents, or in a question that waits."""
    if store.links.by_foreign(kind, [onec_id]) or store.fields.read(kind, [onec_id]):
        return True
    if store.files.document_versions([f"{kind}:{onec_id}:"]):
        return True
    scope = "products" if kind == "product" else "parties"
    asked = {row["key"] for row in store.questions.open() if row["entity"] == scope}
    if f"record:{onec_id}" in asked:
        return True
    payloads = (row["payload"] for row in store.files.told_documents())
    return kind != "product" and any(
        party["id"] == onec_id for payload in payloads for party in payload["parties"]
    )


# ---- the portal
def _card(client: rest.Client, pair: _Pair) -> Mapping[str, Any] | None:
    """The record as the portal shows it; None where it shows none."""
    outcome = client.read_batch({"card": _question(pair.entity, pair.portal_id)})["card"]
    if not outcome.ok or not isinstance(outcome.result, Mapping):
        return None
    card: Mapping[str, Any] = outcome.result.get("item") or outcome.result.get("product") or {}
    if values.flag(card.get("isMyCompany")):
        raise ConfigError(f"{pair.told} это наша организация.", "Укажите карточку клиента.")
    return card


def _question(kind: str, number: str) -> Command:
    """How the portal is asked for one record."""
    if kind == "product":
        return Command("catalog.product.get", {"id": number})
    return Command("crm.item.get", {"entityTypeId": _TYPES[kind], "id": number})


def _carried(card: Mapping[str, Any], pair: _Pair, originator: str) -> str | None:
    """Another Ид that the record itself carries: it would win over the memory."""
    origin = values.words(card.get("originId"))
    is_ours = values.words(card.get("originatorId")) == originator
    return origin if is_ours and origin != pair.onec_id else None


def _mark(client: rest.Client, pair: _Pair, originator: str) -> None:
    """The record carries the Ид of its new pair."""
    fields = {"originatorId": originator, "originId": pair.onec_id}
    params = {"entityTypeId": _TYPES[pair.entity], "id": pair.portal_id, "fields": fields}
    outcome = client.write_batch({"mark": Command("crm.item.update", params)})["mark"]
    if not outcome.ok:
        raise ConfigError(f"Портал не принял новый внешний код: {outcome.text}.", "Повторите позже.")


# ---- pairs that stand
def _rivals(client: rest.Client, store: Store, pair: _Pair) -> Iterator[dict[str, Any]]:
    """Living links in which the Ид or the record stands with another; a link of a record that the portal no
    longer has is none, nor is one that 1C has not confirmed.
    """
    for kind in _ALIKE.get(pair.entity, (pair.entity,)):
        row = store.links.by_foreign(kind, [pair.onec_id]).get(pair.onec_id)
        is_same = row is not None and (kind, row["portal_id"]) == (pair.entity, pair.portal_id)
        if row is None or is_same or row["state"] not in _LIVING:
            continue
        held = _Pair(kind, row["portal_id"], pair.onec_id)
        if _card(client, held) is not None:
            yield row | {"entity": kind}
    row = store.links.by_portal(pair.entity, [pair.portal_id], "linked").get(pair.portal_id)
    if row is not None and row["foreign_id"] != pair.onec_id:
        yield row | {"entity": pair.entity}


def _standing(pair: _Pair, rivals: list[dict[str, Any]], carried: str | None) -> str:
    """Why a pair cannot be tied (Russian)."""
    others = [_other(pair, row) for row in rivals]
    if carried:
        others.append(f"запись 1С {carried}")
    return f"Уже связаны: {pair.told} или запись 1С {pair.onec_id} и {', '.join(dict.fromkeys(others))}."


def _other(pair: _Pair, row: Mapping[str, Any]) -> str:
    """The side of a standing pair that is not asked to be tied."""
    if row["foreign_id"] == pair.onec_id:
        return f"{_WORDS[row['entity']]} {row['portal_id']}"
    return f"запись 1С {row['foreign_id']}"


def _tie(store: Store, pair: _Pair, rivals: list[dict[str, Any]]) -> None:
    """The pair and what it parts, in one transaction. What 1C told of the record stays wanted: another card
    is to hold it.
    """
    known = store.links.by_foreign(pair.entity, [pair.onec_id]).get(pair.onec_id)
    is_moved = known is not None and known["portal_id"] != pair.portal_id
    with store.transaction():
        for row in rivals:
            store.links.put([row | {"state": "gone"}])
            if row["foreign_id"] != pair.onec_id:
                store.fields.forget(row["entity"], [row["foreign_id"]])
        if is_moved:
            rows = store.fields.read(pair.entity, [pair.onec_id])
            store.fields.write([_wanted(row) for row in rows])
        tied = {"entity": pair.entity, "foreign_id": pair.onec_id, "portal_id": pair.portal_id}
        store.links.put([tied])


def _wanted(row: Mapping[str, Any]) -> dict[str, Any]:
    """A field of which nothing is agreed with the new card: 1C's value waits to be written."""
    value = row["want"] if row["wanting"] else row["base"]
    has_value = row["wanting"] or (row["known"] and value is not None)
    return {**row, "known": False, "base": None, "sent": (), "wanting": has_value, "want": value}
