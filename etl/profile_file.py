"""Where a profile lies and what stands in it, before validation: TOML, one level of `extends`, paths.

Kept apart from `etl.profile` because `status` needs only the place of the state and must not pay for pydantic.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from etl.errors import ConfigError

Raw = dict[str, Any]


def read(path: Path) -> Raw:
    """The profile's TOML with its base (`extends = "file.toml"`, one level only) merged underneath, table by table.

    Raises ConfigError when a file is missing, is not TOML, or the base extends another file.
    """
    raw = _toml(path)
    base_name = raw.pop("extends", None)
    if base_name is None:
        return raw
    base = _toml(path.parent / str(base_name))
    if "extends" in base:
        raise ConfigError(f"Профиль {base_name} сам продолжает другой профиль (extends).",
                          "Допускается один уровень: перенесите настройки в базовый профиль.")
    return _under(base, raw)


def state_folder(path: Path, raw: Raw) -> Path:
    """The folder of the state, spool and local copies: `[state] folder`, by default `.obmen24/<profile name>` beside the profile."""
    folder = raw.get("state", {}).get("folder") or Path(".obmen24") / path.stem
    return (path.parent / folder).resolve()


def state_url(path: Path, raw: Raw) -> str:
    """The SQLAlchemy URL of the state: `[state] url`, by default SQLite in the state folder."""
    return str(raw.get("state", {}).get("url") or f"sqlite:///{state_folder(path, raw) / 'state.sqlite'}")


def _toml(path: Path) -> Raw:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Профиль не читается: {path.name} ({error.strerror}).",
                          "Проверьте путь или создайте профиль командой obmen24 init.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"Профиль {path.name} записан с ошибкой: {error}.", "Исправьте указанное место.") from error


def _under(base: Raw, over: Raw) -> Raw:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _under(merged[key], value) if both else value
    return merged
