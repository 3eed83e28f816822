"""How values are kept in a column: money and moments as text, values of any type as JSON with tagged types.

Money is text because that is exact on every database, a moment is UTC text of fixed width because that
sorts by time. A Decimal, a date and a tuple inside JSON come back as they went in.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa


def encode(value: Any) -> str:
    """A value as JSON text; equal values give equal text.

    Decimal, date, datetime and tuple keep their type.
    """
    return _ENCODER.encode(_tagged(value))


def decode(text: str) -> Any:
    """What `encode` was given."""
    return _DECODER.decode(text)


def _tagged(value: Any) -> Any:
    """A value in JSON's own types; what JSON lacks is an object of two keys: `$` its type, `v` its text."""
    match value:
        case Decimal():
            return {"$": "decimal", "v": str(value)}
        case dt.datetime():
            return {"$": "moment", "v": value.isoformat()}
        case dt.date():
            return {"$": "date", "v": value.isoformat()}
        case tuple():
            return {"$": "tuple", "v": [_tagged(item) for item in value]}
        case list():
            return [_tagged(item) for item in value]
        case dict():
            return {str(key): _tagged(item) for key, item in value.items()}
    return value


#: sums and days come again and again: one text is one object
_SHARED = lru_cache(maxsize=4096)
_BUILD: dict[str, Callable[[Any], Any]] = {
    "decimal": _SHARED(Decimal),
    "moment": dt.datetime.fromisoformat,
    "date": _SHARED(dt.date.fromisoformat),
    "tuple": tuple,
}
_TAG = {"$", "v"}


def _untagged(item: dict[str, Any]) -> Any:
    """What an object of JSON stands for: itself, unless it is a tagged value."""
    if item.keys() != _TAG:
        return item
    build = _BUILD[item["$"]]
    return build(item["v"])


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_DECODER = json.JSONDecoder(object_hook=_untagged)


class Json(sa.types.TypeDecorator[Any]):
    """Any value as tagged JSON text; a NULL column is absence, not JSON null."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: sa.Dialect) -> str | None:
        """Python to text."""
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, _dialect: sa.Dialect) -> Any:
        """Text to Python."""
        return None if value is None else decode(value)


class Money(sa.types.TypeDecorator[Decimal]):
    """An exact amount, kept as text. A float is refused: it is not the amount a person wrote."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: sa.Dialect) -> str | None:
        """Decimal to text, kopecks as they were given; raises TypeError for any other type."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"money must be Decimal, got {type(value).__name__}")
        return str(value)

    def process_result_value(self, value: str | None, _dialect: sa.Dialect) -> Decimal | None:
        """Text to Decimal."""
        return None if value is None else Decimal(value)


class Moment(sa.types.TypeDecorator[dt.datetime]):
    """An aware moment as UTC text of fixed width, so that text order is time order."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, _dialect: sa.Dialect) -> str | None:
        """Moment to text; raises ValueError for one without a zone."""
        return None if value is None else moment_text(value)

    def process_result_value(self, value: str | None, _dialect: sa.Dialect) -> dt.datetime | None:
        """Text to moment."""
        return None if value is None else dt.datetime.fromisoformat(value)


def moment_text(value: dt.datetime) -> str:
    """UTC text of a moment.

    One without a zone is refused (ValueError): local times of 1C are ambiguous twice a year.
    """
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone")
    in_utc = value.astimezone(dt.UTC)
    return in_utc.isoformat(timespec="microseconds")
