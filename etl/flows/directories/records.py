"""The words of a directory exchange: a card of 1C, a save of the portal, ids of a record on both sides,
intents in the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from etl import tables
from etl.flows.agreement import Key
from etl.flows.portal.outbox import Intent, StoreOutbox
from etl.flows.run import Record, Run
from etl.values import keys

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
    "legal_city": "город юридического адреса",
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
    "vat_included": "НДС в цене",
}


@dataclass(frozen=True, slots=True)
class Card:
    """What 1C tells of one record. `owner`: id of the company a contact person belongs to; `seq`: moment its
    file was made.
    """

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
    to be taken away.
    """

    key: Key
    values: Record
    id: str | None = None
    before: Record = field(default_factory=dict)
    reasons: Record = field(default_factory=dict)
    file: str | None = None
    owner: str | None = None
    dropped: dict[str, tuple[str, ...]] = field(default_factory=dict)


#: Ending of the key of a creation (`etl.load.bitrix24`): the other parts of a record set values.
_CREATION = "/item"


def intent(key: Key) -> str:
    """Key of a record's intents in the outbox."""
    return ":".join(key)


def onec_id(run: Run, portal: str) -> str:
    """Ид under which a record of the portal (`company_5`, `product_9`) is sent to 1C before 1C has given it
    one of its own.
    """
    return keys.document_id(run.profile.bitrix24.name, portal.partition("_")[0], portal.partition("_")[2])


def onec_ids(run: Run, entity: str, portal_ids: Iterable[str]) -> dict[str, str]:
    """Portal number -> id in 1C: that of the pair, else the one it is sent under. For documents that name
    parties and products.
    """
    wanted = list(portal_ids)
    linked = run.state.links.by_portal(entity, wanted)
    return {
        number: linked[number]["foreign_id"] if number in linked else onec_id(run, f"{entity}_{number}")
        for number in wanted
    }


def portal_ids(run: Run, entity: str, origins: Iterable[str]) -> dict[str, str]:
    """Id in 1C -> portal number of the records that have a pair; a product with a characteristic (`Ид#…`)
    without one is its product.
    """
    wanted = list(origins)
    wholes = [origin.partition("#")[0] for origin in wanted]
    stored = run.state.links.by_foreign(entity, {*wanted, *wholes})
    linked = {origin: row["portal_id"] for origin, row in stored.items() if row["state"] == "linked"}
    found: dict[str, str] = {}
    for origin, whole in zip(wanted, wholes, strict=True):
        number = linked.get(origin) or linked.get(whole)
        if number:
            found[origin] = number
    return found


def outbox(run: Run) -> StoreOutbox:
    """The outbox of directory records. A creation keeps its key for ever, so that its doubt outlives the run;
    other writes set values, and their keys live for one run.
    """

    def noted(key: str) -> Intent:
        creating = key.endswith(_CREATION)
        stored = f"create:{key}" if creating else f"{key}:{run.number}"
        return {
            "key": stored,
            "entity": key.partition(":")[0],
            "entity_key": stored,
            "method": "create" if creating else "update",
            "payload": None,
        }

    return StoreOutbox(run.state, run.number, noted)


def settle(run: Run, pairs: Mapping[str, str]) -> None:
    """Creations without a known outcome whose record has been found on the portal since (`pairs`: id in 1C ->
    card of the portal).
    """
    ours = outbox(run)
    for row in run.state.outbox.listed("new", "doubt", "failed"):
        key = row["key"].removeprefix("create:")
        origin = key.partition(":")[2].removesuffix(_CREATION)
        if row["method"] == "create" and key.endswith(_CREATION) and origin in pairs:
            ours.done(key, pairs[origin].partition("_")[2])


def unlinked(card: Card, what: str) -> Record:
    """An issue about a record of 1C that only a person can tie."""
    return tables.issue(
        f"{what} Свяжите её с карточкой: obmen24 link {card.entity} НОМЕР {card.origin}.",
        severity="warn",
        entity=card.entity,
        key=card.origin,
        file=card.file,
    )
