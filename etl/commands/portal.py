"""`obmen24 init --create-fields --templates`: the portal gets what the profile expects of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from etl.bitrix24 import client as rest
from etl.bitrix24 import fields
from etl.bitrix24.client import Client
from etl.bitrix24.fields import MissingField
from etl.bitrix24.writes import Result
from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.flows.portal.outbox import Intent, StoreOutbox
from etl.load.bitrix24 import notes
from etl.load.invoice import upload
from etl.state.store import Store


@dataclass(frozen=True)
class Prepared:
    """What was done on the portal; None for what was not asked for.

    `created` counts new fields; `templates` is the loader's own Russian account of the printed forms.
    """

    created: int | None
    templates: str | None


def prepare(profile: Profile, *, with_fields: bool, with_templates: bool) -> Prepared:
    """Create missing fields and upload printed forms, as asked. Raises ConfigError (rights), TryLater."""
    created = templates = None
    with rest.connect(profile.bitrix24, profile.path.parent, None) as client:
        if with_fields:
            created = _create_fields(client, profile)
        if with_templates:
            templates = upload.upload(client, profile)
    return Prepared(created, templates)


def _create_fields(client: Client, profile: Profile) -> int:
    """How many fields were made.

    Each is looked up by its code first, so a repeated call makes nothing twice.
    """
    missing = fields.missing(client, profile)
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store, store.lock():
        run = store.runs.begin("init", ("create-fields",))
        results = _noted_and_made(client, StoreOutbox(store, run), missing)
        store.runs.finish(run, "clean")
    refused = [f"{result.key}: {result.reason}" for result in results if result.status != "done"]
    if refused:
        raise ConfigError(
            "Портал не создал поля:",
            "Нужны права администратора у владельца вебхука; поля можно создать и в портале.",
            refused,
        )
    return len(results)


def _noted_and_made(client: Client, outbox: StoreOutbox, missing: Sequence[MissingField]) -> list[Result]:
    """Every intent stands in the state before the first request leaves (DESIGN §6)."""
    outbox.note(_intent(one) for one in missing)
    return notes.create_fields(client, missing, outbox)


def _intent(one: MissingField) -> Intent:
    """What stands in the state for a field that is to be made."""
    place = f"{one.entity}.{one.code}"
    return {
        "key": f"userfield/{place}",
        "entity": "userfield",
        "entity_key": place,
        "method": "userfield",
        "payload": {"title": one.title},
    }
