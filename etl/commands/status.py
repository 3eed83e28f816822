"""`obmen24 status`: when the last good run was, what waits for a person. The standard library is enough."""

from __future__ import annotations

import sqlite3

from etl.config import source
from etl.errors import NeedsPerson
from etl.state import quick
from etl.state.quick import Account


def read(profile_path: source.AnyPath) -> Account | None:
    """The state's own short account with the watcher of the folder, or None where nothing has run yet.

    Raises ConfigError for an unreadable profile, NeedsPerson for a state that is damaged.
    """
    raw = source.read(profile_path)
    url, portal = source.state_url(profile_path, raw), raw.get("bitrix24", {}).get("name")
    try:
        account = quick.quick_status(url, portal)
    except sqlite3.DatabaseError as error:
        raise NeedsPerson(
            f"Файл состояния повреждён ({error}).",
            "Верните его из резервной копии; если её нет, уберите файл и выполните obmen24 restore.",
        ) from error
    if account is not None:
        account["watcher"] = quick.watcher(source.state_folder(profile_path, raw))
    return account


def is_stale(account: Account | None, max_age: int | None) -> bool:
    """Whether the last good run is older than `max_age` minutes, or there was none. No age, no staleness."""
    if max_age is None:
        return False
    age = account["age_minutes"] if account else None
    return age is None or age > max_age
