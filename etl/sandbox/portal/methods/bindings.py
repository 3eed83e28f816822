"""Which contacts belong to a deal, which companies to a contact: crm.deal.contact.* and its mirrors."""

from __future__ import annotations

from etl.sandbox.portal.core import Core, bound, rest
from etl.sandbox.portal.items import CLIENTS
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Params, as_list, as_map, is_yes, old_error, php_int


def _record(core: Core, table: str, params: Params) -> Record:
    """The record that `id` names. Raises RestError."""
    record = core.store.get(table, php_int(params.get("id")))
    if record is None:
        raise old_error("Not found")
    return record


def _bindings(table: str, record: Record) -> list[Record]:
    """The clients of a record as they were bound; without a binding all of them, the primary one marked."""
    if record.get("BINDINGS"):
        return list(record["BINDINGS"])
    one, many = CLIENTS[table]
    primary = record.get(one)
    bindings = []
    for position, number in enumerate(record.get(many) or [], 1):
        bindings.append(_binding(one, number, 10 * position, number == primary))
    return bindings


def _binding(one: str, number: int, sort: int, primary: bool) -> Record:
    """One client as the portal shows him."""
    return {one: number, "SORT": sort, "ROLE_ID": 0, "IS_PRIMARY": "Y" if primary else "N"}


def _bind(core: Core, table: str, record: Record, items: list[Record]) -> None:
    """These clients and no others; where none is called the primary one, it is the first."""
    one, many = CLIENTS[table]
    bindings = []
    for position, item in enumerate(items, 1):
        sort = php_int(item.get("SORT")) or 10 * position
        primary = is_yes(item.get("IS_PRIMARY"))
        bindings.append(_binding(one, php_int(item.get(one)), sort, primary))
    changed = dict(record)
    for name in (many, one, "BINDINGS"):
        changed.pop(name, None)
    if bindings:
        changed[many] = [item[one] for item in bindings]
        changed[one] = _primary(bindings)[one]
        changed["BINDINGS"] = bindings
    core.store.put(table, record["ID"], {**changed, "DATE_MODIFY": core.stamp()})


def _primary(bindings: list[Record]) -> Record:
    """The client called primary, else the first one, who becomes it."""
    for item in bindings:
        if item["IS_PRIMARY"] == "Y":
            return item
    bindings[0]["IS_PRIMARY"] = "Y"
    return bindings[0]


def _get(core: Core, table: str, params: Params) -> list[Record]:
    """*.items.get: the clients with their order and the mark of the primary one."""
    return _bindings(table, _record(core, table, params))


def _set(core: Core, table: str, params: Params) -> bool:
    """*.items.set: these clients and no others."""
    record = _record(core, table, params)
    items = [item for item in as_list(params.get("items")) if isinstance(item, dict)]
    _bind(core, table, record, items)
    return True


def _clear(core: Core, table: str, params: Params) -> bool:
    """*.items.delete: no clients at all."""
    _bind(core, table, _record(core, table, params), [])
    return True


def _add(core: Core, table: str, params: Params) -> bool:
    """False where the client is bound already."""
    record = _record(core, table, params)
    bindings = _bindings(table, record)
    fields = as_map(params.get("fields"))
    one, _ = CLIENTS[table]
    present = [item[one] for item in bindings]
    if php_int(fields.get(one)) in present:
        return False
    _bind(core, table, record, [*bindings, fields])
    return True


def _remove(core: Core, table: str, params: Params) -> bool:
    """False where the client was not bound."""
    record = _record(core, table, params)
    bindings = _bindings(table, record)
    one, _ = CLIENTS[table]
    number = php_int(as_map(params.get("fields")).get(one))
    kept = [item for item in bindings if item[one] != number]
    _bind(core, table, record, kept)
    return len(kept) < len(bindings)


def _register(table: str, client: str) -> None:
    """All methods by which items of one table are bound to their clients (`deal` to `contact`)."""
    prefix = f"crm.{table}.{client}"
    rest(f"{prefix}.items.get")(bound(_get, table))
    rest(f"{prefix}.items.set")(bound(_set, table))
    rest(f"{prefix}.items.delete")(bound(_clear, table))
    rest(f"{prefix}.add")(bound(_add, table))
    rest(f"{prefix}.delete")(bound(_remove, table))


_register("deal", "contact")
_register("contact", "company")


@rest("crm.company.contact.items.get")
def company_contacts(core: Core, params: Params) -> list[Record]:
    """The contacts that name this company among theirs; the first one counts as the primary."""
    number = php_int(params.get("id"))
    bindings: list[Record] = []
    for row in core.store.all("contact"):
        if number in (row.get("COMPANY_IDS") or []):
            position = len(bindings) + 1
            bindings.append(_binding("CONTACT_ID", row["ID"], 10 * position, position == 1))
    return bindings
