"""`obmen24 check`: the profile against the portal, the exchange folder and what this 1C can tell, all findings at once."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.config import capabilities
from etl.config.profile import Profile
from etl.errors import EXIT_CLEAN, EXIT_CONFIG, EXIT_LATER, ConfigError, EtlError, TryLater

if TYPE_CHECKING:
    from etl.bitrix24.client import Client
    from etl.bitrix24.fields import Names

_ADVISED = "10.3.52.2"


@dataclass
class Check:
    """Findings: `wrong` stops the exchange, `gaps` are rules this 1C cannot feed, `told` is what was found in order."""

    wrong: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    later: bool = False

    @property
    def exit_code(self) -> int:
        """2 the profile cannot work, 75 the portal or folder is away, 0 it can."""
        return EXIT_CONFIG if self.wrong else EXIT_LATER if self.later else EXIT_CLEAN

    def json(self) -> str:
        """For a program."""
        return json.dumps(
            {"wrong": self.wrong, "gaps": self.gaps, "told": self.told, "exit": self.exit_code},
            ensure_ascii=False,
            indent=1,
        )

    def text(self) -> str:
        """Russian; the last line says what to do."""
        lines = [
            *(f"  {text}" for text in self.told),
            *(f"  ОШИБКА: {text}" for text in self.wrong),
            *(f"  ПРОБЕЛ: {text}" for text in self.gaps),
        ]
        if self.wrong:
            last = "Исправьте профиль и повторите obmen24 check."
        elif self.later:
            last = "Повторите obmen24 check, когда портал и папка будут доступны."
        else:
            last = (
                "Профиль годится. Посмотрите obmen24 plan."
                if not self.gaps
                else "Профиль годится с оговорками выше. Посмотрите obmen24 plan."
            )
        return "\n".join(["Проверка профиля:", *lines, last])


def check(profile: Profile) -> Check:
    """Look at everything that can be looked at; nothing is changed."""
    result = Check()
    result.wrong += capabilities.contradictions(profile)
    result.gaps += capabilities.gaps(profile, dt.datetime.now(dt.UTC).date())
    result.told += _release(profile)
    _look(result, lambda: _folder(profile, result))
    _look(result, lambda: _portal(profile, result))
    if not result.wrong and not result.later and "parties" in profile.flows:
        _look(result, lambda: result.told.append(_coverage_text(coverage(profile))))
    return result


def _release(profile: Profile) -> list[str]:
    if profile.onec.dialect != "ut103":
        return []
    if profile.onec.release is None:
        return [
            f"Укажите релиз 1С в onec.release. Рекомендуется {_ADVISED}: на более старых обмен может ломаться."
        ]
    older = _version(profile.onec.release) < _version(_ADVISED)
    return [
        f"Релиз 1С {profile.onec.release}"
        + (f": рекомендуется обновить до {_ADVISED}, на старых обмен может ломаться." if older else ".")
    ]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in text.split("."))


def _look(result: Check, step: Any) -> None:
    try:
        step()
    except TryLater as error:
        result.later = True
        result.told.append(str(error))
    except ConfigError as error:
        result.wrong += error.problems or [str(error)]
    except EtlError as error:
        result.wrong.append(str(error))


def _folder(profile: Profile, result: Check) -> None:
    folder = profile.folder
    if not folder.is_dir():
        raise ConfigError("", problems=[f"onec.folder: папки {folder} нет. Создайте её или исправьте путь"])
    if profile.onec.sentinel and not (folder / profile.onec.sentinel).exists():
        raise TryLater(f"Папка обмена не подключена: в ней нет файла {profile.onec.sentinel}.")
    if not os.access(folder, os.W_OK):
        raise ConfigError(
            "", problems=[f"onec.folder: в папку {folder} нельзя писать. Дайте права пользователю обмена"]
        )
    result.told.append(f"Папка обмена: {folder}")


@contextmanager
def portal(profile: Profile) -> Iterator[tuple[Client, Names]]:
    """The profile's portal with its names resolved; for a sandbox profile the embedded one. Raises ConfigError, TryLater."""
    from etl.bitrix24 import client as rest
    from etl.bitrix24 import fields

    if profile.bitrix24.sandbox:
        from etl.sandbox.scene.stage import staged

        with staged(profile) as stage, portal(stage.profile) as found:
            yield found
        return
    with rest.connect(profile.bitrix24, profile.path.parent, None) as client:
        yield client, fields.load(client, profile)


def _portal(profile: Profile, result: Check) -> None:
    from etl.extract.bitrix24 import deals as extract

    with portal(profile) as (client, names):
        count = len(extract.deal_ids(client, names))
        result.told.append(
            f"Портал {profile.bitrix24.name}: все названия профиля найдены, сделок в воронке: {count}."
        )


def coverage(profile: Profile) -> dict[str, int]:
    """Parties of 1C that were told so far or wait in the exchange folder, by how they are tied to the portal: by_guid, by_inn, doubtful,
    unmatched_1c; unmatched_portal = cards that 1C is not known to have. Counted on copies, nothing is changed; {} where not exchanged.
    """
    from etl import pipeline
    from etl.flows import intake
    from etl.flows.directories import parties
    from etl.flows.run import Options

    if profile.bitrix24.sandbox:
        from etl.sandbox.scene.stage import staged

        with staged(profile) as stage:
            return coverage(stage.profile)
    with pipeline.opened(profile, ("parties",), trigger="check", options=Options(dry=True)) as run:
        return parties.coverage(run, intake.take(run))


def _coverage_text(found: dict[str, int]) -> str:
    words = {
        "by_guid": "связаны по GUID или ответу",
        "by_inn": "предложены по ИНН",
        "doubtful": "сомнительны",
        "unmatched_1c": "есть только в 1С",
        "unmatched_portal": "есть только на портале",
    }
    counted = ", ".join(f"{words[name]}: {count}" for name, count in found.items())
    doubtful = found.get("by_inn", 0) + found.get("doubtful", 0)
    return f"Контрагенты: {counted}." + (
        " Сомнительные пары подтвердит человек: obmen24 run, затем obmen24 ask." if doubtful else ""
    )
