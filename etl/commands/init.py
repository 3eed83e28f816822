"""`obmen24 init`: a profile from a sample with the main answers filled in, and what the portal must have for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import ConfigError

if TYPE_CHECKING:
    from etl.bitrix24.client import Client
    from etl.config.profile import Profile

SAMPLES = ("video", "video-bp", "prepaid", "leads", "twoway")
#: key of the profile -> question, default; asked in this order
_QUESTIONS = {
    "bitrix24.name": ("Имя портала (по нему ведутся реестры)", "our-company"),
    "bitrix24.webhook_file": ("Файл с адресом вебхука", "/etc/obmen24/webhook"),
    "onec.folder": ("Папка обмена", "exchange_dir"),
    "organisations.name": ("Наша организация, точно как в 1С", ""),
    "organisations.inn": ("Её ИНН", ""),
}


def samples_folder() -> Path:
    """Where the sample profiles lie: beside the sources, or inside the installed package."""
    for folder in (Path(__file__).parents[2] / "samples" / "profiles", Path(__file__).parents[1] / "samples"):
        if folder.is_dir():
            return folder
    raise ConfigError("Образцы профилей не найдены.", "Переустановите obmen24.")


def questions() -> list[tuple[str, str, str]]:
    """(key, question, default) in the order of asking; the same for every sample."""
    return [(key, text, default) for key, (text, default) in _QUESTIONS.items()]


def create(target: Path, sample: str, answers: Mapping[str, str]) -> str:
    """Write a profile: the sample with its comments, the answers in place, without the sandbox. Never over an existing file."""
    if target.exists():
        raise ConfigError(
            f"Профиль {target.name} уже есть.", "Укажите другое имя: obmen24 --profile новый.toml init."
        )
    text = (samples_folder() / f"{sample}.toml").read_text(encoding="utf-8")
    base = re.search(r'^extends = "(.+)"$', text, re.M)
    if base:
        (target.parent / base[1]).write_text(
            _filled((samples_folder() / base[1]).read_text(encoding="utf-8"), answers), encoding="utf-8"
        )
    target.write_text(_filled(text, answers), encoding="utf-8")
    return f"Записан {target}. Просмотрите строки с пометкой «ВАШЕ», положите адрес вебхука в файл с правами 0600 и выполните obmen24 check."


def _filled(text: str, answers: Mapping[str, str]) -> str:
    text = re.sub(
        r'^sandbox = ".*\n', f'webhook_file = "{answers["bitrix24.webhook_file"]}"\n', text, flags=re.M
    )
    for key, answer in answers.items():
        table, _, name = key.partition(".")
        if answer and name != "webhook_file":
            text = _put(text, table, name, answer)
    return text


def _put(text: str, table: str, name: str, answer: str) -> str:
    """Replace the value of `name` in the first table called so; what is not in this file stays with its base."""
    escaped = answer.replace("\\", "\\\\").replace('"', '\\"')
    pattern = re.compile(rf'(^\[+{table}\]+[^\[]*?^{name} = )"[^"]*"', re.M | re.S)
    return pattern.sub(lambda found: f'{found[1]}"{escaped}"', text, count=1)


def prepare_portal(profile: Profile, *, fields: bool, templates: bool) -> str:
    """Create what the profile expects and the portal lacks. Returns a Russian account."""
    from etl.bitrix24 import client as rest

    said = []
    with rest.connect(profile.bitrix24, profile.path.parent, None) as client:
        if fields:
            said += [_create_fields(client, profile)]
        if templates:
            from etl.load.invoice import upload

            said += [upload.upload(client, profile)]
    return " ".join([*said, "Проверьте: obmen24 check."])


def _create_fields(client: Client, profile: Profile) -> str:
    """Each field is looked up by its code first, so a repeated call makes nothing twice."""
    from etl.bitrix24 import fields
    from etl.flows.portal.outbox import StoreOutbox
    from etl.load.bitrix24 import notes
    from etl.state.store import Store

    missing = fields.missing(client, profile)
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store, store.lock():
        run = store.runs.begin("init", ("create-fields",))
        outbox = StoreOutbox(store, run)
        outbox.note(
            {
                "key": f"userfield/{one.entity}.{one.code}",
                "entity": "userfield",
                "entity_key": f"{one.entity}.{one.code}",
                "method": "userfield",
                "payload": {"title": one.title},
            }
            for one in missing
        )
        results = notes.create_fields(client, missing, outbox)
        store.runs.finish(run, "clean")
    refused = [f"{result.key}: {result.reason}" for result in results if result.status != "done"]
    if refused:
        raise ConfigError(
            "Портал не создал поля:",
            "Нужны права администратора у владельца вебхука; поля можно создать и в портале.",
            refused,
        )
    return f"Создано полей: {len(results)}." if results else "Все поля уже есть."
