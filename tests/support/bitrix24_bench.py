"""What tests of the Bitrix24 client share: a virtual clock, a state on disk, a client that does not wait."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from etl.bitrix24.client import Client
from etl.bitrix24.secret import Secret
from etl.bitrix24.transport import Transport
from etl.config.profile import Profile
from etl.flows.portal.outbox import Intent, StoreOutbox
from etl.sandbox.scene import surveillance
from etl.state.store import Store

TODAY = dt.date(2026, 11, 3)
_START = dt.datetime(2026, 11, 3, 9, tzinfo=dt.UTC).timestamp()


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


def store(folder: Path, clock: Clock) -> Store:
    """The state of a portal on disk, at the time of the clock."""
    return Store.open(
        f"sqlite:///{folder / 'state.sqlite'}",
        portal="test",
        clock=lambda: dt.datetime.fromtimestamp(clock.time(), dt.UTC),
    )


def outbox(state: Store, *noted: str) -> StoreOutbox:
    """The outbox of a new run, with these intents noted beforehand. A doubt outlives its run; what an earlier run has
    done is asked for anew under a key of this one.
    """
    run = state.runs.begin("test", ["test"])

    def intent(key: str) -> Intent:
        before = state.outbox.find(key)
        again = before is not None and before["state"] == "done"
        stored = f"{key}:{run}" if again else key
        return {"key": stored, "entity": "test", "entity_key": key, "method": "create", "payload": None}

    made = StoreOutbox(state, run, intent)
    made.note([intent(key) for key in noted])
    return made


def states(state: Store) -> dict[str, str]:
    """What the outbox says of each intent."""
    rows = state.outbox.listed("new", "sending", "doubt", "failed", "done")
    return {row["entity_key"]: row["state"] for row in rows}


def client(webhook: str, clock: Clock | None = None, state: Path | None = None, **options: Any) -> Client:
    """A client over real HTTP; with a clock it never really waits."""
    secret = Secret(webhook)
    timing: dict[str, Any] = {"clock": clock.time, "sleep": clock.sleep} if clock else {}
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
