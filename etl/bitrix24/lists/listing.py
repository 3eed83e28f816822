"""How a list of the portal is asked and how a page of it is read.

Facts: reference bitrix24 §2.4 (keyset pages, `start` -1), §4.12 (references inside a batch).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from etl.bitrix24.calls import Command, Outcome, Refused, rows
from etl.errors import ConfigError

#: Rows of a page (bitrix24 §2.4).
PAGE = 50

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """How one kind of list is asked.

    `path` leads from `result` to the rows (crm.item.list: "items"); `id` is the key field; `start` -1 spares
    the count (bitrix24 §2.4), None where the method does not document it; `needed` are fields that every
    `select` of this method must hold beside the id.
    """

    method: str
    id: str = "ID"
    path: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    filter: Mapping[str, Any] = field(default_factory=dict)
    select: Sequence[str] = ()
    start: int | None = -1
    needed: Sequence[str] = ()

    @property
    def ids_only(self) -> Listing:
        """The same list with no more fields than its method insists on."""
        return replace(self, select=[self.id, *self.needed])

    def command(self, condition: Mapping[str, Any], *, descending: bool = False) -> Command:
        """One page from the smallest (or greatest) id under the extra conditions."""
        asked = {
            **self.params,
            "filter": {**self.filter, **condition},
            "order": {self.id: "DESC" if descending else "ASC"},
        }
        if self.start is not None:
            asked["start"] = self.start
        if self.select:
            asked["select"] = list(self.select)
        return Command(self.method, asked)

    def rows(self, outcome: Outcome) -> list[Row]:
        """Rows of one page. Raises Refused; a page of a wrong shape is refused too."""
        if not outcome.ok:
            raise Refused(self.method, outcome.code, outcome.text)
        found = rows_inside(outcome.result, self.path)
        if not all(isinstance(row, Mapping) for row in found):
            raise Refused(self.method, "", "ответ не похож на список записей")
        return found

    def reference(self, key: str) -> str:
        """The id of the last row of an earlier full page, resolved inside the portal (bitrix24 §4.12)."""
        inner = f"[{self.path}]" if self.path else ""
        return f"$result[{key}]{inner}[{PAGE - 1}][{self.id}]"


def rows_inside(result: Any, path: str | None) -> list[Row]:
    """The list that an answer holds, under `path` where the answer is a map."""
    if path is not None and isinstance(result, Mapping):
        return rows(result.get(path))
    return rows(result)


def checked(listing: Listing, page: list[Row], after: int, upto: int | None) -> list[int]:
    """Ids of a page; they must grow and stay inside the segment, else the portal has dropped the filter
    (§2.4).
    """
    numbers = [int(row[listing.id]) for row in page]
    last = after
    for number in numbers:
        if number <= last or (upto is not None and number > upto):
            raise filter_ignored(listing.method)
        last = number
    return numbers


def filter_ignored(method: str) -> ConfigError:
    return ConfigError(
        f"Портал не применил отбор в {method}: список прочитать нельзя.",
        "Обновите портал или обратитесь в поддержку Битрикс24, приложив имя метода.",
    )
