"""`obmen24 status`: when the last good run was and what waits for a person. Needs only the standard library."""

from __future__ import annotations

import sqlite3

from etl.config import source
from etl.errors import NeedsPerson
from etl.state import quick
from etl.state.quick import Account


def read(profile_path: source.AnyPath) -> Account | None:
    """The state's own short account with the watcher of the folder, or None where nothing has run yet.

    Raises ConfigError for an unreadable profile.
    """
    raw = source.read(profile_path)
    url, portal = source.state_url(profile_path, raw), raw.get("bitrix24", {}).get("name")
    try:
        found = quick.quick_status(url, portal)
    except sqlite3.DatabaseError as error:
        raise NeedsPerson(
            f"Файл состояния повреждён ({error}).",
            "Верните его из резервной копии; если её нет, уберите файл и выполните obmen24 restore.",
        ) from error
    if found is not None:
        found["watcher"] = quick.watcher(source.state_folder(profile_path, raw))
    return found


def too_old(found: Account | None, max_age: int | None) -> bool:
    """True when the last good run is older than `max_age` minutes or there was none."""
    if max_age is None:
        return False
    return found is None or found["age_minutes"] is None or found["age_minutes"] > max_age


def json_text(found: Account | None) -> str:
    """The same for a program."""
    import json

    return json.dumps(found, ensure_ascii=False, default=str, indent=1)


def text(found: Account | None, max_age: int | None) -> str:
    """A few Russian lines, the last of which says what to do."""
    if found is None or found["age_minutes"] is None:
        return "Удачных обменов ещё не было. Выполните obmen24 run."
    lines = [f"Последний удачный обмен: {found['last_good']} ({_ago(found['age_minutes'])})."]
    lines += _waiting_lines(found)
    lines += _watcher_lines(found)
    lines.append(_advice(found, max_age))
    return "\n".join(lines)


def _waiting_lines(found: Account) -> list[str]:
    waiting = {
        "Замечаний в последнем обмене": found["open_issues"],
        "Ждут отправки в портал": found["outbox_waiting"],
        "Отправлено в 1С, ответа ещё нет": found["unconfirmed"],
        "Вопросов к человеку": found["questions"],
    }
    return [f"{label}: {count}." for label, count in waiting.items() if count]


def _watcher_lines(found: Account) -> list[str]:
    watcher = found.get("watcher")
    if watcher is None:
        return []
    if watcher["alive"]:
        return [f"Наблюдатель папки: жив, последний взгляд {_ago(watcher['minutes'])}."]
    return [f"Наблюдатель папки: {_silent(watcher)}."]


def _silent(watcher: quick.Watcher) -> str:
    """What to do about a watcher that gives no sign: one whose process lives must be ended first."""
    start = "перезапустите" if watcher["running"] else "запустите"
    return f"не отвечает {int(watcher['minutes'])} мин: {start} obmen24 watch"


def _ago(minutes: float) -> str:
    if minutes < 1:
        return "только что"
    return f"{int(minutes)} мин назад" if minutes < 120 else f"{int(minutes // 60)} ч назад"


def _advice(found: Account, max_age: int | None) -> str:
    if too_old(found, max_age):
        return f"Обмен не выполнялся дольше {max_age} мин: проверьте cron и доступ к порталу и папке обмена, затем obmen24 run."
    if found.get("questions"):
        return "Ответьте на вопросы: obmen24 ask."
    watcher = found.get("watcher")
    if watcher is not None and not watcher["alive"]:
        return "Запустите obmen24 watch: без него файлы ждут следующего обмена по расписанию."
    return (
        "Делать ничего не нужно."
        if not found.get("open_issues")
        else "Подробности: obmen24 run или лист замечаний."
    )
