"""The words about money and goods whose deal is not in the pipeline of the profile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

SEEN = "Учтено, больше не напоминать"
_WORDS = {"payment": "Оплата", "shipment": "Отгрузка"}


def key(fact: Mapping[str, Any]) -> str:
    """The question about a fact, one for ever."""
    return f"adrift:{fact['kind']}:{fact['source']}:{fact['id']}"


def text(fact: Mapping[str, Any], deal: str, elsewhere: Collection[str]) -> str:
    """What came and where its deal is. `elsewhere`: deals that still exist, in another pipeline."""
    number = f" № {fact['number']}" if fact["number"] else ""
    amount = "" if fact["amount"] is None else f" на {fact['amount']:.2f}"
    where = "перенесена в другую воронку" if deal in elsewhere else "удалена на портале"
    return (
        f"{_WORDS[fact['kind']]}{number}{amount} относится к сделке {deal}, а она {where}: стадия и поля не "
        "изменены. Верните сделку в воронку или исправьте документ в 1С; если всё верно: obmen24 ask."
    )
