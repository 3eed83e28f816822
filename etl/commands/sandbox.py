"""`obmen24 sandbox`: the embedded portal in the foreground, for rehearsals and for other programs' tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etl.errors import ConfigError
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene import demo

_WORDS = {
    "deals": "сделок",
    "companies": "компаний",
    "contacts": "контактов",
    "products": "товаров",
    "users": "сотрудников",
}


def serve(
    *,
    say: Callable[[str], None],
    as_json: bool,
    port: int,
    data: Path | None,
    deals: int | None,
    seed: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    rate: float,
    burst: int,
    faults: Path | None,
) -> None:
    """Start the portal and serve until stopped. The first line printed is the address (with the code: it is a password) and the
    counts. Raises ConfigError for options that do not go together."""
    if (tls_cert is None) != (tls_key is None):
        raise ConfigError("--tls-cert и --tls-key указываются вместе.", "Добавьте недостающий.")
    if deals is not None and seed is not None:
        raise ConfigError("--deals и --seed исключают друг друга.", "Оставьте один.")
    start = (
        json.loads(seed.read_text(encoding="utf-8"))
        if seed
        else demo.generate(20 if deals is None else deals)
    )
    plan = json.loads(faults.read_text(encoding="utf-8")) if faults else None
    try:
        portal = Portal(
            data=data,
            port=port,
            seed=start,
            rate=rate,
            burst=burst,
            faults=plan,
            tls_cert=tls_cert,
            tls_key=tls_key,
        )
    except OSError as error:
        raise ConfigError(f"Порт {port} занят: {error.strerror}.", "Укажите другой порт или 0.") from error
    say(_first_line(portal, as_json))
    portal.serve_forever()


def _first_line(portal: Portal, as_json: bool) -> str:
    counts: dict[str, Any] = portal.counts
    if as_json:
        return json.dumps({"webhook": portal.webhook, "counts": counts}, ensure_ascii=False)
    held = ", ".join(f"{counts[name]} {words}" for name, words in _WORDS.items() if counts.get(name))
    return f"Учебный портал: {held}. Адрес вебхука: {portal.webhook} (остановить: Ctrl+C)"
