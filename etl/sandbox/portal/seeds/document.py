"""Seeds: a whole portal as one JSON document, read and written.

A seed holds lists of records by the names of SEED_TABLES (`deals`, `companies`, `productrows` ...) and a map
`settings`. Names of CRM records may be the old ones or those of crm.item.*; everything left out gets the
defaults of a fresh Russian portal. Seeds carry their own dates: loading one never looks at the clock.
"""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.entities import BY_CODE, BY_TABLE
from etl.sandbox.portal.items import row_sums
from etl.sandbox.portal.seeds.crm import ItemFiller
from etl.sandbox.portal.seeds.defaults import DEFAULTS, SETTINGS
from etl.sandbox.portal.seeds.plain import plain_record, record_key
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import is_yes

SEED_TABLES = {
    "users": "user",
    "currencies": "currency",
    "categories": "category",
    "statuses": "status",
    "userfields": "userfield",
    "presets": "preset",
    "catalogs": "catalog",
    "price_types": "price_type",
    "measures": "measure",
    "vats": "vat",
    "sections": "section",
    "products": "product",
    "prices": "price",
    "companies": "company",
    "contacts": "contact",
    "leads": "lead",
    "deals": "deal",
    "invoices": "invoice",
    "requisites": "requisite",
    "bankdetails": "bankdetail",
    "addresses": "address",
    "requisite_links": "requisite_link",
    "productrows": "productrow",
    "comments": "comment",
    "notifications": "notification",
    "stagehistory": "stagehistory",
    "workflows": "workflow",
}
#: what a person is told about the size of a portal
COUNTED = (
    "users",
    "deals",
    "companies",
    "contacts",
    "leads",
    "invoices",
    "requisites",
    "bankdetails",
    "addresses",
    "products",
    "prices",
    "productrows",
    "comments",
    "notifications",
)


def load(core: Core, seed: dict[str, Any]) -> None:
    """Fills an empty portal. Raises ValueError for a part of the seed that nobody reads."""
    unknown = sorted(set(seed) - set(SEED_TABLES) - {"settings"})
    if unknown:
        known = ", ".join(SEED_TABLES)
        raise ValueError(f"unknown parts of the seed: {', '.join(unknown)}; known: settings, {known}")
    core.settings.update({**SETTINGS, **seed.get("settings", {})})
    for name, table in SEED_TABLES.items():
        rows = seed.get(name, DEFAULTS.get(name, []))
        _load_table(core, table, rows)
    _sum_up(core)


def _load_table(core: Core, table: str, rows: list[Record]) -> None:
    """All records of one part of a seed."""
    entity = BY_TABLE.get(table)
    filler = ItemFiller(core, entity) if entity else None
    for row in rows:
        record = filler.fill(row) if filler else plain_record(core, table, row)
        core.store.put(table, record_key(table, record), record)


def _sum_up(core: Core) -> None:
    """Sums of seeded items follow their rows unless typed by hand; the stamps stay as seeded."""
    owned: dict[tuple[str, int], list[Record]] = {}
    for row in core.store.all("productrow"):
        owner = (row["OWNER_TYPE"], row["OWNER_ID"])
        owned.setdefault(owner, []).append(row)
    for (code, number), rows in owned.items():
        table = BY_CODE[code].table
        record = core.store.get(table, number)
        if record is not None and not is_yes(record.get("IS_MANUAL_OPPORTUNITY")):
            core.store.put(table, number, {**record, **row_sums(rows)})


def dump(core: Core) -> dict[str, Any]:
    """The whole portal in the shape of a seed, in a fixed order; loading it gives the same portal."""
    seed: dict[str, Any] = {"settings": dict(sorted(core.settings.items()))}
    for name, table in SEED_TABLES.items():
        rows = [dict(sorted(row.items())) for row in core.store.all(table)]
        if rows or name in DEFAULTS:
            seed[name] = rows
    return seed
