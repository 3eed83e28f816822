"""Names a person writes in a profile -> ids of this portal: pipelines, stages, fields, users.

Everything is asked in one batch at the start of a run. A name the portal does not know is refused at once, all problems
together, each with its place in the profile and with what the portal does have: an unknown field in a write would be
dropped by the portal without a word (reference bitrix24 §3.1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from etl.bitrix24.client import Client, Command, Refused, rows
from etl.bitrix24.lists import paged
from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.tables import TABLES

DEAL, CONTACT, COMPANY, INVOICE = 2, 3, 4, 31
_TITLES = {DEAL: "сделки", CONTACT: "контакта", COMPANY: "компании", INVOICE: "смарт-счёта"}
_SHOWN = 40
_FUTURE = {"iso": "2099-01-01T00:00:00+03:00", "plain": "2099-01-01 00:00:00"}


@dataclass(frozen=True, slots=True)
class PortalField:
    """A field of the portal: `name` as crm.item.* call it, `code` as the old methods do, `options` of a list by id."""

    name: str
    code: str
    type: str
    title: str
    multiple: bool = False
    read_only: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    def option(self, caption: str) -> str | None:
        """Id of a list value by its caption."""
        wanted = normal(caption)
        return next((key for key, text in self.options.items() if normal(text) == wanted), None)


@dataclass(frozen=True, slots=True)
class Names:
    """What the names of one profile mean on one portal.

    `stages`: stage id -> name (the profile's spelling where the profile names the stage); `fields`: (entity type, the
    profile's text) -> field; `users`: id -> name; `emails`: e-mail in lower case -> id; `sources`: id -> caption.
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
    plain_moments: bool = False
    invoice_closed: Mapping[str, str] = field(default_factory=dict)

    def moment(self, value: datetime) -> str:
        """A point in time as this portal's filters take it."""
        if self.plain_moments:
            return value.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")
        return value.astimezone(self.zone).isoformat(timespec="seconds")

    def stage(self, stage_id: str | None) -> str | None:
        """Name of a deal's stage as the profile writes it."""
        return None if stage_id is None else self.stages.get(stage_id, stage_id)

    def stage_id(self, name: str, category: int | None = None) -> str | None:
        """Id of the stage with this name in a pipeline (the profile's, if it names one)."""
        where = self.category if category is None else category
        found = [stage for stage, text in self.stages.items() if normal(text) == normal(name)]
        inside = [stage for stage in found if where is None or category_of(stage) == where]
        return inside[0] if inside else None

    def invoice_stage_id(self, name: str, category: int | None = None) -> str | None:
        """Id of a smart invoice's stage by its name."""
        return next(
            (
                stage
                for stage, text in self.invoice_stages.items()
                if normal(text) == normal(name) and (category is None or f"_{category}:" in stage)
            ),
            None,
        )

    def field(self, text: str, entity: int = DEAL) -> PortalField:
        """The field that the profile calls `text`. KeyError if the profile never named it."""
        return self.fields[entity, text]

    def user(self, identifier: Any) -> str | None:
        """Name of a user by id; a hidden or dismissed one has none."""
        return self.users.get(str(identifier)) if identifier else None

    def user_id(self, email: str) -> str | None:
        """Id of a user by e-mail."""
        return self.emails.get(email.strip().lower())


@dataclass(frozen=True, slots=True)
class MissingField:
    """A field that the profile names and the portal lacks: `code` for it, its caption, kind of our column, deal | company | contact."""

    code: str
    title: str
    kind: str
    entity: str = "deal"


_OWNERS = {DEAL: "deal", COMPANY: "company", CONTACT: "contact"}


def missing(client: Client, profile: Profile) -> list[MissingField]:
    """Fields of deals, companies and contacts to be created for a profile; names that look like codes are left to the person."""
    named = list(_named_fields(profile))
    kinds = sorted({kind for _, _, kind in named} & _OWNERS.keys())
    known = {kind: portal_fields(client.read("crm.item.fields", {"entityTypeId": kind})) for kind in kinds}
    found: dict[tuple[int, str], MissingField] = {}
    for place, text, kind in named:
        key = place.rsplit(".", 1)[-1]
        if kind in known and not find_field(known[kind], text) and not text.upper().startswith("UF_"):
            code = f"UF_CRM_OBMEN24_{key.upper()}"[:50]
            found.setdefault((kind, text), MissingField(code, text, _column_kind(key), _OWNERS[kind]))
    return list(found.values())


def _column_kind(key: str) -> str:
    """Kind of value by the key of the profile: a column of deals, else by its ending."""
    column = TABLES["deals"].columns.get(key)
    if column is not None:
        return column.kind
    endings = {
        "_on": "date",
        "_date": "date",
        "_amount": "money",
        "_total": "money",
        "agreed": "money",
        "base": "money",
    }
    return next((kind for ending, kind in endings.items() if key.endswith(ending)), "text")


def normal(text: str) -> str:
    """A name without letter case, ё and extra blanks."""
    return " ".join(text.casefold().replace("ё", "е").split())


def category_of(stage_id: str) -> int:
    """Pipeline of a deal's stage id: `C9:NEW` is of pipeline 9, `NEW` of the first one."""
    head, colon, _ = stage_id.partition(":")
    return int(head[1:]) if colon and head[:1] == "C" and head[1:].isdigit() else 0


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
    known = {kind: portal_fields(found[f"fields{kind}"]) for kind in _TITLES}
    people = list(paged(client, "user.get", {"sort": "ID", "order": "ASC"}))
    emails = {
        str(user.get("EMAIL") or "").lower(): str(user["ID"])
        for user in people
        if user.get("ACTIVE") not in (False, "N")
    }
    return _resolved(profile, found, known, people, emails)


def portal_fields(answer: Any) -> dict[str, PortalField]:
    """Fields of crm.item.fields by their crm.item name."""
    listed = answer.get("fields", answer) if isinstance(answer, Mapping) else {}
    return {
        name: PortalField(
            name=name,
            code=str(info.get("upperName") or name),
            type=str(info.get("type", "string")),
            title=str(info.get("title") or info.get("formLabel") or name),
            multiple=bool(info.get("isMultiple")),
            read_only=bool(info.get("isReadOnly")),
            options={str(item["ID"]): str(item["VALUE"]) for item in rows(info.get("items"))},
        )
        for name, info in listed.items()
        if isinstance(info, Mapping)
    }


_OPTIONAL = frozenset({"canary_iso", "canary_plain"})


def _questions() -> dict[str, Command]:
    asked = {
        "categories": Command("crm.category.list", {"entityTypeId": DEAL}),
        "statuses": Command("crm.status.list", {"order": {"SORT": "ASC"}}),
        "server": Command("server.time", {}),
        "canary_id": _canary({">id": 2**31 - 2}),
        **{f"canary_{form}": _canary({">=updatedTime": moment}) for form, moment in _FUTURE.items()},
    }
    return asked | {f"fields{kind}": Command("crm.item.fields", {"entityTypeId": kind}) for kind in _TITLES}


def _canary(condition: Mapping[str, Any]) -> Command:
    return Command(
        "crm.item.list",
        {"entityTypeId": DEAL, "select": ["id"], "filter": condition, "order": {"id": "ASC"}, "start": -1},
    )


def _resolved(
    profile: Profile,
    found: Mapping[str, Any],
    known: Mapping[int, Mapping[str, PortalField]],
    people: list[dict[str, Any]],
    emails: Mapping[str, str],
) -> Names:
    problems: list[str] = []
    categories = {int(row["id"]): str(row["name"]) for row in rows(found["categories"]["categories"])}
    statuses = rows(found["statuses"])
    category = _category(profile, categories, problems)
    portal = {
        str(row["STATUS_ID"]): str(row["NAME"])
        for row in statuses
        if str(row["ENTITY_ID"]).startswith("DEAL_STAGE")
    }
    invoice = {
        str(row["STATUS_ID"]): str(row["NAME"])
        for row in statuses
        if str(row["ENTITY_ID"]).startswith("SMART_INVOICE_STAGE")
    }
    names = Names(
        category=category,
        categories=categories,
        plain_moments=_moment_format(found) == "plain",
        zone=datetime.fromisoformat(str(found["server"])).tzinfo or UTC,
        stages=_stages(
            [*_named_stages(profile), *_sending_stages(profile, portal, of_deal=True)],
            portal,
            category,
            profile.deals.aliases,
            problems,
        ),
        closed={
            str(row["STATUS_ID"]): str(row["SEMANTICS"])
            for row in statuses
            if row.get("SEMANTICS") in ("S", "F") and str(row["ENTITY_ID"]).startswith("DEAL_STAGE")
        },
        invoice_stages=_stages(
            _named_invoice_stages(profile, portal), invoice, None, profile.deals.aliases, problems
        ),
        invoice_closed={
            str(row["STATUS_ID"]): str(row["SEMANTICS"])
            for row in statuses
            if row.get("SEMANTICS") in ("S", "F") and str(row["ENTITY_ID"]).startswith("SMART_INVOICE_STAGE")
        },
        fields=_fields(profile, known, problems),
        known=known,
        users={str(user["ID"]): _person(user) for user in people},
        emails=emails,
        sources={str(row["STATUS_ID"]): str(row["NAME"]) for row in statuses if row["ENTITY_ID"] == "SOURCE"},
    )
    problems += _managers(profile, emails)
    if problems:
        raise ConfigError(
            f"Профиль {profile.name} называет то, чего нет на портале:",
            "Исправьте профиль или портал и повторите obmen24 check.",
            problems,
        )
    return names


def _moment_format(found: Mapping[str, Any]) -> str:
    """The form of date and time that this portal's filters honour. Raises ConfigError when filters do not work at all."""
    if rows(found["canary_id"]["items"]):
        raise ConfigError(
            "Портал не применяет отбор по ID: списки прочитать нельзя.", "Обратитесь в поддержку Битрикс24."
        )
    for form in _FUTURE:
        answer = found.get(f"canary_{form}")
        if answer is not None and not rows(answer["items"]):
            return form
    raise ConfigError("Портал не применяет отбор по дате изменения.", "Обратитесь в поддержку Битрикс24.")


def _person(user: Mapping[str, Any]) -> str:
    full = " ".join(str(user[part]) for part in ("NAME", "LAST_NAME") if user.get(part))
    return full or str(user.get("EMAIL") or f"сотрудник {user['ID']}")


# ---- what the profile names -----------------------------------------------------------------------------------------


def _named_stages(profile: Profile) -> Iterator[tuple[str, str]]:
    """(place in the profile, stage of a deal)."""
    for index, rule in enumerate(profile.rules):
        yield f"rules[{index}].to", rule.to
        yield from ((f"rules[{index}].from", name) for name in rule.from_)
    if profile.billing:
        yield from (("billing.stages", name) for name in profile.billing.stages)
        yield "billing.terminated_stage", profile.billing.terminated_stage
    if profile.orders:
        yield from (("orders.send_stages", name) for name in profile.orders.send_stages)
        if profile.orders.first_stage:
            yield "orders.first_stage", profile.orders.first_stage


def _sending_stages(
    profile: Profile, deals: Mapping[str, str], *, of_deal: bool
) -> Iterator[tuple[str, str]]:
    """Stages that send a smart invoice: those of its deal where the portal knows such a stage of deals, else its own."""
    known = {normal(name) for name in deals.values()}
    names = profile.orders.invoice_stages if profile.orders else ()
    yield from (("orders.invoice_stages", name) for name in names if (normal(name) in known) is of_deal)


def _named_invoice_stages(profile: Profile, deals: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(place in the profile, stage of a smart invoice)."""
    yield from _sending_stages(profile, deals, of_deal=False)
    if profile.orders and profile.orders.invoice_paid_stage:
        yield "orders.invoice_paid_stage", profile.orders.invoice_paid_stage


def _named_fields(profile: Profile) -> Iterator[tuple[str, str, int]]:
    """(place in the profile, field, entity type)."""
    yield from ((f"deals.fields.{key}", text, DEAL) for key, text in profile.deals.fields.items())
    yield from ((f"results.{key}", text, DEAL) for key, text in profile.results.items())
    if profile.commission:
        yield from (
            (f"commission.{key}", text, DEAL)
            for key in ("agreed", "base")
            if (text := getattr(profile.commission, key))
        )
    if profile.orders:
        yield from ((f"orders.fields.{key}", text, DEAL) for key, text in profile.orders.fields.items())
        if profile.orders.variant_field:
            yield "orders.variant_field", profile.orders.variant_field, DEAL
    for table, kind in (("parties", COMPANY), ("contacts", CONTACT)):
        entity = profile.entities.get(table)  # type: ignore[call-overload]
        if entity is not None:
            yield from ((f"entities.{table}.fields.{key}", text, kind) for key, text in entity.fields.items())


# ---- resolving ------------------------------------------------------------------------------------------------------


def _category(profile: Profile, categories: Mapping[int, str], problems: list[str]) -> int | None:
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
    problems.append(f"deals.pipeline: воронки «{wanted}» {said}; есть: {_listed(categories.values())}")
    return None


def _stages(
    named: Iterable[tuple[str, str]],
    portal: Mapping[str, str],
    category: int | None,
    aliases: Mapping[str, tuple[str, ...]],
    problems: list[str],
) -> dict[str, str]:
    """Stage id -> name, with the profile's spelling for the stages it names."""
    inside = {
        stage: name for stage, name in portal.items() if category is None or category_of(stage) == category
    }
    stages = dict(portal)
    for place, name in dict.fromkeys(named):
        spellings = {normal(text) for text in (name, *aliases.get(name, ()))}
        found = [
            stage for stage, text in inside.items() if normal(text) in spellings or normal(stage) in spellings
        ]
        if not found:
            problems.append(f"{place}: стадии «{name}» нет на портале; есть: {_listed(inside.values())}")
        stages |= dict.fromkeys(found, name)
    return stages


def _fields(
    profile: Profile, known: Mapping[int, Mapping[str, PortalField]], problems: list[str]
) -> dict[tuple[int, str], PortalField]:
    resolved: dict[tuple[int, str], PortalField] = {}
    for place, text, kind in _named_fields(profile):
        found = find_field(known[kind], text)
        if len(found) == 1:
            resolved[kind, text] = found[0]
            continue
        titles = [one.title for one in known[kind].values()]
        close = difflib.get_close_matches(text, titles, n=3)
        hint = f"; похоже на: {_listed(close)}" if close else ""
        if found:
            codes = _listed(one.code for one in found)
            problems.append(
                f"{place}: несколько полей {_TITLES[kind]} называются «{text}», укажите код: {codes}"
            )
        else:
            problems.append(
                f"{place}: поля {_TITLES[kind]} «{text}» нет на портале{hint}; есть: {_listed(titles)}"
            )
    return resolved


def find_field(known: Mapping[str, PortalField], text: str) -> list[PortalField]:
    """Fields with this code (either spelling), else with this caption."""
    by_code = [one for one in known.values() if text in (one.name, one.code) or text.upper() == one.code]
    return by_code[:1] or [one for one in known.values() if normal(one.title) == normal(text)]


def _managers(profile: Profile, emails: Mapping[str, str]) -> Iterator[str]:
    for name, email in (profile.orders.managers if profile.orders else {}).items():
        if email.strip().lower() not in emails:
            yield f"orders.managers.{name}: сотрудника с e-mail {email} нет на портале; есть: {_listed(emails)}"


def _listed(values: Iterable[str]) -> str:
    unique = list(dict.fromkeys(value for value in values if value))
    more = f" и ещё {len(unique) - _SHOWN}" if len(unique) > _SHOWN else ""
    return ", ".join(f"«{value}»" for value in unique[:_SHOWN]) + more
