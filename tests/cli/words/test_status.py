"""The few lines of `obmen24 status`."""

from __future__ import annotations

import pytest

from etl.cli.words import status as words
from etl.state.quick import Account, Watcher


def account(
    minutes: float | None = 5.0,
    *,
    open_issues: int = 0,
    outbox_waiting: int = 0,
    unconfirmed: int = 0,
    questions: int = 0,
    watcher: Watcher | None = None,
) -> Account:
    """An account of a good run `minutes` ago; None: of runs of which none was good."""
    return {
        "last_good": None if minutes is None else "02.11.2026 10:05",
        "last_good_at": None if minutes is None else "2026-11-02T10:05:00+00:00",
        "age_minutes": minutes,
        "last_run": {"id": 1, "status": "clean", "started_at": "2026-11-02T10:04:00+00:00"},
        "open_issues": open_issues,
        "outbox_waiting": outbox_waiting,
        "unconfirmed": unconfirmed,
        "questions": questions,
        "watcher": watcher,
    }


@pytest.mark.parametrize("found", [None, account(None)])
def test_before_the_first_good_run(found: Account | None) -> None:
    assert words.text(found, stale_after=60) == "Удачных обменов ещё не было. Выполните obmen24 run."


def test_what_waits_is_told_with_what_to_do() -> None:
    waiting = account(open_issues=7, outbox_waiting=2, unconfirmed=3, questions=1)
    assert words.text(waiting, stale_after=None) == (
        "Последний удачный обмен: 02.11.2026 10:05 (5 мин назад).\n"
        "Замечаний, которые стоят: 7.\n"
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
        "\nПодробности: obmen24 why issues 1."
    )
    assert words.text(account(400.0, questions=1), stale_after=60).endswith(
        "\nОбмен не выполнялся дольше 60 мин: проверьте cron и доступ к порталу и папке обмена, затем obmen24 run."
    )


def test_a_watcher_that_gives_no_sign_is_to_be_started() -> None:
    alive: Watcher = {"minutes": 5.0, "running": True, "alive": True}
    said = words.text(account(watcher=alive), stale_after=None).splitlines()
    assert said[1:] == ["Наблюдатель папки: жив, последний взгляд 5 мин назад.", "Делать ничего не нужно."]
    dead: Watcher = {"minutes": 60.0, "running": False, "alive": False}
    said = words.text(account(watcher=dead), stale_after=None).splitlines()
    assert said[1:] == [
        "Наблюдатель папки: не отвечает 60 мин: запустите obmen24 watch.",
        "Запустите obmen24 watch: без него файлы ждут следующего обмена по расписанию.",
    ]
    said = words.text(account(watcher=dead, open_issues=1), stale_after=None)
    assert said.endswith("\nПодробности: obmen24 why issues 1.")
