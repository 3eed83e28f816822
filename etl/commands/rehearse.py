"""A rehearsal: the profile's whole exchange against the embedded portal and a model of its 1C, with people at work in both.

`make run` is this. The portal listens on loopback, 1C works in the profile's own exchange folder, and both remember their state
between rehearsals: once everything has been said and answered, the next rehearsal finds nothing to do.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from etl import pipeline
from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.report import RunReport
from etl.sandbox.onec.base import OneC
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene import demo, demo_orders, plays_video

_ROUNDS = 8
_PLACES = (
    ("to_1c", "файл, который сейчас читает 1С (документы, которые она уже вернула, из него убраны)"),
    ("spreadsheets/out", "реестр для бухгалтера, акты, файлы загрузки"),
    ("archive", "всё прочитанное, копии отправленного (sent-…) и реестров"),
    ("quarantine", "плохие файлы с объяснением"),
)
SEEDS: dict[str, Callable[[dt.date], dict[str, Any]]] = {
    "video": demo.video,
    "prepaid": demo_orders.prepaid,
    "leads": demo_orders.leads,
    "twoway": demo_orders.twoway,
}


@dataclass
class Stage:
    """The scene of a rehearsal: the profile with a real webhook (of the embedded portal), both sides, and a clock that only moves on."""

    profile: Profile
    portal: Portal
    onec: OneC
    clock: Clock
    memory: dict[str, Any]

    def run(self, **options: Any) -> RunReport:
        """One run of the product, a minute later than whatever happened before."""
        return pipeline.run(self.profile, trigger="rehearsal", now=self.clock.tick(), **options)

    def session(self) -> Any:
        """One exchange session of 1C, a minute later."""
        self.clock.tick()
        return self.onec.session()


class Clock:
    """The moment on the scene: never earlier than the real one, and later with every step."""

    def __init__(self, start: dt.datetime) -> None:
        self.moment = start

    def tick(self) -> dt.datetime:
        """A minute passes."""
        self.moment += dt.timedelta(minutes=1)
        return self.moment


@dataclass
class Rehearsal:
    """What a rehearsal did: the accounts of its runs added up."""

    reports: list[RunReport] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    folder: Path = Path()

    @property
    def report(self) -> RunReport:
        """The runs as one account; issues as the last run left them."""
        whole = RunReport(run=self.reports[-1].run if self.reports else "")
        for report in self.reports:
            whole.counts.update(
                {
                    name: count
                    for name, count in report.counts.items()
                    if name not in ("deals_read", "not_billed")
                }
            )
            whole.files += [path for path in report.files if path not in whole.files]
            whole.notes += report.notes
            for words, amount in report.sums.items():
                whole.sums[words] = whole.sums.get(words, 0) + amount
        last = self.reports[-1] if self.reports else whole
        whole.counts |= {name: last.counts[name] for name in ("deals_read", "not_billed")}
        whole.issues = last.issues
        return whole

    def text(self) -> str:
        """Russian summary for the terminal."""
        head = "Репетиция: учебный портал Битрикс24 и модель базы 1С на этом компьютере, все люди и организации вымышлены."
        return "\n".join(
            [
                head,
                *self.log,
                self.report.text(),
                f"Папка обмена {self.folder}:",
                *(f"  {name:<20}{words}" for name, words in _PLACES),
            ]
        )


def rehearse(profile: Profile, *, month: str | None = None, now: dt.datetime | None = None) -> Rehearsal:
    """Run the exchange and the sessions of 1C in turn until neither has anything new to say."""
    result = Rehearsal(folder=profile.folder)
    with staged(profile, now=now) as stage:
        play = plays_video.PLAYS[profile.bitrix24.sandbox or "video"]
        for turn in range(_ROUNDS):
            report = stage.run(month=month)
            result.reports.append(report)
            acted = play(stage, turn)
            result.log += acted
            if turn and report.quiet and not acted:
                break
    return result


@contextmanager
def staged(
    profile: Profile, *, now: dt.datetime | None = None, seed: dict[str, Any] | None = None
) -> Iterator[Stage]:
    """The scene of a profile that says `sandbox`: portal and 1C with their memory under the profile's state folder."""
    if profile.bitrix24.sandbox is None:
        raise ConfigError(
            "В профиле нет настройки bitrix24.sandbox.", "Репетиция идёт только на учебном портале."
        )
    data = profile.state_folder / "sandbox"
    if not data.is_dir() and (profile.state_folder / "state.sqlite").exists():
        raise ConfigError(
            "По этому профилю уже работали с настоящим порталом.",
            "Репетируйте на копии профиля в другой папке и с другой папкой обмена ([onec] folder).",
        )
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    notes = data / "rehearsal.json"
    memory = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    real = now or dt.datetime.now(dt.UTC)
    clock = Clock(max(real, dt.datetime.fromisoformat(memory.get("moment", real.isoformat()))))
    zone = ZoneInfo(profile.onec.time_zone)
    start = seed or SEEDS[profile.bitrix24.sandbox](clock.moment.astimezone(zone).date())
    with Portal(
        data=data / "portal", seed=start, rate=1000.0, burst=1000, clock=lambda: clock.moment.timestamp()
    ) as portal:  # noqa: PLW0108 the moment moves on
        onec = OneC(
            profile.onec.dialect,
            profile.folder,
            data=data / "onec",
            extended=profile.onec.extended,
            now=lambda: clock.moment.astimezone(zone).replace(tzinfo=None, microsecond=0),
            organisation=profile.organisation.name,
        )
        try:
            yield Stage(_connected(profile, portal, data), portal, onec, clock, memory)
        finally:
            onec.release()
            notes.write_text(
                json.dumps(memory | {"moment": clock.moment.isoformat()}, ensure_ascii=False, indent=1),
                encoding="utf-8",
            )


def _connected(profile: Profile, portal: Portal, data: Path) -> Profile:
    """The same profile on the embedded portal: its webhook goes through a private file, as on a real installation."""
    secret = data / "webhook"
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(portal.webhook)
    address = profile.bitrix24.model_copy(
        update={"sandbox": None, "webhook_file": secret, "rate": 1000.0, "burst": 1000}
    )
    return profile.model_copy(update={"bitrix24": address})
