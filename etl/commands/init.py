"""`obmen24 init`: a profile from a sample with the main answers filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from etl.errors import ConfigError

SAMPLES = ("video", "video-bp", "prepaid", "leads", "twoway")
#: what a person is asked, in this order: key of the profile -> answer where none is given; the same for every
#: sample
ASKED = {
    "bitrix24.name": "our-company",
    "bitrix24.webhook_file": "/etc/obmen24/webhook",
    "onec.folder": "exchange_dir",
    "organisations.name": "",
    "organisations.inn": "",
}
_BASE = re.compile(r'^extends = "(.+)"$', re.M)
_SANDBOX = re.compile(r'^sandbox = ".*\n', re.M)


@dataclass(frozen=True)
class Created:
    """A profile that was written."""

    profile: Path


def create(target: Path, sample: str, answers: Mapping[str, str]) -> Created:
    """Write a profile: a sample with its comments, the answers (keys of `ASKED`) in place, no sandbox.

    A sample that extends another gets its base beside it. Raises ConfigError where the profile exists
    already.
    """
    if target.exists():
        raise ConfigError(
            f"Профиль {target.name} уже есть.", "Укажите другое имя: obmen24 --profile новый.toml init."
        )
    samples = _samples_folder()
    text = (samples / f"{sample}.toml").read_text(encoding="utf-8")
    base = _BASE.search(text)
    if base:
        below = (samples / base[1]).read_text(encoding="utf-8")
        (target.parent / base[1]).write_text(_filled(below, answers), encoding="utf-8")
    target.write_text(_filled(text, answers), encoding="utf-8")
    return Created(target)


def _samples_folder() -> Path:
    """Where the sample profiles lie: beside the sources, or inside the installed package."""
    package = Path(__file__).parents[1]
    for folder in (package.parent / "samples" / "profiles", package / "samples"):
        if folder.is_dir():
            return folder
    raise ConfigError("Образцы профилей не найдены.", "Переустановите obmen24.")


def _filled(text: str, answers: Mapping[str, str]) -> str:
    """A sample with the portal's webhook instead of the sandbox, and the answers that were given."""
    webhook_file = answers["bitrix24.webhook_file"]
    address = f'webhook_file = "{webhook_file}"\n'
    text = _SANDBOX.sub(address, text)
    for key, answer in answers.items():
        table, _, name = key.partition(".")
        if answer and name != "webhook_file":
            text = _put(text, table, name, answer)
    return text


def _put(text: str, table: str, name: str, answer: str) -> str:
    """Replace `name` in the first table called so; what is not in this file stays with its base."""
    escaped = answer.replace("\\", "\\\\").replace('"', '\\"')
    value = re.compile(rf'(^\[+{table}\]+[^\[]*?^{name} = )"[^"]*"', re.M | re.S)

    def put(found: re.Match[str]) -> str:
        before = found[1]
        return f'{before}"{escaped}"'

    return value.sub(put, text, count=1)
