"""The heart of the sandbox portal: the register of methods and what every method works with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from etl.sandbox.portal.entities import Entity
from etl.sandbox.portal.fields import Field, Show, camel_user_field, clean, new_show, old_show, zone_of
from etl.sandbox.portal.store import Record, Store
from etl.sandbox.portal.wire import Page, Params, RestError

Handler = Callable[["Core", Params], Any]


@dataclass(frozen=True)
class Method:
    """`case` says how top-level parameter names are read: `lower`, `upper` (any case works) or `exact`."""

    name: str
    handler: Handler
    scope: str
    case: str


METHODS: dict[str, Method] = {}


def rest(name: str, *, scope: str = "crm", case: str = "lower") -> Callable[[Handler], Handler]:
    """Registers a REST method; its name is matched in any letter case."""

    def register(handler: Handler) -> Handler:
        """The handler under the name in which Bitrix24 finds a method: letter case does not count."""
        METHODS[name.lower()] = Method(name, handler, scope, case)
        return handler

    return register


def bound(handler: Callable[..., Any], *member: Any) -> Handler:
    """A handler of a whole family of methods (`crm.*.list`) as the method of one member (`deal`) of it."""

    def run(core: Core, params: Params) -> Any:
        """The handler with the member it was registered for."""
        return handler(core, *member, params)

    return run


@dataclass
class Schema:
    """All fields of an entity on this portal, user fields included."""

    fields: dict[str, Field]
    zone: timezone

    @cached_property
    def by_camel(self) -> dict[str, str]:
        """Names of crm.item.* -> stored names."""
        return {item.camel: name for name, item in self.fields.items()}

    @cached_property
    def types(self) -> dict[str, str]:
        """Stored names -> types."""
        return {name: item.type for name, item in self.fields.items()}

    def old_view(self, names: Iterable[str]) -> View:
        """How old methods show these fields; names that are no fields are passed over."""
        shows = {}
        for name in names:
            if name in self.fields:
                shows[name] = (name, old_show(self.fields[name], self.zone))
        return View(shows)

    def new_view(self, names: Iterable[str], original: bool = False) -> View:
        """How crm.item.* shows these fields; `original` keeps the upper-case names of user fields."""
        shows = {}
        for name in names:
            field = self.fields[name]
            shown_as = name if original and field.user else field.camel
            shows[name] = (shown_as, new_show(field, self.zone))
        return View(shows)


class View:
    """Shows records: absent values are prepared once, present ones are converted."""

    def __init__(self, shows: dict[str, tuple[str, Show]]) -> None:
        """`shows`: stored name -> (name in a reply, how its value is shown)."""
        self._shows = shows
        self._absent = {shown_as: show(None) for shown_as, show in shows.values()}

    def __call__(self, record: Record) -> Record:
        """The record under the names and in the values of a reply: called for every row of every list."""
        shown = self._absent.copy()
        shows = self._shows
        for name, value in record.items():
            if name in shows:
                shown_as, show = shows[name]
                shown[shown_as] = show(value)
        return shown


@dataclass
class Core:
    """The portal without its network: records, settings, clock and the caller.

    `execute` runs one method and returns a Page; it raises RestError for a refusal.
    """

    store: Store
    clock: Callable[[], float]
    user_id: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    _schemas: dict[str, tuple[int, Schema]] = field(default_factory=dict)
    listings: dict[Any, list[Any]] = field(default_factory=dict)

    @cached_property
    def zone(self) -> timezone:
        """The portal's own time zone."""
        return zone_of(int(self.settings["utc_offset"]))

    def now(self) -> datetime:
        """The moment at the portal."""
        return datetime.fromtimestamp(self.clock(), self.zone)

    def stamp(self) -> str:
        """The moment as records carry it."""
        return self.now().isoformat(timespec="seconds")

    def execute(self, name: str, params: Params) -> Page:
        """Runs one method. Raises RestError where the portal refuses (bitrix24 §10.3, 1)."""
        method = METHODS.get(name.lower())
        if method is None:
            raise RestError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        if method.scope != "basic" and method.scope not in self.settings["scope"]:
            raise RestError(403, "insufficient_scope", "The request requires higher privileges than provided")
        result = method.handler(self, _recase(params, method.case))
        return result if isinstance(result, Page) else Page(result)

    def schema(self, entity: Entity) -> Schema:
        """The entity's fields; made anew only after a user field has changed."""
        version = self.store.version("userfield")
        known_at, schema = self._schemas.get(entity.table, (None, None))
        if schema is None or known_at != version:
            fields = {item.name: item for item in entity.fields}
            fields.update(self._user_fields(entity.user_fields))
            schema = Schema(fields, self.zone)
            self._schemas[entity.table] = (version, schema)
        return schema

    def _user_fields(self, entity_id: str) -> dict[str, Field]:
        """The user fields of one object; where two would share a camel name, both keep the original one."""
        metas = self.store.find("userfield", "ENTITY_ID", entity_id)
        camels = [camel_user_field(meta["FIELD_NAME"]) for meta in metas]
        fields = {}
        for meta, camel in zip(metas, camels, strict=True):
            name = meta["FIELD_NAME"]
            alone = camels.count(camel) == 1
            fields[name] = Field(
                name,
                camel if alone else name,
                meta["USER_TYPE_ID"],
                user_field_label(meta, "EDIT_FORM_LABEL"),
                multiple=meta.get("MULTIPLE") == "Y",
                user=True,
                meta=meta,
            )
        return fields

    def clean(self, kind: str, value: Any) -> Any:
        """The value as a field of this type stores it."""
        return clean(kind, value, self.zone)


def user_field_label(meta: Record, key: str) -> str:
    """The Russian caption `key` of a user field; where it has none, its main caption or its name."""
    name = meta["FIELD_NAME"]
    label = meta.get(key) or meta.get("EDIT_FORM_LABEL") or meta.get("LABEL") or name
    if not isinstance(label, dict):
        return str(label)
    first = next(iter(label.values()), "")
    return str(label.get("ru") or first or name)


def _recase(params: Params, case: str) -> Params:
    """Top-level names in the case a method reads; of two spellings of one parameter the first one wins."""
    if case == "exact":
        return params
    change = str.lower if case == "lower" else str.upper
    recased: Params = {}
    for key, value in params.items():
        recased.setdefault(change(key), value)
    return recased
