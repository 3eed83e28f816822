"""Fields of the portal: what they are called, which of them a profile names, which of those the portal lacks.

A field has two names (`ufCrm_1747309879` for crm.item.*, `UF_CRM_1747309879` for the old methods) and a
caption; a profile may use any of the three. Facts: reference bitrix24 §3.3, §4.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from etl.bitrix24.calls import rows
from etl.bitrix24.client import Client
from etl.config.profile import Profile
from etl.tables import TABLES

#: entityTypeId of the portal (bitrix24 §4.2).
DEAL, CONTACT, COMPANY, INVOICE = 2, 3, 4, 31
#: Name of the entity inside old methods (crm.deal.userfield.add).
_OLD_NAMES = {DEAL: "deal", COMPANY: "company", CONTACT: "contact"}
#: Ending of a key of the profile -> kind of value, where no column of deals is called so.
_ENDINGS = {
    "_on": "date",
    "_date": "date",
    "_amount": "money",
    "_total": "money",
    "agreed": "money",
    "base": "money",
}
_LONGEST_CODE = 50
#: How many names a message lists.
_SHOWN = 40


@dataclass(frozen=True)
class PortalField:
    """A field of the portal: `name` as crm.item.* call it, `code` as the old methods do, `options` of a list
    by id.
    """

    name: str
    code: str
    type: str
    title: str
    multiple: bool = False
    read_only: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    def option(self, caption: str) -> str | None:
        """Id of a list value by its caption."""
        return self._options_by_caption.get(normal(caption))

    @cached_property
    def _options_by_caption(self) -> dict[str, str]:
        """Caption in its normal form -> id, the first of several called alike."""
        found: dict[str, str] = {}
        for number, caption in self.options.items():
            found.setdefault(normal(caption), number)
        return found


@dataclass(frozen=True, slots=True)
class MissingField:
    """A field that the profile names and the portal lacks: `code` for it, its caption, kind of our column.

    `entity`: deal | company | contact.
    """

    code: str
    title: str
    kind: str
    entity: str = "deal"


def normal(text: str) -> str:
    """A name without letter case, ё and extra blanks."""
    return " ".join(text.casefold().replace("ё", "е").split())


def enumerated(values: Iterable[str]) -> str:
    """Names for a message, each once, not too many."""
    unique = [value for value in dict.fromkeys(values) if value]
    listed = ", ".join(f"«{value}»" for value in unique[:_SHOWN])
    hidden = len(unique) - _SHOWN
    return f"{listed} и ещё {hidden}" if hidden > 0 else listed


def portal_fields(answer: Any) -> dict[str, PortalField]:
    """Fields of crm.item.fields by their crm.item name; `upperName` is the old one (bitrix24 §3.3)."""
    listed = answer.get("fields", answer) if isinstance(answer, Mapping) else {}
    found: dict[str, PortalField] = {}
    for name, info in listed.items():
        if isinstance(info, Mapping):
            found[name] = _portal_field(name, info)
    return found


def _portal_field(name: str, info: Mapping[str, Any]) -> PortalField:
    """A field as crm.item.fields describes it (§3.3); a list names its options in `items`."""
    options: dict[str, str] = {}
    for item in rows(info.get("items")):
        number = str(item["ID"])
        options[number] = str(item["VALUE"])
    title = info.get("title") or info.get("formLabel") or name
    return PortalField(
        name=name,
        code=str(info.get("upperName") or name),
        type=str(info.get("type", "string")),
        title=str(title),
        multiple=bool(info.get("isMultiple")),
        read_only=bool(info.get("isReadOnly")),
        options=options,
    )


def find_field(known: Mapping[str, PortalField], text: str) -> list[PortalField]:
    """Fields with this code (either spelling), else with this caption."""
    for one in known.values():
        if text == one.name or one.code in (text, text.upper()):
            return [one]
    caption = normal(text)
    found: list[PortalField] = []
    for one in known.values():
        if normal(one.title) == caption:
            found.append(one)
    return found


def named_fields(profile: Profile) -> Iterator[tuple[str, str, int]]:
    """(place in the profile, field, entity type) of every field that a profile names."""
    yield from _placed("deals.fields", profile.deals.fields, DEAL)
    yield from _placed("results", profile.results, DEAL)
    commission, orders = profile.commission, profile.orders
    if commission:
        if commission.agreed:
            yield "commission.agreed", commission.agreed, DEAL
        if commission.base:
            yield "commission.base", commission.base, DEAL
    if orders:
        yield from _placed("orders.fields", orders.fields, DEAL)
        if orders.variant_field:
            yield "orders.variant_field", orders.variant_field, DEAL
    parties = profile.entities.get("parties")
    if parties is not None:
        yield from _placed("entities.parties.fields", parties.fields, COMPANY)
    contacts = profile.entities.get("contacts")
    if contacts is not None:
        yield from _placed("entities.contacts.fields", contacts.fields, CONTACT)


def _placed(table: str, named: Mapping[str, str], kind: int) -> Iterator[tuple[str, str, int]]:
    """Fields of one table of the profile with their places in it."""
    for key, text in named.items():
        yield f"{table}.{key}", text, kind


def missing(client: Client, profile: Profile) -> list[MissingField]:
    """Fields of deals, companies and contacts to be created for a profile.

    A name that looks like a code (`UF_…`) is left to the person: it was copied from somewhere.
    """
    named = list(named_fields(profile))
    known: dict[int, dict[str, PortalField]] = {}
    for kind in sorted({kind for _, _, kind in named}):
        answer = client.read("crm.item.fields", {"entityTypeId": kind})
        known[kind] = portal_fields(answer)
    found: dict[tuple[int, str], MissingField] = {}
    for place, text, kind in named:
        is_code = text.upper().startswith("UF_")
        if is_code or find_field(known[kind], text):
            continue
        needed = _missing_field(place, text, kind)
        found.setdefault((kind, text), needed)
    return list(found.values())


def _missing_field(place: str, text: str, kind: int) -> MissingField:
    """A field to be created for the key of the profile at `place`; the portal bounds its code (§4.8)."""
    key = place.rsplit(".", 1)[-1]
    code = f"UF_CRM_OBMEN24_{key.upper()}"
    return MissingField(code[:_LONGEST_CODE], text, _column_kind(key), _OLD_NAMES[kind])


def _column_kind(key: str) -> str:
    """Kind of value by the key of the profile: a column of deals, else by its ending."""
    column = TABLES["deals"].columns.get(key)
    if column is not None:
        return column.kind
    for ending, kind in _ENDINGS.items():
        if key.endswith(ending):
            return kind
    return "text"
