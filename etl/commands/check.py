"""`obmen24 check`: all findings about a profile at once.

Looked at are the profile itself, what its 1C can tell, the exchange folder and the portal. Nothing is
changed: what must be written to be counted is written into copies.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from etl import pipeline
from etl.bitrix24 import client as rest
from etl.bitrix24 import names
from etl.commands.reach import reachable
from etl.config import capabilities
from etl.config.profile import Profile
from etl.errors import ConfigError, EtlError, TryLater
from etl.extract.bitrix24 import deals
from etl.flows import intake, own_side
from etl.flows.directories import parties
from etl.flows.run import Options

#: «Рекомендуется обновить конфигурацию Управление Торговлей 10.3 до версии 10.3.52.2» (specification 002)
ADVISED = "10.3.52.2"


@dataclass(frozen=True)
class Release:
    """The release of УТ 10.3 that the profile names (None: none), and whether it is older than advised."""

    named: str | None
    advised: str
    is_old: bool


@dataclass(frozen=True)
class Folder:
    """An exchange folder that is there and can be written to."""

    path: Path


@dataclass(frozen=True)
class Portal:
    """A portal that answers and has every name of the profile; `deals` counts those of its pipeline,
    `unnamed` those of them that are held because they name none of our organisations.
    """

    name: str
    deals: int
    unnamed: int = 0


@dataclass(frozen=True)
class Coverage:
    """Parties of 1C that were told so far or wait in the exchange folder, by how they are tied to the portal.

    `by_guid` are tied for good, `by_inn` and `doubtful` wait for a person, `unmatched_portal` are cards that
    1C is not known to have.
    """

    by_guid: int
    by_inn: int
    doubtful: int
    unmatched_1c: int
    unmatched_portal: int


@dataclass(frozen=True)
class Away:
    """What cannot be looked at now; `message` says what and what to do (Russian)."""

    message: str


Told = Release | Folder | Portal | Coverage | Away


@dataclass(frozen=True)
class Check:
    """What was found.

    `wrong` stops the exchange and `gaps` are rules this 1C cannot feed, both as Russian sentences; `told` is
    what was seen, in the order of looking.
    """

    wrong: tuple[str, ...]
    gaps: tuple[str, ...]
    told: tuple[Told, ...]

    @property
    def is_away(self) -> bool:
        """True when portal or folder could not be looked at."""
        return any(isinstance(one, Away) for one in self.told)


@dataclass
class _Findings:
    """A check in the making."""

    wrong: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    @property
    def can_exchange(self) -> bool:
        """Whether nothing seen so far stands against a run, even one on copies."""
        is_away = any(isinstance(one, Away) for one in self.told)
        return not self.wrong and not is_away

    def look(self, step: Callable[[], Told | None]) -> None:
        """Take what a look tells, be it a failure: one that fails does not keep the others from looking."""
        try:
            found = step()
        except TryLater as error:
            found = Away(str(error))
        except ConfigError as error:
            self.wrong += error.problems or [str(error)]
            return
        except EtlError as error:
            self.wrong.append(str(error))
            return
        if found is not None:
            self.told.append(found)


def check(profile: Profile) -> Check:
    """Look at everything that can be looked at. Raises no EtlError: each is a finding."""
    today = dt.datetime.now(dt.UTC).date()
    found = _Findings(wrong=capabilities.contradictions(profile))
    found.look(lambda: _release(profile))
    found.look(lambda: _folder(profile))
    found.look(lambda: _portal(profile))
    if found.can_exchange and "parties" in profile.flows:
        found.look(lambda: coverage(profile))
    gaps = capabilities.gaps(profile, today)
    return Check(
        wrong=tuple(found.wrong),
        gaps=tuple(gaps),
        told=tuple(found.told),
    )


def coverage(profile: Profile) -> Coverage | None:
    """How parties of both sides are tied before any is exchanged; None where they are not exchanged.

    A run on copies takes what waits in the exchange folder. Raises as `pipeline.opened` does.
    """
    plan = Options(dry=True)
    with (
        reachable(profile) as reached,
        pipeline.opened(reached, ("parties",), trigger="check", options=plan) as run,
    ):
        counts = parties.coverage(run, intake.take(run))
    return Coverage(**counts) if counts else None


def _release(profile: Profile) -> Release | None:
    """Only УТ 10.3 has a release to be recommended."""
    if profile.onec.dialect != "ut103":
        return None
    named = profile.onec.release
    is_old = named is not None and _version(named) < _version(ADVISED)
    return Release(named, ADVISED, is_old)


def _version(text: str) -> tuple[int, ...]:
    """A release as numbers that compare; a part that is no number counts as 0."""
    numbers = []
    for part in text.split("."):
        number = int(part) if part.isdigit() else 0
        numbers.append(number)
    return tuple(numbers)


def _folder(profile: Profile) -> Folder:
    """Raises ConfigError for a folder that cannot work, TryLater for a share that is not mounted."""
    folder, sentinel = profile.folder, profile.onec.sentinel
    if not folder.is_dir():
        raise ConfigError("", problems=[f"onec.folder: папки {folder} нет. Создайте её или исправьте путь"])
    if sentinel and not (folder / sentinel).exists():
        raise TryLater(f"Папка обмена не подключена: в ней нет файла {sentinel}.")
    if not os.access(folder, os.W_OK):
        raise ConfigError(
            "", problems=[f"onec.folder: в папку {folder} нельзя писать. Дайте права пользователю обмена"]
        )
    return Folder(folder)


def _portal(profile: Profile) -> Portal:
    """Raises ConfigError with every name of the profile that the portal does not know, TryLater."""
    with (
        reachable(profile) as reached,
        rest.connect(reached.bitrix24, reached.path.parent, None) as client,
    ):
        resolved = names.load(client, reached)
        if wrong := own_side.problems(client, resolved, reached):
            raise ConfigError("", problems=wrong)
        count = len(deals.deal_ids(client, resolved))
        unnamed = own_side.unnamed(client, resolved, reached)
    return Portal(profile.bitrix24.name, count, unnamed)
