"""Which of our organisations is meant. An unknown one is held: a document under another legal entity is worse
than none (DESIGN §4, «Complete before compare»).
"""

from __future__ import annotations

from collections.abc import Sequence

from etl.config.ends import Organisation
from etl.values import clean

_ADVICE = "Выберите её в сделке: поле или реквизиты «моей компании»."


def own_organisation(said: str | None, organisations: Sequence[Organisation]) -> Organisation | None:
    """Our organisation by its name or ИНН. Where nothing is said it is the only one; of several none is
    taken by default.
    """
    folded = clean.fold(said)
    if not folded:
        return organisations[0] if len(organisations) == 1 else None
    for own in organisations:
        name = clean.fold(own.name)
        if folded in (name, own.inn):
            return own
    return None


def unknown(said: str | None) -> tuple[str, str]:
    """Why a deal has none of our organisations, and what to do (Russian)."""
    if clean.text(said) is None:
        return "Не указано, от какой нашей организации ведётся сделка", _ADVICE
    return (
        f"Наша организация «{said}» не описана в профиле",
        "Добавьте её в раздел organisations профиля или исправьте в сделке.",
    )
