"""`obmen24 sandbox`: the embedded portal by itself, for rehearsals and for other programs' tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etl.errors import ConfigError
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene import demo

_DEALS = 20


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The portal a person wants; what each part means is told by `etl.sandbox.portal.app.Portal`.

    `deals` (how many are invented) and `seed` (a JSON file with the portal's data) exclude each other;
    `faults` is a JSON file with the plan of failures. `rate` is requests a second.
    """

    port: int
    data: Path | None
    deals: int | None
    seed: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    rate: float
    burst: int
    faults: Path | None


def build(wanted: Wanted) -> Portal:
    """The portal, listening and not serving yet: `serve_forever` does.

    Raises ConfigError for options that do not go together and for a port that is taken.
    """
    if (wanted.tls_cert is None) != (wanted.tls_key is None):
        raise ConfigError("--tls-cert и --tls-key указываются вместе.", "Добавьте недостающий.")
    if wanted.deals is not None and wanted.seed is not None:
        raise ConfigError("--deals и --seed исключают друг друга.", "Оставьте один.")
    seed = _seed(wanted)
    faults = _read(wanted.faults) if wanted.faults else None
    try:
        return Portal(
            data=wanted.data,
            port=wanted.port,
            seed=seed,
            rate=wanted.rate,
            burst=wanted.burst,
            faults=faults,
            tls_cert=wanted.tls_cert,
            tls_key=wanted.tls_key,
        )
    except OSError as error:
        raise ConfigError(
            f"Порт {wanted.port} занят: {error.strerror}.", "Укажите другой порт или 0."
        ) from error


def _seed(wanted: Wanted) -> Any:
    """The data of the portal: those of a file, else invented ones."""
    if wanted.seed:
        return _read(wanted.seed)
    deals = _DEALS if wanted.deals is None else wanted.deals
    return demo.generate(deals)


def _read(path: Path) -> Any:
    """What a JSON file holds. Raises ConfigError."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} не читается: {error.strerror}.", "Укажите другой файл.") from error
    except ValueError as error:
        raise ConfigError(f"{path}: это не JSON в UTF-8.", "Исправьте файл и повторите.") from error
