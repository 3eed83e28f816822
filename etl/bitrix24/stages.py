"""Stages of the portal: what they are called, and which of them a profile names.

A profile may name a stage by its caption, by an alias or by its id. Facts: reference bitrix24 §4.7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from etl.bitrix24.fields import enumerated, normal
from etl.bitrix24.lists.listing import Row
from etl.config.profile import Profile

#: ENTITY_ID of crm.status.list begins so (bitrix24 §4.7).
DEAL_STAGES, INVOICE_STAGES, SOURCES = "DEAL_STAGE", "SMART_INVOICE_STAGE", "SOURCE"


def category_of(stage_id: str) -> int:
    """Pipeline of a deal's stage id: `C9:NEW` is of pipeline 9, `NEW` of the first one (bitrix24 §4.7)."""
    head, colon, _ = stage_id.partition(":")
    inside = bool(colon) and head.startswith("C") and head[1:].isdigit()
    return int(head[1:]) if inside else 0


def names_of(statuses: Iterable[Row], entity: str) -> dict[str, str]:
    """Id -> name, of one kind of statuses."""
    found: dict[str, str] = {}
    for row in statuses:
        if str(row["ENTITY_ID"]).startswith(entity):
            found[str(row["STATUS_ID"])] = str(row["NAME"])
    return found


def final_stages(statuses: Iterable[Row], entity: str) -> dict[str, str]:
    """Id of a final stage of one kind -> its semantics (bitrix24 §4.7)."""
    found: dict[str, str] = {}
    for row in statuses:
        semantics = row.get("SEMANTICS")
        if semantics in ("S", "F") and str(row["ENTITY_ID"]).startswith(entity):
            found[str(row["STATUS_ID"])] = str(semantics)
    return found


def resolved_stages(
    named: Iterable[tuple[str, str]],
    portal: Mapping[str, str],
    category: int | None,
    aliases: Mapping[str, tuple[str, ...]],
    problems: list[str],
) -> dict[str, str]:
    """Stage id -> name, with the profile's spelling for the stages it names (by name, alias or id)."""
    inside = _of_category(portal, category)
    stages = dict(portal)
    for place, name in dict.fromkeys(named):
        spellings = {normal(text) for text in (name, *aliases.get(name, ()))}
        found = [stage for stage, text in inside.items() if {normal(text), normal(stage)} & spellings]
        if not found:
            problems.append(f"{place}: стадии «{name}» нет на портале; есть: {enumerated(inside.values())}")
        stages |= dict.fromkeys(found, name)
    return stages


def _of_category(portal: Mapping[str, str], category: int | None) -> Mapping[str, str]:
    """Stages of one pipeline, of all where the profile names none."""
    if category is None:
        return portal
    return {stage: name for stage, name in portal.items() if category_of(stage) == category}


def named_stages(profile: Profile, deals: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(place in the profile, stage of a deal)."""
    for index, rule in enumerate(profile.rules):
        yield f"rules[{index}].to", rule.to
        for name in rule.from_:
            yield f"rules[{index}].from", name
    if profile.billing:
        for name in profile.billing.stages:
            yield "billing.stages", name
        yield "billing.terminated_stage", profile.billing.terminated_stage
    if profile.orders:
        for name in profile.orders.send_stages:
            yield "orders.send_stages", name
        if profile.orders.first_stage:
            yield "orders.first_stage", profile.orders.first_stage
    yield from _sending_stages(profile, deals, of_deal=True)


def named_invoice_stages(profile: Profile, deals: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(place in the profile, stage of a smart invoice)."""
    yield from _sending_stages(profile, deals, of_deal=False)
    if profile.orders and profile.orders.invoice_paid_stage:
        yield "orders.invoice_paid_stage", profile.orders.invoice_paid_stage


def _sending_stages(
    profile: Profile, deals: Mapping[str, str], *, of_deal: bool
) -> Iterator[tuple[str, str]]:
    """Stages that send a smart invoice: those of its deal where the portal knows such a stage of deals, else
    its own.
    """
    known = {normal(name) for name in deals.values()}
    for name in profile.orders.invoice_stages if profile.orders else ():
        if (normal(name) in known) is of_deal:
            yield "orders.invoice_stages", name
