"""The words of a directory exchange: a card of 1C, a save of the portal, ids of a record on both sides,
intents in the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from etl import tables
from etl.flows.agreement import Key
from etl.flows.run import Context, Record
from etl.transform.identity import LINK
from etl.values import clean, keys

#: Field -> how people call it.
TITLES = {
    "name": "наименование",
    "full_name": "полное наименование",
    "inn": "ИНН",
    "kpp": "КПП",
    "ogrn": "ОГРН",
    "okpo": "ОКПО",
    "phones": "телефоны",
    "emails": "e-mail",
    "city": "город",
    "legal_address": "юридический адрес",
    "actual_address": "фактический адрес",
    "accounts": "банковские счета",
    "folder_path": "папка 1С",
    "code": "код 1С",
    "deleted": "пометка удаления",
    "last_name": "фамилия",
    "first_name": "имя",
    "middle_name": "отчество",
    "price": "цена продажи",
    "purchasing": "закупочная цена",
}


@dataclass(frozen=True, slots=True)
class Card:
    """What 1C tells of one record. `owner`: id of the company a contact person belongs to; `seq`: moment its
    file was made."""

    entity: str
    origin: str
    values: Record
    owner: str | None = None
    seq: int = 0
    file: str | None = None
    deleted: bool = False

    @property
    def key(self) -> Key:
        return self.entity, self.origin


@dataclass(frozen=True, slots=True)
class Save:
    """One record of the portal to be brought to `values`; without `id` it is created. `dropped`: list values
    to be taken away."""

    key: Key
    values: Record
    id: str | None = None
    before: Record = field(default_factory=dict)
    reasons: Record = field(default_factory=dict)
    file: str | None = None
    owner: str | None = None
    dropped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def intent(key: Key) -> str:
    """Key of a record's intents in the outbox."""
    return ":".join(key)


def onec_id(context: Context, portal: str) -> str:
    """Ид under which a record of the portal (`company_5`, `product_9`) is sent to 1C before 1C has given it
    one of its own."""
    return keys.document_id(context.profile.bitrix24.name, portal.partition("_")[0], portal.partition("_")[2])


def onec_ids(context: Context, entity: str, portal_ids: Iterable[str]) -> dict[str, str]:
    """Portal number -> id in 1C: that of the pair, else the one it is sent under. For documents that name
    parties and products."""
    wanted = list(portal_ids)
    linked = context.store.links.by_portal(entity, wanted)
    return {
        number: linked[number]["foreign_id"] if number in linked else onec_id(context, f"{entity}_{number}")
        for number in wanted
    }


def portal_ids(context: Context, entity: str, origins: Iterable[str]) -> dict[str, str]:
    """Id in 1C -> portal number of the records that have a pair."""
    found = context.store.links.by_foreign(entity, origins)
    return {origin: row["portal_id"] for origin, row in found.items() if row["state"] == "linked"}


class Intents:
    """The outbox of directory records: an intent is noted when it is about to leave. A creation keeps its key
    for ever, so that its doubt outlives the run; other writes set values, and their keys live for one run."""

    def __init__(self, context: Context) -> None:
        self._context, self._store = context, context.store.outbox
        self._open = {
            row["key"]: row
            for row in self._store.listed("new", "sending", "doubt", "failed")
            if row["method"] == "create"
        }

    def _named(self, key: str) -> str:
        return f"create:{key}" if key.endswith("/item") else f"{key}:{self._context.run}"

    def sending(self, *found: str) -> None:
        named = [self._named(key) for key in found]
        fresh = [key for key in named if key not in self._open]
        self._store.put(
            [
                {
                    "key": key,
                    "entity": key.removeprefix("create:").partition(":")[0],
                    "entity_key": key,
                    "payload": None,
                    "method": "create" if key.startswith("create:") else "update",
                }
                for key in fresh
            ],
            self._context.run,
        )
        self._open |= {key: row for key in fresh if (row := self._store.find(key))}
        self._mark([key for key in named if self._open[key]["state"] in ("doubt", "failed")], "new")
        self._mark(named, "sending", attempted_at=self._context.now)

    def done(self, key: str, identifier: str | None) -> None:
        self._mark([self._named(key)], "done", result=identifier)

    def doubt(self, key: str) -> None:
        self._mark([self._named(key)], "doubt")

    def failed(self, key: str, reason: str) -> None:
        self._mark([self._named(key)], "failed", error=reason)

    def again(self, key: str) -> None:
        self._mark([self._named(key)], "new")

    def unsure(self, key: str) -> float | None:
        row = self._open.get(self._named(key))
        return (
            row["attempted_at"].timestamp()
            if row and row["state"] in ("sending", "doubt") and row["attempted_at"]
            else None
        )

    def settle(self, pairs: Mapping[str, str]) -> None:
        """Creations of unknown outcome whose record has been found on the portal since."""
        for key, row in self._open.items():
            origin = key.partition(":")[2].partition(":")[2].removesuffix("/item")
            if row["state"] in ("new", "doubt", "failed") and origin in pairs:
                self._mark([key], "done", result=pairs[origin].partition("_")[2])

    def _mark(self, found: Sequence[str], state: str, *, attempted_at: Any = None, **values: Any) -> None:
        known = [key for key in found if key in self._open]
        self._store.mark([self._open[key]["id"] for key in known], state, **values)
        for key in known:
            self._open[key] |= {"state": state} | ({"attempted_at": attempted_at} if attempted_at else {})


def pair_frame(rows: Sequence[Sequence[str | None]]) -> pd.DataFrame:
    """Links or answers as `transform.identity` takes them."""
    return pd.DataFrame(rows, columns=LINK, dtype=object)


def unlinked(card: Card, what: str) -> Record:
    """An issue about a record of 1C that only a person can tie."""
    return tables.issue(
        f"{what} Свяжите её с карточкой: obmen24 link {card.entity} НОМЕР {card.origin}.",
        severity="warn",
        entity=card.entity,
        key=card.origin,
        file=card.file,
    )


def same_name(left: Record, right: Record) -> bool:
    """Whether two records are called alike: reason enough to ask, never to tie."""
    return bool(right.get("name")) and clean.fold(left.get("name")) == clean.fold(right.get("name"))
