"""Whether the portal can say of which of our organisations a deal is: asked by `obmen24 check` before
anything is held for want of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from etl.bitrix24 import client as rest
from etl.bitrix24 import directory, values
from etl.bitrix24.fields import DEAL, PortalField
from etl.bitrix24.lists.reading import every
from etl.bitrix24.names import Names
from etl.config.profile import Profile
from etl.extract.bitrix24 import ourselves
from etl.values.organisations import own_organisation


def problems(client: rest.Client, names: Names, profile: Profile) -> list[str]:
    """What keeps one of several organisations from being chosen in a deal, as «place: what is wrong».
    Raises Refused where the portal does not let requisites of deals be read.
    """
    if len(profile.organisations) == 1:
        return []
    field = ourselves.field(names, profile)
    if field is None:
        client.page(
            "crm.requisite.link.list", {"filter": {"ENTITY_TYPE_ID": DEAL}, "order": {"ENTITY_ID": "ASC"}}
        )
    known = _choices(client, profile, field)
    return [] if known is None else list(_missing(profile, field, known))


def _choices(client: rest.Client, profile: Profile, field: PortalField | None) -> set[str] | None:
    """Organisations of the profile that a person can choose in a deal; None for a field that takes any
    text.
    """
    if field is None:
        requisites = directory.own_requisites(client, profile)
        return set(requisites.values())
    if ourselves.is_card(field):
        companies = directory.own_companies(client, profile)
        return set(companies.values())
    if not field.options:
        return None
    meant: set[str] = set()
    for caption in field.options.values():
        own = own_organisation(caption, profile.organisations)
        if own is not None:
            meant.add(own.name)
    return meant


def _missing(profile: Profile, field: PortalField | None, known: set[str]) -> Iterator[str]:
    """One sentence for each organisation that is not among the choices."""
    is_list = field is not None and field.options
    where = f"в списке «{field.title}»" if field is not None and is_list else "среди «моих компаний» портала"
    for own in profile.organisations:
        if own.name not in known:
            mark = f" (ИНН {own.inn})" if own.inn else ""
            yield f"organisations «{own.name}»{mark}: {where} её нет, сделке её не выбрать. Добавьте её туда"


def unnamed(client: rest.Client, names: Names, profile: Profile) -> int:
    """How many deals on the stages that are sent or charged name none of several organisations: they are
    held.
    """
    stages = [stage for name in _stages(profile) if (stage := names.stage_id(name))]
    if len(profile.organisations) == 1 or not stages:
        return 0
    field = ourselves.field(names, profile)
    asked = ["id", field.name] if field else ["id"]
    rows = list(every(client, directory.items(DEAL, {"@stageId": stages}, asked)))
    said = [values.read(field, row.get(field.name), names) if field else None for row in rows]
    own = ourselves.organisations(client, names, profile, [str(row["id"]) for row in rows], said)
    return own.count(None)


def _stages(profile: Profile) -> tuple[str, ...]:
    """Stages on which a deal makes documents."""
    sent = profile.orders.send_stages if profile.orders else ()
    charged = profile.billing.stages if profile.billing else ()
    return (*sent, *charged)
