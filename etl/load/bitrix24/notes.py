"""What people read on the portal: timeline comments, notifications; links and fields a portal needs first.

Facts: reference bitrix24 §4.5 (links), §4.8 (user fields), §4.9 (comments, notifications).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from etl.bitrix24 import directory, writes
from etl.bitrix24.calls import Command, Outcome, by_text, grouped, rows
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, MissingField
from etl.bitrix24.lists.listing import Listing, Row
from etl.bitrix24.lists.reading import of_owners
from etl.bitrix24.writes import New, Outbox, Planned, Result, Write

_CLIENT_ID = "obmen24"
#: Kind of our column -> type of a user field (§4.8); other kinds are texts.
_USER_TYPES = {"money": "money", "number": "double", "date": "date", "moment": "datetime", "flag": "boolean"}


@dataclass(frozen=True)
class Comment:
    """A comment in the timeline of `entity` (deal, company, contact, dynamic_31). Two comments of one text
    are one.
    """

    key: str
    id: str
    text: str
    entity: str = "deal"


@dataclass(frozen=True)
class Notice:
    """A notification to one employee; `key` becomes its TAG, so it stands there once however often it is
    sent.
    """

    key: str
    user: str
    text: str


@dataclass(frozen=True)
class Link:
    """Our own requisite for a deal or smart invoice: with which organisation it is made."""

    key: str
    id: str
    requisite: str
    kind: int = DEAL


def comment(client: Client, comments: Sequence[Comment], outbox: Outbox) -> Iterator[Result]:
    """Add comments that are not there yet."""

    def plan(asked: Sequence[Comment]) -> list[Planned]:
        named = {f"c{index:02d}": one for index, one in enumerate(asked)}
        questions = {name: _recent(one) for name, one in named.items()}
        answers = client.read_batch(questions)
        planned: list[Planned] = []
        for name, one in named.items():
            held = _listed(answers[name])
            planned.append(_comment(one, held))
        return planned

    yield from writes.converge(client, outbox, comments, plan)


def notify(client: Client, notices: Iterable[Notice], outbox: Outbox) -> Iterator[Result]:
    """Send notifications. Repeating one replaces it: its TAG is its identity (§4.9)."""
    yield from writes.absolute(client, outbox, map(_notification, notices))


def link(client: Client, links: Iterable[Link], outbox: Outbox) -> Iterator[Result]:
    """Set our own requisites of deals and invoices. A link is one record of six ids (§4.5), so it is read
    first and only our side of it is changed.
    """

    def plan(asked: Sequence[Link]) -> list[Planned]:
        held = {kind: _links_held(client, asked, kind) for kind in {one.kind for one in asked}}
        accounts = directory.grouped(client, directory.banks(), "ENTITY_ID", {one.requisite for one in asked})
        return [_registration(one, held[one.kind].get(one.id, {}), accounts) for one in asked]

    yield from writes.converge(client, outbox, links, plan)


def _links_held(client: Client, links: Sequence[Link], kind: int) -> dict[str, Row]:
    """Deal or invoice -> its link as it stands."""
    listing = Listing("crm.requisite.link.list", "ENTITY_ID", filter={"=ENTITY_TYPE_ID": kind})
    owners = [one.id for one in links if one.kind == kind]
    return by_text(of_owners(client, listing, "@ENTITY_ID", owners), "ENTITY_ID")


def create_fields(client: Client, missing: Sequence[MissingField], outbox: Outbox) -> list[Result]:
    """Create user fields of deals, companies and contacts that a profile names and the portal lacks.

    `obmen24 init --create-fields`; needs an administrator's webhook.
    """
    by_place = {f"{one.entity}.{one.code}": one for one in missing}
    news = [New(f"userfield/{place}", place, _user_field(one)) for place, one in by_place.items()]

    def find(places: Sequence[str]) -> dict[str, list[str]]:
        questions = {place: _user_fields(by_place[place]) for place in places}
        answers = client.read_batch(questions)
        numbers: dict[str, list[str]] = {}
        for place, outcome in answers.items():
            code = by_place[place].code
            numbers[place] = _with_code(code, outcome)
        return numbers

    return writes.create(client, outbox, news, find)


def _with_code(code: str, outcome: Outcome) -> list[str]:
    """Ids of the user fields listed that carry exactly this code, oldest first."""
    by_code = grouped(_listed(outcome), "FIELD_NAME", "ID")
    return [str(row["ID"]) for row in by_code.get(code, [])]


def _listed(outcome: Outcome) -> list[Row]:
    """Rows of an answer; a refusal lists none, and the write that follows tells of it."""
    return rows(outcome.result) if outcome.ok else []


def _recent(one: Comment) -> Command:
    """The newest comments of a timeline."""
    params = {
        "filter": {"ENTITY_ID": one.id, "ENTITY_TYPE": one.entity},
        "order": {"ID": "DESC"},
        "select": ["ID", "COMMENT"],
    }
    return Command("crm.timeline.comment.list", params)


def _comment(one: Comment, held: Sequence[Row]) -> Planned:
    """A comment that the timeline does not have yet."""
    wanted = one.text.strip()
    for row in held:
        text = str(row.get("COMMENT") or "")
        if text.strip() == wanted:
            return Result(one.key, "done", str(row["ID"]))
    fields = {"ENTITY_ID": one.id, "ENTITY_TYPE": one.entity, "COMMENT": one.text}
    command = Command("crm.timeline.comment.add", {"fields": fields})
    return Write(one.key, "", command, identify=str)


def _notification(one: Notice) -> Write:
    """A notification; the portal answers with its id, or with nothing where it was not sent."""
    params = {
        "USER_ID": one.user,
        "MESSAGE": one.text,
        "TAG": f"{_CLIENT_ID}|{one.key}",
        "CLIENT_ID": _CLIENT_ID,
    }
    command = Command("im.notify.personal.add", params)
    return Write(one.key, "", command, accepted=lambda answer: "" if answer else writes.DENIED)


def _registration(one: Link, held: Row, accounts: Mapping[str, Sequence[Row]]) -> Planned:
    """A requisite link: 0 is «not set» (§4.5). Our account is the only one of the requisite, or not set: that
    of another organisation would be refused.
    """
    if str(held.get("MC_REQUISITE_ID")) == one.requisite:
        return Result(one.key, "done", one.id)
    own = [row for row in accounts.get(one.requisite, ()) if row.get("ACTIVE") != "N"]
    fields = {
        "ENTITY_TYPE_ID": one.kind,
        "ENTITY_ID": one.id,
        "REQUISITE_ID": held.get("REQUISITE_ID") or 0,
        "BANK_DETAIL_ID": held.get("BANK_DETAIL_ID") or 0,
        "MC_REQUISITE_ID": one.requisite,
        "MC_BANK_DETAIL_ID": own[0]["ID"] if len(own) == 1 else 0,
    }
    command = Command("crm.requisite.link.register", {"fields": fields})
    return Write(one.key, one.id, command)


def _user_fields(one: MissingField) -> Command:
    """User fields of this code: one, if it is there."""
    params = {"filter": {"FIELD_NAME": one.code}}
    return Command(f"crm.{one.entity}.userfield.list", params)


def _user_field(one: MissingField) -> Command:
    """A field with its caption in the card, in lists and in filters (§4.8)."""
    caption = {"ru": one.title, "en": one.title}
    fields = {
        "FIELD_NAME": one.code,
        "USER_TYPE_ID": _USER_TYPES.get(one.kind, "string"),
        "LABEL": one.title,
        "SHOW_FILTER": "I",
        "SHOW_IN_LIST": "Y",
        "XML_ID": one.code,
        "EDIT_FORM_LABEL": caption,
        "LIST_COLUMN_LABEL": caption,
        "LIST_FILTER_LABEL": caption,
    }
    return Command(f"crm.{one.entity}.userfield.add", {"fields": fields})
