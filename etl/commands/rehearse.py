"""A rehearsal: the profile's whole exchange against the embedded portal and a model of its 1C.

`make run` is this, with people at work on both sides. The portal listens on loopback, 1C works in the
profile's own exchange folder, and both remember their state between rehearsals: once everything has been said
and answered, the next rehearsal finds nothing to do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from etl import pipeline
from etl.config.profile import Profile
from etl.report import RunReport
from etl.sandbox.scene.plays.repertoire import PLAYS
from etl.sandbox.scene.stage import staged

_ROUNDS = 8
#: counters that tell how things stand, not what was done: those of the last run are right
_STANDING = ("deals_read", "not_billed")


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal did: its runs as one account, what 1C and people did meanwhile (Russian sentences)."""

    report: RunReport
    acted: tuple[str, ...]
    folder: Path


def rehearse(profile: Profile, *, month: str | None = None, now: dt.datetime | None = None) -> Rehearsal:
    """Run the exchange and the sessions of 1C in turn until neither has anything new to say.

    `month` (2026-11) is billed instead of the present one. Raises ConfigError for a profile without a
    sandbox.
    """
    reports: list[RunReport] = []
    acted: list[str] = []
    with staged(profile, now=now) as stage:
        play = PLAYS[profile.bitrix24.sandbox or "video"]
        for turn in range(_ROUNDS):
            report = pipeline.run(stage.profile, month=month, trigger="rehearsal", now=stage.clock.tick())
            reports.append(report)
            done = play(stage, turn)
            acted += done
            if turn and report.quiet and not done:
                break
    return Rehearsal(_added_up(reports), tuple(acted), profile.folder)


def _added_up(reports: Sequence[RunReport]) -> RunReport:
    """The runs as one account; issues and standing counters as the last run left them."""
    last = reports[-1]
    whole = RunReport(run=last.run, issues=last.issues, asked=last.asked)
    for report in reports:
        whole.counts.update(report.counts)
        whole.files += [path for path in report.files if path not in whole.files]
        whole.notes += report.notes
        for words, amount in report.sums.items():
            before = whole.sums.get(words, 0)
            whole.sums[words] = before + amount
    for name in _STANDING:
        whole.counts[name] = last.counts[name]
    return whole
