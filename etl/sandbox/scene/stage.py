"""The scene of a rehearsal: the embedded portal, the model of 1C and the clock both live by.

Whatever runs the product on this scene is above it: a rehearsal, a check, a test. Portal and 1C keep their
memory under the profile's state folder, so every rehearsal goes on where the last one stopped.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.sandbox.onec.base import OneC, Session
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene import surveillance, trades

SEEDS: dict[str, Callable[[dt.date], dict[str, Any]]] = {
    "video": surveillance.video,
    "prepaid": trades.prepaid,
    "leads": trades.leads,
    "twoway": trades.twoway,
}
#: requests a second and in one go: the embedded portal must not slow a rehearsal down
_RATE, _BURST = 1000.0, 1000


class Clock:
    """The moment on the scene: never earlier than the real one, and later with every step."""

    def __init__(self, start: dt.datetime) -> None:
        self.moment = start

    def tick(self) -> dt.datetime:
        """A minute passes; gives the new moment."""
        self.moment += dt.timedelta(minutes=1)
        return self.moment


@dataclass
class Stage:
    """The profile with a webhook (of the embedded portal), both sides, and a clock that only moves on."""

    profile: Profile
    portal: Portal
    onec: OneC
    clock: Clock
    memory: dict[str, Any]
    """What people have done so far, by kind of act; remembered between rehearsals."""

    def session(self) -> Session:
        """One exchange session of 1C, a minute later than whatever happened before."""
        self.clock.tick()
        return self.onec.session()


@contextmanager
def staged(
    profile: Profile, *, now: dt.datetime | None = None, seed: dict[str, Any] | None = None
) -> Iterator[Stage]:
    """The scene of a profile that says `sandbox`, from `now` (else the real moment) on.

    `seed` replaces the demo data of a portal that has no state yet.
    Raises ConfigError where the profile has no sandbox or has already worked with a real portal.
    """
    kind = profile.bitrix24.sandbox
    if kind is None:
        raise ConfigError(
            "В профиле нет настройки bitrix24.sandbox.", "Репетиция идёт только на учебном портале."
        )
    data = _data_folder(profile)
    notes = data / "rehearsal.json"
    memory = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    clock = Clock(_start(memory, now or dt.datetime.now(dt.UTC)))
    zone = ZoneInfo(profile.onec.time_zone)
    today = clock.moment.astimezone(zone).date()
    with _portal(data, seed or SEEDS[kind](today), clock) as portal:
        onec = _onec(profile, data, clock, zone)
        try:
            yield Stage(_connected(profile, portal, data), portal, onec, clock, memory)
        finally:
            onec.release()
            kept = memory | {"moment": clock.moment.isoformat()}
            notes.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")


def _data_folder(profile: Profile) -> Path:
    """Where portal and 1C remember.

    A profile with a state but without this folder has worked with a real portal: refused.
    """
    data = profile.state_folder / "sandbox"
    worked = (profile.state_folder / "state.sqlite").exists()
    if worked and not data.is_dir():
        raise ConfigError(
            "По этому профилю уже работали с настоящим порталом.",
            "Репетируйте на копии профиля в другой папке и с другой папкой обмена ([onec] folder).",
        )
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data


def _start(memory: dict[str, Any], real: dt.datetime) -> dt.datetime:
    """The scene's time never goes back: a rehearsal begins no earlier than the last one ended."""
    if "moment" not in memory:
        return real
    ended = dt.datetime.fromisoformat(memory["moment"])
    return max(real, ended)


def _portal(data: Path, seed: dict[str, Any], clock: Clock) -> Portal:
    """The embedded portal on the scene's clock."""

    def moment() -> float:
        return clock.moment.timestamp()

    return Portal(data=data / "portal", seed=seed, rate=_RATE, burst=_BURST, clock=moment)


def _onec(profile: Profile, data: Path, clock: Clock, zone: ZoneInfo) -> OneC:
    """The model of 1C at the profile's exchange folder.

    Like any 1C it knows only the time of its own zone.
    """

    def wall() -> dt.datetime:
        """The clock on the wall of the office, as 1C writes times: local, without a zone."""
        return clock.moment.astimezone(zone).replace(tzinfo=None, microsecond=0)

    return OneC(
        profile.onec.dialect,
        profile.folder,
        data=data / "onec",
        extended=profile.onec.extended,
        now=wall,
        organisation=profile.organisation.name,
    )


def _connected(profile: Profile, portal: Portal, data: Path) -> Profile:
    """The same profile on the embedded portal; the webhook goes through a private file, as on a real one."""
    secret = data / "webhook"
    private = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(private, "w") as file:
        file.write(portal.webhook)
    address = profile.bitrix24.model_copy(
        update={"sandbox": None, "webhook_file": secret, "rate": _RATE, "burst": _BURST}
    )
    return profile.model_copy(update={"bitrix24": address})
