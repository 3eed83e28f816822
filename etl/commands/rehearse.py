"""A rehearsal: the profile's whole exchange against the embedded portal and a model of its 1C, with people at work in both.

`make run` is this. The portal listens on loopback, 1C works in the profile's own exchange folder, and both remember their state
between rehearsals: once everything has been said and answered, the next rehearsal finds nothing to do.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from etl import pipeline
from etl.config.profile import Profile
from etl.report import RunReport
from etl.sandbox.scene.plays.repertoire import PLAYS
from etl.sandbox.scene.stage import staged

_ROUNDS = 8
_PLACES = (
    ("to_1c", "файл, который сейчас читает 1С (документы, которые она уже вернула, из него убраны)"),
    ("spreadsheets/out", "реестр для бухгалтера, акты, файлы загрузки"),
    ("archive", "всё прочитанное, копии отправленного (sent-…) и реестров"),
    ("quarantine", "плохие файлы с объяснением"),
)


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
        play = PLAYS[profile.bitrix24.sandbox or "video"]
        for turn in range(_ROUNDS):
            report = pipeline.run(stage.profile, month=month, trigger="rehearsal", now=stage.clock.tick())
            result.reports.append(report)
            acted = play(stage, turn)
            result.log += acted
            if turn and report.quiet and not acted:
                break
    return result
