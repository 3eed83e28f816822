"""Telephones, e-mails and the like: a write names their elements by ids (bitrix24 §3.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Params, RestError, as_list, as_map, is_yes, php_int

MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


@dataclass(frozen=True)
class Change:
    """What a write says about one element; `number` 0 is a new one, `value` None leaves the value alone."""

    kind: str
    number: int
    value: str | None
    value_type: Any
    delete: bool

    @property
    def removes(self) -> bool:
        """An element goes when it is named and marked or emptied."""
        return self.number > 0 and (self.delete or self.value == "")


def changed_multifields(core: Core, present: list[Record], fields: Params) -> list[Record]:
    """Elements without an id are added, with an id changed, with an id and no value removed.

    Raises RestError for an e-mail address that is none.
    """
    elements = {item["ID"]: item for item in present}
    for change in _changes(fields):
        if change.number and change.number not in elements:
            continue
        if change.removes:
            del elements[change.number]
        elif change.value:
            element = _written(core, elements, change)
            elements[element["ID"]] = element
        elif change.number and change.value_type:
            elements[change.number] = {**elements[change.number], "VALUE_TYPE": change.value_type}
    return list(elements.values())


def _written(core: Core, elements: dict[int, Record], change: Change) -> Record:
    """The element as it is after the change; what the change does not name stays."""
    if change.kind == "EMAIL" and not EMAIL.fullmatch(change.value or ""):
        raise RestError(400, "ERROR_CORE", f"Invalid e-mail address: {change.value}")
    number = change.number or core.store.new_id("multifield")
    old = elements.get(number, {"TYPE_ID": change.kind, "VALUE_TYPE": "WORK"})
    return {
        "ID": number,
        "TYPE_ID": old["TYPE_ID"],
        "VALUE_TYPE": change.value_type or old["VALUE_TYPE"],
        "VALUE": change.value,
    }


def _changes(fields: Params) -> list[Change]:
    """Old spelling (`PHONE: [{ID, VALUE}]`) and new one (`fm: {n0: {typeId, value}}`) as one list."""
    return [*_old_changes(fields), *_new_changes(fields)]


def _old_changes(fields: Params) -> Iterator[Change]:
    """PHONE, EMAIL and so on, one by one."""
    for kind in MULTIFIELDS:
        for item in as_list(fields.get(kind)):
            if isinstance(item, dict):
                yield _change(kind, item.get("ID"), item.get("VALUE"), item.get("VALUE_TYPE"), item)


def _new_changes(fields: Params) -> Iterator[Change]:
    """An element without a kind is passed over and success is reported."""
    given = fields.get("FM", fields.get("fm"))
    for key, item in as_map(given).items():
        kind = _kind_of(item)
        if kind not in MULTIFIELDS:
            continue
        number = item.get("id")
        if not number and isinstance(given, dict) and key.isdigit():
            number = key
        yield _change(kind, number, item.get("value"), item.get("valueType"), item)


def _kind_of(item: Any) -> str:
    """The kind an element of `fm` names; empty where it names none."""
    if not isinstance(item, dict):
        return ""
    return str(item.get("typeId", item.get("TYPE_ID", ""))).upper()


def _change(kind: str, number: Any, value: Any, value_type: Any, item: Params) -> Change:
    """One change of an element, its number and text as PHP reads them."""
    text = None if value is None else str(value).strip()
    return Change(kind, php_int(number), text, value_type, is_yes(item.get("DELETE")))
