"""Of which of our organisations deals are: where it stands is the profile's choice (facts: reference bitrix24
§4.4, §4.5).

With `organisation` in [deals.fields] it is that field: a name, an ИНН or a card of one of our own companies.
Without, it is the requisite link of the deal. A deal that names none has none: it is never given the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from etl.bitrix24 import directory, values
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, PortalField
from etl.bitrix24.lists.listing import Listing, Row
from etl.bitrix24.lists.reading import every, of_owners
from etl.bitrix24.names import Names
from etl.config.profile import Profile
from etl.values import clean

#: Up to here the links of single deals are asked; above, the whole list is cheaper.
_MANY = 1000
_LINK = ["ENTITY_ID", "REQUISITE_ID", "MC_REQUISITE_ID"]


def field(names: Names, profile: Profile) -> PortalField | None:
    """The field in which our organisation stands; None where it is the requisite link."""
    text = profile.deals.fields.get("organisation")
    return names.field(text) if text else None


def is_card(one: PortalField) -> bool:
    """Whether a field holds a card of the portal and no text."""
    return one.type.startswith("crm")


def organisations(
    client: Client, names: Names, profile: Profile, deals: Sequence[str], said: Sequence[Any]
) -> list[str | None]:
    """Our organisation of each of the deals by its name in the profile; `said`: what their fields hold. What
    the profile does not know stays as the portal says it.
    """
    one = field(names, profile)
    if one is not None:
        known = _known(profile)
        if is_card(one):
            known |= directory.own_companies(client, profile)
        return [_named(text, known) for text in said]
    if len(profile.organisations) == 1:
        return [profile.organisation.name] * len(deals)
    own = directory.own_requisites(client, profile)
    linked: dict[str, str | None] = {}
    for row in links(client, deals):
        deal, requisite = str(row["ENTITY_ID"]), str(row.get("MC_REQUISITE_ID"))
        linked[deal] = own.get(requisite)
    return [linked.get(deal) for deal in deals]


def _known(profile: Profile) -> dict[str, str]:
    """What people write for our organisations -> their names in the profile."""
    found: dict[str, str] = {}
    for own in profile.organisations:
        written = clean.fold(own.name)
        found[written] = own.name
        if own.inn:
            found[own.inn] = own.name
    return found


def _named(said: Any, known: Mapping[str, str]) -> str | None:
    """What a field says: `5` and `CO_5` are cards of companies. 0 is no card."""
    text = values.identifier(said)
    if text is None:
        return None
    return known.get(clean.fold(text)) or known.get(text.removeprefix("CO_"), text)


def buyers_requisites(client: Client, deals: Iterable[str]) -> dict[str, str]:
    """Deal -> the requisite of its buyer that its link names, of deals that name one (§4.5: 0 is «not
    set»).
    """
    found: dict[str, str] = {}
    for row in links(client, list(deals)):
        requisite = values.identifier(row.get("REQUISITE_ID"))
        if requisite:
            found[str(row["ENTITY_ID"])] = requisite
    return found


def links(client: Client, deals: Sequence[str]) -> Iterator[Row]:
    """Requisite links of these deals, or of all deals where that takes fewer requests (§4.5)."""
    listing = Listing("crm.requisite.link.list", "ENTITY_ID", filter={"=ENTITY_TYPE_ID": DEAL}, select=_LINK)
    if len(deals) > _MANY:
        return every(client, listing)
    return of_owners(client, listing, "@ENTITY_ID", deals)
