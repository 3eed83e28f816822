"""What people read on the portal: timeline comments, notifications; and the links and fields a portal needs first.

Facts: reference bitrix24 §4.5 (links), §4.8 (user fields), §4.9 (comments, notifications).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from etl.bitrix24 import writes
from etl.bitrix24.client import Client, Command, rows
from etl.bitrix24.fields import DEAL, MissingField
from etl.bitrix24.writes import New, Outbox, Result, Write

_CLIENT_ID = "obmen24"
_USER_TYPES = {"money": "money", "number": "double", "date": "date", "moment": "datetime", "flag": "boolean"}


@dataclass(frozen=True)
class Comment:
    """A comment in the timeline of `entity` (deal, company, contact, dynamic_31). Two comments of one text are one."""

    key: str
    id: str
    text: str
    entity: str = "deal"


@dataclass(frozen=True)
class Notice:
    """A notification to one employee; `key` becomes its TAG, so it stands there once however often it is sent."""

    key: str
    user: str
    text: str


@dataclass(frozen=True)
class Link:
    """Our own requisite (and bank detail) for a deal or smart invoice: with which organisation it is made."""

    key: str
    id: str
    requisite: str
    bank: str = "0"
    kind: int = DEAL


def comment(client: Client, comments: Sequence[Comment], outbox: Outbox) -> Iterator[Result]:
    """Add comments that are not there yet."""
    known = {one.key: one for one in comments}

    def plan(keys: Sequence[str]) -> list[Write | Result]:
        asked = {f"c{index:02d}": _recent(known[key]) for index, key in enumerate(keys)}
        held = client.read_batch(asked)
        return [
            _comment(known[key], rows(held[name].result) if held[name].ok else [])
            for name, key in zip(asked, keys, strict=True)
        ]

    yield from writes.converge(client, outbox, list(known), plan)


def notify(client: Client, notices: Iterable[Notice], outbox: Outbox) -> Iterator[Result]:
    """Send notifications. Repeating one replaces it."""
    yield from writes.absolute(
        client,
        outbox,
        (
            Write(
                one.key,
                "",
                Command(
                    "im.notify.personal.add",
                    {
                        "USER_ID": one.user,
                        "MESSAGE": one.text,
                        "TAG": f"{_CLIENT_ID}|{one.key}",
                        "CLIENT_ID": _CLIENT_ID,
                    },
                ),
                identify=str,
            )
            for one in notices
        ),
    )


def link(client: Client, links: Iterable[Link], outbox: Outbox) -> Iterator[Result]:
    """Set our own requisites of deals and invoices; the buyer's stay unset."""
    yield from writes.absolute(
        client,
        outbox,
        (
            Write(
                one.key,
                one.id,
                Command(
                    "crm.requisite.link.register",
                    {
                        "fields": {
                            "ENTITY_TYPE_ID": one.kind,
                            "ENTITY_ID": one.id,
                            "REQUISITE_ID": 0,
                            "BANK_DETAIL_ID": 0,
                            "MC_REQUISITE_ID": one.requisite,
                            "MC_BANK_DETAIL_ID": one.bank,
                        }
                    },
                ),
            )
            for one in links
        ),
    )


def create_fields(client: Client, missing: Sequence[MissingField], outbox: Outbox) -> list[Result]:
    """Create user fields of deals, companies and contacts that a profile names and the portal lacks (`obmen24 init --create-fields`).

    Needs an administrator's webhook."""
    by_code = {f"{one.entity}.{one.code}": one for one in missing}
    news = [New(f"userfield/{place}", place, _user_field(one)) for place, one in by_code.items()]

    def find(places: Sequence[str]) -> dict[str, list[str]]:
        held = client.read_batch(
            {
                place: Command(
                    f"crm.{by_code[place].entity}.userfield.list",
                    {"filter": {"FIELD_NAME": by_code[place].code}},
                )
                for place in places
            }
        )
        return {
            place: [
                str(row["ID"]) for row in rows(held[place].result) if row["FIELD_NAME"] == by_code[place].code
            ]
            for place in places
            if held[place].ok
        }

    return writes.create(client, outbox, news, find)


def _recent(one: Comment) -> Command:
    return Command(
        "crm.timeline.comment.list",
        {
            "filter": {"ENTITY_ID": one.id, "ENTITY_TYPE": one.entity},
            "order": {"ID": "DESC"},
            "select": ["ID", "COMMENT"],
        },
    )


def _comment(one: Comment, held: Sequence[dict[str, object]]) -> Write | Result:
    same = next((row for row in held if str(row.get("COMMENT") or "").strip() == one.text.strip()), None)
    if same is not None:
        return Result(one.key, "done", str(same["ID"]))
    fields = {"ENTITY_ID": one.id, "ENTITY_TYPE": one.entity, "COMMENT": one.text}
    return Write(one.key, "", Command("crm.timeline.comment.add", {"fields": fields}), identify=str)


def _user_field(one: MissingField) -> Command:
    labels = {
        key: {"ru": one.title, "en": one.title}
        for key in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")
    }
    return Command(
        f"crm.{one.entity}.userfield.add",
        {
            "fields": {
                "FIELD_NAME": one.code,
                "USER_TYPE_ID": _USER_TYPES.get(one.kind, "string"),
                "LABEL": one.title,
                "SHOW_FILTER": "I",
                "SHOW_IN_LIST": "Y",
                "XML_ID": one.code,
                **labels,
            }
        },
    )
