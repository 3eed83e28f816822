"""The brake: how many values of people one run may replace (DESIGN §5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from etl.errors import NeedsPerson

#: actions that put a value in the place of another one
_REPLACING = ("update", "rows")
#: what stood there was nobody's work
_NOTHING = (None, "", 0)


def replaced(changes: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Values that changes (table `changes`) take the place of. Results of this programme's own fields (`own`)
    replace nobody's work.
    """
    found = [row for row in changes if row["action"] in _REPLACING and not row.get("own")]
    return [row.get("before") for row in found]


def guard(before: Iterable[Any], limit: int, *, accepted: bool) -> None:
    """More overwrites in one run than the profile allows stop it before the first write; an empty place that
    is filled is no overwrite.

    `before`: values that would be replaced; `accepted`: a person allows it for this run. Raises
    NeedsPerson.
    """
    count = sum(value not in _NOTHING for value in before)
    if count > limit and not accepted:
        raise NeedsPerson(
            f"Обмен хочет заменить {count} значений в портале, ограничитель разрешает {limit}.",
            "Посмотрите obmen24 plan. Если всё верно, выполните obmen24 run --accept.",
        )
