"""Where a profile lies and what stands in it, before validation: TOML, one level of `extends`, paths.

Kept apart from `etl.config.profile` because `status` needs only the place of the state and must not pay for
pydantic; paths are strings here because pathlib alone costs a third of an interpreter's start.
"""

from __future__ import annotations

import os
import tomllib
from typing import Any

from etl.errors import ConfigError

Raw = dict[str, Any]
AnyPath = str | os.PathLike[str]


def read(path: AnyPath) -> Raw:
    """The profile's TOML, merged table by table over its base (`extends = "file.toml"`, one level only).

    Raises ConfigError when a file is missing, is not TOML, or the base extends another file.
    """
    raw = _toml(path)
    base_name = raw.pop("extends", None)
    if base_name is None:
        return raw
    base = _toml(beside(path, str(base_name)))
    if "extends" in base:
        raise ConfigError(
            f"Профиль {base_name} сам продолжает другой профиль (extends).",
            "Допускается один уровень: перенесите настройки в базовый профиль.",
        )
    return _merged(base, raw)


def beside(path: AnyPath, name: AnyPath) -> str:
    """A path written in the profile: relative to the profile's folder, unless it is absolute."""
    return os.path.join(os.path.dirname(path), name)


def state_folder(path: AnyPath, raw: Raw) -> str:
    """The folder of the state, spool and local copies.

    `[state] folder`, by default `.obmen24/<profile name>` beside the profile.
    """
    folder = raw.get("state", {}).get("folder")
    if not folder:
        stem = os.path.splitext(os.path.basename(path))[0]
        folder = os.path.join(".obmen24", stem)
    return os.path.realpath(beside(path, folder))


def state_url(path: AnyPath, raw: Raw) -> str:
    """The SQLAlchemy URL of the state: `[state] url`, by default SQLite in the state folder."""
    url = raw.get("state", {}).get("url")
    if url:
        return str(url)
    file = os.path.join(state_folder(path, raw), "state.sqlite")
    return f"sqlite:///{file}"


def _toml(path: AnyPath) -> Raw:
    name = os.path.basename(path)
    try:
        with open(path, encoding="utf-8") as file:
            return tomllib.loads(file.read())
    except OSError as error:
        raise ConfigError(
            f"Профиль не читается: {name} ({error.strerror}).",
            "Проверьте путь или создайте профиль командой obmen24 init.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Профиль {name} записан с ошибкой: {error}.", "Исправьте указанное место."
        ) from error


def _merged(base: Raw, over: Raw) -> Raw:
    """`over` laid over `base`: tables are merged, anything else replaces what stands in the base."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged
