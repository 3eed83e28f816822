"""The few lines of `obmen24 status`."""

from __future__ import annotations

from typing import Any

import pytest

from etl.cli.words import status as words


def account(minutes: float = 5.0, **waiting: int) -> dict[str, Any]:
    nothing = dict.fromkeys(("open_issues", "outbox_waiting", "unconfirmed", "questions"), 0)
    return {"last_good": "02.11.2026 10:05", "age_minutes": minutes, **nothing, **waiting}


@pytest.mark.parametrize("found", [None, {**account(), "last_good": None, "age_minutes": None}])
def test_before_the_first_good_run(found: dict[str, Any] | None) -> None:
    assert words.text(found, stale_after=60) == "Удачных обменов ещё не было. Выполните obmen24 run."


def test_what_waits_is_told_with_what_to_do() -> None:
    waiting = account(open_issues=7, outbox_waiting=2, unconfirmed=3, questions=1)
    assert words.text(waiting, stale_after=None) == (
        "Последний удачный обмен: 02.11.2026 10:05 (5 мин назад).\n"
        "Замечаний в последнем обмене: 7.\n"
        "Ждут отправки в портал: 2.\n"
        "Отправлено в 1С, ответа ещё нет: 3.\n"
        "Вопросов к человеку: 1.\n"
        "Ответьте на вопросы: obmen24 ask."
    )


@pytest.mark.parametrize(
    ("minutes", "ago"),
    [(0.4, "только что"), (119.9, "119 мин назад"), (120.0, "2 ч назад"), (400.0, "6 ч назад")],
)
def test_how_long_ago(minutes: float, ago: str) -> None:
    assert words.text(account(minutes), stale_after=None).splitlines()[0].endswith(f"({ago}).")


def test_the_advice() -> None:
    assert words.text(account(), stale_after=None).endswith("\nДелать ничего не нужно.")
    assert words.text(account(open_issues=1), stale_after=None).endswith(
        "\nПодробности: obmen24 run или лист замечаний."
    )
    assert words.text(account(400.0, questions=1), stale_after=60).endswith(
        "\nОбмен не выполнялся дольше 60 мин: проверьте cron и доступ к порталу и папке обмена, затем obmen24 run."
    )
