"""`obmen24 status`: when the last good run was and what waits for a person. Needs only the standard library."""

from __future__ import annotations

import sqlite3
from typing import Any

from etl.config import source
from etl.errors import NeedsPerson
from etl.state import quick


def read(profile_path: source.AnyPath) -> dict[str, Any] | None:
    """The state's own short account, or None where nothing has run yet. Raises ConfigError for an unreadable profile."""
    raw = source.read(profile_path)
    try:
        return quick.quick_status(source.state_url(profile_path, raw), raw.get("bitrix24", {}).get("name"))
    except sqlite3.DatabaseError as error:
        raise NeedsPerson(
            f"Файл состояния повреждён ({error}).",
            "Верните его из резервной копии; если её нет, уберите файл и выполните obmen24 restore.",
        ) from error


def too_old(found: dict[str, Any] | None, max_age: int | None) -> bool:
    """True when the last good run is older than `max_age` minutes or there was none."""
    if max_age is None:
        return False
    return found is None or found["age_minutes"] is None or found["age_minutes"] > max_age


def json_text(found: dict[str, Any] | None) -> str:
    """The same for a program."""
    import json

    return json.dumps(found, ensure_ascii=False, default=str, indent=1)


def text(found: dict[str, Any] | None, max_age: int | None) -> str:
    """A few Russian lines, the last of which says what to do."""
    if found is None or found["last_good"] is None:
        return "Удачных обменов ещё не было. Выполните obmen24 run."
    lines = [f"Последний удачный обмен: {found['last_good']} ({_ago(found['age_minutes'])})."]
    lines += [f"{label}: {found[key]}." for key, label in _WAITING if found.get(key)]
    lines.append(_advice(found, max_age))
    return "\n".join(lines)


_WAITING = (
    ("open_issues", "Замечаний в последнем обмене"),
    ("outbox_waiting", "Ждут отправки в портал"),
    ("unconfirmed", "Отправлено в 1С, ответа ещё нет"),
    ("questions", "Вопросов к человеку"),
)


def _ago(minutes: float) -> str:
    if minutes < 1:
        return "только что"
    return f"{int(minutes)} мин назад" if minutes < 120 else f"{int(minutes // 60)} ч назад"


def _advice(found: dict[str, Any], max_age: int | None) -> str:
    if too_old(found, max_age):
        return f"Обмен не выполнялся дольше {max_age} мин: проверьте cron и доступ к порталу и папке обмена, затем obmen24 run."
    if found.get("questions"):
        return "Ответьте на вопросы: obmen24 ask."
    return (
        "Делать ничего не нужно."
        if not found.get("open_issues")
        else "Подробности: obmen24 run или лист замечаний."
    )
