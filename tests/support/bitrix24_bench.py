"""What tests of the Bitrix24 client share: a virtual clock, a strict outbox, a client that does not wait."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from etl.bitrix24.client import Client
from etl.bitrix24.secret import Secret
from etl.bitrix24.transport import Transport
from etl.config.profile import Profile
from etl.sandbox.scene import surveillance

TODAY = dt.date(2026, 11, 3)
_START = dt.datetime(2026, 11, 3, 9, tzinfo=dt.UTC).timestamp()
#: state -> states it may move to, as the store's outbox insists
_MOVES = {
    "new": {"sending", "done", "failed"},
    "sending": {"done", "failed", "doubt", "new"},
    "doubt": {"new", "done", "failed"},
    "failed": {"new"},
    "done": set(),
}


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = _START
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Memory:
    """An outbox in memory that refuses every move the real one would refuse."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.states: dict[str, str] = {}
        self.ids: dict[str, str | None] = {}
        self.attempts: dict[str, float] = {}

    def sending(self, *keys: str) -> None:
        for key in keys:
            self._move(key, "sending")
            self.attempts[key] = self._clock.time()

    def done(self, key: str, identifier: str | None) -> None:
        self._move(key, "done")
        self.ids[key] = identifier

    def doubt(self, key: str) -> None:
        self._move(key, "doubt")

    def failed(self, key: str, reason: str) -> None:
        assert reason
        self._move(key, "failed")

    def again(self, key: str) -> None:
        self._move(key, "new")

    def unsure(self, key: str) -> float | None:
        return self.attempts[key] if self.states.get(key) in ("sending", "doubt") else None

    def recover(self) -> None:
        """A new run: what a dead one was sending is in doubt; what failed or is done is asked for anew under the same key."""
        self.states = {
            key: "doubt" if state in ("sending", "doubt") else "new" for key, state in self.states.items()
        }

    def _move(self, key: str, state: str) -> None:
        before = self.states.get(key, "new")
        assert state in _MOVES[before], f"{key}: {before} -> {state}"
        self.states[key] = state


def client(webhook: str, clock: Clock | None = None, state: Path | None = None, **options: Any) -> Client:
    """A client over real HTTP; with a clock it never really waits."""
    secret = Secret(webhook)
    timing = {"clock": clock.time, "sleep": clock.sleep} if clock else {}
    transport = Transport(
        secret,
        deadline=options.pop("deadline", 5.0),
        cap=options.pop("cap", 32 * 1024 * 1024),
        read_timeout=options.pop("read_timeout", 3.0),
    )
    return Client(secret, name="тест", state=state, transport=transport, **timing, **options)


def profile(**changes: Any) -> Profile:
    """A profile of the demonstration portal."""
    return Profile.model_validate(
        {
            "path": Path("/profiles/test.toml"),
            "flows": ["documents-in"],
            "bitrix24": {"name": "test"},
            "onec": {"dialect": "bitrix3"},
            "organisations": [{"name": "ООО «Светлый глаз»"}],
            "deals": {
                "pipeline": "Видеонаблюдение",
                "fields": {
                    "payer": "ФИО плательщика",
                    "contract_number": "Номер договора",
                    "contract_date": "Дата договора",
                    "monthly_fee": "Ежемесячный платеж",
                    "terminated_on": "UF_CRM_TERMINATED_ON",
                },
            },
            "results": {"paid_on": "Дата последней оплаты", "paid_total": "Оплачено всего"},
            "rules": [
                {"to": "1-ая оплата клиента", "from": ["Договор подтвержден"], "when": {"paid_charges": 1}}
            ],
            **changes,
        }
    )


def video(deals: int = 60) -> dict[str, Any]:
    """The seed of a small portal of specification 000."""
    return surveillance.video(TODAY, deals)
