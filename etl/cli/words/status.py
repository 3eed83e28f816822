"""The account of `obmen24 status` in a few Russian lines. Paid every minute: nothing is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.state.quick import Account, Watcher


def text(account: Account | None, *, stale_after: int | None) -> str:
    """When the last good run was, what waits, what to do.

    `stale_after`: the minutes it is older than; None where it is young enough or nobody asked.
    """
    if account is None or account["last_good"] is None or account["age_minutes"] is None:
        return "Удачных обменов ещё не было. Выполните obmen24 run."
    last = f"Последний удачный обмен: {account['last_good']} ({_ago(account['age_minutes'])})."
    watcher = _watcher(account.get("watcher"))
    return "\n".join([last, *_waiting(account), *watcher, _advice(account, stale_after)])


def _waiting(account: Account) -> list[str]:
    """What waits; only counts that are not zero are told."""
    counts = {
        "Замечаний, которые стоят": account["open_issues"],
        "Ждут отправки в портал": account["outbox_waiting"],
        "Отправлено в 1С, ответа ещё нет": account["unconfirmed"],
        "Вопросов к человеку": account["questions"],
    }
    return [f"{words}: {count}." for words, count in counts.items() if count]


def _watcher(watcher: Watcher | None) -> list[str]:
    """The sign of life of `obmen24 watch`; nothing where none was ever started.

    One whose process lives and does not answer must be ended first.
    """
    if watcher is None:
        return []
    if watcher["alive"]:
        return [f"Наблюдатель папки: жив, последний взгляд {_ago(watcher['minutes'])}."]
    start = "перезапустите" if watcher["running"] else "запустите"
    return [f"Наблюдатель папки: не отвечает {int(watcher['minutes'])} мин: {start} obmen24 watch."]


def _ago(minutes: float) -> str:
    if minutes < 1:
        return "только что"
    if minutes < 120:
        return f"{int(minutes)} мин назад"
    return f"{int(minutes // 60)} ч назад"


def _advice(account: Account, stale_after: int | None) -> str:
    if stale_after is not None:
        return (
            f"Обмен не выполнялся дольше {stale_after} мин: "
            "проверьте cron и доступ к порталу и папке обмена, затем obmen24 run."
        )
    if account["questions"]:
        return "Ответьте на вопросы: obmen24 ask."
    if account["open_issues"]:
        return f"Подробности: obmen24 why issues {account['last_run']['id']}."
    watcher = account.get("watcher")
    if watcher is not None and not watcher["alive"]:
        return "Запустите obmen24 watch: без него файлы ждут следующего обмена по расписанию."
    return "Делать ничего не нужно."
