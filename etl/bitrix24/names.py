"""Names a person writes in a profile -> ids of this portal: pipelines, stages, fields, users.

Everything is asked in one batch at the start of a run. A name the portal does not know is refused at once,
all problems together, each with its place in the profile and with what the portal does have: an unknown field
in a write would be dropped by the portal without a word (reference bitrix24 §3.1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any

from etl.bitrix24.calls import Command, Refused, rows
from etl.bitrix24.client import Client
from etl.bitrix24.fields import (
    COMPANY,
    CONTACT,
    DEAL,
    INVOICE,
    PortalField,
    enumerated,
    find_field,
    named_fields,
    normal,
    portal_fields,
)
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import paged
from etl.bitrix24.stages import (
    DEAL_STAGES,
    INVOICE_STAGES,
    SOURCES,
    category_of,
    final_stages,
    named_invoice_stages,
    named_stages,
    names_of,
    resolved_stages,
)
from etl.config.profile import Profile
from etl.errors import ConfigError

_TITLES = {DEAL: "сделки", CONTACT: "контакта", COMPANY: "компании", INVOICE: "смарт-счёта"}
#: A moment that no record can have been changed after, in the two forms that filters may honour (bitrix24
#: §3.4).
_FUTURE = {"iso": "2099-01-01T00:00:00+03:00", "plain": "2099-01-01 00:00:00"}
_UNUSED_ID = 2**31 - 2
#: Questions whose refusal is an answer: this form of a moment is not taken.
_OPTIONAL = frozenset({"canary_iso", "canary_plain"})


@dataclass(frozen=True)
class Names:
    """What the names of one profile mean on one portal.

    `stages`: stage id -> name (the profile's spelling where the profile names the stage); `fields`: (entity
    type, the profile's text) -> field; `users`: id -> name; `emails`: e-mail in lower case -> id; `sources`:
    id -> caption; `closed`, `invoice_closed`: id of a final stage -> its semantics (S won, F lost); `zone`:
    of the server, `office`: of the people, whose day a moment is.
    """

    category: int | None
    categories: Mapping[int, str]
    stages: Mapping[str, str]
    closed: Mapping[str, str]
    invoice_stages: Mapping[str, str]
    fields: Mapping[tuple[int, str], PortalField]
    known: Mapping[int, Mapping[str, PortalField]]
    users: Mapping[str, str]
    emails: Mapping[str, str]
    sources: Mapping[str, str]
    zone: tzinfo
    office: tzinfo
    plain_moments: bool = False
    invoice_closed: Mapping[str, str] = field(default_factory=dict)

    def moment(self, value: datetime) -> str:
        """A point in time as this portal's filters take it (bitrix24 §3.4)."""
        local = value.astimezone(self.zone)
        if self.plain_moments:
            return local.strftime("%Y-%m-%d %H:%M:%S")
        return local.isoformat(timespec="seconds")

    def stage(self, stage_id: str | None) -> str | None:
        """Name of a deal's stage as the profile writes it."""
        return None if stage_id is None else self.stages.get(stage_id, stage_id)

    def stage_id(self, name: str, category: int | None = None) -> str | None:
        """Id of the stage with this name in a pipeline (the profile's, if it names one)."""
        where = self.category if category is None else category
        for stage in self._stages_by_name.get(normal(name), ()):
            if where is None or category_of(stage) == where:
                return stage
        return None

    def invoice_stage_id(self, name: str, category: int | None = None) -> str | None:
        """Id of a smart invoice's stage by its name."""
        for stage in self._invoice_stages_by_name.get(normal(name), ()):
            if category is None or f"_{category}:" in stage:
                return stage
        return None

    def field(self, text: str, entity: int = DEAL) -> PortalField:
        """The field that the profile calls `text`. KeyError if the profile never named it."""
        return self.fields[entity, text]

    def found_fields(self, text: str, entity: int) -> list[PortalField]:
        """Fields that a name means: the one the profile resolved, else those of the portal with this code or
        caption.
        """
        known = self.fields.get((entity, text))
        if known is not None:
            return [known]
        key = entity, text
        if key not in self._looked_up:
            self._looked_up[key] = find_field(self.known.get(entity, {}), text)
        return self._looked_up[key]

    def user(self, identifier: Any) -> str | None:
        """Name of a user by id; a hidden or dismissed one has none."""
        return self.users.get(str(identifier)) if identifier else None

    def user_id(self, email: str) -> str | None:
        """Id of a user by e-mail."""
        return self.emails.get(email.strip().lower())

    @cached_property
    def _stages_by_name(self) -> dict[str, list[str]]:
        """Stage as people read it -> its ids: a name may stand in several pipelines."""
        return _by_name(self.stages)

    @cached_property
    def _invoice_stages_by_name(self) -> dict[str, list[str]]:
        """The same of the stages of smart invoices."""
        return _by_name(self.invoice_stages)

    @cached_property
    def _looked_up(self) -> dict[tuple[int, str], list[PortalField]]:
        """What `found_fields` has found: a load asks the same few names for every record."""
        return {}


def _by_name(stages: Mapping[str, str]) -> dict[str, list[str]]:
    """Name in its normal form -> ids of the stages called so, in the order of the portal."""
    found: dict[str, list[str]] = {}
    for stage, name in stages.items():
        found.setdefault(normal(name), []).append(stage)
    return found


def load(client: Client, profile: Profile) -> Names:
    """Ask the portal and resolve every name of the profile.

    Raises ConfigError with all unknown names, TryLater when the portal cannot be reached.
    """
    asked = _questions()
    answers = client.read_batch(asked)
    for key, outcome in answers.items():
        if not outcome.ok and key not in _OPTIONAL:
            raise Refused(asked[key].method, outcome.code, outcome.text)
    found = {key: outcome.result for key, outcome in answers.items() if outcome.ok}
    people = list(paged(client, "user.get", {"sort": "ID", "order": "ASC"}))
    names, problems = _resolved(profile, found, people)
    if problems:
        raise ConfigError(
            f"Профиль {profile.name} называет то, чего нет на портале:",
            "Исправьте профиль или портал и повторите obmen24 check.",
            problems,
        )
    return names


# ---- the questions


def _questions() -> dict[str, Command]:
    asked = {
        "categories": Command("crm.category.list", {"entityTypeId": DEAL}),
        "statuses": Command("crm.status.list", {"order": {"SORT": "ASC"}}),
        "server": Command("server.time", {}),
        "canary_id": _canary({">id": _UNUSED_ID}),
    }
    for form, moment in _FUTURE.items():
        asked[f"canary_{form}"] = _canary({">=updatedTime": moment})
    for kind in _TITLES:
        asked[f"fields{kind}"] = Command("crm.item.fields", {"entityTypeId": kind})
    return asked


def _canary(condition: Mapping[str, Any]) -> Command:
    """A list that must be empty: whether the portal honours a filter at all (bitrix24 §2.4, §3.4)."""
    return Command(
        "crm.item.list",
        {"entityTypeId": DEAL, "select": ["id"], "filter": condition, "order": {"id": "ASC"}, "start": -1},
    )


def _moment_format(found: Mapping[str, Any]) -> str:
    """The form of date and time that this portal's filters honour (bitrix24 §3.4).

    Raises ConfigError when filters do not work at all.
    """
    if rows(found["canary_id"]["items"]):
        raise ConfigError(
            "Портал не применяет отбор по ID: списки прочитать нельзя.", "Обратитесь в поддержку Битрикс24."
        )
    for form in _FUTURE:
        answer = found.get(f"canary_{form}")
        if answer is not None and not rows(answer["items"]):
            return form
    raise ConfigError("Портал не применяет отбор по дате изменения.", "Обратитесь в поддержку Битрикс24.")


# ---- resolving


def _resolved(profile: Profile, found: Mapping[str, Any], people: list[Row]) -> tuple[Names, list[str]]:
    """The names, and what is wrong with the profile, in the order of its sections."""
    problems: list[str] = []
    known = {kind: portal_fields(found[f"fields{kind}"]) for kind in _TITLES}
    categories = {int(row["id"]): str(row["name"]) for row in rows(found["categories"]["categories"])}
    statuses = rows(found["statuses"])
    category = _category(profile, categories, problems)
    plain = _moment_format(found) == "plain"
    deals, invoices = names_of(statuses, DEAL_STAGES), names_of(statuses, INVOICE_STAGES)
    aliases = profile.deals.aliases
    emails = _emails(people)
    names = Names(
        category=category,
        categories=categories,
        plain_moments=plain,
        zone=datetime.fromisoformat(str(found["server"])).tzinfo or UTC,
        office=profile.portal_zone,
        stages=resolved_stages(named_stages(profile, deals), deals, category, aliases, problems),
        closed=final_stages(statuses, DEAL_STAGES),
        invoice_stages=resolved_stages(
            named_invoice_stages(profile, deals), invoices, None, aliases, problems
        ),
        invoice_closed=final_stages(statuses, INVOICE_STAGES),
        fields=_fields(profile, known, problems),
        known=known,
        users={str(user["ID"]): _person(user) for user in people},
        emails=emails,
        sources=names_of(statuses, SOURCES),
    )
    problems += _unknown_managers(profile, emails)
    return names, problems


def _category(profile: Profile, categories: Mapping[int, str], problems: list[str]) -> int | None:
    """The number of the profile's pipeline: named as on the portal, or by that number itself."""
    wanted = profile.deals.pipeline
    if wanted is None:
        return None
    found = [
        number
        for number, name in categories.items()
        if normal(name) == normal(wanted) or str(number) == wanted
    ]
    if len(found) == 1:
        return found[0]
    said = "есть в нескольких экземплярах" if found else "нет на портале"
    problems.append(f"deals.pipeline: воронки «{wanted}» {said}; есть: {enumerated(categories.values())}")
    return None


def _fields(
    profile: Profile, known: Mapping[int, Mapping[str, PortalField]], problems: list[str]
) -> dict[tuple[int, str], PortalField]:
    resolved: dict[tuple[int, str], PortalField] = {}
    for place, text, kind in named_fields(profile):
        found = find_field(known[kind], text)
        if len(found) == 1:
            resolved[kind, text] = found[0]
        elif found:
            codes = enumerated(one.code for one in found)
            problems.append(
                f"{place}: несколько полей {_TITLES[kind]} называются «{text}», укажите код: {codes}"
            )
        else:
            titles = [one.title for one in known[kind].values()]
            close = difflib.get_close_matches(text, titles, n=3)
            hint = f"; похоже на: {enumerated(close)}" if close else ""
            problems.append(
                f"{place}: поля {_TITLES[kind]} «{text}» нет на портале{hint}; есть: {enumerated(titles)}"
            )
    return resolved


def _unknown_managers(profile: Profile, emails: Mapping[str, str]) -> Iterator[str]:
    for name, email in (profile.orders.managers if profile.orders else {}).items():
        if email.strip().lower() not in emails:
            known = enumerated(emails)
            yield f"orders.managers.{name}: сотрудника с e-mail {email} нет на портале; есть: {known}"


def _emails(people: Iterable[Row]) -> dict[str, str]:
    """E-mail in lower case -> id of who works here."""
    found: dict[str, str] = {}
    for user in people:
        if user.get("ACTIVE") not in (False, "N"):
            email = str(user.get("EMAIL") or "").lower()
            found[email] = str(user["ID"])
    return found


def _person(user: Row) -> str:
    """Name of a user; one without a name is called by the e-mail."""
    parts = [str(user[part]) for part in ("NAME", "LAST_NAME") if user.get(part)]
    if parts:
        return " ".join(parts)
    return str(user.get("EMAIL") or f"сотрудник {user['ID']}")
