"""Where a profile lies and what stands in it, before validation: TOML, one level of `extends`, paths.

Kept apart from `etl.config.profile` because `status` needs only the place of the state and must not pay for pydantic; paths are strings here
because pathlib alone costs a third of an interpreter's start.
"""

from __future__ import annotations

import os
import tomllib
from typing import Any

from etl.errors import ConfigError

Raw = dict[str, Any]
AnyPath = str | os.PathLike[str]


def read(path: AnyPath) -> Raw:
    """The profile's TOML with its base (`extends = "file.toml"`, one level only) merged underneath, table by table.

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
    return _under(base, raw)


def beside(path: AnyPath, name: AnyPath) -> str:
    """A path written in the profile: relative to the profile's folder, unless it is absolute."""
    return os.path.join(os.path.dirname(path), name)


def state_folder(path: AnyPath, raw: Raw) -> str:
    """The folder of the state, spool and local copies: `[state] folder`, by default `.obmen24/<profile name>` beside the profile."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return os.path.realpath(
        beside(path, raw.get("state", {}).get("folder") or os.path.join(".obmen24", stem))
    )


def state_url(path: AnyPath, raw: Raw) -> str:
    """The SQLAlchemy URL of the state: `[state] url`, by default SQLite in the state folder."""
    return str(
        raw.get("state", {}).get("url")
        or f"sqlite:///{os.path.join(state_folder(path, raw), 'state.sqlite')}"
    )


def _toml(path: AnyPath) -> Raw:
    try:
        with open(path, encoding="utf-8") as file:
            return tomllib.loads(file.read())
    except OSError as error:
        raise ConfigError(
            f"Профиль не читается: {os.path.basename(path)} ({error.strerror}).",
            "Проверьте путь или создайте профиль командой obmen24 init.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Профиль {os.path.basename(path)} записан с ошибкой: {error}.", "Исправьте указанное место."
        ) from error


def _under(base: Raw, over: Raw) -> Raw:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _under(merged[key], value) if both else value
    return merged
