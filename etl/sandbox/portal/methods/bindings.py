"""Which contacts belong to a deal, which companies to a contact: crm.deal.contact.* and its mirrors."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import as_list, as_map, is_yes, old_error, php_int


def _contact_items(core: Core, table: str, params: dict[str, Any]) -> tuple[Record, list[Record]]:
    record = core.store.get(table, php_int(params.get("id")))
    if record is None:
        raise old_error("Not found")
    many, one = ("COMPANY_IDS", "COMPANY_ID") if table == "contact" else ("CONTACT_IDS", "CONTACT_ID")
    bindings = record.get("BINDINGS") or [
        {
            one: number,
            "SORT": 10 * position,
            "ROLE_ID": 0,
            "IS_PRIMARY": "Y" if number == record.get(one) else "N",
        }
        for position, number in enumerate(record.get(many) or [], 1)
    ]
    return record, bindings


def _bind(core: Core, table: str, record: Record, items: list[Record]) -> None:
    many, one = ("COMPANY_IDS", "COMPANY_ID") if table == "contact" else ("CONTACT_IDS", "CONTACT_ID")
    bindings = [
        {one: php_int(item.get(one)), "SORT": php_int(item.get("SORT")) or 10 * position, "ROLE_ID": 0,
         "IS_PRIMARY": "Y" if is_yes(item.get("IS_PRIMARY")) else "N"}
        for position, item in enumerate(items, 1)
    ]  # fmt: skip
    if bindings and not any(item["IS_PRIMARY"] == "Y" for item in bindings):
        bindings[0]["IS_PRIMARY"] = "Y"
    changed = {name: value for name, value in record.items() if name not in (many, one, "BINDINGS")}
    if bindings:
        primary = next(item[one] for item in bindings if item["IS_PRIMARY"] == "Y")
        changed |= {many: [item[one] for item in bindings], one: primary, "BINDINGS": bindings}
    core.store.put(table, record["ID"], {**changed, "DATE_MODIFY": core.stamp()})


def _register_bindings(table: str, client: str) -> None:
    prefix, one = f"crm.{table}.{client}", f"{client.upper()}_ID"

    @rest(f"{prefix}.items.get")
    def get(core: Core, params: dict[str, Any]) -> list[Record]:
        return _contact_items(core, table, params)[1]

    @rest(f"{prefix}.items.set")
    def replace(core: Core, params: dict[str, Any]) -> bool:
        record, _ = _contact_items(core, table, params)
        _bind(core, table, record, [item for item in as_list(params.get("items")) if isinstance(item, dict)])
        return True

    @rest(f"{prefix}.items.delete")
    def clear(core: Core, params: dict[str, Any]) -> bool:
        _bind(core, table, _contact_items(core, table, params)[0], [])
        return True

    @rest(f"{prefix}.add")
    def add(core: Core, params: dict[str, Any]) -> bool:
        record, bindings = _contact_items(core, table, params)
        fields = as_map(params.get("fields"))
        if php_int(fields.get(one)) in {item[one] for item in bindings}:
            return False
        _bind(core, table, record, [*bindings, fields])
        return True

    @rest(f"{prefix}.delete")
    def remove(core: Core, params: dict[str, Any]) -> bool:
        record, bindings = _contact_items(core, table, params)
        number = php_int(as_map(params.get("fields")).get(one))
        kept = [item for item in bindings if item[one] != number]
        _bind(core, table, record, kept)
        return len(kept) < len(bindings)


_register_bindings("deal", "contact")
_register_bindings("contact", "company")


@rest("crm.company.contact.items.get")
def company_contacts(core: Core, params: dict[str, Any]) -> list[Record]:
    number = php_int(params.get("id"))
    rows = [row for row in core.store.all("contact") if number in (row.get("COMPANY_IDS") or [])]
    return [
        {
            "CONTACT_ID": row["ID"],
            "SORT": 10 * position,
            "ROLE_ID": 0,
            "IS_PRIMARY": "Y" if position == 1 else "N",
        }
        for position, row in enumerate(rows, 1)
    ]
