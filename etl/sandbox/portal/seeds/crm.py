"""Leads, deals, contacts, companies and invoices of a seed: completed as if somebody had entered them."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.entities import Entity
from etl.sandbox.portal.items import CLIENTS, filled
from etl.sandbox.portal.multifields import MULTIFIELDS
from etl.sandbox.portal.pipelines import default_category, first_stage, mark_meaning, semantics
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import as_list, php_int

SEEDED_AT = "2025-01-09T09:00:00+03:00"


class ItemFiller:
    """Completes seeded CRM items of one kind; stages and their meanings are looked up once per pipeline."""

    def __init__(self, core: Core, entity: Entity) -> None:
        self.core = core
        self.entity = entity
        self.schema = core.schema(entity)
        self.base = self._base()
        self.meanings: dict[tuple[Any, Any], str] = {}
        self.starts: dict[Any, Any] = {}

    def fill(self, row: Record) -> Record:
        """The record of one row of a seed. Raises ValueError for a name that is no field."""
        record = {**self.base, **self._given(row)}
        record["ID"] = record.get("ID") or self.core.store.new_id(self.entity.table)
        self.core.store.reserve(self.entity.table, record["ID"])
        self._client(record)
        self._stage(record)
        if self.entity.multifields:
            record["FM"] = self._multifields(row)
        return filled(record)

    def _base(self) -> Record:
        """What every item has unless the seed says otherwise."""
        base: Record = {
            "ASSIGNED_BY_ID": 1,
            "CREATED_BY_ID": 1,
            "MODIFY_BY_ID": 1,
            "OPENED": "Y",
            "DATE_CREATE": SEEDED_AT,
            "DATE_MODIFY": SEEDED_AT,
        }
        if "OPPORTUNITY" in self.schema.fields:
            base |= {
                "CURRENCY_ID": "RUB",
                "OPPORTUNITY": "0.00",
                "IS_MANUAL_OPPORTUNITY": "N",
                "TAX_VALUE": "0.00",
            }
        if self.entity.table in ("deal", "invoice"):
            base["CATEGORY_ID"] = default_category(self.core, self.entity)
        if self.entity.table == "company":
            base["IS_MY_COMPANY"] = "N"
        return base

    def _given(self, row: Record) -> Record:
        """The fields of the row, given under old names or those of crm.item.*, in their stored form."""
        fields = self.schema.fields
        by_camel = self.schema.by_camel
        record: Record = {}
        for name, value in row.items():
            stored = name if name in fields else by_camel.get(name)
            if stored is not None:
                record[stored] = fields[stored].clean(value, self.core.zone)
            elif name == "BINDINGS":
                record[name] = value
            elif name not in MULTIFIELDS and name != "FM":
                raise ValueError(f"unknown field {name} of {self.entity.table} {row.get('ID')}")
        return record

    def _client(self, record: Record) -> None:
        """The primary client and the list of clients say the same."""
        one, many = CLIENTS.get(self.entity.table, ("", ""))
        if not one:
            return
        if record.get(many):
            record.setdefault(one, record[many][0])
        elif record.get(one):
            record[many] = [record[one]]

    def _stage(self, record: Record) -> None:
        """The stage, of a new item the first one of its pipeline, and what it means."""
        name = self.entity.stage
        if name is None:
            return
        category = record.get("CATEGORY_ID")
        if not record.get(name):
            record[name] = self._start(category)
        key = (category, record[name])
        if key not in self.meanings:
            self.meanings[key] = semantics(self.core, self.entity, record)
        mark_meaning(self.entity, record, self.meanings[key])

    def _start(self, category: Any) -> Any:
        """The first stage of a pipeline."""
        if category not in self.starts:
            self.starts[category] = first_stage(self.core, self.entity, category)
        return self.starts[category]

    def _multifields(self, row: Record) -> list[Record]:
        """`PHONE: ["+7..."]`, the old elements, or a dumped `FM`."""
        elements = [dict(item) for item in row.get("FM") or []]
        for kind in MULTIFIELDS:
            for item in as_list(row.get(kind)):
                elements.append(_element(kind, item))
        for element in elements:
            element["ID"] = element["ID"] or self.core.store.new_id("multifield")
            self.core.store.reserve("multifield", element["ID"])
        return elements


def _element(kind: str, item: Any) -> Record:
    """One telephone or e-mail, given as text or as an element."""
    given = item if isinstance(item, dict) else {"VALUE": item}
    return {
        "ID": php_int(given.get("ID")),
        "TYPE_ID": kind,
        "VALUE_TYPE": given.get("VALUE_TYPE", "WORK"),
        "VALUE": str(given["VALUE"]),
    }
