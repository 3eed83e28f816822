"""Of which of our organisations a deal is: what 1C says of it into the place that the profile names, the
requisite link or a field (specification 003: «С какой нашей организацией ведется сделка»).
"""

from __future__ import annotations

from typing import Any

from etl import tables
from etl.bitrix24.fields import PortalField
from etl.extract.bitrix24 import ourselves
from etl.flows.portal.writers import change
from etl.flows.run import Record, Run
from etl.records import Deal, Document
from etl.transform.orders import ours
from etl.transform.organisations import own_organisation

FIELD = "organisation"


def said_by(run: Run, order: Document) -> str | None:
    """Our organisation that an order of 1C names, as the profile calls it; None for one it does not know."""
    settings = run.profile.orders
    by = settings.organisations_by if settings else "inn"
    own = ours.organisation(order, run.profile.organisations, by)
    return own.name if own else None


def change_of(run: Run, deal: Deal, name: str | None, reason: str, scope: str) -> list[Record]:
    """The change that makes a deal one of our organisation of this name, where it shows another one. What
    cannot be written is a remark of `scope`.
    """
    if name is None or name == deal["organisation"] or len(run.profile.organisations) == 1:
        return []
    field = ourselves.field(run.portal.names, run.profile)
    place = _linked(run, name) if field is None else _in_field(run, field, name)
    if place is None:
        run.journal.note([_homeless(deal, name, field)], scope)
        return []
    return [change("deal", deal["id"], reason=reason, before=deal["organisation"], **place)]


def _linked(run: Run, name: str) -> Record | None:
    """Our requisite for the link of a deal."""
    own = run.portal.own_requisites.items()
    requisite = next((one for one, known in own if known == name), None)
    if requisite is None:
        return None
    return {"action": "link", "field": FIELD, "after": name, "requisite": requisite}


def _in_field(run: Run, field: PortalField, name: str) -> Record | None:
    """The value of the field that says this organisation: its card, its line of a list, else its name."""
    value: Any = name
    if ourselves.is_card(field):
        own = run.portal.own_companies.items()
        value = next((company for company, known in own if known == name), None)
    elif field.options:
        value = next((caption for caption in field.options.values() if _means(run, caption, name)), None)
    if value is None:
        return None
    text = run.profile.deals.fields[FIELD]
    return {"action": "update", "field": text, "after": value, FIELD: name}


def _means(run: Run, caption: str, name: str) -> bool:
    """Whether a line of a list is our organisation of this name."""
    own = own_organisation(caption, run.profile.organisations)
    return own is not None and own.name == name


def _homeless(deal: Deal, name: str, field: PortalField | None) -> Record:
    """An organisation of 1C for which the portal has no place."""
    where = "среди реквизитов «моих компаний»" if field is None else f"в поле «{field.title}»"
    return tables.issue(
        f"По данным 1С сделка {deal['id']} ведётся от организации «{name}», а {where} портала её нет. "
        "Добавьте её на портал.",
        severity="warn",
        entity="deal",
        key=deal["id"],
        field=FIELD,
        value=name,
    )
