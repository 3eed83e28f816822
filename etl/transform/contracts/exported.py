"""Deals of an export that a person saved, in the words of the profile (specification 000, "acceptable
variant").
"""

from __future__ import annotations

from collections.abc import Iterable

from etl.config.profile import Profile
from etl.records import Deal
from etl.values import clean


def ours(profile: Profile, exported: Iterable[Deal]) -> list[Deal]:
    """Deals of the profile's pipeline, one per number (a later file wins), their stages by the profile's
    names.

    «Сотрудник ежемесячно выгружает данные из Bitrix24 в Excel»: an export may hold other pipelines, and a
    stage stands in it under whatever caption the portal shows.
    """
    names = stage_names(profile)
    latest = {deal["id"]: deal for deal in exported}
    return [_named(deal, names) for deal in latest.values() if _is_of_pipeline(profile, deal)]


def stage_names(profile: Profile) -> dict[str, str]:
    """Folded caption of a stage, or an alias of it -> the profile's name of the stage."""
    known = [rule.to for rule in profile.rules]
    if profile.billing:
        known += [*profile.billing.stages, profile.billing.terminated_stage]
    names = {clean.fold(stage): stage for stage in known}
    for alias, stage in _aliases(profile):
        names.setdefault(clean.fold(alias), stage)
    return names


def _aliases(profile: Profile) -> list[tuple[str, str]]:
    """(alias, stage) of `[deals.aliases]`."""
    return [(alias, stage) for stage, aliases in profile.deals.aliases.items() for alias in aliases]


def _named(deal: Deal, names: dict[str, str]) -> Deal:
    """A stage that the profile does not know keeps its caption: the register says so beside the deal."""
    return {**deal, "stage": names.get(clean.fold(deal["stage"]), deal["stage"])}


def _is_of_pipeline(profile: Profile, deal: Deal) -> bool:
    """An export without the column of pipelines is taken as it is."""
    wanted = profile.deals.pipeline
    shown = deal["category"]
    if wanted is None or shown is None:
        return True
    return clean.fold(shown) == clean.fold(wanted)
